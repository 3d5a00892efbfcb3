"""status: what the next release would be, and where a release stands, place by place. Read-only."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from enum import Enum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.version import Version

from tagready.commands import verify
from tagready.commands.prepare import with_defaults
from tagready.commands.releases import preconditions
from tagready.commands.releases.asked import named, version_of_tree
from tagready.commands.releases.forward_ground import command_after
from tagready.commands.releases.ground import Ground, look
from tagready.commands.releases.history import CutOff, changelog_path, release_of
from tagready.commands.releases.lineage import release_before
from tagready.commands.releases.refs import pull_tracked, tag_of, tracked
from tagready.commands.releases.snapshot import Snapshot, take
from tagready.commands.releases.whereabouts import branch_facts, remote_of
from tagready.commands.verify import Verified
from tagready.doors.git import Git
from tagready.facts import branches, prepared, versions
from tagready.facts.findings import Finding, Level, Refused, Report, Trouble, WrongUse, finding
from tagready.facts.git_records import Commit, Ref, RemoteAnswer

# An import that only a run which asks a forge should pay for.
if TYPE_CHECKING:
    from tagready.doors.forge import Forge


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
    last = release_before(snapshot, tags, Version(f"{2**31}!0"), [snapshot.commit.oid]).tag
    cut_off = last is None and git.is_shallow()
    known = not cut_off and not snapshot.config.version_pattern
    ground = look(anything, refs, tags, options._replace(version="0") if cut_off else options)
    pending = tuple(_pending(ground))
    # Where the project names its versions itself, no word comes to one, and none could come to less than an entry.
    asked = options._replace(version=str(ground.version)) if snapshot.config.version_pattern else options
    report = preconditions.judge(ground, asked)
    if not pending:
        report = report.dropping(["nothing-to-release", "tag-exists", "entry-exists", "version-not-newer"])
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
        version=str(ground.version) if known and pending else None,
        decided=ground.decided if known and pending else None,
        report=report,
        command="git fetch --unshallow --tags" if cut_off else _command(ground._replace(snapshot=snapshot), report),
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


def _command(ground: Ground, report: Report) -> str:
    """Return the one next command: release what is pending, or tag what was prepared."""
    snapshot = ground.snapshot
    waits = any(found.rule == "entry-exists" for found in report.findings)
    if ground.fragments and not waits:
        return f"prepare-release {'VERSION' if snapshot.config.version_pattern else 'auto'} --dry-run"
    try:
        version = version_of_tree(snapshot)
        path = changelog_path(snapshot, version)
        released = release_of(snapshot, path, version)
    except (WrongUse, CutOff):
        return ""
    if released is None or any(ref.name == f"refs/tags/{ground.tags.name(version)}" for ref in ground.refs):
        return ""
    topic = _topic(snapshot, ground.refs, released.brought.oid)
    if topic:
        return f"merge {topic}, then tagready tag {version}"
    commit = f" --commit {released.brought.oid[:10]}" if waits or _topic(snapshot, ground.refs) else ""
    return f"tagready tag {version}{commit}"


def _topic(snapshot: Snapshot, refs: Sequence[Ref], commit: str = "") -> str:
    """Return the current branch where it is no release branch, and none of those has the commit; else an empty text."""
    git = snapshot.git
    facts = branch_facts(snapshot, refs, remote_of(snapshot))._replace(current=git.current_branch())
    if not branches.is_topic(facts):
        return ""
    arrived = commit and git.containing(commit, [ref.name for ref in branches.candidates(facts)])
    return "" if arrived else facts.current


class State(StrEnum):
    """How a place stands to a release."""

    ABSENT = "absent"
    AS_INTENDED = "as intended"
    CONFLICTING = "conflicting"
    UNVERIFIABLE = "unverifiable"


class Place(NamedTuple):
    """One place that a release goes to, and how it stands there; on an index, each `file` is one.

    `uncompared` is a file that the index has, and that `dist/` lacks to be compared with.
    """

    name: str
    state: State
    detail: str
    file: str = ""
    uncompared: bool = False


class Way(Enum):
    """What kind of thing the next command of a release is."""

    FETCH = "see more from here"
    ASK = "ask the remote again"
    STEP = "do what no workflow does"
    RERUN = "let the workflow do the rest"
    NOTHING = "leave it: all is done"


class Standing(NamedTuple):
    """Where a release stands, place by place, and the one next command (empty: all is done), which `way` is of.

    `after` is what to do where it was made on a maintenance branch, and the default branch has not its entry yet.
    """

    project: str
    version: str
    tag: str
    commit: str | None
    places: tuple[Place, ...]
    report: Report
    way: Way
    command: str
    after: str | None = None


def standing(git: Git, spelled: str, overlay: Path | None, forge: Forge | None = None) -> Standing:
    """Return where the release of a version, or of a tag, stands; what cannot be asked (offline) is unverifiable.

    The forge, if one is given, is asked for the tag where the remote gives no answer.
    """
    snapshot = take(git, "HEAD", overlay)
    refs = git.refs()
    version, tag = named(snapshot, refs, spelled)
    remote = remote_of(snapshot)
    answer = git.ask(remote, f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}").answer()
    if isinstance(answer, str) and forge:
        answer = _tag_on_forge(forge, tag) or answer
    there = tag_of(answer, tag)
    found = _find(snapshot, refs, version, tag, there)
    local = git.commit(f"refs/tags/{tag}")
    tags = [_local_tag(local, found.commit, tag), _remote_tag(answer, there, found, tag, remote)]
    on_index = _on_index(snapshot, version)
    conflicts = [_conflict(place, tag, remote) for place in tags if place.state is State.CONFLICTING]
    conflicts += [_other_bytes(place) for place in on_index if place.state is State.CONFLICTING]
    places = (*found.places, *tags, *on_index)
    way, command = _way_on(found, version, tag, places, snapshot, remote)
    return Standing(
        project=snapshot.name,
        version=str(version),
        tag=tag,
        commit=found.commit.oid if found.commit else None,
        places=places,
        report=found.report.and_(Report(tuple(conflicts))),
        way=way,
        command=command,
        after=None if command else command_after(snapshot, refs, version, tag),
    )


def _tag_on_forge(forge: Forge, tag: str) -> RemoteAnswer | None:
    """Return what the forge says of a tag; None where it gives no answer either.

    A workflow's checkout keeps no credentials, so git cannot ask a private repository; the forge's token can.
    """
    try:
        commit = forge.commit_of_tag(tag)
    except Trouble:
        return None
    return RemoteAnswer({f"refs/tags/{tag}": commit} if commit else {}, None)


class _Found(NamedTuple):
    """The commit of a release, judged: where its tag is, else where its entry came to HEAD or to the release's branch.

    `waiting` is the branch that it waits on to be merged; `pull` is the tip of the remote's branch where it was merged
    there, and is not here; `fetch` is what to fetch before anything can be said.
    """

    commit: Commit | None
    places: tuple[Place, ...]
    report: Report = Report()
    waiting: str = ""
    fetch: str = ""
    pull: str = ""


def _find(snapshot: Snapshot, refs: Sequence[Ref], version: Version, tag: str, there: str | None) -> _Found:
    git, remote = snapshot.git, remote_of(snapshot)
    tagged = git.commit(f"refs/tags/{tag}")
    if tagged is not None:
        return _judged(snapshot.at(tagged), refs, tag)
    on_remote = None
    if there is not None:
        # With the tag alone, the branches here would be older than what it is on.
        fetch, commit = f"git fetch {remote} --tags", git.commit(there)
        if commit is None:
            return _unknown(f"the tag is on {remote}, on a commit that is not here", fetch)
        on_remote = _judged(snapshot.at(commit), refs, tag)._replace(fetch=fetch)
        if on_remote.report.ok:
            return on_remote
    own = snapshot.config.branch.replace("{version}", str(version))
    known = {ref.name for ref in refs}
    upstream = tracked(git, remote)
    arrived = [upstream] if upstream in known else []
    waiting = [name for name in (f"refs/heads/{own}", f"refs/remotes/{remote}/{own}") if name in known]
    for name in ("HEAD", *arrived, *waiting):
        commit = git.commit(name)
        project = snapshot.at(commit) if commit else snapshot
        try:
            released = release_of(project, changelog_path(project, version), version)
        except CutOff as cut:
            return _unknown(cut.what, cut.fix)
        if released is None:
            continue
        topic = _topic(snapshot, refs, released.brought.oid) if name == "HEAD" else ""
        here = _judged(project, refs, tag, waiting=own if name in waiting else topic)
        brought = _judged(snapshot.at(released.brought), refs, tag, waiting=here.waiting)
        # What was merged since, or the version of the next one, is no part of the release.
        chosen = brought if brought.report.ok and not here.report.ok else here
        return chosen._replace(pull=project.commit.oid if name in arrived else "")
    return on_remote or _Found(None, (Place("commit", State.ABSENT, ""), Place("entry", State.ABSENT, "")))


def _unknown(why: str, fetch: str) -> _Found:
    return _Found(None, (Place("commit", State.UNVERIFIABLE, why), Place("entry", State.UNVERIFIABLE, "")), fetch=fetch)


def _judged(snapshot: Snapshot, refs: Sequence[Ref], tag: str, waiting: str = "") -> _Found:
    """Return a commit as the release's, with the places commit and entry, and the gate's verdict on them."""
    commit = snapshot.commit
    waits = f", on {waiting}" if waiting else ""
    what = f'{commit.oid[:10]} "{commit.message.split(chr(10), 1)[0]}"{waits}'
    try:
        verified = verify.judge_tag(snapshot, refs, tag, verify.Options(), to_be_tagged=not waiting)
    except Refused as refused:
        places = Place("commit", State.CONFLICTING, what), Place("entry", State.ABSENT, "")
        return _Found(commit, places, refused.report, waiting)
    report = verified.report
    state = State.AS_INTENDED if report.ok else State.CONFLICTING
    return _Found(commit, (Place("commit", state, what), _entry(verified)), report, waiting)


def _entry(verified: Verified) -> Place:
    judged = verified.judged
    entries = judged.changelog.of(Version(verified.version))
    if not entries:
        return Place("entry", State.ABSENT, f"none in {judged.path}")
    lines = ", ".join(f"{judged.path}:{judged.changelog.line(entry.heading)}" for entry in entries)
    errors = (found.rule for found in verified.report.findings if found.level is Level.ERROR)
    wrong = any(rule.startswith(("entry-", "fragment")) for rule in errors)
    return Place("entry", State.CONFLICTING if wrong else State.AS_INTENDED, lines)


def _local_tag(local: Commit | None, commit: Commit | None, tag: str) -> Place:
    if local is None:
        return Place("local tag", State.ABSENT, tag)
    same = commit is not None and local.oid == commit.oid
    return Place("local tag", State.AS_INTENDED if same else State.CONFLICTING, f"{tag} on {local.oid[:10]}")


def _remote_tag(
    answer: RemoteAnswer | str, there: str | None, found: _Found, tag: str, remote: str | None
) -> Place:  # fmt: skip
    if isinstance(answer, str):
        return Place("remote tag", State.UNVERIFIABLE if remote else State.ABSENT, answer)
    if there is None:
        return Place("remote tag", State.ABSENT, f"{tag} on {remote}")
    what = f"{tag} on {remote}: {there[:10]}"
    if found.commit is None:
        return Place("remote tag", State.UNVERIFIABLE, f"{what}, which is not here")
    return Place("remote tag", State.AS_INTENDED if there == found.commit.oid else State.CONFLICTING, what)


def _on_index(snapshot: Snapshot, version: Version) -> list[Place]:
    """Return how each distribution stands on the index: compared by its hash where it lies in `dist/` here."""
    from tagready.doors import index

    try:
        listing = index.list_project(snapshot.name)
    except WrongUse as wrong:
        return [Place("index", State.UNVERIFIABLE, wrong.what)]
    if isinstance(listing, index.NotListed):
        return [Place("index", State.UNVERIFIABLE, listing.why)]
    ours = _distributions(snapshot, version)
    listed = {file.name: file.sha256 for file in listing.of(version)}
    places = [_file(name, listed, ours) for name in sorted(listed.keys() | ours.keys())]
    return places if listed else [Place("index", State.ABSENT, f"no file of {version}")]


def _distributions(snapshot: Snapshot, version: Version) -> dict[str, str]:
    """Return the distributions of the version that lie in `dist/`, with their SHA-256."""
    from tagready.doors.distributions import sha256_of
    from tagready.facts.publishing.dist_names import version_of

    folder = snapshot.git.top / snapshot.root / "dist"
    files = [] if snapshot.git.bare or not folder.is_dir() else sorted(folder.iterdir())
    chosen = [file for file in files if version_of(file.name, snapshot.name) == str(version)]
    return {file.name: sha256_of(file) for file in chosen}


def _file(name: str, listed: Mapping[str, str | None], ours: Mapping[str, str]) -> Place:
    if name not in listed:
        return Place("index", State.ABSENT, f"{name}, which is in dist/", name)
    theirs = listed[name]
    if theirs is None:
        return Place("index", State.UNVERIFIABLE, f"{name}: the index gives no SHA-256", name)
    if name not in ours:
        what = f"{name} sha256:{theirs}: not in dist/ here, so nothing to compare"
        return Place("index", State.UNVERIFIABLE, what, name, uncompared=True)
    state = State.AS_INTENDED if ours[name] == theirs else State.CONFLICTING
    return Place("index", state, f"{name} sha256:{theirs}", name)


def _conflict(place: Place, tag: str, remote: str | None) -> Finding:
    drop = f"git tag -d {tag}" if place.name == "local tag" else f"git push {remote} :refs/tags/{tag}"
    what = f"{place.name}: {place.detail} is not where the release is"
    return finding("tag-exists", what, f"release the next version; only if nothing was published from it: {drop}")


def _other_bytes(place: Place) -> Finding:
    what = f"the index holds other bytes than dist/ under the same name: {place.detail}"
    return finding("dist-conflict", what, "what is on an index stays there: release the next version")


def _way_on(
    found: _Found, version: Version, tag: str, places: Sequence[Place], snapshot: Snapshot, remote: str | None
) -> tuple[Way, str]:  # fmt: skip
    """Return the one next command for the first place that is not as intended, and what kind of thing it is."""
    states: dict[str, set[State]] = {}
    for place in places:
        states.setdefault(place.name, set()).add(place.state)
    if found.fetch:
        return Way.FETCH, found.fetch
    if found.commit is None:
        return Way.STEP, f"prepare-release {version}"
    commit = found.commit.oid[:10]
    if State.CONFLICTING in states["commit"] | states["entry"]:
        return Way.STEP, f"tagready verify {tag} --commit {commit}"
    if State.CONFLICTING in states["local tag"] | states["remote tag"] | states["index"]:
        news = "" if snapshot.survey.fragments else "tagready add, and commit; then "
        return Way.STEP, f"{news}prepare-release {versions.after(version)}"
    push = " --push" if remote else ""
    if found.waiting:
        return Way.STEP, f"merge {found.waiting}, then tagready tag {version}{push}"
    if State.ABSENT in states["local tag"] or (remote and State.ABSENT in states["remote tag"]):
        first = f"{pull_tracked(snapshot.git, remote)}, then " if remote and found.pull else ""
        where = "" if found.commit.oid == (found.pull or snapshot.commit.oid) else f" --commit {commit}"
        return Way.STEP, f"{first}tagready tag {version}{where}{push}"
    if remote and State.UNVERIFIABLE in states["remote tag"] and State.AS_INTENDED not in states["index"]:
        return Way.ASK, f"ask again when {remote} answers: tagready status {version}"
    if State.ABSENT in states["index"]:
        lacks = "nothing of it yet" if states["index"] == {State.ABSENT} else "not all of its files"
        if not _workflow_publishes(snapshot, found.commit):
            return Way.STEP, f"tagready build {tag}, then tagready publish: the index has {lacks}"
        workflow = "re-run the failed jobs of the workflow that the tag started (or tagready publish)"
        return Way.RERUN, f"{workflow}: the index has {lacks}"
    return Way.NOTHING, ""


def _workflow_publishes(snapshot: Snapshot, commit: Commit) -> bool:
    """Return whether the tag of a commit starts a workflow that uploads."""
    from tagready.facts.actions.workflows import read_workflow

    folder = ".github/workflows"
    for name in snapshot.git.listing(commit.tree, folder):
        text = (snapshot.git.read(commit.tree, f"{folder}/{name}") or b"").decode("utf-8", "replace")
        with suppress(ValueError):  # what GitHub cannot read does nothing
            if name.endswith((".yml", ".yaml")) and read_workflow(text).publishes_tags:
                return True
    return False


class Recovery(NamedTuple):
    """What the recovery card of a release tells: where it stands, or the problem because of which nobody knows.

    `jobs` are those of the workflow's run, with how each ended, and `run` is the run's page; both may be unknown.
    """

    name: str
    standing: Standing | None
    problem: Exception | None
    on_forge: Place | None
    jobs: tuple[tuple[str, str], ...]
    run: str


def recovery(directory: Path, name: str, overlay: Path | None) -> Recovery:
    """Return what the recovery card of a version or a tag tells; whatever goes wrong is told by the card, too."""
    from tagready.doors import forge, git

    here = forge.here()
    known = None if isinstance(here, str) else here
    found, problem = None, None
    try:
        repository = git.discover(directory)
        try:
            found = standing(repository, name, overlay, known)
        finally:
            repository.close()
    except Exception as error:
        problem = error
    on_forge = _on_forge(known, found.tag if found else name) if known else None
    return Recovery(name, found, problem, on_forge, _jobs_of_run(), _page_of_run())


def _on_forge(forge: Forge, tag: str) -> Place:
    """Return how the tag's release on GitHub stands."""
    try:
        found = sorted((release for release in forge.releases() if release.tag == tag), key=lambda each: each.draft)
    except Exception as error:
        why = error.what if isinstance(error, Trouble) else type(error).__name__
        return Place(FORGE, State.UNVERIFIABLE, why)
    if not found:
        return Place(FORGE, State.ABSENT, "none is public; drafts are only shown to a token that may write")
    draft = found[0].draft
    return Place(FORGE, State.ABSENT if draft else State.AS_INTENDED, f"{'a draft: ' * draft}{found[0].url}")


#: What the place is called where a forge keeps a release.
FORGE = "GitHub release"


def _jobs_of_run() -> tuple[tuple[str, str], ...]:
    """Return the jobs that came before this one, and how each ended: NEEDS is the `needs` of a workflow, as JSON."""
    import json

    try:
        needs = json.loads(os.environ.get("NEEDS", "{}"))
        return tuple((str(name), str(job["result"])) for name, job in needs.items())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ()


def _page_of_run() -> str:
    known = [os.environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    return f"{known[0]}/{known[1]}/actions/runs/{known[2]}" if all(known) else ""
