variable "context" {
  description = "Names, account and region of this environment, as the root module makes them."
  type        = object({ name = string, path = string, partition = string, account_id = string, region = string })
  nullable    = false
}

variable "parameters" {
  description = "Names of the parameters that tasks may receive, in upper case: secure_strings are encrypted with this environment's key, strings are not."
  type        = object({ secure_strings = set(string), strings = optional(set(string), []) })
  nullable    = false

  validation {
    condition     = alltrue([for name in setunion(var.parameters.secure_strings, var.parameters.strings) : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "parameters has ${join(", ", [for name in setunion(var.parameters.secure_strings, var.parameters.strings) : name if !can(regex("^[A-Z][A-Z0-9_]*$", name))])}; expected upper-case words such as SNOWFLAKE_USER, without the path, which is added."
  }

  validation {
    condition     = length(setintersection(var.parameters.secure_strings, var.parameters.strings)) == 0
    error_message = "parameters has ${join(", ", setintersection(var.parameters.secure_strings, var.parameters.strings))} in secure_strings and in strings; expected each in one of them, because a parameter has one type."
  }
}
