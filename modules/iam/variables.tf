variable "context" {
  description = "Names, account and region of this environment, as the root module makes them."
  type = object({
    name             = string
    path             = string
    partition        = string
    account_id       = string
    region           = string
    environment      = string
    service          = string
    image_repository = string
    bucket_prefix    = string
    state            = object({ bucket = string, key = string, kms_alias = string })
  })
  nullable = false
}

variable "parameter_arns" {
  description = "ARNs of the SSM parameters that tasks receive as secrets, by name."
  type        = map(string)
  nullable    = false
}

variable "results_bucket_arn" {
  description = "Bucket of landing data, results, quarantine and exports."
  type        = string
  nullable    = false
}

variable "flow_permissions" {
  description = "Permissions that flow files declare in addition to their bucket: the task definition that is the file's own, which names its role, actions, and ARNs in which {partition}, {region}, {account}, {env}, {Env}, {title}, {prefix} and {path} are replaced by this environment's."
  type        = list(object({ flow = string, definition = string, actions = list(string), resources = list(string) }))
  default     = []
  nullable    = false
}

variable "common_role_keeps" {
  description = "Whether the role of flows that declare nothing may do what others declare, too."
  type        = bool
  default     = false
  nullable    = false
}

variable "delivery" {
  description = "Whether a pipeline delivers this environment, the CodeStar connection through which it gets the sources, and the names of the SSM parameters that registration receives."
  type        = object({ enabled = bool, connection_arn = string, register_parameters = list(string) })
  nullable    = false
}
