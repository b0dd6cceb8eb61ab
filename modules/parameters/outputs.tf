output "arns" {
  description = "Parameter ARN by parameter name."
  value = {
    for name in setunion(var.parameters.secure_strings, var.parameters.strings) :
    name => "arn:${var.context.partition}:ssm:${var.context.region}:${var.context.account_id}:parameter${var.context.path}/${name}"
  }
}

output "secure_string_arns" {
  description = "ARNs of the parameters that are encrypted: the only ones whose reader needs the key."
  value = [
    for name in var.parameters.secure_strings :
    "arn:${var.context.partition}:ssm:${var.context.region}:${var.context.account_id}:parameter${var.context.path}/${name}"
  ]
}

output "kms_key_arn" {
  description = "Key that encrypts this environment's logs and results, and its SecureString parameters."
  value       = aws_kms_key.data.arn
}
