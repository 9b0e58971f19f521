"""`--prices FILE`: a team's own prices in place of the shipped ones, each value checked and named by its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import yaml

from analyzer.model import OwnPrices, Source
from analyzer.read.files import Tree
from analyzer.read.layout import UsageError
from analyzer.read.yaml_nodes import NoYamlError, compose, entries

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_TYPE = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+")
_HIGHEST_USD = 1000.0
"""An hour of no task or instance costs more: such a number is another unit (cents, a month)."""
_ARCHITECTURES = ("X86_64", "ARM64")
_EXAMPLE = "README.md shows an example under `--prices`"


def read_prices(path: Path) -> OwnPrices:
    """The rows of the file. Anything wrong is a UsageError that lists all: with half a price list no sum is right."""
    tree = Tree(path.resolve().parent)
    text = tree.read_text(path.name) if path.is_file() else None
    if text is None:
        raise UsageError(f"--prices {path}: no such file, or it cannot be read")
    try:
        root = compose(text)
    except NoYamlError as error:
        where = f"{path}:{error.line + 1}"
        raise UsageError(f"--prices {where}: the file is neither JSON nor YAML: {error.what}; {_EXAMPLE}") from None
    reader = _Reader(str(path))
    prices = reader.file(root)
    if reader.wrong:
        raise UsageError("--prices: nothing of it is used\n  " + "\n  ".join(reader.wrong) + f"\n  ({_EXAMPLE})")
    return prices


class _Reader:
    """YAML nodes (JSON is YAML) into rows; every complaint has its line."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.wrong: list[str] = []

    def complain(self, node: yaml.Node | None, text: str) -> None:
        self.wrong.append(f"{self.path}:{node.start_mark.line + 1 if node is not None else 1}: {text}")

    def file(self, root: yaml.Node | None) -> OwnPrices:
        top = self.mapping(root, "the file", ("as_of", "source", "prices", "types"))
        shared: dict[str, yaml.Node] = {key: top[key] for key in ("as_of", "source") if key in top}
        rows = [
            self.fargate({**shared, **row}, node)
            for node, row in self.rows(top.get("prices"), "prices", ("region", "architecture", *_FARGATE, *_ORIGIN))
        ]
        kinds = [
            self.ec2({**shared, **row}, node)
            for node, row in self.rows(
                top.get("types"), "types", ("name", "vcpus", "memory_mib", "architecture", "usd_per_hour", *_ORIGIN)
            )
        ]
        if not rows and not kinds and not self.wrong:
            self.complain(root, "no `prices` (Fargate) and no `types` (EC2) in it")
        return OwnPrices(source=Source(self.path, 1), fargate=tuple(rows), ec2=tuple(kinds))

    def mapping(self, node: yaml.Node | None, what: str, known: tuple[str, ...]) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self.complain(node, f"{what} is not a mapping; expected the keys {', '.join(known)}")
            return {}
        out = {}
        for entry in entries(node):
            if entry.name not in known:
                self.complain(entry.key, f"unknown key {entry.name[:80]!r} in {what}; known: {', '.join(known)}")
            elif entry.repeated:
                self.complain(entry.key, f"the key {entry.name!r} stands twice in {what}; keep one of the two")
            else:
                out[entry.name] = entry.value
        return out

    def rows(
        self, node: yaml.Node | None, what: str, known: tuple[str, ...]
    ) -> Iterator[tuple[yaml.Node, dict[str, yaml.Node]]]:
        if node is None:
            return
        if not isinstance(node, yaml.SequenceNode):
            self.complain(node, f"`{what}` is not a list")
            return
        for row in node.value:
            found = self.mapping(row, f"a row of `{what}`", known)
            if found:
                yield row, found

    def fargate(self, row: Mapping[str, yaml.Node], node: yaml.Node) -> Mapping[str, object]:
        architecture = self.text(row, "architecture", node)
        if architecture and architecture not in _ARCHITECTURES:
            self.complain(row["architecture"], f"architecture {architecture!r}; expected {' or '.join(_ARCHITECTURES)}")
        return {
            "region": self.region(row, node),
            "architecture": architecture,
            **{key: self.usd(row.get(key), key, node) for key in _FARGATE},
            **self.origin(row, node),
        }

    def ec2(self, row: Mapping[str, yaml.Node], node: yaml.Node) -> Mapping[str, object]:
        name = self.text(row, "name", node)
        if name and not _TYPE.fullmatch(name):
            self.complain(row["name"], f"{name!r} is no instance type; expected one like 't3.large'")
        by_region = row.get("usd_per_hour")
        if not isinstance(by_region, yaml.MappingNode) or not by_region.value:
            self.complain(by_region or node, "usd_per_hour is not a mapping of regions to USD an hour")
            prices = {}
        else:
            for key, _ in by_region.value:
                self.region({"region": key}, by_region)
            prices = {str(key.value): self.usd(value, "usd_per_hour", node) for key, value in by_region.value}
        size = {key: self.whole(row[key], key) for key in ("vcpus", "memory_mib") if key in row}
        more = {"architecture": self.text(row, "architecture", node)} if "architecture" in row else {}
        return {"name": name, "usd_per_hour": prices, **size, **more, **self.origin(row, node)}

    def origin(self, row: Mapping[str, yaml.Node], node: yaml.Node) -> Mapping[str, object]:
        """Every price says since when it holds and who says so."""
        as_of = self.text(row, "as_of", node)
        try:
            date.fromisoformat(as_of)
        except ValueError:
            if as_of:
                self.complain(row["as_of"], f"as_of {as_of!r} is no date; expected YYYY-MM-DD")
        return {"as_of": as_of, "source": self.text(row, "source", node)}

    def region(self, row: Mapping[str, yaml.Node], node: yaml.Node) -> str:
        region = self.text(row, "region", node)
        if region and not _REGION.fullmatch(region):
            self.complain(row["region"], f"{region!r} is no region; expected one like 'eu-north-1'")
        return region

    def text(self, row: Mapping[str, yaml.Node], key: str, node: yaml.Node) -> str:
        value = row.get(key)
        if isinstance(value, yaml.ScalarNode) and value.value.strip():
            return str(value.value).strip()[:300]
        self.complain(value or node, f"`{key}` is missing or no text")
        return ""

    def usd(self, value: yaml.Node | None, key: str, node: yaml.Node) -> float:
        number = _number(value)
        if number is None or not 0 < number < _HIGHEST_USD:
            found = f"found {value.value[:40]!r}" if isinstance(value, yaml.ScalarNode) else "it is missing"
            self.complain(value or node, f"`{key}` is not USD an hour ({found}); expected a number above 0")
            return 0.0
        return number

    def whole(self, value: yaml.Node, key: str) -> int:
        number = _number(value)
        if number is None or number <= 0 or number != int(number):
            self.complain(value, f"`{key}` is not a whole number above 0")
            return 0
        return int(number)


_FARGATE = ("vcpu_hour", "gib_hour")
_ORIGIN = ("as_of", "source")


def _number(node: yaml.Node | None) -> float | None:
    """NaN and infinity are none."""
    try:
        number = float(node.value) if isinstance(node, yaml.ScalarNode) else None
    except ValueError:
        return None
    return number if number is not None and abs(number) < float("inf") else None
