output "bucket" {
  description = "Results bucket: its name, and its ARN built from the name so that policies are known at plan time."
  value       = { name = aws_s3_bucket.results.bucket, arn = "arn:${var.context.partition}:s3:::${local.results}" }
}

output "access_logs_bucket" {
  description = "Name of the bucket that access logs go to."
  value       = aws_s3_bucket.access_logs.bucket

  depends_on = [aws_s3_bucket_policy.access_logs] # It lets the log service write there.
}
