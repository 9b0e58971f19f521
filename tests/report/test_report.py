"""render/report*.py: the page as a file, and as a person meets it in a browser."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from analyzer.decide.sizing.result import Plot, PlotRun
from analyzer.model import (
    Equivalence,
    Expression,
    Output,
    OutputFile,
    Provenance,
    Question,
    Source,
    Via,
    secret_reference,
)
from analyzer.render import report
from analyzer.render.report_calendar import DAYS, calendars
from analyzer.render.report_data import page_data
from analyzer.render.texts import CATALOGUE, LANGUAGES
from analyzer.resources import template_texts

MACHINE = {
    "StartAt": "Run",
    "States": {
        "Run": {"Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync", "Next": "Done",
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}]},
        "Done": {"Type": "Succeed"},
        "Failed": {"Type": "Fail"},
    },
}  # fmt: skip


def files(make):
    """A Dockerfile whose second line comes from the first decision, and a state machine."""
    first = make.decision(0)
    text = "FROM debian:bookworm-slim\nRUN apt-get update\n" + "# filler\n" * 900
    via = Via(rule="packages-apt", sources=(first.source,))
    return (
        OutputFile(path="accounting/app/Dockerfile", data=text.encode(), provenance=(Provenance(line=2, via=via),)),
        OutputFile(path="accounting/infra/state_machines/job-0.asl.json", data=json.dumps(MACHINE).encode()),
        OutputFile(path="accounting/app/rootfs/blob", data=b"\xff\xfe\x00"),
    )


def page(make, plan=None, language="en", outputs=None):
    (output,) = report.render(
        plan or make.plan(), template_texts(), files(make) if outputs is None else outputs, language
    )
    assert output.path == "report.html"
    return output.data.decode()


def data_of(text):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


class Strict(HTMLParser):
    """Checks that elements are closed in order, and collects what could load or run something."""

    VOID = frozenset({"meta", "br", "input", "link", "img", "hr"})

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.loads, self.handlers = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.loads += [
            value for name, value in attrs if name in {"src", "href", "data", "action"} and not value.startswith("#")
        ]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("hostile", [False, True])
def test_the_page_is_whole_and_loads_nothing(make, language, hostile):
    """Elements close in order; no element names an address, holds a handler, or is a script that the page did not bring."""
    text = page(make, make.hostile_plan() if hostile else None, language)
    parser = Strict()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    assert parser.loads == []
    assert parser.handlers == []
    assert parser.tags.count("script") == 4
    assert f'lang="{language}"' in text


def test_only_the_pages_own_script_may_run(make):
    """The policy allows nothing but the inline script, named by its hash."""
    text = page(make, make.hostile_plan())
    policy = (
        re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#39;", "'").replace("&#43;", "+")
    )
    script = text[text.rindex("<script>") + 8 : text.rindex("</script>")]
    wanted = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{wanted}'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]


def test_hostile_texts_arrive_unchanged_and_inert(make):
    """What the script reads is the input's text to the letter, and the page's HTML never holds it raw."""
    text = page(make, make.hostile_plan())
    assert data_of(text)["apps"][0]["decisions"][0]["n"] == make.hostile
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "\u2028" not in text.partition('id="data"')[2].partition("</script>")[0]


def test_the_pictures_are_well_formed(make):
    """The architecture of an ordinary and of a hostile plan is XML whose texts fit their boxes."""
    for plan in (make.plan(), make.hostile_plan()):
        text = page(make, plan)
        for picture in re.findall(r'<svg class="picture".*?</svg>', text, re.DOTALL):
            assert ET.fromstring(picture).tag == "svg"


def test_secrets_are_names(make):
    """A marker in any text is shown as a name in angle brackets."""
    name = secret_reference("db_password")
    text = page(make, make.plan(make.application(decisions=1, jobs=0), problems=()), outputs=(
        OutputFile(path="accounting/app/x", data=f"PASSWORD={name}\n".encode()),
    ))  # fmt: skip
    assert "\ue000" not in text
    assert data_of(text)["files"]["accounting/app/x"]["text"] == "PASSWORD=<db_password>\n"


def test_the_same_plan_gives_the_same_bytes(make):
    """The page holds no clock and no order of chance."""
    assert page(make) == page(make)


def test_every_word_of_the_scripts_is_in_the_catalogue():
    """Each text key that a script of the page names exists."""
    texts = template_texts()
    for name in report.SCRIPTS:
        if "vendor" in name:
            continue
        keys = re.findall(r"""\bt\("([a-z]+\.[a-z.-]+?)"\s*[,)]""", texts[name])
        prefixes = re.findall(r"""\bt\("([a-z]+\.[a-z-]*)" \+""", texts[name])
        assert [key for key in keys if key not in CATALOGUE] == [], name
        assert [one for one in prefixes if not any(key.startswith(one) for key in CATALOGUE)] == [], name


def test_decisions_keep_their_anchor(make):
    """A decision's anchor depends on what it is about, not on where it stands; two of the same get two anchors."""
    first, twin, other = make.decision(0), make.decision(0), make.decision(1)
    app = make.application()
    one = page_data(make.plan(replaced(app, decisions=(first, twin, other))), ())["apps"][0]["decisions"]
    two = page_data(make.plan(replaced(app, decisions=(other, first))), ())["apps"][0]["decisions"]
    assert one[0]["id"] == two[1]["id"]
    assert one[1]["id"] == one[0]["id"] + "-2"
    assert one[2]["id"] == two[0]["id"]


def replaced(value, **changes):
    from msgspec.structs import replace

    return replace(value, **changes)


def test_large_and_binary_files_are_named_only(make):
    """A binary file and one beyond the limit are listed without their text."""
    outputs = (*files(make), OutputFile(path="accounting/app/large", data=b"x" * 300_000))
    found = page_data(make.plan(), outputs)["files"]
    assert found["accounting/app/rootfs/blob"] == {"text": None, "size": 3, "lines": {}}
    assert found["accounting/app/large"]["text"] is None
    assert list(found["accounting/app/Dockerfile"]["lines"]) == [2]


CALENDAR = """
0 3 * * *        | cron(0 3 * * ? *)      | Asia/Tokyo      | every day, both
*/5 * * * *      | cron(0/5 * * * ? *)    | Asia/Tokyo      | every day, both
0 3 1 * *        | cron(0 4 1 * ? *)      | Asia/Tokyo      | first, differs
0 0 13 * 5       |                        | Asia/Tokyo      | old only
OnCalendar=Mon *-*-* 04:40:00 | cron(40 4 ? * 2 *) | Asia/Tokyo | Mondays, both
not a schedule   | cron(0 3 * * ? *)      | Asia/Tokyo      | new only
"""


@pytest.mark.parametrize("case", CALENDAR.strip().splitlines())
def test_calendar(make, case):
    """Firings of both sides by local minute, for crontab lines and timers; what cannot be read is left out."""
    schedule, expression, zone, words = (part.strip() for part in case.split("|"))
    expressions = (Expression(name="x", expression=expression, timezone=zone),) if expression else ()
    job = make.job(1, schedule=schedule, timezone=zone, expressions=expressions)
    app = replaced(make.application(decisions=0, jobs=0), jobs=(job,), timezone=zone)
    (calendar,) = calendars(app, 1_793_000_000)
    assert calendar["monday"] == "2026-10-26" or calendar["monday"] <= "2026-10-26"
    (found,) = calendar["jobs"]
    old = [found["patterns"][index] if index >= 0 else () for index in found["old"]]
    new = [found["patterns"][index] if index >= 0 else () for index in found["new"]]
    assert len(old) == len(new) == DAYS
    days = sum(bool(day) for day in old), sum(bool(day) for day in new)
    expected = {
        "every day, both": (35, 35),
        "first, differs": (2, 2) if days[0] == 2 else (1, 1),
        "old only": (days[0], 0),
        "Mondays, both": (5, 5),
        "new only": (0, 35),
    }[words]
    assert days == expected
    assert (old == new) == words.endswith("both")


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
@pytest.mark.parametrize(
    "schedule",
    [
        "0 0 13 * 5",
        "5 4 */2 * 1",
        "0 23 1-7 * *",
        "30 1 31 * *",
        "15 5 13 * 5",
        "*/7 22-23 * * 0,6",
        "0 1 29 2 *",
        "59 23 * * 7",
    ],
)
def test_calendar_agrees_with_the_conversion(make, schedule, zone):
    """Where the conversion is exact, both sides of the calendar are the same: guards and double firings are looked at."""
    from analyzer.cron.convert import convert
    from analyzer.cron.crontab import read_schedule
    from analyzer.cron.proof import prove
    from analyzer.decide.schedules_expressions import guard_text
    from analyzer.model import CronDaemon

    meaning = read_schedule(schedule, CronDaemon.DEBIAN)
    conversion = convert(meaning, zone)
    job = make.job(
        1,
        schedule=schedule,
        timezone=zone,
        expressions=tuple(
            Expression(name=f"x{n}", expression=text, timezone=conversion.timezone)
            for n, text in enumerate(conversion.expressions)
        ),
        equivalence=prove(meaning, conversion, zone),
        day_guard=guard_text(conversion),
    )
    app = replaced(make.application(decisions=0, jobs=0), jobs=(job,), timezone=zone)
    calendar = calendars(app, 1_770_000_000)[0]  # February 2026: no clock change
    assert calendar["changes"] == {}
    for row in calendar["jobs"]:
        assert row["old"] == row["new"]


def test_calendar_of_a_zone_with_clock_changes(make):
    """Each clock change of the coming year gets a month of its own, and the lost firing is seen on that day."""
    job = make.job(1, schedule="30 2 * * *", timezone="Europe/Berlin",
                   expressions=(Expression(name="x", expression="cron(30 2 * * ? *)", timezone="Europe/Berlin"),))  # fmt: skip
    app = replaced(make.application(decisions=0, jobs=0), jobs=(job,), timezone="Europe/Berlin")
    found = calendars(app, 1_767_225_600)  # 2026-01-01
    assert [one["month"] for one in found] == ["2026-01-01", "2026-03-01", "2026-10-01"]
    march = found[1]
    ((day, shift),) = march["changes"].items()
    assert shift == 60
    (row,) = march["jobs"]
    assert row["patterns"][row["old"][day]] == (180,)  # cron runs it at the jump
    assert row["new"][day] == -1  # the schedule skips it
    assert row["patterns"][row["new"][day - 1]] == (150,)


def test_a_zone_that_is_none_gives_no_calendar(make):
    """Where the zone is not known nothing is drawn."""
    assert calendars(replaced(make.application(), timezone=""), None) == []


# --------------------------------------------------------------------------------------------------------------------
# In a browser
# --------------------------------------------------------------------------------------------------------------------


class Sizing:
    """Stands for decide.sizing's result: only the series matter here."""

    jobs = ()

    def __init__(self):
        mean = tuple(0.2 + (step % 24) / 48 if step % 97 else None for step in range(336))
        peak = tuple(None if value is None else value * 1.5 for value in mean)
        runs = (PlotRun(job="job-0", starts_s=tuple(1_767_225_600 + day * 86_400 for day in range(14)),
                        ends_s=tuple(1_767_229_200 + day * 86_400 for day in range(14))),)  # fmt: skip
        share = tuple(0.1 for _ in mean)
        self.plots = tuple(
            Plot(host="acct01", what=what, unit=unit, start_s=1_767_225_600, step_s=3600, mean=mean, peak=peak,
                 baseline=share, jobs=share, runs=runs, origin="test")
            for what, unit in (("cpu", "cores"), ("memory", "MiB"))
        )  # fmt: skip


def ordinary(make):
    deep = Output(file="accounting/app/docker/production/task_definition.batch_heavy.json", line=46)
    first = make.decision(0, outputs=(Output(file="accounting/app/Dockerfile", line=2), deep))
    app = make.application(decisions=120, jobs=6)
    return make.plan(replaced(app, decisions=(first, *app.decisions[1:]), sizing=Sizing()))


@pytest.mark.browser
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("hostile", [False, True])
def test_every_section_is_drawn_without_complaint(make, visit, language, hostile):
    """All sections, cards and rows of an ordinary and a hostile plan are built; nothing of the input runs."""
    tab = visit(page(make, make.hostile_plan() if hostile else ordinary(make), language))
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; }); buildAll()")
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; }); buildAll()")
    tab.wait_for_timeout(200)
    empty = tab.evaluate(
        "[...document.querySelectorAll('section .body')].filter((one) => !one.childElementCount).length"
    )
    assert empty == 0
    assert tab.locator("img").count() == 0
    assert (
        tab.evaluate(
            "[...document.querySelectorAll('main *')].some((one) => /undefined|\\[object|NaN/.test(one.textContent) && !one.childElementCount)"
        )
        is False
    )
    shown = tab.locator("main").inner_text()
    assert "⟦" not in shown  # a text that the catalogue lacks
    assert "[object " not in shown
    if hostile:
        assert "<script>alert(1)</script>" in tab.locator("#entries").inner_text()


@pytest.mark.browser
def test_filters_and_search(make, visit):
    """Outcome, kind, role, open questions and words narrow the ledger, and the count follows."""
    tab = visit(page(make, ordinary(make)))
    count = tab.locator("#ledger-count")
    tab.wait_for_selector("#ledger-count")
    assert count.inner_text() == "120 of 120"
    tab.click('#ledger [data-outcome="manual"]')
    assert count.inner_text() == "10 of 120"
    assert set(tab.locator("#entries .outcome").all_inner_texts()) == {"needs a person"}
    tab.click('#ledger [data-outcome="manual"]')
    tab.fill("#ledger-search", "number reason 115.")
    assert count.inner_text() == "1 of 120"
    tab.fill("#ledger-search", "nothing like this")
    assert count.inner_text() == "0 of 120"
    tab.fill("#ledger-search", "")
    tab.select_option("#ledger-role", "role2")
    assert count.inner_text() == "40 of 120"
    tab.select_option("#ledger-kind", "handler")
    assert int(count.inner_text().split()[0]) == len([n for n in range(80, 120) if n % 17 == 16])
    tab.select_option("#ledger-kind", "")
    tab.select_option("#ledger-role", "")
    tab.click("#ledger-open")
    assert count.inner_text() == "10 of 120"


@pytest.mark.browser
def test_links_lead_both_ways(make, visit):
    """From a source to its decision, from the decision to its line, and from the line back to the source."""
    tab = visit(page(make, ordinary(make)))
    first = tab.locator("#entries .entry").first
    first.locator(".outs a").first.click()
    row = tab.locator("#line-2.target")
    row.wait_for()
    assert row.is_visible()
    assert row.locator("span").nth(1).inner_text() == "RUN apt-get update"
    row.locator("a").click()
    tab.locator(".entry.target").wait_for()
    assert tab.evaluate("document.activeElement.dataset.id") == first.get_attribute("data-id")
    assert tab.locator(".entry.target").count() == 1


@pytest.mark.browser
def test_a_link_from_outside_opens_its_place(make, visit):
    """Anchors of a job, a question, a decision outside the filter and a far line work on a fresh page."""
    text = page(make, ordinary(make))
    tab = visit(text, "#j=job-3")
    assert tab.locator("#j-job-3").get_attribute("open") is not None
    assert tab.locator("#j-job-3 pre").first.inner_text().startswith("3 3 * * *")
    tab = visit(text, "#q=accounting-task-10")
    assert tab.locator(".question.target").get_attribute("data-question") == "accounting-task-10"
    last = data_of(text)["apps"][0]["decisions"][-1]["id"]
    tab = visit(text, f"#d={last}")
    assert tab.locator(".entry.target").get_attribute("data-id") == last
    tab = visit(text, "#f=accounting%2Fapp%2FDockerfile:850")
    assert tab.locator("#line-850").is_visible()
    tab = visit(text, "#d=gone")
    assert tab.locator(".entry.target").count() == 0


@pytest.mark.browser
def test_answers_become_lines_of_the_decisions_file(make, visit, tmp_path):
    """What is chosen on the page is read back by the tool as those answers, texts with quotes included."""
    from analyzer.model import Settings
    from analyzer.read.decisions import read_decisions
    from analyzer.read.files import Tree

    tab = visit(page(make, make.plan()))
    tab.wait_for_selector("#migrate-yml")
    tab.check('[data-question="accounting-task-10"] input[value="image"]')
    tab.fill('[data-question="accounting-task-21"] input[type="text"]', 'say "no": # really')
    tab.check('[data-question="size:batch_light"] input[value="256/512"]')
    (tmp_path / "migrate.yml").write_text(tab.locator("#migrate-yml").inner_text(), encoding="utf-8")
    found, problems = read_decisions(Tree(tmp_path), "migrate.yml", Settings())
    assert problems == ()
    assert found.answers == {
        "accounting-task-10": "image",
        "accounting-task-21": 'say "no": # really',
        "size:batch_light": "256/512",
    }


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_plots_are_drawn(make, visit, scheme):
    """CPU and memory appear with ink of more than one colour, again after the theme is switched; runs can be shaded."""
    tab = visit(page(make, ordinary(make)), "#load", color_scheme=scheme)
    tab.wait_for_selector(".plot canvas")
    ink = """(at) => { const c = document.querySelectorAll('.plot canvas')[at];
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; const seen = new Set();
        for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200) seen.add(d[i] + ',' + d[i + 1] + ',' + d[i + 2]);
        return seen.size; }"""
    tab.wait_for_timeout(300)
    assert tab.locator(".plot canvas").count() == 2
    assert all(tab.evaluate(ink, at) > 3 for at in (0, 1))
    tab.click("#theme")
    tab.wait_for_timeout(200)
    assert tab.evaluate(ink, 0) > 3
    shade = tab.locator(".plot .chips button").first
    assert shade.get_attribute("aria-pressed") == "true"
    shade.click()
    assert shade.get_attribute("aria-pressed") == "false"
    assert "peak" in tab.locator(".plot canvas").first.get_attribute("aria-label")


@pytest.mark.browser
def test_a_jobs_card(make, visit):
    """A card shows both sides, the proof with its differences, the footprint and the state machine as a picture."""
    proof = Equivalence(
        verdict="equal-except-dst", method="minute by minute", differences=(("2026-03-29T02:30+01:00", "cron runs"),)
    )
    app = make.application(decisions=0, jobs=2)
    plan = make.plan(replaced(app, jobs=(make.job(0, equivalence=proof), *app.jobs[1:])))
    tab = visit(page(make, plan), "#j=job-0")
    card = tab.locator("#j-job-0")
    text = card.inner_text()
    for words in ("cron(0 0 * * ? *)", "equal except at clock changes", "2026-03-29T02:30+01:00", "640 MiB", "5.2 min"):
        assert words in text
    assert card.locator("svg.machine rect").count() == 3
    assert card.locator("svg.machine .catch").count() == 1


@pytest.mark.browser
def test_keyboard_and_names(make, visit):
    """The skip link comes first, every control has a name, every table has headings, and headings keep their order."""
    tab = visit(page(make, ordinary(make)))
    tab.wait_for_selector("#problems table")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    nameless = """[...document.querySelectorAll('button, select, input, canvas, svg[role=img]')].filter((one) =>
        one.getClientRects().length && !(one.textContent.trim() || one.getAttribute('aria-label') || one.labels?.length)).map((one) => one.outerHTML.slice(0, 120))"""
    assert tab.evaluate(nameless) == []
    assert tab.evaluate("[...document.querySelectorAll('table')].filter((one) => !one.querySelector('th')).length") == 0
    levels = tab.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert tab.evaluate(
        "new Set([...document.querySelectorAll('[id]')].map((one) => one.id)).size === document.querySelectorAll('[id]').length"
    )


@pytest.mark.browser
def test_questions_alike_are_answered_together(make, visit):
    """One choice writes a line for each of them; one of them can still be answered otherwise, and a link opens the fold."""
    asked = [
        make.decision(
            10, source=Source("roles/a/tasks/main.yml", 10 * number), name=f"Task {number}",
            question=Question(id=f"q{number}", text=f"The content of /etc/f{number} is not known (no evidence gives the fact x). Drop it?",
                              answers=("drop", "deploy")),
        )
        for number in range(30)
    ]  # fmt: skip
    text = page(make, make.plan(replaced(make.application(decisions=0, jobs=0), decisions=tuple(asked))))
    tab = visit(text)
    tab.wait_for_selector("#questions .alike")
    assert tab.locator("#questions .alike").count() == 1
    assert "30 questions alike" in tab.locator("#questions .alike summary").inner_text()
    tab.check('#questions .alike > fieldset input[value="drop"]')
    written = tab.locator("#migrate-yml").inner_text()
    assert [f"  q{number}: drop" in written for number in range(30)] == [True] * 30
    tab.locator("#questions .alike summary").click()
    assert tab.locator('[data-question="q7"] input[value="drop"]').is_checked()
    tab.check('[data-question="q7"] input[value="deploy"]')
    assert "  q7: deploy" in tab.locator("#migrate-yml").inner_text()
    tab = visit(text, "#q=q7")
    assert tab.locator('[data-question="q7"]').is_visible()


@pytest.mark.browser
def test_print_shows_everything(make, visit):
    """Before printing, batches are unfolded, plots fit the paper and are drawn, the navigation is gone."""
    tab = visit(page(make, make.plan(replaced(make.application(), sizing=Sizing()))))
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    tab.emulate_media(media="print")
    assert tab.locator("#j-job-2 pre").first.is_visible()
    assert not tab.locator("nav").is_visible()
    assert tab.locator("#entries .entry").count() == 24
    inked = """[...document.querySelectorAll('.plot canvas')].map((c) => Math.round(c.getBoundingClientRect().width) + ' ' +
        c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((one) => one > 0))"""
    assert tab.evaluate(inked) == ["680 true", "680 true"]  # as wide as the paper, and drawn before it is printed
    assert len(tab.pdf()) > 20_000
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.locator("#j-job-2").get_attribute("open") is None


@pytest.mark.browser
def test_a_narrow_screen_does_not_scroll_sideways(make, visit):
    """On a telephone the page is as wide as the screen."""
    tab = visit(page(make, ordinary(make)))
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.evaluate("buildAll()")
    tab.wait_for_timeout(500)  # plots are drawn anew
    wide = "[...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > 391 && !one.closest('.calendar-grid, .machine-box, .lines, table')).map((one) => one.outerHTML.slice(0, 90)).slice(0, 5)"
    assert tab.evaluate(wide) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.browser
def test_a_large_plan_opens_at_once(make, visit):
    """2,000 decisions and 200 jobs are ready within two seconds, and answer to the search at once."""
    tab = visit(page(make, make.plan(make.application(decisions=2000, jobs=200))))
    ready = tab.evaluate("performance.now()")
    assert ready < 2000
    tab.wait_for_selector("#ledger-count")
    assert tab.evaluate("document.querySelectorAll('#entries .entry').length") <= 200
    took = tab.evaluate("""(() => { const box = document.querySelector('#ledger-search'); box.value = 'number 1999';
        const began = performance.now(); box.dispatchEvent(new Event('input')); return performance.now() - began; })()""")
    assert took < 500
    assert tab.locator("#ledger-count").inner_text() == "1 of 2000"


@pytest.mark.browser
def test_two_applications(make, visit):
    """With several applications one is shown at a time, and a link into the other switches to it."""
    other = replaced(make.application(decisions=3, jobs=1), name="billing")
    plan = make.plan(make.application(), other)
    text = page(make, plan)
    tab = visit(text)
    assert tab.locator('#overview [data-app="billing"]').is_hidden()
    tab.select_option("#app", "billing")
    tab.locator("#ledger-count", has_text="3 of 3").wait_for()
    target = data_of(text)["apps"][0]["decisions"][5]["id"]
    tab.evaluate(f"location.hash = 'd={target}'")
    tab.locator(".entry.target").wait_for()
    assert tab.locator("#app").input_value() == "accounting"
    assert tab.locator(".entry.target").get_attribute("data-id") == target
