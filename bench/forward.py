"""Make past forward ports again: `tagready forward-port` against what the maintainers committed by hand.

    python bench/forward.py [--limit N] [--show] CLONE...

Each CLONE is a git repository with its history (it is only read). A case is a commit of the main branch that brought
the entry of a release whose tag is on another branch. It is made again on that commit's parent, for each release that
it brought, and the whole changelog is compared.
"""

from __future__ import annotations

import argparse
import collections
import difflib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tagready.commands.releases.history import changelog_path, release_of
from tagready.commands.releases.snapshot import Snapshot, take
from tagready.doors.git import discover
from tagready.facts.findings import Trouble
from tagready.facts.git_records import Commit
from tagready.facts.tags import ReleaseTag

PEOPLE = {f"GIT_{who}_{what}": "bench@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
ENVIRONMENT = os.environ | PEOPLE | {"TAGREADY_INDEX_URL": "http://127.0.0.1:9/simple/"}


@dataclass(frozen=True)
class Case:
    """A commit that brought the entries of some releases, and its parent."""

    commit: Commit
    parent: str
    tags: tuple[ReleaseTag, ...]


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, env=ENVIRONMENT)


def cases(snapshot: Snapshot) -> Iterator[Case]:
    """Yield the forward ports that a main branch has."""
    git, head = snapshot.git, snapshot.commit
    releases = snapshot.tags(git.refs()).releases
    found: dict[str, None] = {}
    for tag in releases:
        commit = git.commit(f"refs/tags/{tag.name}")
        if tag.version.is_prerelease or commit is None or git.is_ancestor(commit.oid, head.oid):
            continue
        try:
            released = release_of(snapshot, changelog_path(snapshot, tag.version), tag.version)
        except Trouble:
            continue
        if released and released.brought.parents:
            found[released.brought.oid] = None
    for oid in found:
        brought = git.commit(oid)
        assert brought is not None
        try:
            new = versions(snapshot.at(brought)) - versions(snapshot.at(oid_of(snapshot, brought.parents[0])))
        except Trouble:  # of a time before the project had settings that anybody could read
            continue
        tags = tuple(tag for tag in reversed(releases) if tag.version in new)
        if tags:
            yield Case(brought, brought.parents[0], tags)


def oid_of(snapshot: Snapshot, oid: str) -> Commit:
    commit = snapshot.git.commit(oid)
    assert commit is not None
    return commit


def versions(there: Snapshot) -> set[object]:
    text = there.text(there.news.changelog)
    return {entry.version for entry in there.changelog(text or "").entries}


def again(snapshot: Snapshot, case: Case, folder: Path, *, show: bool) -> str:
    """Return how the changelog that is made compares to the one that was committed."""
    for arguments in (("checkout", "--quiet", "--force", "-B", "bench", case.parent), ("clean", "-qfdx")):
        run(folder, "git", *arguments)
    for tag in case.tags:
        done = run(folder, sys.executable, "-m", "tagready", "forward-port", tag.name)
        if done.returncode:
            return f"refused: {tag.name}: {done.stderr.decode(errors='replace').split(chr(10))[0]}"
    there = snapshot.at(case.commit)
    path = there.news.changelog
    made = run(folder, "git", "show", f"HEAD:{path}").stdout
    committed = there.read(path) or b""
    if made == committed:
        return "equal"
    one, other = (text.decode(errors="replace").splitlines() for text in (committed, made))
    if show:
        print("\n".join(difflib.unified_diff(one, other, "as committed", "as made", lineterm="", n=1)))
    return "blank lines" if [*filter(str.strip, one)] == [*filter(str.strip, other)] else "other text"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clones", nargs="+", type=Path, metavar="CLONE")
    parser.add_argument("--limit", type=int, default=1_000)
    parser.add_argument("--show", action="store_true", help="print how the changelogs differ")
    options = parser.parse_args()
    for clone in options.clones:
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            folder = Path(scratch) / "work"
            run(Path(scratch), "git", "clone", "--quiet", "--shared", str(clone.resolve()), str(folder))
            run(folder, "git", "remote", "remove", "origin")
            snapshot = take(discover(folder), "HEAD")
            ends: collections.Counter[str] = collections.Counter()
            for case in list(cases(snapshot))[: options.limit]:
                end = again(snapshot, case, folder, show=options.show)
                ends[end.partition(":")[0]] += 1
                if end != "equal":
                    names = ", ".join(tag.name for tag in case.tags)
                    print(f"  {names} ({case.commit.oid[:10]}): {end}", flush=True)
            print(f"{snapshot.name}: {sum(ends.values())} forward ports: {dict(ends)}", flush=True)
            snapshot.git.close()


if __name__ == "__main__":
    main()
