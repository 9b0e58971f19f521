"""Options that say what of a project is read, and how it is decided: the same for every command that does so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analyzer.model import Problem, Settings
    from analyzer.read.layout import Layout, Request

_OPTIONS = (
    click.option("--playbook", "playbooks", multiple=True, metavar="FILE", help="Playbooks that describe the hosts."),
    click.option(
        "-i", "--inventory", "inventories", multiple=True, metavar="PATH", help="Inventory source inside PROJECT."
    ),
    click.option("-l", "--limit", default="", metavar="PATTERN", help="As in ansible-playbook."),
    click.option("-e", "--extra-vars", multiple=True, metavar="VARS", help="As in ansible-playbook."),
    click.option(
        "--vault-password-file",
        "vault_password_files",
        multiple=True,
        type=click.Path(),
        metavar="FILE",
        help="To learn the names in encrypted files; values are never written.",
    ),
    click.option("-t", "--tags", multiple=True, metavar="TAGS", help="As in ansible-playbook."),
    click.option("--skip-tags", multiple=True, metavar="TAGS", help="As in ansible-playbook."),
    click.option(
        "--evidence", default="", metavar="DIR", help="Evidence tree.  [default: evidence/ in PROJECT or beside it]"
    ),
    click.option(
        "--env",
        "environment",
        default="",
        metavar="NAME",
        help="Environment.  [default: production, or the one that PROJECT names]",
    ),
    click.option("--region", default="", metavar="NAME", help="AWS region.  [default: from the EC2 evidence]"),
    click.option("--timezone", default="", metavar="ZONE", help="Zone of the hosts' cron where no evidence says it."),
    click.option("--decisions", default="", metavar="FILE", help="Reviewers' answers.  [default: migrate.yml]"),
)


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command all of these options; what was given is for `request_of` and `settings_of`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def request_of(project: Path, asked: dict[str, Any]) -> Request:
    from analyzer.read.layout import Request
    from analyzer.resources import own_words

    def split(texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(part.strip() for text in texts for part in text.split(",") if part.strip())

    return Request(
        project=project,
        playbooks=asked["playbooks"],
        inventories=asked["inventories"],
        limit=asked["limit"],
        extra_vars=asked["extra_vars"],
        vault_password_files=asked["vault_password_files"],
        tags=split(asked["tags"]),
        skip_tags=split(asked["skip_tags"]),
        evidence=asked["evidence"],
        environment=asked["environment"],
        own_words=own_words,
    )


def settings_of(asked: dict[str, Any], request: Request, layout: Layout) -> tuple[Settings, tuple[Problem, ...]]:
    """Settings from options and from the reviewers' answers, with the problems of these."""
    from analyzer.model import Settings
    from analyzer.read.decisions import is_playbook, is_zone, playbook_in_place, read_decisions
    from analyzer.read.files import Tree
    from analyzer.read.layout import UsageError

    given = {name: asked[name] for name in ("region", "timezone") if asked[name]}
    if asked["timezone"] and not is_zone(asked["timezone"]):
        raise UsageError(f"--timezone {asked['timezone']}: there is no such zone; give a name such as Asia/Tokyo")
    if asked.get("prices"):
        from analyzer.read.prices import read_prices

        given["prices"] = read_prices(asked["prices"])
    settings = Settings(environment=layout.environment, **given)
    path: Path | None
    if asked["decisions"]:
        path = Path(asked["decisions"])
        if not path.is_file():
            raise UsageError(f"--decisions {path}: no such file")
    else:
        places = [folder / "migrate.yml" for folder in (request.project, layout.base, layout.root, layout.root.parent)]
        found = [place for place in dict.fromkeys(places) if place.is_file()]
        path = next((place for place in found if not is_playbook(place)), None)
        if path is None and found:
            return settings, (playbook_in_place(found[0].name),)
    if path is None:
        return settings, ()
    tree = Tree(path.resolve().parent)
    settings, problems = read_decisions(tree, path.name, settings, frozenset(given))
    return settings, (*problems, *tree.problems)
