"""Containers reached over SSH and a simulated AWS, each made once for all tests of this folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collect import hosts as world


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The images of the hosts; KEEP_TEST_IMAGES=1 leaves them for the next run."""
    world.build_images(tmp_path_factory.mktemp("images"))
    yield
    if not world.keep_images():
        world.docker("image", "rm", "--force", world.ACCOUNTING, world.PLAIN, check=False)


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key that hosts let in."""
    return world.make_key(tmp_path_factory.mktemp("key"), "key")


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A simulated AWS, to which this process' boto3 is led."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    url = f"http://127.0.0.1:{port}"
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    import requests

    requests.post(f"{url}/moto-api/reset", timeout=30)
    yield url
    server.stop()
