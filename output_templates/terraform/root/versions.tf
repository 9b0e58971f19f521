terraform {
  required_version = ">= 1.10" # use_lockfile of the backend

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }

  # where the state lies: terraform init -backend-config=backend.hcl (see backend.hcl.example)
  backend "s3" {}
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      application = var.application
      environment = var.environment
      managed-by  = "terraform"
    }
  }
}
