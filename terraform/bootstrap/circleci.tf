locals {
  issuer = "oidc.circleci.com/org/${var.circleci.organization_id}"

  # The id of the user stands before the branch: with * in its place a branch could be named so as to end like another.
  anybody = "????????-????-????-????-????????????"
}

resource "aws_iam_openid_connect_provider" "circleci" {
  url            = "https://${local.issuer}"
  client_id_list = [var.circleci.organization_id]
}

resource "aws_iam_role" "circleci" {
  name                 = "${local.name}-circleci"
  description          = "CircleCI: push the image and start a pipeline"
  assume_role_policy   = data.aws_iam_policy_document.circleci_trust.json
  permissions_boundary = aws_iam_policy.circleci.arn
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "circleci" {
  name   = "circleci"
  role   = aws_iam_role.circleci.id
  policy = data.aws_iam_policy_document.circleci.json
}

# Whatever is attached to the role later, it stays at this.
resource "aws_iam_policy" "circleci" {
  name        = "${local.name}-circleci-boundary"
  description = "Permissions boundary of CircleCI's role"
  policy      = data.aws_iam_policy_document.circleci.json
}

data "aws_iam_policy_document" "circleci_trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = ["arn:${local.partition}:iam::${var.account_id}:oidc-provider/${local.issuer}"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = [var.circleci.organization_id]
    }
    # Of CIRCLE_OIDC_TOKEN_V2, which names the branch.
    condition {
      test     = "StringLike"
      variable = "${local.issuer}:sub"
      values = [
        for branch in var.circleci.branches :
        "org/${var.circleci.organization_id}/project/${var.circleci.project_id}/user/${local.anybody}/vcs-origin/${var.circleci.origin}/vcs-ref/refs/heads/${branch}"
      ]
    }
  }
}

data "aws_iam_policy_document" "circleci" {
  statement {
    sid       = "RegistryLogin"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # AWS has no narrower form.
  }

  statement {
    sid = "PushTheImage"
    actions = [
      "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload",
      "ecr:PutImage", "ecr:UploadLayerPart",
    ]
    resources = ["arn:${local.partition}:ecr:${var.region}:${var.account_id}:repository/${var.image_repository}"]
  }

  statement {
    sid       = "StartThePipeline"
    actions   = ["codepipeline:StartPipelineExecution"]
    resources = [for environment in local.environments : "arn:${local.partition}:codepipeline:${var.region}:${var.account_id}:${environment.title}"]
  }

  # What flows may have: `make release` says before it starts what the pipeline would refuse. It is no secret.
  statement {
    sid       = "ReadWhatIsApplied"
    actions   = ["s3:GetObject"]
    resources = [for key, environment in local.environments : "arn:${local.partition}:s3:::${local.state_buckets[key]}/${environment.service}/outputs.json"]
  }

  statement {
    sid       = "DecryptWhatIsApplied"
    actions   = ["kms:Decrypt"]
    resources = ["arn:${local.partition}:kms:${var.region}:${var.account_id}:key/*"] # The key's id is unknown before the first apply; its alias is not.

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "kms:ResourceAliases"
      values   = ["alias/${local.name}"]
    }
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }
  }
}
