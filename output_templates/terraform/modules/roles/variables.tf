variable "names" {
  description = "Names of the roles."
  type = object({
    execution = string
    task      = string
  })
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "repository_arn" {
  description = "ARN of the image's repository."
  type        = string
}

variable "other_repositories" {
  description = "ARNs of repositories in ECR from which processes run images that the application does not build."
  type        = list(string)
  default     = []
}

variable "log_group_arns" {
  description = "Log groups that containers write to."
  type        = list(string)
}

variable "exec_log_group_arns" {
  description = "Log group of ECS Exec sessions."
  type        = list(string)
}

variable "secret_arns" {
  description = "Secrets that containers get."
  type        = list(string)
}

variable "parameter_arns" {
  description = "SSM parameters that containers get."
  type        = list(string)
}

variable "file_system_arns" {
  description = "EFS file systems that containers mount."
  type        = list(string)
}

variable "task_policy_arns" {
  description = "Further policies of the application, e.g. those of the hosts' instance profile."
  type        = set(string)
}

variable "ecs_exec" {
  description = "Whether people may open a shell in the containers."
  type        = bool
}

variable "kms_key_arn" {
  description = "Key of the secrets, which a starting task must be able to use; null: nothing to allow."
  type        = string
  default     = null
}
