# Fargate itself, before a container runs: pull the image, read the secrets, write the logs.
data "aws_iam_policy_document" "execution" {
  source_policy_documents = [data.aws_iam_policy_document.pull_the_image.json, data.aws_iam_policy_document.use_key["secrets"].json]

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.arn.log_groups}/agent:log-stream:*", "${local.arn.log_groups}/flow:log-stream:*"]
  }

  statement {
    sid       = "ReadSecrets"
    actions   = ["ssm:GetParameters"]
    resources = values(var.parameter_arns)
  }
}

data "aws_iam_policy_document" "pull_the_image" {
  statement {
    sid       = "RegistryLogin"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # AWS has no narrower form.
  }

  statement {
    sid       = "PullTheImage"
    actions   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = ["${local.arn.ecr}:repository/${var.context.image_repository}"]
  }
}

data "aws_iam_policy_document" "flow_logs" {
  statement {
    sid       = "DeliverFlowLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    resources = ["${local.arn.log_groups}/vpc", "${local.arn.log_groups}/vpc:log-stream:*"]
  }
}
