variable "context" {
  description = "Names and place of this environment, as the root module makes them."
  type        = object({ name = string, path = string, partition = string, account_id = string, region = string })
  nullable    = false
}

variable "names" {
  description = "Parameters that tasks may receive, each a word in upper case."
  type        = set(string)
  nullable    = false

  validation {
    condition     = alltrue([for name in var.names : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "names has ${join(", ", [for name in var.names : name if !can(regex("^[A-Z][A-Z0-9_]*$", name))])}; expected upper-case words such as SNOWFLAKE_USER, without the path: it is put before."
  }
}
