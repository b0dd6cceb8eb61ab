locals {
  results     = "${var.context.bucket_prefix}-results-${var.context.account_id}"
  access_logs = "${var.context.bucket_prefix}-access-logs-${var.context.account_id}"
}

# landing/ results/ quarantine/ export/
resource "aws_s3_bucket" "results" {
  #checkov:skip=CKV_AWS_144:Landing data can be delivered again and results computed again; a second region would double the cost
  #checkov:skip=CKV2_AWS_62:Flows read the bucket on their schedule; nothing listens to object events
  bucket        = local.results
  force_destroy = !var.protect_data
}

resource "aws_s3_bucket_versioning" "results" {
  bucket = aws_s3_bucket.results.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "results" {
  bucket = aws_s3_bucket.results.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "results" {
  bucket = aws_s3_bucket.results.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_logging" "results" {
  bucket = aws_s3_bucket.results.id

  target_bucket = aws_s3_bucket.access_logs.id
  target_prefix = "results/"

  depends_on = [aws_s3_bucket_policy.access_logs] # It lets the log service write there.
}

resource "aws_s3_bucket_lifecycle_configuration" "results" {
  bucket = aws_s3_bucket.results.id

  rule {
    id     = "unfinished-and-replaced"
    status = "Enabled"

    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
  }

  dynamic "rule" {
    for_each = var.expiration_days

    content {
      id     = "expire-${trimsuffix(rule.key, "/")}"
      status = "Enabled"

      filter {
        prefix = rule.key
      }
      expiration {
        days = rule.value
      }
    }
  }
}

resource "aws_s3_bucket_policy" "results" {
  bucket = aws_s3_bucket.results.id
  policy = data.aws_iam_policy_document.tls_only["results"].json
}

data "aws_iam_policy_document" "tls_only" {
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
        values   = ["arn:${var.context.partition}:s3:::${local.results}", "arn:${var.context.partition}:s3:::${var.context.bucket_prefix}-artifacts-${var.context.account_id}"]
      }
    }
  }
}
