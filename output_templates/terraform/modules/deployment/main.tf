# What the application team's pipeline may do: push images, register task definitions, move services to
# them, run the tasks of a release. Nothing else. Each CI system proves who it is with OpenID Connect.

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  ecs      = "arn:${data.aws_partition.current.partition}:ecs:${data.aws_region.current.region}:${var.account_id}"
  families = [for family in var.families : "${local.ecs}:task-definition/${family}:*"]
}

data "aws_iam_policy_document" "trust" {
  count = length(var.oidc_providers) > 0 ? 1 : 0

  dynamic "statement" {
    for_each = var.oidc_providers

    content {
      actions = ["sts:AssumeRoleWithWebIdentity"]

      principals {
        type        = "Federated"
        identifiers = [statement.value.arn]
      }

      condition {
        test     = "StringEquals"
        variable = "${statement.value.host}:aud"
        values   = [statement.value.audience]
      }

      condition {
        test     = "StringLike"
        variable = "${statement.value.host}:sub"
        values   = statement.value.subjects
      }
    }
  }
}

resource "aws_iam_role" "this" {
  count = length(var.oidc_providers) > 0 ? 1 : 0

  name               = var.role
  description        = "The application team's deployment"
  assume_role_policy = data.aws_iam_policy_document.trust[0].json
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "Login"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # this action knows no resource
  }

  statement {
    sid = "Push"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:DescribeImages",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = [var.repository_arn]
  }

  statement {
    sid       = "Register"
    actions   = ["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"]
    resources = ["*"] # registering knows no resource
  }

  statement {
    sid       = "Tag"
    actions   = ["ecs:TagResource"]
    resources = local.families

    condition {
      test     = "StringEquals"
      variable = "ecs:CreateAction"
      values   = ["RegisterTaskDefinition"]
    }
  }

  statement {
    sid       = "Deploy"
    actions   = ["ecs:DescribeServices", "ecs:UpdateService"]
    resources = ["${local.ecs}:service/${var.cluster_name}/*"]
  }

  statement {
    sid       = "RunRelease"
    actions   = ["ecs:RunTask"]
    resources = local.families

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [var.cluster_arn]
    }
  }

  statement {
    sid       = "FollowRelease"
    actions   = ["ecs:DescribeTasks", "ecs:StopTask"]
    resources = ["${local.ecs}:task/${var.cluster_name}/*"]
  }

  statement {
    sid       = "ShowReleaseLog"
    actions   = ["logs:GetLogEvents"]
    resources = [for arn in var.log_group_arns : "${arn}:log-stream:*"]
  }

  # docker/fill-in.sh looks up what a task definition cannot know beforehand
  dynamic "statement" {
    for_each = var.file_systems ? [1] : []

    content {
      sid       = "FillInFileSystems"
      actions   = ["elasticfilesystem:DescribeAccessPoints", "elasticfilesystem:DescribeFileSystems"]
      resources = ["*"] # they are looked for by their names, in all that the account has
    }
  }

  dynamic "statement" {
    for_each = length(var.secret_arns) > 0 ? [1] : []

    content {
      sid       = "FillInSecretNames"
      actions   = ["secretsmanager:DescribeSecret"]
      resources = var.secret_arns
    }
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
}

resource "aws_iam_policy" "this" {
  name        = var.role
  description = "What a deployment of the application may do"
  policy      = data.aws_iam_policy_document.this.json
}

resource "aws_iam_role_policy_attachment" "this" {
  count = length(aws_iam_role.this)

  role       = aws_iam_role.this[0].name
  policy_arn = aws_iam_policy.this.arn
}
