"""What opens an index: where it is looked for, in which order, and that it is never told; and a run's own identity."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

import indexes
from faults import Fault, FaultProxy
from indexes import Index, faulty, page
from publishing import QUICK, Told, environment, isolate
from tagready.commands.publish import Options, publish
from tagready.doors.credentials import Credentials, find, find_place, mint, probe
from tagready.facts.findings import Finding, Refused, WorldFailed, WrongUse
from tagready.facts.publishing.token_rules import missing
from tagready.facts.publishing.tokens import location_of
from tagready.facts.publishing.upload_answers import Answer, refuses_token
from warehouse import EXPIRED, TOKEN, Scope, Warehouse

LOCAL = "http://127.0.0.1:9/legacy/"
#: Of this nothing is ever told.
SECRET = "s3cret-Horse+battery/staple="


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home folder without a .pypirc."""
    folder = tmp_path / "home"
    folder.mkdir()
    isolate(monkeypatch, folder)
    monkeypatch.delenv("TAGREADY_INDEX_URL")
    return folder


def section(name: str, **options: str) -> str:
    """Return a .pypirc with a section, which is listed."""
    lines = [f"{key} = {value}\n" for key, value in options.items()]
    return f"[distutils]\nindex-servers = {name}\n[{name}]\n{''.join(lines)}"


# -- where to ----------------------------------------------------------------------------------------------------------


class Given(NamedTuple):
    """What is given on the command line, in the environment and in .pypirc."""

    name: str | None = None
    url: str | None = None
    variables: Mapping[str, str] = MappingProxyType({})
    pypirc: str = ""

    def put(self, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
        for name, value in self.variables.items():
            monkeypatch.setenv(name, value)
        if self.pypirc:
            (home / ".pypirc").write_text(self.pypirc)


URL, REPOSITORY = "TWINE_REPOSITORY_URL", "TWINE_REPOSITORY"
OTHER = section("other", repository=LOCAL, username="me", password=SECRET)

PLACES: dict[str, tuple[Given, str]] = {
    "usual": (Given(), DEFAULT_REPOSITORY),
    "test index": (Given("testpypi"), TEST_REPOSITORY),
    "test index, though only others are listed": (Given("testpypi", pypirc=OTHER), TEST_REPOSITORY),
    "section": (Given("other", pypirc=OTHER), LOCAL),
    "section of the usual one": (Given(pypirc=section("pypi", repository=LOCAL)), LOCAL),
    "variable names a section": (Given(variables={REPOSITORY: "other"}, pypirc=OTHER), LOCAL),
    "variable names the test index": (Given(variables={REPOSITORY: "testpypi"}), TEST_REPOSITORY),
    "option before the variable": (Given("pypi", variables={REPOSITORY: "testpypi"}), DEFAULT_REPOSITORY),
    "variable": (Given(variables={URL: LOCAL}), LOCAL),
    "variable before the other": (Given(variables={URL: LOCAL, REPOSITORY: "testpypi"}), LOCAL),
    "option before both": (Given("testpypi", variables={URL: LOCAL, REPOSITORY: "other"}), TEST_REPOSITORY),
    "empty variables": (Given(variables={URL: "", REPOSITORY: ""}), DEFAULT_REPOSITORY),
    "address": (Given(url=LOCAL, variables={URL: DEFAULT_REPOSITORY}), LOCAL),
    "address before the name": (Given("testpypi", LOCAL), LOCAL),
    "address with space around it": (Given(url=f" {LOCAL}\n"), LOCAL),
    "variable with credentials": (
        Given(variables={URL: f"http://me:{quote(SECRET, safe='')}@127.0.0.1:9/legacy/"}),
        LOCAL,
    ),
    "variable with half of them": (Given(variables={URL: "http://:secret@127.0.0.1:9/legacy/"}), LOCAL),
    "section with credentials in its address": (
        Given("other", pypirc=section("other", repository="http://me:secret@127.0.0.1:9/legacy/")),
        LOCAL,
    ),
    "https is put in": (Given(url=DEFAULT_REPOSITORY.replace("https", "https")), DEFAULT_REPOSITORY),
    "all of loopback": (Given(url="http://127.9.9.9/"), "http://127.9.9.9/"),
}


@pytest.mark.parametrize(("given", "url"), PLACES.values(), ids=PLACES)
def test_where_to(given: Given, url: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    given.put(monkeypatch, home)
    place = find_place(given.name, given.url)
    assert (place.url, place.target.repository, place.target.host) == (url, url, location_of(url))
    assert "secret" not in place.target.repository


MALFORMED = "Malformed configuration in ~/.pypirc."
GIVE = "give its address with --repository-url"
HTTPS = "with --repository-url or in TWINE_REPOSITORY_URL"

NO_PLACES: dict[str, tuple[Given, str, str]] = {
    "no such section": (
        Given("other"),
        "there is no repository 'other': Missing 'other' section from ~/.pypirc.",
        GIVE,
    ),
    "an empty section": (
        Given("other", pypirc=section("other")),
        "there is no repository 'other': Missing 'other' section from ~/.pypirc.",
        GIVE,
    ),
    "no address in it": (
        Given("other", pypirc=section("other", username="me", password=SECRET)),
        "the section 'other' of .pypirc has no address to upload to",
        "add one (repository = https://…), or give it with --repository-url",
    ),
    "no address that can be read": (
        Given("other", pypirc=section("other", repository="http://[::1", password=SECRET)),
        "the section 'other' of .pypirc has no address to upload to",
        "add one (repository = https://…), or give it with --repository-url",
    ),
    "a word for an address": (
        Given("other", pypirc=section("other", repository=f"me:{SECRET}@there", password=SECRET)),
        "'there' is not the address of an index",
        f"give one that begins with https:// and has no query, {HTTPS}",
    ),
    "no section": (Given(pypirc=f"password = {SECRET}\n"), f"there is no repository 'pypi': {MALFORMED}", GIVE),
    "no bracket": (Given(pypirc=f"[pypi\npassword = {SECRET}\n"), f"there is no repository 'pypi': {MALFORMED}", GIVE),
    "twice": (
        Given(pypirc=f"[pypi]\npassword = {SECRET}\npassword = {SECRET}\n"),
        f"there is no repository 'pypi': {MALFORMED}",
        GIVE,
    ),
    "plain http": (
        Given(variables={URL: f"http://me:{quote(SECRET, safe='')}@there.example/legacy/"}),
        "the index 'there.example/legacy/' would be asked over plain http, and anybody on the way could answer for it",
        f"give its https address, {HTTPS}; plain http is for this machine alone",
    ),
    "plain http in .pypirc": (
        Given("other", pypirc=section("other", repository="http://there.example/", password=SECRET)),
        "the index 'http://there.example/' would be asked over plain http, and anybody on the way could answer for it",
        f"give its https address, {HTTPS}; plain http is for this machine alone",
    ),
    "looks like this machine": (
        Given(url="http://127.0.0.1.there.example/"),
        "the index 'http://127.0.0.1.there.example/' would be asked over plain http, and anybody on the way could"
        " answer for it",
        f"give its https address, {HTTPS}; plain http is for this machine alone",
    ),
    "on the command line": (
        Given(url=f"https://me:{SECRET}@there.example/"),
        "--repository-url has a user or a password in it, and what is on a command line is for all to read",
        "give the user in TWINE_USERNAME and the password in TWINE_PASSWORD",
    ),
    "no scheme": (
        Given(url="there.example/legacy/"),
        "'there.example/legacy/' is not the address of an index",
        f"give one that begins with https:// and has no query, {HTTPS}",
    ),
    "blanks in the password": (
        Given(variables={URL: "https://me:s3cret horse@there.example/"}),
        "the address to upload to cannot be used: Invalid repository URL: host was required but missing.",
        GIVE,
    ),
}


@pytest.mark.parametrize(("given", "what", "fix"), NO_PLACES.values(), ids=NO_PLACES)
def test_nowhere(given: Given, what: str, fix: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    given.put(monkeypatch, home)
    with pytest.raises(WrongUse) as raised:
        find_place(given.name, given.url)
    assert (raised.value.what, raised.value.fix, raised.value.stderr) == (what, fix, "")


@pytest.mark.parametrize("content", [b"[pypi]\npassword = \xff\xfe" + SECRET.encode(), b"\x00\xff"])
def test_a_file_that_is_no_text(content: bytes, home: Path) -> None:
    (home / ".pypirc").write_bytes(content)
    with pytest.raises(WrongUse) as raised:
        find_place(None, None)
    assert raised.value.what.startswith("there is no repository 'pypi': Unable to read configuration file: ")


def test_a_folder_of_that_name(home: Path) -> None:
    (home / ".pypirc").mkdir()
    with pytest.raises(WrongUse, match=r"there is no repository 'pypi': .*Is a directory"):
        find_place(None, None)


@given(st.text(st.sampled_from("ab1 /:@?#[]%&=\\\"<>'é\t"), max_size=12), st.sampled_from(["http", "https", "ftp", ""]))
def test_no_text_about_an_address_has_its_password(odd: str, scheme: str) -> None:
    url = f"{scheme}://me:{odd}s3cret{odd}@127.0.0.1/legacy/"
    text = told_of(url, None) + told_of(None, url)
    # With a slash in it, it is the address of another host, and what looks like a password is a path there.
    assert "s3cret" not in text or urlsplit(url).hostname != "127.0.0.1"


def told_of(option: str | None, variable: str | None) -> str:
    with pytest.MonkeyPatch.context() as patch:
        if variable:
            patch.setenv(URL, variable)
        return told(option)


def told(url: str | None) -> str:
    try:
        place = find_place(None, url)
    except WrongUse as wrong:
        return f"{wrong.what} {wrong.fix} {wrong.stderr}"
    return f"{place.url} {place.target}"


# -- what with ---------------------------------------------------------------------------------------------------------

TOKEN_NAME, PASSWORD, USER = "PYPI_API_TOKEN", "TWINE_PASSWORD", "TWINE_USERNAME"
NONE = "neither PYPI_API_TOKEN nor TWINE_PASSWORD is set, {} has no password for 127.0.0.1, and the keyring neither"
BOTH = Finding(
    "token-malformed",
    "PYPI_API_TOKEN and TWINE_PASSWORD are both set, and differ",
    "set one of them only, then re-run the failed jobs",
)
IN_URL = f"http://you:{quote(SECRET, safe='')}@127.0.0.1:9/legacy/"

CREDENTIALS: dict[str, tuple[Given, tuple[str, str, str] | Finding | None]] = {
    "nothing": (Given(url=LOCAL), None),
    "token": (Given(url=LOCAL, variables={TOKEN_NAME: "a"}), ("__token__", "a", TOKEN_NAME)),
    "token is no other user's": (
        Given(url=LOCAL, variables={TOKEN_NAME: "a", USER: "u"}),
        ("__token__", "a", TOKEN_NAME),
    ),
    "token before all others": (
        Given("other", variables={TOKEN_NAME: "a"}, pypirc=OTHER),
        ("__token__", "a", TOKEN_NAME),
    ),
    "an empty token is there": (
        Given("other", variables={TOKEN_NAME: ""}, pypirc=OTHER),
        ("__token__", "", TOKEN_NAME),
    ),
    "password": (Given(url=LOCAL, variables={PASSWORD: "b"}), ("__token__", "b", PASSWORD)),
    "password with a user": (Given(url=LOCAL, variables={PASSWORD: "b", USER: "u"}), ("u", "b", PASSWORD)),
    "password with .pypirc's user": (
        Given("other", variables={PASSWORD: "b"}, pypirc=OTHER),
        ("me", "b", PASSWORD),
    ),
    "an empty password is there": (Given("other", variables={PASSWORD: ""}, pypirc=OTHER), ("me", "", PASSWORD)),
    "both the same": (
        Given(url=LOCAL, variables={TOKEN_NAME: "a", PASSWORD: "a", USER: "u"}),
        ("__token__", "a", TOKEN_NAME),
    ),
    "both, and different": (Given(url=LOCAL, variables={TOKEN_NAME: "a", PASSWORD: "b"}), BOTH),
    "both, and one is empty": (Given(url=LOCAL, variables={TOKEN_NAME: "", PASSWORD: "b"}), BOTH),
    "address": (Given(variables={URL: IN_URL}), ("you", quote(SECRET, safe=""), "the address")),
    "address with another user": (
        Given(variables={URL: IN_URL, USER: "u"}),
        ("u", quote(SECRET, safe=""), "the address"),
    ),
    "address with a user alone": (Given(variables={URL: "http://you@127.0.0.1:9/legacy/"}), None),
    ".pypirc": (Given("other", pypirc=OTHER), ("me", SECRET, ".pypirc")),
    ".pypirc with another user": (Given("other", variables={USER: "u"}, pypirc=OTHER), ("u", SECRET, ".pypirc")),
    ".pypirc without a user": (
        Given("other", pypirc=section("other", repository=LOCAL, password=SECRET)),
        ("__token__", SECRET, ".pypirc"),
    ),
    ".pypirc with an empty password": (
        Given("other", pypirc=section("other", repository=LOCAL, username="me", password="")),
        None,
    ),
    ".pypirc, another section": (Given("pypi", pypirc=section("pypi", repository=LOCAL) + "[b]\npassword=x\n"), None),
    ".pypirc is not for addresses": (Given(url=LOCAL, pypirc=OTHER), None),
    ".pypirc, for all": (
        Given(
            "other", pypirc=f"[server-login]\nusername=all\npassword={SECRET}\n" + section("other", repository=LOCAL)
        ),
        ("all", SECRET, ".pypirc"),
    ),
}


@pytest.mark.parametrize(("given", "expected"), CREDENTIALS.values(), ids=CREDENTIALS)
def test_what_with(
    given: Given, expected: tuple[str, str, str] | Finding | None, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    given.put(monkeypatch, home)
    place = find_place(given.name, given.url)
    found = find(place, "demo")
    if expected is None:
        expected = missing(place.target, "demo", f"there is no token: {NONE.format(place.source)}")
    assert found == expected
    assert SECRET not in repr(found)


def test_nothing_is_asked_of_anybody_who_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual index, without a network: neither finding the place nor the token asks it."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9/")
    place = find_place(None, None)
    assert isinstance(find(place, None), Finding)


# -- the keyring -------------------------------------------------------------------------------------------------------

RING = '''
"""A keyring that is a dictionary."""

import json, os
from keyring.backend import KeyringBackend
from keyring.credentials import SimpleCredential

class Keyring(KeyringBackend):
    priority = 9

    def get_password(self, service, username):
        if os.environ.get("RING") == "locked":
            raise RuntimeError("locked, with s3cret-Horse+battery/staple= in it")
        return json.loads(os.environ["RING"]).get(f"{username}@{service}")

    def get_credential(self, service, username):
        for who, password in json.loads(os.environ["RING"]).items():
            user, _, where = who.partition("@")
            if where == service and username in (None, user):
                return SimpleCredential(user, password)

    def set_password(self, service, username, password):
        raise NotImplementedError
'''

LISTED = "[distutils]\nindex-servers = pypi other\n"

#: Says what is found for each of several places, in one process, for a keyring is chosen once in each.
LOOK = """
import os, sys
from tagready.doors.credentials import Credentials, find, find_place
for name, url in (("pypi", None), ("other", None), (None, sys.argv[1]), (None, sys.argv[2])):
    os.environ["TWINE_REPOSITORY_URL"] = url or ""
    found = find(find_place(name, None), "demo")
    print(*found if isinstance(found, Credentials) else [found.rule])
"""


def look(
    home: Path, ring: str, *arguments: str, code: str = LOOK, **variables: str
) -> subprocess.CompletedProcess[str]:
    (home / "ring.py").write_text(RING)
    known = environment(None, PYTHONPATH=str(home), PYTHON_KEYRING_BACKEND="ring.Keyring", HOME=str(home), RING=ring)
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], env=known | variables, capture_output=True, text=True, check=False
    )


def test_the_keyring(home: Path) -> None:
    (home / ".pypirc").write_text(f"{LISTED}[other]\nrepository = {LOCAL}\nusername = me\n")
    ring = (
        f'{{"__token__@{DEFAULT_REPOSITORY}": "one", "me@{LOCAL}": "two", "somebody@http://127.0.0.1:9/a/": "three",'
        ' "somebody@http://127.0.0.1:9/b/": ""}'
    )
    done = look(home, ring, "http://127.0.0.1:9/a/", "http://127.0.0.1:9/b/")
    assert (done.stdout.splitlines(), done.stderr) == (
        ["__token__ one the keyring", "me two the keyring", "somebody three the keyring", "token-missing"],
        "",
    )


def test_the_keyring_comes_last(home: Path) -> None:
    (home / ".pypirc").write_text(f"{LISTED}[pypi]\npassword = file\n[other]\nrepository = {LOCAL}\nusername = me\n")
    ring = f'{{"__token__@{DEFAULT_REPOSITORY}": "one", "me@{LOCAL}": "two"}}'
    addresses = "http://you:url@127.0.0.1:9/a/", "http://127.0.0.1:9/b/"
    done = look(home, ring, *addresses)
    assert done.stdout.splitlines() == [
        "__token__ file .pypirc", "me two the keyring", "you url the address", "token-missing",
    ]  # fmt: skip
    done = look(home, ring, *addresses, PYPI_API_TOKEN="")
    assert done.stdout.splitlines() == ["__token__  PYPI_API_TOKEN"] * 4
    done = look(home, ring, *addresses, TWINE_PASSWORD="word")
    assert done.stdout.splitlines() == [
        "__token__ word TWINE_PASSWORD", "me word TWINE_PASSWORD", "you word TWINE_PASSWORD",
        "__token__ word TWINE_PASSWORD",
    ]  # fmt: skip


def test_a_locked_keyring_has_nothing_and_says_nothing(home: Path) -> None:
    code = "import sys; from tagready.cli import main; main()"
    arguments = ["publish", "--preflight", "--repository-url", LOCAL, "--index-url", LOCAL]
    done = look(home, "locked", *arguments, code=code)
    assert done.returncode == 1
    assert "s3cret" not in done.stdout + done.stderr
    assert done.stderr.startswith("✗ token-missing\n    there is no token: ")


# -- never told --------------------------------------------------------------------------------------------------------


def test_credentials_do_not_show() -> None:
    found = Credentials("me", SECRET, "the keyring")
    assert repr(found) == f"{found}" == "Credentials('me', …, 'the keyring')"


@given(st.text(min_size=6), st.sampled_from(["", " ", "\n"]))
def test_hidden_however_it_is_written(password: str, around: str) -> None:
    found = Credentials("__token__", password + around, "a test")
    bare = found.password.strip()
    if len(bare) < 6:
        return
    sent = base64.b64encode(f"__token__:{found.password}".encode()).decode()
    for written in (bare, quote(bare, safe=""), escape(bare), sent, base64.b64encode(bare.encode()).decode()):
        hidden = found.hide(f"before {written} after")
        assert written not in hidden
        assert hidden.startswith("before ")
    assert found.hide("before and after") == "before and after" or bare in "before and after"


def test_an_empty_password_hides_nothing() -> None:
    assert Credentials("me", " ", "a test").hide("all of it") == "all of it"


# -- whether it is taken -----------------------------------------------------------------------------------------------


def probed(url: str, password: str, user: str = "__token__", seconds: float = 5.0) -> Answer:
    return probe(find_place(None, url), Credentials(user, password, "a test"), seconds)


@pytest.mark.parametrize(
    ("password", "refused"),
    [(TOKEN, False), (f" {TOKEN}\n", False), ("pypi-old", False), ("pypi-unknown", True), ("", True), ("пароль", True)],
)
def test_probing_an_index_like_pypi(password: str, refused: bool, warehouse: Warehouse) -> None:
    warehouse.tokens["pypi-old"] = EXPIRED  # which is looked at with the project
    answer = probed(warehouse.upload_url, password)
    assert (answer.status, refuses_token(answer)) == ((403, True) if refused else (400, False))
    assert [(seen.method, seen.path, seen.file) for seen in warehouse.requests] == [("POST", "/legacy/", None)]
    assert not warehouse.written


def test_probing_an_index_that_takes_no_uploads_now(warehouse: Warehouse) -> None:
    warehouse.uploads_disabled = True
    answer = probed(warehouse.upload_url, "pypi-unknown")
    assert answer.status == 403
    assert not refuses_token(answer)


def test_probing_devpi(devpi: Index) -> None:
    assert refuses_token(probed(devpi.upload_url, "wrong"))
    assert probed(devpi.upload_url, devpi.password).status == 400


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(page("no", status=401), Answer(401, "no"), id="401"),
        pytest.param(page("Moved", status=302, Location="http://192.0.2.1/"), Answer(302, "Moved"), id="redirect"),
        pytest.param(page("", status=405), Answer(405, "Method Not Allowed"), id="405, without words"),
        pytest.param(page("It works!"), Answer(200, "It works!"), id="200"),
        pytest.param(indexes.hang, Answer(None, "TimeoutError"), id="never answers"),
        pytest.param(
            indexes.trickle(b"HTTP/1.0 403 Forbidden\r\n\r\n"), Answer(None, "TimeoutError"), id="trickles the body"
        ),
        pytest.param(indexes.hang_up, Answer(None, "ConnectionError"), id="connection closed"),
    ],
)
def test_probing_what_answers_otherwise(
    answer: indexes.Answer, expected: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes.Handler, "do_POST", posted, raising=False)
    with faulty(answer) as server:
        start = time.monotonic()
        found = probed(server.root, "secret", seconds=0.3)
        assert time.monotonic() - start < 20
    assert found._replace(text=found.text if found.status else "TimeoutError") == expected or found == expected
    assert [headers["Authorization"] for _, headers in server.asked] == [
        "Basic " + base64.b64encode(b"__token__:secret").decode()
    ]


def posted(request: indexes.Handler) -> None:
    """Read a form, and answer as to any other request."""
    request.rfile.read(int(request.headers["Content-Length"]))
    request.do_GET()


# -- a run's own identity ----------------------------------------------------------------------------------------------

Minted = Callable[[], Credentials | Finding]


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """A job on GitHub, and an index over https that knows whom it may ask."""
    with Warehouse(tls=True) as index:
        for name, value in index.github().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(index.ca_file))
        monkeypatch.setenv("SSL_CERT_FILE", str(index.ca_file))
        index.publisher = Scope.of("demo")
        index.projects.add("demo")
        yield index


NOBODY = (
    "The token request failed; the index server gave the following reasons: * `invalid-publisher`: valid token, but no"
    " corresponding publisher (Publisher with matching claims was not found)"
)


def test_minted(job: Warehouse) -> None:
    found = mint(find_place(None, job.upload_url))
    assert isinstance(found, Credentials)
    assert (found.user, found.source) == ("__token__", "Trusted Publishing")
    assert job.tokens[found.password] == Scope.of("demo")._replace(publisher=True)
    assert [seen.path for seen in job.requests] == ["/_/oidc/audience", "/github-oidc", "/_/oidc/mint-token"]


def no_permission(_: Warehouse, patch: pytest.MonkeyPatch) -> None:
    patch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    patch.delenv("ACTIONS_ID_TOKEN_REQUEST_URL")


def no_job(_: Warehouse, patch: pytest.MonkeyPatch) -> None:
    no_permission(_, patch)
    patch.delenv("GITHUB_ACTIONS")


def elsewhere(_: Warehouse, patch: pytest.MonkeyPatch) -> None:
    no_job(_, patch)
    patch.setenv("GITLAB_CI", "true")


REFUSED: dict[str, tuple[Callable[[Warehouse, pytest.MonkeyPatch], object], str, str]] = {
    "no permission": (no_permission, "token-missing", "this run has no identity to show to 127.0.0.1"),
    "no job": (no_job, "token-missing", "this run has no identity to show to 127.0.0.1"),
    "no identity on GitLab": (elsewhere, "token-missing", "this run has no identity to show to 127.0.0.1"),
    "no publisher": (
        lambda index, _: setattr(index, "publisher", None),
        "token-refused",
        f"127.0.0.1 gives no token to this run ({NOBODY})",
    ),
}


@pytest.mark.parametrize(("prepare", "rule", "words_"), REFUSED.values(), ids=REFUSED)
def test_not_minted(
    prepare: Callable[[Warehouse, pytest.MonkeyPatch], object], rule: str, words_: str, job: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    prepare(job, monkeypatch)
    found = mint(find_place(None, job.upload_url))
    assert isinstance(found, Finding)
    assert found.rule == rule
    assert found.message.endswith(words_)


def stranger(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "wrong")


def garbled(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "http://127.0.0.1:9/")


NOTHING = "Unable to retrieve an OIDC token from the CI platform for trusted publishing GitHub: "
FAILED: dict[str, tuple[Fault | None, Callable[[pytest.MonkeyPatch], object] | None, str]] = {
    "the index is down": (Fault("refused", seconds=None), None, "Connection refused"),
    "it hangs": (Fault("hang"), None, "no answer within 1 seconds"),
    "it wants to be left alone": (Fault("503", retry_after="3600"), None, "no answer within 1 seconds"),
    "it is no index": (Fault("wrong-type"), None, "its answer cannot be read"),
    "it fails at the last": (Fault("503", method="POST"), None, "The token-minting request returned invalid JSON"),
    "it is gone at the last": (Fault("reset-before", times=None, method="POST"), None, ""),
    "GitHub gives none": (None, stranger, f"{NOTHING}OIDC token request failed (code=401, body="),
    "GitHub is down": (None, garbled, f"{NOTHING}OIDC token request timed out"),
}


@pytest.mark.parametrize(("fault", "prepare", "said"), FAILED.values(), ids=FAILED)
def test_nobody_to_ask(
    fault: Fault | None, prepare: Callable[[pytest.MonkeyPatch], object] | None, said: str, warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name, value in warehouse.github().items():
        monkeypatch.setenv(name, value)
    if prepare:
        prepare(monkeypatch)
    with FaultProxy(warehouse.root, *([fault] if fault else []), tls=True) as proxy:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(proxy.ca_file))
        place = find_place(None, proxy.through(warehouse.upload_url))
        with pytest.raises(WorldFailed) as raised:
            mint(place, 1.0)
    assert raised.value.what == "no upload token could be had from 127.0.0.1 for this run"
    assert raised.value.stderr.startswith(said)
    assert "\n" not in raised.value.stderr


@pytest.mark.parametrize("answer", ["[]", "null", "1", '"x"', "{}", '{"errors": 1}', '{"audience": []}'])
@pytest.mark.parametrize("status", [200, 422])
def test_answers_of_another_shape(answer: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x")
    with faulty(page(answer, "application/json", status)) as server, FaultProxy(server.root, tls=True) as proxy:
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", server.root)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(proxy.ca_file))
        with pytest.raises(WorldFailed):
            mint(find_place(None, proxy.root), 5.0)


# -- and never one for the other ---------------------------------------------------------------------------------------


def preflight(index: Warehouse, *, trusted: bool) -> list[str]:
    """Return the rules that a preflight finds against."""
    options = Options(
        preflight=True, trusted=trusted, repository_url=index.upload_url, index_url=index.simple_url, project="demo"
    )
    try:
        publish(options, Told(), QUICK)
    except Refused as refused:
        return [found.rule for found in refused.report.findings]
    return []


def test_a_token_does_not_stand_in_for_an_identity(job: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYPI_API_TOKEN", TOKEN)
    assert preflight(job, trusted=True) == []
    job.publisher = None
    assert preflight(job, trusted=True) == ["token-refused"]
    no_permission(job, monkeypatch)
    assert preflight(job, trusted=True) == ["token-missing"]
    assert {seen.path for seen in job.requests} == {"/_/oidc/audience", "/github-oidc", "/_/oidc/mint-token"}


def test_an_identity_does_not_stand_in_for_a_token(job: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    assert preflight(job, trusted=False) == ["token-missing"]
    monkeypatch.setenv("PYPI_API_TOKEN", "")
    assert preflight(job, trusted=False) == ["token-missing"]
    assert job.requests == []
    monkeypatch.setenv("PYPI_API_TOKEN", "pypi-unknown")
    assert preflight(job, trusted=False) == ["token-refused"]
    assert [seen.path for seen in job.requests] == ["/legacy/"]
