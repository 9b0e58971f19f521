output "file_system_arns" {
  description = "ARNs of all file systems."
  value       = [for file_system in aws_efs_file_system.this : file_system.arn]
}
