"""Containers that a host runs: what is read of them, and what each becomes."""

from __future__ import annotations

import pytest
from example_tasks import task

from analyzer.decide.container_images import image_names
from analyzer.decide.container_tasks import containers_in
from analyzer.decide.containers import container_of
from analyzer.decide.containers_compose import ComposeError, services_of
from analyzer.decide.containers_options import run_arguments, up_arguments
from analyzer.decide.parts import service_is_elsewhere
from analyzer.decide.processes import find_processes
from analyzer.decide.tasks import decide_tasks
from analyzer.model import (
    Host,
    Outcome,
    RunContainer,
    Settings,
    Source,
    Unknown,
    parameter_reference,
    secret_reference,
)
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack

PACK = load_pack(rule_texts())
HOST = Host(name="acct01", source=Source("hosts", 1))


def decided(*tasks, answers=None):
    """What becomes of several tasks of one application."""
    return decide_tasks(list(tasks), PACK, Settings(answers=answers or {}))


def processes(found):
    """The processes of what was decided."""
    elsewhere = lambda name: service_is_elsewhere(PACK, name)  # noqa: E731
    return find_processes(found.steps, [HOST], Settings(), found.dropped, elsewhere=elsewhere).processes


def docker(**args):
    return task({"community.docker.docker_container": args})


@pytest.mark.parametrize(
    ("args", "field", "expected"),
    [
        ({"command": "bin/web -p '80 80'"}, "command", ("bin/web", "-p", "80 80")),
        ({"command": ("a", "b c")}, "command", ("a", "b c")),
        ({"entrypoint": ("/init",)}, "entrypoint", ("/init",)),
        ({"env": {"A": 1, "B": True}}, "environment", {"A": "1", "B": "true"}),
        ({"environment": ("A=x=y", "B")}, "environment", {"A": "x=y", "B": ""}),
        ({"env_file": "/etc/app.env"}, "environment_files", ("/etc/app.env",)),
        ({"published_ports": ("127.0.0.1:80:8080", "9000", "53:53/udp", "[::1]:81:8081/tcp")}, "ports",
         (("80", "8080"), ("", "9000"), ("53", "53/udp"), ("81", "8081"))),
        ({"publish": ("8443:443",)}, "ports", (("8443", "443"),)),
        ({"ports": ({"target": 80, "published": "8080", "protocol": "tcp"},)}, "ports", (("8080", "80"),)),
        ({"volumes": ("/srv/a/:/a", "data:/b:ro", "/etc/localtime:/etc/localtime:ro", "/anonymous")}, "volumes",
         (("/srv/a", "/a", False), ("/var/lib/docker/volumes/data/_data", "/b", True))),
        ({"mounts": ({"type": "bind", "source": "/x", "target": "/y", "read_only": True},)}, "volumes", (("/x", "/y", True),)),
        ({"memory": "1.5g"}, "memory_mib", 1536),
        ({"mem_limit": "512MB"}, "memory_mib", 512),
        ({"memory": 0}, "memory_mib", None),
        ({"cpus": "0.5"}, "cpus", 0.5),
        ({"cpu_quota": 150000}, "cpus", 1.5),
        ({"healthcheck": {"test": ("CMD", "curl", "x")}}, "health_check", ("CMD", "curl", "x")),
        ({"healthcheck": {"test": "curl x || exit 1"}}, "health_check", ("CMD-SHELL", "curl x || exit 1")),
        ({"healthcheck": {"test": ("NONE",)}}, "health_check", ()),
        ({"ulimits": ("nofile:1024:2048",)}, "nofile", 1024),
        ({"ulimits": {"nofile": {"soft": 7, "hard": 9}}}, "nofile", 7),
        ({"stop_timeout": 25}, "stop_timeout_s", 25),
        ({"stop_grace_period": "1m30s"}, "stop_timeout_s", 90),
        ({"volumes": ("/var/run/docker.sock:/var/run/docker.sock",)}, "left", ("the host's socket /var/run/docker.sock",)),
        ({"env": {"A": Unknown("{{ x.stdout }}", "a result")}}, "left",
         ("the variable A, whose value is not known: {{ x.stdout }} (a result)",)),
        ({"privileged": True, "devices": ()}, "left", ("privileged mode",)),
    ],
)  # fmt: skip
def test_a_containers_arguments_are_read_as_the_engine_reads_them(args, field, expected):
    """Commands, variables, ports, volumes, limits and checks of docker's and podman's modules and of compose."""
    found = container_of({"name": "web", "image": "x/web:1", **args})
    assert isinstance(found, RunContainer)
    assert getattr(found, field) == expected


@pytest.mark.parametrize(
    ("image", "names"),
    [
        ("redis:6", ("redis",)),
        ("docker.io/library/redis@sha256:0a", ("redis",)),
        ("registry.example.com:5000/team/app:1.2", ("team/app", "app")),
        ("localhost/app", ("app",)),
        ("bitnami/redis", ("bitnami/redis", "redis")),
    ],
)
def test_an_image_is_known_by_its_name_without_registry_and_tag(image, names):
    assert image_names(image) == names


@pytest.mark.parametrize(
    ("image", "outcome", "rule"),
    [
        ("postgres:15", "infrastructure", "databases-postgresql"),
        ("bitnami/redis:7", "infrastructure", "databases-cache"),
        ("memcached", "infrastructure", "databases-cache"),
        ("docker.elastic.co/elasticsearch/elasticsearch:8.1.0", "infrastructure", "databases-other"),
        ("rabbitmq:3-management", "infrastructure", "databases-queue"),
        ("prom/node-exporter:v1.5", "platform", "platform-monitoring"),
        ("oliver006/redis_exporter", "platform", "platform-monitoring"),
        ("fluent/fluentd:v1", "platform", "platform-logs"),
        ("containrrr/watchtower", "platform", "cloud-container-engine"),
        ("nginx:1.25", "infrastructure", "containers-front"),
        ("acme/redis-dashboard:2", "process", "containers-run"),
        ("acme/shop:2", "process", "containers-run"),
    ],
)
def test_companions_go_where_their_packages_go(image, outcome, rule):
    """A database, a cache or an agent is the same thing as a container; an image of the team's is a process."""
    decision = decided(docker(name="it", image=image)).decisions[0]
    assert (decision.outcome, decision.rule) == (outcome, rule)
    assert image in decision.reason


def test_a_container_of_the_application_becomes_a_process_with_all_that_was_read():
    """Its image, command, variables, port, limits and data are in the process; its secrets are references."""
    env_file = task({"ansible.builtin.copy": {"content": "MODE=live\nA=file\n", "dest": "/etc/web.env"}})
    found = decided(
        env_file,
        docker(
            name="web",
            image="example/web:1.2",
            command="bin/web",
            env={"A": "task", "TOKEN": secret_reference("web_token")},
            env_file="/etc/web.env",
            ports=("8080:3000",),
            volumes=("/srv/uploads:/app/uploads", "/var/log/web:/app/log"),
            memory="512m",
            cpus="0.5",
            user="app",
        ),
    )
    (process,) = processes(found)
    assert (process.name, process.image, process.command, process.port) == (
        "api",
        "example/web:1.2",
        ("bin/web",),
        3000,
    )
    assert (process.user, process.memory_limit_mib, process.cpu_limit) == ("app", 512, 0.5)
    assert process.environment == (("A", "task"), ("MODE", "live"))
    assert process.secrets == (("TOKEN", "web_token"),)
    assert process.mounts == (("/srv/uploads", "/app/uploads", False),)
    assert any("/var/log/web" in note for note in process.notes)


def test_what_stands_before_a_container_on_the_hosts_port_names_it_the_api():
    """nginx sends requests to the host's port, which the engine forwards: that container is the API."""
    vhost = "upstream a { server 127.0.0.1:8080; } server { location / { proxy_pass http://a; } }"
    found = decided(
        docker(name="admin", image="example/admin:1", ports=("9000:3000",)),
        docker(name="shop", image="example/shop:1", ports=("8080:3000",)),
        task({"ansible.builtin.copy": {"content": vhost, "dest": "/etc/nginx/conf.d/shop.conf"}}),
        task({"ansible.builtin.apt": {"name": "nginx"}}),
    )
    assert {one.name: one.image for one in processes(found)} == {"api": "example/shop:1", "admin": "example/admin:1"}


def test_answers_decide_on_each_container_of_a_task():
    """`drop` removes the container whose question it answers, and no other of the same compose file."""
    definition = {"services": {"web": {"image": "example/web:1"}, "old": {"image": "example/old:1"}}}
    up = task({"community.docker.docker_compose_v2": {"definition": definition}}, name="Up")
    assert decided(up).decisions[0].question.id == "example-up-web"
    found = decided(up, answers={"example-up-old": "drop", "example-up-web": "process"})
    assert [step.effect.name for step in found.steps] == ["web"]
    assert found.decisions[0].question is None
    assert set(found.decisions[0].answered_questions) == {"example-up-web", "example-up-old"}


def test_a_container_that_no_task_can_be_made_of_asks_with_what_was_read():
    """An image that the host builds, or whose tag is defined nowhere, is a question that holds the facts and no value."""
    build = task({"community.docker.docker_image": {"name": "shop", "source": "build", "build": {"path": "/srv/shop"}}})
    built, moving = (
        decided(build, docker(name="shop", image="shop", env={"A": "hush"}, ports=("80:3000",))).decisions[1],
        decided(docker(name="web", image=f"x/web:{parameter_reference('web_tag')}", env={"A": "hush"})).decisions[0],
    )
    assert (built.outcome, moving.outcome) == (Outcome.MANUAL, Outcome.MANUAL)
    assert "shop" in built.question.text
    assert "ports 80->3000; variables A" in built.question.text
    assert "x/web:${web_tag}" in moving.question.text
    assert "hush" not in built.question.text + moving.question.text + built.reason + moving.reason


COMPOSE = """
services:
  web:
    image: example/web:${TAG:-1.0}
    command: bin/web --port 80
    environment: {HOST: db, PRICE: "5$$"}
    env_file: [.env, ./more.env]
    volumes: ["./data:/data", named:/n, /srv/x:/x:ro]
    deploy: {resources: {limits: {memory: 256M, cpus: "0.25"}}}
  db: {image: "postgres:15"}
  tool: {image: "example/tool", profiles: [debug]}
"""


def test_a_compose_file_is_read_as_compose_reads_it():
    """Variables, defaults, the .env file, relative paths, limits, overrides; services of a profile do not start."""
    override = "services: {web: {environment: {MODE: live}}}"
    found = dict(services_of([COMPOSE, override], "/srv/app", "TAG=2.0\n"))
    assert set(found) == {"web", "db"}
    web = container_of(found["web"])
    assert isinstance(web, RunContainer)
    assert (web.image, web.command, web.memory_mib, web.cpus) == (
        "example/web:2.0",
        ("bin/web", "--port", "80"),
        256,
        0.25,
    )
    assert web.environment == {"HOST": "db", "PRICE": "5$", "MODE": "live"}
    assert web.environment_files == ("/srv/app/.env", "/srv/app/more.env")
    assert [source for source, _, _ in web.volumes] == [
        "/srv/app/data",
        "/var/lib/docker/volumes/named/_data",
        "/srv/x",
    ]


UNFOLDS = "a: &a0 [x, x]\n" + "".join(f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))


@pytest.mark.parametrize(
    "text", [f"{UNFOLDS}services: {{a: {{image: x, labels: *a9}}}}", "services: {a: &a {image: x, labels: [*a]}}"]
)
def test_a_compose_file_whose_aliases_never_end_says_so(text):
    """A few lines of aliases are thousands of millions of values, and one that holds itself has no end."""
    with pytest.raises(ComposeError, match="unfold"):
        list(services_of([text], "/srv"))


@pytest.mark.parametrize("text", ["services: [a]", "services: {a: {image: 'x}", "- a", "version: '3'\nservices: 3"])
def test_a_text_that_is_no_compose_file_says_so(text):
    with pytest.raises(ComposeError):
        list(services_of([text], "/srv"))


def test_compose_files_that_a_task_wrote_are_found():
    """The task that starts the services names a folder, and another task wrote the file there."""
    write = task({"ansible.builtin.copy": {"content": COMPOSE, "dest": "/srv/app/docker-compose.yml"}})
    for start in (
        {"community.docker.docker_compose_v2": {"project_src": "/srv/app"}},
        {"ansible.builtin.command": {"_raw_params": "docker compose up -d", "chdir": "/srv/app"}},
        {"ansible.builtin.shell": {"_raw_params": "docker-compose -f /srv/app/docker-compose.yml up -d"}},
    ):
        found = decided(write, task(start))
        assert [one.image for one in processes(found)] == ["example/web:1.0"], start
        assert "HOST names db" in " ".join(processes(found)[0].notes)
    missing = decided(task({"community.docker.docker_compose_v2": {"project_src": "/srv/app"}})).decisions[0]
    assert missing.outcome is Outcome.MANUAL
    assert "/srv/app/docker-compose.yml is not in the project" in missing.question.text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("docker run -d --name web -p 80:80 x/web:1 serve -d", {"name": "web", "ports": ("80:80",), "image": "x/web:1", "command": ("serve", "-d")}),
        ("docker run -dit --restart=always -eA=1 -e B=2 x", {"env": ("A=1", "B=2"), "image": "x", "command": ()}),
        ("podman run --detach --mount type=bind,src=/a,dst=/b,readonly x", {"mounts": ({"type": "bind", "src": "/a", "dst": "/b", "read_only": True},), "image": "x", "command": ()}),
        ("docker container run -d --memory 1g --log-opt max-size=1m x", {"memory": "1g", "image": "x", "command": ()}),
        ("docker run -d --security-opt a=b --health-retries 3 x", {"image": "x", "command": ()}),
        ("docker run --rm x", "it runs in the foreground, so the playbook waits for its end"),
        ("docker run -d", "it names no image"),
        ("docker run -d --name", "the option --name has no value"),
    ],
)  # fmt: skip
def test_docker_run_is_read_with_its_options(line, expected):
    """Options before the image belong to the engine, words after it to the program."""
    assert run_arguments(tuple(line.split())) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("docker compose -f a.yml -f b.yml up -d", {"files": ("a.yml", "b.yml")}),
        ("docker-compose --project-directory /srv/a up", {"project_src": "/srv/a"}),
        ("docker compose up -d web", "it starts only web of the compose file"),
        ("docker compose --profile debug up", "it starts the services of a profile"),
    ],
)
def test_docker_compose_up_is_read_with_its_options(line, expected):
    assert up_arguments(tuple(line.split())) == expected


def test_an_unknown_image_is_a_question():
    unknown = Unknown("{{ x.stdout }}", "a result")
    found = containers_in({"subject": "docker_container", "args": {"name": "web", "image": unknown}})
    assert found == "the image is not known: {{ x.stdout }} (a result)"
    assert decided(docker(name="web", image=unknown)).decisions[0].outcome is Outcome.MANUAL


def test_files_that_a_compose_file_names_belong_to_its_containers():
    """What lies in its volumes, its `.env` and its files of variables is not in the application's image."""
    write = lambda path, text: task({"ansible.builtin.copy": {"content": text, "dest": path}})  # noqa: E731
    found = decided(
        write("/srv/app/docker-compose.yml", COMPOSE),
        write("/srv/app/.env", "TAG=3\n"),
        write("/srv/app/more.env", "A=1\n"),
        write("/srv/app/data/seed.txt", "x"),
        write("/srv/app/readme.txt", "x"),
    )
    rules = [(one.outcome, one.rule) for one in found.decisions[1:]]
    assert rules == [*[(Outcome.TASK_DEFINITION, "containers-mounted")] * 3, (Outcome.IMAGE, "files-copy")]


def unit(text, name="web"):
    return task({"ansible.builtin.copy": {"content": text, "dest": f"/etc/systemd/system/{name}.service"}})


def test_a_unit_that_runs_a_container_is_that_containers_process():
    """Its image, ports and variables are the container's; what the unit does to the engine before it is nothing."""
    text = (
        "[Service]\nEnvironment=MODE=live\nExecStartPre=-/usr/bin/docker pull example/shop:1.2\n"
        "ExecStart=/usr/bin/docker run --rm --name %n -p 80:8080 -e MODE -e A=1 -v /srv/data:/data \\\n"
        "  --memory 512m example/shop:1.2 bin/web\nExecStop=/usr/bin/docker stop %n\n"
    )
    (process,) = processes(decided(unit(text)))
    assert (process.image, process.command, process.port) == ("example/shop:1.2", ("bin/web",), 8080)
    assert process.environment == (("A", "1"), ("MODE", "live"))
    assert (process.mounts, process.memory_limit_mib) == ((("/srv/data", "/data", False),), 512)
    assert not any("ExecStop" in note or "docker pull" in note or "stops it" in note for note in process.notes)


def test_a_unit_that_starts_a_compose_file_is_its_services():
    """Those of them that something else takes the place of are no processes."""
    write = task({"ansible.builtin.copy": {"content": COMPOSE, "dest": "/srv/app/docker-compose.yml"}})
    text = "[Service]\nWorkingDirectory=/srv/app\nExecStart=/usr/local/bin/docker-compose up\n"
    assert [one.image for one in processes(decided(write, unit(text, "shop")))] == ["example/web:1.0"]


@pytest.mark.parametrize(
    "command",
    [
        "docker start -a web",
        "docker run --rm redis:7",
        f"docker run example/shop:{parameter_reference('tag')}",
        "docker-compose -f /srv/none.yml up",
    ],
)
def test_a_unit_of_whose_container_no_task_can_be_made_is_no_process(command):
    """A command of the engine never gets into a task definition."""
    assert processes(decided(unit(f"[Service]\nExecStart=/usr/bin/{command}\n", "thing"))) == ()
