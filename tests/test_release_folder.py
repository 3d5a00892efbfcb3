"""What lies in a folder of distributions: whether it is what was built and verified, and of which release it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.version import Version

from dists import make_both, make_sdist, make_wheel
from tagready.doors.release_folder import described_by, distributions_in, look_into, project_of, unlike_release
from tagready.facts.findings import Finding, Level, Refused, Report, WrongUse, as_verdict
from tagready.facts.publishing.release_file import NAME, ReleaseFile, as_json, as_sums

WHEEL, SDIST = "demo-1.4.0-py3-none-any.whl", "demo-1.4.0.tar.gz"
LINUX = "demo-1.4.0-cp313-cp313-manylinux_2_28_x86_64.whl"

Step = Callable[[Path], object]
Found = tuple[str, str, str | None]

GATE = Finding("entry-missing", "there is no entry for 1.4.0", "prepare-release 1.4.0", "CHANGELOG.md", 5)
SHOWN = Finding("date-implausible", "it is of another year", "see to it", level=Level.WARNING)


def release(folder: Path, *findings: Finding, **keys: Any) -> ReleaseFile:
    """Write the release.json that a build of what lies there would have written."""
    told = ReleaseFile(
        project="demo",
        version="1.4.0",
        tag="v1.4.0",
        commit="c" * 40,
        source_date_epoch=1770120000,
        python="3.13.1",
        files=tuple(described_by(path) for path in distributions_in(folder)),
        requirements=("flit_core==4.2.0",),
        verdict=as_verdict(Report(findings)),
    )._replace(**keys)
    (folder / NAME).write_text(as_json(told))
    (folder / "SHA256SUMS").write_text(as_sums(told.files))
    return told


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as a build leaves it."""
    folder = tmp_path / "dist"
    make_both(folder)
    release(folder)
    return folder


def error(rule: str, name: str | None = None) -> Found:
    return rule, "error", name


def warning(rule: str, name: str | None = None) -> Found:
    return rule, "warning", name


def found_in(report: Report) -> list[Found]:
    return [(each.rule, str(each.level), each.path and Path(each.path).name) for each in report.findings]


# -- the words in which the tables are written -------------------------------------------------------------------------


def nothing(_: Path) -> None:
    """Leave all as it was built."""


def without(*names: str) -> Step:
    def step(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return step


def other_bytes(name: str) -> Step:
    """Change a byte; the file is as long as before."""

    def step(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[-1] ^= 1
        (folder / name).write_bytes(content)

    return step


def more(name: str, content: bytes = b"") -> Step:
    return lambda folder: (folder / name).write_bytes(content)


def wheel(version: str = "1.4.0", **options: Any) -> Step:
    return lambda folder: make_wheel(folder, version=version, **options)


def in_its_place(name: str) -> Step:
    """Put a folder where a file was."""

    def step(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return step


def told(*findings: Finding, **keys: Any) -> Step:
    return lambda folder: release(folder, *findings, **keys)


class Case(NamedTuple):
    """What is done to a folder as it was built, what is found then, and the files that would be published."""

    steps: tuple[Step, ...]
    findings: list[Found]
    files: list[str]


BOTH = [WHEEL, SDIST]
BUILT = {
    "as built": Case((nothing,), [], BOTH),
    "signatures and notes": Case((more(f"{SDIST}.asc"), more("notes.txt"), more(f".{WHEEL}")), [], BOTH),
    "without the sums": Case((without("SHA256SUMS"),), [], BOTH),
    "a wheel is gone": Case((without(WHEEL),), [error("dist-missing", WHEEL)], [SDIST]),
    "all is gone": Case((without(*BOTH),), [error("dist-missing", WHEEL), error("dist-missing", SDIST)], []),
    "a folder in its place": Case((in_its_place(SDIST),), [error("dist-missing", SDIST)], [WHEEL]),
    "changed": Case((other_bytes(SDIST),), [error("dist-metadata", SDIST)], BOTH),
    "cut off": Case((more(WHEEL),), [error("dist-metadata", WHEEL)], BOTH),
    "built again from another tree": Case((wheel(seed=1),), [error("dist-metadata", WHEEL)], BOTH),
    "a wheel from elsewhere": Case((wheel(filename=LINUX),), [error("dist-metadata", LINUX)], [LINUX, *BOTH]),
    "a wheel of another release": Case(
        (wheel("1.3.0"),), [error("dist-name", "demo-1.3.0-py3-none-any.whl")],
        ["demo-1.3.0-py3-none-any.whl", *BOTH],
    ),
    "an egg": Case((more("demo-1.4.0-py3.13.egg"),), [error("dist-name", "demo-1.4.0-py3.13.egg")],
                   [WHEEL, "demo-1.4.0-py3.13.egg", SDIST]),
    "no wheel was built": Case((without(WHEEL), told()), [error("dist-missing", "dist")], [SDIST]),
    "none, and one from elsewhere": Case(
        (without(WHEEL), told(), wheel()), [], [WHEEL, SDIST]
    ),
    "the gate said no": Case((told(SHOWN, GATE),), [error("entry-missing", "CHANGELOG.md")], BOTH),
    "the gate warned": Case((told(SHOWN),), [], BOTH),
    "no, and changed": Case(
        (told(GATE), other_bytes(WHEEL)), [error("dist-metadata", WHEEL), error("entry-missing", "CHANGELOG.md")], BOTH
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BUILT.values(), ids=BUILT)
def test_with_a_release_file(built: Path, case: Case) -> None:
    for step in case.steps:
        step(built)
    folder = look_into(built)
    assert (folder.path, folder.project, folder.version) == (built, "demo", Version("1.4.0"))
    assert found_in(folder.report) == case.findings
    assert [file.name for file in folder.files] == case.files


def test_says_what_was_found_and_the_way_out(built: Path) -> None:
    release(built, GATE)
    digest = described_by(built / WHEEL).sha256
    other_bytes(WHEEL)(built)
    (built / SDIST).unlink()
    assert look_into(built).report.findings == (
        Finding(
            "dist-metadata",
            f"{WHEEL} is not the file that was built and verified: its SHA-256 is not {digest}",
            "take the files of the build again, all of them",
            str(built / WHEEL),
        ),
        Finding(
            "dist-missing",
            f"{NAME} names {SDIST}, which is not in {built}",
            f"bring all files of the build together in {built}",
            str(built / SDIST),
        ),
        Finding(
            "entry-missing",
            "when this was built, the tag gate said of cccccccccc: there is no entry for 1.4.0",
            "prepare-release 1.4.0",
            "CHANGELOG.md",
            5,
        ),
    )


def test_files_are_described_as_they_were_built(built: Path) -> None:
    """What is published is compared with the hashes of the build, not with those of what lies there by now."""
    told = release(built)
    other_bytes(WHEEL)(built)
    folder = look_into(built)
    assert (folder.release, folder.files) == (told, told.files)


WITHOUT = {
    "good": Case((nothing,), [], BOTH),
    "no wheel": Case((without(WHEEL),), [error("dist-missing", "dist")], [SDIST]),
    "no readme": Case(
        (wheel(readme=""), lambda folder: make_sdist(folder, readme="")), [warning("dist-metadata")], BOTH
    ),
    "damaged": Case((more(WHEEL, b"PK"),), [error("dist-metadata", WHEEL)], BOTH),
    "two sdists": Case(
        (lambda folder: make_sdist(folder, filename="Demo-1.4.0.tar.gz"),),
        [error("dist-name", "dist"), error("dist-name", "Demo-1.4.0.tar.gz")], ["Demo-1.4.0.tar.gz", *BOTH],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WITHOUT.values(), ids=WITHOUT)
def test_without_a_release_file(built: Path, case: Case) -> None:
    (built / NAME).unlink()
    for step in case.steps:
        step(built)
    folder = look_into(built)
    assert (folder.project, folder.version, folder.release) == ("demo", Version("1.4.0"), None)
    assert found_in(folder.report) == case.findings
    assert folder.files == tuple(described_by(built / name) for name in case.files)


def refusal(path: Path) -> tuple[str, str, str]:
    with pytest.raises(Refused) as caught:
        look_into(path)
    (found,) = caught.value.report.findings
    return found.rule, found.message.replace(str(path), "dist"), found.fix.replace(str(path), "dist")


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    fix = "tagready build, or give another folder with --dist"
    assert refusal(tmp_path) == ("dist-missing", "there is no distribution in dist", fix)


def test_two_releases_in_one_folder(tmp_path: Path) -> None:
    make_both(tmp_path)
    make_wheel(tmp_path, version="1.3.0")
    assert refusal(tmp_path) == (
        "dist-name",
        f"the distributions in dist are of more than one release (demo-1.3.0-py3-none-any.whl, {WHEEL}, {SDIST})",
        "leave one release's files in dist, or give another folder with --dist",
    )


def test_two_projects_in_one_folder(tmp_path: Path) -> None:
    make_wheel(tmp_path)
    make_sdist(tmp_path, "other")
    assert refusal(tmp_path)[:2] == (
        "dist-name", f"the distributions in dist are of more than one release ({WHEEL}, other-1.4.0.tar.gz)"
    )  # fmt: skip


def test_names_that_say_nothing(tmp_path: Path) -> None:
    more("demo.whl")(tmp_path)
    assert refusal(tmp_path) == (
        "dist-name", "no file in dist is named as a distribution is (demo.whl)", "tagready build"
    )  # fmt: skip


def test_one_project_in_several_spellings_is_one(tmp_path: Path) -> None:
    make_wheel(tmp_path, "Demo-Two", filename="demo_two-1.4.0-py3-none-any.whl")
    make_sdist(tmp_path, "Demo-Two", filename="Demo.Two-1.4.0.tar.gz")
    assert look_into(tmp_path).project == "demo-two"
    assert project_of(tmp_path) == "demo-two"


def test_no_folder(tmp_path: Path) -> None:
    missing = tmp_path / "dist"
    with pytest.raises(WrongUse, match="there is no folder") as caught:
        look_into(missing)
    assert caught.value.fix == "build first (tagready build), or give the folder with --dist"


BROKEN = {
    "no JSON": ("oops", "is not JSON"),
    "a path that leads out": (json.dumps({"schema": 1, "files": []}), "lacks what it should say"),
    "no UTF-8": (b"\xff\xfe", "is not JSON"),
}


@pytest.mark.parametrize(("content", "why"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("look", [look_into, unlike_release, project_of])
def test_a_release_file_that_says_nothing(built: Path, look: Callable[[Path], Any], content: Any, why: str) -> None:
    (built / NAME).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(WrongUse, match=why) as caught:
        look(built)
    assert caught.value.what.startswith(f"{built / NAME} ")


def test_a_release_that_no_index_takes(built: Path) -> None:
    release(built, version="1.4.1.dev3+g0123abc")
    with pytest.raises(WrongUse, match="has a local part"):
        look_into(built)


def test_only_what_is_unlike_is_told(built: Path) -> None:
    release(built, GATE)
    assert unlike_release(built) == Report()
    other_bytes(SDIST)(built)
    assert found_in(unlike_release(built)) == [error("dist-metadata", SDIST)]
    (built / NAME).unlink()
    assert unlike_release(built) == Report()


def test_of_another_commit(built: Path) -> None:
    assert unlike_release(built, "c" * 40) == Report()
    (found,) = unlike_release(built, "d" * 40).findings
    assert (found.rule, found.path) == ("version-mismatch", str(built / NAME))
    assert found.message == f"the distributions in {built} were built from cccccccccc, not from dddddddddd"


PROJECTS: dict[str, tuple[Step, str | None]] = {
    "release.json": (told(project="Demo-App"), "Demo-App"),
    "the names of files": (without(NAME), "demo"),
    "nothing": (without(NAME, *BOTH), None),
    "a name that says nothing": (lambda folder: [(folder / each).rename(folder / "a.whl") for each in [NAME]], "demo"),
}


@pytest.mark.parametrize(("step", "project"), PROJECTS.values(), ids=PROJECTS)
def test_project_of(built: Path, step: Step, project: str | None) -> None:
    step(built)
    assert project_of(built) == project


def test_project_of_no_folder(tmp_path: Path) -> None:
    assert project_of(tmp_path / "dist") is None
