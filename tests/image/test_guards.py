"""`creates` and `removes` of commands: the shell of the build and Ansible's own look decide alike."""

import glob
import subprocess
from pathlib import Path

import pytest

from analyzer.decide.image_commands import run_step
from analyzer.model import RunCommand, Via

THERE = ("versions/3.4.1/gems/bundler-2.7", "it's here", ".hidden", "plain")
PATTERNS = (
    "plain", "absent", "versions/*/gems/bundler-2.7", "versions/*/gems/bundler-2.8", "it's *", "it's?here", "p[k-m]ain",
    "[p]lain", "[!p]lain", "*", "*.hidden", "$(touch evil)*", "`touch evil`*", "versions/*/*/*; touch evil",
)  # fmt: skip


@pytest.mark.parametrize("argument", ["creates", "removes"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_guard_goes_by_wildcards_as_the_module_does(pattern: str, argument: str, tmp_path: Path) -> None:
    """ansible.builtin.command looks with Python's glob; whatever else stands in the pattern is only text."""
    for name in THERE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    (found,) = run_step(
        RunCommand(command="touch ran", **{argument: f"{tmp_path}/{pattern}"}),
        Via(rule="x"),  # type: ignore[arg-type]
    ).commands
    subprocess.run(["/bin/sh", "-c", "\n".join(found.lines)], cwd=tmp_path, check=True)
    there = bool(glob.glob(f"{tmp_path}/{pattern}"))  # noqa: PTH207 - what the module calls
    assert (tmp_path / "ran").exists() is (there is (argument == "removes"))
    assert not (tmp_path / "evil").exists()
