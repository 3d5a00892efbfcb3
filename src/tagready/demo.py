"""tagready demo: a sample project in a scratch folder, released command by command, with the real output."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

from tagready.console.terminal import in_lines, say

PYPROJECT = """\
[project]
name = "sunrise"
version = "1.3.0"   # tagready writes it, and keeps this comment
description = "Tells when the sun rises"
readme = "README.md"
license = "MIT"
license-files = ["LICENSE"]
requires-python = ">=3.11"

[tool.towncrier]
directory = "changelog.d"
filename = "CHANGELOG.md"
title_format = "## {version} ({project_date})"
"""

#: A real backend, out of the project's own folder: so nothing has to be fetched from anywhere.
BUILD_SYSTEM = """
[build-system]
requires = []
build-backend = "flit_core.buildapi"
backend-path = ["vendor"]

[tool.flit.sdist]
include = ["vendor"]
"""

MODULE = '''\
"""Tells when the sun rises."""

from importlib.metadata import version


def greeting() -> str:
    """Return what the program says."""
    return f"sunrise {version('sunrise')}: at six, more or less"
'''

CHANGELOG = """\
# Changelog

<!-- towncrier release notes start -->

## 1.3.0 (2026-01-15)

### Features

- Tell when the sun rises. (#7)
"""

FRAGMENTS = {
    "12.feature.md": "Tell when the sun **sets**, too.\n",
    "15.feature.md": "`sunrise --json` prints what other programs can read.\n",
    "14.bugfix.md": "Do not crash north of the polar circle in June.\n",
    "+docs.doc.md": "A page about time zones.\n",
    "16.bug.md": "Round to the nearest minute.\n",
}


def demo() -> None:
    """Make a sample project and release it; prints each command with its output, and where the project lies."""
    with tempfile.TemporaryDirectory(prefix="tagready-demo-") as folder:
        project = Path(folder) / "sunrise"
        _make(project)
        _tell("A sample project: sunrise 1.3.0, with a fragment for each change since.", above="")
        _show(project, "ls changelog.d")
        _tell("Anyone can see what would be released. One fragment has a name that towncrier passes over:")
        _show(project, "prepare-release auto --dry-run")
        _tell("It says how to mend that:")
        _show(project, "git mv changelog.d/16.bug.md changelog.d/16.bugfix.md")
        _show(project, "git commit --quiet --message 'Name the fragment'")
        _tell("Now the very diff, and nothing has changed yet:")
        _show(project, "prepare-release auto --dry-run")
        _tell("The release: one commit, or nothing.")
        _show(project, "prepare-release auto")
        _show(project, "git log --oneline --decorate --stat -1")
        _show(project, "git status --short")
        _tell("A second time, it says so:")
        _show(project, "prepare-release 1.4.0")
        _tell("The tag: judged first, then pushed with its branch, both or none.")
        _show(project, "tagready tag 1.4.0 --push")
        _tell("Anybody can prove the release from the history alone, in a bare clone, years later:")
        _show(project, "git clone --quiet --bare ../origin.git ../clone.git")
        _show(project, "tagready verify v1.4.0 -C ../clone.git")
        _show(project, "tagready notes v1.4.0")
        if _has_extra():
            _publish(project)
        else:
            _tell("With tagready[demo] installed, it would go on to an index on this machine, and to pip.")
        _tell("A release that was made by hand, in a hurry: an entry typed, a fix forgotten, the version not set.")
        _spoil(project)
        _show(project, "tagready verify v1.4.1")
    _tell("That was all in a scratch folder, which is gone. In your project:")
    say("\n$ prepare-release auto --dry-run", fg="cyan")


def _tell(text: str, above: str = "\n") -> None:
    """Say what the next command is to show."""
    say(above + in_lines(text), bold=True)


def _publish(project: Path) -> None:
    """Build the release, publish it to an index on this machine, and install it from there."""
    _tell("The distributions: built from the commit, in a clean clone, twice.")
    _show(project, "tagready build")
    with _index(project.parent / "index") as address:
        where = f"--repository-url {address} --index-url {address}simple/"
        _tell("An index (pypiserver) listens on this machine. Without a token, nothing is touched:")
        _show(project, f"tagready publish {where}")
        _tell("With one, what the index lacks is uploaded, until it lists every file with our bytes:")
        _show(project, f"tagready publish {where}", PYPI_API_TOKEN=_TOKEN)
        _tell("A second time, there is nothing to do:")
        _show(project, f"tagready publish {where}", PYPI_API_TOKEN=_TOKEN)
        _tell("And anybody can install it:")
        pip = f"pip install --quiet --no-cache-dir --target ../site --index-url {address}simple/ sunrise==1.4.0"
        _show(project, pip, PYTHONWARNINGS="ignore")
        _show(project, "python -c 'import sunrise; print(sunrise.greeting())'", PYTHONPATH=str(project.parent / "site"))


_TOKEN = "pypi-of-the-demo"  # noqa: S105


def _has_extra() -> bool:
    return all(find_spec(name) is not None for name in ("pypiserver", "flit_core"))


@contextmanager
def _index(folder: Path) -> Iterator[str]:
    """Serve an empty index on a free port of this machine, which takes uploads with the demo's token."""
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    import pypiserver

    class Silent(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    folder.mkdir()
    app = pypiserver.app(
        roots=[folder],
        authenticate=["update"],
        auther=lambda user, password: (user, password) == ("__token__", _TOKEN),
        disable_fallback=True,
        hash_algo="sha256",
    )
    with make_server("127.0.0.1", 0, app, handler_class=Silent) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def _make(project: Path) -> None:
    (project / "changelog.d").mkdir(parents=True)
    files = {
        "pyproject.toml": PYPROJECT + (BUILD_SYSTEM if _has_extra() else ""),
        "CHANGELOG.md": CHANGELOG,
        "README.md": "# sunrise\n\nTells when the sun rises.\n",
        "LICENSE": "MIT\n",
        "sunrise.py": MODULE,
        ".gitignore": "dist/\n",
    }
    for name, text in files.items():
        (project / name).write_text(text, encoding="utf-8", newline="\n")
    if _has_extra():
        import flit_core

        leave_out = shutil.ignore_patterns("__pycache__", "tests")
        shutil.copytree(Path(flit_core.__file__).parent, project / "vendor" / "flit_core", ignore=leave_out)
    (project / "changelog.d/.gitkeep").touch()
    _git(project, "init", "--quiet", "--initial-branch=main")
    _git(project, "add", ".")
    _git(project, "commit", "--quiet", "--message", "Release 1.3.0")
    _git(project, "tag", "--annotate", "--message", "Release 1.3.0", "v1.3.0")
    for name, text in FRAGMENTS.items():
        (project / "changelog.d" / name).write_text(text, encoding="utf-8", newline="\n")
    _git(project, "add", ".")
    _git(project, "commit", "--quiet", "--message", "Work on what comes next")
    _git(project, "init", "--quiet", "--bare", "--initial-branch=main", "../origin.git")
    _git(project, "remote", "add", "origin", "../origin.git")
    _git(project, "push", "--quiet", "--set-upstream", "origin", "main", "v1.3.0")


def _spoil(project: Path) -> None:
    """Release 1.4.1 as it happens: by hand, and without the half of it."""
    changelog = project / "CHANGELOG.md"
    typed = "## 1.4.1 (2026-02-30)\n\n### Bugfixes\n\n- Various fixes.\n\n## 1.4.0"
    changelog.write_text(
        changelog.read_text(encoding="utf-8").replace("## 1.4.0", typed, 1), encoding="utf-8", newline="\n"
    )
    (project / "changelog.d/17.bugfix.md").write_text("Know the leap second.\n", encoding="utf-8", newline="\n")
    _git(project, "add", ".")
    _git(project, "commit", "--quiet", "--message", "Release 1.4.1")
    _git(project, "tag", "--annotate", "--message", "Release 1.4.1", "v1.4.1")


def _git(project: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=project, check=True, env=_environment())


def _show(project: Path, command: str, **variables: str) -> None:
    """Run a command as a person would type it, and let its output through."""
    say(f"\n$ {command}", fg="cyan")
    program, *arguments = shlex.split(command)
    if program == "ls":
        say(in_lines("  ".join(sorted(FRAGMENTS))))
        return
    python = {
        "prepare-release": ["-m", "tagready", "prepare"],
        "tagready": ["-m", "tagready"],
        "pip": ["-m", "pip", "--disable-pip-version-check", "--isolated"],
        "python": [],
    }
    start = [sys.executable, *python[program]] if program in python else [program]
    scratch = project.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    sys.stdout.flush()
    # An interrupt is for us alone: the command would say how to go on with it, and its folder is gone by then.
    running = subprocess.Popen(
        [*start, *arguments],
        cwd=project,
        env=_environment() | {"TMPDIR": str(scratch)} | variables,
        start_new_session=True,
    )
    try:
        running.wait()
    except KeyboardInterrupt:
        _end(running)
        raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it started; what they leave behind is in the scratch folder."""
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _environment() -> dict[str, str]:
    """Return an environment in which git knows the demo's own people, and nothing of the user's settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_OF_THE_USER)}
    people = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Demo"), ("EMAIL", "demo@example.org"))
    }
    # The index is on this machine: a proxy could not reach it.
    here = {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
    return kept | people | here | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_PAGER": "cat"}


#: Variables with which a user's own settings would get into the demo, or the demo out to an index.
_OF_THE_USER = ("GIT_", "GITHUB_", "TWINE_", "PYPI_API_TOKEN", "TAGREADY_", "PIP_", "SOURCE_DATE_EPOCH")
