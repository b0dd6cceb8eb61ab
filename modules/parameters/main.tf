# No aws_ssm_parameter here: a value given to Terraform would be in its state. The names are enough for policies and task
# definitions; docs/initial-deployment.md says who writes the values.
resource "aws_kms_key" "data" {
  description             = "${var.context.name}: parameters, logs and results"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "data" {
  name          = "alias/${var.context.name}"
  target_key_id = aws_kms_key.data.key_id
}

data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:In a key policy the resource * is this key; the account root must be able to administer it
  #checkov:skip=CKV_AWS_111:In a key policy the resource * is this key
  #checkov:skip=CKV_AWS_356:In a key policy the resource * is this key

  # Without this statement no IAM policy of the account could grant use of the key, and nobody could repair it.
  statement {
    sid       = "AccountAdministers"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${var.context.partition}:iam::${var.context.account_id}:root"]
    }
  }

  statement {
    sid       = "LogGroupsOfThisEnvironment"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${var.context.region}.amazonaws.com"]
    }
    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${var.context.partition}:logs:${var.context.region}:${var.context.account_id}:log-group:${var.context.path}/*"]
    }
  }

  # What the topic's own policy lets publish. Not by aws:SourceArn: EventBridge tells KMS none (docs/decisions/0009-alerts.md).
  statement {
    sid       = "MessagesOfTheAlertsTopic"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "events.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:sns:topicArn"
      values   = ["arn:${var.context.partition}:sns:${var.context.region}:${var.context.account_id}:${var.context.name}-alerts"]
    }
  }
}
