output "private_subnet_ids" {
  description = "Subnets of the agent and flow runs, one for each zone."
  value       = [for zone in var.availability_zones : aws_subnet.private[zone].id]
}

output "task_security_group_id" {
  description = "Security group of the agent and flow runs: egress only."
  value       = aws_security_group.tasks.id
}
