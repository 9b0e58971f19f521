"""Collections from PyPI's packages, put into a project as `ansible-galaxy` would."""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from pathlib import Path

from tests.corpus import PACKAGES, download

PLACES = {"debops": "debops/_data/ansible/collections/", "ansible": ""}
"""Package -> where `ansible_collections/` lies in its wheel."""
NEEDLESS = ("tests", "docs", "changelogs")


def unpack(into: Path, name: str, collections: Collection[str], roles: Collection[str] = ()) -> None:
    """Writes `collections` (`community/general`) of package `name` below `into`; of their roles only `roles`."""
    (package,) = (each for each in PACKAGES if each.startswith(f"{name}=="))
    prefix = PLACES[name]
    wanted = tuple(f"{prefix}ansible_collections/{collection}/" for collection in collections)
    with zipfile.ZipFile(download(package)) as archive:
        for member in archive.infolist():
            inside = member.filename.removeprefix(prefix)
            parts = inside.split("/")
            if not member.filename.startswith(wanted) or member.is_dir() or parts[3] in NEEDLESS:
                continue
            if parts[3] == "roles" and parts[4] not in roles:
                continue
            path = into / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(member))
            path.chmod(member.external_attr >> 16 & 0o777 or 0o644)
