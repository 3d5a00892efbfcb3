"""The rules: code and docs name the same ones, and reports add up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tagready.facts.findings import RULES, Finding, Level, Refused, Report, Skipped, as_warning, finding

ROOT = Path(__file__).parent.parent
SOURCES = {path.name: path.read_text("utf-8") for path in (ROOT / "src" / "tagready").rglob("*.py")}


def test_every_rule_has_its_heading_in_the_docs_and_none_is_left_over() -> None:
    text = (ROOT / "docs" / "findings.md").read_text("utf-8")
    assert sorted(re.findall(r"^## `?([^`\n]+?)`?$", text, re.MULTILINE)) == sorted(RULES)


def test_every_rule_is_found_by_some_code() -> None:
    code = "".join(text for name, text in SOURCES.items() if name != "findings.py")
    assert [slug for slug in RULES if f'"{slug}"' not in code] == []


def test_code_finds_by_no_other_rule() -> None:
    used = {slug for text in SOURCES.values() for slug in re.findall(r'[fF]inding\(\s*"([^"]+)"', text)}
    assert used - set(RULES) == set()
    assert len(used) > 20


@pytest.mark.parametrize("slug", sorted(RULES))
def test_slug_and_sentence(slug: str) -> None:
    assert re.fullmatch(r"[a-z]+(?:-[a-z]+)+", slug)
    assert RULES[slug].slug == slug
    assert RULES[slug].says
    assert not RULES[slug].says.endswith(".")


def test_a_finding_has_its_rules_level() -> None:
    assert finding("entry-empty", "m", "f", "p", 3) == Finding("entry-empty", "m", "f", "p", 3, Level.ERROR)
    assert finding("date-implausible", "m", "f") == Finding("date-implausible", "m", "f", level=Level.WARNING)
    assert as_warning(finding("entry-empty", "m", "f")) == Finding("entry-empty", "m", "f", level=Level.WARNING)


EMPTY = finding("entry-empty", "m", "f")
DATE = finding("date-implausible", "m", "f")
OLD = Skipped("version-not-newer", "no tags")


@pytest.mark.parametrize(("findings", "ok"), [((), True), ((DATE,), True), ((EMPTY,), False), ((DATE, EMPTY), False)])
def test_only_errors_refuse(findings: tuple[Finding, ...], ok: bool) -> None:
    assert Report(findings).ok is ok


def test_reports_add_up() -> None:
    assert Report((EMPTY,), (OLD,)).and_(Report((DATE,))) == Report((EMPTY, DATE), (OLD,))
    assert Report((EMPTY, DATE), (OLD,)).dropping(["entry-empty"]) == Report((DATE,), (OLD,))


def test_what_is_set_aside_is_listed() -> None:
    assert Report((EMPTY, DATE), (OLD,)).without(["entry-empty", "branch-behind"]) == Report(
        (DATE,),
        (
            OLD,
            Skipped("branch-behind", "set aside with --skip (nothing was found)"),
            Skipped("entry-empty", "set aside with --skip"),
        ),
    )


def test_a_refusal_holds_every_finding() -> None:
    assert Refused(EMPTY, DATE).report == Report((EMPTY, DATE))
    assert str(Refused(EMPTY, DATE)) == "entry-empty, date-implausible"
    assert Refused(report=Report((DATE,), (OLD,))).report.skipped == (OLD,)
