"""Judge every version of every fragment that was ever pending in a project, and what became of those with findings.

    python bench/fragments.py [--list] CLONE...

A clone may be bare. Each version of a file in a fragment folder is judged by the rules of `tagready check` (name, text,
rendering) under the project's settings at the commit that brought it. It was *released* if towncrier takes it, a commit
removed it just so, and the changelog that this commit changed had its text. What towncrier passes over and the changelog
shows all the same was put there by hand.
"""

from __future__ import annotations

import argparse
import posixpath
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tagready.commands.changes.trial import try_entry
from tagready.commands.releases.snapshot import Snapshot, take
from tagready.doors.git import Git, discover
from tagready.facts import fragments
from tagready.facts.findings import Finding, Level, Trouble
from tagready.facts.traces import shows, squeezed


class Version(NamedTuple):
    """A file in a fragment folder as a commit brought it."""

    commit: str
    path: str
    blob: str


class Judged(NamedTuple):
    """A version with its findings, and what became of it: released, by hand, not shown, removed, changed or pending."""

    version: Version
    findings: tuple[Finding, ...]
    fate: str


def folders(git: Git) -> set[str]:
    """Return every folder that any version of the settings names for fragments."""
    found: set[str] = set()
    seen: set[tuple[str, ...]] = set()
    listed = git.text("log", "--all", "--full-history", "--format=%H", "--", "pyproject.toml", "towncrier.toml").split()
    for oid in listed:
        commit = git.commit(oid)
        assert commit is not None
        names = ("pyproject.toml", "towncrier.toml")
        key = tuple(getattr(git.entry(commit.tree, name), "oid", "") for name in names)
        if key not in seen:
            seen.add(key)
            try:
                snapshot = take(git, oid)
            except Trouble:
                continue
            if snapshot.sources.has_news:
                found |= {section.directory for section in snapshot.news.sections}
    return found


def raw(git: Git, letters: str, paths: set[str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield (commit, path, old blob, new blob) of every change below some paths, oldest first."""
    options = (
        "--all",
        "--full-history",
        "--reverse",
        "--no-merges",
        "--raw",
        "--no-renames",
        "--no-abbrev",
        "--format=%x01%H",
        "-z",
    )
    output = git.run("log", *options, f"--diff-filter={letters}", "--", *sorted(paths)).stdout
    for part in output.decode("utf-8", "surrogateescape").split("\x01")[1:]:
        commit, _, rest = part.partition("\0")
        words = [word.lstrip("\n") for word in rest.split("\0")]
        for meta, path in zip(words[::2], words[1::2], strict=False):
            if meta.startswith(":"):
                old, new = meta.split(" ")[2:4]
                yield commit, path, old, new


def versions(git: Git, inside: set[str]) -> Iterator[Version]:
    seen = set()
    for commit, path, _, blob in raw(git, "AM", inside):
        if (posixpath.dirname(path) or ".") in inside and (path, blob) not in seen:
            seen.add((path, blob))
            yield Version(commit, path, blob)


def ends(git: Git, inside: set[str]) -> dict[tuple[str, str], list[str]]:
    """Return the commits that removed a file, by its path and blob."""
    found: dict[tuple[str, str], list[str]] = {}
    for commit, path, blob, _ in raw(git, "D", inside):
        found.setdefault((path, blob), []).append(commit)
    return found


def judge(snapshot: Snapshot, version: Version) -> tuple[Finding, ...] | None:
    """Return the findings on one file; None where it is none of the settings' fragments, nor meant as one."""
    fragment = next((each for each in snapshot.survey.fragments if each.path == version.path), None)
    found = [each for each in snapshot.survey.findings if each.path == version.path]
    if fragment is None:
        return tuple(found) or None
    found += fragments.judge_text(snapshot.news, fragment, snapshot.git.blob(version.blob))
    if not any(each.level is Level.ERROR for each in found) and not hangs(snapshot, version):
        report, _ = try_entry(snapshot, [fragment], snapshot)
        found += report.findings
    return tuple(found)


def hangs(snapshot: Snapshot, version: Version) -> bool:
    return fragments.may_hang(snapshot.news, snapshot.git.blob(version.blob).decode("utf-8", "replace"))


def fate(git: Git, version: Version, removed: dict[tuple[str, str], list[str]]) -> str:
    text = squeezed(git.blob(version.blob).decode("utf-8", "replace"))
    commits = removed.get((version.path, version.blob), [])
    for oid in commits:
        try:
            snapshot = take(git, oid)
        except Trouble:
            continue
        path = git.resolve(snapshot.commit.tree, snapshot.news.changelog)
        parent = git.commit(snapshot.commit.parents[0])
        assert parent is not None
        if git.entry(snapshot.commit.tree, path) != git.entry(parent.tree, path):
            log = squeezed((snapshot.read(path) or b"").decode("utf-8", "replace"))
            return "released" if text and shows(log, text) else "not shown"
    return "removed" if commits else "changed or pending"


def judged(git: Git) -> Iterator[Judged]:
    inside = folders(git)
    removed = ends(git, inside)
    snapshots: dict[str, Snapshot | None] = {}
    for version in versions(git, inside):
        if version.commit not in snapshots:
            snapshots.clear()
            try:
                snapshots[version.commit] = take(git, version.commit)
            except Trouble:
                snapshots[version.commit] = None
        snapshot = snapshots[version.commit]
        if snapshot is None or not snapshot.sources.has_news:
            continue
        found = judge(snapshot, version)
        if found is not None:
            became = fate(git, version, removed)
            ignored = any(each.rule == "fragment-ignored" for each in found)
            yield Judged(version, found, "by hand" if became == "released" and ignored else became)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clones", nargs="+", type=Path)
    parser.add_argument("--list", action="store_true", help="print every finding")
    options = parser.parse_args()
    print("| project | versions | released | … with errors | … with warnings | others with errors | their rules |")
    print("|---|---|---|---|---|---|---|")
    for clone in options.clones:
        with closing(discover(clone, bare=True)) as git:
            everything = list(judged(git))
            name = getattr(git.commit("HEAD") and take(git, "HEAD"), "name", "") or clone.resolve().name
        show(name, everything)
        if options.list:
            for each in everything:
                for found in each.findings:
                    place = f"{each.version.path}:{found.line or ''}"
                    said = found.message.replace("\n", " ")
                    print(
                        f"  {each.fate}\t{found.level}\t{found.rule}\t{each.version.commit[:10]}\t{place}\t{said}",
                        file=sys.stderr,
                    )


def show(name: str, everything: list[Judged]) -> None:
    happy = [each for each in everything if each.fate == "released"]
    others = [each for each in everything if each.fate != "released"]

    def errors(some: list[Judged]) -> list[Judged]:
        return [each for each in some if any(found.level is Level.ERROR for found in each.findings)]

    warned = [each for each in happy if each.findings and each not in errors(happy)]
    rules = Counter(found.rule for each in others for found in each.findings if found.level is Level.ERROR)
    said = ", ".join(f"`{rule}` {number}" for rule, number in rules.most_common())
    row = (name, len(everything), len(happy), len(errors(happy)), len(warned), len(errors(others)), said or "none")
    print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()
