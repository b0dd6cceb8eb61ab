locals {
  runbook = "docs/runbook.md"
  agent   = { ClusterName = var.service.cluster, ServiceName = var.service.name }

  # Each tells the topic when it starts and when it ends. `missing` is what no data for five minutes means.
  metric_alarms = {
    agent-not-running = {
      says       = "Fewer agents than ${var.tasks.min} for 5 minutes: flow runs wait or none start. See why the service's last tasks stopped."
      namespace  = "ECS/ContainerInsights"
      metric     = "RunningTaskCount"
      dimensions = local.agent
      statistic  = "Maximum" # Not for the moment between two tasks.
      comparison = "LessThanThreshold"
      threshold  = var.tasks.min
      missing    = "breaching" # ECS counts the tasks of every service, none included. No count means no service.
    }
    task-events-not-read = {
      says       = "Task events have waited 15 minutes in the queue: no agent reads them. See whether an agent runs, and what it logs."
      namespace  = "AWS/SQS"
      metric     = "ApproximateAgeOfOldestMessage"
      dimensions = { QueueName = var.task_events.queue }
      statistic  = "Maximum"
      comparison = "GreaterThanOrEqualToThreshold"
      threshold  = 900
      missing    = "notBreaching" # SQS is silent about a queue that nobody used for hours.
    }
    task-events-dead-letters = {
      says       = "Task events that were received five times and not deleted lie in the dead-letter queue: agents die as they read. See the agent's log."
      namespace  = "AWS/SQS"
      metric     = "ApproximateNumberOfMessagesVisible"
      dimensions = { QueueName = var.task_events.dead_letters }
      statistic  = "Maximum"
      comparison = "GreaterThanOrEqualToThreshold"
      threshold  = 1
      missing    = "notBreaching" # SQS is silent about a queue that nobody used for hours.
    }
  }

  log_alarms = {
    for name, lines in local.log_metrics : name => {
      says       = lines.says
      namespace  = local.namespace
      metric     = lines.metric
      dimensions = {}
      statistic  = "Sum"
      comparison = "GreaterThanOrEqualToThreshold"
      threshold  = 1
      missing    = "notBreaching" # No line, nothing to tell. An agent that is silent because it is gone is agent-not-running's.
    }
  }

  alarms = merge(local.metric_alarms, local.log_alarms)
}

resource "aws_cloudwatch_metric_alarm" "threshold" {
  for_each = local.alarms

  alarm_name          = "${var.context.name}-${each.key}"
  alarm_description   = "${each.value.says} ${local.runbook}#${each.key}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 1
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing
  alarm_actions       = [local.topic_arn]
  ok_actions          = [local.topic_arn]

  depends_on = [aws_sns_topic_policy.alerts]
}

# High CPU alone is what scaling is for; high CPU with no more tasks to add is not.
resource "aws_cloudwatch_metric_alarm" "agent_at_ceiling" {
  alarm_name          = "${var.context.name}-agent-at-ceiling"
  alarm_description   = "All ${var.tasks.max} agents run and use over 80 % of their CPU: starting runs falls behind. Raise agent.tasks.max or agent.cpu. ${local.runbook}#agent-at-ceiling"
  evaluation_periods  = 3
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching" # Without agents there is no CPU, and agent-not-running tells.
  alarm_actions       = [local.topic_arn]
  ok_actions          = [local.topic_arn]

  metric_query {
    id          = "at_ceiling"
    expression  = "IF(cpu > 80 AND running >= ${var.tasks.max}, 1, 0)"
    label       = "High CPU with every task running"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      cpu     = { namespace = "AWS/ECS", metric = "CPUUtilization" }
      running = { namespace = "ECS/ContainerInsights", metric = "RunningTaskCount" }
    }

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.metric
        dimensions  = local.agent
        stat        = "Average"
        period      = 300
      }
    }
  }

  depends_on = [aws_sns_topic_policy.alerts]
}
