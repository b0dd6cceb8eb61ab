locals {
  nat_zones = var.nat_per_zone ? var.availability_zones : slice(var.availability_zones, 0, 1)

  private_cidrs = { for index, zone in var.availability_zones : zone => cidrsubnet(var.cidr, 3, index) }
  public_cidrs  = { for index, zone in var.availability_zones : zone => cidrsubnet(var.cidr, 8, 255 - index) }
}

resource "aws_vpc" "tasks" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.context.name }
}

# Emptied, so that whatever is started without a group of its own reaches nothing.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.tasks.id

  tags = { Name = "${var.context.name}-closed" }
}

resource "aws_subnet" "private" {
  for_each = local.private_cidrs

  vpc_id                  = aws_vpc.tasks.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false

  tags = { Name = "${var.context.name}-private-${each.key}" }
}

# Public subnets hold NAT gateways and nothing else.
resource "aws_subnet" "public" {
  for_each = local.public_cidrs

  vpc_id                  = aws_vpc.tasks.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false

  tags = { Name = "${var.context.name}-public-${each.key}" }
}

resource "aws_security_group" "tasks" {
  #checkov:skip=CKV2_AWS_5:ecs_agent attaches it to the agent and flow_task to flow runs
  name        = "${var.context.name}-tasks"
  description = "Agent and flow runs: egress only"
  vpc_id      = aws_vpc.tasks.id

  tags = { Name = "${var.context.name}-tasks" }
}

resource "aws_vpc_security_group_egress_rule" "tasks" {
  for_each = toset([for port in var.egress_ports : tostring(port)])

  security_group_id = aws_security_group.tasks.id
  description       = "TCP ${each.key} to anywhere"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.key)
  to_port           = tonumber(each.key)
}

resource "aws_cloudwatch_log_group" "flow_logs" {
  #checkov:skip=CKV_AWS_158:Encrypted with the key of this environment; its ARN is unknown until the first apply
  name              = "${var.context.path}/vpc"
  retention_in_days = var.flow_logs.retention_days
  kms_key_id        = var.flow_logs.kms_key_arn
}

resource "aws_flow_log" "vpc" {
  vpc_id          = aws_vpc.tasks.id
  traffic_type    = "ALL"
  iam_role_arn    = var.flow_logs.role_arn
  log_destination = aws_cloudwatch_log_group.flow_logs.arn

  tags = { Name = var.context.name }
}
