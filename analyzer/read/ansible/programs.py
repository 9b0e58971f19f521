"""Programs that a machine surely does not have before a playbook installs them: the idiom `node --version`, registered.

Only programs of which no distribution's image has a copy are listed; any other may be there, and stays unknown.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from analyzer.model import Task, Value
from analyzer.read.ansible.fresh import ANYTHING, ANYWHERE, Made, is_absent_at_first

_FOLDERS = ("/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/bin", "/sbin", "/snap/bin")

_FAMILIES = (
    ("ruby gem bundle bundler rake irb rails", "ruby rvm rbenv passenger puppet chef vagrant jekyll gitlab fluentd"),
    ("rvm", "rvm"),
    ("rbenv", "rbenv"),
    ("node nodejs npm npx yarn pnpm corepack pm2 bower gulp grunt", "node npm yarn nvm fnm nodenv pm2"),
    ("nvm fnm nodenv n", "nvm fnm nodenv node"),
    ("php composer wp drush artisan", "php composer wp drush wordpress drupal nextcloud moodle mediawiki"),
    (
        "java javac",
        "java jdk jre jvm corretto temurin tomcat jenkins solr kafka elastic logstash cassandra hadoop nexus",
    ),
    ("mvn gradle ant", "maven mvn gradle ant"),
    ("go", "go golang"),
    ("cargo rustc rustup", "rust cargo"),
    ("poetry pipenv pyenv conda uv pipx", "poetry pipenv pyenv conda uv pipx"),
    ("docker docker-compose", "docker moby containerd compose"),
    ("kubectl helm", "kube helm microk k3s minikube"),
    ("terraform vault consul nomad packer", "terraform vault consul nomad packer hashi"),
    ("nginx", "nginx openresty passenger"),
    ("apache2 apache2ctl httpd a2enmod", "apache httpd php"),
    ("mysql mysqld mysqladmin mariadb", "mysql mariadb percona"),
    ("psql pg_ctl pg_dump postgres", "postgres pgdg postgis"),
    ("mongo mongod mongosh", "mongo"),
    ("redis-server redis-cli", "redis valkey"),
    ("rabbitmqctl rabbitmq-server", "rabbit"),
    ("erl elixir mix iex", "erlang elixir rabbit couchdb"),
    ("ffmpeg", "ffmpeg"),
    ("wkhtmltopdf", "wkhtml"),
    ("certbot", "certbot letsencrypt"),
    ("supervisorctl supervisord", "supervisor"),
    ("deno bun", "deno bun"),
    ("julia", "julia"),
    ("elasticsearch", "elastic"),
    ("haproxy", "haproxy"),
    ("varnishd", "varnish"),
)
"""Programs of one make, and the words of packages, scripts or folders that may bring them."""

_BROUGHT_BY: Mapping[str, tuple[str, ...]] = {
    program: tuple(words.split()) for programs, words in _FAMILIES for program in programs.split()
}
_MORE_THAN_WORDS = re.compile(r"[|&;<>()$`*?\[\]{}~\n\ue000-\ue003]")
"""What a shell does more with than hand it on."""


_LISTS_VERSIONS = re.compile(
    r"(?:set -o pipefail\s*(?:&&|;|\n)\s*)?(?:[A-Z_]+=\S*\s+)*"
    r"(?:\S*/)?(?P<tool>rbenv|pyenv|nodenv|goenv|phpenv|plenv|jenv)"
    r"\s+(?P<verb>versions?)(?:\s+--bare)?\s*(?:\|\s*(?:cut|awk|sed|tr|sort|uniq)\b[^|;&\n]*)*\|\s*[efz]?grep\s[^|;&\n]+"
)
"""`rbenv versions | grep 3.2`: whether a version is installed, or chosen, asked by the exit status."""
_CHANGES_VERSIONS = {"versions": ("install",), "version": ("global", "local", "shell")}


def is_surely_absent(program: str, made: Made) -> bool:
    """Whether a fresh machine has no `program`, and no task so far may have brought it."""
    if "/" in program:
        return is_absent_at_first(program) and not made.may_hold(program)
    words = _BROUGHT_BY.get(program)
    if words is None or ANYWHERE in made.paths or ANYTHING in made.packages:
        return False
    mentioned = any(word in name for name in (*made.packages, *made.paths) for word in words)
    return not mentioned and not any(made.may_hold(f"{folder}/{program}") for folder in _FOLDERS)


def result_without_program(task: Task, args: Mapping[str, Value], made: Made, *, dash: bool) -> dict[str, Any]:
    """What a task's command gives where its program is absent, {} where that is not sure.

    `dash`: /bin/sh is dash (the Debian family), else bash.
    """
    written = args.get("_raw_params")
    if isinstance(written, str) and _no_such_version(written.strip(), made):
        return _result(1, "")
    if not isinstance(written, str) or args.get("executable") is not None:
        return {}
    written = re.sub(r"^\s*\[ ([^\[\]]*) \]\s*$", r"test \1", written)
    if task.module.rpartition(".")[2] == "shell" and _MORE_THAN_WORDS.search(written):
        return {}
    try:
        words = shlex.split(written)
    except ValueError:
        return {}
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        del words[0]
    if not words:
        return {}
    if (looks := _looks_for(words)) and is_absent_at_first(looks[0]) and not made.may_hold(looks[0]):
        return _result(looks[1], "")
    asked = {"which": 1, "command -v": 127 if dash else 1}
    for start, code in asked.items():
        first = start.split()
        if words[: len(first)] == first and len(words) == len(first) + 1 and args.get("chdir") is None:
            return _result(code, "") if is_surely_absent(words[-1], made) else {}
    if not is_surely_absent(words[0], made):
        return {}
    if args.get("chdir") is not None:  # the folder may be missing, too, and the task fails in other words
        return {"failed": True, "skipped": False}
    if task.module.rpartition(".")[2] == "command":
        return _result(2, "")
    place = "1" if dash else "line 1"
    said = "not found" if dash else "command not found"
    return _result(127, f"/bin/sh: {place}: {words[0]}: {said}")


def _looks_for(words: list[str]) -> tuple[str, int] | None:
    """(path, exit status where it is absent) of a command that only asks whether a file is there; None for others."""
    plain = words[1:] if words[0] == "test" else []
    if len(plain) == 2 and re.fullmatch(r"-[defhrswxL]", plain[0]) and plain[1].startswith("/"):
        return plain[1], 1
    if words[0] in ("ls", "stat") and len(words) == 2 and words[1].startswith("/"):
        return words[1], 2 if words[0] == "ls" else 1
    return None


def _no_such_version(written: str, made: Made) -> bool:
    """Whether the text looks for a version of a language where no task so far can have installed or chosen one."""
    match = _LISTS_VERSIONS.fullmatch(written)
    if match is None or ANYTHING in made.packages or ANYWHERE in made.paths:
        return False
    changes = [f"{match['tool']} {verb}" for verb in _CHANGES_VERSIONS[match["verb"]]]
    return not any(change in text for text in made.packages for change in changes)


_ASKED = {
    "uname": "system", "uname -s": "system", "uname -m": "architecture", "uname -p": "architecture",
    "arch": "architecture", "lsb_release -cs": "distribution_release", "lsb_release -sc": "distribution_release",
    "lsb_release -c -s": "distribution_release", "lsb_release --codename --short": "distribution_release",
    "lsb_release -is": "distribution", "lsb_release -si": "distribution", "lsb_release -rs": "distribution_version",
    "lsb_release -sr": "distribution_version", "dpkg --print-architecture": "",
}  # fmt: skip
"""Commands that print a fact, and which; "": the architecture in Debian's words."""
_DEBIAN_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}
_IN_SMALL_LETTERS = re.compile(r"\s*\|\s*tr\s+(?:'?\[?A-Z\]?'?\s+'?\[?a-z\]?'?|'?\[:upper:\]'?\s+'?\[:lower:\]'?)$")


def printed_fact(command: str, variables: Mapping[str, Any]) -> str | None:
    """What a command prints that only asks for a fact (`uname -m`, `lsb_release -cs`); None for any other one."""
    asked = re.sub(r"\s+", " ", command.strip()).replace('"', "'")
    plain = _IN_SMALL_LETTERS.sub("", asked)
    fact = _ASKED.get(plain)
    if fact is None:
        return None
    value = variables.get(f"ansible_{fact or 'architecture'}")
    if fact == "":
        debian = variables.get("ansible_os_family") == "Debian"
        value = _DEBIAN_NAMES.get(str(value)) if debian else None
    if not isinstance(value, str):
        return None
    return value.lower() if plain != asked else value


def _result(code: int, error: str) -> dict[str, Any]:
    return {
        "rc": code, "stdout": "", "stdout_lines": [], "stderr": error, "stderr_lines": [error] if error else [],
        "failed": True, "skipped": False,
    }  # fmt: skip
