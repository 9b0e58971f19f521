"""Run with stock ansible-core, in a process of its own: what Ansible itself says of a project, as JSON on stdout.

Usage: oracle_dump.py PLAYBOOK INVENTORY HOST FACTS_JSON [EXTRA_VARS_JSON]

Nothing is executed: dynamic includes are followed as the linear strategy would load them, where their condition and their
name can be evaluated without results of tasks that ran.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path

MAX_ITEMS = 3
"""Items of a loop for which arguments are given."""


def plain(value: object) -> object:
    """JSON data without ansible-core's tags; a vault value stays closed."""
    from ansible.parsing.vault import EncryptedString

    if isinstance(value, EncryptedString):
        return "<encrypted>"
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)
    return value if isinstance(value, (int, float, bool)) or value is None else str(value)


class Oracle:
    """One walk over the playbook for one host."""

    def __init__(self, inventory: str, playbook: str, host: str, facts: dict, extra: dict) -> None:
        from ansible.inventory.manager import InventoryManager
        from ansible.parsing.dataloader import DataLoader
        from ansible.template import trust_as_template
        from ansible.vars.hostvars import HostVars
        from ansible.vars.manager import VariableManager

        self.loader = DataLoader()
        self.loader.set_basedir(str(Path(playbook).parent))
        self.manager = InventoryManager(loader=self.loader, sources=[inventory])
        self.variables = VariableManager(loader=self.loader, inventory=self.manager)
        self.variables._extra_vars = {
            name: trust_as_template(value) if isinstance(value, str) else value for name, value in extra.items()
        }
        HostVars(inventory=self.manager, variable_manager=self.variables, loader=self.loader)
        self.host = self.manager.get_host(host)
        self.variables.set_host_facts(self.host.name, facts)
        self.base: dict | None = None
        self.found: list[dict] = []

    def visit(self, entries: list, play: object, uncertain: bool) -> None:
        """Blocks and tasks in order, includes followed."""
        from ansible.playbook.block import Block

        for entry in entries:
            if isinstance(entry, Block):
                for section in (entry.block, entry.rescue, entry.always):
                    self.visit(section, play, uncertain)
            elif not entry.implicit and entry.action not in ("meta", "ansible.builtin.meta"):
                self.task(entry, play, uncertain)

    def task(self, task: object, play: object, uncertain: bool) -> None:
        """One task: its variables, arguments, rendered template; then what it includes."""
        from ansible import constants
        from ansible._internal._datatag._tags import Origin
        from ansible.template import Templar

        seen = self.variables.get_vars(play=play, host=self.host, task=task)
        templar = Templar(loader=self.loader, variables=seen)
        origin = Origin.get_tag(task.get_ds())
        items = self._items(task, templar, seen)
        calls = []
        for item in [None] if items is None else items[:MAX_ITEMS] if items != "?" else []:
            given = seen if items is None else {**seen, task.loop_control.loop_var: item}
            inner = Templar(loader=self.loader, variables=given)
            arguments: object = None
            with suppress(Exception):  # registered results and the like: the oracle has no answer
                arguments = plain(inner.template(task.args))
            text = self._rendered(task, arguments, given) if task.action.endswith("template") else None
            calls.append({"args": arguments, "text": text})
        self.found.append(
            {
                "file": origin.path,
                "line": origin.line_num,
                "name": task.get_name(),
                "action": task.action,
                "calls": calls,
                "uncertain": uncertain,
                **self._difference(seen),
            }
        )
        self._apply(task, seen, items)
        if task.action in constants._ACTION_INCLUDE_TASKS or task.action in constants._ACTION_INCLUDE_ROLE:
            self._follow(task, play, seen, items, uncertain)

    def _difference(self, seen: dict) -> dict:
        """Variables as the difference to those of the first task: projects have thousands."""
        names = {name for name in seen if name not in ("hostvars", "groups", "vars")}
        if self.base is None:
            self.base = {name: seen[name] for name in names}
            return {"vars": {name: plain(seen[name]) for name in names}, "gone": []}
        base = self.base
        changed = {name: seen[name] for name in names if name not in base or seen[name] is not base[name]}
        return {
            "vars": {name: plain(v) for name, v in changed.items() if name not in base or v != base[name]},
            "gone": sorted(base.keys() - names),
        }

    def _items(self, task: object, templar: object, seen: dict) -> object:
        """The loop's items, None without a loop, "?" where they cannot be known."""
        from ansible.plugins.loader import lookup_loader

        if task.loop is None:
            return None
        try:
            terms = templar.template(task.loop)
            if task.loop_with and task.loop_with not in ("items", "list", "dict", "first_found", "nested", "sequence"):
                return "?"
            if task.loop_with:
                plugin = lookup_loader.get(task.loop_with, loader=self.loader, templar=templar)
                seen["ansible_search_path"] = task.get_search_path()
                return plugin.run(terms if isinstance(terms, list) else [terms], variables=seen)
            return list(terms)
        except Exception:  # noqa: BLE001 - as above
            return "?"

    def _rendered(self, task: object, arguments: object, seen: dict) -> str | None:
        """The template file of a task, as the action plugin renders it."""
        from ansible.template import Templar, trust_as_template

        if not isinstance(arguments, dict) or not isinstance(arguments.get("src"), str):
            return None
        try:
            path = self.loader.path_dwim_relative_stack(task.get_search_path(), "templates", arguments["src"])
            text = trust_as_template(Path(path).read_text(encoding="utf-8"))
            search = [str(Path(place) / sub) for place in task.get_search_path() for sub in ("templates", "")]
            templar = Templar(loader=self.loader, variables={"ansible_managed": "Ansible managed", **seen})
            templar = templar.copy_with_new_env(searchpath=[*search, str(Path(path).parent)])
            overrides = {
                name: arguments[name]
                for name in ("trim_blocks", "lstrip_blocks", "variable_start_string", "variable_end_string")
                if name in arguments
            }
            rendered = templar.template(text, escape_backslashes=False, overrides=overrides)
        except Exception:  # noqa: BLE001 - as above
            return None
        return "" if rendered is None else str(rendered)

    def _holds(self, task: object, templar: object) -> bool | None:
        """Whether the task runs; None where only a run can tell."""
        try:
            return all(templar.evaluate_conditional(condition) for condition in task.when)
        except Exception:  # noqa: BLE001 - as above
            return None

    def _runs(self, task: object, seen: dict, items: object) -> list:
        """(templar, item's variables, whether it is sure) of each item for which the task runs or may run."""
        from ansible.template import Templar

        found = []
        for index, item in enumerate([None] if items is None else [] if items == "?" else items):
            extra = {} if items is None else {task.loop_control.loop_var: item}
            if items is not None and task.loop_control.index_var:
                extra[task.loop_control.index_var] = index
            templar = Templar(loader=self.loader, variables={**seen, **extra})
            holds = self._holds(task, templar)
            if holds is not False:
                found.append((templar, extra, holds is True))
        return found

    def _apply(self, task: object, seen: dict, items: object) -> None:
        """What set_fact, include_vars and group_by leave behind, as the strategy plugin does it."""
        short = task.action.rpartition(".")[2]
        if short not in ("set_fact", "include_vars", "group_by"):
            return
        for templar, extra, sure in self._runs(task, seen, items):
            if not sure:
                continue
            templar.available_variables = {**seen, **extra}
            with suppress(Exception):
                args = templar.template(task.args)
                if short == "set_fact":
                    args.pop("cacheable", None)
                    self.variables.set_nonpersistent_facts(self.host.name, args)
                    seen.update(args)
                elif short == "group_by":
                    data = self.manager._inventory
                    data.add_group(args["key"].replace(" ", "-"))
                    data.add_child(args["key"].replace(" ", "-"), self.host.name)
                    data.reconcile_inventory()
                    self.manager.clear_caches()
                else:
                    name = args.get("file", args.get("_raw_params"))
                    path = self.loader.path_dwim_relative_stack(task.get_search_path(), "vars", name)
                    found = self.loader.load_from_file(path, trusted_as_template=True)
                    for key, value in ({args["name"]: found} if args.get("name") else found).items():
                        self.variables.set_host_variable(self.host.name, key, value)

    def _follow(self, task: object, play: object, seen: dict, items: object, uncertain: bool) -> None:
        for templar, extra, sure in self._runs(task, seen, items):
            try:
                blocks = self._load(task, play, templar, extra)
            except Exception:  # noqa: BLE001 - the name is not known, or there is no such file
                continue
            self.visit(blocks, play, uncertain or not sure)

    def _load(self, task: object, play: object, templar: object, extra: dict) -> list:
        """What ansible-core's strategy does with an include."""
        from ansible import constants
        from ansible.playbook.helpers import load_list_of_blocks

        copy = task.copy(exclude_parent=True)
        copy._parent = task._parent
        copy.vars = copy.vars | extra
        if task.action in constants._ACTION_INCLUDE_ROLE:
            copy.post_validate(templar=templar._engine)
            given = templar.template(task.args)
            copy._role_name = given.get("name", given.get("role"))
            for key in copy.FROM_ARGS:
                if key in given:
                    copy._from_files[key.removesuffix("_from")] = given[key]
            blocks, _handlers = copy.get_block_list(play=play, variable_manager=self.variables, loader=self.loader)
            return blocks
        given = templar.template(task.args)
        name = given.get("_raw_params", given.get("file"))
        places = [Path(place) / sub for place in task.get_search_path() for sub in ("tasks", "")]
        from ansible._internal._datatag._tags import Origin

        places.insert(0, Path(Origin.get_tag(task.get_ds()).path).parent)
        path = next(place / name for place in places if (place / name).is_file())
        data = self.loader.load_from_file(str(path), trusted_as_template=True)
        return load_list_of_blocks(
            data, play=play, parent_block=copy.build_parent_block(), role=task._role, loader=self.loader,
            variable_manager=self.variables,
        )  # fmt: skip


def main() -> None:
    """Print {"tasks": [{"file", "line", "name", "action", "vars", "gone", "calls", "uncertain"}]} of the tasks for HOST.

    `vars` of the first task are all of them, of later ones those that differ from the first's.
    """
    from ansible import constants
    from ansible.playbook import Playbook
    from ansible.plugins.loader import init_plugin_loader

    playbook, inventory, host, facts, *extra = sys.argv[1:]
    constants.LOCALHOST_WARNING = False
    init_plugin_loader([])
    given = json.loads(extra[0]) if extra else {}
    oracle = Oracle(inventory, playbook, host, json.loads(Path(facts).read_text(encoding="utf-8")), given)
    for play in Playbook.load(playbook, variable_manager=oracle.variables, loader=oracle.loader).get_plays():
        if oracle.host in oracle.manager.get_hosts(play.hosts):
            oracle.visit(play.compile(), play, uncertain=False)
    json.dump({"tasks": oracle.found}, sys.stdout, default=str)


main()
