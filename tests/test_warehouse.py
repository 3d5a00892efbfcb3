"""The index and the proxy that the tests of publishing rely on, with the real twine and pip as their clients."""

from __future__ import annotations

import gc
import html
import http.client
import os
import socket
import ssl
import struct
import subprocess
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests
from packaging.version import Version
from requests import Response
from twine.auth import CredentialInput, Private
from twine.exceptions import TrustedPublishingFailure
from twine.package import PackageFile
from twine.repository import Repository

from dists import make_both, make_sdist, make_wheel, sha256
from faults import Fault, FaultProxy, Kill, Kind, Phase
from indexes import Index
from tagready.doors.index import Listing, list_project
from tagready.facts.publishing.tokens import read_token
from warehouse import (
    EXPIRED,
    HTML,
    JSON,
    NOT_ALLOWED,
    ONE_FACTOR,
    TOKEN,
    UNVERIFIED,
    Scope,
    Warehouse,
    client_environment,
    make_token,
    secured,
    server_context,
)

WHEEL, SDIST = "demo-1.4.0-py3-none-any.whl", "demo-1.4.0.tar.gz"


@pytest.fixture(autouse=True)
def _only_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


def upload(url: str, path: Path, token: str = TOKEN, user: str = "__token__", **instead: object) -> Response:
    """Send a file as twine does, in this process; instead of what twine finds out about it, say something else."""
    package = PackageFile.from_filename(str(path), None)
    for name, value in instead.items():
        setattr(package, name, value)
    repository = Repository(url, user, token, disable_progress_bar=True)
    with closing(repository):
        return repository.upload(package)


def post(url: str, fields: dict[str, str], content: bytes | None = None, file: str = WHEEL) -> Response:
    """Send a form."""
    files = {"content": (file, content, "application/octet-stream")} if content is not None else None
    empty = {"unused": (None, "")}
    return requests.post(url, {":action": "file_upload"} | fields, files=files or empty, auth=("__token__", TOKEN))


def twine(url: str, *paths: Path, token: str = TOKEN, ca_file: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run twine as people do."""
    return subprocess.run(
        _twine(url, *paths), env=_environment(token, ca_file), capture_output=True, text=True, check=False, timeout=60
    )


def _twine(url: str, *paths: Path) -> list[str]:
    options = ["--non-interactive", "--verbose", "--disable-progress-bar", "--repository-url", url]
    return [sys.executable, "-m", "twine", "upload", *options, *map(str, paths)]


def _environment(token: str = TOKEN, ca_file: Path | None = None) -> dict[str, str]:
    return client_environment(ca_file, TWINE_USERNAME="__token__", TWINE_PASSWORD=token, COLUMNS="500")


def pip(*arguments: str, ca_file: Path | None = None) -> str:
    command = [sys.executable, "-m", "pip", *arguments, "--no-cache-dir", "--no-deps"]
    return subprocess.run(command, env=client_environment(ca_file), capture_output=True, text=True, check=True).stdout


# -- what real clients make of it --------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True])
def test_twine_uploads_what_pip_installs(tls: bool, tmp_path: Path) -> None:
    files = make_both(tmp_path)
    with Warehouse(tls=tls) as index:
        done = twine(index.upload_url, *files, ca_file=index.ca_file)
        assert done.returncode == 0, done.stdout + done.stderr
        assert index.uploads() == [(WHEEL, 200), (SDIST, 200)]
        assert index.written == {WHEEL: 1, SDIST: 1}
        assert {name: file.sha256 for name, file in index.files.items()} == {file.name: sha256(file) for file in files}
        assert index.requests[0].agent.startswith("twine/")
        target = tmp_path / "installed"
        pip("install", "--target", str(target), "-i", index.simple_url, "demo==1.4.0", ca_file=index.ca_file)
    assert (target / "demo" / "__init__.py").read_text() == '__version__ = "1.4.0"\nSEED = 0\n'
    assert [seen.path.rpartition("/")[2] for seen in index.requests[2:]] == ["", f"{WHEEL}.metadata", WHEEL]


def test_twine_uploads_to_devpi_what_pip_downloads(devpi: Index, tmp_path: Path) -> None:
    files = make_both(tmp_path)
    for word in ("200 OK", "200 Upload of identical file to non volatile index."):
        done = twine(devpi.upload_url, *files)
        assert done.returncode == 0, done.stdout + done.stderr
        assert [line.strip() for line in done.stdout.splitlines()].count(word) == 2
    pip("download", "--dest", str(tmp_path / "got"), "-i", devpi.simple_url, "demo")
    assert sha256(tmp_path / "got" / WHEEL) == sha256(files[0])
    found = list_project("demo", devpi.simple_url)
    assert isinstance(found, Listing)
    assert {file.name: file.sha256 for file in found.files} == {file.name: sha256(file) for file in files}


def test_every_devpi_is_a_fresh_one(devpi: Index, tmp_path: Path) -> None:
    assert list_project("demo", devpi.simple_url) == Listing(devpi.simple_url, ())
    assert twine(devpi.upload_url, make_wheel(tmp_path), token="wrong").returncode == 1


def test_made_distributions_are_valid_and_always_the_same(tmp_path: Path) -> None:
    files = [make(tmp_path / "a", size=size) for size in (0, 5000) for make in (make_wheel, make_sdist)]
    files += make_both(tmp_path / "b", "My-Demo", "2.0rc1")
    checked = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.stdout.count("PASSED") == 6
    assert [file.name for file in files[4:]] == ["my_demo-2.0rc1-py3-none-any.whl", "my_demo-2.0rc1.tar.gz"]
    hashes = [
        sha256(make(tmp_path / "c", seed=seed, size=9)) for seed in (1, 1, 2) for make in (make_wheel, make_sdist)
    ]
    assert hashes[:2] == hashes[2:4]
    assert len(set(hashes)) == 4


# -- what it refuses ---------------------------------------------------------------------------------------------------

Ask = Callable[[Warehouse, Path], Response]


def with_scope(scope: Scope) -> Ask:
    """Upload with a token of a scope."""

    def ask(index: Warehouse, folder: Path) -> Response:
        index.tokens["pypi-other"] = scope
        return upload(index.upload_url, make_wheel(folder), "pypi-other")

    return ask


def after(
    prepare: Callable[[Warehouse, Path], object], make: Callable[..., Path] = make_wheel, **options: object
) -> Ask:
    """Upload once something is prepared."""

    def ask(index: Warehouse, folder: Path) -> Response:
        prepare(index, folder)
        return upload(index.upload_url, make(folder, **options))

    return ask


def sending(make: Callable[..., Path], **options: object) -> Ask:
    """Upload a file that is made in a certain way."""
    return after(lambda index, folder: None, make, **options)


def saying(**instead: str) -> Ask:
    """Upload a wheel, and say something of it that is not so."""

    def ask(index: Warehouse, folder: Path) -> Response:
        return upload(index.upload_url, make_wheel(folder), TOKEN, "__token__", **instead)

    return ask


def form(**fields: str) -> Ask:
    """Send a form without a file."""
    return lambda index, folder: post(index.upload_url, fields)


def put(
    make: Callable[..., Path] = make_wheel, days: float = 0, **options: object
) -> Callable[[Warehouse, Path], object]:
    """Have a file there already."""
    return lambda index, folder: index.put(make(folder / "there", **options), days=days)


def switch(name: str, value: object = True) -> Callable[[Warehouse, Path], object]:
    return lambda index, folder: setattr(index, name, value)


def deleted(index: Warehouse, folder: Path) -> None:
    index.put(make_wheel(folder / "there", seed=7))
    index.delete(WHEEL)


def renamed(folder: Path, **options: object) -> Path:
    """Make a wheel that is another one's content."""
    return make_wheel(folder).rename(folder / "demo-1.4.0-1-py3-none-any.whl")


def attested(index: Warehouse, folder: Path) -> Response:
    return upload(index.upload_url, make_wheel(folder), attestations=[{"version": 1}])


SEE = "See {root}help/#"
MORE = " for more information."
CORE = "See https://packaging.python.org/specifications/core-metadata for more information."
AUTH = f"Invalid or non-existent authentication information. {SEE}invalid-auth{MORE}"
WHO = "User 'releaser', associated with the API token used, does not have"
REUSE = f"{SEE}file-name-reuse{MORE}"

#: What is asked, the status, and the text, of which hashes are left out.
REFUSALS: dict[str, tuple[Ask, int, str]] = {
    "read-only": (after(switch("read_only")), 403, "Read-only mode: Uploads are temporarily disabled."),
    "disabled": (
        after(switch("uploads_disabled")),
        403,
        f"New uploads are temporarily disabled. {SEE}admin-intervention{MORE}",
    ),
    "unknown token": (lambda index, folder: upload(index.upload_url, make_wheel(folder), "pypi-unknown"), 403, AUTH),
    "empty token": (lambda index, folder: upload(index.upload_url, make_wheel(folder), ""), 403, AUTH),
    "no token": (lambda index, folder: requests.post(index.upload_url, {":action": "file_upload"}), 403, AUTH),
    "user": (
        lambda index, folder: upload(index.upload_url, make_wheel(folder), user="releaser"),
        403,
        "Username/Password authentication is no longer supported. Migrate to API Tokens or Trusted Publishers instead. "
        "See {root}help/#apitoken and {root}help/#trusted-publishers",
    ),
    "protocol": (form(protocol_version="2"), 400, "Unknown protocol version."),
    "empty form": (form(), 400, f"'' is an invalid value for Name. Error: This field is required. {CORE}"),
    "no filetype": (form(name="demo"), 400, "Invalid value for filetype. Error: This field is required."),
    "no pyversion": (
        form(name="demo", filetype="bdist_wheel"),
        400,
        "Invalid value for pyversion. Error: Python version is required for binary distribution uploads.",
    ),
    "no digest": (form(name="demo", filetype="sdist"), 400, "Error: Include at least one message digest."),
    "bad digest": (
        form(name="demo", filetype="sdist", sha256_digest="0"),
        400,
        "Invalid value for sha256_digest. Error: Use a valid, hex-encoded, SHA256 message digest.",
    ),
    "no version": (
        form(name="demo", filetype="sdist", md5_digest="0", metadata_version="2.4"),
        400,
        f"'version' is a required field. {CORE}",
    ),
    "no file": (
        form(name="demo", filetype="sdist", md5_digest="0", metadata_version="2.4", version="1.0"),
        400,
        "Upload payload does not have a file.",
    ),
    "local version": (
        sending(make_wheel, version="1.4.0+local"),
        400,
        "The use of local versions in '1.4.0+local' is not allowed. See https://packaging.python.org/en/latest/"
        "specifications/version-specifiers/#local-version-identifiers for more information.",
    ),
    "classifier": (
        sending(make_wheel, headers="Classifier: No :: Such\n"),
        400,
        f"'No :: Such' is not a valid classifier. {CORE}",
    ),
    "too many projects": (after(switch("new_projects", 0)), 429, "Too many new projects created"),
    "publisher without project": (
        with_scope(Scope(publisher=True)),
        400,
        "Non-user identities cannot create new projects. This was probably caused by successfully using a pending "
        "publisher but specifying the project name incorrectly (either in the publisher or in your project's "
        "metadata). Please ensure that both match. See: {root}trusted-publishers/troubleshooting/",
    ),
    "expired": (with_scope(EXPIRED), 403, "Invalid API Token: token is expired"),
    "other project": (
        with_scope(Scope.of("other")),
        403,
        "Invalid API Token: project-scoped token is not valid for project: 'demo'",
    ),
    "not a maintainer": (
        with_scope(NOT_ALLOWED),
        403,
        f"The user 'releaser' isn't allowed to upload to project 'demo'. {SEE}project-name{MORE}",
    ),
    "unverified": (
        with_scope(UNVERIFIED),
        403,
        f"{WHO} a verified primary email address. Please add a verified primary email before attempting to upload to "
        f"PyPI. {SEE}verified-email{MORE}",
    ),
    "one factor": (
        with_scope(ONE_FACTOR),
        403,
        f"{WHO} two-factor authentication enabled. Please enable two-factor authentication before attempting to upload "
        f"to PyPI. {SEE}two-factor-authentication{MORE}",
    ),
    "inactive organization": (
        after(switch("inactive", {"demo"})),
        400,
        "Organization account owning this project is inactive. This may be due to inactive billing for Company "
        "Organizations, or administrator intervention for Community Organizations. Please contact support.",
    ),
    "readme": (
        sending(make_wheel, readme="====\nA\n", headers="Description-Content-Type: text/x-rst\n"),
        400,
        f"The description failed to render for 'text/x-rst'. {SEE}description-content-type{MORE}",
    ),
    "folder": (saying(basefilename="../x.whl"), 400, "Cannot upload a file with '/' or '\\' in the name."),
    "extension": (
        saying(basefilename="demo-1.4.0.tar.gz"),
        400,
        "Invalid file extension: Extension .tar.gz is invalid for filetype bdist_wheel. See "
        "https://www.python.org/dev/peps/pep-0527 for more information.",
    ),
    "too large": (
        after(switch("file_limit", 1 << 20), size=1 << 20),
        400,
        f"File too large. Limit for project 'demo' is 1 MB. {SEE}requesting-a-file-size-limit-increase{MORE}",
    ),
    "other sha256": (
        saying(sha2_digest="0" * 64),
        400,
        "The digest supplied does not match a digest calculated from the uploaded file.",
    ),
    "other blake2": (
        saying(blake2_256_digest="0" * 64),
        400,
        "The digest supplied does not match a digest calculated from the uploaded file.",
    ),
    "other content": (
        after(put(seed=1)),
        400,
        f"File already exists ('{WHEEL}', with blake2_256 hash '…'). {REUSE}",
    ),
    "other name": (
        after(put(), renamed),
        400,
        f"File already exists ('demo-1.4.0-1-py3-none-any.whl', with blake2_256 hash '…'). {REUSE}",
    ),
    "deleted": (
        after(deleted),
        400,
        "This filename was previously used by a file that has since been deleted. Use a different version. " + REUSE,
    ),
    "old release": (
        after(put(days=14.1), make_sdist),
        400,
        "Uploading new files to releases older than 14 days is not allowed.",
    ),
    "second sdist": (
        after(put(make_sdist), make_sdist, filename="demo-1.4.tar.gz", seed=1),
        400,
        "Only one sdist may be uploaded per release.",
    ),
    "sdist's name": (
        sending(make_sdist, filename="Demo-1.4.0.tar.gz"),
        400,
        "Filename 'Demo-1.4.0.tar.gz' is invalid, should be 'demo-1.4.0.tar.gz'.",
    ),
    "wheel's name": (
        sending(make_wheel, filename="Demo-1.4.0-py3-none-any.whl"),
        400,
        "Filename 'Demo-1.4.0-py3-none-any.whl' should contain the normalized project name 'demo', not 'Demo'.",
    ),
    "no license": (
        sending(make_wheel, leave_out=["LICENSE"]),
        400,
        f"License-File LICENSE does not exist in distribution file {WHEEL} at demo-1.4.0.dist-info/licenses/LICENSE",
    ),
    "no license in the sdist": (
        sending(make_sdist, leave_out=["LICENSE"]),
        400,
        f"License-File LICENSE does not exist in distribution file {SDIST} at demo-1.4.0/LICENSE",
    ),
    "no RECORD": (
        sending(make_wheel, leave_out=["RECORD"]),
        400,
        f"Wheel '{WHEEL}' does not contain the required RECORD file: demo-1.4.0.dist-info/RECORD",
    ),
    "attestations": (
        attested,
        400,
        "Invalid attestations supplied during upload: Attestations are only supported when using Trusted Publishing",
    ),
}


@pytest.mark.parametrize(("ask", "status", "text"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(ask: Ask, status: int, text: str, warehouse: Warehouse, tmp_path: Path) -> None:
    answer = ask(warehouse, tmp_path)
    before, _, rest = text.replace("{root}", warehouse.root).partition("…")
    assert answer.status_code == status
    assert answer.reason.startswith(before)
    assert answer.reason.endswith(rest)
    assert f"<title>{status} {html.escape(answer.reason)}</title>" in answer.text
    assert warehouse.requests[-1].status == status
    assert set(warehouse.written.values()) <= {1}
    assert all(file.path.exists() for file in warehouse.files.values())


def test_what_is_checked_first(warehouse: Warehouse, tmp_path: Path) -> None:
    """Everything is wrong at first, and put right in the order of the checks."""
    headers = "Description-Content-Type: text/x-rst\nClassifier: No :: Such\n"
    bad = make_wheel(tmp_path / "bad", readme="====\nA\n", headers=headers)
    warehouse.put(make_wheel(tmp_path / "old", seed=1), days=20)
    warehouse.read_only, warehouse.tokens[TOKEN] = True, Scope.of("other")
    assert "Read-only" in upload(warehouse.upload_url, bad, "pypi-unknown").reason
    warehouse.read_only = False
    assert "authentication information" in upload(warehouse.upload_url, bad, "pypi-unknown", python_version="").reason
    assert "pyversion" in upload(warehouse.upload_url, bad, python_version="").reason
    assert "classifier" in upload(warehouse.upload_url, bad).reason
    bad = make_wheel(tmp_path / "bad", readme="====\nA\n", headers="Description-Content-Type: text/x-rst\n")
    assert "not valid for project" in upload(warehouse.upload_url, bad).reason
    warehouse.tokens[TOKEN] = Scope.of("Demo")
    assert "failed to render" in upload(warehouse.upload_url, bad, sha2_digest="0" * 64).reason
    bad = make_wheel(tmp_path / "bad")
    assert "digest" in upload(warehouse.upload_url, bad, sha2_digest="0" * 64).reason
    assert "already exists" in upload(warehouse.upload_url, bad).reason
    warehouse.delete(WHEEL)
    assert "previously used" in upload(warehouse.upload_url, bad).reason
    warehouse.deleted.clear()
    assert "14 days" in upload(warehouse.upload_url, bad).reason
    warehouse.backdate("demo", "1.4.0", 13.9)
    assert upload(warehouse.upload_url, bad).status_code == 200


def test_the_probe_finds_out_no_more_than_whether_a_token_is_known(warehouse: Warehouse) -> None:
    warehouse.tokens |= {"pypi-old": EXPIRED, "pypi-other": Scope.of("other")}
    statuses = {
        token: requests.post(warehouse.upload_url, {":action": "file_upload"}, auth=("__token__", token)).status_code
        for token in (TOKEN, f" {TOKEN}\n", "pypi-old", "pypi-other", "pypi-unknown", "")
    }
    assert list(statuses.values()) == [400, 400, 400, 400, 403, 403]
    assert requests.post(warehouse.upload_url, auth=("__token__", TOKEN)).status_code == 405
    assert requests.post(warehouse.upload_url.rstrip("/"), allow_redirects=False).status_code == 308


def test_a_cdn_leaves_the_text_to_the_body(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.reasons = False
    answer = upload(warehouse.upload_url, make_wheel(tmp_path), "pypi-unknown")
    assert answer.reason == "Forbidden"
    assert "403 Invalid or non-existent authentication information" in answer.text


@pytest.mark.parametrize("days", [0, 100])
def test_the_same_file_again_is_fine_and_writes_nothing(days: float, warehouse: Warehouse, tmp_path: Path) -> None:
    for path in make_both(tmp_path):
        warehouse.put(path, days=days)
        answer = upload(warehouse.upload_url, path)
        assert (answer.status_code, answer.text, warehouse.written[path.name]) == (200, "", 1)
    assert warehouse.uploads() == [(WHEEL, 200), (SDIST, 200)]


def test_nothing_secret_is_kept(warehouse: Warehouse, tmp_path: Path) -> None:
    upload(warehouse.upload_url, make_wheel(tmp_path))
    assert TOKEN not in repr(warehouse.requests)
    token = make_token([0, 2000000000, 0], [1, ["demo"]], location="index.example")
    found = read_token(token)
    assert found
    assert (found.location, found.not_after, found.projects) == ("index.example", 2000000000, ("demo",))


def test_a_large_file_is_not_held(warehouse: Warehouse, tmp_path: Path) -> None:
    path = make_wheel(tmp_path, size=24 << 20)
    package = PackageFile.from_filename(str(path), None)
    with closing(Repository(warehouse.upload_url, "__token__", TOKEN, disable_progress_bar=True)) as repository:
        tracemalloc.start()
        try:
            assert repository.upload(package).status_code == 200
            assert tracemalloc.get_traced_memory()[1] < 4 << 20
        finally:
            tracemalloc.stop()
    assert warehouse.files[WHEEL].sha256 == sha256(path)


# -- what it lists -----------------------------------------------------------------------------------------------------


def listed(index: Warehouse | str, project: str = "demo") -> dict[str, str | None]:
    found = list_project(project, index if isinstance(index, str) else index.simple_url)
    assert isinstance(found, Listing), found
    return {file.name: file.sha256 for file in found.files}


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("hashes", [True, False])
def test_listings(as_json: bool, hashes: bool, warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.json, warehouse.hashes = as_json, hashes
    files = make_both(tmp_path)
    warehouse.put(files[0], yanked="bad")
    warehouse.put(files[1])
    found = list_project("Demo", warehouse.simple_url)
    assert isinstance(found, Listing)
    assert {(file.name, file.sha256, file.version, file.yanked) for file in found.files} == {
        (file.name, sha256(file) if hashes else None, "1.4.0", file == files[0]) for file in files
    }
    assert found.finals() == (Version("1.4.0"),)
    assert listed(warehouse, "unknown") == {}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (JSON, JSON),
        (f"{JSON}, {HTML};q=0.1", JSON),
        (f"{JSON};q=0.1, {HTML}", HTML),
        ("*/*", HTML),
        ("", HTML),
    ],
)
def test_a_listing_is_what_the_client_likes(accept: str, kind: str, warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.put(make_wheel(tmp_path), days=1)
    answer = requests.get(f"{warehouse.simple_url}demo/", headers={"Accept": accept})
    assert answer.headers["Content-Type"] == kind
    if kind == JSON:
        page = answer.json()
        assert (page["meta"]["api-version"], page["versions"]) == ("1.1", ["1.4.0"])
        assert page["files"][0]["upload-time"].endswith("Z")
    assert requests.get(f"{warehouse.simple_url}Demo", allow_redirects=False).headers["Location"] == "/simple/demo/"


def test_a_stale_listing(warehouse: Warehouse, tmp_path: Path) -> None:
    wheel, sdist = make_both(tmp_path)
    warehouse.stale_reads = 2
    warehouse.put(wheel)
    assert [len(listed(warehouse)) for _ in range(4)] == [0, 0, 1, 1]
    warehouse.lag = 1
    warehouse.put(sdist)
    assert [len(listed(warehouse)) for _ in range(3)] == [1, 2, 2]


# -- trusted publishing ------------------------------------------------------------------------------------------------


@contextmanager
def publishing(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Warehouse, Callable[[], str | None]]]:
    """Give an index over https, and what has twine ask it for a token, in a job on GitHub."""
    with Warehouse(tls=True) as index:
        for name, value in {**index.github(), **client_environment(index.ca_file)}.items():
            monkeypatch.setenv(name, value)
        config = {"repository": index.upload_url, "username": None, "password": None}
        yield index, lambda: Private(config, CredentialInput()).make_trusted_publishing_token()


def test_a_trusted_publisher_gets_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with publishing(monkeypatch) as (index, mint):
        index.projects.add("demo")
        index.publisher = Scope.of("demo")
        token = mint()
        assert token
        answer = upload(index.upload_url, make_wheel(tmp_path), token, attestations=[{"version": 1}])
        assert answer.status_code == 200
        assert index.files[WHEEL].attestations == ({"version": 1},)
        answer = upload(index.upload_url, make_wheel(tmp_path, "other"), token)
        assert "Non-user identities cannot create new projects" in answer.reason
        found = read_token(token)
    assert found
    assert found.not_after
    assert 800 < found.not_after - time.time() <= 900
    assert [(seen.path, seen.status) for seen in index.requests[:3]] == [
        ("/_/oidc/audience", 200), ("/github-oidc", 200), ("/_/oidc/mint-token", 200),
    ]  # fmt: skip


MINTING: dict[str, tuple[Callable[[Warehouse, pytest.MonkeyPatch], object], str]] = {
    "nobody": (lambda index, _: None, "`invalid-publisher`: valid token, but no corresponding publisher"),
    "told": (lambda index, _: setattr(index, "mint_error", ("not-enabled", "later")), "`not-enabled`: later"),
    "stranger": (
        lambda _, patch: patch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "wrong"),
        "OIDC token request failed .code=401",
    ),
}


@pytest.mark.parametrize(("prepare", "text"), MINTING.values(), ids=MINTING)
def test_who_gets_no_token(
    prepare: Callable[[Warehouse, pytest.MonkeyPatch], object], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with publishing(monkeypatch) as (index, mint):
        prepare(index, monkeypatch)
        with pytest.raises(TrustedPublishingFailure, match=text):
            mint()


def test_an_identity_is_good_for_one_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with publishing(monkeypatch) as (index, _):
        index.publisher = Scope.of("demo")
        variables = index.github()
        headers = {"Authorization": f"bearer {variables['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}

        def identify(audience: str) -> str:
            url = f"{variables['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience={audience}"
            return str(requests.get(url, headers=headers).json()["value"])

        def mint(**content: str) -> tuple[int, str]:
            answer = requests.post(f"{index.root}_/oidc/mint-token", json=content)
            return answer.status_code, answer.json().get("errors", [{"code": ""}])[0]["code"]

        identity = identify("pypi")
        assert mint(token=identity) == (200, "")
        assert mint(token=identity) == (422, "invalid-reuse-token")
        assert mint(token=identify("another")) == (422, "invalid-token")
        assert mint(token="x.y.z") == (422, "invalid-token")
        assert mint(token="x") == mint() == (422, "invalid-payload")
        index.oidc = False
        assert requests.get(f"{index.root}_/oidc/audience").status_code == 403
        assert mint(token=identity) == (422, "not-enabled")


# -- faults ------------------------------------------------------------------------------------------------------------


def ask(proxy: FaultProxy, method: str = "GET", path: str = "/simple/demo/", body: bytes = b"") -> tuple[int, bytes]:
    """Ask as plainly as can be, without anything that would be tried again."""
    host = proxy.root.removesuffix("/").rpartition("/")[2]
    if proxy.ca_file:
        context = ssl.create_default_context(cafile=str(proxy.ca_file))
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(host, timeout=0.4, context=context)
    else:
        connection = http.client.HTTPConnection(host, timeout=0.4)
    with closing(connection):
        connection.request(method, path, body)
        with connection.getresponse() as answer:
            return answer.status, answer.read()


#: What a client is told instead of a listing, or how it fails.
TOLD: dict[Kind, int | type[Exception]] = {
    "refused": ConnectionRefusedError,
    "reset-before": ConnectionResetError,
    "reset-in": ConnectionResetError,
    "reset-after": ConnectionResetError,
    "429": 429,
    "500-before": 500,
    "500-after": 500,
    "502": 502,
    "503": 503,
    "hang": TimeoutError,
    "hang-after": TimeoutError,
    "truncated": http.client.IncompleteRead,
    "wrong-type": 200,
    "login": 200,
}
FORWARDED = ("reset-after", "500-after", "hang-after", "truncated")


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("kind", TOLD)
def test_faults_pass(kind: Kind, tls: bool, warehouse: Warehouse) -> None:
    warehouse.projects.add("demo")
    told = TOLD[kind]
    with FaultProxy(warehouse.root, Fault(kind, at=2, seconds=None), tls=tls) as proxy:
        page = ask(proxy)
        assert (page[0], len(warehouse.requests)) == (200, 1)
        if isinstance(told, int):
            status, body = ask(proxy)
            assert (status, body == page[1]) == (told, False)
        else:
            with pytest.raises(told):
                ask(proxy)
        assert proxy.applied == [(2, kind)]
        if kind == "refused":
            with pytest.raises(ConnectionRefusedError):
                ask(proxy)
            proxy.heal()
        assert ask(proxy) == page
        assert len(warehouse.requests) == 3 if kind in FORWARDED else 2
    asked = [(number, "GET", "/simple/demo/") for number in range(1, 3 if kind == "refused" else 4)]
    assert proxy.requests == asked


@pytest.mark.parametrize("kind", ["tls-garbage", "tls-closed"])
def test_faults_of_handshakes(kind: Kind, warehouse: Warehouse) -> None:
    with FaultProxy(warehouse.root, Fault(kind), tls=True) as proxy:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            ask(proxy)
        assert ask(proxy)[0] == 404
    assert proxy.requests == [(1, "TLS", ""), (2, "GET", "/simple/demo/")]


def test_faults_last_as_long_as_they_are_told_to(warehouse: Warehouse) -> None:
    faults = [Fault("503", at=2, times=2), Fault("502", at=2, times=None, method="POST")]
    with FaultProxy(warehouse.root, *faults) as proxy:
        assert [ask(proxy)[0] for _ in range(4)] == [404, 503, 503, 404]
        assert [ask(proxy, "POST", "/")[0] for _ in range(3)] == [404, 502, 502]
        assert ask(proxy)[0] == 404
        proxy.heal()
        assert ask(proxy, "POST", "/")[0] == 404


def test_a_port_that_refuses_from_the_start_listens_in_time(warehouse: Warehouse) -> None:
    with FaultProxy(warehouse.root, Fault("refused", seconds=0.2)) as proxy:
        with pytest.raises(ConnectionRefusedError):
            ask(proxy)
        time.sleep(0.25)
        assert ask(proxy)[0] == 404


def test_slow_answers(warehouse: Warehouse) -> None:
    with FaultProxy(warehouse.root, Fault("slow", seconds=0.2)) as proxy:
        start = time.monotonic()
        assert ask(proxy)[0] == 404
        assert time.monotonic() - start >= 0.2


@pytest.mark.parametrize("said", ["1", "date", None])
def test_when_to_come_back(said: str | None, warehouse: Warehouse) -> None:
    with FaultProxy(warehouse.root, Fault("429", retry_after=said)) as proxy:
        found = requests.get(proxy.root).headers.get("Retry-After")
    if said == "date":
        assert found
        assert abs(parsedate_to_datetime(found).timestamp() - time.time()) <= 2
    else:
        assert found == said


def test_stale_answers(devpi: Index, tmp_path: Path) -> None:
    """For an index that cannot be told to be stale."""
    root = devpi.simple_url.partition("/__token__")[0]
    with FaultProxy(root, Fault("stale", at=2, times=2, method="GET")) as proxy:
        url = proxy.through(devpi.simple_url)
        assert listed(url) == {}
        assert upload(proxy.through(devpi.upload_url), make_wheel(tmp_path)).status_code == 200
        assert [len(listed(url)) for _ in range(3)] == [0, 0, 1]


#: How twine ends after a fault of its first upload, what it says, how often it was heard, and what is there.
TWINE: dict[Kind, tuple[int, str, int, list[str]]] = {
    "refused": (1, "Retry(total=5, connect=0", 0, []),
    "reset-before": (1, "Connection", 1, []),
    "reset-in": (1, "Connection", 1, []),
    "reset-after": (1, "Connection reset by peer", 1, [WHEEL]),
    "429": (1, "429 Too Many Requests", 1, []),
    "500-after": (0, "Retry 1 of 5", 3, [WHEEL, SDIST]),
    "503": (0, "Retry 1 of 5", 3, [WHEEL, SDIST]),
    "wrong-type": (0, "It works!", 2, [SDIST]),
}


@pytest.mark.parametrize("kind", TWINE)
def test_what_twine_makes_of_faults(kind: Kind, warehouse: Warehouse, tmp_path: Path) -> None:
    code, word, asked, there = TWINE[kind]
    with FaultProxy(warehouse.root, Fault(kind, seconds=None)) as proxy:
        done = twine(proxy.through(warehouse.upload_url), *make_both(tmp_path, size=1 << 20))
        assert (done.returncode, len(proxy.requests)) == (code, asked), done.stdout + done.stderr
    assert word in done.stdout + done.stderr
    assert list(warehouse.files) == there
    assert set(warehouse.written.values()) <= {1}


def test_half_a_body_arrives(warehouse: Warehouse, tmp_path: Path) -> None:
    with FaultProxy(warehouse.root, Fault("reset-in")) as proxy:
        with pytest.raises(requests.ConnectionError):
            upload(proxy.through(warehouse.upload_url), make_wheel(tmp_path, size=3 << 20))
        assert upload(proxy.through(warehouse.upload_url), make_wheel(tmp_path, size=3 << 20)).status_code == 200
    assert warehouse.uploads() == [(WHEEL, None), (WHEEL, 200)]


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize(("phase", "there"), [("before", []), ("forwarded", [WHEEL]), ("answered", [WHEEL])])
def test_a_client_that_is_killed(
    phase: Phase, there: list[str], tls: bool, warehouse: Warehouse, tmp_path: Path
) -> None:
    kill = Kill(1, phase)
    with FaultProxy(warehouse.root, tls=tls, on_request=kill) as proxy:
        command = _twine(proxy.through(warehouse.upload_url), *make_both(tmp_path))
        environment = _environment(ca_file=proxy.ca_file)
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True) as process:
            kill.aim(process)
        assert process.returncode == -9
    assert kill.done.is_set()
    assert list(warehouse.files) == there
    assert len(proxy.requests) == 1


def test_a_client_that_is_killed_leaves_its_own_processes_behind(warehouse: Warehouse, tmp_path: Path) -> None:
    kill = Kill(1, "before", alone=True)
    with FaultProxy(warehouse.root, on_request=kill) as proxy:
        code = (
            f"import subprocess; subprocess.run({_twine(proxy.through(warehouse.upload_url), *make_both(tmp_path))!r})"
        )
        command = [sys.executable, "-c", code]
        with subprocess.Popen(
            command, env=_environment(), stdout=subprocess.DEVNULL, start_new_session=True
        ) as process:
            kill.aim(process)
        assert process.returncode == -9
        deadline = time.monotonic() + 10
        while len(warehouse.files) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
    assert list(warehouse.files) == [WHEEL, SDIST]


def test_pages_of_the_wrong_kind_are_no_listings(warehouse: Warehouse) -> None:
    with FaultProxy(warehouse.root, Fault("wrong-type"), Fault("login", at=2)) as proxy:
        url = proxy.through(warehouse.simple_url)
        assert not isinstance(list_project("demo", url), Listing)
        assert not isinstance(list_project("demo", url), Listing)
        assert isinstance(list_project("demo", url), Listing)


def test_a_failing_hook_fails_the_test(warehouse: Warehouse) -> None:
    def fail(number: int, phase: Phase) -> None:
        raise KeyError(number, phase)

    def run() -> None:
        with FaultProxy(warehouse.root, on_request=fail) as proxy, pytest.raises(http.client.RemoteDisconnected):
            ask(proxy)

    with pytest.raises(KeyError):
        run()


@pytest.mark.skipif(os.name == "nt", reason="SO_LINGER is laid out otherwise there")
def test_a_connection_that_was_reset_is_not_left_open() -> None:
    """Else a warning about it would come later, out of any other test."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        client = socket.create_connection(door.getsockname())
        connection, _ = door.accept()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            with pytest.raises(OSError, match="reset"):
                secured(server_context(), connection)
            gc.collect()
    assert [each for each in told if each.category is ResourceWarning] == []
    assert connection.fileno() == -1
