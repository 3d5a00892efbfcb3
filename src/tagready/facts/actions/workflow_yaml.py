"""YAML as GitHub reads it, with lines. Pure: a text in, a tree out.

Aliases count, merge keys (`<<`) do not, since GitHub has none.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from yaml.nodes import Node


class At(NamedTuple):
    """A value of a YAML file, and where it stands: its line, its source, and the lines of its keys."""

    line: int
    raw: str
    value: str | list[At] | dict[str, At]
    keys: Mapping[str, int] = {}

    def get(self, key: str) -> At:
        """Return the value of a key, or nothing's value."""
        return self.value.get(key, NOTHING) if isinstance(self.value, dict) else NOTHING

    @property
    def text(self) -> str:
        """The value of a scalar."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def items(self) -> Sequence[tuple[str, At]]:
        """The keys of a mapping and their values."""
        return tuple(self.value.items()) if isinstance(self.value, dict) else ()

    @property
    def each(self) -> Sequence[At]:
        """The items of a list; of anything else, itself alone."""
        return self.value if isinstance(self.value, list) else () if self is NOTHING else (self,)

    def line_of(self, part: str, nth: int = 0) -> int:
        """Return the line where a part of the scalar stands for the nth time, or else the one where it begins."""
        start = -1
        for _ in range(nth + 1):
            start = self.raw.find(part, start + 1)
            if start < 0:
                return self.line
        return self.line + self.raw.count("\n", 0, start)


#: What stands where nothing does.
NOTHING = At(1, "", "")

#: Deeper than this, or larger with all aliases written out, no workflow is: GitHub refuses such, too.
DEPTH, SIZE = 100, 200_000
_TOO_DEEP = "it is nested too deeply"


def read(text: str) -> At:
    """Return the tree of a YAML file; raises ValueError(line, why)."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = text.removeprefix("\ufeff")  # libyaml counts it as no character of the text
    try:
        # By events first: composing recurses, in C without a limit.
        depth = 0
        for event in yaml.parse(text, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEPTH:
                raise ValueError(1, _TOO_DEEP)
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as problem:
        if "nesting depth" in (problem.problem or ""):
            raise ValueError(1, _TOO_DEEP) from None  # libyaml has a limit of its own, since the one in PyYAML 6.0.4
        line = problem.problem_mark.line if problem.problem_mark else 0
        # A line separator of Unicode's breaks lines for libyaml only.
        raise ValueError(min(line, text.count("\n")) + 1, problem.problem or "no YAML") from None
    except (yaml.YAMLError, UnicodeEncodeError):
        raise ValueError(1, "it has characters that YAML does not allow") from None
    return _Tree(text).at(root) if root else NOTHING


class _Tree:
    """Makes our nodes of PyYAML's: an alias is the node that it names, once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._made: dict[int, tuple[At, int]] = {}
        self._open: set[int] = set()

    def at(self, node: Node) -> At:
        return self._sized(node)[0]

    def _sized(self, node: Node) -> tuple[At, int]:
        key = id(node)
        if key in self._open:
            raise ValueError(self._line(node), "an alias stands for what holds it")
        if key not in self._made:
            self._open.add(key)
            self._made[key] = made = self._make(node)
            if made[1] > SIZE:
                raise ValueError(made[0].line, "it is too large, with all aliases written out")
            self._open.remove(key)
        return self._made[key]

    def _make(self, node: Node) -> tuple[At, int]:
        import yaml

        line = self._line(node)
        if isinstance(node.value, str):
            return At(line, self._text[node.start_mark.index : node.end_mark.index], node.value), 1
        if isinstance(node, yaml.SequenceNode):
            items = [self._sized(item) for item in node.value]
            return At(line, "", [item for item, _ in items]), 1 + sum(size for _, size in items)
        pairs = {str(key.value): (self._line(key), *self._sized(value)) for key, value in node.value}
        values = {key: value for key, (_, value, _) in pairs.items()}
        size = 1 + sum(size for _, _, size in pairs.values())
        return At(line, "", values, {key: line for key, (line, _, _) in pairs.items()}), size

    def _line(self, node: Node) -> int:
        return bisect_left(self._breaks, node.start_mark.index) + 1
