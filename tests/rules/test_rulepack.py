"""Packs are checked strictly: each mistake is told with its file, line, rule and what was expected."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from pack_texts import pack, text

from analyzer.model import Outcome
from analyzer.render.rules_table import render_rules
from analyzer.resources import rule_texts
from analyzer.rulepack import RulePackError, load_derived, load_pack

REPOSITORY = Path(__file__).resolve().parents[2]
GOOD = {"id": "demo-one", "modules": ["demo"], "outcome": "platform"}

# what is wrong | what the message must say
WRONG = [
    ({"whre": {"a": {"is": 1}}}, ["unknown key 'whre'", "where (argument -> operators)", "demo-one"]),
    ({"id": "other-one"}, ["expected kebab-case starting with demo-"]),
    ({"id": "demo_one"}, ["expected kebab-case starting with demo-"]),
    ({"outcome": "dropped"}, ["outcome 'dropped'", "platform"]),
    ({"title": ""}, ["title is missing"]),
    ({"reason": ""}, ["reason is missing"]),
    ({"modules": []}, ["expected modules or one of commands"]),
    ({"where": {"state": "present"}}, ["state needs operators"]),
    ({"where": {"state": {"matches": "x"}}}, ["unknown key 'matches'", "one_of"]),
    ({"where": {"state": {"known": False}}}, ["known is only ever true"]),
    ({"emit": [{"effect": "run"}]}, ["effect: one of install_packages"]),
    ({"emit": [{"effect": "run_command", "comand": "x"}]}, ["run_command has no comand", "command"]),
    ({"outcome": "manual"}, ["outcome manual needs a question"]),
    ({"outcome": "manual", "question": "What?"}, ["question and answers belong together"]),
    ({"question": "What?", "answers": ["later"]}, ["answer 'later'"]),
]


@pytest.mark.parametrize(
    ("change", "said"), WRONG, ids=[next(iter(change)) + str(n) for n, (change, _) in enumerate(WRONG)]
)
def test_mistake_is_told(change, said):
    """The message names the file and line, and says what was found and what was expected."""
    with pytest.raises(RulePackError) as caught:
        pack({**GOOD, **change})
    assert str(caught.value).startswith("rules/demo.yaml:")
    for words in said:
        assert words in str(caught.value)


def test_the_line_is_the_mistakes_own():
    """The line in a message is that of the key, not of the file or the rule."""
    written = text(GOOD, {**GOOD, "id": "demo-two", "wrong": 1})
    line = next(number for number, one in enumerate(written.splitlines(), 1) if "wrong" in one)
    with pytest.raises(RulePackError, match=f"rules/demo.yaml:{line}: "):
        load_pack({"demo.yaml": written})


def test_ids_are_never_used_twice():
    """An id, or a former id, belongs to one rule."""
    with pytest.raises(RulePackError, match="demo-one is already"):
        pack(GOOD, {**GOOD, "id": "demo-two", "aliases": ["demo-one"]})


@pytest.mark.parametrize("kind", ["packages", "services", "paths", "commands"])
def test_a_pattern_belongs_to_one_rule(kind):
    """Two rules cannot both claim a package, service, path or command."""
    with pytest.raises(RulePackError, match="already in demo-one"):
        pack({**GOOD, kind: "same"}, {**GOOD, "id": "demo-two", kind: "same"})


def test_broken_yaml_is_told():
    """A pack that is no YAML is told with its place."""
    with pytest.raises(RulePackError, match="not valid YAML"):
        load_pack({"demo.yaml": "pack: demo\nrules:\n  - {"})


def test_other_data_beside_the_packs_is_left_alone():
    """Files in `rules/` that are no packs, and those in its folders, are for other readers."""
    found = load_pack({"demo.yaml": text(GOOD), "batches.yaml": "about: x\nbatches: []\n", "platform/a.yaml": "{"})
    assert [rule.id for rule in found.rules] == ["demo-one"]


def test_exact_modules_win_over_suffixes_and_those_over_collections():
    """`a.b.c_info` is found by its full name first, then as `*_info`, then as `a.b.*`."""
    found = pack(
        {**GOOD, "id": "demo-collection", "modules": ["a.b.*"]},
        {**GOOD, "id": "demo-info", "modules": ["*_info"]},
        {**GOOD, "id": "demo-exact", "modules": ["a.b.c_info"]},
    )
    assert [found.rules_for(name)[0].id for name in ("a.b.c_info", "a.b.d_info", "a.b.d")] == [
        "demo-exact",
        "demo-info",
        "demo-collection",
    ]


def test_a_module_under_a_wrong_collection_is_found_by_its_name():
    """`ansible.builtin.ini_file` (no such module) and `ini_file` are `community.general.ini_file`."""
    real = load_pack(rule_texts())
    for name in ("ansible.builtin.ini_file", "ini_file", "ansible.legacy.copy", "ansible.builtin.npm"):
        assert real.rules_by_name(name), name


def test_a_copy_of_a_module_in_another_collection_is_known_by_a_telling_name():
    """`acme.system.dpkg_divert` diverts files; `acme.switches.command` and `acme.shop.user` may be anything."""
    real = load_pack(rule_texts())
    assert real.rules_by_name("acme.system.dpkg_divert") == real.rules_by_name("community.general.dpkg_divert")
    assert not real.rules_by_name("acme.switches.command")
    assert not real.rules_by_name("acme.shop.user")


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_the_table_names_every_rule(form):
    """Each form of the rule table has every rule with its outcome; the printed one fits 100 columns."""
    real, derived = load_pack(rule_texts()), load_derived(rule_texts())
    table = render_rules(real, derived, form)
    for name in (*(rule.id for rule in real.rules), *derived):
        assert name in table
    if form == "text":
        assert max(map(len, table.splitlines())) <= 100
    if form == "json":
        rows = json.loads(table)["rules"]
        assert [row["id"] for row in rows] == [rule.id for rule in real.rules]
        assert {row["outcome"] for row in rows} <= set(map(str, Outcome))
    if form == "markdown":
        rows = [line for line in table.splitlines() if line.startswith("| `")]
        assert {line.replace("\\|", "").count("|") for line in rows} == {5}


def test_every_rule_stands_where_it_says():
    """The line of a rule in the table is the line of its id in the pack."""
    texts = rule_texts()
    for rule in load_pack(texts).rules:
        line = texts[rule.source.file.removeprefix("rules/")].splitlines()[rule.source.line - 1]
        assert line == f"  - id: {rule.id}"


def test_every_rule_id_that_the_code_gives_is_a_rule_with_words():
    """What `explain` names it can also say: ids in the code are in a pack, in the batches' table or derived."""
    texts = rule_texts()
    pack = load_pack(texts)
    known = {name for rule in pack.rules for name in (rule.id, *rule.aliases)} | set(load_derived(texts))
    known |= {entry["id"] for entry in yaml.safe_load(texts["batches.yaml"])["batches"]}
    prefixes = "|".join(sorted({name.partition("-")[0] for name in known}))
    given = {}
    for path in (REPOSITORY / "analyzer").rglob("*.py"):
        code = path.read_text(encoding="utf-8")
        for name in re.findall(r'(?:\brule=|\bVia\(|^[A-Z_]+ = )"([a-z]+(?:-[a-z]+)+)"', code, re.MULTILINE):
            if re.match(rf"(?:{prefixes})-", name):
                given.setdefault(name, path.name)
    assert len(given) > 15
    assert {name: place for name, place in given.items() if name not in known} == {}
