"""What a host sends becomes files below its own folder, whole or not at all, and nothing a person put there is lost."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.collect.records import Content, Remark, parse
from analyzer.collect.store import HostStore, StoreError, clean, place_of
from analyzer.read.secrets import REDACTED


def octal(text: str) -> str:
    """A name as the script spells it."""
    return "".join(f"{byte:03o}" for byte in text.encode())


def record(kind: str, name: str, data: bytes, *, coding: str = "gzip", cut: int = 0) -> str:
    """A record as the script prints it."""
    body = {"gzip": lambda: gzip.compress(data), "plain": lambda: data, "hex": lambda: data}[coding]()
    text = body.hex(" ") if coding == "hex" else base64.encodebytes(body).decode()
    return f"MA1 begin {kind} {octal(name)} {coding}\n{text}\nMA1 end {cut}\n"


@settings(deadline=None)
@given(st.binary(max_size=3000), st.sampled_from(["gzip", "plain", "hex"]), st.booleans())
def test_any_bytes_come_through(data: bytes, coding: str, terminal: bool) -> None:
    """Over a terminal too, which puts carriage returns in; other people's lines around are passed over."""
    text = f"Welcome!\n{record('file', '/etc/crontab', data, coding=coding)}MA1 done schedules\n"
    found = list(parse(text.replace("\n", "\r\n") if terminal else text))
    assert found == [Content("file", "/etc/crontab", data), Remark("done", "schedules")]


@settings(deadline=None)
@given(st.text(max_size=200), st.integers(0, 400))
def test_any_output_is_survived(noise: str, cut: int) -> None:
    """Noise, and records that are cut off anywhere: whole content, or a remark."""
    whole = record("file", "/etc/crontab", b"0 1 * * * root true\n" * 9)
    for one in parse(noise + "\n" + whole[:cut]):
        assert isinstance(one, Remark) or one.data == b"0 1 * * * root true\n" * 9


@pytest.mark.parametrize(
    "name",
    [
        "/etc/../../../root/.ssh/authorized_keys",
        "etc/crontab",
        "/",
        "//etc/x",
        "/etc/./x",
        "/etc/\n",
        "/etc/x/",
        "/a/" + "b" * 300,
    ],
)
def test_a_name_that_would_leave_the_folder_is_refused(name: str) -> None:
    """A host is not trusted with the names of files on this machine."""
    (found,) = parse(record("file", name, b"x"))
    assert isinstance(found, Remark)
    assert found.kind == "refused"


def test_a_command_says_how_it_ended() -> None:
    """Its status is taken off its output."""
    (found,) = parse(record("cmd", "ss", b"Netid State\nudp UNCONN\n\nMA1-STATUS 3"))
    assert found == Content("cmd", "ss", b"Netid State\nudp UNCONN\n", status=3)


def test_a_bomb_is_refused() -> None:
    """A gigabyte of zeros in a kilobyte ends at the bound."""
    bomb = record("file", "/etc/x", b"\0" * (200 * 1024 * 1024))
    (found,) = parse(bomb)
    assert found == Remark("broken", "/etc/x")


@pytest.mark.parametrize("host", ["", ".", "..", "a/b", "-x", "a\0b"])
def test_a_host_that_can_have_no_folder_is_refused(host: str, tmp_path: Path) -> None:
    """Names of the inventory become folders."""
    with pytest.raises(StoreError):
        HostStore.open(tmp_path, host)


def test_a_file_of_a_person_is_kept(tmp_path: Path) -> None:
    """Only what this tool wrote is ever replaced, packed or not."""
    mine = tmp_path / "h1/cmd/ss.txt.gz"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    store = HostStore.open(tmp_path, "h1")
    assert store.write("cmd/ss.txt", b"theirs") == ""
    assert store.kept == ["cmd/ss.txt.gz"]
    assert mine.read_bytes() == b"mine"
    assert not (tmp_path / "h1/cmd/ss.txt").exists()


def test_a_refreshed_step_leaves_nothing_of_the_old_one(tmp_path: Path) -> None:
    """The crontab of a user who is gone goes, that of another stays; other steps' files are untouched."""
    store = HostStore.open(tmp_path, "h1")
    for step, names in {"schedules": ("a", "b"), "units": ("b", "c")}.items():
        store.finish(step, {}, "now", "done", [store.write(f"fs/{name}", b"1") for name in names])
    store = HostStore.open(tmp_path, "h1")
    store.forget("schedules")
    assert not store.is_done("schedules", {})
    store.finish("schedules", {}, "later", "done", [store.write("fs/new", b"2")])
    assert sorted(path.name for path in (tmp_path / "h1/fs").iterdir()) == ["b", "c", "new"]


def test_a_step_is_done_for_what_was_asked(tmp_path: Path) -> None:
    """Another window, or a file that somebody removed: done again."""
    store = HostStore.open(tmp_path, "h1")
    store.finish("usage", {"days": 14}, "now", "done", [store.write("metrics/x", b"1")])
    store = HostStore.open(tmp_path, "h1")
    assert store.is_done("usage", {"days": 14})
    assert not store.is_done("usage", {"days": 35})
    (tmp_path / "h1/metrics/x").unlink()
    assert not store.is_done("usage", {"days": 14})


def test_items_of_an_unfinished_step_are_not_fetched_again(tmp_path: Path) -> None:
    """Each file is noted when it is there; finishing keeps all of them."""
    store = HostStore.open(tmp_path, "h1")
    for name in ("a", "b"):
        store.note_item("usage", {"days": 14}, f"log:{name}", [store.write(f"fs/{name}", b"1")])
    again = HostStore.open(tmp_path, "h1")
    assert again.items("usage", {"days": 14}) == ["log:a", "log:b"]
    assert again.items("usage", {"days": 35}) == []
    assert not again.is_done("usage", {"days": 14})
    again.finish("usage", {"days": 14}, "now", "done", ())
    assert HostStore.open(tmp_path, "h1").is_done("usage", {"days": 14})
    assert sorted(path.name for path in (tmp_path / "h1/fs").iterdir()) == ["a", "b"]


@pytest.mark.parametrize(
    "state", ["", "[]", "{", '{"version": 2}', '{"version": 1, "steps": 3}', '{"version": 1, "steps": {"facts": 1}}']
)
def test_a_damaged_state_counts_as_none(state: str, tmp_path: Path) -> None:
    """Everything is collected again."""
    (tmp_path / "h1").mkdir()
    (tmp_path / "h1/collect.json").write_text(state, encoding="utf-8")
    store = HostStore.open(tmp_path, "h1")
    assert not store.is_done("facts", {})
    store.finish("facts", {}, "now", "done", ())
    assert json.loads((tmp_path / "h1/collect.json").read_text(encoding="utf-8"))["steps"]["facts"]["status"] == "done"


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    """Evidence folders come out of repositories."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "h1").mkdir()
    (tmp_path / "h1/fs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="leads out"):
        HostStore.open(tmp_path, "h1").write("fs/x", b"1")


def test_large_files_are_packed(tmp_path: Path) -> None:
    """And found by the reader under their name."""
    store = HostStore.open(tmp_path, "h1")
    assert store.write("fs/var/log/syslog", b"x" * 2_000_000) == "fs/var/log/syslog.gz"
    assert gzip.decompress((tmp_path / "h1/fs/var/log/syslog.gz").read_bytes()) == b"x" * 2_000_000


def test_an_interrupted_write_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between writing and moving: neither the file nor a part of it."""

    def interrupt(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        HostStore.open(tmp_path, "h1").write("cmd/ss.txt", b"x")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (Content("file", "/etc/crontab", b"x"), "fs/etc/crontab"),
        (Content("cmd", "ss", b"x\n"), "cmd/ss.txt"),
        (Content("cmd", "ss", b"\n"), ""),
        (Content("file", "/etc/app/logo.png", b"\x89PNG\0"), ""),
        (Content("metrics", "/var/log/sysstat/sa20261105", b'{"sysstat": {}}'), "metrics/sadf-20261105.json.gz"),
        (Content("metrics", "/var/log/sa/sa05", b'{"sysstat": {}}'), "metrics/sadf-05.json.gz"),
        (Content("metrics", "/var/log/account/pacct.1.gz", b"\0\3" * 32), "metrics/pacct.1.pacct.gz"),
    ],
)
def test_each_content_has_its_place(content: Content, place: str) -> None:
    """As the contract lays evidence out; binary files and empty outputs have none."""
    assert place_of(content, "configuration") == place


def test_hashes_leave_the_accounts() -> None:
    """Old hosts keep them in passwd, whatever their form; the fields stay."""
    text = b"root:x:0:0:root:/root:/bin/bash\nold:aBcDeFgHiJkLm:7:7::/home/old:/bin/sh\n*bad*:*:8:8::/:/bin/false\n"
    data, count = clean(Content("file", "/etc/passwd", text))
    assert data == text.replace(b"aBcDeFgHiJkLm", REDACTED.encode())
    assert count == 1


def test_bytes_that_are_no_text_come_through() -> None:
    """Latin-1 in a crontab stays what it is, around the secret too."""
    data, count = clean(Content("file", "/etc/cron.d/x", b"# caf\xe9\n0 1 * * * root A_TOKEN=hunter2hunter2 /x \xe9\n"))
    assert data == b"# caf\xe9\n0 1 * * * root A_TOKEN=<redacted> /x \xe9\n"
    assert count == 1
