# Alarms. Each says in its description what it means and where to look first.

locals {
  actions = [var.topic_arn]
}

# --- error lines in the logs

resource "aws_cloudwatch_log_metric_filter" "errors" {
  for_each = var.error_lines

  name           = "${each.key}-errors"
  log_group_name = var.log_group_names[each.key]
  pattern        = each.value.pattern

  metric_transformation {
    namespace     = var.namespace
    name          = each.value.metric
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each = var.error_lines

  alarm_name          = each.value.alarm
  alarm_description   = each.value.description
  namespace           = var.namespace
  metric_name         = each.value.metric
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.actions
}

# --- the dead-man alarms: a batch that does not say "End." in time

# no default value: only a real line is a heartbeat
resource "aws_cloudwatch_log_metric_filter" "heartbeats" {
  for_each = var.heartbeat_filters

  name           = "${each.key}-end"
  log_group_name = var.log_group_names[each.value.log_group]
  pattern        = each.value.pattern

  metric_transformation {
    namespace = var.namespace
    name      = each.value.metric
    value     = "1"
  }
}

# made silent; ops/schedules.sh gives them a voice when it hands a batch over, and takes it when it switches one off
resource "aws_cloudwatch_metric_alarm" "heartbeats" {
  for_each = var.heartbeats

  alarm_name          = each.value.alarm
  alarm_description   = each.value.description
  namespace           = var.namespace
  metric_name         = each.value.metric
  statistic           = "Sum"
  period              = each.value.period
  evaluation_periods  = each.value.evaluation_periods
  datapoints_to_alarm = each.value.evaluation_periods
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  actions_enabled     = false
  alarm_actions       = local.actions
  ok_actions          = local.actions

  lifecycle {
    ignore_changes = [actions_enabled]
  }
}

# --- a batch, or the daily look for rare ones, that failed, ran out of time or was stopped

resource "aws_cloudwatch_metric_alarm" "executions" {
  for_each = var.executions

  alarm_name          = each.value.alarm
  alarm_description   = each.value.description
  namespace           = "AWS/States"
  metric_name         = each.value.metric
  dimensions          = { StateMachineArn = each.value.job == null ? var.heartbeat_check_arn : var.state_machine_arns[each.value.job] }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.actions
}

# --- Scheduler itself

resource "aws_cloudwatch_metric_alarm" "scheduler" {
  for_each = var.scheduler

  alarm_name          = each.value.alarm
  alarm_description   = each.value.description
  namespace           = "AWS/Scheduler"
  metric_name         = each.key
  dimensions          = { ScheduleGroup = var.schedule_group }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.actions
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  count = var.dead_letters == null ? 0 : 1

  alarm_name          = var.dead_letters.alarm
  alarm_description   = var.dead_letters.description
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = var.dead_letter_queue_name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.actions
}

# --- services

resource "aws_cloudwatch_metric_alarm" "healthy_hosts" {
  count = var.healthy_hosts == null ? 0 : 1

  alarm_name        = var.healthy_hosts.alarm
  alarm_description = var.healthy_hosts.description
  namespace         = "AWS/ApplicationELB"
  metric_name       = "HealthyHostCount"
  dimensions = {
    TargetGroup  = var.target_group_arn_suffix
    LoadBalancer = var.load_balancer_arn_suffix
  }
  statistic           = "Minimum"
  period              = 60
  evaluation_periods  = 2
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = local.actions
  ok_actions          = local.actions
}

resource "aws_cloudwatch_metric_alarm" "server_errors" {
  count = var.server_errors == null ? 0 : 1

  alarm_name        = var.server_errors.alarm
  alarm_description = var.server_errors.description
  namespace         = "AWS/ApplicationELB"
  metric_name       = "HTTPCode_Target_5XX_Count"
  dimensions = {
    TargetGroup  = var.target_group_arn_suffix
    LoadBalancer = var.load_balancer_arn_suffix
  }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 10
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.actions
}

resource "aws_cloudwatch_metric_alarm" "running_tasks" {
  for_each = var.running_tasks

  alarm_name          = each.value.alarm
  alarm_description   = each.value.description
  namespace           = "ECS/ContainerInsights"
  metric_name         = "RunningTaskCount"
  dimensions          = { ClusterName = var.cluster_name, ServiceName = each.value.service }
  statistic           = "Minimum"
  period              = 60
  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = local.actions
  ok_actions          = local.actions
}

# --- tasks that ended badly or did not start at all; a deployment's own stops are not told

resource "aws_cloudwatch_event_rule" "batch_tasks" {
  count = length(var.batch_families) > 0 ? 1 : 0

  name        = var.names.batch_tasks_rule
  description = "Batch tasks that ended with a status other than 0 or could not start"

  event_pattern = jsonencode({
    source        = ["aws.ecs"]
    "detail-type" = ["ECS Task State Change"]
    detail = {
      clusterArn = [var.cluster_arn]
      lastStatus = ["STOPPED"]
      group      = [for family in var.batch_families : "family:${family}"]
      "$or" = [
        { containers = { exitCode = [{ "anything-but" = [0] }] } },
        { stopCode = ["TaskFailedToStart"] },
      ]
    }
  })
}

resource "aws_cloudwatch_event_rule" "service_tasks" {
  count = length(var.services) > 0 ? 1 : 0

  name        = var.names.service_tasks_rule
  description = "Service tasks that ended by themselves or could not start"

  event_pattern = jsonencode({
    source        = ["aws.ecs"]
    "detail-type" = ["ECS Task State Change"]
    detail = {
      clusterArn = [var.cluster_arn]
      lastStatus = ["STOPPED"]
      group      = [for service in var.services : "service:${service}"]
      stopCode   = ["EssentialContainerExited", "TaskFailedToStart"]
    }
  })
}

locals {
  task_rule_names = toset(concat(
    length(var.batch_families) > 0 ? [var.names.batch_tasks_rule] : [],
    length(var.services) > 0 ? [var.names.service_tasks_rule] : [],
  ))
}

resource "aws_cloudwatch_event_target" "tasks" {
  for_each = local.task_rule_names

  rule = each.value
  arn  = var.topic_arn

  input_transformer {
    input_paths = {
      task   = "$.detail.taskArn"
      group  = "$.detail.group"
      code   = "$.detail.stopCode"
      reason = "$.detail.stoppedReason"
      exit   = "$.detail.containers[0].exitCode"
    }

    # not jsonencode(): it would escape the angle brackets
    input_template = "\"A task of <group> stopped: <code>, exit status <exit>. <reason> Task: <task>\""
  }

  depends_on = [aws_cloudwatch_event_rule.batch_tasks, aws_cloudwatch_event_rule.service_tasks]
}
