"""What a pull request does to code, fragments, changelog and version: the pure rules, as tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from packaging.version import Version

from tagready.facts.change_rules import (
    NEXT,
    Edits,
    FragmentText,
    PullRequestEvent,
    Undeclared,
    WayBack,
    WrittenEntry,
    as_owned,
    bumped_by_hand,
    edit_declared,
    edited_by_hand,
    entry_edits,
    fragment_replaced,
    fragments_deleted,
    fragments_unseen,
    identities,
    no_fragment_needed,
    read_event,
    really_gone,
    replaced,
    reverted,
    reverted_by_name,
    shown_by,
    spoiled_by,
)
from tagready.facts.changelog import Changelog
from tagready.facts.findings import Finding, Level, as_warning, finding
from tagready.facts.fragment_needed import counts_as_code, fragment_missing, issue_for, metadata_changed, to_write
from tagready.facts.fragments import Fragment, read_name
from tagready.facts.git_records import LoggedCommit
from tagready.facts.places import PatternPlace, Stated, TomlPlace
from tagready.facts.project import FragmentType, Section, Sources, read_news
from tagready.facts.versions import BUMP_RULES, Bump

TABLE = {"directory": "changelog.d", "filename": "CHANGELOG.md"}
NEWS = read_news(Sources("", {"project": {"name": "demo"}, "tool": {"towncrier": TABLE}}, None))
RST = NEWS._replace(changelog="NEWS.rst")


def commit(message: str = "Change", author: str = "Ann", email: str = "ann@example.org", **more: Any) -> LoggedCommit:
    return LoggedCommit("c" * 40, more.get("parents", ("p" * 40,)), author, email, author, email, message)


# -- code --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("src/demo/lamp.py", True), ("demo/__init__.py", True), ("lamp.py", True), ("rust/src/lib.rs", True),
        ("setup.cfg", True), ("setup.py", True), ("pyproject.toml", True), ("MANIFEST.in", True),
        ("src/demo/README.md", True), ("src/demo/words.txt", True), ("Dockerfile", True), ("src/attest/x.py", True),
        ("changelog.d/12.feature.md", False), ("changelog.d/README.md", False), ("CHANGELOG.md", False),
        ("tests/test_lamp.py", False), ("test/data.json", False), ("src/demo/tests/lamp.py", False),
        ("src/demo/test_lamp.py", False), ("src/demo/lamp_test.py", False), ("src/demo/conftest.py", False),
        ("docs/index.rst", False), ("doc/x/y.png", False), (".github/workflows/ci.yml", False), (".gitignore", False),
        ("src/.hidden/x.py", False), ("src/demo/.keep", False), ("README.md", False), ("NOTES.rst", False),
        ("AUTHORS.txt", False), ("LICENSE", False), ("LICENSE-MIT", False), ("uv.lock", False), ("js/yarn.lock", False),
        ("requirements-dev.txt", False), ("ci/requirements.txt", False), ("requirements/dev.txt", False),
        ("dev-requirements.in", False), ("testing/test_a.py", False), ("typing_tests/a.py", False),
        ("typing-examples/a.py", False), ("src/testing/a.py", True), ("pylock.dev.toml", False),
        ("tox.ini", False), ("noxfile.py", False), ("Makefile", False), ("bench/speed.py", False),
        ("benchmarks/x.py", False), ("examples/a.py", False), ("towncrier.toml", False),
        ("codecov.yml", False), ("src/demo/rules.yml", True), ("src/demo/_version.py", False),
        ("src/demo/__version__.py", False), ("src/demo/version.py", True),
    ],
)  # fmt: skip
def test_which_files_are_code(path: str, counts: bool) -> None:
    assert counts_as_code(path, "", NEWS, ()) is counts


@pytest.mark.parametrize(
    ("path", "globs", "counts"),
    [
        ("rust/src/lib.rs", ("rust/*",), True),
        ("src/demo/x.py", ("rust/*",), False),
        ("docs/api.json", ("docs/*.json", "src/*"), True),
        ("tests/test_x.py", ("*.py",), True),
        ("changelog.d/1.feature.md", ("*",), False),
        ("CHANGELOG.md", ("*",), False),
        ("src/one.py", ("src/**/*.py",), True),
        ("src/a/b/one.py", ("src/**/*.py",), True),
        ("src/one.c", ("src/**/*.py",), False),
        ("lib/src/one.py", ("**/src/**/*.py",), True),
        ("src/one.py", ("**/*.py",), True),
        ("src/one.py", ("src",), True),
        ("src/a/one.py", ("src/",), True),
        ("srcs/one.py", ("src",), False),
        ("src/one.py", ("./src/*",), True),
        ("src/one.py", ("/src/*",), True),
        ("packages/a/src/one.py", ("packages/*/src",), True),
        ("src/one.py", ("src/**",), True),
        ("src/one.py", ("src/one.py",), True),
        ("src/One.py", ("src/one.py",), False),
        ("anything", (".",), True),
        ("src/x[1].py", ("src/x[[]1].py",), True),
    ],
)
def test_globs_say_what_code_is(path: str, globs: tuple[str, ...], counts: bool) -> None:
    assert counts_as_code(path, "", NEWS, globs) is counts


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("pkg/lamp/x.py", True), ("pkg/README.md", False), ("pkg/tests/test_x.py", False), ("pkg/docs/x.md", False),
        ("other/x.py", False), ("x.py", False), ("pkgs/x.py", False),
    ],
)  # fmt: skip
def test_only_the_project_s_own_folder_is_its_code(path: str, counts: bool) -> None:
    assert counts_as_code(path, "pkg", NEWS, ()) is counts


@pytest.mark.parametrize(
    ("path", "counts"),
    [("news/12.feature.md", False), ("news/README.md", False), ("news/core/1.misc.md", False), ("news/web/x.md", True)],
)
def test_what_lies_above_the_sections_is_no_code(path: str, counts: bool) -> None:
    news = NEWS._replace(base="news", sections=(Section("Core", "news/core"),))
    assert counts_as_code(path, "", news, ()) is counts


def test_the_code_of_a_package_that_has_its_news_inside() -> None:
    news = NEWS._replace(base="pkg", sections=(Section("Core", "pkg/core/news"),))
    assert counts_as_code("pkg/lamp.py", "", news, ()) is True
    assert counts_as_code("pkg/data.bin", "pkg", news, ()) is True


def test_the_changelogs_of_versions_are_no_code() -> None:
    news = NEWS._replace(changelog="news/{version}/log.md", single_file=False)
    assert counts_as_code("news/1.4.0/log.md", "", news, ()) is False
    assert counts_as_code("news/1.4.0/log.py", "", news, ()) is True


BASE = b'[project]\nname = "demo"\n\n[tool.ruff]\nline-length = 100\n\n[dependency-groups]\ntest = ["pytest"]\n'


@pytest.mark.parametrize(
    ("new", "changed"),
    [
        (BASE, False),
        (BASE.replace(b"100", b"120"), False),
        (BASE.replace(b"pytest", b"pytest>=8"), False),
        (BASE + b"# a comment\n", False),
        (BASE.replace(b'"demo"', b'"demo"\nversion = "1.4.0"'), False),
        (BASE.replace(b'"demo"', b'"demo"\ndependencies = ["click"]'), True),
        (b'[build-system]\nrequires = ["flit_core"]\n' + BASE, True),
        (None, True),
        (b"[", True),
        (b"\xff", True),
    ],
)
def test_metadata_of_a_pyproject(new: bytes | None, changed: bool) -> None:
    assert metadata_changed(BASE, new) is changed


def test_a_file_that_nobody_can_read_counts_where_it_changed() -> None:
    assert metadata_changed(b"[", b"[[") is True
    assert metadata_changed(b"[", b"[") is False


@pytest.mark.parametrize(
    ("number", "branch", "pattern", "issue"),
    [
        (77, "fix-12", "", "77"),
        (None, "fix-12-lamps", "", "12"),
        (None, "12/lamps", "", "12"),
        (None, "lamps", "", "+something"),
        (None, "", "", "+something"),
        (77, "", r"[A-Z]+-\d+", "+something"),
        (77, "LAMP-3-x", r"[A-Z]+-\d+", "LAMP-3"),
    ],
)
def test_how_a_fragment_s_name_begins(number: int | None, branch: str, pattern: str, issue: str) -> None:
    assert issue_for(number, branch, NEWS._replace(issue_pattern=pattern)) == issue


TYPES = (
    "\n    feature  Features\n    bugfix   Bugfixes\n    doc      Improved Documentation\n"
    "    removal  Deprecations and Removals\n    misc     Misc (shows the issue only)"
)
THERE = [".gitkeep"]
THROUGH = 'where users notice nothing: git commit --allow-empty -m "[no changelog]"'


def test_the_missing_fragment_is_named_and_ready_to_copy() -> None:
    assert fragment_missing(to_write(["a.py", "b.py", "c.py", "d.py"], NEWS, "77", [], THERE), Level.ERROR) == finding(
        "fragment-missing",
        "code changed (a.py, b.py, c.py and 1 more), and no news fragment says what users will notice\n"
        "A news fragment is a small file with a sentence or two for them:\n"
        "  changelog.d/77.TYPE.md, where TYPE is one of" + TYPES,
        'echo "Say here what changes for users." > changelog.d/77.feature.md && git add changelog.d/77.feature.md && '
        f'git commit -m "Add a news fragment"; {THROUGH}',
    )


def test_the_missing_fragment_of_an_rst_project_as_a_warning() -> None:
    lacks = to_write(["a.py"], RST._replace(sections=(Section("", "pkg/news"),)), "+something", [], THERE)
    found = fragment_missing(lacks, Level.WARNING)
    assert found.level is Level.WARNING
    assert "> pkg/news/+something.feature.rst && git add pkg/news/+something.feature.rst && " in found.fix


@pytest.mark.parametrize(
    ("names", "extension"),
    [
        (["1.bugfix", "2.doc", "3.misc.1"], ""),
        (["1.bugfix.rst", "2.doc.rst", "3.misc"], ".rst"),
        (["1.bugfix.txt"], ".txt"),
        ([], ".md"),
    ],
)
def test_the_missing_fragment_is_named_as_the_others_are(names: list[str], extension: str) -> None:
    """twisted's have no extension, though its changelog is reStructuredText."""
    written = [each for name in names if (each := read_name(NEWS, NEWS.sections[0], name))]
    found = fragment_missing(to_write(["a.py"], NEWS, "77", written, THERE), Level.ERROR)
    assert f"\n  changelog.d/77.TYPE{extension}, where" in found.message
    assert f"> changelog.d/77.feature{extension} && git add changelog.d/77.feature{extension} && " in found.fix


@pytest.mark.parametrize(
    ("issue", "names", "path"),
    [
        ("77", ["77.feature.md"], "changelog.d/77.feature.1.md"),
        ("77", ["77.bugfix.2.md", "77.feature.rst"], "changelog.d/77.feature.3.md"),
        ("77", ["7.feature.md", "+77.misc.md"], "changelog.d/77.feature.md"),
        ("LAMP-3", ["lamp-3.doc.md"], "changelog.d/LAMP-3.feature.1.md"),
        ("+something", ["+something.feature.md"], "changelog.d/+something-2.feature.md"),
        ("+something", ["+something.doc.md", "+something-2.misc.md"], "changelog.d/+something-3.feature.md"),
    ],
)
def test_nobodys_fragment_is_written_over(issue: str, names: list[str], path: str) -> None:
    written = [each for name in names if (each := read_name(NEWS, NEWS.sections[0], name))]
    lacks = to_write(["a.py"], NEWS, issue, written, names)
    assert lacks.path == path
    found = fragment_missing(lacks, Level.ERROR)
    assert f"\n  {path.replace('feature', 'TYPE')}, where" in found.message
    assert f" > {path} && git add {path} && " in found.fix


def test_the_folder_is_made_where_git_has_removed_it() -> None:
    lacks = to_write(["a.py"], NEWS, "77", [], [])
    assert lacks.command.startswith('mkdir -p changelog.d && echo "Say')


def test_a_type_that_tells_of_nothing_is_not_asked_for() -> None:
    types = (FragmentType("chore", "Chores", tells=False), FragmentType("fix", "Fixes"))
    lacks = to_write(["a.py"], NEWS._replace(types=types), "77", [], THERE)
    assert (lacks.type, lacks.types) == ("fix", types[1:])
    found = fragment_missing(lacks, Level.ERROR, untold=["changelog.d/7.chore.md"])
    assert found.message.split("\n")[1] == (
        "changelog.d/7.chore.md is of a type with `check = false`, which tells of nothing"
    )


@pytest.mark.parametrize(
    ("rules", "type_"),
    [({}, "breaking"), (BUMP_RULES, "feature"), ({"breaking": Bump.MAJOR, "feature": Bump.MAJOR}, "bugfix")],
)
def test_what_is_copied_asks_for_no_major_release(rules: Mapping[str, Bump], type_: str) -> None:
    names = (("breaking", "Breaking"), ("feature", "Features"), ("bugfix", "Bugfixes"))
    types = tuple(FragmentType(name, title) for name, title in names)
    assert to_write(["a.py"], NEWS._replace(types=types), "77", [], THERE, rules).type == type_


def test_a_fragment_that_is_not_committed_is_the_one() -> None:
    assert fragment_missing(
        to_write(["a.py"], NEWS, "77", [], THERE), Level.ERROR, ["changelog.d/77.bugfix.md"]
    ) == finding(
        "fragment-missing",
        "code changed (a.py), and the news fragment is not committed yet: changelog.d/77.bugfix.md",
        f'git add changelog.d/77.bugfix.md && git commit -m "Add a news fragment"; {THROUGH}',
    )


# -- the ways through --------------------------------------------------------------------------------------------------

BOT = commit("Bump x", "dependabot[bot]", "1+dependabot[bot]@users.noreply.github.com")
MERGE = commit("Merge branch 'main'", parents=("1" * 40, "2" * 40))


@pytest.mark.parametrize(
    ("commits", "event", "why"),
    [
        ([commit()], PullRequestEvent(), None),
        ([], PullRequestEvent(), None),
        ([MERGE], PullRequestEvent(), None),
        ([commit("Tidy up\n\n[no changelog]")], PullRequestEvent(), 'cccccccccc "Tidy up" says [no changelog]'),
        ([commit(), commit("[No Changelog] x")], PullRequestEvent(), 'cccccccccc "[No Changelog] x" says'),
        ([commit("no changelog")], PullRequestEvent(), None),
        ([commit()], PullRequestEvent(labels=("bug", "no-changelog")), "has the label 'no-changelog'"),
        ([commit()], PullRequestEvent(labels=("Skip News",)), "has the label 'Skip News'"),
        ([commit()], PullRequestEvent(labels=("skip-changelog",)), "has the label 'skip-changelog'"),
        ([commit()], PullRequestEvent(labels=("no news",)), "has the label 'no news'"),
        ([commit()], PullRequestEvent(labels=("news",)), None),
        ([commit()], PullRequestEvent(by_bot=True), "a bot opened the pull request"),
        ([BOT], PullRequestEvent(), "every commit is by dependabot[bot], a bot"),
        ([BOT, MERGE], PullRequestEvent(), "every commit is by dependabot[bot], a bot"),
        ([BOT, commit()], PullRequestEvent(), None),
        ([commit(author="Robot", email="9+x[bot]@users.noreply.github.com")], PullRequestEvent(), "by Robot, a bot"),
    ],
)
def test_ways_through(commits: list[LoggedCommit], event: PullRequestEvent, why: str | None) -> None:
    said = no_fragment_needed(commits, event)
    assert said is None if why is None else said is not None and why in said


@pytest.mark.parametrize(
    ("name", "email", "same"),
    [
        ("Ann", "12345+annlee@users.noreply.github.com", True),
        ("annlee", "ann@work.example", True),
        ("A. Lee", "ANN@example.org", True),
        ("A. Lee", "annlee@users.noreply.github.com", True),
        ("Bob", "12345+bob@users.noreply.github.com", False),
        ("Bob", "annlee@example.org", False),
        ("", "", False),
    ],
)
def test_a_person_is_known_under_other_addresses(name: str, email: str, same: bool) -> None:
    ann = identities("Ann", "ann@example.org") | identities("Ann", "7+AnnLee@users.noreply.github.com")
    assert bool(identities(name, email) & ann) is same


def test_an_edit_of_the_changelog_is_declared_in_a_message() -> None:
    declared = commit("Mend the date\n\n[Changelog edit]")
    assert edit_declared([commit(), declared]) == declared
    assert edit_declared([commit("changelog edit")]) is None


def test_reverts_are_read_from_messages() -> None:
    one = commit(f'Revert "Lamps"\n\nThis reverts commit {"a" * 40}.\n')
    other = commit(f"Revert x\n\nThis reverts commit {'b' * 40}, reversing\nchanges made to {'c' * 40}.\n")
    assert reverted([one, commit("This reverts commit nothing"), other]) == [(one, "a" * 40), (other, "b" * 40)]


@pytest.mark.parametrize(
    ("subject", "revert", "by_name"),
    [
        ("Fix lamps (#12)", 'Revert "Fix lamps" (#13)', True),
        ("Fix lamps (#12)", 'Revert "Fix lamps (#12)" (#13)', True),
        ("Fix lamps", 'Revert "Fix lamps"', True),
        ("Fix lamps", "Revert the fix", False),
        ("Fix lamps", 'Reapply "Fix lamps"', False),
    ],
)
def test_reverts_by_name(subject: str, revert: str, by_name: bool) -> None:
    one = commit(revert)
    assert reverted_by_name([commit(), one], commit(subject)) == (one if by_name else None)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({}, PullRequestEvent()),
        (
            {
                "pull_request": {
                    "number": 7,
                    "head": {"sha": "h"},
                    "base": {"sha": "b"},
                    "labels": [{"name": "one"}, {"name": "two"}],
                    "user": {"login": "ann", "type": "User"},
                }
            },
            PullRequestEvent(7, "h", "b", ("one", "two"), False),
        ),
        ({"pull_request": {"user": {"login": "x[bot]", "type": "User"}}}, PullRequestEvent(by_bot=True)),
        ({"pull_request": {"user": {"login": "x", "type": "Bot"}}}, PullRequestEvent(by_bot=True)),
        ({"pull_request": None}, PullRequestEvent()),
        (
            {"pull_request": {"number": "7", "labels": ["x", {"name": 3}], "head": 1, "base": [], "user": "x"}},
            PullRequestEvent(),
        ),
    ],
)
def test_events(event: dict[str, Any], expected: PullRequestEvent) -> None:
    assert read_event(event) == expected


# -- the changelog -----------------------------------------------------------------------------------------------------


def entry(version: str, text: str = "old", line: int = 1, path: str = "CHANGELOG.md") -> WrittenEntry:
    return WrittenEntry(Version(version), path, line, f"## {version}\n\n- {text}\n")


ONE, TWO = entry("1.0"), entry("2.0")
MENDED = entry("1.0", "new", 5)


@pytest.mark.parametrize(
    ("old", "new", "tip", "edits"),
    [
        ([], [], [], Edits()),
        ([ONE], [ONE], [], Edits()),
        ([ONE], [ONE._replace(line=9, path="x", text="\n## 1.0  \n\n\n- old\n\n")], [], Edits()),
        ([ONE, TWO], [TWO, ONE], [], Edits()),
        ([ONE], [MENDED], [], Edits(changed=((ONE, MENDED),))),
        ([ONE, TWO], [TWO], [], Edits(removed=(ONE,))),
        ([ONE], [TWO, ONE], [], Edits(added=(TWO,))),
        ([ONE], [ONE, MENDED], [], Edits(added=(MENDED,))),
        ([ONE, MENDED], [ONE], [], Edits(removed=(MENDED,))),
        ([ONE], [TWO, ONE], [ONE, TWO], Edits()),
        ([ONE], [MENDED], [MENDED], Edits()),
        ([ONE, TWO], [TWO], [TWO], Edits()),
        ([ONE, TWO], [TWO], [ONE, TWO], Edits(removed=(ONE,))),
        ([ONE], [MENDED], [ONE], Edits(changed=((ONE, MENDED),))),
    ],
)
def test_what_became_of_entries(
    old: list[WrittenEntry], new: list[WrittenEntry], tip: list[WrittenEntry], edits: Edits
) -> None:
    assert entry_edits(old, new, tip) == edits


DECLARE = 'git commit --allow-empty -m "[changelog edit]"'
BACK = WayBack("abc", frozenset({"CHANGELOG.md"}))


def test_findings_about_entries() -> None:
    edits = Edits(((ONE, MENDED),), (TWO,), (entry("3.0", line=3), entry("4.0", line=2)))
    undeclared = Undeclared(Version("4.0"), "--- a\n+++ b", "prepare-release 4.0 --again --edit")
    assert edited_by_hand(edits, BACK, [undeclared]) == [
        finding(
            "entry-edited-by-hand",
            "the entry for 1.0 was changed, and people have read it as it was:\n--- as it was\n"
            "+++ as this change has it\n@@ -2,2 +2,2 @@\n \n-- old\n+- new",
            "what is new goes into a fragment: git checkout abc -- CHANGELOG.md, and write one; "
            f"to correct an old entry on purpose: {DECLARE}",
            "CHANGELOG.md",
            5,
        ),
        finding(
            "entry-edited-by-hand",
            "the entry for 2.0 is gone, and with it what people could read about that version",
            f"git checkout abc -- CHANGELOG.md; to take it out on purpose: {DECLARE}",
            "CHANGELOG.md",
        ),
        finding(
            "entry-edited-by-hand",
            "an entry for 3.0 was written by hand; only a release brings one",
            f"what is new goes into a fragment: git checkout abc -- CHANGELOG.md, and write one; on purpose: {DECLARE}",
            "CHANGELOG.md",
            3,
        ),
        finding(
            "entry-edited-by-hand",
            "the entry for 4.0 looks like a release, but its fragments do not make it:\n--- a\n+++ b",
            "prepare-release 4.0 --again --edit, and put the edit in again there, which declares it",
            "CHANGELOG.md",
            2,
        ),
    ]


@pytest.mark.parametrize(
    ("back", "path", "command"),
    [
        (BACK, "CHANGELOG.md", "git checkout abc -- CHANGELOG.md"),
        (BACK, "news/1.4.0.md", "git rm news/1.4.0.md"),
        (BACK._replace(moved="git mv CHANGELOG.md NEWS.md"), "NEWS.md", "git mv CHANGELOG.md NEWS.md"),
    ],
)
def test_how_a_changelog_is_brought_back(back: WayBack, path: str, command: str) -> None:
    (found,) = edited_by_hand(Edits(added=(entry("3.0", path=path),)), back, [])
    assert found.fix == f"what is new goes into a fragment: {command}, and write one; on purpose: {DECLARE}"


def test_a_renewed_entry_that_was_reworded_is_a_release_but_for_that() -> None:
    (found,) = edited_by_hand(Edits(((ONE, MENDED),)), BACK, [Undeclared(Version("1.0"), "-a\n+b", "renew it")])
    assert (found.message.partition(":")[0], found.fix.partition(",")[0], found.line) == (
        "the entry for 1.0 looks like a release, but its fragments do not make it", "renew it", 5,
    )  # fmt: skip


def test_two_hundred_entries_are_counted_not_listed() -> None:
    found = edited_by_hand(Edits(removed=tuple(entry(f"{number}.0") for number in range(1, 201))), BACK, [])
    assert len(found) == 6
    assert found[5] == finding(
        "entry-edited-by-hand",
        "195 more entries were touched outside a release",
        f"git checkout abc -- CHANGELOG.md; on purpose: {DECLARE}",
        "CHANGELOG.md",
    )


# -- fragments ---------------------------------------------------------------------------------------------------------


def news(name: str, text: str = "Add colour.\n") -> FragmentText:
    issue, type_, *rest = name.split(".")
    orphan = issue.startswith("+")
    counter = int(rest[0]) if rest and rest[0].isdigit() else 0
    return FragmentText(Fragment(f"changelog.d/{name}", "", "" if orphan else issue, type_, counter, orphan), text)


GONE = news("12.feature.md")


@pytest.mark.parametrize(
    ("pending", "written", "lives"),
    [
        ([], [], False),
        ([news("13.feature.md", "Other.")], ["13.feature.md"], False),
        ([news("99.feature.md")], ["99.feature.md"], True),
        ([news("+x.feature.md", "  Add\ncolour. ")], [], True),
        ([news("12.feature.1.md", "Reworded.")], ["12.feature.1.md"], True),
        ([news("12.feature.1.md", "It was there before.")], [], False),
        ([news("12.bugfix.md", "Reworded.")], ["12.bugfix.md"], True),
        ([news("12.bugfix.md", "It was there before.")], [], False),
        ([news("13.feature.md", "First this. Add colour. Then that.")], [], True),
        ([news("13.feature.md", "Add colour.s")], [], False),
    ],
)
def test_fragments_that_live_on(pending: list[FragmentText], written: list[str], lives: bool) -> None:
    paths = [f"changelog.d/{name}" for name in written]
    assert really_gone([GONE], pending, paths, []) == ([] if lives else [GONE])


@pytest.mark.parametrize(
    ("gone", "arrived", "lost"),
    [
        (["4.bugfix: Mend the lamps."], ["44.feature: Mend all the lamps."], []),
        (["+one.feature: Lamps glow."], ["+two.feature: Lamps glowed."], []),
        (["5.misc:"], ["55.misc: \n"], []),
        (["5.misc:", "6.misc:"], ["55.misc:"], ["6.misc:"]),
        (["4.bugfix: Mend the lamps.", "5.misc:"], ["55.misc:", "44.bugfix: Mend the lamp."], []),
        (["4.bugfix: Mend it.", "5.bugfix: Mend its."], ["44.bugfix: Mend it!"], ["5.bugfix: Mend its."]),
        (["12.feature: Add colour."], ["13.feature: Add light."], ["12.feature: Add colour."]),
        (["+one.feature: One."], ["+two.feature: Two."], ["+one.feature: One."]),
        (["+one.feature: "], ["+two.feature: Two."], ["+one.feature: "]),
    ],
)
def test_a_renamed_fragment_may_be_edited_a_little(gone: list[str], arrived: list[str], lost: list[str]) -> None:
    before, after = ([news(f"{name}.md", text) for name, _, text in (each.partition(":") for each in texts)]
                     for texts in (gone, arrived))  # fmt: skip
    paths = [each.path for each in after]
    assert really_gone(before, after, paths, paths) == [before[gone.index(each)] for each in lost]
    assert really_gone(before, after, paths, []) == before


@pytest.mark.parametrize(
    ("was", "now", "gone"),
    [
        ("Lamps can be dimmed.", "Lamps can be dimmed, and coloured.", False),
        ("Lamps can be dimed.", "Lamps can be dimmed.", False),
        ("Dimmer for lamps", "One can dim a lamp now.", False),
        ("Colours!", "Lamps are coloured.", False),
        ("Lamps can be dimmed.", "Switches no longer spark.", True),
        ("Lamps can be dimmed.", "", True),
        ("Is a bug.", "Another one.", False),
        ("Add pyhton.", "Add Python.", False),
        ("灯光可以调暗。", "灯光可以调亮。", False),
        ("灯光可以调暗。", "开关不再打火花。", True),
    ],
)
def test_whether_a_fragment_says_something_else(was: str, now: str, gone: bool) -> None:
    before = news("12.feature.md", was)
    assert replaced([before], [news("12.feature.md", now)]) == ([before] if gone else [])
    assert replaced([before], [news("12.feature.md", now), news("13.doc.md", f"First. {was}")]) == []


def test_the_finding_about_a_fragment_that_says_something_else() -> None:
    found = finding(
        "fragment-deleted",
        "changelog.d/12.feature.md says something else now, so nobody would be told what it said: "
        f"Add colour {'x' * 69}…",
        "if it is not the same in other words: git checkout abc -- changelog.d/12.feature.md, and write what is new "
        f"into a file of its own (tagready add); on purpose: {DECLARE}",
        "changelog.d/12.feature.md",
    )
    assert fragment_replaced(news("12.feature.md", "Add\ncolour " + "x" * 80), BACK) == as_warning(found)


@pytest.mark.parametrize(
    ("gone", "shown"),
    [
        (GONE, True),
        (news("12.feature.md", "Add colou"), False),
        (news("12.feature.md", "Add colour, and more."), False),
        (news("12.feature.md", " "), False),
        (news("13.misc.md", "Nobody sees this."), True),
        (news("14.misc.md", "Nobody sees this."), False),
        (news("+x.misc.md", "Add colour."), False),
    ],
)
def test_what_an_entry_shows(gone: FragmentText, shown: bool) -> None:
    entry = "## 1.4.0\n\n- Add\n  colour. (#12)\n- Add colours.\n\n### Misc\n\n- #13, #140\n"
    assert shown_by(entry, gone, NEWS) is shown


def test_findings_about_deleted_fragments() -> None:
    many = [news(f"{number}.feature.md") for number in range(1, 9)]
    found = fragments_deleted(many, BACK)
    assert found[0] == finding(
        "fragment-deleted",
        "changelog.d/1.feature.md waited for the next release and is gone, so nobody would be told of its change",
        "git checkout abc -- changelog.d/1.feature.md, and commit; where its code goes, too, git revert what "
        f"brought both; on purpose: {DECLARE}",
        "changelog.d/1.feature.md",
    )
    assert len(found) == 6
    assert found[5] == finding(
        "fragment-deleted",
        "3 more fragments that waited for the next release are gone",
        "git checkout abc -- changelog.d/6.feature.md changelog.d/7.feature.md changelog.d/8.feature.md, and commit; "
        f"on purpose: {DECLARE}",
    )


@pytest.mark.parametrize(
    ("here", "fix"),
    [
        ("news/1.misc.md", "mkdir -p news && git mv changelog.d/1.misc.md news, and commit"),
        ("1.misc.md", "mkdir -p . && git mv changelog.d/1.misc.md ., and commit"),
        (
            "changelog.d/1.misc.md",
            "let the settings of towncrier (`ignore`, `template`) take them for fragments again, and commit",
        ),
    ],
)
def test_the_finding_about_a_fragment_that_the_settings_left_behind(here: str, fix: str) -> None:
    path = "changelog.d/1.misc.md"
    what = f"{path} lies where the settings no longer look for fragments, so nobody would be told of its change"
    expected = finding("fragment-deleted", what, f"{fix}; on purpose: {DECLARE}", path)
    assert fragments_unseen([(path, here)], BACK) == [expected]


def test_many_fragments_that_the_settings_left_behind_are_counted() -> None:
    found = fragments_unseen([(f"old/{number}.misc.md", f"new/{number}.misc.md") for number in range(8)], BACK)
    assert len(found) == 6
    assert found[5] == finding(
        "fragment-deleted",
        "3 more fragments lie where the settings no longer look for them",
        f"mkdir -p new && git mv old/5.misc.md old/6.misc.md old/7.misc.md new, and commit; on purpose: {DECLARE}",
    )


# -- what an entry would spoil -----------------------------------------------------------------------------------------

LOG = "# Changelog\n\n<!-- here -->\n\n## 1.0\n\n- x\n"


def parsed(text: str) -> Changelog:
    return Changelog(text, True, frozenset(), "<!-- here -->\n", frozenset())


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("- Lamps.\n", None),
        ("- Lamps.\n\n<!-- and so on -->\n", None),
        ("- Lamps.\n\n<!-- and so on\n", "entry-swallows"),
        ("Lamps.\n\n```\nx\n", "entry-swallows"),
        ("Lamps.\n\n##### 0.9.0\n", "fragment-malformed"),
        ("Lamps.\n\n##### More\n", None),
    ],
)
def test_what_a_text_spoils(body: str, rule: str | None) -> None:
    found = spoiled_by(parsed, LOG, "<!-- here -->\n", f"## {NEXT}\n\n{body}\n")
    assert (found.rule if found else None) == rule


def test_an_entry_without_a_heading_spoils_nothing() -> None:
    assert spoiled_by(parsed, LOG, "<!-- here -->\n", "- Lamps.\n") is None


# -- the version -------------------------------------------------------------------------------------------------------

TOML = TomlPlace("pyproject.toml", ("project", "version"))
DUNDER = PatternPlace("demo/__init__.py", re.compile("x"))


def says(version: str, place: Any = TOML, line: int = 3) -> Stated:
    return Stated(place, version, line)


@pytest.mark.parametrize(
    ("old", "new", "tip", "flagged"),
    [
        (["1.3.0"], ["1.3.0"], [], []),
        (["1.3.0"], ["1.4.0"], [], ["1.4.0"]),
        (["1.3.0"], ["1.2.0"], [], ["1.2.0"]),
        (["1.3.0"], ["1.3"], [], []),
        (["1.3.0"], ["1.4.0"], ["1.4.0"], []),
        (["1.3.0"], ["1.5.0.dev0"], [], []),
        (["1.5.0.dev0"], ["1.5.0.dev1"], [], []),
        (["1.5.0.dev0"], ["1.5.0"], [], ["1.5.0"]),
        (["1.3.0"], ["1.3.0+dev"], [], []),
        (["1.3.0"], ["1.4.0rc1"], [], ["1.4.0rc1"]),
        (["1.3.0"], ["soon"], [], ["soon"]),
        ([], ["1.4.0"], [], []),
        (["1.3.0"], [], [], []),
    ],
)
def test_versions(old: list[str], new: list[str], tip: list[str], flagged: list[str]) -> None:
    found = bumped_by_hand([says(each) for each in old], [says(each) for each in new], [says(each) for each in tip])
    assert [each.message.split(",")[0] for each in found] == [f"pyproject.toml states {each}" for each in flagged]


def test_each_place_that_was_bumped_is_named() -> None:
    old, new = [says("1.3.0"), says("1.2.0", DUNDER, 1)], [says("1.4.0"), says("1.4.0", DUNDER, 1)]
    assert bumped_by_hand(old, new, []) == [
        finding(
            "version-bumped-by-hand",
            f"{path} states 1.4.0, and it was {was} before; only a release changes the version, or the next one would "
            "have the wrong number",
            f"state {was} there again; prepare-release will change it",
            path,
            line,
        )
        for path, was, line in (("pyproject.toml", "1.3.0", 3), ("demo/__init__.py", "1.2.0", 1))
    ]


def test_a_place_that_is_new_may_say_what_another_one_said() -> None:
    assert bumped_by_hand([says("1.3.0", DUNDER)], [says("1.3.0")], []) == []
    assert [found.path for found in bumped_by_hand([says("1.3.0", DUNDER)], [says("1.4.0")], [])] == ["pyproject.toml"]


# -- whose a finding is ------------------------------------------------------------------------------------------------

FOUND = finding("fragment-empty", "x has no text", "write one", "x")
OLDER = Finding("fragment-empty", "x has no text (not of this change: it was so before)", "write one", "x", None,
                Level.WARNING)  # fmt: skip


@pytest.mark.parametrize(
    ("touched", "known", "expected"),
    [({"x"}, {FOUND}, FOUND), ({"x"}, set(), FOUND), (set(), set(), FOUND), (set(), {FOUND}, OLDER)],
)
def test_what_was_wrong_before_is_a_warning(touched: set[str], known: set[Finding], expected: Finding) -> None:
    assert as_owned([FOUND], touched, known) == [expected]
