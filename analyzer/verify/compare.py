"""The comparison: two runs of the playbook beside the build, then each difference with the decision that makes it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from analyzer.model import Application
from analyzer.verify.engine import Container, Engine, VerifyError
from analyzer.verify.explain import Explainer, asked_packages, facts
from analyzer.verify.fidelity import Check, Fidelity
from analyzer.verify.leave import Leave, given, leave
from analyzer.verify.playbook import HOME, PlaybookRun, Ran, placeholder, prepare, run_playbook
from analyzer.verify.snapshot import Snapshot

IDLE: dict[str, Any] = {"entrypoint": ["sleep", "infinity"], "user": "root"}
PREPARED = "migrate-analyze-verify-prepared"
Result = TypeVar("Result")


class Prepared(Struct, frozen=True, kw_only=True):
    """A base image with Python and ansible-core, made once for all runs that start from it."""

    tag: str
    bare: Snapshot
    before: Snapshot
    seconds: float


class Host(Struct, frozen=True, kw_only=True):
    """What a run of the playbook left behind."""

    ran: Ran
    snapshot: Snapshot
    size_bytes: int
    seconds: float


class Beside(threading.Thread):
    """A function that runs beside the build; `result` waits for it and raises what it raised."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)  # an interrupted program does not wait for it
        self.work = work
        self.value: Any = None
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        """The thread's own."""
        try:
            self.value = self.work()
        except Exception as error:  # noqa: BLE001  # raised again where the result is asked for
            self.error = error

    def result(self) -> Any:
        """What the function gave."""
        self.join()
        if self.error is not None:
            raise self.error
        return self.value


class Comparison(Struct):
    """The runs of one application's playbook, and the base images that were prepared for them."""

    engine: Engine
    prepared: dict[str, Beside] = field(default_factory=dict)
    """Base image -> what is made of it."""
    run: PlaybookRun | None = None
    left: Leave = field(default_factory=Leave)
    whole: Beside | None = None
    without: Beside | None = None

    def start(self, run: PlaybookRun, code: Path | None) -> None:
        """Starts both runs beside the build; `code` is its context, kept until `finish` or `stop`."""
        base = run.plan.image.base_image
        if base not in self.prepared:
            engine = self.engine.another("preparation")
            self.prepared[base] = Beside(
                lambda: _prepare(engine, base, f"{PREPARED}:{self.engine.run}-{len(self.prepared)}")
            )
        preparation = self.prepared[base]
        self.run, self.left = run, leave(run.plan, run.tasks)
        everything, part = self.engine.another("playbook"), self.engine.another("second run")
        self.whole = Beside(lambda: _host(everything, preparation, run, code, None))
        self.without = Beside(lambda: _host(part, preparation, run, code, self.left))

    def stop(self) -> None:
        """Ends runs that nobody waits for any more."""
        if any(each is not None and each.is_alive() for each in (self.whole, self.without)):
            self.engine.clean()
            for each in (self.whole, self.without):
                if each is not None:
                    each.join(30)
            self.prepared.clear()
        self.whole = self.without = None

    def finish(self, engine: Engine, tag: str, result: Fidelity) -> Fidelity:
        """`result` with the comparison of the image `tag`."""
        assert self.run is not None
        assert self.whole is not None
        assert self.without is not None
        run = self.run
        began = time.monotonic()
        try:
            with engine.container(tag, **IDLE, network_mode="none") as built:
                _write_runtime_files(built, run.plan)
                image = built.snapshot()
            read = time.monotonic() - began
            preparation: Prepared = self.prepared[run.plan.image.base_image].result()
            whole: Host = self.whole.result()
            without: Host = self.without.result()
        except VerifyError as error:
            hint = f"; {error.hint}" if error.hint else ""
            check = Check(name="playbook", status="failed", detail=f"{error}{hint}", seconds=time.monotonic() - began)
            return replace(result, checks=(*result.checks, check))
        explainer = Explainer(
            bare=preparation.bare,
            before=preparation.before,
            host=whole.snapshot,
            without=without.snapshot,
            image=image,
            left=self.left,
            ran=whole.ran,
            ran_without=without.ran,
            decisions={each.source: each for each in run.plan.decisions if each.kind in ("task", "handler")},
            facts=facts(
                run.plan,
                without.ran,
                image,
                without=without.snapshot,
                brought=frozenset({*preparation.before.packages} - {*preparation.bare.packages}),
            ),
            asked=asked_packages(run.plan, self.left),
            named=frozenset(name for task in run.tasks for name in given(task) if name.startswith("/")),
        )
        waited = time.monotonic()
        same, differences = explainer.compare()
        left_out = {event.source for event in whole.ran.events if self.left.of(event.source)}
        checks = (
            Check(name="playbook", status="ok", detail=whole.ran.recap, seconds=whole.seconds),
            Check(
                name="playbook without what is left out",
                status="ok",
                detail=without.ran.recap,
                seconds=without.seconds,
            ),
        )
        timings = (
            ("preparation", preparation.seconds),
            ("playbook", whole.seconds),
            ("playbook without what is left out", without.seconds),
            ("reading the image", read),
            ("comparing", time.monotonic() - waited),
        )
        return replace(
            result,
            checks=(*result.checks, *checks),
            compared=True,
            same=tuple(sorted(same.items())),
            differences=tuple(sorted(set(differences))),
            playbook_bytes=whole.size_bytes,
            left_out=len(left_out),
            not_run=_not_run(whole.ran, self.left),
            timings=(*result.timings, *timings),
            seconds=result.seconds + time.monotonic() - began,
        )


def _not_run(ran: Ran, left: Leave) -> tuple[str, ...]:
    """Tasks that the plan carries over and that neither run could do: what they make is not shown."""
    ended = {event.source for event in ran.events if event.status in ("ok", "changed")}
    failed = [(source, f"failed: {text}") for source, text in ran.failed]
    replaced = [(source, why) for source, why in ran.not_run if source in ended]
    return tuple(dict.fromkeys(f"{source}: {text}" for source, text in (*failed, *replaced) if source not in left.skip))


def _prepare(engine: Engine, base: str, tag: str) -> Prepared:
    began = time.monotonic()
    with engine.container(base, **IDLE, network_mode="host") as container:
        bare = container.snapshot()
        prepare(container, engine.progress)
        before = container.snapshot()
        engine.commit(container, tag)
    return Prepared(tag=tag, bare=bare, before=before, seconds=time.monotonic() - began)


def _host(engine: Engine, preparation: Beside, run: PlaybookRun, code: Path | None, left: Leave | None) -> Host:
    prepared: Prepared = preparation.result()
    began = time.monotonic()
    with engine.container(prepared.tag, **IDLE, network_mode="host") as container:
        ran = run_playbook(container, run, code, engine.progress, left)
        engine.progress("reading what it made")
        found = container.snapshot()
        size = _container_bytes(container) if left is None else 0
    return Host(ran=ran, snapshot=found, size_bytes=size, seconds=time.monotonic() - began)


def _write_runtime_files(built: Container, plan: Application) -> None:
    """Lets the entrypoint write its files, with the values that the playbook run has."""
    if plan.image.runtime_variables:
        environment = {variable: placeholder(name) for variable, name, _ in plan.image.runtime_variables}
        built.run(["/usr/local/bin/docker-entrypoint", "true"], user=plan.image.user or "root", environment=environment)


def _container_bytes(container: Container) -> int:
    """Size of what is in a container, without what the run needed."""
    api = container.made.client.api
    sizes = api.containers(all=True, size=True, filters={"id": container.made.id})
    own = container.run(f"du -sb {HOME}").text.split()
    return int(sizes[0].get("SizeRootFs", 0)) - (int(own[0]) if own and own[0].isdigit() else 0) if sizes else 0
