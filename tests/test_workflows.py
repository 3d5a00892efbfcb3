"""The workflows that init writes, executed: what they publish, what stops them, and what is left to do then."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from twine.utils import TEST_REPOSITORY

import action_events
import workflow_files
from actions import Run
from buildable import SDIST, WHEEL, members, wheel_of
from releasing import (
    FLOW,
    PREPARE,
    PYTHON,
    READINESS,
    REF,
    RELEASE,
    TAG,
    TRUSTED,
    VERSION,
    Site,
    failed,
    merge,
    newest,
    rules,
    sites,
    spoil,
    summary,
)
from tagready.facts.publishing.tokens import location_of
from tagready.facts.scaffolding import scaffold
from warehouse import NOT_ALLOWED, TOKEN, Scope, make_token

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the workflows are for Linux")

ROOT = Path(__file__).parent.parent
Make = Callable[..., Site]

#: Without a second build, for those whose subject it is not.
ONCE = f"{TRUSTED}\nrebuild = false"
SEES_TOKEN = {("preflight", "Look at the token"), ("publish", "Upload what the index lacks")}


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    with sites(tmp_path_factory) as make:
        yield make


def files_of(run: Run, artifact: str) -> dict[str, bytes]:
    """Return what an artifact holds below dist/."""
    kept = run.artifacts.find(artifact)
    assert kept is not None, artifact
    with zipfile.ZipFile(kept.path) as archive:
        names = [name for name in archive.namelist() if name.startswith("dist/")]
        return {name.removeprefix("dist/"): archive.read(name) for name in names}


def distributions(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name in (WHEEL, SDIST)}


# -- a good release ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good(make: Make) -> tuple[Site, Run]:
    """A release with the token, run to its end and then once more as a whole."""
    site = make()
    site.tag()
    run = site.release()
    assert run.execute() == "success", run.log
    return site, run


def let_publish(site: Site) -> None:
    """Let the index know this repository as a publisher of the project, and nobody by a token."""
    site.index.tokens.clear()
    site.index.projects.add("demo")
    site.index.publisher = Scope.of("demo")


#: A wheel with the time in it, as compilers make them.
CLOCK = """
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    Path("demo.py").write_text(f"ANSWER = 42\\nMADE = {time.time_ns()}\\n")
    return flit.build_wheel(wheel_directory, config_settings, metadata_directory)
"""


@pytest.fixture(scope="module")
def trusted(make: Make) -> tuple[Site, Run]:
    """A release by Trusted Publishing, where nobody has a token at all.

    Its wheel is never the same twice; its machine was gone before the upload, and all jobs were run again.
    """
    site = make(ONCE, token=None, tls=True, backend=CLOCK)
    let_publish(site)
    site.tag()
    run = site.release()
    assert run.execute(stop_at=("publish", 0)) == "failure"
    assert run.rerun_all() == "success", run.log
    return site, run


JOBS = ("preflight", "verify", "test", "build", "draft", "publish", "confirm", "announce", "recovery")


def test_a_good_release_is_published(good: tuple[Site, Run]) -> None:
    site, run = good
    built = files_of(run, "built-1")

    assert run.results == dict.fromkeys(JOBS, "success") | {"recovery": "skipped"}
    assert set(built) == {WHEEL, SDIST, "SHA256SUMS", "release.json"}
    # Rows 37 and 38: the sdist is what git tracks, and nothing that lay about.
    (site.world.folder / SDIST).write_bytes(built[SDIST])
    tracked = set(site.project.git("ls-tree", "-r", "--name-only", TAG).splitlines())
    assert set(members(site.world.folder / SDIST)) - tracked == {"PKG-INFO"}
    assert site.index.bytes() == distributions(built)
    assert sorted(site.index.uploads_taken()) == sorted([WHEEL, SDIST])
    [release] = site.forge.releases
    assert (release.tag, release.title, release.draft, release.prerelease) == (TAG, f"demo {VERSION}", False, False)
    assert release.contents() == built
    assert release.body == site.project.run("notes", TAG, "--format", "md").out
    assert "- Add colour. (#12)" in release.body
    assert "is built, in dist" in summary(run, "build")
    described = json.loads(built["release.json"])
    assert (described["tag"], described["commit"], described["verdict"]["ok"]) == (TAG, run.sha, True)


def test_only_two_steps_see_the_token(good: tuple[Site, Run]) -> None:
    site, run = good
    assert run.secrets_seen(TOKEN) == SEES_TOKEN
    assert all("PYPI_API_TOKEN" in step.environment for step in run.executed if (step.job, step.name) in SEES_TOKEN)
    for step in run.executed:
        assert TOKEN not in step.output + step.summary + str(step.outputs)
    left = [path for path in site.world.folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert left == []
    assert [seen for seen in site.forge.requests if TOKEN.encode() in seen.body] == []


READS, WRITES = {"contents": "read"}, {"contents": "write"}


def test_each_job_may_do_what_it_needs_and_no_more(good: tuple[Site, Run], trusted: tuple[Site, Run]) -> None:
    expected = {
        "preflight": {}, "verify": READS, f"test ({PYTHON})": READS, "build": READS, "draft": WRITES,
        "publish": READS, "confirm": {}, "announce": WRITES, "recovery": {},
    }  # fmt: skip
    for (_, run), more in ((good, {}), (trusted, {"id-token": "write"})):
        wanted = {name: expected[name] for name in run.jobs} | {"publish": READS | more}
        assert {name: _granted(job.permissions) for name, job in run.jobs.items()} == wanted
        assert {job.environment for name, job in run.jobs.items() if name in ("preflight", "publish")} == {"pypi"}
        assert {job.environment for name, job in run.jobs.items() if name not in ("preflight", "publish")} == {""}


def _granted(permissions: Any) -> dict[str, str]:
    return {scope: level for scope, level in permissions.items() if scope != "metadata"}


def jobs_with_tagready(run: Run) -> list[str]:
    """Return the jobs that install tagready, which each of them has to do by hash, and without building anything."""
    found = [each for each in run.installed if any(wanted.startswith("tagready==") for wanted in each.requirements)]
    for each in found:
        assert {"--require-hashes", "--only-binary"} <= set(each.arguments)
        assert all("--hash=sha256:" in wanted for wanted in each.requirements)
    return list(dict.fromkeys(each.job for each in found))


def test_tagready_is_installed_by_hash_in_every_job(good: tuple[Site, Run]) -> None:
    _, run = good
    assert jobs_with_tagready(run) == [name for name in JOBS[:-1] if name != "test"]
    # What the project asks for itself is another matter, and no job that has a secret or may write runs it.
    assert {each.job for each in run.installed} - set(jobs_with_tagready(run)) == {f"test ({PYTHON})"}


def test_no_job_with_a_token_of_the_index_has_the_project(good: tuple[Site, Run], trusted: tuple[Site, Run]) -> None:
    for _, run in (good, trusted):
        for job in ("preflight", "draft", "publish", "confirm", "announce"):
            assert not [step for step in newest(run, job) if step.uses.startswith("actions/checkout@")]


def test_a_run_that_is_run_again_as_a_whole_changes_nothing(good: tuple[Site, Run]) -> None:
    site, run = good
    before, releases = site.index.bytes(), copy.deepcopy(site.forge.releases)
    uploads, writes = site.index.uploads_taken(), len([seen for seen in site.forge.requests if seen.method != "GET"])

    assert run.rerun_all() == "success", run.log

    assert site.index.bytes() == before
    assert site.index.uploads_taken() == uploads
    assert {name for name, _ in site.index.uploads()[-2:]} == {None}  # the question about the token has no file
    assert site.forge.releases == releases
    assert len([seen for seen in site.forge.requests if seen.method != "GET"]) == writes


def test_trusted_publishing_needs_no_token(trusted: tuple[Site, Run]) -> None:
    site, run = trusted
    assert run.results == dict.fromkeys(JOBS[1:], "success") | {"recovery": "skipped"}
    assert site.index.bytes() == distributions(files_of(run, "kept-2"))
    assert [release.draft for release in site.forge.releases] == [False]
    minted = list(site.index.tokens)
    assert len(minted) == 1
    assert run.secrets_seen(minted[0]) == set()
    asks = {(step.job, name) for step in run.executed for name in step.environment if name.startswith("ACTIONS_ID_")}
    assert {job for job, _ in asks} == {"publish"}
    assert not any("PYPI_API_TOKEN" in step.environment for step in run.executed)
    # Where pypi-attestations is installed, as the workflow has it, files are attested; here it is not, which is said.
    assert "not attested" in summary(run, "publish")


@pytest.mark.parametrize(("attestations", "signs"), [("false", False), ("true", True)])
def test_a_release_is_started_anew_without_attestations(make: Make, attestations: str, signs: bool) -> None:
    """The signing service stays away, and a tag runs the workflow of its own commit."""
    site = make(ONCE, token=None, tls=True)
    let_publish(site)
    site.tag()
    assert site.release().execute(stop_at=("publish", 3)) == "failure"

    run = site.run(RELEASE, "workflow_dispatch", REF, inputs={"attestations": attestations})
    assert run.execute() == "success", run.log

    assert ("not attested" in summary(run, "publish")) is signs
    assert site.index.bytes() == distributions(files_of(run, "kept-1"))


def test_what_was_kept_first_is_published_though_it_is_built_anew(trusted: tuple[Site, Run]) -> None:
    site, run = trusted
    first = files_of(run, "kept-1")
    assert first == files_of(run, "built-1")
    assert files_of(run, "built-2")[WHEEL] != first[WHEEL]
    assert files_of(run, "kept-2") == first
    assert site.index.bytes() == distributions(first)
    assert [release.contents() for release in site.forge.releases] == [first]
    assert "the draft of an earlier run is taken" in summary(run, "draft")
    assert len(site.index.uploads_taken()) == 2


# -- accidents: the commit ---------------------------------------------------------------------------------------------


def tree_says_another_version(site: Site) -> None:
    spoil(site, {"pyproject.toml": site.project.read("pyproject.toml").replace('"1.4.0"', '"1.4.1"')})
    site.tag_anyway()


def entry_is_of_another_version(site: Site) -> None:
    spoil(site, {"CHANGELOG.md": site.project.read("CHANGELOG.md").replace("## 1.4.0 ", "## 1.4.1 ")})
    site.tag_anyway()


def no_release_was_made(site: Site) -> None:
    site.tag_anyway("HEAD^1")


def main_has_another_commit(site: Site) -> None:
    """The branch was tagged, and then squashed."""
    project = site.project
    project.git("tag", TAG, "HEAD^2")
    squashed = project.git("commit-tree", "HEAD^{tree}", "-p", "HEAD^1", "-m", "Release 1.4.0 (#1)")
    project.git("reset", "-q", "--hard", squashed)
    project.git("push", "-q", "--force", "origin", "main", TAG)


def merged_between_compile_and_tag(site: Site) -> None:
    site.project.write("changelog.d/14.feature.md", "Add sound.\n")
    site.push_main()
    site.tag_anyway()


def unknown_type(site: Site) -> None:
    spoil(site, {"changelog.d/14.bug.md": "Mend a hole.\n"})
    site.tag_anyway()


def one_fragment_is_not_in_the_entry(site: Site) -> None:
    spoil(site, {"CHANGELOG.md": site.project.read("CHANGELOG.md").replace("\n### Bugfixes\n\n- Mend it. (#13)\n", "")})
    site.tag_anyway()


def two_headings(site: Site) -> None:
    text = site.project.read("CHANGELOG.md")
    heading = next(line for line in text.splitlines() if line.startswith("## 1.4.0 "))
    spoil(site, {"CHANGELOG.md": text.replace(heading, f"{heading}\n\n{heading}")})
    site.tag_anyway()


def nothing_in_the_entry(site: Site) -> None:
    text = site.project.read("CHANGELOG.md")
    body = text[text.index("\n### ") : text.index("\n## 1.3.0")]
    spoil(site, {"CHANGELOG.md": text.replace(body, "")})
    site.tag_anyway()


#: GitHub takes it for a release tag.
ODD = "v1.04.0"


def tag_has_another_shape(site: Site) -> None:
    site.tag_anyway(tag=ODD)


def index_has_a_newer_version(site: Site) -> None:
    site.index.put(wheel_of(site.world.folder, {"demo.py": ""}, version="1.5.0"))
    site.tag()


Spoil = Callable[[Site], None]

#: By the rows of notes/release-scripts.md, part E: the cause, and the rules that say so.
OF_COMMIT: dict[str, tuple[Spoil, list[str]]] = {
    "1 3 4 9: the tree says another version": (tree_says_another_version, ["version-mismatch"]),
    "2 5 8: the entry is of another version": (entry_is_of_another_version, ["entry-missing"]),
    "4 11 28: the tag is not on main": (main_has_another_commit, ["tag-not-on-branch"]),
    "10 12 14 15: no release was made": (
        no_release_was_made, ["entry-missing", "fragments-left-over", "version-mismatch"],
    ),
    "13 16 22 25: leftovers": (merged_between_compile_and_tag, ["fragments-left-over"]),
    "17 18 19 21: a type that nobody knows": (unknown_type, ["fragment-ignored"]),
    "20: a fragment is lost": (one_fragment_is_not_in_the_entry, ["entry-differs", "fragment-lost"]),
    "26 27: two headings": (two_headings, ["entry-duplicated"]),
    "16: an empty entry": (nothing_in_the_entry, ["entry-differs", "entry-empty", "fragment-lost"]),
    "9: the tag is spelled in another way": (tag_has_another_shape, ["tag-malformed"]),
    "4: older than what the index has": (index_has_a_newer_version, ["version-not-newer"]),
}  # fmt: skip


@pytest.mark.parametrize("what", OF_COMMIT)
def test_an_accident_of_the_commit_stops_the_first_job(make: Make, what: str) -> None:
    accident, found = OF_COMMIT[what]
    site = make(ONCE, token=None)
    accident(site)
    tag = ODD if accident is tag_has_another_shape else TAG
    run = site.run(RELEASE, "push", f"refs/tags/{tag}")

    assert run.execute() == "failure"

    assert failed(run) == ("verify", "The tag is what it says"), run.log
    assert sorted(rules(run, "verify")) == found
    assert all(f"**{rule}**" in summary(run, "verify") for rule in found)
    nothing_was_uploaded(site, run)
    assert run.results["build"] == run.results["publish"] == "skipped"
    # The card knows what the commit says of itself; where the index is against it, it tells how to take the tag back.
    of_no_use, drop = f"`tagready verify {tag} --commit {run.sha[:10]}`", f"git push origin :refs/tags/{tag}"
    assert (drop if accident is index_has_a_newer_version else of_no_use) in summary(run, "recovery")


def nothing_was_uploaded(site: Site, run: Run) -> None:
    """No file went to the index, and the card says so, and what to do now."""
    assert [name for name, _ in site.index.uploads() if name] == []
    assert run.results["recovery"] == "success", run.log
    card = summary(run, "recovery")
    assert "**Is a re-run safe?**" in card
    assert "**Next:** " in card
    assert "is published\n" not in card


def test_a_workflow_that_is_started_on_a_branch_releases_nothing(make: Make) -> None:
    """Row 10: deployed from a form, at the wrong ref."""
    site = make(ONCE, token=None)
    run = site.run(RELEASE, "workflow_dispatch", "refs/heads/main")

    assert run.execute() == "failure"

    assert failed(run) == ("verify", "The tag is what it says")
    assert rules(run, "verify") == ["tag-missing"]
    assert {name for name, result in run.results.items() if result == "skipped"} == set(JOBS[2:])
    assert site.index.uploads() == []


def test_nothing_is_built_of_what_fails_its_tests(make: Make) -> None:
    site = make(ONCE, token=None)
    spoil(site, {"tests/test_demo.py": "def test_the_answer():\n    assert 6 * 9 == 42\n"})
    site.tag_anyway()
    run = site.release()

    assert run.execute() == "failure"

    assert failed(run) == (f"test ({PYTHON})", "Run python -m pytest")
    assert run.results["verify"] == "success"
    assert run.results["build"] == "skipped"
    assert run.artifacts.all == []
    nothing_was_uploaded(site, run)
    assert f"git push origin :refs/tags/{TAG}" in summary(run, "recovery")


# -- accidents: the token ----------------------------------------------------------------------------------------------

TEST_TOKEN = make_token(location=location_of(TEST_REPOSITORY))
REFUSED = make_token(identifier="revoked")

#: Row 36: what the release needs is missing or broken. Secret, rule, and words on what to do.
OF_TOKEN: list[tuple[str | None, str]] = [
    (None, "token-missing"),
    ("hunter2-hunter2", "token-malformed"),
    (REFUSED, "token-refused"),
]


def test_a_token_that_is_of_no_use_stops_before_anything_is_built(make: Make) -> None:
    """One run: the token is put right step by step, and the failed jobs are run again each time."""
    site = make(f"{FLOW}\nrebuild = false", token=None)
    site.tag()
    run = site.release()
    for number, (token, rule) in enumerate(OF_TOKEN):
        site.world.environments["pypi"] = {"PYPI_API_TOKEN": token} if token else {}

        assert (run.rerun_failed() if number else run.execute()) == "failure"

        assert failed(run) == ("preflight", "Look at the token"), run.log
        titles = [note.place["title"] for note in run.annotations if note.job == "preflight" and "title" in note.place]
        assert titles[-1] == rule
        assert run.results["build"] == "skipped"
        assert run.artifacts.all == []
        nothing_was_uploaded(site, run)
        card = summary(run, "recovery")
        assert "Re-run failed jobs" in card
        assert "`preflight`" in card
        if token:
            assert all(token not in step.output + step.summary for step in run.executed)

    site.world.environments["pypi"] = {"PYPI_API_TOKEN": TOKEN}
    assert run.rerun_failed(stop_at=("build", 0)) == "failure"
    assert run.stopped
    assert run.results["preflight"] == "success"


def test_a_token_of_another_index_is_not_sent(make: Make) -> None:
    """Row 36: the token of TestPyPI. Where the upload goes to PyPI, nobody has to be asked to know that."""
    site = make(f"{FLOW}\nrebuild = false", token=TEST_TOKEN)
    del site.world.extra["TWINE_REPOSITORY_URL"]
    site.tag()
    run = site.release()

    assert run.execute(stop_at=("verify", 0)) == "failure"

    assert failed(run) == ("preflight", "Look at the token")
    assert rules(run, "preflight") == ["token-malformed"]
    assert location_of(TEST_REPOSITORY) in summary(run, "preflight").replace("\\", "")
    assert site.index.uploads() == []


def test_an_index_that_never_listed_this_tagready_stops_at_the_first_step(make: Make) -> None:
    """Row 36: a tool that is not pinned by its hash is not installed."""
    site = make()
    text = site.project.read(".github/workflows/release.yml")
    pin = next(line for line in text.splitlines() if line.strip().startswith("tagready=="))
    site.project.write(".github/workflows/release.yml", text.replace(pin, pin.partition(" --hash")[0]))
    site.push_main()
    site.tag_anyway()
    run = site.release()

    assert run.execute(stop_at=("verify", 0)) == "failure"

    assert failed(run) == ("preflight", "Install tagready, by hash")
    assert "Hashes are required" in newest(run, "preflight")[0].output


# -- accidents: the distributions --------------------------------------------------------------------------------------

ZERO = """
def build_sdist(sdist_directory, config_settings=None):
    _unversioned()
    return flit.build_sdist(sdist_directory, config_settings)

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    _unversioned()
    return flit.build_wheel(wheel_directory, config_settings, metadata_directory)

def _unversioned():
    path = Path("pyproject.toml")
    path.write_text(path.read_text().replace('"1.4.0"', '"0.0.0"'))
"""
TORN = f"""
def build_sdist(sdist_directory, config_settings=None):
    Path(sdist_directory, "{SDIST}").touch()
    return "{SDIST}"
"""

OF_DISTRIBUTIONS = {
    "6 39: of another version": (ZERO, "dist-name"),
    "33: a torn file": (TORN, "dist-metadata"),
}


@pytest.mark.parametrize("what", OF_DISTRIBUTIONS)
def test_an_accident_of_the_build_stops_it(make: Make, what: str) -> None:
    backend, rule = OF_DISTRIBUTIONS[what]
    site = make(ONCE, token=None, backend=backend)
    site.tag()
    run = site.release()

    assert run.execute() == "failure"

    assert failed(run) == ("build", "Build twice, compare, and check"), run.log
    assert rule in rules(run, "build")
    assert f"**{rule}**" in summary(run, "build")
    assert run.results["draft"] == run.results["publish"] == "skipped"
    assert (run.artifacts.all, site.forge.releases) == ([], [])
    nothing_was_uploaded(site, run)


# -- accidents: between build and upload -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def _held(make: Make) -> tuple[Site, Run]:
    site = make(f"{FLOW}\nrebuild = false")
    site.tag()
    run = site.release()
    assert run.execute(stop_at=("publish", 0)) == "failure"
    assert run.results["draft"] == "success", run.log
    return site, run


@pytest.fixture
def held(_held: tuple[Site, Run]) -> Iterator[tuple[Site, Run]]:
    """A release that is kept as a draft, and whose upload has not begun; whatever a test does with it is undone."""
    site, run = _held
    index, forge, project = site.index, site.forge, site.project
    files, releases, jobs = dict(index.files), copy.deepcopy(forge.releases), dict(run.jobs)
    artifacts, tag = list(run.artifacts.all), project.head(TAG)
    index.requests.clear()
    forge.requests.clear()
    yield _held
    index.files, index.down = files, False
    forge.releases, run.jobs, run.artifacts.all = releases, jobs, artifacts
    index.created.clear()
    project.git("push", "-q", "--force", "origin", f"{tag}:{REF}")


def test_a_tag_that_was_moved_is_not_published(held: tuple[Site, Run]) -> None:
    """Row 30: 20.37.0 was on PyPI, and its tag on another commit."""
    site, run = held
    site.project.git("push", "-q", "--force", "origin", f"HEAD^1:{REF}")

    assert run.rerun_failed() == "failure"

    assert failed(run) == ("publish", "The tag is where it was"), run.log
    assert "tag-exists" in rules(run, "publish")
    assert "**tag-exists**" in summary(run, "publish")
    nothing_was_uploaded(site, run)


def test_a_tag_that_is_gone_is_not_published(held: tuple[Site, Run]) -> None:
    site, run = held
    site.project.git("push", "-q", "origin", f":{REF}")

    assert run.rerun_failed() == "failure"

    assert failed(run) == ("publish", "The tag is where it was"), run.log
    assert "tag-missing" in rules(run, "publish")
    nothing_was_uploaded(site, run)


def test_a_file_that_was_changed_on_the_way_is_not_published(held: tuple[Site, Run]) -> None:
    """Rows 33 and 38: what is uploaded is not what was built. The artifact's digest is as if GitHub had done it."""
    site, run = held
    kept = run.artifacts.find("kept-1")
    assert kept is not None
    original = kept.path.read_bytes()
    with zipfile.ZipFile(kept.path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(kept.path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content + (b"more" if name.endswith(".whl") else b""))
    digest = hashlib.sha256(kept.path.read_bytes()).hexdigest()
    run.artifacts.all = [each._replace(digest=digest) if each is kept else each for each in run.artifacts.all]
    try:
        assert run.rerun_failed() == "failure"
    finally:
        kept.path.write_bytes(original)

    assert failed(run) == ("publish", "The files are those that were kept"), run.log
    assert f"{WHEEL}: FAILED" in next(step for step in newest(run, "publish") if step.outcome == "failure").output
    nothing_was_uploaded(site, run)


def test_other_bytes_under_our_name_are_not_joined(held: tuple[Site, Run]) -> None:
    """Somebody uploaded the version from a laptop."""
    site, run = held
    site.index.put(wheel_of(site.world.folder, {"demo.py": "ANSWER = 41\n"}))

    assert run.rerun_failed() == "failure"

    assert failed(run) == ("publish", "Upload what the index lacks"), run.log
    assert "dist-conflict" in rules(run, "publish")
    assert "**dist-conflict**" in summary(run, "publish")
    nothing_was_uploaded(site, run)


def test_an_index_that_is_down_is_no_end(held: tuple[Site, Run]) -> None:
    """Rows 34 and 35: what failed is run again, and nothing else."""
    site, run = held
    site.index.down = True

    assert run.rerun_failed() == "failure"

    assert failed(run) == ("publish", "Upload what the index lacks"), run.log
    assert next(step.code for step in newest(run, "publish") if step.outcome == "failure") == 3
    assert run.results["announce"] == "skipped"
    assert "Re-run failed jobs" in summary(run, "recovery")
    assert site.index.files == {}

    site.index.down = False
    attempts = run.attempt
    assert run.rerun_failed() == "success", run.log
    assert {step.job for step in run.steps if step.attempt > attempts} == {"publish", "confirm", "announce"}
    assert site.index.bytes() == distributions(files_of(run, "kept-1"))
    assert [release.draft for release in site.forge.releases] == [False]


def test_a_token_that_was_revoked_meanwhile_is_named(held: tuple[Site, Run]) -> None:
    site, run = held
    site.index.tokens[TOKEN] = NOT_ALLOWED
    try:
        assert run.rerun_failed() == "failure"
    finally:
        site.index.tokens[TOKEN] = Scope()

    assert failed(run) == ("publish", "Upload what the index lacks"), run.log
    assert site.index.files == {}
    assert summary(run, "publish")
    assert run.results["recovery"] == "success"


# -- pull requests -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unreleased(make: Make) -> Site:
    """A project whose next release is to be prepared; each test works on branches of its own."""
    return make(f"{FLOW}\nrebuild = false", prepared=False)


@pytest.fixture
def on_main(unreleased: Site) -> Iterator[Site]:
    project = unreleased.project
    before = project.head("main")
    yield unreleased
    with suppress(AssertionError):
        project.git("switch", "-q", "--force", "main")
    project.git("reset", "-q", "--hard", before)
    project.git("push", "-q", "--force", "origin", f"{before}:refs/heads/main")
    project.git("push", "-q", "origin", ":refs/heads/release/1.4.0", check=False)
    project.git("branch", "-q", "-D", "release/1.4.0", check=False)
    unreleased.forge.pulls.clear()


def topic(site: Site, name: str, **files: str) -> str:
    site.project.git("switch", "-q", "-c", name, "main")
    for path, text in files.items():
        site.project.write(path, text)
    site.project.commit("Change the answer")
    site.project.git("switch", "-q", "main")
    return name


CODE = {"demo.py": '"""A demo."""\n\nANSWER = 42\nQUESTION = None\n'}
FRAGMENT = {"changelog.d/14.feature.md": "Add the question.\n"}


def test_a_pull_request_with_a_fragment_passes(on_main: Site) -> None:
    run = on_main.gate(topic(on_main, "with-fragment", **CODE, **FRAGMENT))

    assert run.execute() == "success", run.log

    assert run.results == {"check": "success", "test": "success", "release": "skipped"}
    assert {_key: _granted(job.permissions) for _key, job in run.jobs.items()} == {
        "check": READS, f"test ({PYTHON})": READS, "release": {},
    }  # fmt: skip
    assert jobs_with_tagready(run) == ["check"]
    card = summary(run, "check")
    assert "- [ ]" not in card
    assert "> - Add the question." in card


@pytest.mark.parametrize("fork", [False, True], ids=["here", "fork"])
def test_a_pull_request_without_a_fragment_is_told_which_one(on_main: Site, fork: bool) -> None:
    on_main.world.secrets = {"OF_THE_REPOSITORY": "s3cret-of-the-repository"}
    run = on_main.gate(topic(on_main, f"without-{fork}", **CODE), fork=fork)

    assert run.execute() == "failure"

    assert failed(run) == ("check", "Check what the pull request changes"), run.log
    assert rules(run, "check") == ["fragment-missing"]
    assert "changelog.d/" in next(note.message for note in run.annotations if note.level == "error")
    assert "- [ ] " in summary(run, "check")
    assert run.results["release"] == "skipped"
    assert run.secrets_seen("s3cret-of-the-repository") == set()


def test_a_merge_queue_is_told_of_its_group(on_main: Site) -> None:
    """A check that a ruleset requires, and that the queue hears nothing of, lets nothing be merged."""
    run = on_main.queued(topic(on_main, "queued", **CODE, **FRAGMENT))

    assert run.execute() == "success", run.log

    assert run.results == {"check": "success", "test": "success", "release": "skipped"}
    assert "- [ ]" not in summary(run, "check")


def test_a_release_in_a_merge_queue_is_judged_as_it_will_be_merged(on_main: Site) -> None:
    assert on_main.project.prepare(VERSION).code == 0
    run = on_main.queued(f"release/{VERSION}")

    assert run.execute() == "success", run.log

    assert run.results == {"check": "success", "test": "success", "release": "success"}
    assert "### demo 1.4.0 is tag-ready" in summary(run, "check")


def test_a_fragment_that_a_release_misses_stops_the_merge_queue(on_main: Site) -> None:
    """It was merged after the release was prepared, and before that was queued."""
    assert on_main.project.prepare(VERSION).code == 0
    on_main.project.write("changelog.d/15.bugfix.md", "Mend the rest.\n")
    on_main.push_main("Mend the rest (#15)")
    run = on_main.queued(f"release/{VERSION}")

    assert run.execute() == "failure"

    assert rules(run) == ["fragments-left-over"]


def prepared_by_workflow(site: Site, asked: str = "auto") -> Run:
    run = site.run(PREPARE, "workflow_dispatch", "refs/heads/main", inputs={"version": asked})
    run.execute()
    site.project.git("fetch", "-q", "origin", "+refs/heads/release/*:refs/heads/release/*", check=False)
    return run


def test_a_release_is_prepared_by_a_workflow_and_judged_as_one(on_main: Site) -> None:
    """From the button to the pull request, and from there up to the upload."""
    run = prepared_by_workflow(on_main)
    assert run.conclusion == "success", run.log
    assert jobs_with_tagready(run) == ["prepare"]
    branch = f"release/{VERSION}"
    assert action_events.git(on_main.remote, "rev-parse", f"refs/heads/{branch}^") == on_main.project.head("main")
    [pull] = on_main.world.gh["pulls"]
    assert (pull["headRefName"], pull["baseRefName"], pull["title"]) == (branch, "main", f"Release {VERSION}")
    notes, _, hint = pull["body"].partition("\n---\n")
    assert notes == "### Features\n\n- Add colour. (#12)\n\n### Bugfixes\n\n- Mend it. (#13)\n"
    assert hint.strip() == (
        "A workflow opened this pull request, so its checks have not started. Close and reopen it to start them."
    )
    assert hint.strip() in summary(run, "prepare")
    assert "octocat" in action_events.git(on_main.remote, "log", "-1", "--format=%an %cn", f"refs/heads/{branch}")

    # Once more, with the number: the same branch, and the same pull request.
    first = action_events.git(on_main.remote, "rev-parse", f"refs/heads/{branch}")
    again = prepared_by_workflow(on_main, VERSION)
    assert again.conclusion == "success", again.log
    assert action_events.git(on_main.remote, "rev-parse", f"refs/heads/{branch}") == first
    assert [each["title"] for each in on_main.world.gh["pulls"]] == [f"Release {VERSION}"]
    assert ["pr", "edit"] in [call[:2] for call in on_main.world.gh["calls"]]

    # And after something else was merged: the branch is renewed, and so is the text of the pull request.
    on_main.project.git("branch", "-q", "-D", branch)
    on_main.project.write("changelog.d/15.bugfix.md", "Mend the rest.\n")
    merged = on_main.push_main("Mend the rest (#15)")
    renewed = prepared_by_workflow(on_main)
    assert renewed.conclusion == "success", renewed.log
    assert action_events.git(on_main.remote, "rev-parse", f"refs/heads/{branch}^") == merged
    [pull] = on_main.world.gh["pulls"]
    assert "- Mend the rest. (#15)" in pull["body"]

    gate = on_main.gate(branch)
    assert gate.execute() == "success", gate.log
    assert gate.results == {"check": "success", "test": "success", "release": "success"}
    assert jobs_with_tagready(gate) == ["check", "release"]
    card = summary(gate, "check")
    assert "### demo 1.4.0 is tag-ready" in card
    assert "- [x] The release is tag-ready" in card
    assert "- [ ]" not in card
    assert on_main.index.uploads() == []


def test_a_release_pull_request_that_was_edited_is_stopped(on_main: Site) -> None:
    project = on_main.project
    assert project.prepare(VERSION).code == 0
    project.git("switch", "-q", f"release/{VERSION}")
    project.write("CHANGELOG.md", project.read("CHANGELOG.md").replace("Add colour.", "Add taste."))
    project.commit("Polish")
    run = on_main.gate(f"release/{VERSION}")

    assert run.execute() == "failure"

    assert failed(run) == ("check", "Check what the pull request changes"), run.log
    assert "entry-edited-by-hand" in rules(run, "check")
    assert run.results["release"] == "skipped"


def test_nothing_to_release_is_said_and_no_branch_is_made(on_main: Site) -> None:
    project = on_main.project
    for path in ("changelog.d/12.feature.md", "changelog.d/13.bugfix.md"):
        (project.path / path).unlink()
    on_main.push_main("Take it back")
    calls = len(on_main.world.gh["calls"])
    run = prepared_by_workflow(on_main)

    assert run.conclusion == "failure"

    assert failed(run) == ("prepare", "Make the release commit, and push it on a branch of its own"), run.log
    assert rules(run) == ["nothing-to-release"]
    assert action_events.git(on_main.remote, "for-each-ref", "refs/heads/release") == ""
    assert on_main.world.gh["calls"][calls:] == [["auth", "setup-git"]]


# -- what came to main -------------------------------------------------------------------------------------------------


def pull_request(commit: str, number: int = 7, merged: bool = True) -> dict[str, Any]:
    page = f"https://github.com/acme/demo/pull/{number}"
    return {
        "number": number, "merged_at": "2026-02-03T12:00:00Z" if merged else None, "base": {"ref": "main"},
        "html_url": page, "merge_commit_sha": commit,
    }  # fmt: skip


def known(site: Site, *commits: str) -> None:
    """Let the forge know by which pull request commits came; it knows the others, and none for them."""
    listed = action_events.git(site.remote, "rev-list", "--all").split()
    site.forge.pulls = {commit: [pull_request(commit)] if commit in commits else [] for commit in listed}


def by_merge(site: Site) -> list[str]:
    return [merge(site.project, topic(site, "merged", **CODE, **FRAGMENT), 7)]


def by_squash(site: Site) -> list[str]:
    topic(site, "squashed", **CODE, **FRAGMENT)
    site.project.git("merge", "-q", "--squash", "squashed")
    return [site.push_main("Add the question (#7)")]


def by_rebase(site: Site) -> list[str]:
    topic(site, "rebased", **CODE)
    site.project.git("merge", "-q", "--ff-only", "rebased")
    first = site.project.head()
    site.project.write("changelog.d/14.feature.md", "Add the question.\n")
    return [first, site.push_main("Tell of it")]


@pytest.mark.parametrize("way", [by_merge, by_squash, by_rebase])
def test_what_came_by_pull_request_passes(on_main: Site, way: Callable[[Site], list[str]]) -> None:
    before = on_main.project.head()
    known(on_main, *way(on_main))
    run = on_main.pushed(before)

    assert run.execute() == "success", run.log

    assert _granted(run.jobs["reviewed"].permissions) == {"contents": "read", "pull-requests": "read"}
    assert "[x] Every commit came through a pull request" in summary(run, "reviewed")
    assert jobs_with_tagready(run) == ["reviewed"]


def test_a_direct_push_is_named_with_the_way_to_refuse_the_next(on_main: Site) -> None:
    before = on_main.project.head()
    on_main.project.write("demo.py", CODE["demo.py"])
    on_main.push_main()
    known(on_main)
    run = on_main.pushed(before)

    assert run.execute() == "failure"

    assert rules(run) == ["commit-not-reviewed"]
    assert "New branch ruleset" in summary(run, "reviewed")


@pytest.mark.parametrize("flow", ["direct", "pull-request"])
def test_a_release_commit_may_be_pushed_where_the_flow_is_direct(make: Make, flow: str) -> None:
    site = make(f'flow = "{flow}"\nstrict-entry = true', prepared=False)
    project = site.project
    before = project.head()
    assert project.prepare(VERSION).code == 0
    if flow == "pull-request":
        project.git("merge", "-q", "--ff-only", f"release/{VERSION}")
    project.git("push", "-q", "origin", "main")
    known(site)
    run = site.pushed(before)

    assert run.execute() == ("success" if flow == "direct" else "failure"), run.log

    assert rules(run) == ([] if flow == "direct" else ["commit-not-reviewed"])


# -- tagready itself ---------------------------------------------------------------------------------------------------


def test_tagready_releases_itself_with_what_is_checked_out(make: Make) -> None:
    """A project of its name: what it installs is the checkout, and where there is none, the wheel by its digest."""
    site = make(f"{FLOW}\nrebuild = false", name="tagready")
    site.tag()
    run = site.release()

    assert run.execute() == "success", run.log

    assert run.results == dict.fromkeys(("tool", *JOBS), "success") | {"recovery": "skipped"}
    assert set(site.index.files) == {"tagready-1.4.0-py3-none-any.whl", "tagready-1.4.0.tar.gz"}
    assert [release.draft for release in site.forge.releases] == [False]
    assert run.secrets_seen(TOKEN) == SEES_TOKEN
    wheels = {}
    for job in ("preflight", "draft", "publish", "confirm", "announce"):
        own = [each for each in run.installed if each.job == job and "tagready-1.4.0" in str(each.requirements)]
        assert [set(each.arguments) >= {"--no-deps", "--require-hashes"} for each in own] == [True], job
        wheels[job] = own[0].requirements
    built = hashlib.sha256(site.index.bytes()["tagready-1.4.0-py3-none-any.whl"]).hexdigest()
    assert wheels["publish"] == [f"./dist/tagready-1.4.0-py3-none-any.whl --hash=sha256:{built}"]


@pytest.mark.parametrize("name", scaffold.WORKFLOWS)
def test_our_own_workflows_are_checked_in(name: str) -> None:
    path = ROOT / scaffold.FOLDER / name
    workflow_files.check(workflow_files.load(path.read_text("utf-8")))


def _run(program: str, *arguments: str) -> tuple[int, str]:
    command = [str(Path(sys.executable).parent / program), *arguments]
    environment = {name: value for name, value in os.environ.items() if "TOKEN" not in name}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    return done.returncode, done.stdout + done.stderr


def test_linters_have_nothing_to_say_of_our_own_workflows() -> None:
    files = sorted(str(path) for path in (ROOT / scaffold.FOLDER).glob("*.yml"))
    code, said = _run("zizmor", "--offline", "--no-progress", "--persona=pedantic", *files)
    assert (code, said) == (0, said)
    code, said = _run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
    assert (code, said) == (0, said)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="an sdist has no history to look into")
def test_our_own_workflows_are_what_init_writes() -> None:
    code, said = _run("python", "-m", "tagready", "init", "--check")
    assert code == 0, said


def test_what_readiness_is_called_is_what_a_ruleset_can_require() -> None:
    jobs = workflow_files.load((ROOT / scaffold.FOLDER / READINESS).read_text("utf-8"))["jobs"]
    assert jobs["check"]["name"] == "News fragments"
