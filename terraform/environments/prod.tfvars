name        = "DataFlows"
environment = "prod"
account_id  = "222222222222"
region      = "eu-west-1"
owner       = "data-platform"
schedules   = "active"
guarded     = true

network = {
  cidr               = "10.30.0.0/16"
  availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  reserved_ranges    = { local = "10.10.0.0/16", dev = "10.20.0.0/16" }
}

prefect_api_url = "https://prefect.example.com/api"

agent = {
  tasks = { min = 2, max = 10 }
}

alerts = {
  email = "data-platform@example.com"
}

snowflake = {
  database  = "DATA_FLOWS"
  schema    = "LOADED"
  warehouse = "LOADING"
  role      = "DATA_FLOWS_LOADER"
  setup     = { credits_per_month = 400 } # When they are used up, the warehouse is suspended (docs/snowflake.md).
}

dbt_cloud = {
  host = "ab123.us1.dbt.com"
}

delivery = {
  connection_arn = "arn:aws:codestar-connections:eu-west-1:222222222222:connection/00000000-0000-0000-0000-000000000000"
  repository     = "example/data-flows"
}
