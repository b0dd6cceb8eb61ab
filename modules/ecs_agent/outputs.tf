output "cluster_arn" {
  description = "Cluster of the agent and of flow runs."
  value       = aws_ecs_cluster.flows.arn
}

output "service" {
  description = "The agent's ECS service: name of its cluster and its own name."
  value       = { cluster = aws_ecs_cluster.flows.name, name = aws_ecs_service.agent.name }
}

output "task_events" {
  description = "Names of the queue of task events, and of the queue for events that could not be handled."
  value       = { queue = aws_sqs_queue.task_events.name, dead_letters = aws_sqs_queue.task_events_dlq.name }
}

output "log_group" {
  description = "Name of the agent's log group."
  value       = aws_cloudwatch_log_group.agent.name
}
