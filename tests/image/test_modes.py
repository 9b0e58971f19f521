"""File modes against Ansible's own conversion."""

from __future__ import annotations

import itertools
import os
import stat
from types import SimpleNamespace

import pytest

from analyzer.decide.image_modes import apply_mode

SPECS = [
    "u=rw,g=r,o=", "u=rwx,go=rx", "a+x", "a=r", "ug+w", "o-rwx", "u+s", "g+s", "g-s", "u=rwX,g=rX,o=rX", "+x", "a-w",
    "u=g", "g=u", "o=g", "+t", "u+rwx,g-w,o=", "=r", "u=rwxs", "go+X", "u+r-w", "-x",
]  # fmt: skip
MODES = [0o644, 0o755, 0o600, 0o4755, 0o2770, 0o1777, 0o000]


@pytest.mark.parametrize("spec", SPECS)
def test_symbolic_modes_equal_ansibles(spec: str) -> None:
    """A symbolic mode changes every mode of a file or directory as Ansible's modules change it."""
    from ansible.module_utils.basic import AnsibleModule

    wrong = []
    before = os.umask(0o022)
    try:
        for mode, directory in itertools.product(MODES, (False, True)):
            kind = stat.S_IFDIR if directory else stat.S_IFREG
            expected = AnsibleModule._symbolic_mode_to_octal(SimpleNamespace(st_mode=kind | mode), spec)
            if apply_mode(mode, spec, directory=directory) != expected:
                wrong.append(
                    (oct(mode), directory, oct(apply_mode(mode, spec, directory=directory) or 0), oct(expected))
                )
    finally:
        os.umask(before)
    assert not wrong


@pytest.mark.parametrize(
    ("spec", "mode"), [("0644", 0o644), ("644", 0o644), ("7", 7), ("02770", 0o2770), ("0o755", 0o755)]
)
def test_octal_modes(spec: str, mode: int) -> None:
    """One to five octal digits are the mode itself."""
    assert apply_mode(0o123, spec, directory=False) == mode


@pytest.mark.parametrize("spec", ["", "rw", "u=z", "999", "u", "=,"])
def test_what_is_no_mode(spec: str) -> None:
    """A text that is no mode is none, never a guess."""
    assert apply_mode(0o644, spec, directory=False) is None
