"""What all tests share: a home and a git that know nobody's configuration but ours, and a project to release."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import indexes
from projects import Project, at_noon, make_project
from shapes import plain_project
from warehouse import TOKEN, Warehouse

# How long an example takes says something about the machine's other work, and nothing about the code.
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # In the background of a shell, an interrupt is ignored, and so it would be by every process that a test starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


#: Variables that people and CI set, and that change what git and we do.
OF_THE_MACHINE = {"SOURCE_DATE_EPOCH", "NO_COLOR", "EMAIL", "XDG_CONFIG_HOME"}


@pytest.fixture(scope="session", autouse=True)
def _plain_git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let git read a configuration of the tests' own, and no variable that a hook or CI has set."""
    home = tmp_path_factory.mktemp("home")
    config = home / ".gitconfig"
    config.write_text(
        "[user]\n\tname = Test\n\temail = test@example.org\n[gc]\n\tauto = 0\n[init]\n\tdefaultBranch = main\n"
        '[commit]\n\tgpgsign = false\n[core]\n\tautocrlf = false\n[protocol "file"]\n\tallow = always\n'
        "[advice]\n\tdetachedHead = false\n"
    )
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("GIT_", "GITHUB_")) or name in OF_THE_MACHINE:
            del os.environ[name]
    os.environ["HOME"] = str(home)  # hooks see git as their user has it, and no variable of ours
    os.environ["GIT_CONFIG_GLOBAL"] = str(config)
    os.environ["GIT_CONFIG_NOSYSTEM"] = "1"
    os.environ["COLUMNS"] = "80"
    # No test asks an index out there; the port is one where nobody listens.
    os.environ["TAGREADY_INDEX_URL"] = "http://127.0.0.1:9/simple/"
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def _original(tmp_path_factory: pytest.TempPathFactory) -> Project:
    with at_noon():
        return make_project(tmp_path_factory.mktemp("original") / "demo")


@pytest.fixture
def project(_original: Project, tmp_path: Path) -> Project:
    """A project at 1.3.0 with a feature and a fix to release."""
    return _original.copy(tmp_path / "demo")


@pytest.fixture(scope="module")
def noon() -> Iterator[None]:
    """Let every commit and tag be of the day that the entries have."""
    with at_noon():
        yield


@pytest.fixture
def plain(tmp_path: Path) -> Project:
    """A project without anything that a release needs, for init."""
    return plain_project(tmp_path / "demo")


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Project]:
    """Make projects to measure: make(pyproject=…, changelog=…, fragments=…, tag=…)."""
    count = 0

    def build(**options: object) -> Project:
        nonlocal count
        count += 1
        return make_project(tmp_path / f"project{count}", **options)  # type: ignore[arg-type]

    return build


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    """An index that answers as PyPI does, over http."""
    with Warehouse() as index:
        yield index


@pytest.fixture(scope="session")
def _fresh_devpi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], indexes.Index]]:
    """A devpi for all tests that ask for one."""
    with indexes.devpi(tmp_path_factory.mktemp("devpi"), TOKEN) as fresh:
        yield fresh


@pytest.fixture
def devpi(_fresh_devpi: Callable[[], indexes.Index]) -> indexes.Index:
    """An index of its own on a real devpi: (upload_url, simple_url, user, password)."""
    return _fresh_devpi()
