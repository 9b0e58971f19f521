"""What a registered result is known to hold when the playbook meets a fresh machine: the idioms of idempotence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from analyzer.model import Task, Unknown, Value, Verdict
from analyzer.read.ansible.arbitrary import printed_date
from analyzer.read.ansible.core import plain
from analyzer.read.ansible.fresh import Made, is_absent_at_first
from analyzer.read.ansible.programs import printed_fact, result_without_program

_INSTALL = frozenset("apt dnf package pip gem npm".split())
_WRITE = frozenset("copy template get_url git".split())


def known_result(
    task: Task,
    entry: Mapping[str, Any],
    made: Made,
    *,
    may_fail: bool,
    ignored: bool = False,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """The keys of the task's result that are known on a fresh machine, none where it may not run.

    `made`: what earlier tasks may have made; `may_fail`: the play goes on after a failure of the task, by
    `ignore_errors` or because a rescue section takes over; `ignored`: it goes on with the next task; `facts`: of the
    hosts, as variables.
    """
    sure = task.applies is Verdict.YES
    own_failure = "failed_when" in entry
    elsewhere = task.delegate_to is not None
    only_looks = str(plain(entry.get("check_mode"))).lower() in ("true", "yes")
    in_background = str(plain(entry.get("async", "0"))) != "0"
    found: dict[str, Any] = {}
    if not may_fail:
        # the play would have ended with a failure of the task
        found["failed"] = False
        by_code = sure and not (own_failure or only_looks or in_background)
        if by_code and task.module.rpartition(".")[2] in ("command", "shell", "raw", "script"):
            found["rc"] = 0
    if not sure:
        return found
    found |= made_up(task) or ({} if elsewhere else _told(task, facts))
    runs = task.module.rpartition(".")[2] in ("command", "shell") and not (elsewhere or only_looks or in_background)
    if runs and ignored:
        without = result_without_program(
            task, task.invocations[0].args, made, dash=facts.get("ansible_os_family") == "Debian"
        )
        found |= {name: value for name, value in without.items() if name != "failed" or not own_failure}
    if not elsewhere:
        found |= _by_module(task, made, fails=may_fail or own_failure)
    if "changed_when" in entry:
        found.pop("changed", None)
        if entry["changed_when"] in (True, False):
            found["changed"] = bool(entry["changed_when"])
    elif only_looks or in_background:
        found.pop("changed", None)
    return found


def made_up(task: Task) -> dict[str, Any]:
    """The result of a task that makes up a name: a time, or a temporary path."""
    args, short = task.invocations[0].args, task.module.rpartition(".")[2]
    if short == "tempfile" and isinstance(path := args.get("_path"), str):
        return {"path": path, "changed": True}
    written = args.get("_raw_params")
    if short in ("command", "shell", "raw") and isinstance(written, str):
        printed = printed_date(written)
        if printed is None and task.register and re.fullmatch(r"mktemp( -d| --directory)?", written.strip()):
            printed = f"/tmp/ansible.{task.register}"  # noqa: S108 - on the hosts, not here
        return {} if printed is None else {"stdout": printed, "stdout_lines": [printed], "stderr": ""}
    return {}


def _told(task: Task, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a task that asks the system for one of its facts."""
    written = task.invocations[0].args.get("_raw_params")
    if task.module.rpartition(".")[2] not in ("command", "shell", "raw") or not isinstance(written, str):
        return {}
    printed = printed_fact(written, facts)
    return {} if printed is None else {"stdout": printed, "stdout_lines": [printed], "stderr": ""}


def _by_module(task: Task, made: Made, *, fails: bool) -> dict[str, Any]:
    args = task.invocations[0].args
    module, short = task.module, task.module.rpartition(".")[2]
    if short == "stat":
        path = args.get("path")
        if isinstance(path, str) and is_absent_at_first(path) and not made.may_hold(path):
            return {"stat": {"exists": False}, "changed": False, "failed": False}
        return {}
    if short == "find":
        return _found_nothing(args, made)
    if module.startswith("ansible.builtin.") and not fails and _changes(short, args, made):
        return {"changed": True, "skipped": False}
    return {}


def _found_nothing(args: Mapping[str, Value], made: Made) -> dict[str, Any]:
    """The result of `find` in folders that a fresh machine does not have."""
    written = args.get("paths", args.get("path"))
    paths = written if isinstance(written, tuple) else written.split(",") if isinstance(written, str) else (None,)
    absent = [isinstance(each, str) and is_absent_at_first(each.strip()) and not made.may_hold(each.strip())
              for each in paths]  # fmt: skip
    return {"files": [], "matched": 0, "examined": 0, "changed": False, "failed": False} if all(absent) else {}


def _changes(short: str, args: Mapping[str, Value], made: Made) -> bool:
    """Whether the module reports `changed` the first time it runs on a machine."""
    path = args.get("dest", args.get("path"))
    if short in _WRITE:  # whatever is there by then is not what the task writes
        return isinstance(path, str) and not made.names_path(path) and args.get("force") not in (False, "no", "false")
    if any(isinstance(value, Unknown) for value in args.values()):
        return False
    state = args.get("state", "present")
    if short in _INSTALL:
        return state in ("present", "latest", "installed") and "name" in args
    if short == "file":
        fresh = isinstance(path, str) and is_absent_at_first(path) and not made.may_hold(path)
        return state in ("directory", "link", "touch") and fresh
    if short in ("systemd", "systemd_service", "service"):
        return state in ("restarted", "reloaded")
    if short == "blockinfile":
        return state == "present"
    return short == "unarchive" or (
        short in ("apt_repository", "yum_repository", "deb822_repository") and state == "present"
    )
