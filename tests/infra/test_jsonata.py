"""Every JSONata expression of the state machines gives what JSONata's reference implementation gives."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from analyzer.render import heartbeat_check, state_machines
from tests.crons.helpers import decided, entry
from tests.infra import factory
from tests.infra.bundle import texts
from tests.infra.states_interpreter import evaluate

ORACLE = Path(__file__).with_name("jsonata_oracle.js")
FIELDS = {
    "CountEnds": ("Arguments", "Output", "Catch"),
    "Ended": ("Choices",),
    "ReportSilence": ("Arguments",),
    "ReportBlind": ("Arguments",),
}


def expressions(value: Any) -> Iterator[str]:
    """The texts of all `{% … %}` in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from expressions(item)
    elif isinstance(value, str) and (found := re.fullmatch(r"\{%(.*)%\}", value, re.DOTALL)):
        yield found[1].strip()


def questions() -> list[dict[str, Any]]:
    """Expressions with what they may meet: counts of all sizes, windows of all lengths, days around every weekday."""
    number = random.Random(7)
    asked = []
    states = heartbeat_check.definition()["States"]
    assert isinstance(states, dict)
    seen = set()
    for name, keys in FIELDS.items():
        for text in (one for key in keys for one in expressions(states[name][key])):
            seen.add(text)
            for _ in range(12):
                days = number.randrange(7, 456)
                given: dict[str, Any] = {
                    "job": "monthly-statements",
                    "namespace": "accounting/production",
                    "metric": "monthly-statements-end",
                    "days": days,
                    "period": heartbeat_check.period_s(days),
                    "ends": number.choice([0, 1, 7]),
                    "error": "CloudWatch.CloudWatchException",
                    "cause": "x" * number.randrange(900),
                }
                points = [{"Timestamp": "t", "Sum": float(number.randrange(3))} for _ in range(number.randrange(4))]
                told = {"Error": "CloudWatch.CloudWatchException", "Cause": "x" * number.randrange(900)}
                millis = number.randrange(1_700_000_000_000, 1_900_000_000_000)
                asked.append(
                    {
                        "expression": text,
                        "states": {"input": given, "result": {"Datapoints": points}, "errorOutput": told},
                        "millis": millis,
                    }
                )
    assert seen == set(expressions(states)), "an expression is not asked about"
    (guarded,) = decided(entry("0 0 */2 * mon,fri /srv/app/bin/guarded")).jobs
    machine, _ = state_machines.definition(factory.application(), guarded)
    found = list(expressions(machine))
    assert found
    for text in found:
        for _ in range(40):
            at = datetime.fromtimestamp(number.randrange(1_700_000_000, 1_900_000_000), UTC)
            states_ = {"input": number.choice([{}, {"scheduled_time": at.strftime("%Y-%m-%dT%H:%M:%SZ")}])}
            if states_["input"] or "exists" in text:
                asked.append({"expression": text, "states": states_, "millis": 0})
    return asked


def test_no_other_machine_has_expressions() -> None:
    """In the fixture only the daily check is written in JSONata, so all expressions of a bundle are asked about here."""
    for path, text in texts("fixture").items():
        if path.endswith(".asl.json") and "heartbeat_check" not in path:
            assert not list(expressions(json.loads(text))), path


@pytest.mark.npm
def test_the_reference_implementation_agrees(tmp_path: Path) -> None:
    """The values that the tests' interpreter finds are those of the `jsonata` package of npm, version 2 or newer."""
    program = Path(shutil.which("asl-validator") or "").resolve()
    package = next(
        folder / "node_modules/jsonata" for folder in program.parents if (folder / "node_modules/jsonata").is_dir()
    )
    assert int(json.loads((package / "package.json").read_text())["version"].partition(".")[0]) >= 2
    asked = questions()
    path = tmp_path / "questions.json"
    path.write_text(json.dumps(asked))
    made = subprocess.run(
        ["node", str(ORACLE), str(path), str(package)], capture_output=True, text=True, check=False, timeout=60
    )
    assert made.returncode == 0, made.stderr
    for one, wanted in zip(asked, json.loads(made.stdout), strict=True):
        now = datetime.fromtimestamp(one["millis"] / 1000, UTC)
        ours = evaluate(f"{{% {one['expression']} %}}", one["states"], now)
        digits = 19 if "$now()" in one["expression"] else None  # one writes milliseconds, the other does not
        assert (ours[:digits] if digits else ours) == (wanted[:digits] if digits else wanted), one["expression"]
