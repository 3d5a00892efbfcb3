"""tagready demo: a sample project in a scratch folder, released command by command, with the real output."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from tagready.terminal import say

PYPROJECT = """\
[project]
name = "sunrise"
version = "1.3.0"   # tagready writes it, and keeps this comment

[tool.towncrier]
directory = "changelog.d"
filename = "CHANGELOG.md"
title_format = "## {version} ({project_date})"
"""

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
        say("A sample project: sunrise 1.3.0, with a fragment for each change since.", bold=True)
        _show(project, "ls changelog.d")
        say("\nAnyone can see what would be released. One fragment has a name that towncrier passes over:", bold=True)
        _show(project, "prepare-release auto --dry-run")
        say("\nIt says how to mend that:", bold=True)
        _show(project, "git mv changelog.d/16.bug.md changelog.d/16.bugfix.md")
        _show(project, "git commit --quiet --message 'Name the fragment'")
        say("\nNow the very diff, and nothing has changed yet:", bold=True)
        _show(project, "prepare-release auto --dry-run")
        say("\nThe release: one commit, or nothing.", bold=True)
        _show(project, "prepare-release auto")
        _show(project, "git log --oneline --decorate --stat -1")
        _show(project, "git status --short")
        say("\nA second time, it says so:", bold=True)
        _show(project, "prepare-release 1.4.0")
        say("\nThe tag: judged first, then pushed with its branch, both or none.", bold=True)
        _show(project, "tagready tag 1.4.0 --push")
        say("\nAnybody can prove the release from the history alone, in a bare clone, years later:", bold=True)
        _show(project, "git clone --quiet --bare ../origin.git ../clone.git")
        _show(project, "tagready verify v1.4.0 -C ../clone.git")
        _show(project, "tagready notes v1.4.0")
        say(
            "\nA release that was made by hand, in a hurry: an entry typed, a fix forgotten, the version not set.",
            bold=True,
        )
        _spoil(project)
        _show(project, "tagready verify v1.4.1")
    say("\nThat was all in a scratch folder, which is gone. In your project: prepare-release auto --dry-run", bold=True)


def _make(project: Path) -> None:
    (project / "changelog.d").mkdir(parents=True)
    (project / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8", newline="\n")
    (project / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8", newline="\n")
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


def _show(project: Path, command: str) -> None:
    """Run a command as a person would type it, and let its output through."""
    say(f"\n$ {command}", fg="cyan")
    program, *arguments = shlex.split(command)
    if program == "ls":
        say("  ".join(sorted(FRAGMENTS)))
        return
    ours = {"prepare-release": ["prepare"], "tagready": []}
    start = [sys.executable, "-m", "tagready", *ours[program]] if program in ours else [program]
    sys.stdout.flush()
    subprocess.run([*start, *arguments], cwd=project, env=_environment(), check=False)


def _environment() -> dict[str, str]:
    """Return an environment in which git knows the demo's own people, and nothing of the user's settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    people = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Demo"), ("EMAIL", "demo@example.org"))
    }
    return kept | people | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_PAGER": "cat"}
