"""The files that Ansible's package-source modules write, made from their arguments as the modules make them."""

from __future__ import annotations

import re
from typing import Any

from analyzer.decide.match import boolean
from analyzer.decide.values import text, texts
from analyzer.model import PackageRepository

_SOURCES = "/etc/apt/sources.list.d"
_KEYS = "/etc/apt/trusted.gpg.d"
_NOT_FIELDS = frozenset({"name", "state", "mode", "owner", "group", "file", "reposdir", "description", "attributes"})
_DEB822_BOOLEANS = frozenset(
    "allow_downgrade_to_insecure allow_insecure allow_weak by_hash check_date check_valid_until enabled pdiffs"
    " trusted".split()
)
_DEB822_LISTS = frozenset({"architectures", "components", "languages", "suites", "targets", "types", "uris"})
_YUM_BOOLEANS = frozenset(
    "async countme enabled enablegroups gpgcheck keepalive module_hotfixes protect repo_gpgcheck s3_enabled"
    " skip_if_unavailable ssl_check_cert_permissions sslverify".split()
)
_YUM_LISTS = {"baseurl": "\n", "gpgkey": "\n", "exclude": " ", "includepkgs": " "}
"""List option -> what joins its values in the file."""


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
    line = " ".join(found.content.split())
    if line.startswith("ppa:"):
        return PackageRepository(kind="ppa", path="", content=line, options=found.options)
    name = found.path or _list_name(line)
    place = name if "/" in name else f"{_SOURCES}/{name}"  # a path is taken as it is, and gets its ending all the same
    return PackageRepository(kind="apt-repository", path=f"{place}.list", content=f"{line}\n", options=found.options)


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
    keys: list[PackageRepository] = []
    lines: list[str] = []
    for option in sorted({*found.options, "name"} - (_NOT_FIELDS - {"name"})):
        value = _deb822_value(option, found.path if option == "name" else found.options[option])
        if option == "signed_by" and "://" in value:
            path = f"/etc/apt/keyrings/{name}{'.gpg' if value.endswith('.gpg') else '.asc'}"
            keys.append(PackageRepository(kind="apt-key", path=path, url=value))
            value = path
        field = {"name": "X-Repolib-Name", "uris": "URIs"}.get(option, option.replace("_", "-").title())
        if "\n" in value:
            lines.append(f"{field}:\n")
            lines.extend(f"    {line.strip() or '.'}\n" for line in value.strip().splitlines())
        else:
            lines.append(f"{field}: {value}\n")
    source = PackageRepository(
        kind="deb822", path=f"{_SOURCES}/{name}.sources", content="".join(lines), options=found.options
    )
    return (*keys, source)


def _deb822_value(option: str, value: Any) -> str:
    if option in _DEB822_BOOLEANS:
        return "yes" if boolean(value) else "no"
    return " ".join(texts(value)) if option in _DEB822_LISTS else text(value)


def _yum(found: PackageRepository) -> PackageRepository:
    given = found.options
    lines = {"name": text(given["description"]) if given.get("description") else found.path}
    for option, value in given.items():
        if option not in _NOT_FIELDS:
            lines[option] = _yum_value(option, value)
    shown = {option: value.replace("\n", "\n\t") for option, value in sorted(lines.items())}
    content = f"[{found.path}]\n" + "".join(f"{option} = {value}\n" for option, value in shown.items()) + "\n"
    folder = text(given.get("reposdir")) or "/etc/yum.repos.d"
    path = f"{folder.rstrip('/')}/{text(given.get('file')) or found.path}.repo"
    return PackageRepository(kind="yum-repository", path=path, content=content, options=given)


def with_section(before: str, content: str) -> str:
    """A file of yum sources after a further one was written into it, as the module does it; `content` has one section.

    What was there is written anew in the module's form; a section of the same name gives way to the new one.
    """
    import configparser
    import io

    file = configparser.RawConfigParser()
    try:
        file.read_string(before)
    except configparser.Error:
        return f"{before.rstrip()}\n\n{content}"
    file.remove_section(content.partition("]")[0].removeprefix("["))
    written = io.StringIO()
    file.write(written)
    return written.getvalue() + content


def _yum_value(option: str, value: Any) -> str:
    if option in _YUM_BOOLEANS:
        return str(int(bool(boolean(value))))
    if option not in _YUM_LISTS:
        return text(value)
    # Ansible splits a text at its commas and leaves the blanks
    return _YUM_LISTS[option].join(value.split(",") if isinstance(value, str) else texts(value))
