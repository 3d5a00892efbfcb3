"""Build backends in an environment of their own: what they see, what they need, and how they fail."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import tagready
from buildable import EPOCH, FLIT, OURS, SDIST, WHEEL, members, offline, vendor, wheel_of
from projects import Project
from tagready.doors import backend as door
from tagready.doors.backend import Backend, backend, installer_said
from tagready.facts.findings import WorldFailed
from tagready.facts.program_output import SHOWN_LINES

fcntl, resource = pytest.importorskip("fcntl"), pytest.importorskip("resource")

PYPROJECT = '[project]\nname = "demo"\nversion = "1.4.0"\ndescription = "A demo"\nrequires-python = ">=3.11"\n'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels that there are, for pip."""
    folder = tmp_path_factory.mktemp("house")
    for name, version in (("helper", "1.0"), ("helper", "2.0"), ("other", "1.0")):
        wheel_of(folder, {f"{name}.py": f"VERSION = '{version}'\n"}, name, version)
    return folder


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, house: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let pip find our wheels only, and tests that run at the same time not wait for each other."""
    monkeypatch.setattr(door, "ONE_PLACE", tmp_path / "one-place")
    monkeypatch.setattr(door, "TURN_SECONDS", 0.2)
    with offline(house):
        yield


def sources(folder: Path, code: str = "", requires: Sequence[str] = ()) -> Path:
    """Write what a backend of the tests' own builds: flit-core, and then this code."""
    project = Project(folder / "sources")
    system = FLIT.replace("flit_core.buildapi", "ours").replace("requires = []", f"requires = {list(requires)}")
    project.write("pyproject.toml", PYPROJECT + system)
    project.write("demo.py", '"""A demo."""\n')
    vendor(project)
    project.write("vendor/ours.py", OURS + code)
    return project.path


@contextmanager
def building(folder: Path, *constraints: str) -> Iterator[Backend]:
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    with backend(EPOCH, constraints, scratch) as builder:
        yield builder


def both(builder: Backend, source: Path, folder: Path) -> tuple[Path, Path]:
    sdist = builder.sdist(source, folder / "out")
    return sdist, builder.wheel(sdist, folder / "unpacked", folder / "out")


def failure(folder: Path, source: Path, *constraints: str) -> WorldFailed:
    with building(folder, *constraints) as builder, pytest.raises(WorldFailed) as caught:
        both(builder, source, folder)
    return caught.value


# -- what a backend sees -----------------------------------------------------------------------------------------------

LOOK = """\
def _look(name):
    mask = os.umask(0o22)
    seen = {"environ": dict(os.environ), "umask": mask, "stdin": sys.stdin.read(), "cwd": os.getcwd()}
    seen["compiled"] = list(map(str, Path().rglob("*.pyc")))
    Path(name).write_text(repr(seen))
    print("chatter")
    print("more of it", file=sys.stderr)

def build_sdist(folder, settings=None):
    _look("sdist.txt")
    return flit.build_sdist(folder)

def build_wheel(folder, settings=None, metadata=None):
    _look("demo.py")
    Path("demo.py").write_text(f"'''{Path('demo.py').read_text()}'''\\n")
    return flit.build_wheel(folder)
"""


def test_what_a_backend_sees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing that differs from machine to machine, no secret, and nobody to talk to."""
    secrets = dict.fromkeys(("PYPI_API_TOKEN", "TWINE_PASSWORD", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"), "s3cret")
    bent = {
        "TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8", "LC_TIME": "de_DE.UTF-8", "LC_ALL": "C", "PYTHONHASHSEED": "7",
        "SOURCE_DATE_EPOCH": "1", "PYTHONPATH": str(tmp_path), "GIT_DIR": "/nowhere", "GIT_WORK_TREE": "/nowhere",
        "GIT_INDEX_FILE": "/nowhere", "GIT_OBJECT_DIRECTORY": "/nowhere",
    }  # fmt: skip
    for name, value in (bent | secrets | {"OF_THE_USER": "kept", "GIT_SSH_COMMAND": "kept"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    before = os.umask(0o077)
    try:
        with building(tmp_path) as builder:
            sdist, wheel = both(builder, sources(tmp_path, LOOK), tmp_path)
    finally:
        os.umask(before)
    in_sdist = ast.literal_eval(members(sdist)["sdist.txt"])
    in_wheel = ast.literal_eval(ast.literal_eval(members(wheel)["demo.py"]))
    for seen in (in_sdist, in_wheel):
        environ = seen.pop("environ")
        assert {name: environ.get(name) for name in (*bent, *secrets, "PYTHONUTF8", "OF_THE_USER")} == {
            **dict.fromkeys([*bent, *secrets]), "TZ": "UTC", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
            "PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "SOURCE_DATE_EPOCH": str(EPOCH), "PYTHONPATH": "",
            "OF_THE_USER": "kept",
        }  # fmt: skip
        assert environ["GIT_SSH_COMMAND"] == "kept"
        assert "s3cret" not in repr(environ)
    assert in_sdist == {"umask": 0o22, "stdin": "", "compiled": [], "cwd": str(tmp_path / "sources")}
    assert in_wheel == {"umask": 0o22, "stdin": "", "compiled": [], "cwd": str(tmp_path / "one-place" / "demo-1.4.0")}
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "scratch/backend.log").read_text() == "chatter\nmore of it\n" * 2
    assert {name: os.environ[name] for name in secrets} == secrets


def test_secrets_come_back_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYPI_API_TOKEN", "s3cret")
    failure(tmp_path, sources(tmp_path, "raise ImportError\n"))
    assert os.environ["PYPI_API_TOKEN"] == "s3cret"


# -- what a build needs ------------------------------------------------------------------------------------------------

#: A backend that puts the versions which it was given into the sdist.
ASKS = """\
def get_requires_for_build_sdist(settings=None):
    return ["other"]

def build_sdist(folder, settings=None):
    import helper, other
    Path("made.txt").write_text(f"{helper.VERSION} {other.VERSION}")
    return flit.build_sdist(folder)
"""


def test_what_a_build_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for once: a second build has the same, even if the index has got something new in between."""
    source = sources(tmp_path, ASKS, ["helper"])
    with building(tmp_path, "helper==1.0", "unrelated==3") as builder:
        sdist = builder.sdist(source, tmp_path / "out")
        assert members(sdist)["made.txt"] == "1.0 1.0"
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
        builder.wheel(sdist, tmp_path / "unpacked", tmp_path / "out")
        assert builder.sdist(source, tmp_path / "again").read_bytes() == sdist.read_bytes()
        assert builder.requirements() == ("helper==1.0", "other==1.0")


@pytest.mark.parametrize(
    ("code", "requires", "constraints", "said"),
    [
        ("", ["helper>=2"], ["helper<2"], "ERROR: ResolutionImpossible"),
        ("def get_requires_for_build_wheel(*_):\n    return [5, 'a b']\n", [], [], "ERROR: Invalid requirement: 'a b'"),
    ],
    ids=["constrained away", "no requirement"],
)
def test_what_cannot_be_installed(
    tmp_path: Path, code: str, requires: list[str], constraints: list[str], said: str
) -> None:
    failed = failure(tmp_path, sources(tmp_path, code, requires), *constraints)
    assert (failed.what, failed.fix, failed.command) == (
        "what the build needs could not be installed",
        "look at [build-system] in pyproject.toml and at the network, then run it again",
        "pip install",
    )
    assert said in failed.stderr


def test_what_an_installer_said() -> None:
    lines = [f"line {number}" for number in range(60)]
    raised = subprocess.CalledProcessError(1, ["pip"], "\n".join(lines).encode() + b"\xff", "words")
    assert installer_said(raised).split("\n") == [*lines[21:59], "line 59\ufffd", "words"]
    assert installer_said(ValueError("no output")) == "no output"


# -- how it fails ------------------------------------------------------------------------------------------------------

BUILD_SDIST, BUILD_WHEEL = "def build_sdist(folder, settings=None):\n", "def build_wheel(folder, *_):\n"
HOOK = "Backend subprocess exited when trying to invoke "
NO_FILE = "the backend does not name a file that is there"
FAULTS = {
    "says why": (f"{BUILD_SDIST}    print('words')\n    sys.exit(7)\n", "sdist", f"{HOOK}build_sdist", "words"),
    "raises": (f"{BUILD_WHEEL}    raise ValueError('no')\n", "wheel", f"{HOOK}build_wheel", "ValueError: no"),
    "killed": (f"{BUILD_SDIST}    os.kill(os.getpid(), 9)\n", "sdist", f"{HOOK}build_sdist", ""),
    "no bytes but noise": (
        f"{BUILD_SDIST}    os.write(1, b'\\xff\\n')\n    sys.exit(1)\n", "sdist", f"{HOOK}build_sdist", "\ufffd"
    ),
    "cannot be imported": ("import nowhere\n", "sdist", "Backend 'ours' is not available.", ""),
    "names nothing": (f"{BUILD_SDIST}    pass\n", "sdist", NO_FILE, ""),
    "names what is not there": (f"{BUILD_SDIST}    return '{SDIST}'\n", "sdist", NO_FILE, ""),
    "names a folder": (f"{BUILD_WHEEL}    return '.'\n", "wheel", NO_FILE, ""),
    "requires nothing, wrongly": (
        "def get_requires_for_build_sdist(settings=None):\n    pass\n", "sdist",
        """Backend operation failed: TypeError("'NoneType' object is not iterable")""", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("code", "kind", "why", "said"), FAULTS.values(), ids=FAULTS)
def test_a_backend_that_fails(tmp_path: Path, code: str, kind: str, why: str, said: str) -> None:
    failed = failure(tmp_path, sources(tmp_path, code))
    assert (failed.what, failed.fix, failed.command) == (
        f"the {kind} could not be built: {why}",
        "mend it (python -m build shows the same, from the working tree), commit, and run it again",
        f"build --{kind}",
    )
    assert failed.stderr.rpartition("\n")[2] == said


def test_the_end_of_long_words_is_shown(tmp_path: Path) -> None:
    code = "for number in range(500):\n    print(number)\nsys.exit(1)\n"
    failed = failure(tmp_path, sources(tmp_path, code))
    assert failed.stderr.split("\n") == [str(number) for number in range(500 - SHOWN_LINES, 500)]


@pytest.mark.parametrize(
    ("pyproject", "why"),
    [
        ('[build-system]\nrequires = "flit"\n', "`requires`"),
        ('[build-system]\nrequires = []\nbackend-path = ["nowhere"]\nbuild-backend = "ours"\n', "nowhere"),
        ("[build-system\n", "Failed to parse"),
    ],
    ids=["no list", "no such folder", "no TOML"],
)
def test_what_pyproject_says_wrongly(tmp_path: Path, pyproject: str, why: str) -> None:
    source = sources(tmp_path)
    (source / "pyproject.toml").write_text(pyproject)
    failed = failure(tmp_path, source)
    assert failed.what.startswith("the sdist could not be built: ")
    assert why in failed.what


def test_python_that_can_make_no_environment(tmp_path: Path) -> None:
    """Without a pip of our own, the environment needs one: here, its wheel is larger than a file may be."""
    site = tmp_path / "site"
    site.mkdir()
    for path in sys.path:
        for entry in Path(path).glob("*") if path.endswith("site-packages") else ():
            if not entry.name.startswith(("pip", "virtualenv")):
                (site / entry.name).symlink_to(entry)
    code = (
        f"import sys\nsys.path = [path for path in sys.path if not path.endswith('site-packages')]\n"
        f"sys.path += {[str(Path(tagready.__file__).parent.parent), str(site)]!r}\n"
        "from tagready.doors.backend import isolated\n"
        "from tagready.facts.findings import WorldFailed\n"
        "try:\n    with isolated():\n        pass\n"
        "except WorldFailed as failed:\n    print(failed.what, failed.fix, failed.command, sep='\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "Python could not make a virtual environment to build in",
        "make room where temporary files lie; Debian has what it takes in python3-venv",
        "python -m venv",
    ]


# -- the one place -----------------------------------------------------------------------------------------------------

TELLS = (
    f"{BUILD_WHEEL}    Path('demo.py').write_text(f\"'''{{os.getcwd()}}'''\\n\")\n    return flit.build_wheel(folder)\n"
)


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist whose wheel says where it was built."""
    folder = tmp_path_factory.mktemp("telling")
    with building(folder) as builder:
        return builder.sdist(sources(folder, TELLS), folder)


def place_of(folder: Path, sdist: Path) -> str:
    """Return where a wheel is built, as a path from the folder."""
    with building(folder) as builder:
        wheel = builder.wheel(sdist, folder / "unpacked", folder / "out")
    assert wheel.name == WHEEL
    return str(Path(str(ast.literal_eval(members(wheel)["demo.py"]))).relative_to(folder))


def test_wheels_are_built_in_the_one_place(tmp_path: Path, telling: Path) -> None:
    (tmp_path / "one-place").mkdir()
    (tmp_path / "one-place/left-over").touch()
    assert place_of(tmp_path, telling) == "one-place/demo-1.4.0"
    assert sorted(path.name for path in tmp_path.glob("one-place*")) == ["one-place.lock"]


def test_somebody_else_builds_there(tmp_path: Path, telling: Path) -> None:
    with (tmp_path / "one-place.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert place_of(tmp_path, telling) == "unpacked/demo-1.4.0"


def test_a_build_waits_for_its_turn(tmp_path: Path, telling: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "TURN_SECONDS", 30.0)
    with (tmp_path / "one-place.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        timer = threading.Timer(0.3, fcntl.flock, (lock, fcntl.LOCK_UN))
        timer.start()
        assert place_of(tmp_path, telling) == "one-place/demo-1.4.0"
        timer.join()


def link_to_a_folder(folder: Path) -> None:
    (folder / "theirs").mkdir()
    (folder / "theirs/file").touch()
    (folder / "one-place").symlink_to("theirs")


def link_instead_of_a_lock(folder: Path) -> None:
    (folder / "theirs").write_text("kept")
    (folder / "one-place.lock").symlink_to("theirs")


def a_file(folder: Path) -> None:
    (folder / "one-place").write_text("kept")


@pytest.mark.parametrize("trap", [link_to_a_folder, link_instead_of_a_lock, a_file])
def test_what_others_put_there_is_left_alone(tmp_path: Path, telling: Path, trap: Callable[[Path], None]) -> None:
    trap(tmp_path)
    before = {path: path.read_text() if path.is_file() else "" for path in tmp_path.rglob("*")}
    assert place_of(tmp_path, telling) == "unpacked/demo-1.4.0"
    assert {path: path.read_text() if path.is_file() else "" for path in before} == before


# -- sdists that are none ----------------------------------------------------------------------------------------------


def tar_of(*names: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return file.getvalue()


ODD = {
    "empty": (b"", "file could not be opened successfully"),
    "cut off": (tar_of("demo-1.4.0/PKG-INFO")[:60], ""),
    "no folder": (tar_of("PKG-INFO"), "there is no single top folder"),
    "two folders": (tar_of("a/PKG-INFO", "b/PKG-INFO"), "there is no single top folder"),
    "nothing": (tar_of(), "there is no single top folder"),
    "leads out": (tar_of("demo-1.4.0/../../evil"), "'demo-1.4.0/../../evil' would be extracted to"),
}


@pytest.mark.parametrize(("content", "why"), ODD.values(), ids=ODD)
def test_an_sdist_that_cannot_be_unpacked(tmp_path: Path, content: bytes, why: str) -> None:
    sdist = tmp_path / SDIST
    sdist.write_bytes(content)
    with building(tmp_path) as builder, pytest.raises(WorldFailed) as caught:
        builder.wheel(sdist, tmp_path / "unpacked", tmp_path / "out")
    assert caught.value.what.startswith(f"{SDIST} cannot be unpacked: {why}")
    assert caught.value.fix == "look at what the backend puts into it"
    assert not [*tmp_path.rglob("evil")]
