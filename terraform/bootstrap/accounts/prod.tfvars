name       = "DataFlows"
account_id = "222222222222"
region     = "eu-west-1"
stacks     = { DataFlows = ["prod"] }
owner      = "data-platform"

circleci = {
  organization_id = "00000000-0000-0000-0000-000000000000"
  project_id      = "00000000-0000-0000-0000-000000000000"
  origin          = "github.com/example/data-flows"
  branches        = ["main"]
}
