"""What the whole suite shares: tests that need another program skip with a message, or fail where it is required."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"  # before numpy, as the command line does it

import shutil
import signal
import subprocess
import sys
from functools import cache
from importlib.util import find_spec

import pytest
from hypothesis import settings

from tests.corpus import KOLLA, folder

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts us in the background has it ignored

settings.register_profile("ci", derandomize=True)  # a red check must be red for everybody who runs it again
if os.environ.get("CI"):
    settings.load_profile("ci")


@cache
def docker_missing() -> str:
    """Why no Docker Engine can be used, "" where one answers."""
    if shutil.which("docker") is None:
        return "no docker program on PATH"
    answer = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return "" if answer.returncode == 0 else "no Docker Engine answers"


@cache
def buildah_missing() -> str:
    """Why buildah cannot be used, "" where it can."""
    if shutil.which("buildah") is None:
        return "no buildah program on PATH"
    return "" if os.geteuid() == 0 else "buildah is used as root here"


@cache
def terraform_missing() -> str:
    """Why terraform cannot be used, "" where it is there."""
    return "" if shutil.which("terraform") else "no terraform program on PATH"


@cache
def npm_missing() -> str:
    """Why the validators from npm cannot be used, "" where they are there."""
    return "" if shutil.which("asl-validator") else "no asl-validator on PATH (npm install --global asl-validator)"


@cache
def browser_missing() -> str:
    """Why no browser can be driven, "" where Chromium and Playwright are there."""
    if shutil.which("chromium") is None:
        return "no chromium program on PATH"
    if find_spec("playwright") is None:
        return "no playwright (pip install playwright)"
    answer = subprocess.run([sys.executable, "-m", "playwright", "--version"], capture_output=True, check=False)
    return "" if answer.returncode == 0 else "playwright does not start (on Debian it needs libatomic1)"


@cache
def checkov_missing() -> str:
    """Why checkov cannot be used, "" where it is there."""
    return "" if shutil.which("checkov") else "no checkov on PATH (pip install checkov, in an environment of its own)"


@cache
def corpus_missing() -> str:
    """Why no real project is at hand, "" where it is there or may be fetched."""
    if os.environ.get("REQUIRE_CORPUS") == "1" or folder(KOLLA).is_dir():
        return ""
    return f"{KOLLA} is not in the cache of `make bench-corpus`"


@cache
def mount_missing() -> str:
    """Why nothing can be mounted here, "" where it can."""
    missing = [program for program in ("unshare", "rsync", "mountpoint", "findmnt") if not shutil.which(program)]
    if missing:
        return f"no {', '.join(missing)} on PATH"
    answer = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return "" if answer.returncode == 0 else "unshare --mount is not allowed (needs root)"


NEEDS = {
    "docker": docker_missing,
    "buildah": buildah_missing,
    "terraform": terraform_missing,
    "npm": npm_missing,
    "browser": browser_missing,
    "checkov": checkov_missing,
    "corpus": corpus_missing,
    "mount": mount_missing,
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test whose program is missing; fails it where REQUIRE_<PROGRAM>=1 says that it must run."""
    for marker, missing in NEEDS.items():
        if item.get_closest_marker(marker) is None or not (reason := missing()):
            continue
        variable = f"REQUIRE_{marker.upper()}"
        if os.environ.get(variable) == "1":
            pytest.fail(f"{reason}, and {variable}=1", pytrace=False)
        pytest.skip(f"{reason}; set {variable}=1 to make this a failure")
