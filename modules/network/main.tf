locals {
  # A VPC that is there already is its owner's: then only the task security group is made.
  own   = var.network.existing == null ? 1 : 0
  zones = var.network.existing == null ? var.network.availability_zones : []
  # With one NAT gateway, losing its zone stops every zone.
  nat_per_zone = coalesce(var.network.nat_per_zone, true)
  nat_zones    = local.nat_per_zone ? local.zones : slice(local.zones, 0, local.own)

  egress_ports = setunion([443], var.network.egress_ports)

  private_cidrs = { for index, zone in local.zones : zone => cidrsubnet(var.network.cidr, 3, index) }
  public_cidrs  = { for index, zone in local.zones : zone => cidrsubnet(var.network.cidr, 8, 255 - index) }

  # Two ranges overlap if the shorter of their prefixes gives both the same first address.
  overlaps = [for name, range in var.network.reserved_ranges : "${range} (${name})" if try(length(distinct([
    for one in [var.network.cidr, range] :
    cidrhost("${split("/", one)[0]}/${min(split("/", range)[1], split("/", var.network.cidr)[1])}", 0)
  ])) == 1, false)] # Without a range of its own there is nothing to compare.
}

resource "aws_vpc" "tasks" {
  count = local.own

  cidr_block           = var.network.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.context.name }

  lifecycle {
    precondition {
      condition     = length(local.overlaps) == 0
      error_message = "network.cidr is \"${var.network.cidr}\", which overlaps ${join(" and ", local.overlaps)}; expected a range that none of network.reserved_ranges overlaps."
    }
  }
}

# Emptied, so that whatever is started without a group of its own reaches nothing.
resource "aws_default_security_group" "closed" {
  count = local.own

  vpc_id = aws_vpc.tasks[0].id

  tags = { Name = "${var.context.name}-closed" }
}

resource "aws_subnet" "private" {
  for_each = local.private_cidrs

  vpc_id                  = aws_vpc.tasks[0].id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false

  tags = { Name = "${var.context.name}-private-${each.key}" }
}

# Public subnets hold NAT gateways and nothing else.
resource "aws_subnet" "public" {
  for_each = local.public_cidrs

  vpc_id                  = aws_vpc.tasks[0].id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false

  tags = { Name = "${var.context.name}-public-${each.key}" }
}

resource "aws_security_group" "tasks" {
  #checkov:skip=CKV2_AWS_5:ecs_agent attaches it to the agent and flow_task to flow runs
  name        = "${var.context.name}-tasks"
  description = "Agent and flow runs: egress only"
  vpc_id      = var.network.existing == null ? aws_vpc.tasks[0].id : var.network.existing.vpc_id

  tags = { Name = "${var.context.name}-tasks" }
}

resource "aws_vpc_security_group_egress_rule" "tasks" {
  for_each = toset([for port in local.egress_ports : tostring(port)])

  security_group_id = aws_security_group.tasks.id
  description       = "TCP ${each.key} to anywhere"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.key)
  to_port           = tonumber(each.key)
}

resource "aws_cloudwatch_log_group" "flow_logs" {
  #checkov:skip=CKV_AWS_158:Encrypted with the key of this environment; its ARN is unknown until the first apply
  count = local.own

  name              = "${var.context.path}/vpc"
  retention_in_days = var.flow_logs.retention_days
  kms_key_id        = var.flow_logs.kms_key_arn
}

resource "aws_flow_log" "vpc" {
  count = local.own

  vpc_id          = aws_vpc.tasks[0].id
  traffic_type    = "ALL"
  iam_role_arn    = var.flow_logs.role_arn
  log_destination = aws_cloudwatch_log_group.flow_logs[0].arn

  tags = { Name = var.context.name }
}
