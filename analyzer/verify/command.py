"""`migrate-analyze verify`: its options, and the playbook runs that it compares with."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.asked import reading_options, request_of, settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.model import Plan
    from analyzer.verify.fidelity import Fidelity
    from analyzer.verify.playbook import PlaybookRun


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--context", "contexts", multiple=True, metavar="[APPLICATION=]DIR",
              help="The application's repository; one for all applications, or one for each.")  # fmt: skip
@click.option("--against-playbook", "project", type=click.Path(path_type=Path), metavar="PROJECT",
              help="Run the playbook of this project in a container of the same base image, and compare.")  # fmt: skip
@reading_options
@click.option("--batch", default="", metavar="JOB", help="Job to try.  [default: one is chosen]")
@click.option("--keep-image", is_flag=True, help="Leave the image, so that the next build starts from its layers.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def verify(
    bundle: Path,
    contexts: tuple[str, ...],
    project: Path | None,
    batch: str,
    keep_image: bool,
    form: str,
    **asked: Any,
) -> None:
    """Build the generated image with the Docker Engine, start what it is for, compare it with the real playbook.

    \b
    migrate-analyze verify migration --context ../accounting
    migrate-analyze verify migration --context ../accounting --against-playbook inventory/
    """
    from analyzer.read.layout import UsageError
    from analyzer.verify.engine import VerifyError
    from analyzer.verify.run import run_verify
    from analyzer.verify.text import render_json, render_text
    from analyzer.write import edited_files

    def progress(text: str) -> None:
        if sys.stderr.isatty():
            click.echo(text, err=True)

    try:
        against = _playbook_runs(bundle, project, asked) if project is not None else ()
        results = run_verify(
            bundle,
            contexts=contexts,
            against=against,
            edited=edited_files(bundle),
            batch=batch,
            keep_image=keep_image,
            progress=progress,
        )
    except UsageError as error:
        raise SystemExit(_fail(str(error))) from None
    except VerifyError as error:
        raise SystemExit(_fail(f"{error}{'; ' + error.hint if error.hint else ''}")) from None
    except KeyboardInterrupt:
        raise SystemExit(_fail("interrupted: nothing was verified; containers and images are removed")) from None
    _keep_fidelity(bundle, results)
    click.echo(render_json(results) if form == "json" else render_text(results), nl=False)
    raise SystemExit(0 if all(result.passed for result in results) else 1)


def _fail(message: str) -> int:
    click.echo(f"migrate-analyze: {message}", err=True)
    return 2


def _keep_fidelity(bundle: Path, results: Sequence[Fidelity]) -> None:
    """Put the result beside the plan and into the report, in its language, where the bundle can be written."""
    from analyzer.model import OutputFile
    from analyzer.render.report_fidelity import language_of, with_fidelity
    from analyzer.render.translated import sayer
    from analyzer.resources import template_texts
    from analyzer.verify.text import render_json, render_report_json
    from analyzer.write import WriteError, amend_bundle

    files = [OutputFile(path="fidelity.json", data=render_json(results).encode())]
    report = bundle / "report.html"
    if report.is_file():
        page = report.read_text(encoding="utf-8", errors="replace")
        told = render_report_json(results, sayer(language_of(page), template_texts()) or str)
        files.append(OutputFile(path="report.html", data=with_fidelity(page, told).encode()))
    try:
        amend_bundle(files, bundle)
    except WriteError as error:
        click.echo(f"note: the result is not kept in the bundle: {error}", err=True)


def _playbook_runs(bundle: Path, project: Path, asked: dict[str, Any]) -> tuple[PlaybookRun, ...]:
    """The runs of the real playbook to compare with, from reading the project again as it was read for the bundle."""
    from analyzer.decide.plan import decide
    from analyzer.read.ansible.playbooks import read_configuration
    from analyzer.read.layout import collection_folders, find_layout
    from analyzer.read.project import read_project
    from analyzer.resources import rule_texts
    from analyzer.rulepack import load_pack
    from analyzer.verify.playbook import PlaybookRun

    request = request_of(project, asked)
    layout = find_layout(request)
    settings, _ = settings_of(asked, request, layout)
    reading = read_project(request, layout, settings)
    plan = decide(reading.project, load_pack(rule_texts()), settings, rule_texts())
    _check_decisions(bundle, project, plan)
    modules = frozenset(task.module for given in reading.project.applications for task in given.tasks)
    return tuple(
        PlaybookRun(
            application=application.name,
            host=application.hosts[0].name,
            root=layout.root,
            base=layout.base,
            playbooks=layout.playbooks,
            inventories=layout.inventories,
            tasks=given.tasks,
            plan=application,
            collections=collection_folders(layout, read_configuration(layout.base)),
            modules=modules,
            variables=settings.variables,
            extra_vars=request.extra_vars,
            tags=request.tags,
            skip_tags=request.skip_tags,
        )
        for given, application in zip(reading.project.applications, plan.applications, strict=True)
    )


def _check_decisions(bundle: Path, project: Path, plan: Plan) -> None:
    """Refuse a bundle that was decided otherwise: what its image does not follow can explain no difference."""
    from analyzer.read.layout import UsageError

    try:
        written = json.loads((bundle / "plan.json").read_text(encoding="utf-8"))["applications"]
        then = {
            (str(one["name"]), f"{each['source']['file']}:{each['source']['line']}", str(each["outcome"]))
            for one in written
            for each in one["decisions"]
            if each["kind"] in ("task", "handler")
        }
        then |= {(str(one["name"]), "base image", str(one["base_image"])) for one in written}
    except (OSError, ValueError, KeyError, TypeError):
        return  # the next step says what is wrong with it
    now = {
        (one.name, str(each.source), each.outcome.value)
        for one in plan.applications
        for each in one.decisions
        if each.kind in ("task", "handler")
    }
    now |= {(one.name, "base image", one.image.base_image) for one in plan.applications}
    if then == now:
        return
    name, place, outcome = min(then ^ now)
    other = next((each[2] for each in (then | now) if each[:2] == (name, place) and each[2] != outcome), "nothing")
    before, after = (outcome, other) if (name, place, outcome) in then else (other, outcome)
    raise UsageError(
        f"{bundle} was decided otherwise than {project} is now: {name}, {place} is {before} in its plan.json and "
        f"{after} now; give verify the options and the evidence that the bundle was made with, or make it anew"
    )
