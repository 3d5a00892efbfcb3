"""The commits that a workflow pins actions to: bots raise them, so a generated file may have newer ones than ours."""

from __future__ import annotations

import re

#: An action by its commit, with the version that the comment names: the form in which bots raise both.
_PIN = re.compile(
    r"^(?P<before>[ \t]*(?:-[ \t]+)?uses:[ \t]+(?P<action>[\w-]+/[\w./-]+)@)"
    r"(?P<pin>[0-9a-f]{40}[ \t]+#[ \t]*v(?P<version>\d+(?:\.\d+)*))(?!\S)",
    re.MULTILINE,
)


def without_pins(text: str) -> str:
    """Return a workflow without the commits of its actions, and without their versions."""
    return _PIN.sub(r"\g<before>", text)


def with_newest_pins(text: str, *others: str) -> str:
    """Return a workflow with each action as new as it is there or in one of the others; of equals, its own stays."""
    newest: dict[str, tuple[list[int], str]] = {}
    for match in (found for each in (text, *others) for found in _PIN.finditer(each)):
        version = [int(part) for part in match["version"].split(".")]
        if match["action"] not in newest or version > newest[match["action"]][0]:
            newest[match["action"]] = version, match["pin"]
    return _PIN.sub(lambda match: match["before"] + newest[match["action"]][1], text)
