variable "service" {
  description = "ECS service to scale: the names of its cluster and of itself."
  type        = object({ cluster = string, name = string })
  nullable    = false
}

variable "tasks" {
  description = "Fewest and most agent tasks. Equal values pin the count."
  type        = object({ min = optional(number, 1), max = optional(number, 10) })
  default     = {}
  nullable    = false

  validation {
    condition     = var.tasks.min >= 0 && var.tasks.min <= var.tasks.max
    error_message = "tasks is ${var.tasks.min} to ${var.tasks.max}; min must be 0 or more and at most max."
  }
}

variable "cpu_target_percent" {
  description = "Average CPU of the service that scaling holds, in percent of what its tasks reserve."
  type        = number
  default     = 45
  nullable    = false

  validation {
    condition     = var.cpu_target_percent >= 10 && var.cpu_target_percent <= 90
    error_message = "cpu_target_percent is ${var.cpu_target_percent}; expected 10 to 90."
  }
}
