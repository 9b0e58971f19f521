"""`migrate-analyze verify`: builds the bundle's image, starts what it is for, compares it with the real playbook."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analyzer.verify.checks import Definition, check_batch, check_process, choose_batch
from analyzer.verify.compare import Comparison
from analyzer.verify.engine import BuildError, Engine, Progress, VerifyError
from analyzer.verify.failures import told
from analyzer.verify.fidelity import Check, Fidelity
from analyzer.verify.playbook import PlaybookRun

TAG = "migrate-analyze-verify"
INSISTING = 2
"""How often Ctrl-C may be pressed before the removal of what was made is given up."""


def run_verify(
    bundle: Path,
    *,
    contexts: Sequence[str] = (),
    against: Sequence[PlaybookRun] = (),
    edited: Collection[str] = (),
    batch: str = "",
    keep_image: bool = False,
    progress: Progress = lambda _: None,
) -> tuple[Fidelity, ...]:
    """One `Fidelity` for each application of the bundle.

    `contexts`: the application's repository (the bundle alone holds no code), as `FOLDER` for all of them or
    `APPLICATION=FOLDER`; `against`: the playbook runs to compare with; `edited`: files of the bundle that a person
    changed; `batch`: id of the job to try; `keep_image`: the built images stay. Raises VerifyError where nothing can
    be verified: no bundle, no engine. Whatever happens, containers and images of this run are removed again.
    """
    applications = _applications(bundle)
    folders = _contexts(contexts, [str(each["name"]) for each in applications])
    engine = Engine(progress)
    progress(f"Docker Engine {engine.version}")
    runs = {run.application: run for run in against}
    with _ended_by_signals(progress):
        try:
            comparison = Comparison(engine)
            return tuple(
                _verify(
                    engine,
                    bundle,
                    application,
                    folders.get(str(application["name"])),
                    edited,
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
def _ended_by_signals(told: Progress) -> Iterator[None]:
    """A termination is an interruption, and the first one is enough: what was made is removed before the program ends.

    A terminal, `make` and a CI runner each signal the whole group, so a second signal must not end the removal; a third
    Ctrl-C does, for an engine that answers no more.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen: list[int] = []

    def interrupt(number: int, frame: object) -> None:
        del frame
        seen.append(number)
        if len(seen) == 1 or seen.count(signal.SIGINT) > INSISTING:
            raise KeyboardInterrupt
        told("removing containers and images of this run")

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in () if seen else before.items():  # an interrupted program has yet to say so
            signal.signal(number, handler)


def _verify(
    engine: Engine,
    bundle: Path,
    application: Mapping[str, Any],
    context: Path | None,
    edited: Collection[str],
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
        _assemble(folder, context, bundle / name / "app")
        if run is not None:
            comparison.start(run, folder if context is not None else None)
        began = time.monotonic()
        try:
            engine.build(folder, tag, keep=keep_image)
        except BuildError as error:
            comparison.stop()
            detail = told(bundle, name, error)
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
            detail += _edits(edited, f"{name}/app/")
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


def _applications(bundle: Path) -> Sequence[Mapping[str, Any]]:
    """The applications of a bundle's plan, each with a Dockerfile beside it."""
    try:
        found = json.loads((bundle / "plan.json").read_text(encoding="utf-8"))["applications"]
        names = [Path(each["name"]) for each in found]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise VerifyError(f"{bundle} is no bundle: its plan.json cannot be read", "run migrate-analyze first") from None
    for name in names:
        if len(name.parts) != 1 or not (bundle / name / "app" / "Dockerfile").is_file():
            raise VerifyError(f"{bundle / name / 'app'} has no Dockerfile", "make the bundle anew with migrate-analyze")
    applications: Sequence[Mapping[str, Any]] = found
    return applications


def _assemble(folder: Path, context: Path | None, bundled: Path) -> None:
    """The build context: the application's repository with the bundle's files over it.

    Sockets and pipes, which a running application leaves in its folder, are not for a build.
    """

    def special(place: str, names: list[str]) -> list[str]:
        modes = {name: os.lstat(os.path.join(place, name)).st_mode for name in names}  # noqa: PTH118  # thousands of them
        kept = (stat.S_ISREG, stat.S_ISDIR, stat.S_ISLNK)
        return [name for name, mode in modes.items() if name == ".git" or not any(of(mode) for of in kept)]

    try:
        if context is not None:
            shutil.copytree(context, folder, symlinks=True, ignore=special)
        shutil.copytree(bundled, folder, dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        first = error.args[0][0] if isinstance(error, shutil.Error) else (error.filename, "", error.strerror)
        raise VerifyError(
            f"the build context cannot be put together: {first[0]}: {str(first[2]).split(': ')[0]}",
            "make it readable, or verify in a checkout that holds nothing else",
        ) from None


def _contexts(given: Sequence[str], names: Sequence[str]) -> dict[str, Path]:
    """Application -> the folder of its code."""
    found: dict[str, Path] = {}
    for text in given:
        name, separator, folder = text.partition("=")
        named = bool(separator) and not Path(text).is_dir()
        if named and name not in names:
            raise VerifyError(f"--context {text}: no application is called {name}", f"there are {', '.join(names)}")
        path = Path(folder if named else text)
        if not path.is_dir():
            raise VerifyError(f"{path} is no folder", "--context is the folder of the application's code")
        found |= dict.fromkeys([name] if named else names, path)
    return found


def _edits(edited: Collection[str], folder: str) -> str:
    """What of the build's own files a person changed."""
    made = (f"{folder}Dockerfile", f"{folder}.dockerignore")
    mine = sorted(path for path in edited if path in made or path.startswith(f"{folder}rootfs/"))
    more = f" and {len(mine) - 3} more" if len(mine) > 3 else ""
    return f"; edited since they were generated: {', '.join(mine[:3])}{more}" if mine else ""


def _environment(application: Mapping[str, Any]) -> str:
    files = [str(each.get("file", "")) for each in application.get("task_definitions", [])]
    return next((Path(file).parent.name for file in files if file), "production")


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
