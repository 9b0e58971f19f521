variable "zone_id" {
  description = "Hosted zone."
  type        = string
}

variable "host_names" {
  description = "Names that move."
  type        = set(string)
}

variable "old_addresses" {
  description = "Addresses of the hosts; empty once they are retired."
  type        = list(string)
}

variable "new_weight" {
  description = "Share of the new load balancer in per cent."
  type        = number

  validation {
    condition     = var.new_weight >= 0 && var.new_weight <= 100
    error_message = "The share is between 0 and 100 per cent."
  }
}

variable "load_balancer_dns_name" {
  description = "DNS name of the load balancer."
  type        = string
}

variable "load_balancer_zone_id" {
  description = "Hosted zone of that name."
  type        = string
}
