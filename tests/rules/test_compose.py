"""What rules emit is what the image is made of: nothing that is said to be in the image is lost on the way there."""

from __future__ import annotations

from functools import partial

import pytest
from example_tasks import task

from analyzer.decide.image import compose_image
from analyzer.decide.parts import service_is_elsewhere
from analyzer.decide.processes import find_processes
from analyzer.decide.tasks import decide_tasks
from analyzer.model import Outcome, Settings
from analyzer.resources import rule_texts
from analyzer.rulepack import examples, load_pack

PACK = load_pack(rule_texts())
CASES = [
    pytest.param(example, id=f"{rule.id}-{number}")
    for rule in PACK.rules
    for number, example in enumerate(examples(rule), 1)
    if example.gives == Outcome.IMAGE
]


@pytest.mark.parametrize("example", CASES)
def test_image_examples_reach_the_image(example):
    """An example with outcome image becomes a line of the Dockerfile or a file, or the image says why it has neither."""
    found = decide_tasks([task(example.task)], PACK, Settings())
    rules = {step.via.rule for step in found.steps}
    elsewhere = partial(service_is_elsewhere, PACK)
    findings = find_processes(found.steps, (), Settings(), found.dropped, elsewhere=elsewhere)
    image = compose_image(found.steps, (), findings, (), Settings())
    lines = {via.rule for one in image.instructions for line in one.lines for via in line.via}
    files = {via.rule for file in image.files for via in file.via}
    assert rules <= lines | files or image.left_out
