"""What programs that we run have said, as we can show it. Pure."""

from __future__ import annotations

import re

#: Lines of a long output that are shown.
SHOWN_LINES = 40


def last_lines(output: bytes | str, most: int = SHOWN_LINES) -> str:
    """Return the last lines of an output as plain text: what it says is shown in findings and in JSON, too.

    pip, rich and Rust's tools colour a pipe where FORCE_COLOR is set, and some of them where CI is.
    """
    text = output.decode("utf-8", "replace") if isinstance(output, bytes) else output
    return "\n".join(re.sub(_COLOURS, "", text).strip().splitlines()[-most:])


# ECMA-48's control sequences: ESC [, parameters, intermediates, and the letter that ends them.
_COLOURS = r"\x1b\[[0-?]*[ -/]*[@-~]"
