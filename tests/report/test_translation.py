"""render/translate.py and the Japanese catalogue: everything that is said to people can be said in Japanese."""

import ast
import json
import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.model import OutputFile, Provenance, Via
from analyzer.render.markdown import translated_page
from analyzer.render.texts import CATALOGUE as WORDS
from analyzer.render.translate import Translator, english_words, read_catalogue
from analyzer.resources import rule_texts, template_texts
from analyzer.rulepack import load_pack

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = read_catalogue(template_texts(), "ja")
SAY = Translator(CATALOGUE)
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
KEPT = ["the decisions file", "when: {}"]
"""What Japanese readers call by the same word, or by the name of the file."""

LITTLE_WORDS = re.compile(
    r"(?<![\w/.$<>=@:-])(?:the|is|are|was|were|be|an?|of|to|and|or|it|its|not|no|in|for|with|has|have|by|on|at|as|from"
    r"|that|this|which|they|there|than|only|does|do|what|where)(?![\w/=<>-]|[.:]\w)",
    re.IGNORECASE,
)
NOT_SAID = {
    "VerifyError",
    "progress",
    "UsageError",
    "RulePackError",
    "BatchRuleError",
    "ValueError",
    "TypeError",
    "AssertionError",
    "compile",
}
"""Calls whose text stops the program, is a pattern or goes to the terminal; it never reaches report, runbook or summary."""
ELSEWHERE = {"analyzer/cron/report.py", "analyzer/read/prices.py"}
"""Output of the `cron` command, which is for the person who typed it; complaints about a file that the person named."""

NO_SENTENCE = re.compile(r"^#|^  |\n|\\[sSd]|^\w+ \w+$")
"""Comments of generated files, layout, lists of names, patterns, and operators of two words."""


def english_left(text):
    """Whether prose is left: two little words outside code, quotations and names."""
    flat = re.sub(r"`[^`]*`|'[^']*'|\{\{.*?\}\}|\(when: .*?\)|/usr/bin/time -v .*", " ", text, flags=re.DOTALL)
    return len(LITTLE_WORDS.findall(flat)) >= 2


def said_in(path):
    """Texts of a module that read like prose, f-strings with `{}` for what is filled in, and their lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)
        if isinstance(node, ast.JoinedStr):
            skipped.update(node.values)
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in NOT_SAID:
            skipped.update(ast.walk(node))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno
        elif isinstance(node, ast.JoinedStr):
            yield "".join(one.value if isinstance(one, ast.Constant) else "{}" for one in node.values), node.lineno


SAID_BY_RENDERERS = ("handover", "heartbeats", "runbook", "runbook_batches")


SAID_BY_VERIFY = ("checks", "explain", "leave")


def modules():
    for name in SAID_BY_RENDERERS:
        yield ROOT / "analyzer" / "render" / f"{name}.py"
    for name in SAID_BY_VERIFY:
        yield ROOT / "analyzer" / "verify" / f"{name}.py"
    for layer in ("decide", "cron", "read"):
        for path in sorted((ROOT / "analyzer" / layer).rglob("*.py")):
            if path.relative_to(ROOT).as_posix() not in ELSEWHERE:
                yield path


def test_every_sentence_of_the_code_has_a_japanese_one():
    """Reasons, questions, notes and problems that readers and deciders word: each is in the catalogue, or made of it."""
    missing = [
        f"{path.relative_to(ROOT)}:{line}\n{json.dumps(text)}:\n  …"
        for path in modules()
        for text, line in said_in(path)
        if english_left(text) and not NO_SENTENCE.search(text) and f"answer.{text}" not in WORDS
        if english_left(SAY(text.replace("{}", "`x`")))
    ]
    assert not missing, "add to output_templates/report/ja/*.yaml:\n" + "\n".join(missing)


def pages():
    """The runbook's templates as pages on which every branch is taken and every value is `x1`."""
    for name, text in template_texts().items():
        if name.startswith("ops/") and name.endswith(".md.j2"):
            both = re.sub(r"(?<=\S)\{% (?:else|elif [^%]*) %\}(?=\S)", "; ", text)  # two branches as two clauses
            flat = re.sub(r"^ *\{%.*%\}\n", "", both, flags=re.MULTILINE)
            flat = re.sub(r"\{%.*?%\}|\{#.*?#\}", "", flat, flags=re.DOTALL)
            yield name, re.sub(r"\{\{.*?\}\}", "x1", flat)


def prose_of(page):
    """Its lines outside code blocks, and the comments inside."""
    fenced = False
    for line in page.splitlines():
        if line.strip().startswith("```"):
            fenced = not fenced
        elif not fenced or re.search(r"(^|\s\s)# ", line):
            yield re.sub(r"^.*?(^|\s\s)# ", "", line) if fenced else line


def test_every_page_of_the_runbook_is_japanese():
    """All branches of cut-over, rollback, side-by-side month, retirement and cost."""
    missing = []
    for name, text in pages():
        said = translated_page(OutputFile(path=name, data=text.encode()), SAY).data.decode()
        missing += [f"{name}: {line}" for line in prose_of(said) if english_left(line)]
    assert not missing, "add to output_templates/report/ja/runbook.yaml:\n" + "\n".join(missing)


def shape_of(page):
    """What a translation must not touch: commands, headings, table rows and list items, and what stands in backticks."""
    fenced, lines, code = False, [], []
    for line in page.splitlines():
        if line.strip().startswith("```"):
            fenced = not fenced
        if fenced:
            lines.append(re.sub(r"((?:^|\s\s)# ).*", r"\1", line))
        elif mark := re.match(r"#+ |\||\s*[-*] |\s*\d+\. ", line):
            lines.append(mark[0])
        if not fenced:
            code += re.findall(r"`[^`]+`", line)
    return lines, sorted(code)


def test_a_translated_page_keeps_its_commands_and_structure():
    """Every command, heading, row, item and name in code is in the Japanese page as often as in the English one."""
    for name, text in pages():
        via = [Provenance(line=number, via=Via(rule=f"line-{number}")) for number in range(1, text.count("\n") + 1)]
        page = OutputFile(path=name, data=text.encode(), provenance=tuple(via))
        said = translated_page(page, SAY)
        assert shape_of(said.data.decode()) == shape_of(text)
        lines = said.data.decode().split("\n")
        assert all(1 <= entry.line <= len(lines) for entry in said.provenance)
        heads = {
            entry.via.rule: lines[entry.line - 1] for entry in said.provenance if lines[entry.line - 1].startswith("#")
        }
        originals = text.split("\n")
        assert all(originals[int(rule[5:]) - 1].startswith("#") for rule in heads)


def test_every_rule_speaks_japanese():
    """Reason and question of each rule, and reason, question and replacement of each batch rule."""
    said = {text for rule in load_pack(rule_texts()).rules for text in (rule.reason, rule.question) if text}
    for name, text in rule_texts().items():
        if name == "batches.yaml":
            said |= set(re.findall(r"^ +(?:reason|question|replacement): (.+)$", text, re.MULTILINE))
    missing = [
        text
        for text in sorted(said)
        if english_left(SAY(text)) or (english_left(text) and not JAPANESE.search(SAY(text)))
    ]
    assert len(said) > 150
    assert not missing, "add to output_templates/report/ja/rules.yaml:\n" + "\n".join(map(json.dumps, missing))


def test_a_translation_is_japanese_and_uses_places_that_are_there():
    """Kana or kanji are in it, and every `{number}` names a place of the English text."""
    assert [key for key, target in CATALOGUE.items() if not JAPANESE.search(target)] == KEPT
    assert not [
        key
        for key, target in CATALOGUE.items()
        if any(int(number) >= key.count("{}") for number in re.findall(r"\{(\d)\}", target))
    ]


def test_no_text_is_translated_twice():
    """A key stands once in all files: a second one would hide the first."""
    keys = [
        line.rpartition(":")[0]
        for name, text in template_texts().items()
        if name.startswith("report/ja/")
        for line in text.splitlines()
        if line.startswith('"')
    ]
    assert len(keys) == len(CATALOGUE)
    assert len(set(keys)) == len(keys)


def test_a_text_is_read_clause_by_clause():
    """Sentences, clauses, brackets and values that are texts themselves are each found; names and paths stay."""
    say = Translator(
        {
            "It reads {}": "{0} を読みます",
            "the file {}": "ファイル {0}",
            "It is old.": "古いものです。",
            "No rule knows {}.": "{0} の規則がありません。",
            "only the role has {}{} and {}": "ロールだけに {0} と {2} があります{1}",
        }
    )
    assert say("It reads the file /etc/a.") == "ファイル /etc/a を読みます。"
    assert say("nginx: It is old. No rule knows b.c.") == "nginx: 古いものです。b.c の規則がありません。"
    assert say("x (it is old)") == "x (古いものです。)"
    assert say("only the role has a (line 9) and b") == "ロールだけに a (line 9) と b があります"
    assert say("Neither is known.") == "Neither is known."
    assert say("/etc/hosts, acct01") == "/etc/hosts, acct01"


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from([*list(CATALOGUE)[:40], "(", ")", ". ", ": ", "{}", "`", "x", "\n", "é"]), max_size=8))
def test_any_text_is_answered(parts):
    """Whatever stands in a text, the answer has no more English than the text, and is the same whatever was asked before."""
    text = "".join(parts)
    said = Translator(CATALOGUE)(text)
    assert english_words(said) <= english_words(text)
    assert SAY(text) == said


def test_the_japanese_report_has_no_english_prose(tmp_path):
    """The demo with --lang ja: summary, README and every text of the page are Japanese; plan.json stays English."""
    from click.testing import CliRunner

    from analyzer.cli import cli

    done = CliRunner().invoke(
        cli, ["analyze", str(ROOT / "fixtures/accounting/inventory"), "--out", str(tmp_path / "b"), "--lang", "ja"]
    )
    assert done.exit_code in {0, 1}
    page = (tmp_path / "b/report.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])
    shown = [line for line in done.output.splitlines() if not line.startswith("  ")]
    shown += (tmp_path / "b/questions.yml").read_text(encoding="utf-8").splitlines()[:2]
    shown += (tmp_path / "b/README.md").read_text(encoding="utf-8").splitlines()
    for page_of_runbook in (tmp_path / "b/accounting/ops").glob("*.md"):
        shown += prose_of(page_of_runbook.read_text(encoding="utf-8"))
    shown += re.sub(r"<(script|style).*?</\1>|<[^>]+>", "\n", page, flags=re.DOTALL).splitlines()
    shown += texts_of([data["apps"], data["questions"], data["problems"]])
    assert len(shown) > 500
    assert [text for text in dict.fromkeys(shown) if english_left(text)] == []
    plan = json.loads((tmp_path / "b/plan.json").read_text(encoding="utf-8"))
    assert plan["applications"][0]["decisions"][0]["reason"].startswith("Every build step")


SOURCE_TEXT = {"x", "n", "name", "command", "container", "schedule", "environment", "subject", "answers", "id", "seen"}
"""Keys of the page's data whose texts are the project's own words."""


def texts_of(value, key=""):
    """Every text for people in the page's data."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for name, one in value.items() if name not in SOURCE_TEXT for text in texts_of(one, name)]
    return [text for one in value for text in texts_of(one, key)] if isinstance(value, list) else []
