"""The hosts, through the user's own ansible-playbook: one process, its results read from a pipe as they come.

A process and not ansible-core's Python interface: `ansible.cfg`, vault, connection plugins and prompts for passwords
then work exactly as they do for the project's own playbooks, and ansible-core's global state stays out of this one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from analyzer.collect.steps import HOST_STEPS

_BESIDE_PLAYBOOKS = ("group_vars", "host_vars", "vars_plugins", "connection_plugins", "become_plugins",
                     "lookup_plugins", "filter_plugins", "test_plugins", "collections", "module_utils")  # fmt: skip
"""What ansible-playbook looks for in the playbook's own folder, and connections may depend on."""

_SETTINGS = {
    "ANSIBLE_STDOUT_CALLBACK": "migrate_analyze",
    # results must reach nobody but the reader that redacts them: no other callback, no log, no fact cache
    "ANSIBLE_CALLBACKS_ENABLED": "migrate_analyze",
    "ANSIBLE_LOG_PATH": os.devnull,
    "ANSIBLE_CACHE_PLUGIN": "memory",
    "ANSIBLE_RETRY_FILES_ENABLED": "0",
    "ANSIBLE_NO_TARGET_SYSLOG": "1",
    "ANSIBLE_PIPELINING": "1",  # no temporary files of modules on the hosts
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_DEPRECATION_WARNINGS": "0",
    "ANSIBLE_LOCALHOST_WARNING": "0",
    "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
    "LC_ALL": "C.UTF-8",
}


class AnsibleRun(Struct, frozen=True, kw_only=True):
    """What ansible-playbook is asked to do."""

    root: Path
    """The project, where `ansible.cfg` is looked for."""
    playbook_folder: Path
    """Where the project's own playbooks lie, with group_vars and plugins beside them."""
    inventories: tuple[Path, ...]
    limit: str = ""
    options: tuple[str, ...] = ()
    """Passed on as they are: `-u`, `--private-key`, `-K`, `--vault-password-file` …"""
    days: int = 14
    local_facts: bool = False
    steps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Host -> the steps that are still to be done; hosts that are not named need all of them."""
    have: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Host -> items of the step `usage` that are there."""


class Ending(Struct):
    """How the process ended."""

    status: int = 0
    errors: str = ""
    """The end of its stderr."""


@contextmanager
def results(run: AnsibleRun, ending: Ending) -> Iterator[Iterator[dict[str, Any]]]:
    """The events of the run as they come (see `callback_plugins`); the process is gone when the block is left."""
    with tempfile.TemporaryDirectory(prefix="migrate-analyze-") as name, tempfile.TemporaryFile() as errors:
        folder = Path(name)
        command = _prepare(run, folder)
        reading, writing = os.pipe()
        environment = {**os.environ, **_SETTINGS, "MIGRATE_ANALYZE_RESULTS": str(writing)}
        environment["ANSIBLE_CALLBACK_PLUGINS"] = str(folder / "callback_plugins")
        if (given := os.environ.get("ANSIBLE_CONFIG")) and not given.startswith("~"):
            environment["ANSIBLE_CONFIG"] = str(Path(given).resolve())
        process = subprocess.Popen(command, cwd=run.root, env=environment, pass_fds=(writing,),  # noqa: S603
                                   stdout=subprocess.DEVNULL, stderr=errors)  # fmt: skip
        os.close(writing)
        try:
            with os.fdopen(reading, encoding="utf-8", errors="replace") as pipe:
                yield _events(pipe)
            ending.status = process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            errors.seek(0, os.SEEK_END)
            errors.seek(max(0, errors.tell() - 4000))
            ending.errors = errors.read().decode("utf-8", "replace").strip()


def _events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # the process was ended in the middle of a line
        if isinstance(event, dict):
            yield event


def _prepare(run: AnsibleRun, folder: Path) -> list[str]:
    """Puts the playbook where it finds what the project's own playbooks find; the command that runs it."""
    shipped = files("analyzer.collect") / "playbook"
    for name in ("collect.yml", "collect.sh", "callback_plugins/migrate_analyze.py"):
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes((shipped / name).read_bytes())
    for name in _BESIDE_PLAYBOOKS:
        if (run.playbook_folder / name).is_dir():
            (folder / name).symlink_to((run.playbook_folder / name).resolve())
    variables = {
        "collect_days": run.days,
        "collect_local_facts": run.local_facts,
        "collect_every_step": [step.name for step in HOST_STEPS],
        "collect_steps": {host: list(steps) for host, steps in run.steps.items()},
        "collect_have": {host: list(items) for host, items in run.have.items()},
    }
    (folder / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
    inventories = [part for path in run.inventories for part in ("-i", str(path))]
    limit = ["--limit", run.limit] if run.limit else []
    # the tool's own variables come last: they win
    return [sys.executable, "-m", "ansible", "playbook", *inventories, *limit, *run.options,
            "-e", f"@{folder / 'variables.json'}", str(folder / "collect.yml")]  # fmt: skip


def snapshot(run: AnsibleRun) -> tuple[str, str]:
    """(YAML of the inventory as `ansible-inventory` resolves it, error): dynamic sources are executed by it."""
    inventories = [part for path in run.inventories for part in ("-i", str(path))]
    vault = _vault_options(run.options)
    command = [sys.executable, "-m", "ansible", "inventory", *inventories, *vault, "--list", "--yaml", "--export",
               "--playbook-dir", str(run.playbook_folder)]  # fmt: skip
    environment = {**os.environ, "ANSIBLE_LOG_PATH": os.devnull, "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"}
    answer = subprocess.run(command, cwd=run.root, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    return (answer.stdout, "") if answer.returncode == 0 else ("", answer.stderr.strip()[-1000:])


def _vault_options(options: Sequence[str]) -> list[str]:
    """Those of the passed options that ansible-inventory knows too."""
    return [option for option in options if option.startswith(("--vault-", "--ask-vault"))]
