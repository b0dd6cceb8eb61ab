locals {
  # Six fields, of which day of month or day of week is "?": AWS takes no other form.
  cron     = "^([0-9*,/-]+ ){2}([0-9*,/LW-]+ [0-9A-Z*,/-]+ \\?|\\? [0-9A-Z*,/-]+ [0-9A-Z*,/#-]+) [0-9*,/-]+$"
  timezone = "^(UTC|[A-Z][A-Za-z]+(/[A-Za-z0-9_+-]+)+)$"
}

resource "aws_appautoscaling_target" "tasks" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.service.cluster}/${var.service.name}"
  min_capacity       = var.tasks.min
  max_capacity       = var.tasks.max
}

resource "aws_appautoscaling_policy" "cpu" {
  name               = "${var.service.name}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.tasks.service_namespace
  scalable_dimension = aws_appautoscaling_target.tasks.scalable_dimension
  resource_id        = aws_appautoscaling_target.tasks.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.cpu_target_percent
    scale_out_cooldown = 60
    scale_in_cooldown  = 300 # Flow runs are tasks of their own: stopping an agent ends none of them.

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

# Each holds until the next one sets another. An apply in between puts the minimum back to `tasks.min`; it stops no task.
resource "aws_appautoscaling_scheduled_action" "minimum" {
  for_each = var.schedules

  name               = "${var.service.name}-${each.key}"
  service_namespace  = aws_appautoscaling_target.tasks.service_namespace
  scalable_dimension = aws_appautoscaling_target.tasks.scalable_dimension
  resource_id        = aws_appautoscaling_target.tasks.resource_id
  schedule           = "cron(${each.value.cron})"
  timezone           = each.value.timezone

  scalable_target_action {
    min_capacity = each.value.min
  }
}
