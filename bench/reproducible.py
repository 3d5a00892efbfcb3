"""Build sample projects in many circumstances, and compare every sdist and wheel with those of a first, plain build.

    python bench/reproducible.py [--json FILE] [--tag TAG] [--only TEXT] [--other NAME=COMMAND] [--user UID=COMMAND] FOLDER

FOLDER holds one git repository per build backend (they are only read). Each circumstance is a run of its own of
`tagready build --once`, in a clone of its own. --other adds a run of another command in place of this environment's
tagready, such as that of another Python, under the versions of the first build; --user runs one as somebody else.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tagready.doors.archives import compare

TAGREADY = (str(Path(sys.executable).parent / "tagready"),)
LONG_AGO = 978_307_200  # 2001-01-01
SECONDS_LATER = 70
MOST_SECONDS = 600


class Circumstance(NamedTuple):
    """What is different in a run; {scratch} in `env` and `options` is the run's own folder, {base} the first one."""

    name: str
    env: Mapping[str, str] = {}
    umask: int = 0o022
    place: str = "clone"
    prepare: Callable[[Path], object] = lambda _: None
    clone: tuple[str, ...] = ()
    command: Sequence[str] = TAGREADY
    options: Sequence[str] = ("--once",)
    user: int | None = None
    wait: int = 0


class Run(NamedTuple):
    """How a run ended: what differs in each distribution (nothing, where it is the same file), or why there is none."""

    sample: str
    circumstance: str
    differences: Mapping[str, Sequence[str]]
    failure: str = ""

    @property
    def cell(self) -> str:
        if self.failure:
            return "failed"
        different = [name.rpartition(".")[2].replace("gz", "sdist").replace("whl", "wheel") for name in self.differences
                     if self.differences[name]]  # fmt: skip
        return " and ".join(f"**{kind}**" for kind in sorted(different)) or "same"


def run(command: Sequence[str], cwd: Path, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **kwargs
    )


def git(cwd: Path, *arguments: str) -> str:
    done = run(["git", *arguments], cwd)
    if done.returncode:
        raise RuntimeError(f"git {arguments}: {done.stderr}")
    return done.stdout


def below(clone: Path) -> Iterator[Path]:
    """Yield what lies in a working tree, but for git's own."""
    for folder, folders, files in os.walk(clone):
        if ".git" in folders:
            folders.remove(".git")
        yield from (Path(folder) / name for name in (*folders, *files))


def in_2001(clone: Path) -> None:
    for path in below(clone):
        os.utime(path, (LONG_AGO, LONG_AGO))


def for_the_owner_only(clone: Path) -> None:
    for path in sorted(below(clone), reverse=True):
        path.chmod(0o700 if path.is_dir() else 0o600)


def from_last_to_first(clone: Path) -> None:
    names = git(clone, "ls-files", "-z").split("\0")[:-1]
    for name in names:
        (clone / name).unlink()
    for name in reversed(names):
        git(clone, "checkout", "HEAD", "--", name)


def with_other_line_endings(clone: Path) -> None:
    git(clone, "config", "core.autocrlf", "true")
    from_last_to_first(clone)


def uncommitted(clone: Path) -> None:
    """Change a file, and leave some about that a backend would take."""
    with (clone / "README.md").open("a", encoding="utf-8") as readme:
        readme.write("\nNot committed.\n")
    for folder in {path.parent for path in below(clone) if path.suffix in (".py", ".toml", ".rs")}:
        (folder / "stray.py").write_text("STRAY = 1\n", encoding="utf-8")


def with_git_settings(clone: Path) -> None:
    """Write settings of the user's that change what git checks out, ignores, leaves out and prints."""
    home = clone.parent / "home"
    (home / "attributes").write_text("* text eol=crlf\n*.py export-ignore\n", encoding="utf-8")
    (home / "ignore").write_text("*.md\n*.py\n", encoding="utf-8")
    settings = {"autocrlf": "true", "eol": "crlf", "abbrev": "16"}
    settings |= {"attributesFile": str(home / "attributes"), "excludesFile": str(home / "ignore")}
    lines = [f"{key} = {value}" for key, value in settings.items()]
    (home / ".gitconfig").write_text("\n".join(["[core]", *lines, ""]), encoding="utf-8")


def circumstances() -> Iterator[Circumstance]:
    yield Circumstance("once more")
    yield Circumstance("another folder, deeper, a space in its name", place="a/much deeper/folder/of/another/name")
    yield Circumstance("umask 077", umask=0o077)
    yield Circumstance("umask 002", umask=0o002)
    yield Circumstance("TZ=Asia/Tokyo", {"TZ": "Asia/Tokyo"})
    yield Circumstance("LC_ALL=C", {"LC_ALL": "C", "LANG": "C"})
    yield Circumstance("LC_ALL=C.UTF-8", {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"})
    yield Circumstance("PYTHONHASHSEED=1", {"PYTHONHASHSEED": "1"})
    yield Circumstance("SOURCE_DATE_EPOCH=1", {"SOURCE_DATE_EPOCH": "1"})
    yield Circumstance("PRETEND_VERSION=1.0.0", {"SETUPTOOLS_SCM_PRETEND_VERSION": "1.0.0"})
    yield Circumstance("working tree of 2001", prepare=in_2001)
    yield Circumstance("working tree 0600", prepare=for_the_owner_only)
    yield Circumstance("files made from last to first", prepare=from_last_to_first)
    yield Circumstance("uncommitted and stray files", prepare=uncommitted)
    yield Circumstance("core.autocrlf=true", prepare=with_other_line_endings)
    yield Circumstance("git settings of the user's", {"HOME": "{scratch}/home"}, prepare=with_git_settings)
    yield Circumstance("shallow clone", clone=("--depth", "1"))
    yield Circumstance("TMPDIR elsewhere", {"TMPDIR": "{scratch}/tmp"})
    if Path("/dev/shm").is_dir():
        yield Circumstance("TMPDIR on a tmpfs", {"TMPDIR": "{memory}"})
    yield Circumstance("HOME elsewhere", {"HOME": "{scratch}/home"})
    yield Circumstance(f"{SECONDS_LATER} seconds later", wait=SECONDS_LATER)
    yield Circumstance("--constraints release.json", options=("--once", "--constraints", "{base}/release.json"))
    yield Circumstance("twice (without --once)", options=())


class Sample:
    """A project, and its first build."""

    def __init__(self, folder: Path, tag: str, scratch: Path) -> None:
        self.folder, self.tag, self.scratch = folder, tag, scratch
        self.base = scratch / "base-dist"
        failure = self.build(Circumstance("base", place="base"), self.base)
        if failure:
            raise SystemExit(f"{folder.name} cannot be built: {failure}")
        self.release = json.loads((self.base / "release.json").read_text(encoding="utf-8"))

    @property
    def title(self) -> str:
        """The folder's name, and the versions of what [build-system] requires."""
        project = tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))
        asked = {canonicalize_name(Requirement(text).name) for text in project["build-system"]["requires"]}
        named = (text.split("==") for text in self.release["requirements"])
        return ", ".join(f"{name} {version}" for name, version in named if canonicalize_name(name) in asked)

    def build(self, now: Circumstance, out: Path) -> str:
        """Build in a new clone; return what was said where that failed."""
        inside = self.scratch / "run"
        shutil.rmtree(inside, ignore_errors=True)
        inside.mkdir(mode=0o755)
        clone, memory = inside / now.place, ""
        clone.parent.mkdir(parents=True, exist_ok=True)
        git(inside, "clone", "--quiet", *now.clone, *(["--branch", self.tag] if now.clone else []),
            self.folder.as_uri() if now.clone else str(self.folder), str(clone))  # fmt: skip
        for name in ("tmp", "home"):
            (inside / name).mkdir()
        now.prepare(clone)
        if "{memory}" in now.env.values():
            memory = tempfile.mkdtemp(dir="/dev/shm")
        env = {name: value.format(scratch=inside, memory=memory) for name, value in now.env.items()}
        if now.user is not None:
            for path in (inside, *inside.rglob("*")):
                os.chown(path, now.user, now.user, follow_symlinks=False)
            env |= {"HOME": str(inside / "home"), "TMPDIR": str(inside / "tmp")}
        options = [word.format(base=self.base) for word in now.options]
        command = [*now.command, "build", self.tag, "--out", str(inside / "dist"), *options]
        time.sleep(now.wait)
        who: dict[str, Any] = {} if now.user is None else {"user": now.user, "group": now.user, "extra_groups": ()}
        try:
            done = run(command, clone, env=os.environ | env, umask=now.umask, timeout=MOST_SECONDS, **who)
        except subprocess.TimeoutExpired:
            return f"no end after {MOST_SECONDS} seconds"
        finally:
            if memory:
                shutil.rmtree(memory)
        if done.returncode:
            return f"{done.stdout}{done.stderr}".strip()
        shutil.copytree(inside / "dist", out, dirs_exist_ok=True)
        return ""

    def compared(self, now: Circumstance) -> Run:
        """Return in what a run's distributions differ from those of the first one."""
        out = self.scratch / "dist"
        shutil.rmtree(out, ignore_errors=True)
        failure = self.build(now, out)
        if failure:
            return Run(self.folder.name, now.name, {}, failure)
        differences = {}
        for path in distributions(self.base):
            other = out / path.name
            differences[path.name] = compare(path, other) if other.exists() else ["there is none of this name"]
        return Run(self.folder.name, now.name, differences)


def distributions(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.endswith((".whl", ".tar.gz")))


def named(text: str) -> tuple[str, list[str]]:
    name, equals, command = text.partition("=")
    if not equals or not command:
        raise argparse.ArgumentTypeError("NAME=COMMAND")
    return name, shlex.split(command)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the sample projects")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run's result there, too")
    parser.add_argument("--tag", default="v1.0.0")
    parser.add_argument("--only", default="", metavar="TEXT", help="the samples with TEXT in their names")
    parser.add_argument("--other", action="append", type=named, default=[], metavar="NAME=COMMAND")
    parser.add_argument("--user", action="append", type=named, default=[], metavar="UID=COMMAND")
    options = parser.parse_args()
    pinned = ("--once", "--constraints", "{base}/release.json")
    todo = [
        *circumstances(),
        *(Circumstance(name, command=command, options=pinned) for name, command in options.other),
        *(
            Circumstance("another user", command=command, options=pinned, user=int(uid))
            for uid, command in options.user
        ),
    ]
    folders = sorted(path for path in options.folder.resolve().iterdir() if (path / ".git").exists())
    runs: list[Run] = []
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="reproducible-") as scratch:
        Path(scratch).chmod(0o755)
        for folder in [path for path in folders if options.only in path.name]:
            inside = Path(scratch) / folder.name
            inside.mkdir()
            samples.append(Sample(folder, options.tag, inside))
            for now in todo:
                runs.append(samples[-1].compared(now))
                print(f"{folder.name}: {now.name}: {runs[-1].cell}", file=sys.stderr)
        document = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "samples": [as_json(sample) for sample in samples],
            "runs": [each._asdict() for each in runs],
        }
    if options.json:
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print_table(samples, todo, runs)


def as_json(sample: Sample) -> dict[str, object]:
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in distributions(sample.base)}
    return {"name": sample.folder.name, "requires": sample.title, "files": digests, "release": sample.release}


def print_table(samples: Sequence[Sample], todo: Sequence[Circumstance], runs: Sequence[Run]) -> None:
    cells = {(each.sample, each.circumstance): each.cell for each in runs}
    print("|", *(f"| {sample.title}" for sample in samples), "|")
    print("|---" * (len(samples) + 1) + "|")
    for now in todo:
        print(f"| {now.name}", *(f"| {cells[sample.folder.name, now.name]}" for sample in samples), "|")
    for each in runs:
        for line in [
            *each.failure.splitlines()[-12:],
            *(line for lines in each.differences.values() for line in lines),
        ]:
            print(f"    {each.sample}, {each.circumstance}: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
