# Tasks that stopped as none should. ECS forgets a stopped task after an hour; the log group keeps what it said of it.
locals {
  arn = {
    cluster = "arn:${var.context.partition}:ecs:${var.context.region}:${var.context.account_id}:cluster/${var.service.cluster}"
    rule    = "arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}:rule/${var.context.name}-stopped-tasks"
    logs    = "arn:${var.context.partition}:logs:${var.context.region}:${var.context.account_id}:log-group:${var.context.path}/stopped-tasks"
  }
}

resource "aws_cloudwatch_event_rule" "stopped_tasks" {
  name        = "${var.context.name}-stopped-tasks"
  description = "Tasks of cluster ${var.service.cluster} that could not start, were taken away or ended by themselves with an error"

  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      clusterArn = [local.arn.cluster]
      lastStatus = ["STOPPED"]
      "$or" = [
        { stopCode = ["TaskFailedToStart", "SpotInterruption", "TerminationNotice"] },
        # A flow run that fails, and even one whose flow was killed for its memory, ends with 0: the process around it
        # lives and tells Prefect. Anything else means that nobody could.
        { stopCode = ["EssentialContainerExited"], containers = { exitCode = [{ "anything-but" = [0] }] } },
        # The agent should never end by itself, whatever its exit code.
        { stopCode = ["EssentialContainerExited"], group = ["service:${var.service.name}"] },
        # Its health check: "Task failed container health checks".
        { stopCode = ["ServiceSchedulerInitiated"], stoppedReason = [{ prefix = "Task failed" }] },
      ]
    }
  })
}

resource "aws_cloudwatch_event_target" "stopped_tasks" {
  rule = aws_cloudwatch_event_rule.stopped_tasks.name
  arn  = local.arn.logs

  depends_on = [aws_cloudwatch_log_group.stopped_tasks, aws_cloudwatch_log_resource_policy.stopped_tasks]
}

resource "aws_cloudwatch_log_group" "stopped_tasks" {
  #checkov:skip=CKV_AWS_158:Encrypted with the key of this environment; its ARN is unknown until the first apply
  name              = "${var.context.path}/stopped-tasks"
  retention_in_days = var.logs.retention_days
  kms_key_id        = var.logs.kms_key_arn
}

resource "aws_cloudwatch_log_resource_policy" "stopped_tasks" {
  policy_name     = "${var.context.name}-stopped-tasks"
  policy_document = data.aws_iam_policy_document.stopped_tasks.json
}

data "aws_iam_policy_document" "stopped_tasks" {
  statement {
    sid       = "CreateStream" # EventBridge names no rule when it makes a stream: with a condition nothing would arrive.
    actions   = ["logs:CreateLogStream"]
    resources = ["${local.arn.logs}:*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com", "delivery.logs.amazonaws.com"]
    }
  }

  statement {
    sid       = "WriteEventsOfThisRule"
    actions   = ["logs:PutLogEvents"]
    resources = ["${local.arn.logs}:*:*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com", "delivery.logs.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.arn.rule]
    }
  }
}
