variable "service" {
  description = "ECS service to scale: name of its cluster and its own name."
  type        = object({ cluster = string, name = string })
  nullable    = false
}

variable "tasks" {
  description = "Minimum and maximum number of agent tasks. Equal values fix the number."
  type        = object({ min = optional(number, 1), max = optional(number, 10) })
  default     = {}
  nullable    = false

  validation {
    condition     = var.tasks.min >= 0 && var.tasks.min <= var.tasks.max
    error_message = "tasks is ${var.tasks.min} to ${var.tasks.max}; min must be 0 or more and at most max."
  }
}

variable "schedules" {
  description = "Other minimums at set times, by name: AWS cron expression with six fields, time zone, and the minimum number of tasks until the next schedule."
  type        = map(object({ cron = string, timezone = optional(string, "UTC"), min = number }))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : schedule.min >= 0 && schedule.min <= var.tasks.max])
    error_message = "schedules has ${join(", ", [for name, schedule in var.schedules : "${name} with min ${schedule.min}" if schedule.min < 0 || schedule.min > var.tasks.max])}; expected 0 to tasks.max, which is ${var.tasks.max}."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : can(regex(local.cron, schedule.cron))])
    error_message = "schedules has ${join(", ", [for name, schedule in var.schedules : "${name} with cron \"${schedule.cron}\"" if !can(regex(local.cron, schedule.cron))])}; expected AWS's six fields (minute hour day month weekday year), with ? for day or weekday, such as 0 7 ? * MON-FRI *."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : can(regex(local.timezone, schedule.timezone))])
    error_message = "schedules has ${join(", ", [for name, schedule in var.schedules : "${name} with timezone \"${schedule.timezone}\"" if !can(regex(local.timezone, schedule.timezone))])}; expected UTC or a name such as Europe/Berlin."
  }

  validation {
    condition     = length(distinct([for schedule in values(var.schedules) : "${schedule.cron} ${schedule.timezone}"])) == length(var.schedules)
    error_message = "schedules has [${join(", ", [for name, schedule in var.schedules : "${name} at ${schedule.cron} ${schedule.timezone}"])}]; expected different times, because of two at the same time either minimum could win."
  }
}

variable "cpu_target_percent" {
  description = "Average CPU of the service that scaling keeps, in percent of what its tasks reserve."
  type        = number
  default     = 45
  nullable    = false

  validation {
    condition     = var.cpu_target_percent >= 10 && var.cpu_target_percent <= 90
    error_message = "cpu_target_percent is ${var.cpu_target_percent}; expected 10 to 90."
  }
}
