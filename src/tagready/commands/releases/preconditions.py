"""What must hold before a release is made: every rule, all findings at once."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from packaging.version import Version

from tagready.commands.releases.ground import Ground
from tagready.commands.releases.hanging import hanging
from tagready.commands.releases.history import (
    CutOff,
    Released,
    changelog_path,
    committed_changelog,
    is_typed,
    own_version,
    release_of,
)
from tagready.commands.releases.lineage import release_before
from tagready.commands.releases.refs import tag_of
from tagready.commands.releases.secret_scan import secrets_in
from tagready.commands.releases.snapshot import Snapshot
from tagready.commands.releases.whereabouts import SHALLOW, default_branch
from tagready.doors.git import Git
from tagready.facts import branches, fragments, places, tag_rules, versions
from tagready.facts.changelog import Changelog, find_marker
from tagready.facts.findings import Finding, Level, Report, Skipped, as_warning, finding
from tagready.facts.git_records import PathStatus, RemoteAnswer, Status
from tagready.facts.prepared import Options
from tagready.facts.project import Section
from tagready.facts.versions import parse


def judge(ground: Ground, options: Options) -> Report:
    """Return every finding that stands against the release, and what could not be judged."""
    findings: list[Finding] = [
        *branch_findings(ground.git, ground.status),
        *_clean_findings(ground, options),
        *_tag_findings(ground),
        *_changelog_findings(ground, options),
        *_fragment_findings(ground),
        *identity_findings(ground.git),
    ]
    skipped = []
    if isinstance(ground.answer, str):
        skipped.append(Skipped("tag-exists", ground.answer))
    report = Report(tuple(findings), tuple(skipped))
    return report.and_(_since(ground, options)).and_(branches.judge(branch_facts(ground, options)))


def branch_facts(ground: Ground, options: Options) -> branches.Facts:
    """Return what is known of branches before a release is made."""
    return branches.Facts(
        current=ground.status.branch,
        head=ground.snapshot.commit.oid,
        refs=ground.refs,
        remote=ground.remote,
        default=default_branch(ground.answer),
        patterns=ground.snapshot.config.release_branches,
        contains=lambda tip: ground.git.is_ancestor(tip, ground.snapshot.commit.oid),
        tagging=options.tag,
    )


def identity_findings(git: Git) -> list[Finding]:
    """Return a finding where nobody could be the author of a commit."""
    if git.has_identity():
        return []
    return [
        finding(
            "identity-unknown",
            "git does not know who you are, so nobody could be the author of the commit",
            'git config user.name "Your Name" && git config user.email you@example.org',
        )
    ]


def branch_findings(git: Git, status: Status, what: str = "the release") -> list[Finding]:
    """Return what stands against a commit on the current branch; `what` is what that commit would be."""
    found = []
    if not status.branch:
        found.append(
            finding(
                "head-detached",
                f"HEAD is on no branch, so {what} would belong to none",
                "git switch BRANCH",
            )
        )
    if under_way := git.under_way():
        word = under_way.split()[-1]
        command = {
            "bisection": "git bisect reset",
            "cherry-pick": "git cherry-pick --abort",
            "patches": "git am --continue, or git am --abort",
        }.get(word, f"git {word} --continue, or git {word} --abort")
        found.append(finding("head-detached", f"git is in the middle of {under_way}", command))
    if status.behind:
        commits = f"{status.behind} commit{'s' if status.behind > 1 else ''}"
        found.append(
            finding(
                "branch-behind",
                f"{status.upstream} has {commits} that {status.branch} has not, and {what} would miss",
                " ".join(["git pull", "--rebase" if status.ahead else "--ff-only", *status.to_pull]),
            )
        )
    return found


def _clean_findings(ground: Ground, options: Options) -> list[Finding]:
    """Return what is uncommitted among that which the release touches; other edits don't matter."""
    snapshot, found = ground.snapshot, []
    for item in {item.path: item for item in reversed(ground.status.paths)}.values():
        section = snapshot.news.section_of(item.path)
        if item.path in ground.touched:
            if options.branch is None:
                found.append(uncommitted(item))
        elif section and _is_news(snapshot, section, posixpath.basename(item.path)):
            found.append(_fragment_uncommitted(item))
    found.sort(key=lambda finding: finding.path or "")
    if options.branch is not None:
        return found
    news = () if ground.data.proven else [fragment.path for fragment in ground.fragments]
    found += unwatched_edits(snapshot, [*ground.touched, *news], ground.status)
    return found + ignored_by_git(snapshot, ground.changelog_path, ground.status)


def unwatched_edits(snapshot: Snapshot, paths: Sequence[str], status: Status, by: str = "the release") -> list[Finding]:
    """Return a finding for each file with changes that git is told not to look at, so that its status is silent."""
    known = {item.path for item in status.paths}
    unlike = [path for path in snapshot.unlike(paths) if path not in known]
    unwatched = snapshot.git.unwatched(unlike) if unlike else {}
    return [_unwatched(path, letter, by) for path, letter in unwatched.items()]


def _unwatched(path: str, letter: str, by: str) -> Finding:
    flag = "skip-worktree" if letter in "Ss" else "assume-unchanged"
    what = f"{path} has changes that git is told not to look at ({flag}), which {by} would have to overwrite"
    return finding("tree-dirty", what, f"git update-index --no-{flag} {fragments.quoted(path)}, and run it again", path)


def ignored_by_git(snapshot: Snapshot, path: str, status: Status) -> list[Finding]:
    """Return a finding where a file lies in the working tree that git knows nothing of."""
    known = snapshot.git.entry(snapshot.commit.tree, path) or any(item.path == path for item in status.paths)
    if known or not (snapshot.git.top / path).exists():
        return []
    fix = f"git add --force {path}, and commit"
    return [finding("tree-dirty", f"{path} is there, but git ignores it", fix, path)]


def _is_news(snapshot: Snapshot, section: Section, name: str) -> bool:
    """Return whether a file is a fragment, or was meant to be one."""
    if fragments.ignored_by_towncrier(snapshot.news, name):
        return False
    types = [type_.name for type_ in snapshot.news.types]
    known = fragments.read_name(snapshot.news, section, name)
    return bool(known or fragments.likely_name(name, types, ".md"))


def _fragment_uncommitted(item: PathStatus) -> Finding:
    what = "is not tracked" if item.untracked else "has uncommitted changes"
    return finding(
        "fragment-uncommitted",
        f"{item.path} {what}, and only what is committed is released",
        f"git add {fragments.quoted(item.path)} && git commit, or take it out of the folder",
        item.path,
    )


def uncommitted(item: PathStatus, by: str = "the release") -> Finding:
    """Return the finding that a path has uncommitted changes."""
    path = fragments.quoted(item.path)
    add = f"git add {path} && git commit" if item.untracked else f"git commit {path}"
    drop = f"move {path} away" if item.untracked else f"git restore --staged --worktree {path}"
    what = "is not tracked" if item.untracked else "has uncommitted changes"
    message = f"{item.path} {what}, which {by} would have to overwrite"
    return finding("tree-dirty", message, f"{add}, or {drop}", item.path)


def _since(ground: Ground, options: Options) -> Report:
    """Return what the version, and what changed since the release before, say against this one."""
    snapshot = ground.snapshot
    found = places.judge(snapshot.places, snapshot.texts(snapshot.places))
    before = release_before(snapshot, ground.tags, ground.version, [snapshot.commit.oid])
    newer = tag_rules.not_newer(ground.version, [tag for tag in before.rivals if tag.name != ground.tag])
    cut_off = not newer and snapshot.git.is_shallow()
    if options.version in versions.WORDS and not newer and not cut_off:
        newer = _below_an_entry(ground, options.version)
        if not before.tag and all(found.level is Level.WARNING for found in newer):
            newer = _below_the_stated(ground, options.version)
    found += newer
    if "secret-in-tree" not in options.skip:
        found += secrets_in(snapshot, before.commit, ground.data.contents)
    return Report(tuple(found), (Skipped("version-not-newer", SHALLOW),) if cut_off else ())


def _below_an_entry(ground: Ground, word: str) -> list[Finding]:
    """Return a finding where a word comes to less than an entry: a release that is prepared, or whose tag is elsewhere.

    Whoever wants that, for the branch of an older series, names the version.
    """
    snapshot = ground.snapshot
    versions_ = [entry.version for entry in ground.changelog.own_entries()]
    if not snapshot.news.single_file:
        stated = [version for each in snapshot.stated() if (version := parse(each.version))]
        versions_ += [version for version in stated if committed_changelog(snapshot, version).of(version)]
    newest = max(versions_, default=ground.version)
    if newest <= ground.version:
        return []
    path, tag = changelog_path(snapshot, newest), ground.tags.name(newest)
    released = _released(snapshot, path, newest)
    brought = f" in {released.brought.oid[:10]}" if released else ""
    what = f"{word} comes to {ground.version}, which is below {newest}: {path} has an entry for that"
    if any(ref.name == f"refs/tags/{tag}" for ref in ground.refs):
        what, fix = f"{what}, and {tag} is not among the releases that HEAD comes after", "name the version"
    elif tag_of(ground.git.ask(ground.remote, f"refs/tags/{tag}").answer(), tag):
        what, fix = (
            f"{what}, and {tag} is on {ground.remote}, not here",
            f"git fetch --tags {ground.remote}, and run it again",
        )
    elif released is None or is_typed(released):
        what = f"{what}, typed, not compiled{brought}, and no tag {tag} is here"
        fix = f"if it was released, tag its commit: git tag {tag} COMMIT; else name the version"
        return [as_warning(finding("version-not-newer", what, fix, path))]
    else:
        what = f"{what}, prepared{brought} and not tagged"
        fix = f"tagready tag {newest} --commit {released.brought.oid[:10]}; or, if nobody has it, make it anew with "
        fix += f"what came since: prepare-release {newest} --again; or name the version"
    return [finding("entry-exists", what, fix, path)]


def _released(snapshot: Snapshot, path: str, version: Version) -> Released | None:
    """Return how the version's entry came about; None as well where a shallow clone does not reach back to it."""
    try:
        return release_of(snapshot, path, version)
    except CutOff:
        return None


def _below_the_stated(ground: Ground, word: str) -> list[Finding]:
    """Return a warning where a word counts from nothing, and comes to less than the tree states.

    The tree is never what a word counts from; but most projects without a tag have been released for years.
    """
    stated = [(each.version, each.place.path) for each in ground.snapshot.stated()]
    stated += [(str(entry.version), ground.changelog_path) for entry in ground.changelog.entries]
    above = [(parse(version) or ground.version, version, path) for version, path in stated]
    newest, version, path = max(above, key=lambda each: each[0], default=(ground.version, "", ""))
    if newest <= ground.version:
        return []
    what = f"no release tag is here, so {word} counts from nothing: that is {ground.version}, and {path} has {version}"
    fix = "if it shall be another, name it; or tag the last release first: git tag TAG COMMIT"
    return [as_warning(finding("version-not-newer", what, fix, path))]


def _tag_findings(ground: Ground) -> list[Finding]:
    tag, found = ground.tag, []
    if any(ref.name == f"refs/tags/{tag}" for ref in ground.refs):
        commit = ground.git.commit(f"refs/tags/{tag}")
        where = commit.oid[:10] if commit else "another object"
        found.append(
            finding(
                "tag-exists",
                f"the tag {tag} is here already, on {where}",
                f"name a version that is free; only if {tag} was never pushed nor published: git tag -d {tag}",
            )
        )
    elif isinstance(ground.answer, RemoteAnswer) and f"refs/tags/{tag}" in ground.answer.refs:
        found.append(
            finding(
                "tag-exists",
                f"the tag {tag} is on {ground.remote} already",
                f"git fetch --tags {ground.remote}, and name a version that is free",
            )
        )
    return found


def _changelog_findings(ground: Ground, options: Options) -> list[Finding]:
    path, text, news_ = ground.changelog_path, ground.text, ground.snapshot.news
    if text is None:
        return []
    changelog = ground.changelog
    entries = changelog.of(ground.version)
    if entries or (not news_.single_file and ground.renewed is None):
        line = changelog.line(entries[0].heading) if entries else 1
        return [_entry_exists(ground, options, line)]
    return marker_findings(path, text, changelog, news_.start_string)


def marker_findings(path: str, text: str, changelog: Changelog, start_string: str) -> list[Finding]:
    """Return a finding where towncrier would put the next entry above the changelog's title."""
    first = changelog.entries[0] if changelog.entries else None
    if (
        find_marker(text, start_string)
        or not text.strip()
        or (first and not changelog.text[: first.start].strip("\ufeff \t\n"))
    ):
        return []
    line = text.count("\n") + 1 if text.endswith(start_string.strip()) else 1
    what = "ends in the marker without a newline" if line > 1 else f"has no line {start_string.strip()!r}"
    return [
        finding(
            "changelog-marker-missing",
            f"{path} {what}, so towncrier would put the entry above the title",
            f"write {start_string.strip()!r} and a newline where new entries go, and commit",
            path,
            line,
        )
    ]


def _entry_exists(ground: Ground, options: Options, line: int) -> Finding:
    path, version = ground.changelog_path, ground.version
    released = _released(ground.snapshot, path, version)
    tagged = any(ref.name == f"refs/tags/{ground.tag}" for ref in ground.refs)
    typed = released is not None and is_typed(released)
    how = "typed, not compiled, in" if typed else "brought by"
    whose = f", {how} {released.commits[0].oid[:10]}" if released else ""
    if tagged:
        fix = "name a version that is free"
    elif typed:
        fix = f"write fragments of what it says (tagready add), take it out of {path}, and commit"
    else:
        fix = "tag that commit" + ("" if options.again else f", or make it anew: prepare-release {version} --again")
    return finding("entry-exists", f"{path} has an entry for {version} already{whose}", fix, path, line)


def _fragment_findings(ground: Ground) -> list[Finding]:
    snapshot = ground.snapshot
    found = snapshot.fragment_faults(ground.fragments, ground.data.contents)
    found += hanging(snapshot, ground.fragments, ground.data.contents, str(ground.version), ground.date)
    there = ground.changelog.of(ground.version)
    if not ground.fragments and not there and not snapshot.config.allow_empty:
        directories = ", ".join(section.directory for section in snapshot.news.sections)
        add = "add a fragment and commit it; for a release without news set allow-empty = true in [tool.tagready]"
        prepared, head = own_version(snapshot), snapshot.commit
        if prepared and not any(ref.name == f"refs/tags/{ground.tags.name(prepared)}" for ref in ground.refs):
            # They are in the release that HEAD is, which somebody would rather have had under another number.
            back = f"git reset --keep {head.parents[0][:10]} && prepare-release {ground.version}"
            add = f"{prepared} is prepared in {head.oid[:10]}: tagready tag {prepared}; or take it back: {back}"
        found.append(
            finding(
                "nothing-to-release",
                f"no fragment is committed in {directories}, so there is nothing to say about {ground.version}",
                add
                if snapshot.sources.has_news
                else "tagready init: no file configures towncrier yet, so it takes its defaults",
                directories if "," not in directories else None,
            )
        )
    return found
