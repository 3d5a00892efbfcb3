"""Commands in the scripts of steps: which there are, what they run in the end, and where they stand."""

from __future__ import annotations

import pytest

from tagready.facts.actions.shell_commands import SOME_TEXT, calls, commands, line_of, program_name
from tagready.facts.actions.workflow_yaml import At


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("", []),
        ("a b; c | d && e || f & g\nh", ["a b", "c", "d", "e", "f", "g", "h"]),
        ("(a b)", ["a b"]),
        ("a 'b; c' \"d && e\"", ["a b; c d && e"]),
        ("a \\\n  b\nc", ["a b", "c"]),
        ("a `\n  b", ["a b"]),
        ("a # b; c\n# d\ne#f", ["a", "e#f"]),
        ("X=1 Y='2 3' a Z=4", ["a Z=4"]),
        ("if ! a; then sudo b; else exec c", ["a", "b", "c"]),
        ("cat > x <<'EOF'\na\n  EOF\nb", ["cat > x << EOF", "b"]),
        ("cat <<-A\na\n", ["cat << -A"]),
        ("a ${{ b }}", [f"a {SOME_TEXT}"]),
        ("a 'b\nc", ["a b", "c"]),
    ],
)
def test_commands(script: str, found: list[str]) -> None:
    assert [" ".join(each.words) for each in commands(script)] == found


@pytest.mark.parametrize(
    ("script", "tool"),
    [
        ("twine upload x", "twine upload x"),
        ("python -m twine upload", "twine upload"),
        ("/usr/bin/python3.12 -Im build", "build"),
        ("python -c pass -m x", "python -c pass -m x"),
        ("python -m", ""),
        ("uvx --from a -q b c", "b c"),
        ("uvx twine@6 upload", "twine@6 upload"),
        ("pipx run build", "build"),
        ("pipx install build", "pipx install build"),
        ("uv run --with x python -m pytest", "pytest"),
        ("uv tool run --python 3.12 tox", "tox"),
        ("uv pip install .", "pip install ."),
        ("uv run", ""),
        ("uv build", "uv build"),
    ],
)
def test_what_is_run_in_the_end(script: str, tool: str) -> None:
    (command,) = commands(script)
    assert " ".join(command.words) == script
    assert " ".join(command.tool) == tool


@pytest.mark.parametrize(
    ("word", "name"),
    [("twine", "twine"), ("/opt/bin/Twine.EXE", "twine"), (".\\twine", "twine"), ("twine@6.1", "twine"), ("", "")],
)
def test_the_name_of_a_program(word: str, name: str) -> None:
    assert program_name(word) == name


@pytest.mark.parametrize(
    ("script", "does"),
    [
        ("uv publish", True),
        ("uv --quiet publish dist/*", True),
        ("uv --directory pkg publish", True),
        ("python -m uv upload", True),
        ("uvx uv@0.9 publish", True),
        ("uv build publish", False),
        ("uv --directory pkg build publish", False),
        ("uv", False),
        ("uv --quiet", False),
        ("uv run", False),
        ("twine upload", False),
    ],
)
def test_calls(script: str, does: bool) -> None:
    (command,) = commands(script)
    assert calls(command, "uv", "publish", "upload") is does


def test_the_line_of_a_command() -> None:
    raw = "|\n  a b\n  'a' c d \\\n    e\n  x${{ y }} z\n"
    script = At(5, raw, raw.removeprefix("|\n"))
    assert [line_of(script, command) for command in commands(script.value)] == [6, 7, 5]  # type: ignore[arg-type]
