"""A small Ansible project with two applications and no evidence, as the whole pipeline decides it."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from analyzer.decide.plan import decide
from analyzer.model import Application, Plan, Settings
from analyzer.read.layout import Request, find_layout
from analyzer.read.project import read_project
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack

UNIT = """[Unit]
Description={name}
[Service]
User={name}
WorkingDirectory=/srv/{name}/current
ExecStart={command}
[Install]
WantedBy=multi-user.target
"""

PROJECT = {
    "inventory/production/hosts": "[shop]\nshop1\nshop2\n\n[billing]\nbilling1\n",
    "inventory/development/hosts": "[shop]\ndev-shop1\n\n[billing]\ndev-billing1\n",
    "site.yml": """
- hosts: shop
  become: true
  roles: [common, shop]
- hosts: billing
  become: true
  roles: [common, billing]
""",
    "roles/common/tasks/main.yml": """
- name: Time zone
  community.general.timezone: {name: Asia/Tokyo}
- name: Tools of both
  ansible.builtin.apt: {name: [ca-certificates, python3], state: present}
""",
    "roles/shop/tasks/main.yml": """
- name: User
  ansible.builtin.user: {name: shop, uid: 2101, home: /srv/shop}
- name: Code
  ansible.builtin.git: {repo: "git@example.com:team/shop.git", dest: /srv/shop/current, version: main}
- name: Port
  community.general.ufw: {rule: allow, port: "8000", proto: tcp}
- name: Unit
  ansible.builtin.copy: {src: shop.service, dest: /etc/systemd/system/shop.service}
- name: Service
  ansible.builtin.systemd: {name: shop, state: started, enabled: true}
- name: Clean the carts
  ansible.builtin.cron:
    name: clean carts
    user: shop
    minute: "*/15"
    job: cd /srv/shop/current && bin/clean_carts
- name: Nightly report
  ansible.builtin.cron:
    name: nightly report
    user: shop
    minute: "30"
    hour: "2"
    job: cd /srv/shop/current && bin/report
""",
    "roles/shop/files/shop.service": UNIT.format(
        name="shop", command="/usr/bin/gunicorn --bind 0.0.0.0:8000 shop.wsgi"
    ),
    "roles/billing/tasks/main.yml": """
- name: User
  ansible.builtin.user: {name: billing, uid: 2102, home: /srv/billing}
- name: Code
  ansible.builtin.git: {repo: "git@example.com:team/billing.git", dest: /srv/billing/current, version: main}
- name: Nightly report
  ansible.builtin.cron:
    name: nightly report
    user: billing
    minute: "30"
    hour: "2"
    job: cd /srv/billing/current && bin/report
- name: Close the month
  ansible.builtin.cron:
    name: close month
    user: billing
    minute: "0"
    hour: "5"
    day: "1"
    job: cd /srv/billing/current && bin/close_month
""",
}
"""One has an API and batches, the other batches only; a batch of each has the same name."""


@cache
def plan() -> Plan:
    """Both applications, decided."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "two")
        for name, text in PROJECT.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        request = Request(project=root)
        layout = find_layout(request)
        settings = Settings(environment=layout.environment)
        reading = read_project(request, layout, settings)
        return decide(reading.project, load_pack(rule_texts()), settings, rule_texts())


def decided(name: str) -> Application:
    """The application of that name."""
    (found,) = (one for one in plan().applications if one.name == name)
    return found
