"""`yum_repository` on a file that the base image or a package brings: one section of it, as the module does."""

from __future__ import annotations

import re

from analyzer.decide.image_shell import printf_word, quote

SCRIPT = "/tmp/yum_section.awk"  # noqa: S108 - of the build's container
"""Where the program lies while the image is built."""

PROGRAM = r"""# Writes a file of yum sources anew without one section, as Ansible's yum_repository does by configparser.
# section comes from the environment; comments go, and options read `name = value`.

function trim(x) { gsub(/^[ \t\r]+|[ \t\r]+$/, "", x); return x }

BEGIN { gone = ENVIRON["section"] }
/^[ \t]*([#;].*)?\r?$/ { next }
/^\[/ {
  if (kept) print ""
  name = substr($0, 2); sub(/\][^]]*$/, "", name)
  kept = name != gone
  if (kept) print "[" name "]"
  next
}
!kept { next }
/^[ \t]/ { print "\t" trim($0); next }
{ at = match($0, /[=:]/); print tolower(trim(substr($0, 1, at - 1))) " = " trim(substr($0, at + 1)) }
END { if (kept) print "" }
"""

_OF_A_BASE = re.compile(
    r"(rocky|alma|centos|fedora|amzn|amazon|ubi|redhat|oracle|ol\d|uek|virt-ol|kernel-livepatch|epel|eurolinux|navy|miracle)",
    re.IGNORECASE,
)


def may_be_of_the_base(path: str) -> bool:
    """Whether an image of the Red Hat family may have this file of sources already, by its name."""
    return _OF_A_BASE.match(path.rpartition("/")[2]) is not None


def section_commands(path: str, content: str) -> list[str]:
    """Shell lines that put the one section of `content` into the file, in the place of another of its name."""
    section, edited = content.partition("]")[0].removeprefix("["), "/tmp/edited"  # noqa: S108 - of the build's container
    return [
        f"touch {quote(path)} &&",
        f"section={quote(section)} awk -f {SCRIPT} {quote(path)} > {edited} &&",
        f"printf {printf_word(content)} >> {edited} &&",
        f"cat {edited} > {quote(path)} && rm {edited}",
    ]
