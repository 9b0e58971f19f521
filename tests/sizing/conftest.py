"""The simulator is a module beside the tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from analyzer.decide.platform import PlatformData, load_platform
from analyzer.resources import rule_texts


@pytest.fixture(scope="session")
def platform() -> PlatformData:
    """The shipped sizes and prices."""
    return load_platform(rule_texts())[0]
