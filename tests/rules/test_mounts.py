"""Files that containers of the host mount go where those containers go."""

from __future__ import annotations

import pytest
from example_tasks import task

from analyzer.decide.mounts import mounted_folders
from analyzer.decide.tasks import decide_tasks
from analyzer.model import Outcome, Settings, Unknown
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack

PACK = load_pack(rule_texts())
CONTAINER = task(
    {"community.docker.docker_container": {"name": "web", "image": "x/web:1", "volumes": ["/opt/web:/etc/web:ro"]}}
)


def decided(*tasks):
    """The decisions on several tasks of one application."""
    return decide_tasks(list(tasks), PACK, Settings()).decisions


@pytest.mark.parametrize(
    "written",
    [
        {"ansible.builtin.copy": {"content": "x", "dest": "/opt/web/app.conf"}},
        {
            "ansible.builtin.template": {
                "src": "x",
                "dest": "/opt/web/conf.d/a",
                "content": Unknown("{{ x }}", "a fact"),
            }
        },
        {"ansible.builtin.file": {"path": "/opt/web", "state": "directory"}},
        {"ansible.builtin.file": {"path": Unknown("/opt/web/{{ item }}", "a fact"), "state": "directory"}},
        {"merge_settings": {"sources": ["a"], "dest": "/opt/web/app.ini"}},
    ],
)
def test_what_lies_in_a_mounted_folder_belongs_to_the_container(written):
    """Files, folders and templates there are no files of this image, whether or not their content is known."""
    _, found = decided(CONTAINER, task(written))
    assert (found.outcome, found.rule) == (Outcome.TASK_DEFINITION, "containers-mounted")
    assert found.question is not None
    assert found.question.id == "containers-mounted"


def test_what_lies_beside_a_mounted_folder_stays_in_the_image():
    """The application's own files are not the container's because one of them mounts a neighbour."""
    _, beside, alike = decided(
        CONTAINER,
        task({"ansible.builtin.copy": {"content": "x", "dest": "/opt/app/app.conf"}}),
        task({"ansible.builtin.copy": {"content": "x", "dest": "/opt/website/app.conf"}}),
    )
    assert (beside.outcome, alike.outcome) == (Outcome.IMAGE, Outcome.IMAGE)


@pytest.mark.parametrize(
    ("written", "folders"),
    [
        ({"our_container": {"image": "x", "volumes": ["/data/web/:/data", "named:/var/lib", ""]}}, ("/data/web",)),
        ({"containers.podman.podman_container": {"image": "x", "volume": ["/opt/a:/a:Z"]}}, ("/opt/a",)),
        ({"community.docker.docker_container": {"image": "x", "mounts": [{"source": "/opt/b", "target": "/b"}]}}, ("/opt/b",)),
        ({"community.docker.docker_compose_v2": {"definition": {"services": {"a": {"volumes": ["/opt/c:/c"]}}}}}, ("/opt/c",)),
        ({"ansible.builtin.command": {"_raw_params": "docker run -d -v /opt/d:/d --volume=/opt/e:/e x"}}, ("/opt/d", "/opt/e")),
        ({"ansible.builtin.command": {"_raw_params": "grep -v /opt/d:/d file"}}, ()),
        ({"our_container": {"image": "x", "volumes": ["/etc/localtime:/etc/localtime:ro", "/run:/run", "/:/host"]}}, ()),
        ({"amazon.aws.ec2_instance": {"image": {"id": "x"}, "volumes": [{"device_name": "/dev/sda1"}]}}, ()),
    ],
)  # fmt: skip
def test_mounts_are_found_where_people_write_them(written, folders):
    """Lists, mappings, compose definitions and command lines name the host's side; what is the host's own is left out."""
    assert mounted_folders([task(written)]) == folders
