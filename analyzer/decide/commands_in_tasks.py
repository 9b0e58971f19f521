"""What a shell text runs: its simple commands, without the wrappers around them. Nothing is executed or expanded."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace

_OPERATORS = ("&&", "||", ";;", "|&", ";", "|", "&", "\n", "(", ")")
_KEYWORDS = frozenset(
    {
        "if",
        "then",
        "elif",
        "else",
        "fi",
        "for",
        "while",
        "until",
        "do",
        "done",
        "case",
        "esac",
        "in",
        "{",
        "}",
        "!",
        "function",
    }
)
_ASSIGNMENT = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*\+?=")
_REDIRECTION = re.compile(r"^(\d*|&)(>>|>\||>&|<<<|<<-?|<&|>|<)(.*)$", re.DOTALL)
_NOWHERE = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "&1", "&2", "1", "2", "-"})
_WRAPPERS = frozenset(
    {"nice", "ionice", "nohup", "time", "exec", "command", "builtin", "eatmydata", "chronic", "stdbuf"}
)
_VALUE_OPTIONS = {"sudo": "ugUChpr", "nice": "n", "ionice": "cnp", "timeout": "ks", "env": "uC", "stdbuf": "ioe"}
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash"})
_PREPARATION = frozenset(
    {"cd", "set", "export", "source", ".", "umask", "shopt", "unset", "ulimit", "trap", "alias", "eval"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimpleCommand:
    """One program with its words."""

    words: tuple[str, ...]
    """The program (without its folder) and everything after it; quotes removed."""
    text: str
    """As written, for pieces that are kept."""
    writes: tuple[str, ...] = ()
    """Files that redirections write."""
    joined: str = ""
    """The operator before it: "", `&&`, `||`, `;`, `|`, `&`, a line feed, or `compound` inside if, for, while, ( )."""
    user: str = ""
    """From `sudo -u`, `su -`, `runuser`."""

    @property
    def operands(self) -> tuple[str, ...]:
        """Words after the program that are no options."""
        return tuple(word for word in self.words[1:] if not word.startswith("-"))


def simple_commands(text: str) -> tuple[SimpleCommand, ...]:
    """The simple commands of a shell text in order; preparation (`cd`, `set`, `export`) is left out unless alone."""
    found: list[SimpleCommand] = []
    depth = 0
    joined = ""
    words: list[_Word] = []
    for token in [*_tokens(text), _Word("\n", "\n", operator=True)]:
        if not token.operator:
            words.append(token)
            continue
        while words and words[0].plain in _KEYWORDS and not words[0].quoted:
            keyword = words.pop(0).plain
            depth += keyword in ("if", "for", "while", "until", "case", "{")
            depth -= keyword in ("fi", "done", "esac", "}")
            if keyword in ("for", "case", "function"):
                words.clear()
        if words:
            found.extend(_command(words, "compound" if depth > 0 or token.plain == ")" else joined))
            words = []
        depth += (token.plain == "(") - (token.plain == ")")
        joined = token.plain
    working = [command for command in found if command.words[0] not in _PREPARATION or command.writes]
    return tuple(working or found)


def argument_command(words: tuple[str, ...]) -> tuple[SimpleCommand, ...]:
    """The same for an argument vector, where operators mean nothing."""
    return _command([_Word(word, word, quoted=True) for word in words], "", literal=True) if words else ()


@dataclass(frozen=True, slots=True)
class _Word:
    plain: str
    written: str
    quoted: bool = False
    operator: bool = False


def _tokens(text: str) -> list[_Word]:
    """Words and operators; quotes removed, substitutions kept as they stand, here-documents skipped."""
    tokens: list[_Word] = []
    plain: list[str] = []
    start = position = 0
    quoted = inside = False
    heredocs: list[str] = []

    def end(at: int) -> None:
        nonlocal inside, quoted
        if inside:
            word = _Word("".join(plain), text[start:at], quoted)
            if tokens and not tokens[-1].operator and re.fullmatch(r"\d*<<-?", tokens[-1].plain):
                heredocs.append(word.plain)
            elif (match := re.fullmatch(r"\d*<<-?([^<\s].*)", word.plain)) and not word.plain.startswith("<<<"):
                heredocs.append(match[1])
            tokens.append(word)
            plain.clear()
        inside = quoted = False

    while position < len(text):
        char = text[position]
        if not inside:
            start = position
        if char == "\\":
            if text[position + 1 : position + 2] == "\n":
                position += 2
                continue
            plain.append(text[position + 1 : position + 2])
            inside = True
            position += 2
        elif char in "'\"":
            stop = _quote_end(text, position)
            plain.append(text[position + 1 : stop])
            inside = quoted = True
            position = stop + 1
        elif text.startswith(("$(", "`", "${", "<(", ">("), position):
            stop = _substitution_end(text, position)
            plain.append(text[position:stop])
            inside = True
            position = stop
        elif char == "#" and not inside:
            stop = text.find("\n", position)
            position = len(text) if stop < 0 else stop
        elif char in " \t\r":
            end(position)
            position += 1
        elif (operator := next((one for one in _OPERATORS if text.startswith(one, position)), "")) and not (
            operator == "&"
            and (text[position + 1 : position + 2] == ">" or text[position - 1 : position] in (">", "<"))
        ):
            end(position)
            tokens.append(_Word(operator, operator, operator=True))
            position += len(operator)
            if operator == "\n" and heredocs:
                position = _skip_heredocs(text, position, heredocs)
        else:
            plain.append(char)
            inside = True
            position += 1
    end(len(text))
    return tokens


def _quote_end(text: str, position: int) -> int:
    quote = text[position]
    stop = position + 1
    while stop < len(text) and text[stop] != quote:
        stop += 2 if quote == '"' and text[stop] == "\\" else 1
    return min(stop, len(text))


def _substitution_end(text: str, position: int) -> int:
    if text[position] == "`":
        stop = text.find("`", position + 1)
        return len(text) if stop < 0 else stop + 1
    opening = text[position + 1]
    closing = ")" if opening == "(" else "}"
    depth = 0
    stop = position + 1
    while stop < len(text):
        if text[stop] in "'\"":
            stop = _quote_end(text, stop)
        elif text[stop] == opening:
            depth += 1
        elif text[stop] == closing:
            depth -= 1
            if depth == 0:
                return stop + 1
        stop += 1
    return len(text)


def _skip_heredocs(text: str, position: int, heredocs: list[str]) -> int:
    for word in heredocs:
        while position < len(text):
            stop = text.find("\n", position)
            stop = len(text) if stop < 0 else stop
            line = text[position:stop]
            position = min(stop + 1, len(text))
            if line.strip() == word:
                break
    heredocs.clear()
    return position


def _command(words: list[_Word], joined: str, *, literal: bool = False) -> tuple[SimpleCommand, ...]:
    """One simple command out of its words; the wrapped ones of `bash -c` and the like."""
    plain: list[str] = []
    writes: list[str] = []
    pending = ""
    for word in words:
        redirection = _REDIRECTION.match(word.plain) if word.written[:1] in "0123456789<>&" else None
        if literal:
            redirection = None
        if pending:
            if ">" in pending and word.plain not in _NOWHERE:
                writes.append(word.plain)
            pending = ""
        elif redirection and not word.plain.startswith(("<(", ">(")):
            if not redirection[3]:
                pending = redirection[2]
            elif ">" in redirection[2] and redirection[3] not in _NOWHERE:
                writes.append(redirection[3])
        else:
            plain.append(word.plain)
    written = " ".join(word.written for word in words)
    command = SimpleCommand(words=tuple(plain), text=written, writes=tuple(writes), joined=joined)
    return _unwrap(command)


def _unwrap(command: SimpleCommand) -> tuple[SimpleCommand, ...]:
    words = list(command.words)
    user = command.user
    while words:
        if _ASSIGNMENT.match(words[0]):
            words.pop(0)
            continue
        program = posixpath.basename(words[0])
        if program in ("sudo", "env", "timeout", *_WRAPPERS):
            words, who = _without_options(program, words[1:])
            user = who or user
            if program == "timeout" and words:
                words.pop(0)
        elif program in ("su", "runuser") and (inner := _su(words)) is not None:
            who, inside = inner
            return _inner(inside, who, command)
        elif program in _SHELLS and (script := _shell_text(words)) is not None:
            return _inner(script, user, command)
        elif program in ("bundle", "bundler", "rbenv") and words[1:2] == ["exec"] and len(words) > 2:
            words = words[2:]
        else:
            words[0] = program or words[0]
            break
    if not words and not command.writes:
        return ()
    return (replace(command, words=tuple(words) or (":",), user=user),)


def _inner(text: str, user: str, outer: SimpleCommand) -> tuple[SimpleCommand, ...]:
    """The commands of a text that another shell runs; none of them is a piece of the outer text."""
    return tuple(
        replace(one, user=one.user or user, joined="compound", writes=(*one.writes, *outer.writes))
        for one in simple_commands(text)
    )


def _without_options(program: str, words: list[str]) -> tuple[list[str], str]:
    user = ""
    values = _VALUE_OPTIONS.get(program, "")
    while words and (words[0].startswith("-") or (program in ("sudo", "env") and _ASSIGNMENT.match(words[0]))):
        option = words.pop(0)
        if option == "--":
            break
        if len(option) == 2 and option[1] in values and words:
            value = words.pop(0)
            user = value if program == "sudo" and option == "-u" else user
        elif program == "sudo" and option.startswith("--user="):
            user = option.removeprefix("--user=")
    return words, user


def _su(words: list[str]) -> tuple[str, str] | None:
    user = ""
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        if word in ("-c", "--command") and rest:
            text = rest.pop(0)
            remaining = [one for one in rest if not one.startswith("-")]
            return (user or (remaining[0] if remaining else "root"), text)
        if word in ("-s", "-u") and rest:
            value = rest.pop(0)
            user = value if word == "-u" else user
        elif not word.startswith("-"):
            user = user or word
        elif word == "--" and rest:
            return user, " ".join(rest)
    return None


def _shell_text(words: list[str]) -> str | None:
    for position, word in enumerate(words[1:], 1):
        if word.startswith("-") and not word.startswith("--") and word.endswith("c"):
            return words[position + 1] if position + 1 < len(words) else None
        if not word.startswith("-"):
            return None
    return None
