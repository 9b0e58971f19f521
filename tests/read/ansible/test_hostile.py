"""Projects made to hurt the reader: bombs in YAML and templates, recursion, injection. Each is a problem or Unknown."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.model import Unknown
from analyzer.read.project import Reading

YAML_BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)

TEMPLATES = {
    "time": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "size": "{{ 'x' * 10 ** 10 }}",
    "growth": "{% for a in range(99999) %}{{ 'x' * 100000 }}{% endfor %}",
    "power": "{{ 10 ** 4000000000 }}",
    "depth": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "itself": "{{ loops }}",
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_bomb_becomes_unknown(name: str, read: Callable[..., Reading]) -> None:
    """In time, in size, in depth: given up, with the reason; the other tasks are read."""
    began = time.monotonic()
    reading = read(
        {
            "site.yml": "- hosts: web\n  tasks:\n    - copy: {dest: /a, content: '{{ bomb }}'}\n"
            "    - template: {src: t.j2, dest: /b}\n    - copy: {dest: /c, content: fine}\n",
            "templates/t.j2": TEMPLATES[name],
            "inventory/group_vars/all.yml": f"bomb: \"{TEMPLATES[name]}\"\nloops: '{{{{ loops }}}}'\n",
        }
    )
    first, second, third = reading.project.applications[0].tasks
    assert isinstance(first.invocations[0].args["content"], Unknown)
    assert second.invocations[0].contents[0][1].data is None
    assert third.invocations[0].args["content"] == "fine"
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("path", ["inventory/group_vars/all.yml", "roles/r/defaults/main.yml", "inventory/bomb.yml"])
def test_a_yaml_bomb_is_a_problem(path: str, read: Callable[..., Reading]) -> None:
    """Aliases that unfold to billions of nodes are refused where they stand."""
    text = (
        YAML_BOMB
        if "bomb" not in path
        else "all:\n  vars:\n" + "".join(f"    {line}\n" for line in YAML_BOMB.splitlines())
    )
    reading = read(
        {"site.yml": "- hosts: web\n  roles: [r]\n", "roles/r/tasks/main.yml": "- debug: msg=x\n", path: text}
    )
    assert any(problem.code == "yaml-too-large" for problem in reading.project.problems), reading.project.problems
    assert [task.module for task in reading.project.applications[0].tasks] == ["ansible.builtin.debug"]


@pytest.mark.parametrize(
    "text",
    ["- " * 3000 + "x\n", "[" * 5000, "{" * 5000, "- debug: msg=x\n\x00", "\ufeff- debug: msg=x\n\ttab: 1\n", "%YAML 9.9\n---\n- x\n", "- !!python/object/apply:os.system ['true']\n"],
    ids=["nested dashes", "brackets", "braces", "NUL", "tab", "version", "python tag"],
)  # fmt: skip
def test_broken_yaml_is_a_problem_and_the_next_role_is_read(text: str, read: Callable[..., Reading]) -> None:
    """No traceback; file named; the rest is there."""
    reading = read(
        {
            "site.yml": "- hosts: web\n  roles: [bad, good]\n",
            "roles/bad/tasks/main.yml": text,
            "roles/good/tasks/main.yml": "- debug: msg=x\n",
        }
    )
    assert any(
        problem.source and problem.source.file == "roles/bad/tasks/main.yml" for problem in reading.project.problems
    )
    assert [task.role for task in reading.project.applications[0].tasks][-1] == "good"


def test_names_of_hosts_lead_to_no_other_folder(read: Callable[..., Reading], tmp_path: Path) -> None:
    """Evidence is read below evidence/, whatever a host is called: not the whole disk, not the folder above."""
    (tmp_path / "fs/etc/cron.d").mkdir(parents=True)
    (tmp_path / "fs/etc/cron.d/app").write_text("0 1 * * * root /bin/true\n", encoding="utf-8")
    hosts = "[web]\n/\n..\n../..\nweb1\n"
    reading = read({"site.yml": "- hosts: web\n", "inventory/hosts": hosts, "evidence/web1/fs/etc/timezone": "UTC\n"})
    (application,) = reading.project.applications
    assert [host.name for host in application.hosts] == ["/", "..", "../..", "web1"]
    assert application.crons == ()
    assert [host.timezone for host in application.hosts] == ["", "", "", "UTC"]


@pytest.mark.parametrize("key", ["1", "null", "1.5", "true", "2020-01-01"])
def test_keys_that_are_no_strings_are_names_all_the_same(key: str, read: Callable[..., Reading]) -> None:
    """YAML makes numbers, dates and nothing of them: as a variable, as an argument, inside a value."""
    reading = read(
        {
            "site.yml": f"- hosts: web\n  vars: {{{key}: x, y: {{{key}: z}}}}\n  tasks:\n"
            f"    - copy: {{{key}: x, dest: /a, content: '{{{{ y }}}}'}}\n    - copy: {{dest: /b, content: b}}\n",
            "roles/r/defaults/main.yml": f"{key}: [a]\n",
            "inventory/group_vars/all.yml": f"{key}: [a]\n",
        }
    )
    (application,) = reading.project.applications
    assert [task.source.line for task in application.tasks] == [4, 5]


def test_text_that_is_not_utf8_is_read(read: Callable[..., Reading], tmp_path: Path) -> None:
    """Shift JIS in comments and names of an inventory, of variables, of tasks: replaced, and told with its line."""
    name = "\u65e5\u672c".encode("shift_jis")
    root = tmp_path / "project"
    (root / "inventory/group_vars").mkdir(parents=True)
    (root / "inventory/group_vars/web.yml").write_bytes(b"a: 1\nb: x # " + name + b"\n")
    (root / "tasks.yml").write_bytes(b"# " + name + b"\n- copy: {dest: /a, content: '{{ b }}'}\n")
    (root / "inventory/more").write_bytes(b"[web]\nweb2 # " + name + b"\n" + name + b"\n")
    reading = read({"site.yml": "- hosts: web\n  tasks:\n    - include_tasks: tasks.yml\n"})
    told = {str(one.source) for one in reading.project.problems if one.code == "file-not-utf8"}
    assert told == {"inventory/group_vars/web.yml:2", "tasks.yml:1", "inventory/more:2"}
    (application,) = reading.project.applications
    assert application.tasks[1].invocations[0].args["content"] == "x"
    assert all(host.name.isprintable() and host.name.encode() for host in application.hosts)
