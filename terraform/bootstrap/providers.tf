provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      service     = "data-flows"
      environment = "bootstrap"
      owner       = var.owner
      repository  = var.repository
    }
  }
}
