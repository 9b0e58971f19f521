"""`collect` over real SSH: the fixture's host, one with a broken Python, one that refuses the key, one full of secrets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from analyzer.collect.inventory import find_hosts
from analyzer.collect.records import Content, parse
from analyzer.collect.run import collect
from analyzer.collect.work import Outcome, Request
from analyzer.read.layout import Request as ToRead
from analyzer.read.layout import find_layout
from tests.collect import cloud
from tests.collect import hosts as world
from tests.collect.planted import SECRETS, setup

pytestmark = pytest.mark.docker

NOW = datetime(2026, 11, 8, 0, 30, 37, tzinfo=UTC)
"""When the fixture's evidence was gathered."""
BREAK_PYTHON = "for one in /usr/bin/python3*; do printf '#!/bin/sh\\nexit 1\\n' >$one; done"


@dataclass(frozen=True, slots=True)
class World:
    """Running hosts and the project that names them."""

    hosts: Mapping[str, world.Host]
    project: Path


@pytest.fixture(scope="module")
def hosts(images: None, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """acct01 is the fixture's host, broken01 has no usable Python, closed01 knows another key, planted01 holds secrets."""
    folder = tmp_path_factory.mktemp("hosts")
    other = world.make_key(folder, "other")
    running: dict[str, world.Host] = {}
    try:
        running["acct01"] = world.start("acct01", world.ACCOUNTING, key, *world.capacity(folder))
        running["broken01"] = world.start("broken01", world.PLAIN, key, setup=f"{setup()}\n{BREAK_PYTHON}")
        running["closed01"] = world.start("closed01", world.PLAIN, other)
        running["planted01"] = world.start("planted01", world.PLAIN, key, setup=setup())
        project = world.write_project(folder / "project", running, key, {})
        yield World(running, project)
    finally:
        for host in running.values():
            host.stop()


def request(project: Path, evidence: Path, **more: Any) -> Request:
    """What the command line would ask for."""
    limit = more.get("limit", "")
    layout = find_layout(ToRead(project=project, limit=limit))
    return Request(found=find_hosts(layout, limit), evidence=evidence, **more)


def reasons(outcome: Outcome, host: str) -> str:
    """Everything that was said about a host."""
    return "\n".join(f"{one.step}: {one.message} ({one.hint})" for one in outcome.failures if one.where == host)


def plan_of(evidence: Path, out: Path) -> dict[str, Any]:
    """The fixture's plan from an evidence tree."""
    command = [
        sys.executable,
        "-m",
        "analyzer",
        str(world.FIXTURE / "inventory"),
        "--evidence",
        str(evidence),
        "--out",
        str(out),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode in (0, 1), answer.stderr
    return json.loads((out / "plan.json").read_text(encoding="utf-8"))


def test_the_evidence_gives_the_plan_of_the_fixture(hosts: World, endpoint: str, tmp_path: Path) -> None:
    """Collected over SSH and from AWS, the host becomes the same plan, ids of the instance and lines of facts apart.

    The two hosts that make trouble are reported with what to do, and cost the others nothing.
    """
    ids = cloud.make_instance(endpoint)
    cloud.put_metrics(endpoint, next(iter(ids)))
    wanted = request(
        hosts.project, tmp_path / "evidence", limit="acct01:broken01:closed01", days=15, region=cloud.REGION
    )
    outcome = collect(wanted, NOW, points_per_call=600)
    assert outcome.status == 1
    assert [one for one in outcome.failures if one.where == "acct01"] == []
    assert set(outcome.done["acct01"]) == {
        "base", "facts", "schedules", "units", "packages", "processes", "usage", "configuration", "ec2", "cloudwatch"
    }  # fmt: skip
    assert "Permission denied" in reasons(outcome, "closed01")
    assert "--private-key" in reasons(outcome, "closed01")
    assert outcome.done["closed01"] == []
    assert "facts" not in outcome.done["broken01"]
    assert set(outcome.done["broken01"]) >= {"base", "schedules", "units", "packages", "usage", "configuration"}
    assert "without Python" in reasons(outcome, "broken01")
    assert "ec2_instance_id" in reasons(outcome, "closed01")

    recorded = plan_of(world.FIXTURE / "evidence", tmp_path / "recorded")
    (
        tmp_path / "alone"
    ).mkdir()  # evidence of hosts that the inventory does not name would be applications of their own
    (tmp_path / "evidence" / "acct01").rename(tmp_path / "alone" / "acct01")
    collected = plan_of(tmp_path / "alone", tmp_path / "collected")
    assert same(recorded, {}) == same(collected, ids)


def same(plan: Mapping[str, Any], ids: Mapping[str, str]) -> Any:
    """A plan with the fixture's ids, without the lines in JSON documents, which AWS and Ansible lay out as they like."""
    text = json.dumps(plan)
    for made, recorded in ids.items():
        text = text.replace(made, recorded)

    def lines(value: Any) -> Any:
        if isinstance(value, dict):
            document = str(value.get("file", "")).endswith((".json", ".example", ".html"))
            return {key: 0 if document and key == "line" else lines(item) for key, item in value.items()}
        return [lines(item) for item in value] if isinstance(value, list) else value

    return lines(json.loads(text))


@pytest.mark.parametrize("host", ["planted01", "broken01"])
def test_no_planted_secret_is_in_the_tree(hosts: World, host: str, tmp_path: Path) -> None:
    """Crontabs, scripts, units, configuration, logs, processes, facts, accounts: with Python and without."""
    outcome = collect(
        request(hosts.project, tmp_path / "evidence", limit=host, with_aws=False, local_facts=True), datetime.now(UTC)
    )
    tree = world.evidence_text(tmp_path / "evidence")
    assert outcome.redacted >= 10
    for name, secret in SECRETS.items():
        assert [path for path, text in tree.items() if secret in text] == [], name
    place = f"{host}/fs/"
    assert "PGPASSWORD=<redacted> pg_dump" in tree[f"{place}var/spool/cron/crontabs/root"]
    assert "PGPASSWORD=<redacted> pg_dump" in tree[f"{place}var/log/syslog"]
    assert "requirepass <redacted>" in tree[f"{place}etc/app/redis.conf"]
    assert "[Service]" in tree[f"{place}etc/systemd/system/app.service"]
    assert f"{place}etc/shadow" not in tree
    assert f"{place}etc/app/site.key" not in tree
    (recorded,) = [name for name in tree if name.startswith(f"{host}/metrics/sadf")]
    assert json.loads(tree[recorded])["sysstat"]["hosts"][0]["statistics"]
    if host == "planted01":
        assert "app_token" in tree["planted01/facts.json"]


def test_nothing_on_the_host_changes(hosts: World, tmp_path: Path) -> None:
    """No file, folder or link of a host with all real programs has another content, owner, mode or time afterwards.

    Left out are what a log-in writes (sudo, wtmp) and the folder in which Ansible's setup unpacks itself for a moment.
    """
    host = hosts.hosts["planted01"]
    look = (
        "find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run/sudo -o -path /var/lib/sudo \\) -prune -o "
        "! -path /tmp ! -path /run ! -path '/var/log/wtmp' ! -path '/var/log/lastlog' ! -path /run/utmp ! -path /var/log/btmp "
        "-printf '%p %y %s %m %u %T@ %C@\\n' | sort"
    )
    before = host.run(look)
    outcome = collect(
        request(hosts.project, tmp_path / "evidence", limit="planted01", with_aws=False), datetime.now(UTC)
    )
    assert "configuration" in outcome.done["planted01"]
    assert host.run(look).split("\n") == before.split("\n")


def test_an_interrupted_run_goes_on_where_it_stopped(hosts: World, tmp_path: Path) -> None:
    """Killed in the middle, run again: nothing is missing, and what was there is not fetched again."""
    evidence = tmp_path / "evidence"
    command = [sys.executable, "-m", "analyzer", "collect", str(hosts.project), "--limit", "acct01", "--no-aws", "--days", "60",
               "--evidence", str(evidence)]  # fmt: skip
    # nice: on a busy machine it must not be done before this process sees that it has begun
    process = subprocess.Popen(
        ["nice", "-n", "19", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(list(evidence.glob("acct01/metrics/*"))) < 3:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 1, said
    assert "goes on from here" in said
    state = json.loads((evidence / "acct01/collect.json").read_text(encoding="utf-8"))
    assert state["steps"]["usage"]["status"] == "unfinished"
    there = {
        path: path.stat().st_mtime_ns for path in evidence.rglob("*") if path.is_file() and path.name != "collect.json"
    }

    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in there} == there
    assert not list(evidence.rglob("*.part"))
    wanted = {path.relative_to(world.RECORDED).as_posix() for path in world.RECORDED.rglob("*") if path.is_file()}
    collected = {path.relative_to(evidence / "acct01").as_posix() for path in evidence.rglob("*") if path.is_file()}
    assert wanted - collected == {"ec2.json", "metrics/cloudwatch.json.gz"}


_RED_HAT = r"""
mkdir -p /r
for one in sh base64 gzip od tr wc head tail cat sed grep awk sort find id timeout nice cmp; do
  ln -sf "$(command -v $one)" /r/$one
done
cat >/r/rpm <<'END'
#!/bin/sh
case "$*" in
  "-qa --qf "*) printf 'bash\t5.1-1\n' ;;
  -qal) find /etc -type f | grep -v custom ;;
  -Vac*) printf 'S.5....T.  c /etc/my file.conf\n.......T.  c /etc/bash.bashrc\nmissing    c /etc/gone\n' ;;
esac
END
chmod +x /r/rpm
echo a=1 >/etc/custom.conf
echo b=1 >'/etc/my file.conf'
for step in packages configuration; do
  /r/sh -c "set -- $step 14
$(sed 's#^PATH=.*#PATH=/r#' /collect.sh)"
done
"""


def test_a_host_of_the_red_hat_family_is_asked_through_rpm(images: None) -> None:
    """Packages, changed files (with a blank in the name), and files that no package brought; rpm itself is a stand-in."""
    script = Path(str(files("analyzer.collect") / "playbook" / "collect.sh"))
    printed = world.docker(
        "run", "--rm", "--network=host", "--volume", f"{script}:/collect.sh:ro", world.PLAIN, "sh", "-c", _RED_HAT
    )
    contents = {one.name: one.data for one in parse(printed) if isinstance(one, Content)}
    assert contents["rpm-qa"] == b"bash\t5.1-1\n"
    assert contents["/etc/custom.conf"] == b"a=1\n"
    assert contents["/etc/my file.conf"] == b"b=1\n"
    assert contents["rpm-verify"].startswith(b"S.5....T.  c /etc/my file.conf\n")
    assert "/etc/bash.bashrc" not in contents
