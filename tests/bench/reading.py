"""How long the whole main job takes beside `ansible-playbook --list-tasks` on the same project: part of `make bench`.

Both are new processes, as a user's are; a first run of each, not counted, leaves Python's compiled files. CPU seconds are
compared, since other work on the machine does not count there; wall clock stands beside them. Projects come from PyPI and lie
in a cache outside the repository (tests/corpus.py); absent modules are empty files, or Ansible would refuse to list.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.corpus import PACKAGES, fetch, kolla  # noqa: E402 - found where the line above says

RUNS = 3
COLLECTIONS = ("grafana.grafana", "community.zabbix", "community.mongodb")
MODULES = (
    "community.general.timezone community.general.ufw ansible.posix.sysctl ansible.posix.authorized_key ansible.posix.mount"
).split()


@dataclass(frozen=True, slots=True)
class Project:
    """One comparison."""

    name: str
    root: Path
    inventory: str
    playbook: str
    allowance_s: float = 0.0
    """By how much ours may take longer."""
    extra: tuple[str, ...] = ()
    collections: Path | None = None


def run_s(command: Sequence[str], cwd: Path, compiled: Path, collections: Path) -> tuple[float, float]:
    """(CPU, wall) seconds of one run; ends the bench where it fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
    environment = {**kept, "PYTHONPYCACHEPREFIX": str(compiled), "ANSIBLE_COLLECTIONS_PATH": str(collections),
                   "PYTHONPATH": str(REPOSITORY)}  # fmt: skip
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    answer = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    wall_s = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if answer.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}\n{answer.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall_s


def median_s(command: Sequence[str], cwd: Path, compiled: Path, collections: Path) -> tuple[float, float]:
    """Median CPU and wall seconds of RUNS runs, after one that is not counted."""
    run_s(command, cwd, compiled, collections)
    found = [run_s(command, cwd, compiled, collections) for _ in range(RUNS)]
    return statistics.median(cpu for cpu, _ in found), statistics.median(wall for _, wall in found)


def ours(project: Path, inventory: str, playbook: str, extra: Sequence[str], out: Path) -> list[str]:
    """The main job's command line."""
    options = ["-i", inventory, "--playbook", playbook, *extra]
    return [sys.executable, "-m", "analyzer", str(project), *options, "--out", str(out), "--force"]


def hosts(folder: Path, count: int) -> Path:
    """The roles of the fixture on `count` identical hosts."""
    root = folder / f"hosts{count}"
    root.mkdir()
    (root / "roles").symlink_to(REPOSITORY / "fixtures/accounting/roles")
    (root / "hosts.ini").write_text(f"[app]\nweb[1:{count}]\n", encoding="utf-8")
    tasks = "".join(f"    - apt: {{name: package{number}}}\n" for number in range(60))
    (root / "site.yml").write_text(f"- hosts: app\n  tasks:\n{tasks}", encoding="utf-8")
    return root


def projects(folder: Path) -> list[Project]:
    """The fixture, roles of collections in a play, kolla-ansible."""
    stubs = folder / "stubs"
    for name in MODULES:
        namespace, collection, module = name.split(".")
        path = stubs / "ansible_collections" / namespace / collection / "plugins/modules" / f"{module}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
    found = [
        Project("fixture", REPOSITORY / "fixtures/accounting", "inventory/production", "site.yml", collections=stubs)
    ]
    packaged = fetch(PACKAGES[3])
    for name in COLLECTIONS:
        namespace, collection = name.split(".")
        source = packaged / "ansible_collections" / namespace / collection
        root = folder / name
        roles = sorted(path.name for path in (source / "roles").iterdir() if (path / "tasks").is_dir())
        target = root / "collections/ansible_collections" / namespace
        target.mkdir(parents=True)
        subprocess.run(["cp", "-r", str(source), str(target / collection)], check=True)
        plays = "".join(f"- hosts: web\n  roles: [{name}.{role}]\n" for role in roles)
        (root / "site.yml").write_text(plays, encoding="utf-8")
        (root / "hosts.ini").write_text("[web]\nweb1\n", encoding="utf-8")
        found.append(Project(name, root, "hosts.ini", "site.yml", collections=packaged))
    found.append(Project("kolla-ansible", kolla(), "inventory/all-in-one", "site.yml", 2.0, collections=stubs))
    found.append(
        Project(
            "kolla-ansible, deploy",
            kolla(),
            "inventory/all-in-one",
            "site.yml",
            2.0,
            ("-e", "kolla_action=deploy"),
            stubs,
        )
    )
    return found


def main() -> None:
    """Prints a line for each comparison, with its goal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compiled = folder / "compiled"
        print(f"{'project':<24}{'ours CPU':>10}{'wall':>8}{'--list-tasks CPU':>18}{'wall':>8}   goal")
        for project in projects(folder):
            collections = project.collections or folder
            inventory, playbook = str(project.root / project.inventory), str(project.root / project.playbook)
            mine = median_s(
                ours(project.root, inventory, playbook, project.extra, folder / "out"), folder, compiled, collections
            )
            stock = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", inventory, "--list-tasks", playbook]
            theirs = median_s([*stock, *project.extra], project.root, compiled, collections)
            met = "met" if mine[0] <= theirs[0] + project.allowance_s else "missed"
            more = f"at most {project.allowance_s:.0f} s more" if project.allowance_s else "no longer"
            print(
                f"{project.name:<24}{mine[0]:>10.2f}{mine[1]:>8.2f}{theirs[0]:>18.2f}{theirs[1]:>8.2f}   {more}: {met}"
            )
        one, many = (
            median_s(
                ours(root, str(root / "hosts.ini"), str(root / "site.yml"), (), folder / "out"),
                folder,
                compiled,
                folder,
            )
            for root in (hosts(folder, 1), hosts(folder, 1000))
        )
        met = "met" if many[0] <= 2 * one[0] else "missed"
        print(f"1 host {one[0]:.2f} s, 1,000 identical hosts {many[0]:.2f} s CPU   at most twice: {met}")


if __name__ == "__main__":
    main()
