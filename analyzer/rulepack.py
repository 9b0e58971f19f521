"""Rule packs: the YAML texts of `rules/` -> a frozen `RulePack`.

A rule says what becomes of a task. It is addressed either by module (`modules`, with `where` on the arguments) or by
what a task touches, whatever module it uses: `commands`, `packages`, `services`, `paths`, `users`, `urls`, `roles`.
Rule texts are data: no Jinja, no arithmetic; `$name` copies an argument. Packs belong to the program, so a defect in
one is an exception that names the rule, the line and what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from analyzer.model import Outcome, Source, Unknown
from analyzer.ruletypes import EFFECTS, SUBJECTS, Condition, DerivedRule, Emit, Example, Index, Rule, RulePack

__all__ = ["OPERATORS", "Rule", "RulePack", "RulePackError", "examples", "load_derived", "load_pack"]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

OPERATORS: Mapping[str, str] = {
    "is": "the argument equals this value (`yes` and true are the same)",
    "one_of": "the argument equals one of these values",
    "none_of": "the argument is known and equals none of these values",
    "prefix": "the text starts with one of these",
    "suffix": "the text ends with one of these",
    "contains": "the text (or list) contains one of these",
    "known": "true: the argument is given and known",
    "absent": "true: the argument is not given",
    "unknown": "true: the argument is given, and only the live host knows it",
    "any_of": "one of these sets of operators holds",
}

_RULE_KEYS: Mapping[str, str] = {
    "id": "kebab-case, starts with the pack's name, permanent",
    "title": "present tense, no full stop",
    "modules": "fully qualified names, `collection.*` or `*_suffix`; `*` for modules that no rule names",
    **SUBJECTS,
    "synonyms": "argument -> other names of it",
    "defaults": "argument -> the module's documented default",
    "where": "argument -> operators",
    "outcome": "one of the contract's outcomes",
    "emit": "list of effects",
    "reason": "why, one or two sentences",
    "link": "page that shows it",
    "question": "what a person must say",
    "answers": "ready answers, the default first",
    "blocking": "true: the bundle must not be used before the question is answered",
    "examples": "YAML text: list of {task, gives, effects}",
    "fallback": "true: only where no other rule matches",
    "aliases": "former ids",
    "deprecated": "why it is kept although it is not to be used any more",
}
_PACK_KEYS: Mapping[str, str] = {
    "pack": "the pack's name, the file's name without .yaml",
    "about": "one sentence",
    "link": "default link of its rules",
    "rules": "list of rules",
}
_ANSWERS = frozenset({"drop", *map(str, Outcome)} - {"manual", "skipped"})
_IS_PACK = re.compile(r"^pack:", re.MULTILINE)
_HAS_RULES = re.compile(r"^rules:", re.MULTILINE)


class RulePackError(Exception):
    """A defect in a pack: which file, line and rule, what was found, what was expected."""


def load_pack(texts: Mapping[str, str]) -> RulePack:
    """Every rule pack among `texts` (file name in `rules/` -> text); other data there is left to its readers."""
    abouts: dict[str, str] = {}
    rules: list[Rule] = []
    for name in sorted(texts):
        text = texts[name]
        if "/" in name or not name.endswith(".yaml") or not (_IS_PACK.search(text) and _HAS_RULES.search(text)):
            continue
        pack = _Pack(name, text)
        rules.extend(pack.rules())
        abouts[pack.name] = pack.about
    seen: dict[str, Rule] = {}
    for rule in rules:
        for rule_id in (rule.id, *rule.aliases):
            if rule_id in seen:
                raise RulePackError(f"{rule.source}: rule id {rule_id} is already that of {seen[rule_id].source}")
            seen[rule_id] = rule
    modules, globs = _by_module(rules)
    return RulePack(
        abouts=abouts,
        rules=tuple(rules),
        modules=modules,
        module_globs=globs,
        commands=_by_command(rule for rule in rules if not rule.of_hosts),
        foreign=_foreign(rules),
        packages=_index(rules, "packages"),
        services=_index(rules, "services"),
        paths=_index(rules, "paths"),
        users=_index(rules, "users"),
        roles=_index(rules, "roles"),
        images=_index(rules, "images"),
        mounts=_index(rules, "mounts"),
        urls=tuple(sorted(_patterns(rules, "urls"), key=lambda pair: (-len(pair[0]), pair[0]))),
    )


def load_derived(texts: Mapping[str, str]) -> Mapping[str, DerivedRule]:
    """Id -> what a rule does that goes by the whole project: no task is matched against it."""
    found = {}
    for entry in yaml.load(texts["derived.yaml"], Loader=_Loader)["derived"]:  # noqa: S506 - a C safe loader
        if set(entry) != {"id", "title", "reason"} or entry["id"] in found:
            raise RulePackError(f"rules/derived.yaml: {entry}: expected an id of its own, title and reason")
        found[entry["id"]] = DerivedRule(entry["title"], entry["reason"])
    return found


def examples(rule: Rule) -> tuple[Example, ...]:
    """The rule's examples; raises `RulePackError` for one that is not understood."""
    if not rule.examples_text:
        return ()

    class Loader(_Loader):  # type: ignore[misc]  # the C loader's type is not published
        """`!unknown` for arguments that only the host knows."""

    Loader.add_constructor("!unknown", lambda loader, node: Unknown(loader.construct_scalar(node), "example"))
    found = []
    for entry in yaml.load(rule.examples_text, Loader=Loader):  # noqa: S506 - a C safe loader
        known = {"task", "gives", "rule", "effects", "manager"}
        if not isinstance(entry, dict) or not {"task", "gives"} <= set(entry) <= known:
            raise RulePackError(
                f"{rule.source}: rule {rule.id}: an example has task, gives, maybe rule, effects, manager: {entry}"
            )
        effects = entry.get("effects")
        found.append(
            Example(
                task=entry["task"],
                gives=entry["gives"],
                rule=entry.get("rule", ""),
                manager=entry.get("manager", ""),
                effects=None if effects is None else tuple(effects),
                line=rule.source.line,
            )
        )
    return tuple(found)


class _Pack:
    """One file on its way to rules."""

    def __init__(self, file: str, text: str) -> None:
        self.file = f"rules/{file}"
        self.text = text
        try:
            data = yaml.load(text, Loader=_Loader)  # noqa: S506 - a C safe loader
        except yaml.YAMLError as error:
            raise RulePackError(f"{self.file}: not valid YAML: {error}") from error
        if not isinstance(data, dict):
            raise RulePackError(f"{self.file}:1: expected a mapping with {', '.join(_PACK_KEYS)}")
        self.data: dict[str, Any] = data
        self.name = str(data.get("pack", ""))
        self.about = str(data.get("about", ""))
        self._keys(data, _PACK_KEYS, ())
        if self.name != file.removesuffix(".yaml"):
            raise self._error((), f"pack is {self.name!r}, the file's name says {file.removesuffix('.yaml')!r}")

    def rules(self) -> Iterator[Rule]:
        lines = [number for number, line in enumerate(self.text.split("\n"), 1) if line.startswith("  - id:")]
        for position, entry in enumerate(self.data["rules"]):
            line = lines[position] if position < len(lines) else 1
            yield self._rule(entry, position, line)

    def _rule(self, entry: Any, position: int, line: int) -> Rule:
        at = ("rules", position)
        if not isinstance(entry, dict):
            raise self._error(at, f"a rule is a mapping with {', '.join(_RULE_KEYS)}")
        self._keys(entry, _RULE_KEYS, at)
        rule_id = str(entry.get("id", ""))
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule_id) or not rule_id.startswith(f"{self.name}-"):
            raise self._error((*at, "id"), f"id {rule_id!r}: expected kebab-case starting with {self.name}-")
        for key in ("title", "outcome", "reason"):
            if not isinstance(entry.get(key), str) or not entry[key].strip():
                raise self._error(at, f"rule {rule_id}: {key} is missing: {_RULE_KEYS[key]}")
        try:
            outcome = Outcome(entry["outcome"])
        except ValueError:
            raise self._error(
                (*at, "outcome"), f"rule {rule_id}: outcome {entry['outcome']!r}, expected one of {', '.join(Outcome)}"
            ) from None
        modules = self._words(entry.get("modules", ()), (*at, "modules"))
        subjects = {key: self._words(entry[key], (*at, key)) for key in SUBJECTS if key in entry}
        if not modules and not subjects:
            raise self._error(at, f"rule {rule_id}: expected modules or one of {', '.join(SUBJECTS)}")
        if outcome is Outcome.MANUAL and not entry.get("question"):
            raise self._error(at, f"rule {rule_id}: outcome manual needs a question")
        answers = tuple(entry.get("answers", ()))
        for answer in answers:
            if answer not in _ANSWERS:
                raise self._error(
                    (*at, "answers"), f"rule {rule_id}: answer {answer!r}, expected {', '.join(_ANSWERS)}"
                )
        if bool(answers) != bool(entry.get("question")):
            raise self._error(at, f"rule {rule_id}: question and answers belong together")
        return Rule(
            id=rule_id,
            pack=self.name,
            title=entry["title"],
            source=Source(self.file, line),
            modules=modules,
            subjects=subjects,
            synonyms=tuple(
                (other, name) for name, others in entry.get("synonyms", {}).items() for other in self._words(others, at)
            ),
            defaults={
                name: tuple(value) if isinstance(value, list) else value
                for name, value in entry.get("defaults", {}).items()
            },
            where=tuple(self._conditions(entry.get("where", {}), (*at, "where"), rule_id)),
            outcome=outcome,
            emit=tuple(
                self._emit(item, (*at, "emit", number), rule_id) for number, item in enumerate(entry.get("emit", ()))
            ),
            reason=" ".join(entry["reason"].split()),
            link=entry.get("link", self.data.get("link", "")),
            question=" ".join(entry.get("question", "").split()),
            answers=answers,
            blocking=bool(entry.get("blocking", False)),
            fallback=bool(entry.get("fallback", False)),
            aliases=tuple(entry.get("aliases", ())),
            deprecated=entry.get("deprecated", ""),
            examples_text=entry.get("examples", ""),
        )

    def _conditions(self, where: Any, at: tuple[str | int, ...], rule_id: str) -> Iterator[Condition]:
        for argument, operators in where.items():
            if not isinstance(operators, dict):
                raise self._error(
                    (*at, argument), f"rule {rule_id}: {argument} needs operators: {', '.join(OPERATORS)}"
                )
            yield from self._operators(argument, operators, (*at, argument), rule_id)

    def _operators(
        self, argument: str, operators: Mapping[str, Any], at: tuple[str | int, ...], rule_id: str
    ) -> Iterator[Condition]:
        self._keys(operators, OPERATORS, at, rule_id)
        for operator, operand in operators.items():
            if operator == "any_of":
                yield Condition(
                    argument,
                    operator,
                    tuple(tuple(self._operators(argument, each, (*at, operator), rule_id)) for each in operand),
                )
            else:
                if operator in ("known", "absent", "unknown") and operand is not True:
                    raise self._error((*at, operator), f"rule {rule_id}: {operator} is only ever true")
                yield Condition(argument, operator, tuple(operand) if isinstance(operand, list) else (operand,))

    def _emit(self, item: Any, at: tuple[str | int, ...], rule_id: str) -> Emit:
        if not isinstance(item, dict) or item.get("effect") not in EFFECTS:
            raise self._error(at, f"rule {rule_id}: effect: one of {', '.join(EFFECTS)}")
        fields = {key: value for key, value in item.items() if key not in ("effect", "each")}
        allowed = set(EFFECTS[item["effect"]].__struct_fields__)
        if wrong := sorted(set(fields) - allowed):
            raise self._error(
                (*at, wrong[0]),
                f"rule {rule_id}: {item['effect']} has no {wrong[0]}; expected {', '.join(sorted(allowed))}",
            )
        return Emit(item["effect"], fields, str(item.get("each", "")).removeprefix("$"))

    def _words(self, value: Any, at: tuple[str | int, ...]) -> tuple[str, ...]:
        """A list, or one text with commas (which costs the parser a tenth)."""
        words = value.split(",") if isinstance(value, str) else value
        if not isinstance(words, list | tuple):
            raise self._error(at, f"expected a list or a text with commas, found {value!r}")
        return tuple(" ".join(str(word).split()) for word in words if str(word).strip())

    def _keys(
        self, found: Mapping[str, Any], allowed: Mapping[str, str], at: tuple[str | int, ...], rule_id: str = ""
    ) -> None:
        if wrong := [key for key in found if key not in allowed]:
            known = "; ".join(f"{key} ({what})" for key, what in allowed.items())
            owner = rule_id or str(found.get("id", "")) or "the pack"
            raise self._error((*at, wrong[0]), f"{owner}: unknown key {wrong[0]!r}; expected {known}")

    def _error(self, at: tuple[str | int, ...], message: str) -> RulePackError:
        return RulePackError(f"{self.file}:{_line(self.text, at)}: {message}")


def _line(text: str, at: tuple[str | int, ...]) -> int:
    """Line of the node at a path of keys and indexes; composed only when there is an error to tell."""
    node: Any = yaml.compose(text, Loader=_Loader)
    line = 1
    for step in at:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _patterns(rules: Iterable[Rule], kind: str) -> Iterator[tuple[str, Rule]]:
    for rule in rules:
        for pattern in rule.subjects.get(kind, ()):
            yield pattern, rule


def _index(rules: Iterable[Rule], kind: str) -> Index:
    exact: dict[str, Rule] = {}
    globs: dict[str, Rule] = {}
    for pattern, rule in _patterns(rules, kind):
        written = f"{pattern}*" if kind == "paths" and pattern.endswith("/") else pattern
        table = globs if any(char in written for char in "*?[") else exact
        if (other := table.get(written)) is not None:
            raise RulePackError(f"{rule.source}: {kind} {pattern!r} is already in {other.id}")
        table[written] = rule
    ordered = sorted(globs.items(), key=lambda pair: (-len(pair[0]), pair[0]))
    return Index(exact, tuple((*_wildcard(pattern), rule) for pattern, rule in ordered))


def _wildcard(pattern: str) -> tuple[str, str]:
    """The text before the first wildcard, and the pattern unless only a final `*` follows."""
    start = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    return start, "" if pattern == f"{start}*" else pattern


def _by_command(rules: Iterable[Rule]) -> Mapping[str, tuple[tuple[tuple[str, ...], Rule], ...]]:
    table: dict[str, dict[tuple[str, ...], Rule]] = {}
    for pattern, rule in _patterns(rules, "commands"):
        words = tuple(pattern.split())
        known = table.setdefault(words[0], {})
        if (other := known.get(words)) is not None:
            raise RulePackError(f"{rule.source}: command {pattern!r} is already in {other.id}")
        known[words] = rule
    return {first: tuple(found.items()) for first, found in table.items()}


def _foreign(rules: Iterable[Rule]) -> Mapping[str, tuple[Rule, ...]]:
    table: dict[str, tuple[Rule, ...]] = {}
    for pattern, rule in _patterns((rule for rule in rules if rule.of_hosts), "commands"):
        table[pattern] = (*table.get(pattern, ()), rule)
    return table


def _by_module(
    rules: Iterable[Rule],
) -> tuple[Mapping[str, tuple[Rule, ...]], tuple[tuple[str, tuple[Rule, ...]], ...]]:
    table: dict[str, list[Rule]] = {}
    for rule in rules:
        for name in rule.modules:
            table.setdefault(name, []).append(rule)
    exact = {name: tuple(found) for name, found in table.items() if "*" not in name or name == "*"}
    short: dict[str, set[str]] = {}
    for name in exact:
        short.setdefault(name.rsplit(".", 1)[-1], set()).add(name)
    by_short = {f"*.{last}": exact[min(names)] for last, names in short.items()}
    # `*_info` says more about a module than its collection does, so it is asked first
    globs = sorted(
        ((name, tuple(found)) for name, found in table.items() if "*" in name and name != "*"),
        key=lambda pair: (pair[0].endswith("*"), -len(pair[0]), pair[0]),
    )
    return {**by_short, **exact}, tuple(globs)
