output "role_arn" {
  description = "Role that the pipeline takes; null while no CI system is named."
  value       = one(aws_iam_role.this[*].arn)
}
