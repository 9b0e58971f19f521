"""The simulator is a module beside the tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: small matrices only lose by threads

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from analyzer.decide.platform import PlatformData, load_platform
from analyzer.resources import rule_texts


@pytest.fixture(scope="session")
def platform() -> PlatformData:
    """The shipped sizes and prices."""
    return load_platform(rule_texts())[0]
