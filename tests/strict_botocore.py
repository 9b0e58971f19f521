"""botocore's own service model, read strictly: enums, patterns, ranges and lengths, which its validator skips."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.model import Shape, StructureShape
from botocore.validate import ParamValidator


@cache
def _input_shape(service: str, operation: str) -> StructureShape:
    model = botocore.session.get_session().get_service_model(service)
    return model.operation_model(operation).input_shape


def findings(service: str, operation: str, request: dict[str, Any]) -> list[str]:
    """Everything that the service's model refuses in `request`; empty means accepted."""
    shape = _input_shape(service, operation)
    report = ParamValidator().validate(request, shape)
    stock = [report.generate_report()] if report.has_errors() else []
    return [*stock, *_walk(shape, request, operation)]


def _walk(shape: Shape, value: Any, place: str) -> Iterator[str]:
    limits = shape.metadata
    match shape.type_name:
        case "structure" if isinstance(value, dict):
            if getattr(shape, "is_tagged_union", False) and len(value) != 1:
                yield f"{place}: exactly one of {sorted(shape.members)}"
            for name, item in value.items():
                if name in shape.members:
                    yield from _walk(shape.members[name], item, f"{place}.{name}")
        case "list" if isinstance(value, list):
            yield from _range(limits, len(value), f"{place}: {len(value)} items")
            for index, item in enumerate(value):
                yield from _walk(shape.member, item, f"{place}[{index}]")
        case "map" if isinstance(value, dict):
            yield from _range(limits, len(value), f"{place}: {len(value)} entries")
            for key, item in value.items():
                yield from _walk(shape.key, key, f"{place} key")
                yield from _walk(shape.value, item, f"{place}.{key}")
        case "string" if isinstance(value, str):
            if limits.get("enum") and value not in limits["enum"]:
                yield f"{place}: {value!r} is none of {limits['enum']}"
            if (pattern := limits.get("pattern")) and not re.fullmatch(_python_pattern(pattern), value):
                yield f"{place}: {value!r} does not match {pattern}"
            yield from _range(limits, len(value), f"{place}: length {len(value)}")
        case "integer" | "long" | "double" | "float" if isinstance(value, (int, float)):
            yield from _range(limits, value, f"{place}: {value}")
        case _:
            pass


def _python_pattern(pattern: str) -> str:
    """The model's (Java) pattern in Python's notation: POSIX classes, and a `-` after a class shorthand."""
    for name, text in (("\\p{L}", "a-zA-Z"), ("\\p{Z}", " "), ("\\p{N}", "0-9"), ("\\p{Alnum}", "a-zA-Z0-9")):
        pattern = pattern.replace(name, text)
    return pattern.replace("[\\s\\S]", "(?s:.)")


def _range(limits: dict[str, Any], value: float, what: str) -> Iterator[str]:
    if "min" in limits and value < limits["min"]:
        yield f"{what} is below {limits['min']}"
    if "max" in limits and value > limits["max"]:
        yield f"{what} is above {limits['max']}"
