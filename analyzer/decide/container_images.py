"""Images of containers: their names, those that the host builds, and the files by which it starts containers."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from analyzer.decide.values import text
from analyzer.model import Task, Verdict

_BUILDS = re.compile(r"\b(?:docker|podman|buildah|nerdctl)\s+(?:image\s+|buildx\s+)?(?:build|bud)\b")
_TAGS = re.compile(r"\s(?:-t|--tag)[ =]?([\w./:-]+)")
_WRITERS = (".copy", ".template")


def tagged(image: str) -> str:
    """The image's name with the tag that the engine adds where there is none."""
    return image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest"


def image_names(image: str) -> tuple[str, ...]:
    """`docker.io/bitnami/redis:6.2@sha256:…` -> `bitnami/redis`, `redis`; without registry, tag and digest."""
    path = image.partition("@")[0]
    path = re.sub(r":[^/:]*$", "", path)
    first, slash, rest = path.partition("/")
    if slash and (re.search(r"[.:]", first) or first == "localhost"):
        path = rest
    path = path.removeprefix("library/")
    return tuple(dict.fromkeys((path, path.rpartition("/")[2])))


def written_texts(tasks: Sequence[Task]) -> Mapping[str, str]:
    """Path -> text of the files that `copy` and `template` write and that compose may read."""
    found: dict[str, str] = {}
    for task in tasks:
        if task.applies is Verdict.NO or not task.module.endswith(_WRITERS):
            continue
        for invocation in task.invocations:
            place = invocation.args.get("dest")
            if not isinstance(place, str) or not place.startswith("/"):
                continue
            for relative, content in invocation.contents:
                path = posixpath.join(place, relative) if relative else place
                if path.endswith("/"):
                    path += posixpath.basename(text(invocation.args.get("src")) or content.source.file)
                if content.data is not None and path.endswith((".yml", ".yaml", ".env")):
                    found[posixpath.normpath(path)] = content.data.decode("utf-8", errors="replace")
    return found


def built_images(tasks: Sequence[Task]) -> frozenset[str]:
    """Images, with their tags, that tasks build on the host."""
    found: set[str] = set()
    for task in tasks:
        for invocation in () if task.applies is Verdict.NO else task.invocations:
            args = invocation.args
            name, tag, command = args.get("name"), args.get("tag"), args.get("_raw_params") or args.get("cmd")
            if task.module.endswith(("docker_image", "docker_image_build", "podman_image")):
                builds = args.get("source") == "build" or args.get("build") or args.get("path")
                if isinstance(name, str) and builds:
                    found.add(tagged(f"{name}:{text(tag)}" if tag else name))
            elif isinstance(command, str) and _BUILDS.search(command):
                found.update(map(tagged, _TAGS.findall(command)))
    return frozenset(found)
