"""Tests that need another program: skipped with a message where it is missing, failed where it is required."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
MARKED = """
import pytest

@pytest.mark.{marker}
def test_it():
    pass
"""


def outcome(folder: Path, marker: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run of one marked test where no program but Python is to be found."""
    shutil.copy(HERE / "conftest.py", folder)
    (folder / "pytest.ini").write_text(f"[pytest]\nmarkers = {marker}: as in pyproject.toml\n", encoding="utf-8")
    (folder / "test_marked.py").write_text(MARKED.format(marker=marker), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", str(folder)],
        cwd=folder, env={"PATH": str(folder), "HOME": str(folder), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("marker", ["docker", "terraform", "npm", "browser", "checkov"])
def test_a_missing_program_skips_with_its_reason(marker: str, tmp_path: Path) -> None:
    """The message names the program and how to make the skip a failure."""
    answer = outcome(tmp_path, marker)
    assert answer.returncode == 0
    assert "1 skipped" in answer.stdout
    assert f"set REQUIRE_{marker.upper()}=1" in answer.stdout


@pytest.mark.parametrize("marker", ["docker", "terraform", "npm", "browser", "checkov"])
def test_a_required_program_that_is_missing_fails(marker: str, tmp_path: Path) -> None:
    """In CI a skipped oracle is a failure."""
    variable = f"REQUIRE_{marker.upper()}"
    answer = outcome(tmp_path, marker, **{variable: "1"})
    assert answer.returncode == 1
    assert f"and {variable}=1" in answer.stdout
