"""`sadf -j`: sysstat's records as JSON. Stamps are the END of each interval; memory is a sample at that instant."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from analyzer.model import Severity
from analyzer.read.metrics import sysstat
from analyzer.read.metrics.documents import load_documents
from analyzer.read.metrics.reading import MetricFile, Reading, epoch_of_local, parse_stamps

if TYPE_CHECKING:
    from analyzer.usage import Floats, Seconds

NAME = "sadf -j"


def recognises(data: bytes) -> bool:
    """A JSON object whose first key is `sysstat`."""
    return data[:200].lstrip().startswith(b"{") and b'"sysstat"' in data[:200]


def read(file: MetricFile) -> Reading:
    """CPU, steal and memory of the host; restarts; number of CPUs."""
    reading = Reading()
    for document in load_documents(file):
        root = document.get("sysstat") if isinstance(document, dict) else None
        hosts = root.get("hosts") if isinstance(root, dict) else None
        if not isinstance(hosts, list):
            file.note("metrics-no-hosts", "no `sysstat.hosts` list in it", severity=Severity.ERROR)
            continue
        for host in hosts:
            if isinstance(host, dict):
                _read_host(file, host, reading)
    return reading


def _read_host(file: MetricFile, host: dict[str, Any], reading: Reading) -> None:
    vcpus = host.get("number-of-cpus")
    if isinstance(vcpus, int) and 0 < vcpus < 4096:
        reading.vcpus = float(vcpus)
    records = host.get("statistics")
    # `sadf -j INTERVAL` prints an empty object for every record that it leaves out
    records = [record for record in records if record != {}] if isinstance(records, list) else []
    if not records:
        return
    restarts = _restarts(file, host)
    reading.restarts_s += restarts
    try:
        stamps = [record["timestamp"] for record in records]
        texts = [f"{stamp['date']}T{stamp['time']}Z" for stamp in stamps]
        intervals = [stamp["interval"] for stamp in stamps]
        utc = {stamp.get("utc", 0) for stamp in stamps}
    except (KeyError, TypeError, AttributeError):
        whole = [record for record in records if _has_stamp(record)]
        file.note("metric-stamp-invalid", f"{len(records) - len(whole)} records without a time stamp; left out")
        if whole:
            _read_host(file, {**host, "statistics": whole, "restarts": None}, reading)
        return
    ends_s, kept = _ends(file, texts, is_utc=utc <= {1})
    if len(kept) < len(records):
        records, intervals = [records[i] for i in kept], [intervals[i] for i in kept]
    rows = sysstat.Rows(
        ends_s=ends_s,
        intervals_s=_numbers(intervals),
        restarts_s=tuple(restarts),
        cpu=_cpu(file, records),
        memory=_memory(file, records),
    )
    reading.series += sysstat.series(file, rows)
    reading.memory_total_mib = sysstat.total_mib(rows)


def _has_stamp(record: object) -> bool:
    stamp = record.get("timestamp") if isinstance(record, dict) else None
    return isinstance(stamp, dict) and {"date", "time", "interval"} <= stamp.keys()


def _ends(file: MetricFile, texts: list[str], *, is_utc: bool) -> tuple[Seconds, Seconds]:
    """Stamps with `Z`; without `utc` they are on the host's own clock all the same (`sadf -t`)."""
    local, kept = parse_stamps(texts, file)
    return (local, kept) if is_utc else (epoch_of_local(local, file.zone()), kept)


def _restarts(file: MetricFile, host: dict[str, Any]) -> list[int]:
    entries = host.get("restarts")
    boots = [entry.get("boot") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    texts = [f"{b['date']}T{b['time']}Z" for b in boots if isinstance(b, dict) and {"date", "time"} <= b.keys()]
    return [int(value) for value in _ends(file, texts, is_utc=True)[0]] if texts else []


def _numbers(values: list[Any]) -> Floats:
    import numpy as np

    try:
        return np.array(values, dtype=np.float64)
    except (ValueError, TypeError):
        return np.array([v if isinstance(v, int | float) else np.nan for v in values], dtype=np.float64)


def _column(rows: list[dict[str, Any]], name: str) -> Floats | None:
    import numpy as np

    try:
        return np.fromiter(map(itemgetter(name), rows), np.float64, len(rows))
    except (KeyError, TypeError, ValueError):
        values = [row.get(name) if isinstance(row, dict) else None for row in rows]
        return None if all(value is None for value in values) else _numbers([_nan(value) for value in values])


def _nan(value: object) -> object:
    return float("nan") if value is None else value


def _cpu(file: MetricFile, records: list[dict[str, Any]]) -> dict[str, Floats]:
    key = next((key for key in ("cpu-load", "cpu-load-all") if any(key in record for record in records[:5])), "")
    if not key:
        return {}
    try:
        rows = [record[key][0] for record in records]
        first_is_all = {row["cpu"] for row in rows} <= {"all", "-1", -1}
    except (KeyError, IndexError, TypeError):
        first_is_all = False
    if not first_is_all:
        rows = [_all_cpus(record.get(key)) for record in records]
        if missing := sum(1 for row in rows if not row):
            file.note("metric-record-incomplete", f"{missing} of {len(rows)} records have no row for all CPUs")
    columns = {name: _column(rows, name) for name in ("idle", "iowait", "steal")}
    return {name: column for name, column in columns.items() if column is not None}


def _all_cpus(rows: object) -> dict[str, Any]:
    entries = rows if isinstance(rows, list) else []
    return next((row for row in entries if isinstance(row, dict) and row.get("cpu") in ("all", "-1", -1)), {})


def _memory(file: MetricFile, records: list[dict[str, Any]]) -> dict[str, Floats]:
    try:
        rows = [record["memory"] for record in records]
    except (KeyError, TypeError):
        rows = [record.get("memory") or {} for record in records]
        if not any(rows):
            return {}
        file.note("metric-record-incomplete", f"{sum(1 for row in rows if not row)} records have no memory element")
    columns = {name: _column(rows, name) for name in sysstat.MEMORY_COLUMNS}
    return {name: column for name, column in columns.items() if column is not None}
