"""What a shell text runs: its simple commands, without the wrappers around them. Nothing is executed or expanded."""

from __future__ import annotations

import re

from analyzer.decide.command_wrappers import SimpleCommand, unwrap
from analyzer.decide.shell_text import Token, tokens, unquoted

_KEYWORDS = frozenset(("if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "in"))
_KEYWORDS |= frozenset("{}!") | {"function"}
_WRITES = re.compile(r"(?:\d*|&)(?:>>|>\||>&|>)\s*(.*)", re.DOTALL)
_NOWHERE = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "&1", "&2", "1", "2", "-"})
_PREPARATION = frozenset(
    {"cd", "set", "export", "source", ".", "umask", "shopt", "unset", "ulimit", "trap", "alias", "eval"}
)


def simple_commands(text: str) -> tuple[SimpleCommand, ...]:
    """The simple commands of a shell text in order; preparation (`cd`, `set`, `export`) is left out unless alone."""
    found: list[SimpleCommand] = []
    depth = 0
    joined = ""
    words: list[Token] = []
    for token in (*_tokens(text), Token("operator", "\n", len(text), len(text))):
        if token.kind != "operator":
            words.append(token)
            continue
        while words and words[0].text in _KEYWORDS:
            keyword = words.pop(0).text
            depth += keyword in ("if", "for", "while", "until", "case", "{")
            depth -= keyword in ("fi", "done", "esac", "}")
            if keyword in ("for", "case", "function"):
                words.clear()
        if words:
            found.extend(_command(words, text, "compound" if depth > 0 or token.text == ")" else joined))
            words = []
        depth += (token.text == "(") - (token.text == ")")
        joined = token.text
    working = [command for command in found if command.words[0] not in _PREPARATION or command.writes]
    return tuple(working or found)


def _tokens(text: str) -> tuple[Token, ...]:
    """The text's tokens; of one that a shell would refuse (a quote stays open) those up to where it ends."""
    for closing in ("", "'", '"', "`", ")", "}"):
        if (found := tokens(text + closing)) is not None:
            return found
    return tuple(Token("word", word[0], word.start(), word.end()) for word in re.finditer(r"[^\s'\"`$(){}]+", text))


def argument_command(words: tuple[str, ...]) -> tuple[SimpleCommand, ...]:
    """The same for an argument vector, where operators mean nothing."""
    return unwrap(SimpleCommand(words=words, text=" ".join(words)), simple_commands) if words else ()


def _command(found: list[Token], text: str, joined: str) -> tuple[SimpleCommand, ...]:
    """One simple command out of its words; the wrapped ones of `bash -c` and the like."""
    words = tuple(unquoted(token.text) for token in found if token.kind == "word")
    if words and words[0].startswith("(("):
        words = ("test", *words)  # an arithmetic condition
    writes = [
        unquoted(match[1])
        for token in found
        if token.kind == "redirection" and (match := _WRITES.fullmatch(token.text))
    ]
    command = SimpleCommand(
        words=words,
        text=text[found[0].start : found[-1].end],
        writes=tuple(path for path in writes if path not in _NOWHERE),
        joined=joined,
    )
    return unwrap(command, simple_commands)
