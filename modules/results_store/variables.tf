variable "context" {
  description = "Names, account and region of this environment, as the root module makes them."
  type        = object({ partition = string, account_id = string, bucket_prefix = string })
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key that encrypts the objects."
  type        = string
  nullable    = false
}

variable "protect_data" {
  description = "Whether Terraform refuses to destroy the results bucket and its key, and AWS refuses to delete any bucket that holds objects."
  type        = bool
  default     = true
  nullable    = false
}

variable "expiration_days" {
  description = "Days after which objects are deleted, by prefix. Objects with other prefixes are kept."
  type        = map(number)
  default     = { "results/" = 90, "quarantine/" = 180 }
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.expiration_days), ["landing/", "results/", "quarantine/", "export/"])) == 0
    error_message = "expiration_days has ${join(", ", setsubtract(keys(var.expiration_days), ["landing/", "results/", "quarantine/", "export/"]))}; expected prefixes that flows may write to: landing/, results/, quarantine/, export/."
  }

  validation {
    condition     = alltrue([for days in values(var.expiration_days) : days >= 1 && floor(days) == days])
    error_message = "expiration_days is ${join(", ", [for prefix, days in var.expiration_days : "${prefix} ${days}"])}; expected whole days, 1 or more."
  }
}
