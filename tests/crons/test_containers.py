"""Cron lines that run in a container of the host: what they run, and what makes them a batch."""

from __future__ import annotations

import pytest

from analyzer.decide.schedules import decide_jobs
from analyzer.decide.schedules_containers import in_container
from analyzer.decide.schedules_job import LEAVE, RUN
from analyzer.model import FileContent, RunContainer, Settings, Source, Step, Via, WriteFile, secret_reference
from analyzer.resources import rule_texts
from tests.crons.helpers import entry, host

VIA = Via(rule="containers-run", sources=(Source("site.yml", 3),))
WEB = RunContainer(
    name="web",
    image="example/shop:1.2",
    environment={"MODE": "live", "TOKEN": secret_reference("web_token")},
    environment_files=("/etc/web.env",),
    volumes=(("/srv/data", "/data", False),),
    user="1000",
)
FILE = WriteFile(path="/etc/web.env", content=FileContent(source=Source("files/web.env"), data=b"MODE=file\nZONE=a\n"))
STEPS = tuple(Step(effect=effect, via=VIA) for effect in (WEB, FILE))


def jobs(line, **answers):
    given = {f"job:{name}": value for name, value in answers.items()}
    return decide_jobs([entry(line)], [host()], STEPS[:1], Settings(answers=given), rule_texts(), STEPS[1:]).jobs


@pytest.mark.parametrize(
    ("line", "command", "name", "directory", "user"),
    [
        ("docker exec web bin/report --all", "bin/report --all", "web", "", "1000"),
        ("/usr/bin/docker exec -i -u app -w /app -e A=1 web sh -c 'a | b'", "sh -c 'a | b'", "web", "/app", "app"),
        ("sudo docker exec -t web bin/x >> /var/log/x.log 2>&1", "bin/x >> /var/log/x.log 2>&1", "web", "", "1000"),
        ("docker run --rm -v /a:/a --env-file /b example/shop:1.2 bin/y", "bin/y", "example/shop:1.2", "", "1000"),
        ("cd /opt/shop && docker compose run --rm web rake z", "rake z", "web", "", "1000"),
        ("docker-compose -f /opt/shop/docker-compose.yml exec -T web rake z", "rake z", "web", "", "1000"),
        ("podman exec db pg_dump shop", "pg_dump shop", "db", "", ""),
    ],
)
def test_the_line_without_the_engine(line, command, name, directory, user):
    """Options belong to the engine; what follows the container's name is what runs, where and as whom the engine says."""
    found = in_container(entry(f"0 3 * * * {line}"), STEPS)
    assert (found.command, found.name, found.directory, found.user) == (command, name, directory, user)


@pytest.mark.parametrize(
    "line",
    [
        "docker exec web",
        "docker run -d",
        "echo x | docker exec -i web sh",
        "docker ps",
        "bin/docker-exec x",
        'docker exec "$(id)" x',
    ],
)
def test_lines_that_are_not_one_run_in_one_container(line):
    assert in_container(entry(f"0 3 * * * {line}"), STEPS) is None


def test_the_question_holds_what_was_read_and_the_way_to_run_it():
    """The container's image, command and names of variables, and the base image with which the line runs as it is."""
    (job,) = jobs("0 3 * * * docker exec web bin/report")
    assert (job.outcome, job.via.rule) == ("manual", "batches-in-container")
    assert "image example/shop:1.2; user 1000; variables MODE, TOKEN; variables of /etc/web.env" in job.reason
    assert "`base_image: example/shop:1.2`" in job.question.text
    assert job.question.answers == (LEAVE, RUN)


def test_answered_it_is_a_batch_with_what_the_container_has():
    """Its variables, directory and user are the container's and not cron's; secrets are references."""
    (job,) = jobs("0 3 * * * cd /opt && docker exec -w /app web bin/report >> /var/log/r.log 2>&1", report=RUN)
    assert job.outcome == "schedule"
    assert job.container_command == ("/bin/sh", "-c", "cd /app && bin/report && echo 'report End.'")
    assert dict(job.environment) == {
        "MODE": "live",
        "TOKEN": secret_reference("web_token"),
        "TZ": "Asia/Tokyo",
        "ZONE": "a",
    }
    assert job.user == "1000"
    assert any("/data" in note for note in job.notes)
    assert any("base_image" in note for note in job.notes)


def test_what_runs_inside_is_judged_as_anywhere_else():
    """A dump of a database in its container is asked as a dump, and pruning of the engine is the platform's."""
    assert jobs("0 3 * * * docker exec db pg_dump shop")[0].via.rule == "batches-database-backup"
    (pruning,) = jobs("0 3 * * * docker system prune -f")
    assert (pruning.outcome, pruning.via.rule) == ("platform", "batches-container-upkeep")


def test_a_line_that_is_more_than_one_run_can_only_be_left():
    (job,) = jobs("0 3 * * * echo x | docker exec -i web sh")
    assert (job.outcome, job.question.answers) == ("manual", (LEAVE,))
    assert jobs("0 3 * * * echo x | docker exec -i web sh", **{job.id: RUN})[0].outcome == "manual"


def test_a_container_that_a_unit_keeps_running_is_known():
    """The unit's `docker run` tells image and variables as a task of a container module does."""
    text = b"[Service]\nExecStart=/usr/bin/docker run --name shop -e MODE=live example/shop:3 bin/web\n"
    file = WriteFile(
        path="/etc/systemd/system/shop.service", content=FileContent(source=Source("shop.service"), data=text)
    )
    found = in_container(entry("0 3 * * * docker exec shop bin/report"), (Step(effect=file, via=VIA),))
    assert (found.image, found.environment) == ("example/shop:3", (("MODE", "live"),))
