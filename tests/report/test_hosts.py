"""read/hosts.py, read/facts.py, read/host_lists.py and read/ec2.py: what evidence says about one host."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.model import Host, Problem, Source
from analyzer.read.ec2 import read_ec2
from analyzer.read.files import Tree
from analyzer.read.hosts import read_host

FACTS = {
    "ansible_distribution": "Debian",
    "ansible_memtotal_mb": 3900,
    "ansible_env": {"HOME": "/root", "API_KEY": "hunter2"},
}
INSTANCE = {
    "InstanceId": "i-0abc",
    "InstanceType": "m5.large",
    "Architecture": "x86_64",
    "ImageId": "ami-1",
    "Placement": {"AvailabilityZone": "ap-northeast-1a"},
    "CpuOptions": {"CoreCount": 1, "ThreadsPerCore": 2},
    "PrivateIpAddress": "10.0.0.5",
    "PrivateDnsName": "ip-10-0-0-5.ec2.internal",
    "SecurityGroups": [{"GroupName": "web", "GroupId": "sg-2"}, {"GroupName": "ssh", "GroupId": "sg-1"}],
    "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": "vol-1"}}],
    "Tags": [{"Key": "Name", "Value": "acct01"}, {"Key": "team", "Value": "ledger"}],
    "VpcId": "vpc-1",
    "SubnetId": "subnet-1",
    "IamInstanceProfile": {"Arn": "arn:aws:iam::123456789012:instance-profile/acct"},
    "State": {"Name": "running"},
}


def read(folder: Path, files: dict[str, str | bytes], **arguments: object) -> tuple[Host, tuple[Problem, ...]]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_host("acct01", Tree(folder, "evidence/acct01"), None, **arguments)  # type: ignore[arg-type]


def codes(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.code for problem in problems]


def test_an_empty_folder_is_a_host_that_nobody_knows_anything_about(tmp_path):
    """Without any evidence the host is there, with nothing known and no problem."""
    host, problems = read(tmp_path, {})
    assert (host.name, host.source, host.facts, host.timezone, host.ec2) == (
        "acct01",
        Source("evidence/acct01"),
        {},
        "",
        None,
    )
    assert problems == ()


@pytest.mark.parametrize(
    "text",
    [
        "acct01 | SUCCESS => " + json.dumps({"ansible_facts": FACTS, "changed": False}, indent=4),
        "\x1b[0;32macct01 | SUCCESS => " + json.dumps({"ansible_facts": FACTS}, indent=4) + "\x1b[0m\n",
        "[WARNING]: Platform linux …\nacct01 | SUCCESS => " + json.dumps({"ansible_facts": FACTS}) + "\n",
        "web01 | SUCCESS => {}\nacct01 | CHANGED => "
        + json.dumps({"ansible_facts": FACTS})
        + "\nweb02 | FAILED! => {}",
        json.dumps({"ansible_facts": FACTS, "changed": False}),
        json.dumps(FACTS),
        json.dumps({name.removeprefix("ansible_"): value for name, value in FACTS.items()}),
        json.dumps({"__payload__": json.dumps(FACTS)}),
        json.dumps(
            {**FACTS, "ansible_distribution": {"__ansible_type": "_AnsibleTaggedStr", "value": "Debian", "tags": []}}
        ),
    ],
    ids=["setup", "coloured", "warning-oneline", "many-hosts", "tree", "cache", "bare", "cache-2.19", "tagged"],
)
def test_facts_in_every_form_they_are_stored_in(tmp_path, text):
    """Each way in which Ansible prints or caches facts gives the same facts, without the login's credentials."""
    host, problems = read(tmp_path, {"facts.json": text})
    assert host.facts == {"distribution": "Debian", "memtotal_mb": 3900, "env": {"HOME": "/root"}}
    assert problems == ()


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "facts-unreadable", 1),
        ("[1, 2]", "facts-unreadable", 1),
        ('{"ansible_facts": {\n"ansible_distribution": "Deb', "facts-unreadable", 2),
        ("note\nacct01 | SUCCESS => {\n  oops", "facts-unreadable", 3),
        ("[" * 200_000, "facts-unreadable", 1),
        ('{"a": ' + "9" * 5000 + "}", "facts-unreadable", 1),
        ("acct01 | UNREACHABLE! => " + json.dumps({"msg": "timed out"}), "facts-not-gathered", 1),
        ("a | SUCCESS => {}\nb | SUCCESS => {}", "facts-of-other-host", 1),
        ('{"__payload__": "{"}', "facts-unreadable", 1),
    ],
    ids=["empty", "list", "truncated", "broken-adhoc", "deep", "huge-number", "unreachable", "other-hosts", "payload"],
)
def test_facts_that_say_nothing_are_a_problem_with_a_line(tmp_path, text, code, line):
    """Unreadable facts leave the host without facts and say where and what to do."""
    host, problems = read(tmp_path, {"facts.json": text})
    assert host.facts == {}
    assert [(one.code, one.source) for one in problems] == [(code, Source("evidence/acct01/facts.json", line))]
    assert problems[0].hint


RELEASES = """
ID=debian  VERSION_ID="12" VERSION_CODENAME=bookworm  | Debian 12 12 bookworm Debian apt
ID=ubuntu  VERSION_ID="22.04" VERSION_CODENAME=jammy  | Ubuntu 22.04 22 jammy Debian apt
ID="amzn"  VERSION_ID="2"                             | Amazon 2 2 - RedHat yum
ID="amzn"  VERSION_ID="2023"                          | Amazon 2023 2023 - RedHat dnf
ID="rocky" VERSION_ID="9.3"                           | Rocky 9.3 9 - RedHat dnf
"""


@pytest.mark.parametrize("case", RELEASES.strip().splitlines())
def test_os_release_in_ansibles_words(tmp_path, case):
    """Without facts, os-release gives what Ansible would call distribution, release, family and package manager."""
    text, _, expected = case.partition("|")
    host, _ = read(tmp_path, {"fs/etc/os-release": "\n".join(text.split())})
    names = ("distribution", "distribution_version", "distribution_major_version", "distribution_release")
    assert [host.facts.get(name, "-") for name in (*names, "os_family", "pkg_mgr")] == expected.split()


def test_os_release_of_another_host_is_noticed(tmp_path):
    """Facts win over an os-release that contradicts them, with a warning."""
    host, problems = read(
        tmp_path, {"facts.json": json.dumps(FACTS), "fs/etc/os-release": "ID=rocky\nVERSION_ID=9.3\n"}
    )
    assert (host.facts["distribution"], "os_family" in host.facts) == ("Debian", False)
    assert codes(problems) == ["release-contradicts-facts"]


def test_packages_of_dpkg(tmp_path):
    """`dpkg-query -W` and `dpkg -l` give installed packages only, without architecture."""
    host, problems = read(
        tmp_path,
        {
            "cmd/dpkg-query.txt": "libc6:amd64\t2.36-9\nnginx\t1.22.1-9+deb12u3\nmono\t\nadduser 3.134\n",
            "cmd/dpkg-l.txt": "Desired=Unknown/Install\n||/ Name Version\n+++-====-====\n"
            "ii  puma  5.6.5-3  amd64  HTTP server\nrc  exim4  4.96  amd64  gone\nhi  ruby  1:3.1  all  held\n",
        },
    )
    assert host.packages == {
        "adduser": "3.134",
        "libc6": "2.36-9",
        "nginx": "1.22.1-9+deb12u3",
        "puma": "5.6.5-3",
        "ruby": "1:3.1",
    }
    assert problems == ()


def test_packages_of_rpm(tmp_path):
    """`rpm -qa` gives names with dashes and dots right, in its own format and with a version column."""
    host, problems = read(
        tmp_path,
        {
            "cmd/rpm-qa.txt": "python3.9-pip-21.3.1-2.amzn2023.0.7.noarch\ngpg-pubkey-d832c631-6515c85e\n"
            "bash-5.2.15-1.amzn2023.0.2.x86_64\nnginx\t1:1.24.0-1\n"
        },
    )
    assert host.packages == {
        "bash": "5.2.15-1.amzn2023.0.2",
        "gpg-pubkey": "d832c631-6515c85e",
        "nginx": "1:1.24.0-1",
        "python3.9-pip": "21.3.1-2.amzn2023.0.7",
    }
    assert problems == ()


def test_units(tmp_path):
    """Both listings of systemctl are joined by unit; other unit types and the legend are left out."""
    host, problems = read(
        tmp_path,
        {
            "cmd/systemctl-units.txt": "  UNIT LOAD ACTIVE SUB DESCRIPTION\n"
            "  cron.service loaded active running Regular background program processing daemon\n"
            "● certbot.service loaded failed failed Certbot\n  -.mount loaded active mounted Root Mount\n\n"
            "LOAD   = Reflects whether the unit definition was properly loaded.\n2 loaded units listed.\n",
            "cmd/systemctl-unit-files.txt": "UNIT FILE STATE\ncron.service enabled enabled\npuma@.service static -\n",
        },
    )
    assert [(one.name, one.active, one.enabled) for one in host.services] == [
        ("certbot.service", "failed", ""),
        ("cron.service", "active", "enabled"),
        ("puma@.service", "", "static"),
    ]
    assert host.services[1].source == Source("evidence/acct01/cmd/systemctl-units.txt", 2)
    assert problems == ()


SOCKETS = """
tcp   LISTEN 0 128 0.0.0.0:22        0.0.0.0:*  users:(("sshd",pid=612,fd=3)) | tcp 0.0.0.0 22 sshd
tcp   LISTEN 0 511 *:80              *:*        users:(("nginx",pid=7,fd=6))  | tcp * 80 nginx
tcp   LISTEN 0 128 [::]:22           [::]:*                                   | tcp :: 22
udp   UNCONN 0 0   127.0.0.53%lo:53  0.0.0.0:*                                | udp 127.0.0.53 53
LISTEN 0 1024 127.0.0.1:3000 0.0.0.0:* users:(("ruby",pid=9,fd=5))            | tcp 127.0.0.1 3000 ruby
tcp        0      0 0.0.0.0:5432   0.0.0.0:*   LISTEN  811/postgres           | tcp 0.0.0.0 5432 postgres
tcp6       0      0 :::9100        :::*        LISTEN  900/node_exporter      | tcp :: 9100 node_exporter
udp        0      0 0.0.0.0:68     0.0.0.0:*           500/dhclient           | udp 0.0.0.0 68 dhclient
tcp        0      0 10.0.0.5:22    10.0.0.9:51000 ESTABLISHED 99/sshd         |
u_str LISTEN 0 128 /run/dbus 1234 * 0                                         |
Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port Process        |
"""


@pytest.mark.parametrize("case", SOCKETS.strip().splitlines())
def test_sockets_of_ss_and_netstat(tmp_path, case):
    """A line of ss or netstat is a listening socket, or none, and never a problem."""
    line, _, expected = case.rpartition("|")
    host, problems = read(tmp_path, {"cmd/ss.txt": line})
    found = [f"{one.protocol} {one.address} {one.port} {one.process}".strip() for one in host.listening]
    assert found == ([expected.strip()] if expected.strip() else [])
    assert problems == ()


def test_a_port_by_name_is_a_problem(tmp_path):
    """`ss` without -n prints names for ports: said, with the line, and the others are read."""
    host, problems = read(
        tmp_path, {"cmd/ss.txt": "tcp LISTEN 0 1 *:ssh *:*\ntcp LISTEN 0 1 *:http *:*\ntcp LISTEN 0 1 *:81 *:*\n"}
    )
    assert [one.port for one in host.listening] == [81]
    assert [(one.code, one.source) for one in problems] == [
        ("evidence-line-unreadable", Source("evidence/acct01/cmd/ss.txt", 1))
    ]
    assert "1 more" in problems[0].message


def test_accounts(tmp_path):
    """A passwd file gives accounts with their line; a broken line is a problem."""
    host, problems = read(
        tmp_path,
        {"fs/etc/passwd": "root:x:0:0:root:/root:/bin/bash\n# no\napp:x:1001:1001::/srv/app:/bin/sh\nbad:x:y\n"},
    )
    assert [(one.name, one.uid, one.home, one.source.line) for one in host.users] == [
        ("app", 1001, "/srv/app", 3),
        ("root", 0, "/root", 1),
    ]
    assert codes(problems) == ["evidence-line-unreadable"]


ZONES = """
fs/etc/timezone              | Asia/Tokyo                                            | Asia/Tokyo
fs/etc/localtime             | ../usr/share/zoneinfo/Europe/Berlin                   | Europe/Berlin
cmd/readlink-localtime.txt   | /usr/share/zoneinfo/posix/America/Argentina/Salta     | America/Argentina/Salta
cmd/timedatectl.txt          | Time zone: Asia/Tokyo (JST, +0900)                    | Asia/Tokyo
cmd/timedatectl.txt          | Timezone=Europe/London                                | Europe/London
fs/etc/sysconfig/clock       | ZONE="America/New_York"                               | America/New_York
facts.json                   | {"ansible_date_time": {"tz": "UTC"}}                  | UTC
facts.json                   | {"ansible_date_time": {"tz": "EST"}}                  |
facts.json                   | {"ansible_date_time": {"tz": "CET"}}                  |
facts.json                   | {"ansible_date_time": {"tz": ["Asia/Tokyo"]}}         |
fs/etc/timezone              | ../../etc/passwd                                      |
fs/etc/timezone              | Asia                                                  |
fs/etc/timezone              | Tokyo                                                 |
"""


@pytest.mark.parametrize("case", ZONES.strip().splitlines())
def test_zone(tmp_path, case):
    """Each place that names the zone is understood, and only IANA names count."""
    path, text, expected = (part.strip() for part in case.split("|"))
    host, problems = read(tmp_path, {path: text})
    assert host.timezone == expected
    assert (host.timezone_source is not None) == bool(expected)
    assert codes(problems) == ([] if expected or path == "facts.json" else ["timezone-unreadable"])


def test_zones_that_disagree(tmp_path):
    """/etc/localtime, which cron uses, wins over /etc/timezone, and the contradiction is told."""
    host, problems = read(
        tmp_path, {"fs/etc/timezone": "Etc/UTC\n", "cmd/readlink-localtime.txt": "/usr/share/zoneinfo/Asia/Tokyo\n"}
    )
    assert (host.timezone, codes(problems)) == ("Asia/Tokyo", ["timezone-contradiction"])
    assert problems[0].source == Source("evidence/acct01/fs/etc/timezone", 1)


def test_files_below_fs(tmp_path):
    """Every file below fs/ is listed by its path on the host; names that are not UTF-8 are skipped and told."""
    (tmp_path / "fs/etc").mkdir(parents=True)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/fs/etc/\xff")).write_text("")
    host, problems = read(
        tmp_path, {"fs/etc/crontab": "", "fs/etc/nginx/nginx.conf.gz": "", "fs/var/log/syslog.2.gz": ""}
    )
    assert list(host.files) == ["/etc/crontab", "/etc/nginx/nginx.conf", "/var/log/syslog.2.gz"]
    assert host.files["/etc/nginx/nginx.conf"] == Source("evidence/acct01/fs/etc/nginx/nginx.conf.gz")
    assert codes(problems) == ["file-name-not-utf8"]


@pytest.mark.parametrize(
    "document",
    [
        {"Reservations": [{"Instances": [INSTANCE]}]},
        {"Instances": [INSTANCE]},
        [INSTANCE],
        INSTANCE,
        {
            "Reservations": [
                {"Instances": [{**INSTANCE, "InstanceId": "i-1", "Tags": [], "PrivateIpAddress": ""}, INSTANCE]}
            ]
        },
    ],
    ids=["answer", "reservation", "list", "instance", "two-by-tag"],
)
def test_instance_in_every_form(tmp_path, document):
    """Whole answer, part of it, or one of several instances: the host's instance, vCPUs from its CPU options."""
    (tmp_path / "ec2.json").write_text(json.dumps(document, indent=1))
    ec2, problems = read_ec2("acct01", Tree(tmp_path, "evidence/acct01"), {"m5.large": (4, 8192)})
    assert problems == ()
    assert (ec2.instance_id, ec2.vcpus, ec2.memory_mib, ec2.region) == ("i-0abc", 2, 8192, "ap-northeast-1")
    assert (ec2.security_group_ids, ec2.volume_ids) == (("sg-1", "sg-2"), ("vol-1",))
    assert '"i-0abc"' in (tmp_path / "ec2.json").read_text().splitlines()[ec2.source.line - 1]
    assert ec2.tags == {"Name": "acct01", "team": "ledger"}


def test_identity_document(tmp_path):
    """The identity document gives type, region, zone and address; the size comes from the table, or is not known."""
    document = {
        "accountId": "1",
        "architecture": "arm64",
        "availabilityZone": "us-west-2-lax-1a",
        "billingProducts": None,
        "imageId": "ami-1",
        "instanceId": "i-1",
        "instanceType": "m6g.large",
        "privateIp": "10.0.0.5",
        "region": "us-west-2",
    }
    (tmp_path / "ec2.json").write_text(json.dumps(document))
    tree = Tree(tmp_path, "evidence/acct01")
    ec2, problems = read_ec2("acct01", tree, {"m6g.large": (2, 8192)})
    assert (ec2.region, ec2.architecture, ec2.vcpus, ec2.memory_mib, ec2.private_ip, problems) == (
        "us-west-2",
        "arm64",
        2,
        8192,
        "10.0.0.5",
        (),
    )
    ec2, problems = read_ec2("acct01", tree, {"t3.nano": (2, 512)})
    assert (ec2.vcpus, ec2.memory_mib, codes(problems)) == (None, None, ["instance-type-unknown"])
    assert read_ec2("acct01", tree)[0].vcpus is None


def test_several_instances_and_none_is_this_host(tmp_path):
    """An answer with several instances of which none matches is not guessed from."""
    other = {**INSTANCE, "InstanceId": "i-9"}
    (tmp_path / "ec2.json").write_text(json.dumps([INSTANCE, other]))
    ec2, problems = read_ec2("acct02", Tree(tmp_path, "evidence/acct02"))
    assert (ec2, codes(problems)) == (None, ["ec2-ambiguous"])


NAMES = (
    "facts.json", "ec2.json", "fs/etc/os-release", "fs/etc/passwd", "fs/etc/timezone", "fs/etc/localtime",
    "cmd/dpkg-query.txt", "cmd/rpm-qa.txt", "cmd/ss.txt", "cmd/systemctl-units.txt", "cmd/timedatectl.txt",
)  # fmt: skip
PIECES = (
    b'{"ansible_facts": ', b'{"Reservations": [', b'{"Instances": ', b'{"InstanceId": ', b"null", b"[]",
    b"{}", b"}", b"]",
    b'"\\ud800"', b"NaN", b"acct01 | SUCCESS => ", b"tcp LISTEN 0 0 ", b":99999999", b"a.service loaded active x\n",
    b"ii  x  1\n", b"a-1-1.noarch\n", b"ID=debian\nVERSION_ID='\n", b"x:x:0:0:::\n", b"\xff\x00", b"\x1f\x8b\x08",
    b"TZif",
    "\u2028\ue000".encode(), b'{"ansible_env": 3}', b'{"ansible_packages": {"a": [3]}}',
    b'{"ansible_services": {"a": 3}}',
    b'{"Tags": [{"Key": []}], "InstanceId": {}}', b'{"CpuOptions": {"CoreCount": true}, "InstanceId": 1}',
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.one_of(st.sampled_from(PIECES), st.binary()), max_size=6)))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_never_raises(tmp_path_factory, evidence):
    """Whatever lies in the files, a host comes back whose texts can be written, and every problem has its place."""
    folder = tmp_path_factory.mktemp("host")
    host, problems = read(folder, {name: b"".join(parts) for name, parts in evidence.items()})
    repr(host).encode()
    json.dumps(host.facts, ensure_ascii=False).encode()
    assert all(problem.source is not None and problem.hint for problem in problems)
