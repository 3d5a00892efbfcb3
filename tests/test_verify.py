"""verify on real repositories: spoiled tags with every finding, good tags of every kind, the promises of the proof."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

from projects import CHANGELOG, DAY, NOON, PYPROJECT, RST_MARKER, Project, Result, add_remote, make_project, with_keys
from steps import Step, amend, commit, edit, git, prepare, run, write
from tagready.facts.publishing.tokens import location_of

pytestmark = pytest.mark.usefixtures("noon")

Found = tuple[str, str, str | None, int | None]

LOG = "CHANGELOG.md"
TOWNCRIER = version("towncrier")
PROVEN = f"2 fragments compile to just this entry (towncrier {TOWNCRIER})"
ENTRY = """\
## 1.4.0 (2026-02-03)

### Features

- Add colour. (#12)

### Bugfixes

- Mend it. (#13)
"""
RST = PYPROJECT.replace(LOG, "NEWS.rst").replace('"## {version} ({project_date})"', '"{version} ({project_date})"')
RST_CHANGELOG = (
    f"Changelog\n#########\n\n{RST_MARKER}\n\n1.3.0 (2026-01-01)\n==================\n\n- The first one. (#1)\n"
)
SETEXT_CHANGELOG = CHANGELOG.replace("## 1.3.0 (2026-01-01)", "1.3.0 (2026-01-01)\n------------------")
SECTIONS = PYPROJECT + "".join(
    f'\n[[tool.towncrier.section]]\nname = "{name}"\npath = "{name.lower()}"\n' for name in ("", "Core")
)
FILES = PYPROJECT.replace('"CHANGELOG.md"', '"news/{version}.md"\nsingle_file = false')


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("template") / "demo")
    prepare("1.4.0")(project)
    return project


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    """A project with a good release of 1.4.0 on main, not tagged yet."""
    return template.copy(tmp_path / "demo")


# -- the words in which the tables are written -------------------------------------------------------------------------


def reworded(message: str) -> Step:
    """Give the last commit another message."""
    return git("commit", "-q", "--amend", "-m", message)


def by_hand(*steps: Step) -> Step:
    """Do the steps where the release was not prepared yet."""
    return run(git("reset", "-q", "--hard", "HEAD^"), *steps)


def anew(*steps: Step) -> Step:
    """Commit what the steps do, and prepare the release after that."""
    return by_hand(commit(*steps), prepare("1.4.0"))


def fragment(name: str, text: str = "Something.\n") -> Step:
    return write(f"changelog.d/{name}", text)


def entry(old: str, new: str) -> Step:
    """Edit the changelog of the release commit."""
    return amend(edit(LOG, old, new))


def towncrier(project: Project) -> None:
    """Compile the entry as people do who have nothing but towncrier."""
    command = [str(Path(sys.executable).with_name("towncrier")), "build", "--yes", "--version", "1.4.0", *DAY]
    subprocess.run(command, cwd=project.path, check=True, capture_output=True)


def nothing(_: Project) -> None:
    """Spoil nothing."""


def in_editor(old: str, new: str, *arguments: str) -> Step:
    """Prepare the release, with an edit in the editor."""
    return run(git("config", "core.editor", f"sed -i 's/{old}/{new}/'"), prepare("1.4.0", "--edit", *arguments))


BUMP = edit("pyproject.toml", '"1.3.0"', '"1.4.0"')
BY_TOWNCRIER = commit(towncrier, BUMP, message="Release 1.4.0")
BRANCHED = by_hand(prepare("1.4.0", "--branch"))
MERGED = git("merge", "-q", "--no-ff", "--no-edit", "release/1.4.0")
SQUASHED = run(git("merge", "-q", "--squash", "release/1.4.0"), git("commit", "-q", "--no-edit"))
MOVED = commit(write("elsewhere", "Something.\n"))
NEWS_MEANWHILE = commit(fragment("14.feature.md"))
PICKED = git("cherry-pick", "release/1.4.0")


def squashed_by_github(project: Project, width: int | None = None, newline: str = "\n") -> None:
    """Squash as GitHub does: the title with the pull request's number, then each message behind a bullet."""
    bodies = project.git("log", "--reverse", "--format=* %B%x00", "main..release/1.4.0").split("\0")
    body = "\n\n".join(text.strip() for text in bodies if text.strip())
    message = f"Prepare 1.4.0 (#20)\n\n{body}\n\n---------\n\nCo-authored-by: Ann <ann@example.org>\n"
    if width:
        message = re.sub(rf"^(?=.{{{width + 1}}})(.{{1,{width}}}) ", r"\1\n", message, flags=re.MULTILINE)
    project.git("merge", "-q", "--squash", "release/1.4.0")
    project.write("../message", message.replace("\n", newline))
    project.git("commit", "-q", "--cleanup=verbatim", "-F", "../message")


def error(rule: str, path: str | None = None, line: int | None = None) -> Found:
    return rule, "error", path, line


def warning(rule: str, path: str | None = None, line: int | None = None) -> Found:
    return rule, "warning", path, line


def each_of(rule: str, *names: str) -> list[Found]:
    return [error(rule, f"changelog.d/{name}") for name in names]


def lost(*names: str) -> list[Found]:
    return each_of("fragment-lost", *names)


def left(*names: str) -> list[Found]:
    return each_of("fragments-left-over", *names)


MALFORMED, OFF_BRANCH, NOT_NEWER = error("tag-malformed"), error("tag-not-on-branch"), error("version-not-newer")
MISMATCH, MISSING = error("version-mismatch", "pyproject.toml", 3), error("entry-missing", LOG)
DIFFERS, SWALLOWS = warning("entry-differs", LOG, 5), error("entry-swallows", LOG)


def findings(result: Result) -> list[Found]:
    return [(found["rule"], found["level"], found["path"], found["line"]) for found in result.json["findings"]]


def skipped(result: Result) -> list[str]:
    return [skip["rule"] for skip in result.json["skipped"]]


class Case(NamedTuple):
    """What is done to a good release that is not tagged yet, and all that verify finds then.

    `tag` is what HEAD is tagged with after that; None: the steps tag. `asked` are arguments; None: that tag.
    """

    steps: Step
    findings: list[Found]
    tag: str | None = "v1.4.0"
    asked: tuple[str, ...] | None = None


def judged(project: Project, case: Case | Good | Unjudged) -> Result:
    """Do what a row says, and verify."""
    case.steps(project)
    if case.tag is not None:
        project.git("tag", case.tag)
    asked = (case.tag or "v1.4.0",) if case.asked is None else case.asked
    return project.run("verify", *asked, "--format", "json")


# -- secrets: none is written out, each is made here as the index makes them (test_tokens) -----------------------------


PYPI, TEST_PYPI = location_of(DEFAULT_REPOSITORY), location_of(TEST_REPOSITORY)


def token(location: str = PYPI) -> str:
    packets = ((1, location.encode()), (2, b"d4f5a6b7-0000-4000-8000-123456789abc"), (0, b""), (0, b""), (6, b"s" * 32))
    data = b"\2" + b"".join(bytes([kind]) + (bytes([len(value)]) + value if kind else b"") for kind, value in packets)
    return "pypi-" + urlsafe_b64encode(data).decode().rstrip("=")


def leak(location: str = PYPI) -> str:
    return f"Upload\n======\n\nexport TWINE_PASSWORD={token(location)}\n"


PYPIRC = "[pypi]\nusername = ann\npassword = " + "hunter" + "2\n"

# -- spoiled tags ------------------------------------------------------------------------------------------------------

LOCK = '[[package]]\nname = "demo"\nversion = "1.3.0"\nsource = { editable = "." }\n'
PLACES = commit(
    write("pyproject.toml", with_keys('version-files = ["src/demo.py"]')),
    write("src/demo.py", '"""Demo."""\n\n__version__ = "1.3.0"\n'),
    write("uv.lock", f"version = 1\n\n{LOCK}"),
)
SEVERAL_PLACES = by_hand(PLACES, prepare("1.4.0"))
UNREAD = by_hand(commit(fragment("15.feat.md", "Hear.\n")), prepare("1.4.0", "--skip", "fragment-ignored"))
FORGETS_SKIPS = reworded(f"Release 1.4.0\n\nTowncrier: {TOWNCRIER}")
TYPED = by_hand(
    git("rm", "-q", "changelog.d/12.feature.md", "changelog.d/13.bugfix.md"), commit(message="They never were"),
    edit(LOG, "## 1.3.0", ENTRY + "\n\n## 1.3.0"), commit(BUMP, message="Release 1.4.0"),
)  # fmt: skip
STRICT = write("pyproject.toml", with_keys("strict-entry = true"))
EDITED = by_hand(in_editor("Add colour", "Show colours"))
PASTED = by_hand(edit(LOG, "## 1.3.0", ENTRY + "\n\n## 1.3.0"), commit(BUMP, message="Release 1.4.0"))

SPOILED: dict[str, Case] = {
    # the tag's name
    "bare, and the others have a v": Case(nothing, [MALFORMED], tag="1.4.0"),
    "a v, and the others are bare": Case(run(git("tag", "1.3.0", "v1.3.0"), git("tag", "-d", "v1.3.0")), [MALFORMED]),
    "a capital V": Case(nothing, [MALFORMED], tag="V1.4.0"),
    "a prefix that the others have not": Case(nothing, [MALFORMED], tag="release-1.4.0"),
    "the project's name, which the others have not": Case(nothing, [MALFORMED], tag="demo-1.4.0"),
    "another project's name": Case(nothing, [MALFORMED], tag="other-1.4.0"),
    "a hyphen in the candidate": Case(by_hand(prepare("1.4.0rc1")), [MALFORMED], tag="v1.4.0-rc1"),
    "a leading zero": Case(nothing, [MALFORMED], tag="v01.4.0"),
    "a local part": Case(nothing, [MALFORMED, MISMATCH, MISSING], tag="v1.4.0+local"),
    "no version": Case(nothing, [MALFORMED], tag="latest"),
    "no version, nor in the tree": Case(
        anew(write("pyproject.toml", with_keys('version-source = "tag"'))), [MALFORMED], tag="latest",
    ),
    "against tag-format": Case(
        anew(write("pyproject.toml", with_keys('tag-format = "demo/{version}"'))), [MALFORMED],
    ),
    # which commit is tagged
    "no such tag": Case(nothing, [error("tag-missing")], tag=None),
    "no tag on HEAD": Case(nothing, [error("tag-missing")], tag=None, asked=()),
    "no tag on HEAD, but before it": Case(
        run(git("tag", "v1.4.0"), MOVED), [error("tag-missing")], tag=None, asked=(),
    ),
    "on another commit than the one asked for": Case(
        run(git("tag", "v1.4.0"), MOVED), [error("tag-exists")], tag=None, asked=("v1.4.0", "--commit", "HEAD"),
    ),
    "on another commit than the one asked for, which has findings": Case(
        run(git("tag", "v1.4.0"), NEWS_MEANWHILE), [error("tag-exists"), *left("14.feature.md")],
        tag=None, asked=("v1.4.0", "--commit", "HEAD"),
    ),
    "on the branch, which was squashed": Case(
        run(BRANCHED, git("tag", "v1.4.0", "release/1.4.0"), SQUASHED), [OFF_BRANCH], tag=None,
    ),
    "on the branch, which was rebased": Case(
        run(BRANCHED, MOVED, git("tag", "v1.4.0", "release/1.4.0"), PICKED), [OFF_BRANCH], tag=None,
    ),
    "on the branch, which is not merged": Case(
        run(BRANCHED, git("tag", "v1.4.0", "release/1.4.0")), [OFF_BRANCH], tag=None,
    ),
    "on a topic branch": Case(run(git("switch", "-q", "-c", "topic"), git("branch", "-f", "main", "v1.3.0")),
                              [OFF_BRANCH]),
    "on a branch that release-branches leaves out": Case(
        run(git("branch", "stable", "v1.3.0"), anew(write("pyproject.toml", with_keys('release-branches = ["st*"]')))),
        [OFF_BRANCH],
    ),
    "on a topic branch of the remote only": Case(
        run(lambda project: add_remote(project, project.path.with_name("remote")), MOVED, git("tag", "v1.4.0"),
            git("push", "-q", "origin", "HEAD:topic"), git("reset", "-q", "--hard", "HEAD^")),
        [OFF_BRANCH], tag=None,
    ),
    "on no commit": Case(git("tag", "v1.4.0", "HEAD^{tree}"), [error("tag-missing")], tag=None),
    # which version is stated (accidents 1, 3, 5 and 9 of 39)
    "not bumped": Case(amend(edit("pyproject.toml", "1.4.0", "1.3.0")), [MISMATCH]),
    "bumped to the next one's development": Case(amend(edit("pyproject.toml", "1.4.0", "1.5.0.dev0")), [MISMATCH]),
    "its own development version": Case(amend(edit("pyproject.toml", "1.4.0", "1.4.0.dev0")), [MISMATCH]),
    "a typo that is no version": Case(amend(edit("pyproject.toml", "1.4.0", "1.4.O")), [MISMATCH]),
    "not bumped in one of three places": Case(
        run(SEVERAL_PLACES, amend(edit("src/demo.py", "1.4.0", "1.3.0"))),
        [error("version-mismatch", "src/demo.py", 3)],
    ),
    "not bumped in the lock file": Case(
        run(SEVERAL_PLACES, amend(edit("uv.lock", "1.4.0", "1.3.0"))), [error("version-mismatch", "uv.lock", 5)],
    ),
    "not bumped at all": Case(
        run(SEVERAL_PLACES, amend(git("checkout", "-q", "HEAD^", "--", "pyproject.toml", "src/demo.py", "uv.lock"))),
        [MISMATCH, error("version-mismatch", "src/demo.py", 3), error("version-mismatch", "uv.lock", 5)],
    ),
    "an a too many in VERSION": Case(
        run(anew(write("pyproject.toml", with_keys('version-files = ["VERSION"]')), write("VERSION", "1.3.0\n")),
            amend(write("VERSION", "1.4.0a\n"))),
        [error("version-mismatch", "VERSION", 1)],
    ),
    "the tag of the next version": Case(nothing, [MISMATCH, MISSING], tag="v1.4.1"),
    # what it is newer than
    "older than what its parent is tagged": Case(git("tag", "v1.5.0", "HEAD^"), [NOT_NEWER]),
    "older than a release before": Case(git("tag", "v2.0.0", "v1.3.0"), [NOT_NEWER]),
    "older than a candidate before": Case(git("tag", "v1.4.1rc1", "HEAD^"), [NOT_NEWER]),
    "released already, under another name": Case(git("tag", "v1.4", "HEAD^"), [NOT_NEWER]),
    "a candidate after its final version": Case(
        run(git("tag", "v1.4.0"), commit(fragment("14.doc.md")), prepare("1.4.0rc2", "--skip", "version-not-newer"),
            FORGETS_SKIPS),
        [NOT_NEWER], tag="v1.4.0rc2",
    ),
    "a newer maintenance release merged in": Case(
        run(git("switch", "-q", "-c", "2.x", "v1.3.0"), MOVED, git("tag", "v2.0.1"), git("switch", "-q", "main"),
            git("merge", "-q", "--no-edit", "2.x")),
        [NOT_NEWER],
    ),
    "released already, and spelled bare": Case(git("tag", "1.4.0", "HEAD^"), [NOT_NEWER]),
    # no entry (accidents 2, 5, 8, 10 and 12 to 15)
    "towncrier was forgotten": Case(
        by_hand(commit(BUMP, message="Release 1.4.0")), [*left("12.feature.md", "13.bugfix.md"), MISSING],
    ),
    "released from the wrong commit": Case(by_hand(), [MISMATCH, *left("12.feature.md", "13.bugfix.md"), MISSING]),
    "fragments removed, and nothing written": Case(amend(git("checkout", "-q", "HEAD^", "--", LOG)), [MISSING]),
    "1.4.1 is not in 1.4.10": Case(
        run(by_hand(prepare("1.4.1")), entry("## 1.4.1 ", "## 1.4.10 ")), [MISSING], tag="v1.4.1",
    ),
    "1.4.0 is not in 11.4.0": Case(entry("## 1.4.0", "## 11.4.0"), [MISSING]),
    "in a code fence": Case(entry(ENTRY, f"```\n{ENTRY}```\n"), [MISSING]),
    "in a comment": Case(entry(ENTRY, f"<!--\n{ENTRY}-->\n"), [MISSING]),
    "headed with the next version": Case(entry("## 1.4.0", "## 1.5.0"), [MISSING]),
    "headed with a development version": Case(entry("## 1.4.0", "## 1.4.0.dev0"), [MISSING]),
    "headed Unreleased": Case(entry("## 1.4.0 (2026-02-03)", "## Unreleased"), [MISSING]),
    "the version only in a sentence": Case(entry("## 1.4.0 (2026-02-03)", "What 1.4.0 has:"), [MISSING]),
    "no changelog at all": Case(amend(git("rm", "-q", LOG)), [MISSING]),
    "no file of the version": Case(
        run(anew(write("pyproject.toml", FILES)), amend(git("mv", "news/1.4.0.md", "news/1.4.md"))),
        [error("entry-missing", "news/1.4.0.md")],
    ),
    # more than one, or none worth the name
    "twice": Case(entry("## 1.3.0", f"{ENTRY}\n\n## 1.3.0"), [error("entry-duplicated", LOG, 16)]),
    "twice, and spelled otherwise": Case(
        entry("## 1.3.0", "## [v1.4.0](https://x) - 2026-02-01\n\n- Typed.\n\n## 1.3.0"),
        [error("entry-duplicated", LOG, 16)],
    ),
    "a heading only": Case(
        entry(ENTRY, ENTRY.split("\n")[0] + "\n"),
        [error("entry-empty", LOG, 5), DIFFERS, *lost("12.feature.md", "13.bugfix.md")],
    ),
    # older entries that are none any more
    "a fence that does not end": Case(entry("- Mend it. (#13)\n", "- Mend it. (#13)\n\n```\n"), [SWALLOWS, DIFFERS]),
    "a fence of a fragment that does not end": Case(
        by_hand(commit(fragment("14.doc.md", "Read:\n\n```\nx\n"),
                       write("pyproject.toml", PYPROJECT + "all_bullets = false\n")), BY_TOWNCRIER),
        [SWALLOWS, DIFFERS],
    ),
    "a comment that does not end": Case(entry("- Mend it. (#13)\n", "- Mend it. (#13)\n\n<!--\n"), [SWALLOWS, DIFFERS]),
    "no blank line before the next heading": Case(
        run(anew(write(LOG, SETEXT_CHANGELOG)), entry("(#13)\n\n\n1.3.0", "(#13)\n1.3.0")), [SWALLOWS, DIFFERS],
    ),
    # an entry that is not what its fragments compile to
    "a word edited": Case(entry("Add colour", "Adds colour"), [DIFFERS]),
    "a word edited, strictly": Case(
        run(anew(STRICT), entry("Add colour", "Adds colour")), [error("entry-differs", LOG, 5)],
    ),
    "a word edited by a later commit": Case(commit(edit(LOG, "Add colour", "Adds colour")), [DIFFERS]),
    "an item added": Case(entry("- Mend it. (#13)\n", "- Mend it. (#13)\n- Add more. (#14)\n"), [DIFFERS]),
    "an item in another category": Case(
        entry("\n\n### Bugfixes\n\n- Mend", "\n- Mend"), [DIFFERS],
    ),
    "the issue edited": Case(entry("(#13)", "(#31)"), [DIFFERS]),
    "typed": Case(TYPED, [DIFFERS]),
    "typed, strictly": Case(run(TYPED, amend(STRICT, BUMP)), [error("entry-differs", LOG, 5)]),
    "the heading edited": Case(entry("(2026-02-03)", "- 2026-02-03"), [DIFFERS]),
    "the date taken out": Case(entry(" (2026-02-03)", ""), [DIFFERS]),
    "by towncrier, and edited": Case(
        by_hand(commit(towncrier, BUMP, edit(LOG, "Add colour", "Adds colour"))), [DIFFERS],
    ),
    "a fragment that only the squashed branch ever had": Case(
        run(BRANCHED, git("switch", "-q", "release/1.4.0"), commit(fragment("14.doc.md", "Tell.\n")),
            prepare("1.4.0", "--again"), git("switch", "-q", "main"), SQUASHED),
        [DIFFERS],
    ),
    "mended in the working tree only": Case(
        run(entry("Add colour", "Adds colour"), git("tag", "v1.4.0"), edit(LOG, "Adds colour", "Add colour")),
        [DIFFERS], tag=None,
    ),
    "merged, and edited in the merge": Case(
        run(BRANCHED, MERGED, entry("Add colour", "Adds colour")), [DIFFERS],
    ),
    # a fragment that went nowhere
    "an item gone": Case(entry("- Mend it. (#13)\n", ""), [DIFFERS, *lost("13.bugfix.md")]),
    "an item gone, its issue in a longer number": Case(
        entry("- Mend it. (#13)\n", "- See #130 and 1.13.\n"), [DIFFERS, *lost("13.bugfix.md")],
    ),
    "every item gone": Case(
        entry(ENTRY, "## 1.4.0 (2026-02-03)\n\nMany things.\n"), [DIFFERS, *lost("12.feature.md", "13.bugfix.md")],
    ),
    "an orphan gone": Case(
        run(anew(fragment("+x.feature.md", "Hear sounds.\n")), entry("- Hear sounds.\n", "")),
        [DIFFERS, *lost("+x.feature.md")],
    ),
    "one of two gone that have one text": Case(
        run(anew(fragment("+x.doc.md", "Mend it.\n"), fragment("14.doc.md", "Tell.\n")), entry("- Tell. (#14)\n", "")),
        [DIFFERS, *lost("14.doc.md")],
    ),
    "one of one issue gone, whose issue is still there": Case(
        run(anew(fragment("12.feature.1.md", "Hear sounds.\n")), entry("- Hear sounds. (#12)\n", "")),
        [DIFFERS, *lost("12.feature.1.md")],
    ),
    "an issue gone that was all there was to see": Case(
        run(anew(fragment("14.misc.md", "Hidden.\n")), entry("- #14\n", "")), [DIFFERS, *lost("14.misc.md")],
    ),
    "an item gone from a section": Case(
        run(anew(write("pyproject.toml", SECTIONS), fragment("core/14.doc.md", "Tell.\n")),
            entry("- Tell. (#14)\n", "")),
        [DIFFERS, *lost("core/14.doc.md")],
    ),
    "an item gone after a declared edit": Case(
        run(EDITED, entry("- Mend it. (#13)\n", "")),
        [DIFFERS, *lost("13.bugfix.md")],
    ),
    "a declared edit, and edited again": Case(
        run(EDITED, entry("Show", "Display")),
        [DIFFERS],
    ),
    # fragments that are still there (accidents 13, 16 and 22)
    "merged between the release and the tag": Case(NEWS_MEANWHILE, left("14.feature.md")),
    "merged before the release branch was": Case(run(BRANCHED, NEWS_MEANWHILE, MERGED), left("14.feature.md")),
    "merged before the release branch was squashed": Case(
        run(BRANCHED, NEWS_MEANWHILE, SQUASHED), left("14.feature.md"),
    ),
    "merged before the release branch was rebased": Case(
        run(BRANCHED, NEWS_MEANWHILE, PICKED), left("14.feature.md"),
    ),
    "one kept": Case(amend(git("checkout", "-q", "HEAD^", "--", "changelog.d")),
                     [*left("12.feature.md", "13.bugfix.md"), DIFFERS]),
    "one brought back": Case(commit(fragment("12.feature.md", "Add colour.\n")), left("12.feature.md")),
    "released from the draft": Case(PASTED, [*left("12.feature.md", "13.bugfix.md"), DIFFERS]),
    "one in a section": Case(
        run(anew(write("pyproject.toml", SECTIONS)), commit(fragment("core/14.doc.md"))), left("core/14.doc.md"),
    ),
    "an orphan, a hidden one and one with a counter": Case(
        commit(fragment("+x.doc.md"), fragment("14.misc.md", ""), fragment("14.doc.2")),
        left("+x.doc.md", "14.doc.2", "14.misc.md"),
    ),
    # files beside the fragments (accidents 17 to 19, and 21)
    "an unknown type": Case(commit(fragment("14.feat.md")), each_of("fragment-ignored", "14.feat.md")),
    "an issue behind the type": Case(commit(fragment("fix.14.md")), each_of("fragment-ignored", "fix.14.md")),
    "removed, and never read": Case(
        run(UNREAD, amend(git("rm", "-q", "changelog.d/15.feat.md")), FORGETS_SKIPS),
        each_of("fragment-ignored", "15.feat.md"),
    ),
    "removed, never read, and said by hand": Case(
        run(UNREAD, amend(git("rm", "-q", "changelog.d/15.feat.md"),
                          edit(LOG, "- Mend it. (#13)\n", "- Mend it. (#13)\n- Hear. (#15)\n")), FORGETS_SKIPS),
        [DIFFERS],
    ),
    "removed by towncrier's user, and never read": Case(
        by_hand(commit(fragment("15.bugfixl.md")), towncrier, git("rm", "-q", "changelog.d/15.bugfixl.md"),
                commit(BUMP)),
        each_of("fragment-ignored", "15.bugfixl.md"),
    ),
    "a merge's leftover": Case(
        commit(fragment("14.doc.md.orig")),
        [*left("14.doc.md.orig"), *each_of("fragment-leftover-copy", "14.doc.md.orig")],
    ),
    "an editor's copy of what was released": Case(
        commit(fragment("12.feature.md~", "Add colour.\n")),
        [*left("12.feature.md~"), *each_of("fragment-leftover-copy", "12.feature.md~")],
    ),
    "two of the same issue, type and counter": Case(
        commit(fragment("14.doc.md"), fragment("014.doc.md")),
        [*left("014.doc.md", "14.doc.md"), *each_of("fragment-duplicated", "14.doc.md")],
    ),
    "an issue against the pattern": Case(
        run(anew(write("pyproject.toml", PYPROJECT + 'issue_pattern = "[0-9]+"\n')), commit(fragment("abc.doc.md"))),
        [*left("abc.doc.md"), *each_of("fragment-malformed", "abc.doc.md")],
    ),
    # the date
    "dated three weeks before": Case(entry("2026-02-03", "2026-01-09"), [warning("date-implausible", LOG, 5)]),
    "dated a year too late": Case(entry("2026-02-03", "2027-02-03"), [warning("date-implausible", LOG, 5)]),
    "dated the day before, strictly": Case(
        run(anew(write("pyproject.toml", with_keys("checks = {date-days = 0}"))), entry("2026-02-03", "2026-02-02")),
        [warning("date-implausible", LOG, 5)],
    ),
    # secrets
    "a token": Case(commit(write("RELEASING", leak())), [error("secret-in-tree", "RELEASING", 4)]),
    "a token in a folder, before the release": Case(
        by_hand(commit(write("docs/RELEASING", leak())), BY_TOWNCRIER),
        [error("secret-in-tree", "docs/RELEASING", 4)],
    ),
    "a token of the other index": Case(
        commit(write("RELEASING", leak(TEST_PYPI))), [warning("secret-in-tree", "RELEASING", 4)],
    ),
    "a password": Case(commit(write(".pypirc", PYPIRC)), [error("secret-in-tree", ".pypirc", 3)]),
    "a token in another file than allowed": Case(
        run(anew(write("pyproject.toml", with_keys('allow-secrets = ["tests/*"]'))),
            commit(write("tests/data", leak()), write("data", leak()))),
        [error("secret-in-tree", "data", 4)],
    ),
    "a token, and no release before": Case(
        run(git("tag", "-d", "v1.3.0"), by_hand(commit(write("RELEASING", leak())), BY_TOWNCRIER)),
        [error("secret-in-tree", "RELEASING", 4)],
    ),
    "an old token, strictly": Case(
        by_hand(commit(write("RELEASING", leak())), git("tag", "-f", "v1.3.0"), prepare("1.4.0")),
        [error("secret-in-tree", "RELEASING", 4)], asked=("v1.4.0", "--strict"),
    ),
    # several at once
    "warnings, strictly": Case(
        run(commit(write("RELEASING", leak(TEST_PYPI))), commit(edit(LOG, "2026-02-03", "2026-01-09")),
            commit(edit(LOG, "Add colour", "Adds colour"))),
        [error("date-implausible", LOG, 5), error("entry-differs", LOG, 5), error("secret-in-tree", "RELEASING", 4)],
        asked=("v1.4.0", "--strict"),
    ),
    "restructuredtext, all about the entry": Case(
        run(anew(git("rm", "-q", LOG), write("pyproject.toml", RST), write("NEWS.rst", RST_CHANGELOG)),
            commit(edit("NEWS.rst", "- Mend it. (#13)\n", ""), edit("NEWS.rst", "2026-02-03", "2026-01-09"),
                   fragment("14.doc.rst"))),
        [*left("14.doc.rst"), warning("date-implausible", "NEWS.rst", 6), warning("entry-differs", "NEWS.rst", 6),
         *lost("13.bugfix.md")],
    ),
    "the wrong commit of a wrong branch": Case(
        by_hand(git("switch", "-q", "-c", "topic"), git("branch", "-f", "main", "v1.3.0"),
                git("tag", "v2.0.0", "v1.3.0"), commit(fragment("14.feat.md"), write(".pypirc", PYPIRC))),
        [OFF_BRANCH, NOT_NEWER, MISMATCH, *left("12.feature.md", "13.bugfix.md"), MISSING,
         *each_of("fragment-ignored", "14.feat.md"), error("secret-in-tree", ".pypirc", 3)],
    ),
    "everything": Case(
        run(UNREAD,
            amend(edit("pyproject.toml", "1.4.0", "1.4.1.dev0"), edit(LOG, "- Mend it. (#13)\n", ""),
                  edit(LOG, "2026-02-03", "2026-01-09"), git("rm", "-q", "changelog.d/15.feat.md"),
                  fragment("14.doc.md"), fragment("014.doc.md"), fragment("16.doc.md.orig"), fragment("17.feat.md"),
                  write("RELEASING", leak())),
            FORGETS_SKIPS, git("switch", "-q", "-c", "topic"), git("branch", "-f", "main", "v1.3.0"),
            git("tag", "v1.9.0", "HEAD^")),
        [MALFORMED, OFF_BRANCH, NOT_NEWER, MISMATCH, *left("014.doc.md", "14.doc.md", "16.doc.md.orig"),
         *each_of("fragment-ignored", "15.feat.md"), warning("date-implausible", LOG, 5), DIFFERS,
         *lost("13.bugfix.md"),
         *each_of("fragment-leftover-copy", "16.doc.md.orig"), *each_of("fragment-ignored", "17.feat.md"),
         *each_of("fragment-duplicated", "14.doc.md"), error("secret-in-tree", "RELEASING", 4)],
        tag="1.4.0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILED)
def test_what_is_wrong_with_a_tag_all_of_it(project: Project, case: str) -> None:
    expected = SPOILED[case]
    done = judged(project, expected)
    assert (findings(done), skipped(done)) == (expected.findings, []), done.out
    errors = any(level == "error" for _, level, *_ in expected.findings)
    assert (done.code, done.json["ok"]) == (int(errors), not errors)
    for found in done.json["findings"]:
        assert found["fix"]
        assert found["message"]
        assert found["path"] is None or found["path"] in found["message"] + found["fix"] or found["line"]
        assert token()[10:] not in json.dumps(found)


# -- good tags ---------------------------------------------------------------------------------------------------------


class Good(NamedTuple):
    """A release that nothing is wrong with: how it came about, and what verify says of its entry's origin."""

    steps: Step
    proof: str | None = PROVEN
    tag: str | None = "v1.4.0"
    asked: tuple[str, ...] | None = None
    hidden: tuple[str, ...] = ()
    branch: str | None = "main"
    since: str | None = "v1.3.0"


def made(count: int) -> str:
    return f"{count} fragment{'' if count == 1 else 's'} compile{'s' if count == 1 else ''} to just this entry " + (
        f"(towncrier {TOWNCRIER})"
    )


DECLARED = "edited by hand, and declared so; made from 2 fragments"
ONE_MORE = commit(fragment("14.doc.md", "Tell.\n"))
NO_TITLE = PYPROJECT.replace('"## {version} ({project_date})"', "false")
ITEMS = """
{% for texts in sections[""].values() %}{% for text, issues in texts.items() %}
- {{ text }} {{ issues|join(", ") }}
{% endfor %}{% endfor %}
"""


def settled(project: Project) -> None:
    """Merge main's own change of the changelog with the release, and mend an older entry on the way."""
    project.git("merge", "-q", "--no-commit", "--no-ff", "release/1.4.0")
    edit(LOG, "The first one", "The very first one")(project)
    project.commit("Merge the release")


def ported(project: Project) -> None:
    """Bring a maintenance release's entry to main while the release is reviewed, and settle the conflict."""
    older = "## 1.3.1 (2026-02-02)\n\n- Mend more. (#11)\n\n\n"
    commit(edit(LOG, "## 1.3.0", f"{older}## 1.3.0"))(project)
    project.git("merge", "-q", "--no-commit", "--no-ff", "release/1.4.0", check=False)
    project.write(LOG, project.show(LOG, "release/1.4.0").replace("## 1.3.0", f"{older}## 1.3.0"))
    project.commit("Merge the release")


GOOD: dict[str, Good] = {
    "prepared": Good(nothing),
    "by towncrier": Good(by_hand(BY_TOWNCRIER)),
    "by towncrier, and bumped later": Good(by_hand(commit(towncrier), commit(BUMP))),
    "by towncrier, and bumped before": Good(by_hand(commit(BUMP), commit(towncrier))),
    # how it arrived on main
    "merged": Good(run(BRANCHED, MERGED)),
    "merged, and main had moved": Good(run(BRANCHED, MOVED, MERGED)),
    "fast-forward": Good(run(BRANCHED, git("merge", "-q", "--ff-only", "release/1.4.0"))),
    "squashed": Good(run(BRANCHED, SQUASHED)),
    "squashed, and main had moved": Good(run(BRANCHED, MOVED, SQUASHED)),
    "squashed with a message of one's own": Good(
        run(BRANCHED, git("merge", "-q", "--squash", "release/1.4.0"), git("commit", "-qm", "The release")),
    ),
    "squashed by GitHub": Good(run(BRANCHED, squashed_by_github)),
    "squashed by GitHub from several commits": Good(
        run(BRANCHED, git("switch", "-q", "release/1.4.0"), MOVED, git("switch", "-q", "main"), squashed_by_github),
    ),
    "rebased onto main that had moved": Good(run(BRANCHED, MOVED, PICKED)),
    "merged, and main had touched the changelog": Good(
        run(BRANCHED, commit(edit(LOG, "# Changelog", "# The changelog")), MERGED),
    ),
    "an evil merge": Good(run(BRANCHED, commit(edit(LOG, "# Changelog", "# The changelog")), settled)),
    "a conflict settled in the merge": Good(run(BRANCHED, ported)),
    "main merged into the release branch": Good(
        run(BRANCHED, MOVED, git("switch", "-q", "release/1.4.0"), git("merge", "-q", "--no-edit", "main"),
            git("switch", "-q", "main"), MERGED),
    ),
    "main merged into the release branch with news, and prepared again": Good(
        run(BRANCHED, ONE_MORE, git("switch", "-q", "release/1.4.0"), git("merge", "-q", "--no-edit", "main"),
            prepare("1.4.0", "--again"), git("switch", "-q", "main"), MERGED),
        made(3),
    ),
    "unrelated commits after it": Good(run(MOVED, commit(write("elsewhere", "More.\n")))),
    "a fragment added and removed after it": Good(
        run(NEWS_MEANWHILE, commit(git("rm", "-q", "changelog.d/14.feature.md"))),
    ),
    "the commit that moves on to development is not tagged": Good(
        run(git("tag", "v1.4.0"), commit(edit("pyproject.toml", "1.4.0", "1.5.0.dev0"))), tag=None,
    ),
    "a merge of unrelated work after it": Good(
        run(git("switch", "-q", "-c", "topic", "HEAD^"), MOVED, git("switch", "-q", "main"),
            git("merge", "-q", "--no-edit", "topic")),
    ),
    "reverted, and released again": Good(
        run(git("revert", "--no-edit", "HEAD"), commit(fragment("14.doc.md", "Tell.\n")), prepare("1.4.0")), made(3),
    ),
    # other lines and other versions
    "a maintenance branch, and main is far ahead": Good(
        run(git("tag", "v1.4.0"), commit(fragment("20.removal.md", "Less.\n")), prepare("2.0.0"),
            git("tag", "v2.0.0"), git("switch", "-q", "-c", "1.3.x", "v1.3.0"),
            commit(fragment("15.bugfix.md", "Mend more.\n")), prepare("1.3.1"), git("tag", "v1.3.1"),
            git("switch", "-q", "main")),
        made(1), tag=None, asked=("v1.3.1",), branch="1.3.x",
    ),
    "a maintenance branch that is merged back": Good(
        run(git("tag", "v1.4.0"), git("switch", "-q", "-c", "1.3.x", "v1.3.0"),
            commit(fragment("15.bugfix.md", "Mend more.\n")), prepare("1.3.1"), git("tag", "v1.3.1"),
            git("switch", "-q", "main"), git("merge", "-q", "-s", "ours", "--no-edit", "1.3.x")),
        made(1), tag=None, asked=("v1.3.1",),
    ),
    "a candidate": Good(by_hand(prepare("1.4.0rc1")), tag="v1.4.0rc1"),
    "the final version after a candidate": Good(
        by_hand(prepare("1.4.0rc1"), git("tag", "v1.4.0rc1"), ONE_MORE, prepare("1.4.0")), made(1), since="v1.4.0rc1",
    ),
    "a candidate after the final version was tagged too": Good(
        by_hand(prepare("1.4.0rc1"), git("tag", "v1.4.0rc1"), ONE_MORE, prepare("1.4.0"), git("tag", "v1.4.0")),
        tag=None, asked=("v1.4.0rc1",),
    ),
    "a post-release": Good(
        run(git("tag", "v1.4.0"), ONE_MORE, prepare("1.4.0.post1")), made(1), "v1.4.0.post1", since="v1.4.0",
    ),
    "an old release, looked at later": Good(
        run(git("tag", "v1.4.0"), ONE_MORE, prepare("1.5.0"), git("tag", "v1.5.0"), NEWS_MEANWHILE), tag=None,
    ),
    "a marker of development before it": Good(git("tag", "v1.5.0.dev0", "HEAD^")),
    "a newer release on a branch of its own": Good(
        run(git("switch", "-q", "-c", "next", "v1.3.0"), MOVED, git("tag", "v2.0.0"), git("switch", "-q", "main")),
    ),
    "the first release": Good(git("tag", "-d", "v1.3.0"), since=None),
    "a release without news": Good(
        by_hand(commit(git("rm", "-q", "changelog.d/12.feature.md", "changelog.d/13.bugfix.md"),
                       write("pyproject.toml", with_keys("allow-empty = true"))), prepare("1.4.0")),
        made(0),
    ),
    # renewed and edited
    "renewed": Good(by_hand(prepare("1.4.0"), prepare("1.4.0", "--again", "--date", "2026-02-04"))),
    "renewed with news added meanwhile": Good(run(ONE_MORE, prepare("1.4.0", "--again")), made(3)),
    "renewed twice": Good(
        run(ONE_MORE, prepare("1.4.0", "--again"), commit(fragment("15.doc.md", "Tell more.\n")),
            prepare("1.4.0", "--again")),
        made(4),
    ),
    "renewed, and squashed": Good(
        run(BRANCHED, ONE_MORE, git("switch", "-q", "release/1.4.0"), git("merge", "-q", "--no-edit", "main"),
            prepare("1.4.0", "--again"), git("switch", "-q", "main"), SQUASHED),
        made(3),
    ),
    "renewed, and merged": Good(
        run(BRANCHED, git("switch", "-q", "release/1.4.0"), ONE_MORE, prepare("1.4.0", "--again"),
            git("switch", "-q", "main"), MERGED),
        made(3),
    ),
    "renewed after an edit by hand": Good(run(commit(edit(LOG, "Add", "Adds")), prepare("1.4.0", "--again"))),
    "edited": Good(EDITED, DECLARED),
    "edited, strictly": Good(by_hand(commit(STRICT), in_editor("Add colour", "Show colours")), DECLARED),
    "edited, and merged": Good(
        run(by_hand(in_editor("Add colour", "Show colours", "--branch")), MOVED, MERGED), DECLARED,
    ),
    "edited, and squashed": Good(by_hand(in_editor("Add colour", "Show colours", "--branch"), SQUASHED), DECLARED),
    "edited, and squashed by GitHub": Good(
        by_hand(in_editor("Add colour", "Show colours", "--branch"), squashed_by_github), DECLARED,
    ),
    "edited, and rebased": Good(by_hand(in_editor("Add colour", "Show colours", "--branch"), MOVED, PICKED), DECLARED),
    "edited when it was renewed": Good(
        run(ONE_MORE, in_editor("Add colour", "Show colours", "--again")), DECLARED.replace("2", "3"),
    ),
    "edited, with CRLF": Good(
        by_hand(commit(write(LOG, CHANGELOG.replace("\n", "\r\n"))), in_editor("Add colour", "Show colours")), DECLARED,
    ),
    "a heading of one's own, declared": Good(
        by_hand(in_editor("(2026-02-03)", "- the colourful one (2026-02-03)")), DECLARED,
    ),
    # what a project is like
    "restructuredtext": Good(
        anew(git("rm", "-q", LOG), write("pyproject.toml", RST), write("NEWS.rst", RST_CHANGELOG)),
    ),
    "restructuredtext by towncrier": Good(
        by_hand(commit(git("rm", "-q", LOG), write("pyproject.toml", RST), write("NEWS.rst", RST_CHANGELOG)),
                BY_TOWNCRIER),
    ),
    "sections": Good(
        anew(write("pyproject.toml", SECTIONS), fragment("core/14.doc.md", "Tell.\n"), fragment("core/12.doc.md")),
        made(4),
    ),
    "a file per version": Good(anew(git("rm", "-q", LOG), write("pyproject.toml", FILES))),
    "a file per version, with the date in its name": Good(
        anew(git("rm", "-q", LOG), write("pyproject.toml", FILES.replace("{version}", "{version}-{project_date}"))),
    ),
    "the version is the tag": Good(anew(write("pyproject.toml", with_keys('version-source = "tag"')))),
    "the version is the tag, by setuptools-scm": Good(
        anew(write("pyproject.toml", '[build-system]\nrequires = ["setuptools-scm>=8"]\n' + PYPROJECT.replace(
            'version = "1.3.0"   # bumped by tagready', 'dynamic = ["version"]'))),
    ),
    "several places, and all bumped": Good(SEVERAL_PLACES),
    "a version spelled as nobody else does": Good(
        by_hand(commit(edit("pyproject.toml", '"1.3.0"', '"2026.02.0"'), towncrier),
                entry("## 1.4.0 ", "## 2026.02.0 ")),
        tag="v2026.02.0",
    ),
    "orphans": Good(
        anew(fragment("+x.feature.md", "Hear sounds.\n"), fragment("+y.feature.md", "Hear sounds.\n")), made(4),
    ),
    "only an issue is shown": Good(anew(fragment("14.misc.md", "Hidden.\n"), fragment("15.misc.md", "")), made(4)),
    "nothing to show, of a type that shows none": Good(
        anew(fragment("+x.misc.md", ""), fragment("14.misc.md", "")), made(4), hidden=("changelog.d/+x.misc.md",),
    ),
    "what a template hides": Good(
        anew(write("pyproject.toml", PYPROJECT + 'template = "changelog.d/t.jinja"\n'),
             write("changelog.d/t.jinja", "{% for text in sections['']['feature'] %}\n- {{ text }}\n{% endfor %}\n")),
        hidden=("changelog.d/13.bugfix.md",),
    ),
    "titles with a v": Good(anew(edit(LOG, "## 1.3.0", "## v1.3.0"))),
    "titles with a v, by the settings": Good(
        anew(edit(LOG, "## 1.3.0", "## v1.3.0"), edit("pyproject.toml", "## {version}", "## v{version}")),
    ),
    "titles with the name": Good(
        anew(edit(LOG, "## 1.3.0", "## Demo 1.3.0"), edit("pyproject.toml", "## {version}", "## {name} {version}")),
    ),
    "titles in a dress": Good(
        anew(edit("pyproject.toml", "## {version} (", "## [v{version}](https://x/{version}) - (")),
    ),
    "CRLF": Good(anew(write(LOG, CHANGELOG.replace("\n", "\r\n")), fragment("14.doc.md", "One,\r\ntwo.\r\n")), made(3)),
    "a byte order mark": Good(anew(write(LOG, "\ufeff" + CHANGELOG))),
    "no last newline": Good(anew(write(LOG, CHANGELOG.rstrip()))),
    "titles by a template": Good(
        anew(write("pyproject.toml", NO_TITLE + 'template = "news.md"\n'),
             write("news.md", "## {{ versiondata.version }} ({{ versiondata.date }})\n" + ITEMS)),
    ),
    "the date below the title, by a template": Good(
        anew(git("rm", "-q", LOG), write("NEWS.rst", RST_CHANGELOG),
             write("pyproject.toml", NO_TITLE.replace(LOG, "NEWS.rst") + 'template = "news.rst"\n'),
             write("news.rst", "What's New in Demo {{ versiondata.version }}?\n--------------------------\n"
                               "Release date: {{ versiondata.date }}\n" + ITEMS)),
    ),
    "link references for issues": Good(
        anew(write("pyproject.toml", PYPROJECT + 'issue_format = "[#{issue}]: https://x/{issue}"\n')),
    ),
    "wrapped": Good(
        anew(write("pyproject.toml", PYPROJECT + "wrap = 40\n"), fragment("14.doc.md", "Words " * 30)), made(3),
    ),
    "towncrier.toml": Good(
        anew(write("towncrier.toml", PYPROJECT[PYPROJECT.index("[tool.towncrier]") :] + 'name = "The Demo"\n')),
    ),
    "fragments in the package": Good(
        anew(write("pyproject.toml", PYPROJECT.replace('directory = "changelog.d"', 'package_dir = "src"')),
             write("src/demo/newsfragments/14.doc.md", "Tell.\n"), git("rm", "-rq", "changelog.d")),
        made(1),
    ),
    "tied fragments, by towncrier": Good(
        by_hand(commit(*(fragment(f"12.feature.{number}.md", f"Tied {number}.\n") for number in (3, 1, 4, 2, 5))),
                BY_TOWNCRIER),
        made(7),
    ),
    "renewed after towncrier": Good(by_hand(BY_TOWNCRIER, ONE_MORE, prepare("1.4.0", "--again")), made(3)),
    "edited by a hook": Good(
        anew(write("pyproject.toml", with_keys("hooks.before-commit = "
                                               '[{run = "sed -i s/colour/paint/ CHANGELOG.md", adds = ["*.md"]}]'))),
        DECLARED,
    ),
    "a changelog behind a symbolic link": Good(
        anew(git("mv", LOG, "news.md"), lambda project: (project.path / LOG).symlink_to("news.md")),
    ),
    "a changelog that is not UTF-8": Good(anew(write(LOG, CHANGELOG.encode() + b"\n- Caf\xe9. (#2)\n"))),
    "an epoch": Good(by_hand(prepare("1!1.4.0")), tag="v1!1.4.0"),
    "no changelog before": Good(anew(git("rm", "-q", LOG))),
    "CRLF made later, and blank lines added": Good(
        run(commit(edit(LOG, "\n\n### Bugfixes", "\n\n\n\n### Bugfixes")),
            lambda project: commit(write(LOG, project.read(LOG).replace("\n", "\r\n")))(project)),
    ),
    "headings and older versions inside the entry": Good(
        anew(fragment("14.doc.md", "So:\n\n#### 1.2\n\n```\n## 1.3.0 (2026-01-01)\n## 1.4.0 (2026-02-03)\n```\n\nSo")),
        made(3),
    ),
    "odd names": Good(
        anew(fragment("a b*ü.doc.md", "Ü.\n"), fragment("gh-7.doc.3", "Words.\n"),
             fragment("12.doc.1.md", "A\n\n- b\n")),
        made(5),
    ),
    "the settings changed in the release commit": Good(amend(edit("pyproject.toml", "## {version}", "# {version}"))),
    "dated a few days before": Good(entry("2026-02-03", "2026-01-29")),
    # what lies beside
    "files that are no news": Good(
        anew(fragment("README.md"), fragment("_template.md"), fragment("1.2.3.md"), fragment(".hidden.md")),
    ),
    "extra files": Good(anew(write("pyproject.toml", with_keys('extra-files = ["HOW*"]')), fragment("HOWTO.md"))),
    "an allowed secret": Good(
        anew(write("pyproject.toml", with_keys('allow-secrets = ["tests/*"]')), write("tests/data", leak())),
    ),
    "a secret that the release before had": Good(
        by_hand(commit(write("RELEASING", leak())), git("tag", "-f", "v1.3.0"), prepare("1.4.0")),
    ),
    "a secret that is gone again": Good(
        run(commit(write("RELEASING", leak())), commit(git("rm", "-q", "RELEASING"))),
    ),
    "a .pypirc without a password": Good(commit(write(".pypirc", "[pypi]\nusername = ann\npassword = <token>\n"))),
    # how it is tagged and asked for
    "annotated": Good(git("tag", "-a", "-m", "Version 1.4.0", "v1.4.0"), tag=None),
    "a tag of a tag": Good(
        run(git("tag", "-a", "-m", "x", "first"), git("tag", "-a", "-m", "y", "v1.4.0", "first")), tag=None,
    ),
    "the shape of its own time": Good(
        by_hand(git("tag", "1.3.0", "v1.3.0"), git("tag", "-d", "v1.3.0"), prepare("1.4.0"), git("tag", "1.4.0"),
                ONE_MORE, prepare("1.5.0"), git("tag", "v1.5.0"), git("tag", "v1.6.0", "HEAD")),
        tag=None, asked=("1.4.0",), since="1.3.0",
    ),
    "tag-format": Good(
        anew(write("pyproject.toml", with_keys('tag-format = "demo/{version}"'))), tag="demo/1.4.0", since=None,
    ),
    "with the project's name": Good(
        run(git("tag", "demo-1.3.0", "v1.3.0"), git("tag", "-d", "v1.3.0")), tag="demo-1.4.0",
        since="demo-1.3.0",
    ),
    "tags of other things": Good(run(git("tag", "nightly"), git("tag", "other-9.0.0", "v1.3.0"))),
    "no tag yet": Good(nothing, tag=None, asked=("--commit", "HEAD")),
    "no tag yet, and the release branch is not merged": Good(
        BRANCHED, tag=None, asked=("--commit", "release/1.4.0"), branch=None,
    ),
    "no tag yet, and an older commit": Good(MOVED, tag=None, asked=("v1.4.0", "--commit", "HEAD^")),
    "the tag on HEAD": Good(nothing, asked=()),
    "the release tag of two on HEAD": Good(run(git("tag", "a-nightly"), git("tag", "zzz")), asked=()),
    "a branch of the tag's name": Good(git("branch", "v1.4.0", "v1.3.0")),
    "strictly": Good(nothing, asked=("v1.4.0", "--strict")),
    "release-branches": Good(
        anew(git("switch", "-q", "-c", "stable"), write("pyproject.toml", with_keys('release-branches = ["stable"]'))),
        branch="stable",
    ),
    "another working tree": Good(
        run(git("tag", "v1.4.0"), git("switch", "-q", "--detach", "v1.3.0"), write(LOG, "x"), fragment("14.feat.md"),
            fragment("12.feature.md", "Something else.\n"), write(".pypirc", PYPIRC)),
        tag=None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GOOD)
def test_nothing_is_wrong_with_a_good_tag(project: Project, case: str) -> None:
    expected = GOOD[case]
    done = judged(project, expected)
    assert (done.code, findings(done), done.json["skipped"]) == (0, [], []), done.out
    keys = ("ok", "proof", "hidden", "branch", "since")
    assert {key: done.json[key] for key in keys} == {
        "ok": True, "proof": expected.proof, "hidden": list(expected.hidden), "branch": expected.branch,
        "since": expected.since,
    }  # fmt: skip


# -- what cannot be judged, or was set aside ---------------------------------------------------------------------------


class Unjudged(NamedTuple):
    """A release of which a rule was not judged: the words of the reason by rule, in order, and what was found."""

    steps: Step
    skipped: dict[str, str]
    findings: Sequence[Found] = ()
    tag: str | None = "v1.4.0"
    asked: tuple[str, ...] | None = None


OTHER = reworded("Release 1.4.0\n\nTowncrier: 24.8.0")
COMPILED_BY_OTHER = f"24.8.0, and this is {TOWNCRIER}: pip install towncrier==24.8.0 && tagready verify v1.4.0"


def later(project: Project) -> None:
    """Make a release two days after all others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_COMMITTER_DATE", NOON.replace("-03T", "-05T"))
        project.commit("Later")
        project.git("tag", "v1.5.0")


UNJUDGED: dict[str, Unjudged] = {
    "another towncrier, and a difference": Unjudged(
        run(entry("Add colour", "Adds colour"), OTHER), {"entry-differs": COMPILED_BY_OTHER},
    ),
    "another towncrier, squashed, and a difference": Unjudged(
        run(BRANCHED, git("switch", "-q", "release/1.4.0"), OTHER, git("switch", "-q", "main"), SQUASHED,
            commit(edit(LOG, "Add colour", "Adds colour"))),
        {"entry-differs": COMPILED_BY_OTHER},
    ),
    "another towncrier, and an item gone": Unjudged(
        run(entry("- Mend it. (#13)\n", ""), OTHER), {"entry-differs": COMPILED_BY_OTHER}, lost("13.bugfix.md"),
    ),
    "settings that this towncrier cannot render with": Unjudged(
        by_hand(commit(write("pyproject.toml", PYPROJECT + 'template = "t.jinja"\n'), write("t.jinja", "{% for %}")),
                git("rm", "-q", "changelog.d/12.feature.md", "changelog.d/13.bugfix.md"),
                commit(BUMP, edit(LOG, "## 1.3.0", ENTRY + "\n\n## 1.3.0"))),
        {"entry-differs": "TemplateSyntaxError", "fragment-lost": "TemplateSyntaxError"},
    ),
    "a month in words": Unjudged(
        entry("2026-02-03", "3 February 2026"), {"date-implausible": "'3 February 2026' is not an ISO date"},
    ),
    "no branch of release-branches is here": Unjudged(
        amend(write("pyproject.toml", with_keys('release-branches = ["stable"]', PYPROJECT.replace("1.3.0", "1.4.0")))),
        {"tag-not-on-branch": "set release-branches"},
    ),
    "which branch is the default one nobody knows": Unjudged(
        run(git("branch", "-m", "one"), git("branch", "two")), {"tag-not-on-branch": "set release-branches"},
    ),
    "an old release whose branch is gone": Unjudged(
        run(git("tag", "v1.4.0"), git("switch", "-q", "-c", "1.3.x", "v1.3.0"),
            commit(fragment("15.bugfix.md", "Mend more.\n")), prepare("1.3.1"), git("tag", "v1.3.1"),
            git("switch", "-q", "main"), git("branch", "-q", "-D", "1.3.x"), later),
        {"tag-not-on-branch": "its branch may be gone"}, tag=None, asked=("v1.3.1",),
    ),
    "set aside": Unjudged(
        git("tag", "v1.5.0", "HEAD^"), {"version-not-newer": "set aside with --skip"},
        asked=("v1.4.0", "--skip", "version-not-newer"),
    ),
    "set aside for nothing": Unjudged(
        nothing, {"secret-in-tree": "set aside with --skip (nothing was found)"},
        asked=("v1.4.0", "--skip", "secret-in-tree"),
    ),
    "one of two set aside": Unjudged(
        commit(fragment("14.feat.md"), fragment("15.doc.md")), {"fragments-left-over": "set aside with --skip"},
        each_of("fragment-ignored", "14.feat.md"), asked=("v1.4.0", "--skip", "fragments-left-over"),
    ),
    "set aside when it was prepared: fragment-lost": Unjudged(
        by_hand(git("config", "core.editor", "sed -i /Mend/d"), prepare("1.4.0", "--edit", "--skip", "fragment-lost")),
        {"fragment-lost": "set aside when the release was prepared"},
    ),
    "set aside when it was prepared, and squashed": Unjudged(
        by_hand(git("config", "core.editor", "sed -i /Mend/d"),
                prepare("1.4.0", "--edit", "--skip", "fragment-lost", "--branch"), SQUASHED),
        {"fragment-lost": "set aside when the release was prepared"},
    ),
    "set aside when it was prepared: fragment-ignored": Unjudged(
        UNREAD, {"fragment-ignored": "set aside when the release was prepared"},
    ),
    "set aside when it was prepared: secret-in-tree": Unjudged(
        by_hand(commit(write("RELEASING", leak())), prepare("1.4.0", "--skip", "secret-in-tree")),
        {"secret-in-tree": "set aside when the release was prepared"},
    ),
    "set aside when it was prepared: version-not-newer": Unjudged(
        by_hand(git("tag", "v1.5.0"), prepare("1.4.0", "--skip", "version-not-newer")),
        {"version-not-newer": "set aside when the release was prepared"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNJUDGED)
def test_what_is_not_judged_is_skipped_with_the_reason(project: Project, case: str) -> None:
    expected = UNJUDGED[case]
    done = judged(project, expected)
    assert (findings(done), skipped(done)) == (list(expected.findings), list(expected.skipped)), done.out
    for skip, words in zip(done.json["skipped"], expected.skipped.values(), strict=True):
        assert words in skip["reason"]
    assert (done.code, done.json["ok"]) == (int(bool(expected.findings)), not expected.findings)


def test_what_is_not_judged_is_an_error_strictly(project: Project) -> None:
    run(entry("Add colour", "Adds colour"), OTHER, git("tag", "v1.4.0"))(project)
    done = project.run("verify", "v1.4.0", "--strict", "--format", "json")
    assert (done.code, findings(done), skipped(done)) == (1, [error("entry-differs")], [])
    (found,) = done.json["findings"]
    assert COMPILED_BY_OTHER in found["message"]


@pytest.mark.parametrize(
    ("steps", "arguments", "rule"),
    [
        pytest.param(UNREAD, (), "fragment-ignored", id="when it was prepared"),
        pytest.param(git("tag", "v1.5.0", "HEAD^"), ("--skip", "version-not-newer"), "version-not-newer", id="now"),
    ],
)
def test_what_was_set_aside_on_purpose_is_no_error_strictly(
    project: Project, steps: Step, arguments: tuple[str, ...], rule: str
) -> None:
    run(steps, git("tag", "v1.4.0"))(project)
    done = project.run("verify", "v1.4.0", "--strict", *arguments, "--format", "json")
    assert (done.code, findings(done), skipped(done)) == (0, [], [rule]), done.out


def test_another_towncrier_that_compiles_to_the_same_is_no_matter(project: Project) -> None:
    run(OTHER, git("tag", "v1.4.0"))(project)
    done = project.run("verify", "v1.4.0", "--format", "json")
    assert (done.code, findings(done), skipped(done), done.json["proof"]) == (0, [], [], PROVEN)


# -- where it is asked -------------------------------------------------------------------------------------------------


def cloned(project: Project, *arguments: str) -> Project:
    path = project.path.with_name("clone")
    subprocess.run(["git", "clone", "-q", *arguments, f"file://{project.path}", str(path)], check=True)
    return Project(path)


def test_in_a_bare_clone(project: Project) -> None:
    project.git("tag", "v1.4.0")
    done = cloned(project, "--bare").run("verify", "v1.4.0", "--format", "json")
    assert (done.code, findings(done), skipped(done), done.json["proof"]) == (0, [], [], PROVEN)


def test_in_a_workflow_that_runs_for_the_tag(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    run(MOVED, git("tag", "v1.4.0"), git("tag", "v1.5.0", "HEAD^"), git("tag", "nightly"))(project)
    clone = cloned(project)
    run(git("switch", "-q", "--detach", "v1.4.0"), git("branch", "-q", "-D", "main"),
        git("remote", "set-head", "origin", "--delete"))(clone)  # fmt: skip
    monkeypatch.setenv("GITHUB_REF_TYPE", "tag")
    monkeypatch.setenv("GITHUB_REF_NAME", "v1.4.0")
    done = clone.run("verify", "--format", "json")
    assert (done.code, findings(done), done.json["tag"], done.json["proof"]) == (1, [NOT_NEWER], "v1.4.0", PROVEN)
    monkeypatch.setenv("GITHUB_REF_NAME", "nightly")
    assert findings(clone.run("verify", "--format", "json")) == [MALFORMED, NOT_NEWER]
    monkeypatch.setenv("GITHUB_REF_TYPE", "branch")
    assert clone.run("verify", "--format", "json").json["tag"] == "v1.4.0"


@pytest.mark.parametrize(
    ("depth", "spoiled", "found", "rules", "proof"),
    [
        ("1", True, [], ["tag-not-on-branch", "version-not-newer", "entry-differs", "fragment-lost"], None),
        ("2", False, [], ["tag-not-on-branch", "version-not-newer"], PROVEN),
        ("2", True, [NOT_NEWER], ["tag-not-on-branch"], PROVEN),
    ],
)
def test_in_a_shallow_clone(
    project: Project, depth: str, found: list[Found], rules: list[str], proof: str | None, *, spoiled: bool
) -> None:
    run(git("tag", "v1.4.0"), git("tag", "v1.5.0", "HEAD^") if spoiled else nothing)(project)
    clone = cloned(project, "--depth", depth, "--branch", "v1.4.0")
    done = clone.run("verify", "--format", "json")
    assert (done.code, findings(done), skipped(done), done.json["proof"]) == (len(found), found, rules, proof)
    strict = clone.run("verify", "--strict", "--format", "json")
    assert (strict.code, findings(strict), skipped(strict)) == (1, [*found, *map(error, rules)], [])


def test_in_another_worktree_with_its_own_state(project: Project) -> None:
    run(git("tag", "v1.4.0"), git("worktree", "add", "-q", "--detach", "../other", "v1.3.0"))(project)
    done = Project(project.path.with_name("other")).run("verify", "v1.4.0", "--format", "json")
    assert (done.code, findings(done), skipped(done), done.json["proof"]) == (0, [], [], PROVEN)


def test_with_a_remote_that_does_not_answer(project: Project) -> None:
    run(git("remote", "add", "origin", "https://localhost:1/x.git"), git("tag", "v1.4.0"))(project)
    done = project.run("verify", "v1.4.0", "--format", "json")
    assert (done.code, findings(done), skipped(done), done.json["proof"]) == (0, [], [], PROVEN)


def test_with_names_of_sixty_four_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    project = make_project(tmp_path / "demo")
    run(in_editor("Add colour", "Show colours"), git("tag", "v1.4.0"))(project)
    done = project.run("verify", "v1.4.0", "--format", "json")
    assert (done.code, findings(done), done.json["proof"], len(done.json["commit"])) == (0, [], DECLARED, 64)


def test_two_projects_of_one_repository(tmp_path: Path) -> None:
    top = make_project(tmp_path / "top", fragments={}, tag=None)
    projects = {}
    for name in ("red", "blue"):
        top.write(f"{name}/pyproject.toml", PYPROJECT.replace('"demo"', f'"{name}"'))
        top.write(f"{name}/CHANGELOG.md", CHANGELOG)
        top.write(f"{name}/changelog.d/12.feature.md", f"Add {name}.\n")
        projects[name] = Project(top.path / name)
    top.commit("Two projects")
    run(git("tag", "red-1.3.0"), git("tag", "blue-2.0.0"))(top)
    run(prepare("1.4.0"), git("tag", "red-1.4.0"))(projects["red"])
    run(prepare("2.1.0"), commit(fragment("13.doc.md")), git("tag", "blue-2.1.0"))(projects["blue"])
    red, blue = (
        projects[name].run("verify", tag, "--format", "json")
        for name, tag in (("red", "red-1.4.0"), ("blue", "blue-2.1.0"))
    )
    assert (red.code, findings(red), red.json["proof"], red.json["since"]) == (0, [], made(1), "red-1.3.0")
    assert (blue.code, findings(blue)) == (1, [error("fragments-left-over", "blue/changelog.d/13.doc.md")])
    wrong = projects["red"].run("verify", "blue-2.1.0", "--format", "json")
    assert (wrong.code, findings(wrong)) == (1, [MALFORMED])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["v1.4.0", "--skip", "entry-difers"], "entry-differs"),
        (["--commit", "nowhere"], "git fetch"),
        (["v1.4.0", "--config", "none.toml"], "--config"),
    ],
)
def test_wrong_use(project: Project, arguments: list[str], words: str) -> None:
    project.git("tag", "v1.4.0")
    done = project.run("verify", *arguments, "--format", "json")
    assert (done.code, done.json["ok"], words in done.json["error"]["fix"]) == (2, False, True), done.out


# -- in words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("bare, and the others have a v", "does not look like the project's tags (v1.3.0)"),
        ("bare, and the others have a v", "git tag v1.4.0 '1.4.0^{}' && git tag -d 1.4.0"),
        ("a hyphen in the candidate", "1.4.0-rc1, which is 1.4.0rc1 to every installer"),
        ("no such tag", "there is no tag v1.4.0 here\nname v1.3.0"),
        ("on another commit than the one asked for", "the tag v1.4.0 is here already, on "),
        ("on another commit than the one asked for", "only if nothing was published from it: git tag -d v1.4.0"),
        ("on the branch, which was squashed", "a squash or a rebase puts another commit there"),
        ("on the branch, which was squashed", "tag the commit that arrived: tagready tag --commit COMMIT"),
        ("its own development version", "pyproject.toml states 1.4.0.dev0, but the release is 1.4.0"),
        ("older than a release before", "1.4.0 is not newer than v2.0.0"),
        ("towncrier was forgotten", "no heading there names that version"),
        ("twice", "2 entries for 1.4.0 (lines 5, 16)"),
        ("a fence that does not end", "no entry for 1.3.0 any more"),
        ("a word edited", "\n-- Add colour. (#12)\n+- Adds colour. (#12)"),
        ("a word edited", "git tag -d v1.4.0 && prepare-release 1.4.0 --again"),
        ("by towncrier, and edited", f"(by towncrier {TOWNCRIER}; no commit says which one made it"),
        ("typed", "no fragment was removed with the entry for 1.4.0, so it was typed, not compiled"),
        ("an item gone", "the entry shows neither its text nor its issue"),
        ("merged between the release and the tag", "its change is in the release but not in the entry"),
        ("one brought back", "the next release would say it again"),
        ("one brought back", "git rm changelog.d/12.feature.md"),
        ("an unknown type", "git mv changelog.d/14.feat.md changelog.d/14.feature.md"),
        ("removed, and never read", "nobody ever read it"),
        ("dated three weeks before", "dated 2026-01-09, its commit 2026-02-03"),
        ("a token of the other index", "a TestPyPI token"),
        ("a password", ".pypirc has a password, and whoever reads the repository can use it"),
        ("a password", "if it is no secret: allow-secrets = ['.pypirc']"),
    ],
)
def test_what_the_finding_says_and_which_command_helps(project: Project, case: str, words: str) -> None:
    answer = judged(project, SPOILED[case]).json
    assert words in "\n".join(f"{found['message']}\n{found['fix']}" for found in answer["findings"])


def test_the_text_has_every_finding_too(project: Project) -> None:
    expected = SPOILED["everything"]
    expected.steps(project)
    project.git("tag", "1.4.0")
    done = project.run("verify", "1.4.0")
    heads = re.findall(r"^([x✗!]) ([a-z-]+)", done.err, re.MULTILINE)
    assert [(rule, {"!": "warning"}.get(sign, "error")) for sign, rule in heads] == [
        (rule, level) for rule, level, *_ in expected.findings
    ]
    errors = sum(level == "error" for _, level, *_ in expected.findings)
    assert f"not tag-ready: {errors} findings." in done.err
    assert done.code == 1


def test_the_text_of_a_good_tag_lists_what_is_hidden(project: Project) -> None:
    run(GOOD["what a template hides"].steps, git("tag", "v1.4.0"))(project)
    done = project.run("verify", "v1.4.0")
    assert (done.code, done.err) == (0, "")
    first, *rest = done.out.split("\n")
    assert first.lstrip("*✓ ") == "demo 1.4.0 is tag-ready"
    assert [line.split(None, 1) for line in rest if line] == [
        ["tag", f"v1.4.0 on {project.head()[:10]}"],
        ["entry", "CHANGELOG.md:5, dated 2026-02-03"],
        ["brought", f'by {project.head()[:10]} "Release 1.4.0"'],
        ["proof", PROVEN],
        ["hidden", "on purpose: changelog.d/13.bugfix.md"],
        ["branch", "main"],
        ["since", "v1.3.0"],
    ]


def test_the_text_of_a_good_commit_that_was_not_judged_wholly(project: Project) -> None:
    entry("2026-02-03", "3 February 2026")(project)
    done = project.run("verify", "--commit", "HEAD")
    first, second, *_ = done.out.split("\n")
    assert (done.code, first.lstrip("*✓ ")) == (0, "demo 1.4.0 is tag-ready, but for what was not judged")
    assert second.split(None, 1) == ["tag", f"v1.4.0 would be on {project.head()[:10]}"]


def test_the_text_of_a_tag_that_is_not_here(project: Project) -> None:
    done = project.run("verify", "v1.4.0")
    assert (done.code, done.out, done.err.endswith("\nNot judged: 1 finding.\n")) == (1, "", True), done.err


# -- what the proof promises -------------------------------------------------------------------------------------------

WORDS = st.sampled_from(("amber", "birch", "cedar", "dahlia", "elder", "fennel", "ginger", "hazel", "indigo"))
SENTENCES = st.lists(WORDS, min_size=1, max_size=5).map(lambda words: " ".join(words).capitalize() + ".\n")
ISSUES = st.one_of(st.integers(100, 999).map(str), st.sampled_from(("gh-7", "+x", "+y", "a b", "0042")))
NAMES = st.builds(
    "{}.{}{}.md".format, ISSUES, st.sampled_from(("feature", "bugfix", "doc", "removal", "misc")),
    st.sampled_from(("", ".1", ".2")),
)  # fmt: skip
ODD_TEXTS = st.sampled_from(
    (
        "On two\nlines, and no newline", "A list:\n\n- a\n- b\n", "1. One\n2. Two\n", "With\r\nCR LF.\r\n",
        "Code:\n\n```python\n## 1.3.0\n```\n\nSo.\n", "#12 begins it, and {braces} \\1 end it.\n", "Ünïcødé — “©”.\n",
        "  Indented.\n\n\n", "A paragraph.\n\nAnother one.\n", "* A star\n* and one more\n", "#### Small\n\nText.\n",
    )
)  # fmt: skip
FRAGMENTS = st.dictionaries(NAMES, SENTENCES, min_size=1, max_size=7)
ANY_FRAGMENTS = st.dictionaries(NAMES, st.one_of(SENTENCES, ODD_TEXTS), min_size=1, max_size=7)
STYLES = st.sampled_from(("direct", "merged", "squashed", "by GitHub", "rebased", "fast-forward"))
NOISE = st.lists(st.sampled_from(("commit", "topic", "tag", "older entry")), max_size=3)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with nothing to release."""
    return make_project(tmp_path_factory.mktemp("empty") / "demo", fragments={})


@contextmanager
def pending(empty: Project, fragments: Mapping[str, str]) -> Iterator[Project]:
    """A project of its own with fragments to release."""
    with tempfile.TemporaryDirectory() as folder:
        project = empty.copy(Path(folder) / "demo")
        commit(*(fragment(name, text) for name, text in fragments.items()))(project)
        yield project


def disturb(project: Project, number: int, noise: str) -> None:
    """Do something on main that no release minds."""
    match noise:
        case "commit":
            commit(write(f"elsewhere{number}", "Something.\n"))(project)
        case "topic":
            run(
                git("switch", "-q", "-c", f"topic{number}"),
                commit(write(f"topic{number}", "Something.\n")),
                git("switch", "-q", "main"),
                git("merge", "-q", "--no-ff", "--no-edit", f"topic{number}"),
            )(project)
        case "tag":
            project.git("tag", "-a", "-m", "x", f"nightly-{number}")
        case "older entry":
            commit(edit(LOG, "first one", "very first one"))(project)


def arrive(project: Project, style: str, noise: list[str]) -> None:
    """Prepare a release, and let it arrive on main, which goes on meanwhile."""
    if style == "direct":
        prepare("1.4.0")(project)
    else:
        prepare("1.4.0", "--branch")(project)
    if style == "fast-forward":
        project.git("merge", "-q", "--ff-only", "release/1.4.0")
    for number, each in enumerate(noise):
        disturb(project, number, each)
    ways: dict[str, Step] = {
        "merged": MERGED, "squashed": SQUASHED, "by GitHub": squashed_by_github, "rebased": PICKED,
    }  # fmt: skip
    ways.get(style, nothing)(project)


@given(fragments=ANY_FRAGMENTS, style=STYLES, noise=NOISE)
@settings(max_examples=15)
def test_whatever_was_prepared_is_proven_however_it_arrived(
    empty: Project, fragments: dict[str, str], style: str, noise: list[str]
) -> None:
    with pending(empty, fragments) as project:
        arrive(project, style, noise)
        disturb(project, 9, "commit")
        project.git("tag", "v1.4.0")
        done = project.run("verify", "v1.4.0", "--strict", "--format", "json")
        assert (done.code, findings(done), skipped(done)) == (0, [], []), done.out
        assert (done.json["proof"], done.json["hidden"]) == (made(len(fragments)), [])
        assert done.json["consumed"] == [f"changelog.d/{name}" for name in sorted(fragments)]


def issue_of(name: str) -> str:
    """The issue that a fragment's name has, if it is no orphan."""
    issue = name.split(".")[0].lstrip("0")
    return "" if issue.startswith("+") else issue


def mentions(items: str, issue: str) -> int:
    """How often items name an issue, as towncrier writes it."""
    written = f"#{issue}" if issue.isdecimal() else issue
    return len(re.findall(rf"(?<!\w){written}\b", items)) if issue else 0


@given(fragments=FRAGMENTS, style=STYLES, which=st.integers(0, 99))
@settings(max_examples=15)
def test_whatever_item_is_taken_out_is_missed(
    empty: Project, fragments: dict[str, str], style: str, which: int
) -> None:
    with pending(empty, fragments) as project:
        arrive(project, style, [])
        text = project.read(LOG)
        at = text.index("## 1.4.0")
        items = re.findall(r"^- .*\n", text[at : text.index("## 1.3.0")], re.MULTILINE)
        gone = items.pop(which % len(items))
        amend(write(LOG, text[:at] + text[at:].replace(gone, "", 1)))(project)
        project.git("tag", "v1.4.0")
        done = project.run("verify", "v1.4.0", "--format", "json")
        before, after = "".join([*items, gone]), "".join(items)
        issues, names = [issue_of(name) for name in fragments], []
        for name, sentence in sorted(fragments.items()):
            issue = issue_of(name)
            meant = mentions(before, issue)
            # An issue that several share tells of each only where it is named as often as it should be.
            kept = meant > 0 and mentions(after, issue) >= (meant if issues.count(issue) > 1 else 1)
            hidden = not meant and sentence.strip() not in before
            names += [name] if not hidden and not kept and sentence.strip() not in after else []
        assert findings(done) == [DIFFERS, *lost(*names)], done.out
        assert done.code == int(bool(names))


def test_a_commit_message_cannot_set_aside_what_is_no_matter_of_policy(project: Project) -> None:
    """prepare-release records policy only; whoever writes more into a message gets nothing for it."""
    by_hand(prepare("1.4.0"))(project)
    project.write("pyproject.toml", project.read("pyproject.toml").replace("1.4.0", "1.3.9"))
    message = project.git("log", "-1", "--format=%B") + "\nSkipped-Rule: version-mismatch\nSkipped-Rule: nonsense\n"
    project.git("commit", "-q", "--amend", "-a", "-m", message)
    project.git("tag", "v1.4.0")
    done = project.run("verify", "v1.4.0", "--format", "json")
    assert (done.code, [rule for rule, *_ in findings(done)], skipped(done)) == (1, ["version-mismatch"], [])


# -- what went wrong once ---------------------------------------------------------------------------------------------

SQUASHED_EDIT = by_hand(in_editor("Add colour", "Show colours", "--branch"))


@pytest.mark.parametrize(
    ("name", "text", "date"),
    [
        ("14.doc.md", "Improve the documentation of colours.", "2026-02-03"),
        ("14.removal.md", "Remove the deprecated flag.", "2026-02-03"),
        ("+x.doc.md", "Features", "2026-02-03"),
        ("2026.doc.md", "Hear sounds.", "2026-02-03"),
        ("14.doc.md", "Hear sounds.", "2026-02-14"),
    ],
)
def test_a_lost_fragment_is_missed_whatever_the_headings_say(project: Project, name: str, text: str, date: str) -> None:
    by_hand(commit(fragment(name, text + "\n"), fragment("15.doc.md", "Tell.\n"), fragment("15.removal.md", "Less.\n")),
            prepare("1.4.0", "--date", date))(project)  # fmt: skip
    lines = project.read(LOG).split("\n")
    amend(write(LOG, "\n".join(line for line in lines if not line.startswith(f"- {text}"))))(project)
    project.git("tag", "v1.4.0")
    found = findings(project.run("verify", "v1.4.0", "--format", "json"))
    assert [each for each in found if each[0] != "date-implausible"] == [DIFFERS, *lost(name)]


def test_a_lost_fragment_is_missed_whatever_numbers_other_items_have(project: Project) -> None:
    run(anew(fragment("14.doc.md", "Tell of all 13 of them.\n")), entry("- Mend it. (#13)\n", ""),
        git("tag", "v1.4.0"))(project)  # fmt: skip
    assert findings(project.run("verify", "v1.4.0", "--format", "json")) == [DIFFERS, *lost("13.bugfix.md")]


def test_a_fragment_that_is_a_symbolic_link(project: Project) -> None:
    by_hand(write("docs/news.md", "Hear sounds.\n"))(project)
    (project.path / "changelog.d/14.doc.md").symlink_to("../docs/news.md")
    run(commit(), prepare("1.4.0"), git("tag", "v1.4.0"))(project)
    done = project.run("verify", "v1.4.0", "--format", "json")
    assert (findings(done), done.json["proof"]) == ([], made(3))


@pytest.mark.parametrize(("width", "newline"), [(72, "\n"), (None, "\r\n")])
def test_trailers_as_forges_rewrite_them(project: Project, width: int | None, newline: str) -> None:
    run(SQUASHED_EDIT, lambda project: squashed_by_github(project, width, newline), git("tag", "v1.4.0"))(project)
    done = project.run("verify", "v1.4.0", "--format", "json")
    assert (findings(done), done.json["proof"]) == ([], DECLARED)


def test_a_changelog_that_a_filter_changes_on_checkout(project: Project) -> None:
    """In a bare clone, where no filter is at work, the same tag has no finding."""
    by_hand(
        git("config", "filter.shout.clean", "sed s/COLOUR/colour/"),
        git("config", "filter.shout.smudge", "sed s/colour/COLOUR/"),
        commit(write(".gitattributes", "CHANGELOG.md filter=shout\n")),
        prepare("1.4.0"),
        git("tag", "v1.4.0"),
    )(project)
    assert findings(project.run("verify", "v1.4.0", "--format", "json")) == []


def test_an_old_secret_in_a_shallow_clone(project: Project) -> None:
    by_hand(commit(write("RELEASING", leak())), git("tag", "-f", "v1.3.0"), prepare("1.4.0"), git("tag", "v1.4.0"))(
        project
    )
    done = cloned(project, "--depth", "1", "--branch", "v1.4.0").run("verify", "--format", "json")
    assert (findings(done), "secret-in-tree" in skipped(done)) == ([], True)


def test_a_tag_that_may_be_another_projects_is_not_to_be_dropped(project: Project) -> None:
    """In a monorepo each project has tags of its own shape; an entry that is wrong under one is no reason."""
    edit("CHANGELOG.md", "- Add colour. (#12)", "- Adds colour.")(project)
    project.git("commit", "-q", "-a", "--amend", "--no-edit")
    project.git("tag", "lantern-1.4.0")
    answer = project.run("verify", "lantern-1.4.0", "--format", "json").json
    assert "tag-malformed" in [found["rule"] for found in answer["findings"]]
    fixes = {found["rule"]: found["fix"] for found in answer["findings"]}
    assert [rule for rule, fix in fixes.items() if "git tag -d" in fix] == ["tag-malformed"]
