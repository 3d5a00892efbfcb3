"""What can be said of an upload token before anything is sent to anybody."""

from __future__ import annotations

import base64
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

from tagready.facts.findings import Finding, Level
from tagready.facts.publishing.token_rules import Target, judge, missing, no_identity, not_trusted, refused
from tagready.facts.publishing.tokens import location_of
from warehouse import make_token

KNOWN = (DEFAULT_REPOSITORY, TEST_REPOSITORY)
PYPI, TEST = location_of(DEFAULT_REPOSITORY), location_of(TEST_REPOSITORY)
OWN = "https://upload.packages.example/legacy/"

TARGETS = {PYPI: Target(DEFAULT_REPOSITORY, KNOWN), TEST: Target(TEST_REPOSITORY, KNOWN), "own": Target(OWN, KNOWN)}
NOW = 1_800_000_000.0

AGAIN = "then re-run the failed jobs"


def make_one(place: str, project: str | None = "demo") -> str:
    """Return what is said of making a token at a place."""
    scope = f" for the project {project} (for its first release: for the whole account)" if project else ""
    return (
        f"make a token{scope} at {place}, put it into PYPI_API_TOKEN (on GitHub: a secret of that name in the"
        " environment that the job names, under Settings)"
    )


AT = {
    PYPI: f"https://{PYPI}/manage/account/token/",
    TEST: f"https://{TEST}/manage/account/token/",
    "own": "packages.example",
}


def malformed(what: str, fix: str) -> Finding:
    return Finding("token-malformed", what, fix)


def judged(password: str, target: str = PYPI, user: str = "__token__", project: str | None = "demo") -> list[Finding]:
    return list(judge(user, password, "PYPI_API_TOKEN", TARGETS[target], project, NOW))


# -- where it goes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "host", "known", "page"),
    [(PYPI, PYPI, True, AT[PYPI]), (TEST, TEST, True, AT[TEST]), ("own", "packages.example", False, "")],
)
def test_targets(name: str, host: str, known: bool, page: str) -> None:
    target = TARGETS[name]
    assert (target.host, target.is_known, target.token_page) == (host, known, page)


def test_the_hosts_are_told_apart() -> None:
    assert PYPI != TEST
    assert urlsplit(DEFAULT_REPOSITORY).hostname == f"upload.{PYPI}"


# -- its shape ---------------------------------------------------------------------------------------------------------

WHOLE = make_token(location=PYPI)
SHAPES = {
    "a line break behind it": (f"{WHOLE}\n", "begins or ends with a blank or a line break", "printf"),
    "a blank before it": (f" {WHOLE}", "begins or ends with a blank or a line break", "printf"),
    "a tab behind something": ("secret\t", "begins or ends with a blank or a line break", "printf"),
    "a line break in it": (f"{WHOLE[:40]}\n{WHOLE[40:]}", "has a blank or a line break in it", "copy"),
    "two tokens": (f"{WHOLE} {WHOLE}", "has a blank or a line break in it", "copy"),
    "a name with it": (f"PYPI_API_TOKEN={WHOLE}", "does not begin with pypi-, as every API token does", "make"),
    "quotes": (f'"{WHOLE}"', "does not begin with pypi-, as every API token does", "make"),
    "upper case": (WHOLE.upper(), "does not begin with pypi-, as every API token does", "make"),
    "a password": ("correct-horse", "does not begin with pypi-, as every API token does", "make"),
    "a token of GitHub's": ("ghp_" + "a" * 36, "does not begin with pypi-, as every API token does", "make"),
    "other letters": ("пароль", "does not begin with pypi-, as every API token does", "make"),
    "cut short": (WHOLE[:-1], "begins as an API token does, but is cut short or damaged", "whole"),
    "the prefix alone": ("pypi-", "begins as an API token does, but is cut short or damaged", "whole"),
    "a letter more": (f"{WHOLE}A", "begins as an API token does, but is cut short or damaged", "whole"),
    "stars": ("pypi-***", "begins as an API token does, but is cut short or damaged", "whole"),
}


def ways(place: str, known: bool) -> dict[str, str]:
    make = make_one(AT[place])
    other = "" if known else "; if packages.example takes another password, give its user in TWINE_USERNAME"
    return {
        "printf": f"set it again without that (printf %s TOKEN writes no line break), {AGAIN}",
        "copy": f"copy the token once more, all of it and nothing else, {AGAIN}",
        "make": f"{make}, {AGAIN}{other}",
        "whole": f"copy it once more, all of it; if it is gone: {make}, {AGAIN}",
    }


@pytest.mark.parametrize(("password", "what", "way"), SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("target", [PYPI, TEST, "own"])
def test_shapes(password: str, what: str, way: str, target: str) -> None:
    expected = [malformed(f"what PYPI_API_TOKEN holds {what}", ways(target, target != "own")[way])]
    # An index that nobody knows may have tokens that begin as PyPI's do, and go on in another way.
    assert judged(password, target) == ([] if target == "own" and way == "whole" else expected)


@pytest.mark.parametrize("password", ["", " ", "\n", "\t\r\n"])
@pytest.mark.parametrize("user", ["__token__", "somebody"])
@pytest.mark.parametrize("target", [PYPI, "own"])
def test_empty(password: str, user: str, target: str) -> None:
    what = "PYPI_API_TOKEN is empty, which is what a secret that does not exist becomes"
    assert judged(password, target, user) == [Finding("token-missing", what, f"{make_one(AT[target])}, {AGAIN}")]


@pytest.mark.parametrize("password", ["secret", " secret\n", make_token(location=TEST), "пароль"])
def test_a_password_of_somebody_is_not_judged(password: str) -> None:
    assert judged(password, user="somebody") == []


# -- for which index ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "target", "taken"),
    [
        pytest.param(PYPI, PYPI, True),
        pytest.param(TEST, TEST, True),
        pytest.param("packages.example", "own", True),
        pytest.param("elsewhere.example", "own", True, id="nobody knows how that index calls itself"),
        pytest.param(TEST, PYPI, False),
        pytest.param(PYPI, TEST, False),
        pytest.param(PYPI, "own", False),
        pytest.param(TEST, "own", False),
        pytest.param("elsewhere.example", PYPI, False),
        pytest.param(f"upload.{PYPI}", PYPI, False, id="no index makes those"),
        pytest.param(f"{PYPI}.elsewhere.example", PYPI, False),
    ],
)
def test_for_which_index(location: str, target: str, taken: bool) -> None:
    host = TARGETS[target].host
    what = f"the token in PYPI_API_TOKEN is for {location}, and the upload goes to {host}; it was not sent"
    expected = [] if taken else [malformed(what, f"{make_one(AT[target])}, {AGAIN}")]
    assert judged(make_token(location=location), target) == expected


def test_of_a_token_for_another_index_nothing_else_is_said() -> None:
    (found,) = judged(make_token([0, 1, 0], [1, ["other"]], [9], location=TEST))
    assert f"is for {TEST}" in found.message


# -- for which project -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caveats", "project", "names"),
    [
        pytest.param([], "demo", None, id="account"),
        pytest.param([[1, ["demo"]]], "demo", None, id="this one"),
        pytest.param([[1, ["Demo.Tool"]]], "demo_tool", None, id="spelled otherwise"),
        pytest.param([[1, ["demo", "other"]]], "other", None, id="one of two"),
        pytest.param([[1, ["other"]]], "demo", "other", id="another one"),
        pytest.param([[1, ["Other", "more"]]], "demo", "Other, more", id="two others"),
        pytest.param([[1, ["other"]]], None, None, id="nobody knows which it is to be"),
        pytest.param([[2, ["c0ffee"]]], "demo", None, id="by its number"),
        pytest.param([[1, ["demo"]], [2, ["c0ffee"]]], "demo", None, id="by name and number"),
        pytest.param([[1, ["demo", "other"]], [1, ["other"]]], "demo", "other", id="narrowed"),
        pytest.param([[1, ["demo"]], [1, ["other"]]], "demo", None, id="for none, and the index will say so"),
        pytest.param([[3, "user-id"]], "demo", None, id="a user's"),
    ],
)
def test_for_which_project(caveats: list[list[object]], project: str | None, names: str | None) -> None:
    what = f"the token in PYPI_API_TOKEN is for {names}, not for {project}"
    expected = [malformed(what, f"{make_one(AT[PYPI], project)}, {AGAIN}")] if names else []
    assert judged(make_token(*caveats, location=PYPI), project=project) == expected


# -- for when ----------------------------------------------------------------------------------------------------------

SECOND = int(NOW)


@pytest.mark.parametrize(
    ("caveats", "what"),
    [
        pytest.param([[0, SECOND + 1, SECOND]], None, id="now"),
        pytest.param([[0, SECOND, 0]], "expired on 2027-01-15 08:00 UTC", id="until now"),
        pytest.param([[0, SECOND + 9, SECOND + 1]], "is not valid before 2027-01-15 08:00 UTC", id="from a second on"),
        pytest.param([[0, 0, 0]], "expired on 1970-01-01 00:00 UTC", id="at the beginning of time"),
        pytest.param([[0, SECOND + 9, 0], [0, SECOND - 60, 0]], "expired on 2027-01-15 07:59 UTC", id="the earliest"),
        pytest.param([[0, 10**30, 0]], None, id="nearly for ever"),
        pytest.param([[0, 10**31, 10**30]], f"is not valid before second {10**30}", id="in no calendar"),
        pytest.param([[0, -(10**30), 0]], f"expired on second {-(10**30)}", id="before every calendar"),
    ],
)
def test_for_when(caveats: list[list[object]], what: str | None) -> None:
    expected = [malformed(f"the token in PYPI_API_TOKEN {what}", f"{make_one(AT[PYPI])}, {AGAIN}")] if what else []
    assert judged(make_token(*caveats, location=PYPI)) == expected


# -- on which conditions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caveat", [[9, "x"], ["x"], [0, "soon", "now"], [1, ["\x1b[2J"]]])
def test_conditions_that_nobody_can_read(caveat: list[object]) -> None:
    what = "the token in PYPI_API_TOKEN has a condition that this tagready cannot read, so it may be refused"
    expected = Finding(
        "token-malformed", what, "if it is refused: make one without further conditions", level=Level.WARNING
    )
    assert judged(make_token(caveat, location=PYPI)) == [expected]


def test_all_of_it_at_once() -> None:
    found = judged(make_token([9], [0, 1, 0], [1, ["other"]], location=PYPI))
    assert [(each.level, each.message.partition(" PYPI_API_TOKEN ")[2]) for each in found] == [
        (Level.ERROR, "is for other, not for demo"),
        (Level.ERROR, "expired on 1970-01-01 00:00 UTC"),
        (Level.WARNING, "has a condition that this tagready cannot read, so it may be refused"),
    ]


# -- what the index says of it -----------------------------------------------------------------------------------------


def test_what_is_said_of_the_others() -> None:
    target = TARGETS[TEST]
    make = f"{make_one(AT[TEST])}, {AGAIN}"
    assert missing(target, "demo", "there is none") == Finding("token-missing", "there is none", make)
    assert refused(target, "demo", ".pypirc", "") == Finding(
        "token-refused", f"{TEST} does not accept the token in .pypirc", make
    )
    assert refused(target, "demo", ".pypirc", "it is old").message.endswith("in .pypirc (it is old)")
    assert no_identity(target) == Finding(
        "token-missing",
        f"Trusted Publishing is configured, and this run has no identity to show to {TEST}",
        f"give the publish job `permissions: id-token: write`, {AGAIN}; on your own machine: do without --trusted and"
        " publish.trusted",
    )
    assert not_trusted(target, "nobody knows it") == Finding(
        "token-refused",
        f"{TEST} gives no token to this run (nobody knows it)",
        "compare the trusted publisher on the project's page (owner, repository, workflow file, environment) with this"
        f" run, {AGAIN}",
    )


# -- and it is never shown ---------------------------------------------------------------------------------------------

CAVEATS = st.lists(
    st.one_of(
        st.tuples(st.just(0), st.integers(0, 2**40), st.integers(0, 2**40)).map(list),
        st.tuples(st.just(1), st.lists(st.sampled_from(["demo", "other"]))).map(list),
        st.tuples(st.integers(2, 9), st.text(max_size=5)).map(list),
    ),
    max_size=3,
)
TOKENS = st.builds(
    lambda caveats, location, identifier: make_token(*caveats, location=location, identifier=identifier),
    CAVEATS,
    st.sampled_from([PYPI, TEST, "packages.example"]),
    st.uuids().map(str),
)


def damaged(token: str, at: int, letter: str) -> str:
    place = at % (len(token) + 1)
    return token[:place] + letter + token[place:]


@given(
    st.one_of(
        TOKENS,
        st.builds(damaged, TOKENS, st.integers(0, 400), st.sampled_from(["", " ", "\n", "é", "=", "Z"])),
        TOKENS.map(lambda token: token[: len(token) // 2]),
        st.uuids().map(lambda some: f"secret-{some}"),
    ),
    st.sampled_from([*TARGETS]),
    st.sampled_from(["__token__", "somebody"]),
    st.none() | st.just("demo"),
)
def test_never_shown(password: str, target: str, user: str, project: str | None) -> None:
    said = repr(judged(password, target, user, project))
    bare = password.strip()
    pieces = {bare, *bare.split(), quote(bare), base64.b64encode(f"{user}:{password}".encode()).decode()}
    # Nor any part of it that would be of use: what comes after the host in it.
    tail = bare.removeprefix("pypi-")[30:54]
    assert not [piece for piece in pieces if len(piece) > 5 and piece in said]
    assert len(tail) < 24 or tail not in said


@given(st.text(max_size=60), st.sampled_from([*TARGETS]))
def test_whatever_it_is_there_is_at_most_one_finding_for_its_shape(password: str, target: str) -> None:
    found = judged(password, target)
    assert len(found) <= 1
    assert found or (target == "own" and password.startswith("pypi-"))
