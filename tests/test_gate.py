"""The tag gate on releases made by hand: every finding, and what is none."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pytest
from packaging.version import Version

from tagready.changelog import Changelog
from tagready.findings import Finding, Level, Report, Skipped
from tagready.fragments import Fragment
from tagready.gate import Release, judge, lost, same_text
from tagready.places import Stated, TomlPlace

PLACE = TomlPlace("pyproject.toml", ("project", "version"))
ENTRY = "## 1.4.0 (2026-02-03)\n\n### Features\n\n- Add colour. (#12)\n\n### Fixes\n\n- Mend it. (#13)\n"
OLDER = "## 1.3.0 (2026-01-01)\n\n- The first one. (#1)\n"
FEATURE = Fragment("changelog.d/12.feature.md", "", "12", "feature", 0, orphan=False)
FIX = Fragment("changelog.d/13.bugfix.md", "", "13", "bugfix", 0, orphan=False)
ORPHAN = Fragment("changelog.d/+x.feature.md", "", "", "feature", 0, orphan=True)
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
    removed=(FEATURE, FIX),
    texts=TEXTS,
    left_over=(),
    rendering=ENTRY + "\n\n",
    declared_edit=False,
    strict_entry=True,
    time=at("2026-02-03T23:59:59"),
    date_days=7,
)


def edited(entry: str, **changes: object) -> Release:
    return GOOD._replace(changelog=changelog(entry), **changes)  # type: ignore[arg-type]


def differs(difference: str, level: Level = Level.ERROR) -> Finding:
    return Finding(
        "entry-differs",
        "the entry for 1.4.0 is not what its fragments compile to:\n"
        f"--- as the fragments compile\n+++ as the changelog has it\n{difference}",
        "prepare-release 1.4.0 --again, or declare the edit: prepare-release --edit",
        "CHANGELOG.md",
        3,
        level,
    )


def lost_one(path: str) -> Finding:
    return Finding(
        "fragment-lost",
        f"{path} is removed by this release, but the entry shows neither its text nor its issue",
        "put it into the entry for 1.4.0, or keep the fragment for the next release",
        path,
    )


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


def implausible(entry: str, commit: str) -> Finding:
    return Finding(
        "date-implausible",
        f"the entry for 1.4.0 is dated {entry}, its commit {commit}",
        f"prepare-release 1.4.0 --date {commit}, if the entry's date is wrong",
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
    pytest.param(GOOD._replace(left_over=["a.md", "b.md"]), (left_over("a.md"), left_over("b.md")), id="left over"),
    pytest.param(edited(""), (MISSING,), id="entry-missing"),
    pytest.param(edited(ENTRY.replace("1.4.0", "1.4.01")), (MISSING,), id="1.4.01 is another spelling of 1.4.1"),
    pytest.param(edited(ENTRY.replace("1.4.0", "1.4.0rc1")), (MISSING,), id="a candidate is not the release"),
    pytest.param(edited("```\n" + ENTRY + "```\n"), (MISSING,), id="in a fence"),
    pytest.param(edited(f"{ENTRY}\n{ENTRY}"), (DUPLICATED,), id="entry-duplicated"),
    pytest.param(
        edited(TITLE, rendering=TITLE, removed=()),
        (EMPTY,),
        id="entry-empty",
    ),
    pytest.param(edited(REWORDED), (differs(REWORD), lost_one(FIX.path)), id="differs and lost"),
    pytest.param(
        edited(REWORDED, strict_entry=False), (differs(REWORD, Level.WARNING), lost_one(FIX.path)), id="not strict"
    ),
    pytest.param(edited(REWORDED, declared_edit=True), (lost_one(FIX.path),), id="a declared edit may lose nothing"),
    pytest.param(edited(ENTRY.replace("Mend it.", "Repaired."), declared_edit=True), (), id="a declared edit"),
    pytest.param(GOOD._replace(time=at("2026-02-10T23:59:59")), (), id="seven days"),
    pytest.param(
        GOOD._replace(time=at("2026-02-11")), (implausible("2026-02-03", "2026-02-11"),), id="eight days after"
    ),
    pytest.param(
        GOOD._replace(time=at("2026-01-26T23:59:59")), (implausible("2026-02-03", "2026-01-26"),), id="eight before"
    ),
    pytest.param(GOOD._replace(time=at("2026-02-11"), date_days=8), (), id="the project's own number of days"),
    pytest.param(
        edited(ENTRY.replace(" (2026-02-03)", ""), rendering=ENTRY.replace(" (2026-02-03)", ""), time=0.0),
        (),
        id="no date",
    ),
    pytest.param(
        edited("", stated=[Stated(PLACE, "1.3.0", 3)], left_over=["a.md"]),
        (mismatch("1.3.0"), left_over("a.md"), MISSING),
        id="all at once",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("release", "findings"), CASES)
def test_judge(release: Release, findings: tuple[Finding, ...]) -> None:
    assert judge(release) == Report(findings)


@pytest.mark.parametrize("date", ["February 3, 2026", "2026/02/03", "2026-02-31"])
def test_a_date_that_cannot_be_judged_is_skipped(date: str) -> None:
    entry = ENTRY.replace("2026-02-03", date)
    assert judge(edited(entry, rendering=entry, time=0.0)) == Report(
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
        ("a\n  b", "a\nb", False),
        ("a", "A", False),
        ("", "\n", True),
    ],
)
def test_same_text(one: str, other: str, same: bool) -> None:
    assert same_text(one, other) is same


@pytest.mark.parametrize(
    ("removed", "texts", "entry", "gone"),
    [
        pytest.param([FEATURE, FIX], TEXTS, ENTRY, [], id="all there"),
        pytest.param([FEATURE, FIX], TEXTS, ENTRY.replace("Mend it. (#13)", "x"), [FIX.path], id="text and issue gone"),
        pytest.param([FEATURE, FIX], TEXTS, ENTRY.replace("Mend it.", "Repaired."), [], id="issue stays"),
        pytest.param([FEATURE, FIX], TEXTS, ENTRY.replace(" (#13)", ""), [], id="text stays"),
        pytest.param(
            [FEATURE, FIX], TEXTS, ENTRY.replace("Mend it.", "Mend\n  it.").replace("#13", ""), [], id="wrapped"
        ),
        pytest.param(
            [FEATURE, FIX], TEXTS, ENTRY.replace("Mend it. (#13)", "x (#130)"), [FIX.path], id="#130 is not #13"
        ),
        pytest.param(
            [FEATURE, FIX], TEXTS, ENTRY.replace("Mend it. (#13)", "x 1.13"), [FIX.path], id="1.13 is not #13"
        ),
        pytest.param(
            [FEATURE, FIX], TEXTS, ENTRY.replace("Mend it. (#13)", "x 13.5"), [FIX.path], id="13.5 is not #13"
        ),
        pytest.param([FEATURE, FIX], TEXTS, ENTRY.replace("Mend it. (#13)", "x, #13."), [], id="#13 and a full stop"),
        pytest.param([FEATURE, FIX], TEXTS, "", [FEATURE.path, FIX.path], id="nothing there"),
        pytest.param([ORPHAN], {ORPHAN.path: "Mend it."}, ENTRY, [], id="orphan"),
        pytest.param(
            [ORPHAN], {ORPHAN.path: "Mend it."}, ENTRY.replace("Mend it", "Mend"), [ORPHAN.path], id="orphan lost"
        ),
        pytest.param([ORPHAN], {ORPHAN.path: "Hidden."}, "", [], id="hidden by the template"),
        pytest.param([ORPHAN], {}, "", [], id="no text known"),
        pytest.param([ORPHAN], {ORPHAN.path: " \n"}, "", [], id="no text"),
    ],
)
def test_lost(removed: Sequence[Fragment], texts: dict[str, str], entry: str, gone: list[str]) -> None:
    assert lost(removed, texts, ENTRY, entry) == gone
