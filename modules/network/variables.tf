variable "context" {
  description = "Names and place of this environment, as the root module makes them."
  type = object({
    name          = string
    path          = string
    partition     = string
    account_id    = string
    region        = string
    bucket_prefix = string
  })
  nullable = false
}

variable "cidr" {
  description = "Address range of the VPC. Private subnets take eighths of it, public subnets 256ths from its end."
  type        = string
  nullable    = false

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && can(regex("/(1[6-9]|20)$", var.cidr))
    error_message = "cidr is \"${var.cidr}\"; expected an IPv4 range from /16 to /20, such as 10.20.0.0/16."
  }
}

variable "availability_zones" {
  description = "Zones to spread over, two or three."
  type        = list(string)
  nullable    = false

  validation {
    condition     = contains([2, 3], length(distinct(var.availability_zones)))
    error_message = "availability_zones is [${join(", ", var.availability_zones)}]; expected two or three different zones, so that losing one does not stop the agent."
  }
}

variable "nat_per_zone" {
  description = "A NAT gateway in each zone (no single point of failure, no traffic between zones) instead of one for all."
  type        = bool
  default     = false
  nullable    = false
}

variable "egress_ports" {
  description = "TCP ports that tasks may reach outside. 443 covers AWS, Prefect Cloud, Snowflake and dbt Cloud."
  type        = set(number)
  default     = [443]
  nullable    = false
}

variable "interface_endpoints" {
  description = "AWS services reached inside the VPC instead of through NAT, such as ecr.api, ecr.dkr, logs, ssm, sqs."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "flow_logs" {
  description = "Role that delivers VPC flow logs, how many days they are kept, and the key that encrypts them."
  type        = object({ role_arn = string, retention_days = number, kms_key_arn = string })
  nullable    = false
}
