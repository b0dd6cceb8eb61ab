output "policy_name" {
  description = "Name of the target-tracking policy, for alarms and dashboards."
  value       = aws_appautoscaling_policy.cpu.name
}
