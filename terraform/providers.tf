provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]
  max_retries         = var.aws_max_retries

  default_tags {
    tags = {
      service     = local.service
      environment = var.environment
      owner       = var.owner
      repository  = var.repository
    }
  }
}
