locals {
  # name → what its alarm says, the log group, the metric, and the lines that count. Prefect writes them as
  # "12:00:00.000 | ERROR   | logger - text".
  log_metrics = {
    # The observer's lines are about a run whose task died: tasks-stopped tells of the task, Prefect of the run.
    agent-errors = {
      says      = "The agent logged errors: it may be unable to start runs. Read its last errors."
      log_group = var.log_groups.agent
      metric    = "AgentErrors"
      pattern   = "\"| ERROR\" -\"prefect.flow_runs.observer\""
    }
    # What Prefect says of a run that fails, times out or crashes is left out: that is the run's state, which on-call hears
    # of from Prefect with the flow's name. What remains is errors that no state tells.
    flow-errors = {
      says      = "Flow runs logged errors that no failed run accounts for. Read them; each line names its run."
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
      says      = "Tasks could not start: image, secret, role or network. The stopped reason names which."
      log_group = aws_cloudwatch_log_group.stopped_tasks.name
      metric    = "TasksNotStarted"
      pattern   = "{ $.detail.stopCode = \"TaskFailedToStart\" }"
    }
    tasks-stopped = {
      says      = "Tasks ended by themselves with an error, failed their health check or were taken away. Read stop code and reason."
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
