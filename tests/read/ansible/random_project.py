"""Random Ansible projects: variables on every level, loops, blocks, includes, roles, handlers, conditions, tags.

Their tasks are calls of `set_stats`, which runs inside ansible-playbook and tells its arguments back; each has an id.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import yaml

NAMES = "abcde"
INVENTORY = "[web]\nw1 a=inv\nw2\n[db]\nw2\nw3\n[db:vars]\nb=dbvar\n[site:children]\nweb\ndb\n"
EXPRESSIONS = (
    "{v}", "{v}|default('d')", "{v}|string|upper", "({v}|string)~'-'~({w}|string)", "{v} is defined", "{v}|type_debug",
    "{v}|to_json", "[{v}, {w}]|to_json", "{{'q': {v}}}|combine({{'z': 1}})|to_json", "{v}|ternary('T', 'F')",
    "({v}|string)|hash('sha1')", "{v}|bool", "hostvars[inventory_hostname]['{v}']|default('none')",
    "lookup('vars', '{v}', default='none')", "groups['web']|join(',')", "group_names|join(',')", "inventory_hostname",
    "({v}|string).split(' ')|first", "{v}.k|default('none')", "({v}|string) is match('x')", "item|default('none')",
    "idx|default('none')", "it|default('none')", "role_name|default('none')", "query('items', {v})|length",
    "nowhere|default({v})|string", "nowhere|default({v})|to_json", "{v}|regex_replace('x', '_')|string",
    "ansible_play_hosts|join(',')", "parameter|default('none')", "hostvars['w2'].a|default('none')", "{v} == {w}",
    "['x', 'y']|select('equalto', {v})|list|to_json", "{v}|dict2items|length if {v} is mapping else 'no'",
    "ansible_loop.index|default('none')", "{v}|from_yaml|string if {v} is string else 'no'", "{v}|int(9)",
)  # fmt: skip
CONDITIONS = (
    "{v} is defined", "{v} is not defined", "({v}|string) == 'x'", "{v}|bool", "inventory_hostname == 'w1'",
    "'web' in group_names", "{v}|default(false)|bool", "{v} is string", "{v} is mapping and {w} is defined",
    "not ({v}|default('')|bool)", "{v} in ['x', 1]", "item is defined and (item|string) != 'x'", "parameter is defined",
)  # fmt: skip
LOOPS: tuple[dict[str, Any], ...] = (
    {"loop": ["x", 1, {"k": "y"}]}, {"loop": []}, {"with_items": ["x", ["y", 2], None]},
    {"with_dict": {"one": "{{ a|default(1) }}", "two": 2}}, {"with_nested": [["x", "y"], [1, 2]]},
    {"loop": "{{ [a|default(1), b|default(2)] }}"}, {"with_sequence": "count=2 format=n%02d"},
    {"with_together": [["x", "y"], [1, 2]]}, {"with_indexed_items": ["x", "y"]},
    {"with_subelements": [[{"name": "n1", "l": ["p", "q"]}, {"name": "n2", "l": []}], "l"]},
)  # fmt: skip
DEEPEST = 4


class Drawing:
    """One project: file -> data; the same seed draws the same one."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.files: dict[str, Any] = {}
        self.tasks_drawn = 0
        self.names_drawn = 0
        self.depth = 0
        self.handlers: list[str] = []
        plays = [self.play(number) for number in range(self.random.randrange(1, 3))]
        for name in ("all", "web", "db", "site"):
            if self.chance(0.6):
                self.files[f"group_vars/{name}.yml"] = self.variables()
        for name in ("w1", "w2", "w3"):
            if self.chance(0.4):
                self.files[f"host_vars/{name}.yml"] = self.variables()
        self.files["site.yml"] = plays

    def write(self, root: Path) -> None:
        """All files of the project, below `root`."""
        texts = {name: yaml.safe_dump(data, sort_keys=False) for name, data in self.files.items()}
        for name, text in {"hosts": INVENTORY, "ansible.cfg": "[defaults]\ninventory=hosts\n", **texts}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")

    def name(self, kind: str) -> str:
        self.names_drawn += 1
        return f"{kind}{self.names_drawn}"

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def filled(self, patterns: tuple[str, ...]) -> str:
        return self.random.choice(patterns).format(v=self.random.choice(NAMES), w=self.random.choice(NAMES))

    def template(self) -> str:
        expression = f"{{{{ {self.filled(EXPRESSIONS)} }}}}"
        choice = f"{{% if {self.filled(CONDITIONS)} %}}yes{{% else %}}no{{% endif %}}"
        return self.random.choice((expression, f"pre {expression}", f"{expression}/{expression}", choice))

    def value(self, depth: int = 0) -> Any:
        kind = self.random.randrange(8 if depth < 2 else 5)
        match kind:
            case 0:
                return self.random.randrange(5)
            case 1:
                return self.chance(0.5)
            case 2 | 3:
                return self.random.choice(("x", "zed", "", "a b", "1", "true", "no", "0644", "v1.2"))
            case 4:
                return self.template()
            case 5 | 6:
                return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        return {self.random.choice("klm"): self.value(depth + 1) for _ in range(self.random.randrange(1, 4))}

    def variables(self, most: int = 3) -> dict[str, Any]:
        return {self.random.choice(NAMES): self.value() for _ in range(self.random.randrange(1, most + 1))}

    def keywords(self, entry: dict[str, Any], *, loop: bool = True) -> dict[str, Any]:
        """`entry` with some of the keywords that any task may have."""
        if self.chance(0.35):
            entry["when"] = [self.filled(CONDITIONS) for _ in range(self.random.randrange(1, 3))]
        if loop and self.chance(0.3):
            entry |= self.random.choice(LOOPS)
            if self.chance(0.4):
                entry["loop_control"] = {"loop_var": "it", "index_var": "idx", "extended": True}
        if self.chance(0.2):
            entry["vars"] = self.variables(2)
        if self.chance(0.1):
            entry["tags"] = self.random.choice(("one", ["one", "two"], "always", "never"))
        return entry

    def task(self) -> dict[str, Any]:
        """One call of set_stats, in one of the ways in which a call can be written."""
        self.tasks_drawn += 1
        shown = self.template() if self.chance(0.8) else self.value()
        arguments = {"data": {"id": self.tasks_drawn, "value": shown}, "aggregate": False}
        form = self.random.choice((
            {"set_stats": arguments}, {"ansible.builtin.set_stats": arguments}, {"set_stats": None, "args": arguments},
            {"action": {"module": "set_stats", **arguments}}, {"set_stats": "{{ arguments }}"},
        ))  # fmt: skip
        entry = self.keywords(dict(form))
        if form.get("set_stats") == "{{ arguments }}":
            entry["vars"] = {**entry.get("vars", {}), "arguments": arguments}
        if self.handlers and self.chance(0.2):
            entry["notify"] = self.random.choice(self.handlers)
            entry["changed_when"] = self.random.choice((True, False, self.filled(CONDITIONS)))
        return entry

    def tasks(self, count: int, role: str = "") -> list[dict[str, Any]]:
        self.depth += 1
        found = [self.task() if self.depth > DEEPEST else self.entry(role) for _ in range(count)]
        self.depth -= 1
        return found

    def entry(self, role: str) -> dict[str, Any]:
        kind = self.random.choices(("task", "fact", "block", "tasks", "role", "variables"), (55, 8, 14, 10, 8, 5))[0]
        folder = f"roles/{role}/" if role else ""
        name = f"{self.name('part')}.yml"
        match kind:
            case "fact":
                return self.keywords({"set_fact": {self.random.choice(NAMES): self.value()}})
            case "block":
                block = {"block": self.tasks(2, role)}
                if self.chance(0.3):
                    block["always"] = self.tasks(1, role)
                return self.keywords(block, loop=False)
            case "tasks":
                module = self.random.choice(("include_tasks", "import_tasks"))
                self.files[f"{folder}tasks/{name}" if role else name] = self.tasks(2, role)
                return self.keywords({module: name}, loop=module == "include_tasks")
            case "role":
                module = self.random.choice(("include_role", "import_role"))
                given = {"name": self.role(), **({"public": True} if self.chance(0.2) else {})}
                return self.keywords({module: given}, loop=module == "include_role")
            case "variables":
                self.files[f"{folder}vars/{name}"] = self.variables()
                return self.keywords({"include_vars": name}, loop=False)
        return self.task()

    def role(self) -> str:
        name = self.name("role")
        self.files[f"roles/{name}/tasks/main.yml"] = self.tasks(3, name)
        for folder, share in (("defaults", 0.6), ("vars", 0.4)):
            if self.chance(share):
                self.files[f"roles/{name}/{folder}/main.yml"] = self.variables()
        if self.depth < DEEPEST and self.chance(0.2):
            self.files[f"roles/{name}/meta/main.yml"] = {
                "dependencies": [{"role": self.role(), "vars": self.variables(1)}]
            }
        return name

    def play(self, number: int) -> dict[str, Any]:
        play: dict[str, Any] = {"hosts": self.random.choice(("all", "web", "web:db", "all:!db", "w1"))}
        play |= {"gather_facts": False, "ignore_errors": True}
        if self.chance(0.6):
            play["vars"] = self.variables()
        if self.chance(0.3):
            self.files[f"play{number}.yml"] = self.variables()
            play["vars_files"] = [f"play{number}.yml"]
        self.handlers = []
        if self.chance(0.5):
            play["handlers"] = [{**self.task(), "name": f"handler{number}", "listen": "topic"}]
            play["handlers"][0].pop("tags", None)
            self.handlers = [f"handler{number}", "topic"]
        if self.chance(0.6):
            play["roles"] = [self.role_entry() for _ in range(self.random.randrange(1, 3))]
        for section, share in (("pre_tasks", 0.3), ("tasks", 1.0), ("post_tasks", 0.2)):
            if self.chance(share):
                play[section] = self.tasks(self.random.randrange(2, 5))
        return play

    def role_entry(self) -> str | dict[str, Any]:
        name = self.role()
        if self.chance(0.4):
            return name
        return self.keywords({"role": name, **({"parameter": "given"} if self.chance(0.4) else {})}, loop=False)
