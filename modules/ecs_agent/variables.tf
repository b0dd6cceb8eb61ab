variable "context" {
  description = "Names, account and region of this environment, and the task sizes that Fargate offers, as the root module makes them."
  type = object({
    name          = string
    path          = string
    partition     = string
    account_id    = string
    region        = string
    fargate_sizes = list(object({ cpu = number, memory_mib = list(number) }))
  })
  nullable = false
}

variable "image" {
  description = "Image, named by digest: <repository>@sha256:<64 hex>."
  type        = string
  nullable    = false
}

variable "roles" {
  description = "Role that Fargate uses to start the agent, and the agent's own."
  type        = object({ execution_arn = string, task_arn = string })
  nullable    = false
}

variable "size" {
  description = "CPU units and memory (MiB) of one agent task."
  type        = object({ cpu = number, memory_mib = number })
  nullable    = false

  validation {
    condition = anytrue([for size in var.context.fargate_sizes : size.cpu == var.size.cpu && contains(size.memory_mib, var.size.memory_mib)])
    error_message = "size is ${var.size.cpu} CPU units with ${var.size.memory_mib} MiB; Fargate offers these, in steps: ${join(", ", [
      for size in var.context.fargate_sizes : "${size.cpu} with ${min(size.memory_mib...)} to ${max(size.memory_mib...)}"
    ])}."
  }
}

variable "tasks" {
  description = "Where agent tasks run (private subnets and the egress-only security group), and with how many the service starts; afterwards scaling sets the number."
  type        = object({ subnet_ids = list(string), security_group_id = string, min = optional(number, 1) })
  nullable    = false
}

variable "prefect" {
  description = "Address of the Prefect API, the name of the variable with its credential, and the ARN of the SSM parameter that holds it."
  type        = object({ api_url = string, credential = string, credential_arn = string })
  nullable    = false
}

variable "health_port" {
  description = "Port of the worker's health endpoint inside the task. Nothing outside the task can reach it."
  type        = number
  default     = 8080
  nullable    = false
}

variable "environment" {
  description = "More environment variables of the agent, such as the worker's settings. Never a secret."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "logs" {
  description = "How many days logs are kept, and the key that encrypts them."
  type        = object({ retention_days = number, kms_key_arn = string })
  nullable    = false
}

variable "runs" {
  description = "What the agent does about flow runs: after how many minutes it ends one unless its tags say otherwise (time-limit:2h); and, with the ARN of a topic, what its messages about runs that go wrong name and link to."
  type = object({
    time_limit_minutes = number
    topic_arn          = optional(string, "")
    environment        = string
    log_group          = string
    runbook_url        = optional(string, "")
  })
  nullable = false

  validation {
    condition     = var.runs.time_limit_minutes >= 1 && floor(var.runs.time_limit_minutes) == var.runs.time_limit_minutes
    error_message = "runs.time_limit_minutes is ${var.runs.time_limit_minutes}; expected a whole number of minutes, at least 1."
  }
}
