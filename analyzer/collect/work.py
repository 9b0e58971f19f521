"""One run of `collect`: what was asked for, the folders of its hosts, and what came of each step."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from analyzer.collect.inventory import Found
from analyzer.collect.steps import AWS_STEPS, HOST_STEPS, hint_for
from analyzer.collect.store import HostStore, StoreError
from analyzer.read.redact import redact

_NOISE = re.compile(
    r"(?:Task failed: )?(?:Failed to connect to the host via ssh: )?"
    r"(?:Warning: Permanently added \S+ \(\w+\) to the list of known hosts\. ?)+"
    r"|sudo: unable to resolve host \S+: [^:]*$"
)
"""What ssh and sudo say beside the point."""

ALL_STEPS = (*(step.name for step in HOST_STEPS), *AWS_STEPS)


class Request(Struct, frozen=True, kw_only=True):
    """What is to be collected."""

    found: Found
    evidence: Path
    limit: str = ""
    options: tuple[str, ...] = ()
    """For ansible-playbook, as given."""
    days: int = 14
    region: str = ""
    profile: str = ""
    namespace: str = "CWAgent"
    with_hosts: bool = True
    with_aws: bool = True
    local_facts: bool = False
    refresh: tuple[str, ...] = ()
    """Steps to do again, or `all`."""

    def asked(self, step: str) -> Any:
        """What a finished step must have been asked for to count as done."""
        if step in ("usage", "cloudwatch"):
            return {"days": self.days}
        return {"local_facts": self.local_facts} if step == "facts" else {}


class Failure(Struct, frozen=True, kw_only=True):
    """Something could not be collected."""

    where: str
    """Host, or `AWS`."""
    step: str
    message: str
    hint: str = ""
    partial: bool = False
    """The step gave something all the same, and counts as done."""


class Outcome(Struct):
    """What a run came to."""

    done: dict[str, list[str]] = field(default_factory=dict)
    """Host -> steps that are there now."""
    before: dict[str, list[str]] = field(default_factory=dict)
    """Host -> steps that were there when the run began."""
    failures: list[Failure] = field(default_factory=list)
    redacted: int = 0
    kept: list[str] = field(default_factory=list)
    """Files of a person that were left as they are."""
    snapshot: Path | None = None
    interrupted: bool = False

    @property
    def status(self) -> int:
        """0 all of it is there, 1 a part, 2 nothing."""
        if not any(self.done.values()):
            return 2
        return 1 if self.interrupted or any(not one.partial for one in self.failures) else 0


Progress = Callable[[str, str], None]
"""(host, step that is done)."""


class Work(Struct):
    """What the steps of one run share."""

    request: Request
    now: datetime
    """The end of the metrics' window, and the stamp of what is done."""
    progress: Progress
    outcome: Outcome = field(default_factory=Outcome)
    stores: dict[str, HostStore] = field(default_factory=dict)
    known: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Host -> what ansible-playbook says of its instance; also the hosts of a dynamic inventory."""

    def store(self, host: str) -> HostStore | None:
        """The folder of a host, None (noted once) where it can have none."""
        if host not in self.stores:
            try:
                store = HostStore.open(self.request.evidence, host)
            except StoreError as error:
                if not any(one.where == host for one in self.outcome.failures):
                    self.fail(host, "", str(error), "")
                return None
            for step in ALL_STEPS:
                if {"all", step} & set(self.request.refresh):
                    store.forget(step)
            self.stores[host] = store
            self.outcome.before[host] = [step for step in ALL_STEPS if store.is_done(step, self.request.asked(step))]
        return self.stores[host]

    def fail(self, where: str, step: str, message: str, hint: str | None = None, *, partial: bool = False) -> None:
        """Note a failure, once."""
        message = _NOISE.sub("", redact(" ".join(message.split()))).strip()[:300]
        failure = Failure(
            where=where, step=step, message=message, partial=partial, hint=hint_for(message) if hint is None else hint
        )
        if failure not in self.outcome.failures:
            self.outcome.failures.append(failure)

    @property
    def stamp(self) -> str:
        """`now` for a host's collect.json."""
        return self.now.astimezone(UTC).isoformat(timespec="seconds")
