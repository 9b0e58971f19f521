"""Folders that the application fills become shared file systems; scratch space, code and settings do not."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from analyzer.decide.data_folders import DataFolder, file_system_steps, find_data_folders, with_questions
from analyzer.model import (
    CheckoutCode,
    Decision,
    Effect,
    FileContent,
    Infrastructure,
    MakeDirectory,
    MakeUser,
    Outcome,
    Ownership,
    Process,
    Settings,
    Source,
    Step,
    Verdict,
    Via,
    WriteFile,
)

ROLE = Source("roles/app/tasks/main.yml", 3)
API = Process(
    name="api",
    command=("/usr/bin/puma",),
    user="app",
    environment=(("DATA", "/var/lib/shop/orders"),),
    source=ROLE,
    via=Via(rule="process"),
)


def step(effect: Effect, applies: Verdict = Verdict.YES) -> Step:
    """An effect of the role."""
    return Step(effect=effect, via=Via(rule="files-directory", sources=(ROLE,)), applies=applies)


def folder(path: str, owner: str = "app") -> Step:
    """A folder that the role makes."""
    return step(MakeDirectory(path=path, ownership=Ownership(owner=owner)))


def found(*steps: Step, answers: dict[str, object] | None = None) -> tuple[DataFolder, ...]:
    """What is found among the steps; no answer may be misunderstood."""
    folders, problems = find_data_folders(steps, (API,), (), Settings(answers=answers or {}))
    assert problems == ()
    return folders


def paths(folders: Iterable[DataFolder]) -> list[str]:
    """Their paths."""
    return [each.path for each in folders]


@pytest.mark.parametrize(
    "path",
    [
        "/var/lib/shop",
        "/srv/shop/uploads",
        "/data",
        "/opt/shop/shared/storage",
        "/var/spool/shop",
        "/srv/shop/current/files",
    ],
)
def test_a_folder_that_the_application_fills_is_data(path: str) -> None:
    """Owned by the application's user, outside of the system's own places, and nothing puts files there."""
    code = step(CheckoutCode(repository="git@example.com:shop.git", path="/srv/shop/current"))
    assert paths(found(code, folder(path))) == [path]


@pytest.mark.parametrize(
    "path",
    [
        "/var/log/shop", "/var/cache/shop", "/run/shop", "/tmp/shop", "/srv/shop/tmp", "/srv/shop/tmp/pids",  # scratch
        "/etc/shop", "/usr/local/shop", "/opt/shop/bin", "/opt/shop/releases", "/opt/shop/releases/20000101", "/srv/shop/shared", "/home/app/.ssh",
        "/srv/shop", "/srv/shop/current", "/home/app", "/var/lib", "/",  # hold the code, a home, or everything
    ],
)  # fmt: skip
def test_scratch_space_code_settings_and_homes_are_not_data(path: str) -> None:
    """Their content is made anew, or comes from the image."""
    code = step(CheckoutCode(repository="git@example.com:shop.git", path="/srv/shop/current"))
    assert found(code, step(MakeUser(name="app")), folder(path)) == ()


def test_a_folder_of_somebody_else_is_not_the_applications() -> None:
    """root's folders and those of a user that runs nothing here are left alone."""
    assert found(folder("/var/lib/shop", owner="root"), folder("/var/lib/other", owner="backup")) == ()


def test_a_folder_that_a_role_fills_stays_in_the_image() -> None:
    """A mount would hide the file that the image has there."""
    written = step(WriteFile(path="/var/lib/shop/seed.csv", content=FileContent(source=ROLE, data=b"1\n")))
    assert found(folder("/var/lib/shop"), written) == ()


def test_a_folder_for_sure_not_made_is_not_data() -> None:
    """A task that does not apply makes nothing."""
    effect = MakeDirectory(path="/var/lib/shop", ownership=Ownership(owner="app"))
    assert found(step(effect, Verdict.NO)) == ()
    assert paths(found(step(effect, Verdict.UNKNOWN))) == ["/var/lib/shop"]


def test_the_topmost_folder_takes_its_parts_along() -> None:
    """One file system for the whole tree, not one for each folder."""
    (one,) = found(folder("/var/lib/shop/orders"), folder("/var/lib/shop"), folder("/var/lib/shop/tmp"))
    assert one.path == "/var/lib/shop"
    assert one.parts == ("/var/lib/shop/orders", "/var/lib/shop/tmp")
    assert one.named_by == ("api",)


def test_what_the_hosts_mount_already_is_not_asked_for_again() -> None:
    """A mounted file system is known as such; folders on it are part of it."""
    mounted = step(Infrastructure(kind="efs", name="/srv/files"))
    assert found(mounted, folder("/srv/files"), folder("/srv/files/shop")) == ()


def test_data_becomes_a_file_system_and_a_question() -> None:
    """By default nothing is lost; the decision on the task says so and asks."""
    folders = found(folder("/var/lib/shop"))
    (made,) = file_system_steps(folders)
    assert made.effect == Infrastructure(kind="efs", name="/var/lib/shop")
    assert made.via.sources == (ROLE,)
    (decision,) = with_questions([decision_on(ROLE)], folders)
    assert decision.question is not None
    assert decision.question.id == "data:/var/lib/shop"
    assert "outlive a task" in decision.reason


@pytest.mark.parametrize(("answer", "kept"), [("efs", ["/var/lib/shop"]), ("scratch", [])])
def test_a_reviewers_answer_is_final(answer: str, kept: list[str]) -> None:
    """The question is settled, and scratch space gets no file system."""
    folders = found(folder("/var/lib/shop"), answers={"data:/var/lib/shop": answer})
    names = [made.effect.name for made in file_system_steps(folders) if isinstance(made.effect, Infrastructure)]
    assert names == kept
    (decision,) = with_questions([decision_on(ROLE)], folders)
    assert decision.question is None
    assert decision.answered_questions == ("data:/var/lib/shop",)


def test_an_answer_that_nobody_can_carry_out_is_a_problem() -> None:
    """The default stays, and the person is told what can be answered."""
    settings = Settings(answers={"data:/var/lib/shop": "floppy"})
    (one,), (problem,) = find_data_folders([folder("/var/lib/shop")], (API,), (), settings)
    assert problem.code == "answer-not-understood"
    assert len(file_system_steps([one])) == 1


def decision_on(source: Source) -> Decision:
    """The decision on the task that makes the folder."""
    return Decision(
        kind="task",
        source=source,
        name="Folders",
        outcome=Outcome.IMAGE,
        rule="files-directory",
        reason="In the image.",
    )
