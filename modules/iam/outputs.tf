output "role_arns" {
  description = "ARN of each role, known at plan time. It is available once the roles and their policies exist."
  value = {
    agent     = local.role_arns["agent"]
    execution = local.role_arns["execution"]
    flow      = local.role_arns["flow"]
    flow_logs = local.role_arns["flow-logs"]
  }

  depends_on = [aws_iam_role.task, aws_iam_role_policy.task]
}

output "flow_role_arns" {
  description = "ARN of each role that is a flow's own, by its task definition, known at plan time. It is available once the roles and their policies exist."
  value       = { for definition in local.own_roles : definition => "${local.arn.iam}:role${local.flow_path}${var.context.name}-${definition}" }

  depends_on = [aws_iam_role.flow, aws_iam_role_policy.flow]
}

output "delivery_role_arns" {
  description = "ARNs of the roles of the pipeline and of its stages, known at plan time. They are available once the roles and their policies exist."
  value       = { for role in ["pipeline", "plan", "apply", "register"] : "${role}_arn" => "${local.arn.iam}:role/${var.context.name}-${role}" }

  depends_on = [aws_iam_role.delivery, aws_iam_role_policy.delivery]
}

output "declared" {
  description = "Permissions that flows declare, as statements of their roles, with full ARNs and a sid each."
  value       = local.declared
}
