# What Terraform does in the stages plan and apply: read all that it describes, and change what a release changes. The
# rest is an administrator's; scripts/gate/release_scope.py says the same of a plan, before anything is applied.
data "aws_iam_policy_document" "plan" {
  source_policy_documents = [
    data.aws_iam_policy_document.pass_artifacts.json,
    data.aws_iam_policy_document.read_sources.json,
    data.aws_iam_policy_document.write_build_logs.json,
    data.aws_iam_policy_document.use_state.json,
    data.aws_iam_policy_document.read_what_is_described.json,
  ]
}

data "aws_iam_policy_document" "apply" {
  source_policy_documents = [
    data.aws_iam_policy_document.pass_artifacts.json,
    data.aws_iam_policy_document.read_sources.json,
    data.aws_iam_policy_document.write_build_logs.json,
    data.aws_iam_policy_document.use_state.json,
    data.aws_iam_policy_document.release.json,
  ]
}

data "aws_iam_policy_document" "use_state" {
  source_policy_documents = [data.aws_iam_policy_document.use_key["state"].json]

  statement {
    sid       = "FindState"
    actions   = ["s3:ListBucket"]
    resources = ["${local.arn.s3}:${var.context.state.bucket}"]
  }

  statement {
    sid       = "ReadState"
    actions   = ["s3:GetObject"]
    resources = ["${local.state_folder}/*"]
  }

  statement {
    sid       = "LockState"
    actions   = ["s3:PutObject", "s3:DeleteObject"]
    resources = ["${local.arn.s3}:${var.context.state.bucket}/${var.context.state.key}.tflock"]
  }
}

data "aws_iam_policy_document" "release" {
  statement {
    sid       = "WriteState"
    actions   = ["s3:PutObject"]
    resources = [for name in [basename(var.context.state.key), "gate.json", "outputs.json"] : "${local.state_folder}/${name}"]
  }

  statement {
    sid       = "DefineTasks"
    actions   = ["ecs:RegisterTaskDefinition"]
    resources = ["*"] # AWS has no narrower form.
  }

  statement {
    sid       = "TagTaskDefinitions"
    actions   = ["ecs:TagResource"]
    resources = [for task in ["agent", "flow", "flow-*"] : "${local.arn.ecs}:task-definition/${var.context.name}-${task}:*"]

    condition {
      test     = "StringEquals"
      variable = "ecs:CreateAction"
      values   = ["RegisterTaskDefinition"]
    }
  }

  statement {
    sid       = "HandRolesToTasks"
    actions   = ["iam:PassRole"]
    resources = concat([for role in ["agent", "execution", "flow"] : local.role_arns[role]], ["${local.arn.iam}:role${local.flow_path}*"])

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }

  statement {
    sid       = "ReplaceTheAgent"
    actions   = ["ecs:DescribeServices", "ecs:UpdateService"]
    resources = ["${local.arn.ecs}:service/${var.context.name}/${var.context.name}-agent"]
  }

  statement {
    sid       = "ReadTaskDefinitionsAndScaling"
    actions   = ["ecs:DescribeTaskDefinition", "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies", "application-autoscaling:DescribeScheduledActions", "logs:DescribeLogGroups"]
    resources = ["*"] # AWS has no narrower form.
  }

  statement {
    sid       = "ReadScalingTags"
    actions   = ["application-autoscaling:ListTagsForResource"]
    resources = ["${local.arn.application-autoscaling}:scalable-target/*"] # AWS chooses its id.
  }

  statement {
    sid = "ScaleTheAgent"
    actions = [
      "application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeleteScheduledAction",
      "application-autoscaling:PutScalingPolicy", "application-autoscaling:PutScheduledAction",
      "application-autoscaling:RegisterScalableTarget",
    ]
    resources = ["${local.arn.application-autoscaling}:scalable-target/*"] # AWS chooses its id; our tags name it.

    condition {
      test     = "StringEquals"
      variable = "application-autoscaling:service-namespace"
      values   = ["ecs"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/service"
      values   = [var.context.service]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/environment"
      values   = [var.context.environment]
    }
  }

  statement {
    sid = "Watch"
    actions = [
      "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource",
      "cloudwatch:PutDashboard", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource",
      "logs:DeleteMetricFilter", "logs:DescribeMetricFilters", "logs:ListTagsForResource", "logs:PutMetricFilter",
      "logs:PutRetentionPolicy",
    ]
    resources = [
      "${local.arn.cloudwatch}:alarm:${var.context.name}-*",
      "arn:${var.context.partition}:cloudwatch::${var.context.account_id}:dashboard/${var.context.name}",
      "${local.arn.log_groups}/*",
    ]
  }

  statement {
    sid       = "SetTheImageOfRegistration"
    actions   = ["codebuild:BatchGetProjects", "codebuild:UpdateProject"]
    resources = ["${local.arn.codebuild}:project/${var.context.name}-register"]
  }

  statement {
    sid       = "HandRoleToRegistration"
    actions   = ["iam:PassRole"]
    resources = ["${local.arn.iam}:role/${var.context.name}-register"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["codebuild.amazonaws.com"]
    }
  }
}
