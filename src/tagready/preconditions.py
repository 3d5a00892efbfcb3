"""What must hold before a release is made: every rule, all findings at once."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Sequence

from tagready import branches, fragments, news, places
from tagready.changelog import split_at_marker
from tagready.findings import RULES, Finding, Report, Skipped, WrongUse, finding
from tagready.fragments import Fragment
from tagready.git import RemoteAnswer
from tagready.ground import Ground, scratch_folder, touched
from tagready.prepared import Options
from tagready.snapshot import FragmentData


def check_skips(skip: Sequence[str]) -> None:
    """Raise WrongUse for a rule that does not exist, or that may not be skipped."""
    for rule in skip:
        if rule not in RULES:
            from difflib import get_close_matches

            close = get_close_matches(rule, RULES, n=1)
            raise WrongUse(f"there is no rule {rule}", f"did you mean {close[0]}?" if close else "see docs/findings.md")
        if not RULES[rule].policy:
            policies = ", ".join(slug for slug in RULES if RULES[slug].policy)
            raise WrongUse(
                f"{rule} cannot be skipped: without it the result would be undefined",
                f"only these can: {policies}",
            )


def judge(ground: Ground, options: Options) -> Report:
    """Return every finding that stands against the release, and what could not be judged."""
    findings: list[Finding] = [
        *_branch_findings(ground),
        *_clean_findings(ground, options),
        *_version_findings(ground),
        *_tag_findings(ground),
        *_changelog_findings(ground, options),
        *_fragment_findings(ground),
    ]
    if not ground.git.has_identity():
        findings.append(
            finding(
                "identity-unknown",
                "git does not know who you are, so nobody could be the author of the release",
                'git config user.name "Your Name" && git config user.email you@example.org',
            )
        )
    skipped = []
    if isinstance(ground.answer, str):
        skipped.append(Skipped("tag-exists", f"on the remote: {ground.answer}"))
    allowed = branches.judge(_branch_facts(ground))
    return Report((*findings, *allowed.findings), (*skipped, *allowed.skipped))


def _branch_facts(ground: Ground) -> branches.Facts:
    answer = ground.answer
    return branches.Facts(
        current=ground.status.branch,
        head=ground.snapshot.commit.oid,
        refs=ground.refs,
        remote=ground.remote,
        remote_head=answer.head if isinstance(answer, RemoteAnswer) else None,
        patterns=ground.snapshot.config.release_branches,
        contains=lambda tip: ground.git.is_ancestor(tip, ground.snapshot.commit.oid),
    )


def _branch_findings(ground: Ground) -> list[Finding]:
    status, found = ground.status, []
    if not status.branch:
        found.append(
            finding(
                "head-detached",
                "HEAD is on no branch, so the release would belong to none",
                "git switch BRANCH",
            )
        )
    if under_way := ground.git.under_way():
        word = under_way.split()[-1]
        command = {"bisection": "git bisect reset", "cherry-pick": "git cherry-pick --abort"}.get(
            word, f"git {word} --continue, or git {word} --abort"
        )
        found.append(finding("head-detached", f"git is in the middle of {under_way}", command))
    if status.behind:
        commits = f"{status.behind} commit{'s' if status.behind > 1 else ''}"
        found.append(
            finding(
                "branch-behind",
                f"{status.upstream} has {commits} that {status.branch} has not, and the release would miss",
                "git pull --rebase" if status.ahead else "git pull --ff-only",
            )
        )
    return found


def _clean_findings(ground: Ground, options: Options) -> list[Finding]:
    """Return what is uncommitted among that which the release touches; other edits don't matter."""
    snapshot, found = ground.snapshot, []
    directories = {section.directory: section for section in snapshot.news.sections}
    for item in ground.status.paths:
        folder, name = posixpath.split(item.path)
        if folder in directories:
            fragment = fragments.read_name(snapshot.news, directories[folder], name)
            ignored = fragments.ignored_by_towncrier(snapshot.news, name)
            types = [type_.name for type_ in snapshot.news.types]
            if not ignored and (fragment or fragments.likely_name(name, types, ".md")):
                found.append(_uncommitted(item.path, untracked=item.untracked))
        elif item.path in touched(snapshot, str(ground.version), ground.date) and options.branch is None:
            found.append(dirty(item.path))
    path = ground.changelog_path
    there = (ground.git.top / path).exists() and options.branch is None
    if there and snapshot.read(path) is None and not any(item.path == path for item in ground.status.paths):
        found.append(
            finding(
                "tree-dirty",
                f"{path} is there, but git ignores it",
                f"git add --force {path}, and commit",
                path,
            )
        )
    return found


def _uncommitted(path: str, *, untracked: bool) -> Finding:
    what = "is not tracked" if untracked else "has uncommitted changes"
    return finding(
        "fragment-uncommitted",
        f"{path} {what}, and only what is committed is released",
        f"git add {shlex.quote(path)} && git commit, or take it out of the folder",
        path,
    )


def dirty(path: str) -> Finding:
    """Return the finding that a path has uncommitted changes."""
    return finding(
        "tree-dirty",
        f"{path} has uncommitted changes, which the release would have to overwrite",
        f"git commit {shlex.quote(path)}, or git restore --staged --worktree {shlex.quote(path)}",
        path,
    )


def _version_findings(ground: Ground) -> list[Finding]:
    """Return a finding where a release tag reachable from HEAD is not older; asks git only for tags that could be."""
    snapshot = ground.snapshot
    found = places.judge(snapshot.places, snapshot.texts(snapshot.places))
    rivals = {f"refs/tags/{tag.name}": tag for tag in ground.tags.releases if tag.version >= ground.version}
    here = ground.git.reachable(rivals, snapshot.commit.oid)
    newest = next((tag for name, tag in rivals.items() if name in here), None)
    if newest is not None and newest.name != ground.tag:
        found.append(
            finding(
                "version-not-newer",
                f"{ground.version} is not newer than {newest.name}, which this branch has released already",
                f"prepare-release auto, or a version above {newest.version}",
            )
        )
    return found


def _tag_findings(ground: Ground) -> list[Finding]:
    tag, found = ground.tag, []
    if any(ref.name == f"refs/tags/{tag}" for ref in ground.refs):
        commit = ground.git.commit(f"refs/tags/{tag}")
        where = commit.oid[:10] if commit else "another object"
        found.append(
            finding(
                "tag-exists",
                f"the tag {tag} is here already, on {where}",
                f"release the next version; only if {tag} was never pushed nor published: git tag -d {tag}",
            )
        )
    elif isinstance(ground.answer, RemoteAnswer) and f"refs/tags/{tag}" in ground.answer.refs:
        found.append(
            finding(
                "tag-exists",
                f"the tag {tag} is on {ground.remote} already",
                f"git fetch --tags {ground.remote}, and release the next version",
            )
        )
    return found


def _changelog_findings(ground: Ground, options: Options) -> list[Finding]:
    path, text, news_ = ground.changelog_path, ground.old_text, ground.snapshot.news
    if text is None:
        return []
    changelog = ground.snapshot.changelog(text)
    entries = changelog.of(ground.version)
    if entries or not news_.single_file:
        line = changelog.line(entries[0].heading) if entries else 1
        again = (
            ""
            if options.again
            else f"; to make it anew, as it was never tagged: prepare-release {ground.version} --again"
        )
        return [
            finding(
                "entry-exists",
                f"{path} has an entry for {ground.version} already",
                f"tag the commit that brought it{again}",
                path,
                line,
            )
        ]
    marker = split_at_marker(text, news_.start_string)
    first = changelog.entries[0] if changelog.entries else None
    if marker.found or not text.strip() or (first and not changelog.text[: first.start].strip("\ufeff \t\n")):
        return []
    line = text.count("\n") + 1 if text.endswith(news_.start_string.strip()) else 1
    what = "ends in the marker without a newline" if line > 1 else f"has no line {news_.start_string.strip()!r}"
    return [
        finding(
            "changelog-marker-missing",
            f"{path} {what}, so towncrier would put the entry above the title",
            f"write {news_.start_string.strip()!r} and a newline where new entries go, and commit",
            path,
            line,
        )
    ]


def _fragment_findings(ground: Ground) -> list[Finding]:
    snapshot = ground.snapshot
    found = list(snapshot.survey.findings)
    for fragment in ground.fragments:
        found += fragments.judge_text(snapshot.news, fragment, ground.data.contents[fragment.path])
    found += _hanging(ground)
    if not ground.fragments and not snapshot.config.allow_empty:
        directories = ", ".join(section.directory for section in snapshot.news.sections)
        found.append(
            finding(
                "nothing-to-release",
                f"no fragment is committed in {directories}, so there is nothing to say about {ground.version}",
                "add a fragment and commit it; for a release without news set allow-empty = true in [tool.tagready]",
                directories if "," not in directories else None,
            )
        )
    return found


def _hanging(ground: Ground) -> list[Finding]:
    """Return a finding for each fragment on which towncrier really does not come to an end; bounded in time."""
    found = []
    snapshot = ground.snapshot
    for fragment in ground.fragments:
        content = ground.data.contents[fragment.path]
        if not fragments.may_hang(snapshot.news, content.decode("utf-8", "replace")):
            continue
        with scratch_folder() as scratch:
            folder = snapshot.export(FragmentData({fragment.path: content}, proven=False), scratch)
            try:
                news.render(snapshot.order(folder, str(ground.version), ground.date), news.PROBE_SECONDS)
            except news.DidNotEnd:
                found.append(_hangs(fragment, content.decode("utf-8", "replace")))
    return found


def _hangs(fragment: Fragment, text: str) -> Finding:
    line = next((number for number, line in enumerate(text.splitlines(), 1) if line.rstrip().endswith("::")), 1)
    return finding(
        "fragment-hangs",
        f"towncrier does not come to an end on {fragment.path}: a code block that text follows makes it try "
        "exponentially many ways to read the block",
        "write the block with `.. code-block::` (no `::` at the end of a sentence), or shorten it, and commit",
        fragment.path,
        line,
    )
