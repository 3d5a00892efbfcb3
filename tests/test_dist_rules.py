"""What stands against uploading distributions, and that good ones pass."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.tags import Tag, parse_tag
from packaging.version import Version

from tagready.doors.distributions import read
from tagready.facts.findings import Finding, Level, Report, Skipped
from tagready.facts.publishing.dist_names import FileName, read_name
from tagready.facts.publishing.dist_rules import (
    Expected,
    judge,
)
from tagready.facts.publishing.distribution import Distribution, Kind, MemberLeak, kind_of
from tagready.facts.publishing.leaks import Leak
from test_distributions import (
    INFO,
    SDIST_FILES,
    SDIST_NAME,
    WHEEL,
    WHEEL_FILES,
    WHEEL_NAME,
    file,
    member,
    oid,
    record,
    write_sdist,
    write_tar,
    write_wheel,
    write_zip,
)

EXPECTED = Expected("demo", Version("1.4.0"))
BUILD = "build it again: tagready build"


def wheel(
    name: str = WHEEL_NAME, files: Mapping[str, bytes] = WHEEL_FILES, recorded: bytes | None = None, **changes: Any
) -> Distribution:
    """Return what is read of a wheel, with a true RECORD unless another one is given."""
    folder = "-".join(name.split("-")[:2]) + ".dist-info"
    files = {path.replace(INFO, folder): content for path, content in files.items()}
    files = {**files, f"{folder}/RECORD": record(files, folder) if recorded is None else recorded}
    texts = {path: content for path, content in files.items() if path.split("/")[-1] in ("METADATA", "WHEEL", "RECORD")}
    members = tuple(member(path, content) for path, content in files.items())
    return Distribution(Path(name), Kind.WHEEL, 1, "", members, texts)._replace(**changes)


def sdist(name: str = SDIST_NAME, files: Mapping[str, bytes] = SDIST_FILES, **changes: Any) -> Distribution:
    """Return what is read of an sdist."""
    members = tuple(member(path, content) for path, content in files.items())
    texts = {path: content for path, content in files.items() if path == "PKG-INFO"}
    return Distribution(Path(name), kind_of(name), 1, "", members, texts)._replace(**changes)


def saying(**fields: str) -> bytes:
    """Return metadata with other fields than the usual ones; an empty text leaves one out, `body` is the readme."""
    usual = {
        "Metadata-Version": "2.4", "Name": "demo", "Version": "1.4.0", "License-Expression": "MIT",
        "Requires-Python": ">=3.11", "body": "What it does.",
    }  # fmt: skip
    said = usual | {key.replace("_", "-"): value for key, value in fields.items()}
    body = said.pop("body")
    headers = (f"{name}: {line}\n" for name, text in said.items() for line in text.split("\n") if line)
    return f"{''.join(headers)}\n{body}".encode()


def both(metadata: bytes) -> list[Distribution]:
    """Return a wheel and an sdist that say the same of themselves."""
    return [
        wheel(files={**WHEEL_FILES, f"{INFO}/METADATA": metadata}),
        sdist(files={**SDIST_FILES, "PKG-INFO": metadata}),
    ]


def judged(*distributions: Distribution, **expected: Any) -> Report:
    return judge(distributions, EXPECTED._replace(**expected))


def found(rule: str, message: str, fix: str, path: str | None) -> Finding:
    return Finding(rule, message, fix, None if path is None else f"dist/{path}")


# -- good ones -------------------------------------------------------------------------------------------------------


def test_a_good_release_has_no_finding() -> None:
    assert judged(wheel(), sdist()) == Report()


@pytest.mark.parametrize(
    "names",
    [
        ["demo-1.4.0-py2.py3-none-any.whl", "demo-1.4.0.tar.gz"],
        ["demo-1.4.0-cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "demo-1.4.0.tar.gz"],
        ["demo-1.4.0-1-cp313-cp313t-macosx_26_0_arm64.whl", "demo-1.4.0.tar.gz"],
        ["demo-1.4.0-cp311-cp311-win32.whl", "demo-1.4.0-cp311-cp311-win_arm64.whl", "demo-1.4.0.tar.gz"],
        ["demo-1.4.0-cp311-cp311-musllinux_1_2_aarch64.whl", "demo-1.4.0.tar.gz"],
        ["demo-1.4.0-cp311-cp311-linux_armv7l.whl", "demo-1.4.0.tar.gz"],
        ["demo-1.4.0-cp314-cp314-ios_13_0_arm64_iphonesimulator.whl", "demo-1.4.0.tar.gz"],
        ["demo-1.4.0-cp314-cp314-pyemscripten_2026_0_wasm32.whl", "demo-1.4.0.tar.gz"],
    ],
)
def test_good_names(names: list[str]) -> None:
    tags = {
        name: "".join(f"Tag: {tag}\n" for tag in parse_tag("-".join(name[:-4].split("-")[-3:]))) for name in names[:-1]
    }
    texts = {name: WHEEL.replace(b"Tag: py3-none-any\n", text.encode()) for name, text in tags.items()}
    wheels = [wheel(name, {**WHEEL_FILES, f"{INFO}/WHEEL": text}) for name, text in texts.items()]
    assert judged(*wheels, sdist(names[-1])) == Report()


@pytest.mark.parametrize(
    ("metadata", "project", "version"),
    [
        (saying(Name="Demo.Pkg"), "demo-pkg", "1.4.0"),
        (saying(Name="demo_pkg"), "Demo--Pkg", "1.4.0"),
        (saying(Version="1.4.0-rc.1"), "demo", "1.4.0rc1"),
        (saying(Version="1!1.4"), "demo", "1!1.4"),
    ],
)
def test_names_and_versions_may_be_spelled_otherwise_inside(metadata: bytes, project: str, version: str) -> None:
    stem = f"{project.lower().replace('--', '_').replace('-', '_')}-{version}"
    wheel_, sdist_ = both(metadata)
    wheel_ = wheel(f"{stem}-py3-none-any.whl", {**WHEEL_FILES, f"{INFO}/METADATA": metadata})
    assert judged(wheel_, sdist_._replace(path=Path(f"{stem}.tar.gz")), project=project, version=Version(version)) == (
        Report()
    )


# -- dist-missing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "lacking"),
    [
        ([], "no wheel and no sdist"),
        ([wheel()], "no sdist"),
        ([sdist()], "no wheel"),
    ],
)
def test_missing(there: list[Distribution], lacking: str) -> None:
    message = f"dist has {lacking} of demo 1.4.0, and a release has both: one to install, and one to build from"
    missing = Finding("dist-missing", message, "build both: tagready build", "dist")
    assert judged(*there) == Report((missing,))


def test_distributions_of_another_release_do_not_count() -> None:
    report = judged(wheel(), sdist("demo-1.3.0.tar.gz", {**SDIST_FILES, "PKG-INFO": saying(Version="1.3.0")}))
    assert [each.rule for each in report.findings] == ["dist-missing", "dist-name"]


# -- dist-name -------------------------------------------------------------------------------------------------------


def named(name: str) -> Distribution:
    """Return an sdist that says of itself what its file's name says."""
    said = read_name(name)
    text = saying(Name=said.project, Version=str(said.version)) if said else saying()
    return sdist(name, {**SDIST_FILES, "PKG-INFO": text})


@pytest.mark.parametrize(
    ("name", "what", "fix"),
    [
        pytest.param(
            "demo-1.4.0-py3.11.egg",
            "is neither a wheel nor an sdist, and indexes take nothing else",
            "remove it from dist",
            id="egg",
        ),
        pytest.param(
            "demo-1.4.0.win32.exe",
            "is neither a wheel nor an sdist, and indexes take nothing else",
            "remove it from dist",
            id="installer",
        ),
        pytest.param(
            "other-1.4.0.tar.gz", "is of another project than demo", "remove it from dist", id="another project"
        ),
        pytest.param(
            "demo-1.3.0.tar.gz",
            "is of version 1.3.0, and 1.4.0 is released",
            f"remove it from dist, and {BUILD}",
            id="another version",
        ),
        pytest.param(
            "demo-1.4.0+g1234.tar.gz",
            "has a local version (+g1234), which no index takes",
            "build from the tagged commit, with nothing uncommitted: tagready build",
            id="local version",
        ),
    ],
)
def test_names_beside_a_good_release(name: str, what: str, fix: str) -> None:
    report = judged(wheel(), sdist(), named(name))
    assert report == Report((found("dist-name", f"{name} {what}", fix, name),))


@pytest.mark.parametrize(
    ("name", "what", "fix"),
    [
        pytest.param(
            "demo-1.4.0.zip",
            "is no .tar.gz, and indexes take no other sdist",
            "build demo-1.4.0.tar.gz in its place",
            id="zip",
        ),
        pytest.param(
            "demo.tar.gz",
            "is no name for a distribution, and indexes refuse it",
            f"{BUILD}; it should be demo-1.4.0.tar.gz",
            id="no version",
        ),
        pytest.param(
            "demo-1.4.0.linux-x86_64.tar.gz",
            "is no name for a distribution, and indexes refuse it",
            f"{BUILD}; it should be demo-1.4.0.tar.gz",
            id="bdist_dumb",
        ),
        pytest.param(
            "Demo-1.4.0.tar.gz",
            "is spelled in a way that indexes refuse; it should be demo-1.4.0.tar.gz",
            "build it with a current version of the backend",
            id="capital",
        ),
        pytest.param(
            "demo-01.4.0.tar.gz",
            "is spelled in a way that indexes refuse; it should be demo-1.4.0.tar.gz",
            "build it with a current version of the backend",
            id="version not canonical",
        ),
    ],
)
def test_names_of_sdists(name: str, what: str, fix: str) -> None:
    assert judged(wheel(), named(name)) == Report((found("dist-name", f"{name} {what}", fix, name),))


def test_a_project_with_a_hyphen() -> None:
    metadata = saying(Name="Demo.Pkg")
    there = [
        wheel("demo_pkg-1.4.0-py3-none-any.whl", {**WHEEL_FILES, f"{INFO}/METADATA": metadata}),
        sdist("Demo.Pkg-1.4.0.tar.gz", {**SDIST_FILES, "PKG-INFO": metadata}),
    ]
    message = "Demo.Pkg-1.4.0.tar.gz is spelled in a way that indexes refuse; it should be demo_pkg-1.4.0.tar.gz"
    fix = "build it with a current version of the backend"
    assert judged(*there, project="Demo.Pkg") == Report((found("dist-name", message, fix, "Demo.Pkg-1.4.0.tar.gz"),))


@pytest.mark.parametrize(
    ("name", "what", "fix"),
    [
        pytest.param(
            "Demo-1.4.0-py3-none-any.whl",
            "is spelled in a way that indexes refuse; it should be demo-1.4.0-py3-none-any.whl",
            "build it with a current version of the backend",
            id="capital",
        ),
        pytest.param(
            "demo-1.04.0-1-py3-none-any.whl",
            "is spelled in a way that indexes refuse; it should be demo-1.4.0-1-py3-none-any.whl",
            "build it with a current version of the backend",
            id="version not canonical",
        ),
        pytest.param(
            "demo-1.4.0-any.whl",
            "is no name for a distribution, and indexes refuse it",
            f"{BUILD}; it should be demo-1.4.0-PYTHON-ABI-PLATFORM.whl",
            id="no tags",
        ),
    ],
)
def test_names_of_wheels(name: str, what: str, fix: str) -> None:
    report = judged(wheel(name), sdist())
    assert report == Report((found("dist-name", f"{name} {what}", fix, name),))


@pytest.mark.parametrize(
    ("platform", "fix"),
    [
        ("linux_x86_64", "repair it with auditwheel, or build it with cibuildwheel"),
        ("freebsd_14_0_release_amd64", "remove it from dist"),
    ],
)
def test_platforms(platform: str, fix: str) -> None:
    name = f"demo-1.4.0-py3-none-{platform}.whl"
    tagged = WHEEL.replace(b"none-any", f"none-{platform}".encode())
    message = f"{name} is for {platform}, a platform that PyPI takes no wheels for"
    assert judged(wheel(name, {**WHEEL_FILES, f"{INFO}/WHEEL": tagged}), sdist()) == Report(
        (found("dist-name", message, fix, name),)
    )


def test_one_sdist_of_a_release() -> None:
    surplus = Finding(
        "dist-name",
        "dist has 2 sdists of 1.4.0 (demo-1.4.0.tar.gz, demo-1.4.0.zip), and indexes take one of each release",
        "keep demo-1.4.0.tar.gz, and remove the other from dist",
        "dist",
    )
    no_zip = "demo-1.4.0.zip is no .tar.gz, and indexes take no other sdist"
    assert judged(wheel(), sdist(), sdist("demo-1.4.0.zip")) == Report(
        (surplus, found("dist-name", no_zip, "build demo-1.4.0.tar.gz in its place", "demo-1.4.0.zip"))
    )


@pytest.mark.parametrize(
    ("name", "read_as"),
    [
        ("demo-1.0.tar.gz", FileName("demo", Version("1.0"), "demo-1.0.tar.gz")),
        ("Foo.Bar-1.0.zip", FileName("foo-bar", Version("1.0"), "foo_bar-1.0.tar.gz")),
        ("foo-bar-01.0-1.tar.gz", FileName("foo-bar-01-0", Version("1"), "foo_bar_01_0-1.tar.gz")),
        (
            "Foo.Bar-1.0-1a-py3-none-any.whl",
            FileName(
                "foo-bar", Version("1.0"), "foo_bar-1.0-1a-py3-none-any.whl", frozenset({Tag("py3", "none", "any")})
            ),
        ),
        ("demo-1.0-py3-none.whl", None),
        ("demo-one.tar.gz", None),
        ("demo-1.0.egg", None),
    ],
)
def test_what_names_say(name: str, read_as: FileName | None) -> None:
    assert read_name(name) == read_as


# -- dist-metadata: what a distribution says -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "faults"),
    [
        pytest.param(saying(Requires_Dist="a>=8\nno no"), ["'no no' is invalid for 'requires-dist'"], id="requirement"),
        pytest.param(saying(Requires_Python=">=3.x"), ["'>=3.x' is invalid for 'requires-python'"], id="specifier"),
        pytest.param(saying(Metadata_Version="2.0"), ["'2.0' is not a valid metadata version"], id="metadata version"),
        pytest.param(
            saying(Metadata_Version="2.1"),
            ["license-expression introduced in metadata version 2.4, not 2.1"],
            id="too new a field",
        ),
        pytest.param(saying(Color="blue"), ["color: unknown, or not to be understood"], id="unknown field"),
        pytest.param(saying(Summary="a\nb"), ["summary: unknown, or not to be understood"], id="twice"),
        pytest.param(saying(Summary="x" * 513), ["summary: indexes take 512 characters at most"], id="summary"),
        pytest.param(saying(License="MIT"), ["license: indexes refuse it beside license-expression"], id="licences"),
        pytest.param(
            saying(Requires_Dist="click @ https://example.org/click.zip"),
            ["requires-dist: indexes refuse requirements with an address (click @ https://example.org/click.zip)"],
            id="address",
        ),
        pytest.param(
            saying(Project_URL=f"{'x' * 33}, https://example.org"),
            [f"project-url: indexes ask for a label of at most 32 characters, and an address ({'x' * 33!r})"],
            id="label",
        ),
        pytest.param(
            saying(Requires_Python="3", Requires_Dist="-"),
            ["'-' is invalid for 'requires-dist'", "'3' is invalid for 'requires-python'"],
            id="both",
        ),
    ],
)  # fmt: skip
def test_metadata(metadata: bytes, faults: list[str]) -> None:
    lines = "\n".join(faults)
    fix = "mend it in pyproject.toml, commit, and build again"
    assert judged(*both(metadata)) == Report(
        (
            found("dist-metadata", f"{WHEEL_NAME} has a METADATA that indexes refuse\n{lines}", fix, WHEEL_NAME),
            found("dist-metadata", f"{SDIST_NAME} has a PKG-INFO that indexes refuse\n{lines}", fix, SDIST_NAME),
        )
    )


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(
            saying(Metadata_Version="2.1", License_Expression="", License="MIT", License_File="LICENSE"),
            id="License-File before its time",
        ),
        pytest.param(saying(Requires_Dist="click >= 8 ; extra == 'a'", Provides_Extra="a"), id="extra"),
        pytest.param(saying(Description_Content_Type="text/markdown; charset=UTF-8; variant=GFM"), id="Markdown"),
        pytest.param(saying(Name="Demo", Version="1.4.0"), id="capital"),
        pytest.param(saying(Project_URL="Changelog, https://example.org\nx, https://example.org"), id="addresses"),
        pytest.param(saying(Metadata_Version="2.5", Import_Name="demo"), id="2.5"),
    ],
)
def test_good_metadata(metadata: bytes) -> None:
    assert judged(*both(metadata)) == Report()


@pytest.mark.parametrize(
    ("metadata", "what"),
    [
        (saying(Name="other"), "that it is other"),
        (saying(Version="1.3.0"), "that it is version 1.3.0"),
        (saying(Version="1.4"), "that it is version 1.4"),
    ],
)
def test_metadata_of_another_release(metadata: bytes, what: str) -> None:
    assert judged(*both(metadata)) == Report(
        tuple(
            found("dist-metadata", f"{name} says in its {speaks} {what}, and installers believe that", BUILD, name)
            for name, speaks in ((WHEEL_NAME, "METADATA"), (SDIST_NAME, "PKG-INFO"))
        )
    )


@pytest.mark.parametrize(
    ("raised", "reader", "line"),
    [
        (AssertionError("…"), "parse_email", "it cannot be read (AssertionError)"),
        (ValueError("a line\nbreak"), "Metadata.from_raw", r"'a line\nbreak'"),
    ],
)
def test_metadata_that_older_readers_stumble_over(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, reader: str, line: str
) -> None:
    def stumble(_: object) -> None:
        raise raised

    monkeypatch.setattr(f"packaging.metadata.{reader}", stumble)
    assert judged(*both(saying())).findings[0].message.split("\n") == [
        f"{WHEEL_NAME} has a METADATA that indexes refuse",
        line,
    ]


def test_no_metadata() -> None:
    assert judged(wheel(texts={}), sdist(texts={})) == Report(
        (
            found(
                "dist-metadata",
                f"{WHEEL_NAME} has no METADATA and no WHEEL and no RECORD, and indexes refuse it",
                BUILD,
                WHEEL_NAME,
            ),
            found("dist-metadata", f"{SDIST_NAME} has no PKG-INFO, and indexes refuse it", BUILD, SDIST_NAME),
        )
    )


def test_a_misnamed_folder() -> None:
    renamed = wheel()._replace(path=Path("demo-1.5.0-py3-none-any.whl"))
    message = f"{renamed.name} has {INFO}, and indexes look for demo-1.5.0.dist-info"
    report = judged(renamed, sdist())
    assert found("dist-metadata", message, f"{BUILD}; renaming a wheel breaks it", renamed.name) in report.findings


def test_two_folders() -> None:
    two = wheel(files={**WHEEL_FILES, "other-1.0.dist-info/METADATA": b""})
    message = f"{WHEEL_NAME} has 2 .dist-info folders ({INFO}, other-1.0.dist-info), and installers refuse it"
    assert judged(two, sdist()) == Report((found("dist-metadata", message, BUILD, WHEEL_NAME),))


def test_licences_that_are_not_there() -> None:
    metadata = saying(License_File="LICENSE\nLICENSES/MIT.txt")
    fix = "include them: license-files in [project], of a current backend; and build again"
    assert judged(*both(metadata)) == Report(
        tuple(
            found(
                "dist-metadata",
                f"{name} lacks licence files that its {speaks} names, and indexes refuse it\nLICENSES/MIT.txt",
                fix,
                name,
            )
            for name, speaks in ((WHEEL_NAME, "METADATA"), (SDIST_NAME, "PKG-INFO"))
        )
    )


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        pytest.param(
            WHEEL.replace(b"Root-Is-Purelib: true\n", b""), ["Root-Is-Purelib is neither true nor false"], id="purelib"
        ),
        pytest.param(
            WHEEL.replace(b": 1.0", b": 2.0", 1), ["Wheel-Version is '2.0', and installers know 1.0"], id="2.0"
        ),
        pytest.param(
            WHEEL.replace(b"py3-", b"cp311-"),
            ["its tags are cp311-none-any, and those of the file's name py3-none-any"],
            id="tags",
        ),
        pytest.param(
            WHEEL + b"Tag: py2-none-any\n",
            ["its tags are py2-none-any, py3-none-any, and those of the file's name py3-none-any"],
            id="more tags",
        ),
        pytest.param(WHEEL + b"Tag: any\n", ["Tag is 'any'"], id="no tag"),
        pytest.param(
            b"",
            [
                "Wheel-Version is '', and installers know 1.0",
                "Root-Is-Purelib is neither true nor false",
                "its tags are none, and those of the file's name py3-none-any",
            ],
            id="empty",
        ),
    ],
)
def test_wheel_files(text: bytes, faults: list[str]) -> None:
    message = "\n".join([f"{WHEEL_NAME} has a WHEEL that is not true", *faults])
    assert judged(wheel(files={**WHEEL_FILES, f"{INFO}/WHEEL": text}), sdist()) == Report(
        (found("dist-metadata", message, BUILD, WHEEL_NAME),)
    )


TRUE = record(WHEEL_FILES).decode()
FIRST = TRUE.splitlines()[0]


@pytest.mark.parametrize(
    ("recorded", "faults"),
    [
        pytest.param(TRUE.replace(FIRST, ""), ["not recorded: demo/__init__.py"], id="missing"),
        pytest.param(TRUE + "demo/b.py,sha256=x,1\n", ["recorded, but not there: demo/b.py"], id="extra"),
        pytest.param(
            TRUE.replace("sha256=47", "sha256=48"), ["recorded with another hash: demo/__init__.py"], id="hash"
        ),
        pytest.param(TRUE.replace(FIRST, f"{FIRST}1"), ["recorded with another size: demo/__init__.py"], id="size"),
        pytest.param(
            TRUE.replace(FIRST, "demo/__init__.py,,"), ["recorded without a hash: demo/__init__.py"], id="no hash"
        ),
        pytest.param(
            TRUE.replace(FIRST, "demo/__init__.py"), ["recorded without a hash: demo/__init__.py"], id="only a path"
        ),
        pytest.param(
            TRUE.replace(FIRST, "demo/__init__.py,md5=x,0"),
            ["recorded with a weak hash (md5): demo/__init__.py"],
            id="md5",
        ),
        pytest.param(
            "",
            [
                f"not recorded: {INFO}/METADATA",
                f"not recorded: {INFO}/WHEEL",
                f"not recorded: {INFO}/licenses/LICENSE",
                "not recorded: demo/__init__.py",
            ],
            id="empty",
        ),
        pytest.param("\xff", ["it is no CSV in UTF-8"], id="not UTF-8"),
    ],
)
def test_records(recorded: str, faults: list[str]) -> None:
    text = f"{WHEEL_NAME} has a RECORD that is not true, as if somebody had changed it after the build"
    assert judged(wheel(recorded=recorded.encode("latin-1")), sdist()) == Report(
        (found("dist-metadata", "\n".join([text, *faults]), BUILD, WHEEL_NAME),)
    )


@pytest.mark.parametrize(
    "recorded",
    [
        pytest.param(TRUE.replace("demo/__init__.py", r"demo\__init__.py"), id="backslashes"),
        pytest.param(TRUE.replace(FIRST, f'"{FIRST.split(",")[0]}",{FIRST.split(",", 1)[1]}'), id="quoted"),
        pytest.param(TRUE.replace(FIRST, FIRST.replace(",0", "=,0")), id="padded"),
        pytest.param(TRUE.replace(FIRST, f"{FIRST[:-1]}\r\n\r\ndemo/,,"), id="folder, empty size and line"),
        pytest.param(TRUE.replace(f"{INFO}/RECORD,,\n", ""), id="without itself"),
        pytest.param(f"{TRUE}{INFO}/RECORD.jws,,\n{INFO}/RECORD.p7s,,\n", id="signatures"),
    ],
)
def test_good_records(recorded: str) -> None:
    assert judged(wheel(recorded=recorded.encode()), sdist()) == Report()


def test_signatures_of_a_record_need_not_be_recorded() -> None:
    signed = wheel()
    assert judged(signed._replace(members=(*signed.members, member(f"{INFO}/RECORD.jws"))), sdist()) == Report()


def test_hashes_that_are_not_compared_are_said() -> None:
    recorded = TRUE.replace(FIRST, "demo/__init__.py,sha512=x,0").encode()
    reason = f"{WHEEL_NAME} records sha512, and only sha256 is compared"
    assert judged(wheel(recorded=recorded), sdist()) == Report(skipped=(Skipped("dist-metadata", reason),))


# -- dist-metadata: archives -----------------------------------------------------------------------------------------


def test_archives() -> None:
    broken = sdist(damage=("cut off",), unsafe=("a link",), duplicates=("a", "b\n"), texts={})
    assert judged(wheel(), broken) == Report(
        (
            found(
                "dist-metadata",
                f"{SDIST_NAME} cannot be read as a whole, so nobody could install it\ncut off",
                BUILD,
                SDIST_NAME,
            ),
            found(
                "dist-metadata",
                f"{SDIST_NAME} has what installers and indexes refuse\na link",
                "keep it out of the archive, and build again",
                SDIST_NAME,
            ),
            found(
                "dist-metadata",
                f"{SDIST_NAME} has the same path twice, and which one people get depends on the installer\na\n'b\\n'",
                "see that the build includes each file once, and build again",
                SDIST_NAME,
            ),
        )
    )


def test_of_a_damaged_wheel_nothing_more_is_said() -> None:
    report = judged(wheel(damage=("demo/a.py: Bad CRC-32",), members=()), sdist())
    assert [each.message.split("\n")[1] for each in report.findings] == ["demo/a.py: Bad CRC-32"]


# -- dist-metadata: the release as a whole ---------------------------------------------------------------------------


def test_a_wheel_keeps_what_its_sdist_promises() -> None:
    first, _ = both(saying(Requires_Dist="click>=8\nRich ; extra == 'a'", Requires_Python=">=3.12"))
    _, second = both(saying(Requires_Dist="click >= 7\nrich ; extra == 'a'", Requires_Python=">= 3.11"))
    message = f"""{WHEEL_NAME} says something else than {SDIST_NAME}, so people get what installers chose
Requires-Python: >=3.11 in the sdist, >=3.12 in the wheel
Requires-Dist: click>=7 only in the sdist
Requires-Dist: click>=8 only in the wheel"""
    fix = "build the wheel from this sdist: tagready build"
    assert judged(first, second) == Report((found("dist-metadata", message, fix, WHEEL_NAME),))


@pytest.mark.parametrize(
    "promised",
    [
        saying(Dynamic="Requires-Dist\nRequires-Python"),
        saying(Dynamic="requires-dist\nrequires-python"),
        saying(Metadata_Version="2.1", License_Expression="", License="MIT"),
    ],
)
def test_what_is_dynamic_may_differ(promised: bytes) -> None:
    first, _ = both(saying(Requires_Dist="click", Requires_Python=">=3.12"))
    _, second = both(promised)
    assert judged(first, second) == Report()


def _gap(what: str, fix: str) -> Finding:
    return Finding("dist-metadata", f"the metadata state {what}", fix, level=Level.WARNING)


NO_LICENCE = _gap("no licence, so nobody may use it", 'license = "…" and license-files in [project]')
NO_README = _gap("no readme, so its page on the index is empty", 'readme = "README.md" in [project]')
NO_PYTHON = _gap(
    "no Requires-Python, so installers choose it where it cannot run", 'requires-python = ">=…" in [project]'
)


@pytest.mark.parametrize(
    ("metadata", "gaps"),
    [
        pytest.param(saying(License_Expression=""), [NO_LICENCE], id="licence"),
        pytest.param(saying(License_Expression="", License="UNKNOWN"), [NO_LICENCE], id="unknown licence"),
        pytest.param(saying(License_Expression="", License="MIT"), [], id="old licence"),
        pytest.param(saying(License_Expression="", License_File="LICENSE"), [], id="licence file"),
        pytest.param(
            saying(License_Expression="", Classifier="License :: OSI Approved :: MIT License"), [], id="classifier"
        ),
        pytest.param(saying(License_Expression="", Classifier="Typing :: Typed"), [NO_LICENCE], id="other classifier"),
        pytest.param(saying(body=""), [NO_README], id="readme"),
        pytest.param(saying(body="UNKNOWN"), [NO_README], id="unknown readme"),
        pytest.param(saying(body="", Description="Text"), [], id="readme as a header"),
        pytest.param(saying(Requires_Python=""), [NO_PYTHON], id="Requires-Python"),
        pytest.param(
            saying(License_Expression="", body="", Requires_Python=""), [NO_LICENCE, NO_README, NO_PYTHON], id="all"
        ),
    ],
)
def test_gaps_are_said_once(metadata: bytes, gaps: list[Finding]) -> None:
    assert judged(*both(metadata)) == Report(tuple(gaps))


def test_what_one_distribution_says_is_no_gap() -> None:
    first, _ = both(saying())
    _, second = both(saying(Dynamic="Requires-Python\nDescription\nLicense-Expression", Requires_Python="", body=""))
    assert judged(first, second) == Report()


# -- dist-untracked --------------------------------------------------------------------------------------------------

TRACKED = {path: oid(content) for path, content in SDIST_FILES.items() if path != "PKG-INFO"}


def untracked(lines: list[str], example: str) -> Finding:
    """Return the finding about an sdist with such files."""
    count = "a file that is" if len(lines) == 1 else f"{len(lines)} files that are"
    message = f"{SDIST_NAME} has {count} not as committed, so people get what nobody can review"
    fix = "build from what is committed: tagready build; if the build itself makes it: dist-generated = "
    return found("dist-untracked", "\n".join([message, *lines]), fix + example, SDIST_NAME)


def with_files(**files: bytes) -> Distribution:
    return sdist(files={**SDIST_FILES, **files})


@pytest.mark.parametrize(
    ("files", "lines", "example"),
    [
        pytest.param({"secrets.env": b"x\n"}, ["not tracked: secrets.env"], "['secrets.env']", id="untracked"),
        pytest.param({"LICENSE": b"GPL\n"}, ["other bytes: LICENSE"], "['LICENSE']", id="changed"),
        pytest.param(
            {"b/a.py": b"1\n", "a.py": b"2\n", "pyproject.toml": b"3\n"},
            ["not tracked: a.py", "not tracked: b/a.py", "other bytes: pyproject.toml"],
            "['a.py', …]",
            id="several",
        ),
        pytest.param({"a\nb": b"1\n"}, [r"not tracked: 'a\nb'"], r"['a\nb']", id="newline"),
        pytest.param({"egg-info/a": b"1\n"}, ["not tracked: egg-info/a"], "['egg-info/a']", id="no egg-info"),
    ],
)  # fmt: skip
def test_untracked(files: dict[str, bytes], lines: list[str], example: str) -> None:
    assert judged(wheel(), with_files(**files), tracked=TRACKED) == Report((untracked(lines, example),))


def test_of_many_files_the_first_are_shown() -> None:
    files = {f"junk/{count:02}": b"%d" % count for count in range(20)}
    lines = [f"not tracked: junk/{count:02}" for count in range(8)]
    finding = judged(wheel(), with_files(**files), tracked=TRACKED).findings[0]
    assert finding.message.split("\n")[1:] == [*lines, "… and 12 more"]
    assert finding.message.startswith(f"{SDIST_NAME} has 20 files")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        pytest.param("setup.cfg", b"[egg_info]\n", id="setuptools"),
        pytest.param("demo.egg-info/SOURCES.txt", b"1\n", id="egg-info"),
        pytest.param("src/demo.egg-info/PKG-INFO", b"1\n", id="egg-info in src"),
        pytest.param(".git_archival.txt", b"node: 1234\n", id="git archive"),
        pytest.param("src/demo/_version.py", b"1\n", id="generated"),
        pytest.param("src/demo/locale/de/demo.mo", b"1\n", id="generated, by a pattern"),
        pytest.param("copy/of/LICENSE", SDIST_FILES["LICENSE"], id="copy"),
        pytest.param("vendored/lib/a.c", b"1\n", id="submodule"),
        pytest.param("big.bin", b"much", id="git-lfs"),
    ],
)
def test_what_is_not_untracked(path: str, content: bytes) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 4\n"
    tracked = TRACKED | {
        "vendored/lib": "1234567890" * 4,  # a submodule's commit
        "big.bin": oid(pointer % member("", b"much").sha256.encode()),
    }
    generated = ("src/demo/_version.py", "*.mo")
    assert judged(wheel(), with_files(**{path: content}), tracked=tracked, generated=generated) == Report()


@pytest.mark.parametrize(
    ("crlf", "lines"),
    [((), ["other line endings: run.bat"]), (("*.bat",), []), (("*.cmd",), ["other line endings: run.bat"])],
)
def test_line_endings(crlf: tuple[str, ...], lines: list[str]) -> None:
    converted = sdist()._replace(members=(*sdist().members, member("run.bat", b"a\r\n", b"a\n")))
    report = judged(wheel(), converted, tracked=TRACKED | {"run.bat": oid(b"a\n")}, crlf=crlf)
    assert report == Report((untracked(lines, "['run.bat']"),) if lines else ())


def test_a_repository_with_sha256() -> None:
    tracked = {path: oid(content, "sha256") for path, content in SDIST_FILES.items()}
    members = tuple(member(path, each)._replace(oid=oid(each, "sha256")) for path, each in SDIST_FILES.items())
    assert judged(wheel(), sdist(members=members), tracked=tracked) == Report()
    changed = member("LICENSE", b"GPL\n")._replace(oid=oid(b"GPL\n", "sha256"))
    assert judged(wheel(), sdist(members=(*members, changed)), tracked=tracked) == Report(
        (untracked(["other bytes: LICENSE"], "['LICENSE']"),)
    )


def test_another_release_is_not_compared() -> None:
    other = sdist("demo-1.3.0.tar.gz", {**SDIST_FILES, "PKG-INFO": saying(Version="1.3.0"), "a": b"1\n"})
    assert [each.rule for each in judged(wheel(), sdist(), other, tracked=TRACKED).findings] == ["dist-name"]


@pytest.mark.parametrize(
    ("asked", "skipped"),
    [
        ({}, ()),
        ({"no_tree": "there is no repository here"}, (Skipped("dist-untracked", "there is no repository here"),)),
    ],
)
def test_without_a_repository(asked: dict[str, str], skipped: tuple[Skipped, ...]) -> None:
    assert judged(wheel(), with_files(secrets=b"x\n"), **asked) == Report(skipped=skipped)


# -- secret-in-tree --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leak", "what", "level"),
    [
        (Leak(3, "a PyPI token", test_index=False), "a PyPI token", Level.ERROR),
        (Leak(3, "a TestPyPI token", test_index=True), "a TestPyPI token", Level.WARNING),
        (Leak(3, "a password in a .pypirc", test_index=False), "a password", Level.ERROR),
    ],
)
def test_secrets(leak: Leak, what: str, level: Level) -> None:
    leaking = sdist(leaks=(MemberLeak("docs/a.txt", leak),))
    secret = Finding(
        "secret-in-tree",
        f"{SDIST_NAME} has {what} in docs/a.txt, line 3, and whoever downloads it can use it",
        "revoke it where it was made, take it out, commit, and build again; "
        "if it is no secret: allow-secrets = ['docs/a.txt']",
        f"dist/{SDIST_NAME}",
        level=level,
    )
    assert judged(wheel(), leaking) == Report((secret,))
    assert judged(wheel(), leaking, allow_secrets=["docs/*"]) == Report()
    assert judged(wheel(), leaking, allow_secrets=["*.md"]) == Report((secret,))


# -- archives, from the disk to the verdict --------------------------------------------------------------------------


def test_archives_of_a_good_release(tmp_path: Path) -> None:
    found_ones = [read(write_wheel(tmp_path / WHEEL_NAME)), read(write_sdist(tmp_path / SDIST_NAME))]
    assert judged(*found_ones, tracked=TRACKED) == Report()


def test_spoilt_archives(tmp_path: Path) -> None:
    changed = {**WHEEL_FILES, "demo/__init__.py": b"evil\n", f"{INFO}/RECORD": record(WHEEL_FILES)}
    bad_wheel = read(write_zip(tmp_path / WHEEL_NAME, changed.items()))
    members = [file(f"d/{name}", content) for name, content in SDIST_FILES.items() if name != "LICENSE"]
    bad_sdist = read(
        write_tar(tmp_path / SDIST_NAME, [*members, file("d/build/lib/x.py", b"x\n"), file("e/y.py", b"y\n")])
    )
    report = judged(bad_wheel, bad_sdist, tracked=TRACKED)
    assert [(each.rule, each.path, each.message.split("\n")[1:]) for each in report.findings] == [
        ("dist-metadata", f"dist/{WHEEL_NAME}", ["recorded with another hash: demo/__init__.py"]),
        ("dist-metadata", f"dist/{SDIST_NAME}", ["there is no single top folder (d, e)"]),
        (
            "dist-untracked",
            f"dist/{SDIST_NAME}",
            ["not tracked: d/PKG-INFO", "not tracked: d/build/lib/x.py", "not tracked: e/y.py"],
        ),
    ]


# -- anything at all -------------------------------------------------------------------------------------------------

LINES = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from(
            [b"Name: demo", b"Version: 1.4.0", b"Metadata-Version: 2.4", b"Requires-Dist: a @ b", b"Tag: a-b-c", b"",
             b"Project-URL: a", b"License-File: ../a", b"Keywords: \xff", b"Content-Type: multipart/mixed; boundary=x"]
        ),
    ),
    max_size=8,
).map(b"\n".join)  # fmt: skip


@given(LINES, LINES, LINES, LINES)
def test_any_texts_are_judged(metadata: bytes, tags: bytes, recorded: bytes, info: bytes) -> None:
    files = {**WHEEL_FILES, f"{INFO}/METADATA": metadata, f"{INFO}/WHEEL": tags}
    report = judged(wheel(files=files, recorded=recorded), sdist(files={**SDIST_FILES, "PKG-INFO": info}))
    assert all(line.isprintable() for each in report.findings for line in each.message.split("\n"))


@given(st.text(), st.sampled_from([".whl", ".tar.gz", ".zip", "-1.0.tar.gz", "-1.0-py3-none-any.whl"]))
def test_any_name_is_judged(name: str, end: str) -> None:
    path = Path((name + end).replace("/", "").replace("\0", ""))
    made_up = Distribution(path, kind_of(path.name), 1, "", damage=("no",))
    assert not judged(wheel(), sdist(), made_up).ok
