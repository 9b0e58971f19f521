"""The runbook names what is there, in an order that can be undone, and texts of the input stay texts."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from analyzer.model import Application, Plan, Source
from analyzer.render import plan_json, report, runbook, summary
from analyzer.render.containers import scheduled_jobs, secrets_by_name
from analyzer.render.runbook_hosts import cron_unit, install_command
from analyzer.resources import template_texts
from tests.infra import factory
from tests.infra.bundle import texts
from tests.infra.test_operations import SHELLCHECK

PAGES = ("cutover", "rollback", "parallel-run", "retire", "cost")


def page(name: str, which: str) -> str:
    return texts(name)[f"ops/{which}.md"]


def blocks(text: str) -> list[str]:
    """The code blocks of a page, indentation of lists removed."""
    matches = re.finditer(r"^( *)(`{3,})\n(.*?)^\1\2$", text, re.MULTILINE | re.DOTALL)
    return ["\n".join(line.removeprefix(match[1]) for line in match[3].splitlines()) for match in matches]


def outside(text: str) -> str:
    """A page without its code blocks."""
    return re.sub(r"^( *)(`{3,})\n.*?^\1\2$", "", text, flags=re.MULTILINE | re.DOTALL)


CRONTAB_LINE = r"(?:[\d*,/-]+ ){2}[\d*,/?-]+ "
ACCEPTED = (
    "SC2009",  # pgrep knows no start time
    "SC2016",  # what stands in single quotes is for jq, for JMESPath, or a hostile input's
    "SC2034,SC2154",  # one block sets what a later one needs
    "SC2043",  # a loop over secrets, of which there may be one
    "SC2164",  # these are lines to paste: each shows its own failure
)


@pytest.mark.parametrize("name", ["typical", "no-api", "no-jobs", "two-processes", "fixture", "hostile"])
def test_commands_are_shell(name: str, tmp_path: Path) -> None:
    """Every code block is a shell text to which shellcheck has nothing to say, with nothing left unfilled."""
    for which in PAGES:
        text = page(name, which)
        assert "None" not in text
        for number, block in enumerate(blocks(text)):
            assert block.strip(), f"an empty block in {which}"
            if not re.match(CRONTAB_LINE, block):
                (tmp_path / f"{which}-{number}.sh").write_text(f"{block}\n")
    made = subprocess.run(
        [SHELLCHECK, "--shell=bash", f"--exclude={','.join(ACCEPTED)}", *sorted(tmp_path.glob("*.sh"))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout


def test_each_command_has_what_it_asks_for() -> None:
    """No queue without schedules, no schedules without batches, no traffic without an API, no secrets where none are read."""
    for name in factory.APPLICATIONS:
        application = factory.APPLICATIONS[name]
        pages = pages_of(application)
        scheduled, everything = scheduled_jobs(application), "".join(pages.values())
        assert ("get-queue-attributes" in everything) == bool(scheduled)
        assert ("every schedule `DISABLED`" in everything) == bool(scheduled)
        assert ("no service yet" in everything) == bool(application.processes)
        assert ("new_weight" in everything) == any(process.name == "api" for process in application.processes)
        assert ("put-secret-value" in everything) == bool(secrets_by_name(application, application.environment))
        assert ("nothing says which region" in everything) == (not application.region)


@pytest.mark.parametrize("evidence", ["all", "no volumes, no groups", "no profile"])
def test_steps_of_retirement_are_numbered_without_a_gap(evidence: str) -> None:
    """Whatever the evidence lacks, the steps follow each other and name what to look up."""
    changes = {"all": {}, "no volumes, no groups": {"volume_ids": (), "security_group_ids": ()}}
    ec2 = replace(factory.HOST.ec2, **changes.get(evidence, {"iam_instance_profile": ""}))
    application = factory.application(hosts=(replace(factory.HOST, ec2=ec2),))
    text = pages_of(application)["retire"]
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(block.strip() for block in blocks(text))
    assert ("BlockDeviceMappings" in text) == (evidence == "no volumes, no groups")


@pytest.mark.parametrize("which", PAGES)
def test_commands_name_what_is_there(which: str) -> None:
    """No command of the fixture's pages has a word to be replaced in its middle: names are real, or set in a first line."""
    for block in blocks(page("fixture", which)):
        words = set(re.findall(r"(?<![\w$.{-])[A-Z][A-Z_]{2,}(?![\w=(])", block))
        assert words <= {
            "VPC",
            "DELETE",
            "CREATE",
            "TTL",
            "AWS",
            "ACTIVE",
            "DESC",
            "ALARM",
            "BANK_API_KEY",
            "SESSION_SECRET",
        }, block


def test_the_host_stops_what_writes_and_gets_its_writes_back() -> None:
    """The move to shared files stops cron and the application's unit by their names; the way back copies what was written."""
    text = page("fixture", "cutover")
    (_, move, put, back) = [
        block for block in blocks(text) if "mnt/new" in block or "before-efs" in block or "-lname" in block
    ]
    assert "systemctl stop cron accounting-api" in move
    assert put.index("rsync") < put.index("umount") < put.index("mv ") < put.index("mount /var") < put.index("start")
    assert back.index("rsync") < back.index("umount") < back.index("mv ")
    bare = replace(factory.HOST, facts={"os_family": "RedHat"})
    application = replace(factory.two_processes(), hosts=(bare,))
    assert (cron_unit(application), install_command(application)[:3]) == ("crond", "dnf")


def test_terraform_knows_the_record_before_it_is_asked_to_make_it() -> None:
    """Zone, names and the old addresses are set before the import: without them the address does not exist."""
    text = page("fixture", "cutover")
    assert 0 < text.index("set `zone_id`") < text.index("change-resource-record-sets") < text.index(" import ")


@pytest.mark.parametrize("which", PAGES)
def test_pasting_a_block_loses_nothing(which: str) -> None:
    """No block reads from the terminal outside of a function: it would swallow the pasted lines behind it."""
    for block in blocks(page("fixture", which)):
        assert not re.search(r"^\s*read ", block, re.MULTILINE)


def test_what_cannot_be_undone_says_so() -> None:
    """Each command that takes something away for good stands in a step that says it, and volumes wait for their copy."""
    pages = page("fixture", "retire") + page("fixture", "rollback")
    steps = re.split(r"\n(?=\d+\. |## |### )", pages)
    final = ("terminate-instances", "delete-volume", "release-address", "deregister-task-definition", "create-image")
    for word in final:
        found = [step for step in steps if word in step]
        assert found
        assert all(re.search(r"\*\*(For good|This cannot be undone|This restarts)", step) for step in found), word
    (volumes,) = [step for step in steps if "delete-volume" in step]
    assert volumes.index("wait snapshot-completed") < volumes.index("delete-volume")


@pytest.mark.parametrize("name", ["typical", "fixture", "no-api"])
def test_each_batch_is_handed_over_and_back(name: str) -> None:
    """Each batch that runs today has its own steps, off before on, and its own way back; others have none."""
    application = factory.APPLICATIONS[name]
    cutover, rollback = page(name, "cutover"), page(name, "rollback")
    for job in scheduled_jobs(application):
        on = f"\nops/schedules.sh enable {job.id}\n"
        assert (on in cutover) == job.enabled
        assert (f"\nops/schedules.sh disable {job.id}\n" in rollback) == job.enabled
        if job.enabled:
            section = cutover.partition(f"### {job.id}\n")[2].partition("\n### ")[0]
            assert 0 < section.index(f"host-cron.sh off {job.id}") < section.index(on.strip())
            assert f"sudo ./host-cron.sh on {job.id}" in rollback


@pytest.mark.parametrize("name", ["typical", "fixture"])
def test_retirement_begins_with_an_image_and_forgets_nothing(name: str) -> None:
    """An image is made before anything stops or goes, and every resource of the evidence is named."""
    application = factory.APPLICATIONS[name]
    text = page(name, "retire")
    order = [text.index(word) for word in ("create-image", "stop-instances", "terminate-instances", "delete-volume")]
    assert order == sorted(order)
    for host in application.hosts:
        assert host.ec2 is not None
        for resource in (host.ec2.instance_id, *host.ec2.volume_ids, *host.ec2.security_group_ids):
            assert resource in text
    for item in application.drift:
        assert item.name in text


def test_shared_files_move_before_the_first_task() -> None:
    """Where tasks and hosts share files, these come before the first deployment."""
    text = page("two-processes", "cutover")
    assert text.index("Shared files") < text.index("First deployment") < text.index("Batches, one at a time")
    assert "Shared files" not in page("typical", "cutover")


@pytest.mark.parametrize("which", PAGES)
def test_texts_of_the_input_stay_texts(which: str) -> None:
    """No markup of a hostile input works outside of a code block, and none ends its code block."""
    text = outside(page("hostile", which))
    assert not re.search(r"<(script|b|/script)\b", text)
    assert not re.search(r"^ *```", text, re.MULTILINE)


def pages_of(application: Application) -> dict[str, str]:
    """Page -> text."""
    files = runbook.render(application, template_texts())
    return {file.path.rpartition("/")[2].removesuffix(".md"): file.data.decode() for file in files}


@pytest.mark.parametrize(
    ("environment", "others"), [("production", ()), ("production", ("prod",)), ("staging", ()), ("staging", ("live",))]
)
def test_side_by_side_is_never_in_the_environment_that_is_handed_over(
    environment: str, others: tuple[str, ...]
) -> None:
    """Where no second environment is there, no command switches schedules on beside cron: the page asks for one."""
    base = factory.application()
    text = pages_of(replace(base, environment=environment, environments=(environment, *others)))["parallel-run"]
    assert "enable --all" not in text
    assert f"one environment alone, `{environment}`" in text
    other = pages_of(replace(base, environments=("production", "staging")))["parallel-run"]
    assert "schedules.sh --env staging enable --all" in other


def test_hosts_keep_their_files_while_both_sides_run() -> None:
    """The set-up of the second environment is everything before the traffic but the move of the hosts' files."""
    files, none = page("two-processes", "parallel-run"), page("typical", "parallel-run")
    assert "do steps 1, 2, 4, 5 of" in files
    assert "Leave step 3 out" in files
    assert "do steps 1, 2, 3, 4 of" in none
    assert "Leave step" not in none


@pytest.mark.parametrize("application", factory.APPLICATIONS.values(), ids=factory.APPLICATIONS)
def test_steps_are_numbered_without_a_gap(application: Application) -> None:
    """What has nothing to do is left out, and each step that a page names is there."""
    pages = pages_of(application)
    numbers = [int(number) for number in re.findall(r"^## (\d+)\. ", pages["cutover"], re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    named = re.findall(r"[Ss]teps? ([\d, ]*\d)", pages["cutover"] + pages["parallel-run"])
    assert {int(number) for one in named for number in one.split(", ")} <= set(numbers)


def test_what_is_not_handed_over_names_its_hosts() -> None:
    """Entries that wait for an answer or end with the hosts say where they stand; of many hosts the first are named."""
    sources = tuple(Source(f"evidence/web{number:02}/fs/etc/cron.d/app", 3) for number in range(1, 7))
    waiting = factory.job("warm", outcome="manual", expressions=(), sources=sources)
    gone = factory.job(
        "old", outcome="platform", expressions=(), sources=(Source("evidence/db01/cmd/crontab-app.txt", 1),)
    )
    planned = factory.job("plan", outcome="manual", expressions=(), sources=(Source("roles/a/tasks/main.yml", 9),))
    page = pages_of(factory.application(members=(*factory.jobs(), waiting, gone, planned)))["cutover"]
    assert "| warm | /etc/cron.d/app on web01, web02, web03, web04 and 2 more |" in page
    assert "| old | crontab of app on db01 |" in page
    assert "| plan | roles/a/tasks/main.yml:9 |" in page


def test_without_batches_there_is_no_step_for_them() -> None:
    """No placeholder, no empty table, no command for schedules that are not there."""
    pages = pages_of(factory.APPLICATIONS["no-jobs"])
    for text in pages.values():
        assert not re.search(r"\bJOB\b|schedules\.sh|host-cron|deregister", text)
        assert not re.search(r"^\|[-:|]+\|\n(?!\|)", text, re.MULTILINE)
    assert pages["cost"].count("nothing runs on it") == 2


def test_the_way_back_names_no_time_of_the_day() -> None:
    """It may be gone at any time, so the batch's next run is that of its own schedule."""
    assert "from the next time of `*/5 * * * *` (Asia/Tokyo)" in page("fixture", "rollback")
    assert not re.search(r"\bat \d\d:\d\d", page("fixture", "rollback"))


def test_batches_of_one_lock_are_named_to_each_other() -> None:
    """Who shares a lock is handed over together: each names the others, one that is alone names nobody."""
    members = (
        factory.job("close", single_flight="skip", lock="books"),
        factory.job("export", single_flight="queue", lock="books"),
        factory.job("alone", single_flight="skip", lock="own"),
    )
    application = factory.application(members=members)
    pages = {file.path: file.data.decode() for file in runbook.render(application, template_texts())}
    text = pages["accounting/ops/cutover.md"]
    sections = {one: text.partition(f"### {one}\n")[2].partition("\n### ")[0] for one in ("close", "export", "alone")}
    assert "shares its lock with export" in sections["close"]
    assert "shares its lock with close" in sections["export"]
    assert "shares its lock" not in sections["alone"]


def test_costs_agree_everywhere() -> None:
    """The sum of the task definitions is the planned line, and cost page, plan, report and summary tell the same figures."""
    application = factory.fixture()
    planned = next(cost for cost in application.costs if cost.name == "fargate-right-sized")
    sizes = [definition.monthly_usd for definition in application.task_definitions]
    assert round(sum(sizes), 2) == pytest.approx(planned.monthly_usd, abs=0.02)
    plan = Plan(environment="production", applications=(application,), problems=(), counts={})
    in_plan = plan_json.document(plan)["applications"][0]
    in_summary = summary.summary_object(plan)["applications"][0]
    text = page("fixture", "cost")
    for found in (in_plan, in_summary):
        listed = {one["name"]: one["monthly_usd"] for one in found["task_definitions"]}
        assert listed == {one.name: round(one.monthly_usd, 2) for one in application.task_definitions}
        assert {one["name"]: one["monthly_usd"] for one in found["costs"]} == {
            one.name: round(one.monthly_usd, 2) for one in application.costs
        }
    shown = report.render(plan, template_texts())[0].data.decode()
    for one in (*application.task_definitions, *application.costs):
        assert f"| {one.monthly_usd:,.2f} |" in text
        assert f"{one.monthly_usd:,.2f}" in shown


def test_costs_are_told_as_they_were_reckoned() -> None:
    """Every line of the comparison is there with its basis, and the sizes with their reasons."""
    text = page("typical", "cost")
    for cost in factory.application().costs:
        assert cost.basis in text
        assert f"{cost.monthly_usd:,.2f}" in text
    for definition in factory.application().task_definitions:
        assert definition.basis in text
