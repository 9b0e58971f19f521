output "state_machine_arns" {
  description = "Batch -> ARN of its state machine."
  value       = { for job, machine in aws_sfn_state_machine.jobs : job => machine.arn }
}

output "heartbeat_check_arn" {
  description = "ARN of the daily look for rare batches; null without any."
  value       = one(aws_sfn_state_machine.heartbeat_check[*].arn)
}

output "schedule_group" {
  description = "Name of the schedule group."
  value       = aws_scheduler_schedule_group.this.name
}

output "dead_letter_queue_name" {
  description = "Name of the dead-letter queue."
  value       = aws_sqs_queue.dead_letters.name
}
