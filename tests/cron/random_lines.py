"""Random crontab lines that every Vixie cron accepts: all field forms, names, steps, both day fields, nicknames."""

from __future__ import annotations

import random

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
NICKNAMES = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"]


def element(draw: random.Random, low: int, high: int, names: list[str] | None) -> str:
    kind = draw.random()
    if kind < 0.5:
        value = draw.randint(low, high)
        if names and draw.random() < 0.4 and value - (1 if low else 0) < len(names):
            name = names[value - (1 if low else 0)]
            return draw.choice([name, name.upper(), name.capitalize()])
        return f"{value:02}" if draw.random() < 0.1 else str(value)
    first, last = sorted((draw.randint(low, high), draw.randint(low, high)))
    if kind < 0.75 or first == last:  # cronsim reads `5-5/2` as 5-59/2, Vixie as 5
        return f"{first}-{last}"
    if kind < 0.9:
        return f"{first}-{last}/{draw.randint(1, max(1, (high - low) // 2))}"
    return f"*/{draw.randint(1, max(1, (high - low) // 2))}"


def field(draw: random.Random, low: int, high: int, star: float, names: list[str] | None = None) -> str:
    if draw.random() < star:
        return draw.choice(["*", "*", "*", f"*/{draw.randint(1, high)}"])
    return ",".join(element(draw, low, high, names) for _ in range(draw.choice([1, 1, 1, 1, 2, 3])))


def line(draw: random.Random) -> str:
    if draw.random() < 0.02:
        return draw.choice(NICKNAMES)
    return " ".join(
        (
            field(draw, 0, 59, 0.15),
            field(draw, 0, 23, 0.3),
            field(draw, 1, 31, 0.5),
            field(draw, 1, 12, 0.7, MONTHS),
            field(draw, 0, 7, 0.5, [*WEEKDAYS, "sun"]),
        )
    )
