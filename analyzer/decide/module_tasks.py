"""Tasks of modules that have rules of their own: the rule that matches the arguments decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from msgspec.structs import replace

from analyzer.decide.effects import Refusal, build
from analyzer.decide.match import Undetermined, match
from analyzer.decide.parts import DROPPING, ELSEWHERE, Part, refused, rule_of_place, rule_part
from analyzer.decide.values import told
from analyzer.model import Invocation, Outcome, Problem, RunCommand, Severity, Task, Unknown, Value
from analyzer.ruletypes import MANAGER, Rule, RulePack

_PLACES = ("path", "dest", "destfile", "name")


def module_parts(
    task: Task,
    invocation: Invocation,
    pack: RulePack,
    manager: str,
    problems: list[Problem],
    *,
    told_manager: str = "",
    files: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Part]:
    """What becomes of one call of a module; a list that is known in part is decided in part.

    `manager`: apt or dnf, what the hosts have as far as anything tells; `told_manager`: the same where facts say it.
    `files`: path -> text of what other tasks write and this one may read.
    """
    if (inner := _wrapped(task, invocation, pack)) is not None:
        found = module_parts(*inner, pack, manager, problems, told_manager=told_manager, files=files)
        yield from _elsewhere(found, task)
        return
    rules = pack.rules_for(task.module)
    if not rules:
        yield _no_rule(task)
        return
    args = dict(invocation.args)
    for name, value in invocation.args.items():
        if isinstance(value, tuple) and any(isinstance(one, Unknown) for one in value):
            known = tuple(one for one in value if not isinstance(one, Unknown))
            chosen = _choose(task, rules, {**args, name: known}, told_manager, []) if known else None
            if isinstance(chosen, tuple):
                args[name] = known
                if chosen[0].outcome not in DROPPING:
                    missing = "; ".join(told(one) for one in value if isinstance(one, Unknown))
                    yield replace(refused(rules[0], f"Not known in {name}: {missing}"), subject=name)
    chosen = _choose(task, rules, args, told_manager, problems)
    if isinstance(chosen, Part):
        yield _by_place(args, pack) or chosen
        return
    rule, bindings = chosen
    if rule.outcome is Outcome.MANUAL and rule.fallback and (placed := _by_place(args, pack)) is not None:
        yield placed
        return
    beside: dict[str, Value] = {MANAGER: manager, "subject": task.module.rsplit(".", 1)[-1], "files": files}
    built = build(rule.emit, bindings, task, invocation, beside)
    if isinstance(built, Refusal):
        yield _by_place(args, pack) or refused(rule, built.reason)
        return
    runs_only = bool(built.effects) and all(isinstance(effect, RunCommand) for effect in built.effects)
    if runs_only and (placed := _by_place(args, pack)) is not None:
        yield placed
        return
    part = rule_part(rule, built.effects)
    yield replace(part, reason=f"{part.reason} ({'; '.join(built.notes)})") if built.notes else part


def _wrapped(task: Task, invocation: Invocation, pack: RulePack) -> tuple[Task, Invocation] | None:
    """The module that an unknown one runs in its place, as `module_name` and `module_args` say it."""
    name, args = invocation.args.get("module_name"), invocation.args.get("module_args")
    if not isinstance(name, str) or not name or pack.rules_by_name(task.module):
        return None
    inner = dict(args) if isinstance(args, Mapping) else {}
    return replace(task, module=name), replace(invocation, args=inner, contents=())


def _elsewhere(parts: Iterator[Part], task: Task) -> Iterator[Part]:
    """Parts of a module that another one runs, in a container or on another machine: the image is not where."""
    for part in parts:
        if part.outcome in (Outcome.IMAGE, Outcome.PROCESS):
            yield refused(part.rule, f"{task.module} runs it in another place than the host")
        else:
            yield part


def _choose(
    task: Task, rules: tuple[Rule, ...], args: Mapping[str, Value], told_manager: str, problems: list[Problem]
) -> tuple[Rule, Mapping[str, Value]] | Part:
    matched: list[tuple[Rule, Mapping[str, Value]]] = []
    undetermined: list[tuple[Rule, Undetermined]] = []
    for rule in rules:
        found = match(rule, {**args, MANAGER: told_manager} if rule.of_hosts else args)
        if isinstance(found, Undetermined):
            undetermined.append((rule, found))
        elif found is not None and rule.of_hosts:
            return rule, args  # a module that these hosts cannot run: its arguments do not matter
        elif found is not None:
            matched.append((rule, found))
    strict = [pair for pair in matched if not pair[0].fallback]
    if len(strict) > 1:
        names = ", ".join(rule.id for rule, _ in strict)
        problems.append(
            Problem(
                Severity.ERROR,
                "rules-conflict",
                f"More than one rule matches {task.module}: {names}. The first was taken.",
                task.source,
                "Report it: the rule packs contradict each other.",
            )
        )
    if strict:
        return strict[0]
    if undetermined:
        rule, missing = min(undetermined, key=lambda pair: not _asks_for(pair[0], pair[1]))
        told_unknown = "; ".join(f"{name}: {told(unknown)}" for name, unknown in missing.unknown)
        return refused(rule, f"What only the host knows decides here: {told_unknown}")
    if matched:
        return matched[0]
    return _no_rule(task, ", ".join(rule.id for rule in rules if "*" not in rule.modules))


def _asks_for(rule: Rule, missing: Undetermined) -> bool:
    """Whether the rule says that it needs what is missing."""
    names = {name for name, _ in missing.unknown}
    return any(condition.operator == "known" for condition in rule.where if condition.argument in names)


def _by_place(args: Mapping[str, Value], pack: RulePack) -> Part | None:
    """What is not known about a file does not matter where files at that place are left behind anyway."""
    for name in _PLACES:
        value = args.get(name)
        if isinstance(value, Unknown) and value.expression.startswith("~/"):
            if (rule := pack.paths.find(value.expression)) is not None:
                return replace(rule_part(rule, ()), subject=value.expression)
            continue
        if isinstance(value, Unknown):
            value = value.expression.partition("{")[0]
        if isinstance(value, str) and value.startswith("/"):
            rule = rule_of_place(value, pack)
            if rule is not None and rule.outcome in ELSEWHERE:
                return replace(rule_part(rule, ()), subject=value)
    return None


def _no_rule(task: Task, rules: str = "") -> Part:
    reason = f"No rule covers these arguments ({rules})." if rules else f"No rule knows the module {task.module}."
    return Part(
        outcome=Outcome.MANUAL,
        rule=None,
        reason=reason,
        question=f"What becomes of this task? {reason}",
        answers=("drop", "deploy", "infrastructure"),
    )
