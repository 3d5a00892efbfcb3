"""Attestations of origin: those of these very bytes are used again, others are made, and no secret goes with it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from publishing import SDIST, WHEEL, isolate, make_release
from tagready.doors.attestations import attest
from tagready.doors.release_folder import described_by
from tagready.facts.findings import WorldFailed
from tagready.facts.publishing.release_file import ReleasedFile

#: As the library is called; it writes down what it was asked, and by whom.
SIGNER = """
import json, os, pathlib, sys
here = pathlib.Path(os.environ["SEEN"])
here.write_text(json.dumps({"arguments": sys.argv[1:], "secrets": [
    name for name in ("PYPI_API_TOKEN", "TWINE_PASSWORD", "ACTIONS_ID_TOKEN_REQUEST_TOKEN") if name in os.environ]}))
if os.environ.get("FAILS"):
    sys.exit(os.environ["FAILS"])
for path in sys.argv[2:]:
    pathlib.Path(f"{path}.publish.attestation").write_text("new")
"""


@pytest.fixture(autouse=True)
def _only_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)
    for name in ("PYPI_API_TOKEN", "TWINE_PASSWORD", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        monkeypatch.setenv(name, "secret")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], dict[str, list[str]]]:
    """The library, and what it saw."""
    (tmp_path / "pypi_attestations.py").write_text(SIGNER)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))

    def read() -> dict[str, list[str]]:
        found: dict[str, list[str]] = json.loads((tmp_path / "seen").read_text())
        return found

    return read


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    return make_release(tmp_path / "dist")


def files_of(dist: Path) -> list[ReleasedFile]:
    return [described_by(dist / name) for name in (WHEEL, SDIST)]


def beside(dist: Path, name: str) -> Path:
    return dist / f"{name}.publish.attestation"


def statement(*subjects: object) -> str:
    text = base64.b64encode(json.dumps({"subject": list(subjects)}).encode()).decode()
    return json.dumps({"version": 1, "envelope": {"statement": text, "signature": ""}})


def subject(file: ReleasedFile) -> dict[str, object]:
    return {"name": file.name, "digest": {"sha256": file.sha256}}


OTHERS: dict[str, Callable[[ReleasedFile], str]] = {
    "empty": lambda file: "",
    "no JSON": lambda file: "{",
    "a list": lambda file: "[]",
    "a text": lambda file: '"envelope"',
    "no envelope": lambda file: "{}",
    "an envelope that is none": lambda file: '{"envelope": "statement"}',
    "no base64": lambda file: '{"envelope": {"statement": "*"}}',
    "no statement": lambda file: '{"envelope": {"statement": "e30="}}',
    "no subject": lambda file: statement(),
    "two subjects": lambda file: statement(subject(file), subject(file)),
    "another name": lambda file: statement(subject(file) | {"name": "other"}),
    "other bytes": lambda file: statement(subject(file) | {"digest": {"sha256": "0" * 64}}),
    "another hash": lambda file: statement(subject(file) | {"digest": {"blake2b": file.sha256}}),
    "no digest": lambda file: statement({"name": file.name}),
    "no UTF-8": lambda file: "\udcff",
}


@pytest.mark.parametrize("write", OTHERS.values(), ids=OTHERS)
def test_what_is_not_of_these_bytes_is_made_anew(
    write: Callable[[ReleasedFile], str], dist: Path, seen: Callable[[], dict[str, list[str]]]
) -> None:
    wheel, sdist = files_of(dist)
    beside(dist, WHEEL).write_text(write(wheel), errors="surrogateescape")
    beside(dist, SDIST).write_text(statement(subject(sdist)))
    assert attest(dist, [wheel, sdist]) == {name: beside(dist, name) for name in (WHEEL, SDIST)}
    assert seen() == {"arguments": ["sign", str(dist / WHEEL)], "secrets": ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]}
    assert [beside(dist, name).read_text() for name in (WHEEL, SDIST)] == ["new", statement(subject(sdist))]


def test_all_are_made_at_once(dist: Path, seen: Callable[[], dict[str, list[str]]]) -> None:
    assert set(attest(dist, files_of(dist))) == {WHEEL, SDIST}
    assert seen()["arguments"] == ["sign", str(dist / WHEEL), str(dist / SDIST)]


def test_where_all_are_there_nobody_is_asked(dist: Path, seen: Callable[[], dict[str, list[str]]]) -> None:
    files = files_of(dist)
    for file in files:
        beside(dist, file.name).write_text(statement(subject(file)))
    assert set(attest(dist, files)) == {WHEEL, SDIST}
    with pytest.raises(FileNotFoundError):
        seen()


@pytest.mark.skipif(find_spec("pypi_attestations") is not None, reason="the library is installed")
def test_without_the_library(dist: Path) -> None:
    files = files_of(dist)
    assert attest(dist, files) == {}
    beside(dist, WHEEL).write_text(statement(subject(files[0])))
    assert attest(dist, files) == {}, "all of them, or none"
    beside(dist, SDIST).write_text(statement(subject(files[1])))
    assert set(attest(dist, files)) == {WHEEL, SDIST}


def test_a_failure_is_told_in_the_librarys_words(
    dist: Path, seen: Callable[[], dict[str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILS", "\n".join(f"line {number}" for number in range(9)))
    with pytest.raises(WorldFailed) as raised:
        attest(dist, files_of(dist))
    assert (raised.value.what, raised.value.command, raised.value.stderr) == (
        "the distributions could not be signed, and nothing was uploaded",
        "python -m pypi_attestations sign",
        "line 4\nline 5\nline 6\nline 7\nline 8",
    )
    assert raised.value.fix == ("run it again; where signing stays away: tagready publish --trusted --no-attestations")
    assert seen()["arguments"][0] == "sign"


def test_in_a_workflow_the_way_on_is_its_input(
    dist: Path, seen: Callable[[], dict[str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can change the command of a workflow that a tag has started."""
    monkeypatch.setenv("FAILS", "no identity")
    monkeypatch.setenv("GITHUB_WORKFLOW_REF", "acme/demo/.github/workflows/release-demo.yml@refs/tags/demo-1.4.0")
    monkeypatch.setenv("GITHUB_REF_TYPE", "tag")
    monkeypatch.setenv("GITHUB_REF_NAME", "demo-1.4.0")
    with pytest.raises(WorldFailed) as raised:
        attest(dist, files_of(dist))
    assert raised.value.fix == (
        "run it again; where signing stays away: gh workflow run release-demo.yml --ref demo-1.4.0 -f"
        " attestations=false (an input of the workflow that init writes)"
    )
    assert seen()["arguments"][0] == "sign"
