# A key may be used through one service, for what a role needs it for. Its id is unknown before the first apply; its alias is
# not, so a condition names that.
locals {
  use  = ["kms:Decrypt", "kms:GenerateDataKey"]
  read = ["kms:Decrypt"]
  own  = "alias/${var.context.name}"

  key_uses = {
    data        = { sid = "EncryptData", actions = local.use, alias = local.own, through = "s3", parameters = [] }
    message     = { sid = "EncryptMessages", actions = local.use, alias = local.own, through = "sns", parameters = [] }
    secrets     = { sid = "DecryptSecrets", actions = local.read, alias = local.own, through = "ssm", parameters = ["${local.arn.ssm}:parameter${var.context.path}/*"] }
    credentials = { sid = "DecryptCredentials", actions = local.read, alias = local.own, through = "ssm", parameters = local.register_parameter_arns }
    state       = { sid = "EncryptState", actions = local.use, alias = var.context.state.kms_alias, through = "s3", parameters = [] }
    applied     = { sid = "DecryptWhatIsApplied", actions = local.read, alias = var.context.state.kms_alias, through = "s3", parameters = [] }
  }
}

data "aws_iam_policy_document" "use_key" {
  for_each = local.key_uses

  statement {
    sid       = each.value.sid
    actions   = each.value.actions
    resources = ["${local.arn.kms}:key/*"]

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "kms:ResourceAliases"
      values   = [each.value.alias]
    }
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["${each.value.through}.${var.context.region}.amazonaws.com"]
    }

    dynamic "condition" {
      for_each = length(each.value.parameters) > 0 ? [1] : []

      content {
        test     = each.key == "secrets" ? "StringLike" : "StringEquals" # Which of them, the role's right to read them says.
        variable = "kms:EncryptionContext:PARAMETER_ARN"
        values   = each.value.parameters
      }
    }
  }
}
