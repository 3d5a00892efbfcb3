"""The tag gate on releases made by hand: every finding, and what is none."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from packaging.version import Version

from tagready.facts.changelog import Changelog, same_text
from tagready.facts.findings import Finding, Level, Report, Skipped
from tagready.facts.fragments import Fragment
from tagready.facts.gate import Release, is_proven, judge
from tagready.facts.places import Stated, TomlPlace
from tagready.facts.traces import Compiled

PLACE = TomlPlace("pyproject.toml", ("project", "version"))
ENTRY = "## 1.4.0 (2026-02-03)\n\n### Features\n\n- Add colour. (#12)\n\n### Fixes\n\n- Mend it. (#13)\n"
OLDER = "## 1.3.0 (2026-01-01)\n\n- The first one. (#1)\n"
FEATURE = Fragment("changelog.d/12.feature.md", "", "12", "feature", 0, orphan=False)
FIX = Fragment("changelog.d/13.bugfix.md", "", "13", "bugfix", 0, orphan=False)
TEXTS = {FEATURE.path: "Add colour.\n", FIX.path: "Mend it.\n"}


def changelog(entry: str) -> Changelog:
    return Changelog(f"# Changelog\n\n{entry}\n{OLDER}", markdown=True, names=frozenset({"demo"}))


def at(day: str) -> float:
    return datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.UTC).timestamp()


GOOD = Release(
    version=Version("1.4.0"),
    path="CHANGELOG.md",
    changelog=changelog(ENTRY),
    stated=(Stated(PLACE, "1.4.0", 3),),
    compiled=Compiled((FEATURE, FIX), TEXTS, ENTRY + "\n\n"),
    strict_entry=True,
    times=(at("2026-02-03T23:59:59"),),
    date_days=7,
    again="prepare-release 1.4.0 --again",
    had=dict.fromkeys(TEXTS, "abc^"),
)


def edited(entry: str, **changes: object) -> Release:
    return GOOD._replace(changelog=changelog(entry), **changes)  # type: ignore[arg-type]


def compiled(**changes: object) -> Compiled:
    assert GOOD.compiled is not None
    return GOOD.compiled._replace(**changes)  # type: ignore[arg-type]


def differs(difference: str, level: Level = Level.ERROR, doubt: str = "") -> Finding:
    return Finding(
        "entry-differs",
        f"the entry for 1.4.0 is not what its fragments compile to{doubt}:\n"
        f"--- as the fragments compile\n+++ as the changelog has it\n{difference}",
        "prepare-release 1.4.0 --again (--edit declares an edit)",
        "CHANGELOG.md",
        3,
        level,
    )


def lost_one(path: str) -> Finding:
    return Finding(
        "fragment-lost",
        f"{path} is removed by this release, but the entry shows neither its text nor its issue",
        f"put it into the entry for 1.4.0, or bring it back: git checkout abc^ -- {path}",
        path,
    )


COMPILE_IT = (
    "leave it, if it is published; else write fragments of what it says (tagready add), take it out of CHANGELOG.md, "
    "and commit, and prepare-release 1.4.0"
)
MEND_IT = "mend it in CHANGELOG.md, and commit, if the entry's date is wrong"


def mismatch(version: str) -> Finding:
    return Finding(
        "version-mismatch",
        f"pyproject.toml states {version}, but the release is 1.4.0",
        f"state 1.4.0 there, or release {version}",
        "pyproject.toml",
        3,
    )


def left_over(path: str) -> Finding:
    return Finding(
        "fragments-left-over",
        f"{path} is still there, so its change is in the release but not in the entry",
        "prepare-release 1.4.0 --again",
        path,
    )


def said_already(path: str) -> Finding:
    return Finding(
        "fragments-left-over",
        f"{path} is in the entry, but it is still there too, so the next release would say it again",
        f"git rm {path}, commit that, and release the commit",
        path,
    )


def unread(path: str) -> Finding:
    return Finding(
        "fragment-ignored",
        f"{path} was removed by this release, though towncrier passes over such a name: nobody ever read it",
        "put its text into the entry for 1.4.0, or bring it back under a name that towncrier reads",
        path,
    )


def implausible(entry: str, commit: str) -> Finding:
    return Finding(
        "date-implausible",
        f"the entry for 1.4.0 is dated {entry}, its commit {commit}",
        f"prepare-release 1.4.0 --again --date {commit}, if the entry's date is wrong",
        "CHANGELOG.md",
        3,
        Level.WARNING,
    )


MISSING = Finding(
    "entry-missing",
    "CHANGELOG.md has no entry for 1.4.0: no heading there names that version",
    "name the version in the entry's title (title_format, or the template), and commit",
    "CHANGELOG.md",
)
MISSING_LATER = Finding(MISSING.rule, MISSING.message, "prepare-release 1.4.0", "CHANGELOG.md")
TYPED = Finding(
    "entry-differs",
    "no fragment was removed with the entry for 1.4.0, so it was typed, not compiled",
    "prepare-release 1.4.0 --again (--edit declares an edit)",
    "CHANGELOG.md",
    3,
)
SWALLOWS = Finding(
    "entry-swallows",
    "with the entry for 1.4.0, CHANGELOG.md shows no entry for 1.3.0 any more: "
    "a code fence or a comment does not end, or no blank line stands before the next heading",
    "close what the entry opens, or put a blank line before the next heading, and commit",
    "CHANGELOG.md",
)
EMPTY = Finding(
    "entry-empty",
    "the entry for 1.4.0 in CHANGELOG.md says nothing",
    "say what changed (in the fragments, or the template), and commit",
    "CHANGELOG.md",
    3,
)
DUPLICATED = Finding(
    "entry-duplicated",
    "CHANGELOG.md has 2 entries for 1.4.0 (lines 3, 13)",
    "join them into one and commit",
    "CHANGELOG.md",
    13,
)
TITLE = "## 1.4.0 (2026-02-03)\n"
REWORDED = ENTRY.replace("Mend it. (#13)", "Repaired.")
REWORD = "@@ -8,2 +8,2 @@\n \n-- Mend it. (#13)\n+- Repaired."

CASES = [
    pytest.param(GOOD, (), id="tag-ready"),
    pytest.param(edited("\n" + ENTRY.replace("\n", "  \n") + "\n\n"), (), id="blanks do not count"),
    pytest.param(GOOD._replace(stated=()), (), id="the tag is the version"),
    pytest.param(GOOD._replace(stated=[Stated(PLACE, "v1.4", 3)]), (), id="the same version in another spelling"),
    pytest.param(GOOD._replace(stated=[Stated(PLACE, "1.3.0", 3)]), (mismatch("1.3.0"),), id="version-mismatch"),
    pytest.param(GOOD._replace(stated=[Stated(PLACE, "next", 3)]), (mismatch("next"),), id="states no version"),
    pytest.param(
        GOOD._replace(stated=[Stated(PLACE, "1.3.0", 3), GOOD.stated[0], Stated(PLACE, "1.5", 3)]),
        (mismatch("1.3.0"), mismatch("1.5")),
        id="every place",
    ),
    pytest.param(
        GOOD._replace(left_over={"a.md": "A", "b.md": "B"}), (left_over("a.md"), left_over("b.md")), id="left over"
    ),
    pytest.param(edited(""), (MISSING,), id="entry-missing"),
    pytest.param(edited(ENTRY.replace("1.4.0", "1.4.01")), (MISSING,), id="1.4.01 is another spelling of 1.4.1"),
    pytest.param(edited(ENTRY.replace("1.4.0", "1.4.0rc1")), (MISSING,), id="a candidate is not the release"),
    pytest.param(edited("```\n" + ENTRY + "```\n"), (MISSING,), id="in a fence"),
    pytest.param(edited(f"{ENTRY}\n{ENTRY}"), (DUPLICATED,), id="entry-duplicated"),
    pytest.param(
        edited(TITLE, compiled=Compiled((), {}, TITLE)),
        (EMPTY,),
        id="entry-empty",
    ),
    pytest.param(edited(REWORDED), (differs(REWORD), lost_one(FIX.path)), id="differs and lost"),
    pytest.param(
        edited(REWORDED, strict_entry=False), (differs(REWORD, Level.WARNING), lost_one(FIX.path)), id="not strict"
    ),
    pytest.param(
        edited(REWORDED, compiled=compiled(declared_edit=True)),
        (lost_one(FIX.path),),
        id="a declared edit may lose nothing",
    ),
    pytest.param(
        edited(ENTRY.replace("Mend it.", "Repaired."), compiled=compiled(declared_edit=True)), (), id="a declared edit"
    ),
    pytest.param(
        edited(REWORDED, strict_entry=False, had={}),
        (differs(REWORD, Level.WARNING), replace(lost_one(FIX.path), fix="put it into the entry for 1.4.0")),
        id="lost before anything is committed",
    ),
    pytest.param(
        GOOD._replace(typed=True, compiled=compiled(removed=(), rendering=""), times=(at("2026-02-11"),)),
        (
            replace(implausible("2026-02-03", "2026-02-11"), fix=MEND_IT),
            replace(TYPED, fix=COMPILE_IT),
        ),
        id="typed",
    ),
    pytest.param(GOOD._replace(times=(at("2026-02-10T23:59:59"),)), (), id="seven days"),
    pytest.param(
        GOOD._replace(times=(at("2026-02-11"),)), (implausible("2026-02-03", "2026-02-11"),), id="eight days after"
    ),
    pytest.param(
        GOOD._replace(times=(at("2026-01-26T23:59:59"),)), (implausible("2026-02-03", "2026-01-26"),), id="eight before"
    ),
    pytest.param(GOOD._replace(times=(at("2026-02-11"),), date_days=8), (), id="the project's own number of days"),
    pytest.param(
        edited(
            ENTRY.replace(" (2026-02-03)", ""),
            compiled=compiled(rendering=ENTRY.replace(" (2026-02-03)", "")),
            times=(0.0,),
        ),
        (),
        id="no date",
    ),
    pytest.param(
        GOOD._replace(times=(at("2026-02-03"), at("2026-03-03"))), (), id="written in time, committed later (a rebase)"
    ),
    pytest.param(GOOD._replace(left_over={"a.md": "Mend\n it.\n"}), (said_already("a.md"),), id="kept though said"),
    pytest.param(GOOD._replace(left_over={"a.md": ""}), (left_over("a.md"),), id="an empty one says nothing"),
    pytest.param(
        GOOD._replace(unread={"a.bugfx.md": "It is mended now."}), (unread("a.bugfx.md"),), id="removed unread"
    ),
    pytest.param(GOOD._replace(unread={"a.bugfx.md": "Mend it."}), (), id="removed unread, and put in by hand"),
    pytest.param(GOOD._replace(unread={"13.bugfx.md": "Whatever."}), (), id="removed unread, its issue is there"),
    pytest.param(
        edited(REWORDED, compiled=compiled(doubt=" (perhaps)")),
        (differs(REWORD, doubt=" (perhaps)"), lost_one(FIX.path)),
        id="with a doubt",
    ),
    pytest.param(
        edited(ENTRY, compiled=Compiled((), {}, TITLE + "\nNo significant changes.\n")),
        (TYPED,),
        id="typed, not compiled",
    ),
    pytest.param(
        GOOD._replace(older={Version("1.3.0"): "## 1.3.0 (2026-01-01)", Version("1.2.0rc1"): "## 1.2.0rc1"}),
        (),
        id="a candidate's entry was folded into the final one",
    ),
    pytest.param(
        edited(ENTRY + "\n```\n", older={Version("1.3.0"): "## 1.3.0 (2026-01-01)"}, compiled=None),
        (SWALLOWS,),
        id="an open fence swallows",
    ),
    pytest.param(edited("", compiled=None), (MISSING_LATER,), id="no entry, and nothing to hold it against"),
    pytest.param(
        edited("", stated=[Stated(PLACE, "1.3.0", 3)], left_over={"a.md": "A"}),
        (mismatch("1.3.0"), left_over("a.md"), MISSING),
        id="all at once",
    ),
    pytest.param(
        edited("", stated=[Stated(PLACE, "1.3.0", 3)], compiled=None),
        (replace(mismatch("1.3.0"), fix="prepare-release 1.4.0"), MISSING_LATER),
        id="never released",
    ),
]


@pytest.mark.parametrize(("release", "findings"), CASES)
def test_judge(release: Release, findings: tuple[Finding, ...]) -> None:
    assert judge(release) == Report(findings)


@pytest.mark.parametrize("date", ["February 3, 2026", "2026/02/03", "2026-02-31"])
def test_a_date_that_cannot_be_judged_is_skipped(date: str) -> None:
    entry = ENTRY.replace("2026-02-03", date)
    assert judge(edited(entry, compiled=compiled(rendering=entry), times=(0.0,))) == Report(
        skipped=(Skipped("date-implausible", f"{date!r} is not an ISO date"),)
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a\nb\n", "a\nb", True),
        ("\n\na\nb\n\n\n", "a\nb\n", True),
        ("a  \nb\t\n", "a\nb\n", True),
        ("a\r\nb", "a\nb", True),
        ("a\n\nb", "a\nb", False),
        ("a\n\n\n\nb", "a\n\nb", True),
        ("a\n  b", "a\nb", False),
        ("a", "A", False),
        ("", "\n", True),
    ],
)
def test_same_text(one: str, other: str, same: bool) -> None:
    assert same_text(one, other) is same


@pytest.mark.parametrize(("counter", "order", "proven"), [(1, "ba", True), (0, "ba", False), (1, "bc", False)])
def test_the_order_of_tied_fragments_says_nothing(counter: int, order: str, proven: bool) -> None:
    issue = "12" if counter else "13"
    removed = [FEATURE, FEATURE._replace(path="changelog.d/x.md", issue=issue, counter=counter)]
    lines = {letter: f"- {letter} (#12)\n" for letter in "abc"}
    compiled = Compiled(removed, {}, TITLE + lines["a"] + lines["b"])
    assert is_proven(compiled, TITLE + "".join(lines[letter] for letter in order)) is proven


def test_tied_fragments_do_not_excuse_an_item_under_another_title() -> None:
    removed = [FEATURE, FEATURE._replace(path="changelog.d/x.md", counter=1)]
    features, fixes = "### Features\n\n- a (#12)\n- b (#12)\n", "\n### Fixes\n\n- c (#13)\n"
    compiled = Compiled(removed, {}, TITLE + features + fixes)
    assert is_proven(compiled, TITLE + features.replace("- a (#12)\n- b", "- b (#12)\n- a") + fixes)
    assert not is_proven(compiled, TITLE + features.replace("- b (#12)\n", "") + fixes + "- b (#12)\n")


def test_another_towncrier_is_no_finding_but_a_skip() -> None:
    release = edited(ENTRY.replace("Mend it.", "Repaired."), compiled=compiled(other_towncrier="it was another"))
    assert judge(release) == Report(skipped=(Skipped("entry-differs", "it was another"),))


def test_what_could_not_be_proven_is_skipped() -> None:
    assert judge(GOOD._replace(compiled=None, unproven="shallow")) == Report(
        skipped=(Skipped("entry-differs", "shallow"), Skipped("fragment-lost", "shallow"))
    )
