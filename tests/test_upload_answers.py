"""What an index's answer to an upload means: the indexes' and the proxies' own words, as they send them."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twine.package import PackageFile
from twine.repository import Repository

from dists import make_sdist, make_wheel
from indexes import Index
from publishing import pypiserver
from tagready.facts.publishing.upload_answers import Answer, Meaning, meaning, refuses_token, words

ACCEPTED, AGAIN, CLOSED, DELETED = Meaning.ACCEPTED, Meaning.AGAIN, Meaning.CLOSED, Meaning.DELETED
REJECTED, THERE, TOKEN = Meaning.REJECTED, Meaning.THERE_ALREADY, Meaning.TOKEN_REFUSED

SEE = "See https://index.example/help/#"
MORE = " for more information."
HASH = "a1" * 32

#: Warehouse's, in the order of its checks (warehouse/forklift/legacy.py, warehouse/macaroons/security_policy.py).
WAREHOUSE: dict[str, tuple[int, str, Meaning]] = {
    "read-only": (403, "Read-only mode: Uploads are temporarily disabled.", AGAIN),
    "uploads switched off": (403, f"New uploads are temporarily disabled. {SEE}admin-intervention{MORE}", AGAIN),
    "new projects switched off": (
        403, f"New project registration temporarily disabled. {SEE}admin-intervention{MORE}", AGAIN,
    ),
    "no token": (403, f"Invalid or non-existent authentication information. {SEE}invalid-auth{MORE}", TOKEN),
    "user and password": (
        403,
        "Username/Password authentication is no longer supported. Migrate to API Tokens or Trusted Publishers instead. "
        "See https://index.example/help/#apitoken and https://index.example/help/#trusted-publishers",
        TOKEN,
    ),
    "past its date": (403, "Invalid API Token: token is expired", TOKEN),
    "before its date": (403, "Invalid API Token: token is not yet valid", TOKEN),
    "other project": (403, "Invalid API Token: project-scoped token is not valid for project: 'demo'", TOKEN),
    "other project, OIDC": (403, "Invalid API Token: OIDC scoped token is not valid for project 'demo'", TOKEN),
    "user restriction": (403, "Invalid API Token: token with user restriction without a user", TOKEN),
    "an unreadable caveat": (403, "Invalid API Token: caveat must be an array", TOKEN),
    "a spoilt macaroon": (403, "Invalid API Token: InvalidMacaroon('invalid macaroon signature')", TOKEN),
    "not a maintainer": (
        403, f"The user 'me' isn't allowed to upload to project 'demo'. {SEE}project-name{MORE}", TOKEN,
    ),
    "not a maintainer, OIDC": (
        403, f"The given token isn't allowed to upload to project 'demo'. {SEE}project-name{MORE}", TOKEN,
    ),
    "unverified": (
        403,
        "User 'me', associated with the API token used, does not have a verified primary email address. Please add a "
        f"verified primary email before attempting to upload to PyPI. {SEE}verified-email{MORE}",
        REJECTED,
    ),
    "unverified, before": (
        400, f"User 'me' does not have a verified primary email address. {SEE}verified-email{MORE}", REJECTED,
    ),
    "one factor": (
        403,
        "User 'me', associated with the API token used, does not have two-factor authentication enabled. Please enable "
        f"two-factor authentication before attempting to upload to PyPI. {SEE}two-factor-authentication{MORE}",
        REJECTED,
    ),
    "inactive organization": (
        400, "Organization account owning this project is inactive. This may be due to inactive billing.", REJECTED,
    ),
    "made by somebody else meanwhile": (
        409,
        f"The name 'demo' conflicts with an existing project. {SEE}project-name{MORE}",
        AGAIN,
    ),
    "no permission": (403, "API tokens are not valid for permission: upload!", TOKEN),
    "too many new projects": (429, "Too many new projects created", REJECTED),
    "too many requests": (429, "The action could not be performed because there were too many requests.", AGAIN),
    "a name that is taken": (
        400, f"The name 'demo' is too similar to an existing project. {SEE}project-name{MORE}", REJECTED,
    ),
    "a publisher's new project": (
        400, "Non-user identities cannot create new projects. This was probably caused by successfully using a pending "
        "publisher but specifying the project name incorrectly.", REJECTED,
    ),
    "readme": (
        400, f"The description failed to render for 'text/x-rst'. {SEE}description-content-type{MORE}", REJECTED,
    ),
    "too large": (400, f"File too large. Limit for project 'demo' is 100 MB. {SEE}file-size-limit{MORE}", REJECTED),
    "other content": (
        400, f"File already exists ('demo-1.4.0.tar.gz', with blake2_256 hash '{HASH}'). {SEE}file-name-reuse{MORE}",
        THERE,
    ),
    "deleted": (
        400, "This filename was previously used by a file that has since been deleted. Use a different version. "
        f"{SEE}file-name-reuse{MORE}", DELETED,
    ),
    "in earlier words": (
        400, "This filename has already been used, use a different version. {SEE}file-name-reuse{MORE}", REJECTED,
    ),
    "closed": (400, "Uploading new files to releases older than 14 days is not allowed.", CLOSED),
    "second sdist": (400, "Only one sdist may be uploaded per release.", REJECTED),
    "name": (400, "Filename 'Demo-1.4.0.tar.gz' is invalid, should be 'demo-1.4.0.tar.gz'.", REJECTED),
    "licence": (
        400, "License-File LICENSE does not exist in distribution file demo-1.4.0.tar.gz at demo-1.4.0/LICENSE",
        REJECTED,
    ),
    "RECORD": (
        400, "Wheel 'demo-1.4.0-py3-none-any.whl' does not contain the required RECORD file: demo.dist-info/RECORD",
        REJECTED,
    ),
    "local version": (400, "The use of local versions in '1.4.0+local' is not allowed.", REJECTED),
    "classifier": (400, "'No :: Such' is not a valid classifier. See the standard for more information.", REJECTED),
    "digest": (400, "The digest supplied does not match a digest calculated from the uploaded file.", REJECTED),
    "attestations": (
        400, "Invalid attestations supplied during upload: Attestations are only supported when using Trusted "
        "Publishing", REJECTED,
    ),
    "something like a token": (400, "Invalid value for token. Error: Use a valid token.", REJECTED),
    "unavailable": (503, "Service Unavailable", AGAIN),
}  # fmt: skip

EXPLAINED = {403: "Access was denied to this resource.", 400: "The server could not comply with the request."}


def page(status: int, text: str) -> str:
    """Return an error page as WebOb makes it."""
    title = html.escape(f"{status} {text}")
    said = f"{EXPLAINED.get(status, 'No.')}<br/><br/>\n{html.escape(text)}\n\n\n"
    return (
        f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n  {said} </body>\n</html>"
    )


@pytest.mark.parametrize(("status", "text", "expected"), WAREHOUSE.values(), ids=WAREHOUSE)
def test_warehouse(status: int, text: str, expected: Meaning) -> None:
    for said in (text, page(status, text)):
        answer = Answer(status, said)
        assert (meaning(answer), words(said)) == (expected, text)
        assert refuses_token(answer) is (expected is TOKEN)


#: The others', and what stands between them and us.
OTHERS: dict[str, tuple[Answer, Meaning]] = {
    "200": (Answer(200), ACCEPTED),
    "201": (Answer(201, "Created"), ACCEPTED),
    "200 that looks like an error": (Answer(200, "File already exists"), ACCEPTED),
    "no answer": (Answer(None, "Connection refused"), AGAIN),
    "no answer, with words": (Answer(None, "Invalid token: already exists"), AGAIN),
    "408": (Answer(408, "Request Timeout"), AGAIN),
    "421": (Answer(421, "Misdirected Request"), AGAIN),
    "425": (Answer(425, "Too Early"), AGAIN),
    "429": (Answer(429, "Too Many Requests", 30.0), AGAIN),
    "500 with a verdict": (Answer(500, "Invalid token"), AGAIN),
    "502": (Answer(502, "<html><head><title>502 Bad Gateway</title></head><hr>nginx</html>"), AGAIN),
    "599": (Answer(599), AGAIN),
    "401": (Answer(401, ""), TOKEN),
    "401 in JSON": (Answer(401, '{"message": "unauthorized"}'), TOKEN),
    "GitLab: forbidden": (Answer(403, '{"message":"403 Forbidden"}'), REJECTED),
    "GitLab: taken": (Answer(400, '{"message":"Validation failed: File name has already been taken"}'), THERE),
    "Nexus: taken": (
        Answer(400, "<html><title>400 - Nexus</title><p>Repository does not allow updating assets: demo</p></html>"),
        THERE,
    ),
    "Nexus: taken, later": (Answer(400, "demo/packages/demo/1.4.0/demo-1.4.0.tar.gz cannot be updated"), THERE),
    "Artifactory: taken": (Answer(403, "Not enough permissions to delete/overwrite artifact 'demo'"), THERE),
    "Artifactory: taken, later": (
        Answer(403, "Not enough permissions to delete/overwrite all artifacts under 'demo'"), THERE,
    ),
    "Google: taken": (Answer(400, "Requested entity already exists."), THERE),
    "devpi: taken": (Answer(409, "demo-1.4.0.tar.gz already exists in non-volatile index"), THERE),
    "conflict": (Answer(409, ""), THERE),
    "devpi: forbidden": (Answer(403, "no permission to submit"), REJECTED),
    "a firewall": (Answer(403, "<html><head><title>403 Forbidden</title></head></html>"), REJECTED),
    "a firewall with words": (Answer(403, "<h1>Attention Required!</h1> You have been blocked"), REJECTED),
    "a notice": (Answer(403, "Notice: authentication is fine, the wrong door"), REJECTED),
    "404": (Answer(404, "Not Found"), REJECTED),
    "405": (Answer(405, "Method Not Allowed"), REJECTED),
    "404 with words": (Answer(404, "a file that already exists"), REJECTED),
    "413": (Answer(413, "<center><h1>413 Request Entity Too Large</h1></center>"), REJECTED),
    "302": (Answer(302, "Found"), REJECTED),
    "twine": (Answer(400, "twine says: the file is no distribution"), REJECTED),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "expected"), OTHERS.values(), ids=OTHERS)
def test_others(answer: Answer, expected: Meaning) -> None:
    assert meaning(answer) is expected
    assert refuses_token(answer) is (expected is TOKEN)


# -- real ones ---------------------------------------------------------------------------------------------------------


def upload(index: Index, path: Path, password: str | None = None) -> tuple[Meaning, str]:
    """Send a file as twine does, and return what is made of the answer."""
    repository = Repository(index.upload_url, index.user, password or index.password, disable_progress_bar=True)
    found = repository.upload(PackageFile.from_filename(str(path), None))
    repository.close()
    answer = Answer(found.status_code, found.text or found.reason or "")
    return meaning(answer), words(answer.text)


@pytest.fixture
def pypi_server(tmp_path: Path) -> Iterator[Index]:
    """A pypiserver of its own that takes uploads."""
    with pypiserver(tmp_path / "packages") as index:
        yield index


def test_a_real_pypiserver(pypi_server: Index, tmp_path: Path) -> None:
    wheel, other = make_wheel(tmp_path), make_wheel(tmp_path / "other", seed=1)
    cause = f"Sorry, the requested URL {pypi_server.upload_url!r} caused an error:"
    assert upload(pypi_server, wheel, "wrong") == (REJECTED, f"Error: 403 Forbidden {cause} None")
    assert upload(pypi_server, wheel) == (ACCEPTED, "OK")
    exists = f"Package {wheel.name!r} already exists! You may start server with `--overwrite` option."
    said = f"Error: 400 Bad Request {cause} {exists}"
    assert upload(pypi_server, wheel) == (THERE, said)
    assert upload(pypi_server, other) == (THERE, said)


def test_a_real_devpi(devpi: Index, tmp_path: Path) -> None:
    sdist, other = make_sdist(tmp_path), make_sdist(tmp_path / "other", seed=1)
    assert upload(devpi, sdist, "wrong")[0] is TOKEN
    assert upload(devpi, sdist) == (ACCEPTED, "OK")
    assert upload(devpi, sdist) == (ACCEPTED, "Upload of identical file to non volatile index.")
    assert upload(devpi, other) == (THERE, f"{sdist.name} already exists in non-volatile index")


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("Bad Request", "Bad Request"),
        ("  many\n\n  lines ", "many lines"),
        ("a < b & c", "a < b & c"),
        ("\x1b[2Jgone\x07", "[2Jgone"),
        ("\x1b]0;a title\x07<p>&#27;[2J</p>", "]0;a title [2J"),
        ('{"message": "no"}', '{"message": "no"}'),
        ("<html><title>502 Bad Gateway</title><center><h1>502 Bad Gateway</h1></center><hr>nginx</html>",
         "Bad Gateway nginx"),
        ("<html><title>400 - Nexus</title><h1>Error 400</h1><p>Nexus does not allow updating assets: x</p></html>",
         "Error 400 Nexus does not allow updating assets: x"),
        ("<html><head><title>Nexus</title></head><body><p>not &lt;allowed&gt; &amp; so on</p></body></html>",
         "not <allowed> & so on"),
        ("<title>The project &#x27;x&#x27; takes no files</title>", "The project 'x' takes no files"),
        ("<title>403 Forbidden</title>", "Forbidden"),
        ("<style>a { b: c }</style><script>var a = '<p>';</script><p>said</p>", "said"),
        ("<SCRIPT>x</SCRIPT><P>said</P>", "said"),
        ("x" * 400, "x" * 400),
        ("word " * 100, ("word " * 80).rstrip() + " …"),
    ],
)  # fmt: skip
def test_words(text: str, said: str) -> None:
    assert words(text) == said


@given(st.text() | st.lists(st.sampled_from(["<p>", "<title>", "</title>", "<", "403 ", "&lt;", "\x1b", "\n", "no"]))
       .map("".join))  # fmt: skip
def test_words_are_one_line_that_people_read(text: str) -> None:
    said = words(text)
    assert len(said) <= 402
    assert said == " ".join(said.split())
    assert said.isprintable()


@given(st.none() | st.integers(100, 599), st.text(max_size=40))
def test_every_answer_has_a_meaning(status: int | None, text: str) -> None:
    answer = Answer(status, text)
    found = meaning(answer)
    assert (found is ACCEPTED) == (status is not None and 200 <= status < 300)
    assert refuses_token(answer) <= (status in (401, 403))
    if status is not None and 200 <= status < 500 and found is AGAIN:
        assert status in (403, 408, 421, 425, 429)
