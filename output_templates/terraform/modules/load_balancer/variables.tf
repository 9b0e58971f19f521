variable "name" {
  description = "Name of the load balancer."
  type        = string
}

variable "target_group" {
  description = "Name of the target group."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of at least two zones; public ones unless the load balancer is internal."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "A load balancer needs subnets in at least two availability zones."
  }
}

variable "security_group_id" {
  description = "Security group of the load balancer."
  type        = string
}

variable "internal" {
  description = "Whether it is reachable from inside the VPC only."
  type        = bool
}

variable "port" {
  description = "Port on which the container listens."
  type        = number
}

variable "health_check_path" {
  description = "Path that answers 2xx when a task is well."
  type        = string
}

variable "health_check_matcher" {
  description = "HTTP codes that mean well."
  type        = string
}

variable "deregistration_delay_seconds" {
  description = "How long a leaving task may finish its requests; not shorter than its longest request."
  type        = number
}

variable "certificate_arn" {
  description = "ACM certificate; null: plain HTTP, for an internal load balancer only."
  type        = string
  default     = null
}

variable "host_names" {
  description = "Host names that are served; empty: all."
  type        = list(string)
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted."
  type        = bool
}

variable "access_log_bucket" {
  description = "S3 bucket for access logs; null: none."
  type        = string
  default     = null
}
