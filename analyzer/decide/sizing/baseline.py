"""The API and the system: a daily shape, a weekend, and slow drift. Smoother than any job, or it would swallow them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.decide.sizing.signals import DAY_S, Signal

if TYPE_CHECKING:
    from analyzer.usage import Floats

_HARMONICS = {"cpu": 4, "memory": 2}
_KNOT_H = {"cpu": 6, "memory": 12}
"""Knots closer than three hours absorb a daily job of ninety minutes."""
_FREE_RIDGE = 1e-6


def baseline_design(signal: Signal) -> tuple[Floats, Floats]:
    """(columns, ridge of each column)."""
    import numpy as np

    seconds = signal.local_s
    angle = seconds % DAY_S / DAY_S * 2 * np.pi
    weekend = ((seconds // DAY_S + 3) % 7 >= 5).astype(float)  # 1970-01-01 was a Thursday
    columns = [np.ones(signal.size)]
    if 0 < weekend.sum() < signal.size:
        columns.append(weekend)
    # of less than two days a daily wave is only a bend that explains whatever it likes
    harmonics = _HARMONICS[signal.what] if signal.size * signal.step_s >= 2 * DAY_S else 0
    for harmonic in range(1, harmonics + 1):
        for wave in (np.sin(harmonic * angle), np.cos(harmonic * angle)):
            columns += [wave, wave * weekend] if len(columns) > 1 and 0 < weekend.sum() < signal.size else [wave]
    hats = _hats(signal.size, _KNOT_H[signal.what] * 3600 / signal.step_s)
    ridge = max(1e-3, 3 * 300 / signal.step_s)
    return (
        np.column_stack([*columns, hats]),
        np.r_[np.full(len(columns), _FREE_RIDGE), np.full(hats.shape[1], ridge)],
    )


def _hats(size: int, width: float) -> Floats:
    """Piecewise linear functions with a knot every `width` bins."""
    import numpy as np

    place = np.arange(size) / width
    count = int(np.ceil(size / width)) + 1
    left = np.minimum(place.astype(np.int64), count - 2)
    share = place - left
    hats = np.zeros((size, count))
    hats[np.arange(size), left] = 1 - share
    hats[np.arange(size), left + 1] += share
    return hats
