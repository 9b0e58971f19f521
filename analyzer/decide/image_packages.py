"""Packages of the operating system and of languages: the commands that install them as Ansible's modules do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from analyzer.decide.image_base import Manager
from analyzer.decide.image_shell import Command, command, quote, unique
from analyzer.model import InstallPackages, LanguagePackages, PackageRepository, Via

APT = (
    "apt-get install -y",
    "-o Dpkg::Options::=--force-confdef",
    "-o Dpkg::Options::=--force-confold",
)
"""Ansible's apt answers dpkg's questions about changed configuration files so: keep what is there."""

LINT_IGNORE = {
    "apt": ("DL3008",),
    "dnf": ("DL3041",),
    "yum": ("DL3033",),
    "microdnf": ("DL3041",),
    "pip": ("DL3013",),
    "gem": ("DL3028",),
    "npm": ("DL3016",),
}
"""The playbook decides what is pinned (fidelity first); hadolint would want every version pinned."""


class Installed(Struct, frozen=True, kw_only=True):
    """One `InstallPackages` effect with its reason."""

    effect: InstallPackages
    via: Via


def package_commands(group: Sequence[Installed], manager: Manager) -> tuple[Command, ...]:
    """Commands of one RUN for packages that nothing separates; the package lists go in the same layer."""
    if not group:
        return ()
    apt = manager == "apt"
    everything = unique(each.via for each in group)
    commands: list[Command] = []
    pending: list[Installed] = []

    def flush() -> None:
        if pending:
            commands.extend(_apt_batch(pending) if apt else _dnf_batch(pending, manager))
            pending.clear()

    for each in group:
        if pending and _batch(pending[0].effect) != _batch(each.effect):
            flush()
        pending.append(each)
    flush()
    if not commands:
        return ()
    if apt:
        return (
            Command(lines=("apt-get update",), via=everything),
            *commands,
            Command(lines=("rm -rf /var/lib/apt/lists/*",), via=everything),
        )
    cleaned = f"{manager} clean all" + (" && rm -rf /var/cache/yum" if manager == "yum" else "")
    return (*commands, Command(lines=(cleaned,), via=everything))


def _batch(effect: InstallPackages) -> tuple[str, bool, tuple[str, ...]]:
    state = "present" if effect.state == "latest" else effect.state
    return (state, effect.recommends, effect.options)


def _names(batch: Sequence[Installed]) -> list[tuple[str, tuple[Via, ...]]]:
    """Each package once with every reason for it; those of one task together, sorted."""
    reasons: dict[str, list[Via]] = {}
    for each in batch:
        for name in sorted(each.effect.names):
            reasons.setdefault(name, []).append(each.via)
    by_reason: dict[tuple[Via, ...], list[str]] = {}
    for name, vias in reasons.items():
        by_reason.setdefault(unique(vias), []).append(name)
    return [(name, vias) for vias, names in by_reason.items() for name in names]


def _command_with_names(start: str, batch: Sequence[Installed]) -> tuple[Command, ...]:
    names = _names(batch)
    if not names:
        return ()
    head = Command(lines=(start,), via=unique(each.via for each in batch))
    # each package has a line of its own, and that line its own source
    return (head, *(Command(lines=(quote(name),), via=via) for name, via in names))


def _joined(parts: Sequence[Command]) -> tuple[Command, ...]:
    return tuple(Continued(lines=part.lines, via=part.via) if index else part for index, part in enumerate(parts))


class Continued(Command, frozen=True, kw_only=True):
    """Arguments of the command before it, on lines of their own."""


def _apt_batch(batch: Sequence[Installed]) -> tuple[Command, ...]:
    first = batch[0].effect
    options = " ".join(quote(option) for option in first.options)
    if first.state == "absent":
        return _joined(_command_with_names(" ".join(filter(None, ("apt-get remove -y", options))), batch))
    if first.state == "build-dep":
        return _joined(_command_with_names(" ".join(filter(None, ("apt-get build-dep -y", options))), batch))
    own = "-oDpkg::Options" in options
    start = " ".join(
        filter(None, (*(APT[:1] if own else APT), "" if first.recommends else "--no-install-recommends", options))
    )
    urls = [name for each in batch for name in each.effect.names if "://" in name]
    if not urls:
        return _joined(_command_with_names(start, batch))
    # apt-get takes files, not addresses
    fetched = {url: f"/tmp/{url.rsplit('/', 1)[-1].split('?')[0]}" for url in urls}  # noqa: S108 - of the build
    everything = unique(each.via for each in batch if any("://" in name for name in each.effect.names))
    local = [
        Installed(
            effect=replace(each.effect, names=tuple(fetched.get(name, name) for name in each.effect.names)),
            via=each.via,
        )
        for each in batch
    ]
    return (
        *(
            Command(lines=(f"curl -fsSL -o {quote(path)} {quote(url)}",), via=everything)
            for url, path in fetched.items()
        ),
        *_joined(_command_with_names(start, local)),
        Command(lines=("rm " + " ".join(map(quote, fetched.values())),), via=everything),
    )


_SWAPPED = frozenset({"curl", "libcurl", "coreutils", "gnupg2"})
"""Packages of which base images of the Red Hat family have a smaller variant (`curl-minimal`), which they replace."""


def _dnf_batch(batch: Sequence[Installed], manager: Manager) -> tuple[Command, ...]:
    first = batch[0].effect
    given = tuple(
        option for option in first.options if not (option == "--noautoremove" and manager in ("yum", "microdnf"))
    )
    verb = "remove" if first.state == "absent" else "install"
    if verb == "install" and manager == "dnf" and _SWAPPED & {name for each in batch for name in each.effect.names}:
        given = tuple(dict.fromkeys((*given, "--allowerasing")))
    options = " ".join(quote(option) for option in given)
    # yum of the older releases knows no weak dependencies
    weak = "" if first.recommends or verb == "remove" or manager == "yum" else "--setopt=install_weak_deps=False"
    return _joined(_command_with_names(" ".join(filter(None, (f"{manager} {verb} -y", weak, options))), batch))


_SOURCE_PACKAGES = re.compile(
    r".*://.*|/.*\.(deb|rpm)|.*-release(-.*)?|.*-repo(s|-.*)?|.*-apt-config|.*-(archive-)?keyring|extrepo|.*-apt-source",
    re.IGNORECASE,
)


def brings_sources(name: str) -> bool:
    """Whether a package may bring a package source: what follows it needs its lists, and so a command of its own."""
    return _SOURCE_PACKAGES.fullmatch(name) is not None


def repository_commands(repository: PackageRepository, via: Via) -> tuple[Command, ...]:
    """Commands for a package source that is not merely a file; () where its file says it all."""
    match repository.kind:
        case "ppa":
            return (command(f"add-apt-repository -y {quote(repository.content or repository.url)}", via),)
        case "apt-key":
            return _apt_key(repository, via)
        case "rpm-key":
            return (command(f"rpm --import {quote(repository.url or repository.path)}", via),)
        case "apt-repository" | "deb822" | "yum-repository":
            return ()


def _apt_key(key: PackageRepository, via: Via) -> tuple[Command, ...]:
    """A key for apt, which goes by the file's name: `.asc` is armored, `.gpg` is not."""
    path = key.path or "/etc/apt/trusted.gpg.d/migrated.asc"
    file = str(key.options.get("file") or "")
    if not key.url and not file:
        return ()
    fetched = quote(file) if file else "/tmp/apt-key"  # noqa: S108 - of the build
    commands = [] if file else [command(f"curl -fsSL -o {fetched} {quote(key.url)}", via)]
    lines: tuple[str, ...]
    if path.endswith(".gpg"):
        # a keyring that the playbook names: the module stores it unarmored
        lines = (
            f"if grep -q 'BEGIN PGP' {fetched}; then",
            f"  sed -e '1,/^[[:space:]]*$/d' -e '/^-----END/,$d' -e '/^=/d' {fetched} | base64 -d > {quote(path)};",
            f"else cp {fetched} {quote(path)}; fi",
        )
    elif path.startswith("/etc/apt/trusted.gpg.d/"):
        binary = quote(path.removesuffix(".asc") + ".gpg")
        lines = (
            f"if grep -q 'BEGIN PGP' {fetched}; then cp {fetched} {quote(path)};",
            f"else cp {fetched} {binary}; fi",
        )
    else:
        return (command(f"curl -fsSL -o {quote(path)} {quote(key.url)}", via),)
    commands.append(Command(lines=lines, via=(via,)))
    return (*commands, *([] if file else [command(f"rm {fetched}", via)]))


def language_commands(effect: LanguagePackages, via: Via, *, venv_there: bool = False) -> tuple[Command, ...]:
    """pip, gem, npm, bundler and the like, without caches left in the layer.

    `venv_there`: an earlier step has made the virtual environment.
    """
    tail = effect.options[effect.options.index("--") :] if "--" in effect.options else ()
    options = _quoted(effect.options[: len(effect.options) - len(tail)])
    names = _quoted((*effect.names, *tail))
    absent = effect.state == "absent"
    match effect.manager:
        case "pip":
            commands = _pip(effect, names, options, via, venv_there=venv_there)
        case "gem":
            program = quote(effect.executable or "gem")
            verb = "uninstall -x" if absent else "install"
            commands = []
            for name in effect.names:
                gem, _, version = name.partition(":")
                words = (program, verb, options, "--all" if absent and not version else "", quote(gem))
                pin = f"-v {quote(version)}" if version else ""
                commands.append(_command(via, *words, pin, _quoted(tail)))
        case "npm":
            program = quote(effect.executable or "npm")
            verb = effect.verb or ("uninstall" if absent else "install")
            commands = [_command(via, program, verb, options, names), command("npm cache clean --force", via)]
        case "bundler":
            commands = [_command(via, quote(effect.executable or "bundle"), effect.verb or "install", options)]
        case "composer":
            commands = [_command(via, quote(effect.executable or "composer"), effect.verb or "install", options)]
        case "yarn":
            commands = [
                _command(via, quote(effect.executable or "yarn"), effect.verb or "install", options, names),
                command("yarn cache clean", via),
            ]
        case "cpanm":
            commands = [_command(via, quote(effect.executable or "cpanm"), options, names)]
    prefix = "".join(f"{name}={quote(str(value))} " for name, value in sorted(effect.environment.items()))
    return tuple(Command(lines=(prefix + each.lines[0], *each.lines[1:]), via=each.via) for each in commands)


def _quoted(words: Sequence[str]) -> str:
    return " ".join(quote(word) for word in words)


def _command(via: Via, *words: str) -> Command:
    return command(" ".join(filter(None, words)), via)


def _pip(effect: LanguagePackages, names: str, options: str, via: Via, *, venv_there: bool) -> list[Command]:
    commands: list[Command] = []
    program = quote(effect.executable or "pip3")
    if effect.virtualenv:
        interpreter = effect.executable if "python" in effect.executable else "python3"
        create = effect.create or (interpreter, "-m", "venv")
        if not venv_there:
            commands.append(_command(via, _quoted(create), quote(effect.virtualenv)))
        program = quote(effect.virtualenv.rstrip("/") + "/bin/pip")
    if effect.state == "absent":
        return [*commands, _command(via, program, "uninstall -y", names)]
    what = f"-r {quote(effect.requirements)}" if effect.requirements else names
    upgrade = "--upgrade" if effect.state == "latest" else ""
    return [*commands, _command(via, program, "install --no-cache-dir", upgrade, options, what)]


def touches_packages(text: str) -> bool:
    """Whether a command may change what a package manager will do after it."""
    return bool(
        re.search(
            r"\b(apt|apt-get|apt-key|add-apt-repository|dpkg|dpkg-reconfigure|debconf|rpm|yum|dnf|gpg|sources\.list)\b"
            r"|keyrings|\|\s*(sudo\s+)?(ba)?sh\b",
            text,
        )
    )
