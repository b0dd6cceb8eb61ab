data "aws_partition" "current" {}

locals {
  name      = "${var.name}-Bootstrap"
  partition = data.aws_partition.current.partition

  # As terraform/main.tf names them. An environment of the stack that the bootstrap is named after is known by its own
  # name, one of another stack by its buckets' prefix, which has a hyphen and so is no environment's name.
  environments = merge([
    for stack, environments in var.stacks : {
      for environment in environments : (stack == var.name ? environment : "${lower(stack)}-${environment}") => {
        title         = "${stack}-${title(environment)}"
        bucket_prefix = "${lower(stack)}-${environment}"
        service       = lower(replace(stack, "/([a-z0-9])([A-Z])/", "$1-$2"))
      }
    }
  ]...)

  account_root = "arn:${local.partition}:iam::${var.account_id}:root"
}

# State and images of every environment in the account.
resource "aws_kms_key" "account" {
  description             = "${local.name}: Terraform state and images"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "account" {
  name          = "alias/${local.name}" # The pipelines' roles know the key by it (modules/iam).
  target_key_id = aws_kms_key.account.key_id
}

data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:In a key policy the resource * is this key; the account root must be able to administer it
  #checkov:skip=CKV_AWS_111:In a key policy the resource * is this key
  #checkov:skip=CKV_AWS_356:In a key policy the resource * is this key

  # Without this statement no IAM policy of the account could grant use of the key, and nobody could repair it.
  statement {
    sid       = "AccountAdministers"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.account_root]
    }
  }
}
