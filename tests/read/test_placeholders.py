"""Values that say "something comes here" are asked for, and no other value is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.decide.plan import decide
from analyzer.model import Settings
from analyzer.read.layout import find_layout
from analyzer.read.placeholders import is_placeholder
from analyzer.read.project import read_project
from analyzer.read.request import Request
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack

PLACEHOLDERS = """(required)|<required>|[mandatory]|CHANGEME|changeme|CHANGE_ME|change-me|Change me!|change_this|please change me
REPLACE_ME|replace_with_your_domain|replace with the real value|TODO|todo: ask|FIXME|TBD|TODO: ask the DBA|<your token>|<YOUR-DOMAIN>|<insert key here>
<db host>|<HOST_NAME>|<api key>|[your bucket]|your_api_key|your-bucket-name|YOUR_DOMAIN|yourdomain.com|www.your-domain.org|xxx|XXXX|xxxx-xxxx-xxxx
xxx.xxx.xxx.xxx|???|placeholder|PLACEHOLDER|insert your key|enter_your_email|put the host name here|fill-me-in""".replace(
    "\n", "|"
).split("|")

VALUES = """example.com|app.example.org|localhost|production|youtube|yourself|changelog|change|todo|todo-list|tbd|todos|tbdb|/srv/TODO|<br>|<html>|<none>
%h %l %u|xx|xXx9|x|extra-large|XXL|placeholders.example.com|https://your.site/path|me@your-domain.com|required|mandatory|replace|insert
add_header X|set -e|put|enter|your|<VirtualHost *:80>|<root@localhost>|Directory|[default]|(none)|0.0.0.0|??|[a-z]{3}|fill|add the user|setup
add_user|change_password|replace-all|yours truly|<5|todo/app|xxxlarge|fixmeup|required: true""".replace("\n", "|").split("|")  # fmt: skip


@pytest.mark.parametrize("value", PLACEHOLDERS)
def test_placeholders(value):
    assert is_placeholder(value)
    assert is_placeholder(f" {value}\n")


@pytest.mark.parametrize("value", VALUES)
def test_values_that_only_look_like_one(value):
    assert not is_placeholder(value)


@given(st.text(max_size=40), st.sampled_from(PLACEHOLDERS))
def test_a_placeholder_is_a_whole_value(beside, placeholder):
    """A text with more words around it is a value: only clear cases are asked for."""
    if len(beside.strip()) > 3 and not is_placeholder(beside):
        assert not is_placeholder(f"/{beside}/{placeholder}/{beside}/")


def planned(tmp_path, variables, tasks):
    for path, text in {
        "inventory/hosts": "[web]\nweb01\n",
        "inventory/group_vars/all.yml": variables,
        "site.yml": f"- hosts: web\n  tasks:\n{tasks}",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    request = Request(project=tmp_path / "inventory")
    layout = find_layout(request)
    settings = Settings(environment=layout.environment)
    reading = read_project(request, layout, settings)
    (application,) = decide(reading.project, load_pack(rule_texts()), settings, rule_texts()).applications
    return application, reading.project.problems


VARIABLES = """
mail_host: <your mail server>
db: {host: CHANGEME, name: shop}
db_password: CHANGEME
unused: TODO
where: "{{ mail_host }}:25"
"""


def test_a_placeholder_becomes_a_parameter_where_it_is_used(tmp_path):
    """Files show the parameter, which says why; secrets stay secrets; what no task uses is not asked for."""
    application, problems = planned(
        tmp_path,
        VARIABLES,
        "    - copy: {dest: /etc/app.conf, content: 'mail={{ where }} db={{ db.host }}/{{ db.name }} pw={{ db_password }}'}\n",
    )
    reasons = {one.name: (one.reason, str(one.source)) for one in application.parameters}
    assert reasons == {
        "mail_host": ("its value is a placeholder: <your mail server>", "inventory/group_vars/all.yml:2"),
        "db_host": ("its value is a placeholder: CHANGEME", "inventory/group_vars/all.yml:3"),
    }
    assert {name for name, _, _ in application.image.runtime_variables} == {"MAIL_HOST", "DB_HOST", "DB_PASSWORD"}
    told = [one for one in problems if one.code == "value-is-a-placeholder"]
    assert [str(one.source) for one in told] == ["inventory/group_vars/all.yml:3", "inventory/group_vars/all.yml:2"]
    everything = b"".join(file.data for file in application.image.files)
    assert b"CHANGEME" not in everything
    assert b"your mail server" not in everything


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        ("mail_host is defined", "yes"),
        ("mail_host", "yes"),
        ("mail_host == 'localhost'", "unknown"),
        ("mail_host != ''", "unknown"),
        ("'local' in mail_host", "unknown"),
        ("where == 'localhost:25'", "unknown"),
        ("db.name == 'shop'", "yes"),
    ],
)
def test_conditions_on_a_placeholder_are_open(condition, verdict, tmp_path):
    """Whether there is a value is known; what it is is not."""
    application, _ = planned(
        tmp_path, VARIABLES, f"    - copy: {{dest: /etc/a, content: x}}\n      when: {condition!r}\n"
    )
    (decision,) = (one for one in application.decisions if one.kind == "task")
    assert decision.applies == verdict, decision.reason


def test_a_literal_argument_is_no_variable(tmp_path):
    """`TODO` as a task's own text is what it writes."""
    application, problems = planned(tmp_path, "a: b\n", "    - copy: {dest: /etc/note, content: TODO}\n")
    assert [file.data for file in application.image.files] == [b"TODO"]
    assert not [one for one in problems if one.code == "value-is-a-placeholder"]
