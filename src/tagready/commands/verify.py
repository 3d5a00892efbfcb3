"""verify: the tag gate, on the tagged commit's tree and history; offline, and never from the working tree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.version import Version

from tagready.commands.releases import proof
from tagready.commands.releases.asked import (
    asked_commit,
    asked_tag,
    no_tag,
    other_tags,
    read_tag,
    version_of_tree,
)
from tagready.commands.releases.history import recorded_skips
from tagready.commands.releases.lineage import release_before
from tagready.commands.releases.proof import Judged
from tagready.commands.releases.secret_scan import secrets_in
from tagready.commands.releases.snapshot import Snapshot, take
from tagready.commands.releases.whereabouts import SHALLOW, branch_facts, remote_of
from tagready.doors.git import Git
from tagready.facts import branches, tag_rules
from tagready.facts.findings import Finding, Refused, Report, Skipped, Trouble, check_skips, finding
from tagready.facts.git_records import Commit, Ref
from tagready.facts.tags import Tags

if TYPE_CHECKING:
    from tagready.facts.publishing.release_file import ReleasedFile


class Options(NamedTuple):
    """What was asked for on the command line."""

    tag: str | None = None
    commit: str | None = None
    dist: Path | None = None
    ask_index: bool = False
    strict: bool = False
    skip: tuple[str, ...] = ()


class Verified(NamedTuple):
    """What the tag gate says of a release, and what it looked at.

    `tag` need not exist; `since` is the release before this one, and `branch` a release branch that has the commit.
    """

    project: str
    version: str
    tag: str
    commit: str
    report: Report
    judged: Judged
    since: str | None
    branch: str | None
    tagged: bool
    files: tuple[ReleasedFile, ...] = ()

    def facts(self) -> list[tuple[str, str]]:
        """Return what is known of the release, as (word, sentence)."""
        judged = self.judged
        where = "on" if self.tagged else "would be on"
        found = [("tag", f"{self.tag} {where} {self.commit[:10]}")]
        if judged.entry is not None:
            line = judged.changelog.line(judged.entry.heading)
            found.append(
                ("entry", f"{judged.path}:{line}" + (f", dated {judged.entry.date}" if judged.entry.date else ""))
            )
        if judged.released is not None:
            brought = judged.released.brought
            found.append(("brought", f'by {brought.oid[:10]} "{brought.message.split(chr(10), 1)[0]}"'))
        found += [("proof", judged.proof)] if judged.proof else []
        found += [("hidden", f"on purpose: {', '.join(judged.hidden)}")] if judged.hidden else []
        found += [("branch", self.branch)] if self.branch else []
        found += [("since", self.since)] if self.since else []
        return found + ([("files", ", ".join(file.name for file in self.files))] if self.files else [])


def verify(git: Git, options: Options, overlay: Path | None) -> Verified:
    """Return the tag gate's verdict; raise Refused where there is no such tag, WrongUse where nothing can be judged."""
    check_skips(options.skip)
    refs = git.refs()
    name = options.tag or (None if options.commit else asked_tag(git))
    if name is None and options.commit is None:
        raise Refused(no_tag(git))
    commit = asked_commit(git, refs, name, options.commit)
    snapshot = take(git, commit.oid, overlay)
    try:
        return judge_tag(snapshot, refs, name, options)
    except (Refused, Trouble) as problem:
        problem.about = {"project": snapshot.name, "tag": name, "commit": commit.oid}
        raise


def judge_tag(
    snapshot: Snapshot, refs: Sequence[Ref], name: str | None, options: Options, *, to_be_tagged: bool = False
) -> Verified:
    """Return the tag gate's verdict on a commit under the name of a tag, which need not exist yet.

    Where there is no tag (a release pull request is judged), nothing is asked of branches, unless the commit is to be
    tagged right now.
    """
    tags = other_tags(snapshot, refs, name)
    if name is None:
        version, report = version_of_tree(snapshot), Report()
        name = tags.name(version)
    else:
        version, report = read_tag(snapshot, tags, name)
    existing = snapshot.git.commit(f"refs/tags/{name}")
    tagged = existing is not None and existing.oid == snapshot.commit.oid
    if existing is not None and not tagged:
        report = report.and_(Report((_elsewhere(name, existing, snapshot.commit),)))
    # A tag of another shape may be another project's, in the same repository.
    untag = f"if nobody has {name} yet: git tag -d {name} && " if tagged and report.ok else ""
    judged = proof.judge(
        snapshot, version, again=f"{untag}prepare-release {version} --again",
        ask=f"tagready verify {name if tagged else f'--commit {snapshot.commit.oid[:10]}'}", skip=options.skip,
    )  # fmt: skip
    before = release_before(snapshot, tags, version)
    where, held_by = _on_branch(snapshot, refs, tags)
    if not tagged and not to_be_tagged:
        where = Report()
    newer = Report(tuple(tag_rules.not_newer(version, before.rivals)))
    if snapshot.git.is_shallow() and newer.ok:
        newer = Report(skipped=(Skipped("version-not-newer", SHALLOW),))
    report = report.and_(where).and_(newer).and_(judged.report).and_(Report(snapshot.survey.findings))
    if "secret-in-tree" not in options.skip:
        report = report.and_(_secrets(snapshot, before.commit, strict=options.strict))
    files: tuple[ReleasedFile, ...] = ()
    if options.dist is not None:
        found, files = _distributions(snapshot, version, options.dist)
        report = report.and_(found)
    if options.ask_index:
        report = report.and_(_on_index(snapshot, version, held_by, files))
    if options.strict:
        # What somebody set aside on purpose stays set aside; what could not be judged does not.
        aside = {*options.skip, *(recorded_skips(judged.released) if judged.released else ())}
        kept = Report(tuple(found for found in report.findings if found.rule in aside))
        report = report.dropping(aside).strictly().and_(kept)
    report = proof.setting_aside(report, judged.released).without(options.skip)
    since = before.tag.name if before.tag else None
    branch = held_by[0] if held_by else None
    return Verified(
        snapshot.name, str(version), name, snapshot.commit.oid, report, judged, since, branch, tagged, files
    )


def _secrets(snapshot: Snapshot, since: Commit | None, *, strict: bool) -> Report:
    """Return the secrets in what changed since the release before; in the whole tree if that is asked, or unknown."""
    found = secrets_in(snapshot, None if strict else since)
    if found and since is None and not strict and snapshot.git.is_shallow():
        reason = f"the tree has one, but whether it is new cannot be known: {SHALLOW}"
        return Report(skipped=(Skipped("secret-in-tree", reason),))
    return Report(found)


def _elsewhere(name: str, existing: Commit, commit: Commit) -> Finding:
    return finding(
        "tag-exists",
        f"the tag {name} is here already, on {existing.oid[:10]}, not on {commit.oid[:10]}",
        f"release another version; only if nothing was published from it: git tag -d {name}",
    )


def _on_branch(snapshot: Snapshot, refs: Sequence[Ref], tags: Tags) -> tuple[Report, list[str]]:
    """Return a finding where no release branch has the commit, and the branches that have it, series last."""
    git, commit = snapshot.git, snapshot.commit
    remote = remote_of(snapshot)
    known = branches.candidates(branch_facts(snapshot, refs, remote))
    containing = [_short(name, remote) for name in git.containing(commit.oid, [ref.name for ref in known])]
    if containing:
        return Report(), sorted(dict.fromkeys(containing), key=branches.is_series)
    if not known:
        reason = "no release branch is known here: git fetch, or set release-branches"
    elif git.is_shallow():
        reason = SHALLOW
    elif _is_old(git, tags, commit):
        reason = "no release branch here has it, but it is an old release: its branch may be gone"
    else:
        return Report((_off_branch(known, remote, commit),)), []
    return Report(skipped=(Skipped("tag-not-on-branch", reason),)), []


def _short(ref: str, remote: str | None) -> str:
    return ref.removeprefix("refs/heads/").removeprefix(f"refs/remotes/{remote}/")


def _distributions(snapshot: Snapshot, version: Version, dist: Path) -> tuple[Report, tuple[ReleasedFile, ...]]:
    """Return what is wrong with the distributions in a folder as those of this commit, and what they are."""
    from tagready.doors.checkout import tracked
    from tagready.doors.release_folder import described_by, distributions_in, judge_distributions, unlike_release
    from tagready.facts.publishing.dist_rules import Expected
    from tagready.facts.publishing.generated import crlf_by_attributes, generated_by_attributes, generated_by_settings

    paths = distributions_in(dist)
    attributes = (snapshot.read(snapshot.sources.path(".gitattributes")) or b"").decode("utf-8", "replace")
    generated = generated_by_settings(snapshot.sources.pyproject) | generated_by_attributes(attributes)
    expected = Expected(
        snapshot.name, version, folder=str(dist),
        tracked=tracked(snapshot.git, snapshot.commit, snapshot.root),
        generated=generated | set(snapshot.config.dist_generated),
        crlf=crlf_by_attributes(attributes),
        allow_secrets=snapshot.config.allow_secrets,
    )  # fmt: skip
    report = judge_distributions(paths, expected)
    return report.and_(unlike_release(dist, snapshot.commit.oid)), tuple(described_by(path) for path in paths)


def _on_index(snapshot: Snapshot, version: Version, held_by: Sequence[str], files: Sequence[ReleasedFile]) -> Report:
    from tagready.doors import index
    from tagready.facts.publishing import index_rules

    listing = index.list_project(snapshot.name)
    if isinstance(listing, index.NotListed):
        return Report(skipped=(Skipped("version-not-newer", listing.why),))
    listed = {file.name: file.sha256 for file in listing.of(version)}
    if listed and files:
        return index_rules.same_release(version, files, listed)
    series = held_by[0] if held_by and branches.is_series(held_by[0]) else None
    return index_rules.judge(version, list(listed), listing.finals(), series)


def _is_old(git: Git, tags: Tags, commit: Commit) -> bool:
    """Return whether a release was made after this commit."""
    times = git.text("for-each-ref", "--format=%(refname) %(creatordate:unix)", "refs/tags").split("\n")
    made = dict(line.rsplit(" ", 1) for line in times if " " in line)
    return any(int(made.get(f"refs/tags/{tag.name}") or 0) > commit.committer_time for tag in tags.releases)


def _off_branch(known: Sequence[Ref], remote: str | None, commit: Commit) -> Finding:
    names = dict.fromkeys(_short(ref.name, remote) for ref in known)
    some = ", ".join(list(names)[:3]) + (" …" if len(names) > 3 else "")
    fetch = f"git fetch {remote}, and where that does not help, " if remote else ""
    return finding(
        "tag-not-on-branch",
        f"no release branch ({some}) has {commit.oid[:10]}; a squash or a rebase puts another commit there",
        f"{fetch}tag the commit that arrived: tagready tag --commit COMMIT",
    )
