variable "context" {
  description = "Names, account and region of this environment, and the task sizes that Fargate offers, as the root module makes them."
  type = object({
    name          = string
    path          = string
    region        = string
    fargate_sizes = list(object({ cpu = number, memory_mib = list(number) }))
  })
  nullable = false
}

variable "image" {
  description = "Image, named by digest: <repository>@sha256:<64 hex>."
  type        = string
  nullable    = false
}

variable "execution_arn" {
  description = "Role that Fargate uses to start a flow run."
  type        = string
  nullable    = false
}

variable "definitions" {
  description = "Task definitions by name: names of the parameters that runs receive as secrets, and the role of the runs. `flow` is that of flow files that declare nothing."
  type        = map(object({ secrets = set(string), task_role_arn = string }))
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.definitions) : can(regex("^flow(-[A-Za-z0-9_-]+)?$", name))])
    error_message = "definitions has ${join(", ", [for name in keys(var.definitions) : name if !can(regex("^flow(-[A-Za-z0-9_-]+)?$", name))])}; expected flow, or names that begin with flow-, because the agent may start no others."
  }

  validation {
    condition     = length(setintersection(flatten([for each in var.definitions : tolist(each.secrets)]), keys(local.environment))) == 0
    error_message = "${join(", ", setintersection(flatten([for each in var.definitions : tolist(each.secrets)]), keys(local.environment)))}: got a secret of a flow with the name of a variable of every run; expected another name, because ECS refuses a task that has both."
  }
}

variable "size" {
  description = "CPU units, memory (MiB) and disk (GiB) of a flow run, unless its deployment asks for another size."
  type        = object({ cpu = number, memory_mib = number, ephemeral_storage_gib = number })
  nullable    = false

  validation {
    condition = anytrue([for size in var.context.fargate_sizes : size.cpu == var.size.cpu && contains(size.memory_mib, var.size.memory_mib)])
    error_message = "size is ${var.size.cpu} CPU units with ${var.size.memory_mib} MiB; Fargate offers these, in steps: ${join(", ", [
      for size in var.context.fargate_sizes : "${size.cpu} with ${min(size.memory_mib...)} to ${max(size.memory_mib...)}"
    ])}."
  }

  validation {
    condition     = var.size.ephemeral_storage_gib >= 21 && var.size.ephemeral_storage_gib <= 200
    error_message = "size.ephemeral_storage_gib is ${var.size.ephemeral_storage_gib}; Fargate offers 21 to 200 GiB."
  }
}

variable "prefect" {
  description = "Address of the Prefect API, and the name of the variable with its credential."
  type        = object({ api_url = string, credential = string })
  nullable    = false
}

variable "parameter_arns" {
  description = "ARNs of all SSM parameters that flow runs may receive as secrets, by name."
  type        = map(string)
  nullable    = false
}

variable "logs" {
  description = "How many days logs are kept, and the key that encrypts them."
  type        = object({ retention_days = number, kms_key_arn = string })
  nullable    = false
}

variable "placement" {
  description = "Where flow runs start: cluster, private subnets, the egress-only security group, and FARGATE or FARGATE_SPOT."
  type = object({
    cluster_arn       = string
    subnet_ids        = list(string)
    security_group_id = string
    capacity_provider = string
  })
  nullable = false

  validation {
    condition     = contains(["FARGATE", "FARGATE_SPOT"], var.placement.capacity_provider)
    error_message = "placement.capacity_provider is \"${var.placement.capacity_provider}\"; expected FARGATE or FARGATE_SPOT."
  }
}

variable "environment" {
  description = "Environment variables of every flow run. Never a secret."
  type        = map(string)
  default     = {}
  nullable    = false
}
