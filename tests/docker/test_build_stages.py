"""Compilers in a stage of their own: the image runs what they made, and has none of them."""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.docker.fargate import build, docker

pytestmark = pytest.mark.docker

TAG = "migrate-analyze-test/build-stages:generated"

PLAY = """
- hosts: all
  become: true
  tasks:
    - name: packages
      ansible.builtin.apt:
        name: [gcc, make, libc6-dev, python3-venv, python3-dev, ruby, ruby-dev, ruby-bundler, libyaml-dev]
        install_recommends: false
    - name: account
      ansible.builtin.user: {name: app, uid: 1001, shell: /bin/bash}
    - name: code
      ansible.builtin.git: {repo: "git@example.org:app.git", dest: /srv/app}
      become_user: app
    - name: folder of the virtual environment
      ansible.builtin.file: {path: /srv/venv, state: directory, owner: app, group: app, mode: "0755"}
    - name: Python packages
      ansible.builtin.pip:
        requirements: /srv/app/requirements.txt
        virtualenv: /srv/venv
        virtualenv_command: python3 -m venv
        extra_args: --no-index --find-links /srv/app/sources --no-build-isolation
      become_user: app
    - name: gems
      community.general.bundler: {chdir: /srv/app, deployment_mode: true, local: true}
      become_user: app
"""
SOURCES = {
    "setup.py": "from setuptools import Extension, setup\n"
    "setup(name='tock', version='1.0', ext_modules=[Extension('tock', ['tock.c'], libraries=['yaml'])])\n",
    "tock.c": "#include <Python.h>\n#include <yaml.h>\n"
    "static PyObject *version(PyObject *s, PyObject *a) { return PyUnicode_FromString(yaml_get_version_string()); }\n"
    'static PyMethodDef methods[] = {{"yaml", version, METH_NOARGS, ""}, {0}};\n'
    'static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "tock", "", -1, methods};\n'
    "PyMODINIT_FUNC PyInit_tock(void) { return PyModule_Create(&module); }\n",
}
"""A Python package with a C extension, linked with a library; no index of packages is needed."""
EXTENSION = {
    "ext/tick/extconf.rb": 'require "mkmf"\nabort "no libyaml" unless have_library("yaml", "yaml_get_version_string")\n'
    'create_makefile("tick/tick")\n',
    "ext/tick/tick.c": "#include <ruby.h>\n#include <yaml.h>\n"
    "static VALUE version(VALUE self) { return rb_str_new_cstr(yaml_get_version_string()); }\n"
    'void Init_tick(void) { rb_define_singleton_method(rb_define_module("Tick"), "yaml", version, 0); }\n',
    "lib/tick.rb": 'require "tick/tick"\n',
}
"""The same as a gem."""
METADATA = """--- !ruby/object:Gem::Specification
name: tick
version: !ruby/object:Gem::Version
  version: 1.0.0
platform: ruby
authors: [nobody]
summary: counts
extensions: [ext/tick/extconf.rb]
require_paths: [lib]
files: [ext/tick/extconf.rb, ext/tick/tick.c, lib/tick.rb]
specification_version: 4
"""


def archive(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def gem() -> bytes:
    """`tick-1.0.0.gem`, as `gem build` makes it."""
    parts = {
        "metadata.gz": gzip.compress(METADATA.encode()),
        "data.tar.gz": gzip.compress(archive({name: text.encode() for name, text in EXTENSION.items()})),
    }
    sums = {"SHA256": {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}}
    return archive({**parts, "checksums.yaml.gz": gzip.compress(yaml.safe_dump(sums).encode())})


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated Dockerfile in the application's repository, with the answer that wants the stage."""
    project = tmp_path_factory.mktemp("stages")
    (project / "inventory").mkdir()
    (project / "inventory" / "hosts").write_text("app01\n")
    (project / "site.yml").write_text(PLAY)
    (project / "migrate.yml").write_text("facts:\n  distribution: Debian\n  distribution_version: '12'\n"
                                         "  os_family: Debian\n"
                                         "answers:\n  build-stage:/srv/venv: build-stage\n")  # fmt: skip
    command = [sys.executable, "-m", "analyzer", str(project), "--out", str(project / "out"), "--timezone", "UTC"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode in (0, 1), answer.stderr
    assert "answer-not-understood" not in answer.stderr
    assert "decision-stale" not in answer.stderr
    (made,) = project.glob("out/*/app")
    (made / "requirements.txt").write_text("tock==1.0\n")
    (made / "sources").mkdir()
    sources = archive({f"tock-1.0/{name}": text.encode() for name, text in SOURCES.items()})
    (made / "sources" / "tock-1.0.tar.gz").write_bytes(gzip.compress(sources))
    (made / "Gemfile").write_text('source "https://rubygems.org"\ngem "tick", "1.0.0"\n')
    (made / "Gemfile.lock").write_text(
        "GEM\n  remote: https://rubygems.org/\n  specs:\n    tick (1.0.0)\n\nPLATFORMS\n  ruby\n\n"
        "DEPENDENCIES\n  tick (= 1.0.0)\n"
    )
    for name in (".env", "config/master.key", "log/production.log", "tmp/cache/x", "tmp/pids/.keep"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text("x\n")
    (made / "vendor" / "cache").mkdir(parents=True)
    (made / "vendor" / "cache" / "tick-1.0.0.gem").write_bytes(gem())
    return made / "Dockerfile"


@pytest.fixture(scope="module")
def image(dockerfile: Path) -> Iterator[str]:
    build(dockerfile.parent, TAG)
    yield TAG
    docker("image", "rm", "--force", TAG)


def test_what_was_compiled_runs_without_a_compiler(image: str) -> None:
    """A C extension of pip and one of a gem load in the image, which has their libraries and neither gcc nor headers."""
    shell = ("run", "--rm", "--user", "app", "--workdir", "/srv/app", image, "sh", "-c")
    python = docker(*shell, "/srv/venv/bin/python -c 'import tock; print(tock.yaml())'").stdout
    ruby = docker(*shell, "bundle exec ruby -e 'require \"tick\"; print Tick.yaml'").stdout
    assert python.strip() == ruby.strip()
    assert python.startswith("0.")
    installed = "dpkg-query -W -f '${db:Status-Abbrev} ${Package}\\n' gcc libyaml-dev ruby-dev 2>/dev/null | grep ^ii"
    tools = docker(*shell, f"command -v gcc cc make; {installed}", check=False)
    assert tools.stdout == ""


def test_owners_are_those_of_the_playbook(image: str) -> None:
    """What is copied from the other stage belongs to the account that made it there, the folders above it too."""
    paths = "/srv/venv /srv/venv/bin/python3 /srv/app/vendor /srv/app/vendor/bundle /srv/app/.bundle/config"
    answer = docker("run", "--rm", image, "stat", "-c", "%U %n", *paths.split()).stdout
    assert answer == "".join(f"app {path}\n" for path in paths.split())


def test_secrets_and_leftovers_of_the_repository_stay_out(image: str) -> None:
    """The .dockerignore keeps keys, environment files and logs out; folders that the application counts on are there."""
    found = docker("run", "--rm", image, "sh", "-c", "cd /srv/app && find .env config log tmp", check=False).stdout
    assert sorted(found.split()) == ["config", "log", "tmp", "tmp/pids", "tmp/pids/.keep"]
