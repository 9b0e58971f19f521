"""One Dockerfile, three builders: the engine's classic one, BuildKit and buildah make the same image of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyzer.verify.compare import IDLE
from analyzer.verify.engine import Engine
from analyzer.verify.explain import Explainer
from analyzer.verify.snapshot import Snapshot
from tests.docker.fargate import LABEL, build, docker

pytestmark = pytest.mark.docker

NAME = "migrate-analyze-test/builders"
BASE = "debian:bookworm-slim"

PLAYBOOK = """\
- hosts: all
  become: true
  vars:
    db_password: !vault |
      $ANSIBLE_VAULT;1.1;AES256
      6162
  tasks:
    - {name: compiler, ansible.builtin.apt: {name: make, install_recommends: false}}
    - {name: group, ansible.builtin.group: {name: shop, gid: 1600}}
    - {name: account, ansible.builtin.user: {name: shop, uid: 1500, group: shop, groups: [www-data], shell: /bin/bash}}
    - name: code
      ansible.builtin.git: {repo: "git@example.org:shop.git", dest: /srv/shop}
      become_user: shop
    - name: compiled into a folder of its own
      ansible.builtin.command: {cmd: make install PREFIX=/opt/tools, chdir: /srv/shop, creates: /opt/tools/bin/tool}
    - name: quotes, dollars and lines
      ansible.builtin.copy:
        dest: "/etc/shop/it's a $file.conf"
        content: "a=\\"$HOME\\" 'b' \\\\ `c` %s\\n\\u00fcn\\u00ef\\n\\nEOF\\n"
        owner: shop
        group: adm
        mode: "0640"
    - {name: edit, ansible.builtin.lineinfile: {path: /etc/debconf.conf, line: "# it's $HOME \\\\1 & more"}}
    - {name: folder, ansible.builtin.file: {path: /var/lib/shop, state: directory, owner: shop, group: shop, mode: "2770"}}
    - {name: inner, ansible.builtin.file: {path: "/var/lib/shop/in box", state: directory, owner: shop, mode: "3775"}}
    - {name: as its owner, ansible.builtin.copy: {dest: /usr/local/bin/suid, content: "x\\n", mode: "4755"}}
    - {name: link, ansible.builtin.file: {src: /usr/local/bin/suid, dest: /usr/local/bin/link, state: link}}
    - {name: gone, ansible.builtin.file: {path: /etc/deluser.conf, state: absent}}
    - name: secret
      ansible.builtin.copy: {dest: /etc/shop/secret, content: "password={{ db_password }}\\n", owner: shop, mode: "0600"}
    - name: unit
      ansible.builtin.copy:
        dest: /etc/systemd/system/shop.service
        content: |
          [Service]
          User=shop
          WorkingDirectory=/srv/shop
          ExecStart=/opt/tools/bin/tool --port 8080 "a b"
          KillSignal=SIGINT
    - {name: service, ansible.builtin.systemd: {name: shop, enabled: true, state: started}}
"""
ANSWERS = """\
facts: {distribution: Debian, distribution_version: '12', os_family: Debian}
answers: {'build-stage:/opt/tools': build-stage}
"""
MAKEFILE = """\
install:
\tinstall -D -m 0755 tool $(PREFIX)/bin/tool
\tinstall -D -m 0644 tool $(PREFIX)/share/data
\tln -sfn ../share/data $(PREFIX)/bin/data
"""
CODE = {
    "Makefile": MAKEFILE,
    "tool": "#!/bin/sh\nexec sleep 60\n",
    "a b/c d": "x\n",
    # the .dockerignore keeps the first of each pair out of the image, and not the second
    "config/master.key": "x\n", "config/settings.yml": "x\n",
    ".env": "x\n", ".env.example": "x\n",
    "log/production.log": "x\n", "log/.keep": "",
    "node_modules/x/y": "x\n", "tmp/pids/.keep": "",
    "sub/node_modules/z": "x\n", "sub/z": "x\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated Dockerfile with a build stage, an entrypoint and awkward names, in the application's repository."""
    project = tmp_path_factory.mktemp("builders")
    (project / "inventory").mkdir()
    (project / "inventory" / "hosts").write_text("app01\n", encoding="utf-8")
    (project / "site.yml").write_text(PLAYBOOK, encoding="utf-8")
    (project / "migrate.yml").write_text(ANSWERS, encoding="utf-8")
    command = [sys.executable, "-m", "analyzer", str(project), "--out", str(project / "out"), "--timezone", "UTC"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode in (0, 1), answer.stderr
    folder = project / "out" / "app01" / "app"
    for name, text in CODE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "tool").chmod(0o755)
    (folder / "a b" / "c d").chmod(0o600)
    (folder / "dangling").symlink_to("nowhere")
    (folder / "conf").symlink_to("config")
    dockerfile = (folder / "Dockerfile").read_text(encoding="utf-8")
    assert all(word in dockerfile for word in ("COPY --from=build", "ENTRYPOINT", "STOPSIGNAL", "chmod 4755"))
    return folder


@pytest.fixture(scope="module")
def classic(context: Path) -> Iterator[str]:
    """The image that the engine's classic builder makes."""
    tag = f"{NAME}:classic"
    build(context, tag)
    yield tag
    docker("image", "rm", "--force", tag)


def buildkit_program() -> str:
    """The first docker program on PATH that builds with BuildKit: by itself, as up to version 22, or with buildx."""
    for folder in os.environ["PATH"].split(os.pathsep):
        program = shutil.which("docker", path=folder)
        if program is None:
            continue
        words = [program, "version", "--format", "{{.Client.Version}}"]
        version = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        buildx = subprocess.run([program, "buildx", "version"], capture_output=True, check=False).returncode == 0
        if buildx or 18 < int(version.partition(".")[0] or 0) < 23:
            return program
    return ""


def content(tag: str) -> Snapshot:
    engine = Engine(lambda _: None)
    with engine.container(tag, **IDLE, network_mode="none") as container:
        return container.snapshot()


def configuration(tag: str) -> dict[str, Any]:
    """What an image says about its start; builders write "nothing" in several ways."""
    (inspected,) = json.loads(docker("image", "inspect", tag).stdout)
    keys = "Cmd Entrypoint Env ExposedPorts Healthcheck OnBuild Shell StopSignal User Volumes WorkingDir".split()
    return {key: inspected["Config"].get(key) or None for key in keys}


def assert_same(one: str, other: str) -> None:
    """Packages, files with modes and owners, links, accounts, and the configuration."""
    assert configuration(one) == configuration(other)
    nothing = Snapshot()
    same, differences = Explainer(
        bare=nothing, before=nothing, without=nothing, image=content(one), host=content(other)
    ).compare()
    assert differences == []
    assert {kind for kind, count in same.items() if count} == {"package", "user", "group", "file", "directory", "link"}


def test_buildkit_makes_the_same_image(context: Path, classic: str) -> None:
    """BuildKit, the builder of every newer Docker, needs nothing that the classic one has and makes no difference."""
    program = buildkit_program()
    assert program, "no docker program on PATH builds with BuildKit: install Debian's docker.io, or buildx"
    tag = f"{NAME}:buildkit"
    words = [program, "build", "--network=host", "--label", LABEL, "--tag", tag, str(context)]
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    answer = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, timeout=600)
    assert answer.returncode == 0, answer.stderr
    try:
        assert_same(classic, tag)
    finally:
        docker("image", "rm", "--force", tag)


@pytest.mark.buildah
def test_buildah_makes_the_same_image(context: Path, classic: str, tmp_path: Path) -> None:
    """So does buildah, which podman builds with; its own image format has no health checks, so it writes Docker's."""
    tag = f"{NAME}:buildah"
    base, made = tmp_path / "base.tar", tmp_path / "made.tar"
    docker("save", BASE, "--output", str(base))

    def buildah(*words: str) -> None:
        places = [f"--root={tmp_path / 'storage'}", f"--runroot={tmp_path / 'run'}"]
        answer = subprocess.run(
            ["buildah", *places, *words], capture_output=True, text=True, check=False, timeout=600, cwd=tmp_path
        )
        assert answer.returncode == 0, answer.stderr

    try:
        buildah("pull", "--quiet", f"docker-archive:{base}")
        options = ("--network=host", "--isolation=chroot", "--format=docker", "--pull-never", "--quiet")
        buildah("build", *options, "--label", LABEL, "--tag", tag, str(context))
        buildah("push", "--quiet", tag, f"docker-archive:{made}:{tag}")
        docker("load", "--quiet", "--input", str(made))
        assert_same(classic, tag)
    finally:
        docker("image", "rm", "--force", tag, f"localhost/{tag}", check=False)
        buildah("rmi", "--all", "--force")
