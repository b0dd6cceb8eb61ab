# No local between here and the subnets: a plan shows what an output is made of, but not a local, and the gate follows it.
output "private_subnet_ids" {
  description = "Subnets of the agent and flow runs, one for each zone."
  value       = var.network.existing == null ? [for subnet in aws_subnet.private : subnet.id] : var.network.existing.private_subnet_ids
}

output "task_security_group_id" {
  description = "Security group of the agent and flow runs: egress only."
  value       = aws_security_group.tasks.id
}

output "nat_addresses" {
  description = "Public addresses that tasks are seen with; none for an existing VPC, whose owner knows them."
  value       = [for address in aws_eip.nat : address.public_ip]
}
