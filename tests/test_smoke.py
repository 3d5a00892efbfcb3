"""The smoke test: wheels that work and that don't, in an environment that knows nothing else."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from buildable import WHEEL, offline, wheel_of
from tagready.doors import smoke
from tagready.doors.smoke import import_names
from tagready.facts.findings import Finding, Report, Skipped

FIX = "mend it, commit, and build again: people would get the same"


@pytest.fixture(autouse=True)
def _offline(house: Path) -> Iterator[None]:
    with offline(house):
        yield


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels that there are, for pip."""
    folder = tmp_path_factory.mktemp("house")
    wheel_of(folder, {"helper.py": "HELP = True\n"}, name="helper", version="1.0")
    return folder


def broken(message: str) -> Finding:
    return Finding("dist-broken", f"{WHEEL} {message}", FIX, WHEEL)


class Case(NamedTuple):
    """A wheel's files and what it requires, the command, and what is found: nothing, or the first and last line."""

    files: dict[str, str]
    found: tuple[str, str] | None = None
    command: str | None = None
    requires: str = ""


DEMO = {"demo/__init__.py": "ANSWER = 42\n"}
THIS = f"import sys\nassert sys.version_info[:3] == {tuple(sys.version_info[:3])}\n"
FAILS = "python -c 'import demo; demo.talk()'"
TALK = "def talk():\n    print('\\n\\n'.join(map(str, range(500))))\n    raise SystemExit(1)\n"
CASES = {
    "good": Case({"demo.py": "import helper\n", "other.py": THIS}, requires="helper>=1"),
    "import error": Case(
        DEMO | {"other.py": "import helper\n"},
        ("is installed, but import demo, other fails", "ModuleNotFoundError: No module named 'helper'"),
    ),
    "requirement that is nowhere": Case(
        DEMO, ("cannot be installed", "ERROR: No matching distribution found for nowhere>=2 (from demo)"),
        requires="nowhere>=2",
    ),
    "command that fails": Case(
        {"demo.py": TALK},
        ("\n".join([f"is installed, but `{FAILS}` fails", *map(str, range(480, 499))]), "499"), command=FAILS,
    ),
    "command that is nowhere": Case(
        DEMO,
        ("is installed, but `./check --all` could not be started: [Errno 2] No such file or directory: './check'",) * 2,
        command="./check --all",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_smoke(tmp_path: Path, case: Case) -> None:
    wheel = wheel_of(tmp_path, case.files, requires=case.requires)
    found = smoke.test(wheel, case.command)
    if case.found is None:
        assert found == Report()
        return
    first, last = case.found
    (only,) = found.findings
    message = only.message.removeprefix(f"{WHEEL} ")
    assert (message.startswith(first), message.rpartition("\n")[2]) == (True, last)
    assert only == broken(message)


@pytest.mark.parametrize("from_index", [False, True])
def test_a_wheel_for_other_pythons_is_not_tried(tmp_path: Path, from_index: bool) -> None:
    """pip would refuse it, which says nothing against the wheel."""
    wheel = wheel_of(tmp_path, {"demo.py": "raise SystemExit(1)\n"}, python=">=3.99")
    done = smoke.test_from_index(wheel, None, None) if from_index else smoke.test(wheel, None)
    here = platform.python_version()
    reason = f"{WHEEL} is for Python >=3.99, and this is {here}: run tagready on such a Python to try it out"
    assert done == Report(skipped=(Skipped("dist-broken", reason),))


@pytest.mark.parametrize("python", [">=3.8", f"=={platform.python_version()}", "whatever"])
def test_a_wheel_for_this_python_is_tried(tmp_path: Path, python: str) -> None:
    done = smoke.test(wheel_of(tmp_path, {"demo.py": "raise SystemExit(1)\n"}, python=python), None)
    assert (done.ok, done.skipped) == (False, ())


def test_one_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "SMOKE_SECONDS", 0.5)
    wheel = wheel_of(tmp_path, {"demo.py": "import time\ntime.sleep(60)\n"})
    ended = broken("is installed, but import demo does not end within 0.5 seconds")
    assert smoke.test(wheel, None) == Report((ended,))


PEEK = """\
import os, sys
reached = [name for name in ("secret", "house_rules") if __import__("importlib.util").util.find_spec(name)]
print(reached, os.listdir(), [value for value in os.environ.values() if value == "s3cret"])
raise SystemExit(1)
"""


@pytest.mark.parametrize("command", [None, "python -c 'import demo'"], ids=["import", "command"])
def test_nothing_of_the_working_tree_is_in_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str | None
) -> None:
    """No module of the folder where it was started or of PYTHONPATH, no file, no secret."""
    (tmp_path / "house_rules.py").touch()
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "secret.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    for name in ("PYPI_API_TOKEN", "TWINE_PASSWORD", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        monkeypatch.setenv(name, "s3cret")
    (found,) = smoke.test(wheel_of(tmp_path / "dist", {"demo.py": PEEK}), command).findings
    assert found.message.splitlines()[1:] == ["[] [] []"]
    assert os.environ["PYPI_API_TOKEN"] == "s3cret"


@pytest.mark.parametrize("variable", ["PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"])
def test_pip_is_not_told_to_install_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    assert smoke.test(wheel_of(tmp_path, {"demo.py": ""}), None).findings == ()
    assert not (tmp_path / "elsewhere").exists()


NAMES: dict[str, tuple[list[str], list[str]]] = {
    "package": (["demo/__init__.py", "demo/other.py", "demo/sub/__init__.py"], ["demo"]),
    "module": (["demo.py"], ["demo"]),
    "several": (["b.py", "a/__init__.py", "c.pyd"], ["a", "b", "c"]),
    "compiled": (["demo.cpython-313-x86_64-linux-gnu.so", "fast.abi3.so", "a/__init__.abi3.so"], ["a", "demo", "fast"]),
    "hidden beside others": (["_demo.py", "demo.py"], ["demo"]),
    "hidden alone": (["_demo.py", "_other/__init__.py"], ["_demo", "_other"]),
    "no module": (["demo/data.json", "demo-stubs/__init__.pyi", "demo.pth", "demo.pyi", "2to3.py", "py"], []),
}  # fmt: skip


@pytest.mark.parametrize(("paths", "names"), NAMES.values(), ids=NAMES)
def test_import_names(tmp_path: Path, paths: list[str], names: list[str]) -> None:
    assert import_names(wheel_of(tmp_path, dict.fromkeys(paths, ""))) == names
