"""ansible-core's template engine over variables that are templated once, however many templates and tasks use them.

Stock ansible-core wraps every variable it is given for every template, nested ones included, and templates a variable
anew at each use; projects have thousands of variables and hundreds of tasks that see nearly the same ones. Its own lazy
dictionary remembers what was templated. One such dictionary lives as long as the run: a variable is taken from it as
long as its raw value, and the raw values of all that it refers to, are the very objects that were there first. What
differs (a loop's item, a task's variables, a role's own value of a common name) is templated in a smaller dictionary
that lies over it.

Templates that may look at any variable (`vars`, look-ups) get a dictionary of them all, once for each set of variables;
those that open files or could change a variable (`list.append`) get stock treatment.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct, field

from analyzer.read.ansible.core import ansible
from analyzer.read.ansible.expressions import Analysis

ABSENT = object()


def defined(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables that have a value, be it None."""
    return {name: value for name, value in variables.items() if value is not ABSENT}


"""Stands where a template reaches a name that no variable has."""

MAX_OVERLAYS = 256
"""Smaller dictionaries kept; the oldest goes first."""


class Uses(Struct, frozen=True):
    """What the templates inside one variable's value refer to."""

    analyses: tuple[Analysis, ...] = ()
    names: frozenset[str] = frozenset()
    wide: bool = False
    stock: bool = False
    clock: bool = False


NOTHING = Uses()


class Layer(Struct):
    """A templar with its variables, and what it has answered so far."""

    templar: Any
    variables: Any
    """ansible-core's lazy dictionary."""
    held: tuple[Any, ...] = ()
    """Keeps the raw values alive whose identity the layer is known by."""
    answers: dict[Any, Any] = field(default_factory=dict)
    """Template and options -> result, kept by the caller."""


class Evaluator:
    """The layers of one run."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._raw: dict[str, Any] = {}
        self._root = self._layer({})
        self._indexed: set[str] = set()
        self._wide: set[str] = set()
        self._users: dict[str, list[str]] = {}
        """Name -> the names whose first raw value refers to it; of those in `_indexed`."""
        self._overlays: dict[tuple[tuple[str, int], ...], Layer] = {}

    def layer(self, values: Mapping[str, Any], references: Mapping[str, Iterable[str]]) -> Layer:
        """The layer in which a template may be evaluated that reaches `values` (ABSENT where nothing is).

        `references` gives for each name those that its value refers to directly.
        """
        raw = self._raw
        own = set()
        for name, value in values.items():
            if name not in raw:
                raw[name] = value
                if value is not ABSENT:
                    dict.__setitem__(self._root.variables, name, _lazy(value))
            elif raw[name] is not value:
                own.add(name)
        if not own:
            return self._root
        whole = any(values[name] is ABSENT for name in own)  # nothing can lie over a value and hide it
        grows = True
        while grows:
            more = {name for name, inner in references.items() if name not in own and not own.isdisjoint(inner)}
            own |= more
            grows = bool(more)
        if whole:
            own = set(values)
        key = tuple(sorted((name, id(values[name])) for name in own))
        found = self._overlays.get(key)
        if found is None:
            found = self._layer({name: values[name] for name in own if values[name] is not ABSENT})
            found.held = tuple(values[name] for name in own)
            if not whole:
                found.templar.available_variables = ChainMap(found.variables, self._root.variables)
            if len(self._overlays) >= MAX_OVERLAYS:
                del self._overlays[next(iter(self._overlays))]
            self._overlays[key] = found
        return found

    def whole(self, variables: Mapping[str, Any], uses: Callable[[Any], Uses]) -> Layer:
        """A layer with all of `variables` and no others, for templates that may look at any; made once a scope.

        What was templated before is taken over where all that it depends on is the same here.
        """
        same = {name for name, value in self._raw.items() if name in variables and variables[name] is value}
        for name in self._raw.keys() - self._indexed:
            self._indexed.add(name)
            found = uses(self._raw[name])
            if found.wide:
                self._wide.add(name)
            for each in found.names:
                self._users.setdefault(each, []).append(name)
        pending = [*(self._raw.keys() - same), *(self._wide & same)]
        same -= self._wide
        while pending:
            for name in self._users.get(pending.pop(), ()):
                if name in same:
                    same.remove(name)
                    pending.append(name)
        layer = self._layer({**variables, "vars": {**variables}})
        for name in same:
            dict.__setitem__(layer.variables, name, dict.__getitem__(self._root.variables, name))
        return layer

    def engine(self, variables: Mapping[str, Any]) -> Any:
        """ansible-core's engine over other variables than the run's: those of another host."""
        return self._layer(variables).templar._engine  # noqa: SLF001 - ansible-core's own code wants the inner object

    def stock(self, variables: Mapping[str, Any], searchpath: list[str] | None = None) -> Any:
        """A templar as ansible-core makes it, for what looks at more than the variables it names."""
        templar = ansible().Templar(loader=self._loader, variables=variables)
        return templar.copy_with_new_env(searchpath=searchpath) if searchpath else templar

    def _layer(self, values: Mapping[str, Any]) -> Layer:
        core = ansible()
        templar = core.Templar(loader=self._loader)
        engine = templar._engine  # noqa: SLF001 - the public class gives no way to share an environment
        engine._environment = _environment(self._loader.get_basedir())  # noqa: SLF001 - as above
        source = core.lazy_containers._LazyValueSource(  # noqa: SLF001 - as ansible-core makes its own
            source=((name, _lazy(value)) for name, value in values.items()),
            templar=engine,
            lazy_options=core.lazy_options.DEFAULT,
        )
        factory = core.lazy_containers._AnsibleLazyTemplateDict._instance_factory  # noqa: SLF001 - as above
        variables = factory(source, core.no_tags)
        templar.available_variables = variables
        return Layer(templar, variables)


def _lazy(value: Any) -> Any:
    """ansible-core's mark of a value that is not templated yet."""
    return ansible().lazy_containers._LazyValue(value)  # noqa: SLF001 - its containers know no other


@lru_cache(maxsize=8)
def _environment(basedir: str) -> Any:
    """One Jinja environment for all templates without a search path of their own: it is costly to make."""
    return ansible().jinja_bits.AnsibleEnvironment(ansible_basedir=basedir)
