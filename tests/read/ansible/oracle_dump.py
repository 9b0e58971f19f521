"""Run with stock ansible-core, in a process of its own: what Ansible itself says of a project, as JSON on stdout.

Usage: oracle_dump.py PLAYBOOK INVENTORY HOST [FACTS_JSON]
"""

import json
import sys
from pathlib import Path


def main() -> None:
    """Print {"tasks": [{"file", "line", "name", "vars", "args"}]} of all static tasks for HOST."""
    from ansible import constants
    from ansible._internal._datatag._tags import Origin
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader
    from ansible.parsing.vault import EncryptedString
    from ansible.playbook import Playbook
    from ansible.playbook.block import Block
    from ansible.plugins.loader import init_plugin_loader
    from ansible.template import Templar
    from ansible.vars.manager import VariableManager

    playbook, inventory, host_name, *facts_file = sys.argv[1:]
    constants.LOCALHOST_WARNING = False
    init_plugin_loader([])
    loader = DataLoader()
    loader.set_basedir(str(Path(playbook).parent))
    manager = InventoryManager(loader=loader, sources=[inventory])
    variables = VariableManager(loader=loader, inventory=manager)
    host = manager.get_host(host_name)
    if facts_file:
        variables.set_host_facts(host, json.loads(Path(facts_file[0]).read_text()))

    def plain(value: object) -> object:
        if isinstance(value, EncryptedString):
            return "<encrypted>"
        if isinstance(value, dict):
            return {str(key): plain(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(item) for item in value]
        if isinstance(value, str):
            return str.__str__(value)
        return value if isinstance(value, (int, float, bool)) or value is None else str(value)

    found = []

    def visit(entries: list, play: object) -> None:
        for entry in entries:
            if isinstance(entry, Block):
                visit(entry.block, play)
                visit(entry.rescue, play)
                visit(entry.always, play)
                continue
            if entry.implicit or entry.action == "meta":
                continue
            seen = variables.get_vars(play=play, host=host, task=entry)
            origin = Origin.get_tag(entry.get_ds())
            arguments: object = None
            if not entry.loop:
                try:
                    arguments = plain(Templar(loader=loader, variables=seen).template(entry.args))
                except Exception:  # noqa: BLE001 - registered results and the like: the oracle has no answer
                    arguments = None
            found.append(
                {
                    "file": origin.path,
                    "line": origin.line_num,
                    "name": entry.get_name(),
                    "vars": {
                        name: plain(value) for name, value in seen.items() if name not in ("hostvars", "groups", "vars")
                    },
                    "args": arguments,
                }
            )

    for play in Playbook.load(playbook, variable_manager=variables, loader=loader).get_plays():
        if host not in manager.get_hosts(play.hosts):
            continue
        for block in play.compile():
            visit([block], play)
    json.dump({"tasks": found}, sys.stdout, default=str)


main()
