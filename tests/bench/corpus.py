"""What is understood of real roles: debops, kolla-ansible, kayobe and the roles of the collections in `ansible`.

    make bench-corpus

The packages come from PyPI, unpacked below the cache folder; nothing of them is installed or run. kolla-ansible and kayobe are read
as their users have them, by their playbooks, inventory and example settings. Elsewhere each role is a play of its own on one Debian
host with the role's defaults alone, so what a playbook or an inventory would set is undefined: that is the hard case.

`manual` is the share of all tasks that apply; `of rest` leaves out Ansible's own business (set_fact, includes, checks).
"""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from analyzer.decide.plan import decide
from analyzer.model import Outcome, Settings
from analyzer.read.layout import Request, find_layout
from analyzer.read.project import read_project
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack
from tests.corpus import PACKAGES, fetch
from tests.corpus import kolla as kolla_project

COLLECTIONS = (
    "grafana.grafana community.zabbix community.mongodb community.proxysql community.sops community.grafana "
    "cyberark.conjur google.cloud ravendb.ravendb"
).split()
"""Collections whose roles set up hosts; those that only talk to an API are left out."""


@dataclass
class Row:
    """One corpus."""

    name: str
    roles: int = 0
    tasks: int = 0
    applying: int = 0
    no_rule: int = 0
    manual: int = 0
    crashes: list[str] = field(default_factory=list)
    unreconciled: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    questions: Counter[str] = field(default_factory=Counter)
    unanswerable: list[str] = field(default_factory=list)
    """Manual decisions without a question, or with fewer than two answers."""


def project(roles: Path, root: Path) -> Path:
    """A site.yml with a play for each role of `roles`, written into `root`, and an inventory of one host."""
    names = sorted(path.name for path in roles.iterdir() if (path / "tasks").is_dir())
    plays = "".join(f"- hosts: web\n  roles: [{name}]\n" for name in names)
    (root / "bench-site.yml").write_text(plays, encoding="utf-8")
    (root / "bench-hosts.ini").write_text("[web]\nweb1\n", encoding="utf-8")
    (root / "ansible.cfg").write_text(f"[defaults]\nroles_path = {roles.relative_to(root)}\n", encoding="utf-8")
    return root


def kayobe_as_its_users_have_it(root: Path) -> Request:
    """All its playbooks, on a control host, a seed, a controller and a compute node, with its example settings."""
    inventory = (
        "localhost ansible_connection=local\n[seed]\nseed1\n[controllers]\ncontroller1\n[compute]\ncompute1\n"
        "[overcloud:children]\ncontrollers\ncompute\n[network:children]\ncontrollers\n"
        "[container-engine:children]\nseed\novercloud\n"
    )
    (root / "bench-inventory.ini").write_text(inventory, encoding="utf-8")
    books = sorted(path for path in (root / "ansible").glob("*.yml") if not path.name.startswith("bench"))
    settings = sorted((root / "etc_examples" / "kayobe").glob("*.yml"))
    return Request(
        project=root,
        playbooks=tuple(map(str, books)),
        inventories=("ansible/inventory", "bench-inventory.ini"),
        extra_vars=tuple(f"@{path}" for path in settings),
    )


def measure(row: Row, request: Request) -> None:
    """Run the analysis up to the plan and count."""
    began = time.perf_counter()
    try:
        layout = find_layout(request)
        reading = read_project(request, layout, Settings())
        plan = decide(reading.project, load_pack(rule_texts()), Settings(timezone="UTC"), rule_texts())
    except Exception:  # noqa: BLE001 - a crash is what is being looked for
        row.crashes.append(traceback.format_exc())
        return
    finally:
        row.seconds += time.perf_counter() - began
    decisions = [
        each for application in plan.applications for each in application.decisions if each.kind in ("task", "handler")
    ]
    row.unreconciled += abs(plan.counts["tasks"] + plan.counts["handlers"] - len(decisions))
    row.tasks += len(decisions)
    for decision in decisions:
        row.outcomes[decision.outcome] += 1
        if decision.outcome == "skipped":
            continue
        row.applying += 1
        if decision.outcome == "manual":
            row.manual += 1
            row.questions[f"{decision.rule} {decision.module}"] += 1
            if decision.question is None or not decision.question.text or len(set(decision.question.answers)) < 2:
                row.unanswerable.append(f"{decision.source}: {decision.reason}")
            row.no_rule += decision.rule is None


def rows() -> list[Row]:
    """Every corpus measured."""
    found = []
    debops = fetch(PACKAGES[0])
    for roles in sorted(debops.rglob("collections/ansible_collections/debops/debops/roles")) or sorted(
        debops.rglob("debops/roles")
    ):
        row = Row("debops", roles=sum(1 for path in roles.iterdir() if (path / "tasks").is_dir()))
        measure(row, Request(project=project(roles, roles.parent), playbooks=(str(roles.parent / "bench-site.yml"),),
                             inventories=("bench-hosts.ini",)))  # fmt: skip
        found.append(row)
        break
    kolla = kolla_project()
    row = Row("kolla-ansible, all-in-one", roles=sum(1 for path in (kolla / "roles").iterdir()))
    measure(row, Request(project=kolla, inventories=("inventory/all-in-one",), extra_vars=("kolla_action=deploy",)))
    found.append(row)
    (kayobe,) = fetch(PACKAGES[2]).rglob("share/kayobe")
    row = Row("kayobe, all playbooks", roles=sum(1 for path in (kayobe / "ansible" / "roles").iterdir()))
    measure(row, kayobe_as_its_users_have_it(kayobe))
    found.append(row)
    ansible = kayobe / "ansible"
    row = Row("kayobe, roles alone", roles=row.roles)
    measure(row, Request(project=project(ansible / "roles", ansible), playbooks=(str(ansible / "bench-site.yml"),),
                         inventories=("bench-hosts.ini",)))  # fmt: skip
    found.append(row)
    collections = fetch(PACKAGES[3]) / "ansible_collections"
    for name in COLLECTIONS:
        root = collections.joinpath(*name.split("."))
        if not (root / "roles").is_dir():
            continue
        row = Row(name, roles=sum(1 for path in (root / "roles").iterdir() if (path / "tasks").is_dir()))
        measure(row, Request(project=project(root / "roles", root), playbooks=(str(root / "bench-site.yml"),),
                             inventories=("bench-hosts.ini",)))  # fmt: skip
        found.append(row)
    return found


OUTCOMES = tuple(outcome for outcome in Outcome if outcome not in (Outcome.MANUAL, Outcome.SKIPPED))


def main() -> None:
    """Print the tables; exit status 1 when something crashed, a count did not reconcile or a question has no answers."""
    measured = rows()
    total = Row("total")
    for row in measured:
        for name in ("roles", "tasks", "applying", "no_rule", "manual", "seconds", "unreconciled"):
            setattr(total, name, getattr(total, name) + getattr(row, name))
        total.crashes += row.crashes
        total.unanswerable += row.unanswerable
        total.outcomes += row.outcomes
        total.questions += row.questions
    print(
        f"{'corpus':<27}{'roles':>6}{'tasks':>7}{'apply':>7}{'no rule':>9}{'manual':>8}{'of rest':>9}{'crash':>6}{'s':>8}"
    )
    for row in (*measured, total):
        share, rest = max(1, row.applying), max(1, row.applying - row.outcomes[Outcome.CONTROL])
        print(f"{row.name:<27}{row.roles:>6}{row.tasks:>7}{row.applying:>7}{row.no_rule / share:>9.1%}{row.manual / share:>8.1%}"
              f"{row.manual / rest:>9.1%}{len(row.crashes):>6}{row.seconds:>8.1f}")  # fmt: skip
    print(f"\n{'corpus':<27}" + "".join(f"{outcome[:9]:>10}" for outcome in OUTCOMES))
    for row in (*measured, total):
        print(f"{row.name:<27}" + "".join(f"{row.outcomes[outcome]:>10}" for outcome in OUTCOMES))
    print("\nmost frequent manual rules:")
    for text, count in total.questions.most_common(25):
        print(f"  {count:>5}  {text}")
    for crash in (*total.crashes, *total.unanswerable):
        print(crash, file=sys.stderr)
    if total.crashes or total.unreconciled or total.unanswerable:
        sys.exit(1)


if __name__ == "__main__":
    main()
