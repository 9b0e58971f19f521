"""Shell texts are taken apart as a shell would, and each command finds its rule."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from example_tasks import task
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.decide.commands_in_tasks import argument_command, simple_commands
from analyzer.decide.tasks import decide_tasks
from analyzer.model import Settings, Unknown, parameter_reference
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack

PACK = load_pack(rule_texts())

# text | programs and words, `;` between commands | files written
TEXTS = [
    ("make install", "make install", ""),
    ("apt-get update && apt-get install -y nginx", "apt-get update; apt-get install -y nginx", ""),
    ("cd /srv/app && bundle exec rake db:migrate", "rake db:migrate", ""),
    ("RAILS_ENV=production rake x > /var/log/x.log 2>&1", "rake x", "/var/log/x.log"),
    ("sudo -u app -H bash -lc 'cd /srv; rbenv install 3.1'", "rbenv install 3.1", ""),
    ("su - postgres -c \"psql -c 'select 1'\"", "psql -c select 1", ""),
    ("/usr/bin/env A=1 timeout 10 nice -n 5 /opt/x/bin/job --all", "job --all", ""),
    ("set -o pipefail\ncurl -s https://x | tar xz -C /opt", "curl -s https://x; tar xz -C /opt", ""),
    ("if [ -f /x ]; then rm /x; fi", "[ -f /x ]; rm /x", ""),
    ("for u in a b; do useradd $u; done", "useradd $u", ""),
    ("cat <<EOF > /etc/x\na && b\nEOF\nls", "cat; ls", "/etc/x"),
    ("cat > /etc/y <<'END'\n; rm -rf /\nEND\n", "cat", "/etc/y"),
    ("echo $(date | head) # comment && rm x", "echo $(date | head)", ""),
    ("echo 'a && b; c' >/dev/null 2>/dev/null", "echo a && b; c", ""),
    ("a || b & c", "a; b; c", ""),
    ("(make && make install) || exit 1", "make; make install; exit 1", ""),
    ("x \\\n  -y \\\n  -z", "x -y -z", ""),
    ("rbenv exec gem install bundler", "gem install bundler", ""),
    ("dotenv -f .env run -- ./manage.py migrate", "manage.py migrate", ""),
    (
        "pipenv run python manage.py migrate && poetry run -q alembic upgrade head",
        "python manage.py migrate; alembic upgrade head",
        "",
    ),
    ("uv pip install run; uv run", "uv pip install run; uv run", ""),
    ("export A=1; . /etc/env", "export A=1; . /etc/env", ""),
    ("tee /etc/z < /dev/null", "tee /etc/z", ""),
    ("", "", ""),
    ("# only a comment", "", ""),
    ("cmd &>/var/log/y", "cmd", "/var/log/y"),
    ("ls\n# a comment (of two) words\nrm x", "ls; rm x", ""),
    ("if (( $(stat -c %s /x) > 10 )); then rm /x; fi", "test (( $(stat -c %s /x) > 10 )); rm /x", ""),
    ("diff <(sort a) <(sort b) > /tmp/c", "diff <(sort a) <(sort b)", "/tmp/c"),
]


@pytest.mark.parametrize(("text", "commands", "writes"), TEXTS)
def test_text(text, commands, writes):
    """The commands of the text are these, without preparation, wrappers and redirections."""
    found = simple_commands(text)
    assert "; ".join(" ".join(one.words) for one in found) == commands
    assert " ".join(path for one in found for path in one.writes) == writes


def test_an_argument_vector_has_no_operators():
    """`command` hands operators to the program as words."""
    (found,) = argument_command(("echo", "a", "&&", ">", "b"))
    assert found.words == ("echo", "a", "&&", ">", "b")
    assert found.writes == ()


@given(st.text(alphabet="ab '\"\\$(){}|&;<>\n`#=-", max_size=40))
@settings(max_examples=400, deadline=None)
def test_any_text_is_taken_apart(text):
    """No text, however broken, stops the reading or runs on for ever."""
    for one in simple_commands(text):
        assert one.words


WORDS = st.text(alphabet="abc/.-_ '\"$&|;<>*", min_size=1, max_size=8)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash as the oracle")
@given(st.lists(WORDS, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_quoted_words_are_what_bash_makes_of_them(words):
    """The words of a quoted command are those that bash would hand to the program."""
    import shlex

    text = "job " + shlex.join(words)
    told = subprocess.run(
        ["bash", "-c", "job() { printf '%s\\0' \"$@\"; }\n" + text], capture_output=True, check=True, text=True
    )
    (found,) = simple_commands(text)
    assert list(found.words[1:]) == told.stdout.split("\0")[:-1]


# module | text | outcome | rule
DECIDED = [
    ("shell", "systemctl is-active app || systemctl start app", "process", "commands-start"),
    ("shell", "systemctl daemon-reload && update-ca-certificates", "image", "commands-build"),
    ("command", "/usr/bin/systemctl restart nginx", "platform", "commands-restart"),
    ("shell", "bundle install --deployment && bundle exec rake db:migrate", "deploy", "commands-release"),
    ("command", "bundle install --deployment", "image", "commands-build"),
    ("command", "bundle exec rake assets:precompile", "image", "commands-build"),
    ("command", "python3.11 -m pip install gunicorn", "image", "commands-build"),
    ("command", "/srv/venv/bin/python manage.py migrate --noinput", "deploy", "commands-release"),
    ("command", "/srv/venv/bin/python manage.py collectstatic --noinput", "image", "commands-build"),
    ("shell", "echo 'net.core.somaxconn=1' > /etc/sysctl.d/x.conf", "task-definition", "kernel-sysctl-file-path"),
    ("shell", "cat /etc/os-release | grep -q bookworm", "control", "commands-probe"),
    ("command", "gem list -i bundler", "control", "commands-probe"),
    ("command", "gem install bundler -v 2.4", "image", "commands-build"),
    ("command", "rbenv global 3.1.2", "image", "commands-build"),
    ("command", "a2enmod rewrite", "image", "commands-build"),
    ("command", "locale-gen ja_JP.UTF-8", "image", "commands-build"),
    ("command", "update-alternatives --set ruby /opt/ruby", "image", "commands-build"),
    ("command", "certbot renew", "platform", "commands-certificates"),
    ("command", "psql -c 'create database x'", "infrastructure", "commands-database"),
    ("command", "curl -fsSL -o /usr/local/bin/x https://example.org/x", "image", "commands-build"),
    ("command", "useradd -m app", "image", "commands-build"),
    ("command", "chown -R app:app /srv/app", "image", "commands-build"),
    ("command", "sysctl -p", "platform", "platform-kernel"),
    ("command", "service nginx reload", "platform", "commands-restart"),
    ("command", "openssl req -new -x509 -keyout k -out c", "manual", "commands-keys"),
    ("command", "docker run -d web", "process", "commands-container-run"),
    ("command", "docker run --rm web rake x", "manual", "commands-container-run"),
    ("command", "tar xzf /tmp/x.tgz -C /opt", "image", "commands-build"),
    ("shell", "npm ci && npm run build", "image", "commands-build"),
    ("command", "swapon /swapfile", "platform", "platform-kernel"),
    ("command", "hostnamectl set-hostname app01", "platform", "platform-network"),
    ("command", "timedatectl set-timezone Asia/Tokyo", "image", "commands-timezone"),
    ("raw", "apt-get -o DPkg::Lock::Timeout=9 install -y python3", "platform", "storage-ansible-helpers"),
    ("command", "curl -s http://localhost:9200/_settings -X PUT -d '{}'", "manual", "commands-remote"),
    ("command", "dd if=/dev/zero of=/swapfile bs=1M count=1024", "platform", "platform-kernel"),
    ("command", "dd if=/dev/urandom of=/etc/app/key bs=32 count=1", "manual", "commands-keys"),
    ("command", "python3 /tmp/get-tool.py --prefix /opt", "image", "commands-build"),
    ("command", "php composer-setup.php --install-dir=/usr/local/bin", "image", "commands-build"),
    ("command", "php artisan migrate --force", "deploy", "commands-release"),
    ("command", "/opt/vendor/install.bin --silent", "manual", "commands-unlisted"),
    ("command", f"{parameter_reference('wp_cli_path')} plugin list", "control", "commands-probe"),
    ("command", f"{parameter_reference('container_engine')} exec web reload", "manual", "commands-container-exec"),
    (
        "raw",
        "test -e /usr/bin/python3 || (apt -y update && apt install -y python3)",
        "platform",
        "storage-ansible-helpers",
    ),
]


@pytest.mark.parametrize(("module", "text", "outcome", "rule"), DECIDED, ids=[text for _, text, _, _ in DECIDED])
def test_command(module, text, outcome, rule):
    """What people run through command and shell goes where it belongs."""
    decision = decide_tasks([task({f"ansible.builtin.{module}": {"_raw_params": text}})], PACK, Settings()).decisions[0]
    assert (decision.outcome, decision.rule) == (outcome, rule), decision.reason


def test_release_and_build_are_taken_apart():
    """A text that builds and migrates becomes a build step and a release step."""
    found = decide_tasks(
        [task({"ansible.builtin.shell": {"_raw_params": "bundle install && bundle exec rake db:migrate"}})],
        PACK,
        Settings(),
    )
    assert [type(step.effect).__name__ for step in found.steps] == ["RunCommand", "ReleaseStep"]
    assert [step.effect.command for step in found.steps] == ["bundle install", "bundle exec rake db:migrate"]


@pytest.mark.parametrize(
    ("expression", "outcome"),
    [
        ("systemctl restart {{ unit.stdout }}", "platform"),
        ("ls {{ found.path }}", "control"),
        ("make {{ target.stdout }}", "manual"),
        ("{{ tool.stdout }} restart", "manual"),
        ("{{ venv.path }}/bin/pip show requests", "control"),
        ("mysql -e 'CREATE DATABASE {{ db.name }}'", "infrastructure"),
        ("{{ php_executable }} artisan migrate --seed={{ seed.stdout }}", "manual"),
        ("{{ app_container_engine }} ps --filter name={{ c.name }}", "control"),
        ("{{ app_restart_command }} {{ c.name }}", "manual"),
        ("cat {{ a.b }} > /etc/x", "manual"),
    ],
)
def test_an_unknown_command_is_left_behind_only_by_its_literal_words(expression, outcome):
    """Of a command that is not wholly known only its literal words are used, and only to leave it behind."""
    args = {"_raw_params": Unknown(expression, "registered")}
    decision = decide_tasks([task({"ansible.builtin.shell": args})], PACK, Settings()).decisions[0]
    assert decision.outcome == outcome
    assert "registered" in decision.reason


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("/opt/tool/bin/tool state", "control"),
        ("docker exec web cat /etc/version", "control"),
        ("make install", "image"),
        ("bundle exec rake db:migrate", "deploy"),
    ],
)
def test_a_command_that_says_it_changes_nothing_is_not_asked_about(text, outcome):
    """`changed_when: false` with a registered result answers for programs that nobody knows, and for no other."""
    written = task({"ansible.builtin.command": {"_raw_params": text}}, reads_only=True)
    assert decide_tasks([written], PACK, Settings()).decisions[0].outcome == outcome
