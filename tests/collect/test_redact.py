"""No secret survives, in any place where hosts carry them, and what stands around it still says what it said."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.collect.store import flavour_of
from analyzer.read.redact import Flavour, holds_secret, redact, redact_data
from analyzer.read.secrets import REDACTED

SHELL_PLACES = r"""
0 1 * * * PGPASSWORD=§ pg_dump -h db ledger > /var/backups/x
0 1 * * * PGPASSWORD='§' pg_dump -h db ledger
*/5 * * * * app sh -c "DB_PASS=§ /srv/app/bin/job --once"
*/5 * * * * /usr/bin/mysqldump -u root -p§ ledger | gzip > /x.gz
*/5 * * * * mysql --user=root --password=§ -e 'select 1'
5 0 * * * mysql --user root --password § -e 'select 1'
5 0 * * * curl -s -u deploy:§ https://example.com/hook
5 0 * * * curl -H "Authorization: Bearer §" https://example.com/
5 0 * * * curl -H 'X-Api-Key: §' https://example.com/
5 0 * * * curl https://deploy:§@example.com/hook
5 0 * * * wget --http-password=§ https://example.com/x
5 0 * * * sshpass -p § scp a b:c
5 0 * * * sshpass -p'§' scp a b:c
5 0 * * * redis-cli -a § flushdb
5 0 * * * /srv/bin/sync --api-key § --dry-run
5 0 * * * /srv/bin/sync --api_token=§ --dry-run
5 0 * * * openssl enc -aes-256-cbc -k pass:§ -in a
5 0 * * * openssl rsa -passin pass:§ -in a
5 0 * * * AWS_SECRET_ACCESS_KEY=§ aws s3 ls
5 0 * * * env SMTP_PASSWORD=§ RAILS_ENV=production bin/rails x
5 0 * * * export SECRET_KEY_BASE=§; bin/rails x
5 0 * * * ldapsearch -x -D cn=admin -w § -b dc=example
5 0 * * * smbclient //nas/share -U backup%§ -c ls
5 0 * * * lftp -u user,§ sftp://example.com
5 0 * * * zip -P § out.zip in
5 0 * * * docker login -u me -p § registry.example.com
5 0 * * * echo § | docker login --password-stdin
5 0 * * * curl -X POST https://hooks.slack.com/services/T00000000/B00000000/§
5 0 * * * htpasswd -b -c /etc/x user §
Environment=DB_PASSWORD=§
Environment="DB_PASSWORD=§ with words" RAILS_ENV=production
Environment='API_TOKEN=§' "OTHER=1"
ExecStart=/usr/bin/redis-server --requirepass § --port 6379
ExecStart=/srv/app/server -jwtSecret=§ -port 8080
root  812  1  0.0 java -Ddb.password=§ -Dspring.datasource.password=§ -jar app.jar
2026-11-01T00:00:01.1+09:00 h CRON[1]: (app) CMD (MYSQL_PWD=§ mysql -e x)
Nov  1 00:00:01 h CRON[1]: (app) CMD (curl -u a:§ https://x/)
export GITHUB_TOKEN="§"
psql "postgresql://app:§@db/ledger?sslmode=require"
TOKEN=§
"""

CRONTAB_PLACES = """
DB_PASSWORD=§
DB_PASSWORD = "§"
API_TOKEN=§ and more words
"""

CONFIG_PLACES = """
requirepass §
masterauth §
password = §
password: §
  password: "§"
smtp_password=§
db.password=§
spring.datasource.password=§
"password": "§",
{"db": {"user": "app", "password": "§"}}
dbPassword: §
secretKeyBase: '§'
api_key: §  # of the partner
<password>§</password>
<Setting name="x" password="§" />
proxy_set_header Authorization "Basic §";
proxy_set_header X-Api-Key §;
database_url: postgres://app:§@db:5432/ledger
define('DB_PASSWORD', '§');
$db_password = '§';
'db_password' => '§',
secret_access_key = §
CREATE USER app IDENTIFIED BY '§';
set password for app = password('§');
Password=§;Server=db;
connectionString="Server=db;User Id=sa;Password=§;"
"""

SECRETS = st.one_of(
    st.text(string.ascii_letters + string.digits, min_size=10, max_size=40).filter(
        lambda text: any(letter.isdigit() for letter in text) and any(letter.isalpha() for letter in text)
    ),
    st.text(string.ascii_letters + string.digits + "+/=_-.!^*", min_size=14, max_size=40).filter(
        lambda text: any(letter.isdigit() for letter in text) and text[0].isalnum() and text[-1].isalnum()
    ),
)


def places() -> list[tuple[Flavour, str]]:
    """Every kind of line that carries a secret, § where it stands."""
    return [
        *((Flavour.SHELL, line) for line in SHELL_PLACES.strip().split("\n")),
        *((Flavour.CRONTAB, line) for line in (CRONTAB_PLACES + SHELL_PLACES).strip().split("\n") if line.strip()),
        *((Flavour.CONFIG, line) for line in CONFIG_PLACES.strip().split("\n")),
    ]


@pytest.mark.parametrize(("flavour", "line"), places())
@settings(max_examples=15, deadline=None)
@given(secret=SECRETS)
def test_a_planted_secret_does_not_survive(flavour: Flavour, line: str, secret: str) -> None:
    """Whatever the secret is made of, in every known kind of line."""
    if "://" in line:
        secret = secret.replace("/", "%2F")  # as a URL must spell it
    out = redact(f"before\n{line.replace('§', secret)}\nafter", flavour)
    assert secret not in out
    assert REDACTED in out
    assert out.startswith("before\n")
    assert out.endswith("\nafter")
    assert out.count("\n") == 2


@pytest.mark.parametrize("line", SHELL_PLACES.strip().split("\n"))
def test_the_rest_of_a_command_stays(line: str) -> None:
    """Schedule and program are what the analysis needs; they and the first word after the secret are untouched."""
    out = redact(line.replace("§", "hunter2hunter2"))
    before, _, after = line.partition("§")
    assert out.startswith(before.split("§")[0][:20].rstrip())
    assert not after.strip() or out.endswith(after.replace("§", REDACTED)[-3:]), out


@pytest.mark.parametrize("line", [line for line in SHELL_PLACES.strip().split("\n") if line[:1] in "*05"])
def test_a_command_is_the_same_in_crontab_log_and_process_list(line: str) -> None:
    """Runs are found by the text of their command, so all three must lose the same part of it."""
    command = line.replace("§", "hunter2hunter2").split(" ", 5)[5]
    crontab = redact(f"0 1 * * * {command}", Flavour.CRONTAB).removeprefix("0 1 * * * ")
    log = redact(f"Nov  1 00:00:01 h CRON[1]: (app) CMD ({command})", Flavour.SHELL)
    assert f"({crontab})" in log
    journal = json.loads(redact(json.dumps({"MESSAGE": f"(app) CMD ({command})"}), Flavour.JOURNAL))
    assert journal["MESSAGE"] == f"(app) CMD ({crontab})"


HARMLESS = """
PasswordAuthentication no
UsePAM yes
passwd:         files systemd
passwd: files sss
password_file=/etc/app/password
PGPASSFILE=/root/.pgpass pg_dump
PASSWORD=$DB_PASSWORD bin/job
export PASSWORD="${DB_PASSWORD}"
TOKEN=$(cat /run/secrets/token)
password: {{ db_password }}
db_password_path = /etc/app/db.password
17 *	* * *	root	cd / && run-parts --report /etc/cron.hourly
25 6	* * *	root	test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }
*/5 * * * * /srv/accounting/current/bin/batch journal_import >> /var/log/accounting/journal_import.log 2>&1
10 4 * * * tar -czf /var/backups/a.tar.gz -C /var/lib a && find /var/backups -name 'a-*' -mtime +14 -delete
ExecStart=/usr/bin/puma -C config/puma.rb
EnvironmentFile=/etc/accounting/secrets.env
SECRET_KEY_BASE_FILE=/run/secrets/base
psql -p 5432 -h db
docker run -p 8080:80 nginx
mkdir -p /srv/app/tmp
ssh -p 2222 host
cp -p a b
http://localhost:3000/users/@me
https://example.com:8443/path
proxy_set_header Authorization $http_authorization;
monkey: banana
        proxy_pass http://127.0.0.1:3000;
ProxyPass /api http://127.0.0.1:3000/
keyboard: us
author: tanaka
primary_key: id
2026-11-01T00:00:01+09:00 h CRON[1]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)
ssl_certificate_key /etc/nginx/ssl/site.key;
"""


@pytest.mark.parametrize("line", HARMLESS.strip("\n").split("\n"))
@pytest.mark.parametrize("flavour", [Flavour.SHELL, Flavour.CRONTAB, Flavour.CONFIG])
def test_what_is_no_secret_stays_as_it_is(flavour: Flavour, line: str) -> None:
    """Switches, paths, references to secrets, ports, and names that only resemble."""
    assert redact(line, flavour) == line


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300), st.sampled_from(list(Flavour)))
def test_any_text_keeps_its_number_of_lines_and_is_stable(text: str, flavour: Flavour) -> None:
    """Line numbers of the evidence are those of the host, and a second pass finds nothing more."""
    once = redact(text, flavour)
    assert once.count("\n") == text.count("\n")
    assert redact(once, flavour) == once


def test_blocks_of_several_lines_are_emptied() -> None:
    """Private keys, vault text and YAML blocks under a secret's name; what follows stays on its line."""
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA1c7\nx8e2ab\n-----END RSA PRIVATE KEY-----\nport: 1\n"
    assert redact(key).split("\n")[4] == "port: 1"
    assert "MIIE" not in redact(key)
    assert "x8e2ab" not in redact(key)
    vault = "db: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6231383839\n  6262626262\nport: 1\n"
    assert "6231383839" not in redact(vault, Flavour.CONFIG)
    assert redact(vault, Flavour.CONFIG).split("\n")[4] == "port: 1"
    block = "tls_private_key: |\n  abcdef012345\n  fedcba543210\nport: 1"
    out = redact(block, Flavour.CONFIG)
    assert "abcdef" not in out
    assert "fedcba" not in out
    assert out.endswith("\nport: 1")


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "xoxb-123456789012-abcdefghijkl",
        "sk_live_abcdefghijklmnop",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "$6$rounds=5000$saltsalt$hashhashhashhashhash",
        "$2y$10$abcdefghijklmnopqrstuv",
        "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/2",
    ],
)
def test_secrets_are_known_by_their_look(secret: str) -> None:
    """Where no name says it: key ids, tokens of well-known services, hashes."""
    assert secret not in redact(f"some text {secret} and more")


@settings(max_examples=30, deadline=None)
@given(secret=SECRETS)
def test_data_loses_its_secrets_by_key_and_by_look(secret: str) -> None:
    """Facts, tags of EC2 and inventories."""
    data = {
        "ansible_local": {"app": {"db_password": secret, "port": 5432}},
        "ansible_env": {"HOME": "/root"},
        "Tags": [{"Key": "DeployToken", "Value": secret}, {"Key": "Name", "Value": "acct01"}],
        "url": f"postgres://app:{secret}@db/x",
        "cmdline": [f"--password={secret}"],
    }
    out = redact_data(data)
    assert secret not in json.dumps(out)
    assert out["ansible_local"]["app"]["port"] == 5432
    assert out["Tags"][1] == {"Key": "Name", "Value": "acct01"}


@pytest.mark.parametrize(
    "piece", ["password: ", "mysql -u x ", "curl -s ", "a://", "<%token=", "$(x token=", "\"'token="]
)
def test_a_very_long_line_is_survived(piece: str) -> None:
    """A minified or hostile file: every piece of it is looked at, none of them again and again."""
    line = piece * (200_000 // len(piece)) + " DB_PASSWORD=hunter2hunter2"
    assert "hunter2hunter2" not in redact(line)


def test_names_are_known_in_any_spelling() -> None:
    """Snake, camel, dotted, upper, numbered."""
    for name in (
        "dbPassword",
        "DB_PASSWORD",
        "db.password",
        "apiKey",
        "API-KEY",
        "clientSecret",
        "password2",
        "PGPASSWORD",
    ):
        assert holds_secret(name), name
    for name in (
        "password_file",
        "PasswordAuthentication",
        "monkey",
        "primary_key",
        "tokenizer",
        "PWD",
        "update_password",
    ):
        assert not holds_secret(name), name


@pytest.mark.parametrize(
    ("path", "flavour"),
    [
        ("/etc/crontab", Flavour.CRONTAB),
        ("/etc/cron.d/app", Flavour.CRONTAB),
        ("/var/spool/cron/crontabs/root", Flavour.CRONTAB),
        ("/var/spool/cron/root", Flavour.CRONTAB),
        ("/etc/cron.daily/app", Flavour.SHELL),
        ("/etc/systemd/system/app.service", Flavour.SHELL),
        ("/usr/lib/systemd/system/app.service", Flavour.SHELL),
        ("/etc/redis/redis.conf", Flavour.CONFIG),
        ("/var/log/syslog.1", Flavour.SHELL),
        ("ps", Flavour.SHELL),
        ("journal-cron", Flavour.JOURNAL),
    ],
)
def test_each_kind_of_file_is_read_as_what_it_is(path: str, flavour: Flavour) -> None:
    """How far `NAME=value` reaches depends on the file."""
    assert flavour_of(path) is flavour
