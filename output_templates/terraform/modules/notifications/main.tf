# Where alarms go. No encryption with the default key of SNS: CloudWatch and EventBridge may not use that
# key, and their messages would be lost without a word.

resource "aws_sns_topic" "this" {
  name = var.topic
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.emails

  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.value
}

data "aws_partition" "current" {}

locals {
  # who may publish, each confined in the way that it supports
  publishers = {
    Alarms = {
      service  = "cloudwatch.amazonaws.com"
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      value    = var.account_id
    }
    Events = {
      service  = "events.amazonaws.com"
      test     = "ArnLike"
      variable = "aws:SourceArn"
      value    = "arn:${data.aws_partition.current.partition}:events:*:${var.account_id}:rule/*"
    }
  }
}

data "aws_iam_policy_document" "topic" {
  dynamic "statement" {
    for_each = local.publishers

    content {
      sid       = statement.key
      actions   = ["sns:Publish"]
      resources = [aws_sns_topic.this.arn]

      principals {
        type        = "Service"
        identifiers = [statement.value.service]
      }

      condition {
        test     = statement.value.test
        variable = statement.value.variable
        values   = [statement.value.value]
      }
    }
  }
}

resource "aws_sns_topic_policy" "this" {
  arn    = aws_sns_topic.this.arn
  policy = data.aws_iam_policy_document.topic.json
}
