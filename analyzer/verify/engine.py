"""The Docker Engine: builds, containers, their outputs. Everything made here carries a label and is removed again."""

from __future__ import annotations

import io
import re
import tarfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from analyzer.verify import snapshot

LABEL = "migrate-analyze.verify"
"""On everything made here; its value is the run's own, so that one run never removes what another uses."""
Progress = Callable[[str], None]


class VerifyError(Exception):
    """Verification cannot go on; the text is for the person, `hint` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class BuildError(VerifyError):
    """The image does not build."""

    def __init__(self, message: str, step: int, output: Sequence[str]) -> None:
        super().__init__(message)
        self.step = step
        """Number of the Dockerfile's instruction (1-based) that failed."""
        self.output = tuple(output)


class Answer(Struct, frozen=True):
    """What a command in a container gave."""

    code: int
    output: bytes

    @property
    def text(self) -> str:
        """The output as text."""
        return self.output.decode("utf-8", "replace")


class Engine:
    """A connection to the engine that the environment names (DOCKER_HOST), else the local one.

    A connection serves one thread; `another` gives one more with the same label.
    """

    def __init__(self, progress: Progress, run: str = "", ended: threading.Event | None = None) -> None:
        import docker
        from docker.errors import DockerException

        self.progress = progress
        self.run = run or uuid.uuid4().hex[:12]
        self.labels = {LABEL: self.run}
        self.ended = ended or threading.Event()
        """Set when the run is over: what threads still make would stay."""
        try:
            self.client: Any = docker.from_env(timeout=900)
            self.version = str(self.client.version()["Version"])
        except (DockerException, OSError) as error:
            from analyzer.verify.failures import no_engine

            raise VerifyError(*no_engine(error)) from None

    def another(self, prefix: str) -> Engine:
        """A connection for another thread, which tells its progress after `prefix`."""
        return Engine(lambda text: self.progress(f"{prefix}: {text}"), self.run, self.ended)

    def clean(self, patience_s: float = 20) -> None:
        """Removes what this run left: containers, and images that nothing names any more.

        A thread may be ending a container at the same time, which the engine then refuses: so it is tried again until
        nothing is there.
        """
        from docker.errors import DockerException, NotFound

        mine = {"label": f"{LABEL}={self.run}"}
        until = time.monotonic() + patience_s
        while True:
            failure = ""
            try:
                containers = self.client.containers.list(all=True, filters=mine, ignore_removed=True)
                images = self.client.images.list(filters=mine)
            except (DockerException, OSError) as error:
                containers, images, failure = [], [], _short(error)
            removals = [partial(each.remove, force=True, v=True) for each in containers]
            removals += [partial(self.client.images.remove, each.id, force=True) for each in images]
            for remove in removals:
                try:
                    remove()
                except NotFound:
                    continue
                except (DockerException, OSError) as error:
                    failure = _short(error)
            if not failure:
                return
            if time.monotonic() > until:
                self.progress(f"not everything was removed: {failure}")
                return
            time.sleep(0.3)

    def build(self, context: Path, tag: str, *, keep: bool = False) -> None:
        """Builds `context` with the classic builder, telling each step; `keep`: `clean` leaves the image."""
        from docker.errors import DockerException

        step = 0
        output: list[str] = []
        last = failure = ""
        try:
            stream = self.client.api.build(
                path=str(context),
                tag=tag,
                rm=True,
                forcerm=True,
                decode=True,
                network_mode="host",
                labels={} if keep else self.labels,
            )
            for part in stream:
                text = str(part.get("stream", "")).rstrip("\n")
                if match := re.match(r"Step (\d+)/(\d+) : (.*)", text):
                    step = int(match[1])
                    self.progress(f"build {match[1]}/{match[2]}: {match[3][:100]}")
                elif match := re.fullmatch(r" ---> ([0-9a-f]{12})", text):
                    last = match[1]
                elif text.strip():
                    output.append(text)
                failure = failure or str(part.get("error", "")).strip()
        except DockerException as error:
            failure = _short(error)
        except BaseException:
            self.client.close()  # the engine ends a build that nobody reads
            self._forget(last, patience_s=20)
            raise
        if failure:
            self._forget(last)
            raise BuildError(failure, step, output[-30:])

    def _forget(self, image: str, patience_s: float = 0) -> None:
        """Removes the layers of a build that did not end, where nothing else uses them."""
        from docker.errors import DockerException, ImageNotFound

        until = time.monotonic() + patience_s
        while image:
            try:
                if not self.client.images.get(image).tags:
                    self.client.images.remove(image)
            except ImageNotFound:
                return
            except DockerException:  # the build's own container may still be ending
                if time.monotonic() < until:
                    time.sleep(0.3)
                    continue
            return

    def commit(self, container: Container, tag: str) -> None:
        """Makes an image of what is in a container."""
        from docker.errors import DockerException

        if self.ended.is_set():
            raise VerifyError("the run is over")
        repository, _, version = tag.rpartition(":")
        changes = [f'LABEL "{LABEL}"="{self.run}"']
        try:
            container.made.commit(repository=repository, tag=version, changes=changes)
        except DockerException as error:
            raise VerifyError(f"no image can be made of the container: {_short(error)}") from None

    def size(self, image: str) -> tuple[int, int]:
        """(bytes, layers) of an image."""
        attributes = self.client.images.get(image).attrs
        return int(attributes["Size"]), len(attributes["RootFS"]["Layers"])

    def remove_image(self, tag: str) -> None:
        """Removes a tag; the layers stay in the engine's cache only as far as other images use them."""
        from docker.errors import DockerException

        try:
            self.client.images.remove(tag, force=True)
        except DockerException as error:
            self.progress(f"the image {tag} was not removed: {_short(error)}")

    @contextmanager
    def container(self, image: str, **options: Any) -> Iterator[Container]:
        """A running container, removed at the end whatever happens."""
        from docker.errors import DockerException

        if self.ended.is_set():
            raise VerifyError("the run is over")
        try:
            made = self.client.containers.create(image, labels=self.labels, **options)
        except DockerException as error:
            raise VerifyError(f"no container can be made of {image}: {_short(error)}") from None
        try:
            try:
                made.start()
            except DockerException as error:
                raise VerifyError(f"the container does not start: {_short(error)}") from None
            yield Container(made)
        except (DockerException, OSError) as error:
            raise VerifyError(f"the container is gone or does not answer: {_short(error)}") from None
        finally:
            with suppress(DockerException, OSError):
                made.remove(force=True, v=True)


class Container(Struct, frozen=True):
    """A container of ours."""

    made: Any

    def run(
        self, command: str | Sequence[str], *, user: str = "root", environment: Mapping[str, str] | None = None
    ) -> Answer:
        """Runs a shell text or an argument vector inside."""
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        answer = self.made.exec_run(words, user=user, environment=dict(environment or {}), demux=False)
        return Answer(int(answer.exit_code if answer.exit_code is not None else -1), answer.output or b"")

    def stream(self, command: str, told: Progress, environment: Mapping[str, str] | None = None) -> Answer:
        """Runs a shell text inside and tells each of its lines."""
        api = self.made.client.api
        execution = api.exec_create(
            self.made.id, ["sh", "-c", command], user="root", environment=dict(environment or {})
        )
        output = bytearray()
        pending = b""
        for chunk in api.exec_start(execution["Id"], stream=True):
            output += chunk
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                told(line.decode("utf-8", "replace").rstrip())
        return Answer(int(api.exec_inspect(execution["Id"])["ExitCode"]), bytes(output))

    def put(self, folder: str, archive: bytes) -> None:
        """Unpacks a tar archive into `folder`."""
        self.made.put_archive(folder, archive)

    def state(self) -> tuple[str, int]:
        """(running | exited | …, exit status)."""
        self.made.reload()
        return str(self.made.attrs["State"]["Status"]), int(self.made.attrs["State"]["ExitCode"])

    def logs(self) -> str:
        """What it wrote."""
        return str(self.made.logs(tail=40).decode("utf-8", "replace")).strip()

    def wait(self, timeout_s: float) -> int | None:
        """Its exit status, None when it still runs after `timeout_s`."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            status, code = self.state()
            if status not in ("running", "created"):
                return code
            time.sleep(0.2)
        return None

    def snapshot(self) -> snapshot.Snapshot:
        """What is in it now."""
        found = snapshot.read_snapshot({name: self.run(text).output for name, text in snapshot.COMMANDS.items()})
        if not (found.packages and found.users and any(file.kind == "f" for file in found.files.values())):
            raise VerifyError(
                "the content of the container cannot be read, so nothing can be compared",
                "the base image needs find, xargs, sha256sum, and dpkg-query or rpm",
            )
        return found


def tar_of(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    """A tar archive of name -> (content, mode)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, (data, mode) in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = mode
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def tar_folder(folder: Path, prefix: str, *, skip: Callable[[str], bool] = lambda _: False) -> bytes:
    """A tar archive of a folder's files below `prefix`, owned by root."""
    buffer = io.BytesIO()

    def root(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if skip(entry.name):
            return None
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        return entry

    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(folder, arcname=prefix, filter=root)
    return buffer.getvalue()


def _short(error: BaseException) -> str:
    text = str(getattr(error, "explanation", "") or error).strip().replace("\n", " ")
    return text[:300] or type(error).__name__
