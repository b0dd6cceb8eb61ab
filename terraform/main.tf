data "aws_partition" "current" {}

locals {
  # Every name begins with one of these. scripts/shared/environments.py makes the title too; a test holds them equal.
  name          = "${var.name}-${title(var.environment)}"
  path          = "/${var.name}/${title(var.environment)}"
  bucket_prefix = "${lower(var.name)}-${var.environment}"
  service       = lower(replace(var.name, "/([a-z0-9])([A-Z])/", "$1-$2"))

  # Every name that more than one module needs. ARNs in policies are built from these and never from computed
  # attributes, so that a plan is known in full and can be checked without an account.
  context = {
    name             = local.name
    path             = local.path
    service          = local.service
    partition        = data.aws_partition.current.partition
    account_id       = var.account_id
    region           = var.region
    environment      = var.environment
    bucket_prefix    = local.bucket_prefix
    image_repository = var.image_repository
    fargate_sizes    = jsondecode(file("${path.module}/../scripts/shared/fargate_sizes.json")) # Registration reads it too.
    # As terraform/bootstrap makes them and environments/<environment>.s3.tfbackend names them.
    state = {
      bucket    = "${local.bucket_prefix}-state-${var.account_id}"
      key       = "${local.service}/terraform.tfstate"
      kms_alias = "alias/${coalesce(var.bootstrap, var.name)}-Bootstrap"
    }
  }

  dbt_cloud = { for name, value in { DBT_CLOUD_HOST = var.dbt_cloud.host } : name => value if value != "" }

  # Registration writes the block.
  result_block = var.persist_results ? "${lower(local.name)}-results" : ""
  result_storage = { for name, value in {
    PREFECT_DEFAULT_RESULT_STORAGE_BLOCK = "s3-bucket/${local.result_block}"
    PREFECT_RESULTS_PERSIST_BY_DEFAULT   = "true"
  } : name => value if var.persist_results }

  # Where messages about runs go, and the parameter that holds its key or address.
  channels = { pagerduty = "PAGERDUTY_ROUTING_KEY", slack = "SLACK_WEBHOOK_URL", teams = "TEAMS_WEBHOOK_URL" }
  chosen   = [for name in ["pagerduty", "slack", "teams"] : name if var.alerts[name]]

  # What registration needs to write to Prefect, and to tell of failed runs.
  register_parameters = concat([var.prefect_credential], [for name in local.chosen : local.channels[name]])

  # Parameters of this environment: the known ones, and what facts and flow files add. Registration and try read the file too.
  known    = jsondecode(file("${path.module}/../scripts/shared/known_parameters.json"))
  listed   = setunion(var.parameters.secure_strings, var.parameters.strings, [var.prefect_credential])
  declared = toset(flatten(values(var.flow_definitions)[*].secrets))
  strings  = setunion(var.parameters.strings, [for each in local.known : each.name if !each.encrypted && !each.listed && !contains(var.parameters.secure_strings, each.name)])
  secure_strings = setunion(
    var.parameters.secure_strings, [var.prefect_credential],
    [for each in local.known : each.name if each.encrypted && !each.listed && !contains(var.parameters.strings, each.name)],
    setsubtract(local.declared, local.strings),
  )
  of_every_run = [for each in local.known : each.name if each.every_run && contains(local.listed, each.name)]

  # Definitions by name: one for all flow files that declare nothing, and those that files have asked for.
  definitions = merge(
    { flow = { secrets = local.of_every_run, task_role_arn = module.iam.role_arns.flow } },
    { for each in distinct(values(var.flow_definitions)) : each.name => {
      secrets       = setunion(local.of_every_run, each.secrets)
      task_role_arn = lookup(module.iam.flow_role_arns, each.name, module.iam.role_arns.flow)
    } },
  )

  image = "${var.account_id}.dkr.ecr.${var.region}.amazonaws.com/${var.image_repository}@${var.image_digest}"
}

module "network" {
  source = "../modules/network"

  context  = local.context
  network  = var.network
  declared = module.iam.declared
  flow_logs = {
    role_arn       = module.iam.role_arns.flow_logs
    retention_days = var.log_retention_days
    kms_key_arn    = module.parameters.kms_key_arn
  }
}

module "parameters" {
  source = "../modules/parameters"

  context    = local.context
  parameters = { secure_strings = local.secure_strings, strings = local.strings }
}

module "iam" {
  source = "../modules/iam"

  context            = local.context
  parameter_arns     = module.parameters.arns
  results_bucket_arn = module.results_store.bucket.arn
  flow_permissions   = [for each in var.flow_permissions : merge(each, { definition = var.flow_definitions[each.flow].name })]
  common_role_keeps  = var.flow_role_keeps_declared
  delivery = {
    enabled             = var.delivery.connection_arn != ""
    connection_arn      = var.delivery.connection_arn
    register_parameters = local.register_parameters
  }
}

module "results_store" {
  source = "../modules/results_store"

  context      = local.context
  kms_key_arn  = module.parameters.kms_key_arn
  protect_data = var.protect_data
}

module "flow_task" {
  source = "../modules/flow_task"

  context        = local.context
  image          = local.image
  execution_arn  = module.iam.role_arns.execution
  definitions    = local.definitions
  size           = var.flow_task
  prefect        = { api_url = var.prefect_api_url, credential = var.prefect_credential }
  parameter_arns = module.parameters.arns
  logs           = { retention_days = var.log_retention_days, kms_key_arn = module.parameters.kms_key_arn }
  placement = {
    cluster_arn       = module.ecs_agent.cluster_arn
    subnet_ids        = module.network.private_subnet_ids
    security_group_id = module.network.task_security_group_id
    capacity_provider = var.flow_task.capacity_provider
  }
  environment = merge({
    DATA_FLOWS_ENVIRONMENT = var.environment
    RESULTS_BUCKET         = module.results_store.bucket.name
    SNOWFLAKE_DATABASE     = var.snowflake.database
    SNOWFLAKE_SCHEMA       = var.snowflake.schema
    SNOWFLAKE_WAREHOUSE    = var.snowflake.warehouse
    SNOWFLAKE_ROLE         = var.snowflake.role
  }, local.dbt_cloud, local.result_storage, var.flow_environment)
}

module "ecs_agent" {
  source = "../modules/ecs_agent"

  context = local.context
  image   = local.image
  roles   = { execution_arn = module.iam.role_arns.execution, task_arn = module.iam.role_arns.agent }
  size    = var.agent
  tasks = {
    subnet_ids        = module.network.private_subnet_ids
    security_group_id = module.network.task_security_group_id
    min               = var.agent.tasks.min
  }
  prefect = {
    api_url        = var.prefect_api_url
    credential     = var.prefect_credential
    credential_arn = module.parameters.arns[var.prefect_credential]
  }
  runs = {
    time_limit_minutes = var.flow_task.time_limit_minutes
    # Where a channel that Prefect reaches itself is chosen, its automations tell.
    topic_arn   = length(local.chosen) == 0 ? module.alerts.topic_arn : ""
    environment = var.environment
    log_group   = module.flow_task.log_group
    runbook_url = var.delivery.runbook_url
  }
  health_port = var.agent_health_port
  environment = var.agent_environment
  logs        = { retention_days = var.log_retention_days, kms_key_arn = module.parameters.kms_key_arn }
}

module "agent_scaling" {
  source = "../modules/agent_scaling"

  service            = module.ecs_agent.service
  tasks              = var.agent.tasks
  schedules          = var.agent.schedules
  cpu_target_percent = var.agent.cpu_target_percent
}

module "alerts" {
  source = "../modules/alerts"

  context          = local.context
  alerts           = var.alerts
  delivery_notices = var.delivery.connection_arn != ""
  service          = module.ecs_agent.service
  tasks            = var.agent.tasks
  task_events      = module.ecs_agent.task_events
  log_groups       = { agent = module.ecs_agent.log_group, flow = module.flow_task.log_group }
  logs             = { retention_days = var.log_retention_days, kms_key_arn = module.parameters.kms_key_arn }
}

module "delivery" {
  source = "../modules/delivery"
  count  = var.delivery.connection_arn == "" ? 0 : 1

  context = local.context
  source_code = {
    connection_arn = var.delivery.connection_arn
    repository     = var.delivery.repository
    branch         = var.delivery.branch
  }
  approval = var.delivery.approval
  image    = local.image
  roles    = module.iam.delivery_role_arns
  registration = {
    parameters = local.register_parameters
    variables  = merge({ PREFECT_API_URL = var.prefect_api_url }, var.delivery.runbook_url == "" ? {} : { RUNBOOK_URL = var.delivery.runbook_url })
  }
  alerts_topic_arn   = module.alerts.topic_arn
  access_logs_bucket = module.results_store.access_logs_bucket
  kms_key_arn        = module.parameters.kms_key_arn
  log_retention_days = var.log_retention_days
}
