output "topic_arn" {
  description = "Topic that every alarm tells, built from its name so that policies are known at plan time."
  value       = local.topic_arn
}
