data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  machine_arns = concat(
    [for machine in aws_sfn_state_machine.jobs : machine.arn],
    aws_sfn_state_machine.heartbeat_check[*].arn,
  )
  families = toset([for job in var.jobs : job.task_definition])
  ecs      = "arn:${data.aws_partition.current.partition}:ecs:${data.aws_region.current.region}:${var.account_id}"
  states   = "arn:${data.aws_partition.current.partition}:states:${data.aws_region.current.region}:${var.account_id}"
  log_delivery = [
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
  ]
  events = "arn:${data.aws_partition.current.partition}:events:${data.aws_region.current.region}:${var.account_id}"
}

# --- what the state machines may do

data "aws_iam_policy_document" "states_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for job in var.jobs : "${local.states}:stateMachine:${job.state_machine}"]
    }
  }
}

resource "aws_iam_role" "states" {
  name               = var.names.states_role
  description        = "State machines: run batch tasks and watch them"
  assume_role_policy = data.aws_iam_policy_document.states_trust.json
}

data "aws_iam_policy_document" "states" {
  dynamic "statement" {
    for_each = length(local.families) > 0 ? [1] : []

    content {
      sid     = "RunBatches"
      actions = ["ecs:RunTask"]
      # RunTask is authorised against the revision that the family stands for
      resources = [for family in local.families : "${local.ecs}:task-definition/${family}:*"]

      condition {
        test     = "ArnEquals"
        variable = "ecs:cluster"
        values   = [var.cluster_arn]
      }
    }
  }

  statement {
    sid       = "FollowBatches"
    actions   = ["ecs:DescribeTasks", "ecs:StopTask"]
    resources = ["${local.ecs}:task/${var.cluster_name}/*"]
  }

  statement {
    sid       = "TagBatches"
    actions   = ["ecs:TagResource"]
    resources = ["${local.ecs}:task/${var.cluster_name}/*"]

    condition {
      test     = "StringEquals"
      variable = "ecs:CreateAction"
      values   = ["RunTask"]
    }
  }

  # the rule through which Step Functions learns that a task has ended
  statement {
    sid       = "WaitForBatches"
    actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
    resources = ["${local.events}:rule/StepFunctionsGetEventsForECSTaskRule"]
  }

  statement {
    sid       = "PassRoles"
    actions   = ["iam:PassRole"]
    resources = var.task_role_arns

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }

  statement {
    sid = "Locks"
    actions = [
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
    ]
    resources = [aws_dynamodb_table.locks.arn]
  }

  # whether the run that holds a lock still goes on
  dynamic "statement" {
    for_each = length(var.jobs) > 0 ? [1] : []

    content {
      sid       = "LookAtLockHolder"
      actions   = ["states:DescribeExecution"]
      resources = [for job in var.jobs : "${local.states}:execution:${job.state_machine}:*"]
    }
  }

  statement {
    sid       = "Report"
    actions   = ["sns:Publish"]
    resources = [var.topic_arn]
  }

  # batches whose end no filter of the log can tell: their machine counts it
  dynamic "statement" {
    for_each = anytrue([for job in var.jobs : job.counts_own_ends]) ? [1] : []

    content {
      sid       = "CountEnds"
      actions   = ["cloudwatch:PutMetricData"]
      resources = ["*"] # this action knows no resource

      condition {
        test     = "StringEquals"
        variable = "cloudwatch:namespace"
        values   = [var.metric_namespace]
      }
    }
  }

  statement {
    sid       = "WriteHistory"
    actions   = local.log_delivery
    resources = ["*"] # these actions know no resource
  }
}

resource "aws_iam_role_policy" "states" {
  name   = "run-batches"
  role   = aws_iam_role.states.name
  policy = data.aws_iam_policy_document.states.json
}

# --- what the daily look for rare batches may do

data "aws_iam_policy_document" "heartbeat_check_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["${local.states}:stateMachine:${var.names.heartbeat_check}"]
    }
  }
}

resource "aws_iam_role" "heartbeat_check" {
  count = length(var.heartbeat_checks) > 0 ? 1 : 0

  name               = var.names.heartbeat_check_role
  description        = "The daily look for batches that are too rare for an alarm"
  assume_role_policy = data.aws_iam_policy_document.heartbeat_check_trust.json
}

data "aws_iam_policy_document" "heartbeat_check" {
  statement {
    sid       = "CountEnds"
    actions   = ["cloudwatch:GetMetricStatistics"]
    resources = ["*"] # this action knows no resource
  }

  statement {
    sid       = "Report"
    actions   = ["sns:Publish"]
    resources = [var.topic_arn]
  }

  statement {
    sid       = "WriteHistory"
    actions   = local.log_delivery
    resources = ["*"] # these actions know no resource
  }
}

resource "aws_iam_role_policy" "heartbeat_check" {
  count = length(var.heartbeat_checks) > 0 ? 1 : 0

  name   = "look-for-ends"
  role   = aws_iam_role.heartbeat_check[0].name
  policy = data.aws_iam_policy_document.heartbeat_check.json
}

# --- what the schedules may do

data "aws_iam_policy_document" "scheduler_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_scheduler_schedule_group.this.arn]
    }
  }
}

resource "aws_iam_role" "scheduler" {
  name               = var.names.scheduler_role
  description        = "Schedules: start the state machines"
  assume_role_policy = data.aws_iam_policy_document.scheduler_trust.json
}

data "aws_iam_policy_document" "scheduler" {
  dynamic "statement" {
    for_each = length(local.machine_arns) > 0 ? [1] : []

    content {
      sid       = "Start"
      actions   = ["states:StartExecution"]
      resources = local.machine_arns
    }
  }

  statement {
    sid       = "KeepWhatFailed"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters.arn]
  }
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "start-batches"
  role   = aws_iam_role.scheduler.name
  policy = data.aws_iam_policy_document.scheduler.json
}
