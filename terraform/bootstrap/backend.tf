# On the administrator's disk: this root makes the bucket that state is kept in, and is applied once. It holds no secret,
# and each resource has a fixed name, so a lost state is imported again (docs/initial-deployment.md).
terraform {
  backend "local" {}
}
