"""A process of its own that uploads with twine, one file at a time: it can be ended when it hangs.

The first line on standard input holds the settings, each further one the paths of a distribution and what belongs to
it; each is answered with one line on standard output. So the password is in no argument and in no variable that
another program could see, and what twine prints goes nowhere.
"""

from __future__ import annotations

import json
import os
import sys
from queue import SimpleQueue
from threading import Thread
from typing import Any, TextIO


def main() -> None:
    """Upload what is asked for until standard input ends, which ends whatever is under way."""
    answers = _own_channel()
    lines: SimpleQueue[str] = SimpleQueue()
    Thread(target=_listen, args=(lines,), daemon=True).start()
    import twine.commands.upload  # noqa: F401 - while nobody knows yet whether there is anything to upload

    given = json.loads(lines.get())
    while True:
        print(json.dumps(_upload(given, json.loads(lines.get()))), file=answers, flush=True)


def _listen(lines: SimpleQueue[str]) -> None:
    """Pass on what is asked for; once nobody can ask any more, end, though an upload may hang for ever."""
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)


def _own_channel() -> TextIO:
    """Return standard output for us alone; whatever else is printed is dropped."""
    channel = os.fdopen(os.dup(1), "w", encoding="ascii")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return channel


def _upload(given: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    """Return the index's answer to an upload, or what became of it instead."""
    from requests import HTTPError, RequestException
    from twine.commands.upload import upload
    from twine.exceptions import TwineException
    from twine.settings import Settings

    try:
        settings = Settings(
            attestations=len(paths) > 1,  # what is given beside the distribution
            non_interactive=True,
            disable_progress_bar=True,
            config_file=os.devnull,
            **given,
        )
        upload(settings, paths)
    except HTTPError as error:
        response = error.response
        assert response is not None
        text = response.text or response.reason or ""
        return {"status": response.status_code, "text": text, "retry_after": response.headers.get("Retry-After")}
    except (RequestException, OSError) as error:
        return {"status": None, "text": _reason(error)}
    except TwineException as error:
        # A redirect, or a file that twine itself does not take: nothing that trying again would change.
        return {"status": 400, "text": f"twine says: {error}"}
    except Exception as error:
        # Whatever else a library makes of it; its words might quote what it was given.
        return {"status": 400, "text": f"twine failed ({type(error).__name__})"}
    return {"status": 200, "text": ""}


def _reason(error: BaseException) -> str:
    # What the libraries wrap around it has addresses of objects in it.
    while error.__context__:
        error = error.__context__
    said = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return said.partition("\n")[0]


if __name__ == "__main__":
    main()
