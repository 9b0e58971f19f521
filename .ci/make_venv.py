#!/usr/bin/env python3
"""Makes a virtual environment with pip, also where the distribution split `ensurepip` off (Debian's python3).

    python3 .ci/make_venv.py .venv

Without `ensurepip` the newest pip wheel is taken from the package index, its SHA-256 compared with what the index says,
and installed by itself. Exit status 1 with one line of explanation where that fails, too.
"""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import venv
from pathlib import Path

INDEX = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
JSON_TYPE = "application/vnd.pypi.simple.v1+json"


def fetch(url: str, accept: str = "*/*") -> bytes:
    """The bytes behind `url`."""
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310 - the package index, over https
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
        body: bytes = answer.read()
    return body


def pip_wheel(folder: Path) -> Path:
    """Downloads the newest final pip wheel and checks it."""
    page = f"{INDEX}/pip/"
    files = json.loads(fetch(page, JSON_TYPE))["files"]
    wheels = [file for file in files if file["filename"].endswith("-py3-none-any.whl") and not file.get("yanked")]
    final = [file for file in wheels if file["filename"].split("-")[1].replace(".", "").isdigit()]
    newest = max(final, key=lambda file: [int(part) for part in file["filename"].split("-")[1].split(".")])
    data = fetch(urllib.parse.urljoin(page, newest["url"]))
    if hashlib.sha256(data).hexdigest() != newest["hashes"]["sha256"]:
        sys.exit(f"{newest['filename']}: its SHA-256 is not what the index says")
    target = folder / str(newest["filename"])
    target.write_bytes(data)
    return target


def main(target: Path) -> None:
    """Makes `target`, unless it is there with a pip that answers."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the message is for whoever runs an older one
        sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; name one: make PYTHON=...")
    python = target / "bin" / "python"
    if python.exists() and subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0:  # noqa: S603, PLW1510 - our own interpreter; any failure means "make it"
        return
    has_ensurepip = importlib.util.find_spec("ensurepip") is not None
    venv.create(target, with_pip=has_ensurepip, clear=True, symlinks=True)
    if has_ensurepip:
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            wheel = pip_wheel(Path(folder))
        except OSError as error:
            sys.exit(f"no ensurepip in this Python (Debian: apt install python3-venv), and {INDEX}: {error}")
        subprocess.run([python, f"{wheel}/pip", "install", "--quiet", "--no-index", str(wheel)], check=True)  # noqa: S603 - our own interpreter


if __name__ == "__main__":
    main(Path(sys.argv[1]))
