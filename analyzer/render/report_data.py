"""The plan as the report page's script reads it: plain data, short keys where there are thousands, markers readable."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analyzer.decide.likeness import question_groups
from analyzer.decide.questions import open_questions
from analyzer.model import Application, Decision, Footprint, Job, OutputFile, Plan, Source, Via
from analyzer.render import decisions_file
from analyzer.render.report_calendar import calendars

MAX_FILE_BYTES = 200_000
"""A larger output file is named in the page, its text is not repeated."""
MAX_TEXT_BYTES = 6_000_000
"""All texts of output files together; what comes later is named only."""


def page_data(plan: Plan, files: Sequence[OutputFile]) -> dict[str, Any]:
    """Everything the page shows, as JSON-ready values."""
    reasons = _Reasons()
    groups = question_groups(open_questions(plan))
    return {
        "environment": plan.environment,
        "counts": dict(plan.counts),
        "apps": [_application(application, plan.excerpts) for application in plan.applications],
        "questions": [
            {
                "id": one.question.id,
                "text": one.question.text,
                "answers": list(one.question.answers),
                "blocking": one.question.blocking,
                "subject": one.subject,
                "kind": one.kind,
                "source": _at(one.source),
                "key": decisions_file.snippet(one).strip().partition(": ")[0],
                "applied": one.default_applied,
            }
            for group in groups
            for one in group.questions
        ],
        "groups": [[group.alike, len(group.questions)] for group in groups],
        "decided": [[one.key, one.value, _at(one.source)] for one in plan.decided],
        "problems": [
            {
                "severity": one.severity.value,
                "code": one.code,
                "message": one.message,
                "source": _at(one.source),
                "hint": one.hint,
            }
            for one in plan.problems
        ],
        "files": _files(files, reasons),
        "reasons": reasons.rows,
    }


def decision_id(application: str, decision: Decision) -> str:
    """Stable anchor of a decision."""
    key = "\0".join((application, decision.kind, str(decision.source), decision.role, decision.name))
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()[:10]


def _at(source: Source | None) -> str:
    return str(source) if source else ""


class _Reasons:
    """Rule and sources of output lines, each combination once."""

    def __init__(self) -> None:
        self.rows: list[list[Any]] = []
        self._known: dict[tuple[str | None, tuple[Source, ...], str], int] = {}

    def number(self, via: Via) -> int:
        key = (via.rule, via.sources, via.note)
        if key not in self._known:
            self._known[key] = len(self.rows)
            self.rows.append([via.rule or "", [str(source) for source in via.sources], via.note])
        return self._known[key]


def _files(files: Iterable[OutputFile], reasons: _Reasons) -> dict[str, Any]:
    found: dict[str, Any] = {}
    room = MAX_TEXT_BYTES
    for file in sorted(files, key=lambda one: one.path):
        text = None
        if len(file.data) <= min(MAX_FILE_BYTES, room):
            try:
                text = file.data.decode()
            except UnicodeDecodeError:
                text = None
        room -= len(text) if text else 0
        lines: dict[int, list[int]] = {}
        for entry in file.provenance:
            if entry.line is not None:
                number = reasons.number(entry.via)
                if number not in (row := lines.setdefault(entry.line, [])):
                    row.append(number)
        found[file.path] = {"text": text, "size": len(file.data), "lines": lines}
    return found


def _application(application: Application, excerpts: Mapping[Source, tuple[str, ...]]) -> dict[str, Any]:
    plots = _plots(application)
    around = plots[0]["start"] + plots[0]["step"] * len(plots[0]["mean"]) // 2 if plots else None
    return {
        "name": application.name,
        "environment": application.environment,
        "region": application.region,
        "timezone": application.timezone,
        "image": application.image.base_image,
        "notes": list(application.image.notes),
        "hosts": [
            {
                "name": host.name,
                "type": host.ec2.instance_type if host.ec2 else "",
                "vcpu": host.ec2.vcpus if host.ec2 else None,
                "memory": host.ec2.memory_mib if host.ec2 else None,
                "zone": host.timezone,
                "source": _at(host.source),
            }
            for host in application.hosts
        ],
        "decisions": _decisions(application, excerpts),
        "jobs": [_job(job, application) for job in application.jobs],
        "definitions": [
            {
                "name": one.name,
                "cpu": one.cpu,
                "memory": one.memory,
                "architecture": one.architecture,
                "process": one.process,
                "jobs": list(one.jobs),
                "basis": one.basis,
                "assumed": one.assumed,
                "usd": round(one.monthly_usd, 2),
                "count": one.desired_count,
            }
            for one in application.task_definitions
        ],
        "processes": [
            {
                "name": one.name,
                "command": " ".join(one.command),
                "user": one.user,
                "port": one.port,
                "source": _at(one.source),
                "notes": list(one.notes),
            }
            for one in application.processes
        ],
        "costs": [
            {"name": one.name, "usd": round(one.monthly_usd, 2), "basis": one.basis} for one in application.costs
        ],
        "secrets": [
            {"name": one.name, "reason": one.reason, "source": _at(one.source), "used": [str(at) for at in one.used_at]}
            for one in application.secrets
        ],
        "parameters": [
            {
                "name": one.name,
                "reason": one.reason,
                "source": _at(one.source),
                "values": [list(pair) for pair in one.values],
            }
            for one in application.parameters
        ],
        "drift": [
            {
                "kind": one.kind,
                "name": one.name,
                "seen": one.seen,
                "details": one.details,
                "proposal": one.proposal,
                "source": _at(one.source),
            }
            for one in application.drift
        ],
        "plots": plots,
        "calendars": calendars(application, around),
    }


def _decisions(application: Application, excerpts: Mapping[Source, tuple[str, ...]]) -> list[dict[str, Any]]:
    seen: dict[str, int] = {}
    rows = []
    for decision in application.decisions:
        name = decision_id(application.name, decision)
        seen[name] = seen.get(name, 0) + 1
        row: dict[str, Any] = {
            "id": name if seen[name] == 1 else f"{name}-{seen[name]}",
            "k": decision.kind,
            "s": str(decision.source),
            "r": decision.role,
            "n": decision.name,
            "m": decision.module,
            "o": decision.outcome.value,
            "u": decision.rule,
            "w": decision.reason,
        }
        if lines := excerpts.get(decision.source):
            row["x"] = "\n".join(lines)
        if decision.applies != "yes":
            row["a"] = decision.applies.value
        if decision.outputs:
            row["out"] = [[output.file, output.line, output.pointer] for output in decision.outputs]
        if decision.question is not None:
            row["q"] = decision.question.id
        if decision.answered:
            row["done"] = 1
        if decision.answered_questions:
            row["aq"] = list(decision.answered_questions)
        rows.append(row)
    return rows


def _job(job: Job, application: Application) -> dict[str, Any]:
    proof = job.equivalence
    return {
        "id": job.id,
        "sources": [str(source) for source in job.sources],
        "rule": job.via.rule,
        "user": job.user,
        "schedule": job.schedule,
        "timezone": job.timezone,
        "enabled": job.enabled,
        "command": job.command,
        "container": list(job.container_command),
        "directory": job.working_directory,
        "environment": [f"{name}={value}" for name, value in job.environment],
        "outcome": job.outcome,
        "reason": job.reason,
        "question": job.question.id if job.question and job.question.id not in job.answered_questions else "",
        "answered": list(job.answered_questions),
        "class": job.job_class,
        "expressions": [
            {"name": one.name, "text": one.expression, "timezone": one.timezone, "role": one.role}
            for one in job.expressions
        ],
        "proof": None
        if proof is None
        else {
            "verdict": proof.verdict,
            "deduplicated": proof.deduplicated,
            "missed": list(proof.missed),
            "extra": list(proof.extra),
            "method": proof.method,
            "differences": [list(one) for one in proof.differences],
        },
        "footprint": _footprint(job.footprint),
        "sizing": _sizing_of(job.id, application),
        "flight": job.single_flight,
        "lock": job.lock,
        "timeout": job.timeout_s,
        "gap": job.longest_gap_s,
        "shortest": job.shortest_gap_s,
        "end": job.end_marker,
        "endAdded": job.end_marker_added,
        "notes": list(job.notes),
    }


def _footprint(footprint: Footprint) -> dict[str, Any]:
    return {
        "vcpu": _rounded(footprint.vcpu),
        "cpu": _rounded(footprint.cpu_s),
        "memory": footprint.memory_mib,
        "duration": _rounded(footprint.duration_s),
        "runs": footprint.runs,
        "confidence": footprint.confidence,
        "cpuConfidence": footprint.cpu_confidence,
        "memoryConfidence": footprint.memory_confidence,
        "cpuInterval": [_rounded(one) for one in footprint.cpu_interval] if footprint.cpu_interval else None,
        "memoryInterval": [_rounded(one) for one in footprint.memory_interval] if footprint.memory_interval else None,
        "basis": footprint.basis,
        "advice": footprint.advice,
    }


def _sizing_of(job: str, application: Application) -> str:
    found = next((one for one in getattr(application.sizing, "jobs", ()) if one.job == job), None)
    return str(found.why) if found is not None else ""


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 3)


def _plots(application: Application) -> list[dict[str, Any]]:
    """Series of the sizing, three decimals, gaps as null."""
    return [
        {
            "host": plot.host,
            "what": plot.what,
            "unit": plot.unit,
            "start": int(plot.start_s),
            "step": int(plot.step_s),
            "mean": _series(plot.mean),
            "peak": _series(plot.peak),
            "baseline": _series(plot.baseline),
            "jobs": _series(plot.jobs),
            "origin": plot.origin,
            "runs": [
                {
                    "job": run.job,
                    "starts": [int(at) for at in run.starts_s],
                    "ends": [int(at) for at in run.ends_s],
                }
                for run in plot.runs
            ],
        }
        for plot in getattr(application.sizing, "plots", ())
    ]


def _series(values: Iterable[float | None]) -> list[float | None]:
    # NaN is no JSON; it is a gap.
    return [None if value is None or value != value else round(float(value), 3) for value in values]  # noqa: PLR0124


def escaped_json(text: str) -> str:
    """JSON that can stand inside a script element: no `<`, `>`, `&` or line separator is left as itself."""
    marks: Mapping[int, str] = {
        ord("<"): "\\u003c",
        ord(">"): "\\u003e",
        ord("&"): "\\u0026",
        0x2028: "\\u2028",
        0x2029: "\\u2029",
    }
    return text.translate(marks)
