"""Package sources are written as Ansible's own modules write them."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from ansible.modules import apt_repository, deb822_repository
from hypothesis import given
from hypothesis import strategies as st

from analyzer.decide.image_edit_repositories import PROGRAM, SCRIPT, section_commands
from analyzer.decide.repositories import with_file, with_section
from analyzer.model import PackageRepository

YUM = [
    {"description": "Example", "baseurl": "https://example.org/el9", "gpgcheck": True},
    {"description": "Example", "baseurl": ["https://a.example.org/", "https://b.example.org/"], "enabled": "no"},
    {
        "description": "E",
        "mirrorlist": "https://example.org/m",
        "exclude": ["a*", "b"],
        "gpgkey": "https://example.org/k",
    },
    {"description": "E", "metalink": "https://example.org/m", "file": "other", "priority": 10, "sslverify": False},
    {"description": "E", "baseurl": "x", "gpgkey": "https://example.org/1,https://example.org/2", "includepkgs": "c,d"},
]


@pytest.mark.parametrize("args", YUM)
def test_yum_repository(args, tmp_path):
    """The file is, byte for byte, the one that yum_repository itself writes."""
    given_args = {"name": "example", "state": "present", "reposdir": str(tmp_path), **args}
    (tmp_path / "args.json").write_text(json.dumps({"ANSIBLE_MODULE_ARGS": given_args}))
    told = subprocess.run(
        [sys.executable, "-m", "ansible.modules.yum_repository", str(tmp_path / "args.json")],
        capture_output=True,
        check=False,
        text=True,
    )
    assert json.loads(told.stdout).get("changed"), told.stdout
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in given_args.items()}
    (made,) = with_file(PackageRepository(kind="yum-repository", path="example", options=values))
    (written,) = tmp_path.glob("*.repo")
    assert made.path == str(written)
    assert made.content == written.read_text()


def test_several_yum_sources_in_one_file(tmp_path):
    """Each call writes the file anew as yum_repository itself does: others stay, one of the same name gives way."""
    calls = [
        {"name": "one", "description": "One", "baseurl": "https://a.example.org/, https://b.example.org/"},
        {"name": "two", "description": "Two", "baseurl": "https://example.org/", "gpgcheck": False},
        {"name": "one", "description": "One again", "metalink": "https://example.org/m?a=$basearch", "exclude": "x,y"},
    ]
    file = tmp_path / "several.repo"
    file.write_text("# a comment\n[zero]\nname=Zero\nBaseURL=https://example.org/0\n  https://example.org/00\n")
    text = file.read_text()
    for call in calls:
        args = {"state": "present", "reposdir": str(tmp_path), "file": "several", **call}
        (tmp_path / "args.json").write_text(json.dumps({"ANSIBLE_MODULE_ARGS": args}))
        told = subprocess.run(
            [sys.executable, "-m", "ansible.modules.yum_repository", str(tmp_path / "args.json")],
            capture_output=True,
            check=False,
            text=True,
        )
        assert json.loads(told.stdout).get("changed"), told.stdout
        (made,) = with_file(PackageRepository(kind="yum-repository", path=call["name"], options=args))
        text = with_section(text, made.content)
        assert text == file.read_text()


LINES = [
    "deb https://example.org/debian bookworm main",
    "deb [arch=amd64 signed-by=/k.gpg] http://user:pw@packages.example.org:8080/a/b stable main contrib",
    "deb-src https://deb.debian.org/debian bookworm main",
    "https://example.org/x ./",
]


@pytest.mark.parametrize("name", ["example", "/etc/apt/sources.list.d/example.list", "/etc/apt/mine"])
def test_a_source_list_lies_where_the_module_puts_it(name):
    """A file name goes to the folder of lists, a path is taken as it is; both get their ending."""
    real = SimpleNamespace(module=SimpleNamespace(params={"filename": name}), sources_dir="/etc/apt/sources.list.d")
    file = apt_repository.SourcesList._suggest_filename(real, LINES[0])
    (made,) = with_file(PackageRepository(kind="apt-repository", path=name, content=LINES[0]))
    assert made.path == apt_repository.SourcesList._expand_path(real, file)


@pytest.mark.parametrize("line", LINES)
def test_names_of_source_lists(line):
    """A list without a name of its own gets the name that apt_repository gives it."""
    real = apt_repository.SourcesList._suggest_filename(
        SimpleNamespace(module=SimpleNamespace(params={"filename": None})), line
    )
    (made,) = with_file(PackageRepository(kind="apt-repository", path="", content=line))
    assert made.path == f"/etc/apt/sources.list.d/{real}"
    assert made.content == f"{line}\n"


def test_a_ppa_stays_a_ppa():
    """Launchpad's short form is added by its own command."""
    (made,) = with_file(PackageRepository(kind="apt-repository", path="", content="ppa:brightbox/ruby-ng"))
    assert (made.kind, made.content) == ("ppa", "ppa:brightbox/ruby-ng")


@given(
    st.sampled_from(
        ["allow_insecure", "by_hash", "inrelease_path", "uris", "signed_by", "date_max_future", "check_valid_until"]
    )
)
def test_deb822_fields(option):
    """Fields of a deb822 source are named as the module names them."""
    value = True if option in ("allow_insecure", "by_hash", "check_valid_until") else "x"
    *_, made = with_file(PackageRepository(kind="deb822", path="Example Name", options={option: value}))
    assert any(
        line.startswith(f"{deb822_repository.format_field_name(option)}: ") for line in made.content.splitlines()
    )
    assert made.path == deb822_repository.make_sources_filename("example-name")


def test_deb822_inline_key():
    """A key that is written into the source is indented as the module indents it."""
    key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n"
    (made,) = with_file(PackageRepository(kind="deb822", path="x", options={"signed_by": key}))
    assert f"Signed-By:{deb822_repository.format_multiline(key)}\n" in made.content


def test_deb822_key_by_address():
    """A key given by its address is fetched first, to the place where the module would put it."""
    key, made = with_file(
        PackageRepository(kind="deb822", path="x", options={"signed_by": "https://example.org/k.asc"})
    )
    assert (key.kind, key.url) == ("apt-key", "https://example.org/k.asc")
    assert key.path == deb822_repository.make_signed_by_filename("x", "asc")
    assert f"Signed-By: {key.path}\n" in made.content


def test_keys_have_files_of_their_own():
    """Two keys never share a file; a key server's key is fetched by its id."""
    keys = [
        with_file(PackageRepository(kind="apt-key", path="", url=f"https://example.org/{name}.asc"))[0] for name in "ab"
    ]
    assert keys[0].path != keys[1].path
    options = {"id": "0xABCD1234", "keyserver": "hkp://keyserver.ubuntu.com:80"}
    (served,) = with_file(PackageRepository(kind="apt-key", path="", options=options))
    assert served.url == "https://keyserver.ubuntu.com/pks/lookup?op=get&options=mr&search=0xABCD1234"


BASES = [
    "[baseos]\nname=Rocky $releasever\nbaseurl=file:///srv/world/base\n\tfile:///srv/other\ngpgcheck=1\n\n# more\n[extras]\nName : Extras\nenabled=0\n",
    "[one]\r\nname = One\r\n\r\n[two]\nname=Two = 2\n  ; no comment of a value\nexclude=a*\n  b*\n",
    "",
]


@pytest.mark.parametrize("before", BASES, ids=["base", "other", "empty"])
@pytest.mark.parametrize("name", ["baseos", "extras", "one", "new"])
def test_a_source_in_a_file_of_the_base_image(name, before, tmp_path):
    """The build leaves the file as yum_repository itself does: other sources stay, one of the same name gives way."""
    (theirs, ours) = (tmp_path / "theirs", tmp_path / "ours")
    for folder in (theirs, ours):
        folder.mkdir()
        (folder / "rocky.repo").write_text(before, newline="")
    args = {
        "name": name,
        "description": "It's 100 %",
        "baseurl": "https://a.example.org/,https://b.example.org/",
        "file": "rocky",
    }
    call = {"ANSIBLE_MODULE_ARGS": {**args, "state": "present", "reposdir": str(theirs)}}
    (tmp_path / "args.json").write_text(json.dumps(call))
    command = [sys.executable, "-m", "ansible.modules.yum_repository", str(tmp_path / "args.json")]
    told = subprocess.run(command, capture_output=True, check=False, text=True)
    assert json.loads(told.stdout).get("changed"), told.stdout
    made = with_file(PackageRepository(kind="yum-repository", path=name, options={**args, "reposdir": str(ours)}))[0]
    program = tmp_path / "program.awk"
    program.write_text(PROGRAM)
    lines = "\n".join(section_commands(made.path, made.content))
    lines = lines.replace(SCRIPT, str(program)).replace("/tmp/edited", str(tmp_path / "edited"))
    subprocess.run(["sh", "-ec", lines], check=True)
    assert (ours / "rocky.repo").read_text() == (theirs / "rocky.repo").read_text()
