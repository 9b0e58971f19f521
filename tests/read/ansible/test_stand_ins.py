"""What only the live host knows, shown in a file: a parameter or secret of the container; decided by, it stays unknown."""

from collections.abc import Callable

import pytest

from analyzer.model import Task, parameter_reference, secret_reference

SHOWN = {
    "a fact": ("{{ ansible_default_ipv4.address }}", parameter_reference("ansible_default_ipv4_address")),
    "a fact among the facts": ("{{ ansible_facts.swaptotal_mb }}", parameter_reference("ansible_facts_swaptotal_mb")),
    "a variable made of it": ("{{ listen }}", "http://" + parameter_reference("ansible_default_ipv4_address")),
    "a result": ("{{ version.stdout }}", parameter_reference("version")),
    "a secret by its name": ("{{ app_secret_key.stdout }}", secret_reference("app_secret_key")),
    "with a default": ("{{ version.stdout | default('1') }}", parameter_reference("version")),
    "joined": ("{{ 'v' ~ version.stdout }}", "v" + parameter_reference("version")),
    "a look-up": ("{{ salt }}", parameter_reference("salt")),
    "a password that is looked up": ("{{ db_password }}", secret_reference("db_password")),
    "inside a dictionary": (
        "{{ settings | to_json }}",
        '{"at": "' + parameter_reference("ansible_swaptotal_mb") + '"}',
    ),
    "what set_fact took over": ("{{ release }}", parameter_reference("release")),
    "a sum": ("{{ ansible_processor_vcpus*2 + 1 }}", parameter_reference("ansible_processor_vcpus_times_2_plus_1")),
    "a part of the memory": (
        "{{ (ansible_memtotal_mb * 0.5) | int }}m",
        parameter_reference("ansible_memtotal_mb_times_0_5_int") + "m",
    ),
    "a part of a result": ("{{ version.stdout.split('.')[0] }}", parameter_reference("version_stdout_split_0")),
    "a line of a result": ("{{ version.stdout_lines[0] }}", parameter_reference("version_stdout_lines_0")),
    "a result in two notations": (
        "{{ version.stdout }} {{ version.stdout | upper }}",
        parameter_reference("version") + " " + parameter_reference("version_stdout_upper"),
    ),
    "a fact by the name that a result has": (
        "{{ ansible_default_ipv4[which.stdout] }}",
        parameter_reference("ansible_default_ipv4_which_stdout"),
    ),
    "inside a line": (
        "{% if 1 %}{{- ansible_memtotal_mb / 2 -}}{% endif %}",
        parameter_reference("ansible_memtotal_mb_over_2"),
    ),
}
PLAY = """  vars:
    listen: "http://{{ ansible_default_ipv4.address }}"
    salt: "{{ lookup('password', 'salts/one') }}"
    db_password: "{{ lookup('password', 'salts/two') }}"
    settings: {at: "{{ ansible_swaptotal_mb }}"}
"""
TASKS = """
- command: app --version
  register: version
- command: rake secret
  register: app_secret_key
- set_fact: {release: "{{ version.stdout | trim | regex_replace('^v', '') }}"}
- template: src=app.j2 dest=/etc/app.conf
"""


def rendered(tasks_of: Callable[..., tuple[Task, ...]], text: str) -> str | None:
    """The text that the template `text` gives, None where it is not known."""
    *_, task = tasks_of(TASKS, files={"templates/app.j2": text}, play=PLAY)
    ((_, content),) = task.invocations[0].contents
    return None if content.data is None else content.data.decode()


@pytest.mark.parametrize(("text", "expected"), SHOWN.values(), ids=SHOWN.keys())
def test_what_a_file_shows_is_filled_in_later(tasks_of: Callable[..., tuple[Task, ...]], text: str, expected: str):
    """The file is known but for the value, which gets the name of what it is."""
    assert rendered(tasks_of, f"at {text}\n") == f"at {expected}\n"


@pytest.mark.parametrize(
    "text",
    [
        "{% if version.stdout == '2' %}new{% endif %}",
        "{{ ansible_memtotal_mb * 2 }} {{ ansible_memtotal_mb - -2 }} {% if ansible_memtotal_mb > 1 %}x{% endif %}",
        "{{ ansible_memtotal_mb + 2 }} {{ ansible_memtotal_mb +2 - 0}} {{ ansible_memtotal_mb + (2) }}",
        "{% raw %}{{ ansible_memtotal_mb + 2 }}{% endraw %} {{ ansible_memtotal_mb + 2 }}",
        "{% for n in [1, 2] %}{{ ansible_memtotal_mb * n }}{% endfor %}",
        "{{ app_secret_key.stdout[:8] }}",
        "{% for line in version.stdout_lines %}{{ line }}{% endfor %}",
        "{% set x = version.stdout %}{{ x }}",
    ],
)
def test_what_a_file_decides_or_reckons_by_is_not(tasks_of: Callable[..., tuple[Task, ...]], text: str):
    """A marker in a condition or a loop would give another file, as two values by one name would: it stays unknown."""
    assert rendered(tasks_of, text) is None


def test_templates_of_the_time_of_python_2_mean_the_same(tasks_of: Callable[..., tuple[Task, ...]]):
    """`iteritems()` is `items()` since dictionaries have no other."""
    text = (
        "{% for k, v in settings.iteritems() %}{{ k }}={{ v }}{% endfor %} {{ settings.iterkeys() | list | length }}\n"
    )
    (task,) = tasks_of(
        "- template: src=app.j2 dest=/etc/app.conf",
        files={"templates/app.j2": text},
        play="  vars: {settings: {a: 1}}\n",
    )
    ((_, content),) = task.invocations[0].contents
    assert content.data == b"a=1 1\n"


def test_the_parameter_says_why_it_is_one(read: Callable[..., object]):
    """The plan names the parameter, with the reason, beside those that the project does not define."""
    reading = read(
        {
            "site.yml": "- hosts: web\n  tasks:\n    - template: src=app.j2 dest=/etc/app.conf\n",
            "templates/app.j2": "listen {{ ansible_default_ipv4.address }}\n",
        }
    )
    (application,) = reading.project.applications  # type: ignore[attr-defined]
    (parameter,) = application.parameters
    assert parameter.name == "ansible_default_ipv4_address"
    assert "ansible_default_ipv4" in parameter.reason


def test_a_secret_in_json_keeps_its_name(tasks_of: Callable[..., tuple[Task, ...]]):
    """`to_json` escapes what is not ASCII, and the marker of a secret must come out whole."""
    (task,) = tasks_of(
        "- copy: {content: \"{{ {'a': db_password} | to_json }}\", dest: /x}", play="  vars: {db_password: hunter22}\n"
    )
    ((_, content),) = task.invocations[0].contents
    assert content.data == ('{"a": "' + secret_reference("db_password") + '"}').encode()


@pytest.mark.parametrize("altering", ["b64encode", "hash('sha256')", "upper"])
def test_a_filter_over_a_secret_is_not_applied_to_its_name(tasks_of: Callable[..., tuple[Task, ...]], altering: str):
    """The hash of a marker is the hash of nothing that the host has: the content stays unknown."""
    hidden, shown = tasks_of(
        f"""
- copy: content="{{{{ db_password | {altering} }}}}" dest=/x
- copy: content="{{{{ name | {altering} }}}}" dest=/y
""",
        play="  vars: {db_password: hunter22, name: app}\n",
    )
    assert hidden.invocations[0].contents[0][1].data is None
    assert shown.invocations[0].contents[0][1].data is not None


@pytest.mark.parametrize(
    ("src", "dest", "name"),
    [
        ("secrets/id_rsa", "/home/app/.ssh/id_rsa", "id_rsa"),
        ("~/keys/production.key", "/srv/app/config/credentials/production.key", "production_key"),
        ("app.key", "/etc/app/", "app_key"),
        ("credentials.json", "/etc/app/google.json", "google_json"),
        ("id_rsa.pub", "/home/app/.ssh/id_rsa.pub", ""),
        ("docker.key", "/etc/apt/keyrings/docker.key", ""),
        ("tool.tar.gz", "/opt/tool.tar.gz", ""),
        ("keyboard", "/etc/default/keyboard", ""),
    ],
)
def test_a_key_that_nobody_commits_is_a_secret(
    tasks_of: Callable[..., tuple[Task, ...]], src: str, dest: str, name: str
):
    """A private key or a file of credentials that the project does not hold comes from the secret store."""
    (task,) = tasks_of(f"- copy: src={src} dest={dest}")
    ((_, content),) = task.invocations[0].contents
    assert content.data == (secret_reference(name).encode() if name else None)


def test_a_key_of_the_project_is_taken_as_it_is(tasks_of: Callable[..., tuple[Task, ...]]):
    """What the project holds is read; only a private key's own text makes it a secret."""
    (task,) = tasks_of("- copy: src=app.key dest=/etc/app.key", files={"files/app.key": "public text\n"})
    ((_, content),) = task.invocations[0].contents
    assert content.data == b"public text\n"


def test_an_undefined_variable_of_a_vault_is_a_secret(tasks_of: Callable[..., tuple[Task, ...]]):
    """`vault_x` is what projects call the encrypted half of `x`; one that is defined is what it says."""
    hidden, known = tasks_of(
        "- copy: content={{ vault_app_token_dat }} dest=/x\n- copy: content={{ vault_version }} dest=/y",
        play="  vars: {vault_version: '1.15'}\n",
    )
    assert hidden.invocations[0].contents[0][1].data == secret_reference("vault_app_token_dat").encode()
    assert known.invocations[0].contents[0][1].data == b"1.15"
