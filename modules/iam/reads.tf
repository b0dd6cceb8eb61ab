# What `terraform plan` reads of each resource that is described; what cannot be narrowed is listed apart. No content:
# neither logs, nor objects but the state's, nor parameters' values.
data "aws_iam_policy_document" "read_what_is_described" {
  statement {
    sid = "ReadEnvironment"
    actions = [
      "cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource",
      "codebuild:BatchGetProjects",
      "codepipeline:GetPipeline", "codepipeline:ListTagsForResource",
      "ecs:DescribeClusters", "ecs:DescribeServices",
      "events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule",
      "logs:DescribeMetricFilters", "logs:ListTagsForResource",
      "sns:GetTopicAttributes", "sns:ListTagsForResource",
      "sqs:GetQueueAttributes", "sqs:ListQueueTags",
    ]
    resources = [
      "${local.arn.cloudwatch}:alarm:${var.context.name}-*",
      "arn:${var.context.partition}:cloudwatch::${var.context.account_id}:dashboard/${var.context.name}",
      "${local.arn.codebuild}:project/${var.context.name}-*",
      "${local.arn.codepipeline}:${var.context.name}",
      "${local.arn.ecs}:cluster/${var.context.name}",
      "${local.arn.ecs}:service/${var.context.name}/*",
      "${local.arn.events}:rule/${var.context.name}-*",
      "${local.arn.log_groups}/*",
      "${local.arn.sns}:${var.context.name}-*",
      "${local.arn.sqs}:${var.context.name}-*",
    ]
  }

  statement {
    sid     = "ReadRolesAndPolicies"
    actions = ["iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"]
    resources = [
      "${local.arn.iam}:policy/${var.context.name}-*",
      "${local.arn.iam}:role/${var.context.name}-*",
      "${local.arn.iam}:role${local.flow_path}*",
    ]
  }

  statement {
    sid = "ReadBucketSettings"
    actions = [
      "s3:GetAccelerateConfiguration", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLogging",
      "s3:GetBucketObjectLockConfiguration", "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock",
      "s3:GetBucketRequestPayment", "s3:GetBucketTagging", "s3:GetBucketVersioning", "s3:GetBucketWebsite",
      "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration", "s3:ListBucket",
    ]
    resources = ["${local.arn.s3}:${var.context.bucket_prefix}-*"]
  }

  statement {
    sid       = "ReadKeySettings"
    actions   = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
    resources = ["${local.arn.kms}:key/*"] # The key's id is unknown before the first apply; its alias is not.

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "kms:ResourceAliases"
      values   = ["alias/${var.context.name}"]
    }
  }

  statement {
    sid       = "ReadWhatAwsNames"
    actions   = ["application-autoscaling:ListTagsForResource", "ec2:DescribeVpcAttribute"]
    resources = ["${local.arn.application-autoscaling}:scalable-target/*", "${local.arn.ec2}:vpc/*"]
  }

  # AWS has no narrower form of these.
  statement {
    sid = "ReadWhatHasNoName"
    actions = [
      "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies",
      "application-autoscaling:DescribeScheduledActions",
      "ec2:DescribeAddresses", "ec2:DescribeAddressesAttribute", "ec2:DescribeFlowLogs", "ec2:DescribeInternetGateways",
      "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls", "ec2:DescribePrefixLists", "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
      "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
      "ecs:DescribeTaskDefinition",
      "kms:ListAliases",
      "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
      "sns:GetSubscriptionAttributes",
    ]
    resources = ["*"]
  }
}
