"""`verify`: its messages, its reasons, and a real comparison of 58 module calls with the image made of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.verify.explain import Explainer
from analyzer.verify.fidelity import Check, Difference, Fidelity, Standing
from analyzer.verify.run import _line_of_step
from analyzer.verify.snapshot import File, Snapshot, read_snapshot
from analyzer.verify.text import render_json, render_text

MATRIX = Path(__file__).with_name("matrix")


def migrate_analyze(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "analyzer", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
        timeout=900,
    )


def file(digest: str = "1", *, mode: str = "0644", owner: str = "root", kind: str = "f", target: str = "") -> File:
    return File(kind=kind, mode=mode, owner=owner, group="root", digest=digest, target=target)


def explainer(image: Snapshot, host: Snapshot, **known: dict[str, str]) -> Explainer:
    return Explainer(bare=Snapshot(), before=Snapshot(), host=host, image=image, **known)


def test_what_nothing_explains_is_unexplained() -> None:
    """A file of other content, owner or mode, or one that is missing, is unexplained unless a decision names it."""
    image = Snapshot(files={"/etc/a": file(), "/etc/b": file(mode="0600"), "/etc/c": file(), "/etc/d/e": file("2")})
    host = Snapshot(files={"/etc/a": file(), "/etc/b": file(), "/etc/d/e": file(), "/etc/f": file(owner="x")})
    same, differences = explainer(image, host, paths={"/etc/d": "decided (tasks.yml:1)"}).compare()
    assert same == {"file": 1}
    standing = {each.name: (each.standing.value, each.reason) for each in differences}
    assert standing == {
        "/etc/b": ("unexplained", ""),
        "/etc/c": ("unexplained", ""),
        "/etc/d/e": ("explained", "decided (tasks.yml:1)"),
        "/etc/f": ("unexplained", ""),
    }


def test_a_package_explains_what_came_with_it_and_nothing_else() -> None:
    """Dependencies and files of a package that is left out are explained by it; another package's are not."""
    host = Snapshot(
        packages={"nginx": "1", "nginx-common": "1", "libx": "1", "stray": "1"},
        needs={"nginx": frozenset({"nginx-common"})},
        runs=((frozenset({"nginx"}), frozenset({"nginx", "nginx-common", "libx"})),),
        owners={"/usr/sbin/nginx": "nginx", "/usr/bin/stray": "stray"},
        files={"/usr/sbin/nginx": file(), "/usr/bin/stray": file()},
    )
    _, differences = explainer(Snapshot(), host, packages={"nginx": "the load balancer (tasks.yml:3)"}).compare()
    unexplained = {each.name for each in differences if each.standing is Standing.UNEXPLAINED}
    assert unexplained == {"stray", "/usr/bin/stray"}


def test_another_version_of_a_package_is_unexplained() -> None:
    """The same package in two versions is a difference of its own."""
    _, differences = explainer(Snapshot(packages={"ruby": "3.1"}), Snapshot(packages={"ruby": "3.3"})).compare()
    (difference,) = differences
    assert (difference.image, difference.playbook, difference.standing) == ("3.1", "3.3", Standing.UNEXPLAINED)


def test_a_snapshot_is_read_from_the_outputs() -> None:
    """Paths with any character, digests, packages that are installed, accounts and apt's history are read."""
    read = read_snapshot({
        "FILES": b"f\t644\troot\tadm\t\t/etc/a b\nc\0l\t777\troot\troot\t/x\t/y\0d\t2770\tu\tg\t\t/z\0",
        "DIGESTS": b"abc  /etc/a b\nc\0",
        "PACKAGES": b"a\t1\tii \tbb (>= 2), cc | dd, \tvirtual (= 1)\nold\t1\trc \t\t\n",
        "OWNERS": b"a:amd64\t/lib/x\na\t/.\n",
        "SCRIPTS": b"a:amd64.postinst:adduser --system _a\n",
        "SCRIPT_PATHS": b"a:amd64.postinst:/etc/made\nt.conf:d /var/made\n",
        "SYSUSERS": b"s.conf:u  made\n",
        "HISTORY": b"Start-Date: x\nInstall: aa:amd64 (1), bb:amd64 (2, automatic)\n\n",
        "ACCOUNTS": b"root:x:0:0:root:/root:/bin/sh\n\n--\nadm:x:4:b,a\n",
    })  # fmt: skip
    assert read.files["/etc/a b\nc"] == File(kind="f", mode="0644", owner="root", group="adm", digest="abc")
    assert read.files["/y"].target == "/x"
    assert read.files["/z"].mode == "2770"
    assert read.packages == {"a": "1"}
    assert read.needs["a"] == {"bb", "cc", "dd"}
    assert read.provides["virtual"] == {"a"}
    assert read.owners == {"/usr/lib/x": "a"}
    assert read.paths_of_scripts["/etc/made"] == {"a"}
    assert read.runs == ((frozenset({"aa"}), frozenset({"aa", "bb"})),)
    assert read.users["root"] == ("0", "0", "/root", "/bin/sh")
    assert read.groups["adm"] == ("4", "a,b")


def test_the_table_counts_and_names() -> None:
    """The text has each kind's counts and every unexplained difference; JSON has the verdict."""
    result = Fidelity(
        application="shop",
        checks=(Check(name="build", status="ok", detail="100 MB"),),
        compared=True,
        same=(("file", 7),),
        differences=(
            Difference(
                kind="file", name="/a", image="absent", playbook="0644", standing=Standing.EXPLAINED, reason="r (t:1)"
            ),
            Difference(kind="file", name="/b", image="1", playbook="2", standing=Standing.UNEXPLAINED),
        ),
    )
    text = render_text([result])
    assert "file                                7          1            1" in text
    assert "file /b: image 1, playbook 2" in text
    assert "1  r (t:1): file /a" in text
    assert json.loads(render_json([result]))["applications"][0]["passed"] is False


def test_the_failing_step_is_found_in_the_dockerfile() -> None:
    """The number of a build step leads to its line, past comments and continued lines."""
    lines = ["# c", "FROM x", "", "RUN a \\", "    # via r", "    && b", "# via r <- t:1", "COPY a b"]
    assert [_line_of_step(lines, step) for step in (1, 2, 3, 4)] == [2, 4, 8, None]


def test_no_bundle_and_no_engine_are_said_in_one_line(tmp_path: Path) -> None:
    """Without a bundle or without an engine nothing is built: one line for the person, status 2."""
    answer = migrate_analyze("verify", str(tmp_path))
    assert answer.returncode == 2
    assert "plan.json cannot be read; run migrate-analyze first" in answer.stderr
    (tmp_path / "plan.json").write_text('{"version": 1, "applications": []}', encoding="utf-8")
    answer = migrate_analyze("verify", str(tmp_path), environment={"DOCKER_HOST": "unix:///nowhere.sock"})
    assert answer.returncode == 2
    assert "no Docker Engine answers" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.docker
def test_a_failing_build_names_its_line_and_task(tmp_path: Path) -> None:
    """A build that fails is status 1 with the Dockerfile's line, the task behind it and what the build wrote."""
    app = tmp_path / "shop" / "app"
    app.mkdir(parents=True)
    text = "FROM debian:bookworm-slim\n\n# via commands-build <- roles/x/tasks/main.yml:7\nRUN echo out && exit 3\n"
    (app / "Dockerfile").write_text(text, encoding="utf-8")
    (tmp_path / "plan.json").write_text('{"applications": [{"name": "shop"}]}', encoding="utf-8")
    answer = migrate_analyze("verify", str(tmp_path))
    assert answer.returncode == 1, answer.stderr
    assert "Dockerfile:4 RUN echo out && exit 3 (via commands-build <- roles/x/tasks/main.yml:7)" in answer.stdout
    assert "non-zero code: 3" in answer.stdout


@pytest.mark.docker
def test_every_module_call_ends_in_the_image_as_on_a_host(tmp_path: Path) -> None:
    """A playbook of 58 module calls is run for real: the image built for it differs in nothing that is unexplained."""
    bundle = tmp_path / "bundle"
    answer = migrate_analyze(str(MATRIX / "inventory"), "--out", str(bundle))
    assert answer.returncode in (0, 1), answer.stderr
    answer = migrate_analyze(
        "verify", str(bundle), "--context", str(MATRIX / "files"), "--against-playbook", str(MATRIX / "inventory"),
        "--format", "json",
    )  # fmt: skip
    (result,) = json.loads(answer.stdout)["applications"]
    unexplained = [each for each in result["differences"] if each["standing"] == "unexplained"]
    assert not unexplained, json.dumps(unexplained, indent=1)
    assert result["compared"]
    assert {count["kind"]: count["same"] > 0 for count in result["counts"]} == dict.fromkeys(
        ("directory", "file", "group", "link", "package", "user"), True
    )
    assert not result["playbook"]["not_run"]
    assert answer.returncode == 0, answer.stderr
