variable "name" {
  description = "Name of this stack: the first part of the names of resources, SSM path, buckets, key alias and work pool, and of the tag service."
  type        = string
  default     = "DataFlows"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Z][A-Za-z0-9]{1,19}$", var.name))
    error_message = "name is \"${var.name}\"; expected 2 to 20 letters and digits that begin with a capital, such as DataFlows."
  }
  validation {
    condition     = !can(regex("^(?i)(aws|ssm)", var.name))
    error_message = "name is \"${var.name}\"; expected another beginning, because SSM reserves paths that begin with aws or ssm."
  }
}

variable "bootstrap" {
  description = "Name that terraform/bootstrap was applied with in this account; empty if it is this stack's name."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.bootstrap == "" || can(regex("^[A-Z][A-Za-z0-9]{1,19}$", var.bootstrap))
    error_message = "bootstrap is \"${var.bootstrap}\"; expected the name in terraform/bootstrap/accounts/<account>.tfvars, such as DataFlows."
  }
}

variable "environment" {
  description = "Name of this environment; its facts are in environments/<environment>.tfvars."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,14}$", var.environment)) && var.environment != "bootstrap"
    error_message = "environment is \"${var.environment}\"; expected 2 to 15 lower-case letters and digits that begin with a letter, such as dev. The name bootstrap is reserved for the account's own resources."
  }
}

variable "account_id" {
  description = "AWS account of this environment, 12 digits; the provider refuses credentials of any other."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is \"${var.account_id}\"; expected the 12 digits of an AWS account."
  }
}

variable "region" {
  description = "AWS region of this environment, such as eu-west-1."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is \"${var.region}\"; expected an AWS region, such as eu-west-1."
  }
}

variable "aws_max_retries" {
  description = "How often the provider repeats a failed AWS call. AWS throttles, so the default is high; the embedded AWS does not."
  type        = number
  default     = 25
  nullable    = false
}

variable "owner" {
  description = "Team that is responsible for this environment; a tag on every resource."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9 _.@/+-]{1,62}$", var.owner))
    error_message = "owner is \"${var.owner}\"; expected a team's name or address, 2 to 63 letters, digits, spaces and _.@/+-, such as data-platform."
  }
}

variable "schedules" {
  description = "Whether schedules of deployments run in this environment: active or inactive."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["active", "inactive"], var.schedules)
    error_message = "schedules is \"${var.schedules}\"; expected active or inactive."
  }
}

variable "guarded" {
  description = "Whether others depend on this environment's data, so that changes need care."
  type        = bool
  default     = true
  nullable    = false
}

variable "repository" {
  description = "Name of the repository that holds this code; a tag on every resource."
  type        = string
  default     = "data-flows"
  nullable    = false
}

variable "network" {
  description = "A new VPC (address range, zones, a NAT gateway in each zone unless nat_per_zone is false, interface endpoints, and ranges used elsewhere that it must not overlap) or an existing one (its id and private subnets), and the TCP ports that tasks may reach beside 443. modules/network describes each value."
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
    error_message = "image_digest is \"${var.image_digest}\"; expected sha256:<64 hex digits>, as the registry names a pushed image. A tag is not enough, because it can be moved to another image."
  }
}

variable "image_repository" {
  description = "Name of the image repository in this account's registry."
  type        = string
  default     = "data-flows"
  nullable    = false
}

variable "prefect_api_url" {
  description = "Address at which the tasks reach the Prefect API."
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
  description = <<-EOT
    Where flows load data into Snowflake and read it; account, user and key come from SSM.
    setup is read by `make snowflake-setup` only: size of the warehouse (XSMALL) and after how many idle seconds it is suspended (60), credits it
    may use in a month (no monitor unless given), addresses that may connect beside the NAT gateways' (of an existing VPC: those too), tables and views in full that flows read
    by statements of their own, and whether `make try AS=me` may make schemas (false).
  EOT
  type = object({
    database  = string
    schema    = string
    warehouse = string
    role      = string
    setup = optional(object({
      warehouse_size       = optional(string)
      auto_suspend_seconds = optional(number)
      credits_per_month    = optional(number)
      addresses            = optional(list(string))
      reads                = optional(list(string))
      own_copies           = optional(bool)
    }))
  })
  nullable = false
}

variable "dbt_cloud" {
  description = "Where flows run jobs of dbt Cloud: the host of the account's access URL, such as ab123.us1.dbt.com; empty if none does. Account and token come from SSM."
  type        = object({ host = optional(string, "") })
  default     = {}
  nullable    = false

  validation {
    condition     = var.dbt_cloud.host == "" || can(regex("^([a-z0-9-]+\\.[a-z]{2}[0-9]+\\.dbt\\.com|[a-z0-9-]+\\.(get)?dbt\\.com)$", var.dbt_cloud.host)) && !can(regex("^[a-z]{2}[0-9]+\\.dbt\\.com$", var.dbt_cloud.host))
    error_message = "dbt_cloud.host is \"${var.dbt_cloud.host}\"; expected the host alone of your account's access URL, such as ab123.us1.dbt.com or emea.dbt.com."
  }
}

variable "parameters" {
  description = "SSM parameters that flow files may declare, in addition to the known ones (scripts/shared/known_parameters.json) and to those that flow files name: secure_strings are encrypted, strings are not. SENTRY_DSN among them goes to every run. `make secret` writes their values, Terraform never."
  type = object({
    secure_strings = optional(set(string), [])
    strings        = optional(set(string), [])
  })
  default  = {}
  nullable = false
}

variable "agent" {
  description = "Size of one agent task (CPU units, MiB), minimum and maximum number of tasks, the average CPU to keep, and optional other minimums at set times (AWS cron with six fields)."
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
  description = "More environment variables of the agent, such as the worker's settings. Never a secret."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "flow_task" {
  description = "Size of one flow run (CPU units, MiB, GiB) unless its deployment asks for another, the capacity provider (FARGATE or FARGATE_SPOT), and after how many minutes a run is ended unless its tags say otherwise (time-limit:2h), and how many runs are under way at once (no limit unless given)."
  type = object({
    cpu                   = optional(number, 1024)
    memory_mib            = optional(number, 4096)
    ephemeral_storage_gib = optional(number, 21)
    capacity_provider     = optional(string, "FARGATE")
    time_limit_minutes    = optional(number, 720)
    at_once               = optional(number)
  })
  default  = {}
  nullable = false
}

variable "flow_environment" {
  description = "More environment variables of flow runs. Never a secret."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "flow_permissions" {
  description = "AWS permissions that flow files declare in addition to their bucket, for a role of their own; `make plan` collects them from flows/."
  type        = list(object({ flow = string, actions = list(string), resources = list(string) }))
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for each in var.flow_permissions : alltrue([for action in each.actions : can(regex("^[a-z0-9-]+:[A-Za-z0-9]+$", action))])])
    error_message = "flows/${join(", flows/", distinct([for each in var.flow_permissions : "${each.flow}.py declares ${join(", ", each.actions)}" if !alltrue([for action in each.actions : can(regex("^[a-z0-9-]+:[A-Za-z0-9]+$", action))])]))}; expected full names of actions, such as s3:GetObject."
  }
  validation {
    condition     = alltrue([for each in var.flow_permissions : alltrue([for resource in each.resources : startswith(resource, "arn:")])])
    error_message = "flows/${join(", flows/", distinct([for each in var.flow_permissions : "${each.flow}.py declares ${join(", ", each.resources)}" if !alltrue([for resource in each.resources : startswith(resource, "arn:")])]))}; expected ARNs of the resources, such as arn:{partition}:s3:::bucket/*."
  }
}

variable "flow_definitions" {
  description = "Task definition of each flow file that declares secrets or permissions, and the secrets in it, by the file's path below flows/; `make plan` makes it from flows/."
  type        = map(object({ name = string, secrets = list(string) }))
  default     = {}
  nullable    = false
}

variable "flow_role_keeps_declared" {
  description = "Whether the role of flows that declare nothing may do what others declare, too: only while runs go on that were registered before flows had roles of their own (docs/runbook.md)."
  type        = bool
  default     = false
  nullable    = false
}

variable "on_call_flows" {
  description = "Flow files with deployments on call; `make plan` collects them from flows/."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.on_call_flows) == 0 || var.schedules != "active" || var.alerts.pagerduty || var.alerts.slack || var.alerts.teams
    error_message = "${join(", ", var.on_call_flows)}: got the tag on-call where schedules are active and alerts go to e-mail only; expected pagerduty, slack or teams in alerts as well, because a mailbox wakes nobody (docs/on-call.md)."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept, in days."
  type        = number
  default     = 365
  nullable    = false
}

variable "alerts" {
  description = "Who is told: an e-mail address or pagerduty = true at least (`make alerts` then subscribes PagerDuty), slack and teams beside them. Keys and webhook addresses are in SSM (docs/on-call.md)."
  type = object({
    email     = optional(string, "")
    pagerduty = optional(bool, false)
    slack     = optional(bool, false)
    teams     = optional(bool, false)
  })
  nullable = false
}

variable "protect_data" {
  description = "Whether Terraform refuses to destroy the results bucket and its key, and AWS refuses to delete any bucket that holds objects. False only where all data can be made again."
  type        = bool
  default     = true
  nullable    = false
}

variable "persist_results" {
  description = "Whether results of tasks are kept in the results bucket, through a Prefect block that registration writes. False only where the bucket is deleted together with the Prefect server."
  type        = bool
  default     = true
  nullable    = false
}

variable "delivery" {
  description = "The pipeline that releases this environment: the CodeStar connection to the source repository (empty: no pipeline), the repository (owner/name), its branch, whether a person approves between gate and apply (by default yes), and the address of the team's runbook of its flows, which pages link to (docs/on-call.md)."
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
    condition     = var.delivery.connection_arn == "" || !(var.alerts.pagerduty || var.alerts.slack || var.alerts.teams) || can(regex("^https://", var.delivery.runbook_url))
    error_message = "delivery.runbook_url is \"${var.delivery.runbook_url}\"; expected the https address of your team's runbook of its flows, because messages about failed runs link to it (docs/on-call.md)."
  }
}

variable "allowed_destruction" {
  description = "Addresses of resources with data (buckets, keys, queues, log groups, …) that this plan may destroy. Only the gate reads it: it refuses to destroy any other. Empty it again after the apply."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.allowed_destruction : can(regex("^module\\.", address))])
    error_message = "allowed_destruction is [${join(", ", var.allowed_destruction)}]; expected addresses as the plan prints them, such as module.results_store.aws_s3_bucket.results."
  }
}
