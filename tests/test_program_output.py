"""What programs said, shown plainly."""

from __future__ import annotations

import pytest

from tagready.facts.program_output import last_lines


@pytest.mark.parametrize(
    ("output", "most", "shown"),
    [
        pytest.param(b"", 3, "", id="nothing"),
        pytest.param(b"\n one\ntwo\n\n", 3, "one\ntwo", id="all of it"),
        pytest.param(b"one\ntwo\nthree\n", 2, "two\nthree", id="the end"),
        pytest.param("one\r\ntwo", 2, "one\ntwo", id="text with Windows' line endings"),
        pytest.param(b"caf\xe9", 1, "caf\ufffd", id="not UTF-8"),
        pytest.param(b"\x1b[1;31merror\x1b[0m: \x1b[38;5;9mno\x1b[K\n", 1, "error: no", id="colours"),
        pytest.param(b"a\n\x1b[0m\n", 1, "a", id="a line of colour only"),
    ],
)
def test_last_lines(output: bytes | str, most: int, shown: str) -> None:
    assert last_lines(output, most) == shown
