# The embedded AWS of `make up`. Addresses depend on the configured ports, so `make plan` passes them.
name        = "DataFlows"
environment = "local"
account_id  = "123456789012"
region      = "eu-west-1"
owner       = "data-platform"
schedules   = "inactive"
guarded     = false

network = {
  cidr               = "10.10.0.0/16"
  availability_zones = ["eu-west-1a", "eu-west-1b"]
  nat_per_zone       = false # No traffic goes through it.
}

aws_max_retries = 3

# Look for the work pool and for runs, and send log lines, more often than the default, because somebody is waiting.
agent_environment = {
  PREFECT_WORKER_HEARTBEAT_SECONDS      = "3"
  PREFECT_WORKER_QUERY_SECONDS          = "1"
  PREFECT_LOGGING_TO_API_BATCH_INTERVAL = "0.3"
}

flow_task = {
  at_once = 8 # More processes would only wait for the cores, and Prefect's SQLite for its one writer.
}

# Nothing here needs protection: `make up` makes all data again.
protect_data = false

prefect_credential = "PREFECT_API_AUTH_STRING"

alerts = {
  email = "data-platform@example.com"
}

snowflake = {
  database  = "DATA_FLOWS"
  schema    = "LOADED"
  warehouse = "LOADING"
  role      = "DATA_FLOWS_LOADER"
}
