variable "context" {
  description = "Names and place of this environment, as the root module makes them."
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
  description = "Where the pipeline takes the sources: CodeStar connection, repository (owner/name) and branch."
  type        = object({ connection_arn = string, repository = string, branch = string })
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:(codestar-connections|codeconnections):[a-z0-9-]+:[0-9]{12}:connection/[0-9a-f-]{36}$", var.source_code.connection_arn))
    error_message = "source_code.connection_arn is \"${var.source_code.connection_arn}\"; expected the ARN of a connection, arn:aws:codestar-connections:<region>:<account>:connection/<id>, which an administrator makes and confirms by hand."
  }
  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.source_code.repository))
    error_message = "source_code.repository is \"${var.source_code.repository}\"; expected <owner>/<name>, such as example/data-flows."
  }
}

variable "approval" {
  description = "Whether a person approves the plan that the gate passed before it is applied."
  type        = bool
  nullable    = false
}

variable "image" {
  description = "Image by digest, in which the flows are registered: <repository>@sha256:<64 hex>."
  type        = string
  nullable    = false
}

variable "roles" {
  description = "Role of the pipeline itself, and of each stage's build."
  type        = object({ pipeline_arn = string, plan_arn = string, apply_arn = string, register_arn = string })
  nullable    = false
}

variable "registration" {
  description = "What the stage register is told: SSM parameters that it receives under their own names, and plain variables."
  type        = object({ parameters = list(string), variables = map(string) })
  nullable    = false
}

variable "alerts_topic_arn" {
  description = "SNS topic that hears of approvals to give and of how deliveries end."
  type        = string
  nullable    = false
}

variable "access_logs_bucket" {
  description = "Bucket that the artifact bucket's access logs go to."
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
