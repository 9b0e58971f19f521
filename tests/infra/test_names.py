"""Names fit AWS's own patterns and never collide."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from analyzer.render.names import Names, fit, variable

TEXTS = st.text(min_size=1, max_size=120)


def test_plain_names_read_as_an_operator_would_write_them() -> None:
    """An ordinary application gets its plain names, without digests."""
    names = Names("accounting", "production", "ap-northeast-1")
    assert names.cluster == "accounting-production"
    assert names.task_family("batch_heavy") == "accounting-production-batch_heavy"
    assert names.state_machine("nightly-close") == "accounting-production-nightly-close"
    assert names.schedule_group == "accounting-production"
    assert names.lock_table == "accounting-production-locks"
    assert names.log_group("api") == "/ecs/accounting-production/api"
    assert names.role_arn("execution") == "arn:aws:iam::000000000000:role/accounting-production-execution"
    assert names.secret_arn("db_password").startswith("arn:aws:secretsmanager:ap-northeast-1:000000000000:secret:")


@given(TEXTS, TEXTS, TEXTS)
def test_names_satisfy_the_patterns_of_the_services(application: str, environment: str, part: str) -> None:
    """Whatever an application, environment or job is called, each name is one that its service accepts."""
    names = Names(application, environment)
    for name, pattern, limit in (
        (names.cluster, r"[0-9A-Za-z_-]+", 255),
        (names.task_family(part), r"[0-9A-Za-z_-]+", 255),
        (names.state_machine(part), r"[0-9A-Za-z_-]+", 80),
        (names.schedule_group, r"[0-9a-zA-Z-_.]+", 64),
        (names.heartbeat_check_schedule(part), r"[0-9a-zA-Z-_.]+", 64),
        (names.lock_table, r"[0-9A-Za-z_.-]{3,}", 255),
        (names.log_group(part), r"[.\-_/#A-Za-z0-9]+", 512),
        (names.role(part), r"[\w+=,.@-]+", 64),
        (names.load_balancer, r"[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?", 32),
        (names.target_group(part), r"[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?", 32),
        (names.dead_letter_queue, r"[0-9A-Za-z_-]+", 80),
        (names.repository, r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*", 256),
        (names.secret(part), r"[0-9A-Za-z/_+=.@-]+", 512),
        (names.parameter(part), r"[0-9A-Za-z/_.-]+", 1011),
        (names.topic, r"[0-9A-Za-z_-]+", 256),
    ):
        assert re.fullmatch(pattern, name, re.ASCII), name
        assert len(name) <= limit


@given(TEXTS, TEXTS)
def test_different_texts_keep_different_names(one: str, other: str) -> None:
    """Cutting and cleaning never maps two texts to one name."""
    if one != other:
        assert fit(one, 32) != fit(other, 32)


@given(TEXTS)
def test_variables_are_shell_identifiers(name: str) -> None:
    """A secret's environment variable can be used in any shell."""
    assert re.fullmatch(r"[A-Z_][A-Z0-9_]*", variable(name))
