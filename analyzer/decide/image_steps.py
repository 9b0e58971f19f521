"""The effects of the run, composed into what an image is made of; `image.py` writes the instructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from analyzer.decide.image_accounts import group_command, primary_group, user_command
from analyzer.decide.image_compose_commands import check_out_code, download_file, run_command, unpack_archive
from analyzer.decide.image_compose_files import (
    edit_file,
    make_directory,
    make_link,
    remove_path,
    touch_file,
    write_file,
)
from analyzer.decide.image_compose_packages import add_repository, install, install_language
from analyzer.decide.image_composed import Composed, Composition
from analyzer.decide.image_paths import host_only, normal
from analyzer.decide.image_shell import has_secret
from analyzer.decide.needed_accounts import RULE as NEEDED_ACCOUNTS
from analyzer.model import (
    CheckoutCode,
    Download,
    EditFile,
    FileContent,
    Infrastructure,
    InstallPackages,
    LanguagePackages,
    MakeDirectory,
    MakeGroup,
    MakeLink,
    MakeUser,
    Outcome,
    PackageRepository,
    ReleaseStep,
    RemovePath,
    RunCommand,
    RunContainer,
    ScheduleJob,
    ServiceState,
    SetTimezone,
    Step,
    TaskSetting,
    TouchFile,
    Unpack,
    Verdict,
    WriteFile,
)

_LOGIN_DEFS = "/etc/login.defs"
"""What it says of logins has no use in an image; what it says of new accounts has."""


def compose_steps(steps: Sequence[Step], roots: Sequence[str], left_out: Mapping[str, tuple[str, Outcome]]) -> Composed:
    """What `steps` add up to.

    `roots`: where the application's code lies; `left_out`: package or path -> why it is, and what becomes of it.
    """
    composition = Composition(steps, roots, left_out)
    for number, step in enumerate(steps):
        if step.applies == Verdict.UNKNOWN:
            note = "carried over although its condition is only known on the host"
            _take(composition, number, replace(step, via=replace(step.via, note=step.via.note or note)))
        elif step.applies == Verdict.YES:
            _take(composition, number, step)
    return composition.out


def _take(to: Composition, number: int, step: Step) -> None:
    to.number = number
    via = step.via
    effect = step.effect
    path = getattr(effect, "path", "")
    if isinstance(path, str) and path.startswith("/") and not isinstance(effect, CheckoutCode):
        if reason := host_only(normal(path)):
            to.refuse(via, path, reason, Outcome.PLATFORM)
            return
        if found := to.excluded_path(normal(path)):
            to.refuse(via, path, *found)
            return
    if path == _LOGIN_DEFS and number > to.last_useradd:
        to.refuse(
            via, path, "no account is made after it; people log in to a host, not to a container", Outcome.PLATFORM
        )
        return
    if not isinstance(effect, (WriteFile, EditFile, RunContainer)) and _secret_in(effect):
        to.refuse(via, type(effect).__name__, "a secret would be written into a layer of the image")
        return
    match effect:
        case InstallPackages():
            install(to, effect, via)
        case PackageRepository():
            add_repository(to, effect, via)
        case LanguagePackages():
            install_language(to, effect, via)
        case WriteFile():
            write_file(to, effect, via)
        case MakeDirectory():
            make_directory(to, effect, via)
        case MakeLink():
            make_link(to, effect, via)
        case TouchFile():
            touch_file(to, effect, via)
        case RemovePath():
            remove_path(to, effect, via)
        case EditFile():
            edit_file(to, effect, via, unsure=step.applies == Verdict.UNKNOWN)
        case MakeUser():
            needed = via.rule == NEEDED_ACCOUNTS
            made = user_command(effect, via, to.packages, to.groups_made, to.out.groups, unless_there=needed)
            if made.lines:
                to.account(via, made)
            if effect.state == "present":
                known = "" if effect.group else to.out.groups.get(effect.name, "")
                to.out.groups[effect.name] = known or primary_group(effect.name, effect.group, to.groups_made)
                to.groups_made.add(effect.name)
        case MakeGroup():
            to.account(via, group_command(effect, via, to.packages, unless_there=via.rule == NEEDED_ACCOUNTS))
            to.groups_made.add(effect.name)
        case RunCommand():
            run_command(to, effect, via)
        case Download():
            download_file(to, effect, via)
        case Unpack():
            unpack_archive(to, effect, via)
        case CheckoutCode():
            check_out_code(to, effect, via)
        case SetTimezone():
            to.out.timezone = (effect.name, via)
        case ServiceState() | TaskSetting() | Infrastructure() | ReleaseStep() | ScheduleJob() | RunContainer():
            return
        case _:
            assert_never(effect)


def _secret_in(value: object) -> bool:
    match value:
        case str():
            return has_secret(value)
        case FileContent():
            return False
        case tuple() | list():
            return any(map(_secret_in, value))
        case Mapping():
            return any(map(_secret_in, value.values()))
        case Struct():
            return any(_secret_in(getattr(value, name)) for name in value.__struct_fields__)
        case _:
            return False
