"""Projects made to hurt the reader: bombs in YAML and templates, recursion, injection. Each is a problem or Unknown."""

import time
from collections.abc import Callable

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
