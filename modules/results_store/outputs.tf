output "bucket" {
  description = "Results bucket: its name, and its ARN built from the name so that policies are known at plan time."
  value       = { name = aws_s3_bucket.results.bucket, arn = "arn:${var.context.partition}:s3:::${local.results}" }
}
