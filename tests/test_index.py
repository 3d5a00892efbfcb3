"""What an index lists for a project, asked from a real one; and what becomes of one that does not answer."""

from __future__ import annotations

import base64
import errno
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version
from pypi_simple import PYPI_SIMPLE_ENDPOINT
from twine.utils import TEST_REPOSITORY

import indexes
from indexes import HTML, JSON, faulty, html_page, json_page, page
from tagready.doors.http import seconds_of
from tagready.doors.index import Listed, Listing, NotListed, endpoint, list_project
from tagready.facts.findings import WrongUse

SHA = "0123456789abcdef" * 4
VERSION = '<meta name="pypi:repository-version" content="{}">'


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAGREADY_INDEX_URL", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


# -- a real index ------------------------------------------------------------------------------------------------------

FILES = {
    "my_demo-1.0.tar.gz": "1.0",
    "my_demo-1.0-py3-none-any.whl": "1.0",
    "my_demo-1.1rc1.tar.gz": "1.1rc1",
    "my-demo-0.9.zip": "0.9",
    "my_demo-1.0.post1-py3-none-any.whl": "1.0.post1",
}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a pypiserver that has the files."""
    folder = tmp_path_factory.mktemp("pypiserver")
    for name in FILES:
        (folder / name).write_bytes(name.encode())
    with indexes.pypiserver(folder) as url:
        yield url


@pytest.mark.parametrize("project", ["my-demo", "My_Demo", "my.demo"])
def test_a_real_index(real: str, project: str) -> None:
    found = list_project(project, real)
    assert isinstance(found, Listing)
    assert found.url == real
    assert set(found.files) == {
        Listed(name, version, sha256(name.encode()).hexdigest(), False) for name, version in FILES.items()
    }
    assert {file.name for file in found.of(Version("1.0.0"))} == {"my_demo-1.0.tar.gz", "my_demo-1.0-py3-none-any.whl"}
    assert found.finals() == (Version("1.0.post1"), Version("1.0"), Version("0.9"))


def test_a_real_index_that_does_not_know_the_project(real: str) -> None:
    assert list_project("other", real) == Listing(real, ())


def test_a_real_index_redirects_to_the_slash(real: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGREADY_INDEX_URL", real.rstrip("/"))
    found = list_project("my-demo")
    assert isinstance(found, Listing)
    assert (found.url, len(found.files)) == (real, len(FILES))


# -- what pages say ----------------------------------------------------------------------------------------------------

NAME = "demo-1.0.tar.gz"


@pytest.mark.parametrize(
    ("kind", "content", "files"),
    [
        pytest.param(JSON, json_page(), [], id="JSON without files"),
        pytest.param(
            JSON,
            json_page({"filename": NAME, "hashes": {"sha256": SHA}}),
            [Listed(NAME, "1.0", SHA, False)],
            id="JSON",
        ),
        pytest.param(
            f"{JSON}; charset=utf-8",
            json_page({"filename": NAME, "hashes": {"sha256": SHA.upper(), "md5": "00"}}),
            [Listed(NAME, "1.0", SHA, False)],
            id="JSON, upper case",
        ),
        pytest.param(
            JSON, json_page({"filename": NAME, "hashes": {"md5": "00"}}), [Listed(NAME, "1.0", None, False)],
            id="JSON with MD5",
        ),
        pytest.param(
            JSON, json_page({"filename": NAME, "hashes": {"sha256": "?"}}), [Listed(NAME, "1.0", None, False)],
            id="JSON with a SHA-256 that is none",
        ),
        pytest.param(
            JSON, json_page({"filename": NAME, "yanked": True}), [Listed(NAME, "1.0", None, True)], id="JSON, yanked"
        ),
        pytest.param(
            JSON, json_page({"filename": NAME, "yanked": "bad"}), [Listed(NAME, "1.0", None, True)],
            id="JSON, yanked for a reason",
        ),
        pytest.param(
            JSON, json_page({"filename": NAME}, version="1.99"), [Listed(NAME, "1.0", None, False)],
            id="JSON of a newer minor version",
        ),
        pytest.param(HTML, html_page(head=VERSION.format("1.0")), [], id="HTML without files"),
        pytest.param(HTML, html_page(('href="/f"', NAME)), [Listed(NAME, "1.0", None, False)], id="HTML, no hash"),
        pytest.param(
            "application/vnd.pypi.simple.v1+html",
            html_page((f'href="/f#sha256={SHA}"', NAME)),
            [Listed(NAME, "1.0", SHA, False)],
            id="HTML",
        ),
        pytest.param(
            HTML, html_page(('href="/f#md5=00"', NAME)), [Listed(NAME, "1.0", None, False)], id="HTML with MD5"
        ),
        pytest.param(
            HTML, html_page(('href="/f" data-yanked=""', NAME)), [Listed(NAME, "1.0", None, True)], id="HTML, yanked"
        ),
        pytest.param(
            HTML,
            '<?xml version="1.0" encoding="utf-8"?>' + html_page(('href="/f"', NAME)),
            [Listed(NAME, "1.0", None, False)],
            id="XHTML",
        ),
    ],
)  # fmt: skip
def test_pages(kind: str, content: str, files: list[Listed]) -> None:
    with faulty(page(content, kind)) as server:
        assert list_project("demo", server.url) == Listing(server.url, tuple(files))


@pytest.mark.parametrize(
    ("project", "name", "version"),
    [
        pytest.param("demo", "demo-1.0-py3-none-any.whl", "1.0", id="wheel"),
        pytest.param("demo", "demo-1.0-7-py3-none-any.whl", "1.0", id="wheel with a build number"),
        pytest.param("demo", "demo-1!2.0+abc.1-py3-none-any.whl", "1!2.0+abc.1", id="epoch and local version"),
        pytest.param("demo", "demo-1.0.tar.gz", "1.0", id="sdist"),
        pytest.param("demo", "demo-1.0+a.linux.tar.gz", "1.0+a.linux", id="sdist that looks like a platform's"),
        pytest.param("demo", "Demo-01.0-RC.1.zip", "1.0rc1", id="not canonical"),
        pytest.param("demo", "demo-1.0-1.tar.gz", "1.0.post1", id="post-release with a hyphen"),
        pytest.param("my-demo", "my_demo-1.0.tar.gz", "1.0", id="normalized"),
        pytest.param("my-demo", "My.Demo-1.0.tar.gz", "1.0", id="older spelling"),
        pytest.param("h11", "h11-0.14.0.tar.gz", "0.14.0", id="digits in the name"),
        pytest.param("demo", "demo-1.0.tar.bz2", "1.0", id="tar.bz2"),
        pytest.param("demo", "demo-1.0-py2.7.egg", "1.0", id="egg"),
        pytest.param("demo", "demo-1.0.win32-py2.7.exe", "1.0", id="installer"),
        pytest.param("demo", "demo-1.0.x.tar.gz", "1.0.x", id="no version"),
        pytest.param("demo", "other-1.0.tar.gz", None, id="another project's sdist"),
        pytest.param("demo", "other-1.0-py3-none-any.whl", None, id="another project's wheel"),
        pytest.param("demo", "README.html", None, id="no distribution"),
    ],
)
def test_versions_in_names(project: str, name: str, version: str | None) -> None:
    with faulty(page(json_page({"filename": name}), JSON)) as server:
        assert list_project(project, server.url) == Listing(server.url, (Listed(name, version, None, False),))


# -- an index that gives no answer -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(page("", status=500), "it answers 500 Internal Server Error", id="500"),
        pytest.param(page("", status=503, Retry_After="60"), "it answers 503 Service Unavailable", id="503"),
        pytest.param(page("", status=429, Retry_After="60"), "it answers 429 Too Many Requests", id="429"),
        pytest.param(page("", status=403), "it answers 403 Forbidden", id="403"),
        pytest.param(page("", status=599), "it answers 599", id="a status of its own"),
        pytest.param(indexes.hang_up, "Remote end closed connection without response", id="connection closed"),
        pytest.param(indexes.cut_short, "IncompleteRead(6 bytes read, 994 more expected)", id="cut short"),
        pytest.param(page(b"\0", "image/png"), "it answers with 'image/png'", id="an image"),
        pytest.param(page("{}", "application/json"), "it answers with 'application/json'", id="other JSON"),
        pytest.param(
            page(html_page(('href="/login"', "Log in"))),
            "its answer cannot be read, it neither lists a distribution nor says that it is an index's",
            id="a login page",
        ),
        pytest.param(
            page("Moved.", status=302, Location="http://192.0.2.1/simple/demo/"),
            "it redirects to plain http",
            id="plain",
        ),
    ],
)
def test_no_answer(answer: indexes.Answer, why: str) -> None:
    with faulty(answer) as server:
        found = list_project("demo", server.url)
        assert isinstance(found, NotListed)
        assert found.why == f"the index could not be asked ({server.url}: {why})"
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(page("{", JSON), "Expecting property name", id="broken JSON"),
        pytest.param(page("{}", JSON), "3 validation errors for Project", id="JSON of something else"),
        pytest.param(page("[" * 200_000, JSON), "", id="JSON that is too deep"),
        pytest.param(page(json_page(version="2.0"), JSON), "Repository's version (2.0)", id="JSON of version 2.0"),
        pytest.param(page(json_page(version="?"), JSON), "Invalid version: '?'", id="JSON of no version"),
        pytest.param(
            page(html_page(("href=/f", NAME), head=VERSION.format("2.0"))),
            "Repository's version (2.0)",
            id="HTML of version 2.0",
        ),
        pytest.param(page(b"\xff\0<![" * 9), "", id="garbage"),
        pytest.param(
            page(json_page({"filename": f"demo-{'9' * 5000}.tar.gz"}), JSON),
            "Exceeds the limit",
            id="a version that Python refuses to read",
        ),
    ],
)
def test_an_answer_that_cannot_be_read(answer: indexes.Answer, words: str) -> None:
    with faulty(answer) as server:
        found = list_project("demo", server.url)
    assert isinstance(found, NotListed)
    assert found.why.startswith(f"the index could not be asked ({server.url}: its answer cannot be read, {words}")
    assert "\n" not in found.why


RETRY_AFTER = {
    "seconds": ("60", 60.0),
    "nought": ("0", 0.0),
    "blanks around it": (" 7 ", 7.0),
    "for ever": ("9" * 400, float("inf")),
    "a date gone by": ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    "an older date": ("Wednesday, 21-Oct-15 07:28:00 GMT", 0.0),
    "not below nought": ("-1", None),
    "a fraction": ("1.5", None),
    "words": ("later", None),
    "a day that is none": ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    "empty": ("", None),
}


@pytest.mark.parametrize(("said", "seconds"), RETRY_AFTER.values(), ids=RETRY_AFTER)
def test_when_to_come_back(said: str, seconds: float | None) -> None:
    assert seconds_of(said) == seconds


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is half a day before UTC, where the system knows of zones."""
    monkeypatch.setenv("TZ", "XXX-14")
    if hasattr(time, "tzset"):
        time.tzset()
    yield
    monkeypatch.undo()
    if hasattr(time, "tzset"):
        time.tzset()


@pytest.mark.usefixtures("far_east")
@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0200"])
def test_when_to_come_back_as_a_date(zone: str) -> None:
    when = datetime.now(UTC) + timedelta(seconds=90)
    local = when + timedelta(hours=2) if zone == "+0200" else when
    assert seconds_of(f"{local:%a, %d %b %Y %H:%M:%S} {zone}") == pytest.approx(90, abs=2)
    assert seconds_of(None) is None


@given(st.text(max_size=30))
def test_whatever_is_said_of_coming_back_is_read(said: str) -> None:
    found = seconds_of(said)
    assert found is None or found >= 0


@pytest.mark.parametrize(("status", "said", "seconds"), [(429, "60", 60), (503, "60", 60), (503, None, None)])
def test_an_index_says_when_to_come_back(status: int, said: str | None, seconds: float | None) -> None:
    more = {"Retry_After": said} if said else {}
    with faulty(page("", status=status, **more)) as server:
        found = list_project("demo", server.url)
    assert isinstance(found, NotListed)
    assert found.retry_after == seconds


def test_redirects() -> None:
    with faulty(indexes.redirect("/moved/demo/")) as server:
        assert list_project("demo", server.url) == Listing(server.url, ())
        assert [path for path, _ in server.asked] == ["/simple/demo/", "/moved/demo/"]


def test_redirects_in_a_circle() -> None:
    with faulty(indexes.redirect("/simple/demo/")) as server:
        why = "Exceeded 30 redirects."
        assert list_project("demo", server.url) == NotListed(f"the index could not be asked ({server.url}: {why})")


def test_nobody_listens() -> None:
    with faulty(indexes.hang_up) as server:
        url = server.url
    assert list_project("demo", url) == NotListed(
        f"the index could not be asked ({url}: {os.strerror(errno.ECONNREFUSED)})"
    )


def test_no_tls() -> None:
    with faulty(indexes.hang_up) as server:
        found = list_project("demo", server.url.replace("http:", "https:"))
    assert isinstance(found, NotListed)
    assert "SSL" in found.why


TRICKLES = {
    "never answers": indexes.hang,
    "trickles the status": indexes.trickle(b""),
    "trickles a header": indexes.trickle(b"HTTP/1.0 200 OK\r\nX-Slow: "),
    "trickles the body": indexes.trickle(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n"),
}


@pytest.mark.parametrize("answer", TRICKLES.values(), ids=TRICKLES.keys())
def test_the_deadline_is_for_all_of_the_answer(answer: indexes.Answer) -> None:
    before = set(threading.enumerate())
    with faulty(answer) as server:
        start = time.monotonic()
        found = list_project("demo", server.url, seconds=0.25)
        took = time.monotonic() - start
    assert found == NotListed(f"the index could not be asked ({server.url}: no answer within 0.25 seconds)")
    assert 0.2 < took < 20
    # The thread that was left to itself ends with the connection.
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
    assert set(threading.enumerate()) <= before


def test_a_process_ends_though_the_index_trickles() -> None:
    code = (
        "import sys; from tagready.doors.index import list_project; print(list_project('demo', sys.argv[1], 0.25).why)"
    )
    with faulty(indexes.trickle(b"HTTP/1.0 200 OK\r\n\r\n")) as server:
        done = subprocess.run([sys.executable, "-c", code, server.url], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (
        0, f"the index could not be asked ({server.url}: no answer within 0.25 seconds)", "",
    )  # fmt: skip


# -- whom to ask, and how ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 404, 500])
def test_credentials_are_sent_and_never_told(status: int) -> None:
    with faulty(page(json_page(), JSON, status)) as server:
        found = list_project("demo", server.url.replace("//", "//us%40er:pass%D1%8F@"))
        expected = Listing(server.url, ())
        assert found == (
            expected
            if status < 500
            else NotListed(f"the index could not be asked ({server.url}: it answers 500 Internal Server Error)")
        )
        [(_, headers)] = server.asked
    assert headers["Authorization"] == "Basic " + base64.b64encode("us@er:passя".encode()).decode()


def test_what_is_sent() -> None:
    with faulty(page(json_page(), JSON)) as server:
        list_project("My_Demo", server.url)
        [(path, headers)] = server.asked
    assert path == "/simple/my-demo/"
    assert headers["Accept"].startswith(JSON)
    assert "Authorization" not in headers


TEST_INDEX = f"https://{urlsplit(TEST_REPOSITORY).hostname}/simple/"


@pytest.mark.parametrize(
    ("url", "variable", "repository", "expected"),
    [
        pytest.param(None, None, None, PYPI_SIMPLE_ENDPOINT, id="usual"),
        pytest.param(None, None, "pypi", PYPI_SIMPLE_ENDPOINT, id="usual, named"),
        pytest.param(None, None, "testpypi", TEST_INDEX, id="testpypi"),
        pytest.param(None, "", "testpypi", TEST_INDEX, id="an empty variable"),
        pytest.param(None, "https://a.example/simple", "testpypi", "https://a.example/simple/", id="variable"),
        pytest.param("https://b.example/", "https://a.example/", "testpypi", "https://b.example/", id="explicit"),
        pytest.param("", None, None, PYPI_SIMPLE_ENDPOINT, id="explicitly none"),
        pytest.param(" https://b.example/x//\n", None, None, "https://b.example/x/", id="space around it"),
        pytest.param("https://u:p@b.example", None, None, "https://u:p@b.example/", id="credentials"),
        pytest.param("http://127.0.0.1:8080/simple", None, None, "http://127.0.0.1:8080/simple/", id="loopback"),
        pytest.param("http://127.9.8.7/", None, None, "http://127.9.8.7/", id="all of 127"),
        pytest.param("http://[::1]:8080", None, None, "http://[::1]:8080/", id="loopback, IPv6"),
        pytest.param("HTTP://LocalHost", None, None, "HTTP://LocalHost/", id="localhost"),
    ],
)
def test_endpoint(
    url: str | None, variable: str | None, repository: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is not None:
        monkeypatch.setenv("TAGREADY_INDEX_URL", variable)
    assert endpoint(url, repository) == expected
    assert endpoint(expected) == expected


@pytest.mark.parametrize(
    ("url", "what"),
    [
        pytest.param("http://a.example/simple", "'http://a.example/simple/' would be asked over plain http", id="http"),
        pytest.param("http://u:p@a.example/", "'a.example/' would be asked over plain http", id="with credentials"),
        pytest.param("http://127.0.0.1.a.example/", "would be asked over plain http", id="looks like loopback"),
        pytest.param("http://127.0.0.1@a.example/", "'a.example/' would be asked over plain http", id="user 127.0.0.1"),
        pytest.param("http://0.0.0.0/", "would be asked over plain http", id="all interfaces"),
        pytest.param("a.example/simple", "'a.example/simple/' is not the address of an index", id="no scheme"),
        pytest.param("u:p@a.example", "'a.example/' is not the address of an index", id="no scheme, credentials"),
        pytest.param("https://u:p/w@a.example/", "'a.example/' is not the address of an index", id="bad credentials"),
        pytest.param("https://", "is not the address of an index", id="no host"),
        pytest.param("https://[::1", "is not the address of an index", id="half a bracket"),
        pytest.param("file:///srv/simple", "is not the address of an index", id="file"),
        pytest.param("https://a.example/?t=1", "'https://a.example/' is not the address of an index", id="query"),
        pytest.param("https://a.example/#x", "is not the address of an index", id="fragment"),
    ],
)
def test_no_endpoint(url: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WrongUse) as raised:
        endpoint(url)
    assert what in raised.value.what
    monkeypatch.setenv("TAGREADY_INDEX_URL", url)
    with pytest.raises(WrongUse):
        list_project("demo")


# -- what follows from a listing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "finals"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([("1.9", False), ("1.10", False), ("1.2", False)], ["1.10", "1.9", "1.2"], id="by version"),
        pytest.param([("1.0", False), ("1.1rc1", False), ("1.1.dev1", False)], ["1.0"], id="no pre-releases"),
        pytest.param([("1.0", False), ("1.0.post1", False)], ["1.0.post1", "1.0"], id="post-releases"),
        pytest.param([("1.0.post1.dev2", False)], [], id="a post-release to come"),
        pytest.param([("1.0", False), ("1.1", True)], ["1.0"], id="yanked"),
        pytest.param([("1.0", True), ("1.0", False)], ["1.0"], id="half yanked"),
        pytest.param([("1.0", False), ("1.0.x", False), (None, False)], ["1.0"], id="no versions"),
        pytest.param([("9.0", False), ("1!1.0", False)], ["1!1.0", "9.0"], id="epoch"),
    ],
)
def test_finals(files: list[tuple[str | None, bool]], finals: list[str]) -> None:
    listing = Listing("", tuple(Listed("file", version, None, yanked) for version, yanked in files))
    assert listing.finals() == tuple(map(Version, finals))


SPELLED = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "1!"]),
        st.sampled_from(["1", "1.0", "1.0.0", "1.1", "2"]),
        st.sampled_from(["", "a1", "rc1"]),
        st.sampled_from(["", ".post1"]),
        st.sampled_from(["", ".dev1"]),
    ),
)
FILE = st.builds(Listed, st.just("file"), st.none() | st.just("?") | SPELLED, st.none(), st.booleans())


@given(st.lists(FILE))
def test_every_file_is_of_its_version_and_counts_for_it(files: list[Listed]) -> None:
    listing = Listing("", tuple(files))
    versions = {Version(file.version) for file in files if file.version not in (None, "?")}
    assert sum(len(listing.of(version)) for version in versions) == sum(f.version not in (None, "?") for f in files)
    for version in versions:
        usable = any(not file.yanked for file in listing.of(version))
        assert (version in listing.finals()) == (usable and not version.is_prerelease)
    assert all(newer > older for newer, older in itertools.pairwise(listing.finals()))
