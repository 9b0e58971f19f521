"""Random projects: what ansible-playbook runs on each host is what we say that it runs, with the same values."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from analyzer.model import Settings, Task, Unknown, Verdict
from analyzer.read.ansible.values import thaw
from analyzer.read.layout import Request, find_layout
from analyzer.read.project import read_project
from tests.read.ansible.random_project import Drawing

HOSTS = ("w1", "w2", "w3")
SEEDS = range(12)


def ran(root: Path) -> tuple[dict[str, Counter], set[str]]:
    """Host -> (id, data as JSON) of each call that ansible-playbook made there; hosts on which something failed."""
    record = root.parent / "record"
    record.touch()
    environment = {
        **os.environ, "RECORD": str(record), "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent),
        "ANSIBLE_STDOUT_CALLBACK": "random_recorder", "ANSIBLE_LOCALHOST_WARNING": "0",
    }  # fmt: skip
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-c", "local", "site.yml"]
    answer = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    rows = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    assert rows or not answer.returncode, answer.stderr
    calls: dict[str, Counter] = {host: Counter() for host in HOSTS}
    for row in rows:
        if "data" in row:
            calls[row["host"]][row["data"]["id"], json.dumps(row["data"], sort_keys=True)] += 1
    return calls, {row["host"] for row in rows if "failed" in row}


def read(root: Path) -> list[Task]:
    request = Request(project=root)
    reading = read_project(request, find_layout(request), Settings())
    return [task for each in reading.project.applications for task in each.tasks if task.module.endswith(".set_stats")]


def holds_unknown(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(holds_unknown, value.values()))
    if isinstance(value, list):
        return any(map(holds_unknown, value))
    return isinstance(value, Unknown) or (isinstance(value, str) and bool(re.search("[\ue000-\ue003]", value)))


def differences(root: Path) -> tuple[list[tuple], int]:
    """What only one of the two sides runs, and how many calls were compared.

    Of a host on which something failed, as undefined variables make it, only the values of what did run are compared.
    """
    calls, failed = ran(root)
    tasks = [task for task in read(root) if task.applies is not Verdict.NO]
    found: list[tuple] = []
    compared = 0
    for host in HOSTS:
        sure: set[tuple[int, str]] = set()
        unsure: set[object] = set()
        for task in tasks:
            for invocation in task.invocations:
                if host not in task.hosts or invocation.applies is Verdict.NO:
                    continue
                data = thaw(invocation.args.get("data"))
                known = {task.applies, invocation.applies} == {Verdict.YES} and not task.loop_unknown
                if known and isinstance(data, dict) and not holds_unknown(data):
                    sure.add((data["id"], json.dumps(data, sort_keys=True)))
                else:
                    unsure.add(data.get("id") if isinstance(data, dict) else None)
        if host not in failed:
            found += [(host, "not run", call) for call in sure if call not in calls[host]]
        ours = {number for number, _data in sure}
        for call, times in calls[host].items():
            if unsure & {call[0], None}:
                continue
            compared += times
            if call not in sure and (host not in failed or call[0] in ours):
                found.append((host, "run", call))
    return found, compared


def test_ansible_runs_what_we_say(tmp_path: Path) -> None:
    """Each call that we are sure of, with the same values; none of which we say that it is never made."""
    total = 0
    for seed in SEEDS:
        root = tmp_path / str(seed) / "project"
        Drawing(seed).write(root)
        found, compared = differences(root)
        assert not found, f"seed {seed}"
        total += compared
    assert total > 100
