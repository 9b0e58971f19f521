# What containers get from outside. Terraform makes the secrets but never sees their values: put them in
# with `aws secretsmanager put-secret-value`, as ops/cutover.md says.

resource "aws_secretsmanager_secret" "this" {
  for_each = var.secrets

  name                    = each.value.name
  description             = each.value.description
  recovery_window_in_days = 30
  kms_key_id              = var.kms_key_arn
}

resource "aws_ssm_parameter" "this" {
  for_each = var.parameter_names

  name        = each.value
  description = "Environment variable ${each.key}"
  type        = "String"
  value       = var.parameter_values[each.key]
}
