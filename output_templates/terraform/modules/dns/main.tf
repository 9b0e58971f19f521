# Two weighted records for each name: the old host and the new load balancer. Moving weight moves traffic,
# a step at a time and back again. The old record must not exist as a simple record beside these:
# ops/cutover.md says how to replace it without a gap.

locals {
  weight_total = 100
}

resource "aws_route53_record" "old" {
  for_each = length(var.old_addresses) > 0 ? var.host_names : toset([])

  zone_id        = var.zone_id
  name           = each.value
  type           = "A"
  ttl            = 60
  records        = var.old_addresses
  set_identifier = "ec2"

  weighted_routing_policy {
    weight = local.weight_total - var.new_weight
  }
}

resource "aws_route53_record" "new" {
  for_each = var.host_names

  zone_id        = var.zone_id
  name           = each.value
  type           = "A"
  set_identifier = "fargate"

  alias {
    name                   = var.load_balancer_dns_name
    zone_id                = var.load_balancer_zone_id
    evaluate_target_health = true
  }

  weighted_routing_policy {
    weight = var.new_weight
  }
}
