"""On which fragments towncrier does not come to an end: tried, with each that looks like it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tagready.commands.releases.snapshot import FragmentData, Snapshot
from tagready.commands.releases.whereabouts import scratch_folder
from tagready.doors import news
from tagready.facts import fragments
from tagready.facts.findings import Finding, finding
from tagready.facts.fragments import Fragment


def hanging(
    snapshot: Snapshot, pending: Sequence[Fragment], contents: Mapping[str, bytes], version: str, date: str
) -> list[Finding]:
    """Return a finding for each fragment on which towncrier really does not come to an end; bounded in time."""
    found = []
    for fragment in pending:
        content = contents[fragment.path]
        if not fragments.may_hang(snapshot.news, content.decode("utf-8", "replace")):
            continue
        with scratch_folder() as scratch:
            folder = snapshot.export(FragmentData({fragment.path: content}, proven=False), scratch)
            try:
                news.render(snapshot.order(folder, version, date), news.PROBE_SECONDS)
            except news.DidNotEnd:
                found.append(_hangs(fragment, content.decode("utf-8", "replace")))
    return found


def _hangs(fragment: Fragment, text: str) -> Finding:
    line = next((number for number, line in enumerate(text.splitlines(), 1) if line.rstrip().endswith("::")), 1)
    return finding(
        "fragment-hangs",
        f"towncrier does not come to an end on {fragment.path}: a code block that text follows makes it try "
        "exponentially many ways to read the block",
        "write the block with `.. code-block::` (no `::` at the end of a sentence), or shorten it, and commit",
        fragment.path,
        line,
    )
