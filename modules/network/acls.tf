# Network ACLs have no memory of a connection: each of its directions through each kind of subnet is a rule here.
#   task → NAT → internet   private out, public in (from the VPC), public out;  back: public in, public out, private in
#   task → S3 gateway       private out;                                        back: private in
#   task → interface endpoint in another private subnet: private out, private in; back: the same
# The VPC's name server, and a task's metadata and credentials, pass no ACL.
locals {
  anywhere = "0.0.0.0/0"
  replies  = { from = 32768, to = 65535 } # Ports that Linux on Fargate calls from.
  ports    = [for port in local.egress_ports : { from = port, to = port }]
  inside   = length(var.network.interface_endpoints) > 0 ? [var.network.cidr] : []

  acls = {
    private = {
      egress = concat(
        [for port in local.ports : merge(port, { cidr = local.anywhere })],
        [for cidr in local.inside : merge(local.replies, { cidr = cidr })],
      )
      ingress = concat(
        [merge(local.replies, { cidr = local.anywhere })],
        [for cidr in local.inside : { from = 443, to = 443, cidr = cidr }],
      )
    }
    public = {
      egress = concat(
        [for port in local.ports : merge(port, { cidr = local.anywhere })],
        [merge(local.replies, { cidr = var.network.cidr })],
      )
      ingress = concat(
        [for port in local.ports : merge(port, { cidr = var.network.cidr })],
        [{ from = 1024, to = 65535, cidr = local.anywhere }], # Ports that a NAT gateway calls from.
      )
    }
  }
}

# Emptied, so that a subnet without an ACL of its own reaches nothing.
resource "aws_default_network_acl" "closed" {
  count = local.own

  default_network_acl_id = aws_vpc.tasks[0].default_network_acl_id

  tags = { Name = "${var.context.name}-closed" }

  lifecycle {
    ignore_changes = [subnet_ids] # AWS puts a new subnet here until its own ACL takes it.
  }
}

resource "aws_network_acl" "subnets" {
  #checkov:skip=CKV_AWS_231:3389 is among the ports that a NAT gateway calls from; public subnets hold nothing that listens
  for_each = { for kind, rules in local.acls : kind => rules if local.own == 1 }

  vpc_id     = aws_vpc.tasks[0].id
  subnet_ids = [for subnet in each.key == "private" ? aws_subnet.private : aws_subnet.public : subnet.id]

  dynamic "egress" {
    for_each = each.value.egress

    content {
      rule_no    = 100 + egress.key
      action     = "allow"
      protocol   = "tcp"
      cidr_block = egress.value.cidr
      from_port  = egress.value.from
      to_port    = egress.value.to
    }
  }

  dynamic "ingress" {
    for_each = each.value.ingress

    content {
      rule_no    = 100 + ingress.key
      action     = "allow"
      protocol   = "tcp"
      cidr_block = ingress.value.cidr
      from_port  = ingress.value.from
      to_port    = ingress.value.to
    }
  }

  # "Fragmentation needed": without it a connection over a narrower path hangs.
  egress {
    rule_no    = 200
    action     = "allow"
    protocol   = "icmp"
    cidr_block = local.anywhere
    icmp_type  = 3
    icmp_code  = 4
    from_port  = 0
    to_port    = 0
  }

  ingress {
    rule_no    = 200
    action     = "allow"
    protocol   = "icmp"
    cidr_block = local.anywhere
    icmp_type  = 3
    icmp_code  = 4
    from_port  = 0
    to_port    = 0
  }

  tags = { Name = "${var.context.name}-${each.key}" }
}
