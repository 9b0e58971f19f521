"""Scripts against a recorded client: what AWS would answer, in the order in which it would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra import factory
from tests.infra.bundle import write
from tests.infra.jq_program import folder_with_jq

CLIENT = """#!{python}
import json, sys
from pathlib import Path
here = Path(__file__).parent
words = sys.argv[1:]
with (here / "calls").open("a") as log:
    log.write(json.dumps(words) + "\\n")
answers = json.loads((here / "answers.json").read_text())
name = " ".join(words[:2])
rows = answers.get(name)
if rows is None:
    sys.exit(f"not recorded: {{name}}")
counter = here / name.replace(" ", "-")
number = int(counter.read_text()) if counter.exists() else 0
counter.write_text(str(number + 1))
answer = rows[min(number, len(rows) - 1)]
if answer is None:
    sys.exit("An error occurred (ResourceNotFoundException)")
print(answer if isinstance(answer, str) else json.dumps(answer))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("bundle"), factory.application())


def run(folder: Path, tmp_path: Path, answers: dict, *words: str) -> subprocess.CompletedProcess[str]:
    client = tmp_path / "aws"
    client.write_text(CLIENT.format(python=sys.executable))
    client.chmod(0o755)
    (tmp_path / "session-manager-plugin").symlink_to("/bin/true")
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    folder_with_jq(tmp_path)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "AWS_REGION": "ap-northeast-1",
        "POLL_SECONDS": "0",
        "LOG_DELAY_SECONDS": "0",
        "TASK_POLL_SECONDS": "0",
        "STABLE_POLL_SECONDS": "0",
        "PRIVATE_SUBNET_IDS": "subnet-1,subnet-2",
        "TASKS_SECURITY_GROUP_ID": "sg-1",
    }
    return subprocess.run(
        ["/bin/bash", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def calls(tmp_path: Path, *name: str) -> list[list[str]]:
    made = [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]
    return [words for words in made if words[: len(name)] == list(name)]


TASK = "arn:aws:ecs:ap-northeast-1:123456789012:task/accounting-production/0123abcd"
HISTORY = {
    "events": [
        {"type": "TaskStarted"},
        {"type": "TaskSubmitted", "taskSubmittedEventDetails": {"output": json.dumps({"Tasks": [{"TaskArn": TASK}]})}},
    ]
}


def events(*messages: str, token: str) -> dict:
    return {"events": [{"message": message} for message in messages], "nextForwardToken": token}


def execution(status: str, **more: str) -> dict:
    return {"status": status, **more}


STARTED = {
    "sts get-caller-identity": ["123456789012"],
    "stepfunctions start-execution": ["arn:aws:states:ap-northeast-1:123456789012:execution:x:y"],
    "stepfunctions get-execution-history": [HISTORY],
    "logs get-log-events": [
        events("one", "two", token="a"),
        events(token="a"),
        events("nightly-close End.", token="b"),
        events(token="b"),
    ],
}


def test_a_batch_runs_and_its_log_is_shown(folder: Path, tmp_path: Path) -> None:
    """The state machine is started, each log line is shown once, and a good end is status 0."""
    answers = STARTED | {"stepfunctions describe-execution": [execution("RUNNING"), execution("SUCCEEDED")]}
    made = run(folder, tmp_path, answers, "ops/run-batch.sh", "nightly-close")
    assert made.returncode == 0, made.stderr
    assert [made.stdout.splitlines().count(line) for line in ("one", "two", "nightly-close End.")] == [1, 1, 1]
    assert made.stdout.endswith("nightly-close ended with status 0\n")
    (start,) = calls(tmp_path, "stepfunctions", "start-execution")
    assert "arn:aws:states:ap-northeast-1:123456789012:stateMachine:accounting-production-nightly-close" in start
    assert json.loads(start[start.index("--input") + 1]) == {"job": "nightly-close"}
    followed = calls(tmp_path, "logs", "get-log-events")[0]
    assert "/ecs/accounting-production/batch_heavy" in followed
    assert "batch_heavy/app/0123abcd" in followed


def test_its_exit_status_is_the_scripts(folder: Path, tmp_path: Path) -> None:
    """A batch that ends with 3 ends the script with 3."""
    cause = json.dumps({"Containers": [{"ExitCode": 3}], "StoppedReason": "Essential container in task exited"})
    answers = STARTED | {"stepfunctions describe-execution": [execution("FAILED", error="BatchFailed", cause=cause)]}
    made = run(folder, tmp_path, answers, "ops/run-batch.sh", "nightly-close")
    assert made.returncode == 3
    assert "ended with status 3: Essential container" in made.stderr


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"stepfunctions describe-execution": [execution("TIMED_OUT")]}, 70, "ended as TIMED_OUT"),
        ({"stepfunctions describe-execution": [execution("FAILED", cause="no capacity")]}, 70, "no capacity"),
        ({"stepfunctions start-execution": [None]}, 70, "could not be started"),
        ({"sts get-caller-identity": [None]}, 70, "AWS does not accept the credentials"),
        (
            {
                "stepfunctions describe-execution": [execution("SUCCEEDED")],
                "stepfunctions get-execution-history": [{"events": []}],
            },
            75,
            "another run holds its lock",
        ),
    ],
)
def test_other_ends(folder: Path, tmp_path: Path, change: dict, status: int, message: str) -> None:
    """Time-outs, failures to start and skipped runs have a status and a sentence of their own."""
    made = run(folder, tmp_path, STARTED | change, "ops/run-batch.sh", "nightly-close")
    assert made.returncode == status, made.stderr
    assert message in made.stderr


def test_no_wait_returns_at_once(folder: Path, tmp_path: Path) -> None:
    """--no-wait starts the run and asks nothing more."""
    made = run(folder, tmp_path, STARTED, "ops/run-batch.sh", "--no-wait", "nightly-close")
    assert made.returncode == 0
    assert not calls(tmp_path, "stepfunctions", "describe-execution")


DEFINITION = {
    "containerDefinitions": [
        {
            "name": "app",
            "logConfiguration": {"options": {"awslogs-group": "/ecs/g", "awslogs-stream-prefix": "api"}},
        }
    ]
}


def stopped(**container: object) -> dict:
    return {"lastStatus": "STOPPED", "stoppedReason": "why", "containers": [{"name": "app", **container}]}


@pytest.mark.parametrize(
    ("tasks", "described", "status", "said"),
    [
        ({"tasks": [{"taskArn": TASK}]}, [{"lastStatus": "PENDING"}, stopped(exitCode=0)], 0, "ended with status 0"),
        ({"tasks": [{"taskArn": TASK}]}, [stopped(exitCode=4)], 4, "ended with status 4"),
        ({"tasks": [{"taskArn": TASK}]}, [stopped()], 1, "it never ran: why"),
        ({"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}, [], 1, "RESOURCE:MEMORY"),
    ],
)
def test_release_steps(folder: Path, tmp_path: Path, tasks: dict, described: list, status: int, said: str) -> None:
    """run-task.sh runs the command in the container, shows its log and ends with its status."""
    answers = {
        "ecs describe-task-definition": [DEFINITION],
        "ecs run-task": [tasks],
        "ecs describe-tasks": described,
        "logs get-log-events": ["migrated\tdone"],
    }
    made = run(folder, tmp_path, answers, "app/docker/run-task.sh", "c", "f", "rake 'db:migrate'")
    assert made.returncode == status, made.stderr
    assert said in made.stdout + made.stderr
    (started,) = calls(tmp_path, "ecs", "run-task")
    overrides = json.loads(started[started.index("--overrides") + 1])
    assert overrides == {"containerOverrides": [{"name": "app", "command": ["sh", "-c", "rake 'db:migrate'"]}]}


@pytest.mark.parametrize(
    ("states", "status", "said"),
    [
        (["arn:new IN_PROGRESS 2", "arn:new COMPLETED 1"], 0, "api runs arn:new"),
        (["arn:new IN_PROGRESS 2", "arn:old COMPLETED 1"], 1, "ECS went back to arn:old"),
        (["arn:new FAILED 2"], 1, "the deployment of arn:new failed"),
    ],
)
def test_a_service_moves_or_the_deployment_fails(
    folder: Path, tmp_path: Path, states: list[str], status: int, said: str
) -> None:
    """move-service.sh ends well only when the wanted revision is the one that runs."""
    answers = {"ecs update-service": ["arn:new"], "ecs describe-services": states}
    made = run(folder, tmp_path, answers, "app/docker/move-service.sh", "c", "api", "arn:new")
    assert made.returncode == status, made.stderr
    assert said in made.stdout + made.stderr


def test_a_shell_is_opened_in_the_first_task(folder: Path, tmp_path: Path) -> None:
    """ecs-exec.sh goes into the container of a running task of development."""
    answers = {"ecs list-tasks": [TASK], "ecs describe-tasks": ["RUNNING"], "ecs execute-command": ["hello"]}
    made = run(folder, tmp_path, answers, "ops/ecs-exec.sh", "api", "id")
    assert made.returncode == 0, made.stderr
    (words,) = calls(tmp_path, "ecs", "execute-command")
    assert words[2:] == [
        "--cluster", "accounting-development", "--task", TASK, "--container", "app", "--interactive", "--command", "id",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"ecs list-tasks": ["None"]}, "no task of accounting-development-api is running"),
        ({"ecs list-tasks": [None]}, "cannot be read"),
        ({"ecs list-tasks": [TASK], "ecs describe-tasks": ["None"]}, "was started without ECS Exec"),
    ],
)
def test_no_shell_is_explained(folder: Path, tmp_path: Path, answers: dict, message: str) -> None:
    """Where there is no task, or one without its agent, the script says what to do."""
    made = run(folder, tmp_path, answers, "ops/ecs-exec.sh", "api")
    assert made.returncode == 1
    assert message in made.stderr
