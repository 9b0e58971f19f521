# The cluster, and one log group for each task definition. Not one for each batch: RunTask cannot override a
# container's log configuration, so batches of one class share theirs. A run has a stream of its own
# (<task definition>/<container>/<task id>; ops/run-batch.sh shows it), and each dead-man alarm counts the line that
# its own batch alone writes at its end.

resource "aws_ecs_cluster" "this" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }

  dynamic "configuration" {
    for_each = var.ecs_exec ? [1] : []

    content {
      execute_command_configuration {
        logging = "OVERRIDE"

        log_configuration {
          cloud_watch_log_group_name = aws_cloudwatch_log_group.ecs_exec[0].name
        }
      }
    }
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = 1
  }
}

resource "aws_cloudwatch_log_group" "containers" {
  for_each = var.log_groups

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

# What people typed in ECS Exec sessions.
resource "aws_cloudwatch_log_group" "ecs_exec" {
  count = var.ecs_exec ? 1 : 0

  name              = "/ecs/${var.name}/exec"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}
