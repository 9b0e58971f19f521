"""What a rule is, and how rules are found: by module and arguments, or by what a task touches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, get_args

from msgspec import NODEFAULT, Struct, field

from analyzer.model import Effect, Outcome, Source

SUBJECTS: Mapping[str, str] = {
    "commands": "first words of commands, e.g. `systemctl restart, nginx -t`",
    "packages": "names of OS packages, with shell wildcards; NAME@rpm where only the Red Hat family means it",
    "services": "names of units without `.service`, with shell wildcards",
    "paths": "absolute paths; one that ends with `/` or `*` is a prefix",
    "users": "names of accounts and groups",
    "urls": "parts of addresses of downloads and package sources",
    "roles": "names of roles, without their author's name",
    "images": "names of container images without registry and tag: the whole path, or its last part",
    "mounts": "folders of the host that its containers mount; what lies in them is meant too",
}


MANAGER = "host.package_manager"
"""What rules call the package manager of the hosts, in `where` and in `emit`: apt or dnf."""


def effect_name(effect: type[Effect] | Effect) -> str:
    """`InstallPackages` -> `install_packages`, as packs write it."""
    kind = effect if isinstance(effect, type) else type(effect)
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


EFFECTS: Mapping[str, type[Effect]] = {effect_name(kind): kind for kind in get_args(Effect)}
"""Every effect a rule may emit, by the name that packs use."""


def required_fields(kind: type[Struct]) -> tuple[str, ...]:
    """Names of the fields that have no default, in their order."""
    names, defaults = kind.__struct_fields__, kind.__struct_defaults__
    with_default = {
        name
        for name, default in zip(reversed(names), reversed(defaults), strict=False)  # defaults of the last fields
        if default is not NODEFAULT
    }
    return tuple(name for name in names if name not in with_default)


class Condition(Struct, frozen=True):
    """One operator on one argument."""

    argument: str
    operator: str
    operand: tuple[Any, ...]
    """Values; for `any_of` a tuple of tuples of conditions."""


class Emit(Struct, frozen=True):
    """An effect to make; the fields are literals or `$argument`."""

    effect: str
    fields: Mapping[str, Any]
    each: str = ""
    """Name of a list argument: one effect an entry, which is `$each`."""


class Rule(Struct, frozen=True, kw_only=True):
    """What becomes of tasks of one kind."""

    id: str
    pack: str
    title: str
    source: Source
    modules: tuple[str, ...] = ()
    subjects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Kind of subject (see SUBJECTS) -> patterns."""
    synonyms: tuple[tuple[str, str], ...] = ()
    """(other name, argument)"""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    where: tuple[Condition, ...] = ()
    outcome: Outcome
    emit: tuple[Emit, ...] = ()
    reason: str
    link: str = ""
    question: str = ""
    answers: tuple[str, ...] = ()
    blocking: bool = False
    fallback: bool = False
    aliases: tuple[str, ...] = ()
    deprecated: str = ""
    examples_text: str = ""
    """Parsed only when asked for: `examples(rule)`; a run of the program needs none."""

    @property
    def of_hosts(self) -> bool:
        """Whether it goes by the hosts: they cannot run the rule's modules and commands, whatever the arguments are."""
        return any(condition.argument == MANAGER for condition in self.where)


class Example(Struct, frozen=True, kw_only=True):
    """A task and what the rule makes of it."""

    task: Any
    """Task mapping (or list with one) as a playbook writes it."""
    gives: str
    """An outcome, or `other` where another rule (or none) decides."""
    rule: str = ""
    """The rule that decides it; by default the rule that carries the example."""
    manager: str = ""
    """Package manager that the facts of the hosts tell; "" where there are none."""
    effects: tuple[Mapping[str, Any], ...] | None = None
    """Expected effects with the fields that matter; None where the example does not say."""
    line: int = 1


class Index(Struct, frozen=True):
    """Patterns of one kind of subject -> rule: exact names by dict, wildcards in order, longest first."""

    exact: Mapping[str, Rule]
    globs: tuple[tuple[str, str, Rule], ...]
    """(text before the first wildcard, pattern or "" where only `*` follows, rule)"""

    def find(self, name: str) -> Rule | None:
        """The rule for `name`; an exact name wins over a wildcard, a longer wildcard over a shorter."""
        if (rule := self.exact.get(name)) is not None:
            return rule
        for start, pattern, rule in self.globs:
            if name.startswith(start) and (not pattern or fnmatchcase(name, pattern)):
                return rule
        return None


class DerivedRule(Struct, frozen=True):
    """A rule that goes by the whole project: the code applies it, and this says in words what it does."""

    title: str
    reason: str


class RulePack(Struct, frozen=True, kw_only=True):
    """All rules, with the indexes by which they are found."""

    abouts: Mapping[str, str]
    """Pack -> its one sentence, in the order of the files."""
    rules: tuple[Rule, ...]
    modules: Mapping[str, tuple[Rule, ...]]
    module_globs: tuple[tuple[str, tuple[Rule, ...]], ...]
    commands: Mapping[str, tuple[tuple[tuple[str, ...], Rule], ...]]
    """First word -> (all words of the pattern, rule)."""
    foreign: Mapping[str, tuple[Rule, ...]]
    """Program -> rules that say which hosts lack it; see `MANAGER`."""
    packages: Index
    services: Index
    paths: Index
    users: Index
    roles: Index
    images: Index
    mounts: Index
    urls: tuple[tuple[str, Rule], ...]

    def rules_for(self, module: str) -> tuple[Rule, ...]:
        """Rules that know the module by its name, else those that go by the arguments of any module (`*`)."""
        return self.rules_by_name(module) or self.modules.get("*", ())

    def rules_by_name(self, module: str) -> tuple[Rule, ...]:
        """Rules that name the module; under a wrong or unknown collection it is found by its last part.

        An unknown collection's module is taken for the one of that name only where the name says what it works on
        (`dpkg_divert`, `mysql_db`); words like `command` or `user` are used for anything.
        """
        name = module.replace("ansible.legacy.", "ansible.builtin.", 1)
        if found := self.modules.get(name):
            return found
        short = name.rsplit(".", 1)[-1]
        alike = self.modules.get(f"*.{short}", ())
        if alike and (name.startswith("ansible.builtin.") or "." not in name):
            return alike
        found = next((rules for pattern, rules in self.module_globs if fnmatchcase(name, pattern)), ())
        return found or (alike if "_" in short else ())
