"""What the command line shows beside its result: steps while it works, problems, completion for shells."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

import click

from analyzer.model import Problem, Severity
from analyzer.render.references import readable
from analyzer.render.texts import Texts

_MOST_ALIKE = 4
"""Problems of one kind that are printed; the report has them all."""

_WHAT_WAS_READ = frozenset(
    "project-chosen playbooks-chosen playbooks-not-found inventory-chosen inventory-not-found environment-chosen "
    "inventory-collected hosts-assumed".split()
)
"""Notes that are printed: with another choice the whole result would be another one."""


@contextmanager
def steps_shown() -> Iterator[Callable[[str], None]]:
    """A function that shows what is done now, with the time that has gone: on stderr, and only where a person looks."""
    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=None)
        yield lambda text: shown.update(task, description=readable(" ".join(text.split()))[:100])


def print_problems(problems: Sequence[Problem], *, everything: str, language: str = "en") -> None:
    """To stderr, errors first and all of them, many warnings of one kind folded; of the notes, what was read."""
    texts = Texts(language)
    order = list(Severity)
    told = [problem for problem in problems if problem.severity is not Severity.NOTE or problem.code in _WHAT_WAS_READ]
    codes = {problem.code: number for number, problem in reversed(list(enumerate(told)))}
    told.sort(key=lambda each: (order.index(each.severity), codes[each.code]))
    for (severity, code), group in groupby(told, key=lambda each: (each.severity, each.code)):
        alike = list(group)
        folded = severity is not Severity.ERROR and len(alike) > _MOST_ALIKE + 1
        for problem in alike[: _MOST_ALIKE if folded else None]:
            click.echo(_line(problem, texts), err=True)
        if folded:
            rest = texts("summary.more-alike", count=len(alike) - _MOST_ALIKE, where=everything)
            click.echo(f"{texts(f'severity.{severity}')}: {rest} [{code}]", err=True)


def _line(problem: Problem, texts: Texts) -> str:
    message = problem.message
    if problem.source:
        message = f"{problem.source}: {message.removeprefix(problem.source.file).lstrip(': ')}"
    hint = f" ({problem.hint})" if problem.hint else ""
    return readable(f"{texts(f'severity.{problem.severity}')}: {message}{hint} [{problem.code}]")


def completion_script(command: click.Command, shell: str, name: str) -> str:
    """What a shell reads to complete commands, options and paths of `name`."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise ValueError(shell)
    return found(command, {}, name, f"_{name.replace('-', '_').upper()}_COMPLETE").source()
