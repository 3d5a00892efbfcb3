"""The door to build backends: one isolated environment, and what they build in it the same way on every machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tagready.doors.checkout import environment
from tagready.doors.credentials import SECRET_VARIABLES
from tagready.facts.findings import WorldFailed
from tagready.facts.program_output import last_lines

if TYPE_CHECKING:
    from build import ProjectBuilder
    from build.env import DefaultIsolatedEnv

#: What a build is told of the world, so that no machine's own can get into the files.
#: https://reproducible-builds.org/docs/source-date-epoch/
_FIXED = {"TZ": "UTC", "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
_UMASK = 0o022

#: Where wheels are built, on every machine that has such a folder.
ONE_PLACE = Path("/tmp/tagready-build")  # noqa: S108
#: Another build may be there for so long; then the wheel is built elsewhere.
TURN_SECONDS = 60.0

_NO_FILE = "the backend does not name a file that is there"

_LIST_INSTALLED = (
    "import json, importlib.metadata as m;"
    "print(json.dumps(sorted({f'{d.name}=={d.version}' for d in m.distributions()}, key=str.lower)))"
)


@dataclass(frozen=True)
class Backend:
    """A project's build backend in an environment of its own; `log` collects what it prints."""

    env: DefaultIsolatedEnv
    epoch: int
    constraints: tuple[str, ...]
    log: Path
    _installed: set[str] = field(default_factory=set)

    def sdist(self, source: Path, out: Path) -> Path:
        """Return the source distribution of a source tree, built into a folder."""
        return self._build("sdist", source, out)

    def wheel(self, sdist: Path, folder: Path, out: Path) -> Path:
        """Return the wheel of a source distribution, unpacked and built in the one place, or else in a folder."""
        with _the_one_place() as place:
            return self._build("wheel", _unpack(sdist, place or folder), out)

    def requirements(self) -> tuple[str, ...]:
        """Return what is installed in the environment, as `name==version`."""
        done = subprocess.run(
            [self.env.python_executable, "-I", "-c", _LIST_INSTALLED], capture_output=True, check=True, text=True,
            env=self._environment({}),
        )  # fmt: skip
        return tuple(json.loads(done.stdout))

    def _build(self, kind: str, source: Path, out: Path) -> Path:
        from build import BuildBackendException, BuildException, ProjectBuilder

        try:
            builder = ProjectBuilder.from_isolated_env(self.env, source, self._run)
            self._install(builder, kind)
            made = Path(builder.build(kind, out))  # type: ignore[arg-type]
        except (BuildBackendException, BuildException) as error:
            raise self._failed(kind, str(error)) from None
        except TypeError:  # the backend named no file, but None or the like
            raise self._failed(kind, _NO_FILE) from None
        if not made.is_file():
            raise self._failed(kind, _NO_FILE)
        return made

    def _install(self, builder: ProjectBuilder, kind: str) -> None:
        from build import FailedProcessError

        try:
            self._add(builder.build_system_requires)
            self._add(builder.get_requires_for_build(kind))  # type: ignore[arg-type]
        except (subprocess.CalledProcessError, FailedProcessError) as error:
            raise WorldFailed(
                "what the build needs could not be installed",
                "look at [build-system] in pyproject.toml and at the network, then run it again",
                "pip install", installer_said(error),
            ) from None  # fmt: skip

    def _add(self, requirements: Collection[str]) -> None:
        """Install what is not there yet; asking pip about what it has just installed takes most of a second."""
        new = set(map(str, requirements)) - self._installed
        if new:
            self.env.install(new, self.constraints)
            self._installed.update(new)

    def _run(self, cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
        """Run a backend's hook, as `build` asks for it, in a world that is the same everywhere."""
        umask = {} if os.name == "nt" else {"umask": _UMASK}
        with self.log.open("ab") as log:
            subprocess.run(
                cmd, cwd=cwd, env=self._environment(extra_environ or {}), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, check=True, **umask,  # type: ignore[call-overload]
            )  # fmt: skip

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        kept = {
            name: value
            for name, value in environment().items()
            if name not in SECRET_VARIABLES and not name.startswith("LC_")
        }
        return kept | _FIXED | self._bytecode() | {"SOURCE_DATE_EPOCH": str(self.epoch)} | dict(extra)

    def _bytecode(self) -> dict[str, str]:
        """Return the settings that keep bytecode out of the sources, and so out of sdists.

        Where something is installed, it is kept elsewhere: to compile setuptools for each hook takes seconds.
        """
        if self._installed:
            return {"PYTHONPYCACHEPREFIX": str(self.log.with_name("bytecode")), "PYTHONDONTWRITEBYTECODE": ""}
        return {"PYTHONPYCACHEPREFIX": "", "PYTHONDONTWRITEBYTECODE": "1"}

    def _failed(self, kind: str, what: str) -> WorldFailed:
        return WorldFailed(
            f"the {kind} could not be built: {what}",
            "mend it (python -m build shows the same, from the working tree), commit, and run it again",
            f"build --{kind}",
            last_lines(self.log.read_bytes() if self.log.exists() else b""),
        )


@contextmanager
def backend(epoch: int, constraints: Sequence[str], scratch: Path) -> Iterator[Backend]:
    """Give a build backend an environment of its own, and take that away in the end."""
    with isolated() as env:
        yield Backend(env, epoch, tuple(constraints), scratch / "backend.log")


@contextmanager
def isolated() -> Iterator[DefaultIsolatedEnv]:
    """Make an environment with nothing in it, and take it away in the end; meanwhile, no secret is in reach."""
    from build import BuildException, FailedProcessError
    from build.env import DefaultIsolatedEnv

    with _plain_environment(), ExitStack() as stack:
        try:
            env = stack.enter_context(DefaultIsolatedEnv())
        except (BuildException, FailedProcessError, subprocess.CalledProcessError, RuntimeError) as error:
            raise WorldFailed(
                "Python could not make a virtual environment to build in",
                "make room where temporary files lie; Debian has what it takes in python3-venv",
                "python -m venv", installer_said(error),
            ) from None  # fmt: skip
        yield env


_ELSEWHERE = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER")


@contextmanager
def _plain_environment() -> Iterator[None]:
    """Take the secrets out of the environment, for what is installed meanwhile runs strangers' code; and some of pip's.

    pip would install what they say elsewhere, and not into the environment that is to have it.
    """
    held = {name: os.environ.pop(name) for name in (*SECRET_VARIABLES, *_ELSEWHERE) if name in os.environ}
    try:
        yield
    finally:
        os.environ |= held


@contextmanager
def _the_one_place() -> Iterator[Path | None]:
    """Give the folder that wheels are built in on every machine; None where it cannot be had, or is in use.

    maturin writes the absolute path of the sources into each wheel (its SBOM), and compilers into what they make.
    """
    if sys.platform == "win32":
        yield None
        return
    import shutil

    place, lock = ONE_PLACE, ONE_PLACE.with_suffix(".lock")
    with ExitStack() as stack:
        try:
            # Nobody else's file or link is followed, and a killed run leaves no lock behind.
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            stack.callback(os.close, handle)
            _take_turn(handle)
            if place.is_dir() and not place.is_symlink() and place.stat().st_uid == os.getuid():
                shutil.rmtree(place)
            place.mkdir(mode=0o700)
        except OSError:
            yield None
            return
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        yield place


def _take_turn(handle: int) -> None:
    """Lock a file once nobody else has it locked; raise OSError where that takes too long."""
    import fcntl

    deadline = time.monotonic() + TURN_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _unpack(sdist: Path, folder: Path) -> Path:
    """Return the one folder in a source distribution, unpacked; raise WorldFailed where it is no such archive."""
    try:
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
        inside = list(folder.iterdir())
        why = "" if len(inside) == 1 and inside[0].is_dir() else "there is no single top folder"
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        why = str(error).partition(":\n")[0]
    if why:
        fix = "look at what the backend puts into it"
        raise WorldFailed(f"{sdist.name} cannot be unpacked: {why}", fix, "build --sdist")
    return inside[0]


def installer_said(error: Exception) -> str:
    """Return the last lines of what an installer said."""
    cause = error if isinstance(error, subprocess.CalledProcessError) else getattr(error, "exception", error)
    output = [getattr(cause, name, None) or b"" for name in ("stdout", "stderr")]
    text = "\n".join(part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in output)
    return last_lines(text) or str(error)
