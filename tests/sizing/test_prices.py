"""`--prices`: a team's own prices over the shipped ones, and what is said of a wrong file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.decide.platform import FargateSize, load_platform
from analyzer.read.layout import UsageError
from analyzer.read.prices import read_prices
from analyzer.resources import rule_texts

README = Path(__file__).parents[2] / "README.md"
ROW = {
    "region": "eu-north-1",
    "architecture": "X86_64",
    "vcpu_hour": 1,
    "gib_hour": 2,
    "as_of": "2026-11-01",
    "source": "me",
}


def written(folder: Path, text: str) -> Path:
    path = folder / "prices.json"
    path.write_text(text)
    return path


def test_the_example_of_the_readme_is_read(tmp_path):
    """Date and source stand once for the whole file; the type's size comes from the shipped data."""
    example = re.search(r"```json\n(.*?)```", README.read_text(), re.DOTALL).group(1)
    data, problems = load_platform(rule_texts(), read_prices(written(tmp_path, example)))
    price, own = data.price("eu-north-1", "X86_64")
    assert (own, price.vcpu_hour, problems) == (True, 0.0382, ())
    assert str(price.origin) == "our agreement of November 2026, as of 2026-11-01 (prices.json)"
    kind = data.ec2_types["m5.large"]
    assert (kind.vcpus, kind.usd_per_hour["eu-north-1"]) == (2, 0.089)
    assert (kind.origins["eu-north-1"].file, kind.origins["us-east-1"].file) == ("prices.json", "")


def test_a_row_wins_over_the_shipped_one_and_the_others_stay(tmp_path):
    """An hour of 0.5 vCPU and 1 GiB at 1 and 2 USD costs 2.50 USD."""
    data, _ = load_platform(
        rule_texts(), read_prices(written(tmp_path, json.dumps({"prices": [ROW | {"region": "us-east-1"}]})))
    )
    assert data.price("us-east-1", "X86_64")[0].hourly(FargateSize(512, 1024)) == 2.5
    assert data.price("us-east-1", "ARM64")[0].origin.file == ""


def test_an_instance_type_of_unknown_size_is_not_used_and_said(tmp_path):
    """Its price is worth nothing where nobody knows how large it is; with its size it counts."""
    row = {"name": "x9.huge", "usd_per_hour": {"us-east-1": 3.0}, "as_of": "2026-11-01", "source": "me"}
    data, problems = load_platform(rule_texts(), read_prices(written(tmp_path, json.dumps({"types": [row]}))))
    assert ([problem.code for problem in problems], "x9.huge" in data.ec2_types) == (["prices-type-unknown"], False)
    row |= {"vcpus": 64, "memory_mib": 262144, "architecture": "x86_64"}
    data, problems = load_platform(rule_texts(), read_prices(written(tmp_path, json.dumps({"types": [row]}))))
    assert (problems, data.ec2_types["x9.huge"].vcpus) == ((), 64)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "prices.json:1: the file is neither JSON nor YAML"),
        ("{}\n- [", "prices.json:2: the file is neither JSON nor YAML: "),
        (
            "[" * 3000,
            "prices.json:1: the file is neither JSON nor YAML: ",
        ),  # too deep, or never closed: whichever comes first
        ("prices: []\nprices: []", "prices.json:2: the key 'prices' stands twice in the file; keep one of the two"),
        ("[]", "prices.json:1: the file is not a mapping"),
        ("{}", "no `prices` (Fargate) and no `types` (EC2) in it"),
        ('{"prices": 3}', "`prices` is not a list"),
        ('{"prices": [3]}', "a row of `prices` is not a mapping"),
        (json.dumps({"prices": [ROW | {"architecture": "x86"}]}), "architecture 'x86'; expected X86_64 or ARM64"),
        (json.dumps({"prices": [ROW | {"vcpu_hour": "4 cents"}]}), "`vcpu_hour` is not USD an hour (found '4 cents')"),
        (json.dumps({"prices": [ROW | {"gib_hour": -1}]}), "`gib_hour` is not USD an hour (found '-1')"),
        (json.dumps({"prices": [ROW | {"gib_hour": float("nan")}]}), "`gib_hour` is not USD an hour (found 'NaN')"),
        (json.dumps({"prices": [ROW | {"region": "Stockholm"}]}), "'Stockholm' is no region"),
        (json.dumps({"prices": [ROW | {"as_of": "November"}]}), "as_of 'November' is no date; expected YYYY-MM-DD"),
        (json.dumps({"prices": [{k: v for k, v in ROW.items() if k != "source"}]}), "`source` is missing"),
        (json.dumps({"prices": [ROW | {"cpu": 1}]}), "unknown key 'cpu' in a row of `prices`; known: region"),
        ('{"types": [{"name": "m5.large", "usd_per_hour": 3}]}', "usd_per_hour is not a mapping of regions"),
        (json.dumps({"types": [{"name": "large", "usd_per_hour": {"us-east-1": 1}}]}), "'large' is no instance type"),
    ],
)
def test_a_wrong_file_stops_with_line_and_what_was_expected(tmp_path, text, said):
    """Nothing of it is used: with half a price list no sum is right."""
    with pytest.raises(UsageError) as stop:
        read_prices(written(tmp_path, text))
    assert said in str(stop.value)


def test_the_line_of_each_mistake_is_named(tmp_path):
    """All mistakes at once, so that one round of corrections is enough."""
    rows = "\n".join(json.dumps(ROW | more) + "," for more in ({"gib_hour": 0}, {}, {"region": "x"}))
    with pytest.raises(UsageError) as stop:
        read_prices(written(tmp_path, '{"prices": [\n' + rows.rstrip(",") + "\n]}"))
    assert [int(line) for line in re.findall(r"prices\.json:(\d+):", str(stop.value))] == [2, 4]


def test_the_command_line_writes_nothing_with_a_wrong_price_list(tmp_path):
    """Exit status 2, as for any wrong usage."""
    project = Path(__file__).parents[2] / "fixtures" / "accounting" / "inventory"
    options = [str(project), "--out", str(tmp_path / "out"), "--prices"]
    answer = CliRunner().invoke(cli, [*options, str(written(tmp_path, '{"prices": 3}'))])
    assert (answer.exit_code, (tmp_path / "out").exists()) == (2, False)
    assert "`prices` is not a list" in answer.output
    answer = CliRunner().invoke(cli, [*options, str(tmp_path / "none.json")])
    assert "no such file" in answer.output


def test_the_cost_page_and_the_report_name_the_price_list(tmp_path):
    """The reader sees whose prices the sums are made of; Fargate's change with them, EC2's stay the shipped ones."""
    project = Path(__file__).parents[2] / "fixtures" / "accounting" / "inventory"
    own = written(tmp_path, json.dumps({"prices": [ROW | {"region": "ap-northeast-1"}]}))
    out = tmp_path / "out"
    answer = CliRunner().invoke(cli, [str(project), "--out", str(out), "--prices", str(own)])
    assert answer.exit_code in (0, 1), answer.output
    assert "me, as of 2026-11-01 (prices.json)" in (out / "report.html").read_text()
    cost = next(out.rglob("cost.md")).read_text()
    assert "Prices: Fargate X86_64 in ap-northeast-1: me, as of 2026-11-01 (prices.json)" in cost
    plan = json.loads((out / "plan.json").read_text())
    planned = next(one for one in plan["applications"][0]["costs"] if one["name"] == "fargate-right-sized")
    assert planned["monthly_usd"] > 2000
