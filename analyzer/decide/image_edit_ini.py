"""`ini_file` on a file that only the build knows: one option of a section, set or removed by awk as the module does."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.decide.image_edits import EditError, is_true
from analyzer.decide.image_paths import is_existing
from analyzer.decide.image_shell import quote
from analyzer.model import EditFile, Value

SCRIPT = "/tmp/ini_file.awk"  # noqa: S108 - of the build's container
"""Where the program lies while the image is built."""

PROGRAM = r"""# Sets (or with remove=1 removes) one option of one section, as Ansible's ini_file does.
# section, option, value and line come from the environment; inactive=1: a commented option is taken for the option.

# Whether a line is the section's heading.
function head(x) {
  if (!sub(/^\[[ \t]*/, "", x) || index(x, section) != 1) return 0
  return substr(x, length(section) + 1) ~ /^[ \t]*\]/
}

# What a line sets the option to; a line feed where it sets another one.
function value_in(x) {
  sub(/^[ \t]*/, "", x)
  if (inactive) sub(/^[#;]?[ \t]*/, "", x)
  if (index(x, option) != 1) return "\n"
  x = substr(x, length(option) + 1)
  return sub(/^[ \t]*(=|$)[ \t]*/, "", x) ? x : "\n"
}

BEGIN { section = ENVIRON["section"]; option = ENVIRON["option"]; line = ENVIRON["line"]; value = ENVIRON["value"] }
{ lines[NR] = $0 }
END {
  count = NR
  if (!count) lines[count = 1] = ""
  first = section == "" ? 1 : 0 # 0: there is no such section
  last = count
  for (i = 1; i <= count; i++) {
    if (first && lines[i] ~ /^\[/) { last = i - 1; break }
    if (!first && head(lines[i])) first = i
  }
  if (remove) {
    for (i = 1; i <= count; i++)
      if (!first || i < first || i > last || value_in(lines[i]) == "\n") print lines[i]
    exit
  }
  for (i = first; first && i <= last; i++) {
    found = value_in(lines[i])
    if (found != "\n") {
      # the line that has the value already, else the first one; further ones go
      if (!taken || (found == value && !same)) { taken = i; same = found == value }
      lines[i] = "\n"
    } else if (lines[i] !~ /^[ \t]*([#;].*)?$/) {
      end = i
    }
  }
  if (taken) lines[taken] = line
  else if (first && !end) print line
  for (i = 1; i <= count; i++) {
    if (lines[i] != "\n") print lines[i]
    if (first && !taken && i == end) print line
  }
  if (!first) { print "[" section "]"; print line }
}
"""


def ini_commands(edit: EditFile) -> list[str]:
    """Shell lines that do what `ini_file` does; EditError where its arguments ask for more than one option."""
    args = edit.args
    option, value = _text(args, "option"), _text(args, "value")
    absent = args.get("state") == "absent"
    if not option:
        raise EditError("ini_file of a whole section needs the file's content, which only the build knows")
    unusual = [name for name in ("values", "section_has_values", "ignore_spaces") if args.get(name)]
    unusual += ["allow_no_value"] if is_true(args.get("allow_no_value")) else []
    unusual += ["exclusive"] if not is_true(args.get("exclusive", True)) else []
    if unusual:
        raise EditError(f"{unusual[0]} of ini_file needs the file's content, which only the build knows")
    if value is None and not absent:
        raise EditError("neither value nor allow_no_value is given")
    if any("\n" in (text or "") for text in (option, value, _text(args, "section"))):
        raise EditError("the option spans lines")
    path = quote(edit.path)
    section = (_text(args, "section") or "").strip()
    sign = "=" if is_true(args.get("no_extra_spaces")) else " = "
    line = "" if absent else f"{option}{sign}{value}"
    given = {"section": section, "option": option, "line": line, "value": value or ""}
    inactive = not absent and is_true(args.get("modify_inactive_option", True))
    settings = " ".join(f"{name}={quote(text)}" for name, text in given.items())
    edited = "/tmp/edited"  # noqa: S108 - of the build's container
    mode = "-v remove=1" if absent else "-v inactive=1" if inactive else ""
    words = " ".join(filter(None, (settings, "awk", mode, f"-f {SCRIPT}", path)))
    lines = [f"{words} > {edited} &&", f"cat {edited} > {path} && rm {edited}"]
    if absent:
        return [f"if [ -s {path} ]; then", f"  {lines[0]}", f"  {lines[1]};", "fi"]
    if not is_true(args.get("create", True)):
        return lines
    folder = edit.path.rsplit("/", 1)[0] or "/"
    make = [] if is_existing(folder) else [f"mkdir -p {quote(folder)} &&"]
    return [*make, f"touch {path} &&", *lines]


def _text(args: Mapping[str, Value], name: str) -> str | None:
    value = args.get(name)
    return None if value is None else str(value)
