"""The result of `verify` inside `report.html`, once there is one."""

from __future__ import annotations

import re

from analyzer.render.report_data import escaped_json

_ELEMENT = re.compile(r'(<script type="application/json" id="fidelity">)[^<]*(</script>)')


def with_fidelity(page: str, results: str) -> str:
    """`page` with `results` (JSON of `verify --format json`) in its section; unchanged where it has no place for it."""
    return _ELEMENT.sub(lambda match: f"{match[1]}{escaped_json(results.strip())}{match[2]}", page, count=1)


def language_of(page: str) -> str:
    """The language that a report is in."""
    match = re.search(r'<html lang="([a-z]+)"', page)
    return match[1] if match else "en"
