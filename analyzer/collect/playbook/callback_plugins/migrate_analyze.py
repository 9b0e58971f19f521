"""ansible-playbook's results, one JSON object a line into the pipe that `collect` reads.

They go through no file: what they hold is redacted by the reader before anything of it is written. This is the only
output of the run, so that no other plugin writes results to a terminal or a log.
"""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: migrate_analyze
    type: stdout
    short_description: Hands results to migrate-analyze collect
    description:
        - Writes each result as a JSON object to the file descriptor in MIGRATE_ANALYZE_RESULTS.
"""

_KNOWN_AS = ("ansible_host", "ec2_instance_id", "instance_id", "ec2_id", "ec2_region", "aws_region", "region",
             "placement", "private_ip_address", "ec2_private_ip_address")  # fmt: skip
"""Variables that tell which EC2 instance a host is."""


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core publishes no types
    """Events: hosts, ok, failed, unreachable, skipped."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "migrate_analyze"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._pipe = os.fdopen(int(os.environ["MIGRATE_ANALYZE_RESULTS"]), "w", encoding="utf-8", errors="replace")

    def _tell(self, **event: Any) -> None:
        self._pipe.write(json.dumps(event, default=str) + "\n")
        self._pipe.flush()

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Which hosts there are, and what the inventory says about the instance of each."""
        manager = play.get_variable_manager()
        hosts = {}
        for host in manager._inventory.get_hosts(play.hosts):  # noqa: SLF001 - the callback is given no other way to them
            try:
                known = manager.get_vars(play=play, host=host, include_hostvars=False)
            except Exception as error:  # noqa: BLE001 - a broken variable must not end the run for every host
                known = {"error": str(error)}
            hosts[host.name] = {name: known[name] for name in (*_KNOWN_AS, "error") if name in known}
        self._tell(event="hosts", hosts=hosts)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """The pattern names no host of the inventory."""
        self._tell(event="hosts", hosts={})

    def v2_runner_on_ok(self, result: Any) -> None:
        """A step is done; of a loop, all of it."""
        self._result("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: ARG002
        """A step failed, which stops nothing."""
        self._result("failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """The host cannot be reached; nothing else of it will be tried."""
        self._result("unreachable", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """The step was not asked for."""
        self._result("skipped", result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """One file of a loop."""
        self._result("item", result)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """One file of a loop could not be read."""
        self._result("item-failed", result)

    def _result(self, event: str, result: Any) -> None:
        values = result._result  # noqa: SLF001 - what every callback of ansible-core itself reads
        said = " ".join(str(values.get(key, "")).strip() for key in ("msg", "stderr", "module_stderr", "module_stdout"))
        told: dict[str, Any] = {
            "event": event,
            "host": result._host.get_name(),  # noqa: SLF001
            "step": result._task.get_name(),  # noqa: SLF001
            "message": "" if event in ("ok", "item", "skipped") else said.strip()[:2000],
        }
        if "results" not in values:
            told["stdout"] = values.get("stdout", "")
            told["facts"] = values.get("ansible_facts")
            told["item"] = values.get("item")
        self._tell(**told)
