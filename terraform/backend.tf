# Bucket and key are in environments/<env>.s3.tfbackend; terraform/bootstrap makes the bucket.
terraform {
  backend "s3" {}
}
