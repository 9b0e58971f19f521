"""Small Ansible projects written for one test, and read."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from analyzer.model import Settings, Task
from analyzer.read.layout import Request, find_layout
from analyzer.read.project import Reading, read_project

Files = Mapping[str, str]


def write_files(root: Path, files: Files) -> Path:
    """Put `files` (path -> text) below `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Reading]:
    """Write a project and read it: `read({"site.yml": …}, extra_vars=("a=1",))`."""

    def run(files: Files, **request: object) -> Reading:
        given = write_files(tmp_path / "project", {"inventory/hosts": "[web]\nweb1\n", **files})
        asked = Request(project=given, **request)  # type: ignore[arg-type]
        return read_project(asked, find_layout(asked), Settings())

    return run


@pytest.fixture
def tasks_of(read: Callable[..., Reading]) -> Callable[..., tuple[Task, ...]]:
    """The tasks of a project with one play whose `tasks:` are given as YAML text."""

    def run(tasks: str, files: Files | None = None, play: str = "", **request: object) -> tuple[Task, ...]:
        lines = "".join(f"    {line}\n" for line in tasks.strip("\n").splitlines())
        site = f"- hosts: web\n{play}  tasks:\n{lines}"
        (application,) = read({"site.yml": site, **(files or {})}, **request).project.applications
        return application.tasks

    return run
