"""decide/drift.py: differences between the hosts and what the roles make of them."""

import pytest

from analyzer.decide.drift import find_drift
from analyzer.model import (
    ApplicationInput,
    CheckoutCode,
    CronDaemon,
    CronEntry,
    EditFile,
    FileContent,
    Host,
    HostService,
    HostUser,
    Infrastructure,
    InstallPackages,
    Job,
    ListeningSocket,
    MakeUser,
    RemovePath,
    ServiceState,
    Source,
    Step,
    Verdict,
    Via,
    WriteFile,
    line_digest,
    parameter_reference,
)

TASK = Source("roles/web/tasks/main.yml", 3)
SEEN = Source("evidence/acct01/x", 1)


def drift(*effects, crons=(), jobs=(), applies=Verdict.YES, hosts=1, **host):
    """`kind name seen` of every item that one host with `host` and steps with `effects` give."""
    steps = [Step(effect=effect, via=Via(rule="r", sources=(TASK,)), applies=applies) for effect in effects]
    machines = tuple(Host(name=f"acct0{number + 1}", source=SEEN, **host) for number in range(hosts))
    found = find_drift(ApplicationInput(name="a", hosts=machines, tasks=(), crons=crons), steps, jobs)
    assert all(item.details and item.proposal for item in found)
    return found


def lines(found):
    return [f"{item.kind} {item.name} {item.seen}" for item in found]


def writes(path, data=b"x\n", **arguments):
    return WriteFile(path=path, content=FileContent(source=TASK, data=data), **arguments)


def test_a_host_without_evidence_gives_no_drift():
    """Where nothing of a kind is known, nothing is said about it."""
    effects = (
        InstallPackages(manager="apt", names=("nginx",)),
        MakeUser(name="app"),
        ServiceState(name="x", state="started"),
    )
    assert drift(*effects) == ()


PACKAGES = """
nginx        | nginx 1.22       | nginx |                                       # both have it
nginx        | redis 7          | redis | package nginx ansible-only, package redis host-only
nginx=1.18*  | nginx 1.22       | nginx | package nginx differs
nginx=1.2?   | nginx 1.22       | nginx |                                       # the pin matches
php8.2-*     | php8.2-cli 8.2   |       |                                       # a glob
libc6:amd64  | libc6 2.36       |       |
https://x/puma_5.6_amd64.deb | puma 5.6 | puma |                                # named by the archive
-            | sudo 1.9, linux-image-6.1.0-18-cloud-amd64 1 | sudo |            # a cloud image brings them
-            | imagemagick 6, libgd3 2 | imagemagick | package imagemagick host-only
"""


@pytest.mark.parametrize("case", PACKAGES.strip().splitlines())
def test_packages(case):
    """Packages that were asked for and are in no role, and packages of roles that are not there."""
    asked, installed, manual, expected = (part.strip() for part in case.split("#")[0].split("|"))
    found = drift(
        *([InstallPackages(manager="apt", names=(asked,))] if asked != "-" else []),
        packages=dict(one.split() for one in installed.split(", ")),
        packages_manual=tuple(manual.split()),
    )
    assert lines(found) == [one for one in expected.split(", ") if one]


def test_without_the_list_of_requested_packages_nothing_is_guessed():
    """Without `apt-mark showmanual` only what runs is an item; the rest is one item that says what is missing."""
    found = drift(
        packages={"redis-server": "7", "imagemagick": "6", "libgd3": "2", "python3-yaml": "6", "sudo": "1"},
        services=(HostService(name="redis-server.service", active="active"),),
        listening=(ListeningSocket(protocol="tcp", address="127.0.0.1", port=6379, process="redis-server"),),
    )
    assert lines(found) == [
        "package (not in a role) host-only",
        "package redis-server host-only",
        "port 6379/tcp host-only",
        "service redis-server host-only",
    ]
    assert "imagemagick" in found[0].details
    assert "libgd3" not in found[0].details
    assert "showmanual" in found[0].proposal
    assert "ElastiCache" in found[2].proposal


def test_a_condition_that_nobody_knows_makes_no_claim():
    """A step that may not apply explains what is on the host, but its absence there is no drift."""
    effects = (InstallPackages(manager="apt", names=("nginx", "puma")), MakeUser(name="app"))
    found = drift(*effects, applies=Verdict.UNKNOWN, packages={"puma": "5"}, packages_manual=("puma",), users=())
    assert found == ()


SERVICES = """
ntpd started   | ntp active               |
sshd started   | ssh active               |
puma started   | puma inactive            | service puma differs
puma started   | cron active              | service puma ansible-only
exim4 stopped  | exim4 active             | service exim4 differs
-              | exporter active          | service exporter host-only
-              | exporter inactive        |
-              | systemd-logind active, getty@tty1 active, user@1000 active |
-              | worker@1 failed          | service worker@1 host-only
"""


@pytest.mark.parametrize("case", SERVICES.strip().splitlines())
def test_services(case):
    """Units that run without a role, and units that roles start and the host does not run."""
    said, seen, expected = (part.strip() for part in case.split("|"))
    effects = [ServiceState(name=said.split()[0], state=said.split()[1])] if said != "-" else []
    services = [one.split() for one in seen.split(", ")]
    found = drift(
        *effects, services=tuple(HostService(name=f"{name}.service", active=active) for name, active in services)
    )
    assert lines(found) == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("unit", "own"),
    [
        ("[Service]\nUser=app\nExecStart=/usr/bin/bundle exec sidekiq\n", True),
        ("[Service]\nWorkingDirectory=/srv/app\nExecStart=/usr/bin/node worker.js\n", True),
        ("[Service]\nUser=nobody\nExecStart=/usr/sbin/gmond\n", False),
        ("[Service]\nUser=app\n", False),
    ],
)
def test_a_unit_of_the_host_that_runs_the_application_is_a_process_to_be(unit, own):
    """A service in no role that runs as the application's account, or in its code, is not merely left behind."""
    found = drift(
        MakeUser(name="app"),
        CheckoutCode(repository="x", path="/srv/app"),
        services=(HostService(name="worker.service", active="active", source=SEEN),),
        units={"worker.service": (SEEN, unit)},
    )
    (item,) = [each for each in found if each.kind == "service"]
    assert ("task definition of its own" in item.proposal) == own
    assert ("It runs `" in item.details) == own


def test_a_unit_that_a_role_writes_is_explained():
    """A unit is explained by its file, its package, or by being named in what roles write."""
    services = tuple(HostService(name=f"{name}.service", active="active") for name in ("one", "two", "three"))
    effects = (
        writes("/etc/systemd/system/one.service"),
        InstallPackages(manager="apt", names=("two",)),
        writes("/etc/x", b"systemctl restart three.service\n"),
    )
    assert drift(*effects, services=services) == ()


def test_what_was_dropped_on_purpose_explains_the_host():
    """A step that the bundle leaves out explains a package, a unit, a port and a file, and is never missed itself."""
    effects = (
        InstallPackages(manager="apt", names=("postfix", "prometheus-node-exporter", "absent")),
        writes("/etc/postfix/main.cf"),
        MakeUser(name="sato"),
    )
    dropped = [Step(effect=effect, via=Via(rule="r", sources=(TASK,))) for effect in effects]
    host = Host(
        name="acct01",
        source=SEEN,
        packages={"postfix": "3", "prometheus-node-exporter": "1"},
        packages_manual=("postfix", "prometheus-node-exporter"),
        services=(HostService(name="postfix@-.service", active="active"),),
        listening=(
            ListeningSocket(protocol="tcp", address="127.0.0.1", port=25, process="master"),
            ListeningSocket(protocol="tcp", address="*", port=9100, process="prometheus-node"),
        ),
        users=(HostUser(name="sato", uid=2001, gid=2001, home="/home/sato", shell="/bin/sh"),),
        files={"/etc/postfix/main.cf": SEEN},
    )
    given = ApplicationInput(name="a", hosts=(host,), tasks=(), crons=())
    assert find_drift(given, (), (), dropped) == ()


def test_ports():
    """A port is explained by a role that names it or its program; an open port without listener is told as well."""
    sockets = [
        ("0.0.0.0", 22, "sshd"),
        ("*", 80, "nginx"),
        ("127.0.0.1", 3000, "ruby"),
        ("127.0.0.1", 5432, "postgres"),
    ]
    rule = {"port": 8443, "protocol": "tcp", "direction": "in", "action": "allow"}
    found = drift(
        writes("/srv/puma.rb", b"bind 'tcp://127.0.0.1:3000'\n"),
        InstallPackages(manager="apt", names=("nginx",)),
        Infrastructure(kind="security-group-rule", name="tls", details=rule),
        Infrastructure(kind="security-group-rule", name="web", details={**rule, "port": "80"}),
        listening=tuple(
            ListeningSocket(protocol="tcp", address=a, port=p, process=n, source=SEEN) for a, p, n in sockets
        ),
    )
    assert lines(found) == ["port 5432/tcp host-only", "port 8443/tcp ansible-only"]
    assert "from the host itself only" in found[0].details
    assert "RDS" in found[0].proposal


def test_users():
    """People's accounts, accounts that roles make in vain, and ids that differ."""
    users = [("root", 0), ("www-data", 33), ("admin", 1000), ("yamada", 1001), ("app", 1002), ("old", 1003)]
    found = drift(
        MakeUser(name="app", uid=900),
        MakeUser(name="batch"),
        MakeUser(name="old", state="absent"),
        users=tuple(HostUser(name=n, uid=u, gid=u, home=f"/home/{n}", shell="/bin/sh", source=SEEN) for n, u in users),
    )
    assert lines(found) == ["user app differs", "user batch ansible-only", "user old differs", "user yamada host-only"]
    assert "900" in found[0].details
    assert "1002" in found[0].details


def lines_of(data):
    return tuple(line_digest(line) for line in data.decode().split("\n"))


DIFFERENCES = """
a;b;c                  | a;b;c                        |
a;b;                   | a;b                          |
a;b  ;c                | a;b;c                        |
# Ansible managed;b    | # Ansible managed: 2019;b    |
a;b;c                  | a;x;c                        | only the role has `b` (line 2); only the host has what stands in its line 2
a;b                    | a;b;c;d;e;f                  | only the host has what stands in its line 3, 4, 5 and 1 more
a;b;c                  | a;c                          | only the role has `b` (line 2)
a;PARAM                | a;3000                       |
a;PARAM                | a;3000;x                     | only the host has what stands in its line 3
"""


@pytest.mark.parametrize("case", DIFFERENCES.strip().splitlines())
def test_lines_of_a_file(case):
    """Which lines only one side has is said by number, and by text for the role's; values from outside never differ."""
    role, host, expected = (part.strip() for part in case.split("|"))
    role, host = role.replace(";", "\n"), host.replace(";", "\n")
    role = role.replace("PARAM", parameter_reference("port"))
    found = drift(
        writes("/etc/x", role.encode()), files={"/etc/x": SEEN}, file_lines={"/etc/x": lines_of(host.encode())}
    )
    assert [item.details.partition("writes: ")[2].partition(". Edited")[0] for item in found] == (
        [expected] if expected else []
    )


def test_files():
    """Files that no role writes, files that roles remove, and files whose content is not the role's."""
    paths = {
        "/etc/app.conf": b"edited\n",
        "/etc/same.conf": b"x\n",
        "/etc/gone.conf": b"",
        "/etc/extra.conf": b"",
        "/etc/edited-later.conf": b"?",
        "/etc/per-host.conf": b"?",
        "/etc/hostname": b"acct01",
        "/etc/cron.d/x": b"",
        "/etc/systemd/system/multi-user.target.wants/x.service": b"",
        "/var/log/syslog": b"",
    }
    found = drift(
        writes("/etc/app.conf"),
        writes("/etc/same.conf"),
        writes("/etc/per-host.conf", parameter_reference("port").encode()),
        writes("/etc/edited-later.conf"),
        EditFile(path="/etc/edited-later.conf", method="lineinfile", args={"line": "y"}),
        RemovePath(path="/etc/gone.conf"),
        files=dict.fromkeys(paths, SEEN),
        file_lines={path: lines_of(data) for path, data in paths.items()},
        changed_files={"/etc/ssh/sshd_config": SEEN},
    )
    assert lines(found) == [
        "file /etc/app.conf differs",
        "file /etc/extra.conf host-only",
        "file /etc/gone.conf differs",
        "file /etc/ssh/sshd_config host-only",
    ]
    assert str(TASK) in found[0].details


def cron(origin, line, command, schedule="0 3 * * *"):
    source = Source("evidence/acct01/fs/etc/cron.d/x" if origin == "host" else "roles/b/tasks/main.yml", line)
    return CronEntry(
        source=source,
        origin=origin,
        daemon=CronDaemon.DEBIAN,
        user="app",
        schedule=schedule,
        command=command,
        path="/etc/cron.d/x",
    )


def job(name, *entries, outcome="schedule"):
    first = entries[0]
    return Job(
        id=name,
        sources=tuple(entry.source for entry in entries),
        via=Via(rule="r"),
        user="app",
        schedule=first.schedule,
        timezone="UTC",
        enabled=True,
        command=str(first.command),
        outcome=outcome,
        reason="r",
    )


def test_crontabs():
    """Lines that only the host has, that only Ansible has, and that both have at different times."""
    both = cron("host", 1, "close"), cron("ansible", 1, "close")
    moved = cron("host", 2, "rates  --all", "0 4 * * *"), cron("ansible", 2, "rates --all")
    alone, chore, new = cron("host", 3, "by-hand"), cron("host", 4, "certbot renew"), cron("ansible", 3, "new")
    jobs = (
        job("close", *both), job("rates-host", moved[0]), job("rates", moved[1]), job("by-hand", alone),
        job("certbot", chore, outcome="platform"), job("new", new),
    )  # fmt: skip
    found = drift(crons=(*both, *moved, alone, chore, new), jobs=jobs)
    assert lines(found) == ["crontab by-hand host-only", "crontab new ansible-only", "crontab rates-host differs"]
    assert "0 4 * * *" in found[2].details
    assert "0 3 * * *" in found[2].details


def test_without_crontabs_of_hosts_nothing_is_missing():
    """Ansible's cron tasks are no drift where no crontab of a host was read."""
    entry = cron("ansible", 1, "close")
    assert drift(crons=(entry,), jobs=(job("close", entry),)) == ()


def test_several_hosts_are_one_item():
    """The same finding on several hosts is one item that names them."""
    found = drift(hosts=2, packages={"redis": "7"}, packages_manual=("redis",))
    assert lines(found) == ["package redis host-only"]
    assert found[0].details.endswith("(on acct01, acct02)")
