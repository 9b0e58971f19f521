"""What the engine is given of the bundle: `.dockerignore` is read as Docker's own client reads it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from docker.utils.build import exclude_paths

from analyzer.cli import cli

PLAYBOOK = """\
- hosts: all
  tasks:
    - {name: certificate of a CA, copy: {dest: /etc/ssl/certs/internal-ca.pem, content: "-----BEGIN CERTIFICATE-----\\n"}}
    - {name: settings, copy: {dest: /etc/app/.env, content: "PORT=1\\n"}}
    - {name: module, copy: {dest: /opt/app/__pycache__/x.pyc, content: "x\\n"}}
    - {name: key of a package source, copy: {dest: /etc/app/source.key, content: "x\\n"}}
"""


def test_every_file_of_rootfs_reaches_the_build(tmp_path: Path) -> None:
    """Patterns that keep keys and leftovers of the code's repository out do not keep out what a task puts in place."""
    project = tmp_path / "p"
    project.mkdir()
    (project / "hosts").write_text("web1\n", encoding="utf-8")
    (project / "site.yml").write_text(PLAYBOOK, encoding="utf-8")
    answer = CliRunner().invoke(cli, [str(project), "--out", str(tmp_path / "out")])
    assert answer.exit_code in (0, 1), answer.output
    (app,) = tmp_path.glob("out/*/app")
    (app / "certs").mkdir()
    (app / "certs" / "developer.pem").touch()
    patterns = [line for line in (app / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    seen = exclude_paths(str(app), patterns)
    written = {path.relative_to(app).as_posix() for path in app.glob("rootfs/**/*") if path.is_file()}
    assert "rootfs/etc/ssl/certs/internal-ca.pem" in written
    assert written <= seen
    assert "certs/developer.pem" not in seen
