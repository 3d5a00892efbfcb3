"""status: what the next release would be, and where a release stands, place by place. Read-only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from tagready import preconditions, prepared, verify, versions
from tagready.findings import Finding, Refused, Report, WrongUse, finding
from tagready.git import NO_REMOTE, Git
from tagready.git_records import Commit, Ref
from tagready.ground import Ground, look, remote_of
from tagready.history import CutOff, changelog_path, release_of
from tagready.lineage import release_before
from tagready.prepare import with_defaults
from tagready.snapshot import Snapshot, take
from tagready.tags import Tags


class Pending(NamedTuple):
    """A fragment that waits for the next release: its file, type, issue, and the first line of its text."""

    path: str
    type: str
    issue: str
    text: str


class Next(NamedTuple):
    """What the next release would be, and what stands against it now.

    `stated` is what the tree says, `last` the newest release tag that HEAD has, `distance` the commits since then;
    `version` is what the pending fragments ask for (None: nothing is pending), and `decided` says which one decides.
    """

    project: str
    commit: str
    branch: str
    stated: str | None
    last: str | None
    distance: int
    pending: tuple[Pending, ...]
    version: str | None
    decided: str | None
    report: Report
    command: str


def next_release(git: Git, overlay: Path | None) -> Next:
    """Return what the next release would be; asks the remote whether the tag is free, and goes on where it can't."""
    snapshot = take(git, "HEAD", overlay)
    refs = git.refs()
    tags = snapshot.tags(refs)
    options = with_defaults(prepared.Options("auto"), snapshot)._replace(push=False)
    # A project that counts by the calendar names its versions itself; what blocks them can be said all the same.
    anything = replace(snapshot, config=snapshot.config._replace(version_pattern=None))
    ground = look(anything, refs, tags, options)
    known = bool(pending_ := _pending(ground)) and not snapshot.config.version_pattern
    pending = tuple(pending_)
    report = preconditions.judge(ground, options)
    if not pending:
        report = report.dropping(["nothing-to-release", "tag-exists", "entry-exists", "version-not-newer"])
    last = release_before(snapshot, tags, Version(f"{ground.version.epoch}!{10**9}"), [snapshot.commit.oid]).tag
    stated = snapshot.stated()
    since = f"refs/tags/{last.name}..{snapshot.commit.oid}" if last else snapshot.commit.oid
    return Next(
        project=snapshot.name,
        commit=snapshot.commit.oid,
        branch=ground.status.branch,
        stated=stated[0].version if stated else None,
        last=last.name if last else None,
        distance=int(git.text("rev-list", "--count", since)),
        pending=pending,
        version=str(ground.version) if known else None,
        decided=ground.decided if known else None,
        report=report,
        command=_command(snapshot, tags, refs, stated[0].version if stated else None, pending=bool(pending)),
    )


def _pending(ground: Ground) -> list[Pending]:
    texts = ground.data.texts()
    order = [type_.name for type_ in ground.snapshot.news.types]
    listed = sorted(ground.fragments, key=lambda fragment: order.index(fragment.type))
    return [
        Pending(fragment.path, fragment.type, fragment.issue, _first_line(texts.get(fragment.path, "")))
        for fragment in listed
    ]


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _command(snapshot: Snapshot, tags: Tags, refs: Sequence[Ref], stated: str | None, *, pending: bool) -> str:
    """Return the one next command: release what is pending, or tag what was prepared."""
    if pending:
        return f"prepare-release {'VERSION' if snapshot.config.version_pattern else 'auto'} --dry-run"
    version = versions.parse(stated) if stated else None
    named = tags.name(version) if version else ""
    if version is None or any(ref.name == f"refs/tags/{named}" for ref in refs):
        return ""
    changelog = snapshot.changelog(snapshot.text(changelog_path(snapshot, version)) or "")
    return f"tagready tag {version}" if changelog.of(version) else ""


class State(StrEnum):
    """How a place stands to a release."""

    ABSENT = "absent"
    AS_INTENDED = "as intended"
    CONFLICTING = "conflicting"
    UNVERIFIABLE = "unverifiable"


class Place(NamedTuple):
    """One place that a release goes to, and how it stands there."""

    name: str
    state: State
    detail: str


class Standing(NamedTuple):
    """Where a release stands, place by place, and the one next command (empty: all is done)."""

    project: str
    version: str
    tag: str
    commit: str | None
    places: tuple[Place, ...]
    report: Report
    command: str


def standing(git: Git, spelled: str, overlay: Path | None) -> Standing:
    """Return where a version's release stands; what cannot be asked (offline) is unverifiable."""
    version = versions.canonical(spelled)
    snapshot = take(git, "HEAD", overlay)
    refs = git.refs()
    tag = snapshot.tags(refs).name(version)
    remote = remote_of(snapshot)
    asked = git.ask(remote, f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}")
    found = _find(snapshot, refs, version, tag)
    places, report = _judged(found, refs, version, tag)
    local = git.commit(f"refs/tags/{tag}")
    places.append(_local_tag(local, found.commit, tag))
    answer = asked.answer()
    if isinstance(answer, str):
        reason = "there is no remote" if answer == NO_REMOTE else answer
        places.append(Place("remote tag", State.UNVERIFIABLE if remote else State.ABSENT, reason))
    else:
        there = answer.refs.get(f"refs/tags/{tag}^{{}}") or answer.refs.get(f"refs/tags/{tag}")
        places.append(_remote_tag(there, found.commit, tag, str(remote)))
    report = report.and_(
        Report(tuple(_conflict(place, tag) for place in places[2:] if place.state is State.CONFLICTING))
    )
    on_index = _on_index(snapshot, version)
    report = report.and_(Report(tuple(_other_bytes(place) for place in on_index if place.state is State.CONFLICTING)))
    return Standing(
        project=snapshot.name,
        version=str(version),
        tag=tag,
        commit=found.commit.oid if found.commit else None,
        places=(*places, *on_index),
        report=report,
        command=_way_on(found, version, (*places, *on_index), remote),
    )


class _Found(NamedTuple):
    """The commit of a release: where its tag is, else where its entry came to HEAD or to the release's own branch."""

    snapshot: Snapshot
    commit: Commit | None
    waiting: str = ""
    why_not: str = ""


def _find(snapshot: Snapshot, refs: Sequence[Ref], version: Version, tag: str) -> _Found:
    git = snapshot.git
    tagged = git.commit(f"refs/tags/{tag}")
    if tagged is not None:
        return _Found(snapshot.at(tagged), tagged)
    own = snapshot.config.branch.replace("{version}", str(version))
    remote = remote_of(snapshot)
    waiting = [
        name for name in (f"refs/heads/{own}", f"refs/remotes/{remote}/{own}") if any(r.name == name for r in refs)
    ]
    for name in ("HEAD", *waiting):
        commit = git.commit(name)
        there = snapshot.at(commit) if commit else snapshot
        try:
            released = release_of(there, changelog_path(there, version), version)
        except CutOff as cut:
            return _Found(there, None, why_not=f"{cut.what}: {cut.fix}")
        if released is not None:
            where = there if name == "HEAD" and _is_ready(there, refs, version, tag) else there.at(released.brought)
            return _Found(where, where.commit, waiting=own if name != "HEAD" else "")
    return _Found(snapshot, None)


def _is_ready(snapshot: Snapshot, refs: Sequence[Ref], version: Version, tag: str) -> bool:
    """Return whether HEAD itself may carry the tag: it states the version still."""
    return all(versions.parse(stated.version) == version for stated in snapshot.stated())


def _judged(found: _Found, refs: Sequence[Ref], version: Version, tag: str) -> tuple[list[Place], Report]:
    """Return the places commit and entry, and the gate's verdict on them."""
    if found.commit is None:
        state = State.UNVERIFIABLE if found.why_not else State.ABSENT
        return [Place("commit", state, found.why_not), Place("entry", state, "")], Report()
    try:
        verified = verify.judge_tag(found.snapshot, refs, tag, verify.Options(), to_be_tagged=not found.waiting)
    except Refused as refused:
        return [
            Place("commit", State.CONFLICTING, found.commit.oid[:10]),
            Place("entry", State.ABSENT, ""),
        ], refused.report
    report, judged = verified.report, verified.judged
    title = found.commit.message.split("\n", 1)[0]
    waits = f", on {found.waiting}" if found.waiting else ""
    commit = Place(
        "commit", State.AS_INTENDED if report.ok else State.CONFLICTING, f'{found.commit.oid[:10]} "{title}"{waits}'
    )
    if judged.entry is None:
        return [commit, Place("entry", State.ABSENT, f"none in {judged.path}")], report
    line = judged.changelog.line(judged.entry.heading)
    wrong = any(each.rule.startswith(("entry-", "fragment")) for each in report.findings)
    state = State.CONFLICTING if wrong and not report.ok else State.AS_INTENDED
    return [commit, Place("entry", state, f"{judged.path}:{line}")], report


def _local_tag(local: Commit | None, commit: Commit | None, tag: str) -> Place:
    if local is None:
        return Place("local tag", State.ABSENT, tag)
    same = commit is not None and local.oid == commit.oid
    return Place("local tag", State.AS_INTENDED if same else State.CONFLICTING, f"{tag} on {local.oid[:10]}")


def _remote_tag(there: str | None, commit: Commit | None, tag: str, remote: str) -> Place:
    if there is None:
        return Place("remote tag", State.ABSENT, f"{tag} on {remote}")
    same = commit is not None and there == commit.oid
    return Place("remote tag", State.AS_INTENDED if same else State.CONFLICTING, f"{tag} on {remote}: {there[:10]}")


def _on_index(snapshot: Snapshot, version: Version) -> list[Place]:
    """Return how each distribution stands on the index: compared by its hash where it lies in `dist/` here."""
    from tagready import index

    try:
        listing = index.list_project(snapshot.name)
    except WrongUse as wrong:
        return [Place("index", State.UNVERIFIABLE, wrong.what)]
    if isinstance(listing, str):
        return [Place("index", State.UNVERIFIABLE, listing)]
    ours = _distributions(snapshot)
    listed = {file.name: file.sha256 for file in listing.of(version)}
    places = [_file(name, theirs, ours.get(name)) for name, theirs in sorted(listed.items())]
    return places or [Place("index", State.ABSENT, f"no file of {version}")]


def _distributions(snapshot: Snapshot) -> dict[str, str]:
    folder = snapshot.git.top / snapshot.root / "dist"
    if snapshot.git.bare or not folder.is_dir():
        return {}
    files = (file for file in folder.iterdir() if file.name.endswith((".whl", ".tar.gz", ".zip")))
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in files}


def _file(name: str, theirs: str | None, ours: str | None) -> Place:
    if theirs is None:
        return Place("index", State.UNVERIFIABLE, f"{name}: the index gives no SHA-256")
    if ours is None:
        return Place("index", State.UNVERIFIABLE, f"{name} sha256:{theirs}: not in dist/ here, so nothing to compare")
    state = State.AS_INTENDED if ours == theirs else State.CONFLICTING
    return Place("index", state, f"{name} sha256:{theirs}")


def _conflict(place: Place, tag: str) -> Finding:
    what = f"{place.name}: {place.detail} is not where the release is"
    return finding(
        "tag-exists", what, f"only if nothing was published from it: git tag -d {tag}, here or on the remote"
    )


def _other_bytes(place: Place) -> Finding:
    what = f"the index holds other bytes than dist/ under the same name: {place.detail}"
    return finding("dist-conflict", what, "what is on an index stays there: release the next version")


def _way_on(found: _Found, version: Version, places: Sequence[Place], remote: str | None) -> str:
    """Return the one next command for the first place that is not as intended."""
    states = {place.name: place.state for place in places}
    if found.why_not:
        return "git fetch --unshallow --tags"
    if found.commit is None:
        return f"prepare-release {version}"
    if State.CONFLICTING in states.values():
        return f"tagready verify --commit {found.commit.oid[:10]}"
    if found.waiting:
        return f"merge {found.waiting}, then tagready tag {version}{' --push' if remote else ''}"
    if states["local tag"] is State.ABSENT or states["remote tag"] is State.ABSENT:
        return (
            f"tagready tag {version}{' --push' if remote else ''}"
            if remote or states["local tag"] is State.ABSENT
            else ""
        )
    if states["index"] is State.ABSENT:
        return "re-run the failed jobs of the workflow that the tag started: the index has nothing of it yet"
    return ""
