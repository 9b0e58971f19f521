variable "application" {
  description = "Name of the application, for descriptions."
  type        = string
}

variable "security_group_name" {
  description = "Name of the file systems' security group."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets in which tasks run: each gets a mount target."
  type        = list(string)
}

variable "tasks_security_group_id" {
  description = "Security group of the tasks."
  type        = string
}

variable "file_systems" {
  description = "File system -> its name and the ids of the user that owns the files."
  type = map(object({
    name = string
    uid  = number
    gid  = number
  }))
}

variable "host_security_group_ids" {
  description = "Security groups of the hosts that mount the file systems until they are retired."
  type        = set(string)
}

variable "kms_key_arn" {
  description = "Key of the file systems; null: the account's key of EFS. Cannot be changed later."
  type        = string
  default     = null
}
