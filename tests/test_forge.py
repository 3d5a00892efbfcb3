"""The door to GitHub, at a server that answers as its API does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forge_server import AFTER, BEFORE, READER, REPOSITORY, WRITER, Fault, ForgeServer, Reply, Seen
from publishing import isolate
from tagready.doors import forge
from tagready.doors.forge import Asset, Forge, Unanswered
from tagready.facts.findings import WorldFailed
from tagready.facts.reviews import PullRequest

COMMIT, OTHER = "c" * 40, "d" * 40


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ForgeServer]:
    isolate(monkeypatch, tmp_path)
    monkeypatch.delenv("GH_TOKEN", raising=False)
    with ForgeServer() as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


def opened(pauses: tuple[float, ...] = (0, 0)) -> Forge:
    found = forge.here()
    assert isinstance(found, Forge)
    return found._replace(pauses=pauses)


def spoil(fault: Reply | str, *numbers: int) -> Fault:
    """Answer the requests of these numbers so; without any, all of them."""
    return lambda number, seen: fault if not numbers or number in numbers else None


def asked(server: ForgeServer) -> list[str]:
    return [f"{seen.host} {seen.method} {re.sub('^/repos/acme/demo/', '', seen.path)}" for seen in server.requests]


# -- which forge -------------------------------------------------------------------------------------------------------


NOT_SAFE = "GITHUB_API_URL is no https address, and a token is not sent to any other"


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"GITHUB_REPOSITORY": ""}, "GITHUB_REPOSITORY is not set, which names the repository (owner/name)"),
        ({"GITHUB_REPOSITORY": "demo"}, "GITHUB_REPOSITORY is not the name of a repository (owner/name)"),
        ({"GITHUB_REPOSITORY": "acme/.."}, "GITHUB_REPOSITORY is not the name of a repository (owner/name)"),
        ({"GITHUB_TOKEN": ""}, "there is no token: set GITHUB_TOKEN"),
        ({"GITHUB_TOKEN": "a\nb"}, "the token in GITHUB_TOKEN or GH_TOKEN has characters that no token has"),
        ({"GITHUB_API_URL": "http://192.0.2.1"}, NOT_SAFE),
        ({"GITHUB_API_URL": "http://me:you@127.0.0.1"}, NOT_SAFE),
        ({"GITHUB_API_URL": "ftp://127.0.0.1"}, NOT_SAFE),
        ({"GITHUB_API_URL": "https://[::1"}, NOT_SAFE),
    ],
)  # fmt: skip
def test_says_why_there_is_no_forge(
    server: ForgeServer, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], why: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert forge.here() == why


def test_takes_what_a_workflow_gives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)
    monkeypatch.setenv("GITHUB_REPOSITORY", REPOSITORY)
    monkeypatch.setenv("GH_TOKEN", f"{WRITER}\n")
    assert forge.here() == Forge("https://api.github.com", REPOSITORY, WRITER)


# -- reading -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chain", "tag"), [([COMMIT], "v1.4.0"), (["a" * 40, COMMIT], "demo/v1.4.0"), (["a" * 40, "b" * 40, COMMIT], "v#1")]
)
def test_commit_of_tag_goes_through_annotated_tags(server: ForgeServer, chain: list[str], tag: str) -> None:
    server.tags[tag] = chain
    assert opened().commit_of_tag(tag) == COMMIT


def test_a_tag_that_is_not_there_has_no_commit(server: ForgeServer) -> None:
    server.tags["v1.4.0"] = [COMMIT]
    assert opened().commit_of_tag("v1.4") is None


def test_refs_that_only_begin_so_are_not_the_tag(server: ForgeServer) -> None:
    server.fault = spoil(Reply(200, [{"ref": "refs/tags/v1.4.0", "object": {"type": "commit", "sha": COMMIT}}]))
    assert opened().commit_of_tag("v1.4") is None


def test_a_tag_on_something_else_has_no_commit(server: ForgeServer) -> None:
    server.fault = spoil(Reply(200, {"ref": "refs/tags/v1", "object": {"type": "tree", "sha": COMMIT}}))
    assert opened().commit_of_tag("v1") is None


def test_pull_requests_of_a_commit(server: ForgeServer) -> None:
    def pull(number: int, merged_at: str | None, base: str) -> dict[str, object]:
        url = f"https://github.com/acme/demo/pull/{number}"
        return {"number": number, "merged_at": merged_at, "base": {"ref": base}, "html_url": url,
                "merge_commit_sha": COMMIT if merged_at else None}  # fmt: skip

    server.pulls = {
        COMMIT: [pull(1, "2026-01-02T03:04:05Z", "main"), pull(2, None, "8.3.x"), pull(3, None, "main")],
        OTHER: [],
    }
    assert opened().pull_requests_of(COMMIT) == (
        PullRequest(1, True, "main"),
        PullRequest(2, False, "8.3.x"),
        PullRequest(3, False, "main"),
    )
    assert asked(server) == [
        f"api GET commits/{COMMIT}/pulls?per_page=100", f"api GET commits/{COMMIT}/pulls?per_page=2&page=2",
    ]  # fmt: skip
    assert opened().pull_requests_of(OTHER) == ()


def test_a_commit_that_the_forge_does_not_have(server: ForgeServer) -> None:
    with pytest.raises(WorldFailed) as failed:
        opened().pull_requests_of(OTHER)
    assert failed.value.stderr == f"No commit found for SHA: {OTHER}"


def test_releases_of_all_pages_newest_first_and_drafts_for_writers_only(
    server: ForgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        server.keep(f"v1.{number}", draft=number == 4)
    assert [release.tag for release in opened().releases()] == ["v1.4", "v1.3", "v1.2", "v1.1", "v1.0"]
    monkeypatch.setenv("GITHUB_TOKEN", READER)
    assert [release.tag for release in opened().releases()] == ["v1.3", "v1.2", "v1.1", "v1.0"]


def test_a_list_is_not_followed_to_another_host(server: ForgeServer) -> None:
    server.fault = spoil(Reply(200, [], {"Link": f'<{server.url("objects")}/more>; rel="next"'}))
    with pytest.raises(WorldFailed, match="cannot be read"):
        opened().releases()
    assert asked(server) == ["api GET releases?per_page=100"]


def test_downloads_without_showing_the_token_to_the_storage(server: ForgeServer, tmp_path: Path) -> None:
    kept = server.keep("v1")
    file = server.put(kept, "demo.whl", b"\0wheel" * 50_000)
    asset = opened().releases()[0].assets[0]
    opened().download(asset, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == file.content
    sent = {seen.host: seen.authorization for seen in server.requests}
    assert sent == {"api": f"Bearer {WRITER}", "objects": None}


@pytest.mark.parametrize("target", ["http://192.0.2.1/asset", "ftp://127.0.0.1/asset"])
def test_downloads_are_not_redirected_to_where_others_can_read(
    server: ForgeServer, tmp_path: Path, target: str
) -> None:
    server.fault = spoil(Reply(302, b"", {"Location": target}))
    with pytest.raises(WorldFailed, match="it redirects to plain http"):
        opened().download(Asset(1, "demo.whl", 1, True, None), tmp_path / "got")


def test_a_download_that_breaks_off_begins_again(server: ForgeServer, tmp_path: Path) -> None:
    file = server.put(server.keep("v1"), "demo.whl", b"wheel" * 1000)
    asset = opened().releases()[0].assets[0]
    server.fault = spoil(Reply(200, b"whe", {"Content-Length": "5000"}), 3)
    opened().download(asset, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == file.content
    assert len(server.requests) == 5


# -- writing -----------------------------------------------------------------------------------------------------------


def test_a_release_from_draft_to_public(server: ForgeServer, tmp_path: Path) -> None:
    server.tags["v1.4.0"] = [COMMIT]
    (tmp_path / "a+b.whl").write_bytes(b"wheel")
    (tmp_path / "empty").write_bytes(b"")
    here = opened()
    draft = here.create_draft("v1.4.0", "demo 1.4.0", "Notes.", prerelease=False)
    assets = [here.upload(draft, tmp_path / name) for name in ("a+b.whl", "empty")]
    assert [(asset.name, asset.size, asset.complete) for asset in assets] == [("a+b.whl", 5, True), ("empty", 0, True)]
    here.delete(assets[1])
    here.delete(assets[1])  # gone is gone
    here.update(draft, {"body": "Other notes."})
    public = here.publish(draft, latest=True)
    assert (public.draft, public.tag, public.title, public.body, public.assets) == (
        False, "v1.4.0", "demo 1.4.0", "Other notes.", (assets[0],),
    )  # fmt: skip
    assert here.release(draft.id) == public
    assert server.latest == "v1.4.0"
    assert server.releases[0].contents() == {"a+b.whl": b"wheel"}
    created = next(seen for seen in server.requests if seen.path.endswith("/releases"))
    assert b"target_commitish" not in created.body


@pytest.mark.parametrize("fault", [BEFORE, AFTER, Reply(502, b"<html>"), Reply(429, {"message": "slow down"})])
def test_what_may_have_been_done_is_not_repeated_unseen(
    server: ForgeServer, tmp_path: Path, fault: Reply | str
) -> None:
    draft = opened().create_draft("v1", "", "", prerelease=False)
    (tmp_path / "file").write_bytes(b"file")
    server.requests.clear()
    server.fault = spoil(fault)
    with pytest.raises(Unanswered):
        opened().create_draft("v1", "", "", prerelease=False)
    with pytest.raises(Unanswered):
        opened().upload(draft, tmp_path / "file")
    assert len(server.requests) == 2


def test_a_file_that_is_there_already_may_be_ours(server: ForgeServer, tmp_path: Path) -> None:
    server.put(server.keep("v1"), "file", b"other")
    (tmp_path / "file").write_bytes(b"file")
    with pytest.raises(Unanswered) as failed:
        opened().upload(opened().releases()[0], tmp_path / "file")
    assert failed.value.stderr == "Validation Failed already_exists"


def test_a_write_is_not_sent_elsewhere(server: ForgeServer) -> None:
    server.fault = spoil(Reply(301, b"", {"Location": f"{server.url()}/repos/acme/renamed/releases"}))
    with pytest.raises(WorldFailed, match="answers 301 for acme/demo"):
        opened().create_draft("v1", "", "", prerelease=False)
    assert len(server.requests) == 1


# -- faults ------------------------------------------------------------------------------------------------------------


LIMITED = {"message": "You have exceeded a secondary rate limit"}
FAULTS = [
    BEFORE, AFTER, Reply(500), Reply(503, b"<html>"), Reply(429, {"message": "slow down"}),
    Reply(403, LIMITED, {"Retry-After": "0"}), Reply(200, b"{", {"Content-Length": "7"}),
]  # fmt: skip
REPEATED: dict[str, Callable[[Forge, Asset], object]] = {
    "tag": lambda here, asset: here.commit_of_tag("v1"),
    "list": lambda here, asset: here.releases(),
    "delete": lambda here, asset: here.delete(asset),
    "publish": lambda here, asset: here.publish(here.releases()[0], latest=False),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", REPEATED)
def test_what_can_be_repeated_is(server: ForgeServer, call: str, fault: Reply | str) -> None:
    server.tags["v1"] = [COMMIT]
    server.put(server.keep("v1"), "file", b"")
    asset = opened().releases()[0].assets[0]
    server.requests.clear()
    server.fault = spoil(fault, 1, 2)
    REPEATED[call](opened(), asset)
    assert len({seen.path for seen in server.requests[:3]}) == 1


@pytest.mark.parametrize("call", REPEATED)
def test_but_not_for_ever(server: ForgeServer, call: str) -> None:
    server.fault = spoil(BEFORE)
    with pytest.raises(WorldFailed, match=r"could not be asked about acme/demo") as failed:
        REPEATED[call](opened(), Asset(1, "", 0, True, None))
    assert len(server.requests) == 3
    assert "reset" in failed.value.stderr


def test_a_long_pause_is_left_to_the_user(server: ForgeServer) -> None:
    server.fault = spoil(Reply(503, {"message": "Later"}, {"Retry-After": "3600"}))
    with pytest.raises(WorldFailed):
        opened().releases()
    assert len(server.requests) == 1


def test_nobody_there(server: ForgeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    with pytest.raises(WorldFailed) as failed:
        opened().releases()
    assert failed.value.stderr == "Connection refused"


@pytest.mark.parametrize(
    ("reply", "fix"),
    [
        (Reply(401, {"message": f"Bad credentials: {WRITER}"}), "give the job a token that is valid, in GITHUB_TOKEN"),
        (Reply(403, {"message": "Resource not accessible by integration"}),
         "give the token what this takes: `permissions: contents: write` for releases, `contents: read` else"),
        (Reply(404, {"message": "Not Found"}),
         "give the token what this takes: `permissions: contents: write` for releases, `contents: read` else"),
        (Reply(403, {"message": "API rate limit exceeded"},
               {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1767323046"}),
         "run it again after 03:04 UTC"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_way_out_and_never_the_token(server: ForgeServer, reply: Reply, fix: str) -> None:
    server.fault = spoil(reply)
    with pytest.raises(WorldFailed) as failed:
        opened().releases()
    assert failed.value.fix == fix
    assert len(server.requests) == 1
    assert WRITER not in f"{failed.value} {failed.value.what} {failed.value.command} {failed.value.stderr} {opened()!r}"


@pytest.mark.parametrize("body", [b"<html>", b"", {"message": "no list"}, [{}], [{"id": 1}], ["?"], [None]])
def test_an_answer_that_is_none(server: ForgeServer, body: object) -> None:
    server.fault = spoil(Reply(200, body))
    with pytest.raises(WorldFailed):
        opened(()).releases()


def test_netrc_does_not_replace_the_token(server: ForgeServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    opened().releases()
    assert server.requests == [Seen("api", "GET", "/repos/acme/demo/releases?per_page=100", f"Bearer {WRITER}", b"")]
