variable "context" {
  description = "Names, account and region of this environment, as the root module makes them."
  type = object({
    name             = string
    path             = string
    partition        = string
    account_id       = string
    region           = string
    bucket_prefix    = string
    image_repository = string
  })
  nullable = false
}

variable "network" {
  description = <<-EOT
    Either a new VPC or an existing one.
    New: cidr (each private subnet gets an eighth of it, each public subnet a 256th from its end) and two or three availability_zones;
    a NAT gateway in each zone, or one for all with nat_per_zone = false; optionally AWS services that are reached inside the VPC instead of
    through NAT (interface_endpoints), and named ranges used elsewhere that the VPC must not overlap (reserved_ranges).
    Existing: its id and private subnets that reach the internet through NAT. Its owner provides routes, ACLs, endpoints and flow logs.
    Both: the TCP ports that tasks may reach outside beside 443 (egress_ports). 443 alone is enough for AWS, Prefect Cloud, Snowflake and dbt Cloud.
  EOT
  type = object({
    cidr                = optional(string)
    availability_zones  = optional(list(string))
    nat_per_zone        = optional(bool) # Null means true for a new VPC, and is required for an existing one.
    interface_endpoints = optional(set(string), [])
    reserved_ranges     = optional(map(string), {})
    existing            = optional(object({ vpc_id = string, private_subnet_ids = list(string) }))
    egress_ports        = optional(set(number), [])
  })
  nullable = false

  validation {
    condition = (var.network.existing == null
      ? var.network.cidr != null && var.network.availability_zones != null
      : var.network.cidr == null && var.network.availability_zones == null && var.network.nat_per_zone == null
      && length(var.network.interface_endpoints) + length(var.network.reserved_ranges) == 0
    )
    error_message = "network sets [${join(", ", compact([
      var.network.cidr != null ? "cidr" : "",
      var.network.availability_zones != null ? "availability_zones" : "",
      var.network.nat_per_zone != null ? "nat_per_zone" : "",
      length(var.network.interface_endpoints) > 0 ? "interface_endpoints" : "",
      length(var.network.reserved_ranges) > 0 ? "reserved_ranges" : "",
      var.network.existing != null ? "existing" : "",
    ]))}]; expected cidr and availability_zones for a new VPC, or existing without any of the others."
  }

  validation {
    condition = try(can(regex("^vpc-[0-9a-f]+$", var.network.existing.vpc_id)) && alltrue([
      for id in var.network.existing.private_subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))
    ]), true)
    error_message = "network.existing is ${try(var.network.existing.vpc_id, "")} with [${try(join(", ", var.network.existing.private_subnet_ids), "")}]; expected AWS's ids: vpc-… and subnet-…."
  }

  validation {
    condition     = try(length(distinct(var.network.existing.private_subnet_ids)) >= 2, true)
    error_message = "network.existing.private_subnet_ids is [${try(join(", ", var.network.existing.private_subnet_ids), "")}]; expected two or more different subnets in different zones, so that the loss of one zone does not stop the agent."
  }

  validation {
    condition     = try(can(cidrhost(var.network.cidr, 0)) && can(regex("/(1[6-9]|20)$", var.network.cidr)), false) || var.network.cidr == null
    error_message = "network.cidr is \"${try(coalesce(var.network.cidr), "")}\"; expected an IPv4 range from /16 to /20, such as 10.20.0.0/16."
  }

  validation {
    condition     = try(cidrsubnet(var.network.cidr, 0, 0) == var.network.cidr, true)
    error_message = "network.cidr is \"${try(coalesce(var.network.cidr), "")}\"; expected the first address of the range, ${try(cidrsubnet(var.network.cidr, 0, 0), "")}."
  }

  validation {
    condition     = alltrue([for range in values(var.network.reserved_ranges) : can(cidrnetmask(range))])
    error_message = "network.reserved_ranges has ${join(", ", [for name, range in var.network.reserved_ranges : "${name} = \"${range}\"" if !can(cidrnetmask(range))])}; expected IPv4 ranges, such as 10.30.0.0/16."
  }

  validation {
    condition     = try(contains([2, 3], length(distinct(var.network.availability_zones))), true)
    error_message = "network.availability_zones is [${try(join(", ", var.network.availability_zones), "")}]; expected two or three different zones, so that the loss of one does not stop the agent."
  }

  validation {
    condition     = try(alltrue([for zone in var.network.availability_zones : startswith(zone, var.context.region)]), true)
    error_message = "network.availability_zones is [${try(join(", ", var.network.availability_zones), "")}]; expected zones of the region, ${var.context.region}."
  }
  validation {
    condition = (length(setunion([443], var.network.egress_ports)) <= 10
      && alltrue([for port in var.network.egress_ports : port >= 1 && port <= 65535 && floor(port) == port])
    )
    error_message = "network.egress_ports is [${join(", ", var.network.egress_ports)}]; expected at most ten ports from 1 to 65535, with 443, which tasks may always reach."
  }

  validation {
    condition     = length(setsubtract(var.network.interface_endpoints, keys(local.endpoint_access))) == 0
    error_message = "network.interface_endpoints has ${join(", ", setsubtract(var.network.interface_endpoints, keys(local.endpoint_access)))}; expected any of ${join(", ", keys(local.endpoint_access))}."
  }
}

variable "declared" {
  description = "Permissions that flows declare in addition to their bucket: the endpoint policies allow them as well."
  type        = list(object({ sid = string, actions = list(string), resources = list(string) }))
  default     = []
  nullable    = false
}

variable "flow_logs" {
  description = "Role that delivers the flow logs of a new VPC, how many days they are kept, and the key that encrypts them."
  type        = object({ role_arn = string, retention_days = number, kms_key_arn = string })
  nullable    = false
}
