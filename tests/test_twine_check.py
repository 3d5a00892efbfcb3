"""What `twine check --strict` says, in the words of a finding; with the real twine."""

from __future__ import annotations

from pathlib import Path

import pytest

from dists import make_sdist, make_wheel
from tagready.doors.twine_check import twine_check
from tagready.facts.findings import Finding, Level

WHEEL, SDIST = "demo-1.4.0-py3-none-any.whl", "demo-1.4.0.tar.gz"
RST = "Description-Content-Type: text/x-rst\n"
BAD_RST = "Title\n==\n\n.. nothing::\n\n`open\n"
NO_PAGE = 'set readme = "README.md" in [project]'


def test_good_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in the folder where it is started is not imported, whatever it is called."""
    for name in ("twine.py", "requests.py", "email.py"):
        (tmp_path / name).write_text("raise SystemExit('of the working tree')\n")
    monkeypatch.chdir(tmp_path)
    markdown = make_sdist(tmp_path, headers="Description-Content-Type: text/markdown\n", readme="# demo\n\nIt *is*.\n")
    rst = make_wheel(tmp_path, headers=RST, readme="demo\n====\n\nIt *is*.\n")
    assert twine_check([rst, markdown]) == ()


def test_nothing_to_check() -> None:
    assert twine_check([]) == ()


def test_bad_rst(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, headers=RST, readme=BAD_RST)
    (found,) = twine_check([path])
    first, *lines = found.message.split("\n")
    assert first == f"twine check --strict fails on {WHEEL}:"
    assert lines[0] == "`long_description` has syntax errors in markup and would not be rendered on PyPI."
    assert 'No directive entry for "nothing"' in found.message or 'Unknown directive type "nothing"' in found.message
    assert str(tmp_path) not in found.message
    assert found == Finding(
        "dist-metadata",
        found.message,
        f"mend what it names, commit, and build again; python -m twine check --strict {WHEEL} shows the same",
        str(path),
    )


def test_each_of_several_is_told_by_itself(tmp_path: Path) -> None:
    """One that cannot be read ends twine's run; all others are judged nevertheless."""
    damaged = tmp_path / "demo-1.4.0-py2-none-any.whl"
    damaged.write_bytes(b"PK\3\4 and no more")
    bare = make_wheel(tmp_path, readme="")
    bad = make_sdist(tmp_path, version="1.4.1", headers=RST, readme=BAD_RST)
    found = twine_check([damaged, bare, bad])
    what = f"{WHEEL} has no description, so its page on the index would be empty"
    assert found[1] == Finding("dist-metadata", what, NO_PAGE, str(bare), level=Level.WARNING)
    assert [(each.rule, each.level, each.path) for each in found] == [
        ("dist-metadata", Level.ERROR, str(damaged)),
        ("dist-metadata", Level.WARNING, str(bare)),
        ("dist-metadata", Level.ERROR, str(bad)),
    ]
    first, what = found[0].message.split("\n")
    assert first == f"twine check --strict fails on {damaged.name}:"
    assert what == "zipfile.BadZipFile: File is not a zip file"


def test_neither_terminal_nor_folder_change_what_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("FORCE_COLOR", "1")
    kind = "Description-Content-Type: text/none-of-those-that-an-index-takes\n"
    path = make_wheel(tmp_path / "a: [red]folder[/red]" / ("long " * 20), headers=kind)
    (found,) = twine_check([path])
    first, what = found.message.split("\n")
    assert first == f"twine check --strict fails on {WHEEL}:"
    assert what.startswith("InvalidDistribution: Invalid distribution metadata: 'description-content-type' must be")
    assert what.endswith("not 'text/none-of-those-that-an-index-takes'")


def test_paths_from_where_we_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(tmp_path / "dist")
    make_sdist(tmp_path / "dist", readme="")
    monkeypatch.chdir(tmp_path)
    found = twine_check([Path("dist", WHEEL), Path("dist", SDIST)])
    assert [(each.rule, each.path) for each in found] == [("dist-metadata", str(Path("dist", SDIST)))]
