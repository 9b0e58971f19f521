"""Cron lines that run in a container of the host: `docker exec web bin/report` runs `bin/report` in web's image."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from analyzer.decide.commands import BatchCommand
from analyzer.decide.processes_units import Unit, exec_words, parse_environment_file, specifiers_of
from analyzer.decide.shell_text import quoted
from analyzer.model import CronEntry, FileContent, RunContainer, Step, Verdict, WriteFile

RULE = "batches-in-container"
_ENGINE = re.compile(
    r"(?:cd\s+[^\s;&|]+\s*(?:&&|;)\s*)?(?:sudo\s+)?(?:/usr/(?:local/)?s?bin/)?"
    r"(?:docker|podman|nerdctl)(?:[ -]compose\b(?:\s+-\S+(?:[ =][^\s-]\S*)?)*)?"
    r"\s+(?:container\s+)?(?:exec|run)\s+"
)
_FIRST_WORD = re.compile(r"\s*(\S+)\s*")
_PLAIN_WORD = re.compile(r"[\w./:@-]+")


class InContainer(Struct, frozen=True):
    """What a line runs, in which container."""

    command: str
    """The line from the program on."""
    name: str
    """The container's or service's name; the image for a container that is made for the line."""
    container: RunContainer | None
    """The container as the tasks start it, None where none of them does."""
    environment: tuple[tuple[str, str], ...]
    directory: str
    """Where it runs, "" for the image's own."""
    user: str
    """Whom it runs as, "" for the image's own."""

    @property
    def image(self) -> str:
        """The image that has the program, "" where nothing tells it."""
        return self.container.image if self.container is not None else self.name if "/" in self.name else ""

    def entry(self, entry: CronEntry) -> CronEntry:
        """The line from the program on."""
        return replace(entry, command=self.command)

    def settled(self, command: BatchCommand) -> BatchCommand:
        """The command of that line with what the engine gives it in the place of what cron gives."""
        zone = [pair for pair in command.environment if pair[0] == "TZ"]
        given = dict((*zone, *self.environment))
        if not command.container_command:
            return command
        shell, flag, script = command.container_command
        body = script.removeprefix(f"cd {quoted(command.working_directory)} && ")
        return replace(
            command,
            container_command=(shell, flag, f"cd {quoted(self.directory)} && {body}" if self.directory else body),
            environment=tuple(sorted(given.items())),
            working_directory=self.directory,
            user=self.user,
            notes=(*command.notes, *self._notes()),
        )

    def _notes(self) -> Iterator[str]:
        image = self.image or "its image"
        yield f"it ran in the container {self.name}: its programs are there where `base_image` is {image}"
        if self.container is not None and self.container.volumes:
            inside = ", ".join(path for _, path, _ in self.container.volumes)
            yield f"what that container mounts ({inside}) is not mounted for batches"

    def reason(self) -> str:
        """Where it runs, in words."""
        if self.container is not None:
            from analyzer.decide.containers import described

            return f"It runs in the container {self.name} ({described(self.container)})."
        return f"It runs in a container of {self.name}, which no task starts."

    def question(self) -> str:
        """What a person must say, and what makes the answer work."""
        image = self.image or "IMAGE"
        return (
            f"Its program is in another image. With `base_image: {image}` in the decisions file the application's image"
            " is built FROM that one, and the line runs in it without the engine. Does it run so, or is it left behind?"
        )


def in_container(entry: CronEntry, steps: Sequence[Step]) -> InContainer | None:
    """What the entry runs in which container; None where it runs in none, or more than that."""
    if not isinstance(entry.command, str) or (match := _ENGINE.match(entry.command.strip())) is None:
        return None
    from analyzer.decide.containers_options import takes_value

    rest = entry.command.strip()[match.end() :]
    given: list[tuple[str, str]] = []
    directory = user = ""
    while (found := _FIRST_WORD.match(rest)) and found[1].startswith("-"):
        option, equals, value = found[1].partition("=")
        rest = rest[found.end() :]
        if takes_value(option) and not equals:
            following = _FIRST_WORD.match(rest)
            if following is None:
                return None
            value, rest = following[1], rest[following.end() :]
        if option in ("-e", "--env") and "=" in value:
            name, _, text = value.partition("=")
            given.append((name, text.strip("\"'")))
        elif option in ("-w", "--workdir"):
            directory = value.strip("\"'")
        elif option in ("-u", "--user"):
            user = value
    if found is None or not _PLAIN_WORD.fullmatch(found[1]) or not (command := rest[found.end() :].strip()):
        return None
    name = found[1]
    container = next((one for one in _containers(steps) if name in (one.name, one.image)), None)
    theirs = dict(_environment(container, steps)) if container is not None else {}
    return InContainer(
        command=command,
        name=name,
        container=container,
        environment=tuple({**theirs, **dict(given)}.items()),
        directory=directory or (container.working_directory if container is not None else ""),
        user=user or (container.user if container is not None else ""),
    )


def _containers(steps: Sequence[Step]) -> Iterator[RunContainer]:
    for step in reversed(steps):
        match step.effect:
            case RunContainer():
                yield step.effect
            case WriteFile(path=path, content=content) if content.data and path.endswith(".service"):
                yield from _of_unit(path, content.data.decode(errors="replace"))


def _of_unit(path: str, written: str) -> Iterator[RunContainer]:
    """The container that a unit keeps running."""
    name = posixpath.basename(path)
    words = exec_words(Unit().read(written).last("ExecStart"), specifiers_of(name, "", ""))
    if words and posixpath.basename(words[0]) in ("docker", "podman", "nerdctl") and "run" in words:
        from analyzer.decide.containers import container_of
        from analyzer.decide.containers_options import run_arguments

        given = run_arguments(words, stays=True)
        found = container_of(given) if isinstance(given, Mapping) else None
        if isinstance(found, RunContainer):
            yield replace(found, name=found.name or name.removesuffix(".service"))


def _environment(container: RunContainer, steps: Sequence[Step]) -> Iterator[tuple[str, str]]:
    """Its variables: files first, as the engine reads them."""
    for step in steps:
        match step.effect:
            case WriteFile(path=path, content=FileContent(data=bytes() as data)) if (
                path in container.environment_files and step.applies is not Verdict.NO
            ):
                yield from parse_environment_file(data.decode("utf-8", errors="replace"))
    yield from ((name, str(value)) for name, value in container.environment.items())
