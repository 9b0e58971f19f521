"""Variables as one task sees them, and what can and cannot be evaluated with them.

ansible-core evaluates; this module decides beforehand whether it may and whether the answer would mean anything: a name
that only the live host knows makes the whole expression `Unknown`, however deep in other variables it hides.
"""

from __future__ import annotations

import contextlib
import re
import resource
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analyzer.model import Parameter, Source, Unknown, Value, Verdict, parameter_reference
from analyzer.read.ansible.core import RefusedError, ansible, plain, trusted
from analyzer.read.ansible.expressions import (
    Analysis,
    Condition,
    Reference,
    analyse_expression,
    analyse_template,
    split_condition,
)
from analyzer.read.secrets import SecretBook, is_secret_name

RENDER_SECONDS = 5.0
"""A template that takes longer is given up."""

MAX_RENDERED = 4 * 1024 * 1024
"""Characters of one rendered text."""

_LONGEST_IN_PART = 2_000
_OUTPUT = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_MARK = re.compile("[\ue000-\ue003]|\\{\\{")
_PARTIAL_TESTS = frozenset({"defined", "undefined"})
_RESULT_TESTS = {
    "changed": "changed", "change": "changed", "failed": "failed", "failure": "failed", "skipped": "skipped",
    "skip": "skipped",
}  # fmt: skip


@dataclass(slots=True)
class Names:
    """Names that were looked up and not found: they become parameters or secrets."""

    book: SecretBook
    parameters: dict[str, Parameter] = field(default_factory=dict)
    _templates: dict[int, tuple[Any, tuple[str, ...]]] = field(default_factory=dict)

    def templates_in(self, value: Any) -> tuple[str, ...]:
        """Every text inside `value` that is a template; large values are walked once in a run."""
        if not isinstance(value, (dict, list)):
            return tuple(templates_in(value))
        kept = self._templates.get(id(value))
        if kept is None or kept[0] is not value:
            kept = self._templates[id(value)] = (value, tuple(templates_in(value)))
        return kept[1]

    def reference(self, name: str, source: Source | None) -> str:
        """The marker that stands for undefined variable `name`."""
        if is_secret_name(name):
            return self.book.marker(name, source, "undefined")
        if name not in self.parameters:
            self.parameters[name] = Parameter(name=name, source=source, reason="no file of the project defines it")
        return parameter_reference(name)


@dataclass(slots=True)
class Scope:
    """What a task can refer to."""

    variables: Mapping[str, Any]
    """Masked (no secret's value in it), merged by precedence."""
    unknown: Mapping[str, str]
    """Name -> why its value cannot be known."""
    known_results: Mapping[str, Mapping[str, Any]]
    """Registered name -> the keys of its result that are known for a fresh machine."""
    names: Names
    loader: Any
    hide_root: Callable[[str], str]
    """Takes this machine's paths out of a text."""
    varying: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Variables that differ between the application's hosts: name -> its values, one a kind of host.

    In texts they become parameters; a condition that depends on one is decided for every kind of host.
    """
    _memo: dict[str, str | None] = field(default_factory=dict, init=False)
    """Variable -> why it is not known, "" where it is; None while that is being found out."""

    # -- what can be known -------------------------------------------------------------------------------------------

    def reason_unknown(self, analysis: Analysis) -> str:
        """Why an expression cannot be evaluated, "" if it can."""
        if analysis.error:
            return f"Jinja cannot parse it: {analysis.error}"
        if analysis.refusals:
            return analysis.refusals[0]
        for reference in analysis.references:
            if reason := self._reason_for(reference):
                return reason
        return ""

    def _reason_for(self, reference: Reference) -> str:
        name = reference.name
        if name in self.unknown:
            return self._reason_for_unknown(reference)
        if name in self.variables:
            if name not in self._memo:
                self._memo[name] = None
                self._memo[name] = "" if name in _OF_THE_RUN else self._reason_in(self.variables[name])
            if (reason := self._memo[name]) is None:
                return f"variable {name} refers to itself"
            if reason:
                return reason if reference.test not in _PARTIAL_TESTS else ""
            if name in ("ansible_facts", "hostvars", "vars") and reference.path:
                return self._reason_for_facts(reference)
            return ""
        if name.startswith("ansible_") and reference.test not in _PARTIAL_TESTS:
            return f"no evidence gives the fact {name}"
        return ""

    def _reason_for_unknown(self, reference: Reference) -> str:
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
        return self.unknown[reference.name]

    def _reason_for_facts(self, reference: Reference) -> str:
        if reference.name == "ansible_facts":
            facts = self.variables["ansible_facts"]
            if reference.path[0] not in facts and reference.test not in _PARTIAL_TESTS:
                return f"no evidence gives the fact {reference.path[0]}"
        return ""

    def _reason_in(self, value: Any) -> str:
        for text in self.names.templates_in(value):
            if reason := self.reason_unknown(analyse_template(text)):
                return reason
        return ""

    # -- evaluation --------------------------------------------------------------------------------------------------

    def templar(
        self, analysis: Analysis, extra: Mapping[str, Any] | None = None, searchpath: list[str] | None = None
    ) -> Any:
        """ansible-core's templar over the variables that the expression can reach.

        Only those: ansible-core looks at every variable it is given for every template, and projects have thousands.
        """
        reached = self._reached(analysis)
        variables = dict(self.variables)
        if reached is not None:
            variables = {name: self.variables[name] for name in reached if name in self.variables}
        results = {
            name: dict(known) for name, known in self.known_results.items() if reached is None or name in reached
        }
        variables = {**variables, **results, **(extra or {})}
        templar = ansible().Templar(loader=self.loader, variables=variables)
        return templar.copy_with_new_env(searchpath=searchpath) if searchpath else templar

    def value(self, written: Any, source: Source | None = None) -> Value:
        """`written` with its templates evaluated piece by piece: what cannot be known is `Unknown`, the rest stays."""
        if isinstance(written, str):
            return self._text(written, source)
        if isinstance(written, Mapping):
            return {plain(key): self.value(item, source) for key, item in written.items()}
        if isinstance(written, (list, tuple)):
            return tuple(self.value(item, source) for item in written)
        return freeze(plain(written))

    def _text(self, written: str, source: Source | None) -> Value:
        if "{{" not in written and "{%" not in written:
            return self.hide_root(plain(written))
        analysis = analyse_template(written)
        if reason := self.reason_unknown(analysis):
            return Unknown(self._known_in_part(plain(written)), reason)
        rendered = self.render(written, analysis, source)
        return rendered if isinstance(rendered, Unknown) else freeze(rendered, self.hide_root)

    def _known_in_part(self, written: str) -> str:
        """The text with those of its expressions filled in that are known: `{{ folder }}/{{ item }}` says where."""
        if "{%" in written or written.count("{{") < 2 or len(written) > _LONGEST_IN_PART:
            return written
        return _OUTPUT.sub(self._piece, written)

    def _piece(self, match: re.Match[str]) -> str:
        analysis = analyse_template(match[0])
        if self.reason_unknown(analysis) or self._undefined(analysis) or self._varying_in(analysis):
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
        extra: Mapping[str, Any] | None = None,
        searchpath: list[str] | None = None,
        **options: Any,
    ) -> Any:
        """One template, evaluated; undefined variables stand as markers; a failure is `Unknown` in ansible's words."""
        core = ansible()
        missing: dict[str, Any] = {}
        for name in self._undefined(analysis):
            missing[name] = self.names.reference(name, source)
        for name in self._varying_in(analysis):
            missing[name] = parameter_reference(name)
        try:
            with time_limit(RENDER_SECONDS):
                result = plain(
                    self.templar(analysis, {**missing, **(extra or {})}, searchpath).template(
                        trusted(written), **options
                    )
                )
        except RefusedError as error:
            return Unknown(plain(written), str(error))
        except (core.AnsibleError, RecursionError, MemoryError, TimeoutError, ArithmeticError) as error:
            return Unknown(plain(written)[:200], self.hide_root(first_line(error)))
        except Exception as error:  # noqa: BLE001 - a project's template may raise anything Python has
            return Unknown(plain(written)[:200], self.hide_root(f"{type(error).__name__}: {first_line(error)}"))
        if isinstance(result, str) and len(result) > MAX_RENDERED:
            return Unknown(plain(written)[:200], f"renders to more than {MAX_RENDERED} characters")
        return result

    def _undefined(self, analysis: Analysis) -> list[str]:
        """Names used without a test or default that nothing defines, also inside the variables that are used."""
        found: list[str] = []
        seen: set[str] = set()
        pending = list(analysis.references)
        while pending:
            reference = pending.pop()
            if reference.name in seen:
                continue
            if reference.name in self.variables:
                seen.add(reference.name)
                if reference.name not in _OF_THE_RUN:
                    texts = self.names.templates_in(self.variables[reference.name])
                    pending.extend(inner for text in texts for inner in analyse_template(text).references)
            elif not (reference.name in self.unknown or reference.name in _GLOBALS or reference.test or reference.path):
                found.append(reference.name)
                seen.add(reference.name)
        return found

    def _reached(self, analysis: Analysis) -> set[str] | None:
        """Names that an expression depends on, directly or through other variables; None where it may be any."""
        if analysis.wide:
            return None
        seen: set[str] = set()
        pending = [reference.name for reference in analysis.references]
        while pending:
            name = pending.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in _OF_THE_RUN:
                continue
            for text in self.names.templates_in(self.variables.get(name)):
                inner = analyse_template(text)
                if inner.wide:
                    return None
                pending += [reference.name for reference in inner.references]
        return seen

    def _varying_in(self, analysis: Analysis) -> list[str]:
        """Varying variables that an expression depends on, directly or through other variables."""
        if not self.varying:
            return []
        reached = self._reached(analysis)
        return sorted(self.varying if reached is None else reached & self.varying.keys())

    def evaluate(self, expression: str) -> Any:
        """A bare expression's value, or `Unknown`; also where the hosts do not agree."""
        analysis = analyse_expression(expression)
        if reason := self.reason_unknown(analysis):
            return Unknown(expression, reason)
        names = self._varying_in(analysis)
        if not names:
            return self._evaluate(expression, analysis, {})
        kinds = range(max(len(self.varying[name]) for name in names))
        answers = [
            self._evaluate(expression, analysis, {name: self.varying[name][kind] for name in names}) for kind in kinds
        ]
        if any(truthy(answer) != truthy(answers[0]) for answer in answers[1:]):
            return Unknown(expression, f"differs between the hosts ({', '.join(names)})")
        return answers[0]

    def _evaluate(self, expression: str, analysis: Analysis, extra: Mapping[str, Any]) -> Any:
        core = ansible()
        try:
            with time_limit(RENDER_SECONDS):
                return plain(self.templar(analysis, extra).evaluate_expression(trusted(expression)))
        except core.AnsibleUndefinedVariable as error:
            return Unknown(expression, first_line(error))
        except Exception as error:  # noqa: BLE001 - as in render
            return Unknown(expression, self.hide_root(first_line(error)))

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
        return self._decide(split_condition(text))

    def _decide(self, condition: Condition) -> tuple[Verdict, str]:
        if condition.operator == "leaf":
            return self._decide_leaf(condition.text)
        if condition.operator == "not":
            verdict, reason = self._decide(condition.operands[0])
            return negate(verdict), reason
        decisive = Verdict.NO if condition.operator == "and" else Verdict.YES
        answers = [self._decide(operand) for operand in condition.operands]
        for verdict, reason in answers:
            if verdict is decisive:
                return verdict, reason
        for verdict, reason in answers:
            if verdict is Verdict.UNKNOWN:
                return verdict, reason
        return answers[-1]

    def _decide_leaf(self, text: str) -> tuple[Verdict, str]:
        analysis = analyse_expression(text)
        for reference in analysis.references:
            if reference.name in self.unknown and text.strip("() ") == f"{reference.name} is defined":
                return Verdict.YES, f"{reference.name} is registered"
        result = self.evaluate(text)
        if isinstance(result, Unknown):
            return Verdict.UNKNOWN, f"{text}: {result.reason}"
        if truthy(result):
            return Verdict.YES, text
        return Verdict.NO, text


_GLOBALS = frozenset(
    "range dict lipsum cycler joiner namespace lookup query q now undef omit true false none True False None vars "
    "hostvars environment".split()
)


_OF_THE_RUN = frozenset({"hostvars", "groups", "ansible_facts"})
"""Magic variables whose values are not followed: they hold no template that the expression would depend on."""


def templates_in(value: Any) -> Iterator[str]:
    """Every text inside a value that is a template."""
    if isinstance(value, str):
        if "{{" in value or "{%" in value:
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from templates_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from templates_in(item)


def truthy(value: object) -> bool:
    """A condition's result as Ansible's playbooks have relied on it: "false", "no", "" and empty lists are false."""
    if isinstance(value, str):
        return value.strip().lower() not in ("", "false", "no", "off", "0", "n", "f", "none")
    return bool(value)


def negate(verdict: Verdict) -> Verdict:
    """Kleene's not."""
    return {Verdict.YES: Verdict.NO, Verdict.NO: Verdict.YES, Verdict.UNKNOWN: Verdict.UNKNOWN}[verdict]


def both(first: Verdict, second: Verdict) -> Verdict:
    """Kleene's and."""
    if Verdict.NO in (first, second):
        return Verdict.NO
    return Verdict.UNKNOWN if Verdict.UNKNOWN in (first, second) else Verdict.YES


def freeze(value: Any, clean: Callable[[str], str] = str) -> Value:
    """Plain data as an immutable `Value`."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {str(key): freeze(item, clean) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return tuple(freeze(item, clean) for item in value)
    if value is None or isinstance(value, (bool, int, float, Unknown)):
        return value
    return clean(str(value))


def holds_unknown(value: Value) -> bool:
    """Whether any part of the value is unknown."""
    if isinstance(value, Unknown):
        return True
    if isinstance(value, Mapping):
        return any(holds_unknown(item) for item in value.values())
    return isinstance(value, tuple) and any(holds_unknown(item) for item in value)


def thaw(value: Any) -> Any:
    """A `Value` as the lists and dicts that ansible-core works with."""
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    return [thaw(item) for item in value] if isinstance(value, tuple) else value


def first_line(error: BaseException) -> str:
    """The first line of an exception's text."""
    return (str(error) or type(error).__name__).strip().splitlines()[0][:300]


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Bound the block: TimeoutError after `seconds`, MemoryError past MAX_RENDER_BYTES; in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(_signal: int, _frame: object) -> None:
        raise TimeoutError(f"takes longer than {seconds:g} s to evaluate")

    previous = signal.signal(signal.SIGALRM, expire)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    bound = _address_space() + MAX_RENDER_BYTES
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (bound if soft == resource.RLIM_INFINITY else min(soft, bound), hard))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


MAX_RENDER_BYTES = 1 << 30
"""Memory that one template may take on top of what is in use."""


def _address_space() -> int:
    """Bytes of address space in use now, and a gibibyte for what is allocated beside the template's own values."""
    import sys

    pages = 0
    with contextlib.suppress(OSError), Path("/proc/self/statm").open(encoding="ascii") as stream:
        pages = int(stream.read().split()[0])
    return pages * resource.getpagesize() + (1 << 30 if pages else sys.maxsize >> 2)
