"""The files that Ansible's package-source modules write, made from their arguments as the modules make them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from analyzer.decide.match import boolean
from analyzer.model import PackageRepository

_SOURCES = "/etc/apt/sources.list.d"
_KEYS = "/etc/apt/trusted.gpg.d"
_DEB822_NAMES = {"uris": "URIs", "by_hash": "By-Hash", "inrelease_path": "InRelease-Path"}
_YUM_BOOLEANS = frozenset(
    {"gpgcheck", "enabled", "repo_gpgcheck", "sslverify", "module_hotfixes", "skip_if_unavailable"}
)


def with_file(found: PackageRepository) -> tuple[PackageRepository, ...]:
    """The source with the path and content of its file; a key that it names by address comes before it."""
    match found.kind:
        case "apt-repository":
            return (_apt_list(found),)
        case "apt-key":
            return (_apt_key(found),)
        case "deb822":
            return _deb822(found)
        case "yum-repository":
            return (_yum(found),)
        case "rpm-key" | "ppa":
            return (found,)


def _apt_list(found: PackageRepository) -> PackageRepository:
    line = found.content.strip()
    if line.startswith("ppa:"):
        return PackageRepository(kind="ppa", path="", content=line, options=found.options)
    name = found.path or _list_name(line)
    return PackageRepository(
        kind="apt-repository", path=f"{_SOURCES}/{name}.list", content=f"{line}\n", options=found.options
    )


def _list_name(line: str) -> str:
    """`deb [arch=amd64] https://example.org/debian bookworm main` -> `example_org_debian`."""
    words = re.sub(r"\[[^\]]*\]", " ", line).split()
    place = next((word for word in words if word not in ("deb", "deb-src")), "source")
    return "_".join(re.findall(r"[A-Za-z0-9]+", re.sub(r"^\w+://", "", place).rpartition("@")[2])) or "source"


def _apt_key(found: PackageRepository) -> PackageRepository:
    given = found.options
    key = str(given.get("id") or "")
    url = found.url
    if not url and given.get("keyserver") and key:
        server = re.sub(r"^\w+://", "", str(given["keyserver"])).partition(":")[0]
        url = f"https://{server}/pks/lookup?op=get&options=mr&search=0x{key.removeprefix('0x')}"
    name = key.removeprefix("0x") or "_".join(re.findall(r"[A-Za-z0-9]+", re.sub(r"^\w+://", "", url))) or "key"
    return PackageRepository(
        kind="apt-key",
        path=str(given.get("keyring") or f"{_KEYS}/{name.lower()}.asc"),
        content=str(given.get("data") or ""),
        url=url,
        options=given,
    )


def _deb822(found: PackageRepository) -> tuple[PackageRepository, ...]:
    name = re.sub(r"[^a-z0-9-]+", "", re.sub(r"[_\s]+", "-", found.path.lower()))
    fields: dict[str, str] = {"X-Repolib-Name": found.path}
    keys: list[PackageRepository] = []
    for option, value in sorted(found.options.items()):
        written = _value(value, lambda truth: "yes" if truth else "no")
        if option == "signed_by" and "://" in written:
            path = f"/etc/apt/keyrings/{name}{'.gpg' if written.endswith('.gpg') else '.asc'}"
            keys.append(PackageRepository(kind="apt-key", path=path, url=written))
            written = path
        elif option == "signed_by" and "\n" in written.strip():
            written = "\n" + "\n".join(f" {line}" if line.strip() else " ." for line in written.strip().split("\n"))
        fields[_DEB822_NAMES.get(option, "-".join(word.capitalize() for word in option.split("_")))] = written
    content = "".join(f"{field}: {value}\n".replace(": \n", ":\n") for field, value in sorted(fields.items()))
    return (
        *keys,
        PackageRepository(kind="deb822", path=f"{_SOURCES}/{name}.sources", content=content, options=found.options),
    )


def _yum(found: PackageRepository) -> PackageRepository:
    given = dict(found.options)
    file = str(given.pop("file", None) or found.path)
    lines = {"name": str(given.pop("description", None) or found.path)}
    for option, value in given.items():
        truth = boolean(value) if option in _YUM_BOOLEANS else None
        lines[option] = str(int(truth)) if truth is not None else _value(value, lambda each: str(int(each)))
    content = f"[{found.path}]\n" + "".join(f"{name} = {value}\n" for name, value in sorted(lines.items()))
    return PackageRepository(
        kind="yum-repository", path=f"/etc/yum.repos.d/{file}.repo", content=content, options=found.options
    )


def _value(value: Any, truth: Callable[[bool], str]) -> str:
    if isinstance(value, bool):
        return truth(value)
    if isinstance(value, tuple | list):
        return " ".join(map(str, value))
    return "" if isinstance(value, Mapping) else str(value)
