"""What was measured of processes, joined to the cron log's runs: the CMD line's pid is the root of the job's tree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from msgspec.structs import replace

from analyzer.usage import CommandRuns, ProcessRecords, ProcessSamples

CLOCKS_DIFFER_S = 3.0
"""The log's stamp and the kernel's start of one process."""


def with_measurements(
    runs: Sequence[CommandRuns], records: Sequence[ProcessRecords], samples: Sequence[ProcessSamples]
) -> tuple[CommandRuns, ...]:
    """The runs with the CPU time and peak memory of their process trees where accounting or a sampler saw them."""
    out = list(runs)
    for record in records:
        out = [_from_records(one, record) for one in out]
    for sample in samples:
        if sample.arguments:  # without parents a tree cannot be told
            out = [_from_samples(one, sample) for one in out]
    return tuple(out)


def _from_records(runs: CommandRuns, records: ProcessRecords) -> CommandRuns:
    """CPU of the whole tree, and the end where the log has none: exact."""
    import numpy as np

    by_pid: dict[int, list[int]] = defaultdict(list)
    children: dict[int, list[int]] = defaultdict(list)
    for index, (pid, parent) in enumerate(zip(records.pids.tolist(), records.parent_pids.tolist(), strict=True)):
        by_pid[pid].append(index)
        children[parent].append(index)
    cpu, ends = runs.cpu_s.copy(), runs.ends_s.copy()
    found = 0
    for place, (start, pid) in enumerate(zip(runs.starts_s.tolist(), runs.pids.tolist(), strict=True)):
        root = next((i for i in by_pid.get(pid, ()) if abs(records.starts_s[i] - start) <= CLOCKS_DIFFER_S), None)
        if root is None:
            continue
        last = records.starts_s[root] + records.elapsed_s[root]
        tree, waiting, seen = [root], [int(records.pids[root])], {root}
        while waiting:
            for child in children.get(waiting.pop(), ()):
                # pids are used again: a child lived within its parent's time
                if child not in seen and start - CLOCKS_DIFFER_S <= records.starts_s[child] <= last + CLOCKS_DIFFER_S:
                    seen.add(child)
                    tree.append(child)
                    waiting.append(int(records.pids[child]))
        cpu[place] = float(records.cpu_s[tree].sum())
        if np.isnan(ends[place]):
            ends[place] = last
        found += 1
    if not found:
        return runs
    return replace(runs, cpu_s=cpu, ends_s=ends, measured_by=(*runs.measured_by, "process accounting"))


def _from_samples(runs: CommandRuns, samples: ProcessSamples) -> CommandRuns:
    """CPU over the intervals in which the tree lived; memory as the highest sum over the tree at one instant."""
    import numpy as np

    cpu, memory = runs.cpu_s.copy(), runs.memory_mib.copy()
    rows_at: dict[int, list[int]] = defaultdict(list)
    for index, end in enumerate(samples.ends_s.tolist()):
        rows_at[end].append(index)
    instants = np.array(sorted(rows_at), dtype=np.int64)
    found = 0
    for place, (start, pid) in enumerate(zip(runs.starts_s.tolist(), runs.pids.tolist(), strict=True)):
        first = int(np.searchsorted(instants, start))
        tree, used, peak, missed = {pid}, 0.0, 0.0, 0
        met, ended = False, False
        for end in instants[first : first + 10_000].tolist():
            mine = _tree_rows(samples, rows_at[end], tree)
            if not mine:
                missed += 1
                ended = met
                if missed > 1 or met:
                    break
                continue
            met = True
            used += float(samples.cpu_s[mine].sum())
            peak = max(peak, float(np.nansum(samples.memory_mib[mine])))
        if met:
            # a run that the recording cuts off has not shown all its CPU time
            cpu[place] = used if ended and np.isnan(cpu[place]) else cpu[place]
            memory[place] = peak if np.isnan(memory[place]) else max(peak, memory[place])
            found += 1
    if not found:
        return runs
    return replace(runs, cpu_s=cpu, memory_mib=memory, measured_by=(*runs.measured_by, "process samples"))


def _tree_rows(samples: ProcessSamples, rows: Sequence[int], tree: set[int]) -> list[int]:
    """Rows of the tree at one instant; children met for the first time join it."""
    grown = True
    mine: list[int] = []
    while grown:
        grown = False
        for index in rows:
            pid, parent = int(samples.pids[index]), int(samples.parent_pids[index])
            if index not in mine and (pid in tree or parent in tree):
                tree.add(pid)
                mine.append(index)
                grown = True
    return mine
