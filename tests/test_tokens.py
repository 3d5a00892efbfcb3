"""What is a token, and what it says. No token is written out: each is made here, as the index makes them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from hashlib import sha256
from hmac import digest
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

from tagready.facts.publishing.tokens import FoundToken, Token, find_tokens, location_of, read_token

PYPI, TEST_PYPI = location_of(DEFAULT_REPOSITORY), location_of(TEST_REPOSITORY)
UNLIMITED = Token(PYPI, None, None, None, 0)


def varint(number: int) -> bytes:
    head, last = divmod(number, 128)
    return bytes([last]) if not head else bytes([last | 128]) + varint(head)


def packet(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + varint(len(value)) + value


def macaroon(
    *caveats: bytes, location: str = PYPI, identifier: bytes = b"d4f5a6b7-0000-4000-8000-123456789abc"
) -> bytes:
    signature = digest(digest(b"macaroons-key-generator", b"key", "sha256"), identifier, "sha256")
    data = b"\2" + packet(1, location.encode()) + packet(2, identifier) + b"\0"
    for caveat in caveats:
        signature = digest(signature, caveat, "sha256")
        data += packet(2, caveat) + b"\0"
    return data + b"\0" + packet(6, signature)


def spelled(data: bytes) -> str:
    return "pypi-" + urlsafe_b64encode(data).decode().rstrip("=")


def made(*caveats: Any, location: str = PYPI) -> str:
    return spelled(macaroon(*(json.dumps(caveat).encode() for caveat in caveats), location=location))


V1_USER = {"version": 1, "permissions": "user"}
V1_PROJECT = {"version": 1, "permissions": {"projects": ["demo"]}}


# The digests are of what pypitoken 7.1.1 makes of the same key, identifier and restrictions.
@pytest.mark.parametrize(
    ("token", "oracle", "expected"),
    [
        pytest.param(made(), "49e745d5276f1c5f", UNLIMITED, id="PyPI"),
        pytest.param(
            made(location=TEST_PYPI), "0d2e03ade2698747", UNLIMITED._replace(location=TEST_PYPI), id="TestPyPI"
        ),
        pytest.param(made([3, "u1"]), "fa8fc7269a1de37b", UNLIMITED, id="user"),
        pytest.param(
            made([1, ["demo", "other"]]),
            "1bc209eb2819eb35",
            UNLIMITED._replace(projects=("demo", "other")),
            id="projects",
        ),
        pytest.param(made([2, ["00aa"]]), "971d7b9ff0ca4fb5", UNLIMITED._replace(projects=()), id="project ids"),
        pytest.param(
            made([0, 5, 1]), "aec4abda5426ade2", UNLIMITED._replace(not_before=1, not_after=5), id="expiration"
        ),
        pytest.param(made(V1_USER), "207160033f8f1538", UNLIMITED, id="older user"),
        pytest.param(made(V1_PROJECT), "a6d2e8d350f95f18", UNLIMITED._replace(projects=("demo",)), id="older project"),
        pytest.param(
            made({"nbf": 2, "exp": 4}),
            "846ce2b71a23866d",
            UNLIMITED._replace(not_before=2, not_after=4),
            id="older expiration",
        ),
        pytest.param(
            made([1, ["p" * 200]]),
            "e0bade6513fc8f14",
            UNLIMITED._replace(projects=("p" * 200,)),
            id="size of two bytes",
        ),
    ],
)
def test_what_a_token_says(token: str, oracle: str, expected: Token) -> None:
    assert sha256(token.encode()).hexdigest()[:16] == oracle
    assert read_token(token) == expected


def test_the_well_known_beginnings() -> None:
    assert made().startswith("pypi-" + "AgEIcHlwaS5vcmc")
    assert made(location=TEST_PYPI).startswith("pypi-" + "AgENdGVzdC5weXBpLm9yZw")


@pytest.mark.parametrize(
    ("caveats", "expected"),
    [
        pytest.param([[1, ["a", "b"]], [1, ["b", "c"]]], UNLIMITED._replace(projects=("b",)), id="both project lists"),
        pytest.param([[1, ["a"]], V1_PROJECT], UNLIMITED._replace(projects=()), id="no project in common"),
        pytest.param([[2, ["00aa"]], [1, ["a"]]], UNLIMITED._replace(projects=("a",)), id="ids, then names"),
        pytest.param([[1, ["a"]], [2, ["00aa"]]], UNLIMITED._replace(projects=("a",)), id="names, then ids"),
        pytest.param([{"project_ids": ["00aa"]}], UNLIMITED._replace(projects=()), id="older ids"),
        pytest.param([[0, 9, 1], [0, 5, 3], [0, 7, 2]], Token(PYPI, None, 3, 5, 0), id="narrowest time"),
        pytest.param([[3, "u1"], [1, ["a"]], [0, 5, 1]], Token(PYPI, ("a",), 1, 5, 0), id="one of each"),
    ],
)
def test_all_caveats_hold_at_once(caveats: list[Any], expected: Token) -> None:
    assert read_token(made(*caveats)) == expected


@pytest.mark.parametrize(
    "caveat",
    [
        [4, "publisher", {}], [9], [], {}, None, "user", 1, [0], [0, 5], [0, 5, 1, 1], [0, "5", "1"], [0, 5.5, 1],
        [0, None, 1], [1], [1, "demo"], [1, [1]], [1, ["demo"], 1], [1, ["a\x1b[2J"]], [1, ["\ud800"]], [2],
        [2, "00aa"], [3], [3, 7], {"version": 2, "permissions": "user"}, {"version": 1, "permissions": {}},
        {"version": 1}, {"version": 1, "permissions": {"projects": "demo"}}, {"exp": 5}, {"exp": 5, "nbf": None},
    ],
)  # fmt: skip
def test_what_a_caveat_of_another_kind_says_is_only_counted(caveat: Any) -> None:
    assert read_token(made(caveat, [1, ["a"]], caveat)) == Token(PYPI, ("a",), None, None, 2)


@pytest.mark.parametrize(
    "caveat",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"time < 2030", id="no JSON"),
        pytest.param(b"[3, 'u1']", id="nearly JSON"),
        pytest.param(b'[3, "\xff"]', id="no UTF-8"),
        pytest.param(b"[" * 5000, id="deep"),
        pytest.param(b"[0, " + b"1" * 5000 + b", 1]", id="long number"),
    ],
)
def test_a_caveat_that_is_no_json_is_only_counted(caveat: bytes) -> None:
    assert read_token(spelled(macaroon(caveat))) == UNLIMITED._replace(unknown_caveats=1)


@pytest.mark.parametrize("location", [b"", packet(1, b"elsewhere.example")])
def test_what_a_third_party_shall_judge_is_only_counted(location: bytes) -> None:
    caveat = location + packet(2, b'[1, ["demo"]]') + packet(4, b"key") + b"\0"
    whole = macaroon()
    assert read_token(spelled(whole[:-35] + caveat + whole[-35:])) == UNLIMITED._replace(unknown_caveats=1)


HEAD = b"\2" + packet(1, PYPI.encode()) + packet(2, b"id") + b"\0"
TAIL = b"\0" + packet(6, bytes(32))


def test_head_and_tail_make_a_token() -> None:
    assert read_token(spelled(HEAD + TAIL)) == UNLIMITED


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\1" + HEAD[1:] + TAIL, id="version 1"),
        pytest.param(HEAD[:1] + packet(2, b"id") + b"\0" + TAIL, id="no location"),
        pytest.param(HEAD[:1] + packet(1, PYPI.encode()) + b"\0" + TAIL, id="no identifier"),
        pytest.param(HEAD[:1] + packet(2, b"id") + packet(1, PYPI.encode()) + b"\0" + TAIL, id="order"),
        pytest.param(HEAD[:1] + packet(1, b"") + packet(2, b"id") + b"\0" + TAIL, id="empty location"),
        pytest.param(HEAD[:1] + packet(1, b"a b\x1b") + packet(2, b"id") + b"\0" + TAIL, id="location is no host"),
        pytest.param(HEAD[:1] + packet(1, b"\xff") + packet(2, b"id") + b"\0" + TAIL, id="location is no text"),
        pytest.param(HEAD + TAIL[:1], id="no signature"),
        pytest.param(HEAD + b"\0" + packet(6, bytes(31)), id="short signature"),
        pytest.param(HEAD + b"\0" + packet(6, bytes(33)), id="long signature"),
        pytest.param(HEAD + packet(2, b"[9]") + TAIL, id="caveat without an end"),
        pytest.param(HEAD + packet(4, b"key") + b"\0" + TAIL, id="caveat without an identifier"),
        pytest.param(HEAD + packet(1, b"there") + packet(2, b"[9]") + b"\0" + TAIL, id="location without a key"),
        pytest.param(HEAD + packet(3, b"[9]") + b"\0" + TAIL, id="kind that there is not"),
        pytest.param(HEAD + TAIL + b"\0", id="garbage after it"),
        pytest.param(HEAD + TAIL + HEAD + TAIL, id="twice"),
        pytest.param(HEAD + b"\2" + b"\xff" * 9 + b"\1" + TAIL, id="size beyond any end"),
        pytest.param(HEAD + (packet(2, bytes(100)) + b"\0") * 80 + TAIL, id="longer than any header"),
    ],
)
def test_what_is_no_macaroon(data: bytes) -> None:
    assert read_token(spelled(data)) is None


TOKEN = made([1, ["demo"]], [0, 5, 1])


@pytest.mark.parametrize(
    "text",
    [
        "", "pypi-", "pypi-Ag", "pypi-xxxx", "pypi-" + "AgEIcHlwaS5vcmc...", TOKEN.removeprefix("pypi-"),
        TOKEN.replace("pypi", "PyPI"), TOKEN.replace("pypi-", "pypi_"), f" {TOKEN}", f"{TOKEN} ", f"{TOKEN}\n",
        f"{TOKEN}\r\n", f"\n{TOKEN}", f'"{TOKEN}"', f"{TOKEN}=", f"{TOKEN}==", f"{TOKEN}A", f"{TOKEN}AA",
        f"{TOKEN}AAAA",
        TOKEN[:40] + "\n" + TOKEN[40:], TOKEN[:40] + "+" + TOKEN[41:], TOKEN[:40] + "/" + TOKEN[41:],
        TOKEN[:40] + "é" + TOKEN[41:], TOKEN[:40] + "\ud800" + TOKEN[41:], TOKEN + TOKEN, TOKEN + "\0",
    ],
)  # fmt: skip
def test_what_is_not_one_whole_token(text: str) -> None:
    assert read_token(text) is None


def test_no_beginning_of_a_token_is_one() -> None:
    assert [size for size in range(len(TOKEN)) if read_token(TOKEN[:size])] == []


def test_no_other_byte_does_in_the_structure() -> None:
    parts = [b"\2", *(packet(kind, value) for kind, value in [(1, PYPI.encode()), (2, b"id")]), b"\0"]
    parts += [packet(2, b'[1, ["demo"]]'), b"\0", b"\0", packet(6, bytes(range(100, 132)))]
    whole, starts = b"".join(parts), [sum(map(len, parts[:count])) for count in range(len(parts))]
    structure = [*starts, *(start + 1 for start, part in zip(starts, parts, strict=True) if len(part) > 1)]
    changed = [whole[:at] + bytes([byte]) + whole[at + 1 :] for at in structure for byte in range(256)]
    # One byte makes another macaroon that is as whole: its identifier is longer, and takes the caveat in.
    swallowed = whole.replace(b"\2\2id", b"\2\x12id")
    assert {data for data in changed if read_token(spelled(data))} == {whole, swallowed}


names = st.lists(st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True), max_size=4)
times = st.integers(0, 2**40)
hosts = st.from_regex(r"[a-z0-9]+(\.[a-z0-9]+){0,3}", fullmatch=True)


@given(hosts, st.lists(names, max_size=3), st.lists(st.tuples(times, times), max_size=3), st.integers(0, 3))
def test_what_was_put_in_is_read(
    location: str, scopes: list[list[str]], spans: list[tuple[int, int]], unknown: int
) -> None:
    caveats: list[Any] = [[1, scope] for scope in scopes] + [[0, end, start] for start, end in spans] + [[9]] * unknown
    found = read_token(made(*caveats, location=location))
    assert found
    assert (found.location, found.unknown_caveats) == (location, unknown)
    assert (found.projects is None) == (not scopes)
    assert not scopes or set(found.projects or ()) == set.intersection(*map(set, scopes))
    assert found.not_before == max((start for start, _ in spans), default=None)
    assert found.not_after == min((end for _, end in spans), default=None)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.lists(json_values | st.lists(json_values | st.integers(0, 4), min_size=1, max_size=3), max_size=4))
def test_no_caveat_makes_a_token_unreadable(caveats: list[Any]) -> None:
    found = read_token(made(*caveats))
    assert found
    assert 0 <= found.unknown_caveats <= len(caveats)


@given(
    st.text()
    | st.from_regex(r"pypi-Ag[A-Za-z0-9_-]*", fullmatch=True)
    | st.binary().map(lambda data: spelled(b"\2\1" + data))
    | st.tuples(st.binary(), st.binary()).map(lambda around: spelled(around[0].join([HEAD, TAIL]) + around[1]))
)
def test_any_text_is_read_or_not(text: str) -> None:
    found = read_token(text)
    assert found is None or [(0, len(text), found)] == list(find_tokens(text.encode()))


@given(st.binary(), st.binary(), st.sampled_from([made(), TOKEN, made(V1_PROJECT, [9])]))
def test_a_token_is_found_whatever_is_around_it(before: bytes, after: bytes, token: str) -> None:
    content = before + token.encode() + after
    [found] = find_tokens(content)
    assert found == FoundToken(len(before), len(before) + len(token), found.token)
    assert found.token == read_token(token)


def test_every_token_is_found_even_where_letters_are_between() -> None:
    tokens = [TOKEN, made(), made(location=TEST_PYPI), TOKEN]
    content = "pypi-pypi-Agpypi-".join(tokens).encode()
    assert [content[found.start : found.end].decode() for found in find_tokens(content)] == tokens


def flat(tokens: Iterable[FoundToken]) -> list[tuple[int, int]]:
    return [(found.start, found.end) for found in tokens]


def test_megabytes_are_searched() -> None:
    hay = bytes(range(256)) * 20_000
    assert flat(find_tokens(hay + TOKEN.encode() + hay)) == [(len(hay), len(hay) + len(TOKEN))]
    assert flat(find_tokens(b"pypi-Ag" * 10_000)) == []


@pytest.mark.parametrize(
    ("repository", "location"),
    [
        pytest.param("https://upload.example.org/legacy/", "example.org", id="upload host"),
        pytest.param("https://Test.Example.org:8443/legacy/", "test.example.org", id="same host"),
        pytest.param("not a URL", "", id="no host"),
    ],
)
def test_location_of_an_upload_address(repository: str, location: str) -> None:
    assert location_of(repository) == location


def test_nothing_secret_is_shown() -> None:
    [found] = find_tokens(TOKEN.encode())
    assert repr(found) == f"FoundToken(start=0, end={len(TOKEN)}, token={read_token(TOKEN)!r})"
    assert "d4f5a6b7" not in repr(found)
