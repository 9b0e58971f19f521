"""`docker run` and `docker compose up` as people write them, as the arguments of the modules that do the same."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.model import Value

_LISTS: Mapping[str, str] = {
    "-e": "env",
    "--env": "env",
    "--env-file": "env_file",
    "-p": "ports",
    "--publish": "ports",
    "-v": "volumes",
    "--volume": "volumes",
    "--mount": "mounts",
    "--ulimit": "ulimits",
    "--cap-add": "cap_add",
    "--device": "devices",
    "--add-host": "extra_hosts",
    "--link": "links",
    "--tmpfs": "tmpfs",
    "--sysctl": "sysctls",
    "--dns": "dns_servers",
    "--volumes-from": "volumes_from",
}
_TEXTS: Mapping[str, str] = {
    "--name": "name",
    "-u": "user",
    "--user": "user",
    "-w": "working_dir",
    "--workdir": "working_dir",
    "--entrypoint": "entrypoint",
    "-m": "memory",
    "--memory": "memory",
    "--cpus": "cpus",
    "--cpu-quota": "cpu_quota",
    "--cpu-period": "cpu_period",
    "--network": "network_mode",
    "--net": "network_mode",
    "--health-cmd": "healthcheck",
    "--stop-signal": "stop_signal",
    "--stop-timeout": "stop_timeout",
    "--pid": "pid_mode",
    "--ipc": "ipc_mode",
}
_IGNORED = frozenset(
    (
        "--restart -h --hostname -l --label --label-file --log-driver --log-opt --pull --platform --cpu-shares -c"
        " --cpuset-cpus --cpuset-mems --memory-reservation --memory-swap --memory-swappiness --shm-size"
        " --security-opt --cap-drop --network-alias --net-alias --ip --ip6 --mac-address --cidfile --health-interval"
        " --health-retries --health-timeout --health-start-period --gpus --group-add --init-path --isolation"
        " --oom-score-adj --pids-limit --runtime --userns --uts --volume-driver -a --attach --expose --dns-search"
        " --dns-option --dns-opt --detach-keys --storage-opt --cgroupns --cgroup-parent --annotation --blkio-weight"
        " --pod --pidfile --conmon-pidfile --authfile --arch --os --tz --umask"
    ).split()
)
"""Options with a value that a task has no use for, or that ECS does by itself."""
_SHORT_FLAGS = frozenset("ditP")


def takes_value(option: str) -> bool:
    """Whether the engine's `run` or `exec` reads the word after the option as its value."""
    return option in _LISTS or option in _TEXTS or option in _IGNORED or option in ("--index", "-c")


def run_arguments(words: tuple[str, ...], *, stays: bool = False) -> Mapping[str, Value] | str:
    """The arguments of `docker_container` for `docker [container] run -d …`, or why it keeps nothing running.

    `stays`: a service manager runs it, so it stays without `-d`, too.
    """
    lists: dict[str, list[str]] = {}
    found: dict[str, Value] = {}
    detached = False
    rest = list(words[words.index("run") + 1 :])
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        name, equals, value = option.partition("=")
        known = name in _LISTS or name in _TEXTS or name in _IGNORED
        if not known and not name.startswith("--") and len(name) > 1:
            flags = option[1:]
            while flags and flags[0] in _SHORT_FLAGS:
                detached = detached or flags[0] == "d"
                flags = flags[1:]
            if not flags:
                continue
            name, value, equals = f"-{flags[0]}", flags[1:].removeprefix("="), flags[1:]
            known = name in _LISTS or name in _TEXTS or name in _IGNORED
        if not known:
            detached = detached or (name == "--detach" and value != "false")
            if name == "--privileged":
                found["privileged"] = True
            continue  # an option without a value
        if not equals:
            if not rest:
                return f"the option {name} has no value"
            value = rest.pop(0)
        if name in _LISTS:
            lists.setdefault(_LISTS[name], []).append(value)
        elif name in _TEXTS:
            found[_TEXTS[name]] = value
    if not rest:
        return "it names no image"
    if not (detached or stays):
        return "it runs in the foreground, so the playbook waits for its end"
    found |= {name: tuple(values) for name, values in lists.items() if name != "mounts"}
    mounts = tuple(_mount(one) for one in lists.get("mounts", ()))
    return {**found, **({"mounts": mounts} if mounts else {}), "image": rest[0], "command": tuple(rest[1:])}


def _mount(written: str) -> Value:
    """`type=bind,source=/a,target=/b,readonly` as a mapping."""
    pairs = [part.partition("=") for part in written.split(",")]
    given: dict[str, Value] = {name: value if equals else True for name, equals, value in pairs}
    given["read_only"] = given.pop("readonly", given.get("ro", False))
    return given


def up_arguments(words: tuple[str, ...]) -> Mapping[str, Value] | str:
    """The arguments of `docker_compose_v2` for `docker compose … up -d`, or why they are not known."""
    if "up" not in words:
        return "it does not start the services"
    at = words.index("up")
    files: list[str] = []
    found: dict[str, Value] = {}
    before = list(words[1:at])
    while before:
        name, equals, value = before.pop(0).partition("=")
        if name in ("-f", "--file", "--project-directory", "-p", "--project-name", "--env-file", "--profile"):
            value = value if equals else before.pop(0) if before else ""
            if name in ("-f", "--file"):
                files.append(value)
            elif name == "--project-directory":
                found["project_src"] = value
            elif name == "--profile":
                return "it starts the services of a profile"
    services = [word for word in words[at + 1 :] if not word.startswith("-")]
    if services:
        return f"it starts only {', '.join(services)} of the compose file"
    return {**found, **({"files": tuple(files)} if files else {})}
