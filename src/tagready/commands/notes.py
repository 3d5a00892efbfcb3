"""notes: a release's entry without its heading, as written or as Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tagready.commands.releases.asked import asked_commit, asked_tag, version_of_tag, version_of_tree
from tagready.commands.releases.history import changelog_path, committed_changelog
from tagready.commands.releases.snapshot import take
from tagready.doors.git import Git
from tagready.facts import gate
from tagready.facts.changelog import Changelog
from tagready.facts.findings import Refused, Report


class Notes(NamedTuple):
    """What is published with a release: the entry's body, and where it was read."""

    project: str
    version: str
    tag: str
    commit: str
    changelog: str
    text: str


def notes(git: Git, tag: str | None, overlay: Path | None, *, as_markdown: bool) -> Notes:
    """Return the notes of a tag (None: of the tag on HEAD, else of what HEAD states).

    Raises Refused where there is no such tag, or the changelog has not exactly one entry that says something.
    """
    refs = git.refs()
    name = tag or asked_tag(git)
    commit = asked_commit(git, refs, name, None if name else "HEAD")
    snapshot = take(git, commit.oid, overlay)
    version = version_of_tag(snapshot, refs, name) if name else version_of_tree(snapshot)
    changelog, path = committed_changelog(snapshot, version), changelog_path(snapshot, version)
    release = gate.Release(version, path, changelog, (), None, False, (), 0, again=f"prepare-release {version}")
    report = gate.judge(release)
    if not report.ok:
        raise Refused(report=Report(tuple(found for found in report.findings if found.rule.startswith("entry-"))))
    return Notes(
        project=snapshot.name,
        version=str(version),
        tag=name or snapshot.tags(refs).name(version),
        commit=commit.oid,
        changelog=path,
        text=_body(changelog, release, as_markdown=as_markdown and not snapshot.news.markdown) + "\n",
    )


def _body(changelog: Changelog, release: gate.Release, *, as_markdown: bool) -> str:
    body = changelog.body(changelog.of(release.version)[0])
    if not as_markdown:
        return body
    from tagready.facts.markdown import to_markdown

    return to_markdown(body).rstrip("\n")
