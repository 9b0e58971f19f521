output "cluster" {
  description = "Name of the cluster."
  value       = module.cluster.name
}

output "private_subnet_ids" {
  description = "Subnets of the tasks; the deployment needs them for the tasks of a release."
  value       = var.private_subnet_ids
}

output "tasks_security_group_id" {
  description = "Security group of the tasks; the deployment needs it."
  value       = module.network.tasks_security_group_id
}

output "deploy_role_arn" {
  description = "Role that the pipeline takes."
  value       = module.deployment.role_arn
}

output "load_balancer_dns_name" {
  description = "Where the API answers before DNS is switched."
  value       = one(module.load_balancer[*].dns_name)
}

output "state_machine_arns" {
  description = "Batch -> state machine."
  value       = length(var.jobs) > 0 ? module.batches[0].state_machine_arns : {}
}

output "topic_arn" {
  description = "Topic of the alarms."
  value       = module.notifications.topic_arn
}
