"""The one Jinja environment for output templates: layout only, nothing undefined, quoting by named filters."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def hcl_string(value: object) -> str:
    """A quoted HCL string: template sequences `${` and `%{` stay literal text."""
    return json.dumps(str(value), ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def markdown_cell(value: object) -> str:
    """A text that neither ends a Markdown table cell nor starts HTML.

    `&` is escaped where it would begin an entity, for in a span of code `&amp;&amp;` is shown as it stands.
    """
    return (
        re.sub(r"&(?=#?\w+;)", "&amp;", str(value))
        .replace("<", "&lt;")
        .replace("|", "\\|")
        .replace("\r", "")
        .replace("\n", "<br>")
    )


@cache
def _environment(names: tuple[tuple[str, str], ...]) -> Environment:
    from jinja2 import DictLoader, Environment, StrictUndefined

    environment = Environment(
        loader=DictLoader(dict(names)),
        undefined=StrictUndefined,
        # HTML is escaped by its name; shell, HCL and Markdown by their filters
        autoescape=lambda name: bool(name) and str(name).removesuffix(".j2").endswith(".html"),  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["sh"] = lambda value: shlex.quote(str(value))
    environment.filters["hcl"] = hcl_string
    environment.filters["cell"] = markdown_cell
    environment.filters["json"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    return environment


def render_template(templates: Mapping[str, str], name: str, /, **context: Any) -> str:
    """The template `name` of `templates` (name -> text), filled with `context`; a missing name is an error."""
    return _environment(tuple(templates.items())).get_template(name).render(**context)
