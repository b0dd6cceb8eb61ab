# S3 traffic stays inside AWS and costs nothing; the policy keeps it to our buckets, what flows declare, image layers and
# Snowflake's stages.
resource "aws_vpc_endpoint" "s3" {
  count = local.own

  vpc_id            = aws_vpc.tasks[0].id
  service_name      = "com.amazonaws.${var.context.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.private : table.id]
  policy            = data.aws_iam_policy_document.s3_endpoint.json

  tags = { Name = "${var.context.name}-s3" }
}

data "aws_iam_policy_document" "s3_endpoint" {
  #checkov:skip=CKV_AWS_283:Whoever passes through the endpoint still needs its own IAM permission; the statements name the buckets

  statement {
    sid       = "BucketsOfThisEnvironment"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]
    resources = ["arn:${var.context.partition}:s3:::${var.context.bucket_prefix}-*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    # The bucket's account too: names are global, and another account may have taken one.
    dynamic "condition" {
      for_each = toset(["aws:PrincipalAccount", "aws:ResourceAccount"])

      content {
        test     = "StringEquals"
        variable = condition.key
        values   = [var.context.account_id]
      }
    }
  }

  dynamic "statement" {
    for_each = local.declared_together["s3"]

    content {
      actions   = split(" ", statement.key)
      resources = statement.value

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:PrincipalAccount"
        values   = [var.context.account_id]
      }
    }
  }

  # PUT and GET of an internal stage go straight to Snowflake's bucket, with credentials that Snowflake hands out. Ours
  # may not be used there: no way out for what a flow can read.
  statement {
    sid       = "SnowflakeStages"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = ["arn:${var.context.partition}:s3:::sfc-*customer-stage/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "StringNotEquals"
      variable = "aws:PrincipalAccount"
      values   = [var.context.account_id]
    }
  }

  statement {
    sid       = "ImageLayers"
    actions   = ["s3:GetObject"]
    resources = ["arn:${var.context.partition}:s3:::prod-${var.context.region}-starport-layer-bucket/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}

resource "aws_security_group" "endpoints" {
  count = length(var.network.interface_endpoints) > 0 ? 1 : 0

  name        = "${var.context.name}-endpoints"
  description = "Interface endpoints: HTTPS from tasks only"
  vpc_id      = aws_vpc.tasks[0].id

  tags = { Name = "${var.context.name}-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count = length(var.network.interface_endpoints) > 0 ? 1 : 0

  security_group_id            = aws_security_group.endpoints[0].id
  description                  = "HTTPS from tasks"
  referenced_security_group_id = aws_security_group.tasks.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.network.interface_endpoints

  vpc_id              = aws_vpc.tasks[0].id
  service_name        = "com.amazonaws.${var.context.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints[0].id]
  policy              = data.aws_iam_policy_document.interface_endpoint[each.key].json

  tags = { Name = "${var.context.name}-${each.key}" }
}

locals {
  # A statement for each set of actions, not for each flow: a policy has 20,480 characters.
  declared_together = { for service in ["s3", "ecr", "logs", "ssm", "sqs"] : service => {
    for actions, several in {
      for each in var.declared :
      join(" ", [for action in sort(each.actions) : action if startswith(action, "${service}:")]) =>
      [for resource in each.resources : resource if startswith(resource, "arn:${var.context.partition}:${service}:")]...
    } : actions => sort(distinct(flatten(several))) if actions != "" && length(flatten(several)) > 0
  } }

  pull = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
  here = "${var.context.region}:${var.context.account_id}"

  # Service → resource → what tasks ask of it. Besides what flows declare, an endpoint lets nothing else through, whatever a
  # task's role allows.
  endpoint_access = {
    "ecr.api" = {
      "ecr:${local.here}:repository/${var.context.image_repository}" = local.pull
      "*"                                                            = ["ecr:GetAuthorizationToken"] # AWS has no narrower form.
    }
    "ecr.dkr" = { "ecr:${local.here}:repository/${var.context.image_repository}" = local.pull }
    logs      = { "logs:${local.here}:log-group:${var.context.path}/*" = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:GetLogEvents"] }
    ssm       = { "ssm:${local.here}:parameter${var.context.path}/*" = ["ssm:GetParameters"] }
    sqs       = { "sqs:${local.here}:${var.context.name}-task-events" = ["sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:DeleteMessage"] }
  }
}

data "aws_iam_policy_document" "interface_endpoint" {
  #checkov:skip=CKV_AWS_283:Whoever passes through the endpoint still needs its own IAM permission; the statements name the account
  for_each = var.network.interface_endpoints

  dynamic "statement" {
    for_each = concat(
      [for resource, actions in local.endpoint_access[each.key] : {
        actions = actions, resources = [resource == "*" ? "*" : "arn:${var.context.partition}:${resource}"]
      }],
      [for actions, resources in local.declared_together[split(".", each.key)[0]] : { actions = split(" ", actions), resources = resources }],
    )

    content {
      actions   = statement.value.actions
      resources = statement.value.resources

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:PrincipalAccount"
        values   = [var.context.account_id]
      }
    }
  }
}
