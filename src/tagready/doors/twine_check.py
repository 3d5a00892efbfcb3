"""The door to `twine check --strict`: whether the index would take the metadata and show the description."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tagready.doors.credentials import SECRET_VARIABLES
from tagready.facts.findings import Finding, as_warning, finding

#: What twine prints of a file, and below it what is wrong with it (twine/commands/check.py).
_CHECKED = re.compile(r"^Checking .*?: (PASSED|FAILED|)", re.MULTILINE)
_NO_DESCRIPTION = "`long_description` missing."


def twine_check(paths: Sequence[Path]) -> tuple[Finding, ...]:
    """Return a finding for each distribution that `twine check --strict` fails; a missing description is a warning."""
    if len(paths) > 1 and _run([str(path.resolve()) for path in paths]).returncode == 0:
        return ()
    # Each by itself: one that cannot be read ends the run, and nothing is said of the others.
    runs = [(path, _run([path.name], path.parent)) for path in paths]
    return tuple(_failed(path, done) for path, done in runs if done.returncode)


def _run(names: Sequence[str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    # A terminal that can do nothing has 80 columns, unless it has lines, too.
    plain = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "10000", "LINES": "25", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        # -P: what lies in the folder where we were started is none of twine's modules, whatever it is called.
        [sys.executable, "-P", "-m", "twine", "check", "--strict", *names],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES} | plain,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def _failed(path: Path, done: subprocess.CompletedProcess[str]) -> Finding:
    # What twine does not foresee, it ends with: of a traceback, the last line is about the file.
    said = [*_CHECKED.sub("", done.stdout).splitlines(), *done.stderr.strip().splitlines()[-1:]]
    lines = [re.sub(r"^(WARNING|ERROR)\s+", "", line.strip()) for line in said]
    lines = [line for line in lines if line and line != "due to warnings"]
    if _NO_DESCRIPTION in lines:
        what = f"{path.name} has no description, so its page on the index would be empty"
        return as_warning(finding("dist-metadata", what, 'set readme = "README.md" in [project]', str(path)))
    what = "\n".join((f"twine check --strict fails on {path.name}:", *lines))
    fix = f"mend what it names, commit, and build again; python -m twine check --strict {path.name} shows the same"
    return finding("dist-metadata", what, fix, str(path))
