output "load_balancer_security_group_id" {
  description = "Security group of the load balancer; null without one."
  value       = one(aws_security_group.load_balancer[*].id)
}

output "tasks_security_group_id" {
  description = "Security group of all tasks."
  value       = aws_security_group.tasks.id
}
