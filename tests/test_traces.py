"""Where removed fragments went: shown, hidden, said in other words, or lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tagready.facts.fragments import Fragment
from tagready.facts.traces import Compiled, Traces, traces

ENTRY = "## 1.4.0 (2026-02-03)\n\n### Features\n\n- Add colour. (#12)\n\n### Fixes\n\n- Mend it. (#13)\n"
FEATURE = Fragment("changelog.d/12.feature.md", "", "12", "feature", 0, orphan=False)
FIX = Fragment("changelog.d/13.bugfix.md", "", "13", "bugfix", 0, orphan=False)
ORPHAN = Fragment("changelog.d/+x.feature.md", "", "", "feature", 0, orphan=True)
TEXTS = {FEATURE.path: "Add colour.\n", FIX.path: "Mend it.\n"}


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
    assert traces(Compiled(removed, texts, ENTRY), entry).lost == tuple(gone)


@pytest.mark.parametrize(
    ("text", "entry", "lost"),
    [
        pytest.param(
            "The parser reads tabs again.", "- Fix the parser, which reads tabs again now.", False, id="reworded"
        ),
        pytest.param("The parser reads tabs as blanks again.", "- Tabs are read as blanks.", False, id="two of three"),
        pytest.param("The parser reads tabs again.", "- The parser is new.\n- Tabs are fine.", True, id="in two items"),
        pytest.param("The parser reads tabs.", "Once\n\nThe parser\nnow reads tabs\n\nx", False, id="in a paragraph"),
        pytest.param(
            "Fix an error in MsBuild141: one quote too many.", "- A critical error in `MsBuild141`.", False, id="a name"
        ),
        pytest.param("Fix an error in builds.", "- Another thing about builds.", True, id="one word is nothing"),
        pytest.param(
            "The `foo` option is documented.", "- The `bar` option is documented.", False, id="as far as one sees"
        ),
    ],
)
def test_an_orphan_in_other_words(text: str, entry: str, lost: bool) -> None:
    compiled = Compiled([ORPHAN], {ORPHAN.path: text}, f"- {text}\n")
    assert traces(compiled, entry) == Traces((ORPHAN.path,) if lost else (), ())


def test_an_item_that_is_another_fragment_word_for_word_is_no_rewording() -> None:
    other = ORPHAN._replace(path="changelog.d/+y.feature.md")
    texts = {ORPHAN.path: "The `foo` option is documented.", other.path: "The `bar` option is documented."}
    compiled = Compiled([ORPHAN, other], texts, "".join(f"- {text}\n" for text in texts.values()))
    assert traces(compiled, "- The `bar` option is documented.\n").lost == (ORPHAN.path,)


def test_what_a_clean_rendering_does_not_show_is_hidden() -> None:
    rendering = ENTRY.replace("- Mend it. (#13)", "- #13")
    assert traces(Compiled([FEATURE, FIX, ORPHAN], {**TEXTS, ORPHAN.path: "Inside."}, rendering), rendering) == Traces(
        (), (ORPHAN.path,)
    )


DOC = FIX._replace(path="changelog.d/13.doc.md", type="doc")
MISC = FIX._replace(path="changelog.d/13.misc.md", type="misc")


@pytest.mark.parametrize(
    ("entry", "gone"),
    [
        pytest.param("- Mend it. (#13)\n- Tell. (#13)\n- #13\n", [], id="all there"),
        pytest.param("- Mend it. (#13)\n- Tell. (#13)\n", [MISC.path], id="no text to show"),
        pytest.param("- Mend it. (#13)\n- #13\n", [DOC.path, MISC.path], id="shown less often than it should be"),
        pytest.param("- Repaired. (#13)\n- Told. (#13)\n- #13\n", [], id="in other words, each with its issue"),
        pytest.param("- All (#13, #13, #13)\n", [], id="in one item, as often"),
        pytest.param("- Mend it.\n- Tell.\n- All 13 of 13, and 13.\n", [MISC.path], id="a number is no issue"),
    ],
)
def test_an_issue_that_fragments_share_is_shown_as_often_as_in_a_clean_rendering(entry: str, gone: list[str]) -> None:
    texts = {FIX.path: "Mend it.\n", DOC.path: "Tell.\n", MISC.path: "Inside.\n"}
    compiled = Compiled([FIX, DOC, MISC], texts, "- Mend it. (#13)\n- Tell. (#13)\n- #13\n")
    assert traces(compiled, entry) == Traces(tuple(gone), ())
