"""HCL values are written as `terraform fmt` writes them and mean themselves, whatever stands in them."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.model import Via
from analyzer.render.hcl import Noted, assignments, comment_lines, quoted

TEXTS = [
    '"',
    "\\",
    '${file("/etc/passwd")}',
    "%{ if true }",
    "$${x}",
    "a\nb\tc\r",
    "\x00\x07\x1b\x7f",
    "日本語 é \u2028",
    "<x>&",
]
SCALARS = st.one_of(st.booleans(), st.integers(-1000, 1000), st.sampled_from(TEXTS), st.none())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "long_name", "with-dash", "with dot."]), inner),
    ),
    max_leaves=8,
)


def text(values: dict) -> str:
    return "".join(f"{line.text}\n" for line in assignments(values))


@pytest.mark.terraform
@settings(max_examples=15, deadline=None)
@given(st.lists(VALUES, min_size=20, max_size=20))
def test_terraform_fmt_has_nothing_to_change(values: list) -> None:
    """Nested objects, lists and every kind of key are aligned as the official formatter does."""
    written = text({f"v{number}": value for number, value in enumerate(values)})
    made = subprocess.run(["terraform", "fmt", "-"], input=written.encode(), capture_output=True, check=True)
    assert made.stdout.decode() == written


@pytest.mark.terraform
def test_texts_mean_themselves(tmp_path: Path) -> None:
    """Terraform reads back every text unchanged: quotes, templates, control characters, other alphabets."""
    (tmp_path / "main.tf").write_text('variable "x" {\n  type = list(string)\n}\n')
    (tmp_path / "terraform.tfvars").write_text(text({"x": TEXTS}))
    made = subprocess.run(
        ["terraform", "console"],
        input=b"base64encode(jsonencode(var.x))\n",
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert json.loads(base64.b64decode(made.stdout.strip().strip(b'"'))) == TEXTS


def test_half_characters_become_a_replacement() -> None:
    """A lone surrogate, which no encoding can hold, is replaced instead of breaking the file."""
    assert quoted("a\ud800b") == '"a\\uFFFDb"'


def test_a_comment_cannot_be_left() -> None:
    """Line ends of a comment's text start a new comment line; control characters go."""
    assert list(comment_lines("one\ntwo\x1b[31m\rthree\u2028four")) == ["# one", "# two [31m", "# three", "# four"]


def test_notes_reach_their_lines() -> None:
    """A value's reason is that of all its lines, an inner one's its own."""
    outer, inner = Via(rule="outer"), Via(rule="inner")
    lines = list(assignments({"a": Noted(value={"b": 1, "c": Noted(value=2, via=inner, comment="why")}, via=outer)}))
    assert [(line.text, line.via) for line in lines] == [
        ("a = {", outer),
        ("  b = 1", outer),
        ("  # why", inner),
        ("  c = 2", inner),
        ("}", outer),
    ]
