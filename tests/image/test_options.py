"""Arguments of package modules as the options that the modules themselves give to pip, gem, npm, apt-get and the like."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.decide.image import compose_image
from analyzer.decide.processes import find_processes
from analyzer.decide.tasks import decide_tasks
from analyzer.model import Settings
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack
from tests.image.effects import DEBIAN, ELSEWHERE
from tests.rules.example_tasks import task

APT = "apt-get install -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold"
OWN = "apt-get install -y"


def commands(module: str, args: dict[str, Any], **fields: Any) -> str:
    """The RUN instructions that one task becomes, their lines joined."""
    found = decide_tasks([task({module: args}, **fields)], load_pack(rule_texts()), Settings(), package_manager="apt")
    findings = find_processes(found.steps, [DEBIAN], Settings(), found.dropped, elsewhere=ELSEWHERE)
    image = compose_image(found.steps, [DEBIAN], findings, [], Settings())
    runs = [one for one in image.instructions if one.keyword == "RUN"]
    return "\n".join(" ".join(line.text.strip() for line in one.lines) for one in runs)


@pytest.mark.parametrize(
    ("module", "args", "expected"),
    [
        ("pip", {"name": "a", "extra_args": "--no-deps --user"}, "pip3 install --no-cache-dir --no-deps --user a"),
        ("pip", {"name": "/srv/lib", "editable": True}, "pip3 install --no-cache-dir -e /srv/lib"),
        ("pip", {"name": "a", "version": "1.2"}, "pip3 install --no-cache-dir a==1.2"),
        ("pip", {"name": "a", "break_system_packages": True}, "PIP_BREAK_SYSTEM_PACKAGES=1 pip3 install"),
        ("pip", {"name": "a", "state": "forcereinstall"}, "--upgrade --force-reinstall a"),
        ("pip", {"requirements": "/opt/r.txt", "state": "latest"}, "--upgrade -r /opt/r.txt"),
        (
            "pip",
            {"name": "a", "virtualenv": "v", "chdir": "/opt", "virtualenv_python": "python3.9"},
            "virtualenv -ppython3.9 /opt/v && /opt/v/bin/pip install --no-cache-dir a",
        ),
        (
            "pip",
            {"name": "a", "virtualenv": "/v", "virtualenv_command": "python3 -m venv", "virtualenv_site_packages": True},
            "python3 -m venv --system-site-packages /v",
        ),
        ("community.general.gem", {"name": "a"}, "gem install --user-install --no-document a"),
        (
            "community.general.gem",
            {"name": "a", "version": "1", "user_install": False, "build_flags": "--with-x", "pre_release": True},
            "gem install --no-user-install --pre --no-document a -v 1 -- --with-x",
        ),
        ("community.general.npm", {"name": "a", "global": True}, "npm install --global a"),
        ("community.general.npm", {"path": "/opt/x", "ci": True, "production": True}, "npm ci --production"),
        ("community.general.npm", {"path": "/opt/x"}, "npm install && npm cache clean --force"),
        ("community.general.yarn", {"path": "/opt/x"}, "yarn install --non-interactive"),
        ("community.general.yarn", {"name": "a", "global": True}, "yarn global add a"),
        (
            "community.general.bundler",
            {"chdir": "/opt/x", "deployment_mode": True, "exclude_groups": ["test", "development"], "gem_path": "v"},
            "bundle install --without test:development --deployment --path v",
        ),
        (
            "community.general.composer",
            {"working_dir": "/opt/x"},
            "composer install --no-ansi --no-interaction --no-progress --no-dev --optimize-autoloader",
        ),
        ("community.general.cpanm", {"name": "A", "version": "1.0", "notest": True}, "cpanm --notest 'A~1.0'"),
        ("apt", {"name": "a", "default_release": "x-backports"}, f"{APT} -t x-backports a"),
        ("apt", {"name": "a", "state": "absent", "purge": True}, "apt-get remove -y --purge a"),
        ("apt", {"name": "a", "state": "build-dep"}, "apt-get build-dep -y a"),
        ("apt", {"name": "a", "dpkg_options": "force-confnew"}, f"{OWN} -oDpkg::Options::=--force-confnew a"),
        ("apt", {"name": "a", "only_upgrade": True, "allow_downgrade": True}, "--allow-downgrades --only-upgrade a"),
        (
            "apt",
            {"deb": "https://example.org/a.deb"},
            f"curl -fsSL -o /tmp/a.deb https://example.org/a.deb && {APT} /tmp/a.deb && rm /tmp/a.deb",
        ),
        ("get_url", {"url": "https://example.org/d/x?a=1", "dest": "/opt/"}, "-o /opt/x 'https://example.org/d/x?a=1'"),
        ("get_url", {"url": "https://example.org/x", "dest": "/x", "headers": {"A": "b"}}, "curl -fsSL -H 'A: b' -o /x"),
        ("user", {"name": "a", "skeleton": "/etc/s", "umask": "077"}, "useradd -m -k /etc/s -K UMASK=077 a"),
        ("user", {"name": "www-data", "groups": ["x"]}, "usermod -G x www-data"),
        ("user", {"name": "www-data", "groups": ["x"], "append": True}, "usermod -a -G x www-data"),
    ],
)  # fmt: skip
def test_arguments_become_options(module: str, args: dict[str, Any], expected: str) -> None:
    """An argument of a module is the option that the module makes of it."""
    name = module if "." in module else f"ansible.builtin.{module}"
    assert expected in commands(name, args)


def test_the_environment_of_a_task_reaches_its_package_manager() -> None:
    """`environment:` counts for bundler as for any command."""
    text = commands(
        "community.general.bundler", {"chdir": "/opt/x"}, environment={"BUNDLE_PATH": "/opt/gems", "RAILS_ENV": "it's"}
    )
    assert text == "BUNDLE_PATH=/opt/gems RAILS_ENV='it'\"'\"'s' bundle install"


def test_a_password_of_a_download_is_asked_for() -> None:
    """No layer holds it, and no download without it is taken for the one with it."""
    args = {"url": "https://example.org/x", "dest": "/x", "url_username": "a", "url_password": "b"}
    assert commands("ansible.builtin.get_url", args) == ""
