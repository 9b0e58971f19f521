"""What a fresh machine is assumed to be, where no facts.json says better."""

from collections.abc import Callable

from analyzer.model import Task, Unknown


def test_a_fresh_machine_has_no_local_facts_and_is_called_as_the_inventory_calls_it(
    tasks_of: Callable[..., tuple[Task, ...]],
) -> None:
    """Roles ask `ansible_local` what an earlier run left; nothing ran before, so their defaults hold."""
    (task,) = tasks_of(
        '- copy:\n    dest: /srv/x\n    content: "{{ (ansible_local.core | d({})).fqdn | d(ansible_hostname) }}"\n'
    )
    assert task.invocations[0].args["content"] == "web1"


def test_flattened_needs_no_collection(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """`flattened` comes with a collection; what it does is known without it, under both of its names."""
    for name in ("flattened", "community.general.flattened"):
        (task,) = tasks_of(
            f"""
- package: {{name: "{{{{ q('{name}', packages + extra) }}}}"}}
  vars: {{packages: [nginx, [curl, [jq]]], extra: []}}
"""
        )
        assert task.invocations[0].args["name"] == ("nginx", "curl", "jq")


def test_what_is_known_of_a_text_is_told_although_the_rest_is_not(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """A path below a known folder says where it lies, whatever its last word is."""
    (_, task) = tasks_of(
        """
- command: find-it
  register: found
- file: {path: "{{ folder }}/{{ found.stdout }}/{{ password }}.conf", state: directory}
  vars: {folder: /etc/app}
"""
    )
    path = task.invocations[0].args["path"]
    assert isinstance(path, Unknown)
    assert path.expression == "/etc/app/{{ found.stdout }}/{{ password }}.conf"
