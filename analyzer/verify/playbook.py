"""Runs the real playbook in a container of the same base image: the host that the image is compared with.

The container has no init system and no network service of its own, so modules that speak to one (service, systemd,
ufw, uri …) are replaced by ones that change nothing; `git` for the application's own repository copies the code that
the image was built from. Secrets are placeholders, given as extra variables, so no vault password is needed. The run
goes on past a failing task, and what failed is told. `ansible_hook` writes down what each task changed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import asdict

from analyzer.model import Application, CheckoutCode, Source, Task
from analyzer.verify.engine import Container, Progress, VerifyError, tar_folder, tar_of
from analyzer.verify.failures import advice
from analyzer.verify.leave import Leave

HOME = "/opt/migrate-analyze"
"""Where everything lies that the run needs and the host would not have; left out of the comparison."""

STUBBED = frozenset("service systemd systemd_service sysvinit hostname reboot wait_for uri iptables".split())
"""Modules of ansible-core that need an init system, a kernel or a running service."""
STUBBED_IN_COLLECTIONS = frozenset(
    "ansible.posix.mount ansible.posix.sysctl ansible.posix.firewalld ansible.posix.firewalld_info"
    " ansible.posix.selinux ansible.posix.seboolean community.general.ufw community.general.modprobe"
    " community.general.filesystem community.general.lvol community.general.lvg"
    " community.general.supervisorctl community.general.iptables_state community.general.sefcontext"
    " community.general.monit community.general.slack"
    " community.general.snap community.general.nmcli community.general.parted"
    " community.docker.docker_container".split()
)
ENVIRONMENT = {
    "PYTHONPATH": f"{HOME}/python",
    "LC_ALL": "C.UTF-8",
    "ANSIBLE_HOME": f"{HOME}/home",
    "ANSIBLE_REMOTE_TEMP": f"{HOME}/remote",
    "ANSIBLE_COLLECTIONS_PATH": f"{HOME}/project/collections:{HOME}/project:{HOME}/collections",
    "ANSIBLE_VAULT_PASSWORD_FILE": f"{HOME}/vault-password",
    "ANSIBLE_STRATEGY": "linear",
    "ANSIBLE_CACHE_PLUGIN": "memory",
    "ANSIBLE_STDOUT_CALLBACK": "default",
    "ANSIBLE_CALLBACK_PLUGINS": f"{HOME}/plugins",
    "ANSIBLE_CALLBACKS_ENABLED": "migrate_analyze",
    "ANSIBLE_NOCOLOR": "true",
    "ANSIBLE_HOST_KEY_CHECKING": "false",
    "ANSIBLE_RETRY_FILES_ENABLED": "false",
    "ANSIBLE_DEPRECATION_WARNINGS": "false",
    "PYTHONDONTWRITEBYTECODE": "1",
    "MIGRATE_ANALYZE_HOOK": f"{HOME}/hook.json",
}
"""Of the run: its own places, one task after the other, nothing that a project's ansible.cfg may change."""
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


class PlaybookRun(Struct, frozen=True, kw_only=True):
    """What is needed to run the playbook of one application."""

    application: str
    host: str
    """The inventory's host that the run is limited to."""
    root: Path
    """The project's root: everything below it goes into the container."""
    base: Path | None = None
    """The folder below it that Ansible is run in; None: the root itself."""
    playbooks: tuple[Path, ...]
    inventories: tuple[Path, ...]
    tasks: tuple[Task, ...]
    plan: Application
    collections: tuple[Path, ...] = ()
    """Folders called `ansible_collections`."""
    modules: frozenset[str] = frozenset()
    """Modules of every play of the playbooks: ansible-core reads them all before it runs one."""
    variables: Mapping[str, object] = field(default_factory=dict)
    """Variables that a person decided; they rank as extra variables."""
    extra_vars: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    """As given to ansible-playbook."""


class Event(Struct, frozen=True, kw_only=True):
    """A task that ended, and what is not as it was before it."""

    source: Source
    name: str
    status: str
    """ok | changed | failed | skipped"""
    message: str = ""
    seconds: float = 0.0
    paths: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()


class Ran(Struct, frozen=True, kw_only=True):
    """How the run went."""

    recap: str
    events: tuple[Event, ...] = ()
    """In order."""
    not_run: tuple[tuple[Source, str], ...] = ()
    """(task, why) of every task whose module was replaced by one that changes nothing."""

    @property
    def failed(self) -> tuple[tuple[Source, str], ...]:
        """(task, message) of every task that failed."""
        return tuple(
            dict.fromkeys((each.source, each.message[:200]) for each in self.events if each.status == "failed")
        )


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
            "if command -v apt-get >/dev/null; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive"
            " apt-get install -y -qq --no-install-recommends python3 python3-apt; else dnf install -y -q python3; fi"
        )
        if answer.code:
            why = "\n".join(answer.text.strip().splitlines()[-3:])
            raise VerifyError(f"python3 cannot be installed in the container: {why}", advice(answer.text))
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


def run_playbook(
    container: Container, run: PlaybookRun, code: Path | None, told: Progress, left: Leave | None = None
) -> Ran:
    """Runs every playbook, limited to one host, inside the container; without what `left` names."""
    _put_project(container, run)
    if code is not None:
        container.put(HOME, _tar_of_code(code))
    replaced = _stubs(container, run)
    variables = {
        **run.variables,
        **{secret.name: placeholder(secret.name) for secret in run.plan.secrets},
        "ansible_connection": "local",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_become_method": "su",
    }
    left = left or Leave()
    hook = {
        "home": HOME,
        "project": f"{HOME}/project/",
        "events": f"{HOME}/events",
        "skip": sorted(map(str, left.skip)),
        "force": sorted(map(str, left.force)),
        "facts": _facts(run),
        "leave": {str(source): sorted(parts) for source, parts in left.parts.items()},
        "numbers": {
            str(source): {name: asdict(numbers) for name, numbers in of.items()} for source, of in left.numbers.items()
        },
    }
    container.put(
        HOME,
        tar_of({
            "variables.json": (json.dumps(variables).encode(), 0o600),
            "vault-password": (b"none\n", 0o600),
            "hook.json": (json.dumps(hook).encode(), 0o644),
            "events": (b"", 0o644),
            "plugins/migrate_analyze.py": (Path(__file__).with_name("ansible_hook.py").read_bytes(), 0o644),
        }),
    )  # fmt: skip
    files, options = _options(run)
    container.put(HOME, tar_of(files))
    output = ""
    for playbook in run.playbooks:
        place = playbook.relative_to(run.root).as_posix()
        project = f"{HOME}/project/"
        inventories = " ".join(
            f"-i {_word(project + path.relative_to(run.root).as_posix())}" for path in run.inventories
        )
        base = (run.base or run.root).relative_to(run.root).as_posix()
        command = (
            f"cd {_word(project + base)} && python3 -m ansible.cli.playbook {_word(project + place)} {inventories}"
            f" -l {_word(run.host)}{options} -e @{HOME}/variables.json --force-handlers 2>&1"
        )
        answer = container.stream(
            command, lambda line: told(line[6:].strip(" *[]")) if line.startswith("TASK [") else None, ENVIRONMENT
        )
        output += answer.text
        if answer.code not in (0, 2) and " ok=" not in answer.text:  # 2: tasks failed, which the events tell
            raise VerifyError(f"the playbook {place} did not run: {answer.text.strip()[-600:]}")
    recap = next((line for line in reversed(output.splitlines()) if " ok=" in line), "")
    if not recap:
        raise VerifyError(f"no play of the playbook is for {run.host}: {output.strip()[-600:]}")
    events = _events(container.run(f"cat {HOME}/events").output)
    return Ran(recap=" ".join(recap.split()), events=events, not_run=replaced)


def _options(run: PlaybookRun) -> tuple[dict[str, tuple[bytes, int]], str]:
    """(files to put into `HOME`, words of the command) for the options that the bundle was made with."""
    files: dict[str, tuple[bytes, int]] = {}
    words: list[str] = []
    for number, text in enumerate(run.extra_vars):
        if text.startswith("@"):
            name = f"extra-{number}.yml"
            files[name] = (_without_vault(Path(text[1:]).read_bytes()), 0o600)
            words += ["-e", f"@{HOME}/{name}"]
        else:
            words += ["-e", text]
    for option, tags in (("--tags", run.tags), ("--skip-tags", run.skip_tags)):
        if tags:
            words += [option, ",".join(tags)]
    return files, "".join(f" {_word(word)}" for word in words)


def _without_vault(data: bytes) -> bytes:
    """A file of variables, emptied where it is wholly encrypted: the secrets in it are placeholders of the run."""
    return b"{}\n" if data.startswith(b"$ANSIBLE_VAULT") else data


def _facts(run: PlaybookRun) -> dict[str, object]:
    """The host's facts as the plan had them, but for what the container's own Python and users are."""
    host = next((each for each in run.plan.hosts if each.name == run.host), run.plan.hosts[0])
    own = ("python", "env", "user_", "effective_", "real_", "discovered_interpreter", "pkg_mgr", "apt_")
    return {
        f"ansible_{name}" if name != "ansible_local" else name: value
        for name, value in host.facts.items()
        if (name not in host.facts_assumed or name == "date_time") and not name.startswith((*own, "_"))
    }


def _events(lines: bytes) -> tuple[Event, ...]:
    events = []
    started = False
    for line in lines.decode("utf-8", "replace").splitlines():
        read = json.loads(line)
        started = started or read["status"] == "start"
        if read["status"] == "start":
            continue
        file, _, number = read["place"].rpartition(":")
        events.append(
            Event(
                source=Source(file, int(number) if number.isdigit() else 1),
                name=read["name"],
                status=read["status"],
                message=read.get("message", ""),
                seconds=read["seconds"],
                paths=frozenset(read.get("paths", ())),
                packages=frozenset(read.get("packages", ())),
                accounts=frozenset(read.get("accounts", ())),
            )
        )
    if not started:
        raise VerifyError(
            "the run did not say what its tasks changed", "please report it: ansible-core took no callback"
        )
    return tuple(events)


def _word(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _tar_of_code(code: Path) -> bytes:
    """What the build sees of the application's repository, without what the bundle put there."""
    from docker.utils.build import exclude_paths

    ignore = code / ".dockerignore"
    patterns = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    patterns = [line.strip() for line in patterns if line.strip() and not line.startswith("#")]
    # the engine gets these two whatever the patterns say, and leaves them out of COPY itself
    seen = set(exclude_paths(str(code), [*patterns, ".git", "rootfs"])) - {"Dockerfile", ".dockerignore"}

    def skip(name: str) -> bool:
        relative = name.partition("/")[2]
        return bool(relative) and relative not in seen

    return tar_folder(code, "code", skip=skip)


def _put_project(container: Container, run: PlaybookRun) -> None:
    """The project, its wholly encrypted files emptied: the secrets in them are placeholders of the run."""
    files: dict[str, tuple[bytes, int]] = {}
    for path in sorted(run.root.rglob("*")):
        name = path.relative_to(run.root).as_posix()
        if not path.is_file() or name.split("/")[0] in (".git", "evidence", "migration", "app", ".venv"):
            continue
        data = _without_vault(path.read_bytes())
        files[f"project/{name}"] = (data, 0o755 if path.stat().st_mode & 0o100 else 0o644)
    container.run(f"mkdir -p {HOME}")
    container.put(HOME, tar_of(files))


def _stubs(container: Container, run: PlaybookRun) -> tuple[tuple[Source, str], ...]:
    """Replaces modules; gives the tasks that they belong to, with the reason."""
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
    wanted = sorted({name for name in (*run.modules, *(task.module for task in run.tasks)) if name.count(".") == 2})
    missing: set[str] = set()
    places: dict[str, str] = {}
    for collection in sorted({module.rpartition(".")[0] for module in wanted} - {"ansible.builtin", "ansible.legacy"}):
        place = collection.replace(".", "/")
        found = next((path / place for path in run.collections if (path / place / "plugins").is_dir()), None)
        if found is None:
            missing.update(module for module in wanted if module.startswith(collection + "."))
        elif found.is_relative_to(run.root):
            places[collection] = f"project/{found.relative_to(run.root).as_posix()}"
        else:
            container.run(f"mkdir -p {HOME}/collections/ansible_collections")
            container.put(f"{HOME}/collections/ansible_collections", tar_folder(found, place, skip=_not_of_collection))
    for module in sorted(missing | (set(wanted) & STUBBED_IN_COLLECTIONS)):
        collection, _, name = module.rpartition(".")
        place = places.get(collection, f"collections/ansible_collections/{collection.replace('.', '/')}")
        stubs[f"{place}/plugins/modules/{name}.py"] = (_STUB.format(name=module).encode(), 0o644)
    container.put(HOME, tar_of(stubs))
    told = []
    for task in run.tasks:
        if task.module in missing:
            told.append((task.source, f"{task.module}: its collection is not at hand"))
        elif task.module in STUBBED_IN_COLLECTIONS or task.module.removeprefix("ansible.builtin.") in STUBBED:
            told.append((task.source, f"{task.module} acts on a whole machine, not on a container"))
    return tuple(told)


def _not_of_collection(name: str) -> bool:
    return "/tests/" in name or "/docs/" in name or "/changelogs/" in name or "/__pycache__" in name
