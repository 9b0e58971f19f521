"""The Dockerfiles of redhat/ are built on a stand-in with real dnf, rpm, shadow-utils and coreutils (standin/).

No base image of the family can be pulled where no registry is. What the stand-in has in its place: Debian's dnf 4 and rpm, which are
the same programs, and packages of a few bytes with the names that the cases install, some only in the repositories that the
cases add, signed with the keys that they import. `shows` of a case is a command that holds in the image.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.docker.fargate import LABEL, docker
from tests.image.effects import rendered
from tests.image.test_redhat import application, cases_with_tasks

TAG = "migrate-analyze-test/redhat-standin"
OURS = "migrate-analyze.standin=1"
WORLD = "/srv/world"
PLANTED = ("RUN rpm --import https://nginx.org/keys/nginx_signing.key\n", " --allowerasing", " --enablerepo=tool")
"""What a build of the stand-in must not do without."""
OWN = re.compile(r"\b(dnf|yum|rpm|alternatives)\b")
NOT_THERE = re.compile(r"microdnf|copr enable|pip3 install|update-ca-trust|apt-get")
"""What the stand-in has not, or has as Debian."""


def built_cases() -> list[Any]:
    """Cases whose commands are the family's own; those of files and edits are built in Debian's matrix."""
    return [param for param in cases_with_tasks() if _is_built(param.values[0])]


def _is_built(case: dict[str, Any]) -> bool:
    dockerfile = case["dockerfile"]
    own = case["theme"] == "accounts" or OWN.search(dockerfile)
    return bool(own) and "FROM debian" not in dockerfile and not NOT_THERE.search(dockerfile)


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The stand-in is built; a folder with a key and a package of its world, for cases that have such a file."""
    labels = ("--label", LABEL, "--label", OURS)
    docker("build", "--network=host", *labels, "--tag", TAG, str(Path(__file__).with_name("standin")), timeout_s=900)
    folder = tmp_path_factory.mktemp("things")
    container = docker("create", "--label", LABEL, TAG, "true").stdout.strip()
    docker("cp", f"{container}:/srv/vendor.key", str(folder / "key"))
    docker("cp", f"{container}:{WORLD}/example.org/el9/x86_64/tool-1.0-1.noarch.rpm", str(folder / "rpm"))
    docker("rm", container)
    yield folder
    # what failed builds left has the stand-in's label
    left = docker("images", "--quiet", "--filter", f"label={OURS}").stdout.split()
    docker("rmi", "--force", *dict.fromkeys(left), check=False)


@pytest.fixture(scope="module")
def builds(
    things: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[subprocess.CompletedProcess[str]]]]:
    """All builds, several at a time: most of each is waiting."""
    folder = tmp_path_factory.mktemp("builds")
    cases = {str(param.id): param.values[0] for param in built_cases()}
    contexts = {name: prepared(case, things, folder / str(number)) for number, (name, case) in enumerate(cases.items())}
    for without in PLANTED:
        (broken,) = (name for name, case in cases.items() if without in case["dockerfile"])
        contexts[without] = Path(shutil.copytree(contexts[broken], folder / f"planted{len(contexts)}" / "context"))
        file = contexts[without] / "Dockerfile"
        file.write_text(file.read_text(encoding="utf-8").replace(local(without), ""), encoding="utf-8")
    with ThreadPoolExecutor(4) as pool:
        yield {name: pool.submit(build, context) for name, context in contexts.items()}
    # not before all are done: a step of one may be another's from the cache
    docker("rmi", *(tag_of(context) for context in contexts.values()), check=False)


def prepared(case: dict[str, Any], things: Path, folder: Path) -> Path:
    """The build's context of the case's image, which is checked in a last step."""
    made = application(case, folder / "project")
    context = folder / "context"
    context.mkdir()
    for file in made.image.files:
        path = context / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(local(file.data.decode(errors="surrogateescape")).encode(errors="surrogateescape"))
        path.chmod(file.mode)
        for pattern, thing in (("rpm-gpg/*", "key"), ("*.rpm", "rpm")):
            if path.match(pattern):
                shutil.copy(things / thing, path)
    text = re.sub(r"^FROM \S+", f"FROM {TAG}", local(rendered(made.image).data.decode()), flags=re.MULTILINE)
    if checks := checks_of(case):
        text += f"USER root\nRUN {json.dumps(['bash', '-exc', '; '.join(checks)])}\n"
    (context / "Dockerfile").write_text(text, encoding="utf-8")
    return context


def build(context: Path) -> subprocess.CompletedProcess[str]:
    """Builds the image of a context."""
    return subprocess.run(
        ["docker", "build", "--network=none", "--force-rm", "--label", LABEL, "--tag", tag_of(context), str(context)],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def tag_of(context: Path) -> str:
    return f"{TAG}-{context.parent.name}"


def local(text: str) -> str:
    """Addresses of the cases as paths of the stand-in's world."""
    return text.replace("https://", f"file://{WORLD}/")


def checks_of(case: dict[str, Any]) -> list[str]:
    """Commands that show that packages came and went, and what the case itself shows."""
    found: list[str] = []
    verb = ""
    for line in case["dockerfile"].splitlines():
        if command := re.search(r"\b(?:dnf|yum) (install|remove)\b", line):
            verb = command[1]
        elif (name := re.fullmatch(r" {9}(\S+)(?: \\)?", line)) and not re.search(r"^'?[@/]|://", name[1]):
            pattern = name[1].strip("'").replace(".", "[.]").replace("*", ".*")
            found.append(
                f"{'' if verb == 'install' else '! '}rpm -qa --qf '%{{name}}\\n%{{nvr}}\\n' | grep -x '{pattern}'"
            )
    return [*found, *([local(case["shows"])] if "shows" in case else [])]


@pytest.mark.docker
@pytest.mark.parametrize("name", [str(param.id) for param in built_cases()])
def test_the_dockerfile_builds(name: str, builds: dict[str, Future[subprocess.CompletedProcess[str]]]) -> None:
    """Every instruction succeeds, the packages are there, and what the case shows holds."""
    answer = builds[name].result()
    assert answer.returncode == 0, f"{answer.stdout}\n{answer.stderr}"


@pytest.mark.docker
@pytest.mark.parametrize("without", PLANTED)
def test_a_build_without_what_it_needs_fails(
    without: str, builds: dict[str, Future[subprocess.CompletedProcess[str]]]
) -> None:
    """The stand-in refuses packages without their key, over what conflicts with them, and from a source that is off."""
    assert builds[without].result().returncode != 0
