"""The recovery card: what it says of each state, and that there always is one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from forge_server import READER, ForgeServer, Reply
from indexes import JSON, faulty, json_page, page
from projects import Project, add_remote
from tagready.commands import status
from tagready.commands.status import FORGE, Place, Recovery, Standing, State, Way
from tagready.console import recovery_card
from tagready.facts.findings import Finding, Refused, Report, Trouble, WorldFailed, finding

DONE, ABSENT, CONFLICT, UNKNOWN = State.AS_INTENDED, State.ABSENT, State.CONFLICTING, State.UNVERIFIABLE
RUN = "https://github.com/acme/lantern/actions/runs/7"
BUTTON = f"**Next:** open [this run]({RUN}), and press **Re-run failed jobs**."
SAFE = (
    "**Is a re-run safe?** Yes, at any time: jobs that succeeded keep their files, an upload sends only what the index"
    " lacks, and nothing is ever overwritten."
)
RERUN = "re-run the failed jobs of the workflow that the tag started (or tagready publish): the index has nothing of it"
WHEEL, SDIST = "lantern-1.4.0-py3-none-any.whl", "lantern-1.4.0.tar.gz"

MADE = (
    Place("commit", DONE, 'bc24ea86bb "Release 1.4.0"'),
    Place("entry", DONE, "CHANGELOG.md:5"),
    Place("local tag", DONE, "v1.4.0 on bc24ea86bb"),
    Place("remote tag", DONE, "v1.4.0 on origin: bc24ea86bb"),
)
NONE = Place("index", ABSENT, "no file of 1.4.0")
SILENT = Place("index", UNKNOWN, "the index could not be asked")
BOTH = (Place("index", UNKNOWN, WHEEL, WHEEL), Place("index", UNKNOWN, SDIST, SDIST))
UNSEEN = tuple(each._replace(uncompared=True) for each in BOTH)
HALF = (Place("index", DONE, WHEEL, WHEEL), Place("index", ABSENT, SDIST, SDIST))
OTHERS = (Place("index", CONFLICT, WHEEL, WHEEL), Place("index", DONE, SDIST, SDIST))
NO_RELEASE, DRAFT = Place(FORGE, ABSENT, "none is public"), Place(FORGE, ABSENT, "a draft: https://…")
PUBLIC = Place(FORGE, DONE, "https://github.com/acme/lantern/releases/tag/v1.4.0")

JOBS = ("preflight", "verify", "test", "build", "draft", "publish", "confirm", "announce")


def ended(failed: str, result: str = "failure") -> tuple[tuple[str, str], ...]:
    """Return how the jobs ended where one of them did not succeed, and those after it were skipped."""
    at = JOBS.index(failed)
    return tuple((job, "success" if place < at else result if place == at else "skipped")
                 for place, job in enumerate(JOBS))  # fmt: skip


def stands(
    *on_index: Place, way: Way = Way.RERUN, command: str = RERUN, findings: tuple[Finding, ...] = (), made: Any = MADE
) -> Standing:
    places = (*made, *on_index)
    return Standing("lantern", "1.4.0", "v1.4.0", "bc24ea86bb" * 4, places, Report(findings), way, command)


def recovered(standing: Standing | None, jobs: Any = (), on_forge: Place | None = None, **more: Any) -> Recovery:
    return Recovery(**{"name": "v1.4.0", "standing": standing, "problem": None, "on_forge": on_forge, "jobs": jobs,
                       "run": RUN} | more)  # fmt: skip


def lines(recovery: Recovery) -> list[str]:
    card = recovery_card.written(recovery)
    assert card.endswith("\n")
    return card.splitlines()


def test_the_whole_card() -> None:
    assert (
        recovery_card.written(recovered(stands(*HALF), ended("publish"), NO_RELEASE))
        == f"""\
### ⚠️ lantern 1.4.0 is half published

| place | | |
| --- | --- | --- |
| commit | ✅ done | bc24ea86bb "Release 1.4.0" |
| entry | ✅ done | CHANGELOG.md:5 |
| local tag | ✅ done | v1.4.0 on bc24ea86bb |
| remote tag | ✅ done | v1.4.0 on origin: bc24ea86bb |
| index | ✅ done | lantern-1.4.0-py3-none-any.whl |
| index | – not done | lantern-1.4.0.tar.gz |
| GitHub release | – not done | none is public |

| job | ended |
| --- | --- |
| preflight | ✅ success |
| verify | ✅ success |
| test | ✅ success |
| build | ✅ success |
| draft | ✅ success |
| publish | ❌ failure |
| confirm | – skipped |
| announce | – skipped |

{SAFE}

{BUTTON}

If `publish` fails again, its annotations say why, and what to do.
"""
    )


def test_files_that_nobody_compared_are_there() -> None:
    assert f"| index | ? there, not compared | {SDIST} |" in lines(recovered(stands(*BOTH)))


@pytest.mark.parametrize(
    ("standing", "jobs", "on_forge", "headline"),
    [
        (stands(NONE), (), None, "⚠️ lantern 1.4.0 is not published yet"),
        (stands(NONE), ended("build"), NO_RELEASE, "⚠️ lantern 1.4.0 is not published yet"),
        (stands(SILENT), ended("publish"), NO_RELEASE,
         "❔ Whether lantern 1.4.0 is published cannot be known from here"),
        (stands(*HALF), (), None, "⚠️ lantern 1.4.0 is half published"),
        (stands(*BOTH), ended("publish", "cancelled"), None, "⚠️ lantern 1.4.0 is half published"),
        (stands(*BOTH), (), None, "✅ lantern 1.4.0 is published"),
        (stands(*BOTH), ended("announce"), None, "✅ lantern 1.4.0 is published"),
        (stands(*BOTH), ended("announce"), DRAFT, "⚠️ lantern 1.4.0 is published, but the GitHub release is not"),
        (stands(*BOTH), ended("confirm"), NO_RELEASE, "⚠️ lantern 1.4.0 is published, but the GitHub release is not"),
        (stands(*BOTH), (), PUBLIC, "✅ lantern 1.4.0 is published"),
        (stands(*BOTH), (), Place(FORGE, UNKNOWN, "?"), "✅ lantern 1.4.0 is published"),
        (stands(*UNSEEN), ended("announce"), PUBLIC, "✅ lantern 1.4.0 is published"),
        (stands(*UNSEEN), (), PUBLIC, "❔ lantern 1.4.0 is listed, and nobody knows with which bytes"),
        (stands(*OTHERS), ended("publish"), None, "❌ lantern 1.4.0 cannot be published like this"),
        (stands(NONE, made=(*MADE[:3], Place("remote tag", CONFLICT, "elsewhere"))), (), None,
         "❌ lantern 1.4.0 cannot be published like this"),
    ],
)  # fmt: skip
def test_headline(standing: Standing, jobs: Any, on_forge: Place | None, headline: str) -> None:
    assert lines(recovered(standing, jobs, on_forge))[0] == f"### {headline}"


TAKEN = finding("dist-conflict", "the index holds other bytes", "release the next version")
WRONG = finding("entry-missing", "there is no entry", "prepare-release 1.4.0")
NO_USE = "**Is a re-run safe?** It harms nothing, and it is of no use"
TAG_GONE = (*MADE[:3], Place("remote tag", ABSENT, "v1.4.0 on origin"))
TAG_UNKNOWN = (*MADE[:3], Place("remote tag", UNKNOWN, "it could not be asked"))
RULESET = "Where a ruleset keeps tags from being dropped, release the mended state as the next version."
DROP = "`git tag -d v1.4.0; git push origin :refs/tags/v1.4.0`"


def again(job: str) -> str:
    return f"If `{job}` fails again, its annotations say why, and what to do."


@pytest.mark.parametrize(
    ("standing", "jobs", "last"),
    [
        (stands(NONE), ended("preflight"),
         [SAFE, BUTTON, "The annotations of `preflight` say what is wrong with the token: mend that first."]),
        (stands(NONE), ended("test"),
         [SAFE, BUTTON, "If `test` fails again, the commit is at fault. Nothing of it is published, so mend it, drop"
          f" the tag ({DROP}), and tag it again: `tagready tag 1.4.0 --push`. {RULESET}"]),
        (stands(NONE), ended("draft"), [SAFE, BUTTON, again("draft")]),
        (stands(*BOTH, way=Way.NOTHING, command=""), ended("build"), [SAFE, BUTTON, again("build")]),
        (stands(*BOTH, way=Way.NOTHING, command=""), ended("announce"), [SAFE, BUTTON, again("announce")]),
        (stands(*BOTH, way=Way.NOTHING, command=""), (), [SAFE, "**Next:** nothing is left to do."]),
        (stands(*UNSEEN, way=Way.NOTHING, command=""), (),
         [SAFE, "**Next:** to compare them with the tag: `tagready build v1.4.0`, and ask again."]),
        (stands(*OTHERS, way=Way.STEP, command="prepare-release auto", findings=(TAKEN,)), ended("publish"),
         ["→ release the next version", f"{NO_USE}: what is there already stays as it is.",
          "**Next:** `prepare-release auto`"]),
        (stands(NONE, way=Way.STEP, command="tagready verify --commit bc24ea86bb", findings=(WRONG,)), ended("verify"),
         ["→ `prepare-release 1.4.0`", f"{NO_USE}: the commit is the same, and so is what it lacks.",
          "**Next:** `tagready verify --commit bc24ea86bb`",
          f"Nothing of it is published, so mend it, drop the tag ({DROP}), and tag it again:"
          f" `tagready tag 1.4.0 --push`. {RULESET}"]),
        (stands(NONE, way=Way.FETCH, command="git fetch origin tag v1.4.0"), ended("test"),
         [SAFE, BUTTON, "To see the rest from here: `git fetch origin tag v1.4.0`"]),
        (stands(NONE, way=Way.ASK, command="ask again when origin answers: tagready status 1.4.0", made=TAG_UNKNOWN),
         ended("draft"), [SAFE, BUTTON, again("draft")]),
        (stands(NONE, way=Way.STEP, command="tagready tag 1.4.0 --push", made=TAG_GONE), ended("publish"),
         [f"{NO_USE} before the next step.", "**Next:** `tagready tag 1.4.0 --push`"]),
    ],
)  # fmt: skip
def test_the_way_on(standing: Standing, jobs: Any, last: list[str]) -> None:
    assert [line for line in lines(recovered(standing, jobs)) if line][-len(last) :] == last


def test_outside_of_a_run_there_is_no_button_to_link_to() -> None:
    shown = lines(recovered(stands(NONE), run=""))
    assert shown[-1] == (
        "**Next:** open the run of the workflow that the tag started, and press **Re-run failed jobs**."
    )


@pytest.mark.parametrize(
    ("problem", "shown"),
    [
        (Refused(WRONG), ["❌ **entry-missing**: there is no entry", "→ `prepare-release 1.4.0`"]),
        (WorldFailed("git failed", "mend it", stderr="fatal: no"),
         ["❌ git failed", "```text", "fatal: no", "```", "→ mend it"]),
        (KeyError("secret"), ["❌ KeyError, which is a bug in tagready: please report it, with this run's log"]),
    ],
)  # fmt: skip
def test_where_nobody_knows(problem: Exception, shown: list[str]) -> None:
    card = [line for line in lines(recovered(None, ended("verify"), problem=problem)) if line]
    assert card[0] == "### ❔ Where v1.4.0 stands could not be found out"
    assert [line for line in card[1:-2] if not line.startswith("|")] == shown
    assert "| verify | ❌ failure |" in card
    assert card[-2:] == [SAFE, f"{BUTTON[:-1]}; in a full clone, `tagready status v1.4.0` says where it stands."]


texts = st.text(max_size=30)


@settings(max_examples=40)
@given(texts, texts, texts, st.lists(st.tuples(texts, texts), max_size=3), st.sampled_from(list(State)))
def test_whatever_the_places_say_the_card_keeps_its_shape(
    name: str, detail: str, project: str, jobs: list[tuple[str, str]], state: State
) -> None:
    standing = stands(Place("index", state, detail, name), Place("index", state, name))._replace(project=project)
    card = recovery_card.written(recovered(standing, tuple(jobs)))
    kinds = [token.type for token in MarkdownIt("commonmark").enable("table").parse(card) if token.level == 0]
    paragraphs = ["paragraph_open", "paragraph_close"] * 2
    tables = ["table_open", "table_close"] * (2 if jobs else 1)
    assert kinds == ["heading_open", "heading_close", *tables, *paragraphs]


# -- in a run ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ForgeServer]:
    """A project whose release is tagged and pushed, in the run for its tag, with nothing on the index."""
    workflow = "on: {push: {tags: ['v*']}}\njobs: {publish: {steps: [{run: tagready publish}]}}\n"
    project.write(".github/workflows/release.yml", workflow)
    project.commit()
    add_remote(project, tmp_path / "remote")
    assert project.prepare("1.4.0").code == 0
    assert project.run("tag", "--push").code == 0
    with ForgeServer() as forge:
        run = {
            "GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1.4.0", "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_RUN_ID": "7", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            "NEEDS": json.dumps({job: {"result": result, "outputs": {}} for job, result in ended("publish")}),
        }  # fmt: skip
        for name, value in (forge.environment(READER) | run).items():
            monkeypatch.setenv(name, value)
        yield forge


def test_a_run_that_failed(project: Project, run: ForgeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run.keep("v1.3.0", draft=False)
    run.keep("v1.4.0")
    with faulty(page(json_page(), JSON)) as index:
        monkeypatch.setenv("TAGREADY_INDEX_URL", index.url)
        done = project.run("status", "--summary")
    card = done.out.splitlines()
    url = "https://github.com/acme/demo/actions/runs/7"
    assert (done.code, done.err) == (0, "")
    assert card[0] == "### ⚠️ demo 1.4.0 is not published yet"
    assert "| index | – not done | no file of 1.4.0 |" in card
    assert "| GitHub release | – not done | none is public; drafts are only shown to a token that may write |" in card
    assert "| publish | ❌ failure |" in card
    assert card[-3] == f"**Next:** open [this run]({url}), and press **Re-run failed jobs**."
    assert card[-1] == again("publish")
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == done.out + "\n"


@pytest.mark.parametrize(
    ("draft", "place"),
    [(True, "– not done | a draft: https://github.com/acme/demo/releases/tag/untagged-00000000000000000001"),
     (False, "✅ done | https://github.com/acme/demo/releases/tag/v1.4.0")],
)  # fmt: skip
def test_the_release_on_github(
    project: Project, run: ForgeServer, monkeypatch: pytest.MonkeyPatch, draft: bool, place: str
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", run.environment()["GITHUB_TOKEN"])
    run.keep("v1.4.0", draft=draft)
    assert f"| GitHub release | {place} |" in project.run("status", "--summary").out.splitlines()


@pytest.mark.parametrize(
    ("on_forge", "place", "following"),
    [
        ("tag", "✅ done | v1.4.0 on origin: {}", BUTTON.replace("lantern", "demo")),
        (
            "other commit", "❌ conflicting | v1.4.0 on origin: 0123456789",
            "**Next:** `tagready add, and commit; then prepare-release 1.4.1`",
        ),
        ("no tag", "– not done | v1.4.0 on origin", "**Next:** `tagready tag 1.4.0 --push`"),
        ("no answer", "? cannot be known | on the remote: it could not be asked", BUTTON.replace("lantern", "demo")),
    ],
)  # fmt: skip
def test_a_private_repository(
    project: Project, run: ForgeServer, monkeypatch: pytest.MonkeyPatch, on_forge: str, place: str, following: str
) -> None:
    """The checkout of a workflow keeps no credentials, so git cannot ask; the forge can be asked with the token."""
    commit = project.head()
    run.tags = {"tag": {"v1.4.0": ["a1", commit]}, "other commit": {"v1.4.0": ["0123456789" * 4]}}.get(on_forge, {})
    if on_forge == "no answer":
        run.fault = lambda number, seen: Reply(403, {}) if "git/ref" in seen.path else None
    with (
        faulty(page("", status=401, WWW_Authenticate='Basic realm="GitHub"')) as remote,
        faulty(page(json_page(), JSON)) as index,
    ):
        project.git("remote", "set-url", "origin", f"{remote.root}acme/demo.git")
        monkeypatch.setenv("TAGREADY_INDEX_URL", index.url)
        card = project.run("status", "--summary").out
    assert f"| remote tag | {place.format(commit[:10])}" in card
    assert following in card.splitlines()


def test_a_forge_that_refuses(project: Project, run: ForgeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_nobody")
    done = project.run("status", "--summary")
    place = f"{run.url().removeprefix('http://')} answers 401 for acme/demo"
    assert f"| GitHub release | ? cannot be known | {place} |" in done.out.splitlines()
    assert done.code == 0


@pytest.mark.parametrize("needs", ["", "{", "[]", "[1]", '{"a": 1}', '{"a": {}}', "null", '"x"', "[" * 100_000])
def test_needs_that_say_nothing(
    project: Project, run: ForgeServer, monkeypatch: pytest.MonkeyPatch, needs: str
) -> None:
    monkeypatch.setenv("NEEDS", needs)
    done = project.run("status", "--summary")
    assert done.code == 0
    assert "| job | ended |" not in done.out


def test_status_itself_asks_no_forge(project: Project, run: ForgeServer) -> None:
    done = project.run("status", "1.4.0", "--format", "json")
    assert "GitHub release" not in {place["place"] for place in done.json["places"]}
    assert run.requests == []


@pytest.mark.parametrize("named", ["1.4.0", "v1.4.0"])
def test_a_version_may_be_given_by_its_tag(project: Project, run: ForgeServer, named: str) -> None:
    assert project.run("status", named, "--format", "json").json["tag"] == "v1.4.0"
    assert "demo 1.4.0" in project.run("status", named, "--summary").out


@pytest.mark.parametrize(
    ("tags", "named", "version", "tag"),
    [
        (["v1.4"], "v1.4", "1.4", "v1.4"),
        (["demo-1.4.0"], "demo-1.4.0", "1.4.0", "demo-1.4.0"),
        (["1.4.0-rc1"], "1.4.0-rc1", "1.4.0rc1", "1.4.0-rc1"),
        (["1.4.0"], "1.4.0", "1.4.0", "1.4.0"),
        ([], "v2.0.0", "2.0.0", "v2.0.0"),
    ],
)
def test_tags_of_any_shape(project: Project, tags: list[str], named: str, version: str, tag: str) -> None:
    for each in tags:
        project.git("tag", each)
    found = project.run("status", named, "--format", "json").json
    assert (found["version"], found["tag"]) == (version, tag)


@pytest.mark.parametrize("named", ["release-2.0.0", "2.0.0.0rc", "latest", "v2.0-1-gabc"])
def test_what_is_neither_a_version_nor_a_tag(project: Project, named: str) -> None:
    done = project.run("status", named)
    assert (done.code, done.out) == (2, "")


def test_the_card_comes_whatever_is_wrong(project: Project, run: ForgeServer, tmp_path: Path) -> None:
    tree = project.head()
    (tmp_path / "nowhere").mkdir()
    nowhere = Project(tmp_path / "nowhere").run("status", "--summary")
    unknown = project.run("status", "no-tag", "--summary")
    project.write("pyproject.toml", "[project]\nname = 'demo'\n[tool.tagready]\nnonsense = 1\n")
    project.commit("Break it")
    broken = project.run("status", "--summary")
    project.git("reset", "--quiet", "--hard", tree)
    for done, what in (nowhere, "v1.4.0"), (unknown, "no-tag"), (broken, "v1.4.0"):
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith(f"### ❔ Where {what} stands could not be found out\n\n❌ ")
        assert "| publish | ❌ failure |" in done.out
        assert f"`tagready status {what}` says where it stands." in done.out


def test_a_shallow_clone(project: Project, run: ForgeServer, tmp_path: Path) -> None:
    clone = Project(tmp_path / "clone")
    project.git("clone", "--quiet", "--depth=1", "--branch=v1.3.0", f"file://{tmp_path / 'remote'}", str(clone.path))
    done = clone.run("status", "--summary")
    assert done.code == 0
    assert "| commit | ? cannot be known | the tag is on origin, on a commit that is not here |" in done.out
    assert done.out.endswith("To see the rest from here: `git fetch origin --tags`\n")


@pytest.mark.parametrize("broken", ["standing", "written"])
def test_the_card_comes_where_the_bug_is_ours(
    project: Project, run: ForgeServer, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("with something secret")

    monkeypatch.setattr(*((status, "standing", fail) if broken == "standing" else (recovery_card, "_out", fail)))
    done = project.run("status", "--summary")
    assert (done.code, "secret" in done.out) == (0, False)
    assert "ZeroDivisionError, which is a bug in tagready" in done.out


def test_without_a_run_only_standard_output(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    done = project.run("status", "1.4.0", "--summary")
    assert (done.code, done.err) == (0, "")
    assert "GitHub release" not in done.out
    assert "**Next:** `prepare-release 1.4.0`" in done.out


@pytest.mark.parametrize("arguments", [("--summary",), ("1.4.0", "--summary", "--format", "json")])
def test_wrong_usage(project: Project, arguments: tuple[str, ...]) -> None:
    done = project.run("status", *arguments)
    assert (done.code, done.out) == (2, "")
    assert "--summary writes the card of one release as Markdown: name its VERSION" in done.err


def test_trouble_of_any_kind_is_one_that_can_be_shown() -> None:
    assert "❌ what" in recovery_card.written(recovered(None, problem=Trouble("what", "fix")))
