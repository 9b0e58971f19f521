"""Edits of a file that only the build knows, since a package brings it: GNU sed and grep, perl where those end."""

from __future__ import annotations

import re
from collections.abc import Mapping

from analyzer.decide.image_edit_ini import ini_commands
from analyzer.decide.image_edits import EditError, is_true
from analyzer.decide.image_paths import is_existing
from analyzer.decide.image_shell import Command, has_marker, quote
from analyzer.model import EditFile, Unknown, Value, Via


def edit_commands(edit: EditFile, via: Via) -> tuple[Command, ...]:
    """Commands that edit `edit.path` in the image as the module would; EditError where they would not be the same."""
    if any(isinstance(value, Unknown) for value in edit.args.values()):
        raise EditError("an argument of the edit is unknown")
    if any(has_marker(str(value)) for value in edit.args.values()):
        raise EditError("a secret or parameter would be baked into a file whose other content only the build knows")
    match edit.method:
        case "lineinfile":
            lines = _lineinfile(edit)
        case "blockinfile":
            lines = _blockinfile(edit)
        case "replace":
            lines = _replace(edit)
        case "ini_file":
            lines = ini_commands(edit)
    return (Command(lines=tuple(lines), via=(via,)),)


def _text(args: Mapping[str, Value], name: str) -> str | None:
    value = args.get(name)
    return None if value is None else str(value)


# -- regular expressions ---------------------------------------------------------------------------------------------

_CLASSES = {"d": "[0-9]", "D": "[^0-9]", "s": "[[:space:]]", "S": "[^[:space:]]", "A": "^", "Z": "$"}
_INNER = {"d": "0-9", "s": "[:space:]", "w": "[:alnum:]_", "n": "\\n", "t": "\\t"}


def extended_regexp(pattern: str) -> str:
    """A Python pattern as a POSIX extended one, written between slashes; EditError where sed has no such thing."""
    out: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        following = pattern[position + 1 : position + 2]
        if character == "\\":
            out.append(_escape(following, pattern))
            position += 2
        elif character == "[":
            bracket, position = _bracket(pattern, position)
            out.append(bracket)
        elif pattern.startswith("(?:", position):
            if re.search(r"\\[1-9]", pattern):
                raise EditError(f"sed cannot number the groups of {pattern!r}")
            out.append("(")
            position += 3
        elif character == "(" and following == "?":
            raise EditError(f"sed has no counterpart of a group in {pattern!r}")
        elif character in "*+?}" and following in ("?", "+"):
            raise EditError(f"sed has no lazy or possessive repetition as in {pattern!r}")
        elif character == "{" and not re.match(r"\{\d+(,\d*)?\}", pattern[position:]):
            out.append("\\{")
            position += 1
        elif character == "/":
            out.append("\\/")
            position += 1
        elif ord(character) < 0x20:
            raise EditError(f"the pattern {pattern!r} spans lines")
        else:
            out.append(character)
            position += 1
    text = "".join(out)
    # the module's lines end with their line feed, sed's do not: white space that must follow may be that line feed
    return re.sub(r"(\[\[:space:]])([+]?)$", r"(\1\2|$)", text)


def _escape(character: str, pattern: str) -> str:
    if character in _CLASSES:
        return _CLASSES[character]
    if character and (character in "wWbB" or (character.isdigit() and character != "0")):
        return "\\" + character
    if character == "t":
        return "\\t"
    if not character or character.isalnum():
        raise EditError(f"sed has no counterpart of \\{character} in {pattern!r}")
    return "\\" + character if character in ".[]{}()*+?^$|\\/" else character


def _bracket(pattern: str, start: int) -> tuple[str, int]:
    """A bracket expression and the position after it."""
    position = start + 1
    negated = pattern.startswith("^", position)
    position += negated
    first, inner, last = "", "", ""
    empty = True
    while position < len(pattern) and (pattern[position] != "]" or empty):
        character = pattern[position]
        empty = False
        if character == "\\":
            character = pattern[position + 1 : position + 2]
            position += 1
            if character in _INNER:
                inner += _INNER[character]
            elif character == "]":
                first = "]"
            elif character == "-":
                last = "-"
            elif character.isalnum():
                raise EditError(f"sed has no counterpart of \\{character} in {pattern!r}")
            else:
                inner += character
        elif character == "]":
            first = "]"
        else:
            inner += character
        position += 1
    return "[" + ("^" if negated else "") + first + inner + last + "]", position + 1


def literal(text: str) -> str:
    """A pattern of sed's between slashes that matches `text` itself."""
    return re.sub(r"([.\[\]{}()*+?^$|\\/])", r"\\\1", text)


def _replacement(text: str) -> str:
    """The right side of an `s` command: Python's group references stay, everything else is literal."""
    out = []
    for reference, escaped, character in re.findall(r"\\(?:g<)?([1-9])>?|\\(.)|(.)", text, flags=re.DOTALL):
        if reference:
            out.append("\\" + reference)
        else:
            each = escaped or character
            out.append(("\\" + each) if each in "&/\\" else "\\n" if each == "\n" else each)
    return "".join(out)


# -- lineinfile ------------------------------------------------------------------------------------------------------


def _one_line(text: str) -> str:
    """A line as the text of sed's a, c or i."""
    if "\n" in text.rstrip("\n"):
        raise EditError("the line itself has several lines")
    return text.rstrip("\n").replace("\\", "\\\\")


def _number(variable: str, pattern: str, path: str, *, first: bool) -> list[str]:
    """Sets `variable` to the number of the last (or first) line that matches, to nothing where none does."""
    keep = f"{variable}%%[!0-9]*" if first else f"{variable}##*[!0-9]"
    return [f'{variable}="$(sed -En {quote(f"/{pattern}/=")} {path})"', f'{variable}="${{{keep}}}"']


def _joined(commands: list[str]) -> list[str]:
    return [text + (" &&" if number < len(commands) - 1 else "") for number, text in enumerate(commands)]


def _prepare(edit: EditFile) -> list[str]:
    if not is_true(edit.args.get("create", edit.method == "ini_file")):
        return []
    path = quote(edit.path)
    folder = edit.path.rsplit("/", 1)[0] or "/"
    return [*([] if is_existing(folder) else [f"mkdir -p {quote(folder)}"]), f"touch {path}"]


def _insertion(edit: EditFile, text: str, *, first: bool) -> list[str]:
    """Commands that put the sed text `text` to its anchor."""
    args, path = edit.args, quote(edit.path)
    after, before = _text(args, "insertafter"), _text(args, "insertbefore")
    plain = text.replace("\\\\", "\\").split("\\n") if edit.method == "blockinfile" else [text.replace("\\\\", "\\")]
    append = f"printf '%s\\n' {' '.join(quote(each) for each in plain)} >> {path}"
    if after == "BOF" or before == "BOF":
        return [f"if [ -s {path} ]; then sed -i {quote('1i' + chr(92) + text)} {path}; else {append}; fi"]
    anchor = after if after not in (None, "EOF") else before
    if anchor in (None, "EOF"):
        return [append]
    verb = "a" if anchor == after else "i"
    return [
        *_number("at", extended_regexp(str(anchor)), path, first=first),
        f'if [ -n "$at" ]; then sed -i "${{at}}"{quote(verb + chr(92) + text)} {path}; else {append}; fi',
    ]


def _lineinfile(edit: EditFile) -> list[str]:
    args, path = edit.args, quote(edit.path)
    regexp, search, line = _text(args, "regexp"), _text(args, "search_string"), _text(args, "line")
    pattern = extended_regexp(regexp) if regexp is not None else literal(search) if search is not None else None
    if args.get("state") == "absent":
        if pattern is None:
            if line is None:
                raise EditError("neither line, regexp nor search_string says what is removed")
            pattern = f"^{literal(line)}$"
        return [f"if [ -e {path} ]; then sed -Ei {quote(f'/{pattern}/d')} {path}; fi"]
    if line is None:
        raise EditError("line is missing")
    text = _one_line(line)
    first = is_true(args.get("firstmatch"))
    backrefs = is_true(args.get("backrefs"))
    insertion = [] if backrefs else _insertion(edit, text, first=first)
    known = f"grep -qxF -e {quote(line)} {path}"
    if pattern is None:
        if len(insertion) == 1:
            return _joined([*_prepare(edit), f"{{ {known} || {insertion[0]}; }}"])
        return [*_joined([*_prepare(edit), f"if ! {known}; then"]), *_indented(insertion), "fi"]
    if backrefs:
        change = _backrefs(regexp or "", pattern, line)
        return _joined([
            *_prepare(edit),
            *_number("n", pattern, path, first=first),
            f'if [ -n "$n" ]; then sed -Ei "${{n}}"{quote(change)} {path}; fi',
        ])  # fmt: skip
    change = "c" + chr(92) + text if text else "s/.*//"
    return [
        *_joined([
            *_prepare(edit),
            *_number("n", pattern, path, first=first),
            f'if [ -n "$n" ]; then sed -i "${{n}}"{quote(change)} {path};',
        ]),
        f"elif ! {known}; then",
        *_indented(insertion),
        "fi",
    ]  # fmt: skip


def _indented(commands: list[str]) -> list[str]:
    """The body of an `if`: joined by `&&` so that a failure is not lost, the last one closed by `;`."""
    joined = _joined(commands)
    return ["  " + text for text in joined[:-1]] + [f"  {joined[-1]};"]


def _backrefs(regexp: str, pattern: str, line: str) -> str:
    """The whole line becomes `line` with the groups of the match in it."""
    if not regexp.startswith("^"):
        raise EditError("backrefs with a pattern that is not anchored at the line's start")
    if "(?:" in regexp:
        raise EditError("sed cannot number the groups of the pattern")
    whole = pattern if pattern.endswith("$") and not pattern.endswith("\\$") else pattern + ".*$"
    return f"s/{whole}/{_replacement(_one_line(line).replace(chr(92) * 2, chr(92)))}/"


# -- the others ------------------------------------------------------------------------------------------------------


def _blockinfile(edit: EditFile) -> list[str]:
    args, path = edit.args, quote(edit.path)
    if is_true(args.get("append_newline")) or is_true(args.get("prepend_newline")):
        raise EditError("blank lines around the block depend on lines that only the build knows")
    marker = _text(args, "marker") or "# {mark} ANSIBLE MANAGED BLOCK"
    begin = marker.replace("{mark}", _text(args, "marker_begin") or "BEGIN")
    end = marker.replace("{mark}", _text(args, "marker_end") or "END")
    removal = f"sed -Ei {quote(f'/^{literal(begin)}$/,/^{literal(end)}$/d')} {path}"
    block = _text(args, "block") or ""
    if args.get("state") == "absent" or not block:
        return [f"if [ -e {path} ]; then {removal}; fi"]
    text = "\\n".join(each.replace("\\", "\\\\") for each in [begin, *block.removesuffix("\n").split("\n"), end])
    there = f"grep -qxF -e {quote(begin)} {path}"
    change = f"sed -Ei {quote(f'/^{literal(begin)}$/,/^{literal(end)}$/c{chr(92)}{text}')} {path}"
    return [
        *_joined([*_prepare(edit), f"if {there}; then {change};"]),
        "else",
        *_indented(_insertion(edit, text, first=False)),
        "fi",
    ]


def _replace(edit: EditFile) -> list[str]:
    args, path = edit.args, quote(edit.path)
    regexp, new = _text(args, "regexp"), _text(args, "replace") or ""
    if regexp is None:
        raise EditError("regexp is missing")
    if args.get("after") or args.get("before"):
        return [_between(_text(args, "after") or "", _text(args, "before") or "", regexp, new, path)]
    # where a pattern may reach over a line's end, sed (which sees one line at a time) is not the same
    if re.search(r"\\[sSWDn]|\[\^|\(\?", regexp) or "\n" in regexp:
        return [f"perl -0777 -pi -e {quote(_perl(regexp, new))} {path}"]
    try:
        return [f"sed -Ei {quote(f's/{extended_regexp(regexp)}/{_replacement(new)}/g')} {path}"]
    except EditError:
        return [f"perl -0777 -pi -e {quote(_perl(regexp, new))} {path}"]


def _between(after: str, before: str, regexp: str, new: str, path: str) -> str:
    """The replacement between two patterns only, as the module finds them: the first place, over line ends."""
    _perl(after, "")
    _perl(before, "")
    inner = "(.*?)" if after and before else "(.*)"
    number = re.compile(after).groups + 1
    find = re.sub(r"(?<!\\)([/@])", r"\\\1", f"{after}{inner}{before}".replace("\n", "\\n"))
    program = (
        f"if (/{find}/s) {{ my ($b, $e) = ($-[{number}], $+[{number}]); my $s = substr($_, $b, $e - $b);"
        f" $s =~ {_perl(regexp, new)}; substr($_, $b, $e - $b) = $s }}"
    )
    return f"perl -0777 -pi -e {quote(program)} {path}"


def _perl(regexp: str, new: str) -> str:
    if re.search(r"(?<!\\)[$](?![)|]|$)|\\Z|\(\?P", regexp) or "\n" in regexp + new:
        raise EditError(f"the pattern {regexp!r} has no counterpart in sed or perl")
    left = re.sub(r"(?<!\\)([/@])", r"\\\1", regexp)
    right = []
    for reference, escaped, character in re.findall(r"\\(?:g<)?([1-9])>?|\\(.)|(.)", new, flags=re.DOTALL):
        if reference:
            right.append(f"${{{reference}}}")
        elif escaped in ("n", "t"):
            right.append("\\" + escaped)
        else:
            each = escaped or character
            right.append(("\\" + each) if each in "$@/\\" else each)
    return f"s/{left}/{''.join(right)}/mg"
