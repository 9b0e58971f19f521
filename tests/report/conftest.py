"""Plans made by hand: small ones, ordinary ones, and ones whose texts attack the page they are shown on."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from analyzer.model import (
    Application,
    Cost,
    Decision,
    Drift,
    Ec2,
    Equivalence,
    Expression,
    Footprint,
    Host,
    Image,
    Instruction,
    InstructionLine,
    Job,
    Outcome,
    Output,
    Parameter,
    Plan,
    Problem,
    Process,
    Question,
    Secret,
    Severity,
    Source,
    TaskDefinition,
    Verdict,
    Via,
)

TASK = Source("roles/web/tasks/main.yml", 12)
HOSTILE = (
    "</script><script>alert(1)</script> --> ]]> ' \" ` \\ \u2028 <img src=x onerror=alert(2)>"
    " &amp; ${x} {{ y }} \n| line"
)


def decision(number: int = 0, **values) -> Decision:
    """A decision of role web; every eleventh is manual with a question."""
    outcomes = list(Outcome)
    outcome = outcomes[number % len(outcomes)]
    base = {
        "kind": "handler" if number % 17 == 16 else "task",
        "source": Source(f"roles/role{number // 40}/tasks/main.yml", 3 + 5 * (number % 40)),
        "role": f"role{number // 40}",
        "name": f"Task number {number}",
        "module": "ansible.builtin.apt",
        "applies": Verdict.UNKNOWN if number % 13 == 12 else Verdict.YES,
        "outcome": outcome,
        "rule": None if number % 23 == 22 else "packages-apt-present",
        "reason": f"The file system of a container is its image, reason {number}.",
        "outputs": (Output(file="accounting/app/Dockerfile", line=number + 1),) if outcome is Outcome.IMAGE else (),
        "question": Question(
            id=f"accounting-task-{number}",
            text=f"What shall become of task {number}?",
            answers=("drop", "image"),
            blocking=number % 2 == 0,
        )
        if outcome is Outcome.MANUAL
        else None,
    }
    return Decision(**(base | values))


def job(number: int = 0, **values) -> Job:
    """A job at a time of its own, proved equal; the first is heavy."""
    base = {
        "id": f"job-{number}",
        "sources": (
            Source("roles/batches/tasks/main.yml", 3 + number),
            Source("evidence/acct01/fs/etc/cron.d/a", 1 + number),
        ),
        "via": Via(rule="cron-schedule"),
        "user": "app",
        "schedule": f"{number % 60} {number % 24} * * *",
        "timezone": "Asia/Tokyo",
        "enabled": True,
        "command": f"cd /srv/app && bin/job {number} >> log/job.log 2>&1",
        "container_command": ("sh", "-c", f"bin/job {number}"),
        "outcome": "schedule",
        "reason": "It belongs to the application.",
        "job_class": "heavy" if number == 0 else "light",
        "expressions": (
            Expression(
                name=f"job-{number}", expression=f"cron({number % 60} {number % 24} * * ? *)", timezone="Asia/Tokyo"
            ),
        ),
        "equivalence": Equivalence(verdict="equal", method="compared minute by minute over 4 years"),
        "footprint": Footprint(
            vcpu=0.8, cpu_s=250, memory_mib=640, duration_s=312, runs=14, confidence="high", basis="14 runs in 14 days"
        ),
    }
    return Job(**(base | values))


def definition(name: str = "api", **values) -> TaskDefinition:
    """A task definition of the smallest size."""
    base = {
        "name": name,
        "cpu": 256,
        "memory": 512,
        "basis": "p95 and 20 % headroom",
        "monthly_usd": 9.01,
        "via": (Via(rule="s"),),
    }
    return TaskDefinition(**(base | values))


def application(decisions: int = 24, jobs: int = 4, **values) -> Application:
    """The accounting application with as many decisions and jobs as asked for."""
    host = Host(
        name="acct01",
        source=Source("inventory/production/hosts.yml", 4),
        ec2=Ec2(source=Source("evidence/acct01/ec2.json", 3), instance_type="m5.large", vcpus=2, memory_mib=8192),
        timezone="Asia/Tokyo",
    )
    base = {
        "name": "accounting",
        "environment": "production",
        "environments": ("production", "development"),
        "region": "ap-northeast-1",
        "timezone": "Asia/Tokyo",
        "hosts": (host,),
        "image": Image(
            base_image="debian:bookworm-slim",
            instructions=(
                Instruction(
                    keyword="RUN",
                    lines=(InstructionLine(text="apt-get update", via=(Via(rule="r", sources=(TASK,)),)),),
                ),
            ),
        ),
        "decisions": tuple(decision(number) for number in range(decisions)),
        "steps": (),
        "processes": (
            Process(name="api", command=("puma", "-p", "3000"), user="app", port=3000, source=TASK, via=Via(rule="p")),
        ),
        "jobs": tuple(job(number) for number in range(jobs)),
        "task_definitions": (
            definition("api", process="api", desired_count=1),
            definition("batch_heavy", cpu=2048, memory=8192, jobs=("job-0",), monthly_usd=1.2),
            definition("batch_light", jobs=tuple(f"job-{number}" for number in range(1, jobs)), assumed=True),
        ),
        "secrets": (Secret(name="db_password", source=TASK, reason="vault", used_at=(TASK,)),),
        "parameters": (Parameter(name="app_port", values=(("acct01", "3000"), ("acct02", "3001"))),),
        "drift": (
            Drift(
                kind="package",
                name="imagemagick",
                seen="host-only",
                details="Version 6.",
                proposal="Keep it.",
                source=TASK,
            ),
        ),
        "costs": (
            Cost(name="EC2 m5.large (before)", monthly_usd=90.52, basis="on demand, 730 h"),
            Cost(name="Fargate (after)", monthly_usd=19.2, basis="three task definitions"),
        ),
    }
    return Application(**(base | values))


def plan(*applications: Application, **values) -> Plan:
    """A plan of the applications given, or of the ordinary one."""
    chosen = applications or (application(),)
    counts = {
        "tasks": sum(one.kind == "task" for app in chosen for one in app.decisions),
        "handlers": sum(one.kind == "handler" for app in chosen for one in app.decisions),
        "cron": sum(len(app.jobs) for app in chosen),
        "hosts": sum(len(app.hosts) for app in chosen),
    }
    problems = (
        Problem(Severity.WARNING, "role-not-found", "role nginx is not there", TASK, "install it"),
        Problem(Severity.NOTE, "playbook-chosen", "site.yml is analysed"),
    )
    return Plan(
        **({"environment": "production", "applications": chosen, "problems": problems, "counts": counts} | values)
    )


def hostile_plan() -> Plan:
    """Every text that comes from the input is an attack on HTML, JSON, YAML, Markdown and the terminal."""
    source = Source("roles/" + HOSTILE.replace("\n", "") + "/main.yml", 1)
    question = Question(id=HOSTILE, text=HOSTILE, answers=(HOSTILE, "b"), blocking=True)
    return plan(
        Application(
            name="accounting",
            environment="production",
            environments=("production",),
            region=HOSTILE,
            timezone="Asia/Tokyo",
            hosts=(Host(name=HOSTILE, source=source),),
            image=Image(base_image=HOSTILE, instructions=(), notes=(HOSTILE,)),
            decisions=(
                decision(0, source=source, role=HOSTILE, name=HOSTILE, module=HOSTILE, rule=HOSTILE, reason=HOSTILE),
                decision(10, source=source, role=HOSTILE, name=HOSTILE, reason=HOSTILE, question=question),
            ),
            steps=(),
            processes=(
                Process(name="api", command=(HOSTILE,), source=source, via=Via(rule=HOSTILE), notes=(HOSTILE,)),
            ),
            jobs=(
                job(
                    0, id="hostile", sources=(source,), user=HOSTILE, schedule=HOSTILE, command=HOSTILE, reason=HOSTILE,
                    container_command=(HOSTILE,), notes=(HOSTILE,),
                    equivalence=Equivalence(
                        verdict="differs", missed=(HOSTILE,), method=HOSTILE, differences=((HOSTILE, HOSTILE),)
                    ),
                    footprint=Footprint(basis=HOSTILE, advice=HOSTILE),
                ),
            ),
            task_definitions=(definition(basis=HOSTILE),),
            secrets=(Secret(name=HOSTILE, source=source),),
            parameters=(Parameter(name=HOSTILE, values=((HOSTILE, HOSTILE),)),),
            drift=(Drift(kind="file", name=HOSTILE, seen="differs", details=HOSTILE, proposal=HOSTILE, source=source),),
            costs=(Cost(name=HOSTILE, monthly_usd=1, basis=HOSTILE),),
        ),
        problems=(Problem(Severity.ERROR, "x", HOSTILE, source, HOSTILE),),
    )  # fmt: skip


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The makers above."""
    makers: dict[str, Callable[..., object]] = {
        "decision": decision,
        "job": job,
        "definition": definition,
        "application": application,
        "plan": plan,
        "hostile_plan": hostile_plan,
    }
    return SimpleNamespace(**makers, hostile=HOSTILE)


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium; tests that use it carry the marker `browser`."""
    import shutil

    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Opens a page's text at an anchor; fails on any console error, script error or request to anywhere."""
    opened, complaints = [], []

    def open_page(text, anchor="", **context):
        path = tmp_path / "report.html"
        path.write_text(text, encoding="utf-8")
        tab = browser.new_context(viewport={"width": 1400, "height": 1000}, **context).new_page()
        tab.on(
            "console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None
        )
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on(
            "request",
            lambda request: (
                complaints.append(request.url)
                if request.url != path.as_uri() + anchor and not request.url.startswith(path.as_uri())
                else None
            ),
        )
        tab.on("dialog", lambda dialog: complaints.append(dialog.message))
        tab.goto(path.as_uri() + anchor)
        tab.wait_for_selector("html[data-ready]")
        opened.append(tab)
        return tab

    yield open_page
    for tab in opened:
        tab.context.close()
    assert complaints == []
