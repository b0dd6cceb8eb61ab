output "url" {
  description = "The pipeline's page in the AWS console."
  value       = "${local.link}/view"
}
