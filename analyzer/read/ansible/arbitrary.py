"""What a run of a playbook makes up: the time in a release's name, the name of a temporary folder.

Another run would take another one, so it means nothing by itself; an image holds one release, and one value stands for
all. Conditions on it stay unknown.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime

from analyzer.model import Value

INSTANT = datetime(2000, 1, 1, tzinfo=UTC)
"""The time that stands in names of releases and backups."""
CLOCK = "ansible_date_time"
"""The fact, as a variable."""
_CODES = re.compile(r"%(.)")
_KNOWN_CODES = frozenset("YmdHMSjyFTsbBaAeIpZDRCuwzhN%")
_SECONDS, _NANOSECONDS = "946684800", "000000000"


def date_time_facts() -> dict[str, str]:
    """The fact `date_time` at that instant, all keys that ansible-core's setup gives."""
    by_format = {
        "year": "%Y", "month": "%m", "weekday": "%A", "weekday_number": "%w", "weeknumber": "%W", "day": "%d",
        "hour": "%H", "minute": "%M", "second": "%S", "date": "%Y-%m-%d", "time": "%H:%M:%S",
        "iso8601_micro": "%Y-%m-%dT%H:%M:%S.%fZ", "iso8601": "%Y-%m-%dT%H:%M:%SZ",
        "iso8601_basic": "%Y%m%dT%H%M%S%f", "iso8601_basic_short": "%Y%m%dT%H%M%S",
    }  # fmt: skip
    found = {name: INSTANT.strftime(written) for name, written in by_format.items()}
    return {**found, "epoch": _SECONDS, "epoch_int": _SECONDS, "tz": "UTC", "tz_dst": "UTC", "tz_offset": "+0000"}


def printed_date(command: str) -> str | None:
    """What a command that only prints the time would print at that instant, None for any other command."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    if not words or words[0] not in ("date", "/bin/date", "/usr/bin/date"):
        return None
    formats = [word for word in words[1:] if word not in ("-u", "--utc", "--universal")]
    if len(formats) != 1 or not formats[0].startswith("+"):
        return None
    written = formats[0][1:].replace("%-", "%")
    if not set(_CODES.findall(written)) <= _KNOWN_CODES:
        return None
    return INSTANT.strftime(written.replace("%s", _SECONDS).replace("%N", _NANOSECONDS))


def temporary_path(args: Mapping[str, Value], register: str) -> str | None:
    """The path that `tempfile` makes up, by the name of its result; None where nothing keeps it."""
    folder, prefix, suffix = (args.get(name, standard) for name, standard in _TEMPORARY)
    if not register or not (isinstance(folder, str) and isinstance(prefix, str) and isinstance(suffix, str)):
        return None
    return f"{folder.rstrip('/')}/{prefix}{register}{suffix}"


def release_folders(args: Mapping[str, Value]) -> dict[str, str | None] | None:
    """The fact that `deploy_helper` sets, with a time in the release's name; None where an argument is not known.

    The keys are those of community.general; on a fresh host there is no earlier release.
    """
    given = {name: args.get(name, standard) for name, standard in _RELEASES.items()}
    given["release"] = given["release"] or INSTANT.strftime("%Y%m%d%H%M%S")
    if not all(isinstance(value, str) for value in given.values()) or not given["path"]:
        return None
    known = {name: str(value) for name, value in given.items()}
    releases = posixpath.join(known["path"], known["releases_path"])
    return {
        "project_path": known["path"],
        "current_path": posixpath.join(known["path"], known["current_path"]),
        "releases_path": releases,
        "shared_path": posixpath.join(known["path"], known["shared_path"]) if known["shared_path"] else None,
        "previous_release": None,
        "previous_release_path": None,
        "new_release": known["release"],
        "new_release_path": posixpath.join(releases, known["release"]),
        "unfinished_filename": known["unfinished_filename"],
    }


_RELEASES = {"path": "", "release": "", "current_path": "current", "releases_path": "releases", "shared_path": "shared",
             "unfinished_filename": "DEPLOY_UNFINISHED"}  # fmt: skip
"""Arguments of `deploy_helper` and their defaults."""
_TEMPORARY = (("path", "/tmp"), ("prefix", "ansible."), ("suffix", ""))  # noqa: S108 - on the hosts, not here
