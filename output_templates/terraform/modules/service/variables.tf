variable "name" {
  description = "Name of the service."
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

variable "family" {
  description = "Family of the task definition; its newest revision must exist when the service is created."
  type        = string
}

variable "container_name" {
  description = "Name of the container that serves the load balancer."
  type        = string
}

variable "port" {
  description = "Port on which it listens; null: none."
  type        = number
  default     = null
}

variable "load_balanced" {
  description = "Whether the load balancer serves it."
  type        = bool
}

variable "target_group_arn" {
  description = "Target group, where it is load balanced."
  type        = string
  default     = null
}

variable "subnet_ids" {
  description = "Subnets of at least two zones, with a way to the registry (NAT or VPC endpoints)."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "Tasks are spread over at least two availability zones: give at least two subnets."
  }
}

variable "security_group_id" {
  description = "Security group of the tasks."
  type        = string
}

variable "desired_count" {
  description = "Tasks to start with, and the least that autoscaling keeps."
  type        = number
}

variable "max_count" {
  description = "The most that autoscaling starts; equal to desired_count: no autoscaling."
  type        = number
}

variable "cpu_target_percent" {
  description = "CPU utilisation that autoscaling aims at."
  type        = number
}

variable "singleton" {
  description = "Whether two tasks must never run at once."
  type        = bool
}

variable "ecs_exec" {
  description = "Whether people may open a shell in the containers."
  type        = bool
}

variable "health_check_grace_seconds" {
  description = "Time in which a starting task may fail the load balancer's health check."
  type        = number
}
