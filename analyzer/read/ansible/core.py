"""ansible-core under guard: the only module that imports it.

Stock ansible-core reads configuration from the working directory, the home folder and `ANSIBLE_*` variables, makes a
temporary folder when it is imported, prints to the terminal, runs executable inventories and, in templates, look-ups
that start processes or open sockets. Here it gets none of that: no configuration but its defaults, no temporary folder,
its warnings as text, files through `read.files.Tree`'s rule only, look-ups and filters from a list of harmless ones.
"""

from __future__ import annotations

import copy
import os
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from analyzer.read.ansible.arbitrary import printed_date
from analyzer.read.ansible.listing import as_inventory
from analyzer.read.files import entries, exists, is_dir, is_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SAFE_LOOKUPS = frozenset(
    "dict file first_found flattened indexed_items items list nested sequence subelements template "
    "together varnames vars fileglob inventory_hostnames community.general.flattened".split()
)
"""Look-ups that neither run nor fetch nor draw lots; files they open go through the guarded loader."""

_FLATTENED = frozenset({"flattened", "community.general.flattened"})

UNSAFE_FILTERS = frozenset(
    "random shuffle password_hash vault unvault fileglob realpath expanduser expandvars strftime".split()
)
"""Filters whose result depends on chance, the clock, the machine or its user."""

UNSAFE_GLOBALS = frozenset({"now", "lipsum"})


class Messages(Struct):
    """What ansible-core would have printed: warnings while an inventory is parsed, and the like."""

    texts: list[str] = field(default_factory=list)
    failures: list[tuple[str, BaseException]] = field(default_factory=list)
    """What was said of an exception, and the exception."""


MESSAGES = Messages()

JINJA_EXTENSIONS = ("jinja2.ext.do", "jinja2.ext.loopcontrols")
"""Tags beyond Jinja's own that `jinja2_extensions` in `ansible.cfg` may allow and that only change how a text is put
together."""


class RefusedError(Exception):
    """A template wanted something that must not run while analysing."""


@cache
def ansible() -> SimpleNamespace:
    """ansible-core's parts in use, imported once and without its side effects."""
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        del os.environ[name]
    _import_constants_quietly()
    from ansible import constants
    from ansible._internal._datatag._tags import Origin, TrustedAsTemplate
    from ansible._internal._task import TaskContext
    from ansible._internal._templating import _jinja_bits, _jinja_plugins, _lazy_containers, _utils
    from ansible._internal._templating._jinja_common import _TemplateConfig
    from ansible.errors import AnsibleError, AnsibleUndefinedVariable, AnsibleValueOmittedError
    from ansible.inventory.manager import InventoryManager, split_host_pattern
    from ansible.module_utils._internal import _datatag
    from ansible.parsing.dataloader import DataLoader
    from ansible.parsing.splitter import parse_kv, split_args
    from ansible.parsing.vault import EncryptedString, VaultLib, VaultSecret
    from ansible.plugins.loader import lookup_loader
    from ansible.plugins.lookup import LookupBase
    from ansible.template import Templar, trust_as_template
    from ansible.utils.display import Display
    from ansible.utils.vars import combine_vars
    from ansible.vars.hostvars import HostVars, HostVarsVars
    from ansible.vars.manager import VariableManager

    display = Display()
    for method in ("warning", "deprecated", "error", "display", "v", "vv", "vvv", "error_as_warning"):
        setattr(display, method, _collector(method))

    stock_get = lookup_loader.get

    def get(name: str, *args: Any, **kwargs: Any) -> Any:
        short = str(name).removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
        if short == "pipe":
            return Time(loader=kwargs.get("loader"), templar=kwargs.get("templar"))
        if short not in SAFE_LOOKUPS:
            raise RefusedError(f"lookup('{name}') is not run while analysing")
        if short in _FLATTENED:
            return Flattened(loader=kwargs.get("loader"), templar=kwargs.get("templar"))
        plugin = stock_get(short if short in SAFE_LOOKUPS else name, *args, **kwargs)
        if short == "template" and plugin is not None:
            # it copies all variables to add some of its own; a copy of the mapping alone is as good, and no work
            sys.modules[type(plugin).__module__].__dict__["deepcopy"] = _copy_of_variables
        return plugin

    class Flattened(LookupBase):  # type: ignore[misc]  # ansible-core publishes no types
        """`flattened` lives in a collection that is not installed here; flattening needs none of it."""

        def run(self, terms: Any, variables: Any = None, **kwargs: Any) -> list[Any]:
            """One list of all that the lists in `terms` hold, however deep."""
            del variables, kwargs
            return [one for term in terms for one in (self.run(term) if isinstance(term, (list, tuple)) else [term])]

    class Time(LookupBase):  # type: ignore[misc]  # as above
        """`pipe` of a command that only prints the time; no other command runs, and neither does this one."""

        def run(self, terms: Any, variables: Any = None, **kwargs: Any) -> list[str]:
            """What each command would print."""
            del variables, kwargs
            printed = [printed_date(str(term)) for term in terms]
            if None in printed:
                raise RefusedError("lookup('pipe') is not run while analysing")
            return [each for each in printed if each is not None]

    @contextmanager
    def lookup_of_a_loop(module: str) -> Iterator[None]:
        """`with_first_found` searches `vars/`, `templates/` or `files/` by the name of its module."""
        with TaskContext(SimpleNamespace(action=module)), _jinja_plugins._LookupContext(invoked_as_with=True):  # noqa: SLF001 - as the task executor does
            yield

    # a project may switch these on in its ansible.cfg; without them its templates could not even be parsed
    _TemplateConfig.jinja_extensions = list(JINJA_EXTENSIONS)
    lookup_loader.get = get
    _keep_compiled_templates()
    return SimpleNamespace(
        constants=constants,
        lookup_of_a_loop=lookup_of_a_loop,
        Origin=Origin,
        TrustedAsTemplate=TrustedAsTemplate,
        AnsibleError=AnsibleError,
        AnsibleUndefinedVariable=AnsibleUndefinedVariable,
        AnsibleValueOmittedError=AnsibleValueOmittedError,
        InventoryManager=InventoryManager,
        split_host_pattern=split_host_pattern,
        DataLoader=DataLoader,
        parse_kv=parse_kv,
        split_args=split_args,
        EncryptedString=EncryptedString,
        VaultLib=VaultLib,
        VaultSecret=VaultSecret,
        lookup_loader=lookup_loader,
        Templar=Templar,
        trust_as_template=trust_as_template,
        combine_vars=combine_vars,
        tag_copy=_datatag.AnsibleTagHelper.tag_copy,
        VariableManager=VariableManager,
        HostVars=HostVars,
        HostVarsVars=HostVarsVars,
        jinja_plugins=_jinja_plugins,
        jinja_bits=_jinja_bits,
        lazy_containers=_lazy_containers,
        lazy_options=_utils.LazyOptions,
        no_tags=_datatag._EMPTY_INTERNAL_TAGS_MAPPING,  # noqa: SLF001 - what its own untagged containers carry
    )


def _copy_of_variables(variables: Any) -> Any:
    return dict(variables) if type(variables) is dict else copy.deepcopy(variables)


def _keep_compiled_templates() -> None:
    """Compile each text once: roles repeat theirs, and ansible-core compiles anew for every use.

    A template's code depends on the text, the delimiters and the escaping of backslashes, and on nothing else; an
    expression is kept with the environment that it is bound to.
    """
    from ansible._internal._templating import _jinja_bits

    environment = _jinja_bits.AnsibleEnvironment
    fields = _jinja_bits._TEMPLATE_OVERRIDE_FIELD_NAMES  # noqa: SLF001 - what ansible-core's own lexer cache goes by
    context = _jinja_bits._TemplateCompileContext  # noqa: SLF001 - as above
    stock_compile, stock_expression = environment.compile, environment.compile_expression
    codes: dict[tuple[Any, ...], Any] = {}

    def compile_once(self: Any, source: Any, name: Any = None, filename: Any = None, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(source, str) or name is not None or filename is not None or args or kwargs:
            return stock_compile(self, source, name, filename, *args, **kwargs)
        current = context.current(optional=True)
        key = (str.__str__(source), current and current.escape_backslashes, *(getattr(self, each) for each in fields))
        if key not in codes:
            codes[key] = stock_compile(self, source, name, filename)
        return codes[key]

    def expression_once(self: Any, source: str, undefined_to_none: bool = True) -> Any:
        current = context.current(optional=True)
        kept = self.__dict__.setdefault("_kept_expressions", {})
        key = (str.__str__(source), current and current.escape_backslashes, undefined_to_none)
        if key not in kept:
            kept[key] = stock_expression(self, source, undefined_to_none)
        return kept[key]

    environment.compile = compile_once
    environment.compile_expression = expression_once


def _collector(method: str) -> Any:
    def collect(msg: object = "", *_args: object, **kwargs: object) -> None:
        if isinstance(error := kwargs.get("exception"), BaseException):
            MESSAGES.failures.append((str(msg), error))
        if method in ("warning", "error", "error_as_warning"):
            MESSAGES.texts.append(str(msg))

    return collect


def _import_constants_quietly() -> None:
    """Import `ansible.constants` without looking for configuration files and without making a temporary folder.

    Its `Display` finds the C library through ctypes, which starts ldconfig for that: it is told the name.
    """
    import ctypes.util

    from ansible.config import manager

    find_library = ctypes.util.find_library
    ctypes.util.find_library = lambda name: f"lib{name}.so.6"
    kept = (manager.find_ini_config_file, manager.makedirs_safe, manager.tempfile, manager.atexit)
    manager.find_ini_config_file = lambda *_args, **_kwargs: None
    manager.makedirs_safe = lambda *_args, **_kwargs: None
    manager.tempfile = SimpleNamespace(mkdtemp=lambda **_kwargs: "/nonexistent/ansible-local")
    manager.atexit = SimpleNamespace(register=lambda *_args, **_kwargs: None)
    try:
        import ansible.constants as _constants
        import ansible.utils.display as _display  # noqa: F401 - imported here, while find_library is answered

        _constants.INVENTORY_ENABLED = ["yaml", "ini"]
        _constants.LOCALHOST_WARNING = False
    finally:
        manager.find_ini_config_file, manager.makedirs_safe, manager.tempfile, manager.atexit = kept
        ctypes.util.find_library = find_library


@cache
def guarded_loader_class() -> type[Any]:
    """A `DataLoader` that opens nothing outside its roots and never decrypts or writes a temporary file."""
    core = ansible()

    class GuardedLoader(core.DataLoader):  # type: ignore[misc, name-defined]  # ansible-core has no types
        def __init__(self, roots: Sequence[Path]) -> None:
            super().__init__()
            self._roots = tuple(Path(os.path.realpath(root)) for root in roots)
            self.variables_instead: Callable[[Path], dict[str, Any] | None] = lambda _path: None
            """Asked before a file of variables is loaded: what to take in its place, or None to load it."""
            self.not_utf8: dict[str, int] = {}
            """File -> line of its first byte that is not UTF-8; such bytes are replaced."""

        def load_once(self, path: Path) -> Any:
            """A file's data, strings trusted as templates; the caller keeps it, so it is neither cached nor copied."""
            return super().load_from_file(str(path), cache="none", unsafe=True, trusted_as_template=True)

        def load_from_file(self, file_name: str, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("unsafe"):  # how the plugin for group_vars and host_vars loads
                instead = self.variables_instead(Path(file_name))
                if instead is not None:
                    return instead
                return super().load_from_file(file_name, *args, **kwargs)
            return as_inventory(super().load_from_file(file_name, *args, **kwargs))

        def _inside(self, path: str) -> bool:
            real = Path(os.path.realpath(path))
            return any(real == root or root in real.parents for root in self._roots)

        def path_exists(self, path: str) -> bool:
            path = self.path_dwim(path)
            return self._inside(path) and exists(Path(path))

        def is_file(self, path: str) -> bool:
            path = self.path_dwim(path)
            return self._inside(path) and is_file(Path(path))

        def is_directory(self, path: str) -> bool:
            path = self.path_dwim(path)
            return self._inside(path) and is_dir(Path(path))

        def list_directory(self, path: str) -> list[str]:
            path = self.path_dwim(path)
            return [entry.name for entry in entries(Path(path))] if self._inside(path) else []

        def is_executable(self, path: str) -> bool:  # noqa: ARG002 - nothing is ever executed
            return False

        def _get_file_contents(self, file_name: str) -> Any:
            if not self._inside(self.path_dwim(file_name)):
                raise core.AnsibleError(f"{file_name} leads out of the project and is not read")
            data, is_plaintext = super()._get_file_contents(file_name)
            try:
                data.decode()
            except UnicodeDecodeError as error:
                self.not_utf8.setdefault(self.path_dwim(file_name), data.count(b"\n", 0, error.start) + 1)
                data = core.tag_copy(data, data.decode(errors="replace").encode())
            return data, is_plaintext

        def get_real_file(self, file_path: str, decrypt: bool = True) -> Any:  # noqa: ARG002 - the base's signature
            raise RefusedError("no temporary file is made while analysing")

    return GuardedLoader


def origin_of(value: object) -> tuple[str, int] | None:
    """(absolute path, line) where a YAML value stands, or None."""
    tag = ansible().Origin.get_tag(value)
    if tag is None or tag.path is None:
        return None
    return str(tag.path), int(tag.line_num or 1)


def plain(value: Any) -> Any:
    """The same data in plain Python types: tags, lazy containers and subclasses taken off."""
    if isinstance(value, str):
        return str.__str__(value) if type(value) is not str else value
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    return str(value)


def trusted(value: Any) -> Any:
    """`value` with every string in it trusted as a template (text of the project is; results of templating are not)."""
    core = ansible()
    if isinstance(value, str):
        return core.trust_as_template(value)
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [trusted(item) for item in value]
    return value


def warnings_since(mark: int) -> tuple[str, ...]:
    """ansible-core's warnings after the first `mark` ones."""
    return tuple(MESSAGES.texts[mark:])
