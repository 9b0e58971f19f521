"""Rules speak of arguments as ansible-core documents them."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import ansible.modules
import pytest
import yaml

from analyzer.decide.match import same
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack

PACK = load_pack(rule_texts())
FOLDER = Path(ansible.modules.__file__).parent
FREE = {"_raw_params", "cmd", "argv", "_path"}
ALIAS_MODULES = {"yum": "dnf", "systemd_service": "systemd"}
COMMON = {
    "dest",
    "force",
    "owner",
    "group",
    "mode",
    "attributes",
    "selevel",
    "serole",
    "setype",
    "seuser",
    "unsafe_writes",
    "backup",
    "validate",
}
"""Options of documentation fragments that many modules share."""


@cache
def documented(name):
    """Option -> (default, aliases) from the module's own DOCUMENTATION, None for what is no module of ansible-core."""
    path = FOLDER / f"{ALIAS_MODULES.get(name, name)}.py"
    if not path.is_file():
        return None
    tree = ast.parse(path.read_text(encoding="utf-8"))
    text = next(
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION"
    )
    options = yaml.safe_load(text).get("options") or {}
    return {key: (value.get("default"), value.get("aliases") or []) for key, value in options.items()}


RULES = [
    pytest.param(rule, module.removeprefix("ansible.builtin."), id=f"{rule.id}-{module.rsplit('.', 1)[-1]}")
    for rule in PACK.rules
    for module in rule.modules
    if module.startswith("ansible.builtin.") and "*" not in module
    if documented(module.removeprefix("ansible.builtin.")) is not None
]
CORE = [
    pytest.param(rule, id=rule.id)
    for rule in PACK.rules
    if rule.modules and all(documented(module.removeprefix("ansible.builtin.")) is not None for module in rule.modules)
]
"""Rules all of whose modules are ansible-core's, so that all their options are known here."""


@pytest.mark.parametrize("rule", CORE)
def test_arguments_exist(rule):
    """Every argument that a rule reads is an option of its module, under its documented name."""
    options = {name for one in rule.modules for name in documented(one.removeprefix("ansible.builtin.")) or ()}
    emitted = {
        value.removeprefix("$")
        for emit in rule.emit
        for field in emit.fields.values()
        for value in _texts(field)
        if value.startswith("$")
        and "." not in value
        and value not in ("$each", "$subject", "$operands", "$operand", "$args")
    }
    read = {condition.argument for condition in rule.where} | set(rule.defaults) | emitted
    read |= {name for _, name in rule.synonyms}
    assert not {name for name in read if name not in options} - COMMON - FREE


@pytest.mark.parametrize("rule", CORE)
def test_synonyms_are_the_modules_aliases(rule):
    """A synonym is an alias that the module, or another of the rule's modules, documents."""
    names = [one.removeprefix("ansible.builtin.") for one in rule.modules]
    for other, name in rule.synonyms:
        assert other in [alias for one in names for alias in documented(one).get(name, (None, []))[1]], (other, name)


@pytest.mark.parametrize(("rule", "module"), RULES)
def test_defaults_are_the_modules_own(rule, module):
    """A default that a rule fills in is the documented one, where the documentation gives any."""
    options = documented(module)
    for name, value in rule.defaults.items():
        if name in options and options[name][0] is not None:
            assert list(value if isinstance(value, tuple) else [value]) == options[name][0] or same(
                value, options[name][0]
            ), name


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
