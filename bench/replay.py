"""Replay the past releases of real projects: prepare-release against bare towncrier and against what was committed.

    python bench/replay.py [--corpus FILE] [--show] CLONE...

Each CLONE is a git repository with its history (it is only read). With --corpus, a file of one JSON object a line
names the release commits; without it they are found: commits that delete fragments and bring a version's entry.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tagready.commands.releases.history import removed_by
from tagready.commands.releases.snapshot import Snapshot, take
from tagready.doors.git import Git, discover
from tagready.facts.changelog import Changelog
from tagready.facts.findings import Trouble

BIN = Path(sys.executable).parent
SORTED = "import os; l = os.listdir; os.listdir = lambda *a: sorted(l(*a)); from towncrier._shell import cli; cli()"


@dataclass(frozen=True)
class Case:
    """One release commit of the past."""

    name: str
    commit: str
    parent: str
    version: str
    spelled: str
    date: str
    changelog: str
    towncrier_name: str | None = None
    exact: bool | None = None


@dataclass(frozen=True)
class Outcome:
    """How a replay ended."""

    case: Case
    result: str
    detail: str = ""
    as_committed: bool = False
    key: bool = False
    refusal: str = ""


def run(command: list[str], cwd: Path, timeout: float | None = None) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "NO_COLOR": "1"}
    environment |= {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org", "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, cwd=cwd, capture_output=True, env=environment, timeout=timeout, check=False)


def output(command: list[str], cwd: Path) -> str:
    done = run(command, cwd)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr.decode()}")
    return done.stdout.decode("utf-8", "surrogateescape")


def listed(corpus: Path, clone: Path) -> Iterator[Case]:
    for line in corpus.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["repo"].replace("/", "+") not in clone.parts and row["repo"].split("/")[1] != clone.name:
            continue
        yield Case(
            row["id"], row["commit"], row["parent"], row["version"], row["version_arg"], row["date_arg"],
            row["changelog"], row.get("name_arg"),
            row["kind"] == "release" and row["result"] == "exact" and not row["order_dependent"],
        )  # fmt: skip


def mined(clone: Path, most: int = 30) -> Iterator[Case]:
    """Yield the newest commits that delete fragments and bring an entry."""
    git = discover(clone) if (clone / ".git").exists() else None
    if git is None:
        raise SystemExit(f"{clone} has no working tree; give a corpus, or clone it")
    directories = [section.directory for section in take(git, "HEAD").news.sections]
    log = output(["git", "log", "--no-merges", "--diff-filter=D", "--format=%H", "--", *directories], clone)
    found = 0
    for oid in log.split():
        case = _as_case(git, oid)
        if case is not None:
            yield case
            found += 1
            if found == most:
                return


def _as_case(git: Git, oid: str) -> Case | None:
    try:
        after, before = take(git, oid), take(git, f"{oid}^")
    except Trouble:
        return None
    path = before.news.changelog
    new = {entry.version: entry for entry in _parsed(after, path).entries}
    old = {entry.version for entry in _parsed(before, path).entries}
    brought = [entry for version, entry in new.items() if version not in old]
    if len(brought) != 1 or not removed_by(before, after.commit).fragments:
        return None
    entry = brought[0]
    date = entry.date if entry.date and re.fullmatch(r"\d{4}-\d\d-\d\d", entry.date) else _day(git, oid)
    version = str(entry.version)
    title = before.news.title(version, date)
    spelled = entry.spelled if title and entry.spelled not in title else version
    name = f"{git.top.name}@{version}"
    return Case(name, oid, before.commit.oid, version, spelled, date, path, before.news.name or None)


def _parsed(snapshot: Snapshot, path: str) -> Changelog:
    return snapshot.changelog(snapshot.text(path) or "")


def _day(git: Git, oid: str) -> str:
    return git.text("show", "-s", "--format=%as", oid)


class Replay:
    """Two scratch clones: one for prepare-release, one for bare towncrier."""

    def __init__(self, clone: Path, scratch: Path) -> None:
        self.clone = clone
        self.ours, self.bare = scratch / "ours", scratch / "bare"
        for folder in (self.ours, self.bare):
            output(
                ["git", "clone", "--quiet", "--shared", "--no-checkout", "--no-tags", str(clone), str(folder)], scratch
            )
            output(["git", "remote", "remove", "origin"], folder)

    def reset(self, folder: Path, commit: str) -> None:
        """Lay the folder as it was at the commit: one branch, and the tags that could be known by then."""
        output(["git", "update-ref", "--no-deref", "HEAD", commit], folder)
        output(["git", "read-tree", commit], folder)
        # A stored copy may lack its largest files; all the others are checked out, and the release touches none of them.
        run(["git", "checkout-index", "--all", "--force", "--quiet"], folder)
        output(["git", "clean", "-ffdxq"], folder)
        for line in output(["git", "for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags"], folder).split():
            output(["git", "update-ref", "-d", line], folder)
        output(["git", "update-ref", "refs/heads/main", commit], folder)
        output(["git", "symbolic-ref", "HEAD", "refs/heads/main"], folder)
        tags = output(["git", "for-each-ref", f"--merged={commit}", "--format=%(refname) %(objectname)", "refs/tags"],
                      self.clone)  # fmt: skip
        feed = "".join(f"create {line}\n" for line in tags.splitlines())
        subprocess.run(["git", "update-ref", "--stdin"], cwd=folder, input=feed.encode(), check=True)

    def one(self, case: Case) -> Outcome:
        if run(["git", "cat-file", "-e", f"{case.parent}^{{tree}}"], self.clone).returncode:
            return Outcome(case, "absent", "the stored copy lacks the commit")
        self.reset(self.ours, case.parent)
        done, key = self.prepare(case, ()), False
        extra: tuple[str, ...] = ()
        if self.unwritable(done):
            # A project of then has no key of ours; that the tag states the version is the one that always works.
            overlay = self.ours.parent / "overlay.toml"
            overlay.write_text('version-source = "tag"\n')
            extra = ("--config", str(overlay))
            done, key = self.prepare(case, extra), True
        refusal = self.reasons(done) if done.returncode else ""
        if refusal:
            # What strictness refuses is reported; then it is set aside where it may be, to compare all the same.
            skips = [part for rule in sorted(rules(refusal)) for part in ("--skip", rule)]
            done = self.prepare(case, (*extra, *skips)) if not refusal.startswith("exit") else done
        if done.returncode:
            return Outcome(case, "refused", refusal, key=key)
        return self.compared(case, refusal, key=key)

    def compared(self, case: Case, refusal: str, *, key: bool) -> Outcome:
        text = self.content(self.ours, case.changelog)
        committed = text == self.at(case.commit, case.changelog)
        try:
            bare = self.towncrier(case)
        except subprocess.TimeoutExpired:
            return Outcome(case, "differs", "bare towncrier never ends", committed, key)
        if bare.returncode:
            words = bare.stderr.decode("utf-8", "replace").strip().splitlines() or ["?"]
            return Outcome(case, "differs", f"bare towncrier fails: {words[-1][:150]}", committed, key)
        if text != self.content(self.bare, case.changelog):
            self.towncrier(case, sort=True)
            same = text == self.content(self.bare, case.changelog)
            why = "order of tied fragments: equal to bare towncrier on a sorted listing" if same else "changelog"
            return Outcome(case, "order" if same else "differs", why, committed, key, refusal)
        left = [output(["git", "ls-files", "-z"], folder) for folder in (self.ours, self.bare)]
        if left[0] != left[1]:
            return Outcome(case, "differs", "other files removed", committed, key)
        return Outcome(case, "equal", "", committed, key, refusal)

    def prepare(self, case: Case, extra: tuple[str, ...]) -> subprocess.CompletedProcess[bytes]:
        command = [str(BIN / "prepare-release"), case.version, "--date", case.date, "--format", "json", *extra]
        return run(command, self.ours, timeout=300)

    def unwritable(self, done: subprocess.CompletedProcess[bytes]) -> bool:
        return done.returncode in (1, 2) and bool(
            re.search(rb"version-unwritable|where the version is written|no such module", done.stdout)
        )

    def reasons(self, done: subprocess.CompletedProcess[bytes]) -> str:
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            return done.stderr.decode("utf-8", "replace").strip().splitlines()[-1][:200]
        if "error" in answer:
            return f"exit {done.returncode}: {answer['error']['what']} {answer['error']['stderr']}"[:200]
        errors = [found for found in answer["findings"] if found["level"] == "error"]
        return "; ".join(f"{found['rule']} {found['path'] or ''}" for found in errors)[:300]

    def towncrier(self, case: Case, *, sort: bool = False) -> subprocess.CompletedProcess[bytes]:
        self.reset(self.bare, case.parent)
        start = [sys.executable, "-c", SORTED] if sort else [str(BIN / "towncrier")]
        command = [*start, "build", "--yes", "--version", case.spelled, "--date", case.date]
        command += ["--name", case.towncrier_name] if case.towncrier_name else []
        return run(command, self.bare, timeout=60)

    def content(self, folder: Path, path: str) -> bytes:
        return (folder / path).read_bytes()

    def at(self, commit: str, path: str) -> bytes:
        return run(["git", "show", f"{commit}:{path}"], self.clone).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clones", nargs="+", type=Path)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--show", action="store_true", help="print every release that is not equal")
    options = parser.parse_args()
    print(
        "| project | releases | equal to bare towncrier | but for tied fragments | differ | refused | refused, and equal with --skip | as committed | of these exact before |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    everything: list[Outcome] = []
    for clone in options.clones:
        with tempfile.TemporaryDirectory(prefix="replay-") as scratch:
            replay = Replay(clone.resolve(), Path(scratch))
            cases = list(listed(options.corpus, clone) if options.corpus else mined(clone))
            outcomes = [replay.one(case) for case in cases]
        everything += outcomes
        print_row(clone, outcomes)
        if options.show:
            for outcome in outcomes:
                if outcome.refusal:
                    print(f"    skip     {outcome.case.name}: {outcome.refusal}", file=sys.stderr)
                if outcome.result != "equal" or (outcome.case.exact and not outcome.as_committed):
                    print(f"    {outcome.result:8} {outcome.case.name}: {outcome.detail}", file=sys.stderr)
    reasons = collections.Counter(
        rule
        for outcome in everything
        for rule in rules(outcome.refusal or (outcome.result == "refused" and outcome.detail) or "")
    )
    print("\nRefused by rule:", dict(reasons.most_common()))
    print("With one key (version-source) laid over:", sum(outcome.key for outcome in everything))


def print_row(clone: Path, outcomes: list[Outcome]) -> None:
    count = collections.Counter(outcome.result for outcome in outcomes)
    exact = [outcome for outcome in outcomes if outcome.case.exact]
    skipped = sum(bool(outcome.refusal) for outcome in outcomes)
    name = clone.parent.name if clone.name == "repo" else clone.name
    print(
        f"| {name} | {len(outcomes)} | {count['equal']} | {count['order']} | {count['differs']} | {count['refused']} | {skipped} "
        f"| {sum(outcome.as_committed for outcome in outcomes)} "
        f"| {sum(outcome.as_committed for outcome in exact)} of {len(exact)} |",
        flush=True,
    )


def rules(detail: str) -> set[str]:
    if not detail:
        return set()
    return {part.split()[0] for part in detail.split("; ")} if not detail.startswith("exit") else {detail[:60]}


if __name__ == "__main__":
    main()
