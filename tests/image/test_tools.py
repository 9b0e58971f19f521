"""Programs that a build calls are there when it calls them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.image.effects import image, rendered, steps

PPA = {"effect": "PackageRepository", "kind": "ppa", "path": "", "url": "ppa:x/y"}


def dockerfile(*effects: dict[str, Any]) -> str:
    """The Dockerfile of these effects."""
    return rendered(image(steps(list(effects)))).data.decode()


def run(command: str) -> dict[str, str]:
    """A command of the playbook."""
    return {"effect": "RunCommand", "command": command}


def install(*names: str) -> dict[str, Any]:
    """Packages of the playbook."""
    return {"effect": "InstallPackages", "manager": "apt", "names": list(names)}


@pytest.mark.parametrize(
    ("command", "package"),
    [
        ("curl -fsSL https://example.org/x | bash", "curl"),
        ("cd /opt && wget https://example.org/x", "wget"),
        ("/usr/bin/git clone https://example.org/x", "git"),
        ("gpg --import key", "gnupg"),
        ("tar -xf /tmp/x.tar.xz -C /opt", "xz-utils"),
        ('echo "$(lsb_release -cs)"', "lsb-release"),
        ("update-locale LANG=C.UTF-8", "locales"),
    ],
)  # fmt: skip
def test_what_every_host_has_is_installed_first_where_a_command_calls_it(command: str, package: str) -> None:
    text = dockerfile(install("jq"), run(command))
    assert f" {package} " in text.replace("\n", " ")
    assert text.index(f" {package} ") < text.index("RUN", text.index("jq"))


def test_a_tool_that_the_playbook_installs_before_it_is_needed_is_not_installed_again() -> None:
    text = dockerfile(install("curl", "ca-certificates"), run("curl -O https://example.org/x"))
    assert text.count(" curl ") == 2  # installed, called


def test_a_tool_that_the_playbook_installs_too_late_comes_first() -> None:
    """The package sources come before the packages."""
    text = dockerfile(
        install("jq"), run("add-apt-repository -y ppa:x/y"), install("software-properties-common", "curl")
    )
    assert text.index("software-properties-common") < text.index("add-apt-repository")


@pytest.mark.parametrize("command", ["digit curlew", "echo wget.log", "legit clone x", "cat /etc/sudoers"])
def test_a_word_that_only_looks_like_a_tool_installs_nothing(command: str) -> None:
    assert "apt-get" not in dockerfile(run(command))


def test_the_language_s_own_image_is_told_beside_the_distribution_s_interpreter() -> None:
    """A note, once a language: the image stays what the playbook says."""
    made = image(steps([install("ruby", "ruby-dev", "python3-apt")]))
    told = [note for note in made.notes if "the same release" in note]
    assert len(told) == 1
    assert "ruby:3.1-slim-bookworm" in told[0]
    assert made.base_image == "debian:bookworm-slim"
