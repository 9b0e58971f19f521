output "target_group_arn" {
  description = "ARN of the target group, once a listener forwards to it."
  value       = aws_lb_target_group.this.arn

  # a service may only register with a target group that a load balancer uses
  depends_on = [aws_lb_listener_rule.this]
}

output "target_group_arn_suffix" {
  description = "Dimension TargetGroup of the target group's metrics."
  value       = aws_lb_target_group.this.arn_suffix
}

output "arn_suffix" {
  description = "Dimension LoadBalancer of the load balancer's metrics."
  value       = aws_lb.this.arn_suffix
}

output "dns_name" {
  description = "Name under which the load balancer is reached before the DNS is switched."
  value       = aws_lb.this.dns_name
}

output "zone_id" {
  description = "Hosted zone of that name, for alias records."
  value       = aws_lb.this.zone_id
}
