"""Time `tagready publish` against `twine upload` and `uv publish`, to one index on this machine, in turn.

    python bench/uploading.py [--rounds N] [--big MEGABYTES]

For a release of 2 files and one of 40, 200 kB each; a new index for each run (tests/support/warehouse.py), first as it is, then
as if it were far away: each answer takes a tenth of a second. Ratios are of the medians of wall time. With --big, the peak memory of publishing one wheel of so many
megabytes, and of one with a thousandth of that.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dists
from tagready.doors.release_folder import described_by
from tagready.facts.publishing import release_file
from tagready.facts.publishing.release_file import ReleaseFile
from warehouse import TOKEN, Warehouse

BIN = Path(sys.executable).parent
KILOBYTE = 1000


def make_release(folder: Path, count: int, size: int = 200 * KILOBYTE) -> Path:
    """Return a folder with a release of so many files, as `tagready build` leaves one."""
    folder.mkdir(parents=True)
    dists.make_sdist(folder, size=size)
    dists.make_wheel(folder, size=size)
    for number in range(count - 2):
        dists.make_wheel(
            folder, size=size, seed=number + 1, filename=f"demo-1.4.0-cp3{number}-cp3{number}-win_amd64.whl"
        )
    files = tuple(described_by(path) for path in sorted(folder.iterdir()))
    verdict = {"ok": True, "findings": [], "skipped": []}
    release = ReleaseFile("demo", "1.4.0", "v1.4.0", "0" * 40, 1, "3.11", files, (), verdict)
    (folder / release_file.NAME).write_text(release_file.as_json(release), encoding="utf-8")
    return folder


def commands(index: Warehouse, folder: Path) -> dict[str, list[str]]:
    """Return what is run, by name."""
    files = sorted(str(path) for path in folder.iterdir() if path.name != release_file.NAME)
    return {
        "twine": [
            str(BIN / "twine"), "upload", "--non-interactive", "--disable-progress-bar",
            "--repository-url", index.upload_url, *files,
        ],
        "uv": [str(BIN / "uv"), "publish", "--publish-url", index.upload_url, "--trusted-publishing", "never", *files],
        "tagready": [
            str(BIN / "tagready"), "publish", "--dist", str(folder),
            "--repository-url", index.upload_url, "--index-url", index.simple_url,
        ],
    }  # fmt: skip


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TWINE_", "TAGREADY_", "UV_"))}
    return kept | {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": TOKEN, "UV_PUBLISH_TOKEN": TOKEN}


class Distant(Warehouse):
    """An index that takes a tenth of a second to answer."""

    def answer(self, request: Any) -> None:
        time.sleep(0.1)
        super().answer(request)


def run(name: str, folder: Path, expected: int, kind: type[Warehouse]) -> float:
    """Return the seconds that one run takes, on an index of its own."""
    with kind() as index:
        command = commands(index, folder)[name]
        start = time.perf_counter()
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
        took = time.perf_counter() - start
        if done.returncode or len(index.files) != expected:
            raise SystemExit(f"{name} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return took


def compare(names: Sequence[str], folder: Path, count: int, rounds: int, kind: type[Warehouse]) -> None:
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            times[name].append(run(name, folder, count, kind))
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    ours = medians["tagready"]
    cells = "  ".join(f"{name} {median:.2f} s" for name, median in medians.items())
    ratios = "  ".join(f"÷ {name} {ours / median:.2f}" for name, median in medians.items() if name != "tagready")
    print(f"{count:>3} files  {kind.__name__:<9}  {cells}  tagready {ratios}")


def peak(folder: Path) -> float:
    """Return the peak memory in megabytes of the largest process of one publishing."""
    code = (
        "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:], stdout=2).returncode;"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)"
    )
    with Warehouse() as index:
        index.file_limit = 10**10
        command = commands(index, folder)["tagready"]
        done = subprocess.run(
            [sys.executable, "-c", code, *command], env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
    unit = 1 if sys.platform == "darwin" else 1024
    return int(done.stdout.split()[-1]) * unit / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--big", type=int, default=0, metavar="MEGABYTES")
    given = parser.parse_args()
    names = ["twine", "uv", "tagready"] if (BIN / "uv").exists() else ["twine", "tagready"]
    with tempfile.TemporaryDirectory() as scratch:
        for count in (2, 40):
            folder = make_release(Path(scratch) / str(count), count)
            for kind in (Warehouse, Distant):
                compare(names, folder, count, given.rounds, kind)
        for megabytes in [given.big / 1000, given.big] if given.big else []:
            folder = make_release(Path(scratch) / f"{megabytes}", 2, int(megabytes * 1e6))
            print(f"{megabytes:g} MB a file: {peak(folder):.0f} MB at most")


if __name__ == "__main__":
    main()
