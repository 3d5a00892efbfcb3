"""What a GitHub Actions run shows: held against the runner's own parser, and against what Markdown renders to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from projects import PYPROJECT, Project, make_project
from tagready.facts.actions.github import MESSAGE_LENGTH, as_annotations, as_error, checklist, failure, summary
from tagready.facts.findings import Finding, Level, Report, Skipped

# -- annotations -------------------------------------------------------------------------------------------------------


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command, read as the runner does (ActionCommand.TryParseV2 in actions/runner)."""
    assert line.startswith("::"), line
    assert len(line.splitlines()) == 1, line
    head, _, data = line[2:].partition("::")
    command, _, rest = head.partition(" ")
    properties = dict(item.split("=", 1) for item in rest.split(",") if "=" in item)
    return command, {key: _property(value) for key, value in properties.items()}, _data(data)


def _data(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def _property(text: str) -> str:
    for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, sign)
    return text


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        pytest.param(
            Finding("entry-empty", "It says nothing", "say it"),
            "::error title=entry-empty::It says nothing%0A→ say it",
            id="no place",
        ),
        pytest.param(
            Finding("entry-empty", "It says nothing", "say it", "CHANGELOG.md"),
            "::error file=CHANGELOG.md,title=entry-empty::It says nothing%0A→ say it",
            id="a file",
        ),
        pytest.param(
            Finding("entry-empty", "It says nothing", "say it", "CHANGELOG.md", 7),
            "::error file=CHANGELOG.md,line=7,title=entry-empty::It says nothing%0A→ say it",
            id="a line",
        ),
        pytest.param(
            Finding("entry-differs", "a\n-b\n+c", "mend it", "x", 1, Level.WARNING),
            "::warning file=x,line=1,title=entry-differs::a%0A-b%0A+c%0A→ mend it",
            id="a warning of several lines",
        ),
        pytest.param(
            Finding("tag-missing", "100% a:b,c\r\nd %0A", "e::f", "a%b:c,d\r\ne=f", 2),
            "::error file=a%25b%3Ac%2Cd%0D%0Ae=f,line=2,title=tag-missing::100%25 a:b,c%0D%0Ad %250A%0A→ e::f",
            id="every sign that is escaped",
        ),
        pytest.param(
            Finding("tag-missing", "x\n::stop-commands::y\n\r::add-mask::z", "::debug::", "\n::set-output name=a::b"),
            "::error file=%0A%3A%3Aset-output name=a%3A%3Ab,title=tag-missing::"
            "x%0A::stop-commands::y%0A%0D::add-mask::z%0A→ ::debug::",
            id="commands of somebody's",
        ),
        pytest.param(
            Finding("tag-missing", "x" * (MESSAGE_LENGTH + 1), "a way out that is never cut"),
            f"::error title=tag-missing::{'x' * MESSAGE_LENGTH}%0A→ a way out that is never cut",
            id="a message too long to be shown",
        ),
    ],
)
def test_annotations(finding: Finding, line: str) -> None:
    assert as_annotations(Report((finding,))) == [line]


def test_findings_come_first_and_what_was_not_judged_after_them() -> None:
    report = Report(
        (Finding("tag-missing", "A", "a"), Finding("tag-exists", "B", "b")),
        (Skipped("tag-not-on-branch", "no%\n::idea::"), Skipped("fragment-lost", "c")),
    )
    assert as_annotations(report) == [
        "::error title=tag-missing::A%0A→ a",
        "::error title=tag-exists::B%0A→ b",
        "::notice title=tag-not-on-branch not judged::no%25%0A::idea::",
        "::notice title=fragment-lost not judged::c",
    ]


def test_nothing_found_is_nothing_said() -> None:
    assert as_annotations(Report()) == []


def test_errors_that_are_no_findings() -> None:
    assert as_error("git failed:\r\n::x::", "50%\n") == "::error title=tagready::git failed:%0D%0A::x::%0A→ 50%25%0A"


HOSTILE = st.text(st.sampled_from("\r\n%:,=02ADC a`→"), max_size=30)


@given(message=HOSTILE, fix=HOSTILE, path=HOSTILE.filter(bool), line=st.none() | st.integers(1, 99), reason=HOSTILE)
def test_the_runner_reads_exactly_what_was_meant(
    message: str, fix: str, path: str, line: int | None, reason: str
) -> None:
    report = Report((Finding("tag-missing", message, fix, path, line),), (Skipped("tag-exists", reason),))
    place = {"file": path} | ({} if line is None else {"line": str(line)})
    assert [parsed(each) for each in (*as_annotations(report), as_error(message, fix))] == [
        ("error", {**place, "title": "tag-missing"}, f"{message}\n→ {fix}"),
        ("notice", {"title": "tag-exists not judged"}, reason),
        ("error", {"title": "tagready"}, f"{message}\n→ {fix}"),
    ]


# -- the summary -------------------------------------------------------------------------------------------------------

#: The dialect of GitHub's summaries, as far as it can turn signs into something else.
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def rendered(text: str) -> list[tuple[str, str]]:
    """What a reader sees, as (kind of block, its text); blanks count as HTML counts them, but for code blocks."""
    blocks: list[tuple[str, str]] = []
    opened = ""
    for token in MARKDOWN.parse(text):
        if token.type == "fence":
            blocks.append((f"fence {token.info}", token.content))
        elif token.type == "inline":
            blocks.append((opened, " ".join(_visible(token.children or []).split())))
        elif token.nesting == 1 and token.tag != "p":
            opened = token.tag
        elif token.nesting == 1 and not token.hidden:
            opened = "p"
        elif token.nesting == 0:
            blocks.append((token.type, token.content))
    return blocks


def _visible(tokens: Sequence[Token]) -> str:
    shown = {"softbreak": " ", "hardbreak": "\n"}
    return "".join(shown.get(token.type, token.content) for token in tokens)


def plain(text: str) -> str:
    return " ".join(text.split())


def test_a_summary() -> None:
    report = Report(
        (
            Finding("entry-differs", "It differs:\n--- a\n+++ b\n-x\n+y", "again", "CHANGELOG.md", 5, Level.WARNING),
            Finding("tag-missing", "There is no tag", "git fetch --tags"),
            Finding("version-mismatch", "It states 1", "state 2", "a.py"),
        ),
        (Skipped("tag-not-on-branch", "no branch is known"),),
    )
    assert (
        summary("demo 1.4.0 is not tag-ready", [("tag", "v1.4.0"), ("since", "v1.3.0")], report)
        == """\
### demo 1.4.0 is not tag-ready

| | |
|---|---|
| tag | v1.4.0 |
| since | v1.3.0 |

⚠️ **entry-differs** `CHANGELOG.md:5`: It differs:

```diff
--- a
+++ b
-x
+y
```

→ again

❌ **tag-missing**: There is no tag

→ `git fetch --tags`

❌ **version-mismatch** `a.py`: It states 1

→ state 2

Not judged:

- `tag-not-on-branch`: no branch is known
"""
    )


def test_a_summary_of_nothing_but_a_title() -> None:
    assert summary("demo 1.4.0 is tag-ready", [], Report()) == "### demo 1.4.0 is tag-ready\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("*a* **b** _c_ __d__", id="emphasis"),
        pytest.param("`a` ``b`", id="code"),
        pytest.param("[a](b) ![c](d) [e]: f", id="links"),
        pytest.param("<b>a</b> <https://example.org> <!-- b", id="HTML"),
        pytest.param("a\\*b \\\\ c\\", id="backslashes"),
        pytest.param("a | b || c \\| d |", id="columns"),
        pytest.param("# a", id="heading"),
        pytest.param("- a", id="list"),
        pytest.param("1. a", id="numbered list"),
        pytest.param("> a", id="quote"),
        pytest.param("a\n\n# b\n\n```\nc", id="lines"),
        pytest.param("    a", id="indented"),
        pytest.param("::error::a", id="a command"),
        pytest.param("日本 → ✓", id="letters"),
        pytest.param("&lt;b&gt; &amp; &copy; &#35;", id="entities"),
        pytest.param("~~a~~", id="struck"),
        pytest.param("a\r# b\r\r- c", id="carriage returns"),
    ],
)
def test_a_summary_shows_a_text_as_it_is(text: str) -> None:
    report = Report((Finding("tag-missing", text.replace("\n", " "), text),), (Skipped("tag-exists", text),))
    assert rendered(summary(f"{text} is tag-ready", [("about", text)], report)) == [
        ("h3", plain(f"{text} is tag-ready")),
        ("th", ""),
        ("th", ""),
        ("td", "about"),
        ("td", plain(text)),
        ("p", plain(f"❌ tag-missing: {text}")),
        ("p", plain(f"→ {text.replace('`a`', 'a')}")),  # what is marked as code is code
        ("p", "Not judged:"),
        ("li", plain(f"tag-exists: {text}")),
    ]


MARKUP = "\\`*_<>[]()!#|-+=.1 ab\n"


@pytest.mark.parametrize(
    "alphabet",
    [
        pytest.param(MARKUP, id="markup"),
        pytest.param(
            MARKUP + "&;lt~\r",
            id="all",
        ),
    ],
)
def test_a_summary_shows_any_text_as_it_is(alphabet: str) -> None:
    @given(text=st.text(st.sampled_from(alphabet), max_size=15))
    def holds(text: str) -> None:
        report = Report((), (Skipped("tag-exists", f"{text}."),))
        assert rendered(summary(f"{text} is tag-ready", [("about", text)], report)) == [
            ("h3", plain(f"{text} is tag-ready")),
            ("th", ""),
            ("th", ""),
            ("td", "about"),
            ("td", plain(text)),
            ("p", "Not judged:"),
            ("li", plain(f"tag-exists: {text}.")),
        ]

    holds()


@pytest.mark.parametrize(
    ("fix", "shown"),
    [
        ("git rm 'a b', then commit", "`git rm 'a b'`, then commit"),
        (
            'echo "Say, so." > 1.md && git add 1.md; else: git commit --allow-empty -m "[no changelog]"',
            '`echo "Say, so." > 1.md && git add 1.md`; else: `git commit --allow-empty -m "[no changelog]"`',
        ),
        ("prepare-release 1.4.0 --again (--edit declares it)", "`prepare-release 1.4.0 --again` (--edit declares it)"),
        ("git mv a_1 b_1, or list it in `ignore` of [tool]", "`git mv a_1 b_1`, or list it in `ignore` of \\[tool\\]"),
        ("name one that is: git log --oneline", "name one that is: `git log --oneline`"),
        ("mend it (python -m build shows the same)", "mend it (`python -m build shows the same`)"),
        ("git fetch origin +refs/heads/a:refs/remotes/o/a", "`git fetch origin +refs/heads/a:refs/remotes/o/a`"),
        ("write one sentence into it, or git rm it", "write one sentence into it, or git rm it"),
        ("where its code goes, git revert what brought both", "where its code goes, git revert what brought both"),
        ("a-git x and .git y", "a-git x and .git y"),
        ("git add it's", "git add it's"),
        ("a `` b", "a \\`\\` b"),
    ],
)
def test_commands_are_code_in_a_way_out(fix: str, shown: str) -> None:
    report = Report((Finding("tag-missing", "A", fix),))
    assert f"\n→ {shown}\n" in summary("x", [], report)
    assert f"- [ ] It is here: A → {shown}\n" in checklist("x", [], [("It is here", {"tag-missing"})], report)


@pytest.mark.parametrize(
    "path",
    [
        "CHANGELOG.md",
        "changelog.d/a b*c_d.md",
        "a<b>[c](d)\\e",
        pytest.param("a`b"),
        pytest.param("a\r# b"),
        pytest.param("a\n\n# b"),
    ],
)
def test_a_summary_shows_a_path_as_it_is(path: str) -> None:
    report = Report((Finding("tag-missing", "A", "b", path, 3),))
    assert rendered(summary("x", [], report)) == [
        ("h3", "x"),
        ("p", plain(f"❌ tag-missing {path}:3: A")),
        ("p", "→ b"),
    ]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([" a", "-b", "+c"], id="plain"),
        pytest.param(["-```", "+```", "-````"], id="fences, changed"),
        pytest.param(["```", "`````", "a"], id="fences at the margin"),
        pytest.param(["+~~~", "~~~"], id="tildes"),
        pytest.param([" # a", "*b*", "<b>", "&lt;", ""], id="markup"),
        pytest.param(
            [" ```", "-a", "+b", " ```"],
            id="fences, unchanged",
        ),
    ],
)
def test_a_summary_shows_a_difference_as_it_is(lines: list[str]) -> None:
    report = Report((Finding("entry-differs", "\n".join(["It differs:", *lines]), "b"),))
    assert rendered(summary("x", [], report)) == [
        ("h3", "x"),
        ("p", "❌ entry-differs: It differs:"),
        ("fence diff", "\n".join(lines) + "\n"),
        ("p", "→ b"),
    ]


# -- real runs ---------------------------------------------------------------------------------------------------------


def test_a_real_run_writes_annotations_and_the_summary(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    refused = project.run("tag", "1.4.0", "--format", "github")
    assert refused.code == 1
    assert [parsed(line)[:2] for line in refused.out.splitlines() if line.startswith("::error")] == [
        ("error", {"file": "pyproject.toml", "line": "3", "title": "version-mismatch"}),
        ("error", {"file": "changelog.d/12.feature.md", "title": "fragments-left-over"}),
        ("error", {"file": "changelog.d/13.bugfix.md", "title": "fragments-left-over"}),
        ("error", {"file": "CHANGELOG.md", "title": "entry-missing"}),
    ]
    first = (tmp_path / "summary").read_text("utf-8")
    assert [block for block in rendered(first) if "❌" in block[1]] != []
    assert project.prepare("1.4.0").code == 0
    done = project.run("tag", "1.4.0", "--format", "github")
    assert (done.code, [line for line in done.out.splitlines() if line.startswith("::error")]) == (0, [])
    second = (tmp_path / "summary").read_text("utf-8")
    assert second.startswith(first)
    assert "v1.4.0" in second.removeprefix(first)


def test_a_hostile_project_cannot_speak_to_the_runner(tmp_path: Path) -> None:
    hostile = PYPROJECT.replace('name = "demo"', 'name = "demo\\n::add-mask::x"')
    project = make_project(tmp_path / "demo", pyproject=hostile)
    assert project.prepare("1.4.0").code == 0
    done = project.run("verify", "--commit", "HEAD", "--format", "github")
    assert done.code in (0, 1), done.err
    kinds = {
        line.lstrip()[2:].split("::")[0].split(" ")[0]
        for line in done.out.splitlines()
        if line.lstrip().startswith("::")
    }
    assert kinds <= {"error", "warning", "notice"}


def test_a_failure_is_in_the_summary(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(said))
    assert project.run("verify", "--commit", "nowhere", "--format", "github").code == 2
    assert said.read_text() == (
        "### verify: nothing was judged\n\n❌ there is no commit nowhere here\n\n→ `git fetch --tags`, or give "
        "another revision\n\n"
    )


def test_the_words_of_others_stay_in_their_fence() -> None:
    text = failure("publish: `x`", "it broke", "mend it", "```\n</details>\n")
    assert [token.content for token in MarkdownIt().parse(text) if token.type == "fence"] == ["```\n</details>\n"]
