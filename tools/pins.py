"""Resolve what the generated workflows install, and write it down by hash: `make pins`, before a release.

The wheels are those that CPython on the runner (Linux, x86-64) takes; uv resolves for it wherever this runs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[1]
TEMPLATES = TOP / "src" / "tagready" / "templates"
PYTHONS = ("3.12", "3.13", "3.14")


def main() -> None:
    for name, extras in (("pins.txt", ()), ("pins-attestations.txt", ("attestations",))):
        pins: dict[str, dict[str, None]] = {}
        for python in PYTHONS:
            for package in resolved(python, extras):
                hashes = pins.setdefault(f"{package['name']}=={package['version']}", {})
                hashes.update({wheel["hashes"]["sha256"]: None for wheel in package["wheels"]})
        lines = [" ".join((pin, *(f"--hash=sha256:{digest}" for digest in pins[pin]))) for pin in sorted(pins)]
        (TEMPLATES / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{name}: {len(lines)} packages")


def resolved(python: str, extras: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the packages that uv chooses for a Python, as pylock.toml (PEP 751) describes them."""
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "pylock.toml"
        subprocess.run(
            [
                sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--only-binary", ":all:",
                "--python-version", python, "--python-platform", "x86_64-manylinux_2_28", *(f"--extra={extra}" for extra in extras),
                "--format", "pylock.toml", "--output-file", str(lock), str(TOP / "pyproject.toml"),
            ],
            check=True,
        )  # fmt: skip
        packages = tomllib.loads(lock.read_text(encoding="utf-8"))["packages"]
    assert isinstance(packages, list)
    return packages


if __name__ == "__main__":
    main()
