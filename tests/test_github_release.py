"""github-release: the draft, the tag and the public release, at a server that answers as GitHub's API does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dists import make_both, make_wheel
from forge_server import AFTER, BEFORE, READER, REPOSITORY, WRITER, Fault, ForgeServer, Kept, Reply
from projects import Result
from publishing import COMMIT, SDIST, WHEEL, describe, isolate, make_platform_wheel
from tagready.commands.github_release import LONGEST_BODY, Act, Done, OnForge, Options, github_release, open_forge
from tagready.doors.release_folder import described_by
from tagready.facts.findings import Refused, WorldFailed, WrongUse
from tagready.facts.publishing import release_file

NAMES = (WHEEL, SDIST, "SHA256SUMS", "release.json")
OTHER = "fedcba98" * 5
DRAFT_URL = f"https://github.com/{REPOSITORY}/releases/tag/untagged-{1:020x}"
PUBLIC_URL = f"https://github.com/{REPOSITORY}/releases/tag/v1.4.0"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ForgeServer]:
    isolate(monkeypatch, tmp_path)
    monkeypatch.delenv("GH_TOKEN", raising=False)
    with ForgeServer() as running:
        running.tags["v1.4.0"] = ["a" * 40, COMMIT]
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


def built(folder: Path, *, version: str = "1.4.0", seed: int = 0, **more: Any) -> Path:
    """Make what a build leaves: distributions, release.json and SHA256SUMS."""
    make_both(folder, version=version, seed=seed)
    return summed(describe(folder, **{"version": version, "tag": f"v{version}"} | more))


def summed(folder: Path) -> Path:
    release = release_file.read((folder / release_file.NAME).read_text(), "")
    (folder / release_file.SUMS).write_text(release_file.as_sums(release.files))
    return folder


def run(dist: Path, act: Act = Act.DRAFT, *, pauses: tuple[float, ...] = (), **more: Any) -> Done:
    forge = open_forge()._replace(pauses=pauses)
    return github_release(Options(act, dist=dist, **more), forge, lambda text: None)


def refused(dist: Path, act: Act = Act.DRAFT, **more: Any) -> list[tuple[str, str]]:
    """Return the rule and the message of each finding."""
    with pytest.raises(Refused) as caught:
        run(dist, act, **more)
    return [(found.rule, found.message) for found in caught.value.report.findings]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def actions(done: Done) -> dict[str, str]:
    return {file.name: file.action for file in done.files}


def keep(server: ForgeServer, folder: Path, *, draft: bool = True, leave_out: tuple[str, ...] = ()) -> Kept:
    """Make a release that holds what a folder does."""
    kept = server.keep("v1.4.0", draft=draft, body="By hand.")
    for name in NAMES:
        if name not in leave_out:
            server.put(kept, name, (folder / name).read_bytes())
    return kept


def writes(server: ForgeServer) -> list[str]:
    return [f"{seen.method} {seen.path.rpartition('/')[2]}" for seen in server.requests if seen.method != "GET"]


# -- the draft ---------------------------------------------------------------------------------------------------------


def test_a_draft_from_nothing(server: ForgeServer, tmp_path: Path) -> None:
    dist, notes = built(tmp_path / "dist"), tmp_path / "notes.md"
    notes.write_text("### Features\n\n- Colour – at last. (#12)\n", encoding="utf-8")
    done = run(dist, notes=notes)
    assert done == Done(
        "demo", "1.4.0", "v1.4.0", COMMIT, DRAFT_URL, True,
        tuple(OnForge(name, described_by(dist / name).sha256, "uploaded") for name in NAMES),
    )  # fmt: skip
    (kept,) = server.releases
    assert (kept.tag, kept.title, kept.body, kept.draft, kept.prerelease) == (
        "v1.4.0", "demo 1.4.0", notes.read_text(encoding="utf-8"), True, False,
    )  # fmt: skip
    assert kept.contents() == contents(dist)
    # release.json goes last: a draft that has it has everything.
    assert writes(server) == ["POST releases", *(f"POST assets?name={name}" for name in NAMES)]


@pytest.mark.parametrize(
    ("version", "prerelease"), [("1.4.0rc1", True), ("1.4.0.dev1", True), ("1.4.0.post1", False), ("2.0", False)]
)
def test_a_prerelease_is_marked(server: ForgeServer, tmp_path: Path, version: str, prerelease: bool) -> None:
    server.tags[f"v{version}"] = [COMMIT]
    run(built(tmp_path / "dist", version=version))
    assert [kept.prerelease for kept in server.releases] == [prerelease]


def test_a_second_run_changes_nothing(server: ForgeServer, tmp_path: Path) -> None:
    dist = built(tmp_path / "dist")
    first = run(dist)
    before = contents(dist)
    server.requests.clear()
    again = run(dist)
    assert actions(again) == dict.fromkeys(NAMES, "present")
    assert (again.url, again.says) == (first.url, ())
    assert writes(server) == []
    assert contents(dist) == before


@pytest.mark.parametrize("digests", [True, False])
def test_what_a_killed_run_left_is_completed(server: ForgeServer, tmp_path: Path, digests: bool) -> None:
    """One file is there, one is half there, one has other bytes, and one is missing; another one is not ours."""
    server.digests = digests
    dist = built(tmp_path / "dist")
    kept = server.keep("v1.4.0")
    server.put(kept, WHEEL, (dist / WHEEL).read_bytes())
    server.put(kept, SDIST, b"", state="starter")
    server.put(kept, "SHA256SUMS", b"of another build")
    server.put(kept, "manual.pdf", b"a manual")
    (tmp_path / "notes.md").write_text("Notes.")
    done = run(dist, notes=tmp_path / "notes.md")
    assert actions(done) == {
        WHEEL: "present", SDIST: "uploaded", "SHA256SUMS": "uploaded", "release.json": "uploaded",
    }  # fmt: skip
    assert kept.contents() == contents(dist) | {"manual.pdf": b"a manual"}
    assert kept.body == "Notes."


def test_a_text_that_somebody_wrote_stays(server: ForgeServer, tmp_path: Path) -> None:
    dist = built(tmp_path / "dist")
    kept = keep(server, dist, leave_out=(SDIST,))
    (tmp_path / "notes.md").write_text("Notes.")
    assert actions(run(dist, notes=tmp_path / "notes.md"))[SDIST] == "uploaded"
    assert kept.body == "By hand."


@pytest.mark.parametrize("digests", [True, False])
def test_a_complete_draft_wins_over_the_folder(server: ForgeServer, tmp_path: Path, digests: bool) -> None:
    server.digests = digests
    earlier, dist = built(tmp_path / "earlier"), built(tmp_path / "dist", seed=1)
    keep(server, earlier)
    make_platform_wheel(dist, "py3-none-win_amd64")
    summed(describe(dist))
    (dist / "notes.md").write_text("kept")
    done = run(dist)
    assert actions(done) == dict.fromkeys(NAMES, "taken")
    assert done.says == (f"the draft of an earlier run is taken, and replaces what is in {dist}",)
    assert contents(dist) == contents(earlier) | {"notes.md": b"kept"}
    assert writes(server) == []
    assert actions(run(dist)) == dict.fromkeys(NAMES, "present")


@pytest.mark.parametrize("public", [False, True])
def test_in_the_first_run_for_a_tag_nothing_is_taken(
    server: ForgeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, public: bool
) -> None:
    """What another workflow has put there in time is not published in place of what was built and verified."""
    monkeypatch.setenv("GITHUB_EVENT_NAME", "push")
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "1")
    dist = built(tmp_path / "dist", seed=1)
    kept = keep(server, built(tmp_path / "earlier"))
    kept.draft = not public
    before = contents(dist)
    ((rule, message),) = refused(dist)
    assert (rule, contents(dist)) == ("dist-conflict", before)
    assert message.endswith(
        f"holds other files than were just built: {WHEEL}, {SDIST}; and this is the first run for this tag, so no"
        " earlier one can have kept them"
    )
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")
    assert actions(run(dist)) == dict.fromkeys(NAMES, "taken")


def test_a_draft_of_the_same_files_wins_as_well(server: ForgeServer, tmp_path: Path) -> None:
    """What a build says of itself differs from run to run; one release.json belongs to the release."""
    earlier, dist = built(tmp_path / "earlier", python="3.12"), built(tmp_path / "dist")
    keep(server, earlier)
    assert actions(run(dist)) == dict.fromkeys(NAMES, "taken")
    assert contents(dist) == contents(earlier)


def test_the_folder_stays_whole_where_a_download_is_spoiled(server: ForgeServer, tmp_path: Path) -> None:
    dist = built(tmp_path / "dist", seed=1)
    keep(server, built(tmp_path / "earlier"))
    before = contents(dist)

    def spoil(number: int, seen: Any) -> Reply | None:
        return Reply(200, b"something else") if seen.path == f"/repos/{REPOSITORY}/releases/assets/2" else None

    server.fault = spoil
    with pytest.raises(WorldFailed, match=f"{WHEEL} did not arrive as"):
        run(dist)
    assert contents(dist) == before


def test_a_draft_that_a_person_filled_is_not_taken(server: ForgeServer, tmp_path: Path) -> None:
    earlier, dist = built(tmp_path / "earlier"), built(tmp_path / "dist", seed=1)
    for file in keep(server, earlier).files:
        file.uploader = "mallory"
    before = contents(dist)
    ((rule, message),) = refused(dist)
    assert (rule, contents(dist)) == ("dist-conflict", before)
    assert message.endswith(f"were just built: {WHEEL}, {SDIST}; and mallory uploaded them, no workflow")
    # The very bytes that were just built may have come from anybody.
    assert set(actions(run(earlier)).values()) == {"present"}


def test_of_two_drafts_the_complete_one_is_taken(server: ForgeServer, tmp_path: Path) -> None:
    dist = built(tmp_path / "dist")
    server.keep("v1.4.0")
    whole = keep(server, dist)
    done = run(dist)
    assert done.url == f"https://github.com/{REPOSITORY}/releases/tag/untagged-{whole.id:020x}"
    assert done.says == (f"v1.4.0 has further drafts, which nobody needs: {DRAFT_URL}",)


def test_of_two_beginnings_the_oldest_is_completed(server: ForgeServer, tmp_path: Path) -> None:
    dist = built(tmp_path / "dist")
    oldest, newer = server.keep("v1.4.0"), server.keep("v1.4.0")
    run(dist)
    assert (oldest.contents(), newer.contents()) == (contents(dist), {})


def test_other_tags_and_files_do_not_matter(server: ForgeServer, tmp_path: Path) -> None:
    for tag in ("v1.3.0", "v1.4", "v1.4.0rc1"):
        server.keep(tag, draft=tag == "v1.4")
    run(built(tmp_path / "dist"))
    assert [(kept.tag, len(kept.files)) for kept in server.releases][3:] == [("v1.4.0", 4)]


def test_an_epoch_has_a_sign_that_the_forge_replaces(server: ForgeServer, tmp_path: Path) -> None:
    server.tags["v1!2.0"] = [COMMIT]
    dist = built(tmp_path / "dist", version="1!2.0")
    assert set(actions(run(dist)).values()) == {"uploaded"}
    assert {file.name for file in server.releases[0].files} >= {"demo-1.2.0-py3-none-any.whl", "demo-1.2.0.tar.gz"}
    shutil.rmtree(dist)
    built(dist, version="1!2.0", seed=1)
    assert set(actions(run(dist)).values()) == {"taken"}
    assert set(actions(run(dist, Act.PUBLISH)).values()) == {"present"}


def test_long_notes_are_cut_at_a_line(server: ForgeServer, tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("- One more thing.\n" * 10_000)
    run(built(tmp_path / "dist"), notes=notes)
    body = server.releases[0].body
    assert LONGEST_BODY - 30 < len(body) <= LONGEST_BODY
    assert body.endswith("- One more thing.\n\n… the rest is in the changelog.\n")


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_notes_that_cannot_be_read(server: ForgeServer, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "notes.md").write_bytes(content)
    with pytest.raises(WrongUse, match=r"notes\.md cannot be read"):
        run(built(tmp_path / "dist"), notes=tmp_path / "notes.md")
    assert writes(server) == []


# -- drafts that are not ours ------------------------------------------------------------------------------------------


def _of_another_commit(folder: Path) -> None:
    summed(describe(folder, commit=OTHER))


def _of_another_tag(folder: Path) -> None:
    summed(describe(folder, tag="v1.4.0.post0"))


def _changed_file(folder: Path) -> None:
    make_wheel(folder, seed=7)


def _no_json(folder: Path) -> None:
    (folder / "release.json").write_text("{")


def _other_sums(folder: Path) -> None:
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  {WHEEL}\n")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_of_another_commit, ("version-mismatch", f"{DRAFT_URL} was made of demo v1.4.0 on {OTHER[:10]}, and not of"
                              f" demo v1.4.0 on {COMMIT[:10]}")),
        (_of_another_tag, ("version-mismatch", f"{DRAFT_URL} was made of demo v1.4.0.post0 on {COMMIT[:10]}, and not of"
                           f" demo v1.4.0 on {COMMIT[:10]}")),
        (_changed_file, ("dist-metadata", f"{WHEEL} of {DRAFT_URL} is not what its SHA256SUMS says")),
        (_no_json, ("dist-metadata", f"release.json of {DRAFT_URL} is not JSON: Expecting property name enclosed in"
                    " double quotes: line 1 column 2 (char 1)")),
        (_other_sums, ("dist-metadata", f"SHA256SUMS and release.json of {DRAFT_URL} contradict each other")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("act", [Act.DRAFT, Act.PUBLISH])
def test_a_draft_that_is_spoiled(
    server: ForgeServer, tmp_path: Path, spoil: Any, expected: tuple[str, str], act: Act
) -> None:
    dist, theirs = built(tmp_path / "dist"), built(tmp_path / "theirs")
    spoil(theirs)
    keep(server, theirs)
    before = contents(dist)
    with pytest.raises(Refused) as caught:
        run(dist, act)
    assert [(found.rule, found.message) for found in caught.value.report.findings] == [expected]
    assert caught.value.report.findings[0].fix == (
        f"look who changed it, delete the draft ({DRAFT_URL}), then re-run all jobs"
    )
    assert (writes(server), contents(dist)) == ([], before)


def test_a_distribution_that_nobody_built(server: ForgeServer, tmp_path: Path) -> None:
    dist = built(tmp_path / "dist")
    kept = keep(server, dist)
    server.put(kept, "demo-1.4.0-py3-none-win_amd64.whl", b"from somewhere")
    server.put(kept, "other-1.4.0.tar.gz", b"not the project's")
    assert refused(dist) == [
        ("dist-metadata", f"{DRAFT_URL} holds demo-1.4.0-py3-none-win_amd64.whl, which was not built and verified with"
         " the others"),
    ]  # fmt: skip


# -- the public release ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", [Act.DRAFT, Act.PUBLISH])
@pytest.mark.parametrize("immutable", [True, False])
def test_after_everything_there_is_nothing_to_do(
    server: ForgeServer, tmp_path: Path, act: Act, immutable: bool
) -> None:
    server.immutable = immutable
    dist = built(tmp_path / "dist")
    keep(server, built(tmp_path / "theirs", python="3.12"), draft=False)
    done = run(dist, act)
    assert (done.url, done.draft, actions(done)) == (PUBLIC_URL, False, dict.fromkeys(NAMES, "present"))
    assert writes(server) == []


@pytest.mark.parametrize("act", [Act.DRAFT, Act.PUBLISH])
@pytest.mark.parametrize(
    ("spoil", "leave_out", "expected"),
    [
        (lambda folder: built(folder, seed=1), (), ("dist-conflict", f": {WHEEL}, {SDIST}")),
        (_of_another_commit, (),
         ("dist-conflict", f": {PUBLIC_URL} was made of demo v1.4.0 on {OTHER[:10]}, and not of demo v1.4.0 on"
          f" {COMMIT[:10]}")),
        (_changed_file, (), ("dist-conflict", f": {WHEEL} of {PUBLIC_URL} is not what its SHA256SUMS says")),
        (lambda folder: None, (SDIST,), ("release-incomplete", "")),
        (lambda folder: None, NAMES, ("release-incomplete", "")),
    ],
)  # fmt: skip
def test_a_public_release_of_something_else(
    server: ForgeServer, tmp_path: Path, act: Act, spoil: Any, leave_out: tuple[str, ...], expected: tuple[str, str]
) -> None:
    dist, theirs = built(tmp_path / "dist"), built(tmp_path / "theirs")
    spoil(theirs)
    for file in keep(server, theirs, draft=False, leave_out=leave_out).files:
        file.uploader = "mallory"
    what = f"holds other files than {dist}" if expected[0] == "dist-conflict" else "does not hold all files of v1.4.0"
    assert refused(dist, act) == [(expected[0], f"{PUBLIC_URL} is public, and {what}{expected[1]}")]
    assert writes(server) == []


def test_what_a_workflow_made_public_is_taken(server: ForgeServer, tmp_path: Path) -> None:
    """All jobs are run again after a release whose build nobody can reproduce: there is nothing to do, and no harm."""
    theirs, dist = built(tmp_path / "theirs"), built(tmp_path / "dist", seed=1)
    keep(server, theirs, draft=False)
    done = run(dist)
    assert (done.draft, actions(done)) == (False, dict.fromkeys(NAMES, "taken"))
    assert done.says == (f"{PUBLIC_URL} is public already: its files are taken, and replace those in {dist}",)
    assert contents(dist) == contents(theirs)
    assert set(actions(run(dist, Act.PUBLISH)).values()) == {"present"}
    assert writes(server) == []


def test_a_draft_becomes_public(server: ForgeServer, tmp_path: Path) -> None:
    server.immutable = True
    dist = built(tmp_path / "dist")
    run(dist)
    done = run(dist, Act.PUBLISH)
    assert (done.url, done.draft, actions(done)) == (PUBLIC_URL, False, dict.fromkeys(NAMES, "present"))
    assert server.releases[0].contents() == contents(dist)
    assert (server.releases[0].draft, server.latest) == (False, "v1.4.0")
    assert run(dist, Act.PUBLISH) == done
    assert writes(server)[-1] == "PATCH 1"  # and nothing is changed after


@pytest.mark.parametrize(
    ("version", "others", "latest"),
    [
        ("1.4.0", ["v1.3.0", "v1.4.0rc1"], True),
        ("1.4.0", ["v2.0.0rc1"], True),
        ("1.4.0", ["other-2.0", "nightly"], True),
        ("1.4.0", ["v1.3.0", "v2.0.0"], False),
        ("1.4.0rc1", [], False),
        ("1.4.0.post1", ["v1.4.0"], True),
    ],
)
def test_only_the_newest_final_is_the_latest(
    server: ForgeServer, tmp_path: Path, version: str, others: list[str], latest: bool
) -> None:
    server.tags[f"v{version}"] = [COMMIT]
    for other in others:
        server.keep(other, draft=False, prerelease="rc" in other)
    server.keep("v9.0", draft=True)
    server.latest = "before"
    dist = built(tmp_path / "dist", version=version)
    run(dist)
    run(dist, Act.PUBLISH)
    assert server.latest == (f"v{version}" if latest else "before")


def test_other_releases_are_known_by_the_format_of_tags(server: ForgeServer, tmp_path: Path) -> None:
    server.tags["cut/1.4.0"] = [COMMIT]
    server.keep("cut/2.0.0", draft=False)
    dist = built(tmp_path / "dist", tag="cut/1.4.0")
    run(dist)
    run(dist, Act.PUBLISH, tag_format="cut/{version}")
    assert server.latest is None


def test_there_is_no_draft_to_make_public(server: ForgeServer, tmp_path: Path) -> None:
    dist = built(tmp_path / "dist")
    assert refused(dist, Act.PUBLISH) == [
        ("release-incomplete", "acme/demo has no draft for v1.4.0 (or the token may not see drafts)")
    ]
    keep(server, dist, leave_out=(WHEEL,))
    assert refused(dist, Act.PUBLISH) == [
        ("release-incomplete", f"the draft for v1.4.0 does not hold all of its files: {DRAFT_URL}")
    ]
    assert writes(server) == []


def test_the_draft_holds_other_files(server: ForgeServer, tmp_path: Path) -> None:
    keep(server, built(tmp_path / "theirs", seed=1))
    dist = built(tmp_path / "dist")
    assert refused(dist, Act.PUBLISH) == [
        ("dist-conflict", f"the draft {DRAFT_URL} holds other files than {dist}: {WHEEL}, {SDIST}")
    ]
    assert server.releases[0].draft


def test_an_answer_that_is_lost_after_it_was_made_public(server: ForgeServer, tmp_path: Path) -> None:
    """The second attempt is refused, for the release is immutable by then."""
    server.immutable = True
    dist = built(tmp_path / "dist")
    run(dist)
    patched: list[Any] = []

    def cut(number: int, seen: Any) -> str | None:
        if seen.method == "PATCH":
            patched.append(seen)
        return AFTER if seen.method == "PATCH" and len(patched) == 1 else None

    server.fault = cut
    done = run(dist, Act.PUBLISH, pauses=(0, 0))
    assert (done.draft, server.releases[0].draft, len(patched)) == (False, False, 2)


def test_a_draft_that_cannot_be_made_public(server: ForgeServer, tmp_path: Path) -> None:
    dist = built(tmp_path / "dist")
    run(dist)
    server.fault = lambda number, seen: Reply(403, {"message": "No."}) if seen.method == "PATCH" else None
    with pytest.raises(WorldFailed) as failed:
        run(dist, Act.PUBLISH)
    assert (failed.value.stderr, server.releases[0].draft) == ("No.", True)


# -- the tag -----------------------------------------------------------------------------------------------------------


def test_the_tag_is_where_it_was(server: ForgeServer, tmp_path: Path) -> None:
    done = run(built(tmp_path / "dist"), Act.CHECK)
    assert done == Done("demo", "1.4.0", "v1.4.0", COMMIT, None, False, ())
    assert writes(server) == []


@pytest.mark.parametrize("act", list(Act))
def test_the_tag_was_moved_or_deleted(server: ForgeServer, tmp_path: Path, act: Act) -> None:
    dist = built(tmp_path / "dist")
    keep(server, dist)
    server.tags["v1.4.0"] = [OTHER]
    assert refused(dist, act) == [
        ("tag-exists", f"the tag v1.4.0 of acme/demo is on {OTHER[:10]} now; this was built from {COMMIT[:10]}")
    ]
    del server.tags["v1.4.0"]
    assert refused(dist, act) == [
        ("tag-missing", "acme/demo has no tag v1.4.0, from which this was built (or the token may not see it)")
    ]
    assert writes(server) == []


# -- the folder --------------------------------------------------------------------------------------------------------


def test_what_the_folder_must_hold(server: ForgeServer, tmp_path: Path) -> None:
    dist = built(tmp_path / "dist")
    (dist / "SHA256SUMS").unlink()
    assert refused(dist) == [("dist-missing", "SHA256SUMS is not there")]
    for text in ("", "not sums", f"{'0' * 64}  {WHEEL}\n"):
        (dist / "SHA256SUMS").write_text(text)
        what = f"SHA256SUMS does not list exactly the distributions in {dist}, with their sums"
        assert refused(dist) == [("dist-metadata", what)]
    (dist / "release.json").unlink()
    what = f"there is no release.json in {dist}, so nothing says which commit was built"
    assert refused(dist) == [("dist-missing", what)]
    assert server.requests == []


def test_the_folder_is_of_another_tag(server: ForgeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dist = built(tmp_path / "dist")
    expected = [("version-mismatch", f"the distributions in {dist} were built from v1.4.0, not from v1.5.0")]
    assert refused(dist, tag="v1.5.0") == expected
    monkeypatch.setenv("GITHUB_REF_TYPE", "tag")
    monkeypatch.setenv("GITHUB_REF_NAME", "v1.5.0")
    assert refused(dist) == expected
    assert actions(run(dist, tag="v1.4.0")) == dict.fromkeys(NAMES, "uploaded")
    monkeypatch.delenv("GITHUB_REF_TYPE")
    summed(describe(dist, tag=None))
    what = f"the distributions in {dist} were built from {COMMIT[:10]}, which had no release tag"
    assert refused(dist) == [("version-mismatch", what)]


def test_a_file_that_was_changed_since_the_build(server: ForgeServer, tmp_path: Path) -> None:
    dist = built(tmp_path / "dist")
    make_wheel(dist, seed=3)
    assert [rule for rule, _ in refused(dist)] == ["dist-metadata"]
    assert server.requests == []


# -- faults ------------------------------------------------------------------------------------------------------------


def at(number: int, fault: str | Reply) -> Fault:
    return lambda count, seen: fault if count == number else None


def _requests(server: ForgeServer, dist: Path) -> int:
    """Return how many requests a draft from nothing takes."""
    run(dist)
    count = len(server.requests)
    server.releases.clear()
    server.requests.clear()
    return count


FAULTS = [BEFORE, AFTER, Reply(502, b"<html>")]


@pytest.mark.parametrize("fault", FAULTS, ids=["before", "after", "502"])
def test_killed_at_every_request_and_run_again(server: ForgeServer, tmp_path: Path, fault: str | Reply) -> None:
    """What fails at one request, and is not repeated, is as good as killed there."""
    dist = built(tmp_path / "dist")
    count = _requests(server, dist)
    assert count == 9
    for number in range(1, count + 1):
        server.fault = at(number, fault)
        with pytest.raises(WorldFailed):
            run(dist)
        server.fault = lambda number, seen: None
        done = run(dist)
        assert set(actions(done)) == set(NAMES)
        (kept,) = server.releases
        assert kept.contents() == contents(dist), number
        assert len(kept.files) == len(NAMES)
        server.releases.clear()
        server.requests.clear()


@pytest.mark.parametrize("fault", FAULTS, ids=["before", "after", "502"])
def test_one_run_gets_over_a_fault_at_any_request(server: ForgeServer, tmp_path: Path, fault: str | Reply) -> None:
    dist = built(tmp_path / "dist")
    for number in range(1, _requests(server, dist) + 1):
        server.fault = at(number, fault)
        run(dist, pauses=(0, 0))
        (kept,) = server.releases
        assert kept.contents() == contents(dist), number
        server.releases.clear()
        server.requests.clear()


def test_killed_between_two_builds(server: ForgeServer, tmp_path: Path) -> None:
    """A run is killed at any request; the next one brings other bytes, and ends with one build's files only."""
    first, second = built(tmp_path / "first"), built(tmp_path / "second", seed=1)
    for number in range(1, _requests(server, first) + 1):
        server.fault = at(number, AFTER)
        with pytest.raises(WorldFailed):
            run(first)
        server.fault = lambda number, seen: None
        dist = tmp_path / f"dist{number}"
        shutil.copytree(second, dist)
        run(dist)
        (kept,) = server.releases
        assert kept.contents() == contents(dist)
        assert contents(dist) in (contents(first), contents(second))
        server.releases.clear()
        server.requests.clear()


def test_an_upload_that_leaves_half_a_file(server: ForgeServer, tmp_path: Path) -> None:
    dist = built(tmp_path / "dist")

    def half(number: int, seen: Any) -> Reply | None:
        if seen.host != "uploads" or number > 5:
            return None
        server.put(server.releases[0], WHEEL, b"half", state="starter")
        return Reply(502, {"message": "Error creating asset temp dir"})

    server.fault = half
    run(dist, pauses=(0,))
    assert server.releases[0].contents() == contents(dist)
    assert {file.state for file in server.releases[0].files} == {"uploaded"}


def test_a_forge_that_keeps_nothing(server: ForgeServer, tmp_path: Path) -> None:
    dist = built(tmp_path / "dist")
    file = {"id": 9, "name": WHEEL, "size": 1, "state": "uploaded"}
    server.fault = lambda number, seen: Reply(201, file) if seen.host == "uploads" else None
    with pytest.raises(WorldFailed, match="does not keep the files that were uploaded"):
        run(dist, pauses=(0,))


def test_a_draft_that_is_made_and_not_listed_yet_is_not_lost(server: ForgeServer, tmp_path: Path) -> None:
    """The list lags behind; the release itself does not."""
    dist = built(tmp_path / "dist")
    server.fault = lambda number, seen: Reply(200, []) if seen.path.endswith("/releases?per_page=100") else None
    run(dist)
    (kept,) = server.releases
    assert kept.contents() == contents(dist)


# -- the command -------------------------------------------------------------------------------------------------------


def command(
    server: ForgeServer | None, where: Path, *arguments: str, token: str | None = WRITER, **more: str
) -> Result:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "GH_"))}
    variables = kept | (server.environment(token) if server else {}) | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", "tagready", "github-release", *arguments], cwd=where, env=variables | more,
        capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


def test_command_draft_check_publish(server: ForgeServer, tmp_path: Path) -> None:
    dist = built(tmp_path / "dist")
    short = {name: described_by(dist / name).sha256[:12] for name in NAMES}
    drafted = command(server, tmp_path, "--draft")
    assert (drafted.code, drafted.out) == (
        0,
        "✓ demo 1.4.0 is kept as a draft on GitHub\n"
        "  page       https://github.com/acme/demo/releases/tag/untagged-00000000000000000001\n"
        + "".join(f"  ✓ uploaded      {name:<27}  sha256:{short[name]}\n" for name in NAMES),
    )  # fmt: skip
    checked = command(server, tmp_path, "v1.4.0", "--check")
    assert (checked.code, checked.out) == (0, "✓ v1.4.0 is still on 0123456789, from which demo 1.4.0 was built\n")
    published = command(server, tmp_path, "v1.4.0", "--publish", "--format", "json")
    assert published.json == {
        "schema": 1, "command": "github-release", "ok": True, "project": "demo", "version": "1.4.0", "tag": "v1.4.0",
        "commit": COMMIT, "findings": [], "skipped": [], "url": PUBLIC_URL, "draft": False, "says": [],
        "files": [{"name": name, "sha256": described_by(dist / name).sha256, "action": "present"} for name in NAMES],
    }  # fmt: skip
    assert WRITER not in "".join(part for each in (drafted, checked, published) for part in (each.out, each.err))


def test_command_writes_the_summary(server: ForgeServer, tmp_path: Path) -> None:
    dist, summary = built(tmp_path / "dist"), tmp_path / "summary.md"
    done = command(server, tmp_path, "--draft", "--format", "github", GITHUB_STEP_SUMMARY=str(summary))
    assert (done.code, done.out) == (0, "tagready: demo 1.4.0 is kept as a draft on GitHub\n")
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("### demo 1.4.0 is kept as a draft on GitHub\n")
    assert f"| uploaded | {WHEEL.replace('_', chr(92) + '_')} sha256:{described_by(dist / WHEEL).sha256} |" in text


@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_command_refuses(server: ForgeServer, tmp_path: Path, form: str) -> None:
    built(tmp_path / "dist")
    server.tags["v1.4.0"] = [OTHER]
    done = command(server, tmp_path, "--check", "--format", form, GITHUB_ACTIONS="true")
    assert done.code == 1
    if form == "json":
        assert done.rules == ["tag-exists"]
        assert {key: done.json[key] for key in ("project", "version", "tag", "commit", "url", "draft", "files")} == {
            "project": "demo", "version": "1.4.0", "tag": "v1.4.0", "commit": COMMIT, "url": None, "draft": None,
            "files": [],
        }  # fmt: skip
    elif form == "github":
        assert done.out.splitlines()[-1] == "tagready: github-release: the release on GitHub is not as it should be"
    else:
        assert "\nNot done: 1 finding.\n" in done.err
        assert "  go on  re-run the failed jobs of this run, or: tagready github-release v1.4.0 --check" in done.err


def test_command_where_the_world_fails(server: ForgeServer, tmp_path: Path) -> None:
    built(tmp_path / "dist")
    refused = command(server, tmp_path, "--draft", "--format", "json", token=READER)
    assert (refused.code, refused.json["error"]["stderr"]) == (3, "Resource not accessible by integration")
    assert refused.json["resume"] == "tagready github-release v1.4.0 --draft"
    assert READER not in refused.out + refused.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Error: give one of --draft, --check and --publish"),
        (("--publish", "--notes", "n.md"), "Error: --notes is for --draft: nothing is changed in a draft that is made"),
        (("--draft",), "✗ GitHub cannot be asked: GITHUB_REPOSITORY is not set"),
    ],
)
def test_command_used_wrongly(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    built(tmp_path / "dist")
    done = command(None, tmp_path, *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in " ".join(done.err.split())


def test_what_asks_a_forge_is_imported_by_who_asks_one() -> None:
    script = "import sys, tagready.cli, tagready.doors.forge; sys.exit('requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
