"""Small rule packs for tests."""

from __future__ import annotations

from typing import Any

import yaml

from analyzer.rulepack import load_pack
from analyzer.ruletypes import RulePack


def text(*rules: dict[str, Any], name: str = "demo", **more: Any) -> str:
    """A pack's text; rules get what every rule must have."""
    full = [{"title": "a rule", "reason": "A reason.", **rule} for rule in rules]
    return yaml.safe_dump({"pack": name, "about": "A pack.", **more, "rules": full}, sort_keys=False)


def pack(*rules: dict[str, Any]) -> RulePack:
    """A loaded pack named demo."""
    return load_pack({"demo.yaml": text(*rules)})
