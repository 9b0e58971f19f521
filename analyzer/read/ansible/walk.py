"""The run of an application's plays over one host, task by task, as Ansible would order and resolve it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from analyzer.model import Invocation, Source, Task, Unknown, Value, Verdict
from analyzer.read.ansible.contents import find_file
from analyzer.read.ansible.core import origin_of, plain
from analyzer.read.ansible.frames import Frame
from analyzer.read.ansible.loops import Loop, loop_items
from analyzer.read.ansible.names import is_module_key
from analyzer.read.ansible.resolve import as_list, call_of, environment_of, resolve_items, strings, text, verdict_on
from analyzer.read.ansible.roles import Role
from analyzer.read.ansible.run import Items, Run
from analyzer.read.ansible.scope import Scope
from analyzer.read.ansible.values import holds_unknown, thaw

MAX_DEPTH = 60
"""Includes inside includes; a role that includes itself ends here."""

MAX_TASKS = 200_000

_INCLUDES = frozenset({"ansible.builtin.include_tasks", "ansible.builtin.import_tasks", "ansible.builtin.include"})
_INCLUDE_ARGUMENTS = frozenset(
    "_raw_params file apply name role tasks_from vars_from defaults_from handlers_from public allow_duplicates "
    "rolespec_validate static".split()
)
"""Arguments of includes; anything else that an old-style include is given is a variable."""

_ROLES = frozenset({"ansible.builtin.include_role", "ansible.builtin.import_role"})


@dataclass(slots=True)
class PlayRun:
    """One play over one host."""

    run: Run
    file: Path
    play: Mapping[str, Any]
    role_defaults: dict[str, Any] = field(default_factory=dict)
    role_variables: dict[str, Any] = field(default_factory=dict)
    play_variables: dict[str, Any] = field(default_factory=dict)
    handlers: list[tuple[Frame, Mapping[str, Any]]] = field(default_factory=list)
    done_roles: set[str] = field(default_factory=set)
    _scopes: dict[tuple[object, ...], tuple[Frame, Scope]] = field(default_factory=dict)
    """Scopes by the identity of what they are merged from (each frame keeps that alive), for one version of the run."""
    _scopes_version: int = 0

    # -- the play ----------------------------------------------------------------------------------------------------

    def walk(self) -> None:
        """All tasks of the play, then its handlers."""
        frame = Frame(file=self.file).inside({key: value for key, value in self.play.items() if key != "vars"})
        self.play_variables = self._play_variables(frame)
        roles = [self._role_entry(entry) for entry in as_list(self.play.get("roles"))]
        for name, _entry, source in roles:
            if name and (role := self.run.finder.find(name, source)) is not None:
                self._publish(role)
                self._publish_imports(self.run.finder.entry(role.path, "tasks", "main"), role, set())
        for section in ("pre_tasks", "tasks", "post_tasks"):
            self._publish_entries(as_list(self.play.get(section)), self.file, None, set())
        self._section("pre_tasks", frame)
        for name, entry, source in roles:
            if name:
                self._walk_role(name, entry, source, frame)
        for section in ("tasks", "post_tasks"):
            self._section(section, frame)
        for entry in as_list(self.play.get("handlers")):
            if isinstance(entry, Mapping):
                self.handlers.append((replace(frame, handlers=True), entry))
        self._walk_handlers()

    def _section(self, name: str, frame: Frame) -> None:
        self._entries(as_list(self.play.get(name)), frame)

    def _play_variables(self, frame: Frame) -> dict[str, Any]:
        inventory = self.run.reader.inventory
        found: dict[str, Any] = {}
        for prompt in as_list(self.play.get("vars_prompt")):
            if isinstance(prompt, Mapping) and "name" in prompt and prompt.get("default") is not None:
                found[plain(prompt["name"])] = prompt["default"]
        variables = self.play.get("vars")
        if isinstance(variables, Mapping):
            found.update(inventory.mask(variables))
        for entry in as_list(self.play.get("vars_files")):
            choices = entry if isinstance(entry, list) else [entry]
            scope = self._scope(replace(frame, layers=(*frame.layers, found)))
            for choice in choices:
                name = scope.value(choice)
                path = self.file.parent / name if isinstance(name, str) else None
                if path is not None and path.is_file() and path.resolve().is_relative_to(inventory.root):
                    found.update(self.run.reader.variables(path))
                    break
            else:
                self.run.note(
                    "vars-file-not-found", f"vars_files: {plain(choices[0])} is not in the project",
                    self._source(entry, self.play, self.file), "add the file, or take the line out",
                )  # fmt: skip
        return found

    # -- roles -------------------------------------------------------------------------------------------------------

    def _role_entry(self, entry: Any) -> tuple[str, Mapping[str, Any], Source]:
        source = self._source(entry, self.play, self.file)
        if isinstance(entry, Mapping):
            written = entry.get("role", entry.get("name"))
            return self._role_name(written), entry, self._source(written, entry, self.file)
        return self._role_name(entry), {}, source

    def _role_name(self, written: Any) -> str:
        if not isinstance(written, str):
            return ""
        if "{{" in written:
            value = self._scope(Frame(file=self.file)).value(written)
            return value if isinstance(value, str) else ""
        return str(plain(written)).partition(",")[0].strip()

    def _publish(self, role: Role) -> None:
        for dependency in self._dependencies(role):
            self._publish(dependency)
        self.role_defaults = {**self.role_defaults, **role.defaults}
        self.role_variables = {**self.role_variables, **role.variables}
        self._scopes.clear()

    def _publish_imports(self, file: Path | None, role: Role | None, seen: set[Path]) -> None:
        """Roles imported anywhere below `file` count for the whole play, as Ansible loads imports before it runs."""
        if file is None or file in seen:
            return
        seen.add(file)
        self._publish_entries(as_list(self.run.reader.load(file)), file, role, seen)

    def _publish_entries(self, entries: list[Any], file: Path, role: Role | None, seen: set[Path]) -> None:
        for entry in entries:
            if not isinstance(entry, Mapping):
                continue
            for section in ("block", "rescue", "always"):
                self._publish_entries(as_list(entry.get(section)), file, role, seen)
            for key in entry:
                short = str(key).rpartition(".")[2]
                if short not in ("import_role", "import_tasks"):
                    continue
                written = entry[key]
                name = written.get("name", written.get("file")) if isinstance(written, Mapping) else written
                if not isinstance(name, str) or "{{" in name:
                    continue
                if short == "import_tasks":
                    self._publish_imports(self._tasks_file(plain(name), Frame(file=file, role=role)), role, seen)
                elif (
                    imported := self.run.finder.find(
                        self._role_name(name), self._source(name, entry, file), role.path if role else None
                    )
                ) is not None:
                    self._publish(imported)
                    start = written.get("tasks_from", "main") if isinstance(written, Mapping) else "main"
                    self._publish_imports(self.run.finder.entry(imported.path, "tasks", str(start)), imported, seen)

    def _dependencies(self, role: Role, seen: frozenset[Path] = frozenset()) -> list[Role]:
        found = []
        for entry in role.dependencies:
            written = entry.get("role", entry.get("name")) if isinstance(entry, Mapping) else entry
            name = self._role_name(written)
            if name and role.path not in seen:
                meta = self.run.finder.entry(role.path, "meta", "main") or role.path
                dependency = self.run.finder.find(name, self._source(written, entry, meta), role.path)
                if dependency is not None and dependency.path != role.path:
                    found.append(dependency)
        return found

    def _walk_role(
        self, name: str, entry: Mapping[str, Any], source: Source, frame: Frame, *, tasks_from: str = "main",
        vars_from: str = "main", defaults_from: str = "main", handlers_from: str = "main", once: bool = True,
    ) -> None:  # fmt: skip
        role = self.run.finder.find(name, source, frame.role.path if frame.role else None, vars_from, defaults_from)
        if role is None or frame.depth > MAX_DEPTH:
            return
        parameters = {
            key: value for key, value in entry.items()
            if isinstance(key, str) and is_module_key(key) and key not in ("role", "name", "src", "version")
        }  # fmt: skip
        variables = entry.get("vars")
        given = sorted((name, str(plain(value))) for name, value in {**parameters, **(variables or {})}.items())
        key = f"{role.path}|{tasks_from}|{given}"
        if once and key in self.done_roles and not role.allow_duplicates:
            return
        self.done_roles.add(key)
        outer = frame.inside({k: v for k, v in entry.items() if k in _INHERITED})
        inner = replace(
            outer,
            role=role,
            parents=(*frame.parents, frame.role) if frame.role else frame.parents,
            parameters=(*outer.parameters, self.run.reader.inventory.mask({**parameters, **(variables or {})})),
            depth=frame.depth + 1,
        )
        for dependency in role.dependencies:
            written = dependency.get("role", dependency.get("name")) if isinstance(dependency, Mapping) else dependency
            meta = self.run.finder.entry(role.path, "meta", "main") or role.path
            where = self._source(written, {}, meta)
            self._walk_role(
                self._role_name(written), dependency if isinstance(dependency, Mapping) else {}, where, inner
            )
        handlers = self.run.finder.entry(role.path, "handlers", handlers_from)
        if handlers is not None:
            for handler in as_list(self.run.reader.load(handlers)):
                if isinstance(handler, Mapping):
                    self.handlers.append((replace(inner, file=handlers, handlers=True), handler))
        tasks = self.run.finder.entry(role.path, "tasks", tasks_from.removesuffix(".yml").removesuffix(".yaml"))
        if tasks is not None:
            self._file(tasks, inner)
        elif tasks_from != "main":
            self.run.note("tasks-file-not-found", f"role {name} has no tasks/{tasks_from}.yml", source)

    # -- files, blocks, tasks ----------------------------------------------------------------------------------------

    def _file(self, path: Path, frame: Frame) -> None:
        data = self.run.reader.load(path)
        if data is None:
            return
        if not isinstance(data, list):
            self.run.reader.note(
                "tasks-not-a-list", path, f"holds a {type(plain(data)).__name__}, expected a list of tasks",
                "start each task with `- `",
            )  # fmt: skip
            return
        self._entries(data, replace(frame, file=path))

    def _entries(self, entries: Iterable[Any], frame: Frame) -> None:
        for entry in entries:
            if not isinstance(entry, Mapping):
                if entry is not None:
                    self.run.note(
                        "task-not-a-mapping", f"a task is a {type(plain(entry)).__name__}, expected a mapping",
                        self._source(entry, {}, frame.file), "write `- name: …` with a module below it",
                    )  # fmt: skip
                continue
            if len(self.run.tasks) >= MAX_TASKS or frame.depth > MAX_DEPTH:
                self.run.note(
                    "includes-too-deep",
                    f"includes go deeper than {MAX_DEPTH} or give more than {MAX_TASKS} tasks; the rest is not read",
                    self._source(entry, entry, frame.file),
                    "look for a file that includes itself",
                )
                return
            if frame.handlers and not frame.notified:
                self._handler(entry, frame)
            elif "block" in entry:
                self._block(entry, frame)
            else:
                self._task(entry, frame)

    def _block(self, entry: Mapping[str, Any], frame: Frame) -> None:
        inner = replace(self._with_masked_vars(entry, frame), depth=frame.depth + 1)
        self._entries(as_list(entry.get("block")), inner)
        rescue = replace(inner, never="rescue: runs only when a task of the block fails")
        self._entries(as_list(entry.get("rescue")), rescue)
        self._entries(as_list(entry.get("always")), inner)

    def _with_masked_vars(self, entry: Mapping[str, Any], frame: Frame) -> Frame:
        variables = entry.get("vars")
        if isinstance(variables, Mapping) and variables:
            return frame.inside({**entry, "vars": self.run.reader.inventory.mask(variables)})
        return frame.inside(entry)

    def _task(self, entry: Mapping[str, Any], frame: Frame, notified: tuple[Verdict, str] | None = None) -> None:
        source = self._source(None, entry, frame.file)
        inner = self._with_masked_vars(entry, frame)
        call = call_of(entry, inner, self.run, source)
        scope = self._scope(inner)
        loop = loop_items(entry, scope, self.run.reader.inventory.loader, call.module)
        items = resolve_items(
            call,
            inner,
            scope,
            loop,
            self.run,
            self.file.parent,
            source,
            lambda item: self._item_scope(inner, loop, item),
        )
        applies, reason = verdict_on(inner, scope, loop, items, self.run, notified)
        task = Task(
            kind="handler" if frame.handlers else "task",
            source=source,
            role=frame.role.name if frame.role else "",
            name=text(scope.value(entry.get("name"), source)) or call.key,
            module=call.module,
            invocations=tuple(invocation for invocation, _scope in items),
            applies=applies,
            applies_reason=reason,
            loop_unknown=loop.unknown is not None,
            register=str(plain(entry.get("register")) or ""),
            notify=strings(entry.get("notify"), scope),
            listen=strings(entry.get("listen"), scope),
            become=inner.become,
            become_user=text(scope.value(inner.become_user)),
            environment=environment_of(inner, scope),
            delegate_to=scope.value(inner.delegate_to),
            run_once=inner.run_once,
            no_log=inner.no_log,
            tags=tuple(dict.fromkeys(inner.tags)),
            hosts=(self.run.host,),
        )
        if "local_action" in entry:
            task = replace(task, delegate_to="localhost")
        self.run.tasks.append(task)
        self._after(task, entry, call.arguments, inner, items, loop)

    # -- one task's parts --------------------------------------------------------------------------------------------

    def _item_scope(self, frame: Frame, loop: Loop, item: Any) -> Scope:
        extra: dict[str, Any] = {loop.variable: item, "ansible_loop_var": loop.variable}
        if loop.index_variable:
            extra[loop.index_variable] = loop.items.index(item) if loop.items else 0
        return self._merge(replace(frame, parameters=(*frame.parameters, extra)))

    # -- what a task leaves behind -----------------------------------------------------------------------------------

    def _after(
        self, task: Task, entry: Mapping[str, Any], arguments: Mapping[str, Any], frame: Frame,
        items: Items, loop: Loop,
    ) -> None:  # fmt: skip
        self.run.remember(task, arguments, items, loop)
        short = task.module.rpartition(".")[2]
        if short == "include_vars" and task.applies is not Verdict.NO:
            self._include_vars(task, frame, items)
        elif task.module in _INCLUDES:
            self._include(task, entry, frame, items, loop)
        elif task.module in _ROLES:
            self._include_role(task, entry, frame, items, loop)
        elif short == "meta" and task.applies is Verdict.YES:
            action = items[0][0].args.get("_raw_params")
            if action in ("end_play", "end_host") and task.kind == "task":
                self.run.ended = f"{task.source} ends the play"

    def _include_vars(self, task: Task, frame: Frame, items: Items) -> None:
        for invocation, _scope in items:
            written = invocation.args.get("file", invocation.args.get("_raw_params"))
            if isinstance(written, str) and (
                path := find_file(written, "vars", frame, self.run.reader, self.file.parent)
            ):
                found = self.run.reader.variables(path) if path.is_file() else {}
                name = invocation.args.get("name")
                self.run.set_facts_from({str(name): found} if isinstance(name, str) and name else found)
            elif isinstance(folder := invocation.args.get("dir"), str):
                path = find_file(folder, "vars", frame, self.run.reader, self.file.parent)
                for file in sorted(path.rglob("*")) if path is not None and path.is_dir() else ():
                    if file.suffix in (".yml", ".yaml", ".json"):
                        self.run.set_facts_from(self.run.reader.variables(file))
            elif task.applies is Verdict.YES:
                self.run.note(
                    "vars-file-not-found", f"include_vars: {_shown(written)} cannot be found", task.source,
                    "add the file, or give the variables it sets with -e",
                )  # fmt: skip

    def _include(self, task: Task, entry: Mapping[str, Any], frame: Frame, items: Items, loop: Loop) -> None:
        static = task.module.endswith("import_tasks")
        if task.applies is Verdict.NO and not static:
            return
        for invocation, _scope in items:
            if invocation.applies is Verdict.NO and not static:
                continue
            written = invocation.args.get("_raw_params", invocation.args.get("file"))
            path = self._tasks_file(written, frame)
            if path is None:
                self.run.note(
                    "tasks-file-not-found", f"{task.module.rpartition('.')[2]}: {_shown(written)} cannot be found",
                    task.source, "its tasks are not in the plan; add the file or fix the name",
                )  # fmt: skip
                continue
            inner = self._included_frame(frame, entry, invocation, loop)
            apply = invocation.args.get("apply")
            if isinstance(apply, Mapping):
                inner = inner.inside(apply)
            self._file(path, inner)

    def _tasks_file(self, written: Value | None, frame: Frame) -> Path | None:
        if not isinstance(written, str) or not written.strip():
            return None
        name = written.split()[0]
        root = self.run.reader.inventory.root
        places = [frame.file.parent]
        places += [role.path / "tasks" for role in (frame.role, *reversed(frame.parents)) if role is not None]
        if frame.handlers and frame.role:
            places.insert(0, frame.role.path / "handlers")
        for place in (*places, self.file.parent):
            path = place / name
            if path.is_file() and path.resolve().is_relative_to(root):
                return path
        return None

    def _included_frame(self, frame: Frame, entry: Mapping[str, Any], invocation: Invocation, loop: Loop) -> Frame:
        """What an include hands down: its variables and the loop's item; conditions and tags are in `frame`."""
        inner = frame
        written = {name: thaw(value) for name, value in invocation.args.items() if name not in _INCLUDE_ARGUMENTS}
        if written and not holds_unknown(tuple(written.values())):
            inner = replace(inner, parameters=(*inner.parameters, written))
        if loop.present and loop.items:
            inner = replace(inner, parameters=(*inner.parameters, {loop.variable: thaw(invocation.item)}))
        if isinstance(entry.get("vars"), Mapping):
            inner = replace(inner, parameters=(*inner.parameters, self.run.reader.inventory.mask(entry["vars"])))
        return replace(inner, depth=frame.depth + 1)

    def _include_role(self, task: Task, entry: Mapping[str, Any], frame: Frame, items: Items, loop: Loop) -> None:
        static = task.module.endswith("import_role")
        if task.applies is Verdict.NO and not static:
            return
        for invocation, _scope in items:
            if invocation.applies is Verdict.NO and not static:
                continue
            name = invocation.args.get("name", invocation.args.get("role", invocation.args.get("_raw_params")))
            if not isinstance(name, str) or not name:
                self.run.note("role-unknown", f"the role's name {_shown(name)} is not known", task.source)
                continue
            froms = {key: text(invocation.args.get(key)) or "main"
                     for key in ("tasks_from", "vars_from", "defaults_from", "handlers_from")}  # fmt: skip
            inner = self._included_frame(frame, {k: v for k, v in entry.items() if k != "vars"}, invocation, loop)
            variables = entry.get("vars")
            self._walk_role(
                name, {"vars": variables} if isinstance(variables, Mapping) else {}, task.source, inner, once=False,
                **froms,
            )  # fmt: skip

    # -- handlers ----------------------------------------------------------------------------------------------------

    def _walk_handlers(self) -> None:
        pending, self.handlers = self.handlers, []
        seen: set[tuple[str, int]] = set()
        for frame, entry in pending:
            source = self._source(None, entry, frame.file)
            if (source.file, source.line) in seen:
                continue
            seen.add((source.file, source.line))
            self._handler(entry, frame)

    def _handler(self, entry: Mapping[str, Any], frame: Frame) -> None:
        """A handler runs when a task that applies notifies it; an import only brings handlers in."""
        imported = any(str(key).rpartition(".")[2] in ("import_tasks", "import_role") for key in entry)
        if imported or "block" in entry:
            bring_in = self._block if "block" in entry else self._task
            bring_in(entry, frame)
            return
        scope = self._scope(frame)
        names = {text(scope.value(entry.get("name"))), *strings(entry.get("listen"), scope)} - {""}
        if frame.role:
            names |= {f"{frame.role.name} : {name}" for name in names}
        verdicts = [verdict for name, verdict in self.run.notified.items() if name in names]
        if Verdict.YES in verdicts:
            notified = (Verdict.YES, "")
        elif verdicts:
            notified = (Verdict.UNKNOWN, "notified by a task that may not run")
        else:
            notified = (Verdict.NO, "no task that applies notifies it")
        self._task(entry, replace(frame, notified=True), notified)

    # -- variables ---------------------------------------------------------------------------------------------------

    def _scope(self, frame: Frame) -> Scope:
        run, role = self.run, frame.role
        if self._scopes_version != run.version:
            self._scopes_version = run.version
            self._scopes.clear()
        key = (id(role), *map(id, frame.parents), "", *map(id, frame.layers), "", *map(id, frame.parameters))
        if (kept := self._scopes.get(key)) is None:
            kept = self._scopes[key] = (frame, self._merge(frame))
        return kept[1]

    def _merge(self, frame: Frame) -> Scope:
        """All variables by ansible-core's precedence."""
        run, role = self.run, frame.role
        merged: dict[str, Any] = dict(self.role_defaults)
        chain = (*frame.parents, role) if role else ()
        for member in chain:
            for dependency in self._dependencies(member):
                merged.update(dependency.defaults)
            merged.update(member.defaults)
        merged.update(run.base)
        merged.update(self.play_variables)
        merged.update(self.role_variables)
        for member in chain:
            for dependency in self._dependencies(member):
                merged.update(dependency.variables)
            merged.update(member.variables)
        for layer in frame.layers:
            merged.update(layer)
        merged.update(run.set_facts)
        for layer in frame.parameters:
            merged.update(layer)
        merged.update(run.extra)
        if role:
            merged.update(role_name=role.name, role_path=str(role.path), ansible_role_name=role.name,
                          ansible_parent_role_names=[parent.name for parent in frame.parents])  # fmt: skip
        merged["playbook_dir"] = str(self.file.parent)
        roles = [str(each.path) for each in (frame.role, *reversed(frame.parents)) if each is not None]
        merged["ansible_search_path"] = list(dict.fromkeys((*roles, str(frame.file.parent), str(self.file.parent))))
        merged["ansible_play_hosts"] = merged["ansible_play_batch"] = merged["ansible_play_hosts_all"] = [run.host]
        merged["hostvars"] = run.hostvars()
        return Scope(
            variables=merged,
            unknown={name: why for name, why in run.unknown.items() if name not in run.extra},
            known_results=dict(run.results),
            names=run.names,
            evaluator=run.evaluator,
            hide_root=run.hide_root,
            varying={name: values for name, values in run.varying.items() if merged.get(name) is run.base.get(name)},
        )

    def _source(self, value: Any, around: Any, file: Path) -> Source:
        for candidate in (value, around):
            if candidate is not None and origin_of(candidate) is not None:
                return self.run.reader.source(candidate, file)
        return self.run.reader.source(None, file)


_INHERITED = frozenset(
    "when tags become become_user sudo sudo_user environment module_defaults delegate_to run_once no_log".split()
)
"""Keywords of a role entry or include that hold for everything inside it."""


def _shown(value: Value | None) -> str:
    return value.expression if isinstance(value, Unknown) else str(value)
