output "topic_arn" {
  description = "ARN of the topic that every alarm publishes to, built from its name so that policies are known at plan time."
  value       = local.topic_arn
}
