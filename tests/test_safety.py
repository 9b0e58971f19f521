"""Analysis starts no process, opens no socket, reads nothing outside project and evidence, writes nothing outside --out.

The audit hook of Python sees every such event. A hook cannot be taken off again, so each run has an interpreter of its own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

WATCH = """
import json, os, sys
events = []
FORBIDDEN = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.spawn", "pty.spawn",
             "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "urllib.Request",
             "webbrowser.open", "smtplib.connect", "ftplib.connect", "http.client.connect")
WRITES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.chown", "os.truncate",
          "shutil.rmtree", "shutil.move", "shutil.copyfile", "tempfile.mkstemp", "tempfile.mkdtemp")
# ansible-core asks at its import how Python's getaddrinfo takes a subclass of int: a numeric address, asked of nobody
PROBES = [("socket.getaddrinfo", ("127.0.0.1", 22, 0, 0, 0))]
def hook(event, args):
    if (event, tuple(args)) in PROBES:
        return
    if event in FORBIDDEN:
        events.append(["forbidden", event, repr(args)[:300]])
    elif event == "open" and isinstance(args[0], (str, bytes)):
        path, mode, flags = args
        writing = flags is not None and (flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
        events.append(["write" if writing else "read", os.path.realpath(os.fsdecode(path)), ""])
    elif event in WRITES:
        for arg in args:
            if isinstance(arg, (str, bytes)) and os.fsdecode(arg):
                events.append(["write", os.path.realpath(os.fsdecode(arg)), event])
    elif event == "os.listdir" and args[0]:
        events.append(["read", os.path.realpath(os.fsdecode(args[0])), event])
sys.addaudithook(hook)
from analyzer.cli import cli
status = 0
try:
    cli(sys.argv[2:], standalone_mode=True)
except SystemExit as end:
    status = end.code
found = list(events)
with open(sys.argv[1], "w") as stream:
    json.dump({"status": status, "events": found}, stream)
"""


def watched(tmp_path: Path, project: Path, *options: str) -> tuple[int, list[list[str]], str]:
    """(exit status, audit events, stderr) of the main job over `project`."""
    log = tmp_path / "events.json"
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "ANSIBLE_CONFIG": str(tmp_path / "evil.cfg")}
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "evil.cfg").write_text("[defaults]\nlocal_tmp = " + str(tmp_path / "evil-tmp") + "\n", encoding="utf-8")
    out = tmp_path / "out"
    answer = subprocess.run(
        [sys.executable, "-P", "-c", WATCH, str(log), str(project), "--out", str(out), *options],
        capture_output=True, text=True, check=False, env=environment, cwd=tmp_path, timeout=120,
    )  # fmt: skip
    assert log.exists(), answer.stderr
    data = json.loads(log.read_text(encoding="utf-8"))
    return data["status"], data["events"], answer.stderr


def python_folders() -> tuple[str, ...]:
    """Where Python, its packages, our own files and the system's data for them lie."""
    places = {
        sys.prefix,
        sys.base_prefix,
        *sys.path,
        str(ROOT / "analyzer"),
        str(ROOT / "rules"),
        str(ROOT / "output_templates"),
    }
    system = {
        "/usr/share/zoneinfo",
        "/usr/lib",
        "/lib",
        "/lib64",
        "/etc/localtime",
        "/usr/share/locale",
        "/proc",
        "/sys",
        "/dev",
    }
    return tuple(sorted({os.path.realpath(place) for place in places if place and place != str(ROOT)} | system))


SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/group",
    "/etc/mime.types",
)


def outside(events: list[list[str]], kind: str, allowed: tuple[str, ...]) -> list[str]:
    """Events of `kind` whose path lies in none of `allowed`."""
    return sorted({
        path for event, path, _what in events
        if event == kind and not any(path == place or path.startswith(place + "/") for place in allowed)
    })  # fmt: skip


@pytest.mark.parametrize("project", sorted(path.parent.name for path in (ROOT / "fixtures").glob("*/inventory")))
def test_the_main_job_touches_nothing_but_its_input_and_output(project: str, tmp_path: Path) -> None:
    """Over every fixture: no process, no socket, no read outside, no write outside."""
    folder = ROOT / "fixtures" / project
    status, events, stderr = watched(tmp_path, folder / "inventory")
    assert status in (0, 1), stderr
    assert [event for event in events if event[0] == "forbidden"] == []
    written = [str(tmp_path / "out"), "/dev/null"]
    assert outside(events, "write", (*written, *(str(path) for path in ROOT.rglob("__pycache__")))) == []
    allowed = (str(folder), str(tmp_path / "out"), *python_folders(), *SYSTEM_FILES)
    assert outside(events, "read", allowed) == []
    assert not (tmp_path / "evil-tmp").exists()
    assert list((tmp_path / "home").iterdir()) == []


HOSTILE = {
    "site.yml": """
- hosts: all
  vars:
    ran: "{{ lookup('pipe', 'touch MARK/pipe') }}"
    fetched: "{{ lookup('url', 'http://127.0.0.1:9/') }}"
    home: "{{ lookup('env', 'HOME') }}"
    outside: "{{ lookup('file', '/etc/passwd') }}"
    up: "{{ lookup('file', '../../../../../../../../etc/passwd') }}"
    hidden: "{{ lookup(chosen, 'touch MARK/hidden') }}"
    chosen: pipe
    reached: "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    own: "{{ 'x' | project_filter }}"
    password: "{{ lookup('password', 'MARK/password') }}"
  vars_files: [/etc/passwd, ../../../../etc/hostname]
  roles: [evil]
  tasks:
    - copy: {content: "{{ ran }}{{ fetched }}{{ home }}", dest: /srv/a}
    - copy: {content: "{{ outside }}{{ up }}", dest: /srv/b}
    - copy: {content: "{{ hidden }}{{ reached }}{{ own }}{{ password }}", dest: /srv/c}
    - copy: {src: /etc/passwd, dest: /srv/d}
    - copy: {src: ../../../../../../../../etc/passwd, dest: /srv/e}
    - copy: {src: link, dest: /srv/f}
    - template: {src: /etc/passwd, dest: /srv/g}
    - include_tasks: /etc/passwd
    - include_vars: /etc/passwd
    - file: {path: "{{ item }}", state: directory}
      with_lines: touch MARK/lines
    - file: {path: "{{ item }}", state: directory}
      with_fileglob: /etc/*
    - debug: {msg: x}
      when: lookup('pipe', 'touch MARK/when') == ''
""",
    "roles/evil/tasks/main.yml": "- template: {src: t.j2, dest: /srv/t}\n",
    "roles/evil/templates/t.j2": "{% include '/etc/passwd' %}{{ lookup('pipe', 'touch MARK/template') }}",
    "filter_plugins/own.py": "open('MARK/filter', 'w')\nclass FilterModule:\n    def filters(self):\n        return {'project_filter': str}\n",
    "library/own_module.py": "open('MARK/library', 'w')\n",
    "callback_plugins/own.py": "open('MARK/callback', 'w')\n",
    "vars_plugins/own.py": "open('MARK/vars', 'w')\n",
    "lookup_plugins/own.py": "open('MARK/lookup', 'w')\n",
    "ansible.cfg": "[defaults]\nfilter_plugins = filter_plugins\nvars_plugins = vars_plugins\ninventory_plugins = inventory_plugins\nvault_password_file = ./vault.sh\n",
    "vault.sh": "#!/bin/sh\ntouch MARK/vault\necho secret\n",
    "inventory/hosts": "[all]\nweb1\n",
    "inventory/dynamic": "#!/bin/sh\ntouch MARK/dynamic\necho '{}'\n",
    "inventory/plugin.yml": "plugin: amazon.aws.aws_ec2\n",
    "inventory/group_vars/all/vault.yml": "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
}


def test_a_hostile_project_gets_nothing_done(tmp_path: Path) -> None:
    """Look-ups, executable inventories, plugins of the project, paths and links that lead out: refused, and read past."""
    marks = tmp_path / "marks"
    marks.mkdir()
    project = tmp_path / "project"
    for name, text in HOSTILE.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("MARK", str(marks)), encoding="utf-8")
    for name in ("inventory/dynamic", "vault.sh"):
        (project / name).chmod(0o755)
    (project / "files").mkdir()
    (project / "files" / "link").symlink_to("/etc/passwd")
    status, events, stderr = watched(tmp_path, project / "inventory")
    assert status in (0, 1), stderr
    assert [event for event in events if event[0] == "forbidden"] == []
    assert list(marks.iterdir()) == []
    allowed = (str(project), str(tmp_path / "out"), *python_folders())
    assert [path for path in outside(events, "read", allowed) if path in ("/etc/passwd", "/etc/hostname")] == []
    bundle = "".join(
        path.read_text(encoding="utf-8", errors="replace") for path in (tmp_path / "out").rglob("*") if path.is_file()
    )
    assert "root:x:0:0" not in bundle
