"""The wheel carries everything: installed away from the checkout it writes the same bundle."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = REPOSITORY / "fixtures" / "accounting" / "inventory"


def run(*arguments: str | Path, cwd: Path, path: Path | None = None) -> str:
    """What Python prints; statuses 0 and 1 both mean that a bundle was written."""
    environment = {**os.environ, "PYTHONPATH": str(path) if path else ""}
    answer = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode in (0, 1), answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel was installed, its dependencies apart."""
    folder = tmp_path_factory.mktemp("installed")
    pip = ("-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", folder / "wheel", REPOSITORY, cwd=folder)
    (wheel,) = (folder / "wheel").glob("migrate_analyze-*.whl")
    run(*pip, "install", "--no-deps", "--target", folder / "site", wheel, cwd=folder)
    return folder / "site"


def files(bundle: Path) -> dict[str, bytes]:
    """Every file of a bundle."""
    found = {str(path.relative_to(bundle)): path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    assert "plan.json" in found
    return found


def test_installed_wheel_writes_the_same_bundle(installed: Path, tmp_path: Path) -> None:
    """Rules and templates travel in the wheel: no file of the checkout is needed."""
    where = run("-c", "import analyzer; print(analyzer.__file__)", cwd=tmp_path, path=installed)
    assert Path(where.strip()).is_relative_to(installed)
    run("-m", "analyzer", PROJECT, "--out", tmp_path / "wheel", cwd=tmp_path, path=installed)
    run("-m", "analyzer", PROJECT, "--out", tmp_path / "checkout", cwd=REPOSITORY)
    assert files(tmp_path / "wheel") == files(tmp_path / "checkout")


def test_installed_command_explains_itself(installed: Path, tmp_path: Path) -> None:
    """The entry point is there under its name."""
    text = run(installed / "bin" / "migrate-analyze", "--help", cwd=tmp_path, path=installed)
    assert "migrate-analyze inventory/" in text


def test_installed_collect_brings_its_playbook(installed: Path, tmp_path: Path) -> None:
    """Playbook, script and callback lie in the wheel, and a dry run needs no checkout."""
    for name in ("collect.yml", "collect.sh", "callback_plugins/migrate_analyze.py"):
        assert (installed / "analyzer" / "collect" / "playbook" / name).is_file(), name
    text = run("-m", "analyzer", "collect", PROJECT, "--dry-run", cwd=tmp_path, path=installed)
    assert "acct01" in text
