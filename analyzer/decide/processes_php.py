"""PHP's process manager (PHP-FPM) beside the web server that hands it its requests by FastCGI.

The two share a socket and the application's files, so they stay in one container: neither serves without the other.
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from analyzer.decide.processes_seen import Found, Seen

_PACKAGE = re.compile(r"(?P<remi>php\d+)-php-fpm|php(?P<version>\d+\.\d+)-fpm|(?P<old>php5)-fpm|php(?:\d+w|\d+u)?-fpm")
_FOREGROUND = "--nodaemonize --force-stderr"
_SOCKETS = "mkdir -p /run/php /run/php-fpm"
"""Where packages put its socket; systemd makes the folder on a host."""


def is_php_service(name: str) -> bool:
    """Whether a service is PHP's process manager, by the name that its package gives it."""
    return _PACKAGE.fullmatch(name) is not None


def php_program(seen: Seen) -> str:
    """The command that starts PHP's process manager in the foreground, "" where no package brings one."""
    packages = sorted(name for name in seen.packages if is_php_service(name))
    if not packages:
        return ""
    match = _PACKAGE.fullmatch(packages[-1])
    if match is None:
        return ""
    if match["remi"]:
        return f"/opt/remi/{match['remi']}/root/usr/sbin/php-fpm {_FOREGROUND}"
    if match["version"]:
        return f"php-fpm{match['version']} {_FOREGROUND}"
    if match["old"]:
        return f"php5-fpm {_FOREGROUND}"
    if any(host.facts.get("os_family") == "RedHat" for host in seen.hosts):
        return f"php-fpm {_FOREGROUND}"
    # Debian's package `php-fpm` brings the release's own version, and the program has its name
    return f"$(ls /usr/sbin/php-fpm[0-9]* | tail -n 1) {_FOREGROUND}"


def starts_php(each: Found) -> bool:
    """Whether the process is a web server that `with_php` starts PHP's process manager beside."""
    return _FOREGROUND in each.command[-1]


def with_php(server: Found, seen: Seen) -> Found:
    """The web server, started together with PHP's process manager where the packages bring one."""
    php = php_program(seen)
    if not php or "libapache2-mod-php" in " ".join(seen.packages):
        return server
    *prepared, web = " ".join(map(_quoted, server.command)).split(" && ")
    if server.command[:2] == ("/bin/sh", "-c"):
        *prepared, web = server.command[2].replace("exec ", "").split(" && ")
    graceful = "QUIT" if web.startswith("nginx") else "WINCH"
    end = f"kill -QUIT $php; kill -{graceful} $web"
    script = " && ".join([_SOCKETS, *prepared])
    # each directly in the background: a group would be a shell of its own that passes no signal on
    script += (
        f"; {php} & php=$!; {web} & web=$!; trap '{end}' TERM INT QUIT; wait -n; code=$?; {{ {end}; }} 2>/dev/null"
    )
    script += "; wait; exit $code"
    note = (
        "PHP-FPM answers behind the web server on a socket of the same container: both start in it, and the end of"
        " either ends the container, so that ECS replaces it."
    )
    return replace(server, command=("/bin/bash", "-c", script), stop_signal="", notes=[note])


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[\w./=:-]+", word) else f'"{word}"'
