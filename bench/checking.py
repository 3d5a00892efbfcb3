"""Time tagready check against towncrier check, side by side, as whole processes.

    python bench/checking.py [--rounds N]

Each runs in turn (A B C, A B C, …) in the same repository, on a branch with one change of code and its fragment;
children are counted (wait4). Neither writes anything, so nothing is copied. Printed are medians, the median of the ratios
taken within a round, and how much more than a bare interpreter `tagready check` takes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from speed import BIN, Cost, Scenario, build, git, measure

SCENARIOS = (
    Scenario("10 fragments, 200 files", 10),
    Scenario("1,000 fragments, 200 files", 1_000),
    Scenario("1,000 fragments, 20,000 files", 1_000, files=20_000),
)
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "towncrier check": [str(BIN / "towncrier"), "check", "--compare-with", "main"],
    "tagready check --staged": [str(BIN / "tagready"), "check", "--staged"],
    "tagready check": [str(BIN / "tagready"), "check"],
}
BARE, OURS, THEIRS = "python -c pass", "tagready check", "towncrier check"


def prepare(scenario: Scenario, folder: Path) -> None:
    """Make the repository, and a branch as a contributor has it; its last change is staged as well."""
    build(scenario, folder)
    git(folder, "switch", "--quiet", "--create", "fix-99999-lamp")
    (folder / "src/part0/module1.py").write_text("number = -1\n")
    (folder / "changelog.d/99999.bugfix.md").write_text("Lamps that are off no longer draw power.\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "Mend lamps")
    (folder / "src/part0/module2.py").write_text("number = -2\n")
    (folder / "changelog.d/99998.bugfix.md").write_text("Lamps that are on draw less.\n")
    git(folder, "add", "--all")


def run(command: list[str], folder: Path) -> Cost:
    def silently(inside: Path) -> None:
        subprocess.run(command, cwd=inside, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return measure(silently, folder)


def report(scenario: Scenario, costs: dict[str, list[Cost]]) -> None:
    print(f"\n{scenario.name}")
    for name, runs in costs.items():
        wall, cpu = (statistics.median(getattr(each, what) for each in runs) * 1000 for what in ("wall", "cpu"))
        print(f"  {name:24} {wall:7.0f} ms  {cpu:7.0f} ms CPU", flush=True)
    for what in ("wall", "cpu"):
        pairs = [
            getattr(ours, what) / getattr(theirs, what) for ours, theirs in zip(costs[OURS], costs[THEIRS], strict=True)
        ]
        over = [getattr(ours, what) - getattr(bare, what) for ours, bare in zip(costs[OURS], costs[BARE], strict=True)]
        print(
            f"  {what:4}  tagready / towncrier: {statistics.median(pairs):.2f} ({min(pairs):.2f}-{max(pairs):.2f}), "
            f"over a bare start: {statistics.median(over) * 1000:.0f} ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    for name in ("GITHUB_BASE_REF", "GITHUB_EVENT_PATH"):
        os.environ.pop(name, None)
    for scenario in SCENARIOS:
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            folder = Path(scratch) / "demo"
            prepare(scenario, folder)
            costs: dict[str, list[Cost]] = {name: [] for name in COMMANDS}
            for number in range(options.rounds + 1):
                for name, command in COMMANDS.items():
                    cost = run(command, folder)
                    if number:
                        costs[name].append(cost)
            report(scenario, costs)


if __name__ == "__main__":
    main()
