"""Commands that leave the foreground, as they are written for a host, and what keeps them there.

A container ends when its command does: a server that puts itself into the background would take the task with it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping

STARTERS = frozenset("exec run bundle bundler rbenv pyenv nodenv poetry pipenv uv env nice ionice dotenv".split())
"""Words before the program that serves."""
_Words = tuple[str, ...]


def in_front(words: _Words) -> _Words:
    """The command as a container needs it; unchanged where nothing sends it to the background."""
    for number, word in enumerate(words):
        program = posixpath.basename(word)
        for names, change in _KEPT.items():
            if re.fullmatch(names, program):
                return (*words[:number], *change(words[number:]))
        if number and not word.startswith("-") and "=" not in word and program not in STARTERS:
            break  # it is an argument of another program
    return words


def _without(*flags: str, with_value: str = "") -> Callable[[_Words], _Words]:
    """A change that takes flags out; `with_value`: one that is followed by its value."""

    def change(words: _Words) -> _Words:
        kept: list[str] = []
        skip = False
        for word in words:
            if skip:
                skip = False
                continue
            if word in flags or any(word.startswith(f"{flag}=") for flag in (*flags, with_value) if flag):
                continue
            if word == with_value:
                skip = True
                continue
            kept.append(word)
        return tuple(kept)

    return change


def _tomcat(words: _Words) -> _Words:
    """`startup.sh` is `catalina.sh start`, and `run` is what stays."""
    folder, _, script = words[0].rpartition("/")
    if script == "startup.sh":
        return (f"{folder}/catalina.sh" if folder else "catalina.sh", "run", *words[1:])
    return (words[0], *("run" if word == "start" else word for word in words[1:]))


def _apache(words: _Words) -> _Words:
    """`-k start`, or nothing, goes to the background."""
    if "FOREGROUND" in words or "-DFOREGROUND" in words:
        return words
    rest = [word for word in words[1:] if word not in ("start", "-k", "-DFOREGROUND", "-D", "FOREGROUND")]
    return (words[0], *rest, "-D", "FOREGROUND")


def _php(words: _Words) -> _Words:
    if {"-F", "--nodaemonize"} & {*words}:
        return words
    return (*(word for word in words if word not in ("-D", "--daemonize")), "--nodaemonize")


def _node(words: _Words) -> _Words:
    """Process managers have a program, or a verb less, that stays."""
    if words[1:2] != ("start",):
        return words
    if posixpath.basename(words[0]) == "pm2":
        return (f"{words[0]}-runtime", *words[1:])
    return (words[0], *words[2:])


_KEPT: Mapping[str, Callable[[_Words], _Words]] = {
    r"(?:startup|catalina)\.sh": _tomcat,
    r"gunicorn[\d.]*": _without("-D", "--daemon"),
    r"(?:puma|sidekiq|thin|resque)": _without("-d", "--daemon", "--daemonize"),
    r"unicorn(?:_rails)?": _without("-D", "--daemonize"),
    r"pm2|forever": _node,
    r"rails": _without("-d", "--daemon"),
    r"memcached": _without("-d", "--daemon"),
    r"uwsgi[\d.]*": _without(with_value="--daemonize"),
    r"php-fpm[\d.]*|php\d-fpm": _php,
    r"(?:httpd|apache2)": _apache,
    r"redis-server": _without(with_value="--daemonize"),
}
"""Program -> what takes its way into the background out of the command."""
