# File systems that tasks share and that outlive them, for what the hosts mounted.

resource "aws_security_group" "this" {
  count = length(var.file_systems) > 0 ? 1 : 0

  name        = var.security_group_name
  description = "File systems of ${var.application}"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "tasks" {
  count = length(var.file_systems) > 0 ? 1 : 0

  security_group_id            = aws_security_group.this[0].id
  description                  = "NFS from the tasks"
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
  referenced_security_group_id = var.tasks_security_group_id
}

# The hosts, as long as they share the files with the tasks.
resource "aws_vpc_security_group_ingress_rule" "hosts" {
  for_each = length(var.file_systems) > 0 ? var.host_security_group_ids : toset([])

  security_group_id            = aws_security_group.this[0].id
  description                  = "NFS from the hosts"
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
  referenced_security_group_id = each.value
}

resource "aws_efs_file_system" "this" {
  for_each = var.file_systems

  encrypted       = true
  kms_key_id      = var.kms_key_arn
  throughput_mode = "elastic"

  # docker/fill-in.sh finds the file system by this name
  tags = {
    Name = each.value.name
  }

  # the application's files: whoever means to delete them takes this out first
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_efs_access_point" "this" {
  for_each = var.file_systems

  file_system_id = aws_efs_file_system.this[each.key].id

  posix_user {
    uid = each.value.uid
    gid = each.value.gid
  }

  root_directory {
    path = "/data"

    creation_info {
      owner_uid   = each.value.uid
      owner_gid   = each.value.gid
      permissions = "0750"
    }
  }

  tags = {
    Name = each.value.name
  }
}

resource "aws_efs_mount_target" "this" {
  for_each = {
    for pair in setproduct(keys(var.file_systems), range(length(var.subnet_ids))) :
    "${pair[0]}-${pair[1]}" => { file_system = pair[0], subnet = var.subnet_ids[pair[1]] }
  }

  file_system_id  = aws_efs_file_system.this[each.value.file_system].id
  subnet_id       = each.value.subnet
  security_groups = [aws_security_group.this[0].id]
}

resource "aws_efs_backup_policy" "this" {
  for_each = var.file_systems

  file_system_id = aws_efs_file_system.this[each.key].id

  backup_policy {
    status = "ENABLED"
  }
}
