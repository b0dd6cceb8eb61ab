output "arns" {
  description = "ARN of each parameter, by its name."
  value = {
    for name in setunion(var.parameters.secure_strings, var.parameters.strings) :
    name => "arn:${var.context.partition}:ssm:${var.context.region}:${var.context.account_id}:parameter${var.context.path}/${name}"
  }
}

output "kms_key_arn" {
  description = "Key that encrypts this environment's logs and results, and its SecureString parameters."
  value       = aws_kms_key.data.arn
}
