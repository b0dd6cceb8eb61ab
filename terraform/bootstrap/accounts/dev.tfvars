name       = "DataFlows"
account_id = "111111111111"
region     = "eu-west-1"
stacks     = { DataFlows = ["dev"] }
owner      = "data-platform"

circleci = {
  organization_id = "00000000-0000-0000-0000-000000000000"
  project_id      = "00000000-0000-0000-0000-000000000000"
  origin          = "github.com/example/data-flows"
  branches        = ["main"]
}
