"""`migrate-analyze verify`: builds the bundle's image, starts what it is for, compares it with the real playbook."""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analyzer.verify.checks import Definition, check_batch, check_process, choose_batch
from analyzer.verify.compare import Comparison
from analyzer.verify.engine import BuildError, Engine, Progress, VerifyError
from analyzer.verify.fidelity import Check, Fidelity
from analyzer.verify.playbook import PlaybookRun

TAG = "migrate-analyze-verify"


def run_verify(
    bundle: Path,
    *,
    context: Path | None = None,
    against: Sequence[PlaybookRun] = (),
    batch: str = "",
    keep_image: bool = False,
    progress: Progress = lambda _: None,
) -> tuple[Fidelity, ...]:
    """One `Fidelity` for each application of the bundle.

    `context`: the application's repository (the bundle alone holds no code); `against`: the playbook runs to compare
    with; `batch`: id of the job to try; `keep_image`: the built images stay. Raises VerifyError where nothing can be
    verified: no bundle, no engine. Whatever happens, containers and images of this run are removed again.
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
    with _ended_by_signals():
        try:
            comparison = Comparison(engine)
            return tuple(
                _verify(
                    engine,
                    bundle,
                    application,
                    context,
                    runs.get(str(application["name"])),
                    comparison,
                    batch,
                    keep_image,
                )
                for application in applications
            )
        finally:
            engine.ended.set()
            engine.clean()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A termination is an interruption: what was made is removed before the program ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _verify(
    engine: Engine,
    bundle: Path,
    application: Mapping[str, Any],
    context: Path | None,
    run: PlaybookRun | None,
    comparison: Comparison,
    batch: str,
    keep_image: bool,
) -> Fidelity:
    name = str(application["name"])
    tag = f"{TAG}/{name}:{'latest' if keep_image else engine.run}"
    checks: list[Check] = []
    with tempfile.TemporaryDirectory(prefix="migrate-analyze-") as scratch:
        folder = Path(scratch) / "context"
        if context is not None:
            shutil.copytree(context, folder, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        shutil.copytree(bundle / name / "app", folder, dirs_exist_ok=True)
        if run is not None:
            comparison.start(run, folder if context is not None else None)
        began = time.monotonic()
        try:
            engine.build(folder, tag, keep=keep_image)
        except BuildError as error:
            comparison.stop()
            detail = f"{error}{_blame(bundle, name, error)}{_advice(error)}"
            check = Check(name="build", status="failed", detail=detail, seconds=time.monotonic() - began)
            return Fidelity(
                application=name, checks=(check,), timings=(("build", check.seconds),), seconds=check.seconds
            )
        try:
            built = time.monotonic()
            size, layers = engine.size(tag)
            detail = f"{size / 1e6:.0f} MB in {layers} layers"
            if context is None:
                detail += "; without --context the application's code is not in it"
            checks.append(Check(name="build", status="ok", detail=detail, seconds=built - began))
            environments = sorted(path for path in (bundle / name / "app" / "docker").glob("*") if path.is_dir())
            folder = next((path for path in environments if path.name == _environment(application)), None) or (
                environments[0] if environments else bundle
            )
            definitions = Definition.read(folder)
            checks += _behaviour(engine, tag, definitions, application, batch, code=context is not None)
            timings = (("build", built - began), ("processes and a batch", time.monotonic() - built))
            result = Fidelity(
                application=name, checks=tuple(checks), image_bytes=size, image_layers=layers, timings=timings,
                seconds=time.monotonic() - began,
            )  # fmt: skip
            return result if run is None else comparison.finish(engine, tag, result)
        finally:
            comparison.stop()
            if not keep_image:
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


def _advice(error: BuildError) -> str:
    """What to do about a failure that is the machine's and not the Dockerfile's."""
    text = "\n".join((str(error), *error.output)).lower()
    for sign, advice in (
        ("no space left on device", "the engine's disk is full: `docker system df` shows what takes it"),
        (
            "no such host",
            "a name was not found: is there a network, and can the engine reach the registry and the mirrors?",
        ),
        ("manifest unknown", "the registry has no such base image: check its name and tag"),
        ("pull access denied", "the registry gives no such base image: log in, or check its name"),
        ("temporary failure resolving", "the build cannot resolve names: is there a network?"),
        (
            "unable to locate package",
            "the package is not in the distribution: a package source of the playbook is missing",
        ),
    ):
        if sign in text:
            return f"\n  {advice}"
    return ""


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
