"""What later tasks know of a registered result: a wrong yes or no is worse than none."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from analyzer.decide.tasks import decide_tasks
from analyzer.model import Settings, Task, Verdict
from analyzer.read.ansible.fresh import Made
from analyzer.read.ansible.programs import result_without_program
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack

RESULTS = r"""
rescued block | r is failed | unknown
- block:
    - command: app --version
      register: r
  rescue:
    - debug: msg=x

rescued block rc | r.rc == 0 | unknown
- block:
    - command: app --version
      register: r
  rescue:
    - debug: msg=x

rescued copy | r is changed | unknown
- block:
    - get_url: url=https://x dest=/opt/x
      register: r
  rescue:
    - debug: msg=x

ignored get_url | r is failed | unknown
- get_url: url=https://x dest=/opt/x
  register: r
  ignore_errors: true

ignored tmpl | r is failed | unknown
- get_url: url=https://x dest=/opt/x
  register: r
  ignore_errors: '{{ a }}'

ignored changed | r is changed | unknown
- apt: name=foo
  register: r
  failed_when: false

changed_when false | r is changed | no
- copy: content=x dest=/srv/x
  register: r
  changed_when: false

changed_when expr | r is changed | unknown
- copy: content=x dest=/srv/x
  register: r
  changed_when: something_odd == 1

command changed_when false | r is changed | no
- command: x
  register: r
  changed_when: false

delegated git | r is changed | unknown
- git: repo=https://x dest=/tmp/x
  register: r
  delegate_to: localhost

never tag keeps | r is skipped | unknown
- command: x
  register: r
- command: y
  register: r
  tags: never

never tag alone | r is defined | no
- command: y
  register: r
  tags: never

rescue keeps | r is skipped | unknown
- block:
    - command: x
      register: r
  rescue:
    - command: y
      register: r

set_fact unknown | r.rc == 0 | unknown
- command: x
  register: r
- set_fact: {r: '{{ ansible_odd }}'}

set_fact maybe | r.rc == 0 | unknown
- command: x
  register: r
- set_fact: {r: {rc: 3}}
  when: ansible_odd == 1

set_fact known | r.rc == 3 | yes
- command: x
  register: r
- set_fact: {r: {rc: 3}}

include_vars under register | r.rc == 3 | no
- command: x
  register: r
- include_vars: v.yml

program not there yet | r.rc != 0 | yes
- command: node --version
  register: r
  ignore_errors: true

program not there yet, by its text | r.stderr is search('not found') | yes
- shell: ruby -v
  register: r
  failed_when: false

program not there yet, failed | r is failed | yes
- command: docker --version
  register: r
  ignore_errors: true

program not there yet, succeeded | r is succeeded | no
- command: docker --version
  register: r
  ignore_errors: true

program not there yet, asked by which | r.stdout == '' | yes
- command: which composer
  register: r
  failed_when: r.rc not in [0, 1]

program by its path | r.rc == 0 | no
- command: /opt/app/bin/app --version
  register: r
  ignore_errors: true

program not there yet, in a home that was made | r is failed | yes
- user: name=app home=/home/app
- command: /home/app/local/php/bin/php -v
  register: r
  ignore_errors: true

program not there yet, asked in a folder | r is failed | yes
- command: /opt/app/bin/app -v
  args: {chdir: /opt}
  register: r
  ignore_errors: true

program not there yet, asked in a folder, its code | r.rc == 2 | unknown
- command: /opt/app/bin/app -v
  args: {chdir: /opt}
  register: r
  ignore_errors: true

loop that did not end the play | r is succeeded | yes
- apt: name={{ item }}
  loop: [a, b]
  register: r

loop that may have failed | r is succeeded | unknown
- apt: name={{ item }}
  loop: [a, b]
  register: r
  ignore_errors: true

architecture | r.stdout == 'x86_64' | yes
- command: uname -m
  register: r

architecture in Debian's words | r.stdout == 'amd64' | yes
- command: dpkg --print-architecture
  register: r

system in small letters | r.stdout == 'linux' | yes
- shell: uname -s | tr [A-Z] [a-z]
  register: r

release | r.stdout in ['jammy', 'noble'] | no
- shell: lsb_release -cs
  register: r

kernel | r.stdout == '6.1' | unknown
- command: uname -r
  register: r

architecture of another machine | r.stdout == 'x86_64' | unknown
- command: uname -m
  register: r
  delegate_to: other

file not there yet | r is failed | yes
- command: test -x /usr/local/bin/ruby-build
  register: r
  ignore_errors: true

file not there yet, in brackets | r.rc == 1 | yes
- shell: '[ -d /opt/tool ]'
  register: r
  failed_when: false

file not there yet, listed | r.rc == 2 | yes
- command: ls /opt/tool
  register: r
  ignore_errors: true

file of the system | r is failed | unknown
- command: test -f /etc/nginx/nginx.conf
  register: r
  ignore_errors: true

version with a root of its own | r is failed | yes
- shell: RBENV_ROOT=/opt/rbenv rbenv versions | grep 3.2.1
  register: r
  ignore_errors: true

version that nothing installed | r.rc != 0 | yes
- git: repo=https://example.org/rbenv.git dest=/home/app/.rbenv
- shell: /home/app/.rbenv/bin/rbenv versions | grep 3.2.1
  register: r
  ignore_errors: true

version that was installed | r.rc != 0 | unknown
- command: /home/app/.rbenv/bin/rbenv install 3.2.1
- shell: /home/app/.rbenv/bin/rbenv versions | grep 3.2.1
  register: r
  ignore_errors: true

version that nothing chose | r is failed | yes
- command: /home/app/.rbenv/bin/rbenv install 3.2.1
- shell: rbenv version | cut -d ' ' -f 1 | grep -Fx '3.2.1'
  register: r
  ignore_errors: true

version that was chosen | r is failed | unknown
- command: rbenv global 3.2.1
- shell: rbenv version | grep 3.2.1
  register: r
  ignore_errors: true

version, or else | r is failed | unknown
- shell: rbenv versions | grep 3.2.1 || true
  register: r
  ignore_errors: true

program that the play needs | r.rc == 0 | yes
- command: node --version
  register: r

program of a package | r.rc == 0 | unknown
- apt: name=nodejs
- command: node --version
  register: r
  ignore_errors: true

program of a package that brings it along | r.rc == 0 | unknown
- apt: name=tomcat9
- command: java -version
  register: r
  ignore_errors: true

program beside another package | r.rc == 0 | no
- apt: name=vim
- command: node --version
  register: r
  ignore_errors: true

program of an unknown package | r.rc == 0 | unknown
- apt: name={{ odd.stdout }}
- command: node --version
  register: r
  ignore_errors: true

program of an installing command | r.rc == 0 | unknown
- shell: apt-get install -y nodejs
- command: node --version
  register: r
  ignore_errors: true

program of a script | r.rc == 0 | unknown
- shell: curl https://example.com/setup | bash
- command: node --version
  register: r
  ignore_errors: true

program unpacked | r.rc == 0 | unknown
- unarchive: src=https://example.com/x.tgz dest=/usr/local
- command: node --version
  register: r
  ignore_errors: true

program that any machine may have | r.rc == 0 | unknown
- command: git --version
  register: r
  ignore_errors: true

program in a pipe | r.rc == 0 | unknown
- shell: node --version | cut -c2-
  register: r
  ignore_errors: true

program in a rescued block | r is failed | unknown
- block:
    - command: node --version
      register: r
  rescue:
    - debug: msg=x

program on another host | r.rc == 0 | unknown
- command: node --version
  register: r
  ignore_errors: true
  delegate_to: localhost

systemd started | r is changed | unknown
- systemd: name=x enabled=no
  register: r

systemd reload | r is changed | unknown
- systemd: daemon_reload=yes
  register: r

apt cache | r is changed | unknown
- apt: update_cache=yes cache_valid_time=3600
  register: r

apt absent | r is changed | unknown
- apt: name=curl state=absent
  register: r

user root | r is changed | unknown
- user: name=root
  register: r

file stat | r is changed | unknown
- file: path=/opt/zed
  register: r

lineinfile absent | r is changed | unknown
- lineinfile: path=/etc/x regexp=foo state=absent
  register: r

replace | r is changed | unknown
- replace: path=/etc/x regexp=foo replace=x
  register: r

group existing | r is changed | unknown
- group: name=www-data
  register: r

copy twice | r is changed | unknown
- copy: content=x dest=/srv/x
- copy: content=x dest=/srv/x
  register: r

copy force no | r is changed | unknown
- copy: content=x dest=/etc/hostname force=no
  register: r

copy check | r is changed | unknown
- copy: content=x dest=/srv/x
  check_mode: true
  register: r

directory existing | r is changed | unknown
- file: path=/etc state=directory
  register: r

directory made | r is changed | unknown
- file: path=/srv/a/b state=directory
- file: path=/srv/a state=directory
  register: r

async | r.rc == 0 | unknown
- command: x
  async: 60
  poll: 0
  register: r

async failed | r is failed | no
- command: x
  async: 60
  poll: 0
  register: r

until | r.rc == 0 | yes
- command: x
  until: r.rc == 0
  retries: 3
  register: r

creates | r.rc == 0 | yes
- command: x creates=/etc/x
  register: r

command creates skipped | r is changed | unknown
- command: x creates=/etc/x
  register: r

check_mode command | r.rc == 0 | unknown
- command: x
  check_mode: true
  register: r

fail ignored | r is failed | unknown
- fail: msg=x
  ignore_errors: true
  register: r

assert failed_when false | r is failed | no
- assert: that=false
  failed_when: false
  register: r

loop | r.results[0].rc == 0 | unknown
- command: x
  loop: [1]
  register: r

defined not run | r is defined | yes
- command: x
  when: ansible_odd == 1
  register: r

maybe skipped | r.rc == 0 | unknown
- command: x
  when: ansible_odd == 1
  register: r

delegated stat | r.stat.exists | unknown
- stat: path=/home/me/build.tgz
  register: r
  delegate_to: localhost

local_action stat | r.stat.exists | unknown
- local_action: stat path=/home/me/build.tgz
  register: r

ignored loop | r.results[0].stat.exists | unknown
- stat: path={{ item }}
  loop: [/opt/x]
  register: r
"""

PATHS = r"""
- user: name=app | /home/app | unknown
- user: name=app | /home/app/.bashrc | unknown
- user: name=app home=/srv/app | /srv/app | unknown
- user: name=app generate_ssh_key=yes | /home/app/.ssh/id_rsa | unknown
- user: name={{ item }}\n  loop: [app] | /home/app | unknown
 | /opt | unknown
 | /opt/ | unknown
- file: path=/opt/x state=directory | /opt/x/ | unknown
 | /var/log | unknown
 | /var/run/reboot-required | unknown
 | /var/lib/cloud/instance/boot-finished | unknown
 | /var/lib/apt/periodic/update-success-stamp | unknown
 | /root/.bashrc | unknown
 | /root/.ssh/authorized_keys | unknown
 | ~ | unknown
 | ~/.profile | unknown
 | /home/ubuntu/.ssh | unknown
- apt: name=postgresql | /var/lib/postgresql/14/main/PG_VERSION | unknown
- apt: name=nginx | /var/www/html/index.nginx-debian.html | unknown
- pip: name=pm | /usr/local/bin/pm | unknown
- command: npm install -g pm2 | /usr/local/bin/pm2 | unknown
- shell: curl https://x | sh | /usr/local/bin/pm2 | unknown
- command: make install\n  args: {chdir: /tmp/src} | /usr/local/bin/ruby | unknown
- script: install.sh | /opt/app/bin | unknown
- shell: cd /opt && tar xf x.tgz | /opt/app/bin | unknown
- shell: cd /opt/a/b && tar xf x.tgz -C ../.. | /opt/app/bin | unknown
- shell: P=/opt; D=app; mkdir $P/$D | /opt/app | unknown
- shell: tar xf x.tgz --directory=/opt | /opt/app | unknown
- shell: cd "/opt" && mkdir app | /opt/app | unknown
- shell: mkdir $HOME/app | /root/app | unknown
- shell: mkdir ~/app | /root/app | unknown
- shell: 'mkdir {{ ansible_odd }}' | /opt/app | unknown
- file: path={{ ansible_odd }} state=directory | /opt/app | unknown
- file: path=/opt/{{ ansible_odd }} state=directory | /opt/app | unknown
- file: path={{ item }} state=directory\n  loop: '{{ ansible_odd }}' | /opt/app | unknown
- command: install\n  environment: {PREFIX: /opt/app} | /opt/app/bin | unknown
- template: src=x name=/opt/app | /opt/app | unknown
- pip: name=x virtualenv=/opt/venv | /opt/venv/bin/python | unknown
- unarchive: src=x.tgz dest=/opt/ | /opt/x/y | unknown
 | /opt/x | no
- apt: name=nginx | /opt/app/current | no
- service: name=nginx state=started | /srv/app | no
- command: systemctl daemon-reload | /opt/x | no
- user: name=app | /opt/x | no
- copy: content=x dest=/etc/app.conf | /srv/app | no
- get_url: url=https://a/x.tgz dest=/opt/dl/ | /opt/dl/x.tgz | unknown
- get_url: url=https://a/x.tgz dest=/tmp | /tmp/x.tgz | unknown
- template: src=x.j2 dest=/opt/dl/ | /opt/dl/x.j2 | unknown
- npm: path=/opt/app | /opt/app/node_modules | unknown
- bundler: chdir=/opt/app | /opt/app/vendor/bundle | unknown
- composer: working_dir=/opt/app | /opt/app/vendor | unknown
- make: chdir=/opt/app | /opt/app/bin | unknown
- maven_artifact: dest=/opt/app group_id=a artifact_id=b | /opt/app/b.jar | unknown
- file: src=/opt/a dest=/opt/b state=link | /opt/b/c | unknown
- mount: src=nfs:/x path=/opt/b fstype=nfs state=mounted | /opt/b/c | unknown
- systemd: name=app state=started | /opt/app/run.pid | unknown
- unarchive: src=x.tgz dest=/opt/y\n- file: path=/opt/y/z state=absent | /opt/y/z | unknown
- app_release: where=/opt/app | /opt/app/current | unknown
- wait_for: path=/opt/x | /opt/x | unknown
 | /opt/{{ ansible_odd }} | unknown
 | x | unknown
 | /opt/../etc/passwd | unknown
 | //etc/passwd | unknown
 | {{ playbook_dir }}/site.yml | unknown
 | {{ app_home }}/x | unknown
- command: install {{ app_home }} | /opt/x | unknown
"""


def _verdict(example: str, tasks_of: Callable[..., tuple[Task, ...]]) -> tuple[Verdict, Verdict]:
    """(verdict on the example's condition, the wanted one)."""
    head, _, tasks = example.partition("\n")
    _name, condition, wanted = (part.strip() for part in head.split(" | "))
    *_, task = tasks_of(f"{tasks}\n- debug: msg=x\n  when: {condition}\n", {"v.yml": "r: {rc: 3}\n"})
    return task.applies, Verdict(wanted)


@pytest.mark.parametrize("example", RESULTS.strip().split("\n\n"), ids=lambda example: example.partition(" |")[0])
def test_a_result_is_known_only_where_its_task_leaves_no_other(
    example: str, tasks_of: Callable[..., tuple[Task, ...]]
) -> None:
    """Failures that the play survives, tasks that do not run, other hosts and other variables of the same name count."""
    found, wanted = _verdict(example, tasks_of)
    assert found is wanted


@pytest.mark.parametrize("line", PATHS.strip().splitlines())
def test_a_path_is_absent_only_where_nothing_can_have_made_it(
    line: str, tasks_of: Callable[..., tuple[Task, ...]]
) -> None:
    """Neither the system's image, nor packages, users and services, nor a command whose reach is not known."""
    before, path, wanted = (part.strip() for part in line.rsplit("|", 2))
    written = before.replace("\\n", "\n")
    *_, task = tasks_of(f"{written}\n- stat: path={path}\n  register: r\n- debug: msg=x\n  when: r.stat.exists\n")
    assert task.applies is Verdict(wanted)


def test_a_task_that_says_it_changes_nothing_notifies_nobody(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """`changed_when: false` keeps a handler from running."""
    tasks = tasks_of(
        "- command: look\n  changed_when: false\n  notify: restart",
        play="  handlers:\n    - {name: restart, command: x}\n",
    )
    assert tasks[-1].applies is Verdict.NO


ABSENT = "julia"


@pytest.mark.parametrize("module", ["command", "shell"])
@pytest.mark.skipif(shutil.which(ABSENT) is not None, reason=f"this machine has {ABSENT}")
def test_a_program_that_is_absent_fails_as_ansible_says(
    module: str, tmp_path: Path, tasks_of: Callable[..., tuple[Task, ...]]
) -> None:
    """ansible-core itself is the oracle for code, output and message."""
    (task,) = tasks_of(f"- {module}: {ABSENT} --version")
    dash = Path("/bin/sh").resolve().name == "dash"
    found = result_without_program(replace(task, module=f"ansible.builtin.{module}"),
                                   task.invocations[0].args, Made(), dash=dash)  # fmt: skip
    argv = [
        sys.executable,
        "-m",
        "ansible.cli.adhoc",
        "localhost",
        "-c",
        "local",
        "-m",
        module,
        "-a",
        f"{ABSENT} --version",
        "-t",
        str(tmp_path),
    ]
    subprocess.run(
        argv,
        check=False,
        capture_output=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )
    answer = json.loads((tmp_path / "localhost").read_text())
    assert found
    assert {name: answer.get(name, False) for name in found if name != "failed"} == {
        name: value for name, value in found.items() if name != "failed"
    }


REMOVALS = """
file: path=/srv/app/old state=absent | control
command: rm -rf /srv/app/old | control
file: path=/srv/made/x state=absent | manual
file: path=/etc/nginx/sites-enabled/default state=absent | manual
file: path={{ odd.stdout }} state=absent | manual
shell: rm -rf /srv/app/* | manual
command: rm -rf /srv/app/old /etc/x | manual
"""


@pytest.mark.parametrize("line", REMOVALS.strip().splitlines())
def test_removing_what_cannot_be_there_is_no_question(line: str, tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """Under a condition nobody can decide, a removal asks only where there may be something to remove."""
    task, wanted = line.rsplit(" | ", 1)
    tasks = tasks_of(
        f"- unarchive: src=https://example.com/x.tgz dest=/srv/made\n- {task}\n  when: given_later | bool\n"
    )
    *_, decision = decide_tasks(tasks, load_pack(rule_texts()), Settings()).decisions
    assert decision.outcome == wanted
