resource "aws_internet_gateway" "egress" {
  count = local.own

  vpc_id = aws_vpc.tasks[0].id

  tags = { Name = var.context.name }
}

resource "aws_eip" "nat" {
  #checkov:skip=CKV2_AWS_19:The address belongs to a NAT gateway, not to an instance
  for_each = toset(local.nat_zones)

  domain = "vpc"

  tags = { Name = "${var.context.name}-nat-${each.key}" }
}

resource "aws_nat_gateway" "egress" {
  for_each = toset(local.nat_zones)

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id

  tags = { Name = "${var.context.name}-${each.key}" }

  depends_on = [aws_internet_gateway.egress]
}

resource "aws_route_table" "public" {
  count = local.own

  vpc_id = aws_vpc.tasks[0].id

  tags = { Name = "${var.context.name}-public" }
}

resource "aws_route" "public_to_internet" {
  count = local.own

  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.egress[0].id
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_route_table" "private" {
  for_each = local.private_cidrs

  vpc_id = aws_vpc.tasks[0].id

  tags = { Name = "${var.context.name}-private-${each.key}" }
}

resource "aws_route" "private_to_nat" {
  for_each = local.private_cidrs

  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.egress[local.nat_per_zone ? each.key : local.nat_zones[0]].id
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private[each.key].id
}
