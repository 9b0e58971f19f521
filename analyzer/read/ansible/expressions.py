"""What a template or condition refers to, without evaluating it: names, attribute paths, look-ups, filters.

Jinja2's own parser does the reading; results are kept per text, since roles repeat the same conditions a hundred times.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from analyzer.read.ansible.arbitrary import printed_date
from analyzer.read.ansible.core import JINJA_EXTENSIONS, SAFE_LOOKUPS, UNSAFE_FILTERS, UNSAFE_GLOBALS

if TYPE_CHECKING:
    from jinja2 import Environment


class Reference(Struct, frozen=True, order=True):
    """A variable as a template uses it: `result.stat.exists` is ("result", ("stat", "exists"))."""

    name: str
    path: tuple[str, ...] = ()
    test: str = ""
    """`defined`, `changed` … when it stands left of `is`; `default` when that filter is applied to it."""


class Analysis(Struct, frozen=True):
    """All that a template refers to."""

    references: tuple[Reference, ...] = ()
    refusals: tuple[str, ...] = ()
    """Why it must not be evaluated: look-ups and filters that run, fetch, or draw lots."""
    error: str = ""
    """Jinja's message, where it cannot be parsed."""
    error_line: int = 1
    """The line of the text to which it belongs."""
    wide: bool = False
    """It calls look-ups, includes other templates or asks for `vars`: any variable may be needed."""
    alterations: tuple[tuple[str, frozenset[str]], ...] = ()
    """Filters that turn a text into another that does not show it any more, and the names that each is applied to."""
    shown: frozenset[Reference] = frozenset()
    """Those of the references that the text only shows: no condition, loop or computation goes by their values."""
    constants: frozenset[object] = frozenset()
    """Texts and numbers that it compares something with."""
    clock: bool = False
    """It asks what time it is."""
    stock: bool = False
    """It opens other files, or calls a method that may change a variable's list or mapping: ansible-core's own objects
    must stand behind it."""


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment

    return Environment(extensions=list(JINJA_EXTENSIONS))  # noqa: S701 - parses, renders nothing


@lru_cache(maxsize=100)
def parse(text: str) -> Any:
    """Jinja's tree; a condition is asked for what it refers to and taken apart, one right after the other."""
    return _environment().parse(text)


def _children(node: Any) -> list[Any]:
    """`node.iter_child_nodes()`, of which a third of all analysing was."""
    from jinja2.nodes import Node

    found: list[Any] = []
    for field in node.fields:
        value = getattr(node, field, None)
        if isinstance(value, list):
            found.extend(each for each in value if isinstance(each, Node))
        elif isinstance(value, Node):
            found.append(value)
    return found


def _of_kinds(tree: Any) -> dict[type, list[Any]]:
    """All nodes below the tree's root, by class, in one walk."""
    found: dict[type, list[Any]] = defaultdict(list)
    pending = _children(tree)
    while pending:
        here = pending.pop()
        found[type(here)].append(here)
        pending.extend(_children(here))
    return found


@lru_cache(maxsize=20_000)
def analyse_template(text: str) -> Analysis:
    """What the template `text` (with its `{{ }}` and `{% %}`) refers to."""
    if "{{" not in text and "{%" not in text:
        return Analysis()
    return _analyse(text)


def analyse_expression(text: str) -> Analysis:
    """What the bare expression `text` of a `when:` refers to."""
    return analyse_template("{{ " + text + " }}")


def names_set_in(text: str) -> frozenset[str]:
    """Names that the template `text` itself gives values: of its loops, `set` and macros; none where it is broken."""
    from jinja2 import TemplateError, nodes

    try:
        tree = parse(text)
    except (TemplateError, RecursionError):
        return frozenset()
    return _names_set(_of_kinds(tree)[nodes.Name])


def _names_set(names: list[Any]) -> frozenset[str]:
    return frozenset(node.name for node in names if node.ctx in ("store", "param"))


def _analyse(text: str) -> Analysis:
    from jinja2 import TemplateError, nodes

    try:
        tree = parse(text)
    except (TemplateError, RecursionError) as error:
        return Analysis(error=str(error) or type(error).__name__, error_line=getattr(error, "lineno", None) or 1)
    of = _of_kinds(tree)
    stored = _names_set(of[nodes.Name])
    found: set[Reference] = set()
    refusals: set[str] = set()
    shown = _only_shown(of[nodes.Output])
    _visit(tree, found, refusals, frozenset(shown))
    in_sight = {reference for each in shown.values() if (reference := _reference(each)) is not None} - found
    found |= in_sight
    files = any(of[kind] for kind in (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends))
    wide = files or any(reference.name in _WIDE for reference in found)
    calls = of[nodes.Call]
    return Analysis(
        references=tuple(sorted(ref for ref in found if ref.name not in stored)),
        refusals=tuple(sorted(refusals)),
        shown=frozenset(reference for reference in in_sight if reference.name not in stored),
        wide=wide or any(call.node.name in _WIDE for call in calls if isinstance(call.node, nodes.Name)),
        clock=any(_prints_the_time(call) for call in calls),
        alterations=tuple(
            (each.name, _names_in(each.node))
            for each in of[nodes.Filter]
            if each.name in _ALTERING and each.node is not None
        ),
        constants=frozenset(
            const.value
            for node in (*of[nodes.Compare], *of[nodes.Test])
            for const in _of_kinds(node)[nodes.Const]
            if isinstance(const.value, (str, int, float))
        ),
        stock=files or any(_needs_stock(call) for call in calls),
    )


_WIDE = frozenset({"vars", "lookup", "query", "q"})
_OF_TERMS_AND_VARIABLES = frozenset(
    "dict flattened community.general.flattened indexed_items items list nested sequence subelements together "
    "vars".split()
)
"""Look-ups that open nothing."""

_MUTATORS = frozenset(
    "append extend insert remove pop popitem clear update setdefault sort reverse add discard".split()
)


def _needs_stock(call: Any) -> bool:
    from jinja2 import nodes

    if isinstance(call.node, nodes.Getattr):
        return call.node.attr in _MUTATORS
    if not isinstance(call.node, nodes.Name) or call.node.name not in ("lookup", "query", "q"):
        return False
    plugin = call.args[0].value if call.args and isinstance(call.args[0], nodes.Const) else None
    if _prints_the_time(call):
        return False
    return not isinstance(plugin, str) or plugin.removeprefix("ansible.builtin.") not in _OF_TERMS_AND_VARIABLES


def _prints_the_time(call: Any) -> bool:
    """Whether a call is `lookup('pipe', 'date +FORMAT')`."""
    from jinja2 import nodes

    named = isinstance(call.node, nodes.Name) and call.node.name in ("lookup", "query", "q")
    words = [argument.value for argument in call.args if isinstance(argument, nodes.Const)]
    if not named or len(words) != 2 or len(call.args) != 2:
        return False
    plugin, command = map(str, words)
    return plugin.removeprefix("ansible.builtin.") == "pipe" and printed_date(command) is not None


_ALTERING = frozenset("b64encode b64decode hash md5 sha1 checksum upper lower capitalize title reverse".split())
"""Filters that must see the very text: a name that stands for a secret would come out as nonsense."""


def _names_in(node: Any) -> frozenset[str]:
    from jinja2 import nodes

    below = _of_kinds(node)[nodes.Name]
    return frozenset(name.name for name in (below if not isinstance(node, nodes.Name) else [node]))


_AS_IT_IS = frozenset({"default", "d", "string", "trim", "to_json", "to_nice_json", "to_yaml", "to_nice_yaml", "quote"})
"""Filters that show a value as it is, in another notation."""


def _only_shown(outputs: list[Any]) -> dict[int, Any]:
    """Nodes that a template's outputs put out and does nothing else with: by id, the chains and filters over chains."""
    from jinja2 import nodes

    found: dict[int, Any] = {}
    pending = [each for output in outputs for each in output.nodes]
    while pending:
        here = pending.pop()
        if isinstance(here, nodes.Concat):
            pending.extend(here.nodes)
        elif isinstance(here, nodes.Filter) and here.node is not None and here.name in _AS_IT_IS:
            if _only_chain(here) is not None:
                found[id(here)] = here
        elif _only_chain(here) is not None:
            found[id(here)] = here
    return found


def _only_chain(node: Any) -> Any:
    """The chain below filters that show it as it is; None where a key in it or an argument of theirs is computed."""
    from jinja2 import nodes

    while isinstance(node, nodes.Filter) and node.name in _AS_IT_IS:
        given = (*node.args, *(pair.value for pair in node.kwargs), node.dyn_args, node.dyn_kwargs)
        if not all(one is None or isinstance(one, nodes.Const) for one in given):
            return None
        node = node.node
    if node is None or _chain(node) is None or _arguments_in(node):
        return None
    return node


def _reference(node: Any) -> Reference | None:
    """The reference of a chain, or of filters over it."""
    from jinja2 import nodes

    chain = _chain(_only_chain(node))
    if chain is None:
        return None
    names = set()
    while isinstance(node, nodes.Filter):
        names.add(node.name)
        node = node.node
    return Reference(*chain, "default" if names & {"default", "d"} else "")


def _visit(node: Any, found: set[Reference], refusals: set[str], left_out: frozenset[int]) -> None:
    """What the nodes below `node` refer to, without those whose id is in `left_out`."""
    from jinja2 import nodes

    pending = [node]
    while pending:
        here = pending.pop()
        if id(here) in left_out:
            continue
        children = _children(here)
        chain = _chain(here)
        if chain is not None:
            found.add(Reference(*chain))
            children = [] if isinstance(here, nodes.Name) else _arguments_in(here)
        elif isinstance(here, (nodes.Test, nodes.Filter)) and here.node is not None and (chain := _chain(here.node)):
            name = {"d": "default"}.get(here.name, here.name)
            marked = isinstance(here, nodes.Test) or name == "default"
            found.add(Reference(*chain, name if marked else ""))
            children = [child for child in children if child is not here.node]
            children += _arguments_in(here.node)
        if isinstance(here, nodes.Filter) and here.name.rpartition(".")[2] in UNSAFE_FILTERS:
            refusals.add(f"filter {here.name} gives a different result on every machine or run")
        if isinstance(here, nodes.Pow) and not (isinstance(here.right, nodes.Const) and here.right.value in range(100)):
            refusals.add("a power that may take for ever to compute")
        if isinstance(here, nodes.Call) and isinstance(here.node, nodes.Name):
            _visit_call(here, refusals)
            children = [child for child in children if child is not here.node]
        pending.extend(children)


def _visit_call(call: Any, refusals: set[str]) -> None:
    from jinja2 import nodes

    name = call.node.name
    if name in ("lookup", "query", "q"):
        first = call.args[0] if call.args else None
        plugin = first.value if isinstance(first, nodes.Const) else None
        if not isinstance(plugin, str):
            refusals.add(f"{name}() of a plugin that is not named in the text")
        elif plugin.removeprefix("ansible.builtin.") not in SAFE_LOOKUPS and not _prints_the_time(call):
            refusals.add(f"lookup '{plugin}' is not run while analysing")
    elif name in UNSAFE_GLOBALS:
        refusals.add(f"{name}() gives a different result on every run")


def _chain(node: Any) -> tuple[str, tuple[str, ...]] | None:
    """(name, constant path) of `a.b['c']`; the path ends where a key is not constant, but for hostvars' first key."""
    from jinja2 import nodes

    path: list[str] = []
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        if isinstance(node, nodes.Getattr):
            path.append(node.attr)
        elif isinstance(node.arg, nodes.Const):
            path.append(str(node.arg.value))
        else:
            path.append("*")
        node = node.node
    if isinstance(node, nodes.Name) and node.ctx == "load":
        path.reverse()
        start = 1 if node.name == "hostvars" else 0
        end = path.index("*", start) if "*" in path[start:] else len(path)
        return node.name, tuple(path[:end])
    return None


def _arguments_in(node: Any) -> list[Any]:
    """Key expressions inside a chain `a[b.c]`."""
    from jinja2 import nodes

    inner = []
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        if isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Const):
            inner.append(node.arg)
        node = node.node
    return inner
