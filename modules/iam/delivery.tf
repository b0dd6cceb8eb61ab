# The pipeline and its stages, a role each. They release what Terraform describes; roles, network, keys and the pipeline
# itself are an administrator's, so none of these roles can widen its own rights or another's.
locals {
  delivery_roles = var.delivery.enabled ? {
    pipeline = { service = "codepipeline", policy = data.aws_iam_policy_document.pipeline.json }
    plan     = { service = "codebuild", policy = data.aws_iam_policy_document.plan.json }
    apply    = { service = "codebuild", policy = data.aws_iam_policy_document.apply.json }
    register = { service = "codebuild", policy = data.aws_iam_policy_document.register.json }
  } : {}

  register_parameter_arns = [for name in var.delivery.register_parameters : "${local.arn.ssm}:parameter${var.context.path}/${name}"]

  state_folder = "${local.arn.s3}:${var.context.state.bucket}/${dirname(var.context.state.key)}"
  # The service of the ARN is that of the action too: codestar-connections, or codeconnections for newer ones.
  use_connection = "${split(":", "${var.delivery.connection_arn}::")[2]}:UseConnection"
}

resource "aws_iam_role" "delivery" {
  for_each = local.delivery_roles

  name                 = "${var.context.name}-${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.value.service].json
  permissions_boundary = "${local.arn.iam}:policy/${var.context.name}-${each.key}-boundary"

  depends_on = [aws_iam_policy.delivery_boundary]
}

resource "aws_iam_role_policy" "delivery" {
  for_each = local.delivery_roles

  name   = each.key
  role   = aws_iam_role.delivery[each.key].name
  policy = each.value.policy
}

# One each: together they would exceed what AWS allows one policy to hold, and none needs what another may.
resource "aws_iam_policy" "delivery_boundary" {
  for_each = local.delivery_roles

  name        = "${var.context.name}-${each.key}-boundary"
  description = "Permissions boundary of ${var.context.name}-${each.key}"
  policy      = each.value.policy
}

data "aws_iam_policy_document" "pipeline" {
  source_policy_documents = [
    data.aws_iam_policy_document.pass_artifacts.json,
    data.aws_iam_policy_document.read_sources.json,
    data.aws_iam_policy_document.use_key["message"].json,
  ]

  statement {
    sid       = "RunStages"
    actions   = ["codebuild:StartBuild", "codebuild:BatchGetBuilds"]
    resources = [for stage in ["plan", "apply", "register"] : "${local.arn.codebuild}:project/${var.context.name}-${stage}"]
  }

  statement {
    sid       = "AskForApproval"
    actions   = ["sns:Publish"]
    resources = ["${local.arn.sns}:${var.context.name}-alerts"]
  }
}

data "aws_iam_policy_document" "register" {
  source_policy_documents = [
    data.aws_iam_policy_document.pass_artifacts.json,
    data.aws_iam_policy_document.write_build_logs.json,
    data.aws_iam_policy_document.pull_the_image.json,
    data.aws_iam_policy_document.use_key["credentials"].json,
    data.aws_iam_policy_document.use_key["applied"].json,
  ]

  statement {
    sid       = "ReadWhatIsApplied"
    actions   = ["s3:GetObject"]
    resources = ["${local.state_folder}/gate.json", "${local.state_folder}/outputs.json"]
  }

  statement {
    sid       = "ReadCredentials"
    actions   = ["ssm:GetParameters"]
    resources = local.register_parameter_arns
  }
}

data "aws_iam_policy_document" "pass_artifacts" {
  source_policy_documents = [data.aws_iam_policy_document.use_key["data"].json]

  statement {
    sid       = "PassArtifacts"
    actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    resources = ["${local.arn.s3}:${var.context.bucket_prefix}-artifacts-${var.context.account_id}/*"]
  }

  statement {
    sid       = "FindArtifacts"
    actions   = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"]
    resources = ["${local.arn.s3}:${var.context.bucket_prefix}-artifacts-${var.context.account_id}"]
  }
}

data "aws_iam_policy_document" "read_sources" {
  statement {
    sid       = "ReadSources"
    actions   = [local.use_connection]
    resources = [var.delivery.connection_arn]
  }
}

data "aws_iam_policy_document" "write_build_logs" {
  statement {
    sid       = "WriteBuildLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.arn.log_groups}/delivery:log-stream:*"]
  }
}
