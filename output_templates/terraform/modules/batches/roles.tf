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
  events   = "arn:${data.aws_partition.current.partition}:events:${data.aws_region.current.region}:${var.account_id}"
}

# --- who takes a role: a service, for what is named here and for nothing else

locals {
  trusted = {
    states = {
      service = "states.amazonaws.com"
      sources = [for job in var.jobs : "${local.states}:stateMachine:${job.state_machine}"]
    }
    heartbeat_check = {
      service = "states.amazonaws.com"
      sources = ["${local.states}:stateMachine:${var.names.heartbeat_check}"]
    }
    scheduler = {
      service = "scheduler.amazonaws.com"
      sources = [aws_scheduler_schedule_group.this.arn]
    }
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = local.trusted

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.value.service]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = each.value.sources
    }
  }
}

# --- what every state machine may do

data "aws_iam_policy_document" "machine" {
  statement {
    sid       = "Report"
    actions   = ["sns:Publish"]
    resources = [var.topic_arn]
  }

  statement {
    sid = "WriteHistory"
    actions = [
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
    ]
    resources = ["*"] # these actions know no resource
  }
}

# --- what those of the batches may do

resource "aws_iam_role" "states" {
  name               = var.names.states_role
  description        = "State machines: run batch tasks and watch them"
  assume_role_policy = data.aws_iam_policy_document.trust["states"].json
}

data "aws_iam_policy_document" "states" {
  source_policy_documents = [data.aws_iam_policy_document.machine.json]

  statement {
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
  statement {
    sid       = "LookAtLockHolder"
    actions   = ["states:DescribeExecution"]
    resources = [for job in var.jobs : "${local.states}:execution:${job.state_machine}:*"]
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
}

resource "aws_iam_role_policy" "states" {
  name   = "run-batches"
  role   = aws_iam_role.states.name
  policy = data.aws_iam_policy_document.states.json
}

# --- what the daily look for rare batches may do

resource "aws_iam_role" "heartbeat_check" {
  count = length(var.heartbeat_checks) > 0 ? 1 : 0

  name               = var.names.heartbeat_check_role
  description        = "The daily look for batches that are too rare for an alarm"
  assume_role_policy = data.aws_iam_policy_document.trust["heartbeat_check"].json
}

data "aws_iam_policy_document" "heartbeat_check" {
  source_policy_documents = [data.aws_iam_policy_document.machine.json]

  statement {
    sid       = "CountEnds"
    actions   = ["cloudwatch:GetMetricStatistics"]
    resources = ["*"] # this action knows no resource
  }
}

resource "aws_iam_role_policy" "heartbeat_check" {
  count = length(var.heartbeat_checks) > 0 ? 1 : 0

  name   = "look-for-ends"
  role   = aws_iam_role.heartbeat_check[0].name
  policy = data.aws_iam_policy_document.heartbeat_check.json
}

# --- what the schedules may do

resource "aws_iam_role" "scheduler" {
  name               = var.names.scheduler_role
  description        = "Schedules: start the state machines"
  assume_role_policy = data.aws_iam_policy_document.trust["scheduler"].json
}

data "aws_iam_policy_document" "scheduler" {
  statement {
    sid       = "Start"
    actions   = ["states:StartExecution"]
    resources = local.machine_arns
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
