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

output "results_bucket" {
  description = "Bucket of landing data, results, quarantine and exports."
  value       = module.results_store.bucket.name
}

output "image" {
  description = "Image of the agent and of flow runs, named by digest."
  value       = local.image
}

output "pipeline_url" {
  description = "Page of this environment's pipeline in the AWS console; empty without a pipeline."
  value       = join("", module.delivery[*].url)
}

output "flow_permissions" {
  description = "AWS permissions that flow files declared, as they are applied. On the local stack registration compares them with those of the working tree."
  value       = var.flow_permissions
}
