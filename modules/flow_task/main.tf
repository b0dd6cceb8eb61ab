locals {
  environment = merge({
    PREFECT_API_URL = var.prefect.api_url
    # Spot and StopTask end a task by SIGTERM: its run is scheduled again instead of Crashed.
    PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR = "reschedule"
    PREFECT_LOGGING_LOG_PRINTS                = "true" # What a flow prints is in its log in Prefect too.
    # A server that is gone for some minutes or answers 500 is asked again, after 2, 4, … 128 s.
    PREFECT_CLIENT_MAX_RETRIES       = "7"
    PREFECT_CLIENT_RETRY_EXTRA_CODES = "500,504"
  }, var.environment)
}

resource "aws_cloudwatch_log_group" "flow" {
  #checkov:skip=CKV_AWS_158:Encrypted with the key of this environment; its ARN is unknown until the first apply
  name              = "${var.context.path}/flow"
  retention_in_days = var.logs.retention_days
  kms_key_id        = var.logs.kms_key_arn
}

# Terraform owns the definitions of flow runs: the worker may only start them, so no other image and no other role can run.
resource "aws_ecs_task_definition" "flow" {
  for_each = var.definitions

  family                   = "${var.context.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.size.cpu
  memory                   = var.size.memory_mib
  execution_role_arn       = var.execution_arn
  task_role_arn            = each.value.task_role_arn
  skip_destroy             = true # A replaced revision stays. Flow runs start from it until the new one is registered with Prefect.

  container_definitions = jsonencode([{
    name                   = "prefect" # The agent looks for this name.
    image                  = var.image
    essential              = true
    memory                 = var.size.memory_mib
    command                = ["prefect", "flow-run", "execute"]
    environment            = [for name in sort(keys(local.environment)) : { name = name, value = local.environment[name] }]
    secrets                = [for name in sort(each.value.secrets) : { name = name, valueFrom = var.parameter_arns[name] }]
    privileged             = false
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { drop = ["ALL"] }, initProcessEnabled = true }
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    stopTimeout            = 120
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.flow.name
        awslogs-region        = var.context.region
        awslogs-stream-prefix = "flow"
      }
    }
  }])

  ephemeral_storage {
    size_in_gib = var.size.ephemeral_storage_gib
  }

  volume {
    name = "tmp"
  }
}

moved {
  from = aws_ecs_task_definition.flow
  to   = aws_ecs_task_definition.flow["flow"]
}
