"""The door to towncrier: a pure function of folder, name, version and date; its errors keep their words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from projects import PYPROJECT
from tagready.doors import news
from tagready.doors.news import DidNotEnd, Order, Rendering, render
from tagready.facts.findings import WorldFailed

RST = PYPROJECT.replace("CHANGELOG.md", "NEWS.rst")
HANGS = "Text::\n\n" + "".join(f"            line {number}\n" for number in range(14)) + "\nAnd more.\n"
WAYS: dict[str, Callable[[Order], Rendering]] = {
    "here": render,
    "in a child": lambda order: news._render_in_child(order, 30),
}


def order(folder: Path, fragments: dict[str, str], pyproject: str = PYPROJECT) -> Order:
    folder.mkdir(exist_ok=True)
    (folder / "changelog.d").mkdir()
    (folder / "pyproject.toml").write_text(pyproject)
    for name, text in fragments.items():
        (folder / "changelog.d" / name).write_text(text, encoding="utf-8")
    return Order(folder, "demo", "1.4.0", "2026-02-03")


@pytest.mark.parametrize("way", WAYS)
def test_what_towncrier_itself_prints(tmp_path: Path, way: str) -> None:
    wanted = order(tmp_path / "x", {"1.feature.md": "Ünï → 日本.\n", "2.misc.md": "", "+a.bugfix.md": "A\r\nB\n"})
    rendering = WAYS[way](wanted)
    done = subprocess.run(
        [sys.executable, "-m", "towncrier", *wanted.arguments()], capture_output=True, check=True, cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert rendering == Rendering(done.stdout.decode().removesuffix("\n"), version("towncrier"))
    assert rendering.text.startswith("## 1.4.0 (2026-02-03)\n\n### Features\n\n- Ünï → 日本. (#1)\n")


@pytest.mark.parametrize("way", WAYS)
def test_towncriers_chatter_goes_nowhere(tmp_path: Path, capfd: pytest.CaptureFixture[str], way: str) -> None:
    WAYS[way](order(tmp_path / "x", {"1.feature.md": "One.\n"}))
    assert capfd.readouterr() == ("", "")


TIED = {f"7.feature.{number}.md": f"Tied {number}.\n" for number in range(1, 13)} | {
    "a1.feature.md": "Word.\n",
    "1a.feature.md": "Word, too.\n",
    "7.feature.md": "First.\n",
}


def test_tied_fragments_are_sorted_whatever_the_directorys_order(tmp_path: Path) -> None:
    turns = (sorted(TIED), sorted(TIED, reverse=True), sorted(TIED, key=lambda name: name[::-1]))
    texts = set()
    for turn, names in enumerate(turns):
        wanted = order(tmp_path / f"folder{turn}", {name: TIED[name] for name in names})
        texts |= {WAYS[way](wanted).text for way in WAYS}
    assert len(texts) == 1
    (text,) = texts
    lines = [line.removeprefix("- Tied ")[:-6] for line in text.split("\n") if line.startswith("- Tied")]
    # Sorted by name: counter 10 comes before counter 2.
    assert lines == ["1", "10", "11", "12", "2", "3", "4", "5", "6", "7", "8", "9"]


def test_without_our_sorting_the_order_is_the_directorys(tmp_path: Path) -> None:
    """Show that the test above means something: bare towncrier follows a listing that is turned round."""
    wanted = order(tmp_path / "x", TIED)
    turned = (
        "import os; l = os.listdir; os.listdir = lambda *a: sorted(l(*a), reverse=True);"
        "from towncrier._shell import cli; cli()"
    )
    done = subprocess.run(
        [sys.executable, "-c", turned, *wanted.arguments()], capture_output=True, check=True, text=True
    )
    assert done.stdout.removesuffix("\n") != render(wanted).text


def test_listings_are_the_operating_systems_again_afterwards(tmp_path: Path) -> None:
    before = os.listdir
    render(order(tmp_path / "x", {}))
    with pytest.raises(WorldFailed):
        render(Order(tmp_path / "nothing", "demo", "1", "2026-01-01"))
    assert os.listdir is before
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


TROUBLES: dict[str, tuple[str, dict[str, str], str]] = {
    "a bad title": (PYPROJECT.replace("{version}", "{ver}"), {"1.feature.md": "x"}, "KeyError: 'ver'"),
    "no template": (PYPROJECT + 'template = "nothing.md"\n', {"1.feature.md": "x"}, "'nothing.md'"),
    "a bad template": (
        PYPROJECT + 'template = "pyproject.toml"\n# {% for %}\n',
        {"1.feature.md": "x"},
        "TemplateSyntax",
    ),
    "a bad name": (PYPROJECT + "ignore = []\n", {"1.feat.md": "x"}, "Invalid news fragment name: 1.feat.md"),
    "an issue against the pattern": (PYPROJECT + "issue_pattern = '\\d+'\n", {"abc.feature.md": "x"}, "abc"),
    "twins": (PYPROJECT, {"1.feature.md": "x", "01.feature.md": "y"}, "multiple files"),
    "no TOML": (PYPROJECT + "x = \n", {}, "Invalid value"),
    "wrap no number": (PYPROJECT + 'wrap = "yes"\n', {"1.feature.md": "x y"}, "Error"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_towncriers_troubles_are_the_worlds_failure_in_its_words(tmp_path: Path, way: str, trouble: str) -> None:
    pyproject, fragments, words = TROUBLES[trouble]
    wanted = order(tmp_path / "x", fragments, pyproject)
    with pytest.raises(WorldFailed) as caught:
        WAYS[way](wanted)
    assert words in caught.value.stderr
    assert "Traceback" not in caught.value.stderr
    assert str(tmp_path) not in caught.value.stderr
    assert caught.value.command == "towncrier " + " ".join(wanted.arguments())
    assert caught.value.fix


def test_no_version_is_looked_up_and_no_package_imported(tmp_path: Path) -> None:
    wanted = order(tmp_path / "x", {"1.feature.md": "x"}, PYPROJECT + 'package = "bomb"\n')
    (tmp_path / "x/bomb.py").write_text("raise SystemExit('imported')")
    assert render(wanted).text.startswith("## 1.4.0")
    assert "bomb" not in sys.modules


@pytest.mark.parametrize("name", ["PYTHONPATH", "SOURCE_DATE_EPOCH", "TZ"])
def test_the_environment_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    wanted = order(tmp_path / "x", {"1.feature.md": "x"})
    plain = render(wanted)
    monkeypatch.setenv(name, {"PYTHONPATH": str(tmp_path), "SOURCE_DATE_EPOCH": "5"}.get(name, "Asia/Tokyo"))
    assert {WAYS[way](wanted) for way in WAYS} == {plain}


def test_a_module_beside_the_fragments_does_not_stand_in_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = order(tmp_path / "x", {"1.feature.md": "x"})
    for name in ("tagready.py", "towncrier.py", "jinja2.py"):
        (tmp_path / "x" / name).write_text("raise SystemExit('taken')")
    monkeypatch.chdir(tmp_path / "x")
    assert {WAYS[way](wanted) for way in WAYS} == {render(wanted)}


def test_another_thread_renders_in_a_child(tmp_path: Path) -> None:
    wanted = order(tmp_path / "x", {"1.feature.md": "x"})
    found: list[Rendering] = []
    thread = threading.Thread(target=lambda: found.append(render(wanted)))
    thread.start()
    thread.join()
    assert found == [render(wanted)]


@pytest.mark.parametrize("way", ["here", "in a child"])
def test_what_does_not_end_is_ended(tmp_path: Path, way: str) -> None:
    wanted = order(tmp_path / "x", {"1.feature.rst": HANGS}, RST)
    start = time.monotonic()
    with pytest.raises(DidNotEnd):
        render(wanted, 0.5) if way == "here" else news._render_in_child(wanted, 1.0)
    assert time.monotonic() - start < 20
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
