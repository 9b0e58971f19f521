"""Operators of rules: three-valued, and blind to what nobody knows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pack_texts import pack

from analyzer.decide.match import Undetermined, holds, match, same
from analyzer.model import Outcome, Source, Unknown, Verdict
from analyzer.ruletypes import Condition, Rule

UNKNOWN = Unknown("{{ found.stdout }}", "registered")
YES, NO, MAYBE = Verdict.YES, Verdict.NO, Verdict.UNKNOWN

# operator | operand | value | verdict
TABLE = [
    ("is", ("present",), "present", YES),
    ("is", ("present",), "absent", NO),
    ("is", (True,), "yes", YES),
    ("is", (True,), "no", NO),
    ("is", (False,), "off", YES),
    ("is", (True,), "maybe", NO),
    ("is", ("22",), 22, YES),
    ("is", ("present",), None, NO),
    ("is", ("present",), UNKNOWN, MAYBE),
    ("one_of", ("a", "b"), "b", YES),
    ("one_of", ("a", "b"), "c", NO),
    ("one_of", ("a", "b"), UNKNOWN, MAYBE),
    ("none_of", ("a", "b"), "c", YES),
    ("none_of", ("a", "b"), "a", NO),
    ("none_of", ("a", "b"), None, YES),
    ("none_of", ("a", "b"), UNKNOWN, MAYBE),
    ("prefix", ("net.",), "net.core.somaxconn", YES),
    ("prefix", ("net.",), "vm.swappiness", NO),
    ("prefix", ("net.",), UNKNOWN, MAYBE),
    ("suffix", (".deb",), "x.deb", YES),
    ("suffix", (".deb",), "x.rpm", NO),
    ("contains", ("rbenv/",), "https://github.com/rbenv/rbenv.git", YES),
    ("contains", ("b",), ("a", "b"), YES),
    ("contains", ("b",), ("a", "bc"), NO),
    ("contains", ("b",), ("a", UNKNOWN), MAYBE),
    ("known", (True,), "x", YES),
    ("known", (True,), 0, YES),
    ("known", (True,), "", NO),
    ("known", (True,), None, NO),
    ("known", (True,), (), NO),
    ("known", (True,), UNKNOWN, MAYBE),
    ("known", (True,), {"deep": (UNKNOWN,)}, MAYBE),
    ("absent", (True,), None, YES),
    ("absent", (True,), "", YES),
    ("absent", (True,), (), YES),
    ("absent", (True,), "x", NO),
    ("absent", (True,), UNKNOWN, NO),
    ("unknown", (True,), UNKNOWN, YES),
    ("unknown", (True,), ("a", UNKNOWN), YES),
    ("unknown", (True,), "x", NO),
    ("unknown", (True,), None, NO),
]


@pytest.mark.parametrize(("operator", "operand", "value", "verdict"), TABLE)
def test_operator(operator, operand, value, verdict):
    """Each operator gives its verdict, and an unknown value gives one only to the operators that ask for it."""
    assert holds(Condition("argument", operator, operand), {"argument": value}) is verdict


@pytest.mark.parametrize(
    ("value", "verdict"),
    [("*", YES), (None, YES), ("nginx", NO), (UNKNOWN, MAYBE)],
    ids=["is", "absent", "no", "unknown"],
)
def test_any_of(value, verdict):
    """One alternative is enough, and one that is unknown leaves the question open unless another holds."""
    alternatives = ((Condition("a", "is", ("*",)),), (Condition("a", "absent", (True,)),))
    assert holds(Condition("a", "any_of", alternatives), {"a": value}) is verdict


def rule(**fields):
    base = {
        "id": "x-y",
        "pack": "x",
        "title": "t",
        "source": Source("rules/x.yaml"),
        "outcome": Outcome.IMAGE,
        "reason": "r",
    }
    return Rule(**{**base, **fields})


def test_a_certain_no_beats_what_is_unknown():
    """A rule that one argument excludes does not match, whatever the others are."""
    both = rule(where=(Condition("a", "is", ("x",)), Condition("b", "is", ("y",))))
    assert match(both, {"a": "other", "b": UNKNOWN}) is None
    assert match(both, {"a": "x", "b": UNKNOWN}) == Undetermined((("b", UNKNOWN),))


def test_defaults_and_synonyms_stand_in_for_arguments():
    """A rule sees the documented default of an argument that is not given, and a synonym under its own name."""
    one = rule(
        defaults={"state": "present"}, synonyms=(("pkg", "name"),), where=(Condition("state", "is", ("present",)),)
    )
    assert match(one, {"pkg": "nginx"}) == {"state": "present", "name": "nginx"}
    assert match(one, {"name": "nginx", "pkg": "other", "state": "present"})["name"] == "nginx"
    assert match(one, {"name": "nginx", "state": "absent"}) is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(value=values, operator=st.sampled_from(["is", "one_of", "prefix", "suffix", "contains", "known"]))
def test_what_is_unknown_never_matches(value, operator):
    """A value with an unknown part is never a yes and never a no to an operator that compares."""
    operand = (True,) if operator == "known" else ("x", "present")
    assert holds(Condition("a", operator, operand), {"a": (value, UNKNOWN)}) is MAYBE


@given(
    truth=st.booleans(), word=st.sampled_from(["yes", "no", "true", "false", "on", "off", "True", "False", "1", "0"])
)
def test_truth_is_compared_by_meaning(truth, word):
    """`yes`, `on`, `1` and true are one value, as are their opposites."""
    assert same(truth, word) is (truth is (word.lower() in ("yes", "true", "on", "1")))


def test_two_rules_that_match_are_a_problem():
    """Two rules for one task are reported with both names; the first decides, so that nothing is lost."""
    from example_tasks import task

    from analyzer.decide.tasks import decide_tasks
    from analyzer.model import Settings

    twice = pack(
        {"id": "demo-one", "modules": ["demo"], "outcome": "platform"},
        {"id": "demo-two", "modules": ["demo"], "outcome": "control"},
    )
    found = decide_tasks([task({"demo": {}})], twice, Settings())
    assert found.decisions[0].rule == "demo-one"
    assert [problem.code for problem in found.problems] == ["rules-conflict"]
    assert "demo-one, demo-two" in found.problems[0].message


def test_a_fallback_never_wins_over_what_might_match():
    """Where a rule would match if a value were known, the fallback does not take its place."""
    from example_tasks import task

    from analyzer.decide.tasks import decide_tasks
    from analyzer.model import Settings

    two = pack(
        {"id": "demo-one", "modules": ["demo"], "outcome": "image", "where": {"state": {"is": "present"}}},
        {"id": "demo-rest", "modules": ["demo"], "outcome": "platform", "fallback": True},
    )
    unknown = decide_tasks([task({"demo": {"state": UNKNOWN}})], two, Settings()).decisions[0]
    known = decide_tasks([task({"demo": {"state": "absent"}})], two, Settings()).decisions[0]
    assert (unknown.outcome, unknown.rule) == (Outcome.MANUAL, "demo-one")
    assert "{{ found.stdout }}" in unknown.reason
    assert (known.outcome, known.rule) == (Outcome.PLATFORM, "demo-rest")
