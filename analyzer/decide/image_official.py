"""The language's own image as an alternative to the distribution's interpreter: a note, since the playbook decides."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Base image -> language -> (release that the distribution packages, official image with the same release, end of its
# support by the language's own project: ruby-lang.org/en/downloads/branches, devguide.python.org/versions,
# nodejs.org/en/about/previous-releases, php.net/supported-versions).
_OFFICIAL: dict[str, dict[str, tuple[str, str, str]]] = {
    "debian:bullseye-slim": {
        "ruby": ("2.7", "ruby:2.7-slim-bullseye", "2023-03"),
        "python": ("3.9", "python:3.9-slim-bullseye", "2025-10"),
        "nodejs": ("12", "node:12-bullseye-slim", "2022-04"),
        "php": ("7.4", "php:7.4-cli-bullseye", "2022-11"),
    },
    "debian:bookworm-slim": {
        "ruby": ("3.1", "ruby:3.1-slim-bookworm", "2025-03"),
        "python": ("3.11", "python:3.11-slim-bookworm", "2027-10"),
        "nodejs": ("18", "node:18-bookworm-slim", "2025-04"),
        "php": ("8.2", "php:8.2-cli-bookworm", "2026-12"),
    },
    "debian:trixie-slim": {
        "ruby": ("3.3", "ruby:3.3-slim-trixie", "2027-03"),
        "python": ("3.13", "python:3.13-slim-trixie", "2029-10"),
        "nodejs": ("20", "node:20-trixie-slim", "2026-04"),
        "php": ("8.4", "php:8.4-cli-trixie", "2028-12"),
    },
}
_PACKAGES = {
    "ruby": r"ruby(-full|-bundler|[\d.]+)?",
    "python": r"python3(-venv|-pip|-virtualenv)?|python3\.\d+(-venv)?",
    "nodejs": r"nodejs",
    "php": r"php[\d.]*(-cli|-fpm)?",
}


def official_notes(base: str, packages: Iterable[str]) -> tuple[str, ...]:
    """What an expert would weigh: the official image of each language whose interpreter the playbook installs."""
    names = {re.split(r"[=/:]", name)[0] for name in packages}
    notes = []
    for language, (release, image, end) in _OFFICIAL.get(base, {}).items():
        if any(re.fullmatch(_PACKAGES[language], name) for name in names):
            notes.append(
                f"{language} {release} comes from the distribution, which mends it as long as it supports its release;"
                f" the language's own project ends its support {end}. {image} has the same release in /usr/local"
                " instead: `base_image` in the decisions file chooses it, and the packages of the interpreter then"
                " leave the role."
            )
    return tuple(notes)
