"""init: writes what a project needs to release with us, and keeps what it generated up to date."""

from __future__ import annotations

import difflib
import os
import posixpath
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from enum import StrEnum
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tagready.commands.setup.init_hints import hints, outdated_checklist
from tagready.commands.setup.surroundings import Surroundings, look
from tagready.doors.git import Git
from tagready.facts.changelog import find_marker
from tagready.facts.findings import Finding, Report, WorldFailed, WrongUse, finding
from tagready.facts.fragments import quoted
from tagready.facts.project import normalized
from tagready.facts.scaffolding import adoption, scaffold, stamps
from tagready.facts.scaffolding.action_pins import with_newest_pins
from tagready.facts.scaffolding.scaffold import Tool
from tagready.facts.scaffolding.stamps import Stamp


class Action(StrEnum):
    """What is done to a file."""

    CREATE = "create"
    CHANGE = "change"
    RENEW = "renew"
    MERGE = "merge"
    KEEP = "keep"


class Step(NamedTuple):
    """A file, what is done to it and why, its text before and after (None: there is none)."""

    path: str
    action: Action
    why: str
    before: str | None = None
    after: str | None = None

    @property
    def writes(self) -> bool:
        """Whether the file is written."""
        return self.action is not Action.KEEP

    def diff(self) -> list[str]:
        """Return what changes, as a patch."""
        return _diff(self.before or "", self.after or "", f"{self.path}, as it is", f"{self.path}, as it will be")


class Plan(NamedTuple):
    """What is to be written, in order; what speaks against some of it; and what people should know beside it.

    `to_add` are the new files and folders, and the changed files, seen from the folder where we were started. `tests`
    is what the job `test` of the workflows will run, where one is written, and `tests_stated` that a key says so.
    `on_github` is false where the remote is at another forge. `pull_request_to` is the remote where the branch that is
    checked out takes pull requests only; empty where it takes commits.
    """

    project: str
    steps: tuple[Step, ...]
    report: Report
    hints: tuple[str, ...]
    to_add: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    tests_stated: bool = False
    on_github: bool = True
    pull_request_to: str = ""

    @property
    def writes(self) -> tuple[Step, ...]:
        """The steps that write a file."""
        return tuple(step for step in self.steps if step.writes)


def plan(git: Git, overlay: Path | None, *, upgrade: bool) -> Plan:
    """Return what init would write, and what it would not touch; writes nothing."""
    around = _looked(git, overlay)
    tool = _tool(around)
    steps = [*_settings(around), *_changelog(around), *_seeds(around)]
    findings: list[Finding] = []
    for path, text in _held(around, tool).items():
        step = _generated(around, path, text, upgrade=upgrade)
        if isinstance(step, Finding):
            findings.append(step)
        else:
            steps.append(step)
    steps = [step for step in (*steps, *_contributing(around)) if not around.is_own(step.path)]
    to_add = dict.fromkeys(_to_add(git, step.path) for step in steps if step.writes)
    tests = around.facts.test_commands if any(step.writes and _has_tests(step.after or "") for step in steps) else ()
    report, hinted = Report(tuple(findings)), tuple(hints(around, tool))
    stated, on_github = bool(around.config.test_commands), not around.facts.other_forge
    to = _pull_request_to(around)
    return Plan(around.facts.name, tuple(steps), report, hinted, tuple(to_add), tests, stated, on_github, to)


def _pull_request_to(around: Surroundings) -> str:
    """Return the remote that takes pull requests for the current branch; empty where commits go to it directly."""
    git, branch = around.git, around.facts.default_branch
    by_pull_request = around.config.flow == "pull-request" if around.settled else around.remote is not None
    known = git.commit(f"refs/remotes/{around.remote}/{branch}") is not None
    return around.remote or "" if by_pull_request and known and git.current_branch() == branch else ""


def _looked(git: Git, overlay: Path | None) -> Surroundings:
    """Return what the working tree tells; raise WrongUse where `generated` names what is never written."""
    around = look(git, overlay)
    known = _known(around)
    for glob in around.config.generated:
        if not any(fnmatch(name, glob) for name in known):
            close = get_close_matches(glob, known, n=1)
            fix = f"did you mean {close[0]!r}?" if close else f"it writes {', '.join(dict.fromkeys(known))}"
            raise WrongUse(f"{around.origin}: generated names {glob!r}, and init writes no such file", fix)
    return around


def _known(around: Surroundings) -> list[str]:
    """Return the names and paths of all that init may write, in this project or once it has other folders."""
    facts = around.facts
    workflows = [f"{scaffold.FOLDER}/{facts.file(name)}" for name in scaffold.WORKFLOWS]
    paths = [
        *workflows,
        facts.file(scaffold.REQUIREMENTS),
        *(around.path(name) for name in (f"{facts.directory}/README.md", facts.checklist, "towncrier.toml")),
        *(around.path(name) for name in ("pyproject.toml", "tagready.toml", f"docs/{scaffold.CHECKLIST}")),
        around.changelog_path,
        *(around.contributing or ("CONTRIBUTING.md",)),
        *(re.sub(r"\.ya?ml$", "", path) + other for path in workflows for other in (".yml", ".yaml")),
    ]
    return [*map(posixpath.basename, paths), *paths]


def _to_add(git: Git, path: str) -> str:
    """Return what git is to be told of a file: itself, or the outermost folder that is new with it.

    git knows no file by a name that a link gives it. Raise WrongUse where a link leads out of the repository.
    """
    top = git.top.resolve()
    target = (top / path).resolve()
    if not target.is_relative_to(top):
        what = f"{path} leads to {target}, which is outside of the repository, so no commit would have what is written"
        raise WrongUse(what, f'put a file in the place of the link, or leave it out: generated = ["{path}"]')
    path = target.relative_to(top).as_posix()
    folders = [folder for folder in map(str, reversed(PurePosixPath(path).parents)) if folder != "."]
    new = next((folder for folder in folders if not (git.top / folder).exists()), path)
    return posixpath.relpath(new, git.prefix or ".")


def check(git: Git, overlay: Path | None) -> Plan:
    """Return in what the generated files differ from what init would write, and what is unsafe in any workflow."""
    around = _looked(git, overlay)
    tool = _tool(around)
    findings = [
        drift
        for path, text in {**_held(around, tool), **_once(around)}.items()
        if (drift := _drift(around, path, text, tool)) is not None
    ]
    without = next((path for path in _held(around, tool) if _installs(around, path)), None)
    if without and tool.sha256 is None and not around.facts.is_tagready:
        findings.append(_unpinned(tool, without))
    report = Report(tuple(findings)).and_(_unsafe(around))
    return Plan(around.facts.name, (), report, tuple(outdated_checklist(around)))


def write(git: Git, steps: Sequence[Step]) -> None:
    """Write the files: all of them, or none.

    Raise WorldFailed where the disk does not take one, or a file is not as it was when the plan was made.
    """
    done: list[Step] = []
    made: list[Path] = []
    try:
        for step in steps:
            _expect(git.top / step.path, step)
        for step in steps:
            made += _make_folder((git.top / step.path).parent)
            _replace(git.top / step.path, step.after or "")
            done.append(step)
    except BaseException as problem:
        for written in reversed(done):
            _undo(git.top / written.path, written.before)
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()
        if not isinstance(problem, OSError):
            raise
        what = f"{step.path} cannot be written: {problem.strerror}"
        raise WorldFailed(f"{what}; nothing was changed", "make room or set the permissions, and try again") from None


def _expect(path: Path, step: Step) -> None:
    """Raise WorldFailed where somebody has written the file since we looked."""
    there = path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else None
    if there != step.before:
        raise WorldFailed(f"{step.path} was changed meanwhile; nothing was changed by us", "run it again")


def _make_folder(path: Path) -> list[Path]:
    """Make a folder and those above it, and return the new ones, outermost first."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    made: list[Path] = []
    try:
        for folder in reversed(missing):
            folder.mkdir()
            made.append(folder)
    except BaseException:
        for folder in reversed(made):
            folder.rmdir()
        raise
    return made


def _replace(path: Path, text: str) -> None:
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".tagready-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        Path(name).chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _undo(path: Path, before: str | None) -> None:
    if before is None:
        path.unlink(missing_ok=True)
    else:
        _replace(path, before)


def _tool(around: Surroundings) -> Tool:
    """Return this tagready with the hash of its wheel: as a generated file has it, else as the index lists it.

    A file that somebody has changed is no witness: its own hash would be held against itself.
    """
    from importlib.metadata import version

    own = version("tagready")
    release = f"{scaffold.FOLDER}/{around.facts.file('release.yml')}"
    for path in (release, around.facts.file(scaffold.REQUIREMENTS)):
        stamp = stamps.read_stamp(around.read(path) or "")
        found = scaffold.pinned(stamp.body) if stamp and stamp.is_untouched else None
        if found and found.version == own:
            return found
    return Tool(own, None if around.facts.is_tagready else _sha256_on_index(own))


def _sha256_on_index(version: str) -> str | None:
    from packaging.version import Version

    from tagready.doors import index

    listing = index.list_project("tagready")
    if isinstance(listing, index.NotListed):
        return None
    wheels = (file.sha256 for file in listing.of(Version(version)) if file.name.endswith(".whl"))
    return next(wheels, None)


def _held(around: Surroundings, tool: Tool) -> dict[str, str]:
    """Return the files that are kept up to date, without those that the project took into its own hands.

    Each has the pins of the file that is there, where those are newer.
    """
    return {
        path: with_newest_pins(text, around.read(path) or "")
        for path, text in scaffold.generated(around.facts, tool).items()
        if not around.is_own(path)
    }


def _once(around: Surroundings) -> dict[str, str]:
    return {path: text for path, text in scaffold.seeds(around.facts).items() if not around.is_own(path)}


# -- what is written once --------------------------------------------------------------------------------------------


def _settings(around: Surroundings) -> list[Step]:
    steps = []
    if around.news is None:
        path = around.path("towncrier.toml")
        text, there = scaffold.towncrier_settings(around.facts), around.read(path)
        why = "fragment types, issue links"
        # A towncrier.toml may be there that says nothing of towncrier.
        steps.append(_new(path, text, why) if there is None else _changed(path, why, there, text))
    if around.settled:
        return steps
    bumps = adoption.KEEP_A_CHANGELOG_BUMPS if around.facts.types == scaffold.KEEP_A_CHANGELOG else {}
    tags = around.facts.tag_format if around.root and not around.tags_known else None
    # Several projects in one repository may have the same version under review.
    branch = f"release/{normalized(around.facts.name)}-{{version}}" if around.root else None
    settings = adoption.Settings(around.remote is not None, bumps, tags, branch)
    path, why = around.path("pyproject.toml"), "how this project releases"
    pyproject = around.read(path)
    after = None if pyproject is None else adoption.with_settings(pyproject, settings)
    if pyproject is None or after is None:
        return [*steps, _new(around.path("tagready.toml"), adoption.settings_text(settings), why)]
    return [*steps, Step(path, Action.CHANGE, why, pyproject, after)]


def _changed(path: str, why: str, before: str, more: str) -> Step:
    return Step(path, Action.CHANGE, why, before, adoption.with_text(before, more))


def _new(path: str, text: str, why: str) -> Step:
    return Step(path, Action.CREATE, why, None, text)


def _changelog(around: Surroundings) -> list[Step]:
    if around.news is not None and not around.news.single_file:
        return []
    path, why = around.changelog_path, "where entries go"
    text = around.read(path)
    if text is None:
        new = scaffold.new_changelog(around.facts)
        return [_new(path, new if find_marker(new, around.marker) else f"{around.marker.rstrip()}\n", why)]
    after = adoption.with_marker(text, around.changelog(""))
    return [] if after is None else [Step(path, Action.CHANGE, f"a marker: {why}", text, after)]


_WHY = {
    "release.yml": "a pushed tag is released",
    "prepare-release.yml": "opens the pull request",
    "release-readiness.yml": "checks pull requests",
    "protect-main.yml": "names unreviewed commits",
    "tagready.txt": "what workflows install",
    "README.md": "for contributors",
    "readiness-checklist.md": "what to set up once",
}


def _why(around: Surroundings, path: str) -> str:
    return _WHY[Path(path).name.replace(f"{around.facts.suffix}.", ".").replace(".yaml", ".yml")]


def _seeds(around: Surroundings) -> list[Step]:
    return [
        _new(path, text, _why(around, path))
        for path, text in _once(around).items()
        if not around.exists(path) and not (path.endswith("README.md") and _has_readme(around, path))
    ]


def _has_readme(around: Surroundings, path: str) -> bool:
    """Return whether a readme lies where ours would, in whatever spelling."""
    folder = (around.git.top / path).parent
    return folder.is_dir() and any(each.name.lower().startswith("readme") for each in folder.iterdir())


def _contributing(around: Surroundings) -> list[Step]:
    why = "what a fragment is"
    paths = around.contributing
    if not paths:
        if around.root:
            return []
        text = f"# Contributing\n\n{scaffold.paragraph(around.facts, markdown=True)}"
        return [_new("CONTRIBUTING.md", text, why)]
    texts = [around.read(path) or "" for path in paths]
    if any(adoption.speaks_of_fragments(text, around.facts.directory) for text in texts):
        return []
    path, text = paths[0], texts[0]
    markdown = path.lower().endswith(".md")
    paragraph = scaffold.paragraph(around.facts, markdown=markdown)
    return [Step(path, Action.CHANGE, why, text, adoption.with_paragraph(text, paragraph, markdown=markdown))]


# -- what is kept up to date -----------------------------------------------------------------------------------------


def _generated(around: Surroundings, path: str, text: str, *, upgrade: bool) -> Step | Finding:
    """Return what becomes of a generated file; a finding where both sides changed the same lines."""
    why = _why(around, path)
    there = around.read(path)
    if there is None:
        return _new(path, text, why)
    stamp = stamps.read_stamp(there)
    if stamp is None:
        return Step(path, Action.KEEP, "yours, so it stays")
    if _same(there, text):
        return Step(path, Action.KEEP, "up to date")
    if not upgrade:
        return Step(path, Action.KEEP, "differs: init --upgrade")
    if stamp.is_untouched:
        return Step(path, Action.RENEW, why, there, text)
    return _merged(around, path, there, stamp, text)


def _merged(around: Surroundings, path: str, there: str, stamp: Stamp, text: str) -> Step | Finding:
    """Return the file with both what was changed in it and what is written differently now."""
    new = stamps.read_stamp(text)
    assert new is not None
    if new.digest == stamp.digest and with_newest_pins(stamp.body, new.body) == stamp.body:
        return Step(path, Action.KEEP, "changed by you, up to date")
    base = _as_written(around.git, _committed(around.git, path), stamp.digest)
    if base is None:
        return _by_hand(path, "the file as it was written is not in the history of this repository", there, text)
    merged, clean = _merge(around.git, stamp.body, base, new.body)
    if not clean:
        return _by_hand(path, "both you and this version of tagready changed the same lines", there, text)
    # The digest stays that of what is written now, so that the next upgrade knows where your changes begin.
    return Step(path, Action.MERGE, "your changes are kept", there, stamps.restamped(merged, new))


def _by_hand(path: str, why: str, there: str, text: str) -> Finding:
    difference = _diff(there, text, "as it is", "as init writes it")
    what = "\n".join((f"{path} was changed by hand, and cannot be renewed beside that: {why}", *difference))
    fix = f'take over what you want of it, or delete the file and run it again; to keep yours: generated = ["{path}"]'
    return finding("init-drift", what, fix, path)


def _as_written(git: Git, versions: Sequence[Stamp], digest: str) -> str | None:
    """Return the body of a file as init wrote it, from its committed versions (newest first); None if it is not there.

    Where it was written into one that somebody had changed, only what came of that was committed. But what the merge
    changed there is what it changed in the text of before, and the digest says whether that holds.
    """
    untouched = next((found.body for found in versions if found.digest == digest and found.is_untouched), None)
    if untouched is not None:
        return untouched
    for place, (later, earlier) in enumerate(pairwise(versions), start=1):
        if later.digest == digest != earlier.digest:
            before = _as_written(git, versions[place:], earlier.digest)
            body, clean = _merge(git, before, earlier.body, later.body) if before is not None else ("", False)
            return body if clean and stamps.digest(body) == digest else None
    return None


def _committed(git: Git, path: str) -> list[Stamp]:
    """Return the committed versions of a generated file, newest first."""
    if git.commit("HEAD") is None:
        return []
    found = []
    for oid in git.text("log", "--format=%H", "--", path).split():
        commit = git.commit(oid)
        content = git.read(commit.tree, path) if commit else None
        found.append(stamps.read_stamp(content.decode("utf-8", "surrogateescape")) if content else None)
    return [stamp for stamp in found if stamp]


def _merge(git: Git, ours: str, base: str, theirs: str) -> tuple[str, bool]:
    """Return the three-way merge of texts, by git, and whether it is without conflicts.

    All have the newest pins of the three, so that these are in nobody's way.
    """
    newest = [with_newest_pins(text, ours, base, theirs) for text in (ours, base, theirs)]
    with tempfile.TemporaryDirectory(prefix="tagready-") as folder:
        paths = [Path(folder) / name for name in ("ours", "base", "theirs")]
        for path, text in zip(paths, newest, strict=True):
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
        # Its exit code is the number of conflicts, 127 at most.
        done = git.run("merge-file", "--stdout", *map(str, paths), accept=range(128))
    return done.stdout.decode("utf-8", "surrogateescape"), done.returncode == 0


def _drift(around: Surroundings, path: str, text: str, tool: Tool) -> Finding | None:
    there = around.read(path)
    if there is None:
        if path.endswith("README.md") and _has_readme(around, path):
            return None
        what = f"{path} is missing ({_why(around, path)})"
        return finding("init-drift", what, f'tagready init, or generated = ["{path}"] if you want none', path)
    stamp = stamps.read_stamp(there)
    if stamp is None or _same(there, text):
        return None
    new = stamps.read_stamp(text)
    is_current = new is not None and new.digest == stamp.digest
    if not stamp.is_untouched:
        why = "was changed by hand"
        own = f'if the file is yours now: generated = ["{path}"]'
        fix = (
            f"rm {quoted(path)} && tagready init" if is_current else "tagready init --upgrade, which keeps your changes"
        )
        of_tests = _is_in_tests(text, _first_difference(there, text))
        fix = f"{fix}; {'what the tests run: test-commands in [tool.tagready]; ' if of_tests else ''}{own}"
    elif stamp.version != tool.version:
        why = f"was written by tagready {stamp.version}, and {tool.version} writes it differently"
        fix = "tagready init --upgrade"
    elif is_current:
        why = "has an action at another commit than init writes, and of no newer version"
        fix = "tagready init --upgrade"
    else:
        why = "is not what this project needs now: its branch, tags, tests or settings changed since"
        fix = "tagready init --upgrade"
    difference = _diff(there, text, "as it is", "as init writes it")
    return finding("init-drift", "\n".join((f"{path} {why}", *difference)), fix, path, _first_difference(there, text))


def _has_tests(text: str) -> bool:
    """Return whether a generated file is a workflow with the job `test`."""
    return "\n  test:\n" in text


def _is_in_tests(text: str, line: int | None) -> bool:
    """Return whether a line of a generated workflow belongs to the job `test`."""
    above = text.split("\n")[: line or 0]
    return next((each for each in reversed(above) if re.fullmatch(r"  [\w-]+:", each)), "") == "  test:"


def _installs(around: Surroundings, path: str) -> bool:
    """Return whether a file that we wrote says which tagready is installed."""
    there = around.read(path) or ""
    return stamps.read_stamp(there) is not None and "tagready==" in there


def _unpinned(tool: Tool, path: str) -> Finding:
    return finding(
        "init-drift",
        f"the workflows install tagready {tool.version} without its hash, so pip refuses and they stop at their first "
        "step: the index does not list this version, or could not be asked",
        "tagready init --upgrade, when the index can be asked",
        path,
    )


def _same(there: str, text: str) -> bool:
    """Return whether two generated files are the same but for their headers: line endings and the version of tagready.

    A tagready that writes the very same lines is no reason to renew them.
    """
    one, other = stamps.read_stamp(there), stamps.read_stamp(text)
    return one is not None and other is not None and one.body == other.body


def _first_difference(there: str, text: str) -> int | None:
    lines = there.replace("\r\n", "\n").split("\n")
    wanted = text.split("\n")
    # The header differs wherever anything does.
    pairs = zip(lines[2:], wanted[2:], strict=False)
    return next((number for number, (one, other) in enumerate(pairs, start=3) if one != other), None)


def _diff(one: str, other: str, before: str, after: str) -> list[str]:
    lines = one.replace("\r\n", "\n").splitlines(), other.replace("\r\n", "\n").splitlines()
    return list(difflib.unified_diff(*lines, before, after, lineterm="", n=2))


def _unsafe(around: Surroundings) -> Report:
    """Return what is unsafe in the workflows of the working tree, whoever wrote them."""
    from tagready.doors.zizmor import beside
    from tagready.facts.actions.workflow_rules import judge

    texts = around.workflows()
    ours = judge(texts, strict=around.config.strict_workflows)
    return beside(ours, around.git.top) if texts else ours
