"""The `jq` program for machines that have none: the library itself, behind the options that the scripts use.

Where a real jq is on PATH the tests use that one.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

SCRIPT = """#!{python}
import sys
sys.path.insert(0, {root!r})
from tests.infra.jq_program import main
sys.exit(main(sys.argv[1:]))
"""


def folder_with_jq(folder: Path) -> Path | None:
    """A folder for PATH that holds a jq; None where there is one already."""
    if shutil.which("jq"):
        return None
    program = folder / "jq"
    program.write_text(SCRIPT.format(python=sys.executable, root=str(Path(__file__).parents[2])))
    program.chmod(0o755)
    return folder


def main(words: list[str]) -> int:
    """`jq [-r] [-n] [-c] [--arg NAME VALUE]... FILTER [FILE]`."""
    import jq

    raw = null = compact = False
    arguments: dict[str, str] = {}
    rest: list[str] = []
    while words:
        word = words.pop(0)
        if word == "--arg":
            name, value = words.pop(0), words.pop(0)
            arguments[name] = value
        elif word.startswith("-") and len(word) > 1 and set(word[1:]) <= set("rnc"):
            raw, null, compact = raw or "r" in word, null or "n" in word, compact or "c" in word
        else:
            rest.append(word)
    program = jq.compile(rest[0], args=arguments)
    text = "null" if null else Path(rest[1]).read_text() if len(rest) > 1 else sys.stdin.read()
    for answer in program.input_text(text, slurp=False):
        if raw and isinstance(answer, str):
            print(answer)
        else:
            print(json.dumps(answer, ensure_ascii=False, indent=None if compact else 2))
    return 0
