"""Which of several checkouts is the application's own code."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from analyzer.decide.checkouts import CLONED, CURRENT_LINK, RELEASED_ELSEWHERE, settle_checkouts
from analyzer.model import (
    CheckoutCode,
    Decision,
    Effect,
    FileContent,
    MakeLink,
    MakeUser,
    Outcome,
    Process,
    Source,
    Step,
    Unpack,
    Via,
    WriteFile,
)
from tests.image.effects import image, rendered
from tests.image.effects import steps as image_steps

OWN = "git@example.org:shop/app.git"
TOOL = "https://example.org/tools/fetcher.git"
OTHER = "https://example.org/vendor/theme.git"


def steps(*effects: Effect) -> list[Step]:
    """Effects as tasks at lines 1 and on."""
    return [
        Step(effect=effect, via=Via(rule="languages-checkout", sources=(Source("tasks.yml", line),)))
        for line, effect in enumerate(effects, 1)
    ]


def api(directory: str, *command: str) -> Process:
    """The process behind the load balancer."""
    source = Source("unit.j2", 1)
    return Process(name="api", command=command or ("puma",), user="shop", working_directory=directory, source=source,
                   via=Via(rule="process-systemd-unit"))  # fmt: skip


def checkout(repository: str, path: str) -> CheckoutCode:
    """A checkout that a rule took for the application's."""
    return CheckoutCode(repository=repository, path=path)


def page(path: str) -> WriteFile:
    """A file that a task writes."""
    return WriteFile(path=path, content=FileContent(source=Source("tasks.yml", 1), data=b"x"))


def own(effects: tuple[Effect, ...], *processes: Process) -> list[str]:
    """Paths that get the repository with the Dockerfile."""
    settled = settle_checkouts(steps(*effects), processes, ()).steps
    return [one.effect.path for one in settled if isinstance(one.effect, CheckoutCode) and one.effect.application]


def test_one_checkout_is_the_application_wherever_it_lies() -> None:
    assert own((checkout(TOOL, "/opt/x"),), api("/srv/shop")) == ["/opt/x"]


@pytest.mark.parametrize(
    ("path", "process"),
    [
        ("/srv/shop", api("/srv/shop/web")),
        ("/srv/shop/releases/7", api("/srv/shop/current")),
        ("/srv/shop", api("", "/srv/shop/bin/server")),
    ],
)
def test_of_several_it_is_the_one_that_processes_run_in(path: str, process: Process) -> None:
    assert own((checkout(OTHER, "/srv/shop-theme"), checkout(TOOL, path)), process) == [path]


def test_where_processes_run_in_several_it_is_the_one_of_the_api() -> None:
    """The first checkout has a process, too, but the load balancer's is the application."""
    worker = replace(api("/srv/helper"), name="helper")
    given = (checkout(TOOL, "/srv/helper"), checkout(OTHER, "/srv/shop"))
    assert own(given, worker, api("/srv/shop")) == ["/srv/shop"]
    settled = settle_checkouts(steps(*given), [worker, api("/srv/shop")], ())
    (reason,) = settled.cloned.values()
    assert "run in /srv/helper, too" in reason
    assert "that of /srv/shop" in reason


def test_a_private_repository_is_nearer_than_a_public_one_where_no_path_tells() -> None:
    assert own((checkout(TOOL, "/opt/a"), checkout(OWN, "/opt/b")), api("/usr/share/x")) == ["/opt/b"]


def test_the_others_are_cloned_and_their_decisions_say_why() -> None:
    given = steps(checkout(TOOL, "/opt/fetcher"), checkout(OWN, "/srv/shop"))
    found = settle_checkouts(given, [api("/srv/shop")], ())
    assert found.steps[0].via.rule == CLONED
    decision = Decision(
        kind="task", source=Source("tasks.yml", 1), name="x", outcome=Outcome.IMAGE, rule="r", reason="r"
    )
    (settled,) = found.of([decision])
    assert settled.rule == CLONED
    assert "/srv/shop" in settled.reason


@pytest.mark.parametrize(
    ("effects", "directory", "expected"),
    [
        ((), "/srv/shop/current", ["/srv/shop/current"]),
        ((checkout(TOOL, "/opt/a"), checkout(OTHER, "/opt/b")), "/srv/shop", ["/srv/shop"]),
        ((), "/usr/share/tomcat", []),
        ((), "/", []),
        ((MakeUser(name="shop", home="/data/shop"),), "/data/shop", []),
        ((Unpack(archive="https://example.org/x.tgz", directory="/opt/x"),), "/opt/x/bin", []),
        ((page("/srv/site/index.html"),), "/srv/site", []),
        ((page("/srv/site/config.html"),), "/srv/site", ["/srv/site"]),
        ((checkout(OWN, "/srv/shop"),), "/srv/other", ["/srv/shop"]),
    ],
)
def test_code_that_no_task_brings_comes_to_where_the_api_runs(
    effects: tuple[Effect, ...], directory: str, expected: list[str]
) -> None:
    assert own(effects, api(directory)) == expected


@pytest.mark.parametrize(
    ("workers", "expected"), [(["/srv/shop"], ["/srv/shop"]), (["/srv/a", "/srv/b"], []), ([], [])]
)
def test_code_comes_to_where_the_workers_run_if_the_api_names_no_folder(
    workers: list[str], expected: list[str]
) -> None:
    """The API is a web server of the image, and the code that it serves is what its workers are made of."""
    others = [replace(api(path), name=f"worker{number}") for number, path in enumerate(workers)]
    assert own((), api("", "nginx"), *others) == expected


def test_released_code_belongs_to_the_account_that_works_with_it() -> None:
    """A web server of root serves it, and a worker of the application's account writes beside it."""
    served = replace(api("/srv/shop", "nginx"), user="")
    worker = replace(api("/srv/shop/"), name="worker")
    (step,) = settle_checkouts([], [served, worker], ()).steps
    assert isinstance(step.effect, CheckoutCode)
    assert (step.effect.path, step.effect.user) == ("/srv/shop", "shop")


@pytest.mark.parametrize("tool", [True, False])
def test_github_is_cloned_as_it_answers(tool: bool) -> None:
    """GitHub has not answered git:// since 2022; any other host is asked as it is written."""
    host = "github.com" if tool else "git.example.org"
    effect = {"effect": "CheckoutCode", "repository": f"git://{host}/a/b.git", "path": "/opt/b", "application": False}
    text = rendered(image(image_steps([effect]))).data.decode()
    assert f"git clone {'https' if tool else 'git'}://{host}/a/b.git /opt/b" in text


def test_code_released_by_another_tool_names_the_unit_as_its_source() -> None:
    (step,) = settle_checkouts([], [api("/srv/shop/current")], ()).steps
    assert (step.via.rule, step.via.sources) == (RELEASED_ELSEWHERE, (Source("unit.j2", 1),))


def test_the_code_belongs_to_the_group_that_its_account_has() -> None:
    """COPY refuses a group that the image does not have."""
    effects = [
        {"effect": "MakeUser", "name": "shop", "group": "wheel"},
        {"effect": "CheckoutCode", "repository": OWN, "path": "/srv/shop", "user": "shop"},
    ]
    text = rendered(image(image_steps(effects))).data.decode()
    assert "COPY --chown=shop:wheel . /srv/shop/" in text
    assert "shop:shop" not in text


def test_what_is_done_to_a_copy_of_the_code_follows_the_code() -> None:
    """A file copied out of the code, then edited: the edit must not come before the file."""
    effects = [
        {"effect": "CheckoutCode", "repository": OWN, "path": "/srv/shop"},
        {"effect": "RunCommand", "command": ["cp", "-a", "/srv/shop/config.example", "/etc/shop/config"]},
        {"effect": "EditFile", "path": "/etc/shop/config", "method": "replace", "args": {"regexp": "a", "replace": "b"}},
        {"effect": "EditFile", "path": "/etc/other", "method": "replace", "args": {"regexp": "c", "replace": "d"}},
    ]  # fmt: skip
    text = rendered(image(image_steps(effects))).data.decode()
    assert text.index("s/c/d/") < text.index("COPY . /srv/shop/") < text.index("cp -a") < text.index("s/a/b/")


@pytest.mark.parametrize(
    ("effects", "directory", "linked"),
    [
        pytest.param((), "/srv/shop/current", True, id="the release links it"),
        pytest.param((), "/srv/shop/current/web", True, id="it runs further down"),
        pytest.param((), "/srv/other/current", False, id="another application's"),
        pytest.param((), "/srv/shop/repo", False, id="it runs in the checkout"),
        pytest.param((MakeLink(path="/srv/shop/current", target="/srv/shop/x"),), "/srv/shop/current", False, id="a task makes it"),
    ],
)  # fmt: skip
def test_current_points_to_the_checkout_where_only_the_release_would_make_it(
    effects: tuple[Effect, ...], directory: str, linked: bool
) -> None:
    settled = settle_checkouts(steps(checkout(OWN, "/srv/shop/repo"), *effects), [api(directory)], ()).steps
    links = [one.effect for one in settled if one.via.rule == CURRENT_LINK]
    assert links == ([MakeLink(path="/srv/shop/current", target="/srv/shop/repo")] if linked else [])


@pytest.mark.parametrize(
    ("repository", "cloned"),
    [
        ("../../definitions/", False),
        ("/home/me/definitions", False),
        ("definitions", False),
        ("https://example.org/definitions.git", True),
        ("builder@example.org:definitions.git", True),
        ("file:///srv/git/definitions.git", True),
    ],
)
def test_a_folder_beside_ansible_is_not_cloned(repository: str, cloned: bool) -> None:
    """No build could read a path of the machine that Ansible ran on: that is asked, not written."""
    effect = {"effect": "CheckoutCode", "repository": repository, "path": "/srv/definitions", "application": False}
    found = image(image_steps([effect]))
    assert ("git clone" in rendered(found).data.decode()) is cloned
    assert any("beside Ansible" in each.reason for each in found.left_out) is not cloned


@pytest.mark.parametrize("place", ["/etc/pki/rpm-gpg", "/usr/local/bin", "/srv/keys"])
def test_a_file_written_to_a_folder_lies_in_it(place: str) -> None:
    """`copy: dest=/etc/pki/rpm-gpg` without a slash, where the base image or a task has that folder."""
    effects = [
        {"effect": "MakeDirectory", "path": "/srv/keys"},
        {"effect": "WriteFile", "path": place, "content": "key"},
    ]
    text = rendered(image(image_steps(effects))).data.decode()
    assert f"rootfs{place}/" in text
    assert f"rootfs{place} " not in text


def test_code_of_a_repository_that_nobody_names_is_not_cloned() -> None:
    """Beside the application's own code: the build cannot fetch it, and the plan asks."""
    effects = [
        {"effect": "CheckoutCode", "repository": "<parameter theme_repo>", "path": "/srv/theme", "application": False},
        {"effect": "CheckoutCode", "repository": "<parameter app_repo>", "path": "/srv/shop"},
    ]
    made = image(image_steps(effects))
    text = rendered(made).data.decode()
    assert "COPY . /srv/shop/" in text
    assert "clone" not in text
    ((what, reason),) = [(each.what, each.reason) for each in made.left_out]
    assert (what, "theme_repo" in reason) == ("its repository", True)


def test_a_touched_list_of_packages_is_there_before_it_is_edited() -> None:
    """What apt reads is made before the packages that need it, in the tasks' order."""
    effects = [
        {"effect": "TouchFile", "path": "/etc/apt/sources.list.d/x.list", "mode": "0644"},
        {"effect": "EditFile", "path": "/etc/apt/sources.list.d/x.list", "method": "lineinfile",
         "args": {"line": "deb http://example.org/ stable main", "regexp": "^deb"}},
        {"effect": "InstallPackages", "manager": "apt", "names": ["x"]},
    ]  # fmt: skip
    text = rendered(image(image_steps(effects))).data.decode()
    assert text.index("touch /etc/apt/sources.list.d/x.list") < text.index("sed -") < text.index("install -y")


def test_code_that_two_tasks_check_out_enters_the_image_once() -> None:
    """The provisioning and the release have a task each; the one COPY names both."""
    effect = {"effect": "CheckoutCode", "repository": OWN, "path": "/srv/shop", "user": "shop"}
    text = rendered(
        image(image_steps([{"effect": "MakeUser", "name": "shop"}, effect, {**effect, "path": "/srv/shop/"}]))
    )
    lines = text.data.decode().splitlines()
    assert [line for line in lines if line.startswith("COPY")] == ["COPY --chown=shop:shop . /srv/shop/"]
    assert any("tasks.yml:2, tasks.yml:3" in line for line in lines)
