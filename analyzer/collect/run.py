"""`migrate-analyze collect`: hosts and AWS, step by step, into the evidence tree.

What fails is noted and the rest goes on; what is done is in each host's `collect.json`, so that a second run fetches
only what is missing.
"""

from __future__ import annotations

from datetime import datetime

from analyzer.collect.from_aws import AwsSteps
from analyzer.collect.from_hosts import HostSteps
from analyzer.collect.work import ALL_STEPS, Outcome, Progress, Request, Work


def collect(
    request: Request, now: datetime, progress: Progress = lambda _host, _step: None, points_per_call: int | None = None
) -> Outcome:
    """Collect from hosts, then from AWS. `now` ends the window of the metrics. Raises StoreError."""
    work = Work(request, now, progress)
    try:
        if request.with_hosts:
            HostSteps(work).run()
        if request.with_aws:
            AwsSteps(work, points_per_call).run()
    except KeyboardInterrupt:
        work.outcome.interrupted = True
    for name, store in sorted(work.stores.items()):
        work.outcome.done[name] = [step for step in ALL_STEPS if store.is_done(step, request.asked(step))]
        work.outcome.kept += [f"{name}/{file}" for file in store.kept]
    return work.outcome
