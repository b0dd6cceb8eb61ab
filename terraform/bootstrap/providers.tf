provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      service     = lower(replace(var.name, "/([a-z0-9])([A-Z])/", "$1-$2"))
      environment = "bootstrap"
      owner       = var.owner
      repository  = var.repository
    }
  }
}
