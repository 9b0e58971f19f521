"""Edits of a file whose content is known, with the meaning of Ansible's own modules (which are the oracle)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, field

from analyzer.model import EditFile, Unknown, Value


class EditError(Exception):
    """The edit cannot be made, as the module would fail too; the text says why."""


TRUE = frozenset({"true", "yes", "on", "1", "y", "t"})


def is_true(value: Value) -> bool:
    """Ansible's boolean conversion of an argument."""
    return value is True or (isinstance(value, (str, int)) and str(value).lower() in TRUE)


def apply_edit(data: bytes | None, edit: EditFile) -> bytes | None:
    """The file after `edit`; `data` None means that there is no file yet. None back: there still is none.

    Raises EditError where the module would fail or where an argument is unknown.
    """
    if any(isinstance(value, Unknown) for value in edit.args.values()):
        raise EditError("an argument of the edit is unknown")
    absent = edit.args.get("state") == "absent"
    if data is None:
        if absent and edit.method in ("lineinfile", "ini_file"):
            return None
        if edit.method == "replace" or not is_true(edit.args.get("create", edit.method == "ini_file")):
            raise EditError(f"{edit.path} is not there before the edit")
    try:
        match edit.method:
            case "lineinfile":
                return _lineinfile(data or b"", edit.args)
            case "blockinfile":
                return _blockinfile(data or b"", edit.args)
            case "replace":
                return _replace((data or b"").decode(), edit.args).encode()
            case "ini_file":
                return _IniEdit.of(edit.args).apply((data or b"").decode("utf-8-sig")).encode()
    except re.error as error:
        raise EditError(f"the regular expression is not valid: {error}") from error
    except UnicodeDecodeError as error:
        raise EditError("the file is not UTF-8") from error


def _text(args: Mapping[str, Value], name: str) -> str | None:
    value = args.get(name)
    return None if value is None else str(value)


def _bytes(args: Mapping[str, Value], name: str) -> bytes | None:
    value = _text(args, name)
    return None if value is None else value.encode()


def _bare(line: bytes) -> bytes:
    return line.rstrip(b"\r\n")


def _anchor(args: Mapping[str, Value]) -> tuple[str, re.Pattern[bytes] | None]:
    """Where a line goes when nothing matches: ("after" | "before" | "BOF" | "EOF", pattern)."""
    after, before = _text(args, "insertafter"), _text(args, "insertbefore")
    if after in ("BOF", "EOF"):
        return after, None
    if after is not None:
        return "after", re.compile(after.encode())
    if before == "BOF":
        return "BOF", None
    if before is not None:
        return "before", re.compile(before.encode())
    return "EOF", None


def _lineinfile(data: bytes, args: Mapping[str, Value]) -> bytes:
    lines = data.split(b"\n")
    lines = [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    regexp, search, line = _bytes(args, "regexp"), _bytes(args, "search_string"), _bytes(args, "line")
    pattern = re.compile(regexp) if regexp is not None else None

    if args.get("state") == "absent":
        if pattern is not None:
            return b"".join(each for each in lines if not pattern.search(each))
        if search is not None:
            return b"".join(each for each in lines if search not in each)
        if line is None:
            raise EditError("neither line, regexp nor search_string says what is removed")
        return b"".join(each for each in lines if _bare(each) != line)

    if line is None:
        raise EditError("line is missing")
    first = is_true(args.get("firstmatch"))
    found, match = _last_match(lines, pattern, search, first=first)
    if found is not None:
        expand = is_true(args.get("backrefs")) and isinstance(match, re.Match)
        new = match.expand(line) if expand and match is not None else line
        lines[found] = new if new.endswith(b"\n") else new + b"\n"
        return b"".join(lines)
    return b"".join(_insert_line(lines, line, args, first=first))


def _last_match(
    lines: list[bytes], pattern: re.Pattern[bytes] | None, search: bytes | None, *, first: bool
) -> tuple[int | None, re.Match[bytes] | None]:
    found: tuple[int | None, re.Match[bytes] | None] = (None, None)
    for number, each in enumerate(lines):
        match = pattern.search(each) if pattern is not None else None
        if match is not None or (search is not None and search in each):
            found = (number, match)
            if first:
                break
    return found


def _insert_line(lines: list[bytes], line: bytes, args: Mapping[str, Value], *, first: bool) -> list[bytes]:
    """No line matched: the line goes to its anchor, unless it stands there already."""
    where, anchor = _anchor(args)
    exact: int | None = None
    place: int | None = None
    for number, each in enumerate(lines):
        if _bare(each) == line:
            exact = number
        elif anchor is not None and anchor.search(each):
            place = number + 1 if where == "after" else number
            if first:
                break
    if exact is not None:
        lines[exact] = line if line.endswith(b"\n") else line + b"\n"
        return lines
    if is_true(args.get("backrefs")):
        return lines
    new = line + b"\n"
    if where == "BOF":
        return [new, *lines]
    if place is None:
        end = [b"\n"] if lines and not lines[-1].endswith((b"\n", b"\r")) else []
        return [*lines, *end, new]
    # the module looks at the line that already follows, at the end of the file at the last one; and there it does not
    # mind that the last line may have no line feed
    if where == "after" and _bare(lines[min(place, len(lines) - 1)]) == line:
        return lines
    lines.insert(place, new)
    return lines


def _blockinfile(data: bytes, args: Mapping[str, Value]) -> bytes:
    lines = data.splitlines(keepends=True)
    marker = _text(args, "marker") or "# {mark} ANSIBLE MANAGED BLOCK"
    begin = marker.replace("{mark}", _text(args, "marker_begin") or "BEGIN").encode() + b"\n"
    end = marker.replace("{mark}", _text(args, "marker_end") or "END").encode() + b"\n"
    block = _bytes(args, "block") or b""
    present = args.get("state") != "absent"
    wanted: list[bytes] = []
    if present and block:
        wanted = [begin, *(block if block.endswith(b"\n") else block + b"\n").splitlines(keepends=True), end]

    starts = [number for number, line in enumerate(lines) if line == begin]
    ends = [number for number, line in enumerate(lines) if line == end]
    if starts and ends:
        low, high = sorted((starts[-1], ends[-1]))
        lines[low : high + 1] = []
        place = low
    else:
        place = _block_place(lines, data, args)
    if place > 0 and not lines[place - 1].endswith(b"\n"):
        lines[place - 1] += b"\n"
    if present and is_true(args.get("prepend_newline")) and place != 0 and lines[place - 1] != b"\n":
        lines.insert(place, b"\n")
        place += 1
    lines[place:place] = wanted
    after = place + len(wanted)
    if present and is_true(args.get("append_newline")) and after < len(lines) and lines[after] != b"\n":
        lines.insert(after, b"\n")
    return b"".join(lines)


def _block_place(lines: list[bytes], data: bytes, args: Mapping[str, Value]) -> int:
    where, anchor = _anchor(args)
    # unlike lineinfile, this module takes `insertafter: BOF` and `insertbefore: EOF` for patterns
    if _text(args, "insertafter") == "BOF":
        where, anchor = "after", re.compile(b"BOF")
    if anchor is None:
        return 0 if where == "BOF" else len(lines)
    if anchor.flags & re.MULTILINE:
        match = anchor.search(data)
        if match is None:
            return len(lines)
        if where == "after":
            return data.count(b"\n", 0, match.end()) + 1
        return data.count(b"\n", 0, match.start())
    found = [number for number, line in enumerate(lines) if anchor.search(line)]
    if not found:
        return len(lines)
    return found[-1] + (where == "after")


def _replace(text: str, args: Mapping[str, Value]) -> str:
    regexp, new = _text(args, "regexp"), _text(args, "replace") or ""
    if regexp is None:
        raise EditError("regexp is missing")
    after, before = _text(args, "after"), _text(args, "before")
    start, end = 0, len(text)
    if after or before:
        inner = "(?P<subsection>.*?)" if after and before else "(?P<subsection>.*)"
        section = re.search(f"{after or ''}{inner}{before or ''}", text, re.DOTALL)
        if section is None:
            return text
        start, end = section.span("subsection")
    return text[:start] + re.sub(regexp, new, text[start:end], flags=re.MULTILINE) + text[end:]


class _IniEdit(Struct, kw_only=True):
    """`ini_file`: one option of one section."""

    section: str
    option: str | None
    values: list[str] = field(default_factory=list)
    absent: bool = False
    exclusive: bool = True
    assignment: str = "{} = {}\n"
    ignore_spaces: bool = False
    allow_no_value: bool = False
    modify_inactive: bool = True

    @classmethod
    def of(cls, args: Mapping[str, Value]) -> _IniEdit:
        if args.get("section_has_values"):
            raise EditError("section_has_values is not carried over")
        listed = args.get("values")
        given = (
            list(listed) if isinstance(listed, tuple) else ([args["value"]] if args.get("value") is not None else [])
        )
        option = _text(args, "option")
        edit = cls(
            section=(_text(args, "section") or "").strip(),
            option=option,
            values=list(dict.fromkeys(str(value) for value in given if value is not None)),
            absent=args.get("state") == "absent",
            exclusive=is_true(args.get("exclusive", True)),
            assignment="{}={}\n" if is_true(args.get("no_extra_spaces")) else "{} = {}\n",
            ignore_spaces=is_true(args.get("ignore_spaces")),
            allow_no_value=is_true(args.get("allow_no_value")),
            modify_inactive=is_true(args.get("modify_inactive_option", True)),
        )
        if not edit.absent and option and not edit.values and not edit.allow_no_value:
            raise EditError("neither value nor allow_no_value is given")
        return edit

    def _match(self, line: str, *, inactive: bool) -> re.Match[str] | None:
        comment = r"[ \t]*(?P<comment>[#;]?)[ \t]*" if inactive else r"(?P<comment>)[ \t]*"
        return re.match(rf"{comment}{re.escape(self.option or '')}[ \t]*(?:=|$)[ \t]*(?P<value>.*)", line)

    def apply(self, text: str) -> str:
        if self.absent and not text:
            return text
        lines = text.splitlines(keepends=True) or ["\n"]
        if not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        start, end = self._bounds(lines)
        if start is None:
            return "".join(lines if self.absent else [*lines, *self._new_section()])
        # the heading belongs to the section; text before the first heading has none
        head = lines[start:end]
        if self.absent:
            body = self._removed(head)
        elif self.option is None:
            body = head
        else:
            body = self._set(head, has_heading=bool(self.section))
        return "".join([*lines[:start], *body, *lines[end:]])

    def _bounds(self, lines: list[str]) -> tuple[int | None, int]:
        heading = re.compile(rf"^\[\s*{re.escape(self.section)}\s*]")
        start = None if self.section else 0
        for number, line in enumerate(lines):
            if start is not None and line.startswith("["):
                return start, number
            if start is None and heading.match(line):
                start = number
        return start, len(lines)

    def _removed(self, lines: list[str]) -> list[str]:
        if not self.option:
            return []
        kept = []
        for line in lines:
            match = self._match(line, inactive=False)
            if match is None or not (self.exclusive or match["value"] in self.values):
                kept.append(line)
        return kept

    def _new_section(self) -> list[str]:
        lines = [f"[{self.section}]\n"]
        if self.option and self.values:
            lines += [self.assignment.format(self.option, value) for value in self.values]
        elif self.option and self.allow_no_value:
            lines.append(f"{self.option}\n")
        return lines

    def _updated(self, old: str, new: str) -> str:
        if self.ignore_spaces:
            was, now = self._match(old, inactive=True), self._match(new, inactive=True)
            if was is not None and now is not None and not was["comment"] and was["value"] == now["value"]:
                return old
        return new

    def _set(self, lines: list[str], *, has_heading: bool) -> list[str]:
        option = self.option or ""
        values = list(self.values)
        done: set[int] = set()
        no_value_present = False

        def matches(number: int) -> re.Match[str] | None:
            return self._match(lines[number], inactive=self.modify_inactive)

        for number in range(len(lines)):
            match = matches(number)
            if match is None:
                continue
            if values and match["value"] in values:
                value = match["value"]
                bare = not value and self.allow_no_value
                no_value_present = no_value_present or bare
                new = f"{option}\n" if bare else self.assignment.format(option, value)
                lines[number] = self._updated(lines[number], new)
                done.add(number)
                values.remove(value)
            elif not values and self.allow_no_value:
                lines[number] = self._updated(lines[number], f"{option}\n")
                done.add(number)
                no_value_present = True
                break
        if self.exclusive and not self.allow_no_value:
            for number in range(len(lines)):
                if values and number not in done and matches(number):
                    lines[number] = self._updated(lines[number], self.assignment.format(option, values.pop(0)))
                    done.add(number)
            # the module never removes the first line: in a named section that is its heading
            spared = has_heading
            lines = [
                line
                for number, line in enumerate(lines)
                if number in done or (spared and number == 0) or not matches(number)
            ]
        missing = [self.assignment.format(option, value) for value in values]
        if not values and self.allow_no_value and not no_value_present:
            missing = [f"{option}\n"]
        for number in range(len(lines), 0, -1):
            if not re.match(r"^[ \t]*([#;].*)?$", lines[number - 1]):
                return [*lines[:number], *missing, *lines[number:]]
        # without a heading the module's own stand-in heading is the last line that is neither blank nor comment
        return lines if has_heading else [*missing, *lines]
