"""The expressions of a workflow, `${{ … }}`: what ends up in a text, and what an `if:` is, as far as that can be told.

A condition has three values: true, false, and None for what depends on more than the event and the ref.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from tagready.facts.actions.workflow_yaml import NOTHING, At

# -- expressions -------------------------------------------------------------------------------------------------------


class Path(NamedTuple):
    """A value of a context, `github.event.pull_request.title`: lower case, a star for what is not a name."""

    parts: tuple[str, ...]


class Literal(NamedTuple):
    """A text in quotes, true or false; None for the rest."""

    value: str | bool | None


class Call(NamedTuple):
    """A function or an operator, and what it is given."""

    name: str
    operands: tuple[Expression, ...]


Expression = Path | Literal | Call

#: How an expression begins.
OPENING = "${{"
_EXPRESSION = re.compile(r"\$\{\{((?:'[^']*'|[^'}]|\}(?!\}))*)\}\}")
_WORD = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>[-+]?\.?\d[\w.+-]*)|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<sign>&&|\|\||[<>=!]=|[][().,*!<>]))\s*",
    re.ASCII,
)
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="))
_CONSTANTS = {"true": True, "false": False, "null": None}
#: What GitHub takes at most (actions/runner, ExpressionConstants).
_LONGEST, _DEEPEST = 21_000, 50


def expressions(text: str) -> Iterator[str]:
    """Yield the expressions in a text, without what encloses them."""
    return (match[1] for match in _matched(text))


def _matched(text: str) -> Iterator[re.Match[str]]:
    # One that is not closed ends it: GitHub refuses the file, and going on would take a time that grows as the square.
    start = text.find(OPENING)
    while start >= 0 and (match := _EXPRESSION.match(text, start)):
        yield match
        start = text.find(OPENING, match.end())


def replaced(text: str, instead: str) -> str:
    """Return a text with something else in place of each expression."""
    ends = [(0, 0), *(match.span() for match in _matched(text)), (len(text), len(text))]
    return instead.join(text[before[1] : after[0]] for before, after in pairwise(ends))


@lru_cache(maxsize=4096)
def parse(source: str) -> Expression | None:
    """Return the tree of an expression; None for what GitHub would refuse."""
    if len(source) > _LONGEST:
        return None
    try:
        return _Parser(source).whole()
    except (ValueError, IndexError):
        return None


class _Parser:
    def __init__(self, source: str) -> None:
        self._words: list[tuple[str, str]] = []
        self._next = self._depth = at = 0
        while at < len(source):
            match = _WORD.match(source, at)
            if not match or not match.lastgroup:
                raise ValueError(source)
            self._words.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()

    def whole(self) -> Expression:
        tree = self._operators()
        if self._next < len(self._words):
            raise ValueError(self._words)
        return tree

    def _peek(self) -> str:
        kind, word = self._words[self._next] if self._next < len(self._words) else ("", "")
        return word if kind == "sign" else ""

    def _take(self, sign: str) -> None:
        if self._peek() != sign:
            raise ValueError(sign)
        self._next += 1

    def _operators(self, level: int = 0) -> Expression:
        if level == len(_LEVELS):
            return self._value()
        operands = [self._operators(level + 1)]
        signs = []
        while (sign := self._peek()) in _LEVELS[level] and sign:
            self._take(sign)
            signs.append(sign)
            operands.append(self._operators(level + 1))
        return Call(signs[0], tuple(operands)) if signs else operands[0]

    def _value(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError("too deep")
        kind, word = self._words[self._next]
        self._next += 1
        tree: Expression
        if word == "!":
            tree = Call("!", (self._value(),))
        elif word == "(":
            tree = self._operators()
            self._take(")")
            tree = self._properties(tree)
        elif kind == "text":
            tree = Literal(word[1:-1].replace("''", "'"))
        elif kind == "number":
            tree = Literal(None)
        elif kind == "name":
            tree = self._named(word.lower())
        else:
            raise ValueError(word)
        self._depth -= 1
        return tree

    def _named(self, name: str) -> Expression:
        if self._peek() == "(":
            return self._properties(Call(name, self._arguments()))
        if name in _CONSTANTS:
            return Literal(_CONSTANTS[name])
        return self._properties(Path((name,)))

    def _arguments(self) -> tuple[Expression, ...]:
        self._take("(")
        arguments = []
        while self._peek() != ")":
            arguments.append(self._operators())
            if self._peek() != ")":
                self._take(",")
        self._take(")")
        return tuple(arguments)

    def _properties(self, tree: Expression) -> Expression:
        names: list[str] = []
        while (sign := self._peek()) in (".", "[") and sign:
            self._take(sign)
            if sign == "[":
                index = Literal(None) if self._peek() == "*" else self._operators()
                self._next += self._peek() == "*"
                self._take("]")
                names.append(
                    index.value.lower() if isinstance(index, Literal) and isinstance(index.value, str) else "*"
                )
            else:
                kind, word = self._words[self._next]
                if kind != "name" and word != "*":
                    raise ValueError(word)
                self._next += 1
                names.append(word.lower())
        # A property of what a function answers is a part of what it was given.
        return Path((*tree.parts, *names)) if isinstance(tree, Path) else tree


_ANSWERS = frozenset(("==", "!=", "<", "<=", ">", ">=", "!", "contains", "startswith", "endswith", "hashfiles"))


class Flow(NamedTuple):
    """A value that can end up in the text: which, and whether with everything below it."""

    parts: tuple[str, ...]
    whole: bool


def flows(tree: Expression | None, whole: bool = False) -> Iterator[Flow]:
    """Yield which values can end up in the text that an expression becomes."""
    if isinstance(tree, Path):
        yield Flow(tree.parts, whole)
    elif isinstance(tree, Call) and tree.name not in _ANSWERS:
        # The first operand of && is what comes out only if it is empty.
        for operand in tree.operands[-1:] if tree.name == "&&" else tree.operands:
            yield from flows(operand, whole or tree.name == "tojson")


# -- conditions --------------------------------------------------------------------------------------------------------


class World(NamedTuple):
    """What a run knows of itself: its event, how its ref begins, if that is known, and whether a stranger began it.

    A stranger's pull request is not merged, and all goes as the stranger wants.
    """

    event: str
    ref: str
    by_stranger: bool = False


#: How the ref of a run begins.
TAG, BRANCH, PULL = "refs/tags/", "refs/heads/", "refs/pull/"
_UNKNOWN = object()


def holds(condition: At, world: World) -> bool | None:
    """Return whether an `if:` is true in a world; None if that cannot be told."""
    if condition is NOTHING:
        return True
    text = condition.text.strip()
    match = _EXPRESSION.fullmatch(text)
    if not match and OPENING in text:
        return None
    tree = parse(match[1] if match else text)
    return _truth(tree, world) if tree else None


def _truth(tree: Expression, world: World) -> bool | None:
    if not isinstance(tree, Call):
        value = _known(tree, world)
        return None if value is _UNKNOWN else bool(value)
    if tree.name in ("&&", "||"):
        deciding = tree.name == "||"
        truths = [_truth(operand, world) for operand in tree.operands]
        return deciding if deciding in truths else None if None in truths else not deciding
    if tree.name == "!":
        truth = _truth(tree.operands[0], world)
        return None if truth is None else not truth
    if tree.name in ("success", "always"):
        return True
    if tree.name in ("failure", "cancelled"):
        return False if world.by_stranger else None
    return _compared(tree.name, tree.operands, world) if len(tree.operands) == 2 else None


def _compared(name: str, operands: Sequence[Expression], world: World) -> bool | None:
    left, right = (_known(operand, world) for operand in operands)
    if name in ("startswith", "contains", "==", "!=") and _is_ref(operands[0], world) and isinstance(right, str):
        equal = _ref_may_be(name, right, world.ref)
    elif name in ("==", "!=") and type(left) is type(right) and _UNKNOWN not in (left, right):
        equal = left == right
    else:
        return None
    return (not equal if equal is not None else None) if name == "!=" else equal


def _ref_may_be(name: str, text: str, ref: str) -> bool | None:
    if not text.startswith("refs/"):
        return None
    if name in ("startswith", "contains") and ref.startswith(text):
        return True
    return None if text.startswith(ref) else False


def _is_ref(tree: Expression, world: World) -> bool:
    paths = [("github", "ref")] + [("github", "event", "ref")] * (world.event == "push")
    return isinstance(tree, Path) and tree.parts in paths


def _known(tree: Expression, world: World) -> object:
    if isinstance(tree, Literal):
        return tree.value.lower() if isinstance(tree.value, str) else tree.value
    known: dict[tuple[str, ...], object] = {("github", "event_name"): world.event}
    if world.by_stranger:
        known["github", "event", "pull_request", "merged"] = False
        known["github", "event", "workflow_run", "event"] = "pull_request"
    if world.ref:
        known["github", "ref_type"] = "tag" if world.ref == TAG else "branch"
    return known.get(tree.parts, _UNKNOWN) if isinstance(tree, Path) else _UNKNOWN
