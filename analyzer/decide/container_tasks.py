"""Tasks that run containers: which ones, by a module's arguments, a command line or a compose file.

Only projects with containers import it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from analyzer.decide.containers import container_of
from analyzer.decide.containers_compose import FILES, OVERRIDES, ComposeError, services_in, services_of
from analyzer.decide.containers_options import run_arguments, up_arguments
from analyzer.decide.match import first_unknown
from analyzer.decide.values import text, texts, told
from analyzer.model import RunContainer, Unknown, Value


def compose_paths(files: Mapping[str, str]) -> Iterator[str]:
    """Paths of the host that the compose files among `files` mount into containers or read variables from."""
    for path, written in files.items():
        directory, name = posixpath.split(path)
        if "services:" not in written or not name.endswith((".yml", ".yaml")):
            continue
        env = posixpath.join(directory, ".env")
        try:
            services = list(services_of([written], directory, files.get(env, "")))
        except ComposeError:
            continue
        yield env
        for _, args in services:
            container = container_of({**args, "image": ""})
            if not isinstance(container, Unknown):
                yield from container.environment_files
                yield from (source for source, _, _ in container.volumes)


def containers_in(scope: Mapping[str, Value]) -> tuple[RunContainer, ...] | str:
    """The containers that a task starts, or why they are not known.

    `scope`: `subject` is the module or program, `args` its arguments, `words` a command's words, `files` the texts of
    `written_texts`.
    """
    subject, args = text(scope.get("subject")), scope.get("args")
    given: Mapping[str, Value] = args if isinstance(args, Mapping) else {}
    files = scope.get("files")
    known = {path: text(one) for path, one in files.items()} if isinstance(files, Mapping) else {}
    engine = "podman" if "podman" in subject else "docker"
    words = scope.get("words")
    if isinstance(words, tuple):
        return _of_command(tuple(map(text, words)), text(given.get("chdir")), known, engine)
    if "compose" in subject or subject in ("docker_stack", "docker_service"):
        return _of_compose(given, known, engine)
    return made_of([given], engine)


def made_of(each: Sequence[Mapping[str, Value]], engine: str) -> tuple[RunContainer, ...] | str:
    """The containers of these arguments, or why one of them is not known."""
    made = []
    for one in each:
        container = container_of(one, engine)
        if isinstance(container, Unknown):
            return f"the image is not known: {told(container)}"
        made.append(container)
    return tuple(made)


def _of_command(
    words: tuple[str, ...], directory: str, files: Mapping[str, str], engine: str
) -> tuple[RunContainer, ...] | str:
    if "run" in words and "up" not in words[: words.index("run")]:
        found = run_arguments(words)
        return found if isinstance(found, str) else made_of([found], engine)
    up = up_arguments(words)
    return up if isinstance(up, str) else _of_compose({"project_src": directory, **up}, files, engine)


def _of_compose(args: Mapping[str, Value], files: Mapping[str, str], engine: str) -> tuple[RunContainer, ...] | str:
    definition = args.get("definition")
    stack = args.get("compose")
    if isinstance(stack, tuple) and len(stack) == 1 and isinstance(stack[0], Mapping):
        definition = stack[0]
    directory = text(args.get("project_src"))
    if isinstance(definition, Mapping):
        services = definition.get("services", definition)
        if not isinstance(services, Mapping):
            return "its services are not known"
        return made_of([one for _, one in services_in(services, directory)], engine)
    where = (args.get("project_src"), args.get("files"), stack)
    if (unknown := first_unknown(where)) is not None:
        return f"where the compose file lies is not known: {told(unknown)}"
    named = texts(args.get("files")) or texts(stack)
    paths = [posixpath.normpath(posixpath.join(directory, one)) for one in named]
    if not named:
        first = next((path for one in FILES if (path := posixpath.join(directory, one)) in files), "")
        paths = [first, *(path for one in OVERRIDES if (path := posixpath.join(directory, one)) in files)]
    missing = [path for path in paths if path not in files]
    if missing:
        return f"the compose file {missing[0] or posixpath.join(directory, FILES[-1])} is not in the project"
    env = files.get(posixpath.join(directory, ".env"), "")
    directory = directory or posixpath.dirname(paths[0])
    try:
        return made_of([one for _, one in services_of([files[path] for path in paths], directory, env)], engine)
    except ComposeError as error:
        return f"the compose file {paths[0]} cannot be read: {error}"
