variable "name" {
  description = "Name of the cluster."
  type        = string
}

variable "ecs_exec" {
  description = "Whether people may open a shell in running containers."
  type        = bool
}

variable "log_groups" {
  description = "Task definition -> log group."
  type        = map(string)
}

variable "log_retention_days" {
  description = "How long container logs are kept; CloudWatch allows 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, ..."
  type        = number
}

variable "kms_key_arn" {
  description = "Key of the log groups; null: CloudWatch's own."
  type        = string
  default     = null
}
