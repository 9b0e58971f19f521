"""What the README says is true."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """(bundle, summary) of the demo."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = CliRunner().invoke(cli, [str(ROOT / "fixtures/accounting/inventory"), "--out", "migration"])
    assert result.exit_code in (0, 1), result.output
    return folder / "migration", result.stdout


def test_the_excerpt_is_what_the_demo_prints(demo: tuple[Path, str]) -> None:
    """Line by line; write the new output into README.md when this fails."""
    assert BLOCKS[0].strip() == demo[1].strip()


def test_explain_says_what_the_readme_shows(demo: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line names the place that was asked for."""
    monkeypatch.chdir(demo[0].parent)
    place = BLOCKS[1].split()[0]
    result = CliRunner().invoke(cli, ["explain", "migration", place])
    assert result.output.strip() == BLOCKS[1].strip()


def test_cron_says_what_the_readme_shows() -> None:
    """Up to the list of firings, which begins today."""
    result = CliRunner().invoke(cli, ["cron", "0 0 13 * 5", "--timezone", "Asia/Tokyo"])
    wanted = [line for line in BLOCKS[2].strip().splitlines() if not line.strip().startswith("method")]
    assert wanted
    for line in wanted:
        assert line in result.output


def test_every_command_and_option_named_exists() -> None:
    """Commands of the table and their options are in --help."""
    for name in re.findall(r"^\| `migrate-analyze (\w+) ", README, re.MULTILINE):
        if name != "PROJECT":
            assert name in cli.commands, name
    for option in set(re.findall(r"`(--[a-z-]+)`", README)):
        texts = "".join(CliRunner().invoke(cli, [name, "--help"]).output for name in cli.commands)
        assert option in texts or option == "--help", option


def test_every_path_named_exists(demo: tuple[Path, str]) -> None:
    """Files of the repository, and files of the bundle."""
    for path in ("fixtures/accounting/", "rules/platform/", "LICENSE"):
        assert (ROOT / path).exists(), path
    for path in ("report.html", "README.md", "questions.yml", "plan.json", "provenance.json"):
        assert (demo[0] / path).is_file(), path
    for path in ("app", "infra", "ops"):
        assert (demo[0] / "accounting" / path).is_dir(), path
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)", README)) <= targets


def test_the_changelog_names_the_version() -> None:
    """Keep a changelog."""
    assert "## " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
