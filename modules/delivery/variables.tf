variable "context" {
  description = "Names, account and region of this environment, as the root module makes them."
  type = object({
    name          = string
    path          = string
    partition     = string
    account_id    = string
    region        = string
    environment   = string
    bucket_prefix = string
    state         = object({ bucket = string, key = string })
  })
  nullable = false
}

variable "source_code" {
  description = "Where the pipeline gets the sources: CodeStar connection, repository (owner/name) and branch."
  type        = object({ connection_arn = string, repository = string, branch = string })
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:(codestar-connections|codeconnections):[a-z0-9-]+:[0-9]{12}:connection/[0-9a-f-]{36}$", var.source_code.connection_arn))
    error_message = "source_code.connection_arn is \"${var.source_code.connection_arn}\"; expected the ARN of a connection, arn:aws:codestar-connections:<region>:<account>:connection/<id>, which an administrator creates and confirms by hand."
  }
  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.source_code.repository))
    error_message = "source_code.repository is \"${var.source_code.repository}\"; expected <owner>/<name>, such as example/data-flows."
  }
}

variable "approval" {
  description = "Whether a person must approve a plan that passed the gate before it is applied."
  type        = bool
  nullable    = false
}

variable "image" {
  description = "Image in which the flows are registered, named by digest: <repository>@sha256:<64 hex>."
  type        = string
  nullable    = false
}

variable "roles" {
  description = "Roles of the pipeline and of the build of each stage."
  type        = object({ pipeline_arn = string, plan_arn = string, apply_arn = string, register_arn = string })
  nullable    = false
}

variable "registration" {
  description = "Environment variables of the stage register: SSM parameters under their own names, and plain variables."
  type        = object({ parameters = list(string), variables = map(string) })
  nullable    = false
}

variable "alerts_topic_arn" {
  description = "SNS topic for notices about approvals that are waited for and about how deliveries end."
  type        = string
  nullable    = false
}

variable "access_logs_bucket" {
  description = "Bucket for the access logs of the artifact bucket."
  type        = string
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key that encrypts artifacts and build logs."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "How long build logs are kept, in days."
  type        = number
  nullable    = false
}
