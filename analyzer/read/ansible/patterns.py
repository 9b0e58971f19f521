"""The `hosts:` pattern of a play, its templates evaluated as ansible-core does: before any host is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from analyzer.model import PARAMETER_CLOSE, PARAMETER_OPEN, SECRET_OPEN, Unknown, Value
from analyzer.read.ansible.core import plain, trusted
from analyzer.read.ansible.evaluator import Evaluator
from analyzer.read.ansible.inventory import hide
from analyzer.read.ansible.markers import Names
from analyzer.read.ansible.playbooks import Play
from analyzer.read.ansible.roles import YamlReader
from analyzer.read.ansible.scope import Scope
from analyzer.read.secrets import SecretBook

_MISSING = re.compile(f"{PARAMETER_OPEN}(.*?){PARAMETER_CLOSE}")


def with_known_hosts(plays: Iterable[Play], extra: Mapping[str, Any], reader: YamlReader) -> list[Play]:
    """The plays, each with its pattern evaluated over the extra variables and its own `vars`.

    A pattern that needs more than these is a problem, and its play selects no host: Ansible itself would stop there.
    """
    return [_with_known_hosts(play, extra, reader) for play in plays]


def _with_known_hosts(play: Play, extra: Mapping[str, Any], reader: YamlReader) -> Play:
    written = plain(play.hosts)
    if "{{" not in str(written):
        return play
    own = play.data.get("vars")
    variables = {**(own if isinstance(own, Mapping) else {}), **extra}
    variables = {name: trusted(value) for name, value in reader.inventory.mask(variables).items()}
    scope = Scope(
        variables=variables,
        unknown={},
        known_results={},
        names=Names(SecretBook()),  # what is missing here is said, and no parameter of the application
        evaluator=Evaluator(reader.inventory.loader),
        hide_root=lambda text: hide(reader.inventory.root, text),
    )
    pattern = scope.value(written)
    missing = _missing(pattern)
    if missing is None:
        return replace(play, hosts=list(pattern) if isinstance(pattern, tuple) else pattern)
    needs = f"needs {', '.join(missing)}, which nothing defines" if missing else "cannot be evaluated"
    reader.note(
        "play-hosts-unknown", play.file, f"has a play whose `hosts: {written}` {needs}: its tasks are not in the plan",
        f"give it as for ansible-playbook, e.g. -e {missing[0]}=VALUE" if missing else "write the group's name",
        play.source.line,
    )  # fmt: skip
    return replace(play, hosts=[])


def _missing(pattern: Value) -> list[str] | None:
    """Names that the pattern lacks, none for another reason, None where the pattern is known."""
    if isinstance(pattern, tuple):
        found = [_missing(item) for item in pattern]
        return None if all(item is None for item in found) else [name for item in found for name in item or ()]
    if isinstance(pattern, Unknown) or SECRET_OPEN in str(pattern):
        return []
    return _MISSING.findall(str(pattern)) or None
