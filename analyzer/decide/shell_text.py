"""The parts of a shell text, for crontabs and tasks alike: words, operators, redirections, with their positions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from msgspec import Struct


class Token(Struct, frozen=True):
    """One word, operator or redirection (with its target) of a command line."""

    kind: Literal["word", "operator", "redirection"]
    text: str
    start: int
    end: int


class Simple(Struct, frozen=True):
    """One simple command: its words and redirections, up to the operator that ends it."""

    words: tuple[Token, ...]
    redirections: tuple[Token, ...]
    ended_by: str
    """`&&`, `||`, `;`, `|`, `|&`, `&`, `)`, `}` or "" at the end."""
    depth: int
    """Parentheses and braces around it."""

    @property
    def program(self) -> str:
        """Name of what it runs, without folder and assignments before it."""
        for word in self.words:
            if not re.match(r"[A-Za-z_]\w*=", word.text):
                return plain(word.text).rpartition("/")[2]
        return ""


_OPERATOR = re.compile(r"&&|\|\||;;|\|&|[;|&()\n]")
_BLANK = re.compile(r"(?:[ \t\r]|\\\n)+")
_HERE = re.compile(r"\d*<<(-?)(?!<)[ \t]*(.+)", re.DOTALL)
_REDIRECTION = re.compile(r"(?:\d*(?:>>|>\||>&|<<<|<<-?|<&|<>|>(?!\()|<(?!\())|&>>|&>)[ \t]*")


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[Token, ...] | None:
    """The tokens of a text, without the bodies of here-documents; None where quotes or parentheses stay open.

    They do after a cut at cron's `%`, for one.
    """
    found: list[Token] = []
    here: list[str] = []
    position, length = 0, len(text)
    while position < length:
        if blank := _BLANK.match(text, position):
            position = blank.end()
        elif text[position] == "#" and (position == 0 or text[position - 1] in " \t\n;&|("):
            end = text.find("\n", position)
            position = length if end < 0 else end
        elif text.startswith("((", position) and (end := text.find("))", position)) > 0:
            found.append(Token("word", text[position : end + 2], position, end + 2))
            position = end + 2
        elif (match := _REDIRECTION.match(text, position)) and text[match.end() :]:
            stop = _word_end(text, match.end())
            if stop is None:
                return None
            found.append(Token("redirection", text[position:stop], position, stop))
            if document := _HERE.fullmatch(text, position, stop):
                here.append(unquoted(document[2]))
            position = stop
        elif match := _OPERATOR.match(text, position):
            found.append(Token("operator", match.group(), position, match.end()))
            position = match.end()
            if match.group() == "\n" and here:
                position = _after_documents(text, position, here)
                here.clear()
        else:
            stop = _word_end(text, position)
            if stop is None:
                return None
            found.append(Token("word", text[position:stop], position, stop))
            position = max(stop, position + 1)
    return tuple(found)


def _word_end(text: str, position: int) -> int | None:
    """Where the word that starts at `position` ends; None where something in it stays open."""
    length = len(text)
    while position < length:
        character = text[position]
        if text.startswith(("<(", ">("), position):
            inner = _substitution_end(text, position + 2)
            if inner is None:
                return None
            position = inner
        elif character in " \t\r\n;|&()<>":
            return position
        elif character == "\\":
            position += 2
        elif character == "'":
            end = text.find("'", position + 1)
            if end < 0:
                return None
            position = end + 1
        elif character == '"':
            inner = _quoted_end(text, position + 1)
            if inner is None:
                return None
            position = inner
        elif character == "`":
            end = text.find("`", position + 1)
            if end < 0:
                return None
            position = end + 1
        elif text.startswith("$(", position):
            inner = _substitution_end(text, position + 2)
            if inner is None:
                return None
            position = inner
        elif text.startswith("${", position):
            end = text.find("}", position)
            if end < 0:
                return None
            position = end + 1
        else:
            position += 1
    return min(position, length)


def _after_documents(text: str, position: int, words: Sequence[str]) -> int:
    """Where the shell reads on after here-documents that end with `words`."""
    for word in words:
        while position < len(text):
            line, _, _ = text[position:].partition("\n")
            position = min(position + len(line) + 1, len(text))
            if line.strip() == word:
                break
    return position


def _quoted_end(text: str, position: int) -> int | None:
    while position < len(text):
        if text[position] == '"':
            return position + 1
        if text[position] == "\\":
            position += 2
        elif text.startswith("$(", position):
            inner = _substitution_end(text, position + 2)
            if inner is None:
                return None
            position = inner
        else:
            position += 1
    return None


def _substitution_end(text: str, position: int) -> int | None:
    depth = 1
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 2
            continue
        if character == "'":
            end = text.find("'", position + 1)
            if end < 0:
                return None
            position = end
        elif character == '"':
            inner = _quoted_end(text, position + 1)
            if inner is None:
                return None
            position = inner - 1
        elif character in "()":
            depth += 1 if character == "(" else -1
            if depth == 0:
                return position + 1
        position += 1
    return None


def simple_commands(found: Sequence[Token]) -> tuple[Simple, ...]:
    """The simple commands in order, those in groups too."""
    result: list[Simple] = []
    words: list[Token] = []
    redirections: list[Token] = []
    depth = 0

    def close(operator: str) -> None:
        if words or redirections:
            result.append(Simple(tuple(words), tuple(redirections), operator, depth))
            words.clear()
            redirections.clear()

    for token in found:
        if token.kind == "redirection":
            redirections.append(token)
        elif token.kind == "operator":
            close(token.text)
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        elif token.text == "{" and not words:
            depth += 1
        elif token.text == "}" and not words:
            close("}")
            depth -= 1
        elif token.text in {"!", "if", "then", "else", "elif", "fi", "while", "until", "do", "done"} and not words:
            continue
        else:
            words.append(token)
    close("")
    return tuple(result)


def plain(word: str) -> str:
    """A word without its quotes, where they only quote."""
    if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" and word[0] not in word[1:-1]:
        return word[1:-1]
    return re.sub(r"\\(.)", r"\1", word)


def unquoted(word: str) -> str:
    """A word as the program gets it: quotes removed wherever they stand, substitutions kept as written."""
    result: list[str] = []
    position = 0
    while position < len(word):
        stop = position + 1
        match word[position]:
            case "'":
                stop = word.find("'", position + 1) + 1 or len(word)
                result.append(word[position + 1 : stop - 1])
            case '"':
                stop = _quoted_end(word, position + 1) or len(word)
                result.append(re.sub(r'\\(["\\$`])', r"\1", word[position + 1 : stop - 1]))
            case "\\":
                stop = position + 2
                result.append(word[position + 1 : stop])
            case "$" if word.startswith("$(", position):
                stop = _substitution_end(word, position + 2) or len(word)
                result.append(word[position:stop])
            case "`":
                stop = word.find("`", position + 1) + 1 or len(word)
                result.append(word[position:stop])
            case character:
                result.append(character)
        position = stop
    return "".join(result)


def quoted(word: str) -> str:
    """`word` in single quotes where the shell would otherwise read something into it."""
    if re.fullmatch(r"[A-Za-z0-9_@%+=:,./-]+", word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"
