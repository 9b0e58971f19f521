"""Folders that hold the application's own data: on the host they outlive a run, in a container they would not.

A role makes a folder for the user of a process or batch, puts nothing into it, and the application fills it: journals,
uploads, exports. An image cannot keep that, and a task's disk is empty at its start. What was one disk for the API and
every batch becomes one file system that all tasks mount; a reviewer may say instead that a folder is scratch space.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from msgspec import Struct
from msgspec.structs import replace

from analyzer.model import (
    CheckoutCode,
    Decision,
    Download,
    Infrastructure,
    Job,
    MakeDirectory,
    MakeUser,
    Problem,
    Process,
    Question,
    Settings,
    Severity,
    Source,
    Step,
    Unpack,
    Verdict,
    Via,
    WriteFile,
)

RULE = "data-folder"
KEEP, SCRATCH = "efs", "scratch"
ANSWERS = (KEEP, SCRATCH)

_PASSING = frozenset("tmp temp log logs cache caches run pids pid sock socks sockets".split())
"""Names of folders whose content may be lost: logs go to stdout, the rest is made anew."""
_CODE = frozenset(
    "app bin sbin lib libexec src etc conf config configs share public static assets vendor bundle gems venv"
    " node_modules scripts releases repo shared current plugins modules certs ssl keys".split()
)
"""Names of folders that an installation fills, not the application."""
_RELEASED = frozenset({"releases", "release"})
"""Names of folders whose folders are one release of the code each."""
_OUTSIDE = tuple(
    "/etc /usr /bin /sbin /lib /boot /dev /proc /sys /run /tmp /var/tmp /var/run /var/log /var/cache /root".split()
)
_SHARED = frozenset("/srv /opt /home /var /mnt /media /var/lib /var/opt /var/spool /var/www".split())
"""Folders of the system's own layout: what lies below may be data, they are not."""


class DataFolder(Struct, frozen=True, kw_only=True):
    """One folder whose content must outlive a task, unless a reviewer says otherwise."""

    path: str
    via: Via
    parts: tuple[str, ...] = ()
    """Folders below it that the roles make, too."""
    named_by: tuple[str, ...] = ()
    """Who names it in a command or in the environment: `api`, ids of jobs."""
    answer: str = ""
    of_containers: bool = False
    """Only containers from images of a registry mount it."""

    @property
    def question(self) -> Question:
        """What only the application's team knows for sure."""
        named = f" (named by {', '.join(self.named_by)})" if self.named_by else ""
        text = (
            f"{self.path} is filled by the application{named}. It becomes a shared file system, and its content must be"
            " copied there before the cutover. Is it data that outlives a run, or scratch space?"
        )
        return Question(id=f"data:{self.path}", text=text, answers=ANSWERS)


def find_data_folders(
    steps: Sequence[Step], processes: Sequence[Process], jobs: Sequence[Job], settings: Settings
) -> tuple[tuple[DataFolder, ...], tuple[Problem, ...]]:
    """(the topmost folders that the application fills, answers that cannot be carried out)."""
    users = {process.user for process in processes} | {job.user for job in jobs if job.outcome == "schedule"}
    users -= {"", "root"}
    applied = [step for step in steps if step.applies is not Verdict.NO]
    found: dict[str, Via] = {}
    for step in applied:
        if isinstance(step.effect, MakeDirectory) and step.effect.ownership.owner in users:
            found.setdefault(_normal(step.effect.path), step.via)
    occupied = tuple(_occupied(applied))
    mounted = {
        _normal(step.effect.name)
        for step in applied
        if isinstance(step.effect, Infrastructure) and step.effect.kind == "efs"
    }
    candidates = sorted(path for path in found if _may_hold_data(path, occupied))
    tops = [path for path in candidates if not any(_is_below(path, other) for other in (*candidates, *mounted))]
    folders, problems = [], []
    for path in tops:
        if path in mounted:
            continue
        folder = DataFolder(
            path=path,
            via=Via(rule=RULE, sources=found[path].sources, note="the application fills it; a task's disk is lost"),
            parts=tuple(sorted(other for other in found if _is_below(other, path))),
            named_by=tuple(_named_by(path, processes, jobs)),
        )
        answer = settings.answers.get(folder.question.id)
        if answer is not None and answer not in ANSWERS:
            problems.append(_not_understood(folder, answer))
            answer = None
        folders.append(replace(folder, answer=str(answer or "")))
    return tuple(folders), tuple(problems)


def mounted_data(
    processes: Sequence[Process], known: Sequence[DataFolder], settings: Settings
) -> tuple[tuple[DataFolder, ...], tuple[Problem, ...]]:
    """Folders of the host that containers of a registry's images write to, beside those that are `known`."""
    users: dict[str, list[Process]] = {}
    for process in processes:
        for source, _, _ in process.mounts:
            users.setdefault(source, []).append(process)
    found, problems = [], []
    for path in sorted(set(users) - {one.path for one in known}):
        via = Via(rule=RULE, sources=users[path][0].via.sources, note="a container writes there; a task's disk is lost")
        folder = DataFolder(
            path=path, via=via, named_by=tuple(process.name for process in users[path]), of_containers=True
        )
        answer = settings.answers.get(folder.question.id)
        if answer is not None and answer not in ANSWERS:
            problems.append(_not_understood(folder, answer))
            answer = None
        found.append(replace(folder, answer=str(answer or "")))
    return tuple(found), tuple(problems)


def file_system_steps(folders: Iterable[DataFolder]) -> tuple[Step, ...]:
    """The file systems that the folders become."""
    return tuple(
        Step(
            effect=Infrastructure(
                kind="efs", name=folder.path, details={"of_containers": True} if folder.of_containers else {}
            ),
            via=folder.via,
        )
        for folder in folders
        if folder.answer != SCRATCH
    )


def with_questions(decisions: Iterable[Decision], folders: Iterable[DataFolder]) -> tuple[Decision, ...]:
    """The decisions on the tasks that make the folders, with what becomes of the content and the question about it."""
    by_source: dict[Source, list[DataFolder]] = {}
    for folder in folders:
        for source in folder.via.sources[:1]:
            by_source.setdefault(source, []).append(folder)
    return tuple(
        _with_question(decision, by_source[decision.source])
        if decision.kind == "task" and decision.source in by_source
        else decision
        for decision in decisions
    )


def _with_question(decision: Decision, folders: Sequence[DataFolder]) -> Decision:
    said = "; ".join(
        f"{folder.path}: scratch space, as a reviewer answered"
        if folder.answer == SCRATCH
        else f"{folder.path}: data that must outlive a task, so it becomes a shared file system (EFS)"
        for folder in folders
    )
    answered = tuple(folder.question.id for folder in folders if folder.answer)
    still_open = next((folder.question for folder in folders if not folder.answer), None)
    return replace(
        decision,
        reason=f"{decision.reason} {said}.",
        question=decision.question or still_open,
        answered_questions=(*decision.answered_questions, *answered),
    )


def _normal(path: str) -> str:
    return str(PurePosixPath(path))


def _is_below(path: str, other: str) -> bool:
    return path != other and path.startswith(other.rstrip("/") + "/")


def _occupied(steps: Iterable[Step]) -> Iterable[str]:
    """Places that the image fills or that are homes: a mount would hide what is there."""
    for step in steps:
        match step.effect:
            case WriteFile(path=path) | Download(path=path) | CheckoutCode(path=path) | Unpack(directory=path):
                yield _normal(path)
            case MakeUser(name=name, home=home):
                yield _normal(home or f"/home/{name}")
            case _:
                pass


def passing(path: str) -> bool:
    """Whether a folder's name says that its content may be lost, or that the system makes it anew."""
    place = PurePosixPath(path)
    return any(name in _PASSING for name in place.parts) or any(
        path == root or _is_below(path, root) for root in ("/dev", "/proc", "/sys", "/run", "/var/run")
    )


def _may_hold_data(path: str, occupied: Iterable[str]) -> bool:
    place = PurePosixPath(path)
    names = place.parts[1:]
    if not place.is_absolute() or not names or path in _SHARED or any(name.startswith(".") for name in names):
        return False
    if any(path == root or _is_below(path, root) for root in _OUTSIDE):
        return False
    if any(name in _PASSING or name in _RELEASED for name in names) or names[-1] in _CODE:
        return False
    return not any(place_taken == path or _is_below(place_taken, path) for place_taken in occupied)


def _named_by(path: str, processes: Iterable[Process], jobs: Iterable[Job]) -> Iterable[str]:
    for process in processes:
        if _names(path, (*process.command, *(value for _, value in process.environment))):
            yield process.name
    for job in jobs:
        if job.outcome == "schedule" and _names(path, (job.command, *(value for _, value in job.environment))):
            yield job.id


def _names(path: str, texts: Iterable[str]) -> bool:
    return any(path in text for text in texts)


def _not_understood(folder: DataFolder, answer: object) -> Problem:
    return Problem(
        Severity.ERROR,
        "answer-not-understood",
        f"The answer {answer!r} to {folder.question.id} cannot be carried out.",
        folder.via.sources[0] if folder.via.sources else None,
        f"Answer one of {', '.join(ANSWERS)}.",
    )
