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
