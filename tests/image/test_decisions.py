"""Decisions of tasks after the image is known."""

from __future__ import annotations

from analyzer.decide.image_decisions import settle_decisions
from analyzer.model import Decision, Outcome, Source
from tests.image.effects import image, steps

NGINX = [
    {"effect": "WriteFile", "path": "/etc/systemd/system/web.service", "content": "[Service]\nExecStart=/bin/puma -p 3000\n"},
    {"effect": "InstallPackages", "manager": "apt", "names": ["nginx"]},
    {"effect": "InstallPackages", "manager": "apt", "names": ["nginx", "curl"]},
    {"effect": "ServiceState", "name": "nginx", "state": "started"},
    {"effect": "EditFile", "path": "/etc/of-a-package", "method": "replace", "args": {"replace": "b"}},
]  # fmt: skip


def decision(line: int, outcome: Outcome = Outcome.IMAGE) -> Decision:
    source = Source("tasks.yml", line)
    return Decision(kind="task", source=source, name=f"task {line}", outcome=outcome, rule="r", reason="A reason.")


def test_a_task_is_image_only_if_something_of_it_is_in_the_image() -> None:
    """All left out: the outcome that is true; a part left out: said in the reason; impossible: a question."""
    given = steps(NGINX)
    settled = settle_decisions([decision(line) for line in range(1, 6)], given, image(given))
    outcomes = [each.outcome for each in settled]
    assert outcomes == [Outcome.PLATFORM, Outcome.INFRASTRUCTURE, Outcome.IMAGE, Outcome.IMAGE, Outcome.MANUAL]
    assert "load balancer" in settled[1].reason
    assert settled[2].reason == (
        "A reason. Left out of it: package nginx: the load balancer takes its place before puma."
    )
    assert settled[4].question is not None
    assert settled[4].question.id.startswith("image-task-5-")


def test_other_outcomes_stay() -> None:
    """A decision that is not `image` keeps its outcome."""
    given = steps(NGINX)
    (settled,) = settle_decisions([decision(1, Outcome.PROCESS)], given, image(given))
    assert settled.outcome is Outcome.PROCESS
    assert settled.reason == "A reason."
