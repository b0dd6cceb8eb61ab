# Every role of the environment. Policies name what they reach by ARNs built from names: a plan shows them whole.
locals {
  arn = merge(
    {
      for service in ["application-autoscaling", "cloudwatch", "codebuild", "codepipeline", "ec2", "ecr", "ecs", "events", "kms", "logs", "sns", "sqs", "ssm"] :
      service => "arn:${var.context.partition}:${service}:${var.context.region}:${var.context.account_id}"
    },
    {
      iam        = "arn:${var.context.partition}:iam::${var.context.account_id}"
      s3         = "arn:${var.context.partition}:s3::"
      log_groups = "arn:${var.context.partition}:logs:${var.context.region}:${var.context.account_id}:log-group:${var.context.path}"
    },
  )

  # role → the service that may assume it, and its one policy
  roles = {
    agent     = { service = "ecs-tasks", policy = data.aws_iam_policy_document.agent.json }
    execution = { service = "ecs-tasks", policy = data.aws_iam_policy_document.execution["policy"].json }
    flow      = { service = "ecs-tasks", policy = data.aws_iam_policy_document.declared["flow"].json }
    flow-logs = { service = "vpc-flow-logs", policy = data.aws_iam_policy_document.flow_logs.json }
  }
  role_arns    = { for role in keys(local.roles) : role => "${local.arn.iam}:role/${var.context.name}-${role}" }
  boundary_arn = "${local.arn.iam}:policy/${var.context.name}-boundary"
}

data "aws_iam_policy_document" "trust" {
  for_each = toset([for role in merge(local.roles, local.delivery_roles) : role.service])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.context.account_id]
    }
  }
}

resource "aws_iam_role" "task" {
  for_each = local.roles

  name                 = "${var.context.name}-${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.value.service].json
  permissions_boundary = local.boundary_arn

  depends_on = [aws_iam_policy.boundary] # Its ARN is built from its name, so that a plan shows the boundary.
}

resource "aws_iam_role_policy" "task" {
  for_each = local.roles

  name   = each.key
  role   = aws_iam_role.task[each.key].name
  policy = each.value.policy
}

# The most that these roles can ever do, whatever is attached to them later.
resource "aws_iam_policy" "boundary" {
  name        = "${var.context.name}-boundary"
  description = "Permissions boundary of every ${var.context.name} role" # Another text would be another policy.
  policy      = data.aws_iam_policy_document.boundary.json
}

data "aws_iam_policy_document" "boundary" {
  source_policy_documents = [
    for name, role in local.roles : name == "execution" ? data.aws_iam_policy_document.execution["boundary"].json : role.policy
  ]
}
