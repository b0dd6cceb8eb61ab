resource "aws_s3_bucket" "access_logs" {
  #checkov:skip=CKV_AWS_18:This is the bucket that access logs go to
  #checkov:skip=CKV_AWS_21:Access logs are written once and expire
  #checkov:skip=CKV_AWS_144:Access logs expire; a second region would double the cost
  #checkov:skip=CKV_AWS_145:S3 delivers access logs only to buckets encrypted with its own key
  #checkov:skip=CKV2_AWS_62:Nothing listens to object events
  bucket        = local.access_logs
  force_destroy = !var.protect_data
}

resource "aws_s3_bucket_server_side_encryption_configuration" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}
    expiration {
      days = 365
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_s3_bucket_policy" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id
  policy = data.aws_iam_policy_document.bucket["access_logs"].json
}
