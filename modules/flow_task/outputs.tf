output "base_job_template" {
  description = "Base job template of the Prefect work pool: everything about the infrastructure that the worker needs to start a flow run."
  value = {
    variables = {
      type = "object"
      properties = {
        name    = { type = "string", title = "Name", description = "Name of the flow run, given by the worker." }
        command = { type = "string", title = "Command", description = "Command of the flow run, given by the worker." }
        labels  = { type = "object", title = "Labels", description = "Tags of the ECS task.", additionalProperties = { type = "string" } }
        env = {
          type                 = "object"
          title                = "Environment"
          description          = "Further environment variables. Secrets do not belong here: they come from SSM."
          additionalProperties = { type = "string" }
        }
        cpu = {
          type        = "integer"
          title       = "CPU"
          description = "CPU units, 1024 for one vCPU."
          default     = var.size.cpu
          enum        = var.context.fargate_sizes[*].cpu
        }
        definition = {
          type        = "string"
          title       = "Task definition"
          description = "Which task definition the run starts from. Registration sets it, by what the flow's file declares."
          default     = "flow"
          enum        = sort(keys(var.definitions))
        }
        memory = { type = "integer", title = "Memory", description = "Memory in MiB.", default = var.size.memory_mib }
        ephemeral_storage_gib = {
          type        = "integer"
          title       = "Disk"
          description = "Disk in GiB, 21 to 200."
          default     = var.size.ephemeral_storage_gib
          minimum     = 21
          maximum     = 200
        }
      }
    }
    job_configuration = {
      name            = "{{ name }}"
      command         = "{{ command }}"
      env             = "{{ env }}"
      labels          = "{{ labels }}"
      cluster         = var.placement.cluster_arn
      container_name  = "prefect"
      task_definition = {}
      # Our worker starts a run from the one of these that `definition` names (scripts/agent/configuration.py).
      definition       = "{{ definition }}"
      task_definitions = { for name, each in aws_ecs_task_definition.flow : name => each.arn }
      # Makes the worker leave its own credential out of RunTask's overrides; the task definition injects it from SSM.
      (var.prefect.credential == "PREFECT_API_KEY" ? "prefect_api_key_secret_arn" : "prefect_api_auth_string_secret_arn") = var.parameter_arns[var.prefect.credential]
      task_run_request = {
        cluster                  = var.placement.cluster_arn
        taskDefinition           = aws_ecs_task_definition.flow["flow"].arn
        capacityProviderStrategy = [{ capacityProvider = var.placement.capacity_provider, weight = 1 }]
        propagateTags            = "TASK_DEFINITION"
        enableECSManagedTags     = true
        tags                     = "{{ labels }}"
        networkConfiguration = {
          awsvpcConfiguration = {
            subnets        = var.placement.subnet_ids
            securityGroups = [var.placement.security_group_id]
            assignPublicIp = "DISABLED"
          }
        }
        overrides = {
          cpu              = "{{ cpu }}"
          memory           = "{{ memory }}"
          ephemeralStorage = { sizeInGiB = "{{ ephemeral_storage_gib }}" }
          containerOverrides = [{
            name        = "prefect"
            command     = "{{ command }}"
            environment = "{{ env }}"
            cpu         = "{{ cpu }}"
            memory      = "{{ memory }}"
          }]
        }
      }
    }
  }
}

output "log_group" {
  description = "Name of the log group of flow runs."
  value       = aws_cloudwatch_log_group.flow.name
}
