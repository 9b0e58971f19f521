variable "application" {
  description = "Name of the application, for descriptions."
  type        = string
}

variable "names" {
  description = "Names of the security groups."
  type = object({
    load_balancer = string
    tasks         = string
  })
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "load_balanced_port" {
  description = "Port on which the tasks serve the load balancer; null without one."
  type        = number
  default     = null
}

variable "load_balancer_ingress" {
  description = "Who may reach the load balancer."
  type = map(object({
    description = string
    port        = number
    cidr_ipv4   = optional(string)
    cidr_ipv6   = optional(string)
  }))
}

variable "tasks_ingress" {
  description = "Who may reach tasks directly."
  type = map(object({
    description = string
    protocol    = string
    port        = optional(number)
    to_port     = optional(number)
    cidr_ipv4   = optional(string)
    cidr_ipv6   = optional(string)
  }))
}

variable "tasks_egress" {
  description = "What tasks may reach."
  type = map(object({
    description = string
    protocol    = string
    port        = optional(number)
    to_port     = optional(number)
    cidr_ipv4   = optional(string)
    cidr_ipv6   = optional(string)
  }))
}
