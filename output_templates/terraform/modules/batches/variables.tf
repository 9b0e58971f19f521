variable "names" {
  description = "Names of what the batches share."
  type = object({
    lock_table              = string
    dead_letter_queue       = string
    schedule_group          = string
    state_machine_log_group = string
    heartbeat_check         = string
    states_role             = string
    heartbeat_check_role    = string
    scheduler_role          = string
  })
}

variable "jobs" {
  description = "Batches, at least one: their state machine, the task definition they run on, and when they start."
  type = map(object({
    state_machine   = string
    definition      = string
    task_definition = string
    counts_own_ends = optional(bool, false)
    schedules = map(object({
      description     = string
      expression      = string
      timezone        = string
      window_minutes  = optional(number)
      start_date      = optional(string)
      end_date        = optional(string)
      retry_attempts  = number
      max_age_seconds = number
      input           = string
    }))
  }))
}

variable "metric_namespace" {
  description = "Namespace of the metrics that count the ends of batches."
  type        = string
}

variable "heartbeat_checks" {
  description = "Batches too rare for an alarm, and the daily look for their last end."
  type = map(object({
    schedule   = string
    expression = string
    timezone   = string
    days       = number
    period     = number
    metric     = string
  }))
}

variable "definitions" {
  description = "Folder of the state-machine files."
  type        = string
}

variable "cluster_arn" {
  description = "ARN of the cluster."
  type        = string
}

variable "cluster_name" {
  description = "Name of the cluster."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the tasks."
  type        = list(string)
}

variable "security_group_id" {
  description = "Security group of the tasks."
  type        = string
}

variable "task_role_arns" {
  description = "Execution role and task role of the batches."
  type        = list(string)
}

variable "topic_arn" {
  description = "Topic of the alarms."
  type        = string
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "log_retention_days" {
  description = "How long the history of failed executions is kept."
  type        = number
}

variable "kms_key_arn" {
  description = "Key of the log group; null: CloudWatch's own."
  type        = string
  default     = null
}
