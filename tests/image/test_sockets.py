"""Applications that listen on a socket of the host behind a web server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from analyzer.decide.processes import ProcessFindings, find_processes
from analyzer.decide.processes_sockets import port_question
from analyzer.model import Process, Settings
from tests.image.effects import DEBIAN, ELSEWHERE, steps

SOCKET = "/srv/shop/run/app.sock"
NGINX = {"effect": "WriteFile", "path": "/etc/nginx/sites-enabled/shop",
         "content": f"upstream app {{ server unix:{SOCKET} fail_timeout=0; }}\n"}  # fmt: skip
INSTALLED = {"effect": "InstallPackages", "manager": "apt", "names": ["nginx"]}
WORKER = {"effect": "WriteFile", "path": "/etc/systemd/system/zz-worker.service", "content": "[Service]\nExecStart=/srv/shop/bin/work\n"}  # fmt: skip


def found(*effects: Mapping[str, Any], **answers: object) -> ProcessFindings:
    """The processes of these effects behind nginx."""
    return find_processes(steps([NGINX, INSTALLED, WORKER, *effects]), [DEBIAN], Settings(answers={key.replace("_", ":"): value for key, value in answers.items()}), elsewhere=ELSEWHERE)  # fmt: skip


def api(findings: ProcessFindings) -> Process:
    """The one behind the load balancer."""
    return next(one for one in findings.processes if one.name == "api")


def unit(command: str, path: str = "/etc/systemd/system/web.service") -> dict[str, str]:
    """A unit file."""
    return {"effect": "WriteFile", "path": path, "content": f"[Service]\nExecStart={command}\n", "owner": "shop"}


@pytest.mark.parametrize(
    "effects",
    [
        pytest.param([unit(f"/srv/shop/bin/serve --bind unix:{SOCKET}")], id="in the command"),
        pytest.param([unit("/srv/shop/bin/start"), {"effect": "WriteFile", "path": "/srv/shop/bin/start",
                      "content": f"#!/bin/sh\nSOCK={SOCKET}\nexec serve --bind unix:$SOCK\n"}], id="in the script it starts"),
        pytest.param([unit("/srv/shop/bin/serve -C /etc/shop.conf"), {"effect": "WriteFile", "path": "/etc/shop.conf",
                      "content": f"listen {SOCKET}\n"}], id="in its configuration"),
        pytest.param([unit("/srv/shop/bin/serve"), {"effect": "WriteFile", "path": "/etc/systemd/system/web.socket",
                      "content": f"[Socket]\nListenStream={SOCKET}\n"}], id="in its socket unit"),
    ],
)  # fmt: skip
def test_the_process_behind_the_web_server_s_socket_is_the_api(effects: list[dict[str, str]]) -> None:
    process = api(found(*effects))
    assert process.source.line == 4
    assert process.port is None
    assert any(SOCKET in note for note in process.notes)


def test_the_api_s_port_is_asked_for_and_blocks_until_a_person_answers() -> None:
    effects = [unit(f"/srv/shop/.venv/bin/gunicorn --bind unix:{SOCKET}")]
    question = port_question(api(found(*effects)))
    assert question is not None
    assert question.blocking
    assert question.answers[0] == "8000"
    answered = api(found(*effects, port_api="8001"))
    assert answered.port == 8001
    assert port_question(answered) is None
    assert answered.health_check is not None


@pytest.mark.parametrize("answer", ["0", "70000", "a", "", None])
def test_an_answer_that_is_no_port_changes_nothing(answer: object) -> None:
    assert api(found(unit(f"/srv/shop/serve unix:{SOCKET}"), port_api=answer)).port is None


@pytest.mark.parametrize("stream", ["3000", "127.0.0.1:3000", "[::1]:3000"])
def test_a_socket_unit_s_port_is_the_process_s(stream: str) -> None:
    socket = {"effect": "WriteFile", "path": "/etc/systemd/system/listen.socket",
              "content": f"[Socket]\nListenStream={stream}\nService=web.service\n"}  # fmt: skip
    assert api(found(unit("/srv/shop/serve"), socket)).port == 3000


def test_a_unit_of_a_user_s_own_service_manager_is_a_process_of_that_user() -> None:
    process = api(found(unit("/usr/bin/puma -p 3000", "/home/shop/.config/systemd/user/web.service")))
    assert (process.user, process.port) == ("shop", 3000)


def test_programs_of_a_supervisord_in_the_application_s_own_folder_are_processes() -> None:
    program = {"effect": "WriteFile", "path": "/srv/shop/supervisor/conf.available.d/web.conf",
               "content": "[program:web]\ncommand=/srv/shop/bin/serve --port=8000\nuser=shop\n"}  # fmt: skip
    process = api(found(program))
    assert (process.command, process.user, process.port) == (("/srv/shop/bin/serve", "--port=8000"), "shop", 8000)
