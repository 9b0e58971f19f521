"""Edits of files, in memory and as shell commands, against Ansible's own modules."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analyzer.decide.image_edit_commands import edit_commands, extended_regexp
from analyzer.decide.image_edit_ini import PROGRAM, SCRIPT
from analyzer.decide.image_edits import EditError, apply_edit
from analyzer.model import EditFile, Via
from tests.image.effects import image
from tests.image.effects import steps as edit_steps

TEXTS = [
    None,
    "",
    "\n",
    "a\n",
    "a\nb",
    "Port 22\n#Port 2222\n  Port 23\nUsePAM yes\n",
    "alpha\nbeta\nalpha\ngamma\n\n# comment\nalpha",
    "# BEGIN ANSIBLE MANAGED BLOCK\nold\n# END ANSIBLE MANAGED BLOCK\ntail\n",
    "head\n# BEGIN ANSIBLE MANAGED BLOCK\nold 1\nold 2\n# END ANSIBLE MANAGED BLOCK\n",
    'export A=1\nexport B=2 # it\'s "quoted" & $B\\n\nkey: value/with/slashes\n',
    "[main]\na = 1\n;b = 2\n\n[other]\na=3\na = 4\n# a = 5\n",
    "x = 1\n# y = 2\n[s]\n",
]

LINEINFILE = [
    {"line": "alpha"},
    {"line": "new"},
    {"line": "new", "create": True},
    {"line": "b", "create": True},
    {"line": "Port 2222", "regexp": r"^#?Port"},
    {"line": "Port 2222", "regexp": r"^#?Port", "firstmatch": True},
    {"line": "  indented\tline", "regexp": r"^\s*alpha\s*$"},
    {"line": "UsePAM no", "regexp": r"^#?\s*UsePAM\s"},
    {"line": "new", "insertafter": "^alpha"},
    {"line": "new", "insertafter": "^alpha", "firstmatch": True},
    {"line": "new", "insertbefore": "^alpha"},
    {"line": "new", "insertbefore": "^alpha", "firstmatch": True},
    {"line": "beta", "insertafter": "^alpha"},
    {"line": "new", "insertafter": "nothing like it"},
    {"line": "new", "insertbefore": "nothing like it"},
    {"line": "new", "insertbefore": "BOF"},
    {"line": "new", "insertafter": "BOF"},
    {"line": "new", "insertafter": "EOF"},
    {"line": "new", "regexp": "^missing", "insertafter": "^beta"},
    {"line": "new", "regexp": "^missing", "insertbefore": "^alpha"},
    {"line": "alpha", "regexp": "^missing", "insertafter": "^beta"},
    {"line": r"export \1=9", "regexp": r"^export (\w+)=1$", "backrefs": True},
    {"line": r"export \g<1>=9 & \\ /", "regexp": r"^export (\w+)=", "backrefs": True},
    {"line": "new", "regexp": "^missing", "backrefs": True},
    {"line": r"back\slash & $dollar 'quote' \"double\" %percent", "regexp": "^alpha"},
    {"line": "", "regexp": "^alpha"},
    {"line": "new", "search_string": "Port 2"},
    {"line": "new", "search_string": "slashes"},
    {"line": "new", "search_string": "missing"},
    {"line": "a", "regexp": "^(a|b)$"},
    {"line": "a b", "regexp": r"^[^#\s]*lph\w{1,2}\b"},
    {"line": "with/slash", "regexp": "/with/"},
    {"state": "absent", "line": "alpha"},
    {"state": "absent", "regexp": "^(alpha|beta)"},
    {"state": "absent", "regexp": "^$"},
    {"state": "absent", "search_string": "ph"},
    {"state": "absent", "line": "key: value/with/slashes"},
    {"state": "absent", "regexp": r"\$B\\n"},
]
BLOCKINFILE = [
    {"block": "one\ntwo"},
    {"block": "one\ntwo\n", "create": True},
    {"block": "one", "insertafter": "^alpha"},
    {"block": "one", "insertbefore": "^alpha"},
    {"block": "one", "insertbefore": "BOF"},
    {"block": "one", "insertafter": "EOF"},
    {"block": "one", "insertafter": "missing"},
    {"block": "back\\slash $x 'q' & %s\n\n  indented", "marker": "<!-- {mark} X -->"},
    {"block": "one", "marker": "// {mark}", "marker_begin": "start", "marker_end": "stop"},
    {"block": "one", "append_newline": True, "insertbefore": "^beta"},
    {"block": "one", "prepend_newline": True},
    {"block": ""},
    {"state": "absent"},
    {"block": "one", "insertafter": "(?m)^beta$"},
]
REPLACE = [
    {"regexp": "alpha", "replace": "omega"},
    {"regexp": "^alpha$", "replace": "omega & /slash/ $x"},
    {"regexp": r"^(\w+) (\d+)$", "replace": r"\2-\1"},
    {"regexp": r"^export (\w)=(\d)", "replace": r"\g<1>\g<2>"},
    {"regexp": r"alpha\nbeta", "replace": "joined"},
    {"regexp": r"\s+$", "replace": ""},
    {"regexp": r"\n+", "replace": "\n"},
    {"regexp": r"a.*?b", "replace": "X"},
    {"regexp": r"[^\n]+$", "replace": "@line"},
    {"regexp": "missing"},
    {"regexp": "a", "replace": "x", "after": "beta"},
    {"regexp": "a", "replace": "x", "before": "gamma"},
    {"regexp": "a", "replace": "x", "after": "beta", "before": "gamma"},
    {"regexp": r"(?i)PORT", "replace": "port"},
    {"regexp": r"^#\s*", "replace": ""},
]
INI_FILE = [
    {"section": "main", "option": "a", "value": "9"},
    {"section": "main", "option": "b", "value": "9"},
    {"section": "main", "option": "b", "value": "9", "modify_inactive_option": False},
    {"section": "main", "option": "c", "value": "new"},
    {"section": "other", "option": "a", "value": "4"},
    {"section": "other", "option": "a", "values": ["3", "7"]},
    {"section": "other", "option": "a", "values": ["8"], "exclusive": False},
    {"section": "new", "option": "a", "value": "1", "no_extra_spaces": True},
    {"section": "main", "option": "a", "value": "1", "no_extra_spaces": True, "ignore_spaces": True},
    {"option": "x", "value": "2"},
    {"option": "z", "value": "2"},
    {"section": "s", "option": "flag", "allow_no_value": True},
    {"section": "main", "option": "a", "state": "absent"},
    {"section": "other", "option": "a", "values": ["3"], "state": "absent", "exclusive": False},
    {"section": "other", "state": "absent"},
    {"section": "missing", "option": "a", "state": "absent"},
    {"section": "main", "option": "a", "value": "1", "create": False},
]
MATRIX = [
    (module, args, text)
    for module, arguments in (
        ("lineinfile", LINEINFILE),
        ("blockinfile", BLOCKINFILE),
        ("replace", REPLACE),
        ("ini_file", INI_FILE),
    )
    for args, text in itertools.product(arguments, TEXTS)
]


RECORDED = Path(__file__).with_name("ini_file_answers.json")
"""What `ini_file` of community.general 11.4.2 made of each case, for machines without that collection; made by running this
file as a script with ANSIBLE_COLLECTIONS_PATH set."""


@cache
def oracle() -> tuple[object, ...]:
    """What the real modules make of every case, in one process."""
    cases = [{"module": module, "args": args, "text": text} for module, args, text in MATRIX]
    folder = Path(os.environ.get("TMPDIR", "/tmp"))
    path = folder / f"edits-{os.getpid()}.json"
    path.write_text(json.dumps(cases), encoding="utf-8")
    try:
        answer = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("ansible_modules.py")), str(path)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", "")},
        )
    finally:
        path.unlink()
    return tuple(json.loads(answer.stdout))


def answers_of(module: str) -> list[tuple[tuple[str, dict[str, object], str | None], object]]:
    """Case and what the real module makes of it, from the record where its collection is not installed."""
    answers = [(case, answer) for case, answer in zip(MATRIX, oracle(), strict=True) if case[0] == module]
    if answers[0][1] == {"missing": True}:
        recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
        answers = [(case, recorded[json.dumps(case[1:], sort_keys=True)]) for case, _ in answers]
    return answers


def _edit(module: str, args: dict[str, object], path: str = "/etc/file") -> EditFile:
    return EditFile(
        path=path,
        method=module,
        args={name: tuple(value) if isinstance(value, list) else value for name, value in args.items()},
    )


@pytest.mark.parametrize("module", ["lineinfile", "blockinfile", "replace", "ini_file"])
def test_edits_in_memory_equal_the_module(module: str) -> None:
    """An edit of a known file gives the bytes that Ansible's own module writes, and fails where the module fails."""
    wrong = []
    for (_, args, text), expected in answers_of(module):
        try:
            after = apply_edit(None if text is None else text.encode(), _edit(module, args))
            seen: object = None if after is None else after.decode()
        except EditError as error:
            seen = {"failed": str(error)}
        if seen != expected and not (isinstance(seen, dict) and isinstance(expected, dict)):
            wrong.append((args, text, seen, expected))
    assert not wrong, "\n".join(map(repr, wrong))


@pytest.mark.parametrize("module", ["lineinfile", "blockinfile", "replace", "ini_file"])
def test_edits_by_shell_equal_the_module(module: str, tmp_path: Path) -> None:
    """An edit of a file that only the build knows is refused, or its shell commands do what the module does."""
    awk = tmp_path / "ini_file.awk"
    awk.write_text(PROGRAM)
    script = ["set -u"]
    cases = []
    for number, ((_, args, text), expected) in enumerate(answers_of(module)):
        # files of packages end with a line feed; a file that is not there fails the build as it fails the module
        if (text and not text.endswith("\n")) or isinstance(expected, dict):
            continue
        case = tmp_path / str(number)
        case.mkdir()
        path = case / "a file"
        if text is not None:
            path.write_bytes(text.encode())
        try:
            commands = edit_commands(_edit(module, args, str(path)), Via(rule="r"))
        except EditError:
            continue
        text_of = " ".join(line for each in commands for line in each.lines).replace(SCRIPT, str(awk))
        script.append(f"({text_of}) || echo {number} failed")
        cases.append((args, text, path, expected))
    answer = subprocess.run(["/bin/sh"], input="\n".join(script), capture_output=True, text=True, check=False)
    wrong = [
        (args, text, path.read_text() if path.exists() else None, expected)
        for args, text, path, expected in cases
        if (path.read_text() if path.exists() else None) != expected
    ]
    assert not wrong, "\n".join(map(repr, wrong)) + answer.stdout + answer.stderr
    assert len(cases) > 60


@pytest.mark.parametrize(
    ("python", "posix"),
    [
        (r"^#?\s*Port\b", r"^#?[[:space:]]*Port\b"),
        (r"\d+/x", r"[0-9]+\/x"),
        (r"ja_JP\.UTF\-8\s", r"ja_JP\.UTF-8([[:space:]]|$)"),
        (r"[^\]\-a]", "[^]a-]"),
        ("a{b", r"a\{b"),
        (r"(?:a|b)c", "(a|b)c"),
    ],
)
def test_patterns_are_translated(python: str, posix: str) -> None:
    """A Python pattern becomes the POSIX pattern that matches the same lines."""
    assert extended_regexp(python) == posix


@pytest.mark.parametrize("pattern", [r"a(?=b)", r"a.*?b", r"(?i)a", r"\1(?:a)(b)", "a\nb", r"(?P<x>a)"])
def test_patterns_without_counterpart_are_refused(pattern: str) -> None:
    """A pattern that sed cannot express is refused, never approximated."""
    with pytest.raises(EditError):
        extended_regexp(pattern)


if __name__ == "__main__":
    answers = {
        json.dumps([args, text], sort_keys=True): answer
        for (module, args, text), answer in zip(MATRIX, oracle(), strict=True)
        if module == "ini_file"
    }
    RECORDED.write_text(json.dumps(answers, indent=0, sort_keys=True) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    "edit",
    [
        {"method": "lineinfile", "args": {"regexp": "^a", "line": "a=1"}},
        {"method": "lineinfile", "args": {"line": "x"}},
        {"method": "blockinfile", "args": {"block": "a\nb"}},
        {"method": "replace", "args": {"regexp": "a", "replace": "b"}},
    ],
)
@pytest.mark.parametrize("there", [True, False])
def test_an_edit_that_may_not_apply_leaves_an_absent_file_alone(
    edit: dict[str, Any], there: bool, tmp_path: Path
) -> None:
    """Under a condition nobody can decide the build edits the file if it is there, and does not fail where it is not."""
    file = tmp_path / "app.conf"
    if there:
        file.write_text("a=0\n")
    found = edit_steps([{"effect": "EditFile", "path": str(file), "applies": "unknown", **edit}])
    (instruction,) = [each for each in image(found).instructions if each.keyword == "RUN"]
    script = "\n".join(line.text for line in instruction.lines)
    subprocess.run(["sh", "-ec", script.replace("\n", " \n")], check=True)
    assert file.exists() is there
    assert not there or file.read_text() != "a=0\n"
