"""How long one template may take, and how much memory."""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

RENDER_SECONDS = 5.0
"""A template that takes longer is given up."""

MAX_RENDER_BYTES = 1 << 30
"""Memory that one template may take on top of what is in use."""

_MEASURED_FOR_S = 0.1
"""How long a measurement of the memory in use counts as fresh; reading it takes longer than most templates."""


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Bound the block: TimeoutError after RENDER_SECONDS, MemoryError past MAX_RENDER_BYTES (main thread only)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGALRM, _expire)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    bound = _MEMORY.in_use() + MAX_RENDER_BYTES
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (bound if soft == resource.RLIM_INFINITY else min(soft, bound), hard))
    signal.setitimer(signal.ITIMER_REAL, RENDER_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _expire(_signal: int, _frame: object) -> None:
    raise TimeoutError(f"takes longer than {RENDER_SECONDS:g} s to evaluate")


class _Memory:
    """Bytes of address space in use, and a gibibyte for what is allocated beside the template's own values."""

    def __init__(self) -> None:
        self._bytes = 0
        self._until = 0.0

    def in_use(self) -> int:
        now = time.monotonic()
        if now > self._until:
            pages = 0
            with contextlib.suppress(OSError), Path("/proc/self/statm").open(encoding="ascii") as stream:
                pages = int(stream.read().split()[0])
            self._bytes = pages * resource.getpagesize() + (1 << 30 if pages else sys.maxsize >> 2)
            self._until = now + _MEASURED_FOR_S
        return self._bytes


_MEMORY = _Memory()
