"""Real projects from PyPI, unpacked below a cache folder outside the repository; nothing of them is installed or run."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

CACHE = Path(os.environ.get("CORPUS_CACHE", Path.home() / ".cache" / "migrate-analyze-corpus"))
PACKAGES = ("debops==3.3.2", "kolla-ansible==22.2.0", "kayobe==18.6.0", "ansible==12.3.0")
KOLLA = PACKAGES[1]


def folder(package: str) -> Path:
    """Where the package lies once it is fetched."""
    return CACHE / package.replace("==", "-")


def download(package: str) -> Path:
    """The package's wheel."""
    name, _, version = package.partition("==")
    wheels = CACHE / "wheels"
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    if not [*wheels.glob(pattern)]:
        wheels.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels), package],
            check=True,
        )
    (wheel,) = wheels.glob(pattern)
    return wheel


def fetch(package: str) -> Path:
    """The package's wheel, unpacked."""
    place = folder(package)
    if not place.is_dir():
        unfinished = place.with_name(f"{place.name}.part")
        with zipfile.ZipFile(download(package)) as archive:
            archive.extractall(unfinished)
        unfinished.rename(place)
    return place


def kolla() -> Path:
    """kolla-ansible's project folder: playbooks, roles, inventories."""
    (project,) = fetch(KOLLA).rglob("share/kolla-ansible/ansible")
    return project
