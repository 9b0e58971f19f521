variable "topic" {
  description = "Name of the topic."
  type        = string
}

variable "emails" {
  description = "Who gets the alarms; each address must confirm once."
  type        = set(string)
}

variable "account_id" {
  description = "The account."
  type        = string
}
