"""Python that only Ansible needs on a host is not in the image; Python that the application uses is."""

from __future__ import annotations

import pytest
from example_tasks import task

from analyzer.decide.tasks import decide_tasks
from analyzer.model import Settings
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack

PACK = load_pack(rule_texts())


def decided(*tasks, commands=()):
    return decide_tasks(list(tasks), PACK, Settings(), commands=commands)


def raw(text):
    return task({"ansible.builtin.raw": {"_raw_params": text}})


def installed(found):
    return [name for step in found.steps for name in getattr(step.effect, "names", ())]


NGINX = task({"ansible.builtin.apt": {"name": "nginx"}})


@pytest.mark.parametrize(
    "line",
    [
        "test -e /usr/bin/python || (apt -y update && apt install -y python-minimal)",
        "apt-get update -qq && apt-get install -y python3 python3-apt",
        "if [ ! -e /usr/bin/python3 ]; then apt-get update; apt-get install -y python3-minimal; fi",
        "sudo apt-get -y -q install python2.7",
        "yum install -y python36 libselinux-python3",
        "dnf -y install python3.11",
    ],
)
def test_python_that_a_raw_task_brings_is_ansibles_own(line):
    """Nothing of the application names Python: the step is left behind with that reason."""
    found = decided(raw(line), NGINX)
    assert installed(found) == ["nginx"]
    assert found.decisions[0].outcome == "platform"
    assert "No process, job or step of the image names Python." in found.decisions[0].reason


@pytest.mark.parametrize(
    "other",
    [
        {"ansible.builtin.pip": {"name": "flask"}},
        {"ansible.builtin.command": {"_raw_params": "python3 setup.py install", "chdir": "/srv/app"}},
        {"ansible.builtin.command": {"_raw_params": "/srv/app/manage.py migrate"}},
        {"ansible.builtin.copy": {"dest": "/usr/local/bin/report", "content": "#!/usr/bin/env python3\nprint()\n"}},
        {"ansible.builtin.copy": {"dest": "/etc/systemd/system/a.service", "content": "[Service]\nExecStart=/usr/bin/python3 /srv/a\n"}},
        {"ansible.builtin.cron": {"name": "a", "job": "/srv/app/daily.py"}},
    ],
)  # fmt: skip
def test_python_that_the_application_uses_stays(other):
    """A package of pip, a script, a unit or a job that names Python keeps what the raw task installs."""
    found = decided(raw("apt-get install -y python3"), task(other))
    assert "python3" in installed(found)
    assert found.decisions[0].outcome == "image"


def test_python_that_a_job_of_the_host_uses_stays():
    """What evidence shows the hosts to run counts like what the tasks say."""
    assert installed(decided(raw("apt-get install -y python3"), commands=["python3 /srv/report"])) == ["python3"]


def test_other_packages_of_the_same_step_stay():
    found = decided(raw("apt-get install -y python3 nginx"))
    assert installed(found) == ["nginx"]
    assert "Partly platform: python3" in found.decisions[0].reason


def test_python_of_a_package_module_is_the_applications():
    """Only `raw` works without Python, so only there it may be what Ansible itself waits for."""
    assert installed(decided(task({"ansible.builtin.apt": {"name": "python3"}}))) == ["python3"]
