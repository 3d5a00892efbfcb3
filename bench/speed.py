"""Time prepare-release against what people run today, side by side, as whole processes.

    python bench/speed.py [--rounds N] [--only NAME] [SCENARIO...]

Each command runs in turn (A B C, A B C, …) on a fresh copy of the same repository; children are counted (wait4).
Printed are medians of wall time, CPU time and peak memory, and the median of the ratios taken within a round.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
VERSION, DATE = "1.4.0", "2026-02-03"
MARKER = "<!-- towncrier release notes start -->"
PYPROJECT = """\
[project]
name = "demo"
version = "1.3.0"

[tool.towncrier]
directory = "changelog.d"
filename = "CHANGELOG.md"
title_format = "## {version} ({project_date})"

[tool.bumpversion]
current_version = "1.3.0"
commit = true
message = "Release {new_version}"
allow_dirty = true

[[tool.bumpversion.files]]
filename = "pyproject.toml"
search = 'version = "{current_version}"'
replace = 'version = "{new_version}"'
"""


@dataclass(frozen=True)
class Scenario:
    """A repository to release: how many fragments, how large a changelog, how many other files and old tags."""

    name: str
    fragments: int
    changelog_kb: int = 100
    files: int = 200
    tags: int = 100


SCENARIOS = (
    Scenario("10 fragments", 10),
    Scenario("100 fragments", 100),
    Scenario("1,000 fragments", 1_000),
    Scenario("10,000 fragments", 10_000),
    Scenario("changelog 1 MB", 50, changelog_kb=1_000),
    Scenario("changelog 10 MB", 50, changelog_kb=10_000),
    Scenario("20,000 files", 50, files=20_000),
    Scenario("2,000 tags", 50, tags=2_000),
)


@dataclass(frozen=True)
class Cost:
    """What one run cost: seconds, seconds of CPU with all children, and the largest process in MB."""

    wall: float
    cpu: float
    memory: float


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def build(scenario: Scenario, folder: Path) -> None:
    """Make the repository, the same bytes for the same scenario."""
    folder.mkdir(parents=True)
    dice = random.Random(scenario.name)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for key, value in (("user.name", "A"), ("user.email", "a@example.org"), ("gc.auto", "0")):
        git(folder, "config", key, value)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "CHANGELOG.md").write_text(changelog(scenario.changelog_kb, dice))
    for number in range(scenario.files):
        file = folder / f"src/part{number // 100}/module{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"number = {number}\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "Start")
    oid = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True).stdout
    lines = [f"create refs/tags/v0.{number}.0 {oid.strip()}\n" for number in range(scenario.tags)]
    subprocess.run(["git", "update-ref", "--stdin"], cwd=folder, input="".join(lines), text=True, check=True)
    git(folder, "pack-refs", "--all")
    news = folder / "changelog.d"
    news.mkdir()
    (news / "README.md").write_text("Fragments.\n")
    note = ""
    for number in range(1, scenario.fragments + 1):
        type_ = dice.choices(["feature", "bugfix", "doc", "removal", "misc"], [30, 40, 12, 6, 12])[0]
        if not note or dice.random() > 0.1:
            note = "\n".join(words(dice) for _ in range(dice.randint(1, 3))) + "\n"
        stem = f"+{number}" if dice.random() < 0.05 else str(number)
        (news / f"{stem}.{type_}.md").write_text(note)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "Add news")


def words(dice: random.Random) -> str:
    return " ".join("".join(dice.choices("etaoinshrdlu", k=dice.randint(2, 9))) for _ in range(dice.randint(6, 12)))


def changelog(kilobytes: int, dice: random.Random) -> str:
    parts = [f"# Changelog\n\n{MARKER}\n"]
    size = 0
    for number in range(100):
        lines = [f"## 0.{99 - number}.0 (2025-01-01)\n", "### Features\n"]
        while sum(map(len, lines)) < kilobytes * 10:
            lines.append(f"- {words(dice)} (#{dice.randint(1, 9999)})")
        parts.append("\n".join(lines) + "\n")
        size += len(parts[-1])
    return "\n".join(parts)


def towncrier_sed(folder: Path) -> None:
    script = (
        f"{BIN}/towncrier build --yes --version {VERSION} --date {DATE} && "
        f"sed -i 's/^version = .*/version = \"{VERSION}\"/' pyproject.toml && git commit --quiet -am 'Release {VERSION}'"
    )
    subprocess.run(["sh", "-c", script], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def towncrier_bump(folder: Path) -> None:
    script = (
        f"{BIN}/towncrier build --yes --version {VERSION} --date {DATE} && "
        f"{BIN}/bump-my-version bump --new-version {VERSION} minor"
    )
    subprocess.run(["sh", "-c", script], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ours(folder: Path) -> None:
    command = [str(BIN / "prepare-release"), VERSION, "--date", DATE]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


COMMANDS: dict[str, Callable[[Path], None]] = {
    "towncrier + sed + git commit": towncrier_sed,
    "towncrier + bump-my-version": towncrier_bump,
    "prepare-release": ours,
}
REFERENCE, OURS = "towncrier + sed + git commit", "prepare-release"


def measure(command: Callable[[Path], None], folder: Path) -> Cost:
    """Run in a child of its own, so that its rusage holds just this command and what it started."""
    start = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        try:
            command(folder)
            os._exit(0)
        except BaseException as error:  # the parent must learn of any failure, and nothing may escape the fork
            print(error, file=sys.stderr)
            os._exit(1)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit("a command failed; see above")
    children = usage.ru_utime + usage.ru_stime
    return Cost(time.perf_counter() - start, children, usage.ru_maxrss / 1024)


def check(folder: Path) -> None:
    """Every run must have made the release: one commit, a clean tree, the new version, no fragment left."""
    state = subprocess.run(["git", "status", "--porcelain"], cwd=folder, capture_output=True, text=True, check=True)
    left = [name for name in os.listdir(folder / "changelog.d") if name != "README.md"]
    stated = re.search(r'^version = "(.*)"', (folder / "pyproject.toml").read_text(), re.MULTILINE)
    if state.stdout or left or not stated or stated[1] != VERSION:
        raise SystemExit(f"the release is not whole: {state.stdout!r} {left[:3]}")


def rounds(scenario: Scenario, names: list[str], count: int, scratch: Path) -> dict[str, list[Cost]]:
    origin = scratch / "origin"
    build(scenario, origin)
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for number in range(count + 1):
        for name in names:
            folder = scratch / "copy"
            shutil.copytree(origin, folder, symlinks=True)
            git(folder, "update-index", "--refresh")
            cost = measure(COMMANDS[name], folder)
            check(folder)
            if number:
                costs[name].append(cost)
            shutil.rmtree(folder)
    return costs


def report(scenario: Scenario, costs: dict[str, list[Cost]]) -> None:
    print(f"\n{scenario.name}")
    for name, runs in costs.items():
        wall, cpu, memory = (
            statistics.median(getattr(run, what) for run in runs) for what in ("wall", "cpu", "memory")
        )
        line = f"  {name:32} {wall * 1000:7.0f} ms  {cpu * 1000:7.0f} ms CPU  {memory:6.0f} MB"
        if name != OURS and OURS in costs:
            pairs = [mine.cpu / theirs.cpu for mine, theirs in zip(costs[OURS], runs, strict=True)]
            peaks = [mine.memory / theirs.memory for mine, theirs in zip(costs[OURS], runs, strict=True)]
            line += f"   ours / this: {statistics.median(pairs):.2f} ({min(pairs):.2f}-{max(pairs):.2f}) CPU,"
            line += f" {statistics.median(peaks):.2f} memory"
        print(line, flush=True)


def startup(count: int) -> None:
    """Print what `--help` costs, in starts of a bare interpreter."""
    pairs = []
    for _ in range(count):
        bare = measure(lambda _: run_quietly([sys.executable, "-c", "pass"]), Path())
        help_ = measure(lambda _: run_quietly([str(BIN / "prepare-release"), "--help"]), Path())
        pairs.append(help_.cpu / bare.cpu)
    print(
        f"\nprepare-release --help / python -c pass: {statistics.median(pairs):.2f} CPU ({min(pairs):.2f}-{max(pairs):.2f})"
    )


def run_quietly(command: list[str]) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(command[0], command)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", help="parts of scenario names (default: all)")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", action="append", help="leave the other commands out")
    options = parser.parse_args()
    names = [name for name in COMMANDS if not options.only or any(part in name for part in options.only)]
    if not (BIN / "bump-my-version").exists():
        names = [name for name in names if "bump-my-version" not in name]
    for scenario in SCENARIOS:
        if options.scenarios and not any(part in scenario.name for part in options.scenarios):
            continue
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            report(scenario, rounds(scenario, names, options.rounds, Path(scratch)))
    if not options.scenarios:
        startup(15)


if __name__ == "__main__":
    main()
