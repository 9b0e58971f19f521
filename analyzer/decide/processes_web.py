"""Web servers before an application and the application servers behind them: ports, upstreams, health checks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

FRONT_SERVERS = ("nginx", "apache2", "httpd", "haproxy")
"""Before an application; the load balancer takes their place."""

_HEALTH = re.compile(r"/(?:[\w.-]+/)*(?:health|healthz|healthcheck|health_check|status|ping|up|alive|heartbeat)/?")


class Front(Struct, frozen=True, kw_only=True):
    """What a web server's configuration says of the application behind it."""

    upstream_ports: tuple[int, ...] = ()
    sockets: tuple[str, ...] = ()
    health_path: str = ""
    health_line: int = 0
    tls: bool = False
    certificates: tuple[str, ...] = ()
    """Files of certificates and keys that it opens when it starts."""
    features: tuple[str, ...] = ()
    """What a load balancer does not do: static files, rewrites, basic authentication …"""


def read_nginx(text: str) -> Front:
    """Upstreams, the health location and what else a server block does."""
    lines = [re.sub(r"(^|\s)#.*$", "", line) for line in text.split("\n")]
    plain = "\n".join(lines)
    ports: list[int] = []
    sockets: list[str] = []
    for address in re.findall(r"(?<![\w-])server\s+([^\s;{]+)[^;{]*;", plain):
        _add_address(address, ports, sockets)
    for address in re.findall(r"(?:proxy|uwsgi|fastcgi)_pass\s+(?:https?://)?(unix:[^\s;:]+|[^\s;/]+)", plain):
        if ":" in address or address.startswith("unix"):
            _add_address(address, ports, sockets)
    health, health_line = "", 0
    for number, line in enumerate(lines, 1):
        match = re.search(r"location\s+(?:=|\^~)?\s*(/[^\s{]*)", line)
        if match and not health and _HEALTH.fullmatch(match[1]):
            health, health_line = match[1], number
    features = []
    for name, pattern in (
        ("serves files itself", r"(root|alias|try_files)\s"),
        ("rewrites addresses", r"(rewrite|return\s+30\d)\s"),
        ("asks for a password", r"auth_basic\s+(?!off)"),
        ("limits requests", r"limit_(req|conn)\s"),
        ("caches answers", r"proxy_cache\s+(?!off)"),
        ("restricts addresses", r"(allow|deny)\s"),
        ("limits the size of a request's body", r"client_max_body_size\s"),
    ):
        if re.search(rf"(?:^|[{{;])\s*{pattern}", plain, re.MULTILINE):
            features.append(name)
    certificates = re.findall(r"(?m)^\s*ssl_certificate(?:_key)?\s+[\"']?(/[^\s;\"']+)", plain)
    tls = bool(re.search(r"listen\s+[^;]*\bssl\b", plain))
    return Front(
        upstream_ports=tuple(dict.fromkeys(ports)),
        sockets=tuple(dict.fromkeys(sockets)),
        health_path=health,
        health_line=health_line,
        tls=tls,
        certificates=tuple(dict.fromkeys(certificates)),
        features=tuple(features),
    )


def _add_address(address: str, ports: list[int], sockets: list[str]) -> None:
    if address.startswith("unix:"):
        sockets.append(address.removeprefix("unix:"))
    elif match := re.search(r":(\d+)$", address):
        ports.append(int(match[1]))


_PUBLIC = re.compile(r"(?<=.)/(?:public(?:_html)?|web|webroot|htdocs|docroot|pub|html|dist|build)$")


def served_folder(texts: Iterable[str]) -> str:
    """The one folder of an application that a web server's configuration serves files of, "" where it names several.

    Frameworks keep what may be seen in a folder of its own below the application: `/srv/shop/public`.
    """
    roots = [
        root.strip("\"'").rstrip("/")
        for text in texts
        for root in re.findall(r"(?mi)^\s*(?:root|DocumentRoot)\s+(\S+?);?\s*$", text)
        if root.strip("\"'").startswith("/") and not re.match(r"[\"']?/(?:usr|etc|var/lib)/", root)
    ]
    found = {_PUBLIC.sub("", root) for root in roots if root not in ("/var/www/html", "/var/www")}
    return found.pop() if len(found) == 1 else ""


def config_port(text: str, environment: Mapping[str, str]) -> int | None:
    """The port that a puma, unicorn or gunicorn configuration binds, environment look-ups filled in."""
    filled = _fill(text, environment)
    for pattern in (
        r"""^\s*(?:bind|listen)\s*[=(]?\s*["'](?:tcp|ssl)?(?:://)?[^"'\n]*?:(\d+)""",
        r"""^\s*port\s*\(?\s*["']?(\d+)""",
        r"""^\s*listen\s*\(?\s*["']?(\d+)""",
    ):
        if match := re.search(pattern, filled, re.MULTILINE):
            return int(match[1])
    return None


def binds_loopback(text: str, environment: Mapping[str, str]) -> bool:
    """Whether a configuration binds the loopback address only, as one does behind a web server of the same host."""
    filled = _fill(text, environment)
    return bool(
        re.search(r"""^\s*(?:bind|listen|host)\b[^\n]*(127\.0\.0\.1|localhost|\[?::1\]?)""", filled, re.MULTILINE)
    )


def _fill(text: str, environment: Mapping[str, str]) -> str:
    """Ruby's and Python's environment look-ups replaced by their values or defaults."""
    plain = "\n".join(re.sub(r"^\s*#.*$", "", line) for line in text.split("\n"))

    def value(match: re.Match[str]) -> str:
        return environment.get(match["name"], match["default"] or "")

    default = r"""(?:\s*[,|]+\s*(?:["'](?P<default>[^"']*)["']|(?P<number>\d+)))?"""

    def with_number(match: re.Match[str]) -> str:
        return environment.get(match["name"], match["default"] or match["number"] or "")

    plain = re.sub(
        rf"""#\{{\s*ENV(?:\.fetch\(|\[)\s*["'](?P<name>\w+)["']{default}\s*[)\]]"""
        r"""(?:\s*\|\|\s*["']?(?:[\w.]+)["']?)?\s*\}""",
        with_number,
        plain,
    )
    plain = re.sub(rf"""ENV\.fetch\(\s*["'](?P<name>\w+)["']{default}\s*\)(?:\s*\{{[^}}]*\}})?""", with_number, plain)
    plain = re.sub(r"""ENV\[["'](?P<name>\w+)["']\](?:\s*\|\|\s*["']?(?P<default>[\w.]+)["']?)?""", value, plain)
    return re.sub(
        r"""os\.(?:environ\.get|getenv)\(\s*["'](?P<name>\w+)["'](?:\s*,\s*["']?(?P<default>[^"')]*)["']?)?\)""",
        value,
        plain,
    )


_LISTENS = frozenset("-b --bind -l --listen -listen -o -addr --addr -address --address -http --http".split())
"""Options of an address to listen on."""


def command_port(words: Iterable[str]) -> int | None:
    """The port that a command line names (`-p 3000`, `--port=3000`, `-b tcp://0.0.0.0:3000`, `--bind :8000`)."""
    arguments = list(words)
    for number, word in enumerate(arguments):
        following = arguments[number + 1] if number + 1 < len(arguments) else ""
        name, _, value = word.partition("=")
        if name in ("-p", "--port", "-port", "--http-port", "-http-port") and re.fullmatch(r"\d+", value or following):
            return int(value or following)
        if match := re.fullmatch(r"(?:-D|--)server\.port=(\d+)", word):  # Spring's
            return int(match[1])
        if re.fullmatch(r"-p\d+", word):
            return int(word[2:])
        if name in _LISTENS and (match := re.search(r":(\d+)\D*$", value or following)):
            return int(match[1])
        if match := re.fullmatch(r"(?:tcp://)?(?:\d+\.\d+\.\d+\.\d+|localhost|\*)?:(\d+)", word):
            return int(match[1])
    return None


def health_in(texts: Iterable[str]) -> str:
    """A health path that some text names, "" where there is none."""
    for text in texts:
        if match := re.search(rf"""["'\s]({_HEALTH.pattern})["'\s?]""", text):
            return match[1]
    return ""
