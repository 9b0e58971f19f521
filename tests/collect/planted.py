"""Secrets in every place where a host carries them."""

from __future__ import annotations

import shlex

SECRETS = {
    name: f"{name[:2]}{number}Zq7x{number}vKp3"
    for number, name in enumerate(
        ("crontab-variable", "crontab-inline", "crond-url", "script", "unit-environment", "unit-argument", "drop-in",
         "redis", "php", "ini", "yaml", "env-file", "log", "process", "local-fact", "environment", "apikey", "key"), 11
    )
}  # fmt: skip

_HASH = "$6$rounds=4096$saltsalt$Zq7xHashHashHashHashHashHash"
SECRETS["passwd-hash"] = _HASH


def _files() -> dict[str, str]:
    s = SECRETS
    return {
        "/var/spool/cron/crontabs/root": (
            f"DB_PASSWORD={s['crontab-variable']}\n"
            f"0 1 * * * PGPASSWORD={s['crontab-inline']} pg_dump ledger > /var/backups/ledger.sql\n"
        ),
        "/etc/cron.d/app": f"*/5 * * * * root curl -fsS https://batch:{s['crond-url']}@example.com/run\n",
        "/etc/cron.daily/app-backup": f"#!/bin/sh\nexport API_KEY='{s['script']}'\nexec /usr/bin/true --quiet\n",
        "/etc/systemd/system/app.service": (
            f'[Service]\nEnvironment="DB_PASSWORD={s["unit-environment"]} and more" RAILS_ENV=production\n'
            f"ExecStart=/usr/bin/redis-server --requirepass {s['unit-argument']} --port 6379\n"
        ),
        "/etc/systemd/system/app.service.d/override.conf": f"[Service]\nEnvironment=SMTP_TOKEN={s['drop-in']}\n",
        "/etc/app/redis.conf": f"port 6379\nrequirepass {s['redis']}\n",
        "/etc/app/config.php": f"<?php define('DB_PASSWORD', '{s['php']}');\n",
        "/etc/app/app.ini": f"[smtp]\nuser = app\npassword = {s['ini']} ; of the relay\n",
        "/etc/app/app.yaml": f'smtp:\n  apiKey: "{s["apikey"]}"\n  password: |\n    {s["yaml"]}\n  port: 25\n',
        "/etc/app/env": f"SECRET_KEY_BASE={s['env-file']}\n",
        "/etc/app/site.key": f"{s['key']}\n",
        "/etc/app/server.conf": f"-----BEGIN RSA PRIVATE KEY-----\n{s['key']}\n-----END RSA PRIVATE KEY-----\n",
        "/var/log/syslog": (
            f"2026-11-01T01:00:01.1+09:00 h CRON[9]: (root) CMD (PGPASSWORD={s['crontab-inline']} pg_dump ledger > "
            f"/var/backups/ledger.sql)\n2026-11-01T01:00:02.1+09:00 h app[7]: token={s['log']}\n"
        ),
        "/etc/ansible/facts.d/app.fact": f'{{"app_token": "{s["local-fact"]}", "port": 1}}\n',
    }


def setup() -> str:
    """A shell script that puts all of it in place, and lets sysstat record two seconds."""
    lines = ["set -e"]
    for path, text in _files().items():
        lines += [
            f"mkdir -p {shlex.quote(path.rpartition('/')[0])}",
            f"printf %s {shlex.quote(text)} >{shlex.quote(path)}",
        ]
    lines += [
        "chmod 600 /var/spool/cron/crontabs/root; chmod 755 /etc/cron.daily/app-backup",
        f"printf 'export LICENSE_KEY=%s\\n' {SECRETS['environment']} >>/home/deploy/.bashrc",
        f"printf 'old:%s:1500:1500::/home/old:/bin/sh\\n' {shlex.quote(_HASH)} >>/etc/passwd",
        "mkdir -p /var/log/sysstat; /usr/lib/sysstat/sadc 1 2 /var/log/sysstat/sa05",
        f"nohup sh -c 'exec sleep 86400' app --password={SECRETS['process']} >/dev/null 2>&1 &",
        f"nohup sh -c 'sleep 86400; true' app --password={SECRETS['process']} >/dev/null 2>&1 &",
    ]
    return "\n".join(lines)
