output "role_arns" {
  description = "Role ARN by role, known at plan time. Reading it waits for the roles and their policies."
  value = {
    agent     = local.role_arns["agent"]
    execution = local.role_arns["execution"]
    flow      = local.role_arns["flow"]
    flow_logs = local.role_arns["flow-logs"]
  }

  depends_on = [aws_iam_role.task, aws_iam_role_policy.task]
}

output "delivery_role_arns" {
  description = "ARN of the pipeline's role and of each stage's, known at plan time. Reading it waits for the roles and their policies."
  value       = { for role in ["pipeline", "plan", "apply", "register"] : "${role}_arn" => "${local.arn.iam}:role/${var.context.name}-${role}" }

  depends_on = [aws_iam_role.delivery, aws_iam_role_policy.delivery]
}

output "declared" {
  description = "Rights that flows declare, as statements of the flow role: ARNs in full, sids of their own."
  value       = local.declared
}
