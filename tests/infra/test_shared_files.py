"""The move of the hosts' files to a shared file system and back, as the runbook has it, with real mounts and copies.

In AWS's place stands a folder: `mount` binds it where the runbook mounts the file system. All else is what it is on a host.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.infra.test_runbook import blocks, page

pytestmark = pytest.mark.mount

MOUNT = """#!/bin/sh
# mount -t nfs4 -o OPTIONS SERVER:/ FOLDER, or mount FOLDER as fstab has it
for last; do :; done
echo "mount $last" >> "$LOG"
[ "$last" != "$BROKEN" ] || { echo "mount.nfs4: Connection timed out" >&2; exit 32; }
case "$1" in
  -t) exec /bin/mount --bind "$EFS" "$last" ;;
esac
grep -q ":/data $last nfs4 _netdev,nfsvers=4.1," "$FSTAB" || exit 1
exec /bin/mount --bind "$EFS/data" "$last"
"""
STUBS = {
    "mount": MOUNT,
    "findmnt": '#!/bin/sh\n[ "$1" != -t ] || shift 2\nexec /usr/bin/findmnt "$@"\n',
    "sudo": '#!/bin/sh\n[ "$1" = -u ] && shift 2\nexec "$@"\n',
    "systemctl": '#!/bin/sh\necho "$*" >> "$LOG"\n',
    "apt-get": "#!/bin/sh\n",
}


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host's folder with data, fstab, and an empty file system in AWS."""
    for folder in ("bin", "efs", "data/exports"):
        (tmp_path / folder).mkdir(parents=True)
    for name, text in STUBS.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "data/ledger.csv").write_text("1\n")
    (tmp_path / "data/exports/a b.csv").write_text("2\n")
    os.chown(tmp_path / "data/ledger.csv", 1001, 1001)
    (tmp_path / "fstab").write_text("UUID=1 / ext4 defaults 0 1\n")
    return tmp_path


def run(host: Path, *texts: str, broken: str = "") -> subprocess.CompletedProcess[str]:
    """Blocks pasted into one root shell: a line that fails does not keep the next from being read."""
    script = "\n".join(("server=fs-1.efs.example", *texts))
    for real, here in (("/var/lib/accounting", "data"), ("/mnt/new", "new"), ("/etc/fstab", "fstab")):
        script = script.replace(real, str(host / here))
    variables = {
        "PATH": f"{host / 'bin'}:{os.environ['PATH']}",
        "EFS": str(host / "efs"),
        "FSTAB": str(host / "fstab"),
        "LOG": str(host / "log"),
        "BROKEN": broken,
    }
    return subprocess.run(
        ["unshare", "--mount", "bash", "-c", script], env=variables, capture_output=True, text=True, check=False, timeout=60
    )  # fmt: skip


def steps() -> tuple[str, str, str]:
    """First copy, move, and way back of the fixture's folder."""
    text = page("fixture", "cutover")
    first, put, back = (one for one in blocks(text) if "/mnt/new" in one or "mountpoint" in one)
    (stop,) = (one for one in blocks(text) if "-lname" in one)
    return first, f"{stop}\n{put}", back


def content(folder: Path) -> dict[str, tuple[str, int]]:
    """Path -> text and owner of each file below."""
    return {
        str(path.relative_to(folder)): (path.read_text(), path.stat().st_uid)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_files_move_and_nothing_is_lost(host: Path) -> None:
    """After the move the host works in the file system, with owners and all files; the old folder is kept beside it."""
    before = content(host / "data")
    first, move, _ = steps()
    made = run(host, first, move, f"echo 3 > {host}/data/new.csv")
    assert made.returncode == 0, made.stderr
    assert made.stdout.rstrip().endswith("moved")
    assert content(host / "data.before-efs") == before
    assert content(host / "efs/data") == before | {"new.csv": ("3\n", 0)}
    assert (host / "efs/data").stat().st_mode & 0o7777 == 0o755, "as the folder was on the host"
    assert (host / "log").read_text().splitlines()[-1] == "start accounting-api cron"


def test_files_come_back_with_what_was_written(host: Path) -> None:
    """The way back brings what was written and deleted meanwhile, and leaves fstab as it was."""
    first, move, back = steps()
    between = f"echo 3 > {host}/data/new.csv; rm {host}/data/ledger.csv"
    made = run(host, first, move, between, back)
    assert made.stdout.rstrip().endswith("back"), made.stderr
    assert set(content(host / "data")) == {"exports/a b.csv", "new.csv"}
    assert not (host / "data.before-efs").exists()
    assert (host / "fstab").read_text() == "UUID=1 / ext4 defaults 0 1\n"
    assert (host / "log").read_text().splitlines()[-1] == "start accounting-api cron"


def test_a_mount_that_fails_starts_nothing_and_loses_nothing(host: Path) -> None:
    """Where the file system cannot be mounted the units stay stopped, and the way back brings the files as they were."""
    before = content(host / "data")
    first, move, back = steps()
    made = run(host, first, move, broken=str(host / "data"))
    assert "moved" not in made.stdout
    assert not any(line.startswith("start ") for line in (host / "log").read_text().splitlines())
    assert content(host / "data.before-efs") == before
    made = run(host, back, broken=str(host / "data"))
    assert made.stdout.rstrip().endswith("back"), made.stderr
    assert content(host / "data") == before
    assert (host / "fstab").read_text() == "UUID=1 / ext4 defaults 0 1\n"
    assert (host / "log").read_text().splitlines()[-1] == "start accounting-api cron"


def test_the_way_back_of_a_move_that_never_began_touches_nothing(host: Path) -> None:
    """Without the folder that the move keeps, the way back stops at once."""
    before = content(host / "data")
    made = run(host, steps()[2])
    assert "back" not in made.stdout.split()
    assert content(host / "data") == before
