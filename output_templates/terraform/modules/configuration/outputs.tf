output "secret_arns" {
  description = "ARNs of all secrets."
  value       = [for secret in aws_secretsmanager_secret.this : secret.arn]
}

output "parameter_arns" {
  description = "ARNs of all parameters."
  value       = [for parameter in aws_ssm_parameter.this : parameter.arn]
}
