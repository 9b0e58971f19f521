"""read/excerpts.py: a task as it stands in its file, without what is or may be a secret."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.model import Source
from analyzer.read.excerpts import MAX_LINES, read_excerpts
from analyzer.read.secrets import SecretBook

TASKS = """\
---
# heading
- name: First
  apt:
    name: nginx

  when: ready
# about the second
- name: Second
  block:
    - name: Inner
      command: do it
      args:
        chdir: /srv
- debug:
"""


def excerpt(folder, text, line, name="tasks.yml", book=None):
    (folder / name).write_text(text, encoding="utf-8")
    return read_excerpts(folder, [Source(name, line)], book or SecretBook()).get(Source(name, line))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (3, ("- name: First", "  apt:", "    name: nginx", "", "  when: ready")),
        (11, ("- name: Inner", "  command: do it", "  args:", "    chdir: /srv")),
        (15, ("- debug:",)),
    ],
)
def test_a_task_is_its_item(tmp_path, line, expected):
    """The excerpt goes to the next item, keeps its shape and leaves out what belongs to the next one."""
    assert excerpt(tmp_path, TASKS, line) == expected


def test_other_files_give_one_line(tmp_path):
    """In a crontab the line itself is the excerpt; a line or file that is not there gives none."""
    assert excerpt(tmp_path, "a\n0 3 * * * close\nc\n", 2, "crontab") == ("0 3 * * * close",)
    assert excerpt(tmp_path, "a\n", 9, "crontab") is None
    assert read_excerpts(tmp_path, [Source("../etc/passwd", 1), Source("gone", 1)], SecretBook()) == {}


SECRETS = """
db_password: hunter2hunter2                 | db_password: <not shown>
password: "{{ db_password }}"               | password: "{{ db_password }}"
update_password: on_create                  | update_password: on_create
command: mysql --password=hunter2 -u x      | command: mysql --password=<not shown> -u x
command: API_TOKEN="a b" run --now          | command: API_TOKEN=<not shown> run --now
shell: TOKEN=$(cat /run/token) run          | shell: TOKEN=$(cat /run/token) run
url: https://user:hunter2@db.example/x      | <not shown>
key: AKIAABCDEFGHIJKLMNOP                   | <not shown>
name: known-value-here                      | name: <secret known>
mode: "0644"                                | mode: "0644"
"""


@pytest.mark.parametrize("case", SECRETS.strip().splitlines())
def test_secrets_are_not_shown(tmp_path, case):
    """Values whose name, look or value is a secret's are left out, references stay."""
    text, _, expected = (part.strip() for part in case.partition(" | "))
    book = SecretBook()
    book.marker("known", None, "vault", "known-value-here")
    found = excerpt(tmp_path, f"- name: x\n  m:\n    {text}\n", 1, book=book)
    assert found[2].strip() == expected


def test_a_task_that_ansible_would_not_log(tmp_path):
    """Under no_log the arguments' values are left out, names and conditions stay."""
    text = "- name: Set it\n  mysql_user:\n    name: app\n    priv: 'db.*:ALL'\n    host: |\n      text\n  no_log: true\n  when: ready\n"
    found = excerpt(tmp_path, text, 1)
    assert found[0] == "- name: Set it"
    assert found[2] == "    name: <not shown>"
    assert "ALL" not in "\n".join(found)
    assert "text" not in "\n".join(found)
    assert found[-1] == "  when: ready"


def test_a_private_key_inside_a_task(tmp_path):
    """A key is left out to its last line, and the task goes on behind it."""
    key = "      -----BEGIN RSA PRIVATE KEY-----\n      MIIEabc\n      -----END RSA PRIVATE KEY-----\n"
    found = excerpt(tmp_path, f"- copy:\n    content: |\n{key}    dest: /x\n", 1)
    assert found == ("- copy:", "    content: |", *(["      <not shown>"] * 3), "    dest: /x")


def test_a_long_task_is_cut(tmp_path):
    """No more than a screenful is shown, and how much is missing is said."""
    found = excerpt(tmp_path, "- x:\n" + "    y: 1\n" * 100, 1)
    assert len(found) == MAX_LINES
    assert found[-1] == "# … 62 more lines"


@given(st.text(max_size=200), st.integers(-3, 12))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text(tmp_path, text, line):
    """Whatever stands there, lines come out that can be written."""
    (tmp_path / "tasks.yml").write_bytes(text.encode("utf-8", "surrogatepass"))
    found = read_excerpts(tmp_path, [Source("tasks.yml", line)], SecretBook())
    assert all("\n" not in row and row.encode() is not None for rows in found.values() for row in rows)
