"""migrate-analyze: from EC2 hosts under Ansible and cron to ECS Fargate, with the proof beside it."""

__version__ = "0.1.0"
