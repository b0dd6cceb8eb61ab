# Fargate itself, before a container runs: pull the image, read the secrets, write the logs.
data "aws_iam_policy_document" "execution" {
  # The boundary holds no list of parameters, which grows with what flows declare.
  for_each = { policy = values(var.parameter_arns), boundary = ["${local.arn.ssm}:parameter${var.context.path}/*"] }

  source_policy_documents = [data.aws_iam_policy_document.pull_the_image.json, data.aws_iam_policy_document.use_key["secrets"].json]

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.arn.log_groups}/agent:log-stream:*", "${local.arn.log_groups}/flow:log-stream:*"]
  }

  statement {
    sid       = "ReadSecrets"
    actions   = ["ssm:GetParameters"]
    resources = each.value
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
