"""Callback plugin for ansible-playbook: writes down which hosts set which stats, as JSON lines into $RECORD."""

import json
import os
from pathlib import Path

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "random_recorder"

    def note(self, **row):
        with Path(os.environ["RECORD"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def v2_runner_on_ok(self, result):
        answers = result.result.get("results", [result.result]) if result.task.loop is not None else [result.result]
        for answer in answers:
            if isinstance(answer, dict) and "ansible_stats" in answer and not answer.get("skipped"):
                self.note(host=result.host.get_name(), data=answer["ansible_stats"]["data"])

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.note(host=result.host.get_name(), failed=True)
