"""The names of everything AWS will hold, in one place: every renderer takes them from here, so they cannot disagree.

    names = Names("accounting", "production", region="ap-northeast-1")
    names.state_machine("nightly-close")  -> "accounting-production-nightly-close"
    names.state_machine_arn("nightly-close")
                                          -> "arn:aws:states:ap-northeast-1:000000000000:stateMachine:accounting-…"

A name that is too long, or holds what AWS refuses there, is made to fit and ends in a digest of the full text, so two
different inputs never share a name. The account number is not known to the analysis: ARNs carry `ACCOUNT`, which
`docker/fill-in.sh` (application) and Terraform (infrastructure) replace.
"""

from __future__ import annotations

import hashlib
import re

from msgspec import Struct

ACCOUNT = "000000000000"
"""Stands for the account number, in the form that AWS's own patterns accept."""
REGION = "region-to-set"
"""Stands for the region where neither the evidence nor an option says it."""
SECRET_SUFFIX = "XXXXXX"
"""Stands for the six characters that Secrets Manager appends to a secret's name in its ARN."""
IMAGE_TAG = "REVISION"
"""Stands for the tag of the image, the revision that the deployment builds."""
CONTAINER = "app"
"""Name of the one container of every task definition; overrides, log streams and CI refer to it."""

STATE_MACHINE_VARIABLES = (
    "cluster",
    "task_definition",
    "subnets",
    "security_groups",
    "lock_table",
    "topic",
    "metric_namespace",
)
"""What a state-machine file may leave open as `${name}`, for it serves every environment; Terraform's `templatefile`
fills them in: ARN of the cluster, family of the task definition (the newest revision runs), ids of subnets and security
groups, name of the lock table, ARN of the alarm topic. `subnets` and `security_groups` stand for several texts: in the
file they are one element of an array, `["${subnets}"]`, and are replaced by ids joined by `","`, so the file is JSON
before and after. Any other `${` or `%{` in such a file must pass through `template_text`."""

DIGEST_LENGTH = 8


def fit(text: str, limit: int, allowed: str = "0-9A-Za-z_-") -> str:
    """`text` if it is made of `allowed` (inside of a character class) and at most `limit` long.

    Otherwise the refused runs become one `-`, the end is cut, and a digest of the whole `text` is appended.
    """
    clean = re.sub(f"[^{allowed}]+", "-", text).strip("-")
    if clean == text and 0 < len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
    head = clean[: limit - DIGEST_LENGTH - 1].rstrip("-")
    return f"{head}-{digest}" if head else digest


def variable(name: str) -> str:
    """The environment variable that carries the secret or parameter `name`: `db-password` -> `DB_PASSWORD`."""
    text = re.sub(r"[^0-9A-Za-z]+", "_", name).strip("_").upper()
    return text if text and not text[0].isdigit() else f"_{text}"


def template_text(text: str) -> str:
    """`text` as Terraform's `templatefile` must find it to give `text` back."""
    return text.replace("${", "$${").replace("%{", "%%{")


def hardened(environment: str) -> bool:
    """Whether `environment` serves customers: ECS Exec is off there and the root file system read-only."""
    return environment.lower() in {"production", "prod", "prd", "live"}


class Names(Struct, frozen=True):
    """All names of one application in one environment."""

    application: str
    environment: str
    region: str = ""
    """"" where it is not known; ARNs then carry `REGION`."""

    # --- shared -----------------------------------------------------------------------------------------------------

    @property
    def prefix(self) -> str:
        """`accounting-production`, what everything else starts with."""
        return fit(f"{self.application}-{self.environment}", 40)

    @property
    def partition(self) -> str:
        """`aws`, or China's and GovCloud's."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    @property
    def region_or_placeholder(self) -> str:
        """The region, or `REGION` where it is not known."""
        return self.region or REGION

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        """The ARN of `resource` with `ACCOUNT` as account."""
        region = self.region_or_placeholder if regional else ""
        return f"arn:{self.partition}:{service}:{region}:{ACCOUNT}:{resource}"

    def _named(self, suffix: str, limit: int, allowed: str = "0-9A-Za-z_-") -> str:
        return fit(f"{self.application}-{self.environment}-{suffix}", limit, allowed)

    # --- ECS --------------------------------------------------------------------------------------------------------

    @property
    def cluster(self) -> str:
        """ECS cluster."""
        return self.prefix

    def task_family(self, task_definition: str) -> str:
        """Family of the task definition `api`, `batch_heavy`, `batch_light` or `<process>`."""
        return self._named(task_definition, 255)

    def service(self, process: str) -> str:
        """ECS service that keeps `process` running."""
        return self._named(process, 255)

    @property
    def repository(self) -> str:
        """ECR repository: one image for all environments, so it carries no environment."""
        return fit(self.application.lower(), 120, "0-9a-z-")

    @property
    def image(self) -> str:
        """The image of every container, with `ACCOUNT` and `IMAGE_TAG` to be filled in."""
        suffix = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
        return f"{ACCOUNT}.dkr.ecr.{self.region_or_placeholder}.{suffix}/{self.repository}:{IMAGE_TAG}"

    def log_group(self, task_definition: str) -> str:
        """Log group of a task definition.

        `RunTask` cannot override a container's log configuration, so the jobs that share a task definition share its
        log group; each run has its own stream `<task definition>/app/<task id>`.
        """
        return f"/ecs/{self.prefix}/{fit(task_definition, 100)}"

    @property
    def state_machine_log_group(self) -> str:
        """Log group of the state machines' own history; the prefix is the one that AWS grants log delivery to."""
        return f"/aws/vendedlogs/states/{self.prefix}"

    # --- batches ----------------------------------------------------------------------------------------------------

    def state_machine(self, job: str) -> str:
        """State machine that runs `job`."""
        return self._named(job, 80)

    def state_machine_arn(self, job: str) -> str:
        """ARN of the state machine that runs `job`."""
        return self.arn("states", f"stateMachine:{self.state_machine(job)}")

    @property
    def heartbeat_check(self) -> str:
        """State machine that looks for the heartbeat of jobs too rare for an alarm."""
        return self._named("heartbeat-check", 80)

    def heartbeat_check_schedule(self, job: str) -> str:
        """Schedule that starts the heartbeat check for `job`; the suffix keeps it apart from a job's own schedules."""
        return fit(f"{job}.heartbeat-check", 64, "0-9A-Za-z_.-")

    @property
    def schedule_group(self) -> str:
        """EventBridge Scheduler group; a schedule's own name is `Expression.name`."""
        return fit(f"{self.application}-{self.environment}", 64, "0-9A-Za-z_.-")

    @property
    def lock_table(self) -> str:
        """DynamoDB table of duplicate guards and single-flight locks: hash key `Name`."""
        return self._named("locks", 120)

    @property
    def dead_letter_queue(self) -> str:
        """Queue for invocations that Scheduler could not deliver."""
        return self._named("schedules-dlq", 80)

    @property
    def dead_letter_queue_arn(self) -> str:
        """ARN of the dead-letter queue."""
        return self.arn("sqs", self.dead_letter_queue)

    # --- roles ------------------------------------------------------------------------------------------------------

    def role(self, purpose: str) -> str:
        """IAM role. Purposes: `execution`, `task`, `states`, `heartbeat-check`, `scheduler`, `deploy`."""
        return self._named(purpose, 64)

    def role_arn(self, purpose: str) -> str:
        """ARN of the role for `purpose`."""
        return self.arn("iam", f"role/{self.role(purpose)}", regional=False)

    # --- configuration ----------------------------------------------------------------------------------------------

    def secret(self, name: str) -> str:
        """Secrets Manager secret, below a path of its own so that one IAM statement covers the application's."""
        return f"{self.prefix}/{fit(name, 200, '0-9A-Za-z/_+=.@-')}"

    def secret_arn(self, name: str) -> str:
        """ARN of the secret with `SECRET_SUFFIX` to be filled in."""
        return self.arn("secretsmanager", f"secret:{self.secret(name)}-{SECRET_SUFFIX}")

    def parameter(self, name: str) -> str:
        """SSM parameter that carries the plain environment variable `name`."""
        return f"/{self.prefix}/{fit(name, 200, '0-9A-Za-z_.-')}"

    def parameter_arn(self, name: str) -> str:
        """ARN of that parameter."""
        return self.arn("ssm", f"parameter{self.parameter(name)}")

    # --- network ----------------------------------------------------------------------------------------------------

    @property
    def load_balancer(self) -> str:
        """Application load balancer (32 characters, no underscore)."""
        return fit(f"{self.application}-{self.environment}", 32, "0-9A-Za-z-")

    def target_group(self, process: str) -> str:
        """Target group of `process`."""
        return fit(f"{self.application}-{self.environment}-{process}", 32, "0-9A-Za-z-")

    def security_group(self, purpose: str) -> str:
        """Security group: `load-balancer`, `tasks`, `efs`."""
        return self._named(purpose, 120)

    def file_system(self, name: str) -> str:
        """EFS file system (its Name tag)."""
        return self._named(name, 120)

    # --- monitoring -------------------------------------------------------------------------------------------------

    @property
    def topic(self) -> str:
        """SNS topic of the alarms."""
        return self._named("alarms", 120)

    @property
    def topic_arn(self) -> str:
        """ARN of that topic."""
        return self.arn("sns", self.topic)

    @property
    def metric_namespace(self) -> str:
        """CloudWatch namespace of the application's own metrics: error lines and ends of batches."""
        return f"{fit(self.application, 100)}/{fit(self.environment, 100)}"

    def heartbeat_metric(self, job: str) -> str:
        """Metric that counts the ends of `job`."""
        return fit(f"{job}-end", 200, "0-9A-Za-z_.-")

    def event_rule(self, subject: str) -> str:
        """EventBridge rule about `subject`."""
        return self._named(subject, 64, "0-9A-Za-z_.-")

    def alarm(self, subject: str) -> str:
        """CloudWatch alarm about `subject`, e.g. `nightly-close-silent`."""
        return self._named(subject, 200)
