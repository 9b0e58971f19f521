"""Runs the real playbook in a container of the same base image: the host that the image is compared with.

The container has no init system and no network service of its own, so modules that speak to one (service, systemd,
ufw, uri …) are replaced by ones that change nothing; `git` for the application's own repository copies the code that
the image was built from. Secrets are placeholders, given as extra variables, so no vault password is needed. Every
play goes on past a failing task, and what failed is told.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

from analyzer.model import Application, CheckoutCode, Source, Task
from analyzer.verify.engine import Container, Progress, VerifyError, tar_folder, tar_of

HOME = "/opt/migrate-analyze"
"""Where everything lies that the run needs and the host would not have; left out of the comparison."""

STUBBED = frozenset("service systemd systemd_service sysvinit hostname reboot wait_for uri iptables".split())
"""Modules of ansible-core that need an init system, a kernel or a running service."""
STUBBED_IN_COLLECTIONS = frozenset(
    "ansible.posix.mount ansible.posix.sysctl ansible.posix.firewalld ansible.posix.firewalld_info"
    " ansible.posix.selinux ansible.posix.seboolean community.general.ufw community.general.modprobe"
    " community.general.filesystem community.general.lvol community.general.lvg"
    " community.general.supervisorctl community.general.iptables_state community.general.sefcontext"
    " community.general.monit community.general.capabilities community.general.slack"
    " community.general.snap community.general.nmcli community.general.parted"
    " community.docker.docker_container".split()
)
_METADATA = ("ansible_core", "jinja2", "markupsafe", "pyyaml", "cryptography", "cffi", "packaging", "resolvelib")
_LIBRARIES = ("ansible", "jinja2", "markupsafe", "yaml", "cryptography", "cffi", "pycparser", "packaging", "resolvelib")

_STUB = '''\
"""Stands in for {name}: a container has nothing for it to act on."""

from ansible.module_utils import basic

params = basic._load_params()
spec = {{name: {{"type": "raw"}} for name in params if not name.startswith("_ansible")}}
module = basic.AnsibleModule(argument_spec=spec, supports_check_mode=True)
module.exit_json(changed=False, status=200, content="", json={{}}, state="started", not_run="{name}")
'''

_GIT = '''\
"""Stands in for git: copies the code that the image was built from."""

import os
import shutil

from ansible.module_utils import basic

params = basic._load_params()
spec = {{name: {{"type": "raw"}} for name in params if not name.startswith("_ansible")}}
module = basic.AnsibleModule(argument_spec=spec, supports_check_mode=True)
code = {code!r}
if module.params.get("repo") in {repositories!r} and os.path.isdir(code):
    shutil.copytree(code, module.params["dest"], dirs_exist_ok=True, symlinks=True)
    module.exit_json(changed=True, before=None, after="0" * 40)
module.fail_json(msg="only the application's own repository is at hand here")
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookRun:
    """What is needed to run the playbook of one application."""

    application: str
    host: str
    """The inventory's host that the run is limited to."""
    root: Path
    """The project's root: everything below it goes into the container."""
    playbooks: tuple[Path, ...]
    inventories: tuple[Path, ...]
    tasks: tuple[Task, ...]
    plan: Application
    collections: tuple[Path, ...] = ()
    """Folders that hold `ansible_collections/`."""
    extra_variables: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How the run went."""

    ok: bool
    recap: str
    failed: tuple[tuple[Source, str], ...]
    """(task, message) of every task that failed."""
    not_run: tuple[tuple[Source, str], ...]
    """(task, module) of every task whose module was replaced."""


def placeholder(name: str) -> str:
    """What stands for the secret or parameter `name` in both containers."""
    return f"placeholder-of-{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-').lower()}"


def prepare(container: Container, told: Progress) -> None:
    """Python and ansible-core in the container: what any managed host has, and its control node."""
    told("playbook: python3 for the container")
    # the container is thrown away: dpkg need not wait for the disk after each file
    if not container.run("test -d /etc/dpkg/dpkg.cfg.d").code:
        container.put("/etc/dpkg/dpkg.cfg.d", tar_of({"migrate-analyze": (b"force-unsafe-io\n", 0o644)}))
    if container.run("command -v python3").code:
        answer = container.run(
            "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends"
            " python3 python3-apt || dnf install -y -q python3"
        )
        if answer.code:
            raise VerifyError(f"python3 cannot be installed in the container: {answer.text[-300:]}")
    version = container.run("python3 -c 'import sys; print(*sys.version_info[:2])'").text.split()
    if version != [str(part) for part in sys.version_info[:2]]:
        raise VerifyError(
            f"the base image has Python {'.'.join(version)} and this program runs on "
            f"{sys.version_info[0]}.{sys.version_info[1]}",
            "run verify with the same minor version of Python as the base image's: ansible-core is copied into it",
        )
    told("playbook: ansible-core for the container")
    for name in _LIBRARIES:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            continue
        folder = Path(spec.origin).parent
        container.run(f"mkdir -p {HOME}/python")
        container.put(f"{HOME}/python", tar_folder(folder, name, skip=_needless))
    site = Path(str(distribution("ansible-core").locate_file("")))
    for path in sorted(site.glob("*.dist-info")):
        # jinja2 and ansible-core ask for each other's versions by these folders
        if path.name.split("-")[0].lower() in _METADATA:
            container.put(f"{HOME}/python", tar_folder(path, path.name))
    for path in sorted(site.glob("_cffi_backend*")):
        container.put(f"{HOME}/python", tar_of({path.name: (path.read_bytes(), 0o755)}))


def _needless(name: str) -> bool:
    return "/__pycache__" in name or "/galaxy/data" in name or name.endswith((".pyc", "/ansible/test"))


def run_playbook(container: Container, run: PlaybookRun, code: Path | None, told: Progress) -> Ran:
    """Runs every playbook, limited to one host, inside the container."""
    _put_project(container, run)
    if code is not None:
        container.put(HOME, tar_folder(code, "code", skip=_not_code))
    replaced = _stubs(container, run)
    variables = {
        **{secret.name: placeholder(secret.name) for secret in run.plan.secrets},
        "ansible_connection": "local",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_become_method": "su",
        **run.extra_variables,
    }
    container.put(
        HOME,
        tar_of({
            "variables.json": (json.dumps(variables).encode(), 0o600),
            "vault-password": (b"none\n", 0o600),
        }),
    )  # fmt: skip
    environment = {
        "PYTHONPATH": f"{HOME}/python",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOME": f"{HOME}/home",
        "ANSIBLE_REMOTE_TEMP": f"{HOME}/remote",
        "ANSIBLE_COLLECTIONS_PATH": f"{HOME}/collections:{HOME}/project/collections",
        "ANSIBLE_VAULT_PASSWORD_FILE": f"{HOME}/vault-password",
        "ANSIBLE_STRATEGY": "linear",
        "ANSIBLE_CACHE_PLUGIN": "memory",
        "ANSIBLE_STDOUT_CALLBACK": "default",
        "ANSIBLE_SHOW_TASK_PATH_ON_FAILURE": "true",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_HOST_KEY_CHECKING": "false",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    output = ""
    ok = True
    for playbook in run.playbooks:
        place = playbook.relative_to(run.root).as_posix()
        inventories = " ".join(f"-i {_word(path.relative_to(run.root).as_posix())}" for path in run.inventories)
        command = (
            f"cd {HOME}/project && python3 -m ansible.cli.playbook {_word(place)} {inventories}"
            f" -l {_word(run.host)} -e @{HOME}/variables.json --force-handlers 2>&1"
        )
        answer = container.stream(
            command, lambda line: told(f"playbook: {line[6:].strip(' *')}") if line.startswith("TASK [") else None,
            environment,
        )  # fmt: skip
        output += answer.text
        ok = ok and answer.code == 0
    failed = _failed(output)
    recap = next((line for line in reversed(output.splitlines()) if " ok=" in line), "")
    if not recap:
        raise VerifyError(f"the playbook did not run: {output.strip()[-600:]}")
    return Ran(ok=ok, recap=" ".join(recap.split()), failed=failed, not_run=replaced)


def _word(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _not_code(name: str) -> bool:
    parts = name.split("/")[1:]
    return bool(parts) and parts[0] in (
        ".git",
        "rootfs",
        "Dockerfile",
        ".dockerignore",
        "docker",
        ".circleci",
        ".github",
    )


def _put_project(container: Container, run: PlaybookRun) -> None:
    """The project, its wholly encrypted files emptied, its plays told to go on past failures."""
    files: dict[str, tuple[bytes, int]] = {}
    playbooks = {path.resolve() for path in run.playbooks}
    for path in sorted(run.root.rglob("*")):
        name = path.relative_to(run.root).as_posix()
        if not path.is_file() or name.split("/")[0] in (".git", "evidence", "migration", "app", ".venv"):
            continue
        data = path.read_bytes()
        if data.startswith(b"$ANSIBLE_VAULT"):
            data = b"{}\n"
        elif path.resolve() in playbooks:
            data = re.sub(rb"(?m)^(-\s+)(?=(?:name|hosts)\s*:)", rb"\1ignore_errors: true\n  ", data)
        files[f"project/{name}"] = (data, 0o755 if path.stat().st_mode & 0o100 else 0o644)
    container.run(f"mkdir -p {HOME}")
    container.put(HOME, tar_of(files))


def _stubs(container: Container, run: PlaybookRun) -> tuple[tuple[Source, str], ...]:
    """Replaces modules; gives the tasks that they belong to."""
    stubs: dict[str, tuple[bytes, int]] = {}
    for name in sorted(STUBBED):
        stubs[f"python/ansible/modules/{name}.py"] = (_STUB.format(name=name).encode(), 0o644)
    repositories = [
        step.effect.repository
        for step in run.plan.steps
        if isinstance(step.effect, CheckoutCode) and step.effect.application
    ]
    git = _GIT.format(code=f"{HOME}/code", repositories=repositories)
    stubs["python/ansible/modules/git.py"] = (git.encode(), 0o644)
    wanted = sorted({task.module for task in run.tasks if task.module.count(".") == 2})
    missing: set[str] = set()
    for collection in sorted({module.rpartition(".")[0] for module in wanted} - {"ansible.builtin", "ansible.legacy"}):
        place = collection.replace(".", "/")
        found = next(
            (
                path / "ansible_collections" / place
                for path in run.collections
                if (path / "ansible_collections" / place / "plugins").is_dir()
            ),
            None,
        )
        if found is not None:
            container.run(f"mkdir -p {HOME}/collections/ansible_collections")
            container.put(f"{HOME}/collections/ansible_collections", tar_folder(found, place, skip=_not_of_collection))
        else:
            missing.update(module for module in wanted if module.startswith(collection + "."))
    for module in sorted(missing | (set(wanted) & STUBBED_IN_COLLECTIONS)):
        collection, _, name = module.rpartition(".")
        place = f"collections/ansible_collections/{collection.replace('.', '/')}/plugins/modules/{name}.py"
        stubs[place] = (_STUB.format(name=module).encode(), 0o644)
    container.put(HOME, tar_of(stubs))
    return tuple(
        (task.source, task.module)
        for task in run.tasks
        if task.module in missing
        or task.module in STUBBED_IN_COLLECTIONS
        or task.module.removeprefix("ansible.builtin.") in STUBBED
    )


def _not_of_collection(name: str) -> bool:
    return "/tests/" in name or "/docs/" in name or "/changelogs/" in name or "/__pycache__" in name


def _failed(output: str) -> tuple[tuple[Source, str], ...]:
    """Tasks that failed, by the path that ansible prints before the failure."""
    failed: list[tuple[Source, str]] = []
    place: Source | None = None
    for line in output.splitlines():
        if match := re.match(r"(?:task path|Origin): (\S+?):(\d+)", line):
            place = Source(match[1].removeprefix(f"{HOME}/project/"), int(match[2]))
        elif line.startswith(("fatal:", "failed:")):
            message = re.search(r'"msg": "((?:[^"\\]|\\.)*)"', line)
            failed.append((place or Source("", 1), (message[1] if message else line)[:200]))
    return tuple(dict.fromkeys(failed))


def default_collections(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Folders where collections may lie on this machine."""
    named = [Path(part) for part in environment.get("ANSIBLE_COLLECTIONS_PATH", "").split(":") if part]
    candidates: Sequence[Path] = [*named, home / ".ansible/collections", Path("/usr/share/ansible/collections")]
    spec = find_spec("ansible_collections")
    if spec is not None and spec.submodule_search_locations:
        candidates = [*candidates, *(Path(place).parent for place in spec.submodule_search_locations)]
    return tuple(path for path in candidates if (path / "ansible_collections").is_dir())
