variable "name" {
  description = "Name of this stack. Resources, SSM path, buckets, key alias, work pool and tags are named after it."
  type        = string
  default     = "DataFlows"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Z][A-Za-z0-9]{1,19}$", var.name))
    error_message = "name is \"${var.name}\"; expected 2 to 20 letters and digits, a capital first, such as DataFlows."
  }
  validation {
    condition     = !can(regex("^(?i)(aws|ssm)", var.name))
    error_message = "name is \"${var.name}\"; expected another beginning: SSM keeps parameters whose path begins with aws or ssm for itself."
  }
}

variable "bootstrap" {
  description = "Name that terraform/bootstrap was applied with in this account; empty where it is this stack's own."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.bootstrap == "" || can(regex("^[A-Z][A-Za-z0-9]{1,19}$", var.bootstrap))
    error_message = "bootstrap is \"${var.bootstrap}\"; expected the name in terraform/bootstrap/accounts/<account>.tfvars, such as DataFlows."
  }
}

variable "environment" {
  description = "Which of the environments this is; its facts stand in environments/<environment>.tfvars."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,14}$", var.environment)) && var.environment != "bootstrap"
    error_message = "environment is \"${var.environment}\"; expected 2 to 15 lower-case letters and digits, a letter first, such as dev. The name bootstrap is taken by the account's own resources."
  }
}

variable "account_id" {
  description = "AWS account to apply into; the provider refuses any other."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is \"${var.account_id}\"; expected the 12 digits of an AWS account."
  }
}

variable "region" {
  description = "AWS region of everything here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is \"${var.region}\"; expected an AWS region, such as eu-west-1."
  }
}

variable "aws_max_retries" {
  description = "How often the provider repeats a failed AWS call. AWS throttles, so many; the embedded AWS does not, so few."
  type        = number
  default     = 25
  nullable    = false
}

variable "owner" {
  description = "Team that answers for this environment, as a tag on everything."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9 _.@/+-]{1,62}$", var.owner))
    error_message = "owner is \"${var.owner}\"; expected a team's name or address, 2 to 63 letters, digits, blanks and _.@/+-, such as data-platform."
  }
}

variable "schedules" {
  description = "Whether the schedules of the flows run here: active or inactive."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["active", "inactive"], var.schedules)
    error_message = "schedules is \"${var.schedules}\"; expected active or inactive."
  }
}

variable "guarded" {
  description = "Whether others depend on this environment's data, so that changes of it deserve care."
  type        = bool
  default     = true
  nullable    = false
}

variable "repository" {
  description = "Source repository that describes this environment, as a tag on everything."
  type        = string
  default     = "data-flows"
  nullable    = false
}

variable "network" {
  description = "A VPC of our own (its address range, zones, NAT in each zone unless nat_per_zone is false, interface endpoints, and ranges used elsewhere that it must not overlap) or an existing one (its id and private subnets), and the TCP ports that tasks may reach. The module's description says more."
  type = object({
    cidr                = optional(string)
    availability_zones  = optional(list(string))
    nat_per_zone        = optional(bool)
    interface_endpoints = optional(set(string))
    reserved_ranges     = optional(map(string))
    existing            = optional(object({ vpc_id = string, private_subnet_ids = list(string) }))
    egress_ports        = optional(set(number))
  })
  nullable = false
}

variable "image_digest" {
  description = "Digest of the image to run, sha256:<64 hex>; `make plan` passes it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^sha256:[0-9a-f]{64}$", var.image_digest))
    error_message = "image_digest is \"${var.image_digest}\"; expected sha256:<64 hex digits>, as the registry names a pushed image. A tag can be moved to another image."
  }
}

variable "image_repository" {
  description = "Name of the image repository in this account's registry."
  type        = string
  default     = "data-flows"
  nullable    = false
}

variable "prefect_api_url" {
  description = "Address of the Prefect API as the tasks reach it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^https?://[^/]+/(.*/)?api(/|$)", var.prefect_api_url))
    error_message = "prefect_api_url is \"${var.prefect_api_url}\"; expected the address of a Prefect API, such as https://prefect.example.com/api."
  }
}

variable "prefect_credential" {
  description = "Parameter that holds the credential for Prefect: PREFECT_API_KEY (Prefect Cloud) or PREFECT_API_AUTH_STRING (a server with basic auth)."
  type        = string
  default     = "PREFECT_API_KEY"
  nullable    = false

  validation {
    condition     = contains(["PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"], var.prefect_credential)
    error_message = "prefect_credential is \"${var.prefect_credential}\"; expected PREFECT_API_KEY or PREFECT_API_AUTH_STRING."
  }
}

variable "snowflake" {
  description = "Where flows load to and read from; account, user and key come from SSM."
  type        = object({ database = string, schema = string, warehouse = string, role = string })
  nullable    = false
}

variable "parameters" {
  description = "SSM parameters that flow runs receive as secrets, by type, besides Prefect's credential. Values are written by hand (docs/initial-deployment.md), never by Terraform."
  type = object({
    secure_strings = optional(set(string), ["SNOWFLAKE_PRIVATE_KEY", "DBT_CLOUD_TOKEN"])
    strings        = optional(set(string), ["SNOWFLAKE_ACCOUNT", "SNOWFLAKE_USER", "DBT_CLOUD_ACCOUNT_ID"])
  })
  default  = {}
  nullable = false
}

variable "agent" {
  description = "Size of one agent task (CPU units, MiB), fewest and most tasks, the average CPU to hold, and by choice other minimums from set times on (AWS cron of six fields)."
  type = object({
    cpu                = optional(number, 512)
    memory_mib         = optional(number, 2048)
    tasks              = optional(object({ min = optional(number, 1), max = optional(number, 10) }), {})
    schedules          = optional(map(object({ cron = string, timezone = optional(string, "UTC"), min = number })), {})
    cpu_target_percent = optional(number, 45)
  })
  default  = {}
  nullable = false
}

variable "agent_health_port" {
  description = "Port of the worker's health endpoint inside its task."
  type        = number
  default     = 8080
  nullable    = false
}

variable "agent_environment" {
  description = "Further environment variables of the agent, such as the worker's own settings. No secret belongs here."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "flow_task" {
  description = "Size of one flow run (CPU units, MiB, GiB) unless its deployment asks for another, and Fargate's or Fargate Spot's capacity."
  type = object({
    cpu                   = optional(number, 1024)
    memory_mib            = optional(number, 4096)
    ephemeral_storage_gib = optional(number, 21)
    capacity_provider     = optional(string, "FARGATE")
  })
  default  = {}
  nullable = false
}

variable "flow_environment" {
  description = "Further environment variables of flow runs. No secret belongs here."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "flow_permissions" {
  description = "AWS rights that flows declare beyond their bucket, by the flow that declares them; `make plan` collects them from flows/*.py."
  type        = list(object({ flow = string, actions = list(string), resources = list(string) }))
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for each in var.flow_permissions : alltrue([for action in each.actions : can(regex("^[a-z0-9-]+:[A-Za-z0-9]+$", action))])])
    error_message = "flows/${join(", flows/", distinct([for each in var.flow_permissions : "${each.flow}.py declares ${join(", ", each.actions)}" if !alltrue([for action in each.actions : can(regex("^[a-z0-9-]+:[A-Za-z0-9]+$", action))])]))}; expected actions by their whole names, such as s3:GetObject."
  }
  validation {
    condition     = alltrue([for each in var.flow_permissions : alltrue([for resource in each.resources : startswith(resource, "arn:")])])
    error_message = "flows/${join(", flows/", distinct([for each in var.flow_permissions : "${each.flow}.py declares ${join(", ", each.resources)}" if !alltrue([for resource in each.resources : startswith(resource, "arn:")])]))}; expected ARNs that name what is reached, such as arn:{partition}:s3:::bucket/*."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept, in days."
  type        = number
  default     = 365
  nullable    = false
}

variable "alerts" {
  description = "Who is told when something is wrong: pagerduty = true (`make alerts` subscribes it), or an e-mail address."
  type        = object({ pagerduty = optional(bool, false), email = optional(string, "") })
  nullable    = false
}

variable "protect_data" {
  description = "Whether Terraform refuses to destroy the results and their key, and AWS any bucket that holds objects. False only where everything can be made again."
  type        = bool
  default     = true
  nullable    = false
}

variable "persist_results" {
  description = "Whether results of tasks are kept in the results bucket, through a Prefect block that registration writes. False only where bucket and Prefect server go together."
  type        = bool
  default     = true
  nullable    = false
}

variable "delivery" {
  description = "The pipeline that releases this environment: the CodeStar connection to the source repository (empty: no pipeline), the repository (owner/name), its branch, whether a person approves between gate and apply (yes, unless false is given), and where pages send whoever is on call (docs/on-call.md as the team reads it)."
  type = object({
    connection_arn = optional(string, "")
    repository     = optional(string, "")
    branch         = optional(string, "main")
    approval       = optional(bool, true)
    runbook_url    = optional(string, "")
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.delivery.connection_arn == "" || !var.alerts.pagerduty || can(regex("^https://", var.delivery.runbook_url))
    error_message = "delivery.runbook_url is \"${var.delivery.runbook_url}\"; expected the address of docs/on-call.md, because with alerts.pagerduty failed runs page and link to it."
  }
}

variable "allowed_destruction" {
  description = "Addresses of what keeps data (buckets, keys, queues, log groups, …) and may go with this plan. Only the gate reads it, and refuses the rest; empty again after the apply."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.allowed_destruction : can(regex("^module\\.", address))])
    error_message = "allowed_destruction is [${join(", ", var.allowed_destruction)}]; expected addresses as the plan prints them, such as module.results_store.aws_s3_bucket.results."
  }
}
