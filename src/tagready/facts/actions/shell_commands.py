"""The commands in the script of a step, as far as they can be told from its text. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple

from tagready.facts.actions.workflow_expressions import replaced
from tagready.facts.actions.workflow_yaml import At

#: What an expression is for the shell: some text.
SOME_TEXT = "${EXPRESSION}"
_HEREDOC = re.compile(r"<<-?\s*([\"']?)(\w+)\1")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)
_BEFORE = frozenset(
    ("if", "then", "else", "elif", "while", "until", "do", "!", "time", "sudo", "exec", "command", "env")
)
_SETTING = re.compile(r"[A-Za-z_]\w*=")


class Command(NamedTuple):
    """A command of a script, and the same without what runs it: `uvx`, `python -m`, `pipx run`."""

    words: tuple[str, ...]
    tool: tuple[str, ...]


@lru_cache(maxsize=4096)
def commands(script: str) -> tuple[Command, ...]:
    """Return the commands of a shell script; what a heredoc holds is none."""
    plain = _COMMENT.sub("", "\n".join(_without_heredocs(replaced(script, SOME_TEXT))))
    plain = re.sub(r"[\\`][ \t]*\r?\n", " ", plain)
    lexer = shlex.shlex(plain, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    try:
        words = list(lexer)
    except ValueError:
        # A quote that is never closed: another shell's, or none.
        words = re.findall(r"\n|[^\s\"']+", plain)
    return tuple(_simple(words))


def _without_heredocs(script: str) -> Iterator[str]:
    end = None
    for line in script.split("\n"):
        if end is None:
            yield line
            match = _HEREDOC.search(line)
            end = match[2] if match else None
        elif line.strip() == end:
            end = None


def _simple(words: Sequence[str]) -> Iterator[Command]:
    command: list[str] = []
    for word in (*words, ";"):
        if word and not word.strip("();|&\n"):
            if command:
                yield Command(tuple(command), _unwrapped(tuple(command)))
            command = []
        elif command or (word not in _BEFORE and not _SETTING.match(word)):
            command.append(word)


def _unwrapped(words: tuple[str, ...]) -> tuple[str, ...]:
    while words:
        name, rest = program_name(words[0]), words[1:]
        if name.startswith("python"):
            options = list(takewhile(lambda word: word.startswith("-"), rest))
            module = next((at for at, word in enumerate(options) if _MODULE.fullmatch(word)), None)
            if module is None:
                break
            words = rest[module + 1 :]
        elif (
            name == "uvx" or (name in _RUNNERS and "run" in rest[:1]) or (name == "uv" and rest[:2] == ("tool", "run"))
        ):
            rest = rest if name == "uvx" else rest[rest.index("run") + 1 :]
            while rest and rest[0].startswith("-"):
                rest = rest[2 if rest[0] in _WITH_VALUE else 1 :]
            words = rest
        elif name == "uv" and rest[:1] == ("pip",):
            words = rest
        else:
            break
    return words


_MODULE = re.compile(r"-[a-zA-Z]*m")
_RUNNERS = frozenset(("pipx", "uv", "poetry", "pdm", "hatch", "pipenv"))
_WITH_VALUE = frozenset((
    "--extra", "--from", "--group", "--index", "--index-url", "--pip-args", "--python", "--spec", "--with", "-p",
))  # fmt: skip


def program_name(word: str) -> str:
    """Return the program's name in a word, without its folder and what pins its version."""
    return re.split(r"[^\w-]", re.split(r"[/\\]", word.lower().removesuffix(".exe"))[-1])[0]


def line_of(script: At, command: Command) -> int:
    """Return the line of a script where a command stands, or else the one where the script begins."""
    for words in (command.words, command.words[:3]):
        match = re.search(r"[\"']?\s+[\"']?".join(map(re.escape, words)), script.raw)
        if match:
            return script.line_of(match[0])
    return script.line


def calls(command: Command, program: str, *names: str) -> bool:
    """Return whether a command is one of a program's subcommands."""
    if not command.tool or program_name(command.tool[0]) != program:
        return False
    rest = command.tool[1:]
    while rest and rest[0].startswith("-"):
        # An option before the subcommand may have a value.
        rest = rest[2:] if rest[1:2] and rest[1] not in names and rest[2:3] and rest[2] in names else rest[1:]
    return bool(rest) and rest[0] in names
