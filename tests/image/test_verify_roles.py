"""Roles that people use, from PyPI's package `debops`: the image made of each differs from its playbook in nothing unexplained."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.image.galaxy import unpack
from tests.image.test_verify import migrate_analyze

ROLES = Path(__file__).with_name("roles")
FACTS = Path(__file__).resolve().parents[2] / "fixtures" / "accounting" / "evidence" / "acct01" / "facts.json"
USED = "ansible_plugins global_handlers secret core debops_fact".split()
"""Roles of debops that each of its roles imports."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The playbook with its collections, and each host's facts as Debian gave them to Ansible."""
    root = tmp_path_factory.mktemp("roles") / "project"
    shutil.copytree(ROLES, root)
    plays = yaml.safe_load((root / "site.yml").read_text(encoding="utf-8"))
    roles = [role.rpartition(".")[2] for play in plays for role in play["roles"]]
    unpack(root / "collections", "debops", ("debops/debops",), (*USED, *roles))
    unpack(root / "collections", "ansible", ("community/general", "ansible/posix"))
    text = FACTS.read_text(encoding="utf-8")
    facts = json.loads(text[text.index("{") :])  # `ansible -m setup` prints the host's name before it
    for line in (root / "inventory" / "hosts").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("["):
            (root / "evidence" / line).mkdir(parents=True)
            facts["ansible_facts"] |= {
                "ansible_hostname": line,
                "ansible_nodename": line,
                "ansible_fqdn": f"{line}.example.org",
            }
            (root / "evidence" / line / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    return root


@pytest.mark.docker
def test_roles_of_pypi_end_in_the_image_as_on_a_host(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At least six roles install and configure Debian's packages: 0 unexplained differences, and each table is printed."""
    bundle = tmp_path / "bundle"
    answer = migrate_analyze(str(project / "inventory"), "--out", str(bundle))
    assert answer.returncode in (0, 1), answer.stderr
    answer = migrate_analyze(
        "verify", str(bundle), "--against-playbook", str(project / "inventory"), "--format", "json"
    )
    results = json.loads(answer.stdout)["applications"]
    plans = {
        each["name"]: each for each in json.loads((bundle / "plan.json").read_text(encoding="utf-8"))["applications"]
    }
    wrong = {}
    shown = 0
    lines = [f"{'role':<16}{'image':>7}{'manual':>8}{'same':>8}{'explained':>11}{'unexplained':>13}{'seconds':>9}"]
    for result in results:
        outcomes = Counter(each["outcome"] for each in plans[result["name"]]["decisions"] if each["kind"] == "task")
        counts = [sum(each[key] for each in result["counts"]) for key in ("same", "explained", "unexplained")]
        lines.append(
            f"{result['name']:<16}{outcomes['image']:>7}{outcomes['manual']:>8}{counts[0]:>8}{counts[1]:>11}{counts[2]:>13}{result['seconds']:>9}"
        )
        failed = [each for each in result["checks"] if each["status"] == "failed"]
        unexplained = [each for each in result["differences"] if each["standing"] == "unexplained"]
        if failed or unexplained or not result["compared"]:
            wrong[result["name"]] = (failed, unexplained)
        shown += outcomes["image"] > 0 and not wrong.get(result["name"])
    with capsys.disabled():
        print("", *lines, sep="\n")
    assert not wrong, json.dumps(wrong, indent=1)
    assert shown >= 6
