# ECS tells EventBridge of each task that stops; the agent hears of it here and looks at once what became of its run.
resource "aws_sqs_queue" "task_events" {
  name                      = "${var.context.name}-task-events"
  message_retention_seconds = 86400
  sqs_managed_sse_enabled   = true
}

# Resources of their own: the provider waits half a minute for each change of a queue, and these wait side by side.
resource "aws_sqs_queue_redrive_policy" "task_events" {
  queue_url = aws_sqs_queue.task_events.id

  redrive_policy = jsonencode({
    deadLetterTargetArn = "arn:${var.context.partition}:sqs:${var.context.region}:${var.context.account_id}:${aws_sqs_queue.task_events_dlq.name}"
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue" "task_events_dlq" {
  name                      = "${var.context.name}-task-events-dlq"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "task_events" {
  queue_url = aws_sqs_queue.task_events.id
  policy    = data.aws_iam_policy_document.task_events.json
}

data "aws_iam_policy_document" "task_events" {
  statement {
    sid       = "TaskEventsOfThisCluster"
    actions   = ["sqs:SendMessage"]
    resources = ["arn:${var.context.partition}:sqs:${var.context.region}:${var.context.account_id}:${var.context.name}-task-events"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}:rule/${var.context.name}-task-events"]
    }
  }
}

resource "aws_cloudwatch_event_rule" "task_events" {
  name        = "${var.context.name}-task-events"
  description = "Tasks of cluster ${var.context.name} that stopped"

  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      clusterArn = ["arn:${var.context.partition}:ecs:${var.context.region}:${var.context.account_id}:cluster/${var.context.name}"]
      lastStatus = ["STOPPED"]
    }
  })
}

resource "aws_cloudwatch_event_target" "task_events" {
  rule = aws_cloudwatch_event_rule.task_events.name
  arn  = aws_sqs_queue.task_events.arn
}
