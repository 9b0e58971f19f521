variable "namespace" {
  description = "Namespace of the application's own metrics."
  type        = string
}

variable "names" {
  description = "Names of the event rules."
  type = object({
    batch_tasks_rule   = string
    service_tasks_rule = string
  })
}

variable "topic_arn" {
  description = "Where alarms go."
  type        = string
}

variable "log_group_names" {
  description = "Task definition -> log group."
  type        = map(string)
}

variable "state_machine_arns" {
  description = "Batch -> ARN of its state machine."
  type        = map(string)
}

variable "heartbeat_check_arn" {
  description = "ARN of the daily look for rare batches; null without any."
  type        = string
  default     = null
}

variable "schedule_group" {
  description = "Group of the schedules."
  type        = string
}

variable "dead_letter_queue_name" {
  description = "Queue of starts that could not be delivered."
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

variable "services" {
  description = "Names of the services."
  type        = list(string)
}

variable "batch_families" {
  description = "Families of the batches' task definitions."
  type        = list(string)
}

variable "target_group_arn_suffix" {
  description = "Dimension of the load balancer's metrics; null without one."
  type        = string
  default     = null
}

variable "load_balancer_arn_suffix" {
  description = "Dimension of the load balancer's metrics; null without one."
  type        = string
  default     = null
}

variable "error_lines" {
  description = "Task definition -> what an error looks like in its log."
  type = map(object({
    alarm       = string
    description = string
    metric      = string
    pattern     = string
    threshold   = number
  }))
}

variable "heartbeat_filters" {
  description = "Batch -> its End. line in the log."
  type = map(object({
    log_group = string
    metric    = string
    pattern   = string
  }))
}

variable "heartbeats" {
  description = "Batch -> how long it may be silent: period times evaluation_periods."
  type = map(object({
    alarm              = string
    description        = string
    metric             = string
    period             = number
    evaluation_periods = number
  }))
}

variable "executions" {
  description = "Alarms on executions that failed, timed out or were aborted; without a job: of the daily look for rare batches."
  type = map(object({
    alarm       = string
    description = string
    metric      = string
    job         = optional(string)
  }))
}

variable "scheduler" {
  description = "Metric of Scheduler -> alarm."
  type = map(object({
    alarm       = string
    description = string
  }))
}

variable "dead_letters" {
  description = "Alarm on the dead-letter queue; null without batches."
  type = object({
    alarm       = string
    description = string
  })
  default = null
}

variable "healthy_hosts" {
  description = "Alarm on targets behind the load balancer; null without one."
  type = object({
    alarm       = string
    description = string
  })
  default = null
}

variable "server_errors" {
  description = "Alarm on answers with status 5xx; null without a load balancer."
  type = object({
    alarm       = string
    description = string
  })
  default = null
}

variable "running_tasks" {
  description = "Process behind no load balancer -> alarm on its running tasks."
  type = map(object({
    alarm       = string
    description = string
    service     = string
  }))
}
