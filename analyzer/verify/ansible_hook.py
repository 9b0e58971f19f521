"""Runs inside ansible-core, in the container: leaves out what the plan leaves out, writes down what each task changed.

It is copied into the container as a callback plugin; nothing here imports it. `MIGRATE_ANALYZE_HOOK` names a JSON
file: `skip` (places of tasks that are left out), `force` (places whose condition the image takes for true), `leave`
(place -> names and paths of which the task is deprived), `numbers` (place -> name -> what the image gives an account
beyond the task), `facts` (the host's, which win over the container's),
`project` (prefix of places), `home` (folder that is not the host's) and `events` (where one line of JSON goes for each
finished task). A place is `FILE:LINE` as ansible-core gives it, without the prefix.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible.executor import task_executor
from ansible.plugins.callback import CallbackBase
from ansible.plugins.strategy import StrategyBase

GIVEN = json.loads(Path(os.environ["MIGRATE_ANALYZE_HOOK"]).read_text(encoding="utf-8"))
SKIP = frozenset(GIVEN["skip"])
FORCE = frozenset(GIVEN["force"])
LEAVE = {place: frozenset(values) for place, values in GIVEN["leave"].items()}
NUMBERS = GIVEN["numbers"]
NOT_RUN = {
    "changed": False,
    "skipped": True,
    "skip_reason": "the plan leaves it out",
    "rc": 0,
    "stdout": "",
    "stderr": "",
    "stdout_lines": [],
    "stderr_lines": [],
}
"""A later task may ask what a command wrote: it wrote nothing."""
INCLUDES = ("include", "import_tasks", "import_role", "include_tasks", "include_role", "include_vars", "meta")
NAMES = ("name", "pkg", "package", "path", "dest", "user", "group")
"""Arguments whose values a task is deprived of."""
READS = frozenset("debug set_fact assert fail setup stat include_vars add_host group_by pause find slurp".split())
"""Actions after which nothing can have changed."""


def place_of(task: Any) -> str:
    """`FILE:LINE` of a task, relative to the project."""
    path, _, line = str(task.get_path() or "").rpartition(":")
    return f"{path.removeprefix(GIVEN['project'])}:{line}"


def deprived(args: dict[str, Any], values: frozenset[str]) -> dict[str, Any] | None:
    """`args` without `values`; None where nothing is left to do."""
    left = dict(args)
    for key in NAMES:
        value = left.get(key)
        if isinstance(value, str) and "," in value and key in ("name", "pkg", "package"):
            value = [part.strip() for part in value.split(",")]
        if isinstance(value, list | tuple):
            kept = [each for each in value if str(each) not in values]
            if not kept:
                return None
            if len(kept) != len(value):
                left[key] = kept
        elif value is not None and str(value).rstrip("/") in values:
            return None
    return left


def numbered(args: dict[str, Any], numbers: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """`args` of an account or group with the numbers that the image gives it."""
    name = str(args.get("name", args.get("user")))
    given = numbers.get(name)
    if given is None:
        return args
    out = dict(args)
    if given["own_group"]:
        command = ["groupadd", "-g", str(given["gid"]), name]
        subprocess.run(command, capture_output=True, check=False)
        out["group"] = name
    elif given["gid"] is not None:
        out["gid"] = given["gid"]
    if given["uid"] is not None:
        out["uid"] = given["uid"]
    return out


def install_hooks() -> None:
    """Puts itself between ansible-core's executor and the modules."""
    execute = task_executor.TaskExecutor._execute
    handler_of = task_executor.TaskExecutor._get_action_handler_with_module_context
    queue = StrategyBase._queue_task

    def _execute(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        place = place_of(self._task)
        if place in SKIP and str(self._task.action).rpartition(".")[2] not in INCLUDES:
            return dict(NOT_RUN)
        if place in FORCE:
            self._task.when = []
        answer: dict[str, Any] = execute(self, *args, **kwargs)
        return answer

    def _get_action_handler_with_module_context(self: Any, *args: Any, **kwargs: Any) -> Any:
        handler, context = handler_of(self, *args, **kwargs)
        action = str(self._task.action).rpartition(".")[2]
        values = LEAVE.get(place_of(self._task))
        numbers = NUMBERS.get(place_of(self._task))
        if action in ("setup", "gather_facts"):
            gather = handler.run

            def run_as_host(*args: Any, **kwargs: Any) -> dict[str, Any]:
                answer: dict[str, Any] = gather(*args, **kwargs)
                if "ansible_facts" in answer:
                    answer["ansible_facts"] |= GIVEN["facts"]
                return answer

            handler.run = run_as_host
        if numbers:
            run_as_told = handler.run

            def run_numbered(*args: Any, **kwargs: Any) -> dict[str, Any]:
                handler._task.args = numbered(handler._task.args, numbers)
                answer: dict[str, Any] = run_as_told(*args, **kwargs)
                return answer

            handler.run = run_numbered
        if values:
            run = handler.run

            def run_deprived(*args: Any, **kwargs: Any) -> dict[str, Any]:
                left = deprived(handler._task.args, values)
                if left is None:
                    return dict(NOT_RUN)
                handler._task.args = left
                answer: dict[str, Any] = run(*args, **kwargs)
                return answer

            handler.run = run_deprived
        return handler, context

    def _queue_task(self: Any, host: Any, task: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_rescued(task):
            # the run goes on past a failure and tells it: one task that a container cannot do must not hide the others
            task.ignore_errors = True
        return queue(self, host, task, *args, **kwargs)

    task_executor.TaskExecutor._execute = _execute
    task_executor.TaskExecutor._get_action_handler_with_module_context = _get_action_handler_with_module_context
    StrategyBase._queue_task = _queue_task


def _is_rescued(task: Any) -> bool:
    block = getattr(task, "_parent", None)
    while block is not None:
        if getattr(block, "rescue", None):
            return True
        block = getattr(block, "_parent", None)
    return False


class Watcher:
    """Knows what is in the container and says what changed since it was last asked."""

    def __init__(self) -> None:
        self.stamp = Path(GIVEN["home"]) / "stamp"
        self.names: dict[str, frozenset[str]] = {}
        self.attributes: dict[str, tuple[int, int, int]] = {}
        self.pruned = {"/proc", "/sys", "/dev", GIVEN["home"]}
        self.device = Path("/").stat().st_dev
        self.stamp.touch()
        self.learn("/")
        self.packages = self.read_packages()
        self.accounts = self.read_accounts()

    def learn(self, folder: str) -> list[str]:
        """Remembers a directory with everything below it, and gives the paths."""
        found: list[str] = []
        queue = [folder]
        while queue:
            place = queue.pop()
            try:
                status = os.lstat(place)
                entries = list(os.scandir(place))
            except OSError:
                continue
            if status.st_dev != self.device:
                continue
            self.attributes[place] = (status.st_mode, status.st_uid, status.st_gid)
            self.names[place] = frozenset(entry.name for entry in entries)
            for entry in entries:
                if entry.path not in self.pruned:
                    found.append(entry.path)
                    if entry.is_dir(follow_symlinks=False):
                        queue.append(entry.path)
        return found

    def forget(self, path: str) -> list[str]:
        """Forgets a path that is gone, and gives what was below it."""
        gone = [path]
        for name in self.names.pop(path, ()):
            gone += self.forget(f"{path.rstrip('/')}/{name}")
        self.attributes.pop(path, None)
        return gone

    def changes(self) -> dict[str, list[str]]:
        """Paths, packages and accounts that are not as they were."""
        older = self.stamp.with_name("stamp-before")
        self.stamp.rename(older)
        self.stamp.touch()
        prune = [word for path in sorted(self.pruned) for word in ("-path", path, "-o")][:-1]
        command = [
            "find",
            "/",
            "-xdev",
            "(",
            *prune,
            ")",
            "-prune",
            "-o",
            "-cnewer",
            str(older),
            "-printf",
            r"%y\t%p\0",
        ]
        answer = subprocess.run(command, capture_output=True, check=False)
        paths: set[str] = set()
        for record in answer.stdout.decode("utf-8", "surrogateescape").split("\0"):
            kind, _, path = record.partition("\t")
            if path and kind != "d":
                paths.add(path)
            elif path:
                paths.update(self.directory(path))
        found = {"paths": sorted(paths), "packages": [], "accounts": []}
        if {"/var/lib/dpkg/status", "/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/rpmdb.sqlite"} & paths:
            now = self.read_packages()
            found["packages"] = sorted(
                name for name in {*now, *self.packages} if now.get(name) != self.packages.get(name)
            )
            self.packages = now
        if {"/etc/passwd", "/etc/group"} & paths:
            lines = self.read_accounts()
            found["accounts"] = sorted({line[1:].split(":")[0] for line in lines ^ self.accounts})
            self.accounts = lines
        return found

    def directory(self, path: str) -> set[str]:
        """What changed in a directory: itself, and names that came and went."""
        out: set[str] = set()
        known = path in self.names
        before, attributes = self.names.get(path, frozenset()), self.attributes.get(path)
        if not known:
            return {path, *self.learn(path)}
        try:
            status = os.lstat(path)
            entries = {entry.name: entry.is_dir(follow_symlinks=False) for entry in os.scandir(path)}
        except OSError:
            return out
        if attributes != (status.st_mode, status.st_uid, status.st_gid):
            out.add(path)
            self.attributes[path] = (status.st_mode, status.st_uid, status.st_gid)
        self.names[path] = frozenset(entries)
        for name in entries.keys() ^ before:
            below = f"{path.rstrip('/')}/{name}"
            if below in self.pruned:
                continue
            if name not in entries:
                out.update(self.forget(below))
            else:
                out.add(below)
                if entries[name]:
                    out.update(self.learn(below))
        return out

    def read_packages(self) -> dict[str, str]:
        """Package -> status and version."""
        for command in (
            ["dpkg-query", "-W", "-f", "${Package}\t${db:Status-Abbrev} ${Version}\n"],
            ["rpm", "-qa", "--qf", "%{NAME}\t%{VERSION}-%{RELEASE}\n"],
        ):
            try:
                text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
            except OSError:
                continue
            return {name: rest for name, _, rest in (line.partition("\t") for line in text.splitlines())}
        return {}

    def read_accounts(self) -> set[str]:
        """The lines of the account files, each with a letter for its file."""
        out: set[str] = set()
        for path in ("/etc/passwd", "/etc/group"):
            out.update(path[5] + line for line in Path(path).read_text(encoding="utf-8", errors="replace").splitlines())
        return out


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible publishes no types
    """Writes an event for each task that ended."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "migrate_analyze"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.watcher = Watcher()
        self.began = time.monotonic()
        # the plugin cannot stay open: workers are forked from this process
        self.events = Path(GIVEN["events"])
        self.write({"status": "start"})

    def write(self, event: dict[str, Any]) -> None:
        """One line more."""
        with self.events.open("a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(json.dumps(event) + "\n")

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """The clock of the task starts."""
        del task, is_conditional
        self.began = time.monotonic()

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """The clock of the handler starts."""
        del task
        self.began = time.monotonic()

    def v2_runner_on_ok(self, result: Any) -> None:
        """It ended well."""
        self.ended(result, "changed" if result.result.get("changed") else "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """It failed."""
        del ignore_errors
        self.ended(result, "failed")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Its host did not answer."""
        self.ended(result, "failed")

    def v2_runner_on_skipped(self, result: Any) -> None:
        """It did not run."""
        self.ended(result, "skipped")

    def ended(self, result: Any, status: str) -> None:
        """The event of a task."""
        seconds = time.monotonic() - self.began
        action = str(result.task.action).rpartition(".")[2]
        event: dict[str, Any] = {
            "place": place_of(result.task),
            "name": str(result.task.get_name()),
            "status": status,
            "seconds": round(seconds, 3),
        }
        answer = result.result
        if status == "failed":
            messages = [str(each.get("msg", "")) for each in answer.get("results", ()) if each.get("failed")]
            event["message"] = "; ".join([*dict.fromkeys(messages)][:3]) or str(answer.get("msg", ""))
        if status != "skipped" and action not in READS:
            event |= self.watcher.changes()
        self.write(event)


install_hooks()
