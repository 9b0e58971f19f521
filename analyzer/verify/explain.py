"""Why the image differs from the host that the playbook made: each difference with the decision or fact behind it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from analyzer.model import (
    Application,
    CheckoutCode,
    Decision,
    InstallPackages,
    MakeUser,
    Outcome,
    SetTimezone,
    Source,
    Step,
    Task,
    Unknown,
    Value,
    Verdict,
)
from analyzer.verify.fidelity import Difference, Standing
from analyzer.verify.playbook import HOME, Ran
from analyzer.verify.snapshot import File, Snapshot

STATE: tuple[tuple[str, str], ...] = (
    (rf"{HOME}(/.*)?|/root/\.ansible(/.*)?", ""),
    (r"/etc/dpkg/dpkg\.cfg\.d/migrate-analyze", ""),
    (r"/(tmp|var/tmp|run|var/run|var/lock)(/.*)?", ""),
    (r"/etc/(hosts|hostname|resolv\.conf|mtab|machine-id|\.pwd\.lock)|/\.dockerenv", ""),
    (r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?", ""),
    (
        r"/var/lib/(dpkg|apt|ucf|systemd|pam|python|dbus)(/.*)?|/var/cache(/.*)?|/var/log/[^/]*\.log|/var/log/apt(/.*)?",
        "",
    ),
    (r"/var/log/(lastlog|faillog|btmp|wtmp|README|journal(/.*)?)|/var/backups(/.*)?", ""),
    (r".*/__pycache__(/.*)?|.*\.pyc|/etc/ld\.so\.cache|/usr/share/mime/.*|/usr/share/info/dir", ""),
    (r"/usr/lib/locale/locale-archive|/usr/share/applications/mimeinfo\.cache|/usr/share/glib-2\.0/schemas/.*", ""),
    (r"/usr/lib/.*/gconv/gconv-modules\.cache|/usr/share/.*/icon-theme\.cache|/var/lib/fontconfig(/.*)?", ""),
    (r"/etc/ssl/(private|certs)/ssl-cert-snakeoil\..*|/etc/ssl/certs/[0-9a-f]{8}\.\d+", ""),
)
"""Paths that hold the state of a running or building machine, not what a playbook makes: not compared."""

_STEM = re.compile(r"^[a-z]+\d*")
_SUFFIX = re.compile(r"(-common|-server|-base|-config|-daemon.*)+$")
_STATE = re.compile("|".join(f"(?:{pattern})" for pattern, _ in STATE))

_PACKAGE_MODULES = re.compile(r"\.(apt|yum|dnf|dnf5|package|zypper|pip|gem|npm)$")
_PATH_ARGUMENTS = ("path", "dest", "name", "creates", "chdir", "virtualenv", "sysctl_file", "cron_file", "destfile")


@dataclass(slots=True, kw_only=True)
class Explainer:
    """Everything that may explain a difference, looked up by package, path and account."""

    bare: Snapshot
    """The base image."""
    before: Snapshot
    """The base image with what the run itself needs (python3)."""
    host: Snapshot
    """After the playbook."""
    image: Snapshot
    packages: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    _named: dict[str, set[str]] = field(default_factory=dict)
    """Package name, also without its suffix -> packages, of those that are explained."""

    def compare(self) -> tuple[dict[str, int], list[Difference]]:
        """(how many things of each kind are the same, the differences)."""
        self._follow_packages()
        for package in self.packages:
            for word in (package, _SUFFIX.sub("", package)):
                self._named.setdefault(word, set()).add(package)
        same: dict[str, int] = {}
        out: list[Difference] = []
        for kind, left, right, explain in (
            ("package", self.image.packages, self.host.packages, self.why_package),
            ("user", _told(self.image.users), _told(self.host.users), self.why_account),
            ("group", _told(self.image.groups), _told(self.host.groups), self.why_account),
        ):
            for name in sorted({*left, *right}):
                if left.get(name) == right.get(name):
                    same[kind] = same.get(kind, 0) + 1
                    continue
                reason = explain(name)
                out.append(_difference(kind, name, left.get(name, "absent"), right.get(name, "absent"), reason))
        kinds = {"f": "file", "d": "directory", "l": "link"}
        for path in sorted({*self.image.files, *self.host.files}):
            if _STATE.fullmatch(path):
                continue
            mine, theirs = self.image.files.get(path), self.host.files.get(path)
            kind = kinds.get((mine or theirs or File(kind="f", mode="", owner="", group="")).kind, "other")
            if mine is not None and theirs is not None and not mine.differs(theirs):
                same[kind] = same.get(kind, 0) + 1
                continue
            reason = self.why_path(path)
            out.append(_difference(kind, path, _shown(mine), _shown(theirs), reason))
        return same, out

    def _follow_packages(self) -> None:
        """Packages that came for an explained package alone are explained by it."""
        for asked, installed in self.host.runs:
            # the image has the others that were asked for, with all that came for them: what it lacks came for these
            explained = sorted(name for name in asked if name in self.packages)
            for name in sorted(installed - asked - set(self.image.packages)) if explained else ():
                self.packages.setdefault(name, f"came with {explained[0]}: {self.packages[explained[0]]}")
        for known in (self.host, self.image):
            queue = [name for name in self.packages if name in known.packages]
            while queue:
                name = queue.pop()
                origin = self.packages[name]
                for need in sorted(known.needs.get(name, ())):
                    for each in sorted({need, *known.provides.get(need, ())} & set(known.packages)):
                        if each not in self.packages:
                            follows = origin.startswith(("comes with", "came with"))
                            self.packages[each] = origin if follows else f"comes with {name}: {origin}"
                            queue.append(each)

    def why_package(self, name: str) -> str:
        if name in self.before.packages and name not in self.bare.packages:
            return "the run itself needs it: Ansible speaks to Python on a host"
        return self.packages.get(name, "")

    def why_account(self, name: str) -> str:
        if name in self.accounts:
            return self.accounts[name]
        for known in (self.host, self.image):
            for text, package in known.accounts_of_packages.items():
                if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) and self.why_package(package):
                    return f"made by package {package}: {self.why_package(package)}"
        for package in sorted(self.packages):
            if name.lower().removeprefix("debian-").lstrip("_") in package or (
                name == "messagebus" and package.startswith("dbus")
            ):
                return f"made by package {package}: {self.packages[package]}"
        return self._why_members(name)

    def _why_members(self, name: str) -> str:
        """A group that differs by members who are explained themselves."""
        mine, theirs = self.image.groups.get(name), self.host.groups.get(name)
        if mine is None or theirs is None or mine[0] != theirs[0]:
            return ""
        changed = sorted({*mine[1].split(",")} ^ {*theirs[1].split(",")} - {""})
        reasons = [self.accounts[each] for each in changed if each in self.accounts]
        return reasons[0] if changed and len(reasons) == len(changed) else ""

    def why_path(self, path: str) -> str:
        best = ""
        for place in self.paths:
            if (path == place or path.startswith(place.rstrip("/") + "/")) and len(place) > len(best):
                best = place
        if best:
            return self.paths[best]
        package = self.host.owners.get(path) or self.image.owners.get(path)
        if package and self.why_package(package):
            return f"of package {package}: {self.why_package(package)}"
        mine, theirs = self.image.files.get(path), self.host.files.get(path)
        entry = mine or theirs
        if entry is not None and entry.kind == "l":
            return self._why_link(path, entry)
        for account in sorted(self.accounts):
            home = (self.host.users.get(account) or self.image.users.get(account) or ("", "", "", ""))[2]
            if home not in ("", "/", "/root") and (path == home or path.startswith(home + "/")):
                return self.accounts[account]
        return self._why_made_by_script(path)

    def _why_link(self, path: str, entry: File) -> str:
        """Links that package scripts make: alternatives, units switched on, start scripts."""
        if match := re.fullmatch(r"/etc/rc[\dS]\.d/[SK]\d\d(.+)", path):
            return self._why_named(match[1])
        if "/systemd/" in path:
            name = path.rpartition("/")[2].partition(".")[0]
            return self._why_named(name) or self._why_target(entry) or self._why_made_by_script(f"/{name}")
        if path.startswith("/etc/alternatives/"):
            return self._why_target(entry)
        if entry.target.startswith("/etc/alternatives/"):
            other = self.host.files.get(entry.target) or self.image.files.get(entry.target)
            return self._why_target(other) if other is not None else ""
        return self._why_target(entry) or self._why_made_by_script(path)

    def _why_target(self, entry: File) -> str:
        target = re.sub(r"^/(bin|sbin|lib\w*)/", r"/usr/\1/", entry.target)
        package = self.host.owners.get(target) or self.image.owners.get(target)
        return f"of package {package}: {self.why_package(package)}" if package and self.why_package(package) else ""

    def _why_named(self, name: str) -> str:
        units = f"/usr/lib/systemd/system/{name}"
        for place in (f"/etc/init.d/{name}", f"{units}.service", f"{units}.timer", f"{units}.socket"):
            package = self.host.owners.get(place) or self.image.owners.get(place)
            if package and self.why_package(package):
                return f"of package {package}: {self.why_package(package)}"
        return ""

    def _why_made_by_script(self, path: str) -> str:
        """Files that a package's script makes carry its name somewhere in their path."""
        if path.startswith("/etc/pam.d/common-"):
            names = {self.host.owners[each] for each in self.host.owners if each.startswith("/usr/share/pam-configs/")}
        else:
            names = set()
            for known in (self.host.paths_of_scripts, self.image.paths_of_scripts):
                names |= known.get(path, frozenset()) | known.get(path.rpartition("/")[0], frozenset())
                names |= {name for each in known if each.startswith(path + "/") for name in known[each]}
        found = sorted(name for name in names if self.why_package(name))
        if not found:
            words = {part for each in path.lower().split("/") if len(each) > 2 for part in (each, *_STEM.findall(each))}
            found = sorted(package for word in words for package in self._named.get(word, ()))
        if not found and path.rpartition(".")[0] in self.paths:
            return self.paths[path.rpartition(".")[0]]
        return f"made by package {found[0]}: {self.why_package(found[0])}" if found else ""


def _difference(kind: str, name: str, image: str, playbook: str, reason: str) -> Difference:
    standing = Standing.EXPLAINED if reason else Standing.UNEXPLAINED
    return Difference(kind=kind, name=name, image=image, playbook=playbook, standing=standing, reason=reason)


def _shown(entry: File | None) -> str:
    return "absent" if entry is None else str(entry)


def _told(table: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {name: " ".join(values) for name, values in table.items()}


def index(explainer: Explainer, plan: Application, tasks: Sequence[Task], ran: Ran) -> Explainer:
    """Fills in what the plan decided and what the run could not do."""
    decisions = {decision.source: decision for decision in plan.decisions if decision.kind in ("task", "handler")}
    excused = {source: f"the playbook's own task failed here: {text}" for source, text in ran.failed}
    excused |= {source: f"{module} cannot act in a container, so the run left it out" for source, module in ran.not_run}
    carried: dict[Source, set[str]] = {}
    for step in plan.steps:
        if isinstance(step.effect, InstallPackages) and step.via.sources:
            carried.setdefault(step.via.sources[0], set()).update(step.effect.names)
    for task in tasks:
        reason = excused.get(task.source, "")
        decision = decisions.get(task.source)
        if not reason and decision is not None and decision.outcome is Outcome.IMAGE:
            _of_parts(explainer, task, carried.get(task.source, set()), decision)
        if not reason and decision is not None and decision.outcome not in (Outcome.IMAGE, Outcome.CONTROL):
            reason = _decided(decision)
        if reason:
            _of_task(explainer, task, f"{reason} ({task.source})")
    for step in plan.steps:
        _of_step(explainer, step, excused)
    for left in plan.image.left_out:
        if left.what.startswith("package "):
            explainer.packages[left.what.removeprefix("package ")] = f"{left.reason} ({left.source})"
        elif left.what.startswith("/"):
            explainer.paths[left.what] = f"{left.reason} ({left.source})"
    entrypoint = "/usr/local/bin/docker-entrypoint"
    if any(file.path == f"rootfs{entrypoint}" for file in plan.image.files):
        explainer.paths[entrypoint] = "the entrypoint writes files with secrets when a container starts"
    for process in plan.processes:
        for name in ("nginx", "apache2", "httpd", "haproxy"):
            if name in explainer.packages:
                explainer.paths.setdefault(f"/etc/{name}", explainer.packages[name])
                explainer.paths.setdefault(f"/var/log/{name}", explainer.packages[name])
        del process
    return explainer


def _of_parts(explainer: Explainer, task: Task, carried: set[str], decision: Decision) -> None:
    """Packages of a task that the image has in part: the rules left the others out."""
    if not _PACKAGE_MODULES.search(task.module):
        return
    for invocation in task.invocations:
        for name in _texts(invocation.args.get("name")) or _texts(invocation.args.get("pkg")):
            if name not in carried:
                reason = f"the rules leave it out: {decision.reason.rstrip('.')} ({task.source})"
                explainer.packages.setdefault(re.split("[=/ ]", name)[0], reason)


def _decided(decision: Decision) -> str:
    return f"{decision.outcome.value}: {decision.reason.rstrip('.')}"


def _of_step(explainer: Explainer, step: Step, excused: Mapping[Source, str]) -> None:
    source = step.via.sources[0] if step.via.sources else Source("", 1)
    effect = step.effect
    if isinstance(effect, CheckoutCode) and effect.application:
        explainer.paths[f"{effect.path.rstrip('/')}/.git"] = f"the code comes by COPY, not from a clone ({source})"
    reason = excused.get(source, "")
    if not reason and step.applies is Verdict.UNKNOWN:
        reason = "its condition could not be decided before the run, so the image has it"
    if not reason:
        return
    reason = f"{reason} ({source})"
    if isinstance(effect, InstallPackages):
        for name in effect.names:
            explainer.packages[name.split("=")[0]] = reason
    elif isinstance(effect, SetTimezone):
        explainer.paths["/etc/localtime"] = explainer.paths["/etc/timezone"] = reason
    elif isinstance(effect, MakeUser):
        explainer.accounts[effect.name] = reason
    elif isinstance(path := getattr(effect, "path", None), str):
        explainer.paths[path.rstrip("/")] = reason


def _of_task(explainer: Explainer, task: Task, reason: str) -> None:
    for invocation in task.invocations:
        args = invocation.args
        if _PACKAGE_MODULES.search(task.module):
            for name in _texts(args.get("name")) or _texts(args.get("pkg")):
                explainer.packages.setdefault(re.split("[=/ ]", name)[0], reason)
            continue
        if task.module.endswith((".user", ".group")):
            for name in _texts(args.get("name")):
                explainer.accounts.setdefault(name, reason)
            continue
        if task.module.endswith(".authorized_key"):
            for name in _texts(args.get("user")):
                home = (explainer.host.users.get(name) or ("", "", f"/home/{name}", ""))[2]
                explainer.paths.setdefault(f"{home}/.ssh", reason)
            continue
        if task.module.endswith(".cron"):
            for name in _texts(args.get("user")) or ["root"]:
                explainer.paths.setdefault(f"/var/spool/cron/crontabs/{name}", reason)
            for name in _texts(args.get("cron_file")):
                explainer.paths.setdefault(name if name.startswith("/") else f"/etc/cron.d/{name}", reason)
            continue
        for key in _PATH_ARGUMENTS:
            for path in _texts(args.get(key)):
                if path.startswith("/") and path != "/":
                    explainer.paths.setdefault(path.rstrip("/"), reason)
        for relative, _ in invocation.contents:
            for base in _texts(args.get("dest")):
                if relative and base.startswith("/"):
                    explainer.paths.setdefault(f"{base.rstrip('/')}/{relative}", reason)
        command = args.get("_raw_params") or args.get("cmd")
        for text in _texts(command):
            for path in re.findall(r"(?<![\w.])/(?:etc|srv|opt|var|usr/local|home)/[\w./@+-]+", text):
                explainer.paths.setdefault(path.rstrip("/"), reason)


def _texts(value: Value) -> list[str]:
    if isinstance(value, Unknown) or value is None:
        return []
    if isinstance(value, tuple):
        return [text for each in value for text in _texts(each)]
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return []


def without_duplicates(differences: Iterable[Difference]) -> tuple[Difference, ...]:
    """Sorted, each once."""
    return tuple(sorted(set(differences)))
