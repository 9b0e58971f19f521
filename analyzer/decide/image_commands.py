"""Steps of the build: commands of the playbook, downloads and archives as RUN instructions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from analyzer.decide.commands_in_tasks import argument_command, simple_commands
from analyzer.decide.image_modes import apply_mode
from analyzer.decide.image_products import Product
from analyzer.decide.image_shell import Command, command, environment_name, has_marker, quote
from analyzer.model import Download, LanguagePackages, Ownership, RunCommand, Unpack, Via

SCRATCH = "/tmp"  # noqa: S108 - of the build's container, which runs nothing else

_ZIP = re.compile(r"\.(zip|jar|war|ear|whl|egg)$", re.IGNORECASE)
"""Names of archives that unzip opens and tar does not."""


class Lock(Struct, frozen=True, kw_only=True):
    """Lock files: all that an installation of dependencies needs of the application's code."""

    files: tuple[str, ...]
    """Relative to the code's root; the first is there, the others may be."""
    folder: str
    """Where they belong in the image."""


class BuildStep(Struct, frozen=True, kw_only=True):
    """Something the build does in the order of the playbook, after packages, accounts and files."""

    commands: tuple[Command, ...] = ()
    copy: str = ""
    """Path of a file that is copied here and not earlier."""
    json: str = ""
    """A shell text that runs in exec form; "" with `commands`."""
    shell: str = "/bin/sh"
    may_fail: bool = False
    """Whether the build goes on where that shell text fails."""
    user: str = ""
    directory: str = ""
    via: Via
    ignore: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    """Build arguments that it needs."""
    code: bool = False
    """True: it follows the application's code."""
    lock: Lock | None = None
    """What it needs of the code, where that is little: it then precedes the rest of the code."""
    product: Product | None = None
    """What it leaves, where it may compile."""
    packages: LanguagePackages | None = None
    """The packages of a language that it installs, where that is all it does."""
    made_environment: bool = False
    """True where it makes the virtual environment that it installs into."""
    group: bool = False
    """True where it may share a RUN with its neighbours."""
    fetches: str = ""
    """Where it puts a download, an archive's content or a clone; "" for any other step."""

    @property
    def title(self) -> str:
        """Its first line, for people."""
        return self.json or next((line for each in self.commands for line in each.lines), self.copy)


def download_commands(effect: Download, via: Via) -> tuple[Command, ...]:
    """`get_url`, its checksum, owner and mode."""
    path = quote(effect.path)
    options = "".join(" " + quote(option) for option in effect.options)
    commands = [command(f"curl -fsSL{options} -o {path} {quote(effect.url)}", via)]
    algorithm, _, digest = effect.checksum.partition(":")
    tool = {
        "sha1": "sha1sum",
        "sha512": "sha512sum",
        "md5": "md5sum",
        "sha384": "sha384sum",
        "sha224": "sha224sum",
    }.get(algorithm.lower(), "sha256sum")
    sums = f"{SCRATCH}/download.sum"
    if "://" in digest:
        # a file of sums: the line that ends with the file's name, or the only sum in it
        name = quote(f"[ */]{re.escape(effect.url.split('?')[0].rstrip('/').rpartition('/')[2])}$")
        commands += [
            command(f"curl -fsSL{options} -o {sums} {quote(digest)}", via),
            command(f'sum="$(grep -m 1 -e {name} {sums} || cat {sums})"', via),
            command(f"printf '%s  %s\\n' \"${{sum%% *}}\" {path} > {sums}", via),
        ]
    elif digest:
        # a file of the sum, since a pipe would hide a failure of its left side
        commands.append(command(f"printf '%s  %s\\n' {quote(digest)} {path} > {sums}", via))
    if digest:
        commands.append(command(f"{tool} -c {sums} && rm {sums}", via))
    commands += [command(text, via) for text in attributes(effect.ownership, effect.path)]
    return tuple(commands)


def unpack_commands(effect: Unpack, archive: str, via: Via) -> tuple[Command, ...]:
    """`unarchive` of `archive`, a path in the image or (remote) a URL."""
    commands: list[Command] = []
    directory = quote(effect.directory)
    ours = effect.content is not None
    """Whether the archive lies there for this step alone."""
    if effect.remote and "://" in archive:
        name = f"{SCRATCH}/" + (archive.rstrip("/").rsplit("/", 1)[-1].split("?")[0] or "archive")
        commands.append(command(f"curl -fsSL -o {quote(name)} {quote(archive)}", via))
        archive = name
        ours = True
    options = "".join(" " + quote(option) for option in effect.options)
    zipped = _ZIP.search(archive) is not None
    if zipped:
        commands.append(command(f"unzip -qo{options} {quote(archive)} -d {directory}", via))
    else:
        commands.append(command(f"tar -xf {quote(archive)}{options} -C {directory}", via))
    if owned := attributes(effect.ownership, ""):
        # the module owns what the archive brought, not what else lies in the directory
        listing = f"{SCRATCH}/archive.list"
        shown = f" --show-transformed-names{options}" if options else ""
        show = f"unzip -Z1 {quote(archive)}" if zipped else f"tar -tf {quote(archive)}{shown}"
        prefix = quote(f"s|^|{effect.directory.rstrip('/')}/|")
        commands.append(command(f"{show} > {listing}", via))
        commands.append(command(f"sed -i {prefix} {listing}", via))
        for text in owned:
            words = text.removesuffix(" ''")
            commands.append(command(f"xargs -d '\\n' -a {listing} {words}", via))
        commands.append(command(f"rm {listing}", via))
    if ours:
        commands.append(command(f"rm {quote(archive)}", via))
    return (unless(effect.creates, commands, via),) if effect.creates else tuple(commands)


def owner_options(ownership: Ownership) -> str:
    owner = f"-o {quote(ownership.owner)} " if ownership.owner else ""
    group = f"-g {quote(ownership.group)} " if ownership.group else ""
    mode = f"-m {quote(ownership.mode)} " if ownership.mode else ""
    return owner + group + mode


def attributes(ownership: Ownership, path: str, *, flags: str = "") -> list[str]:
    texts = []
    owner = ownership.owner + (f":{ownership.group}" if ownership.group else "")
    if owner:
        texts.append(f"chown {flags}{quote(owner)} {quote(path)}")
    if ownership.mode and ownership.mode != "preserve" and apply_mode(0, ownership.mode, directory=False) is not None:
        texts.append(f"chmod {flags}{quote(ownership.mode)} {quote(path)}")
    return texts


def recursive(ownership: Ownership, path: str) -> list[str]:
    return attributes(ownership, path, flags="-R ")


def unless(path: str, commands: Sequence[Command], via: Via) -> Command:
    """The commands as one that does nothing where `path` is there."""
    lines = [line for each in commands for line in each.lines]
    joined = [f"  {line} &&" for line in lines[:-1]] + [f"  {lines[-1]};"]
    return Command(lines=(f"if [ ! -e {quote(path)} ]; then", *joined, "fi"), via=(via,))


_SIMPLE_SHELL = re.compile(r"[\w@%+=:,./ \"'&>-]+")
_BACKGROUND = re.compile(r"(?<![&>])&(?![&>])")
"""`command &`: nothing may follow it in the same list, `|| true` neither."""

_ENDS_SHELL = re.compile(r"(?:^|&&)\s*(?:exec|exit|\.)\s")
"""Commands after which the shell does not come back, or not if they fail: `|| true` is not reached."""


_WILDCARD = re.compile(r"([*?]|\[[^]]+\])")


def _is_there(pattern: str) -> str:
    """A condition of the shell: a path, or a pattern as `creates` and `removes` of a command may be."""
    return f"ls -d {_pattern(pattern)} >/dev/null 2>&1" if _WILDCARD.search(pattern) else f"[ -e {quote(pattern)} ]"


def _is_not_there(pattern: str) -> str:
    return f"! {_is_there(pattern)}" if _WILDCARD.search(pattern) else f"[ ! -e {quote(pattern)} ]"


def _pattern(text: str) -> str:
    """`text` quoted but for its wildcards."""
    return "".join(part if number % 2 else part and quote(part) for number, part in enumerate(_WILDCARD.split(text)))


def run_step(effect: RunCommand, via: Via) -> BuildStep:
    """The RUN of one command: shell form where it is plain words, exec form where quoting would hide what it says."""
    names: tuple[str, ...] = ()
    environment = {str(name): str(value) for name, value in sorted(effect.environment.items())}
    prefix = "".join(f"{name}={quote(value)} " for name, value in environment.items())
    if isinstance(effect.command, tuple):
        text = " ".join(_word(each) for each in effect.command)
        simple = True
    else:
        text = re.sub("[\ue002\ue000]([^\ue001\ue003]*)[\ue001\ue003]", lambda m: f"${{{environment_name(m[1])}}}", (
            effect.command.strip()))  # fmt: skip
        simple = (
            bool(_SIMPLE_SHELL.fullmatch(text))
            and not re.match(r"(cd|sudo|apt)\b", text)
            and not effect.executable
            and not _BACKGROUND.search(text)
            and not (environment and "&&" in text)  # the variables would reach the first command only
            and not (effect.may_fail and _ENDS_SHELL.search(text))
        )
    whole = " ".join(map(str, (effect.command if isinstance(effect.command, tuple) else (effect.command,))))
    if has_marker(whole):
        names = tuple(environment_name(name) for name in re.findall("\ue002([^\ue003]*)\ue003", whole))
    guard = ""
    if effect.creates:
        guard = f"{_is_there(effect.creates)} || "
    elif effect.removes:
        guard = f"{_is_not_there(effect.removes)} || "
    if simple and "\n" not in text + effect.stdin:
        piped = f"printf '%s\\n' {quote(effect.stdin)} | " if effect.stdin else ""
        body = f"{piped}{prefix}{text}"
        if (guard or effect.may_fail) and ("&&" in text or piped):
            body = f"{{ {body}; }}"
        commands = (command(f"{guard}{body}{' || true' if effect.may_fail else ''}", via),)
        return BuildStep(
            commands=commands,
            user=effect.user,
            directory=effect.directory,
            via=via,
            arguments=names,
            ignore=("DL4006",) if piped else (),
        )
    exports = "".join(f"export {name}={quote(value)}; " for name, value in environment.items())
    script = f"{exports}{text}"
    if effect.stdin:
        # a line feed before the brace: the script may end in a comment, `&` or a here-document
        script = f"printf '%s' {quote(effect.stdin)} | {{ {script}\n}}"
    if guard:
        script = f"{guard}{{ {script}\n}}"
    return BuildStep(
        json=script,
        shell=effect.executable or "/bin/sh",
        may_fail=effect.may_fail,
        user=effect.user,
        directory=effect.directory,
        via=via,
        arguments=names,
    )


def runs_as_another(effect: RunCommand) -> bool:
    """Whether the command, or one in it, runs as an account that the image has to make first."""
    shell = isinstance(effect.command, str)
    commands = simple_commands(str(effect.command)) if shell else argument_command(tuple(effect.command))
    return any(user not in ("", "root") for user in (effect.user, *(each.user for each in commands)))


def _word(text: str) -> str:
    """A word of an argument vector; a parameter in it becomes a build argument."""
    parts = re.split("\ue002([^\ue003]*)\ue003", text)
    if len(parts) == 1:
        return quote(text)
    return "".join(
        (quote(part) if part else "") if number % 2 == 0 else f'"${{{environment_name(part)}}}"'
        for number, part in enumerate(parts)
    )


def after_code(step: BuildStep) -> BuildStep:
    """The same step, to follow the application's code."""
    return replace(step, code=True)
