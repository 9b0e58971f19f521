"""Which decision makes the image differ from the host that the playbook made: shown by a second run, not by names.

    image == host                            the same
    image == host of the second run          the decisions that the second run left out made the difference; which of
                                             them is what the first run wrote down while it changed the thing
    neither                                  unexplained, but for the few facts in `_fact`

The second run is the playbook without exactly what the plan leaves out of the image (`leave`). So a wrong or missing
effect of a task that the plan carries over differs from both, and no decision can explain it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from analyzer.model import Application, Decision, InstallPackages, MakeGroup, MakeUser, SetTimezone, Source, Step
from analyzer.verify.fidelity import Difference, Standing
from analyzer.verify.leave import KEPT, Leave
from analyzer.verify.playbook import HOME, Event, Ran
from analyzer.verify.snapshot import File, Snapshot

NEVER: tuple[tuple[str, str], ...] = (
    (rf"{HOME}(/.*)?|/root/\.ansible(/.*)?", "the run's own files"),
    (r"/etc/dpkg/dpkg\.cfg\.d/migrate-analyze", "the run's own files"),
    (r"/(tmp|var/tmp|run|var/run|var/lock)(/.*)?", "temporary"),
    (r"/etc/(hosts|hostname|resolv\.conf|mtab|machine-id|\.pwd\.lock)|/\.dockerenv", "the engine writes them"),
    (r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?", "compared account by account"),
)
"""Paths that are never compared, and why."""

STATE: tuple[tuple[str, str], ...] = (
    (
        r"/var/lib/(dpkg|apt|ucf|systemd|pam|python|dbus)(/.*)?|/var/log/[^/]*\.log|/var/log/apt(/.*)?",
        "package managers' state",
    ),
    (r"/var/cache(/(apt|debconf|ldconfig|man|fontconfig|dnf|libdnf5|yum)(/.*)?)?", "caches"),
    (r"/var/log/(lastlog|faillog|btmp|wtmp|README|journal(/.*)?)|/var/backups(/.*)?", "logs and backups"),
    (r".*/__pycache__(/.*)?|.*\.pyc|/etc/ld\.so\.cache|/usr/share/mime/.*|/usr/share/info/dir", "caches"),
    (
        r"/usr/lib/locale/locale-archive|/usr/share/applications/mimeinfo\.cache|/usr/share/glib-2\.0/schemas/.*",
        "caches",
    ),
    (r"/usr/lib/.*/gconv/gconv-modules\.cache|/usr/share/.*/icon-theme\.cache|/var/lib/fontconfig(/.*)?", "caches"),
    (r"/etc/ssl/(private|certs)/ssl-cert-snakeoil\..*|/etc/ssl/certs/[0-9a-f]{8}\.\d+", "made anew on each machine"),
)
"""Paths that hold the state of a running or building machine, and why: compared only where a task names them."""

_NEVER = re.compile("|".join(f"(?:{pattern})" for pattern, _ in NEVER))
_STATE = re.compile("|".join(f"(?:{pattern})" for pattern, _ in STATE))
_ENTRYPOINT = "/usr/local/bin/docker-entrypoint"
_PREPARED = "the run itself needs it: Ansible speaks to Python on a host"


class Why(Struct, frozen=True):
    """What explains a difference."""

    reason: str
    outcome: str
    """Outcome of the decision; `run` for a fact about the comparison itself."""
    source: str = ""
    """Task whose decision it is."""


class Explainer(Struct, kw_only=True):
    """The four containers, what was left out of the second run, and what both runs wrote down."""

    bare: Snapshot
    """The base image."""
    before: Snapshot
    """The base image with what the run itself needs (python3)."""
    host: Snapshot
    """After the playbook."""
    without: Snapshot
    """After the playbook without what the plan leaves out."""
    image: Snapshot
    left: Leave = field(default_factory=Leave)
    ran: Ran = field(default_factory=lambda: Ran(recap=""))
    ran_without: Ran = field(default_factory=lambda: Ran(recap=""))
    decisions: Mapping[Source, Decision] = field(default_factory=dict)
    facts: dict[str, Why] = field(default_factory=dict)
    """`KIND NAME` -> why the image may differ from the second run there (a module that cannot act in a container …)."""
    asked: frozenset[str] = frozenset()
    """Packages that tasks of the image ask for."""
    named: frozenset[str] = frozenset()
    """Paths that tasks name."""
    _touched: dict[str, list[Event]] = field(default_factory=dict)
    _touched_without: dict[str, list[Event]] = field(default_factory=dict)
    _needed: frozenset[str] = frozenset()

    def compare(self) -> tuple[dict[str, int], list[Difference]]:
        """(how many things of each kind are the same, the differences)."""
        self._touched = _by_thing(self.ran.events)
        self._touched_without = _by_thing(self.ran_without.events)
        self._needed = self.without.closure(self.asked)
        same: dict[str, int] = {}
        out: list[Difference] = []
        for kind, of in (("package", _packages), ("user", _users), ("group", _groups)):
            image, host, without = of(self.image), of(self.host), of(self.without)
            bare, before = of(self.bare), of(self.before)
            for name in sorted({*image, *host}):
                if image.get(name) == host.get(name):
                    same[kind] = same.get(kind, 0) + 1
                    continue
                alike = image.get(name) == without.get(name)
                prepared = before.get(name) == without.get(name) and bare.get(name) == image.get(name)
                why = self._why(kind, name, alike=alike, prepared=prepared)
                out.append(_difference(kind, name, image.get(name, "absent"), host.get(name, "absent"), why))
        kinds = {"f": "file", "d": "directory", "l": "link"}
        for path in sorted({*self.image.files, *self.host.files}):
            if _NEVER.fullmatch(path) or (_STATE.fullmatch(path) and path not in self.named):
                continue
            mine, theirs = self.image.files.get(path), self.host.files.get(path)
            kind = kinds.get((mine or theirs or _NOTHING).kind, "other")
            if _alike(mine, theirs):
                same[kind] = same.get(kind, 0) + 1
                continue
            second = self.without.files.get(path)
            prepared = _alike(self.before.files.get(path), second) and _alike(self.bare.files.get(path), mine)
            why = self._why(kind, path, alike=_alike(mine, second), prepared=prepared)
            out.append(_difference(kind, path, _shown(mine), _shown(theirs), why))
        return same, out

    def _why(self, kind: str, name: str, *, alike: bool, prepared: bool) -> Why | None:
        """What makes the image differ from the host; `alike`: the second run made what the image has."""
        thing = f"{_KINDS.get(kind, 'path')} {name}"
        if alike:
            return self._decision_for(thing)
        if prepared and not self._is_needed(kind, name):
            return Why(_PREPARED, "run")
        return self._fact(kind, name)

    def _decision_for(self, thing: str) -> Why | None:
        """The left-out task that was the last to change it in the first run."""
        events = self._touched.get(thing, [])
        for event in reversed(events):
            if self.left.of(event.source):
                return self._of_event(event, thing)
        for event in reversed(self._touched_without.get(thing, [])):
            if event.source in self.left.force:
                reason = (
                    "its condition could not be decided before the run and was false on this host; the image has it"
                )
                return Why(reason, "image", str(event.source))
        if not events or any(events[-1].source == source for source, _ in self.ran_without.failed):
            return None  # that the second run lacks it, too, says nothing where the task failed there
        # a task of the image changed it, and changes it otherwise where nothing was left out before it
        before = self.ran.events[: self.ran.events.index(events[-1])]
        cause = next((each for each in reversed(before) if self.left.of(each.source) and each.paths), None)
        if cause is None:
            return None
        why = self._of_event(cause, thing)
        return Why(f"{why.reason}; {events[-1].source} ends otherwise without it", why.outcome, why.source)

    def _of_event(self, event: Event, thing: str) -> Why:
        decision = self.decisions.get(event.source)
        numbers = self.left.numbers.get(event.source, {})
        if thing.startswith("account ") and (found := numbers.get(thing.partition(" ")[2])):
            return Why(found.reason, "infrastructure", str(event.source))
        if event.source not in self.left.parts:
            reason = decision.reason.rstrip(".") if decision is not None else "it is left out"
            return Why(reason, decision.outcome.value if decision else "run", str(event.source))
        parts = self.left.parts[event.source]
        name = thing.partition(" ")[2]
        named = [part for part in parts if name == part or name.startswith(f"{part}/")] or sorted(parts)
        told = [re.sub(rf"^{re.escape(part)}: ", "", parts[part].reason.rstrip(".")) for part in named]
        subject = ", ".join(named)
        return Why(f"{subject}: {'; '.join(dict.fromkeys(told))}", parts[named[0]].outcome.value, str(event.source))

    def _is_needed(self, kind: str, name: str) -> bool:
        """Whether a package that the image must have brings it, so that the run's own preparation explains nothing."""
        if kind == "package":
            return name in self._needed
        return self.without.owners.get(name, "") in self._needed

    def _fact(self, kind: str, name: str) -> Why | None:
        if found := self.facts.get(f"{_KINDS.get(kind, 'path')} {name}"):
            return found
        for known in (self.image, self.without):
            package = known.owners.get(name, "") if kind in ("file", "directory", "link") else ""
            if package and (found := self.facts.get(f"package {package}")):
                return Why(f"of package {package}: {found.reason}", found.outcome, found.source)
        return None


_NOTHING = File(kind="f", mode="", owner="", group="")
_KINDS = {"package": "package", "user": "account", "group": "account"}


def _by_thing(events: Iterable[Event]) -> dict[str, list[Event]]:
    out: dict[str, list[Event]] = {}
    for event in events:
        for kind, names in (("path", event.paths), ("package", event.packages), ("account", event.accounts)):
            for name in names:
                out.setdefault(f"{kind} {name}", []).append(event)
    return out


def _packages(snapshot: Snapshot) -> Mapping[str, str]:
    return snapshot.packages


def _users(snapshot: Snapshot) -> Mapping[str, str]:
    return {name: " ".join(values) for name, values in snapshot.users.items()}


def _groups(snapshot: Snapshot) -> Mapping[str, str]:
    return {name: " ".join(values) for name, values in snapshot.groups.items()}


def _alike(one: File | None, other: File | None) -> bool:
    if one is None or other is None:
        return one is other
    return not one.differs(other)


def _difference(kind: str, name: str, image: str, playbook: str, why: Why | None) -> Difference:
    if why is None:
        return Difference(kind=kind, name=name, image=image, playbook=playbook, standing=Standing.UNEXPLAINED)
    return Difference(
        kind=kind, name=name, image=image, playbook=playbook, standing=Standing.EXPLAINED,
        reason=why.reason, outcome=why.outcome, source=why.source,
    )  # fmt: skip


def _shown(entry: File | None) -> str:
    return "absent" if entry is None else str(entry)


def facts(
    plan: Application, ran: Ran, image: Snapshot, *, without: Snapshot, brought: frozenset[str]
) -> dict[str, Why]:
    """What the image may have and the second run cannot: things of tasks that a container cannot do, or that failed.

    `brought`: packages that the preparation of the runs installed, without what they recommend.
    """
    found: dict[str, Why] = {}
    tools = image.closure(_tools(plan))
    for package in tools - {*without.packages}:
        found[f"package {package}"] = Why("the build downloads with curl or git where Ansible did so itself", "run")
    for package in sorted(tools):
        lost = without.closure(without.recommends.get(package, frozenset())) - {*image.packages}
        fact = Why(f"{package} recommends it, which the build's own tools brought without recommendations", "run")
        found |= {f"package {name}": fact for name in lost}
    for package in sorted(brought & {*image.packages}):
        extra = image.closure(image.recommends.get(package, frozenset())) - {*without.packages}
        fact = Why(f"{package} recommends it, which the run itself had installed without recommendations", "run")
        found |= {f"package {name}": fact for name in extra}
    cannot = {source: f"no run did it: {why}" for source, why in ran.not_run}
    cannot |= {source: f"the playbook's own task failed in the run: {text}" for source, text in ran.failed}
    decisions = {each.source: each for each in plan.decisions if each.kind in ("task", "handler")}
    for step in plan.steps:
        source = step.via.sources[0] if step.via.sources else None
        if source is None:
            continue
        decision = decisions.get(source)
        why = Why(cannot[source], "run", str(source)) if source in cannot else None
        if why is None and decision is not None and decision.outcome not in KEPT:
            why = Why(decision.reason.rstrip("."), decision.outcome.value, str(source))
        if why is not None:
            for thing in _things(step, image):
                found.setdefault(thing, why)
    if any(file.path == f"rootfs{_ENTRYPOINT}" for file in plan.image.files):
        reason = "the entrypoint writes files with secrets when a container starts"
        found[f"path {_ENTRYPOINT}"] = Why(reason, "secret")
    return found


def _tools(plan: Application) -> set[str]:
    """Packages in the Dockerfile that no task asked for."""
    return {
        word
        for instruction in plan.image.instructions
        for line in instruction.lines
        if any(via.rule == "template:Dockerfile" and "the build calls" in via.note for via in line.via)
        for word in line.text.split()
    }


def _things(step: Step, image: Snapshot) -> list[str]:
    """What an effect makes, exactly; of packages also what only they need."""
    match step.effect:
        case InstallPackages(names=names):
            return [f"package {name}" for name in image.closure({name.split("=")[0] for name in names})]
        case SetTimezone():
            return ["path /etc/localtime", "path /etc/timezone"]
        case MakeUser(name=name) | MakeGroup(name=name):
            return [f"account {name}"]
        case effect if isinstance(path := getattr(effect, "path", None), str):
            return [f"path {path.rstrip('/')}"]
        case _:
            return []


def asked_packages(plan: Application, left: Leave) -> frozenset[str]:
    """Packages that the image's tasks ask for, by the plan's steps."""
    return frozenset(
        name.split("=")[0]
        for step in plan.steps
        if isinstance(step.effect, InstallPackages) and step.effect.state != "absent" and step.via.sources
        for name in step.effect.names
        if step.via.sources[0] not in left.skip and name not in left.parts.get(step.via.sources[0], {})
    )
