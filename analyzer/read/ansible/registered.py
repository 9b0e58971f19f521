"""What a registered result is known to hold when the playbook meets a fresh machine: the idioms of idempotence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from analyzer.model import Unknown, Value

_CHANGES = frozenset(
    "copy template file apt dnf package get_url unarchive git user group lineinfile blockinfile replace pip gem npm "
    "apt_repository apt_key deb822_repository yum_repository ini_file systemd systemd_service".split()
)
"""Modules that report `changed` the first time they run on a machine."""

_OF_THE_SYSTEM = (
    "/etc",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/boot",
    "/var/lib/dpkg",
)
_OF_THE_ADMINISTRATOR = ("/usr/local", "/etc/ssl/private")


def known_result(module: str, args: Mapping[str, Value], made: frozenset[str]) -> tuple[dict[str, Any], str] | None:
    """(known keys of the result, reason) on a fresh machine, or None if nothing is.

    `made` holds the paths that earlier tasks create.
    """
    short = module.rpartition(".")[2]
    if short == "stat":
        path = args.get("path")
        if not isinstance(path, str) or isinstance(path, Unknown):
            return None
        if _made(path, made):
            return None
        if _outside_the_system(path):
            return {"stat": {"exists": False}, "changed": False, "failed": False}, f"{path} is not on a fresh machine"
        return None
    if module.startswith("ansible.builtin.") and short in _CHANGES:
        return {"changed": True, "failed": False, "skipped": False}, "it changes a fresh machine"
    return None


def result_without_failure(module: str, *, by_code: bool) -> dict[str, Any]:
    """What later tasks know of a result because the play would have ended with a failure of its task.

    `by_code`: the task runs for sure, and its return code alone says whether it failed.
    """
    if by_code and module.rpartition(".")[2] in ("command", "shell", "raw", "script"):
        return {"failed": False, "rc": 0}
    return {"failed": False}


_WORDS_WITH_PATHS = re.compile(r"(?<![\w.$}])[/~][\w.@+~/-]*")
_FILLING = frozenset("command shell script raw expect git subversion hg unarchive copy synchronize archive".split())
"""Modules after which a folder that they name may hold anything. Others make the path that they name, and an empty
folder where it is one."""


def paths_made(module: str, args: Mapping[str, Value]) -> tuple[str, ...]:
    """Paths that exist once the task has run; one that ends in a slash may then hold anything."""
    short = module.rpartition(".")[2]
    found = [one for name in ("dest", "path", "creates") if isinstance(one := args.get(name), str)]
    if args.get("state") == "absent" or short == "stat":
        return ()
    if short in _FILLING:
        texts = [text for name in ("_raw_params", "cmd", "chdir") if isinstance(text := args.get(name), str)]
        found += [path for text in texts for path in _WORDS_WITH_PATHS.findall(text)]
        return tuple(f"{path.rstrip('/')}/" for path in found if path.startswith(("/", "~/")) and path != "/")
    return tuple(path.rstrip("/") for path in found if path.startswith(("/", "~/")) and path != "/")


def _made(path: str, made: frozenset[str]) -> bool:
    return any(
        path == other.rstrip("/") or other.startswith(path + "/") or (other.endswith("/") and path.startswith(other))
        for other in made
    )


def _outside_the_system(path: str) -> bool:
    if any(path == prefix or path.startswith(prefix + "/") for prefix in _OF_THE_ADMINISTRATOR):
        return True
    return path.startswith(("/", "~/")) and not any(
        path == prefix or path.startswith(prefix + "/") for prefix in _OF_THE_SYSTEM
    )
