"""The steps on the hosts: events of ansible-playbook become files of the evidence tree."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from analyzer.collect.hosts import AnsibleRun, Ending, results, snapshot
from analyzer.collect.inventory import redacted_snapshot
from analyzer.collect.records import Content, Remark, parse
from analyzer.collect.steps import HOST_STEPS, hint_for
from analyzer.collect.store import HostStore, clean, place_of
from analyzer.collect.work import Work
from analyzer.read.facts import KEPT_ENVIRONMENT
from analyzer.read.layout import SNAPSHOT
from analyzer.read.redact import redact_data


class HostSteps(Struct):
    """All host steps of one run."""

    work: Work
    pending: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Host -> what the list step said, until the files of the step are there."""
    heard_of: set[str] = field(default_factory=set)
    """Hosts for which ansible-playbook told anything."""

    def run(self) -> None:
        """All steps of all hosts, through one run of ansible-playbook."""
        known = [path.parent.name for path in sorted(self.work.request.evidence.glob("*/collect.json"))]
        stores = {host: store for host in known if (store := self.work.store(host)) is not None}
        self.work.stores.clear()  # only hosts that the inventory has count
        self.work.outcome.before.clear()
        request = self.work.request
        found = request.found
        run = AnsibleRun(
            root=found.root,
            playbook_folder=found.playbook_folder,
            inventories=found.inventories,
            limit=request.limit,
            options=request.options,
            days=request.days,
            local_facts=request.local_facts,
            steps={
                host: [step.name for step in HOST_STEPS if not store.is_done(step.name, request.asked(step.name))]
                for host, store in stores.items()
            },
            have={host: store.items("usage", request.asked("usage")) for host, store in stores.items()},
        )
        if found.dynamic:
            self._snapshot(run)
        ending = Ending()
        with results(run, ending) as events:
            for event in events:
                self._event(event)
        said = _first_error(ending.errors)
        if not self.work.known:
            pattern = f" that --limit {request.limit} selects" if request.limit else ""
            hint = hint_for(said) if said else "check the inventory and --limit"
            self.work.fail("", "", f"no host{pattern}: {said or 'ansible-playbook names none'}", hint)
        for host in sorted({*self.work.known} - self.heard_of):
            self.work.fail(
                host, "", f"ansible-playbook ended before it was tried: {said or ending.status}", hint_for(said)
            )
        for host, waiting in self.pending.items():
            if waiting and not self.work.outcome.interrupted:
                self.work.fail(
                    host,
                    "usage",
                    "ended before all of its files were fetched",
                    "run this again: it goes on where it stopped",
                )

    def _snapshot(self, run: AnsibleRun) -> None:
        text, error = snapshot(run)
        if error:
            self.work.fail("", "inventory", f"the dynamic inventory gave no snapshot: {error}")
            return
        cleaned, problem = redacted_snapshot(text)
        if problem:
            self.work.fail("", "inventory", problem)
            return
        HostStore(self.work.request.evidence, {"steps": {}}).write(SNAPSHOT, cleaned, mine=True)
        self.work.outcome.snapshot = self.work.request.evidence / SNAPSHOT

    def _event(self, event: Mapping[str, Any]) -> None:
        kind = event.get("event")
        if kind == "hosts":
            self.work.known = event.get("hosts") or {}
            for name in self.work.known:
                self.work.store(name)
            return
        host, step = str(event.get("host", "")), str(event.get("step", ""))
        self.heard_of.add(host)
        if (store := self.work.store(host)) is None:
            return
        asked = self.work.request.asked(step if step != "list" else "usage")
        message = str(event.get("message") or "")
        if kind == "unreachable":
            self.work.fail(host, "connection", message)
        elif kind == "failed" and step == "usage":
            self.pending.pop(host, None)  # every item that failed was noted on its own
        elif kind in ("failed", "item-failed"):
            where = self._item_path(event) if kind == "item-failed" else ""
            self.work.fail(host, step, f"{where}{': ' if where else ''}{message or 'failed without a message'}")
            if kind == "failed" and step not in ("list", "usage"):
                store.finish(step, asked, self.work.stamp, "failed", ())
        elif step == "facts" and kind == "ok":
            self._facts(store, event)
        elif step == "list" and kind == "ok":
            self._listed(store, event)
        elif step == "usage" and kind == "item":
            self._item(store, event)
        elif step == "usage" and kind in ("ok", "skipped"):
            self._usage_done(store)
        elif kind == "ok":
            self._records(store, step, str(event.get("stdout") or ""))

    def _records(self, store: HostStore, step: str, stdout: str) -> None:
        """A step that one run of the script answers."""
        records = list(parse(stdout))
        names, redacted = self._write(store, step, records)
        self._remarks(store, step, records)
        complete = any(isinstance(one, Remark) and (one.kind, one.text) == ("done", step) for one in records)
        if not complete:
            self.work.fail(store.host, step, "its output ends too early", "run this again")
        status = "done" if complete else "failed"
        store.finish(step, self.work.request.asked(step), self.work.stamp, status, names, redacted=redacted)
        if complete:
            self.work.progress(store.host, step)

    def _write(self, store: HostStore, step: str, records: Sequence[object]) -> tuple[list[str], int]:
        names, total = [], 0
        for one in records:
            if not isinstance(one, Content):
                continue
            if one.truncated:
                self.work.fail(
                    store.host, step, f"{one.name} is larger than the bound; its beginning is kept", "", partial=True
                )
            if one.kind == "metrics" and one.status:
                hint = "written by another version of sysstat? convert it on the host: sadf -c FILE"
                message = f"sadf cannot read {one.name} (status {one.status})"
                self.work.fail(store.host, step, message, hint, partial=True)
                continue
            place = place_of(one, step)
            if not place:
                continue
            data, redacted = clean(one)
            if written := store.write(place, data):
                names.append(written)
                total += redacted
        self.work.outcome.redacted += total
        return names, total

    def _remarks(self, store: HostStore, step: str, records: Sequence[object]) -> None:
        host = store.host
        remarks = [one for one in records if isinstance(one, Remark)]
        unreadable = [one.text for one in remarks if one.kind == "unreadable"]
        if unreadable:
            more = f" and {len(unreadable) - 3} more" if len(unreadable) > 3 else ""
            self.work.fail(host, step, f"no permission to read {', '.join(unreadable[:3])}{more}",
                      "connect as root, or become it with --become (-K asks for its password)")  # fmt: skip
        for one in remarks:
            if one.kind in ("broken", "refused"):
                self.work.fail(
                    host,
                    step,
                    f"{one.text}: its content did not arrive whole",
                    "run this again with --refresh " + step,
                    partial=True,
                )
            elif one.kind == "many":
                self.work.fail(
                    host,
                    step,
                    f"more than 400 configuration files differ; those from {one.text} on are left out",
                    "",
                    partial=True,
                )
            elif one.kind == "absent" and one.text == "sadf":
                self.work.fail(
                    host,
                    step,
                    "there is no sadf to read sysstat's files with",
                    "install sysstat here, or copy the files to a host that has it",
                    partial=True,
                )
        if step == "base":
            found: dict[str, Any] = {
                "instance_ids": sorted(
                    {one.text for one in remarks if one.kind == "identity" and one.text.startswith("i-")}
                ),
                "region": next((one.text for one in remarks if one.kind == "region"), ""),
            }
            store.note(**found)
            if not self.work.request.local_facts and any(
                (one.kind, one.text) == ("local", "programs") for one in remarks
            ):
                message = "/etc/ansible/facts.d holds programs, which were not run: ansible_local is unknown"
                self.work.fail(host, "facts", message, "run them with --local-facts --refresh facts", partial=True)
            if any(one.kind == "user" and one.text != "0" for one in remarks):
                self.work.fail(host, "connection", "was read without root's rights: what only root may read is missing",
                          "add --become (-K asks for its password)", partial=True)  # fmt: skip

    def _facts(self, store: HostStore, event: Mapping[str, Any]) -> None:
        facts = dict(event.get("facts") or {})
        environment = facts.get("ansible_env")
        if isinstance(environment, dict):
            facts["ansible_env"] = {name: environment[name] for name in environment if KEPT_ENVIRONMENT.fullmatch(name)}
        cleaned = redact_data({"ansible_facts": facts})
        addresses = facts.get("ansible_all_ipv4_addresses") or []
        names = [facts.get(f"ansible_{key}") for key in ("fqdn", "nodename", "hostname")]
        asset = str(facts.get("ansible_board_asset_tag") or "")
        data = (json.dumps(cleaned, indent=4, sort_keys=True, ensure_ascii=False) + "\n").encode()
        written = store.write("facts.json", data)
        known = [*store.state.get("instance_ids", ()), *([asset] if asset.startswith("i-") else [])]
        store.note(addresses=[str(one) for one in addresses], names=sorted({str(one) for one in names if one}),
                   instance_ids=sorted(set(known)))  # fmt: skip
        store.finish("facts", self.work.request.asked("facts"), self.work.stamp, "done", [written] if written else [])
        self.work.progress(store.host, "facts")

    # -- the step with many files ---------------------------------------------------------------------------------

    def _listed(self, store: HostStore, event: Mapping[str, Any]) -> None:
        records = list(parse(str(event.get("stdout") or "")))
        self._remarks(store, "usage", records)
        items = [one.text for one in records if isinstance(one, Remark) and one.kind == "item"]
        have = set(store.items("usage", self.work.request.asked("usage")))
        self.pending[store.host] = {"items": items, "missing": [item for item in items if item not in have]}
        if not items:
            message = f"no cron log, no journal and no sysstat file of the last {self.work.request.days} days"
            hint = "sizes then come from CloudWatch alone"
            self.work.fail(store.host, "usage", message, hint, partial=True)

    @staticmethod
    def _item_path(event: Mapping[str, Any]) -> str:
        digits = str(event.get("item") or "").rpartition(":")[2]
        return bytes(int(digits[place : place + 3], 8) & 255 for place in range(0, len(digits) // 3 * 3, 3)).decode(
            "utf-8", "replace"
        )

    def _item(self, store: HostStore, event: Mapping[str, Any]) -> None:
        records = list(parse(str(event.get("stdout") or "")))
        self._remarks(store, "usage", records)
        item = str(event.get("item") or "")
        if not any(isinstance(one, Remark) and one.kind == "done" for one in records):
            self.work.fail(
                store.host, "usage", f"{self._item_path(event)}: its output ends too early", "run this again"
            )
            return
        names, _redacted = self._write(store, "usage", records)
        store.note_item("usage", self.work.request.asked("usage"), item, names)
        waiting = self.pending.get(store.host, {}).get("missing", [])
        if item in waiting:
            waiting.remove(item)

    def _usage_done(self, store: HostStore) -> None:
        waiting = self.pending.pop(store.host, None)
        if waiting is None:
            return  # not asked for, or its list failed
        if waiting["missing"]:
            return  # those that failed were noted
        store.finish("usage", self.work.request.asked("usage"), self.work.stamp, "done", ())
        self.work.progress(store.host, "usage")


def _first_error(text: str) -> str:
    """The line of ansible-playbook's stderr that says why it ended."""
    lines = [line for line in text.split("\n") if line.strip()]
    found = next((line for line in lines if re.match(r"\[?ERROR", line)), lines[0] if lines else "")
    return re.sub(r"^\[?ERROR\]?!?:?\s*", "", found)
