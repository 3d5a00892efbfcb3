"""Which tag, commit or version is meant: as it was asked for, as the run has it, or as a tree states it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from packaging.version import Version

from tagready.commands.releases.history import committed_changelog
from tagready.commands.releases.snapshot import Snapshot, take
from tagready.doors.git import Git
from tagready.facts import tag_rules, versions
from tagready.facts.findings import Finding, Refused, Report, WrongUse, finding
from tagready.facts.git_records import Commit, Ref
from tagready.facts.tags import Tags, read_tags
from tagready.facts.versions import parse


def asked_tag(git: Git, *, releases_only: bool = False) -> str | None:
    """Return the tag that the workflow runs for, else the release tag on HEAD (or any other); None without one."""
    if os.environ.get("GITHUB_REF_TYPE") == "tag" and os.environ.get("GITHUB_REF_NAME"):
        return os.environ["GITHUB_REF_NAME"]
    head = git.commit("HEAD")
    if head is None:
        raise WrongUse("the repository has no commit yet", "git add . && git commit, then try again")
    here = git.text("for-each-ref", f"--points-at={head.oid}", "--format=%(refname)", "refs/tags").split("\n")
    names = [name.removeprefix("refs/tags/") for name in here if name]
    tags = take(git, "HEAD").tags([Ref(f"refs/tags/{name}", head.oid, "") for name in names])
    others = [] if releases_only else names
    return tags.releases[0].name if tags.releases else next(iter(others), None)


def no_tag(git: Git) -> Finding:
    """Return the finding that nothing was asked for, and no tag is on HEAD."""
    head = git.commit("HEAD")
    return finding(
        "tag-missing",
        f"no tag is on HEAD ({head.oid[:10] if head else ''}), so there is nothing to verify",
        "name one: tagready verify v1.4.0; or judge the commit before it is tagged: tagready verify --commit HEAD",
    )


def asked_commit(git: Git, refs: Sequence[Ref], name: str | None, revision: str | None) -> Commit:
    """Return the commit of a revision, else of a tag; raise WrongUse or Refused where that is not here."""
    tagged = git.commit(f"refs/tags/{name}") if name else None
    if revision is None:
        if tagged is None:
            raise Refused(missing(git, refs, str(name)))
        return tagged
    commit = git.commit(revision)
    if commit is None:
        raise WrongUse(f"there is no commit {revision} here", "git fetch --tags, or give another revision")
    return commit


def named(snapshot: Snapshot, refs: Sequence[Ref], spelled: str) -> tuple[Version, str]:
    """Return the version that is meant, and its tag; raise WrongUse for what is neither a version nor a release tag."""
    tags, version = snapshot.tags(refs), versions.parse(spelled)
    if version is None or str(version) != spelled:
        known = any(ref.name == f"refs/tags/{spelled}" for ref in refs)
        for tag in read_tags([spelled], snapshot.name, snapshot.config.tag_format).releases:
            if known or tag.format == tags.format:
                return tag.version, spelled
    version = versions.canonical(spelled)
    usual, there = tags.name(version), [tag.name for tag in tags.releases if tag.version == version]
    return version, usual if usual in there or not there else there[0]


def missing(git: Git, refs: Sequence[Ref], name: str) -> Finding:
    """Return the finding that there is no such tag here, or that it is on no commit."""
    from difflib import get_close_matches

    if git.object(f"refs/tags/{name}"):
        what = f"the tag {name} is not on a commit, so there is nothing to release"
        return finding("tag-missing", what, f"git tag -d {name}, and tagready tag")
    remotes = git.remotes()
    known = [ref.name.removeprefix("refs/tags/") for ref in refs if ref.name.startswith("refs/tags/")]
    usual = _as_usual(git, refs, name)
    close = [usual] if usual in known else get_close_matches(name, known, n=1)
    ways = [f"name {close[0]}"] if close else []
    if remotes and usual not in known:
        one = f"git fetch {remotes[0]} tag {usual}"
        ways.append(one if usual else f"see which there are: git fetch --tags {remotes[0]} && git tag")
    fix = ", or ".join(ways) or "git fetch --tags, or judge a commit: tagready verify --commit HEAD"
    return finding("tag-missing", f"there is no tag {name} here", fix)


def _as_usual(git: Git, refs: Sequence[Ref], name: str) -> str:
    """Return the tag that was probably meant, as the project's tags look; an empty text where it can be none."""
    try:
        snapshot = take(git, "HEAD")
        tags = snapshot.tags(refs)
    except WrongUse:
        return name
    if not (tags.releases or snapshot.config.tag_format):
        return name
    if name[:1].isdigit() and parse(name):
        return tags.name(name)
    own = (snapshot.name, snapshot.config.tag_format)
    return name if read_tags([name], *own).releases else ""


def other_tags(snapshot: Snapshot, refs: Sequence[Ref], name: str | None) -> Tags:
    """Return the project's release tags without the one that is judged."""
    return snapshot.tags([ref for ref in refs if ref.name != f"refs/tags/{name}"])


def version_of_tag(snapshot: Snapshot, refs: Sequence[Ref], name: str) -> Version:
    """Return the version that a tag names, else the one that its tree states; raise Refused if neither does."""
    return read_tag(snapshot, other_tags(snapshot, refs, name), name)[0]


def read_tag(snapshot: Snapshot, others: Tags, name: str) -> tuple[Version, Report]:
    """Return the version that a tag names, else the one that its tree states, and what is wrong with its name.

    Raise Refused where neither says one, and for the tag of another project.
    """
    stated = snapshot.stated()
    spellings = {found.version for found in stated}
    reading = tag_rules.read_name(name, others, snapshot.name, snapshot.config.tag_format, spellings)
    version = reading.version or (parse(stated[0].version) if stated else None)
    if version is None or reading.foreign:
        raise Refused(*reading.findings)
    return version, Report(reading.findings)


def version_of_tree(snapshot: Snapshot) -> Version:
    """Return the version that a tree states, or that its newest entry is headed with; raise WrongUse if neither."""
    stated = snapshot.stated()
    if stated:
        version = parse(stated[0].version)
        if version is None:
            raise WrongUse(
                f"{stated[0].place.path} states {stated[0].version!r}, which is no version",
                "name the tag that the commit is to have",
            )
        return version
    entries = committed_changelog(snapshot, Version("0")).entries if snapshot.news.single_file else ()
    if not entries:
        raise WrongUse("nothing in the tree says which version it is", "name the tag that the commit is to have")
    return entries[0].version
