output "cluster_arn" {
  description = "Cluster of the agent and of flow runs."
  value       = aws_ecs_cluster.flows.arn
}

output "service" {
  description = "The agent's service: the names of its cluster and of itself."
  value       = { cluster = aws_ecs_cluster.flows.name, name = aws_ecs_service.agent.name }
}

output "task_events" {
  description = "Queue of task events and the one for those that could not be handled, by name."
  value       = { queue = aws_sqs_queue.task_events.name, dead_letters = aws_sqs_queue.task_events_dlq.name }
}

output "log_group" {
  description = "Log group of the agent, by name."
  value       = aws_cloudwatch_log_group.agent.name
}
