"""Files, directories and links, and what the run changes in them."""

from __future__ import annotations

import re

from analyzer.decide.image_commands import BuildStep, attributes, owner_options, recursive
from analyzer.decide.image_composed import EARLY, Composition
from analyzer.decide.image_edit_commands import edit_commands
from analyzer.decide.image_edit_ini import PROGRAM, SCRIPT
from analyzer.decide.image_edits import EditError, apply_edit, is_true
from analyzer.decide.image_paths import is_below, normal
from analyzer.decide.image_shell import Command, command, quote
from analyzer.model import EditFile, MakeDirectory, MakeLink, Ownership, RemovePath, Source, TouchFile, Via, WriteFile


def write_file(to: Composition, effect: WriteFile, via: Via) -> None:
    """The last content counts; edits of an earlier one are void."""
    if effect.content.data is None:
        why = effect.content.unknown.reason if effect.content.unknown else ""
        to.refuse(via, effect.path, f"its content is not known before the run{': ' + why if why else ''}")
        return
    path = to.out.files.resolve(to.inside(effect.path, effect.content.source.file))
    if not effect.force and to.out.files.get(path) is not None:
        return
    to.out.build[:] = [step for step in to.out.build if not _edits(step, path)]
    late = to.is_late(path)
    content_via = Via(rule=via.rule, sources=_with(via.sources, effect.content.source), note=via.note)
    if not to.out.files.write(path, effect.content.data, effect.ownership, content_via, late=late):
        to.out.notes.append(f"{effect.path}: the mode {effect.ownership.mode!r} is not understood and left out.")
    if path.startswith(EARLY):
        to.early(path)
    elif to.says_how(path):
        to.account_file(path)
    elif late:
        to.build(BuildStep(copy=path, via=content_via, code=to.in_code(path)))


def make_directory(to: Composition, effect: MakeDirectory, via: Via) -> None:
    """Directories of the code, and those below what a step made, follow the step."""
    path = to.out.files.resolve(effect.path)
    if any(path == root for root in to.roots):
        to.out.files.directory(path, effect.ownership, via, late=False)
        return
    late = to.is_late(path)
    if late and path not in to.mentioned:
        options = owner_options(effect.ownership)
        to.cheap(via, f"install -d {options}{quote(path)}" if options else f"mkdir -p {quote(path)}", path)
    elif not to.out.files.directory(path, effect.ownership, via, late=False):
        to.out.notes.append(f"{path}: the mode {effect.ownership.mode!r} is not understood and left out.")
    if to.says_how(path):
        options = owner_options(Ownership(mode=effect.ownership.mode))
        to.account(via, command(f"install -d {options}{quote(path)}" if options else f"mkdir -p {quote(path)}", via))
    if effect.recurse:
        for entry in to.out.files.below(path):
            entry.own(effect.ownership, via)
        if late:
            for text in recursive(effect.ownership, path):
                to.cheap(via, text, path)


def make_link(to: Composition, effect: MakeLink, via: Via) -> None:
    """Links between files that are there from the start are made with the files."""
    path = normal(effect.path)
    if effect.hard:
        to.cheap(via, f"ln -f {quote(effect.target)} {quote(path)}", path)
    elif to.is_late(path):
        to.cheap(via, f"ln -sfn {quote(effect.target)} {quote(path)}", path)
    else:
        to.out.files.link(path, effect.target, via, late=False)
        if to.says_how(path):
            to.account(via, command(f"ln -sfn {quote(effect.target)} {quote(path)}", via))


def touch_file(to: Composition, effect: TouchFile, via: Via) -> None:
    """An empty file, or other attributes of one that is there."""
    entry = to.out.files.get(effect.path)
    if entry is not None:
        entry.own(effect.ownership, via)
        return
    path = normal(effect.path)
    if to.says_how(path):
        texts = [*([f"touch {quote(path)}"] if effect.create else []), *attributes(effect.ownership, path)]
        to.account(via, *(command(text, via) for text in texts))
        return
    if effect.create and to.is_early(path):
        to.out.sources.append(BuildStep(commands=(command(f"touch {quote(path)}", via),), via=via))
    elif effect.create:
        to.cheap(via, f"touch {quote(path)}", path)
    for text in attributes(effect.ownership, path):
        to.cheap(via, text, path)


def remove_path(to: Composition, effect: RemovePath, via: Via) -> None:
    """A path that a later instruction would bring back is gone from those, too."""
    path = to.out.files.resolve(effect.path)
    late = to.is_late(path)
    text = f"rm -rf {quote(path)}"
    waiting = set(to.roots) - {normal(checkout.path) for checkout, _ in to.out.checkouts}
    if any(is_below(root, path) for root in waiting):
        # room for the code: after COPY nothing may remove it
        to.out.files.remove(path)
        to.out.build[:] = [step for step in to.out.build if not (step.group and _speaks_of(step, path))]
        return
    if any(_speaks_of(step, path) for step in to.out.build):
        # it has to be there until then
        to.cheap(via, text, path)
        return
    to.out.files.remove(path)
    to.out.build[:] = [step for step in to.out.build if not (step.copy and is_below(step.copy, path))]
    if to.says_how(path):
        to.account(via, command(text, via))
    elif late:
        to.cheap(via, text, path)
    else:
        to.out.removals.append(command(text, via))


def edit_file(to: Composition, effect: EditFile, via: Via, *, unsure: bool = False) -> None:
    """A known file is edited now; any other in the build, if it is there where nobody knows whether it applies."""
    entry = to.out.files.get(effect.path)
    path = to.out.files.resolve(effect.path)
    known = entry is not None and entry.kind == "file"
    try:
        if known:
            assert entry is not None
            entry.data = apply_edit(entry.data, effect) or b""
            entry.own(effect.ownership, via)
            return
        commands = edit_commands(effect, via)
    except EditError as error:
        to.refuse(via, path, str(error))
        return
    owned = tuple(command(text, via) for text in attributes(effect.ownership, path))
    if unsure and not is_true(effect.args.get("create", effect.method == "ini_file")):
        commands, owned = (tuple(_if_there(each, path) for each in some) for some in (commands, owned))
    early = to.is_early(path)
    if effect.method == "ini_file" and to.out.files.get(SCRIPT) is None:
        to.out.files.write(SCRIPT, PROGRAM.encode(), Ownership(), via, late=True)
        if early:
            to.early(SCRIPT)
        elif to.says_how(path):
            to.account_file(SCRIPT)
        else:
            to.build(BuildStep(copy=SCRIPT, via=via))
    if early:
        to.out.sources.append(BuildStep(commands=commands, via=via))
        if owned:  # the accounts come after the packages
            to.build(BuildStep(commands=owned, via=via, group=True))
        return
    if to.says_how(path):
        to.account(via, *commands, *owned)
        return
    to.build(BuildStep(commands=commands + owned, via=via, group=True, code=to.in_code(path)))


def _if_there(each: Command, path: str) -> Command:
    """The command where `path` is there, else nothing."""
    if len(each.lines) == 1:
        return Command(lines=(f"if [ -e {quote(path)} ]; then {each.lines[0]}; fi",), via=each.via)
    *inner, last = (f"  {line}" for line in each.lines)
    return Command(lines=(f"if [ -e {quote(path)} ]; then", *inner, f"{last};", "fi"), via=each.via)


def _with(sources: tuple[Source, ...], other: Source) -> tuple[Source, ...]:
    return sources if other in sources else (*sources, other)


def _speaks_of(step: BuildStep, path: str) -> bool:
    """Whether a command of the step names `path`, or something below it."""
    texts = (step.json, step.directory, *(line for each in step.commands for line in each.lines))
    names = {path, quote(path).removesuffix("'")}
    return any(re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w.-])", text) for name in names for text in texts)


def _edits(step: BuildStep, path: str) -> bool:
    """Whether a queued step only edits or owns `path`: a new content makes it void."""
    texts = [line for each in step.commands for line in each.lines]
    return step.group and bool(texts) and all(re.search(rf"(?:^|\s){re.escape(quote(path))}(?=$|[;\s)])", " ".join(
        each.lines)) for each in step.commands)  # fmt: skip
