output "heartbeat_alarm_names" {
  description = "Batch -> its dead-man alarm."
  value       = { for job, alarm in aws_cloudwatch_metric_alarm.heartbeats : job => alarm.alarm_name }
}
