"""Texts of `rules/` and `output_templates/`, from a checkout or the installed wheel. The only user of `__file__`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


@cache
def _texts(folder: str) -> Mapping[str, str]:
    root = _folder(folder)
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def rule_texts() -> Mapping[str, str]:
    """File name in `rules/` -> text."""
    return _texts("rules")


def template_texts() -> Mapping[str, str]:
    """File name in `output_templates/` (with folders, POSIX) -> text."""
    return _texts("output_templates")


@cache
def own_words() -> frozenset[str]:
    """Words of at least four letters, in small letters, that rules and templates bring into every bundle."""
    texts = (*rule_texts().values(), *template_texts().values())
    return frozenset(word.lower() for text in texts for word in re.findall(r"[A-Za-z]{4,}", text))
