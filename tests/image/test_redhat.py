"""The Red Hat family, for which no registry can be reached from the test machine, against instructions written by hand.

Each case of redhat/*.yaml is a project of its own that is read and decided as a whole; nothing in the cases is generated:

    name        what the case shows
    host        facts of its host; Rocky Linux 9.3 where there are none
    hosts       instead of tasks: base image -> facts of the host that becomes it
    evidence    further files below evidence/web01/
    tasks       the play's tasks, each with the outcome of its decision in `expect`; a name that a task of the Debian
                matrix (matrix/site.yml) has too makes it that task's sibling here
    included    outcomes of tasks that come from other files, by name
    dockerfile  the instructions, without comments
    files       what rootfs/ holds: its text, or `{text | project | script: …, mode: "0755"}`; 0644 where no mode is given
    process     command, environment and port of the one process
    note        a part of the image's notes
    shows       a command that holds in the image when it is built (test_redhat_built.py)
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from analyzer.decide import image_edit_repositories
from analyzer.decide.image_edit_ini import PROGRAM
from analyzer.decide.plan import decide
from analyzer.model import Application, Settings
from analyzer.read.layout import Request, find_layout
from analyzer.read.project import read_project
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack
from tests.image.effects import rendered

HERE = Path(__file__).parent
MATRIX = HERE / "matrix"
ROCKY = {"distribution": "Rocky", "distribution_version": "9.3", "os_family": "RedHat", "pkg_mgr": "dnf"}
SCRIPTS = {"ini_file.awk": PROGRAM, "yum_section.awk": image_edit_repositories.PROGRAM}


@cache
def cases() -> tuple[dict[str, Any], ...]:
    paths = sorted(HERE.joinpath("redhat").glob("*.yaml"))
    return tuple(
        case | {"theme": path.stem} for path in paths for case in yaml.safe_load(path.read_text(encoding="utf-8"))
    )


def cases_with_tasks() -> list[Any]:
    return [pytest.param(case, id=f"{case['theme']}-{slug(case)}") for case in cases() if "tasks" in case]


def slug(case: dict[str, Any]) -> str:
    return "-".join(case["name"].replace(",", "").split()[:6])


def module_of(task: dict[str, Any]) -> str:
    """Its module: the one key that is a collection's."""
    (module,) = (key for key in task if "." in key)
    return module


def playbook(tasks: list[dict[str, Any]]) -> str:
    """One play in YAML; each task has a line of its own, as a decision has its task's line."""
    lines = [f"    - {json.dumps(task)}" for task in tasks]
    return "\n".join(["- hosts: all", "  vars: {app: app}", "  tasks:", *lines, ""])


def application(case: dict[str, Any], folder: Path, facts: dict[str, str] | None = None) -> Application:
    """What the whole pipeline makes of the case's project, which has the files of the Debian matrix."""
    for name in ("files", "templates", "vars", "roles"):
        shutil.copytree(MATRIX / name, folder / name)
    shutil.copy(MATRIX / "included.yml", folder)
    tasks = [{key: value for key, value in task.items() if key != "expect"} for task in case["tasks"]]
    given = {f"ansible_{key}": value for key, value in (facts or case.get("host", ROCKY)).items()}
    written = {
        "site.yml": playbook(tasks),
        "inventory/hosts": "web01\n",
        "evidence/web01/facts.json": json.dumps({"ansible_facts": given}),
        **{f"evidence/web01/{path}": text for path, text in case.get("evidence", {}).items()},
    }
    for path, text in written.items():
        folder.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(path).write_text(text, encoding="utf-8")
    request, settings = Request(project=folder), Settings(base_image=case.get("base_image", ""))
    reading = read_project(request, find_layout(request), settings)
    (made,) = decide(reading.project, load_pack(rule_texts()), settings, rule_texts()).applications
    return made


def instructions(made: Application) -> str:
    """The Dockerfile without comments and blank lines."""
    lines = rendered(made.image).data.decode().splitlines()
    return "".join(f"{line}\n" for line in lines if line.strip() and not line.lstrip().startswith("#"))


def wanted_files(case: dict[str, Any]) -> dict[str, tuple[bytes, int]]:
    """Path -> (content, mode) of what the case wants in rootfs/."""
    wanted: dict[str, tuple[bytes, int]] = {}
    for path, given in case.get("files", {}).items():
        entry = {"text": given} if isinstance(given, str) else given
        if "project" in entry:
            data = (MATRIX / entry["project"]).read_bytes()
        else:
            data = (SCRIPTS[entry["script"]] if "script" in entry else entry["text"]).encode()
        wanted[path] = (data, int(entry.get("mode", "0644"), 8))
    return wanted


@pytest.mark.parametrize("case", cases_with_tasks())
def test_case(case: dict[str, Any], tmp_path: Path) -> None:
    """A playbook for the Red Hat family becomes the instructions, files and outcomes that an expert wrote."""
    made = application(case, tmp_path / "project")
    assert instructions(made) == case["dockerfile"]
    decided = [each for each in made.decisions if each.kind in ("task", "handler")]
    found = {each.source.line: str(each.outcome) for each in decided if each.source.file == "site.yml"}
    outcomes = [str(each.outcome) for each in decided if each.name not in case.get("included", {})]
    assert outcomes == [task["expect"] for task in case["tasks"]], found
    included = {each.name: str(each.outcome) for each in decided if each.name in case.get("included", {})}
    assert included == case.get("included", {})
    files = {file.path.removeprefix("rootfs"): (file.data, file.mode) for file in made.image.files}
    assert files == wanted_files(case)
    assert case.get("note", "") in " ".join(made.image.notes)
    if "process" in case:
        (process,) = made.processes
        told = {"command": [*process.command], "environment": dict(process.environment), "port": process.port}
        assert told == case["process"]
    path = tmp_path / "Dockerfile"
    path.write_bytes(rendered(made.image).data)
    hadolint = Path(sys.executable).with_name("hadolint")
    answer = subprocess.run(
        [str(hadolint), "--failure-threshold", "warning", str(path)], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("image", "facts"),
    [(image, facts) for case in cases() for image, facts in case.get("hosts", {}).items()],
)
def test_base_image(image: str, facts: dict[str, str], tmp_path: Path) -> None:
    """A distribution and release have their own base image, with the end of its support said."""
    tasks = [{"ansible.builtin.ping": {}}]
    found = application({"tasks": tasks}, tmp_path / "project", {"os_family": "RedHat", **facts})
    assert instructions(found) == f"FROM {image}\n"
    assert any(note.startswith(f"{image}: the distribution's support ends 20") for note in found.image.notes)


def test_every_task_of_the_matrix_has_its_sibling() -> None:
    """Each task of the Debian matrix, and each of its modules, has a case of the Red Hat family."""
    plays = yaml.safe_load((MATRIX / "site.yml").read_text(encoding="utf-8"))
    others = (MATRIX / "included.yml", *MATRIX.glob("roles/*/tasks/*.yml"))
    matrix = [task for play in plays for task in play["tasks"]]
    matrix += [task for path in others for task in yaml.safe_load(path.read_text(encoding="utf-8"))]
    here = [task for case in cases() for task in case.get("tasks", ())]
    names = {task.get("name") for task in here} | {name for case in cases() for name in case.get("included", ())}
    assert {task["name"] for task in matrix} <= names
    assert {module_of(task) for task in matrix} <= {module_of(task) for task in here}
