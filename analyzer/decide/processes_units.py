"""Unit files and supervisor programs: what systemd and supervisord would read from them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "s": " ", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class Setting(Struct, frozen=True, kw_only=True):
    """One `Key=value` of a unit."""

    section: str
    key: str
    value: str
    line: int


def parse_unit(text: str) -> tuple[Setting, ...]:
    """Settings in order; comments dropped, continued lines joined by a space as systemd does."""
    settings: list[Setting] = []
    section = ""
    pending = ""
    start = 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip() if not pending else raw.rstrip()
        if line.lstrip().startswith(("#", ";")):
            continue
        if not pending:
            start = number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        line, pending = (pending + line).strip(), ""
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line:
            key, _, value = line.partition("=")
            settings.append(Setting(section=section, key=key.strip(), value=value.strip(), line=start))
    return tuple(settings)


class Unit(Struct):
    """A service unit: an empty assignment resets a list, as in systemd; drop-ins are added by calling `read` again."""

    values: dict[tuple[str, str], list[Setting]] = field(default_factory=dict)

    def read(self, text: str) -> Unit:
        """Takes over the settings of `text`."""
        for setting in parse_unit(text):
            place = self.values.setdefault((setting.section, setting.key), [])
            if setting.value:
                place.append(setting)
            else:
                place.clear()
        return self

    def all(self, key: str, section: str = "Service") -> tuple[str, ...]:
        """Every value of a list setting."""
        return tuple(setting.value for setting in self.values.get((section, key), ()))

    def last(self, key: str, section: str = "Service") -> str:
        """The value that counts of a setting that has one."""
        return (self.all(key, section) or ("",))[-1]

    def line(self, key: str, section: str = "Service") -> int:
        """Where it stands."""
        found = self.values.get((section, key))
        return found[-1].line if found else 1


def split_words(text: str) -> tuple[str, ...]:
    """Words of an Exec or Environment line: quotes and C escapes as systemd has them."""
    words: list[str] = []
    current: list[str] | None = None
    quote = ""
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\" and position + 1 < len(text):
            following = text[position + 1]
            current = current if current is not None else []
            if following == "x" and re.match(r"[0-9A-Fa-f]{2}", text[position + 2 :]):
                current.append(chr(int(text[position + 2 : position + 4], 16)))
                position += 4
                continue
            current.append(_ESCAPES.get(following, following))
            position += 2
            continue
        if quote:
            if character == quote:
                quote = ""
            else:
                assert current is not None
                current.append(character)
        elif character in "\"'":
            quote = character
            current = current if current is not None else []
        elif character.isspace():
            if current is not None:
                words.append("".join(current))
                current = None
        else:
            current = current if current is not None else []
            current.append(character)
        position += 1
    if current is not None:
        words.append("".join(current))
    return tuple(words)


def exec_words(line: str, specifiers: Mapping[str, str]) -> tuple[str, ...]:
    """The argument vector of an Exec line: its prefixes (- @ : + !) read, specifiers (%n …) filled in.

    `$NAME` stays as it is: see `expand`.
    """
    prefix = re.match(r"[-@:+!|]*", line)
    assert prefix is not None
    words = list(split_words(line[prefix.end() :].strip()))
    if "@" in prefix[0] and len(words) > 1:
        del words[1]  # argv[0] of its own, which nothing but ps shows
    return tuple(_specifiers(word, specifiers) for word in words)


def _specifiers(word: str, values: Mapping[str, str]) -> str:
    return re.sub(r"%(.)", lambda match: "%" if match[1] == "%" else values.get(match[1], match[0]), word)


def specifiers_of(unit: str, user: str, home: str) -> dict[str, str]:
    """What systemd's specifiers stand for in `unit`; those of the running host (%H, %m, %v …) stay as they are."""
    name, _, _ = unit.rpartition(".")
    prefix, at, instance = name.partition("@")
    return {
        "n": unit,
        "N": name,
        "p": prefix if at else name,
        "i": instance,
        "I": instance.replace("-", "/"),
        "u": user or "root",
        "h": home or ("/root" if user in ("", "root") else f"/home/{user}"),
        "t": "/run",
        "S": "/var/lib",
        "C": "/var/cache",
        "L": "/var/log",
    }


def expand(words: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Variables of an Exec line, from the unit's own environment; `$$` is a dollar sign.

    `${NAME}` is replaced inside a word, `$NAME` alone is split into words. Unknown ones stay for the reader to see.
    """
    out: list[str] = []
    for word in words:
        alone = re.fullmatch(r"\$([A-Za-z_]\w*)", word)
        if alone and alone[1] in environment:
            out.extend(environment[alone[1]].split())
            continue
        out.append(
            re.sub(
                r"\$(?:\$|\{([A-Za-z_]\w*)\})",
                lambda match: "$" if match[0] == "$$" else environment.get(match[1], match[0]),
                word,
            )
        )
    return tuple(out)


def parse_environment_file(text: str) -> tuple[tuple[str, str], ...]:
    """NAME=value lines as systemd's EnvironmentFile= reads them."""
    values: dict[str, str] = {}
    for raw in re.sub(r"\\\n", "", text).split("\n"):
        line = raw.strip()
        if not line or line[0] in "#;" or "=" not in line:
            continue
        name, _, value = line.partition("=")
        name = name.strip().removeprefix("export ").strip()
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1] if value[0] == "'" else re.sub(r'\\(["\\$`])', r"\1", value[1:-1])
        if re.fullmatch(r"[A-Za-z_]\w*", name):
            values[name] = value
    return tuple(values.items())


def seconds(text: str) -> int | None:
    """A time span of systemd's in whole seconds (rounded up); None for infinity or what is none."""
    units = {"us": 1e-6, "ms": 1e-3, "": 1, "s": 1, "sec": 1, "second": 1, "seconds": 1, "m": 60, "min": 60}
    units |= {"minute": 60, "minutes": 60, "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400}
    total = 0.0
    for number, unit in re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower()):
        if unit not in units:
            return None
        total += float(number) * units[unit]
    if not re.search(r"\d", text):
        return None
    return int(-(-total // 1))


def unwrap_shell(words: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """(argument vector, directory) of `sh -c '…'` around one plain command; ((), "") where a shell is needed.

    Safe is a command of plain words, after any number of `cd DIR &&`, `exec` and `source FILE`-free parts.
    """
    if len(words) != 3 or not re.fullmatch(r"(?:/usr)?(?:/bin/)?(?:env )?(?:ba|da)?sh", words[0]):
        return (), ""
    if not re.fullmatch(r"-[lec]*c", words[1]):
        return (), ""
    text = words[2].strip()
    directory = ""
    while match := re.match(r"cd\s+([\w@%+=:,./-]+)\s*(?:&&|;)\s*", text):
        directory = match[1] if match[1].startswith("/") else f"{directory}/{match[1]}"
        text = text[match.end() :]
    text = re.sub(r"^exec\s+", "", text)
    if re.search(r"[|&;<>()$`*?\[\]#~!{}\n]", text) or re.match(r"[A-Za-z_]\w*=", text):
        return (), ""
    if re.match(r"(\.|source|export|ulimit|umask|set|eval|trap|rvm|nvm)\s", text):
        return (), ""
    try:
        plain = split_words(text)
    except ValueError:
        return (), ""
    return plain, directory


def parse_supervisor(text: str) -> tuple[tuple[str, dict[str, str], int], ...]:
    """(program, settings, line) of each `[program:x]` section."""
    programs: list[tuple[str, dict[str, str], int]] = []
    settings: dict[str, str] | None = None
    key = ""
    for number, raw in enumerate(text.split("\n"), 1):
        line = re.sub(r"\s;.*$", "", raw).rstrip()
        if not line.strip() or line.lstrip().startswith((";", "#")):
            continue
        heading = re.fullmatch(r"\[([^]:]+)(?::([^]]*))?]", line.strip())
        if heading:
            settings = {} if heading[1] == "program" else None
            if settings is not None:
                programs.append((heading[2] or "", settings, number))
        elif settings is not None and line[0].isspace() and key:
            settings[key] += "\n" + line.strip()
        elif settings is not None and "=" in line:
            key, _, value = line.partition("=")
            key = key.strip()
            settings[key] = value.strip()
    return tuple(programs)
