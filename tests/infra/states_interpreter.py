"""A small Step Functions: Task, Choice, Succeed and Fail in JSONata, with the time of the test and its own services.

moto's interpreter runs the real clock, so a year of daily checks needs one that is given the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from jsonata import Jsonata

MACHINE_END = ("Succeed", "Fail")


class ServiceError(Exception):
    """What a service answers in place of a result."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.cause = cause


@cache
def compiled(expression: str) -> Jsonata:
    return Jsonata(expression)


def evaluate(value: Any, states: Mapping[str, Any], now: datetime) -> Any:
    """`value` with every `{% … %}` in it evaluated."""
    if isinstance(value, dict):
        return {key: evaluate(item, states, now) for key, item in value.items()}
    if isinstance(value, list):
        return [evaluate(item, states, now) for item in value]
    found = re.fullmatch(r"\{%(.*)%\}", value, re.DOTALL) if isinstance(value, str) else None
    if found is None:
        return value
    expression = compiled(found[1].strip())
    milliseconds = int(now.timestamp() * 1000)
    expression.register_lambda("millis", lambda: milliseconds)
    expression.register_lambda("now", lambda: now.strftime("%Y-%m-%dT%H:%M:%S.000Z"))
    expression.assign("states", states)
    result = expression.evaluate(None)
    assert result is not None, f"nothing: {value}"  # States.QueryEvaluationError in AWS
    return result


@dataclass
class Run:
    """One execution."""

    status: str = "RUNNING"
    visited: list[str] = field(default_factory=list)


def execute(
    machine: Mapping[str, Any],
    given: Any,
    now: datetime,
    services: Mapping[str, Callable[[Mapping[str, Any]], Any]],
) -> Run:
    """Runs `machine`; `services` maps the last part of a Task's resource to what answers it."""
    run = Run()
    name = machine["StartAt"]
    while True:
        state = machine["States"][name]
        run.visited.append(name)
        match state["Type"]:
            case "Succeed" | "Fail":
                run.status = "SUCCEEDED" if state["Type"] == "Succeed" else "FAILED"
                return run
            case "Choice":
                name = next(
                    (
                        choice["Next"]
                        for choice in state["Choices"]
                        if evaluate(choice["Condition"], {"input": given}, now) is True
                    ),
                    state["Default"],
                )
            case "Task":
                name, given = _task(state, given, now, services)
                if not name:
                    run.status = "FAILED" if given is None else "SUCCEEDED"
                    return run
            case other:
                raise AssertionError(f"no {other} in this interpreter")


def _task(
    state: Mapping[str, Any], given: Any, now: datetime, services: Mapping[str, Callable[[Mapping[str, Any]], Any]]
) -> tuple[str, Any]:
    """Name of the next state and its input; no name at the end, with None where the execution failed."""
    arguments = evaluate(state["Arguments"], {"input": given}, now)
    (retry,) = state.get("Retry") or ({"MaxAttempts": 0},)
    error = None
    for _ in range(retry["MaxAttempts"] + 1):
        try:
            result = services[state["Resource"].rpartition(":")[2]](arguments)
        except ServiceError as raised:
            error = raised
            continue
        output = result
        if "Output" in state:
            output = evaluate(state["Output"], {"input": given, "result": result}, now)
        return ("", output) if state.get("End") else (state["Next"], output)
    assert error is not None
    for catcher in state.get("Catch", ()):
        assert catcher["ErrorEquals"] == ["States.ALL"]
        told = {"Error": error.error, "Cause": error.cause}
        return catcher["Next"], evaluate(catcher["Output"], {"input": given, "errorOutput": told}, now)
    return "", None
