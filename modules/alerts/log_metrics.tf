locals {
  # name → the log group, what counts as one, and the metric. Lines are Prefect's: "12:00:00.000 | ERROR   | logger - text".
  log_metrics = {
    # The observer's lines are about a run whose task died: tasks-stopped tells of the task, Prefect of the run.
    agent-errors = {
      log_group = var.log_groups.agent
      metric    = "AgentErrors"
      pattern   = "\"| ERROR\" -\"prefect.flow_runs.observer\""
    }
    # What Prefect says of a run that fails, times out or crashes is left out: that is the run's state, which on-call hears
    # of from Prefect with the flow's name. What remains is errors that no state tells.
    flow-errors = {
      log_group = var.log_groups.flow
      metric    = "FlowErrors"
      pattern = join(" ", concat(["\"| ERROR\""], [for said in [
        "Encountered exception during execution",
        "Finished in state",
        "Engine execution exited",
        "Engine execution interrupted",
        "Crash detected!",
        "exceeded timeout",
        "Task run failed with",
      ] : "-\"${said}\""]))
    }
    tasks-not-started = {
      log_group = aws_cloudwatch_log_group.stopped_tasks.name
      metric    = "TasksNotStarted"
      pattern   = "{ $.detail.stopCode = \"TaskFailedToStart\" }"
    }
    tasks-stopped = {
      log_group = aws_cloudwatch_log_group.stopped_tasks.name
      metric    = "TasksStopped"
      pattern   = "{ $.detail.stopCode != \"TaskFailedToStart\" }"
    }
  }
}

resource "aws_cloudwatch_log_metric_filter" "lines" {
  for_each = local.log_metrics

  name           = each.key
  log_group_name = each.value.log_group
  pattern        = each.value.pattern

  metric_transformation {
    namespace     = local.namespace
    name          = each.value.metric
    value         = "1"
    default_value = "0"
  }
}
