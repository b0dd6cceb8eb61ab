output "cluster_arn" {
  description = "Cluster of the agent and of flow runs."
  value       = aws_ecs_cluster.flows.arn
}

output "service" {
  description = "The agent's service: the names of its cluster and of itself."
  value       = { cluster = aws_ecs_cluster.flows.name, name = aws_ecs_service.agent.name }
}
