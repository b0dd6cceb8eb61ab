locals {
  state_buckets = { for key, environment in local.environments : key => "${environment.bucket_prefix}-state-${var.account_id}" }
}

# As terraform/environments/<environment>.s3.tfbackend names it. Locks are files beside the state.
resource "aws_s3_bucket" "state" {
  #checkov:skip=CKV_AWS_18:Terraform keeps who changed what in versions of the state; a bucket of logs would need a bucket of logs
  #checkov:skip=CKV_AWS_144:State is of one region's resources; without the region there is nothing that it describes
  #checkov:skip=CKV2_AWS_62:Nothing listens to object events
  for_each = local.state_buckets

  bucket = each.value

  lifecycle {
    prevent_destroy = true # Without its state nothing of the environment can be changed or removed by Terraform.
  }
}

resource "aws_s3_bucket_versioning" "state" {
  for_each = local.state_buckets

  bucket = aws_s3_bucket.state[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  for_each = local.state_buckets

  bucket = aws_s3_bucket.state[each.key].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.account.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "state" {
  for_each = local.state_buckets

  bucket = aws_s3_bucket.state[each.key].id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "state" {
  for_each = local.state_buckets

  bucket = aws_s3_bucket.state[each.key].id

  rule {
    id     = "replaced"
    status = "Enabled"

    filter {}
    noncurrent_version_expiration {
      noncurrent_days           = 365
      newer_noncurrent_versions = 50 # However old: an environment that rests for a year keeps its history.
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_s3_bucket_policy" "state" {
  for_each = local.state_buckets

  bucket = aws_s3_bucket.state[each.key].id
  policy = data.aws_iam_policy_document.state[each.key].json
}

data "aws_iam_policy_document" "state" {
  for_each = local.state_buckets

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["arn:${local.partition}:s3:::${each.value}", "arn:${local.partition}:s3:::${each.value}/*"]

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
