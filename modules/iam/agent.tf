# The worker starts, watches and stops flow runs. It may neither define tasks nor run any but flow tasks.
data "aws_iam_policy_document" "agent" {
  source_policy_documents = [data.aws_iam_policy_document.use_key["message"].json]

  statement {
    sid       = "RunFlows"
    actions   = ["ecs:RunTask"]
    resources = [for family in ["flow", "flow-*"] : "${local.arn.ecs}:task-definition/${var.context.name}-${family}:*"]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = ["${local.arn.ecs}:cluster/${var.context.name}"]
    }
  }

  statement {
    sid       = "WatchAndStopFlows"
    actions   = ["ecs:DescribeTasks", "ecs:StopTask"]
    resources = ["${local.arn.ecs}:task/${var.context.name}/*"]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = ["${local.arn.ecs}:cluster/${var.context.name}"]
    }
  }

  statement {
    sid       = "FindFlows"
    actions   = ["ecs:ListTasks"]
    resources = ["*"] # Of tasks AWS offers the cluster as a condition only.

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = ["${local.arn.ecs}:cluster/${var.context.name}"]
    }
  }

  statement {
    sid       = "ReadTaskDefinitions"
    actions   = ["ecs:DescribeTaskDefinition"]
    resources = ["*"] # AWS has no narrower form.
  }

  statement {
    sid       = "TagFlowsAsTheyStart"
    actions   = ["ecs:TagResource"]
    resources = ["${local.arn.ecs}:task/${var.context.name}/*"]

    condition {
      test     = "StringEquals"
      variable = "ecs:CreateAction"
      values   = ["RunTask"]
    }
  }

  statement {
    sid       = "HandRolesToFlows"
    actions   = ["iam:PassRole"]
    resources = [for role in ["/${var.context.name}-execution", "/${var.context.name}-flow", "${local.flow_path}*"] : "${local.arn.iam}:role${role}"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }

  statement {
    sid       = "ReadTaskEvents"
    actions   = ["sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:DeleteMessage"]
    resources = ["${local.arn.sqs}:${var.context.name}-task-events"]
  }

  statement {
    sid       = "TellOfRuns"
    actions   = ["sns:Publish"]
    resources = ["${local.arn.sns}:${var.context.name}-alerts"]
  }

  statement {
    sid       = "ReadLogsOfCrashedFlows"
    actions   = ["logs:GetLogEvents"]
    resources = ["${local.arn.log_groups}/flow:log-stream:*"]
  }
}
