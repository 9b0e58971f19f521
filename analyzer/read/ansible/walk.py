"""The run of an application's plays over one host, task by task, as Ansible would order and resolve it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from analyzer.model import Source, Task, Verdict
from analyzer.read.ansible.core import origin_of, plain
from analyzer.read.ansible.expressions import analyse_expression, analyse_template
from analyzer.read.ansible.frames import Frame, conditions
from analyzer.read.ansible.fresh import removes_nothing
from analyzer.read.ansible.imports import publish_entries, publish_role_imports
from analyzer.read.ansible.includes import (
    DYNAMIC,
    INCLUDES,
    ROLES,
    include_role,
    include_tasks,
    include_variables,
)
from analyzer.read.ansible.loops import Loop, loop_items
from analyzer.read.ansible.names import is_module_key
from analyzer.read.ansible.play_variables import read_play_variables
from analyzer.read.ansible.precedence import RoleUse
from analyzer.read.ansible.resolve import (
    call_of,
    environment_of,
    goes_on_after_failure,
    reads_only,
    resolve_items,
    strings,
    text,
    verdict_on,
    why_never_reached,
    with_made_up_path,
)
from analyzer.read.ansible.roles import Role
from analyzer.read.ansible.run import Items, Run
from analyzer.read.ansible.scope import Scope
from analyzer.read.ansible.values import as_list, kind, templates_in
from analyzer.read.ansible.variables import PlayVariables

MAX_DEPTH = 60
"""Includes inside includes; a role that includes itself ends here."""

MAX_TASKS = 200_000


class PlayRun(Struct):
    """One play over one host."""

    run: Run
    file: Path
    play: Mapping[str, Any]
    variables: PlayVariables
    handlers: list[tuple[Frame, Mapping[str, Any]]] = field(default_factory=list)
    done_roles: set[str] = field(default_factory=set)

    # -- the play ----------------------------------------------------------------------------------------------------

    def walk(self) -> None:
        """All tasks of the play, then its handlers."""
        self.run.finder.namespaces = tuple(str(plain(name)) for name in as_list(self.play.get("collections")))
        frame = Frame(file=self.file).inside({key: value for key, value in self.play.items() if key != "vars"})
        read_play_variables(self, frame)
        roles = [self._role_entry(entry) for entry in as_list(self.play.get("roles"))]
        for name, entry, source in roles:
            if name and (role := self.run.finder.find(name, source)) is not None:
                use = self.use(role, entry)
                self.variables.publish(use)
                publish_role_imports(self, use)
        for section in ("pre_tasks", "tasks", "post_tasks"):
            publish_entries(self, as_list(self.play.get(section)), self.file, None, set())
        self._entries(as_list(self.play.get("pre_tasks")), frame)
        for name, entry, source in roles:
            if name:
                self.role(name, entry, source, frame)
        for section in ("tasks", "post_tasks"):
            self._entries(as_list(self.play.get(section)), frame)
        for entry in as_list(self.play.get("handlers")):
            if isinstance(entry, Mapping):
                self.handlers.append((replace(frame, handlers=True), entry))
        self._walk_handlers()

    # -- roles -------------------------------------------------------------------------------------------------------

    def _role_entry(self, entry: Any) -> tuple[str, Mapping[str, Any], Source]:
        source = self.source(entry, self.play, self.file)
        if isinstance(entry, Mapping):
            written = entry.get("role", entry.get("name"))
            return self.role_name(written), entry, self.source(written, entry, self.file)
        return self.role_name(entry), {}, source

    def role_name(self, written: Any) -> str:
        """A role's name as its entry says it, "" where that cannot be known."""
        if not isinstance(written, str):
            return ""
        if "{{" in written:
            value = self.scope(Frame(file=self.file)).value(written)
            return value if isinstance(value, str) else ""
        return str(plain(written)).partition(",")[0].strip()

    def use(self, role: Role, entry: Mapping[str, Any], above: tuple[Path, ...] = ()) -> RoleUse:
        """The role with the variables of the entry that brings it in, and its dependencies."""
        mask = self.run.reader.inventory.mask
        parameters = {
            key: value for key, value in entry.items()
            if isinstance(key, str) and is_module_key(key) and key not in ("role", "name", "src", "version")
        }  # fmt: skip
        variables = entry.get("vars")
        dependencies = []
        for dependency in role.dependencies:
            name, given, source = self._dependency(role, dependency)
            found = self.run.finder.find(name, source, role.path) if name else None
            if found is not None and found.path not in (*above, role.path):
                dependencies.append(self.use(found, given, (*above, role.path)))
        return RoleUse(
            role=role,
            variables=mask(variables) if isinstance(variables, Mapping) else {},
            parameters=mask(parameters),
            dependencies=tuple(dependencies),
        )

    def _dependency(self, role: Role, entry: Any) -> tuple[str, Mapping[str, Any], Source]:
        written = entry.get("role", entry.get("name")) if isinstance(entry, Mapping) else entry
        meta = self.run.finder.entry(role.path, "meta", "main") or role.path
        return self.role_name(written), entry if isinstance(entry, Mapping) else {}, self.source(written, entry, meta)

    def role(
        self, name: str, entry: Mapping[str, Any], source: Source, frame: Frame, *, tasks_from: str = "main",
        vars_from: str = "main", defaults_from: str = "main", handlers_from: str = "main", once: bool = True,
        public: bool = False, dynamic: bool = False,
    ) -> None:  # fmt: skip
        """A role's dependencies, then its tasks; its handlers wait for the end of the play."""
        near = frame.role.path if frame.role else None
        role = self.run.finder.find(name, source, near, vars_from, defaults_from)
        if role is None:
            return
        if frame.depth > MAX_DEPTH:
            self._too_deep(source)
            return
        use = self.use(role, entry)
        keywords = {key: value for key, value in entry.items() if key in _INHERITED}
        key = str((role.path, tasks_from, plain(dict(use.variables)), plain(dict(use.parameters)), plain(keywords)))
        if once and key in self.done_roles and not role.allow_duplicates:
            return
        self.done_roles.add(key)
        parents = (*frame.parents, frame.role) if frame.role else frame.parents
        inner = replace(frame.inside(keywords), role=use, parents=parents, depth=frame.depth + 1)
        for dependency in role.dependencies:
            wanted, given, where = self._dependency(role, dependency)
            found = self.run.finder.find(wanted, where, role.path) if wanted else None
            if found is not None and found.path in (role.path, *(parent.path for parent in parents)):
                self.run.note(
                    "role-depends-on-itself", f"role {role.name} depends on {wanted}, which depends on it", where,
                    "take one of the two dependencies out of meta/main.yml; Ansible stops at such a circle",
                )  # fmt: skip
            elif wanted:
                self.role(wanted, given, where, inner)
        if public:
            self.variables.publish(use)
        if dynamic:
            publish_role_imports(self, use, tasks_from.removesuffix(".yml").removesuffix(".yaml"))
        handlers = self.run.finder.entry(role.path, "handlers", handlers_from)
        if handlers is not None:
            for handler in as_list(self.run.reader.load(handlers)):
                if isinstance(handler, Mapping):
                    self.handlers.append((replace(inner, file=handlers, handlers=True), handler))
        tasks = self.run.finder.entry(role.path, "tasks", tasks_from.removesuffix(".yml").removesuffix(".yaml"))
        if tasks is not None:
            self.tasks_of(tasks, inner)
        elif tasks_from != "main":
            self.run.note(
                "tasks-file-not-found",
                f"role {name} has no tasks/{tasks_from}.yml",
                source,
                "its tasks are not in the plan; add the file or fix the name",
            )

    # -- files, blocks, tasks ----------------------------------------------------------------------------------------

    def tasks_of(self, path: Path, frame: Frame) -> None:
        """The tasks of one file."""
        data = self.run.reader.load(path)
        if data is None:
            return
        # the same file with the same variables again: nothing could ever end it
        given = {key: value for each in frame.parameters for key, value in each.items()}
        given = {key: value for key, value in given.items() if not str(key).startswith("ansible_")}
        call = (path, str(plain(given)), self.run.version)
        if call in frame.within:
            self.run.note(
                "includes-itself", "this file includes itself, with nothing that would end it",
                self.run.reader.source(None, path), "take the include out; Ansible would never end",
            )  # fmt: skip
            return
        frame = replace(frame, within=(*frame.within, call))
        if not isinstance(data, list):
            self.run.reader.note(
                "tasks-not-a-list", path, f"holds {kind(data)}, expected a list of tasks",
                "start each task with `- `",
            )  # fmt: skip
            return
        self._entries(data, replace(frame, file=path))

    def _entries(self, entries: Iterable[Any], frame: Frame) -> None:
        for entry in entries:
            if not isinstance(entry, Mapping):
                if entry is not None:
                    self.run.note(
                        "task-not-a-mapping", f"a task is {kind(entry)}, expected a mapping",
                        self.source(entry, {}, frame.file), "write `- name: …` with a module below it",
                    )  # fmt: skip
                continue
            if len(self.run.tasks) >= MAX_TASKS or frame.depth > MAX_DEPTH:
                self._too_deep(self.source(entry, entry, frame.file))
                return
            if frame.handlers and not frame.notified:
                self._handler(entry, frame)
            elif "block" in entry:
                self._block(entry, frame)
            else:
                self._task(entry, frame)

    def _too_deep(self, source: Source) -> None:
        self.run.note(
            "includes-too-deep",
            f"includes go deeper than {MAX_DEPTH} or give more than {MAX_TASKS} tasks; the rest is not read",
            source,
            "look for a file or role that includes itself",
        )

    def _block(self, entry: Mapping[str, Any], frame: Frame) -> None:
        inner = replace(self.with_masked_vars(entry, frame), depth=frame.depth + 1)
        rescued = inner.rescued or bool(entry.get("rescue"))
        self._entries(as_list(entry.get("block")), replace(inner, rescued=rescued))
        rescue = replace(inner, never="rescue: runs only when a task of the block fails")
        self._entries(as_list(entry.get("rescue")), rescue)
        self._entries(as_list(entry.get("always")), inner)

    def with_masked_vars(self, entry: Mapping[str, Any], frame: Frame) -> Frame:
        """The frame inside `entry`, no secret of its `vars` in it."""
        variables = entry.get("vars")
        if isinstance(variables, Mapping) and variables:
            return frame.inside({**entry, "vars": self.run.reader.inventory.mask(variables)})
        return frame.inside(entry)

    def _task(self, entry: Mapping[str, Any], frame: Frame, notified: tuple[Verdict, str] | None = None) -> None:
        source = self.source(None, entry, frame.file)
        inner = self.with_masked_vars(entry, frame)
        call = call_of(entry, inner, self.run, source)
        if call.module in DYNAMIC and entry.get("vars"):  # its own variables are what it hands down
            inner = replace(inner, parameters=(*inner.parameters, *inner.layers[len(frame.layers) :]))
        self._note_unparsable(entry, call.arguments, source)
        scope = self.scope(inner)
        loop = loop_items(entry, scope, self.run.reader.inventory.loader, call.module)
        items = resolve_items(
            call,
            inner,
            scope,
            loop,
            self.run,
            self.file.parent,
            source,
            lambda index, item: self._item_scope(inner, loop, index, item),
        )
        items = with_made_up_path(call.module, entry, items)
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
            may_fail=goes_on_after_failure(entry),
            run_once=inner.run_once,
            no_log=inner.no_log,
            reads_only=reads_only(entry),
            removes_nothing=removes_nothing(call.module, [invocation.args for invocation, _ in items], self.run.made),
            tags=tuple(dict.fromkeys(inner.tags)),
            hosts=(self.run.host,),
        )
        if "local_action" in entry:
            task = replace(task, delegate_to="localhost")
        self.run.tasks.append(task)
        if not why_never_reached(inner, self.run, notified):
            may_fail = inner.ignore_errors or inner.rescued
            ignored = inner.ignore_errors or ("failed_when" in entry and not inner.rescued)
            self.run.remember(
                task, entry, call.arguments, items, loop, when=inner.when, may_fail=may_fail, ignored=ignored
            )
        self._after(task, entry, frame, inner, items, loop)

    def _note_unparsable(self, entry: Mapping[str, Any], arguments: Mapping[str, Any], source: Source) -> None:
        """Templates and conditions of a task that Jinja cannot parse; what depends on them is unknown."""
        loops = [value for key, value in entry.items() if str(key) == "loop" or str(key).startswith("with_")]
        written = (*arguments.values(), *loops)
        texts = [(text, analyse_template(text)) for value in written for text in templates_in(value)]
        own = [each for each in conditions(entry) if isinstance(each, str) and "{{" not in each]
        texts += [(text, analyse_expression(text)) for text in own]
        for text_, analysis in texts:
            if analysis.error:
                where = self.run.reader.inventory.source_of(text_) or source
                self.run.note("jinja-syntax", f"Jinja cannot parse `{plain(text_)[:80]}`: {analysis.error}", where,
                              "correct it; what depends on it is unknown in the plan")  # fmt: skip

    # -- one task's parts --------------------------------------------------------------------------------------------

    def _item_scope(self, frame: Frame, loop: Loop, index: int, item: Any) -> Scope:
        scope = self.variables.merge(replace(frame, parameters=(*frame.parameters, loop.variables(index, item))))
        return self.variables.assuming(scope, self.run.conditional.under(frame.when, scope))

    # -- what a task leaves behind -----------------------------------------------------------------------------------

    def _after(
        self, task: Task, entry: Mapping[str, Any], outer: Frame, frame: Frame, items: Items, loop: Loop
    ) -> None:
        short = task.module.rpartition(".")[2]
        if short == "include_vars" and task.applies is not Verdict.NO:
            include_variables(self, task, frame, items)
        elif task.module in INCLUDES:
            include_tasks(self, task, outer, entry, items, loop)
        elif task.module in ROLES:
            include_role(self, task, outer, entry, items, loop)
        elif short == "meta" and task.applies is Verdict.YES:
            action = items[0][0].args.get("_raw_params")
            if action in ("end_play", "end_host") and task.kind == "task":
                self.run.ended = f"{task.source} ends the play"

    # -- handlers ----------------------------------------------------------------------------------------------------

    def _walk_handlers(self) -> None:
        pending, self.handlers = self.handlers, []
        seen: set[tuple[str, int]] = set()
        for frame, entry in pending:
            source = self.source(None, entry, frame.file)
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
        scope = self.scope(frame)
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

    def scope(self, frame: Frame) -> Scope:
        """What a task in the frame can refer to."""
        scope = self.variables.scope(frame)
        return self.variables.assuming(scope, self.run.conditional.under(frame.when, scope))

    def source(self, value: Any, around: Any, file: Path) -> Source:
        """Where a value stands, or what is around it, or the file."""
        for candidate in (value, around):
            if candidate is not None and origin_of(candidate) is not None:
                return self.run.reader.source(candidate, file)
        return self.run.reader.source(None, file)


_INHERITED = frozenset(
    "when tags become become_user sudo sudo_user environment module_defaults delegate_to run_once no_log".split()
)
"""Keywords of a role entry or include that hold for everything inside it."""
