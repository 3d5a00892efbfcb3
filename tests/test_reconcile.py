"""Bringing an index there: side by side, through faults, and with indexes of other ways than PyPI's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import warehouse as w
from dists import make_both, make_wheel, sha256
from faults import Fault, FaultProxy, Kind
from publishing import QUICK, SDIST, WHEEL, Told, actions, asked, describe, isolate, make_release, published, pypiserver
from tagready.commands.publish import Options
from tagready.commands.releases.reconcile import Patience
from tagready.facts.findings import Refused, WorldFailed
from warehouse import TOKEN, Warehouse


@pytest.fixture(autouse=True)
def _only_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path / "home")
    monkeypatch.setenv("PYPI_API_TOKEN", TOKEN)


def test_pauses() -> None:
    assert [Patience().pause(faults) for faults in range(1, 9)] == [1, 2, 4, 8, 16, 32, 32, 32]
    assert Patience(first=0.5, longest=3).pause(10**4) == 3


def make_many(folder: Path, count: int) -> list[str]:
    """Make a release of so many files, and return their names."""
    make_both(folder)
    for number in range(count - 2):
        make_wheel(folder, filename=f"demo-1.4.0-cp3{number}-cp3{number}-win_amd64.whl", seed=number + 1)
    describe(folder)
    return sorted(path.name for path in folder.iterdir() if path.name.endswith((".whl", ".gz")))


def is_ours(index: Warehouse, dist: Path, names: Sequence[str]) -> bool:
    assert {name: file.sha256 for name, file in index.files.items()} == {name: sha256(dist / name) for name in names}
    return set(index.written.values()) == {1}


# -- many files --------------------------------------------------------------------------------------------------------

FAULTS: list[tuple[Kind, int, int]] = [
    ("503", 4, 3), ("reset-before", 3, 1), ("reset-in", 5, 1), ("reset-after", 4, 2), ("500-after", 2, 1),
    ("truncated", 3, 5), ("429", 2, 2), ("hang-after", 4, 1), ("refused", 4, 1),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "at", "times"), FAULTS)
def test_many_files_through_faults(kind: Kind, at: int, times: int, warehouse: Warehouse, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    names = make_many(dist, 8)
    with FaultProxy(warehouse.root, Fault(kind, at, times, method="POST", seconds=0.2, retry_after=None)) as proxy:
        options = Options(
            dist, probe=False, repository_url=proxy.through(warehouse.upload_url),
            index_url=proxy.through(warehouse.simple_url),
        )  # fmt: skip
        done = published(options, patience=QUICK._replace(upload=1))
    assert set(actions(done.standings).values()) == {"uploaded"}
    assert is_ours(warehouse, dist, names)


class Picky(Warehouse):
    """An index that is not ready for some files."""

    shy: frozenset[str] = frozenset()
    text = "New uploads are temporarily disabled."
    status = 403

    def _write(self, upload: w.Upload) -> None:
        if upload.name in self.shy:
            raise w.Refused(self.status, self.text)
        super()._write(upload)


@pytest.fixture
def picky() -> Iterator[Picky]:
    with Picky() as index:
        yield index


def test_one_of_many_is_never_taken(picky: Picky, tmp_path: Path) -> None:
    """All others are, before it ends."""
    dist = tmp_path / "dist"
    names = make_many(dist, 6)
    picky.shy = frozenset({names[2]})
    with pytest.raises(WorldFailed) as raised:
        published(asked(picky, dist), patience=QUICK._replace(attempts=3))
    assert raised.value.what == f"127.0.0.1 did not take {names[2]} in 3 attempts"
    assert {file["name"] for file in raised.value.about["files"] if file["action"] == "missing"} == {names[2]}
    picky.shy = frozenset()
    assert list(actions(published(asked(picky, dist)).standings).values()).count("uploaded") == 1
    assert is_ours(picky, dist, names)


def test_one_of_many_is_refused(picky: Picky, tmp_path: Path) -> None:
    """Those that were on their way are told as what they are."""
    dist = tmp_path / "dist"
    names = make_many(dist, 6)
    picky.shy, picky.status, picky.text = frozenset({names[2]}), 400, "No."
    with pytest.raises(WorldFailed) as raised:
        published(asked(picky, dist))
    assert (raised.value.what, raised.value.stderr) == (f"127.0.0.1 rejects {names[2]} (status 400)", "No.")
    stand = {file["name"]: file["action"] for file in raised.value.about["files"]}
    assert stand == {name: "uploaded" if name in picky.files else "missing" for name in names}


def test_a_project_that_somebody_else_makes_at_the_same_time(picky: Picky, tmp_path: Path) -> None:
    w._EXPLAINED.setdefault(409, "There was a conflict.")
    dist = make_release(tmp_path / "dist")
    picky.shy, picky.status = frozenset({WHEEL}), 409
    picky.text = "The name 'demo' conflicts with an existing project. See the help for more information."

    class Made(Told):
        def says(self, text: str) -> None:
            super().says(text)
            if "again in" in text:
                picky.shy = frozenset()

    told = Made()
    published(asked(picky, dist), told)
    assert "conflicts with an existing project" in told.lines[2]
    assert is_ours(picky, dist, [WHEEL, SDIST])


# -- an index that says 400 to what it has -----------------------------------------------------------------------------


def test_pypiserver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dist = make_release(tmp_path / "dist")
    monkeypatch.delenv("PYPI_API_TOKEN")
    monkeypatch.setenv("TWINE_USERNAME", "me")
    monkeypatch.setenv("TWINE_PASSWORD", "secret")
    with pypiserver(tmp_path / "packages") as index, FaultProxy(index.upload_url) as proxy:
        options = Options(
            dist, probe=False, repository_url=proxy.through(index.upload_url), index_url=proxy.through(index.simple_url)
        )
        # The answer to the first upload is lost, and the listing is stale: it is sent again, and that is no conflict.
        proxy.faults = [Fault("reset-after", 1, method="POST"), Fault("stale", 2, 2, method="GET")]
        proxy._counts = [0, 0]
        assert actions(published(options).standings) == {WHEEL: "uploaded", SDIST: "uploaded"}
        proxy.heal()
        assert actions(published(options).standings) == {WHEEL: "present", SDIST: "present"}
        assert {path.name: sha256(path) for path in (tmp_path / "packages").iterdir()} == {
            name: sha256(dist / name) for name in (WHEEL, SDIST)
        }
        make_wheel(dist, seed=1)
        with pytest.raises(Refused) as refused:
            published(options._replace(dist=describe(dist)))
        assert [found.rule for found in refused.value.report.findings] == ["dist-conflict"]


def test_what_was_taken_and_is_never_listed_is_no_conflict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the index says that it has it when it is sent once more."""
    dist = make_release(tmp_path / "dist")
    monkeypatch.delenv("PYPI_API_TOKEN")
    monkeypatch.setenv("TWINE_USERNAME", "me")
    monkeypatch.setenv("TWINE_PASSWORD", "secret")
    with (
        pypiserver(tmp_path / "packages") as index,
        FaultProxy(index.upload_url, Fault("stale", 2, None, method="GET")) as proxy,
    ):
        options = Options(
            dist, probe=False, repository_url=proxy.through(index.upload_url), index_url=proxy.through(index.simple_url)
        )
        with pytest.raises(WorldFailed) as raised:
            published(options, patience=QUICK._replace(listed_within=0.3))
        posts = [seen for seen in proxy.requests if seen.method == "POST"]
    assert raised.value.what == f"127.0.0.1 took {WHEEL}, {SDIST}, and did not list it within 0.3 seconds"
    assert len(posts) == 4
