output "state_buckets" {
  description = "State bucket by environment (of another stack: <stack>-<environment>), as terraform/environments/<environment>.s3.tfbackend must name it."
  value       = { for environment, bucket in aws_s3_bucket.state : environment => bucket.bucket }
}

output "image_repository_url" {
  description = "Where CircleCI pushes the image."
  value       = aws_ecr_repository.images.repository_url
}

output "circleci_role_arn" {
  description = "Role that CircleCI assumes, for its context's variable AWS_ROLE_ARN."
  value       = aws_iam_role.circleci.arn
}
