locals {
  placeholders = {
    "{partition}" = var.context.partition
    "{region}"    = var.context.region
    "{account}"   = var.context.account_id
    "{env}"       = var.context.environment
    "{Env}"       = title(var.context.environment)
    "{title}"     = var.context.name
    "{prefix}"    = var.context.bucket_prefix
    "{path}"      = var.context.path
  }
  declared = [
    for index, each in var.flow_permissions : {
      sid     = "DeclaredBy${join("", [for word in regexall("[A-Za-z0-9]+", each.flow) : title(word)])}${index + 1}"
      actions = each.actions
      resources = [
        for resource in each.resources :
        join("", [for part in regexall("\\{\\w+\\}|[^{]+|\\{", resource) : lookup(local.placeholders, part, part)])
      ]
    }
  ]
}

# What a flow run itself may do. Secrets reach it through ECS, so it needs no right to read them.
data "aws_iam_policy_document" "flow" {
  source_policy_documents = [data.aws_iam_policy_document.use_key["data"].json]

  statement {
    sid       = "ReadAndWriteData"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = [for prefix in ["landing", "results", "quarantine", "export"] : "${var.results_bucket_arn}/${prefix}/*"]
  }

  statement {
    sid       = "ListData"
    actions   = ["s3:ListBucket"]
    resources = [var.results_bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["landing/*", "results/*", "quarantine/*", "export/*"]
    }
  }

  dynamic "statement" {
    for_each = local.declared

    content {
      sid       = statement.value.sid
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}
