"""The architecture before and after, as inline SVG: drawn from the plan, readable without a script and on paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape

from msgspec import Struct

from analyzer.model import Application
from analyzer.render.references import readable
from analyzer.render.texts import Texts


class _Box(Struct, frozen=True):
    x: int
    y: int
    width: int
    height: int
    title: str
    lines: tuple[str, ...] = ()
    kind: str = ""


def picture(application: Application, texts: Texts) -> str:
    """Two drawings side by side; every text in it is escaped. The page defines the arrows' head, `#tip`."""
    before, before_height = _before(application, texts)
    after, after_height = _after(application, texts)
    height = max(before_height, after_height) + 12
    label = escape(texts("page.picture-label", name=application.name))
    parts = [
        f'<svg class="picture" viewBox="0 0 1000 {height}" role="img" aria-label="{label}">',
        f'<text class="heading" x="10" y="18">{escape(texts("page.before"))}</text>',
        f'<text class="heading" x="530" y="18">{escape(texts("page.after"))}</text>',
        *before,
        '<path class="arrow big" d="M476 110 h36 m-9 -7 l9 7 l-9 7"/>',
        *after,
        "</svg>",
    ]
    return "".join(parts)


def _draw(box: _Box) -> Iterator[str]:
    yield (
        f'<g><rect class="{box.kind}" x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="6"/>'
        f'<text class="title" x="{box.x + 10}" y="{box.y + 19}">{_fit(box.title, box.width - 20, 7.4)}</text>'
    )
    for number, line in enumerate(box.lines):
        yield f'<text x="{box.x + 10}" y="{box.y + 36 + 16 * number}">{_fit(line, box.width - 20, 6.4)}</text>'
    yield "</g>"


def _fit(text: str, width: int, per_character: float) -> str:
    flat = " ".join(readable(text).split())
    room = int(width / per_character)
    units = 0
    for position, character in enumerate(flat):
        units += 2 if ord(character) > 0x2E80 else 1
        if units > room:
            return escape(flat[: max(1, position - 1)]) + "…"
    return escape(flat)


def _before(application: Application, texts: Texts) -> tuple[list[str], int]:
    host = application.hosts[0] if application.hosts else None
    names = ", ".join(one.name for one in application.hosts)
    kind = host.ec2.instance_type if host and host.ec2 else ""
    boxes: list[_Box] = []
    y = 62
    for process in application.processes[:4]:
        port = texts("page.port", port=process.port) if process.port else ""
        detail = " ".join(process.command)
        boxes.append(_Box(30, y, 430, 44, f"{process.name} {port}", (detail,), "work"))
        y += 52
    jobs = Counter(job.outcome for job in application.jobs)
    if application.jobs:
        said = [
            f"{count} {texts(f'job.{outcome}')}" for outcome, count in sorted(jobs.items(), key=lambda item: -item[1])
        ]
        boxes.append(
            _Box(
                30,
                y,
                430,
                44,
                f"cron: {texts('summary.jobs', count=len(application.jobs))}",
                (", ".join(said),),
                "batch",
            )
        )
        y += 52
    if application.drift:
        boxes.append(_Box(30, y, 430, 30, texts("page.by-hand", count=len(application.drift)), (), "drift"))
        y += 38
    outer = _Box(10, 30, 460, y - 24, f"EC2 {kind}  {names}", (), "frame")
    return [part for box in (outer, *boxes) for part in _draw(box)], y + 6


def _after(application: Application, texts: Texts) -> tuple[list[str], int]:
    parts: list[str] = []
    y = 62
    services = [one for one in application.task_definitions if one.process]
    batches = [one for one in application.task_definitions if not one.process]
    ports = {process.name: process.port for process in application.processes}
    for one in services:
        if ports.get(one.process):
            parts += _draw(_Box(530, y, 150, 44, texts("page.load-balancer"), (), "edge"))
            parts.append(f'<path class="arrow" d="M680 {y + 22} h38" marker-end="url(#tip)"/>')
        size = f"{one.cpu / 1024:g} vCPU, {one.memory / 1024:g} GiB × {one.desired_count}"
        parts += _draw(_Box(720, y, 260, 44, one.name, (size,), "work"))
        y += 52
    scheduled = [job for job in application.jobs if job.outcome == "schedule"]
    carried = [one for one in batches if one.jobs]
    if scheduled:
        top = y
        for one in carried:
            size = f"{one.cpu / 1024:g} vCPU, {one.memory / 1024:g} GiB; {texts('summary.jobs', count=len(one.jobs))}"
            curve = f"M680 {top + 22} C700 {top + 22} 698 {y + 22} 718 {y + 22}"
            parts.append(f'<path class="arrow" d="{curve}" marker-end="url(#tip)"/>')
            parts += _draw(_Box(720, y, 260, 44, one.name, (size,), "batch"))
            y += 52
        count = sum(len(job.expressions) for job in scheduled)
        parts += _draw(
            _Box(530, top, 150, 62, "Scheduler", (texts("page.schedules", count=count), "Step Functions"), "edge")
        )
        y = max(y, top + 70)
    extras = ["ECR", "CloudWatch"]
    if application.secrets:
        extras.append(f"Secrets Manager: {len(application.secrets)}")
    parts += _draw(_Box(530, y, 450, 30, ", ".join(extras), (), "edge"))
    y += 38
    frame = "".join(_draw(_Box(520, 30, 470, y - 24, f"ECS Fargate  {application.region}", (), "frame")))
    return [frame, *parts], y + 6
