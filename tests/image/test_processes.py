"""Processes from units, supervisor programs and web servers' configurations."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from analyzer.decide.processes import ProcessFindings, find_processes
from analyzer.decide.processes_foreground import in_front
from analyzer.decide.processes_units import (
    exec_words,
    expand,
    parse_environment_file,
    seconds,
    split_words,
    unwrap_shell,
)
from analyzer.decide.processes_web import command_port, config_port, read_nginx, served_folder
from analyzer.decide.tasks import decide_tasks
from analyzer.model import Host, ListeningSocket, Settings, Source
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack
from tests.image.effects import DEBIAN, ELSEWHERE, image, marked, rendered, steps
from tests.rules.example_tasks import task


def found(unit: str, *others: Mapping[str, Any], name: str = "web", host: Host = DEBIAN) -> ProcessFindings:
    write = {"effect": "WriteFile", "path": f"/etc/systemd/system/{name}.service", "content": unit}
    return find_processes(steps([write, *others]), [host], Settings(), elsewhere=ELSEWHERE)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/usr/bin/puma -C /etc/puma.rb", ("/usr/bin/puma", "-C", "/etc/puma.rb")),
        ("-/usr/bin/x", ("/usr/bin/x",)),
        ("@/usr/bin/x shown as", ("/usr/bin/x", "as")),
        ("+!/usr/bin/x a", ("/usr/bin/x", "a")),
        (r'/bin/x "a b" c\x20d e\tf', ("/bin/x", "a b", "c d", "e\tf")),
        ("/bin/x 'it''s' --name=%n %i %%", ("/bin/x", "its", "--name=web@one.service", "one", "%")),
        ("/bin/x --home=%h --user=%u %t/web", ("/bin/x", "--home=/home/app", "--user=app", "/run/web")),
    ],
)
def test_exec_lines_are_read_as_systemd_reads_them(line: str, words: tuple[str, ...]) -> None:
    """Prefixes, quotes, escapes and specifiers of ExecStart give the argument vector that systemd would run."""
    from analyzer.decide.processes_units import specifiers_of

    assert exec_words(line, specifiers_of("web@one.service", "app", "")) == words


def test_variables_of_exec_lines() -> None:
    """`$NAME` alone is split into words, `${NAME}` stays inside its word, `$$` is a dollar sign, unknown names stay."""
    words = ("/bin/x", "$OPTS", "-p${PORT}", "$$HOME", "$UNKNOWN", "${UNKNOWN}")
    environment = {"OPTS": "-a  -b", "PORT": "80"}
    assert expand(words, environment) == ("/bin/x", "-a", "-b", "-p80", "$HOME", "$UNKNOWN", "${UNKNOWN}")


@pytest.mark.parametrize(
    ("words", "plain", "directory"),
    [
        (("/bin/bash", "-lc", "bundle exec puma"), ("bundle", "exec", "puma"), ""),
        (("/bin/sh", "-c", "cd /srv/app && exec ./run --x 'a b'"), ("./run", "--x", "a b"), "/srv/app"),
        (("/usr/bin/bash", "-c", "a | b"), (), ""),
        (("/bin/bash", "-lc", "source ~/.rvm/scripts/rvm; puma"), (), ""),
        (("/bin/bash", "-lc", "FOO=1 puma"), (), ""),
        (("/bin/bash", "-lc", "puma $PORT"), (), ""),
        (("/bin/bash", "script.sh"), (), ""),
        (("/usr/bin/puma", "-c", "x"), (), ""),
    ],
)
def test_a_shell_around_a_command_is_left_out_only_where_nothing_needs_it(
    words: tuple[str, ...], plain: tuple[str, ...], directory: str
) -> None:
    """`bash -lc` is unwrapped for plain words and kept where pipes, variables or assignments need a shell."""
    assert unwrap_shell(words) == (plain, directory)


@pytest.mark.parametrize(
    ("text", "value"),
    [("30", 30), ("1min 30s", 90), ("500ms", 1), ("2h", 7200), ("infinity", None), ("", None), ("5 bananas", None)],
)
def test_time_spans(text: str, value: int | None) -> None:
    """Time spans of systemd's are whole seconds, rounded up."""
    assert seconds(text) == value


def test_environment_files() -> None:
    """Comments, quotes and `export` of an EnvironmentFile are read as systemd reads them."""
    text = '# c\nA=1\nexport B=\'x y\'\nC="q \\" $z"\n;d\nnot a line\nA=2\nE=a#b\n'
    assert parse_environment_file(text) == (("A", "2"), ("B", "x y"), ("C", 'q " $z'), ("E", "a#b"))


def test_words_keep_empty_strings() -> None:
    """Empty quotes are an empty word."""
    assert split_words("a '' \"\" b") == ("a", "", "", "b")


UNIT = """[Service]
User=app
WorkingDirectory=/srv/app
Environment="RACK_ENV=production" PORT=8080
EnvironmentFile=-/etc/app.env
ExecStart=/bin/bash -lc 'bundle exec puma -C config/puma.rb'
LimitNOFILE=4096:65536
KillSignal=INT
TimeoutStopSec=1min
RuntimeDirectory=web
"""


def test_a_unit_becomes_a_process() -> None:
    """Command, user, directory, environment, limits and stop settings of a unit are the process's; secrets stay names."""
    secret = "TOKEN=<secret api_token>\nURL=postgres://u:<secret db>@h/x\n"
    findings = found(
        UNIT,
        {"effect": "WriteFile", "path": "/etc/app.env", "content": secret},
        {"effect": "ServiceState", "name": "web.service", "state": "started", "enabled": True},
    )
    (process,) = findings.processes
    assert process.name == "api"
    assert process.command == ("bundle", "exec", "puma", "-C", "config/puma.rb")
    assert (process.user, process.working_directory, process.port) == ("app", "/srv/app", 8080)
    assert process.environment == (("PORT", "8080"), ("RACK_ENV", "production"))
    assert process.secrets == (("TOKEN", "api_token"), ("URL", "url"))
    assert any("URL holds db among other text" in note and "the secret url" in note for note in process.notes)
    assert (process.nofile, process.stop_signal, process.stop_timeout_s) == (4096, "SIGINT", 60)
    assert findings.environment_files == ("/etc/app.env",)
    assert [step.effect.path for step in findings.directories] == ["/run/web"]


def test_drop_ins_and_resets() -> None:
    """A drop-in overrides the unit, and an empty assignment resets a list."""
    drop_in = "[Service]\nExecStart=\nExecStart=/usr/bin/other -p 9000\nUser=other\n"
    findings = found(
        UNIT, {"effect": "WriteFile", "path": "/etc/systemd/system/web.service.d/x.conf", "content": drop_in}
    )
    (process,) = findings.processes
    assert (process.command, process.user, process.port) == (("/usr/bin/other", "-p", "9000"), "other", 9000)


@pytest.mark.parametrize(
    ("unit", "state"),
    [
        ("[Service]\nType=oneshot\nExecStart=/bin/x\n", {}),
        ("[Service]\nExecStart=/bin/x\n", {"state": "stopped"}),
        ("[Service]\nExecStart=/bin/x\n", {"enabled": False}),
        ("[Service]\nUser=x\n", {}),
    ],
)
def test_what_is_no_process(unit: str, state: dict[str, Any]) -> None:
    """Oneshot units, stopped or disabled ones, and units without a command give no process."""
    others = [{"effect": "ServiceState", "name": "web", **state}] if state else []
    assert found(unit, *others).processes == ()


def test_a_unit_with_a_timer_is_a_batch() -> None:
    """A service that a timer starts is no process that stays."""
    timer = {"effect": "WriteFile", "path": "/etc/systemd/system/web.timer", "content": "[Timer]\nOnCalendar=daily\n"}
    assert found("[Service]\nExecStart=/bin/x\n", timer).processes == ()


def test_several_processes_and_the_platform() -> None:
    """The one behind the web server is `api`, others keep their names, daemons of the platform are none."""
    nginx = "upstream a { server unix:/run/x.sock; server 127.0.0.1:3000; }\nserver { listen 443 ssl; location = /healthz { proxy_pass http://a; } }\n"
    findings = find_processes(
        steps([
            {"effect": "InstallPackages", "manager": "apt", "names": ["nginx", "nginx-extras", "curl"]},
            {"effect": "WriteFile", "path": "/etc/systemd/system/my-worker.service", "content": "[Service]\nExecStart=/usr/bin/sidekiq\n"},
            {"effect": "WriteFile", "path": "/etc/systemd/system/my-web.service", "content": "[Service]\nExecStart=/usr/bin/puma -b tcp://127.0.0.1:3000\n"},
            {"effect": "WriteFile", "path": "/etc/nginx/conf.d/a.conf", "content": nginx},
            {"effect": "ServiceState", "name": "mystery", "state": "started"},
        ]),
        [DEBIAN],
        Settings(),
        steps([
            {"effect": "WriteFile", "path": "/etc/systemd/system/chrony.service", "content": "[Service]\nExecStart=/usr/sbin/chronyd\n"},
            {"effect": "ServiceState", "name": "sshd", "state": "started"},
        ]),
        elsewhere=ELSEWHERE,
    )  # fmt: skip
    api, worker = findings.processes
    assert (api.name, worker.name) == ("api", "my-worker")
    assert api.command == ("/usr/bin/puma", "-b", "tcp://0.0.0.0:3000")
    assert api.port == 3000
    assert api.health_check is not None
    assert api.health_check.path == "/healthz"
    assert api.health_check.command[1] == "curl -fsS -o /dev/null http://127.0.0.1:3000/healthz || exit 1"
    assert worker.health_check is None
    assert {each.name for each in findings.left_out} >= {"nginx", "nginx-extras", "/etc/nginx"}
    assert [name for name, _ in findings.unresolved] == ["mystery"]


def test_supervisor_programs() -> None:
    """Programs of supervisord are processes with their own user, directory, environment and stop settings."""
    text = (
        "[program:web]\ncommand=/srv/venv/bin/gunicorn -b 127.0.0.1:8000 app:app ; comment\nuser=app\n"
        "directory=/srv\nenvironment=A=\"1\",B='x,y'\nstopsignal=QUIT\nstopwaitsecs=20\n"
        "[program:off]\ncommand=/bin/off\nautostart=false\n[group:all]\nprograms=web\n"
    )
    findings = find_processes(
        steps([{"effect": "WriteFile", "path": "/etc/supervisor/conf.d/web.conf", "content": text}]),
        [DEBIAN],
        Settings(),
        elsewhere=ELSEWHERE,
    )
    (process,) = findings.processes
    assert process.command == ("/srv/venv/bin/gunicorn", "-b", "0.0.0.0:8000", "app:app")
    assert process.environment == (("A", "1"), ("B", "x,y"))
    assert (process.user, process.working_directory, process.stop_signal) == ("app", "/srv", "SIGQUIT")
    assert process.stop_timeout_s == 20


def test_template_units_take_their_instances() -> None:
    """`worker@.service` becomes one process for each instance that a task starts."""
    findings = find_processes(
        steps([
            {"effect": "WriteFile", "path": "/etc/systemd/system/worker@.service", "content": "[Service]\nExecStart=/bin/w --queue %i\n"},
            {"effect": "ServiceState", "name": "worker@mail", "state": "started"},
            {"effect": "ServiceState", "name": "worker@pdf", "state": "started"},
        ]),
        [DEBIAN],
        Settings(),
        elsewhere=ELSEWHERE,
    )  # fmt: skip
    assert [process.command[-1] for process in findings.processes] == ["mail", "pdf"]
    assert [process.name for process in findings.processes] == ["worker-mail", "worker-pdf"]


def test_the_port_that_only_the_host_shows() -> None:
    """Where no configuration names a port, the host's socket list does, and the process says so."""
    socket = ListeningSocket(protocol="tcp", address="0.0.0.0", port=9292, process="appd")
    host = Host(name="h", source=Source("hosts"), facts=DEBIAN.facts, listening=(socket,))
    (process,) = found("[Service]\nExecStart=/opt/appd\n", host=host).processes
    assert process.port == 9292
    assert any("socket list" in note for note in process.notes)


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("port 3000", 3000),
        ("port ENV.fetch('PORT', 3001)", 3001),
        ('port ENV.fetch("PORT") { 3002 }', None),
        ("port ENV['PORT'] || 3003", 3003),
        ("bind 'tcp://0.0.0.0:3004'", 3004),
        ("bind \"tcp://#{ENV.fetch('BIND', '127.0.0.1')}:#{ENV.fetch('PORT', '3005')}\"", 3005),
        ("# port 1\nbind 'unix:///run/x.sock'", None),
        ("listen 3006, tcp_nopush: true", 3006),
        ("bind = '0.0.0.0:3007'", 3007),
        ("bind = '0.0.0.0:' + os.environ.get('X', '1')", None),
    ],
)
def test_ports_of_application_servers(text: str, port: int | None) -> None:
    """Configurations of puma, unicorn and gunicorn give their port, with look-ups in the environment filled in."""
    assert config_port(text, {}) == port


@pytest.mark.parametrize(
    ("words", "port"),
    [
        ("puma -p 3000", 3000),
        ("puma --port=3001", 3001),
        ("gunicorn -b 0.0.0.0:3002 app", 3002),
        ("gunicorn --bind=:3003 app", 3003),
        ("puma -b tcp://127.0.0.1:3004", 3004),
        ("puma -b unix:///run/x.sock", None),
        ("shipment -data /srv -port 7891", 7891),
        ("server -addr :8443", 8443),
        ("java -Dserver.port=8480 -jar x.jar", 8480),
        ("tool -p name", None),
    ],
)
def test_ports_of_commands(words: str, port: int | None) -> None:
    """Command lines give the port that they name."""
    assert command_port(words.split()) == port


def test_nginx() -> None:
    """Upstreams, health location and what a load balancer does not do are read; comments are not."""
    front = read_nginx(
        "# server 1.2.3.4:9;\nupstream a { server 10.0.0.1:3000 weight=2; server unix:/run/a.sock; }\n"
        "server {\n listen 443 ssl;\n root /srv/public;\n location /status { proxy_pass http://a; }\n"
        " location /x { auth_basic 'x'; proxy_pass http://127.0.0.1:4000/y; }\n}\n"
    )
    assert front.upstream_ports == (3000, 4000)
    assert front.sockets == ("/run/a.sock",)
    assert (front.health_path, front.health_line) == ("/status", 6)
    assert front.tls
    assert front.features == ("serves files itself", "asks for a password")


def test_markers_never_leave_the_model() -> None:
    """A secret in the command line itself stays a marker, for the renderers to turn into a reference."""
    (process,) = found(f"[Service]\nExecStart=/bin/x --token {marked('<secret t>')}\n").processes
    assert marked("<secret t>") in process.command


@pytest.mark.parametrize(
    ("package", "state", "command", "port"),
    [
        ("apache2", "", ("/bin/sh", "-c", '. /etc/apache2/envvars && mkdir -p "$APACHE_RUN_DIR" && exec apache2 -D FOREGROUND'), 8080),
        ("httpd", "started", ("httpd", "-D", "FOREGROUND"), 8080),
        ("httpd", "", None, None),
    ],
)  # fmt: skip
def test_apache_serves_by_itself(package: str, state: str, command: tuple[str, ...] | None, port: int | None) -> None:
    """Without an application behind it Apache is the API, where it runs: Debian's package starts it, Red Hat's does not."""
    given = [
        {"effect": "InstallPackages", "manager": "apt", "names": [package]},
        {"effect": "WriteFile", "path": f"/etc/{package}/ports.conf", "content": "# Listen 1\nListen 0.0.0.0:8080\n"},
        *([{"effect": "ServiceState", "name": package, "state": state}] if state else []),
    ]
    processes = find_processes(steps(given), [DEBIAN], Settings(), elsewhere=ELSEWHERE).processes
    assert [(each.command, each.port) for each in processes] == ([(command, port)] if command else [])


@pytest.mark.parametrize(
    ("packages", "php", "web"),
    [
        (["nginx", "php7.4-fpm"], "php-fpm7.4", 'nginx -g "daemon off;"'),
        (["nginx-full", "nginx", "php-fpm"], "$(ls /usr/sbin/php-fpm[0-9]* | tail -n 1)", 'nginx -g "daemon off;"'),
        (["nginx", "php5-fpm"], "php5-fpm", 'nginx -g "daemon off;"'),
        (["nginx", "php81-php-fpm"], "/opt/remi/php81/root/usr/sbin/php-fpm", 'nginx -g "daemon off;"'),
        (["apache2", "php8.2-fpm"], "php-fpm8.2", "apache2 -D FOREGROUND"),
    ],
)
def test_php_starts_beside_the_web_server(packages: list[str], php: str, web: str) -> None:
    """nginx alone would answer every page with an error: PHP-FPM runs in the same container, and no answer is asked."""
    given = [
        {"effect": "InstallPackages", "manager": "apt", "names": packages},
        {"effect": "ServiceState", "name": next(name for name in packages if "fpm" in name), "state": "started"},
    ]
    findings = find_processes(steps(given), [DEBIAN], Settings(), elsewhere=ELSEWHERE)
    ((shell, option, script),) = [each.command for each in findings.processes]
    assert (shell, option) == ("/bin/bash", "-c")
    assert f"; {php} --nodaemonize --force-stderr & php=$!; {web} & web=$!; trap " in script
    assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0
    assert findings.unresolved == ()


@pytest.mark.parametrize(
    "packages", [["nginx"], ["apache2", "libapache2-mod-php", "php-fpm"], ["apache2", "php"], ["php-fpm"]]
)
def test_php_of_its_own_process_needs_package_and_web_server(packages: list[str]) -> None:
    """Where Apache runs PHP itself, or nothing hands requests on, no process manager starts beside it."""
    given = [{"effect": "InstallPackages", "manager": "apt", "names": packages}]
    processes = find_processes(steps(given), [DEBIAN], Settings(), elsewhere=ELSEWHERE).processes
    assert not any("fpm" in each.command[-1] for each in processes)


def variants(started: str) -> ProcessFindings:
    """The same application in three languages, one of which a task starts, behind nginx."""
    commands = {"go": "/srv/shop/go/shop", "ruby": "/usr/bin/puma -p 8000", "node": "/usr/bin/node index.js"}
    units = [
        {
            "effect": "WriteFile",
            "path": f"/etc/systemd/system/shop.{name}.service",
            "content": f"[Service]\nExecStart={command}\n",
        }
        for name, command in commands.items()
    ]
    nginx = "server { location / { proxy_pass http://127.0.0.1:8000; } }\n"
    return find_processes(
        steps([
            *units,
            {"effect": "WriteFile", "path": "/etc/nginx/sites-enabled/shop", "content": nginx},
            *([{"effect": "ServiceState", "name": started, "state": "started", "enabled": True}] if started else []),
        ]),
        [DEBIAN], Settings(), elsewhere=ELSEWHERE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("started", "commands"),
    [
        ("shop.go", [("/srv/shop/go/shop",)]),
        ("shop.ruby", [("/usr/bin/puma", "-p", "8000"), ("/srv/shop/go/shop",)]),
    ],
)
def test_of_variants_on_one_port_the_started_one_runs(started: str, commands: list[tuple[str, ...]]) -> None:
    """Two programs cannot bind one port: what no task starts beside it is not running."""
    findings = variants(started)
    assert [each.command for each in findings.processes] == commands
    assert (findings.processes[0].name, findings.processes[0].port) == ("api", 8000)
    assert any("no task starts it" in note for note in findings.notes)


def test_variants_that_nobody_starts_are_all_processes() -> None:
    """Another tool may start them: their files are there."""
    assert len(variants("").processes) == 3


def test_a_server_inside_a_script_is_the_api() -> None:
    """The command is a script of the project, and the program that serves stands in it."""
    script = "#!/bin/sh\n# gunicorn\nexec gunicorn shop.wsgi --bind unix:/run/shop.sock\n"
    given = [
        {"effect": "WriteFile", "path": "/srv/shop/bin/web_start", "content": script},
        {"effect": "WriteFile", "path": "/etc/supervisor/conf.d/shop.conf",
         "content": "[program:shop]\ncommand=/srv/shop/bin/web_start\n[program:mail]\ncommand=/srv/shop/bin/mail\n"},
    ]  # fmt: skip
    processes = find_processes(steps(given), [DEBIAN], Settings(), elsewhere=ELSEWHERE).processes
    assert [(each.name, each.command) for each in processes] == [
        ("api", ("/srv/shop/bin/web_start",)), ("mail", ("/srv/shop/bin/mail",)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("/srv/tomcat/bin/startup.sh", "/srv/tomcat/bin/catalina.sh run"),
        ("/opt/tomcat/bin/catalina.sh start", "/opt/tomcat/bin/catalina.sh run"),
        ("bundle exec puma -d -C x", "bundle exec puma -C x"),
        ("/usr/bin/env rbenv exec bundle exec unicorn -c x -D -E production",
         "/usr/bin/env rbenv exec bundle exec unicorn -c x -E production"),
        ("gunicorn app --daemon", "gunicorn app"),
        ("uwsgi --daemonize /var/log/x --ini x", "uwsgi --ini x"),
        ("uwsgi --daemonize=/var/log/x --ini x", "uwsgi --ini x"),
        ("/usr/sbin/php-fpm7.4 -D", "/usr/sbin/php-fpm7.4 --nodaemonize"),
        ("php-fpm8.2 -F -R", "php-fpm8.2 -F -R"),
        ("httpd -k start", "httpd -D FOREGROUND"),
        ("/usr/sbin/httpd -DFOREGROUND", "/usr/sbin/httpd -DFOREGROUND"),
        ("redis-server /etc/r.conf --daemonize yes", "redis-server /etc/r.conf"),
        ("java -jar x.jar start -d", "java -jar x.jar start -d"),
        ("/usr/bin/rake jobs:work -D", "/usr/bin/rake jobs:work -D"),
    ],
)  # fmt: skip
def test_what_goes_to_the_background_stays_in_front(written: str, kept: str) -> None:
    """A container ends with its command: servers that a unit forks are started as they stay."""
    assert " ".join(in_front(tuple(written.split()))) == kept


def started_as(*users: str) -> tuple[str, str]:
    """The Dockerfile and the entrypoint of an image with files that are written at start, one process a user."""
    units = [
        {"effect": "WriteFile", "path": f"/etc/systemd/system/p{number}.service",
         "content": f"[Service]\nUser={user}\nExecStart=/srv/shop/run{number} --port={3000 + number}\n"}
        for number, user in enumerate(users)
    ]  # fmt: skip
    files = [
        {
            "effect": "WriteFile",
            "path": f"/etc/shop/{name}",
            "content": marked("<secret key>"),
            "mode": mode,
            "owner": "root",
            "group": "shop",
        }
        for name, mode in (("private", "0600"), ("shared", "0640"), ("public", "0644"))
    ]
    made = image(steps([*units, *files]))
    (script,) = [file.data.decode() for file in made.files if file.path.endswith("docker-entrypoint")]
    return rendered(made).data.decode(), script


def test_containers_of_several_accounts_write_the_files_that_each_may_read() -> None:
    """The entrypoint of a batch of another account than the API's must not fail where the host would not let it read."""
    text, script = started_as("root", "shop")
    for mode, name in (("0600", "private"), ("0660", "shared"), ("0666", "public")):
        assert f"install -D -o root -g shop -m {mode} /dev/null /etc/shop/{name}" in text
        assert f"if [ -w '/etc/shop/{name}' ]; then\nprintf " in script
    assert subprocess.run(["sh", "-n", "-c", script], check=False).returncode == 0


def test_containers_of_one_account_own_what_they_write() -> None:
    """Nothing is skipped where all run as one."""
    text, script = started_as("shop", "shop")
    assert "install -D -o shop -g shop -m 0600 /dev/null /etc/shop/private" in text
    assert "-w" not in script


def decided(*tasks: dict[str, Any]) -> ProcessFindings:
    """What runs of tasks that call commands."""
    decisions = decide_tasks([task(each) for each in tasks], load_pack(rule_texts()), Settings())
    return find_processes(decisions.steps, [DEBIAN], Settings(), decisions.dropped, elsewhere=ELSEWHERE)


@pytest.mark.parametrize(
    ("module", "written", "command", "directory"),
    [
        ("command", "bundle exec rails s -d -b 0.0.0.0 -p 3000", ("bundle", "exec", "rails", "s", "-b", "0.0.0.0", "-p", "3000"), "/srv/app"),
        ("shell", "unicorn_rails -c config/unicorn.rb -D", ("unicorn_rails", "-c", "config/unicorn.rb"), "/srv/app"),
        ("shell", "cd /srv/other && gunicorn 'a b:app' --daemon", ("gunicorn", "a b:app"), "/srv/other"),
        ("shell", "gunicorn app -w $((1 + 1)) # 100%", ("/bin/sh", "-c", "gunicorn app -w $((1 + 1)) # 100%"), "/srv/app"),
        ("command", "/opt/n/bin/pm2 start app.js --name x", ("/opt/n/bin/pm2-runtime", "start", "app.js", "--name", "x"), "/srv/app"),
    ],
)  # fmt: skip
def test_a_server_that_a_command_starts_is_a_process(
    module: str, written: str, command: tuple[str, ...], directory: str
) -> None:
    """In a build it would never end, and no unit starts it."""
    findings = decided({f"ansible.builtin.{module}": {"_raw_params": written, "chdir": "/srv/app"}})
    assert [(each.command, each.working_directory) for each in findings.processes] == [(command, directory)]
    assert not any("No task starts" in note for each in findings.processes for note in each.notes)


def test_a_server_that_a_unit_keeps_is_not_started_twice_by_a_command() -> None:
    """A task may start by hand, once, what the unit starts from then on."""
    findings = decided(
        {
            "ansible.builtin.copy": {
                "dest": "/etc/systemd/system/web.service",
                "content": "[Service]\nExecStart=/srv/app/bin/puma -p 3000\n",
            }
        },
        {"ansible.builtin.command": {"_raw_params": "bundle exec puma -d"}},
    )
    assert [each.command for each in findings.processes] == [("/srv/app/bin/puma", "-p", "3000")]


def test_a_forking_unit_says_what_became_of_its_command() -> None:
    """Tomcat's `startup.sh` returns at once."""
    unit = "[Service]\nType=forking\nExecStart=/srv/tomcat/bin/startup.sh\n"
    (process,) = found(unit).processes
    assert process.command == ("/srv/tomcat/bin/catalina.sh", "run")
    assert any("stays in front" in note for note in process.notes)
    assert not any("forking" in note for note in process.notes)


def test_a_port_in_the_script_that_is_the_command_is_known() -> None:
    """`exec gunicorn --bind 10.0.0.5:9000` on several lines: that is where it listens."""
    script = "#!/bin/sh\nPORT=1\nexec gunicorn shop.wsgi \\\n    --bind 10.0.0.5:9000 \\\n    --config x\n"
    unit = "[Service]\nExecStart=/srv/shop/run.sh\n"
    (process,) = found(unit, {"effect": "WriteFile", "path": "/srv/shop/run.sh", "content": script}).processes
    assert (process.name, process.port) == ("api", 9000)


def test_a_unit_that_starts_what_the_platform_does_is_no_process() -> None:
    """Whatever the unit is called: an agent on the host has nothing to watch in a task."""
    agent = "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"
    write = {
        "effect": "WriteFile",
        "path": "/etc/systemd/system/shop_metrics.service",
        "content": f"[Service]\nExecStart={agent} -s\n",
    }
    findings = find_processes(steps([write]), [DEBIAN], Settings(), elsewhere=lambda name: name == agent)
    assert findings.processes == ()
    assert any(agent in note for note in findings.notes)


@pytest.mark.parametrize(
    ("texts", "folder"),
    [
        (["server {\n  root /srv/shop/current/public;\n}"], "/srv/shop/current"),
        (["root /srv/shop/public;", "  root '/srv/shop';"], "/srv/shop"),
        (['DocumentRoot "/srv/shop/web/"\n'], "/srv/shop"),
        (["root /srv/a; root /srv/b;\nroot /srv/c;\nroot /srv/d;"], ""),
        (["root /var/www/html;\n", "  root /usr/share/nginx/html;"], ""),
        (["# root /srv/a;", "root $base/public;"], ""),
        (["root /public;"], "/public"),
    ],
)
def test_a_web_server_that_serves_an_application_by_itself_names_its_folder(texts: list[str], folder: str) -> None:
    """PHP behind FastCGI and Passenger run from the folder above the one whose files everybody may see."""
    assert served_folder(texts) == folder


@pytest.mark.parametrize("unit", ["", "[Service]\nExecStart=/usr/bin/puma -p 3000\n"])
def test_certificates_that_the_image_lacks_keep_nginx_from_starting(unit: str) -> None:
    """Behind a load balancer nobody has them; where nginx is left out they do not matter."""
    nginx = (
        "server {\n listen 443 ssl;\n ssl_certificate /etc/letsencrypt/live/a/fullchain.pem;\n"
        " # ssl_certificate /etc/other.pem;\n ssl_certificate_key /etc/ssl/a.key;\n proxy_pass http://127.0.0.1:3000; }\n"
    )
    given = [
        {"effect": "InstallPackages", "manager": "apt", "names": ["nginx"]},
        {"effect": "WriteFile", "path": "/etc/nginx/sites-enabled/a", "content": nginx},
        {"effect": "WriteFile", "path": "/etc/ssl/a.key", "content": "key"},
        {"effect": "WriteFile", "path": "/etc/systemd/system/a.service", "content": unit},
    ]
    found = find_processes(steps(given), [DEBIAN], Settings(), elsewhere=ELSEWHERE).no_certificates
    assert found == (() if unit else ("/etc/letsencrypt/live/a/fullchain.pem",))


@pytest.mark.parametrize(
    ("unit", "unanswered"),
    [
        ("", ("port 3000", "/run/a.sock")),
        ("[Service]\nExecStart=/usr/bin/puma -b unix:///run/a.sock\n", ()),
        ("[Service]\nExecStart=/usr/bin/puma -p 3000\n", ()),
    ],
)
def test_where_the_web_server_hands_requests_to_nobody_it_is_said(unit: str, unanswered: tuple[str, ...]) -> None:
    """nginx before an application that no unit starts is no working service."""
    nginx = "upstream a { server 127.0.0.1:3000; }\nserver { location / { proxy_pass http://unix:/run/a.sock; } }\n"
    given = [
        {"effect": "InstallPackages", "manager": "apt", "names": ["nginx"]},
        {"effect": "WriteFile", "path": "/etc/nginx/sites-enabled/a", "content": nginx},
        {"effect": "WriteFile", "path": "/etc/systemd/system/a.service", "content": unit},
    ]
    assert find_processes(steps(given), [DEBIAN], Settings(), elsewhere=ELSEWHERE).unanswered == unanswered


def test_a_parameter_in_the_main_command_is_a_variable_of_the_container() -> None:
    """The exec form expands nothing: a command with a value of the environment runs in a shell, as in the definition."""
    unit = marked("[Service]\nUser=app\nExecStart=/usr/bin/web --workers '<parameter web workers>' --name 'it is'\n")
    made = image(steps([{"effect": "WriteFile", "path": "/etc/systemd/system/web.service", "content": unit}]))
    (line,) = [line for line in rendered(made).data.decode().splitlines() if line.startswith("CMD ")]
    script = json.loads(line.removeprefix("CMD "))
    assert script[:2] == ["sh", "-c"]
    ran = subprocess.run(
        ["sh", "-c", script[2].replace("exec '/usr/bin/web'", "printf '%s\\n'")],
        env={"WEB_WORKERS": "3 $(id)"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.splitlines() == ["--workers", "3 $(id)", "--name", "it is"]
