"""`migrate-analyze collect`: its options; everything heavy is imported when it runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from analyzer.collect.work import Outcome, Progress, Request

_PASSED_ON = (
    # (parameter, option of ansible-playbook)
    ("extra_vars", "--extra-vars"), ("user", "--user"), ("private_key", "--private-key"), ("become", "--become"),
    ("become_method", "--become-method"), ("become_user", "--become-user"), ("ask_become_pass", "--ask-become-pass"),
    ("ask_pass", "--ask-pass"), ("forks", "--forks"), ("timeout", "--timeout"), ("connection", "--connection"),
    ("ssh_common_args", "--ssh-common-args"), ("vault_password_files", "--vault-password-file"),
    ("vault_ids", "--vault-id"), ("ask_vault_pass", "--ask-vault-pass"),
)  # fmt: skip
_FILES = ("private_key", "vault_password_files")

_ANSIBLE = "As in ansible-playbook."


@click.command()
@click.argument("project", type=click.Path(path_type=Path))
@click.option(
    "--evidence", default="", metavar="DIR", help="Where to write.  [default: evidence/ in PROJECT or beside it]"
)
@click.option("-i", "--inventory", "inventories", multiple=True, metavar="PATH",
              help="Inventory source; a dynamic one is executed and a snapshot of it written.")  # fmt: skip
@click.option("-l", "--limit", default="", metavar="PATTERN", help=_ANSIBLE)
@click.option("--env", "environment", default="", metavar="NAME",
              help="Environment.  [default: production, or the one that PROJECT names]")  # fmt: skip
@click.option("--days", type=click.IntRange(1, 455), default=14, show_default=True, help="Window of logs and metrics.")
@click.option(
    "--dry-run", is_flag=True, help="Print hosts, files, commands, AWS calls and the IAM policy; touch nothing."
)
@click.option(
    "--refresh", multiple=True, metavar="STEP", help="Do a step again (facts, schedules, cloudwatch …), or `all`."
)
@click.option("--no-hosts", is_flag=True, help="Only AWS.")
@click.option("--no-aws", is_flag=True, help="Only the hosts.")
@click.option(
    "--region", default="", metavar="NAME", help="AWS region.  [default: what hosts and AWS configuration say]"
)
@click.option("--profile", default="", metavar="NAME", help="AWS profile.")
@click.option(
    "--agent-namespace", default="CWAgent", show_default=True, metavar="NAME", help="Of the CloudWatch agent."
)
@click.option("--local-facts", is_flag=True, help="Also run programs in the hosts' /etc/ansible/facts.d.")
@click.option("-u", "--user", default="", metavar="NAME", help=_ANSIBLE)
@click.option("--private-key", "--key-file", default="", metavar="FILE", help=_ANSIBLE)
@click.option("-k", "--ask-pass", is_flag=True, help=_ANSIBLE)
@click.option("-b", "--become", is_flag=True, help=_ANSIBLE)
@click.option("--become-method", default="", metavar="NAME", help=_ANSIBLE)
@click.option("--become-user", default="", metavar="NAME", help=_ANSIBLE)
@click.option("-K", "--ask-become-pass", is_flag=True, help=_ANSIBLE)
@click.option("-c", "--connection", default="", metavar="NAME", help=_ANSIBLE)
@click.option("-f", "--forks", type=click.IntRange(1), metavar="N", help=_ANSIBLE)
@click.option("-T", "--timeout", type=click.IntRange(1), metavar="SECONDS", help=_ANSIBLE)
@click.option("--ssh-common-args", default="", metavar="ARGS", help=_ANSIBLE)
@click.option("-e", "--extra-vars", multiple=True, metavar="VARS", help=_ANSIBLE)
@click.option("--vault-password-file", "vault_password_files", multiple=True, metavar="FILE", help=_ANSIBLE)
@click.option("--vault-id", "vault_ids", multiple=True, metavar="ID", help=_ANSIBLE)
@click.option("-J", "--ask-vault-pass", is_flag=True, help=_ANSIBLE)
def collect(project: Path, **asked: Any) -> None:
    """Gather evidence from the hosts (Ansible) and AWS (boto3), read-only.

    Nothing on a host is changed, secrets are taken out before anything is written, and a second run fetches only
    what is missing. Exit status: 0 all of it is there, 1 a part, 2 nothing.

    \b
    migrate-analyze collect inventory/ --dry-run              what would be read, and the IAM policy
    migrate-analyze collect inventory/ -u deploy --become
    migrate-analyze collect inventory/ --profile prod --region ap-northeast-1 --days 35
    migrate-analyze collect inventory/ --limit acct01 --no-aws
    migrate-analyze collect inventory/ --refresh all
    """
    from datetime import UTC, datetime

    from analyzer.collect.run import collect as run
    from analyzer.collect.store import StoreError
    from analyzer.collect.texts import dry_run, failures, summary
    from analyzer.read.layout import UsageError

    try:
        request = _request(project, asked)
        if asked["dry_run"]:
            click.echo(dry_run(request), nl=False)
            return
        with _progress(request) as progress:
            outcome = run(request, datetime.now(UTC), progress)
    except (UsageError, StoreError) as error:
        click.echo(f"migrate-analyze: {error}", err=True)
        raise SystemExit(2) from None
    _report(outcome, failures(outcome), summary(request, outcome, str(project)))
    raise SystemExit(outcome.status)


def _report(outcome: Outcome, problems: list[str], text: str) -> None:
    for line in problems:
        click.echo(line, err=True)
    if outcome.status == 2:
        click.echo("migrate-analyze: nothing was collected", err=True)
    click.echo(text, nl=False)


def _request(project: Path, asked: dict[str, Any]) -> Request:
    from analyzer.collect.inventory import find_hosts
    from analyzer.collect.steps import AWS_STEPS, HOST_STEPS
    from analyzer.collect.work import Request as Wanted
    from analyzer.read.layout import Request as ToRead
    from analyzer.read.layout import UsageError, find_layout

    if asked["no_hosts"] and asked["no_aws"]:
        raise UsageError("--no-hosts and --no-aws together leave nothing to collect")
    names = ["all", *(step.name for step in HOST_STEPS), *AWS_STEPS]
    if unknown := [name for name in asked["refresh"] if name not in names]:
        raise UsageError(f"--refresh {unknown[0]}: no such step; there are {', '.join(names)}")
    layout = find_layout(
        ToRead(
            project=project, inventories=asked["inventories"], limit=asked["limit"], environment=asked["environment"]
        )
    )
    evidence = Path(asked["evidence"]) if asked["evidence"] else layout.evidence or layout.root / "evidence"
    return Wanted(
        found=find_hosts(layout, asked["limit"]),
        evidence=evidence,
        limit=asked["limit"],
        options=_passed_on(asked),
        days=asked["days"],
        region=asked["region"],
        profile=asked["profile"],
        namespace=asked["agent_namespace"],
        with_hosts=not asked["no_hosts"],
        with_aws=not asked["no_aws"],
        local_facts=asked["local_facts"],
        refresh=asked["refresh"],
    )


def _passed_on(asked: dict[str, Any]) -> tuple[str, ...]:
    """Options for ansible-playbook, each in one word; paths made absolute, since it runs in the project's folder."""
    out: list[str] = []
    for name, option in _PASSED_ON:
        value = asked[name]
        if value is True:
            out.append(option)
            continue
        for one in value if isinstance(value, tuple) else (value,):
            if one:
                text = str(one)
                if name in _FILES and Path(text).exists():
                    text = str(Path(text).resolve())
                if name == "extra_vars" and text.startswith("@") and Path(text[1:]).exists():
                    text = f"@{Path(text[1:]).resolve()}"
                out.append(f"{option}={text}")
    return tuple(out)


@contextmanager
def _progress(request: Request) -> Iterator[Progress]:
    """A bar a host on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _host, _step: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from analyzer.collect.steps import AWS_STEPS, HOST_STEPS

    total = (len(HOST_STEPS) if request.with_hosts else 0) + (len(AWS_STEPS) if request.with_aws else 0)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[step]}"),
        TimeElapsedColumn(),
    )
    bars = Progress(*columns, console=Console(stderr=True), transient=True)
    tasks: dict[str, Any] = {}

    def advance(host: str, step: str) -> None:
        if not tasks:
            bars.start()  # not before: ansible-playbook may ask for passwords
        if host not in tasks:
            tasks[host] = bars.add_task(host, total=total, step=step)
        bars.update(tasks[host], advance=1, step=step)

    try:
        yield advance
    finally:
        bars.stop()
