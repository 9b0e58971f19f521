# This root is the same for every environment: what differs stands in terraform.tfvars (from the analysis)
# and in site.auto.tfvars (from you; see site.auto.tfvars.example).

data "aws_caller_identity" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  api        = one([for name, process in var.processes : merge(process, { name = name }) if process.load_balanced])
  services   = [for process in var.processes : process.service]

  batch_families = distinct([for job in var.jobs : job.task_definition])
  families       = distinct(concat([for process in var.processes : process.family], local.batch_families))

  # ECR: one repository for all environments of an account
  registry = "arn:${data.aws_partition.current.partition}:ecr:${var.region}:${local.account_id}:repository"
}

data "aws_partition" "current" {}

module "cluster" {
  source = "../modules/cluster"

  name               = var.names.cluster
  ecs_exec           = var.ecs_exec
  kms_key_arn        = var.kms_key_arn
  log_groups         = var.log_groups
  log_retention_days = var.log_retention_days
}

module "registry" {
  source = "../modules/registry"
  count  = var.create_repository ? 1 : 0

  name = var.names.repository
}

module "notifications" {
  source = "../modules/notifications"

  topic      = var.names.topic
  emails     = var.alarm_emails
  account_id = local.account_id
}

module "network" {
  source = "../modules/network"

  application           = var.application
  names                 = { load_balancer = var.names.load_balancer_security_group, tasks = var.names.tasks_security_group }
  vpc_id                = var.vpc_id
  load_balanced_port    = try(local.api.port, null)
  load_balancer_ingress = var.load_balancer_ingress
  tasks_ingress         = var.tasks_ingress
  tasks_egress          = var.tasks_egress
}

module "storage" {
  source = "../modules/storage"

  application             = var.application
  security_group_name     = var.names.file_systems_security_group
  vpc_id                  = var.vpc_id
  subnet_ids              = var.private_subnet_ids
  tasks_security_group_id = module.network.tasks_security_group_id
  host_security_group_ids = var.host_security_group_ids
  file_systems            = var.file_systems
  kms_key_arn             = var.kms_key_arn
}

module "configuration" {
  source = "../modules/configuration"

  secrets          = var.secrets
  kms_key_arn      = var.kms_key_arn
  parameter_names  = var.parameter_names
  parameter_values = var.parameter_values
}

module "roles" {
  source = "../modules/roles"

  names               = { execution = var.names.execution_role, task = var.names.task_role }
  account_id          = local.account_id
  repository_arn      = "${local.registry}/${var.names.repository}"
  other_repositories  = var.other_repositories
  log_group_arns      = module.cluster.log_group_arns
  exec_log_group_arns = module.cluster.exec_log_group_arns
  secret_arns         = module.configuration.secret_arns
  parameter_arns      = module.configuration.parameter_arns
  file_system_arns    = module.storage.file_system_arns
  task_policy_arns    = var.task_policy_arns
  kms_key_arn         = var.kms_key_arn
  ecs_exec            = var.ecs_exec
}

module "load_balancer" {
  source = "../modules/load_balancer"
  count  = local.api == null ? 0 : 1

  name                         = var.names.load_balancer
  target_group                 = var.names.target_group
  vpc_id                       = var.vpc_id
  subnet_ids                   = var.load_balancer_internal ? var.private_subnet_ids : var.public_subnet_ids
  security_group_id            = module.network.load_balancer_security_group_id
  internal                     = var.load_balancer_internal
  port                         = local.api.port
  health_check_path            = local.api.health_check_path
  health_check_matcher         = local.api.health_check_matcher
  deregistration_delay_seconds = local.api.deregistration_delay_seconds
  certificate_arn              = var.certificate_arn
  host_names                   = var.host_names
  deletion_protection          = var.deletion_protection
  access_log_bucket            = var.access_log_bucket
}

# Services need a registered task definition and an image: the first deployment makes both, then
# services_enabled becomes true (ops/cutover.md, step by step).
module "service" {
  source   = "../modules/service"
  for_each = { for name, process in var.processes : name => process if var.services_enabled }

  name                       = each.value.service
  cluster_arn                = module.cluster.arn
  cluster_name               = module.cluster.name
  family                     = each.value.family
  container_name             = var.names.container
  port                       = each.value.port
  load_balanced              = each.value.load_balanced
  target_group_arn           = each.value.load_balanced ? module.load_balancer[0].target_group_arn : null
  subnet_ids                 = var.private_subnet_ids
  security_group_id          = module.network.tasks_security_group_id
  desired_count              = each.value.desired_count
  max_count                  = each.value.max_count
  cpu_target_percent         = each.value.cpu_target_percent
  singleton                  = each.value.singleton
  ecs_exec                   = var.ecs_exec
  health_check_grace_seconds = each.value.health_check_grace_seconds
}

module "batches" {
  source = "../modules/batches"
  count  = length(var.jobs) > 0 ? 1 : 0

  names = {
    lock_table              = var.names.lock_table
    dead_letter_queue       = var.names.dead_letter_queue
    schedule_group          = var.names.schedule_group
    state_machine_log_group = var.names.state_machine_log_group
    heartbeat_check         = var.names.heartbeat_check
    states_role             = var.names.states_role
    heartbeat_check_role    = var.names.heartbeat_check_role
    scheduler_role          = var.names.scheduler_role
  }
  jobs               = var.jobs
  heartbeat_checks   = var.heartbeat_checks
  kms_key_arn        = var.kms_key_arn
  metric_namespace   = var.names.metric_namespace
  definitions        = "${path.root}/../state_machines"
  cluster_arn        = module.cluster.arn
  cluster_name       = module.cluster.name
  subnet_ids         = var.private_subnet_ids
  security_group_id  = module.network.tasks_security_group_id
  task_role_arns     = [module.roles.execution_role_arn, module.roles.task_role_arn]
  topic_arn          = module.notifications.topic_arn
  account_id         = local.account_id
  log_retention_days = var.log_retention_days
}

module "alarms" {
  source = "../modules/alarms"

  namespace                = var.names.metric_namespace
  names                    = { batch_tasks_rule = var.names.batch_tasks_rule, service_tasks_rule = var.names.service_tasks_rule }
  topic_arn                = module.notifications.topic_arn
  log_group_names          = module.cluster.log_group_names
  heartbeat_check_arn      = length(var.jobs) > 0 ? module.batches[0].heartbeat_check_arn : null
  state_machine_arns       = length(var.jobs) > 0 ? module.batches[0].state_machine_arns : {}
  schedule_group           = length(var.jobs) > 0 ? module.batches[0].schedule_group : null
  dead_letter_queue_name   = length(var.jobs) > 0 ? module.batches[0].dead_letter_queue_name : null
  cluster_arn              = module.cluster.arn
  cluster_name             = module.cluster.name
  services                 = var.services_enabled ? local.services : []
  batch_families           = local.batch_families
  target_group_arn_suffix  = one(module.load_balancer[*].target_group_arn_suffix)
  load_balancer_arn_suffix = one(module.load_balancer[*].arn_suffix)
  error_lines              = var.alarms.error_lines
  heartbeat_filters        = var.alarms.heartbeat_filters
  heartbeats               = var.alarms.heartbeats
  executions               = var.alarms.executions
  scheduler                = var.alarms.scheduler
  dead_letters             = var.alarms.dead_letters
  healthy_hosts            = var.services_enabled ? var.alarms.healthy_hosts : null
  server_errors            = var.alarms.server_errors
  running_tasks            = var.services_enabled ? var.alarms.running_tasks : {}
}

module "dns" {
  source = "../modules/dns"
  count  = local.api != null && var.zone_id != null ? 1 : 0

  zone_id                = var.zone_id
  host_names             = toset(var.host_names)
  old_addresses          = var.old_addresses
  new_weight             = var.new_weight
  load_balancer_dns_name = module.load_balancer[0].dns_name
  load_balancer_zone_id  = module.load_balancer[0].zone_id
}

module "deployment" {
  source = "../modules/deployment"

  role           = var.names.deploy_role
  oidc_providers = var.oidc_providers
  families       = local.families
  cluster_arn    = module.cluster.arn
  cluster_name   = module.cluster.name
  repository_arn = "${local.registry}/${var.names.repository}"
  log_group_arns = module.cluster.log_group_arns
  secret_arns    = module.configuration.secret_arns
  file_systems   = length(var.file_systems) > 0
  task_role_arns = [module.roles.execution_role_arn, module.roles.task_role_arn]
  account_id     = local.account_id
}

# What is allowed, and yet seldom meant: told at every plan.

check "alarms_reach_somebody" {
  assert {
    condition     = length(var.alarm_emails) > 0
    error_message = "alarm_emails is empty: nobody is told when a batch fails, unless something else subscribes to ${var.names.topic}."
  }
}

check "traffic_is_encrypted" {
  assert {
    condition     = local.api == null || var.load_balancer_internal || var.certificate_arn != null
    error_message = "certificate_arn is null: the load balancer serves plain HTTP to the internet."
  }
}
