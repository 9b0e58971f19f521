"""The order of the instructions, and who runs each, where the playbook's own order was another."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.image.effects import image, rendered, steps

APP = {"effect": "MakeUser", "name": "app"}
JQ = {"effect": "InstallPackages", "manager": "apt", "names": ["jq"]}
CODE = {"effect": "CheckoutCode", "repository": "git@example.org:x.git", "path": "/srv/app", "user": "app"}


def instructions(*effects: dict[str, Any]) -> list[tuple[str, str]]:
    """(user, instruction) in order; comments left out, continued lines joined."""
    text = rendered(image(steps(list(effects)))).data.decode()
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    user = "root"
    found = []
    for line in re.sub(r"\\\n\s*", "", lines).splitlines():
        if line.startswith("USER "):
            user = line.removeprefix("USER ")
        elif line:
            found.append((user, line))
    return found


def place(found: list[tuple[str, str]], part: str) -> int:
    """Number of the only instruction that has `part`."""
    (number,) = [number for number, (_, text) in enumerate(found) if part in text]
    return number


@pytest.mark.parametrize(
    "command",
    [
        {"command": "curl https://example.org/MARK.sh | bash", "user": "app"},
        {"command": "sudo -u app bash -c 'curl https://example.org/MARK.sh | bash'"},
        {"command": ["su", "-", "app", "-c", "gpg --import /MARK"]},
    ],
)
def test_what_another_account_runs_follows_the_accounts(command: dict[str, Any]) -> None:
    """Even if it looks like something that a later package needs; packages are root's all the same."""
    found = instructions(APP, {"effect": "RunCommand", **command}, JQ)
    assert place(found, " jq ") < place(found, "useradd") < place(found, "MARK")
    assert all(user == "root" for user, text in found if "apt-get" in text or "useradd" in text)


@pytest.mark.parametrize(
    "effect",
    [
        {"effect": "Download", "url": "https://example.org/a.deb", "path": "/tmp/a.deb", "owner": "app"},
        {"effect": "EditFile", "path": "/etc/apt/apt.conf", "method": "lineinfile", "args": {"line": "a"}, "owner": "app"},
        {"effect": "WriteFile", "path": "/etc/apt/auth.conf.d/x", "content": "a\n", "owner": "app"},
    ],
)  # fmt: skip
def test_files_before_packages_get_their_owner_when_there_are_accounts(effect: dict[str, Any]) -> None:
    found = instructions(APP, effect, JQ)
    first = min(number for number, (_, text) in enumerate(found) if effect["path"] in text)
    assert first < place(found, " jq ") < place(found, "useradd") < place(found, "chown app")


def test_files_before_packages_get_their_mode() -> None:
    """COPY gives 0644 to what a mode of 0600 was meant to hide."""
    found = instructions(
        {"effect": "WriteFile", "path": "/etc/apt/auth.conf.d/x", "content": "a\n", "mode": "0600"}, JQ
    )
    assert place(found, "chmod 0600 /etc/apt/auth.conf.d/x")


def test_root_gives_files_their_owner_after_another_account_has_run() -> None:
    """Settings beside the lock files are copied again for each package manager; COPY makes them root's."""
    found = instructions(
        APP,
        CODE,
        {"effect": "WriteFile", "path": "/srv/app/.npmrc", "content": "a=b\n", "owner": "app"},
        {"effect": "LanguagePackages", "manager": "bundler", "directory": "/srv/app", "user": "app"},
        {"effect": "LanguagePackages", "manager": "npm", "directory": "/srv/app", "user": "app"},
    )
    assert {user for user, text in found if "chown app /srv/app/.npmrc" in text} == {"root"}
    assert {user for user, text in found if text.startswith(("RUN bundle", "RUN npm"))} == {"app"}


SCRIPT = {"effect": "WriteFile", "path": "/tmp/s.sh", "content": "true\n", "mode": "0755"}


def test_a_file_that_a_command_runs_is_there_until_it_is_removed() -> None:
    found = instructions(
        SCRIPT, {"effect": "RunCommand", "command": ["/tmp/s.sh"]}, {"effect": "RemovePath", "path": "/tmp/s.sh"}
    )
    assert place(found, "COPY") < place(found, "RUN /tmp/s.sh") < place(found, "rm -rf /tmp/s.sh")


def test_what_a_step_made_is_removed_after_it() -> None:
    found = instructions(
        {"effect": "TouchFile", "path": "/var/cache/x/y"}, {"effect": "RemovePath", "path": "/var/cache/x"}
    )
    ((_, text),) = [each for each in found if "touch" in each[1]]
    assert text.index("touch") < text.index("rm -rf")


def test_room_for_the_code_is_made_before_it_comes() -> None:
    """A playbook that removes the folder and checks out again must not remove what COPY brought."""
    found = instructions({"effect": "RemovePath", "path": "/srv/app"}, CODE)
    assert not [text for _, text in found if re.search(r"rm -rf /srv/app(?!/)", text)]


@pytest.mark.parametrize("folder", ["/opt", "/opt/tool"])
def test_what_is_written_to_a_folder_lands_in_it(folder: str) -> None:
    """As the modules do it, where the folder is there by then."""
    made = [{"effect": "MakeDirectory", "path": "/opt/tool"}]
    found = instructions(*made, {"effect": "Download", "url": "https://example.org/a.tgz?x=1", "path": folder})
    assert place(found, f"-o {folder}/a.tgz ")
    found = instructions(*made, {"effect": "WriteFile", "path": folder, "content": "x"})
    assert place(found, f"rootfs{folder}/2.j2 {folder}/")


@pytest.mark.parametrize("name", ["a.zip", "a.war", "a.JAR"])
def test_what_is_a_zip_by_another_name_is_unzipped(name: str) -> None:
    found = instructions(
        {"effect": "Unpack", "archive": f"https://example.org/{name}", "directory": "/srv", "remote": True}
    )
    assert place(found, f"unzip -qo /tmp/{name} -d /srv")


@pytest.mark.parametrize(
    "script",
    [
        "set -e\nfalse\ntouch no",
        "exec false",
        "exit 3",
        ". ./nothing",
        "true && exec false",
        "trap 'rm -f x' EXIT\nfalse",
        "kill -9 $$",
        "echo a; if then",
        "f() { return 3; }; f",
        "false | cat; false",
        "false &",
    ],
)
def test_a_script_that_may_fail_fails_no_build(script: str, tmp_path: Path) -> None:
    """Whatever ends it, and as it would have ended on the host: nothing after the failure runs that would not."""
    ((_, text),) = [
        each for each in instructions({"effect": "RunCommand", "command": script, "may_fail": True}) if "RUN" in each[1]
    ]
    line = text.removeprefix("RUN ")
    words = json.loads(line) if line.startswith('["') else ["/bin/sh", "-c", line]
    assert subprocess.run(words, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("script", ["cat # x", "cat > y <<E\nx\nE", "cat > y &", "cat; # x"])
def test_a_script_with_input_is_whole_whatever_it_ends_in(script: str, tmp_path: Path) -> None:
    for guard in ({}, {"creates": "/nothing"}):
        found = instructions({"effect": "RunCommand", "command": script, "stdin": "given", **guard})
        words = json.loads(found[-1][1].removeprefix("RUN "))
        answer = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize(
    "effect",
    [
        {"effect": "WriteFile", "path": "/etc/skel/.apprc", "content": "x\n"},
        {"effect": "WriteFile", "path": "/etc/skel-app/.apprc", "content": "x\n"},
        {"effect": "WriteFile", "path": "/etc/default/useradd", "content": "SHELL=/bin/sh\n"},
        {"effect": "EditFile", "path": "/etc/login.defs", "method": "lineinfile", "args": {"line": "UMASK 027"}},
        {"effect": "MakeDirectory", "path": "/etc/skel/bin", "mode": "0700"},
        {"effect": "MakeLink", "path": "/etc/skel/log", "target": "/var/log"},
        {"effect": "RemovePath", "path": "/etc/skel/.bash_logout"},
        {"effect": "TouchFile", "path": "/etc/skel/.seen"},
    ],
)
def test_what_accounts_are_made_by_keeps_its_side(effect: dict[str, Any]) -> None:
    """It comes before the accounts that the playbook makes after it, and after those that were there."""
    account = {**APP, "options": ["-k", "/etc/skel-app"]}
    path = effect["path"]

    def at(found: list[tuple[str, str]], part: str) -> int:
        """Where the text is in all instructions together, -1 where it is not."""
        return "\n".join(text for _, text in found).find(part)

    before, after = instructions(effect, account), instructions(account, effect)
    assert 0 <= at(before, path) < at(before, "useradd -m")
    # nobody logs in, so without an account after it login.defs says nothing
    assert at(after, path) == -1 if path == "/etc/login.defs" else at(after, path) > at(after, "useradd -m")
