variable "secrets" {
  description = "Secret -> its name in Secrets Manager and what it is."
  type = map(object({
    name        = string
    description = string
  }))
}

variable "parameter_names" {
  description = "Environment variable -> name of the SSM parameter that carries it."
  type        = map(string)
}

variable "parameter_values" {
  description = "Environment variable -> value."
  type        = map(string)
}

variable "kms_key_arn" {
  description = "Key of the secrets; null: the account's key of Secrets Manager."
  type        = string
  default     = null
}
