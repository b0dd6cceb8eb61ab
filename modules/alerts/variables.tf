variable "context" {
  description = "Names, account and region of this environment, as the root module makes them."
  type        = object({ name = string, path = string, partition = string, account_id = string, region = string })
  nullable    = false
}

variable "alerts" {
  description = "Who receives alarms: an e-mail address, PagerDuty (whose address holds a key, so that `make alerts` reads it from SSM), or both."
  type        = object({ pagerduty = optional(bool, false), email = optional(string, "") })
  nullable    = false

  validation {
    condition     = var.alerts.pagerduty || var.alerts.email != ""
    error_message = "alerts is email = \"${var.alerts.email}\", pagerduty = ${var.alerts.pagerduty}; expected one of them at least, because alarms of AWS go there. A channel of Slack or Teams has a mail address too."
  }

  validation {
    condition     = var.alerts.email == "" || can(regex("^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$", var.alerts.email))
    error_message = "alerts.email is \"${var.alerts.email}\"; expected an address such as data-platform@example.com."
  }
}

variable "delivery_notices" {
  description = "Whether EventBridge may publish to the topic as well, for notices about deliveries. AWS offers no condition on the rule."
  type        = bool
  default     = false
  nullable    = false
}

variable "service" {
  description = "The agent's ECS service: name of its cluster and its own name."
  type        = object({ cluster = string, name = string })
  nullable    = false
}

variable "tasks" {
  description = "Minimum and maximum number of agent tasks. One alarm watches that the minimum runs, one that the maximum is not used up."
  type        = object({ min = number, max = number })
  nullable    = false
}

variable "task_events" {
  description = "Names of the queue that the agent reads task events from, and of the queue for events that it could not handle."
  type        = object({ queue = string, dead_letters = string })
  nullable    = false
}

variable "log_groups" {
  description = "Names of the log groups of the agent and of flow runs."
  type        = object({ agent = string, flow = string })
  nullable    = false
}

variable "logs" {
  description = "How many days the log of stopped tasks is kept, and the key that encrypts it and the topic's messages."
  type        = object({ retention_days = number, kms_key_arn = string })
  nullable    = false
}
