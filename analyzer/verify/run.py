"""`migrate-analyze verify`: builds the bundle's image, starts what it is for, compares it with the real playbook."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analyzer.model import Source
from analyzer.verify.checks import Definition, check_batch, check_process, choose_batch
from analyzer.verify.engine import BuildError, Engine, Progress, VerifyError
from analyzer.verify.explain import Explainer, index, without_duplicates
from analyzer.verify.fidelity import Check, Fidelity
from analyzer.verify.playbook import HOME, PlaybookRun, placeholder, prepare, run_playbook

TAG = "migrate-analyze-verify"


def run_verify(
    bundle: Path,
    *,
    context: Path | None = None,
    against: Sequence[PlaybookRun] = (),
    batch: str = "",
    progress: Progress = lambda _: None,
) -> tuple[Fidelity, ...]:
    """One `Fidelity` for each application of the bundle.

    `context`: the application's repository (the bundle alone holds no code); `against`: the playbook runs to compare
    with; `batch`: id of the job to try. Raises VerifyError where nothing can be verified: no bundle, no engine.
    """
    plan_file = bundle / "plan.json"
    try:
        plan = json.loads(plan_file.read_text(encoding="utf-8"))
        applications: Sequence[Mapping[str, Any]] = plan["applications"]
    except (OSError, ValueError, KeyError, TypeError):
        raise VerifyError(f"{bundle} is no bundle: its plan.json cannot be read", "run migrate-analyze first") from None
    if context is not None and not context.is_dir():
        raise VerifyError(f"{context} is no folder", "--context is the folder of the application's code")
    engine = Engine(progress)
    progress(f"Docker Engine {engine.version}")
    runs = {run.application: run for run in against}
    return tuple(
        _verify(engine, bundle, application, context, runs.get(str(application["name"])), batch)
        for application in applications
    )


def _verify(
    engine: Engine,
    bundle: Path,
    application: Mapping[str, Any],
    context: Path | None,
    run: PlaybookRun | None,
    batch: str,
) -> Fidelity:
    name = str(application["name"])
    tag = f"{TAG}/{name}:{int(time.time())}"
    checks: list[Check] = []
    with tempfile.TemporaryDirectory(prefix="migrate-analyze-") as scratch:
        folder = Path(scratch) / "context"
        if context is not None:
            shutil.copytree(context, folder, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        shutil.copytree(bundle / name / "app", folder, dirs_exist_ok=True)
        began = time.monotonic()
        try:
            engine.build(folder, tag)
        except BuildError as error:
            detail = f"{error}{_blame(bundle, name, error)}"
            return Fidelity(
                application=name,
                checks=(Check(name="build", status="failed", detail=detail, seconds=time.monotonic() - began),),
            )
    try:
        size, layers = engine.size(tag)
        detail = f"{size / 1e6:.0f} MB in {layers} layers"
        if context is None:
            detail += "; without --context the application's code is not in it"
        checks.append(Check(name="build", status="ok", detail=detail, seconds=time.monotonic() - began))
        environments = sorted(path for path in (bundle / name / "app" / "docker").glob("*") if path.is_dir())
        folder = next((path for path in environments if path.name == _environment(application)), None) or (
            environments[0] if environments else bundle
        )
        definitions = Definition.read(folder)
        checks += _behaviour(engine, tag, definitions, application, batch, code=context is not None)
        if run is None:
            return Fidelity(application=name, checks=tuple(checks), image_bytes=size, image_layers=layers)
        return _compared(engine, tag, run, context, definitions, checks, (size, layers))
    finally:
        engine.remove_image(tag)


def _environment(application: Mapping[str, Any]) -> str:
    files = [str(each.get("file", "")) for each in application.get("task_definitions", [])]
    return next((Path(file).parent.name for file in files if file), "production")


def _blame(bundle: Path, name: str, error: BuildError) -> str:
    """Where the failing instruction comes from, and what the build wrote last."""
    text = "\n  ".join(error.output[-12:])
    lines = (bundle / name / "app" / "Dockerfile").read_text(encoding="utf-8").split("\n")
    number = _line_of_step(lines, error.step)
    if number is None:
        return f"\n  {text}"
    via = ""
    for line in reversed(lines[:number]):
        if line.startswith("# via"):
            via = line[2:]
            break
    return f"\n  Dockerfile:{number} {lines[number - 1][:120]} ({via or 'no task caused it'})\n  {text}"


def _line_of_step(lines: Sequence[str], step: int) -> int | None:
    """The line (1-based) where instruction number `step` starts."""
    count = 0
    continued = False
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not continued:
            count += 1
            if count == step:
                return number
        continued = line.endswith("\\")
    return None


def _behaviour(
    engine: Engine,
    tag: str,
    definitions: Sequence[Definition],
    application: Mapping[str, Any],
    batch: str,
    *,
    code: bool,
) -> list[Check]:
    if not code:
        return [Check(name="processes and batches", status="skipped", detail="they need the code: give --context")]
    checks: list[Check] = []
    for definition in definitions:
        if definition.name in {str(each.get("name")) for each in application.get("processes", [])}:
            checks += check_process(engine, tag, definition)
    job = choose_batch(application.get("jobs", []), batch)
    if job is None:
        why = f"no scheduled job is called {batch}" if batch else "no job has a schedule"
        return [*checks, Check(name="batch", status="failed" if batch else "skipped", detail=why)]
    wanted = f"batch_{job.get('class', 'light')}"
    found = next((each for each in definitions if each.name == wanted), None)
    if found is None:
        return [*checks, Check(name=f"batch {job['id']}", status="skipped", detail=f"there is no {wanted}")]
    return [*checks, check_batch(engine, tag, found, job)]


def _compared(
    engine: Engine,
    tag: str,
    run: PlaybookRun,
    context: Path | None,
    definitions: Sequence[Definition],
    checks: list[Check],
    size: tuple[int, int],
) -> Fidelity:
    began = time.monotonic()
    idle: dict[str, Any] = {"entrypoint": ["sleep", "infinity"], "user": "root", "network_mode": "host"}
    try:
        with engine.container(run.plan.image.base_image, **idle) as host:
            engine.progress("playbook: the base image as it is")
            bare = host.snapshot()
            prepare(host, engine.progress)
            before = host.snapshot()
            ran = run_playbook(host, run, context, engine.progress)
            engine.progress("playbook: reading what it made")
            after = host.snapshot()
            playbook_bytes = _container_bytes(host)
        with engine.container(tag, **{**idle, "network_mode": "none"}) as built:
            _write_runtime_files(built, run, definitions)
            image = built.snapshot()
    except VerifyError as error:
        checks.append(Check(name="playbook", status="failed", detail=str(error), seconds=time.monotonic() - began))
        return Fidelity(application=run.application, checks=tuple(checks), image_bytes=size[0], image_layers=size[1])
    detail = ran.recap
    checks.append(Check(name="playbook", status="ok", detail=detail, seconds=time.monotonic() - began))
    explainer = Explainer(bare=bare, before=before, host=after, image=image)
    same, differences = index(explainer, run.plan, run.tasks, ran).compare()
    told: list[tuple[Source, str]] = [*ran.failed, *((source, f"{module} replaced") for source, module in ran.not_run)]
    return Fidelity(
        application=run.application,
        checks=tuple(checks),
        compared=True,
        same=tuple(sorted(same.items())),
        differences=without_duplicates(differences),
        image_bytes=size[0],
        image_layers=size[1],
        playbook_bytes=playbook_bytes,
        not_run=tuple(dict.fromkeys(f"{source}: {text}" for source, text in told)),
    )


def _write_runtime_files(built: Any, run: PlaybookRun, definitions: Sequence[Definition]) -> None:
    """Lets the entrypoint write its files, with the values that the playbook run has."""
    if not run.plan.image.runtime_variables:
        return
    environment = {variable: placeholder(name) for variable, name, _ in run.plan.image.runtime_variables}
    del definitions
    built.run(["/usr/local/bin/docker-entrypoint", "true"], user=run.plan.image.user or "root", environment=environment)


def _container_bytes(container: Any) -> int:
    found = container.made.client.api.inspect_container(container.made.id)
    api = container.made.client.api
    sizes = api.containers(all=True, size=True, filters={"id": found["Id"]})
    own = container.run(f"du -sb {HOME}").text.split()
    return int(sizes[0].get("SizeRootFs", 0)) - (int(own[0]) if own and own[0].isdigit() else 0) if sizes else 0
