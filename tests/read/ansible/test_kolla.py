"""ansible-core is the oracle on a large real project: kolla-ansible with its all-in-one inventory."""

from pathlib import Path

import pytest

from analyzer.read.layout import Request
from tests.corpus import kolla
from tests.read.ansible.oracle import compare


@pytest.mark.corpus
def test_variables_arguments_and_templates_of_kolla_ansible_equal_ansibles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every task of a deployment, through group_by, dynamic includes, set_fact and hostvars."""
    root = kolla()
    request = Request(project=root, inventories=("inventory/all-in-one",), extra_vars=("kolla_action=deploy",))
    counted = compare(
        root, root / "site.yml", root / "inventory" / "all-in-one", "localhost", request, tmp_path, monkeypatch,
        {"kolla_action": "deploy"},
    )  # fmt: skip
    assert counted["tasks"] > 500
    assert counted["arguments"] > 500
    assert counted["templates"] > 5
