"""What release.json and SHA256SUMS say, what comes back of it, and what is refused."""

from __future__ import annotations

import json
import string
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagready.facts.findings import Finding, Level, Report, Skipped, WrongUse, as_verdict
from tagready.facts.publishing.release_file import NAME, ReleasedFile, ReleaseFile, as_json, as_sums, constraints, read

A, B = "a" * 64, "b" * 64
WHEEL, SDIST = ReleasedFile("demo-1.4.0-py3-none-any.whl", 1152, A), ReleasedFile("demo-1.4.0.tar.gz", 40525, B)
FOUND = Finding("entry-differs", "the entry\ndiffers", "mend it", "CHANGELOG.md", 5, Level.WARNING)
RELEASE = ReleaseFile(
    project="demo",
    version="1.4.0",
    tag="v1.4.0",
    commit="c" * 40,
    source_date_epoch=1770120000,
    python="3.13.1",
    files=(WHEEL, SDIST),
    requirements=("flit_core==4.2.0", "odd.name==1!2.0rc1+local"),
    verdict=as_verdict(Report((FOUND,), (Skipped("version-not-newer", "there is no remote"),))),
)


def test_has_what_a_person_looks_for_first() -> None:
    assert as_json(RELEASE).startswith(
        '{\n  "schema": 1,\n  "project": "demo",\n  "version": "1.4.0",\n  "tag": "v1.4.0",\n  "commit": "cccc'
    )


def test_has_the_types_that_other_programs_count_on() -> None:
    document = json.loads(as_json(RELEASE))
    assert {key: type(value) for key, value in document.items()} == {
        "schema": int, "project": str, "version": str, "tag": str, "commit": str, "source_date_epoch": int,
        "python": str, "files": list, "requirements": list, "verdict": dict, "added": list,
    }  # fmt: skip
    assert document["files"][1] == {"name": "demo-1.4.0.tar.gz", "size": 40525, "sha256": B}
    assert json.loads(as_json(RELEASE._replace(tag=None)))["tag"] is None


# -- there and back ----------------------------------------------------------------------------------------------------

words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)
names = st.text(f"{string.ascii_letters}{string.digits}._+!-").map(lambda text: f"d{text}.whl")
files = st.builds(ReleasedFile, names, st.integers(0), st.text("0123456789abcdef", min_size=64, max_size=64))
findings = st.builds(
    Finding, words, st.text(st.characters(exclude_categories=["Cs"])), words, st.none() | words,
    st.none() | st.integers(1), st.sampled_from(Level),
)  # fmt: skip
reports = st.builds(Report, st.lists(findings, max_size=3).map(tuple), st.just((Skipped("entry-differs", "…"),)))
releases = st.builds(
    ReleaseFile,
    project=words,
    version=words,
    tag=st.none() | words,
    commit=words,
    source_date_epoch=st.integers(0),
    python=words,
    files=st.lists(files, min_size=1, max_size=4, unique_by=lambda file: file.name).map(tuple),
    requirements=st.just(RELEASE.requirements),
    verdict=reports.map(as_verdict),
)


@given(releases)
def test_comes_back_as_it_was_written(release: ReleaseFile) -> None:
    text = as_json(release)
    assert read(text, NAME) == release
    assert as_json(read(text, NAME)) == text


def test_is_utf8_whatever_a_path_is() -> None:
    strange = Finding("fragment-ignored", "a", "b", "\udcff.md", level=Level.WARNING)
    text = as_json(RELEASE._replace(verdict=as_verdict(Report((strange,)))))
    assert read(text.encode().decode(), NAME).verdict["findings"][0]["path"] == "?.md"


@settings(max_examples=50)
@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_anything_else_is_refused_in_words(text: str) -> None:
    with pytest.raises(WrongUse, match=r"release\.json"):
        read(text, NAME)


# -- what is refused ---------------------------------------------------------------------------------------------------


def changed(**keys: Any) -> str:
    return json.dumps(json.loads(as_json(RELEASE)) | keys)


def without(key: str) -> str:
    return json.dumps({name: value for name, value in json.loads(as_json(RELEASE)).items() if name != key})


def file(**keys: Any) -> str:
    return changed(files=[WHEEL._asdict() | keys])


def found(**keys: Any) -> str:
    """A verdict with one finding, a warning, that says something else."""
    table = {**as_verdict(Report((FOUND,)))["findings"][0], **keys}
    return changed(verdict={"ok": True, "findings": [table], "skipped": []})


LACKS, NO_NUMBER = "lacks what it should say", "source_date_epoch is"
OUTSIDE = [
    "../demo.whl", "/demo.whl", "..", ".demo.whl", "a/b.whl", "a\\b.whl", "C:demo.whl", "demo.whl\n", "", "dém.whl",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "is not JSON", id="empty"),
        pytest.param('{"schema": 1', "is not JSON", id="cut off"),
        pytest.param("[" * 100_000, "is not JSON", id="deep"),
        pytest.param("[]", "is none that tagready has written", id="no object"),
        pytest.param(changed(schema=2), "has schema 2, and this tagready knows 1 only", id="of a schema to come"),
        pytest.param(changed(schema="1"), "has schema '1'", id="schema in words"),
        *(pytest.param(without(key), f"KeyError: '{key}'", id=f"no {key}") for key in RELEASE._fields if key != "tag"),
        *(
            pytest.param(changed(**{key: value}), f"{key} is", id=f"{key} {value!a}")
            for key in ("project", "version", "tag", "commit", "python")
            for value in (5, "a\nb", "\x1b[2J", "\ud800")
        ),
        pytest.param(changed(source_date_epoch="1770120000"), NO_NUMBER, id="time in words"),
        pytest.param(changed(source_date_epoch=-1), NO_NUMBER, id="time before time"),
        pytest.param(changed(source_date_epoch=True), NO_NUMBER, id="time is true"),
        pytest.param(changed(source_date_epoch=float("inf")), NO_NUMBER, id="time without end"),
        pytest.param(changed(source_date_epoch=1.5), NO_NUMBER, id="time in fractions"),
        *(pytest.param(file(name=name), "a file is called", id=f"file {name!a}") for name in OUTSIDE),
        pytest.param(file(name="pyproject.toml"), "a file is called", id="file that is no distribution"),
        pytest.param(file(name=NAME), "a file is called", id="file is itself"),
        pytest.param(file(name=5), "a file is called", id="file is a number"),
        pytest.param(file(sha256=A.upper()), "the SHA-256 of", id="hash in capitals"),
        pytest.param(file(sha256=A[1:]), "the SHA-256 of", id="hash too short"),
        pytest.param(file(sha256=None), "the SHA-256 of", id="no hash"),
        pytest.param(file(size=-1), "size is", id="size below nothing"),
        pytest.param(file(size="12"), "size is", id="size in words"),
        pytest.param(changed(files=None), LACKS, id="files is null"),
        pytest.param(changed(files=[]), "it names no file", id="no files"),
        pytest.param(changed(files={"name": "a"}), LACKS, id="files is a table"),
        pytest.param(changed(files=[{}]), "KeyError: 'name'", id="file without a name"),
        pytest.param(changed(files=[WHEEL._asdict()] * 2), "it names a file twice", id="file twice"),
        pytest.param(changed(requirements="flit"), "a requirement is", id="requirements in words"),
        pytest.param(changed(requirements=["flit"]), "a requirement is", id="no version"),
        pytest.param(changed(requirements=["a==1\n--no-index"]), "a requirement is", id="two lines"),
        pytest.param(changed(requirements=["--index-url=http://a"]), "a requirement is", id="option"),
        pytest.param(changed(requirements=None), LACKS, id="no requirements"),
        pytest.param(changed(verdict=True), LACKS, id="verdict is true"),
        pytest.param(changed(verdict={"ok": True}), "KeyError: 'findings'", id="verdict without findings"),
        pytest.param(changed(verdict={"ok": True, "findings": []}), "KeyError: 'skipped'", id="nothing of skips"),
        pytest.param(changed(verdict={"ok": False, "findings": [], "skipped": []}), "contradicts", id="no for nothing"),
        pytest.param(changed(verdict={"ok": 1, "findings": [], "skipped": []}), "contradicts", id="ok is a number"),
        pytest.param(found(level="error"), "contradicts", id="ok, with an error"),
        pytest.param(found(level="notice"), "'notice' is not a valid Level", id="level unknown"),
        pytest.param(found(rule=5), "a finding is", id="rule is a number"),
        pytest.param(found(path=["a"]), "a finding is", id="path is a list"),
        pytest.param(found(line="5"), "a finding is", id="line in words"),
    ],
)
def test_refused(text: str, why: str) -> None:
    with pytest.raises(WrongUse) as caught:
        read(text, "dist/release.json")
    assert caught.value.what.startswith("dist/release.json ")
    assert why in caught.value.what
    assert caught.value.fix == "build again: tagready build; without dist/release.json, the files speak for themselves"


# -- SHA256SUMS --------------------------------------------------------------------------------------------------------


def test_sums_are_sorted_and_hold_for_sha256sum(tmp_path: Path) -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    listed = [ReleasedFile(name, 0, empty) for name in ("demo-1.4.0.tar.gz", "demo-1.4.0+x-py3-none-any.whl")]
    for each in listed:
        (tmp_path / each.name).touch()
    text = as_sums(listed)
    assert text == f"{empty}  demo-1.4.0+x-py3-none-any.whl\n{empty}  demo-1.4.0.tar.gz\n"
    (tmp_path / "SHA256SUMS").write_text(text)
    subprocess.run(["sha256sum", "--check", "--strict", "--status", "SHA256SUMS"], cwd=tmp_path, check=True)


# -- constraints -------------------------------------------------------------------------------------------------------

PIP = """\
# as pip has it

flit_core==4.2.0  # the newest
  hatchling>=1.26
packaging==26.3 \\
    --hash=sha256:0
demo @ https://example.org/demo.whl#sha256=0
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(as_json(RELEASE), RELEASE.requirements, id="release.json"),
        pytest.param("\n  " + as_json(RELEASE), RELEASE.requirements, id="with blanks"),
        pytest.param(
            PIP,
            (
                "flit_core==4.2.0",
                "hatchling>=1.26",
                "packaging==26.3 \\",
                "--hash=sha256:0",
                "demo @ https://example.org/demo.whl#sha256=0",
            ),
            id="pip",
        ),
        pytest.param("a==1\r\nb==2\r\n", ("a==1", "b==2"), id="from Windows"),
        pytest.param("", (), id="empty"),
    ],
)
def test_constraints(text: str, expected: tuple[str, ...]) -> None:
    assert constraints(text, "file") == expected


def test_constraints_of_a_broken_release_file() -> None:
    with pytest.raises(WrongUse, match=r"constraints\.json is not JSON"):
        constraints("{oops", "constraints.json")
