output "facts" {
  description = "What registration needs to know of this environment: the image holds no tfvars. result_block is empty where results are not kept."
  value = {
    environment  = var.environment
    name         = var.name
    title        = local.name
    owner        = var.owner
    schedules    = var.schedules
    guarded      = var.guarded
    result_block = local.result_block
  }
}

output "work_pool" {
  description = "Prefect work pool of this environment: its name and base job template, for registration to write."
  value = {
    name              = local.name
    base_job_template = module.flow_task.base_job_template
  }
}

output "results_bucket" {
  description = "Bucket of landing data, results, quarantine and exports."
  value       = module.results_store.bucket.name
}

output "image" {
  description = "Image that the agent and flow runs use, by digest."
  value       = local.image
}

output "pipeline_url" {
  description = "Page of this environment's pipeline in the AWS console; empty where there is none."
  value       = join("", module.delivery[*].url)
}
