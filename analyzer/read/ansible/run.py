"""Everything one walk over the plays gathers, in the order of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from analyzer.model import Invocation, Problem, Severity, Source, Task, Verdict
from analyzer.read.ansible.arbitrary import release_folders
from analyzer.read.ansible.conditional import ConditionalFacts
from analyzer.read.ansible.evaluator import ABSENT, Evaluator
from analyzer.read.ansible.fresh import Made
from analyzer.read.ansible.hostvars import host_variables_view
from analyzer.read.ansible.loops import Loop
from analyzer.read.ansible.markers import Names
from analyzer.read.ansible.precedence import Combine, replace_variables
from analyzer.read.ansible.registered import known_result, made_up
from analyzer.read.ansible.roles import RoleFinder, YamlReader
from analyzer.read.ansible.scope import Scope
from analyzer.read.ansible.values import as_list, first_unknown, thaw

Items = Sequence[tuple[Invocation, Scope]]
"""The invocations of a task, each with the variables it saw."""


class Run(Struct):
    """Everything one walk over the plays gathers, in the order of the run."""

    host: str
    reader: YamlReader
    finder: RoleFinder
    names: Names
    evaluator: Evaluator
    base: Mapping[str, Any]
    """Inventory variables and facts of the host, magic variables included."""
    extra: Mapping[str, Any]
    hide_root: Callable[[str], str]
    combine: Combine = replace_variables
    varying: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Inventory variables that differ between the application's hosts."""
    only_tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    tasks: list[Task] = field(default_factory=list)
    set_facts: dict[str, Any] = field(default_factory=dict)
    included: dict[str, Any] = field(default_factory=dict)
    """What include_vars has read; set_fact wins over it, whichever came first."""
    unknown: dict[str, str] = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    conditional: ConditionalFacts = field(default_factory=ConditionalFacts)
    unsure: set[str] = field(default_factory=set)
    """Unknown names that a task sets or not."""
    clock: set[str] = field(default_factory=set)
    """Names that hold the time of the run."""
    made: Made = field(default_factory=Made)
    notified: dict[str, Verdict] = field(default_factory=dict)
    ended: str = ""
    version: int = 0
    """Grows whenever a task changes what later ones see."""
    variables_of: Callable[[str], Mapping[str, Any]] = lambda _host: {}
    """A host's name -> its variables as another host sees them, without what the walk has learned."""
    _facts: set[str] = field(default_factory=set)
    """Names that `register` or `set_fact` gave, known or not."""
    _hosts_view: tuple[int, Any] = (-1, None)

    def note(
        self, code: str, message: str, source: Source, hint: str = "", severity: Severity = Severity.WARNING
    ) -> None:
        """A problem with a line of the project."""
        self.reader.problems.append(Problem(severity, code, message, source, hint))

    def hostvars(self) -> Any:
        """The magic variable as it is now; the same object until a task changes something."""
        if self._hosts_view[0] != self.version:
            names = (*self.reader.inventory.host_names, self.host)
            self._hosts_view = (self.version, host_variables_view(names, self._as_seen_by_others, self.evaluator))
        return self._hosts_view[1]

    def _as_seen_by_others(self, host: str) -> Mapping[str, Any]:
        return (
            {**self.base, **self.included, **self.set_facts, **self.results}
            if host == self.host
            else self.variables_of(host)
        )

    def include_variables(self, variables: Mapping[str, Any]) -> None:
        """Variables that a task reads and that hold from there on."""
        self.combine(self.included, variables)
        for name in variables:
            if name not in self._facts:
                self.unknown.pop(name, None)
        self.version += 1

    def remember(
        self,
        task: Task,
        entry: Mapping[str, Any],
        arguments: Mapping[str, Any],
        items: Items,
        loop: Loop,
        *,
        when: Sequence[object] = (),
        may_fail: bool = False,
        ignored: bool = False,
    ) -> None:
        """What the task leaves behind for later ones: results, notifications, paths, facts.

        `entry` is the task as written; `when`: all conditions that it stands under; `may_fail`: the play goes on after
        a failure of it; `ignored`: with the next task.
        """
        if task.register:
            self.version += 1
            self._register(task, entry, loop, may_fail=may_fail, ignored=ignored)
        if task.applies is Verdict.NO:
            return
        for name in task.notify if self._may_change(entry, items) else ():
            before = self.notified.get(name, Verdict.NO)
            self.notified[name] = Verdict.YES if Verdict.YES in (before, task.applies) else Verdict.UNKNOWN
        for invocation, _scope in items:
            self.made.add(task.module, invocation.args, task.environment)
        if task.module == "ansible.builtin.set_fact":
            self._set_facts(task, arguments, items, when)
        elif task.module.endswith(".deploy_helper") and (folders := release_folders(items[0][0].args)) is not None:
            self._set_facts(task, {"deploy_helper": folders}, items, when)
            self.clock.add("deploy_helper")

    @staticmethod
    def _may_change(entry: Mapping[str, Any], items: Items) -> bool:
        """Whether `changed_when` lets the task have changed something; what only its result tells, is taken for yes."""
        conditions = as_list(entry.get("changed_when"))
        return any(all(scope.verdict(each)[0] is not Verdict.NO for each in conditions) for _invocation, scope in items)

    def _register(self, task: Task, entry: Mapping[str, Any], loop: Loop, *, may_fail: bool, ignored: bool) -> None:
        name = task.register
        self._facts.add(name)
        self.results.pop(name, None)
        self.set_facts.pop(name, None)
        self.clock.discard(name)
        self.unsure.discard(name)
        self.conditional.forget((name,))
        if task.applies is Verdict.NO:
            self.results[name] = {"changed": False, "skipped": True, "failed": False}
            self.unknown[name] = f"{task.source} does not run"
            return
        self.unknown[name] = f"registered by {task.source}"
        known = (
            ({} if may_fail else {"failed": False})
            if loop.present
            else known_result(
                task,
                entry,
                self.made,
                may_fail=may_fail,
                ignored=ignored,
                facts=self.base,
            )
        )
        if known:
            self.results[name] = known
            if "stdout" in known and "stdout" in made_up(task):
                self.clock.add(name)

    def _set_facts(self, task: Task, arguments: Mapping[str, Any], items: Items, when: Sequence[object]) -> None:
        self.version += 1
        now: dict[str, Any] = {}
        unknown: dict[str, str] = {}
        timed: set[str] = set()
        was_unknown = frozenset(self.unknown)
        unsure: set[str] = set()
        maybe: dict[str, Any] = {}
        names = [name for name in arguments if name not in ("cacheable", "_raw_params")]
        for invocation, scope in items:
            if invocation.applies is Verdict.NO:
                continue
            # each item of a loop sees what the items before it have set: `x: "{{ x | default([]) + [item] }}"`
            seen = {name: why for name, why in scope.unknown.items() if name not in now}
            here = replace(scope, variables={**scope.variables, **now}, unknown={**seen, **unknown}) if now else scope
            here = replace(scope, unknown={**seen, **unknown}) if unknown and not now else here
            for name in names:
                value = here.value(arguments[name], task.source)
                may_not = Verdict.UNKNOWN in (task.applies, invocation.applies)
                if may_not and len(items) == 1 and first_unknown(value) is None:
                    if self._has_already(name, thaw(value), when, here):
                        now[name] = thaw(value)
                        continue
                    maybe[name] = thaw(value)
                if may_not:
                    unsure.add(name)
                    unknown[name] = f"{task.source} sets it or not ({task.applies_reason or 'for some items'})"
                elif (part := first_unknown(value)) is not None:
                    unknown[name] = f"set by {task.source} to something unknown: {part.reason}"
                else:
                    unknown.pop(name, None)
                    now[name] = thaw(value)
                    if any(here.of_the_clock(each) for each in self.names.uses(arguments[name]).analyses):
                        timed.add(name)
        self.clock = (self.clock - now.keys()) | timed
        self._facts |= now.keys() | unknown.keys()
        for name in now.keys() - unknown.keys():
            self.unknown.pop(name, None)
            self.results.pop(name, None)
            self.set_facts[name] = now[name]
        only = {
            name for name, value in maybe.items()
            if self.conditional.is_only(name, value)
            or not (name in self.set_facts or name in was_unknown or name in self.included
                    or name in items[0][1].variables)
        }  # fmt: skip
        for name, why in unknown.items():
            self.set_facts.pop(name, None)
            self.results.pop(name, None)
            self.unknown[name] = why
        self.unsure = (self.unsure - now.keys() - unknown.keys()) | (unsure - now.keys())
        self.conditional.forget(now.keys() | unknown.keys())
        for name, value in maybe.items():
            self.conditional.note(name, value, when, items[0][1], only=name in only)

    def _has_already(self, name: str, value: Any, when: Sequence[object], scope: Scope) -> bool:
        """Whether the variable has the value whether or not a task sets it that may not run."""
        if self.conditional.default_of(name, when, scope) == value:
            return True
        return name not in scope.unknown and scope.variables.get(name, ABSENT) == value
