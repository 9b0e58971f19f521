"""`migrate-analyze`: argv, stdout, stderr, exit status. Decides nothing.

PROJECT ──read──> Project ──decide──> Plan ──render──> OutputFile* ──write──> bundle
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.model import Plan, Problem, Settings
    from analyzer.read.layout import Layout, Request

NOTHING_WRITTEN = 2
BLOCKED = 1

COMMANDS = ("analyze", "collect", "verify", "explain", "cron", "diff", "rules")


class MainCommand(click.Group):
    """A group whose first word may be a folder: `migrate-analyze inventory/` means `… analyze inventory/`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `analyze` in front of anything that names no command."""
        if args and args[0] not in COMMANDS and args[0] not in ("--help", "-h", "--version"):
            args = ["analyze", *args]
        return super().parse_args(ctx, args)


@click.group(cls=MainCommand, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="migrate-analyze")
def cli() -> None:
    r"""Hand a team everything to run its EC2/Ansible/cron application on ECS Fargate, with the proof beside it.

    \b
    migrate-analyze inventory/                       read, decide, write ./migration
    migrate-analyze inventory/ --env development     another environment of the inventory
    migrate-analyze explain migration accounting/app/Dockerfile:12
    migrate-analyze cron '0 0 13 * 5' --timezone Asia/Tokyo
    """


@cli.command()
@click.argument("project", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("migration"), show_default=True, help="The bundle."
)
@click.option("--playbook", "playbooks", multiple=True, metavar="FILE", help="Playbooks that describe the hosts.")
@click.option(
    "-i", "--inventory", "inventories", multiple=True, metavar="PATH", help="Inventory source inside PROJECT."
)
@click.option("-l", "--limit", default="", metavar="PATTERN", help="As in ansible-playbook.")
@click.option("-e", "--extra-vars", multiple=True, metavar="VARS", help="As in ansible-playbook.")
@click.option("--vault-password-file", "vault_password_files", multiple=True, type=click.Path(), metavar="FILE",
              help="To learn the names in encrypted files; values are never written.")  # fmt: skip
@click.option("-t", "--tags", multiple=True, metavar="TAGS", help="As in ansible-playbook.")
@click.option("--skip-tags", multiple=True, metavar="TAGS", help="As in ansible-playbook.")
@click.option(
    "--evidence", default="", metavar="DIR", help="Evidence tree.  [default: evidence/ in PROJECT or beside it]"
)
@click.option("--env", "environment", default="production", show_default=True, metavar="NAME", help="Environment.")
@click.option("--region", default="", metavar="NAME", help="AWS region.  [default: from the EC2 evidence]")
@click.option("--timezone", default="", metavar="ZONE", help="Zone of the hosts' cron where no evidence says it.")
@click.option("--decisions", default="", metavar="FILE", help="Reviewers' answers.  [default: migrate.yml]")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--lang", "language", type=click.Choice(["en", "ja"]), default="en", show_default=True,
              help="Language of report and summary.")  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite files that were edited since they were generated.")
def analyze(project: Path, out: Path, form: str, language: str, *, force: bool, **asked: Any) -> None:
    """Read PROJECT, decide, write the bundle (the default command)."""
    from analyzer.decide.plan import decide
    from analyzer.read.layout import UsageError, find_layout
    from analyzer.read.project import read_project
    from analyzer.render.bundle import render
    from analyzer.render.summary import render_summary
    from analyzer.resources import rule_texts, template_texts
    from analyzer.rulepack import load_pack
    from analyzer.write import WriteError, without_secrets, write_bundle

    try:
        request = _request(project, asked)
        layout = find_layout(request)
        settings, problems = _settings(asked, layout)
        reading = read_project(request, layout, settings)
        plan = decide(reading.project, load_pack(rule_texts()), settings, rule_texts())
        plan, files = render(_with_problems(plan, problems), template_texts(), language)
        files, leaks = without_secrets(files, reading.book.find, reading.book.redact)
        written = write_bundle(files, out, force=force)
    except (UsageError, WriteError) as error:
        raise SystemExit(_fail(str(error))) from None
    _print_problems([*plan.problems, *leaks, *written.problems])
    click.echo(render_summary(plan, form=form, language=language, color=sys.stdout.isatty(), out=str(out)), nl=False)
    raise SystemExit(_status(plan, blocked=bool(leaks)))


def _request(project: Path, asked: dict[str, Any]) -> Request:
    from analyzer.read.layout import Request

    def split(texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(part.strip() for text in texts for part in text.split(",") if part.strip())

    return Request(
        project=project,
        playbooks=asked["playbooks"],
        inventories=asked["inventories"],
        limit=asked["limit"],
        extra_vars=asked["extra_vars"],
        vault_password_files=asked["vault_password_files"],
        tags=split(asked["tags"]),
        skip_tags=split(asked["skip_tags"]),
        evidence=asked["evidence"],
        environment=asked["environment"],
    )


def _settings(asked: dict[str, Any], layout: Layout) -> tuple[Settings, tuple[Problem, ...]]:
    from analyzer.model import Settings
    from analyzer.read.decisions import read_decisions
    from analyzer.read.files import Tree
    from analyzer.read.layout import UsageError

    given = {name: asked[name] for name in ("region", "timezone") if asked[name]}
    settings = Settings(environment=layout.environment, **given)
    if asked["decisions"]:
        path = Path(asked["decisions"])
        if not path.is_file():
            raise UsageError(f"--decisions {path}: no such file")
    else:
        places = (asked.get("project"), layout.root, layout.root.parent)
        path = next((place / "migrate.yml" for place in places if place and (place / "migrate.yml").is_file()), None)  # type: ignore[assignment]
    if path is None:
        return settings, ()
    tree = Tree(path.resolve().parent)
    settings, problems = read_decisions(tree, path.name, settings, frozenset(given))
    return settings, (*problems, *tree.problems)


def _with_problems(plan: Plan, problems: Sequence[Problem]) -> Plan:
    from dataclasses import replace

    return replace(plan, problems=tuple(dict.fromkeys((*problems, *plan.problems))))


def _print_problems(problems: Sequence[Problem]) -> None:
    """To stderr, errors first; notes are in the report."""
    from analyzer.model import Severity
    from analyzer.render.references import readable

    order = list(Severity)
    for problem in sorted(problems, key=lambda each: order.index(each.severity)):
        if problem.severity is Severity.NOTE:
            continue
        where = f"{problem.source}: " if problem.source else ""
        hint = f" ({problem.hint})" if problem.hint else ""
        click.echo(readable(f"{problem.severity}: {where}{problem.message}{hint} [{problem.code}]"), err=True)


def _status(plan: Plan, *, blocked: bool) -> int:
    from analyzer.decide.questions import open_questions

    return BLOCKED if blocked or any(one.question.blocking for one in open_questions(plan)) else 0


def _fail(message: str) -> int:
    click.echo(f"migrate-analyze: {message}", err=True)
    return NOTHING_WRITTEN


@cli.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("place", metavar="FILE:LINE")
def explain(bundle: Path, place: str) -> None:
    r"""Which source line and which rule made an output line, and what became of a source line.

    \b
    migrate-analyze explain migration accounting/app/Dockerfile:12
    migrate-analyze explain migration accounting/app/docker/production/task_definition.api.json#/cpu
    migrate-analyze explain migration roles/api/tasks/main.yml:20
    """
    from analyzer.explain import ExplainError, explain_place
    from analyzer.resources import rule_texts
    from analyzer.rulepack import load_pack

    try:
        click.echo(explain_place(bundle, place, load_pack(rule_texts())), nl=False)
    except ExplainError as error:
        raise SystemExit(_fail(str(error))) from None


@cli.command()
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
def rules(form: str) -> None:
    """Print the rule table."""
    from analyzer.render.rules_table import render_rules
    from analyzer.resources import rule_texts
    from analyzer.rulepack import load_pack

    click.echo(render_rules(load_pack(rule_texts()), form), nl=False)  # type: ignore[arg-type]  # click checked the choice


def main() -> None:
    """Entry point."""
    if not os.environ.get("COLUMNS"):
        os.environ.setdefault("TERMINAL_WIDTH", "100")
    cli()


if __name__ == "__main__":
    main()
