locals {
  topic     = "${var.context.name}-alerts"
  topic_arn = "arn:${var.context.partition}:sns:${var.context.region}:${var.context.account_id}:${local.topic}"
  # Metrics that this module makes out of logs.
  namespace = trimprefix(var.context.path, "/")
}

resource "aws_sns_topic" "alerts" {
  #checkov:skip=CKV_AWS_26:Encrypted with the key of this environment; its ARN is unknown until the first apply
  name              = local.topic
  kms_master_key_id = var.logs.kms_key_arn
}

resource "aws_sns_topic_policy" "alerts" {
  arn    = aws_sns_topic.alerts.arn
  policy = data.aws_iam_policy_document.topic.json
}

data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "AlarmsOfThisEnvironment"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.context.account_id]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${var.context.partition}:cloudwatch:${var.context.region}:${var.context.account_id}:alarm:${var.context.name}-*"]
    }
  }

  dynamic "statement" {
    for_each = var.delivery_notices ? [1] : []

    content {
      sid       = "NoticesOfDeliveries" # With a condition none would arrive: EventBridge tells SNS nothing of its rule.
      actions   = ["sns:Publish"]
      resources = [local.topic_arn]

      principals {
        type        = "Service"
        identifiers = ["events.amazonaws.com"]
      }
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sns:Publish", "sns:Subscribe"]
    resources = [local.topic_arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

# PagerDuty's address holds its integration key, which would be in plan and state. So `make alerts` subscribes it.
resource "aws_sns_topic_subscription" "email" {
  count = var.alerts.email == "" ? 0 : 1

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = var.alerts.email
}
