locals {
  environment = merge({
    PREFECT_API_URL = var.prefect.api_url
    # Only the container's own health check asks.
    PREFECT_WORKER_WEBSERVER_HOST = "127.0.0.1"
    PREFECT_WORKER_WEBSERVER_PORT = tostring(var.health_port)
  }, var.environment)
}

resource "aws_ecs_cluster" "flows" {
  name = var.context.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_cluster_capacity_providers" "fargate" {
  cluster_name       = aws_ecs_cluster.flows.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = 1
  }
}

resource "aws_cloudwatch_log_group" "agent" {
  #checkov:skip=CKV_AWS_158:Encrypted with the key of this environment; its ARN is unknown until the first apply
  name              = "${var.context.path}/agent"
  retention_in_days = var.logs.retention_days
  kms_key_id        = var.logs.kms_key_arn
}

resource "aws_ecs_task_definition" "agent" {
  family                   = "${var.context.name}-agent"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.size.cpu
  memory                   = var.size.memory_mib
  execution_role_arn       = var.roles.execution_arn
  task_role_arn            = var.roles.task_arn
  skip_destroy             = true # A replaced revision stays. The circuit breaker may go back to it.

  container_definitions = jsonencode([{
    name      = "prefect"
    image     = var.image
    essential = true
    memory    = var.size.memory_mib
    command = concat([
      "python", "-m", "scripts.start_agent", "--pool", var.context.name,
      "--task-events", aws_sqs_queue.task_events.name, "--time-limit", tostring(var.runs.time_limit_minutes),
      ], var.runs.topic_arn == "" ? [] : [
      "--topic", var.runs.topic_arn, "--environment", var.runs.environment,
      "--log-group", var.runs.log_group, "--runbook", var.runs.runbook_url,
    ])
    environment            = [for name in sort(keys(local.environment)) : { name = name, value = local.environment[name] }]
    secrets                = [{ name = var.prefect.credential, valueFrom = var.prefect.credential_arn }]
    privileged             = false
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { drop = ["ALL"] }, initProcessEnabled = true }
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    stopTimeout            = 30
    healthCheck = {
      # The endpoint answers 503 once the worker has not polled for a while; urlopen raises on that.
      command     = ["CMD", "python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:${var.health_port}/health', timeout=4)"]
      interval    = 15
      timeout     = 5
      retries     = 3
      startPeriod = 60
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.agent.name
        awslogs-region        = var.context.region
        awslogs-stream-prefix = "agent"
      }
    }
  }])

  volume {
    name = "tmp"
  }
}

resource "aws_ecs_service" "agent" {
  name                               = "${var.context.name}-agent"
  cluster                            = aws_ecs_cluster.flows.id
  task_definition                    = aws_ecs_task_definition.agent.arn
  desired_count                      = var.tasks.min
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  enable_execute_command             = false
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = 1
  }

  network_configuration {
    subnets          = var.tasks.subnet_ids
    security_groups  = [var.tasks.security_group_id]
    assign_public_ip = false
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  lifecycle {
    ignore_changes = [desired_count] # agent_scaling owns it; an apply must not undo a scale-out.
  }

  depends_on = [aws_ecs_cluster_capacity_providers.fargate]
}
