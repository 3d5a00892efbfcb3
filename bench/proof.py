"""Time `tagready verify` against its floor, side by side, as whole processes.

    python bench/proof.py [--rounds N] [CLONE TAG]

Without arguments, on repositories that `bench/speed.py` knows: 50 fragments, a changelog of 10 MB, 2,000 tags; with a
clone (it may be bare) and a tag of it, on that release. In turn, and children counted:

  pass          a bare `python -c pass`
  git           the git commands that verify starts, with the same questions, and no Python of ours
  towncrier     bare `towncrier build --draft` on the fragments that the release removed
  no proof      `tagready verify --skip entry-differs --skip fragment-lost`
  verify        `tagready verify`

Then the last 60 tags in one process, against as many single runs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import speed
from audit import final_tags
from tagready.commands.releases.snapshot import take
from tagready.commands.verify import Options, judge_tag, verify
from tagready.doors import git as git_door
from tagready.doors.git import Git, discover

BIN = Path(sys.executable).parent
NO_PROOF = ("--skip", "entry-differs", "--skip", "fragment-lost")


class Recorded:
    """The git commands of one verify, and the names that it asked `cat-file` for."""

    def __init__(self, repository: Path, tag: str) -> None:
        self.commands: list[list[str]] = [["rev-parse", "--show-toplevel", "--absolute-git-dir"]]
        self.names: list[str] = []
        run, ask = Git.run, Git._ask_for

        def recording_run(git: Git, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
            self.commands.append(list(arguments))
            return run(git, *arguments, **options)

        def recording_ask(git: Git, names: Sequence[str]) -> None:
            self.names += names
            ask(git, names)

        Git.run, Git._ask_for = recording_run, recording_ask  # type: ignore[method-assign, assignment]
        try:
            opened = discover(repository, bare=True)
            self.top, self.bare = opened.top, opened.bare
            self.verified = verify(opened, Options(tag=tag), None)
            opened.close()
        finally:
            Git.run, Git._ask_for = run, ask  # type: ignore[method-assign]

    def replay(self) -> None:
        environment = git_door._environment()
        for command in self.commands:
            subprocess.run(["git", *command], cwd=self.top, env=environment, capture_output=True, check=False)
        feed = "".join(name + "\n" for name in self.names).encode()
        subprocess.run(["git", "cat-file", "--batch"], cwd=self.top, env=environment, input=feed, capture_output=True)


def exported(recorded: Recorded, scratch: Path) -> list[str]:
    """Return bare towncrier's command line on the fragments that the release removed."""
    judged = recorded.verified.judged
    assert judged.released is not None
    assert judged.entry is not None
    from tagready.commands.releases.snapshot import FragmentData

    before = judged.released.before
    folder = before.export(FragmentData(judged.released.contents, proven=False), scratch)
    order = before.order(folder, judged.entry.spelled, judged.entry.date or "")
    return [str(BIN / "towncrier"), *order.arguments()]


def quiet(command: Sequence[str], cwd: Path) -> Callable[[Path], None]:
    def run(_: Path) -> None:
        done = subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done.returncode not in (0, 1):
            raise SystemExit(f"{command} ended with {done.returncode}")

    return run


def race(repository: Path, tag: str, rounds: int) -> None:
    recorded = Recorded(repository, tag)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        commands: dict[str, Callable[[Path], None]] = {
            "pass": quiet([sys.executable, "-c", "pass"], repository),
            "git": lambda _: recorded.replay(),
            "towncrier": quiet(exported(recorded, Path(folder)), repository),
            "no proof": quiet([str(BIN / "tagready"), "verify", tag, *NO_PROOF], repository),
            "verify": quiet([str(BIN / "tagready"), "verify", tag], repository),
        }
        costs: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(rounds + 1):
            for name, command in commands.items():
                cost = speed.measure(command, repository).cpu
                if number:
                    costs[name].append(cost)
    released = recorded.verified.judged.released
    count = len(released.fragments) if released else 0
    print(f"  {count} fragments, {len(recorded.commands)} git commands and {len(recorded.names)} objects", flush=True)
    for name, runs in costs.items():
        print(f"  {name:10} {statistics.median(runs) * 1000:6.0f} ms CPU")
    floor = [5 * bare + git for bare, git in zip(costs["pass"], costs["git"], strict=True)]
    ratio("no proof / (5 pass + git)", costs["no proof"], floor)
    ratio("verify / towncrier", costs["verify"], costs["towncrier"])
    over = [each - git for each, git in zip(costs["verify"], costs["git"], strict=True)]
    ratio("(verify - git) / towncrier", over, costs["towncrier"])


def ratio(what: str, ours: Sequence[float], theirs: Sequence[float]) -> None:
    pairs = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    print(f"  {what}: {statistics.median(pairs):.2f} ({min(pairs):.2f}-{max(pairs):.2f})", flush=True)


def many(repository: Path, count: int = 60) -> None:
    """Print what the last tags cost in one process, against single runs."""
    opened = discover(repository, bare=True)
    refs = opened.refs()
    tags = final_tags(opened, refs, count)
    opened.close()
    command = [sys.executable, __file__, "--many", str(repository), *tags]
    together = speed.measure(quiet(command, repository), repository).cpu
    singly = sum(
        speed.measure(quiet([str(BIN / "tagready"), "verify", tag], repository), repository).cpu for tag in tags
    )
    print(f"  {len(tags)} tags: {together:.2f} s in one process, {singly:.2f} s singly: {together / singly:.2f}")


def together(repository: Path, tags: Sequence[str]) -> None:
    opened = discover(repository, bare=True)
    refs = opened.refs()
    for tag in tags:
        judge_tag(take(opened, f"refs/tags/{tag}"), refs, tag, Options())
    opened.close()


def main() -> None:
    if sys.argv[1:2] == ["--many"]:
        return together(Path(sys.argv[2]), sys.argv[3:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clone", nargs="?", type=Path)
    parser.add_argument("tag", nargs="?")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    if options.clone:
        print(f"{options.clone.name} {options.tag}")
        race(options.clone.resolve(), options.tag, options.rounds)
        many(options.clone.resolve())
        return None
    scenarios = [
        speed.Scenario("50 fragments", 50),
        *(each for each in speed.SCENARIOS if each.name in ("changelog 10 MB", "2,000 tags")),
    ]
    for scenario in scenarios:
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            folder = Path(scratch) / "origin"
            speed.build(scenario, folder)
            subprocess.run(
                [str(BIN / "prepare-release"), speed.VERSION, "--date", speed.DATE, "--tag", "--skip", "date-implausible"],
                cwd=folder, check=True, capture_output=True, env=os.environ | {"NO_COLOR": "1"},
            )  # fmt: skip
            print(f"\n{scenario.name}")
            race(folder, f"v{speed.VERSION}", options.rounds)
    return None


if __name__ == "__main__":
    main()
