# Batches: EventBridge Scheduler starts a state machine, which runs the task once and only once.

locals {
  schedules = merge([
    for job, settings in var.jobs : {
      for name, schedule in settings.schedules : name => merge(schedule, { job = job })
    }
  ]...)

  # what the state-machine files leave open; several ids stand in one element of an array
  machine_variables = {
    cluster          = var.cluster_arn
    subnets          = join("\",\"", var.subnet_ids)
    security_groups  = join("\",\"", [var.security_group_id])
    lock_table       = aws_dynamodb_table.locks.name
    topic            = var.topic_arn
    metric_namespace = var.metric_namespace
  }
}

# Guards against double delivery and overlapping runs: a row for each batch and one for each lock.
resource "aws_dynamodb_table" "locks" {
  name         = var.names.lock_table
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "Name"

  attribute {
    name = "Name"
    type = "S"
  }

  point_in_time_recovery {
    enabled = false # the next runs write every row anew; an old lock brought back would hold a batch up
  }

  server_side_encryption {
    enabled = true
  }
}

# Starts that Scheduler could not deliver.
resource "aws_sqs_queue" "dead_letters" {
  name                      = var.names.dead_letter_queue
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_cloudwatch_log_group" "state_machines" {
  name              = var.names.state_machine_log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_sfn_state_machine" "jobs" {
  for_each = var.jobs

  name     = each.value.state_machine
  role_arn = aws_iam_role.states.arn
  definition = templatefile(
    "${var.definitions}/${each.value.definition}",
    merge(local.machine_variables, { task_definition = each.value.task_definition }),
  )

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = true
    log_destination        = "${aws_cloudwatch_log_group.state_machines.arn}:*"
  }

  depends_on = [aws_iam_role_policy.states]
}

resource "aws_scheduler_schedule_group" "this" {
  name = var.names.schedule_group
}

# Schedules are made switched off and stay as ops/schedules.sh sets them: applying Terraform never starts
# a batch that cron still runs, and never stops one that was handed over.
resource "aws_scheduler_schedule" "jobs" {
  for_each = local.schedules

  name                         = each.key
  group_name                   = aws_scheduler_schedule_group.this.name
  description                  = each.value.description
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.timezone
  start_date                   = each.value.start_date
  end_date                     = each.value.end_date
  state                        = "DISABLED"

  flexible_time_window {
    mode                      = each.value.window_minutes == null ? "OFF" : "FLEXIBLE"
    maximum_window_in_minutes = each.value.window_minutes
  }

  target {
    arn      = aws_sfn_state_machine.jobs[each.value.job].arn
    role_arn = aws_iam_role.scheduler.arn

    # a plain text: jsonencode() would turn the <aws.scheduler...> attributes into escapes that are not replaced
    input = each.value.input

    retry_policy {
      maximum_retry_attempts       = each.value.retry_attempts
      maximum_event_age_in_seconds = each.value.max_age_seconds
    }

    dead_letter_config {
      arn = aws_sqs_queue.dead_letters.arn
    }
  }

  lifecycle {
    ignore_changes = [state]
  }
}

# Batches too rare for an alarm: once a day this looks for their last "End.".
resource "aws_sfn_state_machine" "heartbeat_check" {
  count = length(var.heartbeat_checks) > 0 ? 1 : 0

  name       = var.names.heartbeat_check
  role_arn   = aws_iam_role.heartbeat_check[0].arn
  definition = templatefile("${path.module}/heartbeat_check.asl.json", { topic = var.topic_arn })

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = true
    log_destination        = "${aws_cloudwatch_log_group.state_machines.arn}:*"
  }

  depends_on = [aws_iam_role_policy.heartbeat_check]
}

resource "aws_scheduler_schedule" "heartbeat_checks" {
  for_each = var.heartbeat_checks

  name                         = each.value.schedule
  group_name                   = aws_scheduler_schedule_group.this.name
  description                  = "Did ${each.key} end within the last ${each.value.days} days?"
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.timezone
  state                        = "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.heartbeat_check[0].arn
    role_arn = aws_iam_role.scheduler.arn
    input = jsonencode({
      job       = each.key
      namespace = var.metric_namespace
      metric    = each.value.metric
      days      = each.value.days
      period    = each.value.period
    })

    retry_policy {
      maximum_retry_attempts       = 3
      maximum_event_age_in_seconds = 3600
    }

    dead_letter_config {
      arn = aws_sqs_queue.dead_letters.arn
    }
  }

  lifecycle {
    ignore_changes = [state]
  }
}
