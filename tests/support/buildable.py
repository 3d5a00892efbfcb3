"""Sample projects that real backends build offline, and the wheels that pip needs for that."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path

import flit_core
import pytest

from dists import metadata
from projects import DAY, PYPROJECT, Project, Result, make_project

#: Noon, as a build gets it.
EPOCH = 1770120000

SDIST, WHEEL = "demo-1.4.0.tar.gz", "demo-1.4.0-py3-none-any.whl"
BOTH = [WHEEL, SDIST]

ABOUT = """\
description = "A demo"
readme = "README.md"
license = "MIT"
license-files = ["LICENSE"]
requires-python = ">=3.11"
"""

#: flit-core out of the project's own folder, so that nothing has to be installed.
FLIT = """
[build-system]
requires = []
build-backend = "flit_core.buildapi"
backend-path = ["vendor"]

[tool.flit.sdist]
include = ["vendor", "*.txt", "data"]
"""

#: The top of every backend of the tests' own: it does what flit-core does, but for what comes after.
OURS = """\
import os, sys, time
from pathlib import Path
from flit_core import buildapi as flit
from flit_core.buildapi import *

"""

FILES = {
    "README.md": "# demo\n\nA demo.\n",
    "LICENSE": "Do as you like.\n",
    "demo.py": '"""A demo."""\n\nANSWER = 42\n',
    "notes.txt": "As committed.\n",
    "left-out.txt": "Only git archive leaves it out.\n",
    "commit.txt": "$Format:%H$\n",
    ".gitattributes": "left-out.txt export-ignore\ncommit.txt export-subst\n",
    ".gitignore": "dist/\nignored.txt\n",
}


def with_build(build_system: str = FLIT, keys: str = "", about: str = ABOUT) -> str:
    """A pyproject.toml that can be built, with keys of ours."""
    head = PYPROJECT.replace("\n[tool.towncrier]", f"{about}\n[tool.towncrier]")
    return head + build_system + (f"\n[tool.tagready]\n{keys}\n" if keys else "")


def make_buildable(path: Path, pyproject: str | None = None, files: Mapping[str, str] = FILES) -> Project:
    """Return a project with a tagged release of 1.4.0 on main, which flit-core builds."""
    project = make_project(path, pyproject=pyproject or with_build())
    for name, text in files.items():
        project.write(name, text)
    vendor(project)
    project.commit("Make it a package")
    done = project.prepare("1.4.0", *DAY)
    assert done.code == 0, done.err
    project.git("tag", "v1.4.0")
    project.git("gc", "-q")  # it will be copied often
    shutil.rmtree(project.path / ".git/hooks", ignore_errors=True)
    return project


def vendor(project: Project, folder: str = "vendor") -> None:
    """Put flit-core into a project; without its own copies of licences and tests it is a third of the size."""
    leave_out = shutil.ignore_patterns("__pycache__", "tests")
    shutil.copytree(Path(flit_core.__file__).parent, project.path / folder / "flit_core", ignore=leave_out)


def amend(project: Project, files: Mapping[str, str], tag: str | None = "v1.4.0") -> Project:
    """Put files into the release commit, as if they had always been there."""
    for name, text in files.items():
        project.write(name, text)
    project.git("add", "--all")
    project.git("commit", "-q", "--amend", "--no-edit")
    if tag:
        project.git("tag", "--force", tag)
    return project


def with_backend(project: Project, code: str, *, keys: str = "", requires: Sequence[str] = ()) -> Project:
    """Let a project be built by a backend of its own: flit-core, and then this code."""
    system = FLIT.replace("flit_core.buildapi", "ours").replace("requires = []", f"requires = {list(requires)}")
    pyproject = with_build(system, keys).replace('"1.3.0"', '"1.4.0"')
    return amend(project, {"vendor/ours.py": OURS + code, "pyproject.toml": pyproject})


@contextmanager
def offline(house: Path | None = None) -> Iterator[None]:
    """Let pip find what lies in a folder of wheels, and ask no index; no configuration of this machine counts."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            patch.delenv(name)
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        if house:
            patch.setenv("PIP_FIND_LINKS", house.as_uri())  # several are told apart by blanks
        yield


def repacked(name: str, folder: Path) -> Path:
    """Make a wheel again of an installed distribution, and put it into a folder."""
    found = distribution(name)
    target = folder / f"{name.replace('-', '_')}-{found.version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for file in found.files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts and "tests" not in file.parts:
                archive.write(Path(str(file.locate())), str(file))
    return target


def wheel_of(
    folder: Path, files: Mapping[str, str], name: str = "demo", version: str = "1.4.0", requires: str = "",
    python: str = ">=3.8",
) -> Path:  # fmt: skip
    """Make a wheel of some files, which pip takes."""
    target = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    headers = f"Requires-Dist: {requires}\n" if requires else ""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(
            f"{info}/METADATA", metadata(name, version, headers=headers).replace(b">=3.8", python.encode())
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return target


def members(path: Path) -> dict[str, str]:
    """Return the text of each file in a distribution, in an sdist by its path below the top folder."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return {name: wheel.read(name).decode() for name in wheel.namelist()}
    found = {}
    with tarfile.open(path) as sdist:
        for member in sdist:
            content = sdist.extractfile(member) if member.isreg() else None
            if content:
                found[member.name.partition("/")[2]] = content.read().decode()
    return found


def outcome(result: Result) -> tuple[int, list[tuple[str, str, str | None]]]:
    """Return a command's exit code and its findings: rule, level, and the file's name."""
    found = result.json["findings"]
    return result.code, [(each["rule"], each["level"], each["path"] and Path(each["path"]).name) for each in found]


def sums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each distribution in a folder, as SHA256SUMS has it, which has to be true."""
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def contents(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a folder; none where there is no folder."""
    if not folder.exists():
        return {}
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir() if not file.is_dir()}
