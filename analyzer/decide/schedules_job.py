"""One job while it is decided: from the entries in which it was seen to its outcome, command and schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from analyzer.cron.zones import HORIZON_START
from analyzer.decide.batch_rules import BatchRule
from analyzer.decide.commands import BatchCommand, analyse_command, with_end_marker
from analyzer.decide.job_names import job_name
from analyzer.decide.schedules_containers import RULE as IN_CONTAINER
from analyzer.decide.schedules_containers import InContainer, in_container
from analyzer.decide.schedules_expressions import catch_up, guard_text, regular_expressions
from analyzer.decide.schedules_host import ZONE_QUESTION, answered_zone, home_of, zone_of
from analyzer.decide.schedules_merge import JobEntries, differences
from analyzer.decide.schedules_times import JobTimes, job_times
from analyzer.model import (
    CronDaemon,
    CronEntry,
    Host,
    Job,
    Problem,
    Question,
    Settings,
    Severity,
    Step,
    Unknown,
    Via,
)

LEAVE, RUN = "leave it behind", "run it as a batch"
AS_ON_HOST, AS_IN_ANSIBLE = "as on the host", "as in Ansible"
PART_OF_START = "part of the start of a process"

_CONVERTED = "cron-converted"
"""Rule id of what no rule of batches.yaml speaks about: a batch of the application."""


class _Verdict(Struct, frozen=True):
    """What one job becomes."""

    outcome: Literal["schedule", "platform", "manual", "skipped"]
    rule: str
    reason: str
    question: str = ""
    answers: tuple[str, ...] = ()
    blocking: bool = False
    asks: str = ""
    """Id of its question where several jobs share one."""


class UndecidedJob(Struct):
    """A job while it is decided: everything but its name."""

    group: JobEntries
    entry: CronEntry
    host: Host | None
    command: BatchCommand | None
    timing: JobTimes
    host_zone: str
    zone_source: str
    rule: BatchRule | None
    name: str
    inside: InContainer | None = None
    """What it runs in a container of the host, where it does nothing else."""

    @classmethod
    def of(
        cls,
        group: JobEntries,
        hosts: Sequence[Host],
        steps: Sequence[Step],
        settings: Settings,
        rules: Sequence[BatchRule],
        dropped: Sequence[Step] = (),
    ) -> UndecidedJob:
        entry = group.leading
        host = next((item for item in hosts if item.name == entry.host), hosts[0] if hosts else None)
        host_zone, zone_source = zone_of(entry, hosts, steps, settings)
        timing = job_times(entry, host_zone, start=_horizon(settings))
        command = None
        if not isinstance(entry.command, Unknown) and entry.command:
            home = home_of(entry.user or "root", host, steps)
            command = analyse_command(entry, home=home, timezone=timing.timezone or host_zone, end_marker="End.")
        text = "" if isinstance(entry.command, Unknown) else entry.command
        names = tuple(filter(None, (entry.name, entry.path.rpartition("/")[2] if "/cron." in entry.path else "")))
        programs = command.programs if command else ()
        rule = next((item for item in rules if item.matches(names, programs, text)), None)
        core = (command.core if command else "") or text
        if (inside := in_container(entry, (*steps, *dropped))) is not None:
            inner = analyse_command(inside.entry(entry), home="/", timezone=timing.timezone, end_marker="End.")
            core = inner.core or core
            if rule is not None and rule.id == IN_CONTAINER:
                rule = next((one for one in rules if one.matches((), inner.programs, inside.command)), rule)
        name = job_name(entry.name, core)
        return cls(group, entry, host, command, timing, host_zone, zone_source, rule, name, inside)

    @property
    def identity(self) -> str:
        """What tells it from others of the same name."""
        return "\n".join((self.entry.user, self.entry.path, self.entry.schedule, str(self.entry.command)))

    def job(self, job_id: str, locks: Mapping[tuple[str, str], str], settings: Settings) -> Job:
        entry, timing = self.entry, self.timing
        question_id = f"job:{job_id}"
        answer = settings.answers.get(question_id)
        if answer == AS_IN_ANSIBLE and self.group.from_ansible is not None and entry.origin == "host":
            entry = self.group.from_ansible
            timing = job_times(entry, self.host_zone, start=_horizon(settings))
        elif answer == RUN and self.inside is not None:
            entry = self.inside.entry(entry)
        elif times := self._times(answer):
            entry = replace(entry, schedule=times, daemon=CronDaemon.DEBIAN)
            timing = job_times(entry, self.host_zone, start=_horizon(settings))
        marker = f"{job_id} End."
        command = self._command(entry, timing, marker)
        if command is not None and answer == RUN and self.inside is not None:
            command = self.inside.settled(command)
        left = job_id in settings.jobs_left_behind
        verdict = self._verdict(entry, timing, command, answer, left=left)
        unanswered = self._verdict(self.entry, self.timing, command, None, left=left)
        scheduled = verdict.outcome == "schedule"
        window = timing.window_minutes or (command.flexible_window_minutes if command else None)
        notes = [*self._notes(entry), *timing.notes, *(command.notes if command else ())]
        if window and timing.conversion is not None and timing.conversion.deduplicated:
            notes.append(
                "no flexible time window: two schedules share instants, which the guard knows by their exact time"
            )
            window = None
        if timing.conversion is not None:
            made = len(timing.conversion.expressions)
            notes.append(f"{made} schedule{'s' if made != 1 else ''}: {timing.conversion.reason}")
        answered = (question_id,) if not verdict.question and verdict != unanswered else ()
        if self.zone_source and (self.host_zone, self.zone_source) == answered_zone(settings):
            answered = (*answered, ZONE_QUESTION)
        wanted = settings.answers.get(f"retries:{job_id}")
        retries = min(wanted, 10) if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted > 0 else 0
        if retries:
            answered = (*answered, f"retries:{job_id}")
            notes.append(
                f"a person asked for {retries} further attempt{'s' if retries != 1 else ''} after a non-zero exit"
            )
        expressions = regular_expressions(job_id, timing)
        if settings.answers.get(f"catch-up:{job_id}") is True and timing.equivalence.missed:
            answered = (*answered, f"catch-up:{job_id}")
            expressions += catch_up(job_id, timing, len(expressions))
            notes.append("one-time schedules stand for the runs that clock changes drop, as a person asked")
        question = None
        if verdict.question:
            question = Question(
                id=verdict.asks or question_id,
                text=verdict.question,
                answers=verdict.answers,
                blocking=verdict.blocking,
            )
        return Job(
            id=job_id,
            sources=tuple(dict.fromkeys(item.source for item in (entry, *self.group.entries))),
            via=Via(rule=verdict.rule, sources=tuple(dict.fromkeys(item.source for item in self.group.entries))),
            user=command.user if command else entry.user,
            schedule=entry.schedule,
            timezone=timing.timezone or self.host_zone,
            enabled=entry.enabled,
            command=entry.command.expression if isinstance(entry.command, Unknown) else entry.command,
            container_command=command.container_command if command and scheduled else (),
            working_directory=command.working_directory if command else "",
            environment=command.environment if command and scheduled else (),
            outcome=verdict.outcome,
            reason=verdict.reason,
            question=question,
            answered_questions=answered,
            retries=retries,
            expressions=expressions if scheduled else (),
            equivalence=timing.equivalence,
            single_flight=command.single_flight if command and scheduled else "",
            lock=locks.get(self.lock_key(), "") or (job_id if command and command.single_flight and scheduled else ""),
            timeout_s=command.timeout_s if command else None,
            flexible_window_minutes=window if scheduled else None,
            day_guard=guard_text(timing.conversion) if scheduled else "",
            longest_gap_s=timing.longest_gap_s,
            shortest_gap_s=timing.shortest_gap_s,
            end_marker=marker if scheduled else "",
            end_marker_added=scheduled,
            notes=tuple(dict.fromkeys(notes)),
        )

    def _command(self, entry: CronEntry, timing: JobTimes, marker: str) -> BatchCommand | None:
        if self.command is None or isinstance(entry.command, Unknown):
            return None
        if entry is self.entry:
            return with_end_marker(self.command, marker)
        home = dict(self.command.environment).get("HOME", "/")
        return analyse_command(entry, home=home, timezone=timing.timezone or self.host_zone, end_marker=marker)

    def lock_key(self) -> tuple[str, str]:
        return (self.entry.host, self.command.lock) if self.command and self.command.lock else ("", "")

    def _times(self, answer: object) -> str:
        """The five time fields that a person gave for a schedule that nobody could read, "" where that is no answer."""
        refused = self.timing.conversion is None and not self.timing.rate and not self.timing.reboot
        if not refused or not isinstance(answer, str) or len(answer.split()) != 5:
            return ""
        timing = job_times(replace(self.entry, schedule=answer, daemon=CronDaemon.DEBIAN), self.host_zone)
        return answer if timing.conversion is not None else ""

    def _verdict(
        self, entry: CronEntry, timing: JobTimes, command: BatchCommand | None, answer: object, *, left: bool
    ) -> _Verdict:
        if left or answer == LEAVE:
            return _Verdict("skipped", "job-left-behind", "A person decided to leave it behind.")
        if self.rule is not None and self.rule.id == IN_CONTAINER and answer != RUN and self.inside is not None:
            asked = self.inside.question()
            return _Verdict("manual", IN_CONTAINER, f"{self.rule.reason} {self.inside.reason()}", asked, (LEAVE, RUN))
        if self.rule is not None and (answer != RUN or (self.rule.id == IN_CONTAINER and self.inside is None)):
            replacement = f" Replacement: {self.rule.replacement}." if self.rule.replacement else ""
            answers = (self.rule.answers or (LEAVE, RUN)) if self.rule.question else ()
            return _Verdict(
                self.rule.outcome, self.rule.id, self.rule.reason + replacement, self.rule.question, answers
            )
        if entry.dead:
            return _Verdict(
                "manual",
                "cron-dead",
                f"It stands there, but cron never runs it: {entry.dead}.",
                "It has not been running. Correct the line if somebody misses it, or leave it behind.",
                (LEAVE,),
            )
        if problem := self._unknown(entry, command, answer):
            return problem
        if timing.never:
            return _Verdict("skipped", "cron-never", f"It never fires: {timing.why_not}.")
        if timing.reboot and answer == PART_OF_START:
            return _Verdict("platform", "cron-reboot", "A person decided: the start of a process does it.")
        if timing.reboot:
            return _Verdict(
                "manual",
                "cron-reboot",
                "It runs once when the host boots; tasks have no boot, and EventBridge has no such event.",
                "Does a process need it before it starts (then it belongs to that process's start), or can it go?",
                (LEAVE, PART_OF_START),
            )
        if timing.conversion is None and not timing.rate:
            return self._without_schedule(timing)
        how = timing.equivalence.verdict
        words = {
            "equal": "the schedules fire when cron fired, for ever",
            "equal-except-dst": f"the schedules fire when cron fired, but for {len(timing.equivalence.differences)}"
            " listed instants at clock changes",
        }.get(how, "the schedules do not fire exactly when it fired; the method says how they differ")
        asked, answers = self._difference(answer)
        return _Verdict("schedule", _CONVERTED, f"A batch of the application: {words}.", asked, answers)

    def _unknown(self, entry: CronEntry, command: BatchCommand | None, answer: object) -> _Verdict | None:
        """What nobody but the live host or a person knows."""
        if expression := entry.settings.get("unknown", ""):
            return _Verdict(
                "manual",
                "cron-unknown",
                f"Its line holds what only a run of the playbook knows: {expression}.",
                f"What does {expression} stand for on the hosts? The crontab of a host (evidence) shows it.",
                blocking=True,
            )
        if entry.origin == "ansible" and (why := entry.settings.get("applies", "")):
            return (
                _Verdict(
                    "manual",
                    "cron-condition-unknown",
                    f"Whether Ansible sets it up depends on what is not known: {why}.",
                    "Does this job run in production? The crontab of a host (evidence) shows it.",
                    (RUN, LEAVE),
                    blocking=True,
                )
                if not self.group.hosts and answer != RUN
                else None
            )
        if command is not None and command.broken:
            return _Verdict(
                "manual",
                "cron-command-broken",
                f"The command cannot have worked: {command.broken}.",
                "What should it do? Correct the line, or leave it behind.",
                (LEAVE,),
            )
        if command is None and entry.schedule:
            return _Verdict(
                "manual",
                "cron-no-command",
                "The schedule is known, but not what it starts.",
                f"What does it run? Give the unit file of {entry.settings.get('unit', 'its service')}.",
                blocking=True,
            )
        return None

    def _without_schedule(self, timing: JobTimes) -> _Verdict:
        if not timing.timezone and self.entry.schedule:
            return _Verdict(
                "manual",
                "cron-zone-unknown",
                "Nothing tells the time zone of the host's cron, so no schedule can be exact.",
                "In which time zone does cron run on the hosts? EC2 images come with UTC; `timedatectl` on a host "
                "tells, and so does fs/etc/timezone as evidence.",
                ("UTC",),
                blocking=True,
                asks=ZONE_QUESTION,
            )
        return _Verdict(
            "manual",
            "cron-refused",
            f"There is no schedule for it: {timing.why_not}.",
            "When shall it run? Write five time fields that cron accepts.",
            (LEAVE,),
        )

    def _difference(self, answer: object) -> tuple[str, tuple[str, ...]]:
        other = self.group.from_ansible
        if other is None or not self.group.hosts or answer in {AS_IN_ANSIBLE, AS_ON_HOST}:
            return "", ()
        found = differences(self.group.leading, other)
        if not found:
            return "", ()
        return (
            f"The host has {'; '.join(found)} as Ansible has it. The host's is taken. Which one is right?",
            (AS_ON_HOST, AS_IN_ANSIBLE),
        )

    def _notes(self, entry: CronEntry) -> list[str]:
        notes = []
        if not entry.enabled:
            notes.append("it is disabled where it stands, so its schedule is created disabled")
        if len(self.group.hosts) > 1:
            notes.append(
                f"it runs on {len(self.group.hosts)} hosts ({', '.join(self.group.hosts)}); one schedule takes the"
                " place of all of them: ask for more if each host's run did work of its own"
            )
        if text := entry.settings.get("no_minute") or entry.settings.get("no_schedule"):
            notes.append(f"Ansible: {text}; was that meant?")
        if self.zone_source:
            notes.append(f"time zone {self.host_zone} from {self.zone_source}")
        if content := entry.settings.get("content"):
            notes.append(f"the line comes from {content}")
        return notes

    def problems(self, job: Job) -> list[Problem]:
        found: list[Problem] = []
        leading = self.group.leading
        for other in self.group.entries:
            if other is leading:
                continue
            different = differences(leading, other)
            settled = other.origin == "ansible" and f"job:{job.id}" in job.answered_questions
            if different and not settled:
                where = "Ansible" if other.origin == "ansible" else other.host
                message = f"{job.id}: {leading.host or 'Ansible'} has {'; '.join(different)} as {where} has it"
                hint = (
                    f"{other.source} says otherwise; answer `{job.question.id}` in the decisions file"
                    if (job.question is not None)
                    else f"compare with {other.source}"
                )
                found.append(Problem(Severity.WARNING, "cron-differs", message, leading.source, hint))
        if job.outcome == "manual" and job.via.rule in {"cron-refused", "cron-zone-unknown", "cron-dead"}:
            found.append(
                Problem(
                    Severity.WARNING, job.via.rule, f"{job.id}: {job.reason}", leading.source, "answer its question"
                )
            )
        if job.outcome == "skipped" and job.via.rule == "cron-never":
            message = f"{job.id}: `{job.schedule}` never fires"
            hint = "the job has probably never run; correct the schedule if it should"
            found.append(Problem(Severity.WARNING, "cron-never", message, leading.source, hint))
        return found


def _horizon(settings: Settings) -> datetime:
    text = str(settings.answers.get("horizon_start", ""))
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else HORIZON_START
    except ValueError:
        return HORIZON_START
