locals {
  flow_path = "${var.context.path}/flows/"
  own_roles = toset(var.flow_permissions[*].definition)

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
      definition = each.definition
      sid        = "DeclaredBy${join("", [for word in regexall("[A-Za-z0-9]+", each.flow) : title(word)])}${index + 1}"
      actions    = each.actions
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

}

# What a flow declares is a role's of its own. The common one has it as well for the one apply after which runs change over.
data "aws_iam_policy_document" "declared" {
  for_each = setunion(local.own_roles, ["flow"])

  source_policy_documents = [data.aws_iam_policy_document.flow.json]

  dynamic "statement" {
    for_each = [for one in local.declared : one if one.definition == each.key || (each.key == "flow" && var.common_role_keeps)]

    content {
      sid       = statement.value.sid
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}

# Below a path of their own, which the agent may pass to tasks, and nothing else.
resource "aws_iam_role" "flow" {
  for_each = local.own_roles

  name                 = "${var.context.name}-${each.key}"
  path                 = local.flow_path
  assume_role_policy   = data.aws_iam_policy_document.trust["ecs-tasks"].json
  permissions_boundary = "${local.arn.iam}:policy/${var.context.name}-${each.key}-boundary"

  depends_on = [aws_iam_policy.flow_boundary]
}

resource "aws_iam_role_policy" "flow" {
  for_each = local.own_roles

  name   = each.key
  role   = aws_iam_role.flow[each.key].name
  policy = data.aws_iam_policy_document.declared[each.key].json
}

# One each, so that none grows with the number of flows.
resource "aws_iam_policy" "flow_boundary" {
  for_each = local.own_roles

  name        = "${var.context.name}-${each.key}-boundary"
  description = "Permissions boundary of ${var.context.name}-${each.key}"
  policy      = data.aws_iam_policy_document.declared[each.key].json
}
