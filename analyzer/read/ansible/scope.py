"""Variables as one task sees them, and what can and cannot be evaluated with them.

ansible-core evaluates; this module decides beforehand whether it may and whether the answer would mean anything: a name
that only the live host knows makes the whole expression `Unknown`, however deep in other variables it hides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from msgspec import Struct, field

from analyzer.model import Source, Unknown, Value, Verdict, parameter_reference
from analyzer.read.ansible.arbitrary import CLOCK
from analyzer.read.ansible.bounds import bounded
from analyzer.read.ansible.condition_trees import decided, split_condition, without_templates_in_quotes
from analyzer.read.ansible.core import RefusedError, ansible, plain, trusted
from analyzer.read.ansible.evaluator import ABSENT, Evaluator, Layer, defined
from analyzer.read.ansible.expressions import (
    Analysis,
    Reference,
    analyse_expression,
    analyse_template,
)
from analyzer.read.ansible.markers import Names, unescaped
from analyzer.read.ansible.probing import Asked, agreed, alters_marker, depends_on, rows_of, with_undefined
from analyzer.read.ansible.reach import OF_THE_RUN, Reach, find_reach
from analyzer.read.ansible.values import first_line, freeze, truthy

MAX_RENDERED = 4 * 1024 * 1024
"""Characters of one rendered text."""

OMITTED: Any = object()
"""What `{{ x | default(omit) }}` gives where x is not defined: the argument or item is not there at all."""

_LONGEST_IN_PART = 2_000
_LOOKS_INTO = re.compile(r"[=!<>]=|[<>]|\bin\b|\bis\b(?!\s+(?:not\s+)?(?:defined|undefined|none|string)\b)|\|")
"""What goes by the value itself, and not by whether there is one."""
_OUTPUT = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_MARK = re.compile("[\ue000-\ue003]|\\{\\{")
_CONNECTION = re.compile(
    r"ansible_(?:host|port|user|password|connection|become|ssh|winrm|network_os|private_key_file)(?:_|$)"
)
"""Variables that say how to reach a host; no fact, so one that nothing sets is not defined."""
_NO_PLUGIN = re.compile(r"^Syntax error in template: No (filter|test) named '([\w.]+)'\.?$")
_PLUGIN_ABSENT = r"\1 \2 is not ansible-core's own, and no plugin of a project or collection is loaded"
_PARTIAL_TESTS = frozenset({"defined", "undefined"})
_RESULT_TESTS = {
    "changed": "changed", "change": "changed", "failed": "failed", "failure": "failed", "skipped": "skipped",
    "skip": "skipped", "succeeded": "failed", "success": "failed",
    "successful": "failed",
}  # fmt: skip


class Scope(Struct):
    """What a task can refer to."""

    variables: Mapping[str, Any]
    """Masked (no secret's value in it), merged by precedence."""
    unknown: Mapping[str, str]
    """Name -> why its value cannot be known."""
    known_results: Mapping[str, Mapping[str, Any]]
    """Registered name -> the keys of its result that are known for a fresh machine."""
    names: Names
    evaluator: Evaluator
    hide_root: Callable[[str], str]
    """Takes this machine's paths out of a text."""
    varying: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Variables that differ between the application's hosts: name -> its values, one a kind of host.

    In texts they become parameters; a condition that depends on one is decided for every kind of host.
    """
    unsure: Collection[str] = frozenset()
    """Unknown names that a task sets or not."""
    if_used: Collection[str] = frozenset()
    """Those of the unsure ones that have their value wherever a task that uses them does not fail."""
    clock: Collection[str] = frozenset()
    """Names that hold the time of the run: one value stands for it in texts, and no condition goes by it."""
    _memo: dict[str, str | None] = field(default_factory=dict)
    """Variable -> why it is not known, "" where it is; None while that is being found out."""
    _reached: dict[int, tuple[Analysis, Reach]] = field(default_factory=dict)
    _wholes: dict[tuple[tuple[str, int], ...], Layer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """What was found out holds for these variables alone: a scope that `replace` makes of another starts anew."""
        self._memo, self._reached, self._wholes = {}, {}, {}

    # -- what can be known -------------------------------------------------------------------------------------------

    def reason_unknown(self, analysis: Analysis) -> str:
        """Why an expression cannot be evaluated, "" if it can."""
        if analysis.error:
            return f"Jinja cannot parse it: {analysis.error}"
        if analysis.refusals:
            return analysis.refusals[0]
        for reference in analysis.references:
            if reason := self.reason_for(reference):
                return reason
        return ""

    def reason_for(self, reference: Reference) -> str:
        """Why the value that the reference leads to is not known, "" if it is."""
        name = reference.name
        if name in self.unknown:
            return self._reason_for_unknown(reference)
        if name in self.variables:
            if name not in self._memo:
                self._memo[name] = None
                self._memo[name] = "" if name in OF_THE_RUN else self._reason_in(self.variables[name])
            if (reason := self._memo[name]) is None:
                return f"variable {name} refers to itself"
            if reason:
                return reason if reference.test not in _PARTIAL_TESTS else ""
            return self._reason_for_facts(reference)
        if name.startswith("ansible_") and reference.test not in _PARTIAL_TESTS and not _CONNECTION.match(name):
            return f"no evidence gives the fact {name}"
        return ""

    def _reason_for_unknown(self, reference: Reference) -> str:
        if reference.name in self.if_used and reference.test not in ("default", *_PARTIAL_TESTS):
            return ""
        known = self.known_results.get(reference.name)
        if known is not None:
            if not reference.path and (reference.test in _PARTIAL_TESTS or _RESULT_TESTS.get(reference.test) in known):
                return ""
            here: Any = known
            for key in reference.path:
                if not isinstance(here, Mapping) or key not in here:
                    break
                here = here[key]
            else:
                if reference.path:
                    return ""
            if reference.path[:1] == ("stat",) and known.get("stat") == {"exists": False}:
                return ""  # the result of `stat` holds no other key for a path that is not there
        return self.unknown[reference.name]

    def _reason_for_facts(self, reference: Reference) -> str:
        """Why a part of `ansible_facts` or of `hostvars` is not known."""
        path = reference.path
        if reference.test in _PARTIAL_TESTS:
            return ""
        if reference.name == "ansible_facts" and path and path[0] not in self.variables["ansible_facts"]:
            return f"no evidence gives the fact {path[0]}"
        if reference.name == "hostvars" and len(path) > 1:
            if path[1] in self.unknown:
                return self.unknown[path[1]]
            if path[1].startswith("ansible_") and path[1] not in self.variables:
                return f"no evidence gives the fact {path[1]}"
        return ""

    def _reason_in(self, value: Any) -> str:
        for analysis in self.names.uses(value).analyses:
            if reason := self.reason_unknown(analysis):
                return reason
        return ""

    # -- evaluation --------------------------------------------------------------------------------------------------

    def reach(self, analysis: Analysis) -> Reach:
        """What a template depends on with the variables of this scope."""
        kept = self._reached.get(id(analysis))
        if kept is None:
            kept = self._reached[id(analysis)] = (
                analysis,
                find_reach(analysis, self.variables, self.unknown, self.names),
            )
        return kept[1]

    def all_variables(self) -> dict[str, Any]:
        """Everything by name, as a look-up plugin sees it."""
        return {**self.variables, **{name: dict(known) for name, known in self.known_results.items()}}

    def _run(self, analysis: Analysis, extra: Mapping[str, Any], key: tuple[Any, ...], ask: Callable[[Any], Any],
             searchpath: list[str] | None = None) -> Any:  # fmt: skip
        """`ask` with a templar over what the template can reach; answers are kept as long as those stay the same."""
        reach = self.reach(analysis)
        if reach.stock:
            variables = defined({**self.all_variables(), **extra})
            if not reach.wide:
                variables = {name: variables[name] for name in reach.references if name in variables}
            with bounded():
                return unescaped(plain(ask(self.evaluator.stock(variables, searchpath))))
        if reach.wide:
            layer = self._whole(extra)
        else:
            values = {name: self._raw(name, extra) for name in reach.references}
            layer = self.evaluator.layer(values, reach.references)
        if key not in layer.answers:
            with bounded():
                layer.answers[key] = unescaped(plain(ask(layer.templar)))
        return layer.answers[key]

    def _whole(self, extra: Mapping[str, Any]) -> Layer:
        """The layer with every variable, for what may need any of them."""
        key = tuple(sorted((name, id(value)) for name, value in extra.items()))
        if key not in self._wholes:
            variables = defined({**self.variables, **self.known_results, **extra})
            self._wholes[key] = self.evaluator.whole(variables, self.names.uses)
        return self._wholes[key]

    def _raw(self, name: str, extra: Mapping[str, Any]) -> Any:
        for source in (extra, self.known_results, self.variables):
            if name in source:
                return source[name]
        return ABSENT

    def value(self, written: Any, source: Source | None = None) -> Value:
        """`written` with its templates evaluated piece by piece: what cannot be known is `Unknown`, the rest stays."""
        if isinstance(written, str):
            found = self._text(written, source)
            return None if found is OMITTED else found
        if isinstance(written, Mapping):
            pairs = ((plain(key), self.item(item, source)) for key, item in written.items())
            return {key: item for key, item in pairs if item is not OMITTED}
        if isinstance(written, (list, tuple)):
            return tuple(item for one in written if (item := self.item(one, source)) is not OMITTED)
        return freeze(plain(written))

    def item(self, written: Any, source: Source | None) -> Value:
        """An argument, or a part of a list or mapping: `OMITTED` where its template says so."""
        return self._text(written, source) if isinstance(written, str) else self.value(written, source)

    def _text(self, written: str, source: Source | None) -> Value:
        if "{{" not in written and "{%" not in written:
            return self.hide_root(plain(written))
        analysis = analyse_template(written)
        if reason := self.reason_unknown(analysis):
            return Unknown(self._known_in_part(plain(written)), reason)
        rendered = self.render(written, analysis, source)
        return rendered if isinstance(rendered, Unknown) or rendered is OMITTED else freeze(rendered, self.hide_root)

    def _known_in_part(self, written: str) -> str:
        """The text with those of its expressions filled in that are known: `{{ folder }}/{{ item }}` says where."""
        if "{%" in written or written.count("{{") < 2 or len(written) > _LONGEST_IN_PART:
            return written
        return _OUTPUT.sub(self._piece, written)

    def _piece(self, match: re.Match[str]) -> str:
        analysis = analyse_template(match[0])
        if self.reason_unknown(analysis) or self.reach(analysis).undefined or self._varying_in(self.reach(analysis)):
            return match[0]
        found = self.render(match[0], analysis, None)
        plain_word = isinstance(found, str | int) and not isinstance(found, bool) and not _MARK.search(str(found))
        return self.hide_root(str(found)) if plain_word else match[0]

    def render(
        self,
        written: str,
        analysis: Analysis,
        source: Source | None,
        *,
        searchpath: list[str] | None = None,
        stand_ins: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """One template, evaluated; undefined variables stand as markers; a failure is `Unknown` in ansible's words.

        `OMITTED` where the whole of it is `omit`. `stand_ins`: what to take for variables that are not known.
        """
        core = ansible()
        reach = self.reach(analysis)
        given = {name: self.names.varying(name, self.varying[name]) for name in self._varying_in(reach)}
        given.update(stand_ins or {})
        key = (written, *(f"{name}={value}" for name, value in sorted(options.items())))
        asked = Asked(
            lambda extra: self._run(
                analysis, extra, key, lambda templar: templar.template(trusted(written), **options), searchpath
            ),
            reach,
            lambda name: self._raw(name, {}),
        )
        try:
            result = with_undefined(asked, given, lambda name: self.names.reference(name, source))
            rows = self._rows(reach, stand_ins or {})
            if rows:
                result, given = agreed(asked, given, rows, result)
            if isinstance(result, Unknown):
                return Unknown(plain(written)[:200], result.reason)
            if why := alters_marker(asked, given):
                return Unknown(plain(written)[:200], why)
            if names := depends_on(asked, given, result, settled=rows[0] if rows else ()):
                return Unknown(plain(written)[:200], f"what it says depends on the value of {names}")
        except RefusedError as error:
            return Unknown(plain(written), str(error))
        except core.AnsibleValueOmittedError:
            return OMITTED
        except (core.AnsibleError, RecursionError, MemoryError, TimeoutError, ArithmeticError) as error:
            return Unknown(plain(written)[:200], _NO_PLUGIN.sub(_PLUGIN_ABSENT, self.hide_root(first_line(error))))
        except Exception as error:  # noqa: BLE001 - a project's template may raise anything Python has
            return Unknown(plain(written)[:200], self.hide_root(f"{type(error).__name__}: {first_line(error)}"))
        if isinstance(result, str) and len(result) > MAX_RENDERED:
            return Unknown(plain(written)[:200], f"renders to more than {MAX_RENDERED} characters")
        return result

    def _rows(self, reach: Reach, left_out: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The varying variables by which the template goes, for each kind of host; none where it only shows them."""
        names = [
            name for name in self._varying_in(reach) if name not in left_out
            and (reach.wide or name in reach.computed or any(value is ABSENT for value in self.varying[name]))
        ]  # fmt: skip
        return rows_of({name: self.varying[name] for name in names})

    def _varying_in(self, reach: Reach) -> list[str]:
        """Varying variables that a template depends on."""
        return sorted(self.varying if reach.wide else reach.references.keys() & self.varying.keys())

    def evaluate(self, expression: str) -> Any:
        """A bare expression's value, or `Unknown`; also where the hosts do not agree."""
        analysis = analyse_expression(expression)
        if reason := self.reason_unknown(analysis):
            return Unknown(expression, reason)
        if reason := self._unwritten(expression, analysis):
            return Unknown(expression, reason)
        names = self._varying_in(self.reach(analysis))
        rows = rows_of({name: self.varying[name] for name in names})
        answers = [self._evaluate(expression, analysis, row) for row in rows or [{}]]
        if any(truthy(answer) != truthy(answers[0]) for answer in answers[1:]):
            return Unknown(expression, f"differs between the hosts ({', '.join(names)})")
        return next((answer for answer in answers if isinstance(answer, Unknown)), answers[0])

    def _unwritten(self, expression: str, analysis: Analysis) -> str:
        """Why an expression that looks into a value is not known where that is a placeholder."""
        placeholders = self.names.book.placeholders
        if not placeholders or not _LOOKS_INTO.search(expression):
            return ""
        for name in self.reach(analysis).references:
            if name in placeholders and self.variables.get(name) == parameter_reference(name):
                return f"{name} is `{placeholders[name].value}`, a placeholder"
        return ""

    def _evaluate(self, expression: str, analysis: Analysis, extra: Mapping[str, Any]) -> Any:
        asked = Asked(
            lambda values: self._run(
                analysis, values, ("", expression), lambda templar: templar.evaluate_expression(trusted(expression))
            ),
            self.reach(analysis),
            lambda name: self._raw(name, {}),
        )
        try:
            answer = asked.run(extra)
            names = depends_on(asked, extra, answer, truth=truthy)
        except ansible().AnsibleUndefinedVariable as error:
            return Unknown(expression, first_line(error))
        except Exception as error:  # noqa: BLE001 - as in render
            return Unknown(expression, self.hide_root(first_line(error)))
        return Unknown(expression, f"depends on the value of {names}") if names else answer

    # -- conditions --------------------------------------------------------------------------------------------------

    def verdict(self, condition: object) -> tuple[Verdict, str]:
        """The verdict on one `when` entry, and the part of it that decided, with its reason."""
        if isinstance(condition, bool):
            return (Verdict.YES if condition else Verdict.NO), str(condition).lower()
        text = str(condition).strip() if not isinstance(condition, (int, float)) else str(condition)
        if not text:
            return Verdict.YES, ""
        if text.startswith("{{") and text.endswith("}}") and text.count("{{") == 1:
            text = text[2:-2].strip()
        elif "{{" in text:
            text = _OUTPUT.sub(self._as_expression, without_templates_in_quotes(text))
        return decided(split_condition(text), self._decide_leaf)

    def _as_expression(self, match: re.Match[str]) -> str:
        """`{{ x }}` inside a condition: its text becomes a part of the condition before that is parsed."""
        inner = match[0][2:-2].strip()
        if self._varying_in(self.reach(analyse_expression(inner))):
            return f"({inner})"  # there is a text for each host
        value = self.evaluate(inner)
        return value if isinstance(value, str) else f"({inner})"

    def of_the_clock(self, analysis: Analysis) -> bool:
        """Whether the result changes with the time of the run."""
        if all(reference.test in _PARTIAL_TESTS for reference in analysis.references) and not analysis.clock:
            return False
        reach = self.reach(analysis)
        fact = Reference("ansible_facts", ("date_time",))
        return (
            reach.clock
            or not reach.references.keys().isdisjoint((CLOCK, *self.clock))
            or any(each.name == fact.name and each.path[:1] == fact.path for each in analysis.references)
        )

    def _decide_leaf(self, text: str) -> tuple[Verdict, str]:
        analysis = analyse_expression(text)
        if not analysis.error and self.of_the_clock(analysis):
            return Verdict.UNKNOWN, f"{text}: it depends on the time of the run"
        for reference in analysis.references:
            if reference.name in self.unknown and text.strip("() ") == f"{reference.name} is defined":
                if reference.name in self.unsure and (
                    reference.name in self.if_used or reference.name not in self.variables
                ):
                    return Verdict.UNKNOWN, self.unknown[reference.name]
                return Verdict.YES, f"{reference.name} is registered"
        result = self.evaluate(text)
        if isinstance(result, Unknown):
            return Verdict.UNKNOWN, f"{text}: {result.reason}"
        return (Verdict.YES if truthy(result) else Verdict.NO), text
