"""Conditions as trees: `and`, `or` and `not` over expressions, with three-valued truth."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from msgspec import Struct

from analyzer.model import Verdict
from analyzer.read.ansible.expressions import parse
from analyzer.read.ansible.values import negate

_OUTPUT = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_QUOTED = re.compile(r"""(['"])((?:(?!\1|\{\{).)*\{\{.*?\}\}(?:(?!\1).)*)\1""", re.DOTALL)


class Condition(Struct, frozen=True):
    """A condition as a tree of and/or/not over expressions that are evaluated whole."""

    operator: str
    """and | or | not | leaf"""
    operands: tuple[Condition, ...] = ()
    text: str = ""
    """For a leaf: the expression."""


@lru_cache(maxsize=20_000)
def split_condition(text: str) -> Condition:
    """`text` taken apart at its logical operators, so that `unknown and no` can be no; one leaf where it cannot be."""
    from jinja2 import TemplateError, nodes

    try:
        body = parse("{{ " + text + " }}").body
    except (TemplateError, RecursionError):
        return Condition("leaf", text=text)
    if len(body) != 1 or not isinstance(body[0], nodes.Output) or len(body[0].nodes) != 1:
        return Condition("leaf", text=text)

    def build(node: Any) -> Condition:
        if isinstance(node, (nodes.And, nodes.Or)):
            return Condition("and" if isinstance(node, nodes.And) else "or", (build(node.left), build(node.right)))
        if isinstance(node, nodes.Not):
            return Condition("not", (build(node.node),))
        return Condition("leaf", text=unparse(node))

    try:
        return build(body[0].nodes[0])
    except NotImplementedError:
        return Condition("leaf", text=text)


def unparse(node: Any) -> str:
    """The text of a Jinja expression node, parenthesised so that it parses to the same tree."""
    from jinja2 import nodes

    match node:
        case nodes.Const():
            return repr(node.value)
        case nodes.TemplateData():
            return repr(node.data)
        case nodes.Name():
            return str(node.name)
        case nodes.Getattr():
            return f"{unparse(node.node)}.{node.attr}"
        case nodes.Getitem():
            return f"{unparse(node.node)}[{unparse(node.arg)}]"
        case nodes.Slice():
            parts = [node.start, node.stop] + ([node.step] if node.step else [])
            return ":".join("" if part is None else unparse(part) for part in parts)
        case nodes.List():
            return "[" + ", ".join(map(unparse, node.items)) + "]"
        case nodes.Tuple():
            return "(" + "".join(unparse(item) + ", " for item in node.items) + ")"
        case nodes.Dict():
            return "{" + ", ".join(f"{unparse(pair.key)}: {unparse(pair.value)}" for pair in node.items) + "}"
        case nodes.Filter() if node.node is not None and node.name in _ONCE_FILTERS and not _call(node):
            return f"({unparse(node.node)} is {node.name})"
        case nodes.Filter() if node.node is not None:
            return f"({unparse(node.node)} | {node.name}{_call(node)})"
        case nodes.Test():
            return f"({unparse(node.node)} is {node.name}{_call(node)})"
        case nodes.Call():
            return f"{unparse(node.node)}{_call(node) or '()'}"
        case nodes.Compare():
            tests = "".join(f" {_COMPARE[operand.op]} {unparse(operand.expr)}" for operand in node.ops)
            return f"({unparse(node.expr)}{tests})"
        case nodes.Concat():
            return "(" + " ~ ".join(map(unparse, node.nodes)) + ")"
        case nodes.CondExpr():
            other = f" else {unparse(node.expr2)}" if node.expr2 is not None else ""
            return f"({unparse(node.expr1)} if {unparse(node.test)}{other})"
        case nodes.BinExpr():
            return f"({unparse(node.left)} {node.operator} {unparse(node.right)})"
        case nodes.UnaryExpr():
            return f"({node.operator} {unparse(node.node)})"
    raise NotImplementedError(type(node).__name__)


_ONCE_FILTERS = frozenset({"success", "succeeded", "failed", "changed", "skipped"})
"""Tests of a result that were filters until Ansible 2.9: `result|success`."""

_COMPARE = {
    "eq": "==", "ne": "!=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<=", "in": "in", "notin": "not in",
}  # fmt: skip


def _call(node: Any) -> str:
    parts = [unparse(arg) for arg in node.args] + [f"{pair.key}={unparse(pair.value)}" for pair in node.kwargs]
    parts += ["*" + unparse(node.dyn_args)] if node.dyn_args else []
    parts += ["**" + unparse(node.dyn_kwargs)] if node.dyn_kwargs else []
    return f"({', '.join(parts)})" if parts else ""


def decided(condition: Condition, leaf: Callable[[str], tuple[Verdict, str]]) -> tuple[Verdict, str]:
    """Kleene's truth of the tree, and what was said of the part that decided; `leaf` gives both for an expression."""
    if condition.operator == "leaf":
        return leaf(condition.text)
    if condition.operator == "not":
        verdict, reason = decided(condition.operands[0], leaf)
        return negate(verdict), reason
    decisive = Verdict.NO if condition.operator == "and" else Verdict.YES
    answers = [decided(operand, leaf) for operand in condition.operands]
    for wanted in (decisive, Verdict.UNKNOWN):
        for verdict, reason in answers:
            if verdict is wanted:
                return verdict, reason
    return answers[-1]


def without_templates_in_quotes(text: str) -> str:
    """`'a{{ x }}'` in a condition as `('a' ~ (x) ~ '')`: what it stands for, whether or not x is known."""
    return _QUOTED.sub(_as_concatenation, text)


def _as_concatenation(match: re.Match[str]) -> str:
    pieces = _OUTPUT.split(match[2])
    inner = [each[2:-2].strip() for each in _OUTPUT.findall(match[2])]
    joined = [part for pair in zip(map(repr, pieces), (f"({each})" for each in inner), strict=False) for part in pair]
    return "(" + " ~ ".join([*joined, repr(pieces[-1])]) + ")"
