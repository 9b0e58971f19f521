"""Every task gets one decision; what is carried over is safe, in order, and says where it came from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from example_tasks import SOURCE, task
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from analyzer.decide.tasks import decide_tasks
from analyzer.model import (
    OTHER_ARGUMENTS,
    SECRET_CLOSE,
    SECRET_OPEN,
    FileContent,
    InstallPackages,
    Invocation,
    MakeUser,
    Outcome,
    ReleaseStep,
    RunCommand,
    Settings,
    Unknown,
    Verdict,
    WriteFile,
    parameter_reference,
    secret_reference,
)
from analyzer.resources import rule_texts
from analyzer.rulepack import examples, load_pack

PACK = load_pack(rule_texts())
UNKNOWN = Unknown("{{ found.stdout }}", "registered by roles/a/tasks/main.yml:3")
APT, SHELL, COPY, FILE, GIT = (f"ansible.builtin.{name}" for name in ("apt", "shell", "copy", "file", "git"))


def decide(*tasks, **chosen):
    return decide_tasks(tasks, PACK, Settings(**chosen))


def looped(module, *args, items=None, applies=()):
    invocations = tuple(
        replace(
            task({module: each}).invocations[0],
            item=(items or [None] * len(args))[number],
            applies=applies[number] if applies else Verdict.YES,
        )
        for number, each in enumerate(args)
    )
    return replace(task({module: args[0]}), invocations=invocations)


# -- nothing vanishes ------------------------------------------------------------------------------------------------

EXAMPLES = [each.task for rule in PACK.rules for each in examples(rule)]
verdicts = st.sampled_from(list(Verdict))


@given(st.lists(st.tuples(st.sampled_from(EXAMPLES), verdicts, verdicts), max_size=8))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_one_decision_for_each_task(drawn):
    """There are as many decisions as tasks, in their order, and what is manual asks something."""
    tasks = [
        replace(
            task(written, name=f"task {number}"),
            applies=applies,
            invocations=tuple(replace(one, applies=item) for one in task(written).invocations),
        )
        for number, (written, applies, item) in enumerate(drawn)
    ]
    found = decide(*tasks)
    assert [decision.name for decision in found.decisions] == [one.name for one in tasks]
    for decision in found.decisions:
        assert decision.reason
        assert (decision.outcome is Outcome.MANUAL) <= (decision.question is not None)
        assert (decision.outcome is Outcome.SKIPPED) <= (decision.question is None)
    for step in found.steps:
        assert step.via.sources
        assert step.via.rule


@given(st.lists(st.sampled_from(EXAMPLES), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_question_ids_do_not_depend_on_the_position(drawn):
    """A task keeps its question's id when other tasks come before it."""
    tasks = [task(written, name=f"task {number}") for number, written in enumerate(drawn)]
    alone = {one.name: decide(one).decisions[0].question for one in tasks}
    for decision in decide(*tasks).decisions:
        if decision.question is not None and alone[decision.name] is not None:
            assert decision.question.id == alone[decision.name].id


def test_tasks_of_one_name_have_questions_of_their_own():
    """Tasks that share role and name but not arguments are asked about apart, tasks that share all of it too."""
    first, second = ({SHELL: {"_raw_params": f"/opt/x/{one}"}} for one in "ab")
    ids = [one.question.id for one in decide(task(first), task(second), task(second)).decisions]
    assert len(set(ids)) == 3
    assert [one.question.id for one in decide(task(second), task(first), task(second)).decisions][1] == ids[0]


def test_a_module_that_no_rule_knows_is_manual():
    """An unknown module has no rule, a reason that names it and a question with answers."""
    (found,) = decide(task({"acme.tools.widget": {"name": "x"}})).decisions
    assert (found.outcome, found.rule) == (Outcome.MANUAL, None)
    assert "acme.tools.widget" in found.reason
    assert found.question.answers


@pytest.mark.parametrize("module", [COPY, APT, "ansible.builtin.cron", "merge_settings"])
def test_arguments_that_are_not_known_at_all_are_asked_about(module):
    """Where the arguments come from a mapping that nobody knows, no rule may take a default for them."""
    (decision,) = decide(task({module: {OTHER_ARGUMENTS: UNKNOWN}})).decisions
    assert decision.outcome is Outcome.MANUAL
    assert UNKNOWN.expression in decision.reason


def test_skipped_tasks_leave_nothing():
    """A task that surely does not apply is skipped with the reader's reason."""
    found = decide(replace(task({APT: {"name": "nginx"}}), applies=Verdict.NO, applies_reason="when: false"))
    assert (found.decisions[0].outcome, found.decisions[0].reason, found.steps) == (Outcome.SKIPPED, "when: false", ())


def test_same_bytes_under_any_hash_seed():
    """Decisions and steps are the same whatever the interpreter's hash seed is."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_tasks import EXAMPLES, decide, task\n"
        "found = decide(*(task(one) for one in EXAMPLES))\n"
        "print(found.decisions, found.steps, found.dropped)\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


# -- loops and conditions --------------------------------------------------------------------------------------------


def test_a_loop_gives_a_step_an_item():
    """Each item of a loop has its own step, in order."""
    found = decide(looped(APT, {"name": "nginx"}, {"name": "git"}))
    assert [step.effect.names for step in found.steps] == [("nginx",), ("git",)]


def test_the_most_demanding_item_decides():
    """Items with different outcomes give one decision, the most demanding, and the reason names the others."""
    module = "ansible.posix.sysctl"
    args = [{"name": "net.core.somaxconn", "value": "9"}, {"name": "vm.swappiness", "value": "1"}]
    found = decide(looped(module, *args, items=[{"name": one["name"]} for one in args]))
    assert found.decisions[0].outcome is Outcome.TASK_DEFINITION
    assert "Partly platform: vm.swappiness" in found.decisions[0].reason
    assert [step.effect.name for step in found.steps] == ["net.core.somaxconn"]


def test_items_that_do_not_apply_leave_nothing():
    """An item whose condition does not hold gives no step."""
    found = decide(looped(APT, {"name": "nginx"}, {"name": "git"}, applies=[Verdict.NO, Verdict.YES]))
    assert [step.effect.names for step in found.steps] == [("git",)]


def test_an_undecided_condition_is_carried_over_with_a_note():
    """What does no harm is carried over, marked as undecided."""
    found = decide(
        replace(task({APT: {"name": "nginx"}}), applies=Verdict.UNKNOWN, applies_reason="when: found.rc != 0")
    )
    assert found.decisions[0].outcome is Outcome.IMAGE
    assert "found.rc" in found.decisions[0].reason
    assert (found.steps[0].applies, "found.rc" in found.steps[0].via.note) == (Verdict.UNKNOWN, True)


@pytest.mark.parametrize(
    "written",
    [
        {FILE: {"path": "/srv/app/old", "state": "absent"}},
        {APT: {"name": "nginx", "state": "absent"}},
        {SHELL: {"_raw_params": "make install"}},
    ],
)
def test_an_undecided_condition_before_something_harmful_asks(written):
    """Removals and unguarded commands whose condition is unknown wait for a person, who can say that it holds."""
    undecided = replace(task(written), applies=Verdict.UNKNOWN, applies_reason="when: found.rc != 0")
    (decision,) = decide(undecided).decisions
    assert (decision.outcome, decide(undecided).steps) == (Outcome.MANUAL, ())
    answered = decide(undecided, answers={decision.question.id: "image"})
    assert answered.decisions[0].outcome is Outcome.IMAGE
    assert len(answered.steps) == 1
    assert answered.steps[0].applies is Verdict.YES


def test_a_guarded_command_is_carried_over_with_its_guard():
    """A command with `creates` does no harm under an undecided condition."""
    args = {"_raw_params": "make install", "creates": "/opt/x"}
    found = decide(replace(task({SHELL: args}), applies=Verdict.UNKNOWN))
    assert found.steps[0].effect == RunCommand(command="make install", creates="/opt/x")


# -- lists that split ------------------------------------------------------------------------------------------------


def test_a_package_list_keeps_what_belongs_into_the_image():
    """Of one list some packages stay, some are the platform's, some become services; each is said."""
    found = decide(task({APT: {"name": ["nginx", "chrony", "htop", "redis-server", "ufw"]}}))
    (decision,) = found.decisions
    assert decision.outcome is Outcome.INFRASTRUCTURE
    packages = [step for step in found.steps if isinstance(step.effect, InstallPackages)]
    assert [(step.effect.names, step.via.rule) for step in packages] == [(("nginx", "htop"), "packages-apt")]
    for words in ("redis-server", "chrony: The clock", "ufw: A task has no firewall"):
        assert words in decision.reason
    assert {name for step in found.dropped for name in step.effect.names} == {"chrony", "redis-server", "ufw"}


@given(st.lists(st.sampled_from(["nginx", "chrony", "cron", "git", "postgresql-15", "sudo", "libpq-dev"]), min_size=1))
def test_no_package_of_a_list_is_lost(names):
    """Every package of a list is installed or left behind, none both and none neither."""
    found = decide(task({APT: {"name": names}}))
    kept = [name for step in found.steps if isinstance(step.effect, InstallPackages) for name in step.effect.names]
    dropped = [name for step in found.dropped for name in step.effect.names]
    assert sorted(kept + dropped) == sorted(names)
    assert not set(kept) & set(dropped)


def test_a_list_known_in_part_is_decided_in_part():
    """The known packages are installed, and the unknown one is asked about."""
    found = decide(task({APT: {"name": ("nginx", UNKNOWN)}}))
    assert found.decisions[0].outcome is Outcome.MANUAL
    assert "{{ found.stdout }}" in found.decisions[0].reason
    assert [step.effect.names for step in found.steps] == [("nginx",)]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("nginx=1.22*", "packages-apt"),
        ("chrony=4.3-2", "platform-time"),
        ("cron:amd64", "platform-cron"),
        ("postgresql-15", "databases-postgresql"),
        ("postgresql-client-15", "packages-apt"),
        ("linux-image-cloud-amd64", "platform-kernel"),
        ("https://s3.amazonaws.com/amazoncloudwatch-agent/x.deb", "platform-monitoring"),
    ],
)
def test_packages_are_known_in_every_spelling(name, rule):
    """Versions, architectures and addresses do not hide a package."""
    assert decide(task({APT: {"name": name}})).decisions[0].rule == rule


@pytest.mark.parametrize(
    "name",
    "bind9-dnsutils dnsutils postgresql-client-15 postgresql-server-dev-15 libpq-dev default-mysql-client redis-tools"
    " mongodb-mongosh python3-redis php-memcached libmemcached-dev ruby-mysql2 libmysqlclient-dev nginx apache2 php8.2-fpm"
    " curl ca-certificates gnupg build-essential imagemagick wkhtmltopdf nodejs openjdk-17-jre git python3-psycopg2"
    " openssh-client rsync tzdata locales libcurl4-openssl-dev poppler-utils fonts-noto-cjk lftp".split(),
)
def test_packages_of_applications_stay(name):
    """Runtimes, libraries, clients and tools that applications call are not taken for the host's."""
    found = decide(task({APT: {"name": name}}))
    assert (found.decisions[0].outcome, found.steps[0].effect.names) == (Outcome.IMAGE, (name,))


# -- where a task runs -----------------------------------------------------------------------------------------------


def test_what_runs_on_the_controller_is_not_in_the_image():
    """A file that is written on Ansible's own machine is not the host's."""
    found = decide(task({COPY: {"content": "x", "dest": "/tmp/x"}}, delegate_to="localhost"))
    assert (found.decisions[0].outcome, found.steps) == (Outcome.CONTROL, ())


def test_what_is_delegated_to_the_host_itself_stays():
    """Delegation to a host of the application changes nothing."""
    found = decide(task({COPY: {"content": "x", "dest": "/srv/x"}}, delegate_to="acct01"))
    assert found.decisions[0].outcome is Outcome.IMAGE


@pytest.mark.parametrize("role", ["ntp", "geerlingguy.ntp", "ansible-role-ntp", "company.base.ntp"])
def test_a_role_for_the_host_is_left_behind_whole(role):
    """What a role for the host's own sake does is left behind, whatever it touches."""
    found = decide(task({COPY: {"content": "x", "dest": "/opt/some/where"}}, role=role))
    assert (found.decisions[0].outcome, found.decisions[0].rule) == (Outcome.PLATFORM, "platform-time")
    assert [type(step.effect) for step in found.dropped] == [WriteFile]


# -- secrets and parameters ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        {SHELL: {"_raw_params": f"make install KEY={secret_reference('db')}"}},
        {"ansible.builtin.command": {"argv": ("make", secret_reference("db"))}},
        {"ansible.builtin.get_url": {"url": f"https://u:{secret_reference('db')}@example.org/x", "dest": "/opt/x"}},
        {"ansible.builtin.pip": {"name": "x", "extra_args": f"--index-url https://{secret_reference('db')}@pypi"}},
    ],
)
def test_no_build_step_holds_a_secret(written):
    """A step whose text holds a secret never enters the build: its layer could be read."""
    found = decide(task(written))
    assert (found.decisions[0].outcome, found.steps) == (Outcome.MANUAL, ())


def test_environment_secrets_keep_a_command_out_of_the_build():
    """A secret in a task's environment is one of its step."""
    found = decide(task({SHELL: {"_raw_params": "make"}}, environment={"TOKEN": secret_reference("token")}))
    assert (found.decisions[0].outcome, found.steps) == (Outcome.MANUAL, ())


def test_a_file_with_a_secret_is_filled_in_at_the_start():
    """A file with a secret keeps its marker and its outcome is secret."""
    found = decide(task({COPY: {"content": f"pw={secret_reference('db')}", "dest": "/etc/app.env"}}))
    assert found.decisions[0].outcome is Outcome.SECRET
    assert SECRET_OPEN.encode() in found.steps[0].effect.content.data


def test_markers_never_reach_a_text_for_people():
    """Reasons and questions name secrets and parameters in plain letters."""
    place = parameter_reference("app_root")
    for decision in decide(
        task({"ansible.builtin.get_url": {"url": "https://example.org/x", "dest": f"{place}/x"}}),
        task({COPY: {"content": UNKNOWN, "dest": f"{place}/y"}}),
        task({APT: {"name": f"{secret_reference('edition')}-server"}}),
    ).decisions:
        shown = f"{decision.reason} {decision.question.text if decision.question else ''}"
        assert not set(shown) & {SECRET_OPEN, SECRET_CLOSE, parameter_reference("")[0], parameter_reference("")[1]}


def test_a_path_that_differs_between_hosts_is_asked_about():
    """The build must know every path; the content of a file may differ."""
    place = parameter_reference("data_root")
    assert decide(task({FILE: {"path": f"{place}/x", "state": "directory"}})).decisions[0].outcome is Outcome.MANUAL
    found = decide(task({COPY: {"content": f"root={place}", "dest": "/etc/app.conf"}}))
    assert found.decisions[0].outcome is Outcome.IMAGE
    assert "differs between hosts" in found.steps[0].via.note


def test_the_prompt_of_the_account_that_ansible_logs_in_with_is_left_behind():
    """Its home is not known, and what lies there for people matters to nobody in a container; anything else is asked."""
    home = "the home of the user that Ansible logs in as is not known"
    prompt, other = decide(
        task({COPY: {"content": "x", "dest": Unknown("~/.zshrc", home)}}),
        task({COPY: {"content": "x", "dest": Unknown("~/app.conf", home)}}),
    ).decisions
    assert (prompt.outcome, prompt.rule) == (Outcome.PLATFORM, "users-login-shell")
    assert other.outcome is Outcome.MANUAL


def test_an_owner_that_nobody_names_is_asked_about():
    """chown in the build needs an account."""
    owner = parameter_reference("app_user")
    for each in (
        task({FILE: {"path": "/srv/app", "state": "directory", "owner": owner}}),
        task({COPY: {"content": "x", "dest": "/etc/app.conf", "group": owner}}),
        task({GIT: {"repo": "https://example.org/app.git", "dest": f"/srv/{owner}"}}),
    ):
        (decision,) = decide(each).decisions
        assert (decision.outcome, "app_user" in decision.reason) == (Outcome.MANUAL, True)


def test_code_comes_into_the_image_whatever_its_repository_is_called():
    """COPY takes it from the repository that holds the Dockerfile."""
    url = parameter_reference("git_repo")
    found = decide(task({GIT: {"repo": url, "dest": "/srv/app", "version": parameter_reference("branch")}}))
    assert found.decisions[0].outcome is Outcome.IMAGE
    (effect,) = [step.effect for step in found.steps]
    assert (effect.path, effect.application) == ("/srv/app", True)


def test_unknown_content_is_asked_about_unless_its_place_is_left_behind():
    """What nobody knows of a file matters only where the file is carried over."""
    assert decide(task({COPY: {"content": UNKNOWN, "dest": "/etc/app.conf"}})).decisions[0].outcome is Outcome.MANUAL
    left = decide(task({COPY: {"content": UNKNOWN, "dest": "/etc/logrotate.d/app"}})).decisions[0]
    assert (left.outcome, left.rule) == (Outcome.PLATFORM, "platform-logs")
    unit = decide(
        task({COPY: {"content": UNKNOWN, "dest": "/etc/systemd/system/fail2ban.service.d/x.conf"}})
    ).decisions[0]
    assert (unit.outcome, unit.rule) == (Outcome.PLATFORM, "platform-ssh")


# -- accounts --------------------------------------------------------------------------------------------------------

USER, GROUP, KEY = "ansible.builtin.user", "ansible.builtin.group", "ansible.posix.authorized_key"


def test_people_are_left_behind_with_their_keys():
    """An account with a login key to which nothing belongs is a person's; the application's account stays."""
    found = decide(
        task({GROUP: {"name": "staff"}}),
        task({USER: {"name": "alice", "groups": "staff"}}),
        task({KEY: {"user": "alice", "key": "ssh-ed25519 AAAA"}}),
        task({USER: {"name": "app"}}),
        task({KEY: {"user": "app", "key": "ssh-ed25519 BBBB"}}),
        task({FILE: {"path": "/srv/app", "state": "directory", "owner": "app"}}),
    )
    assert [one.outcome for one in found.decisions[:4]] == ["platform", "platform", "platform", "image"]
    assert [step.effect.name for step in found.steps if isinstance(step.effect, MakeUser)] == ["app"]
    assert "alice" in found.decisions[1].reason


def test_an_account_without_a_key_stays():
    """Without a login key an account is the application's."""
    assert decide(task({USER: {"name": "batch"}})).decisions[0].outcome is Outcome.IMAGE


def test_an_account_that_a_unit_names_stays():
    """A process that runs as the account keeps it, key or not."""
    unit = {COPY: {"content": "[Service]\nUser=carol\n", "dest": "/etc/systemd/system/x.service"}}
    found = decide(task({USER: {"name": "carol"}}), task({KEY: {"user": "carol", "key": "k"}}), task(unit))
    assert found.decisions[0].outcome is Outcome.IMAGE


def test_an_edit_has_the_modules_arguments_and_no_others():
    """An edit carries the documented arguments that the task gives, without those that are the file's."""
    args = {"path": "/etc/app.conf", "regexp": "^a", "line": "a=1", "owner": "root", "backup": True}
    found = decide(task({"ansible.builtin.lineinfile": args}))
    assert found.steps[0].effect.args == {"line": "a=1", "regexp": "^a"}
    assert found.steps[0].effect.ownership.owner == "root"


# -- handlers --------------------------------------------------------------------------------------------------------


def test_a_handler_goes_with_the_tasks_that_notify_it():
    """A handler is left behind where all who notify it are, and stays as soon as one of them stays."""
    left = task({COPY: {"content": "x", "dest": "/etc/logrotate.d/x"}}, name="rotation", notify=("rebuild",))
    stays = task({COPY: {"content": "x", "dest": "/etc/app.conf"}}, name="settings", notify=("rebuild",))
    handler = task({SHELL: {"_raw_params": "make -C /opt/x"}}, name="rebuild", kind="handler")
    alone = decide(left, handler)
    assert (alone.decisions[1].outcome, alone.steps) == (Outcome.PLATFORM, ())
    assert "rotation" in alone.decisions[1].reason
    assert decide(left, stays, handler).decisions[2].outcome is Outcome.IMAGE


def test_handlers_are_found_by_what_they_listen_to_and_by_their_role():
    """`listen` and `role : name` are names of a handler too."""
    for notify, listen in (("topic", ("topic",)), ("example : rebuild", ())):
        left = task({COPY: {"content": "x", "dest": "/etc/logrotate.d/x"}}, notify=(notify,))
        handler = task({SHELL: {"_raw_params": "make"}}, name="rebuild", kind="handler", listen=listen)
        assert decide(left, handler).decisions[1].outcome is Outcome.PLATFORM


# -- answers ---------------------------------------------------------------------------------------------------------


def asked(*tasks):
    return [one.question.id for one in decide(*tasks).decisions if one.question]


@pytest.mark.parametrize(
    ("answer", "outcome", "effects"),
    [
        ("drop", "platform", []),
        ("platform", "platform", []),
        ("image", "image", [RunCommand(command="/opt/x/setup --all")]),
        ("deploy", "deploy", [ReleaseStep(name="an example", command="/opt/x/setup --all")]),
        ({"image": "make x"}, "image", [RunCommand(command="make x")]),
        ({"deploy": "rake x"}, "deploy", [ReleaseStep(name="an example", command="rake x")]),
    ],
)
def test_answer(answer, outcome, effects):
    """An answer decides the task, is marked as answered and asks no more."""
    one = task({SHELL: {"_raw_params": "/opt/x/setup --all"}})
    (question,) = asked(one)
    found = decide(one, answers={question: answer})
    (decision,) = found.decisions
    assert (decision.outcome, decision.answered, decision.question) == (outcome, True, None)
    assert decision.answered_questions == (question,)
    assert [step.effect for step in found.steps] == effects


@pytest.mark.parametrize("answer", ["later", {"nowhere": "x"}, 7, ["image"]])
def test_an_answer_that_cannot_be_carried_out_is_told(answer):
    """A wrong answer leaves the question open and is a problem that says what would be right."""
    one = task({SHELL: {"_raw_params": "/opt/x/setup"}})
    found = decide(one, answers={asked(one)[0]: answer})
    assert found.decisions[0].question is not None
    assert not found.decisions[0].answered
    assert [problem.code for problem in found.problems] == ["answer-not-understood"]
    assert "image" in found.problems[0].hint


def test_one_answer_settles_all_tasks_of_a_subject():
    """The question about a database on the host is asked once; `image` keeps its packages, `drop` leaves them."""
    tasks = [
        task({APT: {"name": "redis-server"}}),
        task({"ansible.builtin.service": {"name": "redis", "state": "started"}}),
    ]
    assert asked(*tasks) == ["databases-cache", "databases-cache"]
    kept = decide(*tasks, answers={"databases-cache": "image"})
    assert [type(step.effect).__name__ for step in kept.steps] == ["InstallPackages", "ServiceState"]
    left = decide(*tasks, answers={"databases-cache": "drop"})
    assert ([one.outcome for one in left.decisions], left.steps) == (["platform", "platform"], ())


def test_only_offered_answers_are_carried_out():
    """No answer puts a step with a secret into the build, since none that would is offered or taken."""
    one = task({SHELL: {"_raw_params": f"make KEY={secret_reference('db')}"}})
    found = decide(one, answers={asked(one)[0]: "image"})
    assert (found.steps, [problem.code for problem in found.problems]) == ((), ["answer-not-understood"])


@pytest.mark.parametrize("package", ["vsftpd", "redis-server", "haproxy"])
def test_what_becomes_infrastructure_is_never_installed(package):
    """Confirming that something becomes infrastructure puts no package of it into the image."""
    one = task({APT: {"name": package}})
    found = decide(one, answers={asked(one)[0]: "infrastructure"})
    assert found.decisions[0].outcome is Outcome.INFRASTRUCTURE
    assert not [step for step in found.steps if isinstance(step.effect, InstallPackages)]
    assert [step.effect.names for step in found.dropped] == [(package,)]


# -- files -----------------------------------------------------------------------------------------------------------


def test_a_folder_of_files_gives_a_step_a_file():
    """A directory copied from the project is one file each, below the destination."""
    contents = tuple((name, FileContent(source=SOURCE, data=b"x")) for name in ("a.conf", "sub/b.conf"))
    whole = task({COPY: {"src": "conf/", "dest": "/etc/app"}})
    found = decide(replace(whole, invocations=(Invocation(args=whole.invocations[0].args, contents=contents),)))
    assert [step.effect.path for step in found.steps] == ["/etc/app/a.conf", "/etc/app/sub/b.conf"]


def test_a_file_for_a_folder_takes_its_own_name():
    """A destination that ends with a slash is a folder."""
    found = decide(task({COPY: {"src": "conf/app.conf", "dest": "/etc/app/"}}))
    assert [step.effect.path for step in found.steps] == ["/etc/app/app.conf"]


@pytest.mark.parametrize(
    ("given_mode", "mode"),
    [(0o644, "0644"), ("0644", "0644"), ("644", "0644"), ("u=rw,g=r", "u=rw,g=r"), ("preserve", ""), (0o2770, "02770")],
)
def test_modes_are_octal_whatever_yaml_made_of_them(given_mode, mode):
    """An unquoted octal number is the mode that its author wrote."""
    found = decide(task({FILE: {"path": "/srv/x", "state": "directory", "mode": given_mode}}))
    assert found.steps[0].effect.ownership.mode == mode


def test_an_unknown_owner_is_left_and_said():
    """Ownership that is not known is left as it is, with a note; the file is carried over."""
    found = decide(task({FILE: {"path": "/srv/x", "state": "directory", "owner": UNKNOWN, "mode": "0755"}}))
    assert (found.decisions[0].outcome, found.steps[0].effect.ownership.owner) == (Outcome.IMAGE, "")
    assert "owner is left as it is" in found.decisions[0].reason


def test_tasks_on_ansible_s_own_machine_touch_no_host():
    """Plays on localhost beside other hosts prepare the run; a file they write is not the application's."""
    unknown = Unknown("{{ result.stdout }}", "registered")
    tasks = [
        task({"ansible.builtin.copy": {"content": unknown, "dest": "/tmp/facts.json"}}, hosts=("localhost",)),
        task({"ansible.builtin.file": {"path": "/etc/app", "state": "directory"}}, hosts=("localhost",)),
        task({"ansible.builtin.uri": {"url": "https://example.org", "method": "POST"}}, hosts=("localhost",)),
    ]
    beside = decide_tasks(tasks, PACK, Settings(), controller=True)
    assert [one.outcome for one in beside.decisions] == [Outcome.CONTROL, Outcome.CONTROL, Outcome.MANUAL]
    assert not beside.steps
    alone = decide_tasks(tasks, PACK, Settings())
    assert [one.outcome for one in alone.decisions] == [Outcome.MANUAL, Outcome.IMAGE, Outcome.MANUAL]


def test_what_a_delegated_task_writes_is_not_asked_for():
    """The content of a file on another machine need not be known."""
    content = Unknown("{{ hostvars | to_yaml }}", "it differs")
    written = task({"ansible.builtin.copy": {"content": content, "dest": "/tmp/x"}}, delegate_to="localhost")
    (found,) = decide_tasks([written], PACK, Settings()).decisions
    assert (found.outcome, found.question) == (Outcome.CONTROL, None)


def test_a_module_that_runs_another_is_decided_as_that_one():
    """A wrapper's inner module says what happens; what it would make is not in this image."""
    tasks = [
        task({"run_in_box": {"module_name": "mysql_db", "module_args": {"name": "app"}}}),
        task({"run_in_box": {"module_name": "ansible.builtin.copy", "module_args": {"content": "x", "dest": "/x"}}}),
    ]
    first, second = decide_tasks(tasks, PACK, Settings()).decisions
    assert (first.outcome, first.rule) == (Outcome.INFRASTRUCTURE, "databases-mysql")
    assert second.outcome is Outcome.MANUAL


def test_what_is_left_behind_is_left_behind_though_a_part_of_it_is_not_known():
    """A fact of which one entry is unknown is Ansible's own business all the same; a list of packages is not."""
    part = ["a", Unknown("{{ x }}", "registered")]
    fact, packages = decide_tasks(
        [task({"ansible.builtin.set_fact": {"names": part}}), task({"ansible.builtin.apt": {"name": part}})],
        PACK,
        Settings(),
    ).decisions
    assert (fact.outcome, packages.outcome) == (Outcome.CONTROL, Outcome.MANUAL)


@pytest.mark.parametrize(("assumed", "outcome"), [(False, "skipped"), (True, "manual")])
def test_a_task_of_the_other_family_under_an_open_condition(assumed, outcome):
    """The playbook works, so on these hosts the condition does not hold; where the family is a guess, that is asked."""
    other = task({"ansible.builtin.apt": {"name": "curl"}}, applies=Verdict.UNKNOWN, applies_reason="when: x")
    found = decide_tasks([other], PACK, Settings(), package_manager="dnf", assumed=assumed).decisions[0]
    assert found.outcome == outcome
    assert (found.question is None) is not assumed
