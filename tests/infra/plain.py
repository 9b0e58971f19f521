"""HCL values without their notes, as Terraform sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analyzer.render.hcl import Noted


def plain(value: object) -> Any:
    if isinstance(value, Noted):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
