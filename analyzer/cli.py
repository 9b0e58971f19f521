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
from analyzer.collect.command import collect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from click.shell_completion import CompletionItem

    from analyzer.model import Plan, Problem, Settings
    from analyzer.read.layout import Layout, Request
    from analyzer.verify.playbook import PlaybookRun

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
@click.option("--env", "environment", default="", metavar="NAME",
              help="Environment.  [default: production, or the one that PROJECT names]")  # fmt: skip
@click.option("--region", default="", metavar="NAME", help="AWS region.  [default: from the EC2 evidence]")
@click.option("--timezone", default="", metavar="ZONE", help="Zone of the hosts' cron where no evidence says it.")
@click.option("--decisions", default="", metavar="FILE", help="Reviewers' answers.  [default: migrate.yml]")
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
            request = _request(project, asked)
            layout = find_layout(request)
            settings, problems = _settings(asked, layout)
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


def _request(project: Path, asked: dict[str, Any]) -> Request:
    from analyzer.read.layout import Request
    from analyzer.resources import own_words

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
        own_words=own_words,
    )


def _settings(asked: dict[str, Any], layout: Layout) -> tuple[Settings, tuple[Problem, ...]]:
    from analyzer.model import Settings
    from analyzer.read.decisions import read_decisions
    from analyzer.read.files import Tree
    from analyzer.read.layout import UsageError

    given = {name: asked[name] for name in ("region", "timezone") if asked[name]}
    if asked.get("prices"):
        from analyzer.read.prices import read_prices

        given["prices"] = read_prices(asked["prices"])
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
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--context", type=click.Path(path_type=Path), metavar="DIR", help="The application's repository.")
@click.option("--against-playbook", "project", type=click.Path(path_type=Path), metavar="PROJECT",
              help="Run the playbook of this project in a container of the same base image, and compare.")  # fmt: skip
@click.option("--env", "environment", default="", metavar="NAME",
              help="Environment.  [default: production, or the one that PROJECT names]")  # fmt: skip
@click.option("--batch", default="", metavar="JOB", help="Job to try.  [default: one is chosen]")
@click.option("--keep-image", is_flag=True, help="Leave the image, so that the next build starts from its layers.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def verify(
    bundle: Path,
    context: Path | None,
    project: Path | None,
    environment: str,
    batch: str,
    keep_image: bool,
    form: str,
) -> None:
    """Build the generated image with the Docker Engine, start what it is for, compare it with the real playbook.

    \b
    migrate-analyze verify migration --context ../accounting
    migrate-analyze verify migration --context ../accounting --against-playbook inventory/
    """
    from analyzer.read.layout import UsageError
    from analyzer.verify.engine import VerifyError
    from analyzer.verify.run import run_verify
    from analyzer.verify.text import render_json, render_report_json, render_text

    def progress(text: str) -> None:
        if sys.stderr.isatty():
            click.echo(text, err=True)

    try:
        against = _playbook_runs(project, environment) if project is not None else ()
        results = run_verify(
            bundle, context=context, against=against, batch=batch, keep_image=keep_image, progress=progress
        )
    except UsageError as error:
        raise SystemExit(_fail(str(error))) from None
    except VerifyError as error:
        raise SystemExit(_fail(f"{error}{'; ' + error.hint if error.hint else ''}")) from None
    except KeyboardInterrupt:
        raise SystemExit(_fail("interrupted: nothing was verified; containers and images are removed")) from None
    _keep_fidelity(bundle, render_json(results), render_report_json(results))
    click.echo(render_json(results) if form == "json" else render_text(results), nl=False)
    raise SystemExit(0 if all(result.passed for result in results) else BLOCKED)


def _keep_fidelity(bundle: Path, results: str, for_report: str) -> None:
    """Put the result beside the plan and into the report, where the bundle can be written."""
    from analyzer.model import OutputFile
    from analyzer.render.report_fidelity import with_fidelity
    from analyzer.write import WriteError, amend_bundle

    files = [OutputFile(path="fidelity.json", data=results.encode())]
    report = bundle / "report.html"
    if report.is_file():
        page = report.read_text(encoding="utf-8", errors="replace")
        files.append(OutputFile(path="report.html", data=with_fidelity(page, for_report).encode()))
    try:
        amend_bundle(files, bundle)
    except WriteError as error:
        click.echo(f"note: the result is not kept in the bundle: {error}", err=True)


def _playbook_runs(project: Path, environment: str) -> tuple[PlaybookRun, ...]:
    """The runs of the real playbook to compare with, from reading the project again."""
    from analyzer.decide.plan import decide
    from analyzer.model import Settings
    from analyzer.read.layout import Request, collection_folders, find_layout
    from analyzer.read.project import read_project
    from analyzer.resources import rule_texts
    from analyzer.rulepack import load_pack
    from analyzer.verify.playbook import PlaybookRun

    request = Request(project=project, environment=environment)
    layout = find_layout(request)
    settings = Settings(environment=layout.environment)
    reading = read_project(request, layout, settings)
    plan = decide(reading.project, load_pack(rule_texts()), settings, rule_texts())
    modules = frozenset(task.module for given in reading.project.applications for task in given.tasks)
    return tuple(
        PlaybookRun(
            application=application.name,
            host=application.hosts[0].name,
            root=layout.root,
            playbooks=layout.playbooks,
            inventories=layout.inventories,
            tasks=given.tasks,
            plan=application,
            collections=collection_folders(layout),
            modules=modules,
        )
        for given, application in zip(reading.project.applications, plan.applications, strict=True)
    )


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
