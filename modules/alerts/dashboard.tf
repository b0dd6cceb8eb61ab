locals {
  insights = "SOURCE '%s' | fields @timestamp, @message | filter @message like /%s/ | sort @timestamp desc | limit 20"

  graphs = [
    {
      title = "Agents: running and wanted"
      metrics = [
        ["ECS/ContainerInsights", "RunningTaskCount", "ClusterName", var.service.cluster, "ServiceName", var.service.name],
        [".", "DesiredTaskCount", ".", ".", ".", "."],
      ]
    },
    {
      title = "Agents: CPU and memory, percent"
      metrics = [
        ["AWS/ECS", "CPUUtilization", "ClusterName", var.service.cluster, "ServiceName", var.service.name],
        [".", "MemoryUtilization", ".", ".", ".", "."],
      ]
    },
    {
      title = "Flow runs that run now"
      metrics = [
        [{ expression = "all - agents", label = "Tasks that are no agent", id = "flows" }],
        ["ECS/ContainerInsights", "TaskCount", "ClusterName", var.service.cluster, { id = "all", visible = false }],
        [".", "RunningTaskCount", ".", ".", "ServiceName", var.service.name, { id = "agents", visible = false }],
      ]
    },
    {
      title = "Task events: oldest unread, seconds"
      metrics = [
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", var.task_events.queue, { stat = "Maximum" }],
      ]
    },
    {
      title = "Task events in the dead-letter queue"
      metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.task_events.dead_letters, { stat = "Maximum" }],
      ]
    },
    {
      title   = "Errors and stopped tasks"
      metrics = [for name in sort(keys(local.log_metrics)) : [local.namespace, local.log_metrics[name].metric, { stat = "Sum" }]]
    },
  ]

  tables = [
    {
      title = "Ends of flow runs, by hour"
      query = "SOURCE '${var.log_groups.flow}' | filter @message like /Flow run .* - Finished in state/ | parse @message 'Finished in state *(' as state | stats count(*) as runs by bin(1h) as hour, state | sort hour desc"
    },
    { title = "Last errors of the agent", query = format(local.insights, var.log_groups.agent, "\\| (ERROR|CRITICAL)") },
    { title = "Last errors of flow runs", query = format(local.insights, var.log_groups.flow, "\\| (ERROR|CRITICAL)") },
    {
      title = "Last stopped tasks"
      query = "SOURCE '${aws_cloudwatch_log_group.stopped_tasks.name}' | fields time, detail.group, detail.stopCode, detail.stoppedReason, detail.containers.0.exitCode, detail.taskArn | sort @timestamp desc | limit 20"
    },
  ]
}

resource "aws_cloudwatch_dashboard" "environment" {
  dashboard_name = var.context.name

  # Without x and y CloudWatch places one after the other: three graphs a row, two tables a row.
  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type   = "alarm"
        width  = 24
        height = 2
        properties = {
          title = "Alarms"
          alarms = [
            for name in sort(concat(keys(local.alarms), ["agent-at-ceiling"])) :
            "arn:${var.context.partition}:cloudwatch:${var.context.region}:${var.context.account_id}:alarm:${var.context.name}-${name}"
          ]
        }
      }],
      [for graph in local.graphs : {
        type   = "metric"
        width  = 8
        height = 6
        properties = {
          title   = graph.title
          region  = var.context.region
          view    = "timeSeries"
          period  = 300
          stat    = "Average"
          metrics = graph.metrics
          yAxis   = { left = { min = 0 } }
        }
      }],
      [for table in local.tables : {
        type   = "log"
        width  = 12
        height = 6
        properties = {
          title  = table.title
          region = var.context.region
          view   = "table"
          query  = table.query
        }
      }],
    )
  })
}
