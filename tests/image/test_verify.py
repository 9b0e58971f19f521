"""`verify`: its messages, its reasons, and a real comparison of many module calls with the image made of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from docker.errors import APIError

from analyzer.cli import cli
from analyzer.model import Decision, Outcome, Source
from analyzer.verify.checks import Definition, _health
from analyzer.verify.engine import Answer, BuildError, VerifyError
from analyzer.verify.explain import Explainer
from analyzer.verify.failures import line_of_step, no_engine, told
from analyzer.verify.fidelity import Check, Difference, Fidelity, Standing
from analyzer.verify.leave import Leave
from analyzer.verify.playbook import Event, Ran
from analyzer.verify.run import _assemble
from analyzer.verify.snapshot import File, Snapshot, read_snapshot
from analyzer.verify.text import render_json, render_text
from tests.image.galaxy import unpack

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


TASK = Source("tasks.yml", 3)
DECISION = Decision(
    kind="task", source=TASK, name="t", outcome=Outcome.PLATFORM, rule="r", reason="nginx: the load balancer."
)


def compared(
    image: Snapshot,
    host: Snapshot,
    without: Snapshot,
    *,
    skip: bool = True,
    events: tuple[Event, ...] = (),
    **more: object,
) -> tuple[dict[str, int], dict[str, Difference]]:
    """The comparison where the task at `TASK` is the one that the plan leaves out."""
    explainer = Explainer(
        bare=Snapshot(),
        before=more.pop("before", Snapshot()),
        host=host,
        without=without,
        image=image,
        left=Leave(skip=frozenset({TASK} if skip else ())),
        ran=Ran(recap="", events=events),
        decisions={TASK: DECISION},
        **more,
    )
    same, differences = explainer.compare()
    return same, {each.name: each for each in differences}


def event(*paths: str, source: Source = TASK, **more: frozenset[str]) -> Event:
    return Event(source=source, name="t", status="changed", paths=frozenset(paths), **more)


def test_a_difference_is_explained_by_the_left_out_task_that_made_it() -> None:
    """Where the image equals the run without the task, and the whole run saw that task change it, its decision explains."""
    host = Snapshot(files={"/etc/nginx.conf": file(), "/etc/a": file()}, packages={"nginx": "1"})
    kept = Snapshot(files={"/etc/a": file()})
    same, found = compared(kept, host, kept, events=(event("/etc/nginx.conf", packages=frozenset({"nginx"})),))
    assert same == {"file": 1}
    assert {
        name: (each.standing.value, each.reason, each.outcome, each.source) for name, each in found.items()
    } == dict.fromkeys(
        ("/etc/nginx.conf", "nginx"), ("explained", "nginx: the load balancer", "platform", "tasks.yml:3")
    )


def test_what_a_task_of_the_image_makes_is_explained_by_no_other() -> None:
    """A file, link, package or account that both runs make is unexplained where the image lacks it or has it otherwise."""
    made = Snapshot(
        files={
            "/etc/mode": file(), "/etc/text": file("1"), "/etc/owner": file(), "/etc/gone": file(),
            "/etc/link": file(kind="l", target="/a"), "/etc/kind": file(kind="d"),
        },
        packages={"ruby": "3.1", "curl": "1"}, users={"app": ("1", "1", "/", "sh")}, groups={"app": ("1", "")},
    )  # fmt: skip
    image = Snapshot(
        files={
            "/etc/mode": file(mode="0600"), "/etc/text": file("2"), "/etc/owner": file(owner="x"), "/etc/more": file(),
            "/etc/link": file(kind="l", target="/b"), "/etc/kind": file(),
        },
        packages={"ruby": "3.3"}, users={"app": ("2", "1", "/", "sh")}, groups={"more": ("1", "")},
    )  # fmt: skip
    everything = event(*made.files, packages=frozenset(made.packages), accounts=frozenset({"app"}))
    same, found = compared(image, made, made, events=(everything,))
    assert not same
    assert {each.standing for each in found.values()} == {Standing.UNEXPLAINED}
    names = {*made.files, "/etc/more", *made.packages, "app", "more"}
    assert set(found) == names


def test_python_of_the_run_itself_is_no_difference_of_the_playbook() -> None:
    """What the preparation brought is said so, unless a package that the image must have needs it."""
    python = Snapshot(packages={"python3": "1", "tool": "1"}, needs={"tool": frozenset({"python3"})})
    image = Snapshot(packages={"tool": "1"})
    _, found = compared(image, python, python, before=Snapshot(packages={"python3": "1"}))
    assert found["python3"].outcome == "run"
    _, found = compared(image, python, python, before=Snapshot(packages={"python3": "1"}), asked=frozenset({"tool"}))
    assert found["python3"].standing is Standing.UNEXPLAINED


def test_a_task_whose_condition_is_unknown_explains_what_only_the_image_has() -> None:
    """The image has what an undecided task makes; the second run takes its condition for true and shows the same."""
    more = Snapshot(files={"/etc/a": file()})
    explainer = Explainer(
        bare=Snapshot(), before=Snapshot(), host=Snapshot(), without=more, image=more,
        left=Leave(force=frozenset({TASK})), ran_without=Ran(recap="", events=(event("/etc/a"),)),
    )  # fmt: skip
    _, (difference,) = explainer.compare()
    assert (difference.standing, difference.source) == (Standing.EXPLAINED, "tasks.yml:3")


def test_what_nothing_was_seen_to_change_is_unexplained() -> None:
    """No left-out task touched it: that the image equals the second run is not enough to name a decision."""
    _, found = compared(Snapshot(), Snapshot(files={"/etc/a": file()}), Snapshot())
    assert found["/etc/a"].standing is Standing.UNEXPLAINED


def test_a_task_that_only_the_second_run_could_not_do_explains_nothing() -> None:
    """Both the image and the second run lack its file: the first by a mistake, the second because the task failed there."""
    other = Source("tasks.yml", 9)
    events = (event("/etc/left-out"), event("/etc/a", source=other))
    failed = Ran(recap="", events=(Event(source=other, name="t", status="failed", message="no such folder"),))
    _, found = compared(Snapshot(), Snapshot(files={"/etc/a": file()}), Snapshot(), events=events, ran_without=failed)
    assert found["/etc/a"].standing is Standing.UNEXPLAINED


def test_state_of_a_machine_is_compared_where_a_task_names_it() -> None:
    """A log or a cache that a task makes is no leftover; what is temporary never counts."""
    host = Snapshot(
        files={path: file() for path in ("/var/log/app.log", "/var/log/dpkg.log", "/tmp/x", "/var/cache/app")}
    )
    _, found = compared(Snapshot(), host, host, named=frozenset({"/var/log/app.log", "/tmp/x"}))
    assert set(found) == {"/var/log/app.log", "/var/cache/app"}


def test_a_snapshot_is_read_from_the_outputs() -> None:
    """Paths with any character, digests, packages that are installed, and accounts are read."""
    read = read_snapshot({
        "FILES": b"f\t644\troot\tadm\t9\t\t/etc/a b\nc\0l\t777\troot\troot\t2\t/x\t/y\0d\t2770\tu\tg\t4\t\t/z\0"
        b"f\t600\troot\troot\t5000000000\t\t/swapfile\0",
        "DIGESTS": b"abc  /etc/a b\nc\0",
        "CAPABILITIES": b"",
        "PACKAGES": b"a\t1\tii \tbb (>= 2), cc | dd, \tvirtual (= 1)\tee\nold\t1\trc \t\t\t\n",
        "OWNERS": b"a:amd64\t/lib/x\na\t/.\n",
        "ACCOUNTS": b"root:x:0:0:root:/root:/bin/sh\n\n--\nadm:x:4:b,a\n",
    })  # fmt: skip
    assert read.files["/etc/a b\nc"] == File(kind="f", mode="0644", owner="root", group="adm", digest="abc")
    assert read.files["/y"].target == "/x"
    assert read.files["/swapfile"].digest == "5000000000 bytes"
    assert read.files["/z"].mode == "2770"
    assert read.packages == {"a": "1"}
    assert read.needs["a"] == {"bb", "cc", "dd"}
    assert read.recommends["a"] == {"ee"}
    assert read.provides["virtual"] == {"a"}
    assert read.owners == {"/usr/lib/x": "a"}
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
                kind="file",
                name="/a",
                image="absent",
                playbook="0644",
                standing=Standing.EXPLAINED,
                reason="r",
                outcome="platform",
                source="t.yml:1",
            ),
            Difference(kind="file", name="/b", image="1", playbook="2", standing=Standing.UNEXPLAINED),
        ),
    )
    text = render_text([result])
    assert "file                                7          1            1" in text
    assert "file /b: image 1, playbook 2" in text
    assert "1  t.yml:1  /a" in text
    assert "explained, platform: 1 because ECS or Fargate does it" in text
    assert json.loads(render_json([result]))["applications"][0]["passed"] is False


def test_the_failing_step_is_found_in_the_dockerfile() -> None:
    """The number of a build step leads to its line, past comments and continued lines."""
    lines = ["# c", "FROM x", "", "RUN a \\", "    # via r", "    && b", "# via r <- t:1", "COPY a b"]
    assert [line_of_step(lines, step) for step in (1, 2, 3, 4)] == [2, 4, 8, None]


def test_a_failed_build_is_told_briefly(tmp_path: Path) -> None:
    """The command is shortened, what to do comes next, the tasks of a merged instruction are named, noise is left out."""
    (tmp_path / "shop" / "app").mkdir(parents=True)
    marks = "".join(f"    # via packages-apt <- t.yml:{number}\n         p{number} \\\n" for number in range(5))
    text = f"# via base-image <- f:1\nFROM x\n\nRUN apt-get install -y \\\n{marks}    && true\n\n# via other <- f:9\n"
    (tmp_path / "shop" / "app" / "Dockerfile").write_text(text, encoding="utf-8")
    output = [
        "Reading package lists...\nW: Temporary failure resolving 'deb.debian.org'",
        "Removing intermediate container 1",
    ]
    message = f"The command '/bin/sh -c {'word ' * 100}' returned a non-zero code: 100"
    first, what, place, *rest = told(tmp_path, "shop", BuildError(message, 2, output)).split("\n")
    assert len(first) < 160
    assert first.endswith("returned a non-zero code: 100")
    assert what == "the engine's containers cannot resolve names: have they a network?"
    assert place == (
        "Dockerfile:4 RUN apt-get install -y (via packages-apt <- t.yml:0; via packages-apt <- t.yml:1; "
        "via packages-apt <- t.yml:2, and 2 more)"
    )
    assert rest == ["  W: Temporary failure resolving 'deb.debian.org'"]


@pytest.mark.parametrize(
    ("place", "error", "said"),
    [
        ("", "PermissionError(13, 'Permission denied')", "unix:///var/run/docker.sock does not let this account in; add"),
        ("tcp://127.0.0.1:1", "[Errno 111] Connection refused", "at tcp://127.0.0.1:1: nothing listens there; start one"),
        ("unix:///x", "FileNotFoundError(2, 'No such file or directory')", "at unix:///x: nothing is there; start one"),
        ("ssh://host", "Install paramiko package to enable ssh:// support", "ssh is not spoken here; forward its socket"),
        ("x", "Invalid bind address format: port is required: x", "DOCKER_HOST=x is no address of an engine; expected"),
    ],
)  # fmt: skip
def test_an_engine_that_does_not_answer_says_why(
    place: str, error: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it was looked for, what is wrong there, and what to do."""
    monkeypatch.setenv("DOCKER_HOST", place)
    assert said in "; ".join(no_engine(OSError(error)))


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ("null", "its plan.json cannot be read"),
        ('{"applications": [{}]}', "its plan.json cannot be read"),
        ('{"applications": {"a": 1}}', "its plan.json cannot be read"),
        ('{"applications": [1]}', "its plan.json cannot be read"),
        ('{"applications": [{"name": "shop"}]}', "shop/app has no Dockerfile; make the bundle anew"),
        ('{"applications": [{"name": "../shop"}]}', "shop/app has no Dockerfile; make the bundle anew"),
    ],
)
def test_a_broken_bundle_is_said_in_one_line(plan: str, said: str, tmp_path: Path) -> None:
    """Nothing is built of a plan that is none, or of one whose Dockerfile is gone or lies elsewhere."""
    (tmp_path / "shop" / "app").mkdir(parents=True)
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "plan.json").write_text(plan, encoding="utf-8")
    answer = CliRunner().invoke(cli, ["verify", str(tmp_path / "bundle")])
    assert answer.exit_code == 2
    assert said in answer.output


def test_what_a_running_application_leaves_is_not_for_the_build(tmp_path: Path) -> None:
    """Sockets, pipes and the repository's own folder are left behind, dangling links are not; the bundle's files win."""
    code, bundled, folder = tmp_path / "code", tmp_path / "bundled", tmp_path / "context"
    (code / ".git").mkdir(parents=True)
    (code / "tmp").mkdir()
    bundled.mkdir()
    os.mkfifo(code / "tmp" / "pipe")
    (code / "dangling").symlink_to("/nowhere")
    (code / "Dockerfile").write_text("theirs", encoding="utf-8")
    (bundled / "Dockerfile").write_text("ours", encoding="utf-8")
    _assemble(folder, code, bundled)
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) == [
        "Dockerfile",
        "dangling",
        "tmp",
    ]
    assert (folder / "Dockerfile").read_text(encoding="utf-8") == "ours"
    with pytest.raises(VerifyError, match=r"cannot be put together: .*gone"):
        _assemble(tmp_path / "other", None, tmp_path / "gone")


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
    """Calls of more than 60 modules run for real: the image built for them differs in nothing that is unexplained.

    More than 25 of the modules make something that the image has; the others only read, or are for the platform to do.
    """
    project, bundle = tmp_path / "project", tmp_path / "bundle"
    shutil.copytree(MATRIX, project)
    unpack(project / "collections", "ansible", ("community/general", "ansible/posix"))
    answer = migrate_analyze(str(project / "inventory"), "--out", str(bundle))
    assert answer.returncode in (0, 1), answer.stderr
    (application,) = json.loads((bundle / "plan.json").read_text(encoding="utf-8"))["applications"]
    decisions = [each for each in application["decisions"] if each["kind"] in ("task", "handler")]
    assert len({each["module"] for each in decisions}) >= 60
    assert len({each["module"] for each in decisions if each["outcome"] == "image"}) >= 25
    answer = migrate_analyze(
        "verify", str(bundle), "--context", str(project / "files"), "--against-playbook", str(project / "inventory"),
        "--format", "json",
    )  # fmt: skip
    (result,) = json.loads(answer.stdout)["applications"]
    unexplained = [each for each in result["differences"] if each["standing"] == "unexplained"]
    assert not unexplained, json.dumps(unexplained, indent=1)
    assert result["compared"], result["checks"]
    assert {count["kind"]: count["same"] > 0 for count in result["counts"]} == dict.fromkeys(
        ("directory", "file", "group", "link", "package", "user"), True
    )
    assert answer.returncode == 0, answer.stderr


def test_a_process_that_ends_between_two_looks_shows_its_status() -> None:
    """The engine refuses to ask a container that ended a moment ago; the next look says how it ended."""

    class Ending:
        states = iter([("running", 0), ("exited", 7)])

        def state(self) -> tuple[str, int]:
            return next(self.states)

        def run(self, _command: object, *, user: str) -> Answer:
            del user
            raise APIError("conflict", response=SimpleNamespace(status_code=409))  # type: ignore[arg-type]

        def logs(self) -> str:
            return "no database"

    health = {"command": ["CMD-SHELL", "true"], "interval": 1, "timeout": 1, "retries": 9}
    definition = Definition("api", {"containerDefinitions": [{"healthCheck": health}]})
    check = _health(Ending(), definition, time.monotonic())  # type: ignore[arg-type]
    assert (check.status, check.detail) == ("failed", "it ended with status 7: no database")
