"""Conditions on variables that differ between the hosts of one application."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from analyzer.model import Verdict
from analyzer.read.project import Reading

HOSTS = "[web]\nweb1 size=big\nweb2\nweb3 size=big\nweb4\n"
OWN = "inventory_hostname ~ '-' ~ size | default('small')"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f"{OWN} in ['web1-big', 'web2-small', 'web3-big', 'web4-small']", Verdict.YES),
        (f"{OWN} == 'web4-big'", Verdict.NO),
        (f"{OWN} == 'web3-big'", Verdict.UNKNOWN),
        ("size | default('small') in ('small', 'big')", Verdict.YES),
        ("size is defined", Verdict.UNKNOWN),
        ("size == 'big'", Verdict.UNKNOWN),
    ],
)
def test_a_host_s_name_and_its_own_variables_go_together(
    condition: str, expected: Verdict, read: Callable[..., Reading]
) -> None:
    """Four hosts of two kinds: each is compared with its own values, and what only some have is not None elsewhere."""
    site = f'- hosts: web\n  tasks:\n  - name: One\n    apt: {{name: jq}}\n    when: "{condition}"\n'
    (application,) = read({"inventory/hosts": HOSTS, "site.yml": site}).project.applications
    assert [task.applies for task in application.tasks] == [expected]
