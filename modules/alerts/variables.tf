variable "context" {
  description = "Names and place of this environment, as the root module makes them."
  type        = object({ name = string, path = string, partition = string, account_id = string, region = string })
  nullable    = false
}

variable "alerts" {
  description = "Who is told: PagerDuty, whose address `make alerts` reads from SSM because it holds a key, or an e-mail address."
  type        = object({ pagerduty = optional(bool, false), email = optional(string, "") })
  nullable    = false

  validation {
    condition     = var.alerts.pagerduty != (var.alerts.email != "")
    error_message = "alerts is pagerduty = ${var.alerts.pagerduty}, email = \"${var.alerts.email}\"; expected one of the two: pagerduty = true, or an e-mail address."
  }

  validation {
    condition     = var.alerts.email == "" || can(regex("^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$", var.alerts.email))
    error_message = "alerts.email is \"${var.alerts.email}\"; expected an address such as data-platform@example.com."
  }
}

variable "delivery_notices" {
  description = "Whether EventBridge may publish too, for the notices of deliveries. AWS allows no condition on which rule."
  type        = bool
  default     = false
  nullable    = false
}

variable "service" {
  description = "The agent's ECS service: the names of its cluster and of itself."
  type        = object({ cluster = string, name = string })
  nullable    = false
}

variable "tasks" {
  description = "Fewest and most agent tasks: below the one an alarm, at the other no more capacity."
  type        = object({ min = number, max = number })
  nullable    = false
}

variable "task_events" {
  description = "Queue that the agent reads task events from, and the one for those it could not handle, by name."
  type        = object({ queue = string, dead_letters = string })
  nullable    = false
}

variable "log_groups" {
  description = "Log groups of the agent and of flow runs, by name."
  type        = object({ agent = string, flow = string })
  nullable    = false
}

variable "logs" {
  description = "How many days stopped tasks are kept, and the key that encrypts them and the messages."
  type        = object({ retention_days = number, kms_key_arn = string })
  nullable    = false
}
