"""Needs, sizes, cuts: worked numbers and what must always hold."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from analyzer.decide.platform import FargateSize, load_platform
from analyzer.decide.sizing.classes import JobNeed, Partition, all_cuts, best_pair, cheapest, monthly_usd, partition
from analyzer.decide.sizing.reasons import batch_cuts, cut_reason, job_sizings
from analyzer.model import Footprint
from analyzer.resources import rule_texts

PLATFORM = load_platform(rule_texts())[0]
PRICE = PLATFORM.price("us-east-1", "X86_64")[0]


def need(job: str = "close", **more: object) -> JobNeed:
    values = {
        "phases": (1.0,), "duration_s": 600.0, "duration_p95_s": 600.0, "memory_mib": 900.0, "runs_a_month": 30.4,
        "period_s": 86400.0,
    }  # fmt: skip
    return JobNeed(job=job, **(values | more))


def test_a_run_is_stretched_where_it_wants_more_than_there_is():
    """600 s at one core with 10 % margin take 660 s on one vCPU, 1320 s on a half; 750 s are allowed."""
    one = need()
    assert one.allowed_s == 750
    assert one.lasts_s(1.0) == pytest.approx(660)
    assert one.lasts_s(0.5) == pytest.approx(1320)
    assert cheapest(PLATFORM.fargate_sizes, [one], PRICE) == FargateSize(1024, 2048)


def test_only_the_busy_part_of_a_run_is_stretched():
    """Half of the time at 0.2 and half at 2 cores: on one vCPU 300 + 660 s."""
    assert need(phases=(0.2, 2.0)).lasts_s(1.0) == pytest.approx(960)


def test_a_deadline_lets_a_batch_be_slower():
    """An hour is enough for it on a quarter of a vCPU (2640 s)."""
    assert cheapest(PLATFORM.fargate_sizes, [need(deadline_s=3600.0)], PRICE) == FargateSize(256, 1024)


def test_the_bill_counts_the_pull_and_a_minute_at_least():
    """10 s + 30 s of pulling are billed as 60 s; 600 s run 660 s on one vCPU and are billed with the pull."""
    short = need(phases=(0.1,), duration_s=10.0, duration_p95_s=10.0)
    hour = PRICE.hourly(FargateSize(1024, 2048))
    assert monthly_usd(short, FargateSize(1024, 2048), PRICE, PLATFORM) == pytest.approx(30.4 * 60 / 3600 * hour)
    assert monthly_usd(need(), FargateSize(1024, 2048), PRICE, PLATFORM) == pytest.approx(30.4 * 690 / 3600 * hour)


def test_small_and_large_jobs_part_at_the_usual_size():
    """What half a vCPU and a GiB are enough for is light."""
    small = need("mail", phases=(0.1,), memory_mib=300.0)
    large = need("close", phases=(2.0,), memory_mib=5000.0)
    cut = partition([small, large], PRICE, PLATFORM)
    assert dict(cut.classes) == {"mail": "light", "close": "heavy"}
    assert (cut.light, cut.heavy) == (FargateSize(256, 512), FargateSize(2048, 5120))


def test_a_cut_that_saves_a_lot_is_taken():
    """A GiB and a half every five minutes must not run on the size of the nightly giant."""
    giant = need("close", phases=(4.0,), memory_mib=24000.0, runs_a_month=30.0)
    often = need(
        "import",
        phases=(0.3,),
        memory_mib=1500.0,
        duration_s=60.0,
        duration_p95_s=60.0,
        runs_a_month=8760.0,
        period_s=300.0,
    )
    cut = partition([giant, often], PRICE, PLATFORM)
    assert dict(cut.classes) == {"close": "heavy", "import": "light"}


def test_a_reviewers_class_is_kept_and_its_size_follows():
    """Both sizes stay safe for whatever is put on them."""
    large = need("close", phases=(2.0,), memory_mib=5000.0, job_class="light")
    cut = partition([large, need("mail", memory_mib=300.0)], PRICE, PLATFORM)
    assert cut.classes["close"] == "light"
    assert large.fits(cut.light)


def test_what_no_size_can_hold_is_named():
    """300 GiB are beyond Fargate."""
    cut = partition([need("giant", memory_mib=300_000.0), need("mail", memory_mib=100.0)], PRICE, PLATFORM)
    assert cut.unsafe == ("giant",)
    assert cut.classes == {"giant": "heavy", "mail": "heavy"} | {"mail": cut.classes["mail"]}


NEEDS = st.lists(
    st.builds(
        need,
        phases=st.tuples(st.floats(0.01, 6), st.floats(0.01, 6)),
        duration_s=st.floats(1, 7000),
        duration_p95_s=st.floats(1, 7000),
        memory_mib=st.floats(10, 60_000),
        runs_a_month=st.floats(1, 43_800),
        period_s=st.sampled_from([60.0, 300.0, 3600.0, 86400.0]),
    ),
    min_size=1,
    max_size=6,
).map(lambda found: [replace(one, job=f"job{index}") for index, one in enumerate(found)])


@settings(max_examples=40, deadline=None)
@given(needs=NEEDS)
def test_every_job_is_safe_where_it_is_put_and_nothing_is_cheaper_than_the_best_pair(needs):
    """Whatever the needs are."""
    cut, best = partition(needs, PRICE, PLATFORM), best_pair(needs, PRICE, PLATFORM)
    for one in needs:
        assert one.fits(cut.heavy if cut.classes[one.job] == "heavy" else cut.light)
    assert best.monthly_usd <= cut.monthly_usd + 1e-9


@settings(max_examples=40, deadline=None)
@given(needs=NEEDS, factor=st.floats(1.0, 3.0))
def test_more_memory_never_costs_less(needs, factor):
    """The best pair is monotone in what is needed."""
    more = [replace(one, memory_mib=one.memory_mib * factor) for one in needs]
    if any(one.memory_mib > 120_000 for one in more):
        return
    assert best_pair(more, PRICE, PLATFORM).monthly_usd >= best_pair(needs, PRICE, PLATFORM).monthly_usd - 1e-9


@given(needs=NEEDS)
def test_every_cut_is_another_one_and_the_first_is_the_cheapest(needs):
    """No two part the jobs alike, costs ascend, and each job is safe in each of them."""
    cuts = all_cuts(needs, PRICE, PLATFORM)
    assert len({cut.parts for cut in cuts}) == len(cuts)
    assert [cut.monthly_usd for cut in cuts] == sorted(cut.monthly_usd for cut in cuts)
    for cut in cuts[:5]:
        assert all(one.fits(cut.heavy if cut.classes[one.job] == "heavy" else cut.light) for one in needs)


def reasons_of(*needs: JobNeed) -> tuple[dict[str, str], Partition]:
    cut = partition(list(needs), PRICE, PLATFORM)
    jobs = [SimpleNamespace(id=one.job) for one in needs]
    seen = {one.job: Footprint(runs=14, duration_s=one.duration_s) for one in needs}
    sizes = {"batch_heavy": cut.heavy, "batch_light": cut.light}
    found = job_sizings(jobs, {one.job: one for one in needs}, cut, sizes, cut.classes, set(), seen, PRICE, PLATFORM)
    return {one.job: one.why for one in found}, cut


def test_a_job_that_only_wants_time_says_which_line_makes_it_light():
    """600 s at one core may take 750 s; half a vCPU takes 1320 s, which a deadline of 22 minutes allows: then it is light."""
    small = need("sync", phases=(0.45,), memory_mib=900.0, runs_a_month=8000.0, period_s=300.0)
    large = need("close", memory_mib=3000.0)
    why, cut = reasons_of(small, need("report"), large)
    assert cut.classes == {"sync": "light", "report": "heavy", "close": "heavy"}
    assert "a run may take up to 1320 s on 0.5 vCPU / 1 GiB, and 750 s are allowed" in why["report"]
    assert "`jobs: {report: {deadline_minutes: 22}}` in migrate.yml makes it light" in why["report"]
    assert "needs 3000 MiB with its margin and 0.5 vCPU / 1 GiB has only 1024 MiB" in why["close"]
    assert why["sync"].endswith("It is light: 0.5 vCPU / 1 GiB is enough for it.")
    _, cut = reasons_of(small, need("report", deadline_s=22 * 60.0), large)
    assert cut.classes["report"] == "light"


def test_a_job_of_every_minute_says_that_it_is_better_a_worker():
    """43 776 launches a month, each billed for a minute: a task that stays costs the same and starts at once."""
    often = need(
        "poll", phases=(0.2,), duration_s=3.0, duration_p95_s=4.0, memory_mib=100.0, runs_a_month=43776.0, period_s=60.0
    )
    why, _ = reasons_of(often)
    assert "Better a worker than a batch: poll starts 43776 times a month" in why["poll"]


def test_the_chosen_cut_stands_first_and_says_what_the_cheapest_would_save():
    """Classes do not change for cents; the reader sees the cents."""
    _, cut = reasons_of(need("sync", phases=(0.2,), memory_mib=300.0), need("report"), need("close", memory_mib=3000.0))
    shown = batch_cuts(cut)
    assert [one.chosen for one in shown] == [True] + [False] * (len(shown) - 1)
    assert set(shown[0].light_jobs) | set(shown[0].heavy_jobs) == {"sync", "report", "close"}
    assert f"{len(cut.tried) + 1} ways to part the batches" in cut_reason(cut)


def test_one_way_to_part_the_batches_is_said_as_one():
    """A project with one job reads neither `1 ways` nor of a choice that there was not."""
    _, cut = reasons_of(need("sync", phases=(0.2,), memory_mib=300.0))
    assert cut_reason(cut).startswith("There is one way to part the batches.")
