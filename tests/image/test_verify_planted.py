"""The negative of the comparison: wrong lines planted in a generated image are found, each as unexplained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.image.test_verify import migrate_analyze

PLAYBOOK = """\
- hosts: all
  tasks:
    - {name: tool, ansible.builtin.apt: {name: [tree, bc], update_cache: true}}
    - {name: service of the platform, ansible.builtin.apt: {name: chrony}}
    - {name: its settings, ansible.builtin.copy: {dest: /etc/chrony/chrony.conf, content: "server a\\n"}}
    - {name: group, ansible.builtin.group: {name: staffers, gid: 1600}}
    - {name: group of jobs, ansible.builtin.group: {name: jobs, gid: 1601}}
    - {name: user, ansible.builtin.user: {name: app, uid: 1500, groups: [jobs]}}
    - {name: user of jobs, ansible.builtin.user: {name: worker, uid: 1501}}
    - {name: file, ansible.builtin.copy: {dest: "/etc/app.{{ item }}", content: "{{ item }}\\n", mode: "0644"},
       loop: [mode, content, owner, gone]}
    - {name: folder, ansible.builtin.file: {path: /srv/folder, state: directory, mode: "0750"}}
    - {name: link, ansible.builtin.file: {src: /etc/app.mode, dest: /etc/app.link, state: link}}
    - {name: tools, ansible.builtin.apt: {name: [libcap2-bin, tzdata]}}
    - {name: program, ansible.builtin.copy: {dest: /usr/local/bin/program, content: "x\\n", mode: "0755"}}
    - {name: port, ansible.builtin.command: setcap cap_net_bind_service=+ep /usr/local/bin/program}
    - {name: as its owner, ansible.builtin.copy: {dest: /usr/local/bin/suid, content: "x\\n", mode: "4755"}}
    - {name: alternative, ansible.builtin.command: update-alternatives --install /usr/bin/tool tool /usr/local/bin/program 1}
    - {name: zone, ansible.builtin.file: {src: /usr/share/zoneinfo/Asia/Tokyo, dest: /etc/localtime, state: link, force: true}}
    - {name: empty, ansible.builtin.file: {path: /srv/empty, state: directory}}
    - {name: cache, ansible.builtin.file: {path: /var/cache/app, state: directory, owner: app, mode: "0750"}}
    - {name: log, ansible.builtin.copy: {dest: /var/log/app.log, content: "", owner: app, mode: "0640"}}
    - {name: large, ansible.builtin.command: {cmd: "truncate -s 100M /opt/large", creates: /opt/large}}
    - {name: message, ansible.builtin.copy: {dest: /etc/motd, content: "hello\\n"}}
"""
PLANTED = {
    ("file", "/etc/app.mode"): "chmod 0600 /etc/app.mode",
    ("file", "/etc/app.content"): "echo wrong > /etc/app.content",
    ("file", "/etc/app.owner"): "chown app /etc/app.owner",
    ("file", "/etc/app.gone"): "rm /etc/app.gone",
    ("file", "/etc/app.more"): "touch /etc/app.more",
    ("directory", "/srv/folder"): "chmod 0755 /srv/folder",
    ("link", "/etc/app.link"): "ln -sfn /etc/app.owner /etc/app.link",
    ("package", "tree"): "dpkg --purge tree",
    ("user", "worker"): "sed -i '/^worker:/d' /etc/passwd",
    ("user", "app"): "usermod -s /bin/false app",
    ("group", "staffers"): "groupmod -g 1700 staffers",
    ("file", "/usr/local/bin/program"): "setcap -r /usr/local/bin/program",
    ("file", "/usr/local/bin/suid"): "chmod 0755 /usr/local/bin/suid",
    ("file", "/usr/local/lib/app/more"): "mkdir /usr/local/lib/app && touch /usr/local/lib/app/more",
    ("directory", "/usr/local/lib/app"): "true",
    ("link", "/etc/alternatives/tool"): "ln -sfn /bin/true /etc/alternatives/tool",
    ("link", "/etc/localtime"): "ln -sfn /usr/share/zoneinfo/Europe/Paris /etc/localtime",
    ("directory", "/srv/empty"): "rmdir /srv/empty",
    ("directory", "/var/cache/app"): "chmod 0777 /var/cache/app",
    ("file", "/var/log/app.log"): "echo wrong > /var/log/app.log",
    ("file", "/opt/large"): "head -c 104857600 /dev/zero | tr '\\0' x > /opt/large",
    ("group", "jobs"): "gpasswd -d app jobs",
    # where a decision leaves something out, nothing else may hide behind it
    ("file", "/etc/chrony/chrony.conf"): "mkdir -p /etc/chrony && echo wrong > /etc/chrony/chrony.conf",
    ("file", "/etc/motd"): "echo wrong > /etc/motd",
}
"""What differs afterwards -> the wrong line."""


@pytest.mark.docker
def test_each_planted_mistake_is_unexplained(tmp_path: Path) -> None:
    """Mode, content, owner, link, package, user, group, something missing, something more: none is explained away."""
    project = tmp_path / "project"
    (project / "inventory").mkdir(parents=True)
    (project / "inventory" / "hosts").write_text("planted1\n", encoding="utf-8")
    (project / "site.yml").write_text(PLAYBOOK, encoding="utf-8")
    facts = Path(__file__).with_name("matrix") / "evidence" / "matrix01" / "facts.json"
    (project / "evidence" / "planted1").mkdir(parents=True)
    (project / "evidence" / "planted1" / "facts.json").write_bytes(facts.read_bytes())
    bundle = tmp_path / "bundle"
    answer = migrate_analyze(str(project / "inventory"), "--out", str(bundle))
    assert answer.returncode in (0, 1), answer.stderr
    (dockerfile,) = bundle.glob("*/app/Dockerfile")
    wrong = "".join(f"RUN {line}\n" for line in PLANTED.values())
    dockerfile.write_text(f"{dockerfile.read_text(encoding='utf-8')}USER root\n{wrong}", encoding="utf-8")
    answer = migrate_analyze(
        "verify", str(bundle), "--against-playbook", str(project / "inventory"), "--format", "json"
    )
    (result,) = json.loads(answer.stdout)["applications"]
    assert result["compared"], result["checks"]
    unexplained = {(each["kind"], each["name"]) for each in result["differences"] if each["standing"] == "unexplained"}
    assert set(PLANTED) <= unexplained
    # a package takes its files with it, and a user its name from the files of its home; nothing else
    beside = {
        name for kind, name in unexplained - set(PLANTED) if "tree" not in name and not name.startswith("/home/worker")
    }
    assert beside == set()
    explained = {each["decision"]["source"] for each in result["differences"] if each["standing"] == "explained"}
    assert "site.yml:4" in explained  # chrony itself still is
    assert answer.returncode == 1
