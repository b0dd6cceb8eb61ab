# The bucket and key stand in environments/<env>.s3.tfbackend; terraform/bootstrap makes the bucket.
terraform {
  backend "s3" {}
}
