"""Secrets are kept out of the outputs, and ordinary words stay in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model import Source
from analyzer.read.secrets import SecretBook

HERE = Source("group_vars/all.yml", 3)


def book(*own: str, **variables: str) -> SecretBook:
    """A book that has read these variables; `own`: words that every bundle has."""
    found = SecretBook(own_words=lambda: frozenset(own))
    for name, value in variables.items():
        found.mask(name, value, HERE)
    return found


@pytest.mark.parametrize(
    "value", ["hunter2x", "correct horse", "S3cr3tWord", "aaaaaaaaaaaaaaa", "kQzWvBnMxYpLr", "two-words"]
)
def test_a_value_that_is_no_word_is_taken_out_wherever_it_stands(value: str) -> None:
    secrets = book(db_password=value)
    assert secrets.redact(f"-{value}b and x={value}") == "-<secret db_password>b and x=<secret db_password>"
    assert secrets.find(f"--option={value};") == ("db_password",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("useradd wordpress", "useradd wordpress"),
        ("/srv/wordpress/current", "/srv/wordpress/current"),
        ("variable wordpress_url = 1", "variable wordpress_url = 1"),
        ("DB_PASSWORD=wordpress", "DB_PASSWORD=<secret db_password>"),
        ('"password": "wordpress"', '"password": "<secret db_password>"'),
        ("mysql://blog:wordpress@db/blog", "mysql://blog:<secret db_password>@db/blog"),
        ("pass => 'wordpress'", "pass => '<secret db_password>'"),
        ("password: wordpress-admin", "password: wordpress-admin"),
    ],
)
@pytest.mark.parametrize(
    "secrets",
    [
        pytest.param(book("wordpress", db_password="wordpress"), id="a word of every bundle"),
        pytest.param(book(db_password="wordpress", db_user="wordpress"), id="another variable's value"),
        pytest.param(book(db_password="wordpress", docroot="/srv/wordpress/current"), id="a word in another's value"),
    ],
)  # fmt: skip
def test_a_word_with_other_uses_is_taken_out_only_where_a_password_can_stand(
    secrets: SecretBook, text: str, expected: str
) -> None:
    assert secrets.redact(text) == expected
    assert bool(secrets.find(text)) is (text != expected)


def test_a_value_that_another_variable_holds_openly_counts_as_a_plain_word_and_is_reported() -> None:
    secrets = book(db_password="shop_2024", db_user="shop_2024")
    assert secrets.redact("user shop_2024, password=shop_2024") == "user shop_2024, password=<secret db_password>"
    (problem,) = secrets.problems()
    assert (problem.code, problem.source) == ("secret-is-a-word", HERE)


def test_a_strong_value_is_not_reported() -> None:
    assert book(db_password="x9!kkq81").problems() == ()


@pytest.mark.parametrize("value", ["changeme", "change_me", "password", "secret", "your-token", "MyPassword"])
def test_a_placeholder_is_asked_for_as_a_secret_and_takes_no_word_out_of_the_outputs(value: str) -> None:
    secrets = book(db_password=value)
    assert [secret.name for secret in secrets.secrets()] == ["db_password"]
    assert secrets.redact(f"password: {value}") == f"password: {value}"


def test_a_value_that_is_its_own_variable_s_name_is_a_placeholder() -> None:
    secrets = book(app_facebook_secret_token="FACEBOOK_SECRET")
    assert secrets.redact("APP_FACEBOOK_SECRET_TOKEN=FACEBOOK_SECRET") == "APP_FACEBOOK_SECRET_TOKEN=FACEBOOK_SECRET"


@given(st.text(alphabet="abcXYZ019!$/+=", min_size=8, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_no_strong_value_survives_whatever_stands_around_it(value: str, before: str, after: str) -> None:
    secrets = book(api_token=value + "9!")
    if value.startswith("/"):
        return  # a path to the secret
    assert value + "9!" not in secrets.redact(f"{before}{value}9!{after}")
