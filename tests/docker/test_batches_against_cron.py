"""Debian's own cron runs the host's crontabs in the generated image; each container command must do the same."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.fargate import LABEL, Batch, docker

pytestmark = pytest.mark.docker

EVIDENCE = Path(__file__).resolve().parents[2] / "fixtures" / "accounting" / "evidence" / "acct01" / "fs"
CODE = "/srv/accounting/current"
PROBED = (f"{CODE}/bin/batch", f"{CODE}/scripts/weekly_archive.sh", "/usr/bin/bundle")
"""Every command line of the fixture starts one of these."""

PROBE = """#!/bin/sh
# Stands for a batch: writes down how it was called.
key=$(printf '%s' "$0 $*" | tr -c 'A-Za-z0-9.-' '_')
{
  printf 'arguments=%s\\n' "$0 $*"
  printf 'user=%s\\n' "$(id -un):$(id -gn)"
  printf 'directory=%s\\n' "$PWD"
  printf 'input=%s\\n' "$(cksum)"
  env | grep -E '^(HOME|LOGNAME|PATH|SHELL)=' | LC_ALL=C sort
  printf 'date=%s\\n' "$(date +%Z)"
} > "/probe/$key.new"
mv "/probe/$key.new" "/probe/$key"
"""

FIVE_FIELDS = re.compile(r"(?m)^#?(?:[-*/,0-9]+[ \t]+){5}")
"""The time columns of an entry, a disabled one's too."""


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The probe's script."""
    path = tmp_path_factory.mktemp("probe") / "probe"
    path.write_text(PROBE, encoding="utf-8")
    path.chmod(0o755)
    return path


def mounts(probe: Path, results: Path) -> list[str]:
    """The probe over everything it stands for, and a folder for what it writes."""
    return [*(f"{probe}:{path}:ro" for path in PROBED), f"{results}:/probe"]


def read(results: Path) -> dict[str, str]:
    """What the probe wrote, by call."""
    return {path.name: path.read_text(encoding="utf-8") for path in results.iterdir() if path.suffix != ".new"}


def every_minute(table: Path) -> str:
    """A crontab whose entries all run every minute, the disabled one as well."""
    return FIVE_FIELDS.sub("* * * * * ", table.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def as_cron_does(
    image: str, batches: dict[str, Batch], probe: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """How Debian's cron called each batch."""
    results = tmp_path_factory.mktemp("cron")
    results.chmod(0o777)
    volumes = [part for volume in mounts(probe, results) for part in ("--volume", volume)]
    identity = docker(
        "run", "--rm", "--detach", "--network=host", "--user", "root", "--label", LABEL, *volumes, image, "sleep", "600"
    ).stdout.strip()
    try:
        install = "apt-get update -qq && apt-get install -y -qq --no-install-recommends cron"
        docker("exec", identity, "sh", "-c", install)
        for source, target, mode in (
            ("var/spool/cron/crontabs/app", "/var/spool/cron/crontabs/app", "600"),
            ("etc/cron.d/accounting", "/etc/cron.d/accounting", "644"),
        ):
            table = results.parent / target.rpartition("/")[2]
            table.write_text(every_minute(EVIDENCE / source), encoding="utf-8")
            docker("cp", str(table), f"{identity}:{target}")
            owner = "app:crontab" if "spool" in target else "root:root"
            docker("exec", identity, "sh", "-c", f"chown {owner} {target} && chmod {mode} {target}")
        docker("exec", "--detach", identity, "cron", "-f", "-L", "15")
        until = time.monotonic() + 75
        while len(read(results)) < len(batches) and time.monotonic() < until:
            time.sleep(0.5)
        yield read(results)
    finally:
        docker("rm", "--force", "--volumes", identity, check=False)


def test_batches_are_called_as_cron_called_them(
    batches: dict[str, Batch], as_cron_does: dict[str, str], probe: Path, tmp_path: Path
) -> None:
    """User, directory, arguments, input, time zone and variables of every batch are those of its crontab line."""
    tmp_path.chmod(0o777)
    for batch in batches.values():
        batch.run(volumes=mounts(probe, tmp_path))
    assert read(tmp_path) == as_cron_does
    assert len(as_cron_does) == len(batches)
