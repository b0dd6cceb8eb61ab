locals {
  results     = "${var.context.bucket_prefix}-results-${var.context.account_id}"
  access_logs = "${var.context.bucket_prefix}-access-logs-${var.context.account_id}"
}

# prevent_destroy takes no variable, so the protection is a resource of its own, which exists unless protect_data is false.
# Whatever would destroy or replace the bucket or its key would also replace this, and Terraform refuses at plan time. It
# also refuses protect_data = false. docs/runbook.md#removing-an-environment says how to remove it on purpose.
resource "terraform_data" "data_is_protected" {
  count = var.protect_data ? 1 : 0

  triggers_replace = [aws_s3_bucket.results.id, var.kms_key_arn]

  lifecycle {
    prevent_destroy = true
  }
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
    # What an expired object leaves once its versions are gone.
    expiration {
      expired_object_delete_marker = true
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
