output "facts" {
  description = "Facts that registration needs, because the image holds no tfvars. result_block is empty where results are not kept."
  value = {
    environment  = var.environment
    name         = var.name
    title        = local.name
    owner        = var.owner
    schedules    = var.schedules
    guarded      = var.guarded
    region       = var.region
    log_group    = module.flow_task.log_group
    alerts       = concat(var.alerts.email == "" ? [] : ["email"], local.chosen)
    result_block = local.result_block
  }
}

output "work_pool" {
  description = "Prefect work pool of this environment: its name, its base job template and how many runs are under way at once, which registration writes, and how long a run may take unless its deployment says."
  value = {
    name               = local.name
    base_job_template  = module.flow_task.base_job_template
    concurrency_limit  = var.flow_task.at_once
    time_limit_minutes = var.flow_task.time_limit_minutes
  }
}

output "flows" {
  description = "What is applied of what flow files declare: task definition, secrets and permissions by the file's path below flows/, and all parameters that runs may be given."
  value = {
    declared = { for flow, each in var.flow_definitions : flow => {
      definition  = each.name
      secrets     = each.secrets
      permissions = [for one in var.flow_permissions : { actions = one.actions, resources = one.resources } if one.flow == flow]
    } }
    parameters = sort(keys(module.parameters.arns))
  }
}

output "results_bucket" {
  description = "Bucket of landing data, results, quarantine and exports."
  value       = module.results_store.bucket.name
}

output "nat_addresses" {
  description = "Public addresses that flow runs are seen with, for Snowflake's network policy; none for an existing VPC."
  value       = module.network.nat_addresses
}

output "image" {
  description = "Image of the agent and of flow runs, named by digest."
  value       = local.image
}

output "pipeline_url" {
  description = "Page of this environment's pipeline in the AWS console; empty without a pipeline."
  value       = join("", module.delivery[*].url)
}
