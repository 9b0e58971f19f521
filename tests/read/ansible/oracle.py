"""ansible-core's own answers on a project, and the comparison with ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from analyzer.model import PARAMETER_OPEN, SECRET_OPEN, Settings, Unknown
from analyzer.read.ansible import walk
from analyzer.read.ansible.core import plain
from analyzer.read.ansible.values import thaw
from analyzer.read.layout import Request, find_layout
from analyzer.read.project import Reading, read_project

MACHINE = {
    "ansible_playbook_python", "ansible_config_file", "ansible_version", "omit", "playbook_dir", "inventory_file",
    "inventory_dir", "role_path", "ansible_role_names", "ansible_play_role_names", "ansible_dependent_role_names",
    "role_names", "play_hosts", "ansible_play_hosts", "ansible_play_hosts_all", "ansible_play_batch", "ansible_play_name",
    "ansible_search_path", "ansible_collection_name", "ansible_parent_role_paths", "ansible_role_name", "role_name",
    "role_uuid", "ansible_facts", "environment", "ansible_check_mode", "ansible_diff_mode", "ansible_forks",
    "ansible_inventory_sources", "ansible_limit", "ansible_run_tags", "ansible_skip_tags", "ansible_verbosity",
    "ansible_parent_role_names", "group_names", "ansible_loop_var",
}  # fmt: skip
"""Magic variables that say where and with what Ansible runs, or that it computes from the roles."""

CHECKED_AS_WRITTEN = ("msg", "that")
"""Arguments that are kept as written, since they say nothing of a machine."""


def environment(folder: Path, modules: set[str]) -> dict[str, str]:
    """Ansible with its defaults, whatever this machine's user has, and empty modules for absent collections."""
    for name in modules:
        namespace, collection, module = name.split(".", 2)
        path = folder / "collections/ansible_collections" / namespace / collection / "plugins/modules" / f"{module}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {
        **kept,
        "HOME": str(folder),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
    }


def read_recorded(request: Request, monkeypatch: pytest.MonkeyPatch) -> tuple[Reading, dict]:
    """The project as we read it; (file, line, parent roles) -> [(scope, items, loop)] in the order of the run."""
    scopes: dict[tuple, list] = defaultdict(list)
    real = walk.resolve_items
    walked: list = []

    def record(call, frame, scope, loop, run, folder, where, item_scope):
        items = real(call, frame, scope, loop, run, folder, where, item_scope)
        if run not in walked:  # a play with group_by is walked before its application is
            walked.append(run)
            scopes.clear()
        if not frame.handlers:
            parents = tuple(scope.variables.get("ansible_parent_role_names", ()))
            scopes[(where.file, where.line, parents)].append((scope, items, loop))
        return items

    monkeypatch.setattr(walk, "resolve_items", record)
    return read_project(request, find_layout(request), Settings()), scopes


def compare(
    root: Path, playbook: Path, source: Path, host: str, request: Request, folder: Path,
    monkeypatch: pytest.MonkeyPatch, extra: Mapping[str, Any],
) -> Counter:  # fmt: skip
    """Every task ansible-core finds is one of ours, with the same variables, arguments and rendered templates.

    How many of each were compared; what ours calls unknown, and secrets, are left out.
    """
    reading, scopes = read_recorded(request, monkeypatch)
    (application,) = [each for each in reading.project.applications if host in [one.name for one in each.hosts]]
    facts = {f"ansible_{name}": value for name, value in application.hosts[0].facts.items()}
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    modules = {task.module for task in application.tasks if task.module.count(".") >= 2}
    modules = {name for name in modules if not name.startswith("ansible.builtin.")}
    answer = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "oracle_dump.py"), str(playbook), str(source), host,
         str(folder / "facts.json"), json.dumps(extra)],
        cwd=root, env=environment(folder, modules), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    theirs: dict[tuple, list] = defaultdict(list)
    base: dict[str, Any] = {}
    stdout = answer.stdout.replace(f"{root}/", "").replace(sys.executable, "/usr/bin/python3")
    for task in json.loads(stdout)["tasks"]:
        base = base or task["vars"]
        task["vars"] = {name: value for name, value in {**base, **task["vars"]}.items() if name not in task["gone"]}
        parents = tuple(task["vars"].get("ansible_parent_role_names", ()))
        if task["action"].endswith("include_role"):  # it counts the role in which it stands, as what it brings will
            parents = parents[1:]
        theirs[(task["file"], task["line"], parents)].append(task)
    counted: Counter = Counter()
    differ: list[tuple] = []
    same: dict[str, tuple[Any, Any]] = {}
    for key, tasks in theirs.items():
        ours = scopes.get(key, [])
        certain = [task for task in tasks if not task["uncertain"]]
        if certain and not ours:
            differ.append((key, tasks[0]["name"], "was not read"))
        if len(tasks) != len(ours) and not (certain and ours):
            counted["not comparable"] += len(tasks)  # decided by what only a run can know: which ones are which?
            continue
        for task, (scope, items, loop) in zip(tasks, ours, strict=False):
            counted["tasks"] += 1
            differ += _compare_variables(key, task, scope, same, counted)
            differ += _compare_calls(key, task, items, loop, counted)
    assert not differ, f"{len(differ)} differences from ansible-core, the first ones:\n" + "\n".join(
        map(str, differ[:20])
    )
    return counted


def _compare_variables(key, task, scope, same, counted) -> list[tuple]:
    differ = []
    for name, value in task["vars"].items():
        if name in MACHINE or name in scope.unknown or value == "<encrypted>":
            continue
        if name not in scope.variables:
            differ.append((key, name, "is missing"))
            continue
        raw = scope.variables[name]
        kept = same.get(name)
        if kept is not None and kept[0] is raw and kept[1] is value:
            continue
        ours = plain(raw)
        if SECRET_OPEN not in json.dumps(ours, default=str, ensure_ascii=False):
            counted["variables"] += 1
            if ours != value:
                differ.append((key, name, ours, value))
        same[name] = (raw, value)
    return differ


def _compare_calls(key, task, items, loop, counted) -> list[tuple]:
    differ: list[tuple] = []
    if loop.unknown is not None or (loop.present and not loop.items):
        return differ
    for theirs, (invocation, _scope) in zip(task["calls"], items, strict=False):
        if theirs["args"] is None:
            continue
        for name, value in theirs["args"].items():
            ours = thaw(invocation.args.get(name))
            if name not in invocation.args or name in CHECKED_AS_WRITTEN or isinstance(ours, Unknown):
                continue
            if any(mark in json.dumps(ours, default=str, ensure_ascii=False) for mark in (SECRET_OPEN, PARAMETER_OPEN)):
                continue
            if "Unknown(" in str(ours):
                continue
            counted["arguments"] += 1
            if ours != value and str(ours) != str(value):
                differ.append((key, name, ours, value))
        if theirs["text"] is not None and invocation.contents:
            data = invocation.contents[0][1].data
            text = None if data is None else data.decode()
            if text is not None and SECRET_OPEN not in text and PARAMETER_OPEN not in text:
                counted["templates"] += 1
                if text != theirs["text"]:
                    differ.append((key, "template", text, theirs["text"]))
    return differ
