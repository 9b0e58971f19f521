# Who may talk to whom. Ports and sources come from the firewall rules and sockets of the hosts.

resource "aws_security_group" "load_balancer" {
  count = var.load_balanced_port == null ? 0 : 1

  name        = var.names.load_balancer
  description = "Load balancer of ${var.application}"
  vpc_id      = var.vpc_id
}

resource "aws_security_group" "tasks" {
  name        = var.names.tasks
  description = "Tasks of ${var.application}: services and batches"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  for_each = var.load_balanced_port == null ? {} : var.load_balancer_ingress

  security_group_id = aws_security_group.load_balancer[0].id
  description       = each.value.description
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr_ipv4
  cidr_ipv6         = each.value.cidr_ipv6
}

resource "aws_vpc_security_group_egress_rule" "load_balancer_to_tasks" {
  count = var.load_balanced_port == null ? 0 : 1

  security_group_id            = aws_security_group.load_balancer[0].id
  description                  = "To the tasks"
  ip_protocol                  = "tcp"
  from_port                    = var.load_balanced_port
  to_port                      = var.load_balanced_port
  referenced_security_group_id = aws_security_group.tasks.id
}

resource "aws_vpc_security_group_ingress_rule" "tasks_from_load_balancer" {
  count = var.load_balanced_port == null ? 0 : 1

  security_group_id            = aws_security_group.tasks.id
  description                  = "From the load balancer"
  ip_protocol                  = "tcp"
  from_port                    = var.load_balanced_port
  to_port                      = var.load_balanced_port
  referenced_security_group_id = aws_security_group.load_balancer[0].id
}

# Ports of processes that are reached directly, not through the load balancer.
resource "aws_vpc_security_group_ingress_rule" "tasks" {
  for_each = var.tasks_ingress

  security_group_id = aws_security_group.tasks.id
  description       = each.value.description
  ip_protocol       = each.value.protocol
  from_port         = each.value.port
  to_port           = each.value.to_port
  cidr_ipv4         = each.value.cidr_ipv4
  cidr_ipv6         = each.value.cidr_ipv6
}

resource "aws_vpc_security_group_egress_rule" "tasks" {
  for_each = var.tasks_egress

  security_group_id = aws_security_group.tasks.id
  description       = each.value.description
  ip_protocol       = each.value.protocol
  from_port         = each.value.port
  to_port           = each.value.to_port
  cidr_ipv4         = each.value.cidr_ipv4
  cidr_ipv6         = each.value.cidr_ipv6
}
