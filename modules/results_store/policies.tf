resource "aws_s3_bucket_policy" "results" {
  bucket = aws_s3_bucket.results.id
  policy = data.aws_iam_policy_document.bucket["results"].json
}

data "aws_iam_policy_document" "bucket" {
  for_each = { results = local.results, access_logs = local.access_logs }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["arn:${var.context.partition}:s3:::${each.value}", "arn:${var.context.partition}:s3:::${each.value}/*"]

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

  # Without the header S3 takes the bucket's key; with another value it would not.
  dynamic "statement" {
    for_each = each.key == "results" ? [1] : []

    content {
      sid       = "OnlyTheBucketsEncryption"
      effect    = "Deny"
      actions   = ["s3:PutObject"]
      resources = ["arn:${var.context.partition}:s3:::${each.value}/*"]

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }
      condition {
        test     = "Null"
        variable = "s3:x-amz-server-side-encryption"
        values   = ["false"]
      }
      condition {
        test     = "StringNotEquals"
        variable = "s3:x-amz-server-side-encryption"
        values   = ["aws:kms"]
      }
    }
  }

  dynamic "statement" {
    for_each = each.key == "access_logs" ? [1] : []

    content {
      sid       = "LogDelivery"
      actions   = ["s3:PutObject"]
      resources = ["arn:${var.context.partition}:s3:::${each.value}/*"]

      principals {
        type        = "Service"
        identifiers = ["logging.s3.amazonaws.com"]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [var.context.account_id]
      }
      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = [for bucket in [local.results, "${var.context.bucket_prefix}-artifacts-${var.context.account_id}"] : "arn:${var.context.partition}:s3:::${bucket}"]
      }
    }
  }
}
