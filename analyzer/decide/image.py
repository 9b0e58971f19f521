"""What the application's image is made of: the playbook's effects as Dockerfile instructions, from stable to changing.

    FROM · package sources · packages · accounts · files (COPY rootfs) · build steps · lock files, dependencies, code
    · USER, WORKDIR, ENTRYPOINT, CMD

Order inside each part is the playbook's. Across parts the order may change only where the end is the same: packages
come first (Ansible's apt keeps a configuration file that is there, COPY puts it there afterwards), and a file that lies
where an archive was unpacked or code was copied follows that step.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from analyzer.decide.image_base import base_image
from analyzer.decide.image_official import official_notes
from analyzer.decide.image_paths import normal
from analyzer.decide.image_stages import find_stages, stage_proposals
from analyzer.decide.image_steps import compose_steps
from analyzer.decide.image_writer import Writer
from analyzer.decide.needed_accounts import needed_accounts
from analyzer.decide.processes import ProcessFindings
from analyzer.model import CheckoutCode, Host, Image, InstallPackages, Job, Outcome, Process, Settings, Step


def compose_image(
    steps: Sequence[Step],
    hosts: Sequence[Host],
    findings: ProcessFindings,
    jobs: Sequence[Job],
    settings: Settings,
) -> Image:
    """The image for `steps`, run by the processes of `findings` and by `jobs`."""
    base, base_via, notes = base_image(hosts, settings)
    roots = tuple(
        dict.fromkeys(
            normal(step.effect.path)
            for step in steps
            if isinstance(step.effect, CheckoutCode) and step.effect.application and step.applies != "no"
        )
    )
    left_out = {each.name: (each.reason, each.outcome) for each in findings.left_out}
    for path in findings.environment_files:
        if not any(path in job.command for job in jobs):
            why = "an environment file of a unit: its values are in the task definition"
            left_out.setdefault(path, (why, Outcome.TASK_DEFINITION))
    accounts = needed_accounts([*steps, *findings.directories], findings.own, jobs, hosts)
    everything = [*accounts.before, *steps, *findings.directories, *accounts.after]
    composed = compose_steps(everything, roots, {**accounts.foreign, **left_out})
    main, user = _main(findings), image_user(findings, jobs)
    unresolved = tuple(
        f"The playbook starts {name} ({', '.join(map(str, via.sources[:1]))}), and nothing says what its command is: "
        "give the host's unit file as evidence, or decide that it is left behind."
        for name, via in findings.unresolved
    )
    stages = find_stages(composed, settings)
    writer = Writer(
        composed,
        base=base,
        base_via=base_via,
        roots=roots,
        user=user,
        users=image_users(findings, jobs),
        main=main,
        stages=stages if stages is not None and stages.chosen else None,
    )
    packages = [name for step in steps if isinstance(step.effect, InstallPackages) for name in step.effect.names]
    image = writer.image((*notes, *official_notes(base, packages), *findings.notes, *unresolved))
    return replace(image, proposals=stage_proposals(stages, settings))


def _main(findings: ProcessFindings) -> Process | None:
    """The process that the image starts by itself."""
    api = next((each for each in findings.own if each.name == "api"), None)
    return api or next(iter(findings.own), None)


def image_users(findings: ProcessFindings, jobs: Sequence[Job]) -> frozenset[str]:
    """Everybody as whom containers of the image run; "" for root."""
    users = {one.user for one in findings.own} | {job.user for job in jobs if job.outcome == "schedule"}
    return frozenset("" if user == "root" else user for user in users)


def image_user(findings: ProcessFindings, jobs: Sequence[Job]) -> str:
    """Whom containers run as unless their task definition says another; "" for root."""
    main = _main(findings)
    user = main.user if main else next((job.user for job in jobs if job.outcome == "schedule"), "")
    return "" if user == "root" else user
