output "names" {
  description = "The records of the new side."
  value       = [for record in aws_route53_record.new : record.fqdn]
}
