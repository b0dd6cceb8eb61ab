variable "context" {
  description = "Names and place of this environment, as the root module makes them."
  type        = object({ partition = string, account_id = string, bucket_prefix = string })
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key that encrypts the objects."
  type        = string
  nullable    = false
}

variable "protect_data" {
  description = "Whether a bucket that still holds objects refuses to be destroyed."
  type        = bool
  default     = true
  nullable    = false
}

variable "expiration_days" {
  description = "Days after which objects go, by prefix. Prefixes that are not named are kept."
  type        = map(number)
  default     = { "results/" = 90, "quarantine/" = 180 }
  nullable    = false
}
