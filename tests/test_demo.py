"""tagready demo: it runs to its end, says what it is to say, and touches nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from projects import script

#: Python runs it at its start: whoever asks another machine then is ended.
NO_NETWORK = """\
import os, sys

def stop(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        host = arguments[1][0] if event == "socket.connect" else arguments[0]
        if host not in ("127.0.0.1", b"127.0.0.1"):
            print("asked the network:", *arguments[-2:], file=sys.stderr, flush=True)
            os._exit(99)

sys.addaudithook(stop)
"""

#: What it shows, in this order.
LINES = [
    "A sample project: sunrise 1.3.0, with a fragment for each change since.",
    "$ prepare-release auto --dry-run",
    "x fragment-ignored  changelog.d/16.bug.md",
    "Refused: 1 finding. Nothing was changed.",
    "$ git mv changelog.d/16.bug.md changelog.d/16.bugfix.md",
    "$ prepare-release auto --dry-run",
    "Dry run: nothing was changed.",
    "$ prepare-release auto",
    '"Release 1.4.0" on main',
    "1.4.0 is prepared already",
    "$ tagready tag 1.4.0 --push",
    "pushed to origin with main",
    "$ tagready verify v1.4.0 -C ../clone.git",
    "sunrise 1.4.0 is tag-ready",
    "5 fragments compile to just this entry",
    "$ tagready notes v1.4.0",
    "- Round to the nearest minute. (#16)",
    "$ tagready build",
    "sunrise 1.4.0 is built, in dist",
    "twice      from a clone of its own each time, and the bytes are the same",
    "$ tagready publish --repository-url http://127.0.0.1:",
    "x token-missing",
    "Not published: 1 finding.",
    "$ tagready publish --repository-url http://127.0.0.1:",
    "sunrise 1.4.0 is on 127.0.0.1, byte for byte",
    "* uploaded      sunrise-1.4.0-py3-none-any.whl",
    "* uploaded      sunrise-1.4.0.tar.gz",
    "$ tagready publish --repository-url http://127.0.0.1:",
    "* present       sunrise-1.4.0.tar.gz",
    "$ pip install --quiet --no-cache-dir --target ../site --index-url http://127.0.0.1:",
    "sunrise 1.4.0: at six, more or less",
    "$ tagready verify v1.4.1",
    "x version-mismatch  pyproject.toml:3",
    "x fragments-left-over  changelog.d/17.bugfix.md",
    "sunrise 1.4.1 is not tag-ready: 2 findings.",
    "That was all in a scratch folder, which is gone.",
]


def test_from_a_refusal_to_a_proven_tag(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("here", "scratch", "python")]
    for folder in folders:
        folder.mkdir()
    here, scratch, python = folders
    (python / "sitecustomize.py").write_text(NO_NETWORK)
    done = subprocess.run(
        [sys.executable, "-m", "tagready", "demo"],
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ
        | {"NO_COLOR": "1", "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(python), "TMPDIR": str(scratch)}
        # A proxy that nobody needs: the demo stays on this machine.
        | {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"},
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, list(here.iterdir()), list(scratch.iterdir())) == (0, [], []), done.stdout
    at = 0
    for line in LINES:
        assert line in done.stdout[at:], f"{line!r} is not in the rest:\n{done.stdout[at:]}"
        at = done.stdout.index(line, at) + len(line)
    assert done.stdout.count('"Release 1.4.0" on main') == 1
    assert "\x1b" not in done.stdout


#: A git that is slow to move a file, uses a scratch folder of its own, and says when it is interrupted.
SLOW = """\
if [ "$1" = mv ]; then
    trap 'echo Interrupted in git; exit 1' INT
    mktemp -d && echo begun
    sleep 20
fi
exec {git} "$@"
"""


@pytest.mark.skipif(os.name == "nt", reason="processes are interrupted otherwise there")
def test_who_interrupts_it_is_told_once_and_what_is_true(tmp_path: Path) -> None:
    programs, scratch = tmp_path / "bin", tmp_path / "scratch"
    programs.mkdir()
    scratch.mkdir()
    script(programs / "git", SLOW.format(git=shutil.which("git")))
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    plain = {"NO_COLOR": "1", "PYTHONIOENCODING": "ascii", "COLUMNS": "40", "TMPDIR": str(scratch), "PATH": path}
    running = subprocess.Popen(
        [sys.executable, "-m", "tagready", "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | plain,
        encoding="utf-8",
        start_new_session=True,
    )
    assert running.stdout is not None
    shown = ""
    while not shown.endswith("begun\n"):
        shown += running.stdout.readline()
    os.killpg(running.pid, signal.SIGINT)
    rest = running.communicate(timeout=10)[0]
    assert (running.returncode, list(scratch.iterdir())) == (130, [])
    assert rest == "\nInterrupted. The scratch folder is gone; tagready demo begins anew.\n"
    assert "\nAnyone can see what would be released.\nOne fragment has a name that towncrier\n" in shown
