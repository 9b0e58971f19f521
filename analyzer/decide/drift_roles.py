"""What the roles' steps say, in the forms in which a host can be asked about it (decide/drift.py)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from msgspec import Struct

from analyzer.decide.drift_known import service_name
from analyzer.model import (
    CheckoutCode,
    Download,
    EditFile,
    Infrastructure,
    InstallPackages,
    MakeLink,
    MakeUser,
    PackageRepository,
    RemovePath,
    RunCommand,
    ServiceState,
    Step,
    TaskSetting,
    TouchFile,
    Unpack,
    WriteFile,
)


class RoleEffects(Struct, frozen=True, dict=True):
    """What the roles' steps say, in the forms in which a host can be asked about it."""

    steps: tuple[Step, ...]
    """What is carried over: it should be on the host."""
    dropped: tuple[Step, ...] = ()
    """What the roles do and the bundle leaves out on purpose: it explains what is on the host, no more."""

    @cached_property
    def known_packages(self) -> frozenset[str]:
        """Packages that a role speaks of."""
        names = (one.effect.names for one in self._all if isinstance(one.effect, InstallPackages))
        return frozenset(package_name(written) for group in names for written in group)

    @cached_property
    def known_services(self) -> frozenset[str]:
        """Services that a role speaks of."""
        return frozenset(service_name(one.effect.name) for one in self._all if isinstance(one.effect, ServiceState))

    @cached_property
    def known_users(self) -> frozenset[str]:
        """Accounts that a role speaks of."""
        return frozenset(one.effect.name for one in self._all if isinstance(one.effect, MakeUser))

    @cached_property
    def known_paths(self) -> frozenset[str]:
        """Paths that a role speaks of."""
        return frozenset(_paths(self._all))

    @property
    def _all(self) -> tuple[Step, ...]:
        return (*self.steps, *self.dropped)

    @cached_property
    def packages(self) -> dict[str, tuple[str, Step, InstallPackages]]:
        """Package name -> (name as written, last step that speaks of it)."""
        return {
            package_name(written): (written, step, step.effect)
            for step in self.steps
            if isinstance(step.effect, InstallPackages)
            for written in step.effect.names
        }

    @cached_property
    def services(self) -> dict[str, tuple[Step, ServiceState]]:
        """Service -> the last step that says whether it runs."""
        return {
            service_name(step.effect.name): (step, step.effect)
            for step in self.steps
            if isinstance(step.effect, ServiceState) and step.effect.state in {"started", "stopped", ""}
        }

    @cached_property
    def users(self) -> dict[str, tuple[Step, MakeUser]]:
        return {step.effect.name: (step, step.effect) for step in self.steps if isinstance(step.effect, MakeUser)}

    @cached_property
    def paths(self) -> dict[str, list[Step]]:
        """Path -> the steps that make, edit or remove it."""
        return _paths(self.steps)

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """Folders filled as a whole: archives and checkouts."""
        unpacked = [step.effect.directory for step in self._all if isinstance(step.effect, Unpack)]
        cloned = [step.effect.path for step in self._all if isinstance(step.effect, CheckoutCode)]
        return tuple(sorted({folder.rstrip("/") + "/" for folder in (*unpacked, *cloned) if folder}))

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word that the roles write or run: a port or a program named here has its reason here."""
        words = {word.strip(".-") for text in _texts(self._all) for word in re.split(r"[^\w.+-]+", text)}
        return frozenset(words | {word.removesuffix(".service") for word in words})

    def mentions(self, word: str) -> bool:
        """Whether a file, an edit, a command or a rule of the roles names `word`."""
        return word in self.words


def _paths(steps: Iterable[Step]) -> dict[str, list[Step]]:
    paths: dict[str, list[Step]] = {}
    for step in steps:
        match step.effect:
            case WriteFile() | EditFile() | MakeLink() | TouchFile() | RemovePath() | Download() | PackageRepository():
                paths.setdefault(step.effect.path, []).append(step)
            case _:
                pass
    return paths


def _texts(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        match step.effect:
            case WriteFile(content=content) if content.data is not None:
                yield content.data.decode(errors="replace")
            case EditFile(args=args):
                yield " ".join(str(value) for value in args.values())
            case RunCommand(command=command):
                yield command if isinstance(command, str) else " ".join(command)
            case TaskSetting(value=value):
                yield value
            case Infrastructure(details=details):
                yield " ".join(str(value) for value in details.values())
            case _:
                pass


def package_name(written: str) -> str:
    """`nginx=1.22*` -> nginx, `https://…/puma_5.6_amd64.deb` -> puma, `libc6:amd64` -> libc6."""
    if "/" in written:
        return re.split(r"_|-\d", written.rpartition("/")[2])[0].removesuffix(".deb").removesuffix(".rpm")
    return re.split(r"[=<>:\s]", written.strip())[0]
