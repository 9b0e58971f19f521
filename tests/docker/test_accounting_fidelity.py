"""The image of the fixture beside its real playbook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.image.test_verify import migrate_analyze

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "accounting"


@pytest.mark.docker
def test_the_image_differs_from_the_playbook_in_nothing_unexplained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same packages, files, links, accounts, or a decision that a second run of the playbook confirms."""
    bundle = tmp_path / "bundle"
    inventory = str(FIXTURE / "inventory")
    answer = migrate_analyze(inventory, "--out", str(bundle))
    assert answer.returncode in (0, 1), answer.stderr
    answer = migrate_analyze(
        "verify", str(bundle), "--context", str(FIXTURE / "app"), "--against-playbook", inventory, "--format", "json"
    )
    (result,) = json.loads(answer.stdout)["applications"]
    with capsys.disabled():
        print(f"\n{'accounting':<12}{'same':>8}{'explained':>11}{'unexplained':>13}   {result['seconds']} s")
        for count in result["counts"]:
            print(f"{count['kind']:<12}{count['same']:>8}{count['explained']:>11}{count['unexplained']:>13}")
    unexplained = [each for each in result["differences"] if each["standing"] == "unexplained"]
    assert not unexplained, json.dumps(unexplained, indent=1)
    assert result["compared"], result["checks"]
    assert sum(count["same"] for count in result["counts"]) > 10_000
    assert answer.returncode == 0, answer.stderr
