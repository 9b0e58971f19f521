"""`migrate-analyze`: argv, stdout, stderr, exit status. Decides nothing.

PROJECT ──read──> Project ──decide──> Plan ──render──> OutputFile* ──write──> bundle
"""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import click

from analyzer import __version__
from analyzer.asked import reading_options, request_of, settings_of
from analyzer.collect.command import collect
from analyzer.verify.command import verify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from click.shell_completion import CompletionItem

    from analyzer.model import Plan, Problem

NOTHING_WRITTEN = 2
BLOCKED = 1

COMMANDS = ("analyze", "collect", "verify", "explain", "cron", "diff", "rules", "completion")


class MainCommand(click.Group):
    """A group whose first word may be a folder: `migrate-analyze inventory/` means `… analyze inventory/`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `analyze` in front of anything that names no command."""
        if args and args[0] not in COMMANDS and args[0] not in ("--help", "-h", "--version"):
            args = ["analyze", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands, and the folders that may stand in place of one."""
        from click.shell_completion import CompletionItem

        return [*super().shell_complete(ctx, incomplete), CompletionItem(incomplete, type="dir")]


@click.group(cls=MainCommand, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="migrate-analyze")
def cli() -> None:
    """Hand a team everything to run its EC2/Ansible/cron application on ECS Fargate, with the proof beside it.

    \b
    migrate-analyze collect inventory/               gather the evidence from hosts and AWS, read-only
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
@reading_options
@click.option("--prices", type=click.Path(path_type=Path), metavar="FILE",
              help="Your own Fargate and EC2 prices (JSON or YAML) over the shipped ones.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--lang", "language", type=click.Choice(["en", "ja"]), default="en", show_default=True,
              help="Language of report, runbook and summary.")  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite files that were edited since they were generated.")
def analyze(project: Path, out: Path, form: str, language: str, *, force: bool, **asked: Any) -> None:
    """Read PROJECT, decide, write the bundle (the default command; its name may be left out).

    \b
    migrate-analyze inventory/ --out migration
    migrate-analyze inventory/ --env staging --limit web --playbook web.yml
    migrate-analyze inventory/ --lang ja --force
    migrate-analyze inventory/ --format json | jq .blocking
    """
    # One BLAS thread: the matrices are small, and sums must not depend on the number of cores.
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    gc.set_threshold(200_000, 50, 50)  # nearly everything that is read lives to the end: looking for cycles finds none
    from analyzer.decide.plan import decide
    from analyzer.read.layout import UsageError, find_layout
    from analyzer.read.project import read_project
    from analyzer.render.bundle import render
    from analyzer.render.summary import render_summary
    from analyzer.resources import rule_texts, template_texts
    from analyzer.rulepack import load_pack
    from analyzer.terminal import print_problems, steps_shown
    from analyzer.write import WriteError, without_secrets, write_bundle

    try:
        with steps_shown() as step:
            step(f"looking for inventory, playbooks and evidence in {project}")
            request = request_of(project, asked)
            layout = find_layout(request)
            settings, problems = settings_of(asked, request, layout)
            reading = read_project(request, layout, settings, step)
            step(f"deciding on {sum(len(one.tasks) for one in reading.project.applications)} tasks and handlers")
            plan = decide(reading.project, load_pack(rule_texts()), settings, rule_texts())
            step("rendering the bundle")
            plan, files = render(_with_problems(plan, problems), template_texts(), language)
            step(f"writing {len(files)} files to {out}")
            files, leaks = without_secrets(files, reading.book.find, reading.book.redact)
            written = write_bundle(files, out, force=force)
    except (UsageError, WriteError) as error:
        raise SystemExit(_fail(str(error))) from None
    print_problems([*plan.problems, *leaks, *written.problems], everything=str(out / "report.html"), language=language)
    click.echo(render_summary(plan, form=form, language=language, color=sys.stdout.isatty(), out=str(out)), nl=False)
    raise SystemExit(_status(plan, blocked=bool(leaks)))


def _with_problems(plan: Plan, problems: Sequence[Problem]) -> Plan:
    from msgspec.structs import replace

    return replace(plan, problems=tuple(dict.fromkeys((*problems, *plan.problems))))


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
    """Which source line and which rule made an output line, and what became of a source line.

    \b
    migrate-analyze explain migration accounting/app/Dockerfile:12
    migrate-analyze explain migration accounting/app/docker/production/task_definition.api.json#/cpu
    migrate-analyze explain migration roles/api/tasks/main.yml:20
    """
    from analyzer.explain import ExplainError, explain_place
    from analyzer.resources import rule_texts
    from analyzer.rulepack import load_derived, load_pack

    texts = rule_texts()
    try:
        click.echo(explain_place(bundle, place, load_pack(texts), load_derived(texts)), nl=False)
    except ExplainError as error:
        raise SystemExit(_fail(str(error))) from None


@cli.command("cron")
@click.argument("line", required=False)
@click.option("--timezone", required=True, metavar="ZONE", help="Zone of the host, e.g. Asia/Tokyo.")
@click.option("--file", "lines", type=click.File("r", encoding="utf-8"), help="Many lines from a file, - for stdin.")
@click.option("--daemon", type=click.Choice(["debian", "cronie-1.4", "cronie-1.5", "cronie-1.7", "busybox", "systemd"]),
              default="debian", show_default=True, help="Which program reads the crontab.")  # fmt: skip
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help="Where the list of firings begins (UTC).")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def cron_command(
    line: str | None, timezone: str, lines: IO[str] | None, daemon: str, start: datetime | None, form: str
) -> None:
    """Convert one crontab LINE and print the proof.

    \b
    migrate-analyze cron '0 0 13 * 5' --timezone Asia/Tokyo
    migrate-analyze cron --file crontab.txt --timezone America/New_York --format json
    """
    from datetime import UTC, datetime

    from analyzer.cron.report import explain_line, explain_lines
    from analyzer.model import CronDaemon
    from analyzer.read.hosts import is_zone

    if (line is None) == (lines is None):
        raise SystemExit(_fail("give one LINE or --file, e.g. migrate-analyze cron '0 3 * * *' --timezone Asia/Tokyo"))
    if not is_zone(timezone):
        raise SystemExit(_fail(f"--timezone {timezone}: no such zone; expected a name such as Asia/Tokyo or UTC"))
    begin = start or datetime.now(UTC)
    shape: Literal["text", "json"] = "json" if form == "json" else "text"
    if lines is not None:
        click.echo(explain_lines(lines.read(), timezone, CronDaemon(daemon), begin, shape), nl=False)
    else:
        click.echo(explain_line(line or "", timezone, CronDaemon(daemon), begin, shape), nl=False)


@cli.command()
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
def rules(form: str) -> None:
    """Print the rule table.

    \b
    migrate-analyze rules --format markdown > rules.md
    """
    from analyzer.render.rules_table import render_rules
    from analyzer.resources import rule_texts
    from analyzer.rulepack import load_derived, load_pack

    texts = rule_texts()
    click.echo(render_rules(load_pack(texts), load_derived(texts), form), nl=False)  # type: ignore[arg-type]  # click checked the choice


@cli.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def diff(old: Path, new: Path, form: str) -> None:
    r"""What changed between two bundles, in a reviewer's terms.

    \b
    migrate-analyze diff migration.before migration
    """
    from analyzer.render.bundle_diff import render_diff

    plans = []
    for bundle in (old, new):
        path = bundle / "plan.json" if bundle.is_dir() else bundle
        try:
            plan = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise SystemExit(_fail(f"{path}: no plan to compare: {getattr(error, 'strerror', '') or error}")) from None
        if not isinstance(plan, dict) or plan.get("version") != 1:
            raise SystemExit(_fail(f"{path}: not a plan.json of version 1"))
        plans.append(plan)
    click.echo(render_diff(plans[0], plans[1], form), nl=False)


cli.add_command(collect)
cli.add_command(verify)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    r"""Print what SHELL reads to complete commands, options and paths.

    \b
    eval "$(migrate-analyze completion bash)"      in ~/.bashrc
    eval "$(migrate-analyze completion zsh)"       in ~/.zshrc
    migrate-analyze completion fish > ~/.config/fish/completions/migrate-analyze.fish
    """
    from analyzer.terminal import completion_script

    click.echo(completion_script(cli, shell, "migrate-analyze"))


def main() -> None:
    """Entry point."""
    if not os.environ.get("COLUMNS"):
        os.environ.setdefault("TERMINAL_WIDTH", "100")
    try:
        cli()
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        click.echo(
            f"migrate-analyze: a defect of ours, nothing was overwritten: {type(error).__name__}: {error} ({place}); "
            "please report it; MIGRATE_ANALYZE_TRACEBACK=1 in the environment shows the whole path",
            err=True,
        )
        if os.environ.get("MIGRATE_ANALYZE_TRACEBACK"):
            raise
        raise SystemExit(NOTHING_WRITTEN) from None
    finally:
        gc.freeze()  # the interpreter's last search for cycles would take a tenth of a second, for nothing


if __name__ == "__main__":
    main()
