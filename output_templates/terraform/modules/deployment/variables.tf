variable "role" {
  description = "Name of the role and of its policy."
  type        = string
}

variable "oidc_providers" {
  description = "CI systems that may deploy: the IAM OIDC provider, its host, the audience, and the subjects (repository and branch)."
  type = list(object({
    arn      = string
    host     = string
    audience = string
    subjects = list(string)
  }))
}

variable "families" {
  description = "Families of all task definitions."
  type        = list(string)
}

variable "cluster_arn" {
  description = "ARN of the cluster."
  type        = string
}

variable "cluster_name" {
  description = "Name of the cluster."
  type        = string
}

variable "repository_arn" {
  description = "ARN of the image's repository."
  type        = string
}

variable "log_group_arns" {
  description = "Log groups of the tasks: a deployment shows what its release steps logged."
  type        = list(string)
}

variable "secret_arns" {
  description = "Secrets whose ARN a deployment looks up; it never reads a value."
  type        = list(string)
}

variable "task_role_arns" {
  description = "Execution role and task role."
  type        = list(string)
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "file_systems" {
  description = "Whether task definitions mount file systems, whose ids a deployment looks up."
  type        = bool
}
