"""Secrets are kept out of the outputs, and ordinary words stay in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model import Source, secret_reference
from analyzer.read.redact import redact
from analyzer.read.secrets import SecretBook, is_secret_text

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


LOOKS = {
    "github": "ghp_" + "a1B2" * 9,
    "slack": "xoxb-" + "1234567890-abcdef",
    "stripe": "sk_live_" + "abcdefghijklmnop1234",
    "openai": "sk-" + "proj-aB3dEfGhIjKlMnOpQrStUvWx",
    "web token": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "slack's webhook": "https://hooks.slack.com/services/" + "T0AAAAAAA/B0BBBBBBB/abcdefghijkl",
    "sentry": "https://" + "0123456789abcdef" * 2 + "@sentry.example.com/4",
    "aws": "ASIA" + "ABCDEFGHIJ234567",
    "pgp key": "-----BEGIN PGP PRIVATE KEY BLOCK-----\nxyz\n-----END PGP PRIVATE KEY BLOCK-----",
    "crypt": "$6$" + "rounds=5000$abcdefgh$" + "aB3/" * 21 + "xy",
    "bcrypt": "$2y$10$" + "aB3." * 13 + "c",
    "htpasswd": "admin:$apr1$" + "abcdefgh$" + "aB3." * 5 + "xy",
}


@pytest.mark.parametrize("look", LOOKS)
def test_what_is_a_secret_by_its_look_is_one_under_any_name_for_analysis_and_collect_alike(look: str) -> None:
    """One list serves both: what a bundle may not show, evidence may not hold."""
    secrets = SecretBook()
    assert secrets.mask("notify_target", LOOKS[look], HERE) == secret_reference("notify_target")
    assert not is_secret_text(redact(f"target {LOOKS[look]}"))


@pytest.mark.parametrize(
    "text",
    ["echo $1$SOME_LONG_VARIABLE_NAME_OF_A_SHELL", ".sk-fading-circle-with-a-long-name {}", "https://hooks.slack.com/",
     "npm_config_cache_directory_of_this_project", "pypi-some-very-long-package-name-of-ours", "key: AKIA",
     "https://abcdef@example.com/repository.git"],
)  # fmt: skip
def test_what_only_resembles_a_secret_stays_open(text: str) -> None:
    assert SecretBook().mask("notify_target", text, HERE) == text
