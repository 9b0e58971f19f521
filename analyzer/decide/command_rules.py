"""Which rule knows a simple command, by its program and its first words."""

from __future__ import annotations

import re
from itertools import takewhile

from analyzer.decide.command_wrappers import SimpleCommand
from analyzer.model import PARAMETER_CLOSE, PARAMETER_OPEN, Outcome
from analyzer.ruletypes import Rule, RulePack

_NAMED = re.compile(rf"(?:{PARAMETER_OPEN}(\w+){PARAMETER_CLOSE}|\$\{{(\w+)\}})")
_KIND = re.compile(r"_(?:binary|bin|executable|exe|path|command|cmd|cli|program)$")
_ENGINES = frozenset(
    {"container_engine", "container_runtime", "container_binary", "container_cli", "container_command"}
)
_VERBS = frozenset(
    "start stop restart reload install init test kill service host date time list file at batch n".split()
)
"""Programs whose names variables also use for what they do: `app_start_command` starts the app."""
_RUBY_SCRIPTS = frozenset(
    {"rails", "rake", "bundle", "bundler", "rackup", "puma", "unicorn", "unicorn_rails", "sidekiq"}
)
_ASKS = frozenset({"--version", "--help"})
_INSTALLER = re.compile(r"(?:[\w.+-]+[-_])?(?<!un)install(?:er)?(?:\.(?:sh|bash|py|pl))?")
"""A program that says of itself that it installs something: `./install.sh`, `php-install`."""
_VERSIONED = re.compile(r"^(.+?)-?\d[\d.]*$")


def find_command(command: SimpleCommand, pack: RulePack) -> Rule | None:
    """The rule whose words describe the command best: most words, then those that come first."""
    words = _normal(command.words)
    if meant := program_by_name(words[0], pack):
        return _find((meant, *words[1:]), pack)
    found = _find(words, pack) or (_find(command.words, pack) if words != command.words else None)
    if found is None and _INSTALLER.fullmatch(words[0]):
        return _find(("make", *words[1:]), pack)
    if found is not None and found.outcome is Outcome.PROCESS and _ASKS & {*words}:
        return _find(("echo",), pack)
    return found


def program_by_name(word: str, pack: RulePack) -> str:
    """The program that a variable in its place stands for, by the variable's name; "" where that tells nothing.

    `{{ php_executable }}` is php, `{{ app_container_engine }}` one of the container engines, all of which are alike.
    """
    match = _NAMED.fullmatch(word)
    if match is None:
        return ""
    name = (match[1] or match[2]).lower()
    parts = name.split("_")
    for tail in ("_".join(parts[start:]) for start in range(len(parts))):
        if tail in _ENGINES:
            return "docker"
        program = tail
        while (shorter := _KIND.sub("", program)) != program:
            program = shorter
            if len(program) > 1 and program not in _VERBS and program in pack.commands:
                return program
    return ""


def _find(words: tuple[str, ...], pack: RulePack) -> Rule | None:
    program = words[0]
    candidates = pack.commands.get(program)
    if candidates is None and (versioned := _VERSIONED.match(program)):
        candidates = pack.commands.get(versioned[1])
    if candidates is None:
        rest = words[1:]
        return next((rule for pattern, rule in pack.commands.get("*", ()) if pattern[1:] == rest), None)
    best: tuple[int, int] | None = None
    found = None
    for pattern, rule in candidates:
        last = _position(pattern, words, leading=rule.outcome is Outcome.CONTROL)
        if last is not None and (best is None or (len(pattern), -last) > best):
            best, found = (len(pattern), -last), rule
    return found


def _normal(words: tuple[str, ...]) -> tuple[str, ...]:
    """`python3 manage.py x` -> `manage.py x`, `python -m pip x` -> `pip x`, `ruby bin/rails s` -> `rails s`."""
    if words[0] == "ruby" and len(words) > 1 and (script := words[1].rsplit("/", 1)[-1]) in _RUBY_SCRIPTS:
        return (script, *words[2:])
    if re.fullmatch(r"python[\d.]*", words[0]) and len(words) > 1:
        rest = words[1:]
        if rest[0] == "-m" and len(rest) > 1:
            return rest[1:]
        if rest[0].endswith(".py"):
            return (rest[0].rsplit("/", 1)[-1], *rest[1:])
    return words


def _position(pattern: tuple[str, ...], words: tuple[str, ...], *, leading: bool = False) -> int | None:
    """Where the pattern's last word stands, None where the pattern does not describe the command.

    `leading`: options count only before the first operand: `gem -v` asks for the version, `gem install x -v 2` does
    not.
    """
    operands = [word for word in words[1:] if not word.startswith("-")]
    options = list(words[1:])
    if leading and all(wanted.startswith("-") for wanted in pattern[1:]):
        options = list(takewhile(lambda word: word.startswith("-"), options))
    position = -1
    for wanted in pattern[1:]:
        if wanted.startswith("-"):
            if not any(_has_option(word, wanted) for word in options):
                return None
        else:
            try:
                position = operands.index(wanted, position + 1)
            except ValueError:
                return None
    return position


def _has_option(word: str, wanted: str) -> bool:
    if word == wanted or word.startswith(f"{wanted}="):
        return True
    return len(wanted) == 2 and word.startswith("-") and not word.startswith("--") and wanted[1] in word


def after_pattern(command: SimpleCommand, rule: Rule) -> tuple[str, ...]:
    """The operands after the words by which the rule was found; those before them where nothing follows."""
    words = _normal(command.words)
    operands = [word for word in words[1:] if not word.startswith("-")]
    best = max(
        (
            (len(pattern.split()), last)
            for pattern in rule.subjects.get("commands", ())
            if (last := _position(tuple(pattern.split()), words)) is not None
        ),
        default=(1, -1),
    )
    return tuple(operands[best[1] + 1 :]) or tuple(operands[: best[1]])
