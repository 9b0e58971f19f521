"""Whether compilers can stay in an earlier stage of the build, and what then has to be copied out of it.

By default the image has what the playbook installs, compilers too (fidelity first). Where everything that is compiled
lies in folders of its own, a second stage is proposed; one answer in the decisions file makes it so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct
from msgspec.structs import replace

from analyzer.decide.image_commands import BuildStep
from analyzer.decide.image_composed import Composed
from analyzer.decide.image_packages import Installed
from analyzer.decide.image_paths import is_below
from analyzer.decide.image_products import is_tool, kept_of
from analyzer.decide.image_shell import quote
from analyzer.model import ImageProposal, Question, Settings, Via

ONE, SPLIT = "one-stage", "build-stage"
RULE = "build-stage"


class Stages(Struct, frozen=True, kw_only=True):
    """What the stage that compiles has, makes and hands over."""

    tools: tuple[Installed, ...]
    """Packages that only it has."""
    kept: tuple[tuple[str, Via], ...] = ()
    """Packages that the image needs in place of some of them: interpreters whose headers they bring."""
    folders: tuple[str, ...] = ()
    """What is copied out of it, in the order of the run."""
    why_not: str = ""
    """Why the image cannot be built so; "" where it can."""
    chosen: bool = False
    """True where a reviewer wants it so."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the packages that only this stage has, each once."""
        return tuple(dict.fromkeys(name for each in self.tools for name in each.effect.names))

    @property
    def via(self) -> Via:
        """Why the stage is there, with the tasks that install its tools."""
        sources = tuple(dict.fromkeys(source for each in self.tools for source in each.via.sources))
        return Via(rule=RULE, sources=sources, note="chosen in the decisions file" if self.chosen else "")


def find_stages(composed: Composed, settings: Settings) -> Stages | None:
    """The stages that are possible; None where the playbook installs no tools, or nothing uses them."""
    tools, kept = _tools(composed)
    compiling = [step for step in composed.build if step.product is not None]
    if not tools or not compiling:
        return None
    stages = Stages(tools=tools, kept=kept)
    if why_not := next((step.product.why_not for step in compiling if step.product and step.product.why_not), ""):
        return replace(stages, why_not=why_not)
    folders = tuple(dict.fromkeys(folder for step in compiling if step.product for folder in step.product.folders))
    if not folders:
        return replace(stages, why_not="nothing says where what is compiled is installed")
    if between := _between(composed.build, folders):
        return replace(stages, why_not=f"`{between}` runs between the steps that compile, and may need what they made")
    top = tuple(one for one in folders if not any(one != other and is_below(one, other) for other in folders))
    stages = replace(stages, folders=top)
    return replace(stages, chosen=settings.answers.get(_question(stages).id) == SPLIT)


def _tools(composed: Composed) -> tuple[tuple[Installed, ...], tuple[tuple[str, Via], ...]]:
    tools: list[Installed] = []
    kept: list[tuple[str, Via]] = []
    there = {
        name.split("=")[0]
        for group in composed.sources
        if isinstance(group, list)
        for each in group
        for name in each.effect.names
    }
    for group in composed.sources:
        for each in group if isinstance(group, list) else ():
            names = tuple(name for name in each.effect.names if is_tool(name))
            if each.effect.state == "absent" or not names:
                continue
            tools.append(replace(each, effect=replace(each.effect, names=names)))
            kept += [(name, each.via) for name in map(kept_of, names) if name and name not in there]
    return tuple(tools), tuple(dict.fromkeys(kept))


def _between(build: Sequence[BuildStep], folders: Collection[str]) -> str:
    """A command that stands between the steps that compile and is none of them; "" where there is none."""
    for part in (
        [step for step in build if not step.code],
        [step for step in build if step.code and step.lock is None],
    ):
        compiling = [number for number, step in enumerate(part) if step.product is not None]
        for step in part[compiling[0] : compiling[-1]] if compiling else ():
            if step.product is None and not step.copy and not step.group and not step.fetches:
                return step.title
            if step.fetches and any(is_below(step.fetches, folder) for folder in folders):
                return step.title
    return ""


def stage_proposals(stages: Stages | None, settings: Settings) -> tuple[ImageProposal, ...]:
    """The question whether compilers shall stay in an earlier stage, or why they cannot."""
    if stages is None or not stages.via.sources:
        return ()
    names = ", ".join(stages.names)
    if stages.why_not:
        text = f"The image keeps {names}: an earlier stage of the build cannot take them, since {stages.why_not}."
        return (ImageProposal(source=stages.via.sources[0], reason=text),)
    question = _question(stages)
    answer = settings.answers.get(question.id)
    reason = f"{names}: only the stage of the build that compiles has them, as a reviewer answered." if (
        answer == SPLIT
    ) else ""  # fmt: skip
    return (
        ImageProposal(
            source=stages.via.sources[0],
            question=question,
            answer=None if answer is None else str(answer),
            reason=reason,
        ),
    )


def _question(stages: Stages) -> Question:
    *others, last = stages.folders
    folders = f"{', '.join(others)} and {last}" if others else last
    text = (
        f"{', '.join(stages.names)} are in the image because something is compiled. All of that lies in {folders}, so a"
        " stage of the build can compile it and hand over just that: the image is smaller, has no compiler, and the"
        " shared libraries that the result is linked with stay. What compiles, or opens a library by its name, only"
        f" while it runs would miss them. One stage as on the host ({ONE}), or a stage that compiles ({SPLIT})?"
    )
    return Question(id=f"build-stage:{stages.folders[0]}", text=text, answers=(ONE, SPLIT))


def library_commands(stages: Stages, *, apt: bool) -> tuple[str, ...]:
    """Shell lines of the stage that compiles: they list the libraries of its result, and the packages with these."""
    folders = " ".join(map(quote, stages.folders))
    headers = [name.split("=")[0] for name in stages.names if name.startswith("lib") or name.endswith("-devel")]
    of_headers, owners = _queries(headers, apt=apt)
    lines = [
        f"find {folders} -type f \\( -perm -100 -o -name '*.so*' \\) -exec ldd {{}} + 2>/dev/null",
        "  | sed -n 's|.*=> \\(/[^ ]*\\) (.*|\\1|p' | sort -u > /tmp/libraries",
        *([f"&& {{ {of_headers[0]}", *(f"       {line}" for line in of_headers[1:])] if of_headers else ["&& {"]),
        f"     {owners}",
        "   } | sort -u > /tmp/packages",
    ]
    return tuple(lines)


def _queries(headers: Sequence[str], *, apt: bool) -> tuple[tuple[str, ...], str]:
    names = " ".join(map(quote, headers))
    if apt:
        depends: tuple[str, ...] = (
            f"dpkg-query -W -f='${{Depends}}\\n' {names} | sed 's/[,|] */\\n/g'",
            "  | sed 's/[ (:].*//' | grep '^lib' | grep -v -e '-dev$';",
        )
        owners = "sed 's|.*/|*/|' /tmp/libraries | xargs -r dpkg-query -S 2>/dev/null | cut -d: -f1;"
    else:
        depends = (f"rpm -q --requires {names} | grep '[.]so';",)
        owners = "xargs -r -a /tmp/libraries rpm -qf --qf '%{NAME}\\n' 2>/dev/null | grep -v ' ';"
    return (depends if headers else ()), owners


def hand_over_commands(*, apt: bool, dnf: str = "dnf") -> tuple[str, ...]:
    """Commands of the last stage: the packages of the libraries, then whether each library is there."""
    install: tuple[str, ...]
    if apt:
        install = (
            "apt-get update",
            "xargs -r -a /tmp/packages apt-get install -y --no-install-recommends",
            "rm -rf /var/lib/apt/lists/*",
        )
    else:
        install = (f"xargs -r -d '\\n' -a /tmp/packages {dnf} install -y", f"{dnf} clean all")
    return (*install, "xargs -r -a /tmp/libraries ls -d > /dev/null", "rm /tmp/packages /tmp/libraries")
