"""check: the pull-request gate on what a change set does."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.version import Version

from tagready.commands.changes.change_case import Case, Reworded, Said, edits_of, sides_of
from tagready.commands.changes.change_fragments import deleted, lacking, missing, permits, ported, valid
from tagready.commands.changes.change_releases import (
    as_release,
    forward_ports,
    released_version,
    taken_back,
    typed_beside,
)
from tagready.commands.changes.change_set import ChangeSet, change_set, staged_change
from tagready.commands.changes.checked import Checked, Kind
from tagready.commands.changes.trial import is_plain, try_entry, try_settings
from tagready.commands.releases.history import changelog_path
from tagready.commands.releases.secret_scan import secrets_in
from tagready.commands.releases.snapshot import Snapshot, take
from tagready.commands.releases.whereabouts import scratch_folder
from tagready.doors.git import Git
from tagready.doors.uncommitted import Uncommitted, announced, uncommitted
from tagready.facts import change_rules
from tagready.facts.change_rules import NEXT, Edits
from tagready.facts.findings import Finding, Level, Refused, Report, Skipped, Trouble, WrongUse
from tagready.facts.fragment_needed import NOT_ASKED
from tagready.facts.fragments import read_name
from tagready.facts.git_records import Ref
from tagready.facts.places import Stated
from tagready.facts.versions import parse

if TYPE_CHECKING:
    from tagready.commands.changes.mending import Mending
    from tagready.commands.verify import Verified

WORKFLOWS = ".github/workflows"


class Options(NamedTuple):
    """What was asked for on the command line."""

    since: str | None = None
    main: bool = False
    staged: bool = False
    fix: bool = False


def check(git: Git, options: Options, overlay: Path | None) -> Checked:
    """Return what stands against the commits that HEAD adds to its base branch.

    Nothing uncommitted is looked at; but `staged` judges what is staged, against HEAD, and `fix` the working tree, once
    it has mended there what can be mended without doubt.
    """
    if not options.main and os.environ.get("GITHUB_EVENT_NAME") == "pull_request_target":
        raise WrongUse(
            "this run is for `pull_request_target`, which lends a stranger's change this repository's secrets, and "
            "towncrier runs the template that a change brings",
            "start the workflow on `pull_request`: nothing here needs a secret",
        )
    if options.staged or options.fix:
        git.needs_working_tree()
    mended = _fix(git, options, overlay) if options.fix else None
    if options.staged or options.fix:
        with _made(git, options, overlay) as would_be:
            checked = _check(take(would_be, "HEAD", overlay), options)
        return checked if mended is None else _after(checked, mended)
    snapshot = take(git, "HEAD", overlay)
    if options.main:
        from tagready.commands.changes.check_main import check_main

        return check_main(snapshot, git.refs(), options.since)
    return _check(snapshot, options)


def _made(git: Git, options: Options, overlay: Path | None) -> AbstractContextManager[Uncommitted]:
    """Lend the repository with the commit that would be made: of what is staged, else of all, and every fragment."""
    if options.staged:
        return uncommitted(git, staged=True)
    if git.commit("HEAD") is None:
        raise WrongUse("the repository has no commit yet", "git add . && git commit, then try again")
    from tagready.doors.working_tree import working_tree

    sections = take(working_tree(git), "HEAD", overlay).news.sections
    return uncommitted(git, staged=False, folders=[section.directory for section in sections])


def _fix(git: Git, options: Options, overlay: Path | None) -> Mending:
    from tagready.commands.changes.mending import mend

    with _made(git, options, overlay) as would_be:
        snapshot = take(would_be, "HEAD", overlay)
        return mend(snapshot, _change(snapshot, would_be.refs(), options))


def _after(checked: Checked, mended: Mending) -> Checked:
    """Return a verdict with what was mended; what is staged still has its faults, which only `git add` takes away."""
    fix = f"it is mended in the working tree: {mended.command}"
    found = (replace(each, fix=fix) if each.path in mended.paths else each for each in checked.report.findings)
    report = Report(tuple(found), checked.report.skipped) if checked.staged else checked.report
    return checked._replace(report=report, mended=mended)


def _change(snapshot: Snapshot, refs: Sequence[Ref], options: Options) -> ChangeSet:
    git = snapshot.git
    if options.staged and isinstance(git, Uncommitted):
        return staged_change(snapshot, refs, git.base)
    return change_set(snapshot, refs, options.since)


def _check(snapshot: Snapshot, options: Options) -> Checked:
    refs = snapshot.git.refs()
    change = _change(snapshot, refs, options)
    try:
        if not change.changes:
            notes = [_nothing(change), *(_announced(snapshot) if change.staged else [])]
            return _checked(snapshot, change, Kind.NOTHING, Report(), notes)
        return _judge(snapshot, refs, change)
    except (Refused, Trouble) as problem:
        problem.about = {"project": snapshot.name, "commit": change.head.oid, "base": change.base.oid}
        raise


def _nothing(change: ChangeSet) -> str:
    if change.staged:
        return "git add puts into the next commit what it shall have; until then there is nothing to judge"
    return f"HEAD has no change that {change.against} has not, so there is nothing to judge"


def _checked(snapshot: Snapshot, change: ChangeSet, kind: Kind, report: Report, notes: Sequence[str]) -> Checked:
    touched = {each.path for each in change.changes}
    return Checked(
        project=snapshot.name,
        base=change.base.oid,
        head="" if isinstance(snapshot.git, Uncommitted) else change.head.oid,
        against=change.against,
        kind=kind,
        version=None,
        report=report,
        notes=tuple(notes),
        fragments=tuple(each.path for each in snapshot.survey.fragments if each.path in touched),
        commits=len(change.commits),
        files=len(change.changes),
        staged=change.staged,
    )


def _judge(snapshot: Snapshot, refs: Sequence[Ref], change: ChangeSet) -> Checked:
    sides = sides_of(snapshot, change)
    edits = edits_of(sides)
    ports = forward_ports(snapshot, refs, change, edits)
    edits = edits.without([port.entry for port in ports])
    version = released_version(snapshot, refs, sides, edits)
    release = as_release(_head(snapshot, change), refs, version, sides.old) if version is not None else None
    declared = change_rules.edit_declared(change.commits)
    if isinstance(release, Reworded):
        if declared is None:
            return _judge_change(snapshot, Case(sides, change, edits, release, ports))
        return _released(snapshot, change, release.verified, [permits(declared, [str(version)])])
    if release is not None and version is not None:
        typed = typed_beside(snapshot, version, edits)
        report, notes = _edited(Case(sides, change, Edits(added=typed), None, ports)) if typed else (Report(), [])
        checked = _released(snapshot, change, release, notes)
        return checked._replace(report=checked.report.and_(report))
    back = taken_back(sides, change.commits, snapshot.tags(refs), edits) if edits.removed else {}
    return _judge_change(snapshot, Case(sides, change, edits, None, ports, back))


def _released(snapshot: Snapshot, change: ChangeSet, verified: Verified, notes: Sequence[str]) -> Checked:
    report = _perhaps_ported(verified).and_(_workflows(snapshot, change))
    checked = _checked(snapshot, change, Kind.RELEASE, report, notes)
    return checked._replace(version=verified.version, verified=verified)


def _perhaps_ported(verified: Verified) -> Report:
    """Return the verdict on a release; where the tree states another version, its tag may only not be here."""
    report = verified.report
    if not any(found.rule == "version-mismatch" for found in report.findings):
        return report
    first = f"if {verified.version} was released on another branch, git fetch --tags, and ask again; else "
    return Report(
        tuple(
            replace(found, fix=first + found.fix)
            if found.rule in ("version-mismatch", "fragments-left-over")
            else found
            for found in report.findings
        ),
        report.skipped,
    )


def _judge_change(snapshot: Snapshot, case: Case) -> Checked:
    change, edits, ports = case.change, case.edits, case.ports
    report, notes = Report(), [port.says() for port in ports]
    for judge in (valid, deleted, ported, *([] if change.staged else [missing]), _edited, _bumped, _marker):
        found, said = judge(case)
        report, notes = report.and_(found), [*notes, *said]
    notes += _announced(snapshot) if change.staged else []
    report = report.and_(Report(secrets_in(snapshot, change.base))).and_(_workflows(snapshot, change))
    kind = Kind.FORWARD_PORT if ports and not edits else Kind.CHANGE
    checked = _checked(snapshot, change, kind, report, notes)
    checked = checked._replace(unasked=_unasked(case, notes))
    if any(found.rule == "fragment-missing" for found in report.findings):
        checked = checked._replace(lacks=lacking(case))
    faulty = {found.path for found in report.findings if found.level is Level.ERROR}
    chosen = [each for each in snapshot.survey.fragments if each.path in checked.fragments and each.path not in faulty]
    if _touches_settings(case):
        trial = try_settings(snapshot, case.sides.old)
        if trial.findings or trial.skipped:
            return checked._replace(report=report.and_(trial))
    if change.staged and all(map(is_plain, snapshot.fragment_data(chosen).contents.values())):
        return checked._replace(report=report)  # a hook has to be fast, and nobody reads what it says of a good commit
    trial, preview = try_entry(snapshot, chosen, case.sides.old)
    return checked._replace(report=report.and_(trial), preview=preview if trial.ok else "")


def _unasked(case: Case, notes: Sequence[str]) -> str:
    """Return why no fragment is asked for, whatever changed; an empty text where one is."""
    if case.new.config.require_fragment == "never":
        return f'{NOT_ASKED}: require-fragment is "never"'
    return next((note for note in notes if note.startswith(NOT_ASKED)), "")


def _head(snapshot: Snapshot, change: ChangeSet) -> Snapshot:
    """Return the project at the change's own last commit; one that is only about to be made is written for that."""
    if isinstance(snapshot.git, Uncommitted):
        return snapshot.at(snapshot.git.written())
    return snapshot if change.head == change.result else snapshot.at(change.head)


def _announced(snapshot: Snapshot) -> list[str]:
    """Return a sentence for each fragment that would not be in the commit although it looks as if."""
    news = snapshot.news
    paths = announced(snapshot.git, [section.directory for section in news.sections], snapshot.commit.tree)
    return [
        f"{path} is not in this commit: git add --intent-to-add only announced it"
        for path in paths
        if (section := news.section_of(path)) and read_name(news, section, posixpath.basename(path))
    ]


def _touches_settings(case: Case) -> bool:
    """Return whether the change touches what towncrier renders by: its settings, or the template."""
    old, new = case.sides.old, case.new
    if old is None:
        return new.sources.has_news
    return old.sources.settings != new.sources.settings or (new.news.template or "") in case.touched


# -- changelog, version, workflows -------------------------------------------------------------------------------------


def _edited(case: Case) -> Said:
    """Judge what became of entries outside a release."""
    if not case.edits:
        return case.unreadable("entry-edited-by-hand"), []
    edits = case.edits.without([entry for entry in case.edits.removed if entry.version in case.taken_back])
    notes = list(case.taken_back.values())
    declared = change_rules.edit_declared(case.change.commits)
    if declared is None:
        undeclared = [_undeclared(case.reworded)] if case.reworded else []
        return Report(tuple(change_rules.edited_by_hand(edits, case.way_back, undeclared))), notes
    touched = [*(new for _, new in edits.changed), *edits.removed, *edits.added]
    return Report(), [*notes, *([permits(declared, (str(entry.version) for entry in touched))] if touched else [])]


def _undeclared(reworded: Reworded) -> change_rules.Undeclared:
    """Return the reworded entry of a release, and what makes it anew."""
    again = f"prepare-release {reworded.version} --again --edit"
    return change_rules.Undeclared(reworded.version, reworded.difference, again)


def _bumped(case: Case) -> Said:
    """Judge whether a place states another version than before."""
    old, tip = case.sides.old, case.sides.tip
    if old is None:
        return case.unreadable("version-bumped-by-hand"), []
    try:
        new = case.new.stated()
    except WrongUse as wrong:
        return Report(skipped=(Skipped("version-bumped-by-hand", f"{wrong.what}: {wrong.fix}"),)), []
    found = change_rules.bumped_by_hand(_stated(old), new, _stated(tip) if tip else [])
    released = {port.entry.version for port in case.ports if port.merged}
    released |= {case.reworded.version} if case.reworded else set()
    if _is_taken_back(case, _stated(old), new):
        return Report(), []
    lines = {(stated.place.path, stated.line) for stated in new if parse(stated.version) in released}
    return Report(tuple(each for each in found if (each.path, each.line) not in lines)), []


def _is_taken_back(case: Case, before: Sequence[Stated], after: Sequence[Stated]) -> bool:
    """Return whether the version goes down, from that of a release which the change takes back, or takes out."""
    gone = set(case.taken_back)
    if change_rules.edit_declared(case.change.commits):
        gone |= {entry.version for entry in case.edits.removed}
    was, now = ([parse(stated.version) for stated in each] for each in (before, after))
    return bool(gone & set(was)) and all(version is not None and version < max(gone) for version in now)


def _stated(snapshot: Snapshot) -> list[Stated]:
    """Return the versions that an older tree states; none where it does not tell how to read them."""
    try:
        return snapshot.stated()
    except WrongUse:
        return []


def _marker(case: Case) -> Said:
    """Judge whether towncrier will find its place in the changelog, if that or the settings changed."""
    new = case.new
    path = changelog_path(new, Version(NEXT))
    settings = {new.sources.path("pyproject.toml"), new.sources.path("towncrier.toml")}
    if not new.news.single_file or not case.touched & {path, *settings}:
        return Report(), []
    found = _marker_findings(new, path)
    known = _marker_findings(case.sides.old, path) if found and case.sides.old else []
    return Report(tuple(change_rules.as_owned(found, case.touched, known))), []


def _marker_findings(snapshot: Snapshot, path: str) -> list[Finding]:
    text = snapshot.text(path)
    if text is None:
        return []
    from tagready.commands.releases.preconditions import marker_findings

    return marker_findings(path, text, snapshot.changelog(text), snapshot.news.start_string)


def _workflows(snapshot: Snapshot, change: ChangeSet) -> Report:
    """Judge the workflows that the change touches; each of them may be unsafe only together with the others.

    Of what zizmor finds, only what the change brings is told: a project may live with the rest.
    """
    touched = {each.path for each in change.changes if posixpath.dirname(each.path) == WORKFLOWS}
    if not touched:
        return Report()
    from tagready.doors.zizmor import SETTINGS, beside
    from tagready.facts.actions.workflow_rules import judge

    listing = snapshot.git.listing(snapshot.commit.tree, WORKFLOWS)
    paths = [f"{WORKFLOWS}/{name}" for name in sorted(listing) if name.endswith((".yml", ".yaml"))]
    contents = {path: content for path in paths if (content := snapshot.read(path)) is not None}
    texts = {path: content.decode("utf-8", "replace") for path, content in contents.items()}
    ours = judge(texts, strict=snapshot.config.strict_workflows)
    settings = {path: content for path in SETTINGS if (content := snapshot.read(path)) is not None}
    old = {path: content for path in paths if (content := snapshot.git.read(change.base.tree, path)) is not None}
    with scratch_folder() as scratch:
        now, before = scratch / "now", scratch / "before"
        _put(now, {**contents, **settings})
        _put(before, {**old, **settings})
        report = beside(ours, now, before)
    return Report(tuple(each for each in report.findings if each.path in touched), report.skipped)


def _put(folder: Path, contents: Mapping[str, bytes]) -> None:
    for path, content in contents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
