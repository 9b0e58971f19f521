"""Secrets leave a text before it is written anywhere; what stands around them stays, so that it can still be analysed.

`DB_PASSWORD=hunter2 /srv/bin/job` becomes `DB_PASSWORD=<redacted> /srv/bin/job`. One command gives the same text in a
crontab, in cron's log and in the list of processes, or its runs would not be found again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

from analyzer.read.secret_shapes import (
    AWS_KEY_ID,
    PRIVATE_KEY,
    SENTRY_ADDRESS,
    VAULT_TEXT,
    VENDOR_TOKEN,
    WEB_TOKEN,
    WEBHOOKS,
)
from analyzer.read.secrets import REDACTED, is_secret_name, is_secret_text


class Flavour(StrEnum):
    """How far the value of `NAME=value` reaches in a kind of text."""

    SHELL = "shell"
    """To the end of the shell word: scripts, unit files, logs, lists of processes."""
    CRONTAB = "crontab"
    """A line of its own takes the whole rest of it, a command is shell."""
    CONFIG = "config"
    """To the end of the line, also after `name: ` and `name value`."""
    JOURNAL = "journal"
    """One JSON object a line, its message is shell."""


_MORE_NAMES = re.compile(
    r"(?:^|_)(?:pass|pwd|[a-z0-9]*(?:password|passwd|passphrase|secret|token)|requirepass|masterauth|(?:api|access|private|secret|auth|master|"
    r"encryption|signing|shared|account|subscription|license|storage|deploy)_?keys?|auth|authorization|authpass|apikey|"
    r"secret_?key|bearer|client_?secret|"
    r"private|salt|pepper|sasl_passwd|bindpw|rootpw|cookie|session_?key|webhook(?:_url)?|dsn|connection_?string|"
    r"credentials?|psk|pin)(?:_?(?:base|hash|old|new|current|prod|production|dev|staging|test|value|[0-9]+))*$"
)
"""Broader than the names by which the analysis makes secrets: a name too many costs a value, one too few leaks it."""

_NOT_SECRET_NAMES = re.compile(
    r"^(?:proxy|fastcgi|uwsgi|scgi|grpc|memcached)_pass(?:_reverse|_match)?$|"
    r"(?:^|_)(?:no|without|update|allow|allow_empty|permit|require|use|enable|disable|max|min|num|ssh)_"
    r"(?:pass(?:word|wd)?|pwd|auth|token|secret|salt|cookie)s?$|(?:^|_)(?:token_type|http_cookie|session_cookie)$|"
    r"^(?:ssh_)?auth$|^pwd$|^oldpwd$|^pin$"
)

_HARMLESS = re.compile(
    r"(?:|yes|no|true|false|on|off|none|null|nil|prompt|ask|required|optional|default|0|1|\*|!+|x|md5|scram-sha-256|peer|"
    r"basic|bearer|digest|file|env|(?:files|compat|sss|ldap|db|nis|winbind)(?:\s+\[?[\w=! ]+\]?)*|"
    r"\$\{?[A-Za-z_][\w]*\}?|%\([\w.-]+\)s|\{\{.*\}\}|<%.*%>|<redacted>|"
    r"/(?:etc|run|var|srv|opt|home|root|usr|tmp|dev|proc|data|mnt|secrets)(?:/[\w.@%+-]+)*/?)",
    re.IGNORECASE | re.DOTALL,
)
"""Switches, references to where the value really stands, and paths: they hold no secret."""

_NAME = re.compile(
    r"(?<![A-Za-z0-9_{])(?P<dashes>-{0,2})(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)"
    r"(?P<close>[\"']?)(?P<sep>\s*(?:=>|:=|=|:)\s*|(?<=[\"'])\s*,\s*)"
)
_OPTION = re.compile(r"(?<!\S)(?P<option>--?[A-Za-z][A-Za-z0-9_-]*)(?P<sep>\s+)(?=[^\s-])")
_LINE = re.compile(
    r"^(?P<head>\s*(?:export\s+|set\s+|setenv\s+|-\s+)?)(?P<quote>[\"']?)(?P<name>[A-Za-z_][\w.-]*)(?P=quote)(?P<sep>\s*[=:]\s*|\s+)(?P<value>\S.*)$"
)

_LOGGED = re.compile(r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\S{8,30}) [\w.-]+ [\w./-]+\[\d+\]: ")
"""Time, host and program of a line in a log."""

_BLOCKS = (
    re.compile(
        rf"(?P<keep>{PRIVATE_KEY}).*?"
        r"(?:(?P<end>-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)|\Z)", re.DOTALL),
    re.compile(rf"(?P<keep>{VAULT_TEXT});[^\n]*(?:\n[ \t]*[0-9a-f]{{2,}})*"),
)  # fmt: skip

_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # credentials within a URL: everything up to the last @ before the path
    (
        re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@'\"<>]{0,200}):(?!<redacted>@)[^\s/'\"<>]{1,500}@"),
        rf"\1:{REDACTED}@",
    ),
    (
        re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@'\"<>]{0,200}):(?!<redacted>@|\d{1,5}/)[^\s'\"<>@]{1,500}@"),
        rf"\1:{REDACTED}@",
    ),
    *((re.compile(f"({kept}){secret}"), rf"\1{REDACTED}") for kept, secret in WEBHOOKS),
    (re.compile("({}){}".format(*SENTRY_ADDRESS)), rf"\1{REDACTED}@"),
    (re.compile(f"{AWS_KEY_ID}|{VENDOR_TOKEN}|{WEB_TOKEN}"), REDACTED),
    (re.compile(r"\$(?:1|2[abxy]|5|6|7|y|gy|apr1|argon2\w*|pbkdf2[\w-]*)\$[\w./$=,+-]{12,}"), REDACTED),
    (
        re.compile(
            r"((?:Authorization|X-[\w-]*(?:Token|Key|Auth|Secret)[\w-]*)(?:[\"']?\s*[:=]\s*[\"']?|\s+[\"'])"
            r"(?:(?:Basic|Bearer|Token|Digest|ApiKey)\s+)?)(?!<redacted>)(?![\"'$])[^\s\"',;]{4,}",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    (
        re.compile(
            r"((?:proxy_set_header|fastcgi_param|uwsgi_param|scgi_param|add_header|RequestHeader\s+set)\s+"
            r"[\w-]*(?:token|key|auth|authorization|secret|password)\s+)(?![\"'$]|<redacted>)[^\s\"';]+",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    (re.compile(r"(\$\{\w*(?:PASS|PASSWORD|SECRET|TOKEN|KEY):[-=])(?!<redacted>)[^}\s]+(?=\})"), rf"\1{REDACTED}"),
    (re.compile(r"\b((?:Basic|Bearer)\s+)(?!<redacted>)(?=[^\s\"']*\d)[A-Za-z0-9._~+/-]{8,}=*"), rf"\1{REDACTED}"),
    (
        re.compile(r"(\bIDENTIFIED\s+(?:WITH\s+\w+\s+)?(?:BY|AS)\s+(?:PASSWORD\s+)?)(['\"]).*?\2", re.IGNORECASE),
        rf"\1\2{REDACTED}\2",
    ),
    (
        re.compile(
            r"(<(?P<tag>[\w:.-]*(?:password|passwd|secret|token|passphrase|apikey|api-key|privatekey))\b[^>]*>)"
            r"[^<]+(</(?P=tag)>)",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}\3",
    ),
)
"""Secrets by their look, whatever they are called."""

_WORD = r"(?:\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|\\.|[^\s\"'\\;|&<>()])+"
_WORD_HERE = re.compile(_WORD)
_TEMPLATE = re.compile(r"\{\{.{0,200}?\}\}|<%.{0,200}?%>|\{%.{0,200}?%\}|\$\(.{0,200}?\)")
_CLOCK = re.compile(r"\d{1,2}:\d{2}")
_GAP = r"(?:[^;|&\n]{0,300}?\s)"
"""From a program to its option, within one command."""

_PROGRAMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            rf"(\b(?:mysql\w*|mariadb[\w-]*|mysqldump|xtrabackup|innobackupex)\b{_GAP}-p)(?!<redacted>)({_WORD})"
        ),
        rf"\1{REDACTED}",
    ),
    (re.compile(rf"(\bsshpass\s+(?:-\S+\s+)*?-p\s*)({_WORD})"), rf"\1{REDACTED}"),
    (re.compile(rf"(\bredis-cli\b{_GAP}(?:-a|--pass)[ =]+)({_WORD})"), rf"\1{REDACTED}"),
    (
        re.compile(rf"(\bcurl\b{_GAP}(?:-u|--user|-U|--proxy-user)[ =]*[\"']?[^\s:\"']+:)([^\s\"']+)"),
        rf"\1{REDACTED}",
    ),
    (
        re.compile(rf"(\b(?:ldapsearch|ldapmodify|ldapadd|ldapdelete|ldappasswd)\b{_GAP}-w\s*)({_WORD})"),
        rf"\1{REDACTED}",
    ),
    (re.compile(rf"(\bsmbclient\b{_GAP}-U\s*[^\s%]+%)({_WORD})"), rf"\1{REDACTED}"),
    (re.compile(rf"(\blftp\b{_GAP}-u\s*[^\s,]+,)({_WORD})"), rf"\1{REDACTED}"),
    (
        re.compile(rf"(\b(?:mongo\w*|docker\s+login|zip|unzip|7za?|rar|unrar)\b{_GAP}(?:-p|-P)\s*)(?!-)({_WORD})"),
        rf"\1{REDACTED}",
    ),
    (re.compile(rf"((?:-pass(?:in|out)?|-k)\s+pass:)({_WORD})"), rf"\1{REDACTED}"),
    (re.compile(r"(\bchpasswd\b.*|\becho\s+[\"']?[\w.-]+:)([^\s\"'|]+)(?=[\"']?\s*\|\s*chpasswd)"), rf"\1{REDACTED}"),
    (re.compile(rf"(\bhtpasswd\s+(?:-\w*b\w*)\s+(?:-\S+\s+)*\S+\s+\S+\s+)({_WORD})"), rf"\1{REDACTED}"),
    (
        re.compile(
            r"(\becho\s+(?:-n\s+)?)([\"']?[^\s|\"']+[\"']?)(?=\s*\|\s*(?:sudo\s+(?:-\w+\s+)*-S|\S*\s*--password-stdin|"
            r"docker\s+login))"
        ),
        rf"\1{REDACTED}",
    ),
)
"""Programs that take a password under an option that says nothing."""


def holds_secret(name: str) -> bool:
    """Whether what is called `name` is a secret: the analysis' own names, and others, in any spelling."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    snake = re.sub(r"[^A-Za-z0-9]+", "_", snake).strip("_").lower()
    if _NOT_SECRET_NAMES.search(snake):
        return False
    return is_secret_name(name) or is_secret_name(snake) or _MORE_NAMES.search(snake) is not None


def redact(text: str, flavour: Flavour = Flavour.SHELL) -> str:
    """`text` without the secrets that can be told by their look, their name or the program that takes them.

    The number of lines stays, so that a line of the evidence is the line of the host (a private key loses its inner
    lines' text, not the lines).
    """
    if flavour is Flavour.JOURNAL:
        return "\n".join(_journal_line(line) for line in text.split("\n"))
    for block in _BLOCKS:
        text = block.sub(_emptied, text)
    lines = text.split("\n")
    out: list[str] = []
    hidden_below = -1
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if hidden_below >= 0 and (not line.strip() or indent > hidden_below):
            out.append(" " * indent + REDACTED if line.strip() else line)
            continue
        hidden_below = -1
        if flavour is Flavour.CONFIG and (
            found := re.match(r"(\s*(?:-\s+)?)[\"']?([\w.-]+)[\"']?\s*:\s*[|>][-+0-9]*\s*$", line)
        ):
            hidden_below = len(found[1]) if holds_secret(found[2]) else -1
            out.append(line)
            continue
        logged = _LOGGED.match(line)
        out.append(line[: logged.end()] + _cached(line[logged.end() :], flavour) if logged else _line(line, flavour))
    return "\n".join(out)


def _emptied(match: re.Match[str]) -> str:
    groups = match.groupdict()
    return groups["keep"] + REDACTED + "\n" * match[0].count("\n") + (groups.get("end") or "")


def _journal_line(line: str) -> str:
    if not line.strip():
        return line
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return redact(line)
    if not isinstance(entry, dict):
        return redact(line)
    message = entry.get("MESSAGE")
    if isinstance(message, list) and all(isinstance(one, int) and 0 <= one < 256 for one in message):
        entry["MESSAGE"] = message = bytes(message).decode("utf-8", "replace")
    return json.dumps(redact_data(entry), ensure_ascii=False, sort_keys=True)


@lru_cache(maxsize=8192)
def _cached(line: str, flavour: Flavour) -> str:
    """A log says the same thousands of times."""
    return _line(line, flavour)


def _line(line: str, flavour: Flavour) -> str:
    for pattern, replacement in (*_SHAPES, *_PROGRAMS):
        line = pattern.sub(replacement, line)
    whole = _LINE.match(line) if flavour in (Flavour.CONFIG, Flavour.CRONTAB) else None
    if whole and _whole_line(whole, flavour) and holds_secret(whole["name"]):
        line = line[: whole.start("value")] + _whole_value(whole["value"])
    line = _assignments(line)
    if flavour is not Flavour.CONFIG:
        line = _options(line)
    return REDACTED if is_secret_text(line) else line


def _whole_line(match: re.Match[str], flavour: Flavour) -> bool:
    """A crontab's own setting is `NAME = value`; a configuration file may also say `name value`."""
    if flavour is Flavour.CONFIG:
        return True
    return "=" in match["sep"] and not match["head"].strip()


def _whole_value(value: str) -> str:
    body = value.rstrip()
    tail = value[len(body) :]
    ending = re.search(r"[,;]$|\s+[#;].*$", body)
    end = ending[0] if ending and body[:1] not in "\"'" else ""
    body = body[: len(body) - len(end)] if end else body
    if body[:1] in ('"', "'") and (close := body.find(body[0], 1)) > 0:
        end = body[close + 1 :] if re.fullmatch(r"\s*[,;}\])]*\s*(?:[#;].*)?", body[close + 1 :]) else ""
        inner = body[1:close] if end or close == len(body) - 1 else body
        return value if _HARMLESS.fullmatch(inner) else body[0] + REDACTED + body[0] + end + tail
    word = re.match(_WORD, body)
    if _is_reference(body) or (word and _is_reference(word[0])):
        return value
    return value if _HARMLESS.fullmatch(body) or body in ("{", "[", "|", ">") else REDACTED + end + tail


def _assignments(line: str) -> str:
    """Every `NAME=value`, `name: value`, `"name": "value"` in the line whose name is a secret's."""
    out: list[str] = []
    position = 0
    quoted_to, open_quote = 0, ""
    while found := _NAME.search(line, position):
        start = found.end()
        if not holds_secret(found["name"]) or start >= len(line):
            out.append(line[position : found.end("name")])
            position = found.end("name")
            continue
        if (
            ":" in found["sep"]
            and "=" not in found["sep"]
            and (_CLOCK.match(line, start) or line.startswith("//", start))
        ):
            out.append(line[position:start])
            position = start
            continue
        if template := _TEMPLATE.match(line, start):
            out.append(line[position : template.end()])
            position = template.end()
            continue
        before = line[found.start() - 1] if found.start() and not found["close"] else ""
        open_quote = _open_quote(line[quoted_to : found.start()], open_quote)
        quoted_to = found.start()
        quote = open_quote if not found["close"] else ""
        if before and re.search(r"\s-\w*c\s*.$|\beval\s*.$", line[max(0, found.start() - 20) : found.start()]):
            before = ""  # sh -c "NAME=word command": a command, not a quoted pair
        end = _value_end(line, start, quote, before)
        value = line[start:end]
        quoted = len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]
        inner = value[1:-1] if quoted else value
        kept = not value or _HARMLESS.fullmatch(inner) is not None or _is_reference(inner)
        out.append(line[position:start])
        out.append(value if kept else f"{value[0]}{REDACTED}{value[0]}" if quoted else REDACTED)
        position = end
    out.append(line[position:])
    return "".join(out)


def _options(line: str) -> str:
    """`--password value`, `-password value`: long options whose name is a secret's."""

    def replaced(match: re.Match[str]) -> str:
        return (
            match[0]
            if _HARMLESS.fullmatch(match["value"].strip("\"'")) or _is_reference(match["value"])
            else match["head"] + REDACTED
        )

    def named(match: re.Match[str]) -> bool:
        return holds_secret(match["option"].lstrip("-"))

    out: list[str] = []
    position = 0
    while found := _OPTION.search(line, position):
        out.append(line[position : found.start()])
        if named(found) and len(found["option"].lstrip("-")) > 1 and (word := _WORD_HERE.match(line, found.end())):
            end = word.end()
            whole = re.match(r"(?P<head>--?\S+\s+)(?P<value>.*)", line[found.start() : end], re.DOTALL)
            out.append(replaced(whole) if whole else REDACTED)
            position = end
        else:
            out.append(found[0])
            position = found.end()
    out.append(line[position:])
    return "".join(out)


def _open_quote(text: str, quote: str = "") -> str:
    """The quote that is open at the end of `text`, where `quote` was open at its beginning; "" for none."""
    skip = False
    for letter in text:
        if skip:
            skip = False
        elif letter == "\\" and quote != "'":
            skip = True
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
    return quote


def _value_end(line: str, start: int, quote: str, before: str) -> int:
    """Where the value that begins at `start` ends; `quote` is open there, `before` is the letter before its name."""
    if quote and before == quote:  # "NAME=a value of several words"
        close = re.compile(r"(?:[^\\]|\\.)*?(?=" + re.escape(quote) + ")").match(line, start)
        return close.end() if close and close.end() > start else len(line)
    if quote:  # sh -c "NAME=word command"
        other = "'" if quote == '"' else '"'
        word = re.compile(rf"(?:{other}[^{other}]*{other}|\\.|[^\s\\;|&<>(){quote}{other}])+").match(line, start)
    else:
        word = _WORD_HERE.match(line, start)
    if word is None:  # a quote that never closes: all of it
        return len(line) if line[start : start + 1] in "\"'" else start
    end = word.end()
    return len(line) if not quote and line[end : end + 1] in ("'", '"') else end


def _is_reference(value: str) -> bool:
    """Whether the value only says where the secret comes from: `$(cat /run/secrets/x)`, `${X:-}`, `"$1"`."""
    return (
        re.fullmatch(r"\$(?:\(.*|\{[A-Za-z_]\w*(?::?[-=?+]\}?)?\}?|[A-Za-z0-9_@*]+)", value.strip("\"'"), re.DOTALL)
        is not None
    )


def redact_data(value: Any, name: str = "") -> Any:
    """JSON or YAML data with secrets replaced: by the name of their key, of a `Name`/`Value` pair, or by their look."""
    if isinstance(value, Mapping):
        pair = value.get("Key", value.get("Name"))
        inner = pair if isinstance(pair, str) and set(value) <= {"Key", "Name", "Value"} else ""
        return {key: redact_data(item, inner if key == "Value" and inner else str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_data(item, name) for item in value]
    if isinstance(value, str):
        if holds_secret(name) and not _HARMLESS.fullmatch(value) and not _is_reference(value):
            return REDACTED
        return redact(value)
    if isinstance(value, int) and not isinstance(value, bool) and holds_secret(name) and value > 1:
        return REDACTED
    return value
