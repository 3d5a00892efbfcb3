"""The smoke test: a wheel in a fresh environment, imported, or put to the project's own question."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tagready.doors.backend import installer_said, isolated
from tagready.facts.findings import Finding, Report, Skipped, finding
from tagready.facts.program_output import last_lines

#: Seconds that an import, or the project's command, may take.
SMOKE_SECONDS = 300.0


def test(wheel: Path, command: str | None) -> Report:
    """Return what is wrong with a wheel once it is installed with what it requires; nothing of the tree is in reach.

    A wheel for other Pythons than the one that runs is not tried: it is a skip, and says nothing against the wheel.
    """
    return _test(wheel, [f"{_project(wheel)} @ {wheel.resolve().as_uri()}"], command)


def test_from_index(wheel: Path, listing: str | None, command: str | None) -> Report:
    """Return what is wrong with a wheel's version once it is installed from an index, as its users install it.

    `listing` is the simple endpoint of that index; None: the one that pip asks anyway.
    """
    version = wheel.name.split("-")[1]
    where = [f"--index-url {listing}"] if listing else []
    found = _test(wheel, [*where, f"{_project(wheel)}=={version}"], command)
    return Report(tuple(_for_all(each, version) for each in found.findings), found.skipped)


def _for_all(found: Finding, version: str) -> Finding:
    """Return the finding with the way out that is left when everybody has the version already."""
    fix = f"yank {version} on the index, so that nobody gets it unasked; mend it, and release the next version"
    return Finding(found.rule, found.message, fix, found.path)


def _test(wheel: Path, requirements: Sequence[str], command: str | None) -> Report:
    other = _for_another_python(wheel)
    return Report(skipped=(Skipped("dist-broken", other),)) if other else Report(_tried(wheel, requirements, command))


def _for_another_python(wheel: Path) -> str | None:
    """Return why the Python that runs cannot try a wheel; None where it can."""
    import platform
    import zipfile
    from email.parser import HeaderParser

    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    with zipfile.ZipFile(wheel) as archive:
        said = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA")]
        text = archive.read(said[0]).decode("utf-8", "replace") if said else ""
    stated = str(HeaderParser().parsestr(text).get("Requires-Python", ""))
    here = platform.python_version()
    try:
        if SpecifierSet(stated).contains(here, prereleases=True):
            return None
    except InvalidSpecifier:
        return None  # which pip will say, or pass over
    return f"{wheel.name} is for Python {stated}, and this is {here}: run tagready on such a Python to try it out"


def _tried(wheel: Path, requirements: Sequence[str], command: str | None) -> tuple[Finding, ...]:
    from build import FailedProcessError

    with isolated() as env, tempfile.TemporaryDirectory() as empty:
        try:
            env.install(requirements)
        except (subprocess.CalledProcessError, FailedProcessError) as error:
            return (_broken(wheel, "cannot be installed", installer_said(error)),)
        environment = {**os.environ, **env.make_extra_environ()}
        if command:
            return _run(wheel, shlex.split(command), empty, environment, f"`{command}`")
        names = import_names(wheel)
        code = f"import {', '.join(names)}" if names else "pass"
        return _run(wheel, [env.python_executable, "-I", "-c", code], empty, environment, code)


def import_names(wheel: Path) -> list[str]:
    """Return what a wheel can be imported as: its packages and modules at the top, but for those with a leading _."""
    import zipfile

    with zipfile.ZipFile(wheel) as archive:
        names = {name for path in archive.namelist() if (name := _import_name(path))}
    public = sorted(name for name in names if not name.startswith("_"))
    return public or sorted(names)


def _import_name(path: str) -> str | None:
    """Return the name at the top of a path in a wheel, if it can be imported."""
    top, slash, rest = path.partition("/")
    if not slash:
        stem, dot, suffix = top.partition(".")
        return stem if dot and suffix.rpartition(".")[2] in ("py", "so", "pyd") and stem.isidentifier() else None
    return top if top.isidentifier() and rest.startswith("__init__.") else None


def _project(wheel: Path) -> str:
    return wheel.name.partition("-")[0]


def _run(wheel: Path, command: Sequence[str], folder: str, env: dict[str, str], what: str) -> tuple[Finding, ...]:
    import shutil

    program = shutil.which(command[0], path=env.get("PATH")) or command[0]
    try:
        done = subprocess.run(
            [program, *command[1:]], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=SMOKE_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return (_broken(wheel, f"is installed, but {what} does not end within {SMOKE_SECONDS:g} seconds", ""),)
    except OSError as error:
        return (_broken(wheel, f"is installed, but {what} could not be started: {error}", ""),)
    if done.returncode == 0:
        return ()
    return (_broken(wheel, f"is installed, but {what} fails", last_lines(done.stdout)),)


def _broken(wheel: Path, what: str, output: str) -> Finding:
    lines = [line for line in output.splitlines() if line.strip()]
    message = "\n".join((f"{wheel.name} {what}", *lines))
    return finding("dist-broken", message, "mend it, commit, and build again: people would get the same", wheel.name)
