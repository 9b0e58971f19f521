"""Runs Ansible's own file-editing modules on real files: the oracle of tests/image/test_edits.py.

    python ansible_modules.py CASES.json  ->  prints a JSON list, one entry a case: the file's text, null (no file), or
                                              {"failed": message}

A case is {"module": "lineinfile", "args": {…without path…}, "text": file before, or null for none}. `ini_file` is a
module of community.general; where that collection is not installed its cases come back as {"missing": true}.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import tempfile
from pathlib import Path

MODULES = {
    "lineinfile": "ansible.modules.lineinfile",
    "blockinfile": "ansible.modules.blockinfile",
    "replace": "ansible.modules.replace",
    "ini_file": "ansible_collections.community.general.plugins.modules.ini_file",
}


def run(module: str, args: dict[str, object], text: str | None, folder: Path) -> object:
    from ansible.module_utils import basic

    path = folder / "file"
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_bytes(text.encode())
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": {**args, "path": str(path)}}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    try:
        loaded = importlib.import_module(MODULES[module])
    except ImportError:
        return {"missing": True}
    answer = io.StringIO()
    with contextlib.redirect_stdout(answer), contextlib.suppress(SystemExit):
        loaded.main()
    try:
        result = json.loads(answer.getvalue() or "{}")
    except ValueError:
        result = {"failed": True, "msg": answer.getvalue()}
    if result.get("failed") or not result:
        return {"failed": str(result.get("msg", "no answer"))}
    return path.read_bytes().decode() if path.exists() else None


if __name__ == "__main__":
    cases = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps([run(case["module"], case["args"], case["text"], Path(name)) for case in cases]))
