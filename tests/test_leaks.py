"""Which secrets are found in a file, and that nothing of them is passed on."""

from __future__ import annotations

import marshal
import pickle
from configparser import RawConfigParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagready.facts.publishing.leaks import Leak, find_leaks
from test_tokens import TEST_PYPI, made

TOKEN, TEST_TOKEN = made([1, ["demo"]]), made(location=TEST_PYPI)
OTHER_TOKEN = made(location="packages.example.org")


def pypi(line: int) -> Leak:
    return Leak(line, "a PyPI token", test_index=False)


def on_testpypi(line: int) -> Leak:
    return Leak(line, "a TestPyPI token", test_index=True)


def other(line: int) -> Leak:
    return Leak(line, "a token of another package index", test_index=False)


def password(line: int) -> Leak:
    return Leak(line, "a password in a .pypirc", test_index=False)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", [], id="empty"),
        pytest.param(b"pypi-", [], id="prefix"),
        pytest.param(f"{TOKEN}".encode(), [pypi(1)], id="PyPI"),
        pytest.param(f"{TEST_TOKEN}\n".encode(), [on_testpypi(1)], id="TestPyPI"),
        pytest.param(f"{OTHER_TOKEN}\n".encode(), [other(1)], id="another index"),
        pytest.param(
            f"\r\n\r\n  token: '{TOKEN}'\r\n{OTHER_TOKEN}\r\n{TEST_TOKEN}".encode(),
            [pypi(3), other(4), on_testpypi(5)],
            id="several",
        ),
        pytest.param(f"{TOKEN} {TEST_TOKEN}\n{TOKEN}".encode(), [pypi(1), on_testpypi(1), pypi(2)], id="two on a line"),
        pytest.param(f"https://__token__:{TOKEN}@example.org/".encode(), [pypi(1)], id="URL"),
        pytest.param(f"TOKEN={TOKEN};pypi-{TOKEN}".encode(), [pypi(1), pypi(1)], id="prefix twice"),
        pytest.param(f"password = {TOKEN}\npassword = hunter2\n".encode(), [pypi(1)], id="password elsewhere"),
        pytest.param(b"\0\xff\n\n" + TOKEN.encode() + b"\0\xfe", [pypi(3)], id="binary"),
        pytest.param(marshal.dumps((TOKEN, None)), [pypi(1)], id="compiled"),
        pytest.param(pickle.dumps([TOKEN], protocol=2), [pypi(1)], id="pickled"),
        pytest.param(f"a\n{TOKEN}\n".encode("utf-16"), [pypi(2)], id="UTF-16"),
        pytest.param(f"\ufeffa\n{TOKEN}\n".encode("utf-16-be"), [pypi(2)], id="UTF-16, the other way round"),
        pytest.param(f"\ufeffa\n{TOKEN}\n".encode("utf-16-le") + b"\0", [pypi(2)], id="UTF-16 with half a letter"),
        pytest.param(b"pypi-" + b"AgEIcHlwaS5vcmc... and " + b"pypi-" + b"AgEIcHlwaS5vcmcCJ\n", [], id="shortened"),
        pytest.param(TOKEN[:-1].encode(), [], id="cut off"),
        pytest.param(b"x" * 3_000_000 + b"\n" + TOKEN.encode(), [pypi(2)], id="megabytes"),
    ],
)
def test_tokens(content: bytes, expected: list[Leak]) -> None:
    assert find_leaks("docs/notes.txt", content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("[pypi]\npassword = hunter2\n", [password(2)], id="plain"),
        pytest.param("[pypi]\r\nPassword: hunter2\r\n", [password(2)], id="colon, capital, CRLF"),
        pytest.param("[pypi]\npassword=hunter2", [password(2)], id="no spaces, no end"),
        pytest.param("[a]\npassword = one1\n[b]\npassword = two2\n", [password(2), password(4)], id="two sections"),
        pytest.param("[a]\npassword = one1\npassword = two2\n", [password(2), password(3)], id="twice in a section"),
        pytest.param("password = hunter2\n", [password(1)], id="no section"),
        pytest.param("[a\n=\npassword = hunter2\n", [password(3)], id="nothing that parses"),
        pytest.param("[a]\n  username = me\n  password = hunter2\n", [password(3)], id="all indented"),
        pytest.param("[a]\npassword =\n  hunter2\n", [password(3)], id="on the next line"),
        pytest.param("[a]\npassword =\n\n  # here\n; or\n\thunter2\n", [password(6)], id="after a comment"),
        pytest.param("[a]\npassword = 50%(of)it\n", [password(2)], id="percent sign"),
        pytest.param("[a]\npassword = é!\n", [password(2)], id="not ASCII"),
        pytest.param("[a]\npassword = # 1\n", [], id="only a comment"),
        pytest.param("[a]\npassword =\n", [], id="empty"),
        pytest.param("[a]\npassword =", [], id="empty, no end"),
        pytest.param("[a]\npassword =\nusername = me\n", [], id="empty, then another key"),
        pytest.param("[a]\n  password =\n  username = me\n", [], id="empty, then another key as deep"),
        pytest.param("[a]\npassword =\n  # here\n\n[b]\n", [], id="empty but for a comment"),
        pytest.param("[a]\n# password = hunter2\nmy_password = a1\npasswords = a1\n", [], id="other keys"),
        pytest.param(f"[a]\npassword = {TOKEN}\n", [pypi(2)], id="token"),
        pytest.param(f"[a]\npassword =\n  {TEST_TOKEN}\n", [on_testpypi(3)], id="token on the next line"),
        pytest.param(f"[a]\npassword = '{TOKEN}' # mine\n", [pypi(2)], id="token in quotes, with a comment"),
        pytest.param(
            f"# {TOKEN}\n[a]\npassword = one1\n[b]\npassword = {TEST_TOKEN}\n",
            [pypi(1), password(3), on_testpypi(5)],
            id="both, in order",
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_pypirc(content: str, expected: list[Leak], encoding: str) -> None:
    assert find_leaks(".pypirc", content.encode(encoding)) == expected


@pytest.mark.parametrize(
    ("path", "read"),
    [
        (".pypirc", True), ("pypirc", True), ("home/me/.pypirc", True), ("home\\me\\.pypirc", True),
        ("demo-1.0/docs/pypirc", True), ("setup.cfg", False), ("my.pypirc", False), (".pypirc/readme", False),
        (".pypirc.py", False), ("", False),
    ],
)  # fmt: skip
def test_which_files_hold_passwords(path: str, read: bool) -> None:
    assert find_leaks(path, b"[pypi]\npassword = hunter2\n") == ([password(2)] if read else [])


@pytest.mark.parametrize(
    "value",
    [
        "<token>", "<a PyPI token>", "[token]", "${PYPI_TOKEN}", "${PYPI_TOKEN:-}", "$PYPI_TOKEN",
        "$(pass show pypi)", "%(token)s", "%PYPI_TOKEN%", "{{ pypi_token }}", "{{ lookup('env', 'TOKEN') }}",
        "YOUR_TOKEN", "your-api-token", "your token here", "yourpassword", "__TOKEN__", "changeme", "Change-Me",
        "password", "secret", "None", "REDACTED", "x", "xxxx", "XXXX-XXXX", "********", "••••••", "...", "…",
        "***REDACTED***", "???", "''", '""', "'<token>'", '"xxxx"', "pypi-", "pypi-xxxx", "pypi-...", "pypi-<token>",
        "pypi-${TOKEN}", "pypi-YOUR-TOKEN", "pypi-" + "AgEI...", "pypi-" + "AgEIcHlwaS5vcmcCJ",
        "<token>  # from your account", "xxxx ; put yours here",
    ],
)  # fmt: skip
def test_a_placeholder_is_no_secret(value: str) -> None:
    assert find_leaks(".pypirc", f"[pypi]\npassword = {value}\n".encode()) == []


@pytest.mark.parametrize(
    "value",
    [
        "hunter2", "correct horse battery staple", "<half", "a<b>c", "<a>b<c>", "$ecret", "$9xK", "#1x", ";y",
        "#hash #tag", "%x", "100%(sure)", "{brace", "xyz", "x1", "0000", "1234", "mypass1", "your-token-1",
        "Tr0ub4dor&3", "pypi-hunter2", "pypi-upload-2024", "'hunter2'", "hunter2  # mine", "AgEIcHlwaS5vcmc",
        "\u00fcber", "YOURS", "testing",
    ],
)  # fmt: skip
def test_what_only_resembles_a_placeholder_is_a_secret(value: str) -> None:
    assert find_leaks(".pypirc", f"[pypi]\npassword = {value}\n".encode()) == [password(2)]


# The digit at the end keeps each from being a placeholder.
values = st.from_regex(r"[a-z0-9%$<>=:\[\]\"'é-][a-z0-9%$<>=:\[\]\"'é -]*7", fullmatch=True)


@given(st.lists(values, min_size=1, max_size=4), st.sampled_from(["", "\n ", "\n\n\t", "\n  # comment\n  "]))
def test_what_configparser_reads_as_a_password_is_found(passwords: list[str], after_key: str) -> None:
    sections = [
        f"[{count}]\nusername = me\npassword = {after_key}{value}\nrepository = https://example.org/\n"
        for count, value in enumerate(passwords)
    ]
    content = "\n".join(sections)
    parser = RawConfigParser()
    parser.read_string(content)
    assert [parser[name]["password"].strip() for name in parser.sections()] == passwords
    found = find_leaks(".pypirc", content.encode())
    assert found == [password(leak.line) for leak in found]
    assert [content.split("\n")[leak.line - 1].removeprefix("password = ").strip() for leak in found] == passwords


@given(st.binary() | st.text().map(str.encode), st.sampled_from(["notes.txt", ".pypirc"]))
def test_any_content_is_searched(content: bytes, path: str) -> None:
    lines = content.count(b"\n") + 1
    assert all(1 <= leak.line <= lines for leak in find_leaks(path, content + b"\npassword = hunter2")[:-1])


@given(st.lists(st.sampled_from(["", "text", TOKEN, TEST_TOKEN, f"a = '{TOKEN}'", TOKEN[:-1], TOKEN[1:] + "."])))
def test_each_line_is_judged_alone(lines: list[str]) -> None:
    expected = [leak._replace(line=at) for at, line in enumerate(lines, 1) for leak in find_leaks("a", line.encode())]
    assert find_leaks("a", "\n".join(lines).encode()) == expected


def test_nothing_of_a_secret_is_passed_on() -> None:
    leaks = find_leaks(".pypirc", f"[pypi]\npassword = hunter2\n[test]\npassword = {TOKEN}\n".encode())
    assert repr(leaks) == (
        "[Leak(line=2, what='a password in a .pypirc', test_index=False), "
        "Leak(line=4, what='a PyPI token', test_index=False)]"
    )
