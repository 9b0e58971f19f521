# --- from the analysis: terraform.tfvars

variable "application" {
  description = "Name of the application."
  type        = string
}

variable "environment" {
  description = "Name of the environment."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted."
  type        = bool
}

variable "ecs_exec" {
  description = "Whether people may open a shell in running containers; off where customers are served."
  type        = bool
}

variable "names" {
  description = "Names of everything; task definitions, schedules and scripts of the bundle use the same."
  type = object({
    cluster                      = string
    container                    = string
    repository                   = string
    topic                        = string
    load_balancer                = string
    target_group                 = string
    load_balancer_security_group = string
    tasks_security_group         = string
    file_systems_security_group  = string
    execution_role               = string
    task_role                    = string
    states_role                  = string
    heartbeat_check_role         = string
    scheduler_role               = string
    deploy_role                  = string
    lock_table                   = string
    dead_letter_queue            = string
    schedule_group               = string
    state_machine_log_group      = string
    heartbeat_check              = string
    metric_namespace             = string
    batch_tasks_rule             = string
    service_tasks_rule           = string
  })
}

variable "other_repositories" {
  description = "Repositories in ECR from which processes run images that the application does not build."
  type        = list(string)
  default     = []
}

variable "log_groups" {
  description = "Task definition -> log group."
  type        = map(string)
}

variable "processes" {
  description = "Long-running processes: one service each."
  type = map(object({
    service                      = string
    family                       = string
    port                         = optional(number)
    load_balanced                = bool
    health_check_path            = optional(string)
    health_check_matcher         = optional(string, "200-299")
    health_check_grace_seconds   = optional(number, 60)
    deregistration_delay_seconds = optional(number, 60)
    desired_count                = number
    max_count                    = number
    cpu_target_percent           = number
    singleton                    = optional(bool, false)
  }))
}

variable "jobs" {
  description = "Batches: state machine, task definition, schedules."
  type = map(object({
    state_machine   = string
    definition      = string
    task_definition = string
    counts_own_ends = optional(bool, false)
    schedules = map(object({
      description     = string
      expression      = string
      timezone        = string
      window_minutes  = optional(number)
      start_date      = optional(string)
      end_date        = optional(string)
      retry_attempts  = number
      max_age_seconds = number
      input           = string
    }))
  }))
}

variable "heartbeat_checks" {
  description = "Batches too rare for an alarm, and the daily look for their last end."
  type = map(object({
    schedule   = string
    expression = string
    timezone   = string
    days       = number
    period     = number
    metric     = string
  }))
}

variable "alarms" {
  description = "What raises an alarm."
  type = object({
    error_lines = map(object({
      alarm       = string
      description = string
      metric      = string
      pattern     = string
      threshold   = number
    }))
    heartbeat_filters = map(object({
      log_group = string
      metric    = string
      pattern   = string
    }))
    heartbeats = map(object({
      alarm              = string
      description        = string
      metric             = string
      period             = number
      evaluation_periods = number
    }))
    executions = map(object({
      alarm       = string
      description = string
      metric      = string
      job         = optional(string)
    }))
    scheduler = map(object({
      alarm       = string
      description = string
    }))
    dead_letters = optional(object({
      alarm       = string
      description = string
    }))
    healthy_hosts = optional(object({
      alarm       = string
      description = string
    }))
    server_errors = optional(object({
      alarm       = string
      description = string
    }))
    running_tasks = map(object({
      alarm       = string
      description = string
      service     = string
    }))
  })
}

variable "secrets" {
  description = "Secrets that containers read: names only, the values are put in by hand."
  type = map(object({
    name        = string
    description = string
  }))
}

variable "parameter_names" {
  description = "Environment variable -> SSM parameter, for values that the analysis does not know for this environment."
  type        = map(string)
}

variable "file_systems" {
  description = "Shared file systems."
  type = map(object({
    name = string
    uid  = number
    gid  = number
  }))
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

variable "old_addresses" {
  description = "Public addresses of the hosts, the old side of the weighted DNS records."
  type        = list(string)
}

# --- from you: site.auto.tfvars

variable "vpc_id" {
  description = "The VPC, normally the hosts' own: then databases and caches stay in reach."
  type        = string

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "Give the VPC's id in site.auto.tfvars, e.g. vpc-0123456789abcdef0."
  }
}

variable "private_subnet_ids" {
  description = "Subnets of the tasks in at least two zones, with NAT or VPC endpoints for ECR, S3, CloudWatch Logs, Secrets Manager and SSM."
  type        = list(string)

  validation {
    condition     = length(var.private_subnet_ids) >= 2 && alltrue([for id in var.private_subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "Give the ids of at least two private subnets in site.auto.tfvars, in different availability zones."
  }
}

variable "public_subnet_ids" {
  description = "Subnets of the load balancer in at least two zones; not needed for an internal one."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.public_subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "Give ids of subnets in site.auto.tfvars, or [] where no load balancer needs them."
  }
}

variable "load_balancer_internal" {
  description = "Whether the load balancer is reachable from inside the VPC only."
  type        = bool
  default     = false
}

variable "certificate_arn" {
  description = "ACM certificate of the load balancer; null serves plain HTTP."
  type        = string
  default     = null
}

variable "host_names" {
  description = "Names under which the application is reached."
  type        = list(string)
  default     = []
}

variable "zone_id" {
  description = "Route 53 hosted zone of those names; null: DNS is kept elsewhere."
  type        = string
  default     = null
}

variable "new_weight" {
  description = "Share of the traffic that DNS sends to Fargate, in per cent."
  type        = number
  default     = 0

  validation {
    condition     = var.new_weight >= 0 && var.new_weight <= 100
    error_message = "The share is between 0 and 100 per cent."
  }
}

variable "services_enabled" {
  description = "False until the first deployment has pushed an image and registered the task definitions."
  type        = bool
  default     = false
}

variable "create_repository" {
  description = "Whether this environment makes the image repository; false where another one of the same account does."
  type        = bool
}

variable "alarm_emails" {
  description = "Who gets the alarms."
  type        = set(string)
}

variable "parameter_values" {
  description = "Values of the environment variables in parameter_names."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.parameter_names), keys(var.parameter_values))) == 0
    error_message = "Give a value in site.auto.tfvars for each of: ${join(", ", setsubtract(keys(var.parameter_names), keys(var.parameter_values)))}."
  }
}

variable "task_policy_arns" {
  description = "IAM policies of the application, e.g. those of the hosts' instance profile."
  type        = set(string)
  default     = []
}

variable "oidc_providers" {
  description = "CI systems that may deploy (see modules/deployment)."
  type = list(object({
    arn      = string
    host     = string
    audience = string
    subjects = list(string)
  }))
  default = []
}

variable "access_log_bucket" {
  description = "S3 bucket for the load balancer's access logs."
  type        = string
  default     = null
}

variable "host_security_group_ids" {
  description = "Security groups of the hosts, as long as they share files with the tasks."
  type        = set(string)
  default     = []
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }
}

variable "kms_key_arn" {
  description = "A key of your own for secrets, logs and file systems; null: AWS's managed keys. Its policy must let CloudWatch Logs use it. Decide before the first apply: a file system's key cannot be changed."
  type        = string
  default     = null
}
