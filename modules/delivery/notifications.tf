locals {
  link = "https://${var.context.region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/${var.context.name}"
}

# For people: how each delivery ended, with the link to it.
resource "aws_cloudwatch_event_rule" "ended" {
  name        = "${var.context.name}-delivery-ended"
  description = "Deliveries of ${var.context.name} that ended"

  event_pattern = jsonencode({
    source      = ["aws.codepipeline"]
    detail-type = ["CodePipeline Pipeline Execution State Change"]
    detail      = { pipeline = [var.context.name], state = ["SUCCEEDED", "FAILED", "STOPPED", "SUPERSEDED"] }
  })
}

resource "aws_cloudwatch_event_target" "ended" {
  rule = aws_cloudwatch_event_rule.ended.name
  arn  = var.alerts_topic_arn

  input_transformer {
    input_paths    = { state = "$.detail.state", execution = "$.detail.execution-id" }
    input_template = "\"${var.context.name}: delivery <execution> has <state>. ${local.link}/executions/<execution>\""
  }
}

# For whoever is on call: PagerDuty understands alarms, not events.
resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "${var.context.name}-delivery-failed"
  alarm_description   = "A delivery failed: what runs is what ran before. First look at the failed stage's log: ${local.link}. docs/runbook.md#delivery-failed"
  namespace           = "AWS/CodePipeline"
  metric_name         = "FailedPipelineExecutions"
  dimensions          = { PipelineName = aws_codepipeline.delivery.name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching" # No delivery, no data.
  alarm_actions       = [var.alerts_topic_arn]
  ok_actions          = [var.alerts_topic_arn]
}
