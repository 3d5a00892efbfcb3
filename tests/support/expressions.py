"""GitHub's expressions, `${{ … }}`: parsed, checked and evaluated as the runner of GitHub Actions does.

The rules are those of GitHub's page on expressions and, where it is silent, of the runner's own source: loose equality
that ignores case, `&&` and `||` that return an operand, a property that is not there is null. What GitHub would refuse
is a `WorkflowBug`, and so is what it takes without a word but nobody means.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class WorkflowBug(Exception):  # noqa: N818 - a bug in the workflow, not an error of ours
    """The workflow is wrong: GitHub would refuse it, or do what its author did not mean."""


class Status(NamedTuple):
    """What success(), failure() and cancelled() answer."""

    success: bool = True
    failure: bool = False
    cancelled: bool = False


class ExactKeys(dict[str, Any]):
    """An object whose keys are told apart by case, as those of `env` are."""


class Filtered(list[Any]):
    """What `.*` gives: a further property is taken of each item."""


# -- the tree ----------------------------------------------------------------------------------------------------------


class Literal(NamedTuple):
    value: Any


class Name(NamedTuple):
    name: str


class Index(NamedTuple):
    target: Node
    key: Node | None  # None: the star


class Call(NamedTuple):
    name: str
    arguments: tuple[Node, ...]


class Not(NamedTuple):
    operand: Node


class Binary(NamedTuple):
    sign: str
    left: Node
    right: Node


Node = Literal | Name | Index | Call | Not | Binary

CONTEXTS = frozenset(
    {"github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix", "needs", "inputs"}
)
STATUS_FUNCTIONS = frozenset({"success", "failure", "cancelled", "always"})

#: How many arguments each function takes, by its name in lower case.
FUNCTIONS = {
    "contains": (2, 2), "startswith": (2, 2), "endswith": (2, 2), "format": (1, 255), "join": (1, 2),
    "tojson": (1, 1), "fromjson": (1, 1), "hashfiles": (1, 255), "case": (3, 255),
    "success": (0, 0), "failure": (0, 0), "cancelled": (0, 0), "always": (0, 0),
}  # fmt: skip

_TOKEN = re.compile(
    r"""
    (?P<string>'(?:[^']|'')*')
  | (?P<number>[+-]?(?:0x[0-9a-fA-F]+|0o[0-7]+|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)(?![A-Za-z0-9_]))
  | (?P<word>[A-Za-z_][A-Za-z0-9_-]*)
  | (?P<sign>&&|\|\||[!=<>]=|[!<>()\[\].,*])
    """,
    re.VERBOSE,
)
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "NaN": math.nan, "Infinity": math.inf}
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="))


def parse(source: str) -> Node:
    """Return the tree of an expression, which stands there without `${{` and `}}`.

    Raises `WorkflowBug` for what is no expression, and for contexts and functions that do not exist.
    """
    return _Parser(source).whole()


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = list(_tokens(source))
        self.at = 0

    def whole(self) -> Node:
        node = self.binary(0)
        if self.peek():
            raise self.unexpected()
        return node

    def binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self.unary()
        node = self.binary(level + 1)
        while (sign := self.peek()) in _LEVELS[level]:
            self.at += 1
            node = Binary(sign, node, self.binary(level + 1))
        return node

    def unary(self) -> Node:
        return Not(self.unary()) if self.take("!") else self.postfix()

    def postfix(self) -> Node:
        node = self.primary()
        while self.peek() in (".", "["):
            if isinstance(node, Literal):
                raise self.unexpected()
            if self.take("."):
                node = Index(node, None if self.take("*") else Literal(self.word()))
            else:
                self.expect("[")
                node = Index(node, None if self.take("*") else self.binary(0))
                self.expect("]")
        return node

    def primary(self) -> Node:
        if self.take("("):
            node = self.binary(0)
            self.expect(")")
            return node
        kind, text = self.next()
        if kind == "string":
            return Literal(text[1:-1].replace("''", "'"))
        if kind == "number":
            return Literal(to_number(text))
        if kind != "word":
            self.at -= 1
            raise self.unexpected()
        if self.peek() == "(":
            return self.call(text)
        if text in _WORDS:
            return Literal(_WORDS[text])
        if text.lower() not in CONTEXTS:
            raise WorkflowBug(f"no such context: {text} (in: {self.source})")
        return Name(text.lower())

    def call(self, name: str) -> Node:
        self.expect("(")
        arguments: list[Node] = []
        while not self.take(")"):
            if arguments:
                self.expect(",")
            arguments.append(self.binary(0))
        if name.lower() not in FUNCTIONS:
            raise WorkflowBug(f"no such function: {name} (in: {self.source})")
        least, most = FUNCTIONS[name.lower()]
        if not least <= len(arguments) <= most:
            raise WorkflowBug(f"{name} does not take {len(arguments)} arguments (in: {self.source})")
        return Call(name.lower(), tuple(arguments))

    def word(self) -> str:
        kind, text = self.next()
        if kind != "word":
            self.at -= 1
            raise self.unexpected()
        return text

    def next(self) -> tuple[str, str]:
        if self.at == len(self.tokens):
            raise WorkflowBug(f"the expression ends too early: {self.source}")
        self.at += 1
        return self.tokens[self.at - 1]

    def peek(self) -> str:
        """Return the sign that comes next; another token as it stands."""
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, sign: str) -> bool:
        taken = self.peek() == sign
        self.at += taken
        return taken

    def expect(self, sign: str) -> None:
        if not self.take(sign):
            raise self.unexpected()

    def unexpected(self) -> WorkflowBug:
        return WorkflowBug(f"unexpected {self.peek() or 'end'!r} in the expression: {self.source}")


def _tokens(source: str) -> Iterator[tuple[str, str]]:
    at = 0
    while rest := source[at:].lstrip():
        at = len(source) - len(rest)
        found = _TOKEN.match(source, at)
        if not found or not found.lastgroup:
            raise WorkflowBug(f"cannot read {rest[:20]!r} in the expression: {source}")
        yield found.lastgroup, found.group()
        at = found.end()


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it."""
    yield node
    for part in node:
        for child in part if isinstance(node, Call) and isinstance(part, tuple) else (part,):
            if isinstance(child, Literal | Name | Index | Call | Not | Binary):
                yield from walk(child)


def asks_for_status(node: Node) -> bool:
    """Whether an `if` says itself what it makes of failures; else `success()` is implied."""
    return any(isinstance(part, Call) and part.name in STATUS_FUNCTIONS for part in walk(node))


# -- values ------------------------------------------------------------------------------------------------------------


def truthy(value: Any) -> bool:
    """Whether a value counts as true; every object and array does."""
    if isinstance(value, Mapping | list):
        return True
    return bool(value) and value == value  # NaN is false


def to_number(value: Any) -> float:
    """Return a value as a number, as JavaScript's `Number` does for text; NaN where it is none."""
    if value is None:
        return 0.0
    if isinstance(value, bool | int | float):
        return float(value)
    if not isinstance(value, str):
        return math.nan
    text = value.strip()
    if not text:
        return 0.0
    if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return float(text)
    if re.fullmatch(r"0x[0-9a-fA-F]+|0o[0-7]+", text):
        return float(int(text, 0))
    return {"Infinity": math.inf, "-Infinity": -math.inf}.get(text, math.nan)


def to_text(value: Any) -> str:
    """Return a value as text: nothing for null, numbers with 15 digits at most.

    Raises `WorkflowBug` for an object or array: the runner would write the words "Object" and "Array".
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number_text(float(value))
    if isinstance(value, str):
        return value
    raise WorkflowBug(f"an object or array is used as text: {value!r}")


def _number_text(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return format(value or 0.0, ".15g").replace("e", "E")


def equal(left: Any, right: Any) -> bool:
    """Whether two values are equal, loosely: text without regard to case, other types as numbers."""
    left, right = _same_kind(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left.upper() == right.upper()
    if _kind(left) != _kind(right):
        return False
    return left is right if isinstance(left, Mapping | list) else bool(left == right)


def less(left: Any, right: Any) -> bool:
    """Whether a value is less than another; never where one is no number."""
    left, right = _same_kind(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left.upper() < right.upper()
    if _kind(left) != _kind(right) or isinstance(left, Mapping | list) or left is None:
        return False
    return bool(left < right)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "null" if value is None else "object" if isinstance(value, Mapping) else "array"


def _same_kind(left: Any, right: Any) -> tuple[Any, Any]:
    kinds = {_kind(left), _kind(right)}
    if len(kinds) == 1 or kinds <= {"object", "array"}:
        return left, right
    if kinds & {"object", "array"}:
        return math.nan, math.nan
    return to_number(left), to_number(right)


def _plain(value: Any) -> bool:
    return not isinstance(value, Mapping | list)


# -- evaluation --------------------------------------------------------------------------------------------------------


class Scope(NamedTuple):
    """What an expression can see: contexts by name, and in an `if` how things stand."""

    contexts: Mapping[str, Any]
    status: Status | None = None


def evaluate(node: Node, scope: Scope) -> Any:
    """Return the value of an expression.

    Raises `WorkflowBug` for a context or status function that cannot be used where it stands.
    """
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Name):
        if node.name not in scope.contexts:
            raise WorkflowBug(f"the context {node.name} cannot be used here")
        return scope.contexts[node.name]
    if isinstance(node, Not):
        return not truthy(evaluate(node.operand, scope))
    if isinstance(node, Index):
        target = evaluate(node.target, scope)
        return _star(target) if node.key is None else _item(target, evaluate(node.key, scope))
    if isinstance(node, Binary):
        return _binary(node, scope)
    return _call(node, scope)


def _binary(node: Binary, scope: Scope) -> Any:
    left = evaluate(node.left, scope)
    if node.sign in ("&&", "||"):
        return left if truthy(left) == (node.sign == "||") else evaluate(node.right, scope)
    right = evaluate(node.right, scope)
    answers: dict[str, Callable[[], bool]] = {
        "==": lambda: equal(left, right),
        "!=": lambda: not equal(left, right),
        "<": lambda: less(left, right),
        ">": lambda: less(right, left),
        "<=": lambda: equal(left, right) or less(left, right),
        ">=": lambda: equal(left, right) or less(right, left),
    }
    return answers[node.sign]()


_NOTHING = object()


def _item(target: Any, key: Any) -> Any:
    if isinstance(target, Filtered):
        found = [_look_up(item, key) for item in target]
        return Filtered(item for item in found if item is not _NOTHING)
    value = _look_up(target, key)
    return None if value is _NOTHING else value


def _look_up(target: Any, key: Any) -> Any:
    if isinstance(target, Mapping) and _plain(key):
        name = to_text(key)
        if name in target or isinstance(target, ExactKeys):
            return target.get(name, _NOTHING)
        return next((value for known, value in target.items() if known.upper() == name.upper()), _NOTHING)
    if isinstance(target, list):
        number = to_number(key)
        if number >= 0 and number < len(target):
            return target[math.floor(number)]
    return _NOTHING


def _star(target: Any) -> Filtered:
    if isinstance(target, Filtered):
        return Filtered(item for inner in target for item in _star(inner))
    if isinstance(target, Mapping):
        return Filtered(target.values())
    return Filtered(target if isinstance(target, list) else ())


def _call(node: Call, scope: Scope) -> Any:
    if node.name in STATUS_FUNCTIONS:
        if scope.status is None:
            raise WorkflowBug(f"{node.name}() can be used in an `if` only")
        return node.name == "always" or getattr(scope.status, node.name)
    if node.name == "case":
        return _case(node.arguments, scope)
    if node.name == "hashfiles":
        raise WorkflowBug("hashFiles() is not known to this runner")
    return _PLAIN_FUNCTIONS[node.name](*(evaluate(argument, scope) for argument in node.arguments))


def _case(arguments: Sequence[Node], scope: Scope) -> Any:
    if len(arguments) % 2 == 0:
        raise WorkflowBug("case() needs a default after its pairs")
    for condition, value in zip(arguments[:-1:2], arguments[1::2], strict=True):
        if truthy(evaluate(condition, scope)):
            return evaluate(value, scope)
    return evaluate(arguments[-1], scope)


def _contains(where: Any, item: Any) -> bool:
    if isinstance(where, list):
        return any(equal(each, item) for each in where)
    return _plain(where) and _plain(item) and to_text(item).upper() in to_text(where).upper()


def _starts_with(text: Any, start: Any) -> bool:
    return _plain(text) and _plain(start) and to_text(text).upper().startswith(to_text(start).upper())


def _ends_with(text: Any, end: Any) -> bool:
    return _plain(text) and _plain(end) and to_text(text).upper().endswith(to_text(end).upper())


def _format(template: Any, *values: Any) -> str:
    def one(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[1] is None or int(found[1]) >= len(values):
            raise WorkflowBug(f"format() cannot fill {template!r}")
        return to_text(values[int(found[1])])

    return re.sub(r"\{\{|\}\}|\{([0-9]+)\}|[{}]", one, to_text(template))


def _join(items: Any, separator: Any = ",") -> str:
    if isinstance(items, list):
        return to_text(separator).join(to_text(item) for item in items)
    return to_text(items) if _plain(items) else ""


def _to_json(value: Any) -> str:
    return json.dumps(_whole_numbers(value), indent=2, ensure_ascii=False)


def _whole_numbers(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _whole_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _from_json(text: Any) -> Any:
    try:
        return json.loads(to_text(text))
    except ValueError as error:
        raise WorkflowBug(f"fromJSON() cannot read {text!r}: {error}") from None


_PLAIN_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": _contains, "startswith": _starts_with, "endswith": _ends_with, "format": _format, "join": _join,
    "tojson": _to_json, "fromjson": _from_json,
}  # fmt: skip


# -- in text -----------------------------------------------------------------------------------------------------------


def pieces(text: str) -> list[str | Node]:
    """Return a text as what stands in it: plain text, and expressions.

    Raises `WorkflowBug` for an expression that is not closed.
    """
    found: list[str | Node] = []
    at = 0
    while (start := text.find("${{", at)) >= 0:
        end = _end_of_expression(text, start + 3)
        if start > at:
            found.append(text[at:start])
        found.append(parse(text[start + 3 : end]))
        at = end + 2
    if at < len(text):
        found.append(text[at:])
    return found


def _end_of_expression(text: str, at: int) -> int:
    quoted = False
    while at < len(text):
        if text[at] == "'":
            quoted = not quoted
        elif text.startswith("}}", at) and not quoted:
            return at
        at += 1
    raise WorkflowBug(f"an expression is not closed: {text}")


def fill(value: Any, scope: Scope) -> Any:
    """Return a value of a workflow with its expressions evaluated; one that stands alone keeps its type."""
    if isinstance(value, Mapping):
        return {key: fill(inner, scope) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, scope) for inner in value]
    if not isinstance(value, str) or "${{" not in value:
        return value
    parts = pieces(value)
    if len(parts) == 1 and not isinstance(parts[0], str):
        return evaluate(parts[0], scope)
    return "".join(part if isinstance(part, str) else to_text(evaluate(part, scope)) for part in parts)


def condition(value: Any) -> Node:
    """Return the expression of an `if`, whose `${{ }}` can be left out; `success()` where there is none.

    Raises `WorkflowBug` where text stands beside `${{ }}`: GitHub takes that for text, and text is always true.
    """
    if value is None:
        return Call("success", ())
    if not isinstance(value, str):
        return Literal(value)
    if "${{" not in value:
        return parse(value)
    parts = [part for part in pieces(value) if not isinstance(part, str) or part.strip()]
    if len(parts) != 1 or isinstance(parts[0], str):
        raise WorkflowBug(f"this `if` is always true, since text stands beside its expression: {value}")
    return parts[0]


def holds(value: Any, scope: Scope) -> bool:
    """Whether an `if` holds, `success()` implied where it names no status."""
    node = condition(value)
    if not asks_for_status(node) and not (scope.status or Status()).success:
        return False
    return truthy(evaluate(node, scope))
