"""Applications made by hand: what the renderers get, without the pipeline in front of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path

from msgspec.structs import replace

from analyzer.model import (
    Application,
    Cost,
    Ec2,
    Equivalence,
    Expression,
    Footprint,
    HealthCheck,
    Host,
    Image,
    Infrastructure,
    InstallPackages,
    Job,
    MakeDirectory,
    Ownership,
    Parameter,
    Process,
    Secret,
    Source,
    Step,
    TaskDefinition,
    TaskSetting,
    Via,
    parameter_reference,
    secret_reference,
)

HOUR = 3600
DAY = 24 * HOUR


def via(rule: str, file: str = "roles/api/tasks/main.yml", line: int = 3) -> Via:
    return Via(rule=rule, sources=(Source(file, line),))


def job(
    name: str,
    schedule: str = "0 3 * * *",
    *,
    expression: str = "cron(0 3 * * ? *)",
    gap_s: int | None = DAY,
    shortest_gap_s: int | None = None,
    duration_s: float | None = 312.0,
    job_class: str = "light",
    **changes: object,
) -> Job:
    """A batch of an ordinary crontab."""
    script = f"cd /srv/accounting && bundle exec ruby batches/{name.replace('-', '_')}.rb"
    base = Job(
        id=name,
        sources=(Source("evidence/acct01/fs/etc/cron.d/accounting", 7),),
        via=Via(rule="cron-batch", sources=(Source("evidence/acct01/fs/etc/cron.d/accounting", 7),)),
        user="app",
        schedule=schedule,
        timezone="Asia/Tokyo",
        enabled=True,
        command=f"{script} >> /var/log/{name}.log 2>&1",
        container_command=("sh", "-c", script),
        outcome="schedule",
        reason="a batch of the application",
        job_class=job_class,
        expressions=(Expression(name=name, expression=expression, timezone="Asia/Tokyo"),),
        equivalence=Equivalence(verdict="equal", method="all 14 kinds of year, minute by minute"),
        footprint=Footprint(
            vcpu=0.8, memory_mib=300, duration_s=duration_s, runs=14, confidence="high", basis="14 runs"
        ),
        timeout_s=3600,
        longest_gap_s=gap_s,
        shortest_gap_s=shortest_gap_s or gap_s,
        end_marker=f"{name} End.",
    )
    return replace(base, **changes)


API = Process(
    name="api",
    command=("bundle", "exec", "puma", "-C", "config/puma.rb"),
    user="app",
    working_directory="/srv/accounting",
    port=3000,
    environment=(("RACK_ENV", "production"), ("PORT", "3000")),
    secrets=(("DATABASE_PASSWORD", "accounting_db_password"),),
    nofile=65536,
    stop_timeout_s=45,
    health_check=HealthCheck(
        command=("CMD-SHELL", "curl -fsS http://127.0.0.1:3000/health || exit 1"),
        path="/health",
        via=via("health-check"),
    ),
    source=Source("roles/api/templates/puma.service.j2", 5),
    via=via("process-systemd-unit", "roles/api/templates/puma.service.j2", 5),
)

WORKER = Process(
    name="worker",
    command=("bundle", "exec", "sidekiq", "-r", f"./{parameter_reference('worker_file')}"),
    user="app",
    working_directory="/srv/accounting",
    environment=(("REDIS_URL", f"redis://:{secret_reference('redis_password')}@cache:6379/0"),),
    source=Source("roles/worker/templates/worker.service.j2", 5),
    via=via("process-systemd-unit", "roles/worker/templates/worker.service.j2", 5),
)

MAILER = Process(
    name="mailer",
    image="210987654321.dkr.ecr.ap-northeast-1.amazonaws.com/tools/mailer:1.3",
    entrypoint=("/init",),
    command=("--queue", "out"),
    mounts=(("/srv/spool", "/var/spool/mailer", False), ("/srv/scratch", "/scratch", False)),
    source=Source("roles/mailer/tasks/main.yml", 5),
    via=via("containers-run", "roles/mailer/tasks/main.yml", 5),
)
"""A container of the host, from an image of another account's registry; of its two folders one is scratch space."""
SPOOL = Step(
    effect=Infrastructure(kind="efs", name="/srv/spool", details={"of_containers": True}),
    via=via("data-folder", "roles/mailer/tasks/main.yml", 5),
)

HOST = Host(
    name="acct01",
    source=Source("inventory/production/hosts.yml", 4),
    timezone="Asia/Tokyo",
    timezone_source=Source("evidence/acct01/fs/etc/timezone", 1),
    ec2=Ec2(
        source=Source("evidence/acct01/ec2.json", 1),
        instance_id="i-0abc1234def567890",
        instance_type="m5.large",
        region="ap-northeast-1",
        availability_zone="ap-northeast-1a",
        vpc_id="vpc-0123456789abcdef0",
        subnet_id="subnet-0123456789abcdef0",
        private_ip="10.0.1.20",
        public_ip="203.0.113.10",
        security_group_ids=("sg-0123456789abcdef0",),
        volume_ids=("vol-0123456789abcdef0",),
        iam_instance_profile="arn:aws:iam::123456789012:instance-profile/accounting",
        image_id="ami-0123456789abcdef0",
        tags={"Name": "acct01"},
    ),
)


def steps() -> tuple[Step, ...]:
    return (
        Step(effect=InstallPackages(manager="apt", names=("ruby", "puma")), via=via("packages-apt-present")),
        Step(
            effect=MakeDirectory(path="/var/log/accounting", ownership=Ownership(owner="app")),
            via=via("directory", line=9),
        ),
        Step(
            effect=Infrastructure(
                kind="security-group-rule",
                name="allow https",
                details={"protocol": "tcp", "port": 443, "source": "0.0.0.0/0", "direction": "in", "action": "allow"},
            ),
            via=via("firewall-ufw", "roles/firewall/tasks/main.yml", 12),
        ),
        Step(
            effect=Infrastructure(
                kind="security-group-rule",
                name="allow ssh",
                details={"protocol": "tcp", "port": 22, "source": "10.0.0.0/8", "direction": "in", "action": "allow"},
            ),
            via=via("firewall-ufw", "roles/firewall/tasks/main.yml", 20),
        ),
        Step(effect=TaskSetting(kind="sysctl", name="net.core.somaxconn", value="1024"), via=via("sysctl")),
        Step(effect=TaskSetting(kind="sysctl", name="vm.swappiness", value="10"), via=via("sysctl")),
    )


def jobs() -> tuple[Job, ...]:
    return (
        job("journal-import", "*/5 * * * *", expression="cron(0/5 * * * ? *)", gap_s=300, duration_s=20.0),
        job("fetch-rates", "7 * * * *", expression="cron(7 * * * ? *)", gap_s=HOUR, duration_s=15.0),
        job("nightly-close", job_class="heavy", single_flight="skip", lock="nightly-close"),
        job("daily-report", "30 2 * * *", expression="cron(30 2 * * ? *)"),
        job("weekly-archive", "0 4 * * 0", expression="cron(0 4 ? * 1 *)", gap_s=7 * DAY),
        job("monthly-statements", "0 5 1 * *", expression="cron(0 5 1 * ? *)", gap_s=31 * DAY, job_class="heavy"),
        job("legacy-sync", "0 6 * * *", expression="cron(0 6 * * ? *)", enabled=False),
        job("certbot", "12 3 * * *", outcome="platform", reason="ACM renews certificates", expressions=()),
    )


def definitions(members: tuple[Job, ...], processes: tuple[Process, ...]) -> tuple[TaskDefinition, ...]:
    scheduled = tuple(one for one in members if one.outcome == "schedule")
    sized = Via(rule="sizing", sources=(Source("evidence/acct01/metrics/sadf.json", 1),))
    made = [
        TaskDefinition(
            name=process.name,
            cpu=256,
            memory=1024,
            process=process.name,
            basis="p95 of 14 days with 20 % headroom",
            monthly_usd=22.4,
            desired_count=2 if process.port is not None else 1,
            via=(sized,),
        )
        for process in processes
    ]
    for job_class, cpu, memory in (("heavy", 2048, 4096), ("light", 512, 1024)):
        ids = tuple(one.id for one in scheduled if one.job_class == job_class)
        if ids:
            made.append(
                TaskDefinition(
                    name=f"batch_{job_class}",
                    cpu=cpu,
                    memory=memory,
                    jobs=ids,
                    basis=f"peak of {ids[0]} with 20 % headroom",
                    monthly_usd=3.1,
                    ephemeral_storage_gib=40 if job_class == "heavy" else None,
                    via=(sized,),
                )
            )
    return tuple(made)


def application(
    *,
    name: str = "accounting",
    members: tuple[Job, ...] | None = None,
    processes: tuple[Process, ...] = (API,),
    hosts: tuple[Host, ...] = (HOST,),
    more_steps: tuple[Step, ...] = (),
    **changes: object,
) -> Application:
    """An accounting system with an API and its batches; anything may be changed."""
    members = jobs() if members is None else members
    base = Application(
        name=name,
        environment="production",
        environments=("production", "development"),
        region="ap-northeast-1",
        timezone="Asia/Tokyo",
        hosts=hosts,
        image=Image(base_image="debian:bookworm-slim", instructions=(), user="app", workdir="/srv/accounting"),
        decisions=(),
        steps=(*steps(), *more_steps),
        processes=processes,
        jobs=members,
        task_definitions=definitions(members, processes),
        secrets=(
            Secret(name="accounting_db_password", source=Source("inventory/production/group_vars/all/vault.yml", 2)),
        ),
        parameters=(Parameter(name="worker_file"),),
        costs=(
            Cost(name="EC2 today", monthly_usd=90.52, basis="m5.large on demand, ap-northeast-1, 730 h"),
            Cost(name="Fargate as it is", monthly_usd=141.0, basis="2 vCPU, 8 GiB, two tasks"),
            Cost(name="Fargate right-sized", monthly_usd=31.2, basis="api 0.25 vCPU, batches as they run"),
        ),
    )
    return replace(base, **changes)


def many_jobs(count: int = 230) -> Application:
    """More batches than one log group can carry metric filters for."""
    return application(name="many", members=tuple(job(f"batch-{number:03}") for number in range(count)))


def no_api() -> Application:
    """Batches only; nothing says the region or the zone."""
    bare = replace(HOST, ec2=None, timezone="", timezone_source=None)
    return application(name="batches_only", processes=(), hosts=(bare,), region="", timezone="", environments=())


def no_jobs() -> Application:
    """An API alone; the two sizes of batches are there, as always, and nothing runs on them."""
    base = application(members=(), environments=("production",))
    (api,) = base.task_definitions
    unused = (replace(api, name=name, process="", desired_count=0) for name in ("batch_heavy", "batch_light"))
    return replace(base, task_definitions=(api, *unused))


def two_processes() -> Application:
    """An API and a worker, shared storage, a user with a secret in a batch's command."""
    efs = Step(
        effect=Infrastructure(
            kind="efs", name="/srv/shared", details={"path": "/srv/shared", "src": "fs-1:/", "fstype": "efs"}
        ),
        via=via("mount-efs", "roles/common/tasks/main.yml", 40),
    )
    export = job(
        "payment-export",
        container_command=("sh", "-c", f"export --password '{secret_reference('bank_password')}'"),
        environment=(("TOKEN", secret_reference("bank_token")),),
    )
    return application(
        name="two-processes",
        processes=(API, WORKER, MAILER),
        members=(*jobs(), export),
        more_steps=(efs, SPOOL),
        environment="staging",
    )


HOSTILE = 'x"; ${file("/etc/passwd")} %{ for a in b }\n```\n</script>$(touch /tmp/owned)`id`\\\u2028\'|&<b>'


def hostile() -> Application:
    """Texts that try to leave their quotes in every language of the bundle."""
    evil_process = replace(
        API,
        command=("sh", "-c", HOSTILE),
        environment=(("EVIL", HOSTILE),),
        health_check=HealthCheck(command=("CMD-SHELL", HOSTILE), path="/health?" + HOSTILE),
    )
    evil_job = job("evil", command=HOSTILE, container_command=("sh", "-c", HOSTILE), end_marker=HOSTILE, reason=HOSTILE)
    evil_rule = Step(
        effect=Infrastructure(
            kind="security-group-rule",
            name=HOSTILE,
            details={"protocol": HOSTILE, "port": HOSTILE, "source": HOSTILE, "direction": "in", "action": "allow"},
        ),
        via=Via(rule="firewall-ufw", sources=(Source(HOSTILE, 1),), note=HOSTILE),
    )
    evil_host = replace(
        HOST,
        name=HOSTILE,
        ec2=replace(HOST.ec2, instance_id=HOSTILE, vpc_id=HOSTILE, tags={"Name": HOSTILE}),
    )
    return application(
        name="evil app/../x",
        processes=(evil_process,),
        members=(evil_job,),
        hosts=(evil_host,),
        more_steps=(evil_rule,),
        costs=(Cost(name=HOSTILE, monthly_usd=1.0, basis=HOSTILE),),
        secrets=(Secret(name=HOSTILE),),
    )


@cache
def fixture() -> Application:
    """The fixture's application, as the whole pipeline decides it."""
    from analyzer.decide.plan import decide
    from analyzer.model import Settings
    from analyzer.read.layout import Request, find_layout
    from analyzer.read.project import read_project
    from analyzer.resources import rule_texts
    from analyzer.rulepack import load_pack

    request = Request(project=Path(__file__).parents[2] / "fixtures/accounting/inventory")
    layout = find_layout(request)
    settings = Settings(environment=layout.environment)
    reading = read_project(request, layout, settings)
    (made,) = decide(reading.project, load_pack(rule_texts()), settings, rule_texts()).applications
    return made


def one_of_two(name: str) -> Application:
    """One application of a project with two, as the whole pipeline decides it."""
    from tests.infra import two_applications

    return two_applications.decided(name)


class _Applications(Mapping[str, Application]):
    """Made when they are asked for, so that a test of one does not wait for all."""

    makers: Mapping[str, Callable[[], Application]] = {
        "typical": application,
        "many-jobs": many_jobs,
        "no-api": no_api,
        "no-jobs": no_jobs,
        "two-processes": two_processes,
        "hostile": hostile,
        "fixture": fixture,
        "shop-of-two": partial(one_of_two, "shop"),
        "billing-of-two": partial(one_of_two, "billing"),
    }

    def __getitem__(self, name: str) -> Application:
        return self.makers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self.makers)

    def __len__(self) -> int:
        return len(self.makers)


APPLICATIONS = _Applications()
"""Applications by what is special about them: made by hand, the fixture's, and both of a project without evidence."""
