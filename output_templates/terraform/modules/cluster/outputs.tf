output "arn" {
  description = "ARN of the cluster."
  value       = aws_ecs_cluster.this.arn
}

output "name" {
  description = "Name of the cluster."
  value       = aws_ecs_cluster.this.name
}

output "log_group_names" {
  description = "Task definition -> name of its log group, once that exists."
  value       = { for key, group in aws_cloudwatch_log_group.containers : key => group.name }
}

output "log_group_arns" {
  description = "ARNs of all log groups that containers write to."
  value       = [for group in aws_cloudwatch_log_group.containers : group.arn]
}

output "exec_log_group_arns" {
  description = "ARN of the log group of ECS Exec sessions, where those are allowed."
  value       = aws_cloudwatch_log_group.ecs_exec[*].arn
}
