"""render/report_fidelity.py and write.amend_bundle: what `verify` found, kept beside the plan and shown in the report."""

import json
import re

import pytest

from analyzer.model import OutputFile
from analyzer.render.report import render
from analyzer.render.report_fidelity import with_fidelity
from analyzer.resources import template_texts
from analyzer.verify.fidelity import Check, Difference, Fidelity, Standing
from analyzer.verify.text import render_json
from analyzer.write import amend_bundle, write_bundle


def found(hostile=""):
    return [
        Fidelity(
            application="accounting",
            checks=(Check(name="build", status="ok", seconds=3), Check(name="health api", status="failed", detail=f"503\nbody {hostile}")),
            compared=True,
            same=(("package", 210), ("file", 900)),
            differences=(
                Difference(kind="file", name="/etc/motd", image="absent", playbook="0644 root", standing=Standing.UNEXPLAINED),
                Difference(kind="package", name="sudo", image="absent", playbook="1.9", standing=Standing.EXPLAINED, reason="dropped: `sudo`", outcome="platform"),
                Difference(kind="user", name="app", image="900", playbook="999", standing=Standing.EXPLAINED, reason="no run did it: its collection is not at hand", outcome="run"),
            ),
            not_run=("site.yml:4: ansible.builtin.uri acts on a whole machine, not on a container",),
        )
    ]  # fmt: skip


def results(hostile=""):
    return render_json(found(hostile))


def page(make):
    return render(make.plan(), template_texts())[0].data.decode()


def kept(text):
    return re.search(r'id="fidelity">(.*?)</script>', text, re.DOTALL)[1]


def test_the_result_replaces_the_one_before(make):
    """The page takes the result up unchanged, a second one replaces the first, and hostile text stays inside."""
    first = with_fidelity(page(make), results(make.hostile))
    assert json.loads(kept(first)) == json.loads(results(make.hostile))
    assert "<img" not in first
    second = with_fidelity(first, results())
    assert second == with_fidelity(page(make), results())
    assert with_fidelity("<html></html>", results()) == "<html></html>"


def test_amending_a_bundle(tmp_path):
    """An amended file counts as generated; one that a person edited is left alone; the next run takes away what is stale."""
    write_bundle([OutputFile(path="report.html", data=b"one"), OutputFile(path="plan.json", data=b"{}")], tmp_path)
    (tmp_path / "plan.json").write_bytes(b"edited")
    amended = [OutputFile(path=name, data=b"two") for name in ("report.html", "plan.json", "fidelity.json")]
    assert amend_bundle(amended, tmp_path) == ("report.html", "fidelity.json")
    assert (tmp_path / "plan.json").read_bytes() == b"edited"
    again = write_bundle([OutputFile(path="report.html", data=b"one")], tmp_path)
    assert again.kept == ()
    assert (tmp_path / "report.html").read_bytes() == b"one"
    assert not (tmp_path / "fidelity.json").exists()
    assert not list(tmp_path.glob(".staging-*"))


@pytest.mark.browser
def test_the_section_appears_with_a_result(make, visit):
    """Without a result there is no section; with one, checks, the table and what is unexplained are shown."""
    tab = visit(page(make))
    assert tab.locator("#fidelity-section").is_hidden()
    assert tab.locator("#toc-fidelity").is_hidden()
    tab = visit(with_fidelity(page(make), results(make.hostile)), "#fidelity-section")
    text = tab.locator("#fidelity-section").inner_text()
    verdict = "1 differences are unexplained: the image is what neither the playbook nor the plan makes."
    shown = ("site.yml:4: ansible.builtin.uri", "Not compared: what is temporary", "because ECS or Fargate does it")
    for words in ("health api", "failed", "210", "/etc/motd", "dropped: sudo", "<img src=x", verdict, *shown):
        assert words in text
    assert tab.locator("#fidelity-section img").count() == 0


def test_verify_keeps_its_result_in_the_bundle(make, tmp_path):
    """The command writes fidelity.json and the report's section, and the next analysis does not take them for edits."""
    from analyzer.verify.command import _keep_fidelity

    report = OutputFile(path="report.html", data=page(make).encode())
    write_bundle([report], tmp_path)
    _keep_fidelity(tmp_path, found())
    assert json.loads((tmp_path / "fidelity.json").read_text()) == json.loads(results())
    (told,) = json.loads(kept((tmp_path / "report.html").read_text(encoding="utf-8")))["applications"]
    assert told["name"] == "accounting"
    assert told["how"].startswith("How it was shown")
    assert write_bundle([report], tmp_path).kept == ()


def test_a_japanese_report_gets_the_result_in_japanese(make, tmp_path):
    """Reasons, what was not shown and how it was shown are in the page's language; fidelity.json stays English."""
    from analyzer.verify.command import _keep_fidelity

    japanese = render(make.plan(), template_texts(), language="ja")[0].data
    write_bundle([OutputFile(path="report.html", data=japanese)], tmp_path)
    _keep_fidelity(tmp_path, found())
    assert json.loads((tmp_path / "fidelity.json").read_text()) == json.loads(results())
    (told,) = json.loads(kept((tmp_path / "report.html").read_text(encoding="utf-8")))["applications"]
    assert told["how"].startswith("確認方法")
    assert told["playbook"]["not_run"] == ["site.yml:4: ansible.builtin.uri はコンテナーではなくマシン全体を操作します"]
    assert "どちらの実行でも行えませんでした: コレクションが手元にありません" in {
        one["reason"] for one in told["explained_by"]
    }
    assert not re.search("[a-z]{4} [a-z]{4}", told["not_compared"])
