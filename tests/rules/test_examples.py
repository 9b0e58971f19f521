"""Every example of every pack, through the real matcher; and the packs as a whole."""

from __future__ import annotations

import pytest
import yaml
from example_tasks import task, told

from analyzer.decide.tasks import decide_tasks
from analyzer.model import Outcome, Settings
from analyzer.resources import rule_texts
from analyzer.rulepack import examples, load_pack
from analyzer.ruletypes import EFFECTS, SUBJECTS

PACK = load_pack(rule_texts())
CASES = [
    pytest.param(rule, example, id=f"{rule.id}-{number}")
    for rule in PACK.rules
    for number, example in enumerate(examples(rule), 1)
]


@pytest.mark.parametrize(("rule", "example"), CASES)
def test_example(rule, example):
    """The task becomes what its example says, by the rule it says, with the effects it says."""
    found = decide_tasks([task(example.task)], PACK, Settings(), package_manager=example.manager)
    decision = found.decisions[0]
    expected = example.rule or ("" if example.gives == "other" else rule.id)
    if expected:
        assert decision.rule == expected, decision.reason
    else:
        assert decision.rule != rule.id, decision.reason
    if example.gives != "other":
        assert decision.outcome == example.gives, decision.reason
    if example.effects is not None:
        assert [told(step.effect, wanted) for step, wanted in zip(found.steps, example.effects, strict=True)] == list(
            example.effects
        )
    if decision.outcome is Outcome.MANUAL:
        assert decision.question is not None
        assert decision.question.answers
    assert not found.problems


def test_every_rule_has_a_hit():
    """Each rule decides at least one of its own examples."""
    assert not [
        rule.id
        for rule in PACK.rules
        if not any(each.gives != "other" and each.rule in ("", rule.id) for each in examples(rule))
        and rule.outcome is not Outcome.IMAGE
        and "mounts" not in rule.subjects  # two tasks show those: tests/rules/test_mounts.py
    ]


def test_every_conditional_rule_has_a_near_miss():
    """Each rule that looks at arguments shows a task of its own modules that it leaves to another, or to a person."""
    assert not [
        rule.id
        for rule in PACK.rules
        if any(condition.operator not in ("known", "absent") for condition in rule.where)
        and not any(each.gives in ("other", "manual") or each.rule not in ("", rule.id) for each in examples(rule))
    ]


def test_every_effect_has_a_rule():
    """Each kind of effect in the model is emitted by some rule, so that renderers have no dead branches."""
    assert {emit.effect for rule in PACK.rules for emit in rule.emit} == set(EFFECTS)


def test_every_subject_pattern_is_reached():
    """No pattern is hidden by another: each finds its own rule."""
    hidden = []
    for rule in PACK.rules:
        for kind in SUBJECTS:
            if kind in ("commands", "urls"):
                continue
            for pattern in rule.subjects.get(kind, ()):
                name = pattern.replace("*", "").replace("[0-9]", "7").replace("?", "x")
                found = getattr(PACK, kind).find(name)
                if found is None or (
                    found is not rule and found.outcome is not rule.outcome and len(name) == len(pattern)
                ):
                    hidden.append((kind, pattern, found and found.id))
    assert not hidden


def test_no_key_is_written_twice():
    """YAML keeps only the last of two equal keys: none of the packs has any."""

    def twice(node):
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            yield from (key for key in keys if keys.count(key) > 1)
            for _, each in node.value:
                yield from twice(each)
        elif isinstance(node, yaml.SequenceNode):
            for each in node.value:
                yield from twice(each)

    for name, text in rule_texts().items():
        if name.endswith(".yaml"):
            assert not list(twice(yaml.compose(text, Loader=yaml.CSafeLoader))), name
