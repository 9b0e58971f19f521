"""The arrows between the layers, from the import statements."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "analyzer"

MAY_IMPORT = {
    "model": ("model",),
    "usage": ("model",),
    "resources": (),
    "ruletypes": ("model",),
    "rulepack": ("model", "ruletypes"),
    "cron": ("model", "cron"),
    "read": ("model", "usage", "read", "cron"),
    "decide": ("model", "usage", "rulepack", "ruletypes", "cron", "decide"),
    "render": ("model", "usage", "rulepack", "ruletypes", "cron", "decide", "render"),
    "write": ("model",),
    "explain": ("model", "rulepack", "ruletypes"),
    "verify": ("model", "verify", "render", "resources"),
    "collect": ("model", "collect", "read", "resources"),
    "terminal": ("model", "render"),
    "asked": ("model", "read", "resources"),
}
"""Layer -> the layers of ours that it may import. `cli`, and a package's `command`, may import everything."""

PURE = ("model", "usage", "rulepack", "ruletypes", "cron", "decide", "render")
IMPURE_MODULES = {
    "os",
    "pathlib",
    "subprocess",
    "socket",
    "random",
    "shutil",
    "tempfile",
    "urllib",
    "http",
    "glob",
    "sys",
}
IMPURE_NAMES = {"open", "input", "print", "exec", "eval", "breakpoint"}
CLOCKS = {"now", "today", "utcnow", "time", "time_ns", "perf_counter", "monotonic"}


def modules() -> list[Path]:
    """Every module but the entry points."""
    return [
        path
        for path in sorted(ROOT.rglob("*.py"))
        if path.stem not in ("cli", "command", "__main__") and path != ROOT / "__init__.py"
    ]


def layer(path: Path) -> str:
    """`analyzer/decide/image.py` -> decide."""
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imported(tree: ast.AST) -> set[str]:
    """Dotted names of everything imported, also inside functions, but not for type checking alone."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            pure = {alias.name for alias in node.names} <= {"PurePosixPath"}  # text in, text out
            names.add("pathlib-of-texts" if node.module == "pathlib" and pure else node.module)
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_imports_only_what_its_layer_may(path: Path) -> None:
    """read -> decide -> render never turns round, and the pure layers touch nothing outside."""
    names = imported(ast.parse(path.read_text(encoding="utf-8")))
    own = {name.split(".")[1] for name in names if name.startswith("analyzer.")}
    assert own <= {*MAY_IMPORT[layer(path)]}, f"{layer(path)} may not import {sorted(own - {*MAY_IMPORT[layer(path)]})}"
    if layer(path) in PURE:
        assert not {name.split(".")[0] for name in names} & IMPURE_MODULES


@pytest.mark.parametrize(
    "path", [path for path in modules() if layer(path) in PURE], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_a_pure_module_opens_nothing_and_reads_no_clock(path: Path) -> None:
    """No open(), no print(), no now()."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name) and function.id in IMPURE_NAMES:
                found.append(f"{function.id}() in line {node.lineno}")
            if (
                isinstance(function, ast.Attribute)
                and function.attr in CLOCKS
                and isinstance(function.value, ast.Name)
                and function.value.id in ("datetime", "date", "time")
            ):
                found.append(f"{function.value.id}.{function.attr}() in line {node.lineno}")
    assert not found


def test_only_one_module_imports_ansible() -> None:
    """ansible-core is reached through its guard (and the two helpers beside it), nowhere else."""
    users = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        for name in imported(ast.parse(path.read_text(encoding="utf-8")))
        if name.split(".")[0] == "ansible"
    }
    # the callbacks run inside ansible-playbook, never in a process of ours
    callbacks = {"collect/playbook/callback_plugins/migrate_analyze.py", "verify/ansible_hook.py"}
    assert users <= {"read/ansible/core.py", "read/ansible/names.py", *callbacks}
