name        = "DataFlows"
environment = "dev"
account_id  = "111111111111"
region      = "eu-west-1"
owner       = "data-platform"
schedules   = "inactive"
guarded     = false

network = {
  cidr               = "10.20.0.0/16"
  availability_zones = ["eu-west-1a", "eu-west-1b"]
  nat_per_zone       = false # One gateway costs less, but if its zone fails, this environment stops.
  reserved_ranges    = { local = "10.10.0.0/16", prod = "10.30.0.0/16" }
}

prefect_api_url = "https://prefect.dev.example.com/api"

flow_task = {
  capacity_provider = "FARGATE_SPOT"
}

alerts = {
  email = "data-platform@example.com"
}

snowflake = {
  database  = "DATA_FLOWS_DEV"
  schema    = "LOADED"
  warehouse = "LOADING_DEV"
  role      = "DATA_FLOWS_LOADER_DEV"
  setup     = { credits_per_month = 50 } # When they are used up, the warehouse is suspended (docs/snowflake.md).
}

dbt_cloud = {
  host = "ab123.us1.dbt.com"
}

delivery = {
  connection_arn = "arn:aws:codestar-connections:eu-west-1:111111111111:connection/00000000-0000-0000-0000-000000000000"
  repository     = "example/data-flows"
  approval       = false
}
