"""The door to zizmor, a linter of workflows, which is asked where it is installed; without it, all goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tagready.doors.credentials import SECRET_VARIABLES
from tagready.facts.actions.workflow_rules import RULE, added, merged, zizmor_findings
from tagready.facts.findings import Finding, Report, Skipped

#: Seconds after which it is given up; it takes less than one for the workflows of any project that we know.
PATIENCE = 60

# With a token of GitHub's in the environment, zizmor would ask there.
_TOKENS = ("GH_TOKEN", "GITHUB_TOKEN", "ZIZMOR_GITHUB_TOKEN")
# Without the last, it colours what it says in CI, where nobody has asked for it.
_QUIETLY = ("--offline", "--no-progress", "--format=json", "--min-severity=low", "--color=never")
#: Where a project says what zizmor shall leave out (https://docs.zizmor.sh/configuration/#discovery).
SETTINGS = tuple(f"{folder}zizmor{suffix}" for folder in ("", ".github/") for suffix in (".yml", ".yaml"))
# It says by 11 to 14 how severe the worst finding is.
_ANSWERED = (0, 11, 12, 13, 14)


#: Why it was not asked where nobody has asked for it.
NOT_INSTALLED = "zizmor is not installed"


def beside(ours: Report, folder: Path, before: Path | None = None) -> Report:
    """Return a report on a folder's workflows with what zizmor finds there; that it failed is said, if it is there.

    What it finds in a folder with the same workflows as they were `before` is left out.
    """
    theirs = run(folder)
    if isinstance(theirs, str):
        return ours if theirs == NOT_INSTALLED else ours.and_(Report(skipped=(Skipped(RULE, theirs),)))
    known = run(before) if theirs and before else ()
    return Report(merged(ours.findings, added(theirs, () if isinstance(known, str) else known)), ours.skipped)


def run(folder: Path) -> tuple[Finding, ...] | str:
    """Return what zizmor finds in a folder's workflows, as warnings; or else in words why it could not be asked.

    What it only wants to mention, such as that Trusted Publishing exists, is left out.
    """
    paths = sorted(path for path in (folder / ".github" / "workflows").glob("*") if path.suffix in (".yml", ".yaml"))
    if not paths:
        return ()
    program = shutil.which("zizmor", path=str(Path(sys.executable).parent)) or shutil.which("zizmor")
    if program is None:
        return NOT_INSTALLED
    # Each file by name: looking for them itself, it would honour a .gitignore.
    names = [path.relative_to(folder).as_posix() for path in paths]
    try:
        done = subprocess.run(
            [program, *_QUIETLY, "--", *names],
            cwd=folder,
            env={name: value for name, value in os.environ.items() if name not in (*SECRET_VARIABLES, *_TOKENS)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"zizmor did not come to an end in {PATIENCE} seconds"
    except OSError as problem:
        return f"zizmor could not be started ({problem.strerror})"
    try:
        if done.returncode in _ANSWERED:
            return zizmor_findings(done.stdout)
    except ValueError as problem:
        return str(problem)
    said = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
    return f"zizmor ended with {done.returncode}" + (f" ({said[0]})" if said else "")
