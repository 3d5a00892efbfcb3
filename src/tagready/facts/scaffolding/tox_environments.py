"""Which environment of tox runs a project's tests, as far as tox's settings tell. Pure."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

from tagready.facts.toml_tables import list_at, table_at

_RUNS_TESTS = re.compile(
    r"(?<![\w-])(?:pytest|py\.test|unittest|trial|nose2?|nosetests|stestr|ward|behave|zope-testrunner)(?![\w-])"
    r"|^(?:coverage run|tests?)\b|\b(?:run|make|just)\b.*\btests?\b|\b(?:run_?)?tests?\.(?:py|sh)\b|\bsetup\.py test\b"
)

#: What an environment that runs tests is called, whatever its commands look like.
_CALLED = {"test", "tests", "unit", "unittest", "pytest"}


class Line(NamedTuple):
    """A command, and the factors that an environment must have for it (None: any environment runs it)."""

    factors: str | None
    command: str


def runs_tests(text: str) -> bool:
    """Return whether a command, or code that has some, looks like one that runs tests."""
    return _RUNS_TESTS.search(text) is not None and not re.match(r"(?:\S+ -m )?pip install ", text)


class Settings(NamedTuple):
    """The names of environments, what each runs that is not one of them, and what some run instead."""

    names: tuple[str, ...]
    base: tuple[Line, ...]
    own: tuple[tuple[tuple[str, ...], tuple[Line, ...]], ...] = ()

    def commands(self, name: str) -> list[str]:
        """Return what an environment runs. tox passes without a word where that is nothing."""
        lines = next((lines for names, lines in self.own if name in names), self.base)
        factors = set(name.split("-"))
        return [line.command for line in lines if line.factors is None or _holds(line.factors, factors)]


def environment(settings: Settings) -> str | None:
    """Return the environment that runs the tests with the Python that tox itself runs on; None where none is sure to.

    That is `py`, one that tox's settings list, without its Python (`py312-tests` is `py-tests`), or one that they
    describe. A `py` whose commands are for some factors only would pass with no test run at all.
    """
    listed = (*settings.names, *(name for names, _ in settings.own for name in names))
    for name in dict.fromkeys(("py", *map(_on_any_python, listed))):
        commands = settings.commands(name)
        if any(map(runs_tests, commands)) or (commands and _CALLED & {*name.split("-")}):
            return name
    depends = any(line.factors is not None for line in settings.base)
    return "py" if settings.commands("py") and not depends else None


_A_PYTHON = re.compile(r"(?:py(?:py|thon)?|(?=\d))[\d.]*t?")


def _on_any_python(name: str) -> str:
    return "-".join("py" if _A_PYTHON.fullmatch(factor) else factor for factor in name.split("-"))


def from_ini(text: str) -> Settings | None:
    """Return what a tox.ini says; None where it is none."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text.replace("\r\n", "\n"))
    except configparser.Error:
        return None
    listed = parser.get("tox", "envlist", fallback="") or parser.get("tox", "env_list", fallback="")
    own = [
        (tuple(_expanded(section.removeprefix("testenv:"))), _lines(parser.get(section, "commands")))
        for section in parser.sections()
        if section.startswith("testenv:") and parser.has_option(section, "commands")
    ]
    return Settings(tuple(_expanded(listed)), _lines(parser.get("testenv", "commands", fallback="")), tuple(own))


def _lines(text: str) -> tuple[Line, ...]:
    whole = re.sub(r"\\\n\s*", "", text).split("\n")
    found = [re.fullmatch(r"(?:([\w{}.,!-]+):\s+)?(.+)", line.strip()) for line in whole]
    return tuple(Line(match[1], match[2]) for match in found if match)


def _holds(condition: str, factors: set[str]) -> bool:
    return any(
        all((word[1:] not in factors) if word.startswith("!") else word in factors for word in name.split("-"))
        for name in _expanded(condition)
    )


def _expanded(text: str) -> Iterator[str]:
    """Yield the names that a text lists, `py3{10-12}-{tests,mypy}` each by itself."""
    for name in re.split(r"[,\n](?![^{]*\})", text):
        parts = re.split(r"\{([^{}]*)\}", name.strip())
        choices = [[part] if place % 2 == 0 else list(_choices(part)) for place, part in enumerate(parts)]
        yield from filter(None, map("".join, product(*choices)))


def _choices(text: str) -> Iterator[str]:
    for choice in text.split(","):
        span = re.fullmatch(r"\s*(\d{1,3})-(\d{1,3})\s*", choice)
        yield from map(str, range(int(span[1]), int(span[2]) + 1)) if span else (choice.strip(),)


def from_toml(table: Mapping[str, Any]) -> Settings | None:
    """Return what a tox.toml says, or `[tool.tox]`, which may hold the text of a tox.ini as well."""
    if "legacy_tox_ini" in table:
        return from_ini(str(table["legacy_tox_ini"]))
    described = {name: each for name, each in table_at(table, "env").items() if isinstance(each, dict)}
    own = [((name,), _toml_lines(each)) for name, each in described.items() if "commands" in each]
    names = [name for name in list_at(table, "env_list") if isinstance(name, str)]
    return Settings(tuple(names), _toml_lines(table_at(table, "env_run_base")), tuple(own))


def _toml_lines(table: Mapping[str, Any]) -> tuple[Line, ...]:
    commands = [words for words in list_at(table, "commands") if isinstance(words, list) and words]
    return tuple(Line(None, " ".join(map(str, words))) for words in commands)
