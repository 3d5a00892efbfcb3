"""prepare-release: from fragments to one proven, tag-ready commit.

Look, decide, act; nothing moves until all is decided.

The candidate is a commit that no branch points to. Doing it is one compare-and-swap of a ref; index and files follow,
each file in one step, so that a run which was killed in between is recognised and finished by the next one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tagready import candidate as candidates
from tagready import preconditions, versions
from tagready.candidate import Candidate, Edit
from tagready.findings import Refused, WorldFailed, WrongUse, finding
from tagready.git import Git
from tagready.ground import Ground, look, scratch_folder
from tagready.history import own_version
from tagready.prepared import Options, Prepared
from tagready.resume import finish_own
from tagready.snapshot import Snapshot, take
from tagready.tag import tag_and_push

ZEROS = "0" * 64


def prepare(git: Git, options: Options, overlay: Path | None, edit: Edit) -> Prepared:
    """Return the prepared release; raise Refused with every finding, and change nothing, where our rules say no."""
    preconditions.check_skips(options.skip)
    with scratch_folder() as scratch:
        snapshot = take(git, "HEAD", overlay)
        options = _with_defaults(options, snapshot)
        refs = git.refs()
        tags = snapshot.tags(refs)
        word = options.version in versions.WORDS
        version = own_version(snapshot) if word else versions.canonical(options.version)
        done = finish_own(snapshot, tags, version, options) if version else None
        if done is not None:
            return done
        ground = look(snapshot, refs, tags, options)
        try:
            return _prepare(ground, options, scratch, edit)
        except Refused as refused:
            refused.about = {"project": snapshot.name, "version": str(ground.version), "tag": ground.tag}
            raise


def _prepare(ground: Ground, options: Options, scratch: Path, edit: Edit) -> Prepared:
    report = preconditions.judge(ground, options).without(options.skip)
    if not report.ok:
        raise Refused(report=report)
    candidate = candidates.make(ground, options, report, scratch, edit)
    if not candidate.report.ok:
        raise Refused(report=candidate.report)
    return _act(ground, candidate, options)


def _with_defaults(options: Options, snapshot: Snapshot) -> Options:
    config = snapshot.config
    branch = options.branch
    if branch is None and config.flow == "pull-request":
        branch = ""
    if branch == "":
        branch = config.branch
    if branch is not None and options.tag:
        raise WrongUse(
            "--tag goes with the direct flow: what is tagged is the commit that arrives on the release branch",
            "prepare without --tag, merge the branch, and tag what arrived",
        )
    return replace(options, branch=branch, edit=options.edit or config.edit, push=options.push or config.push)


def _act(ground: Ground, candidate: Candidate, options: Options) -> Prepared:
    git, head = ground.git, ground.snapshot.commit
    direct = options.branch is None
    branch = (
        ground.status.branch if options.branch is None else options.branch.replace("{version}", str(ground.version))
    )
    stated = ground.snapshot.stated()
    types: dict[str, int] = {}
    for fragment in ground.fragments:
        types[fragment.type] = types.get(fragment.type, 0) + 1
    prepared = Prepared(
        project=ground.snapshot.name,
        version=str(ground.version),
        previous=stated[0].version if stated else (ground.tags.releases[0].name if ground.tags.releases else None),
        decided=ground.decided,
        tag=ground.tag,
        parent=head.oid,
        commit=candidate.commit,
        branch=branch,
        message=candidate.message,
        consumed=tuple(fragment.path for fragment in ground.fragments),
        types=types,
        rewritten=candidate.rewritten,
        changelog=ground.changelog_path,
        entry=candidate.entry,
        report=candidate.report,
        dry_run=options.dry_run,
        on_current_branch=direct,
    )
    if not direct:
        return _act_on_branch(ground, prepared, candidate, options)
    if options.dry_run:
        return replace(prepared, diff=git.diff(head.oid, candidate.commit))
    if not git.move_ref(f"refs/heads/{branch}", candidate.commit, head.oid, f"tagready: release {ground.version}"):
        return _overtaken(ground, options)
    git.bring_along(git.changes(head.tree, candidate.tree))
    return tag_and_push(git, prepared, ground.snapshot, ground.remote, ground.tags, options)


def _overtaken(ground: Ground, options: Options) -> Prepared:
    """Return what another run has made of the branch meanwhile, if it is this release; else say so."""
    snapshot = take(ground.git, "HEAD")
    snapshot = replace(snapshot, config=ground.snapshot.config)
    done = finish_own(snapshot, ground.tags, ground.version, options)
    if done is not None:
        return done
    raise WorldFailed(
        f"{ground.status.branch} was moved by somebody else while the release was made, so nothing was changed",
        f"look at it with git log, and run prepare-release {options.version} again",
    )


def _act_on_branch(ground: Ground, prepared: Prepared, candidate: Candidate, options: Options) -> Prepared:
    git, name = ground.git, f"refs/heads/{prepared.branch}"
    old = next((ref.oid for ref in ground.refs if ref.name == name), None)
    there = git.commit(old) if old else None
    same = there is not None and (there.tree, there.parents, there.message) == (
        candidate.tree,
        (prepared.parent,),
        candidate.message,
    )
    if same and there is not None:
        prepared = replace(prepared, commit=there.oid, already=True)
    elif there is not None and (not options.again or prepared.branch == ground.status.branch):
        raise Refused(
            finding(
                "branch-exists",
                f"the branch {prepared.branch} is there already, with other content",
                f"prepare-release {prepared.version} --again renews it; git branch -D {prepared.branch} drops it",
            )
        )
    if options.dry_run:
        return replace(prepared, diff=git.diff(prepared.parent, prepared.commit))
    if not same and not git.move_ref(
        name, candidate.commit, old or ZEROS[: len(prepared.parent)],
        f"tagready: release {prepared.version}",
    ):  # fmt: skip
        raise WorldFailed(
            f"{prepared.branch} was made or moved by somebody else meanwhile, so nothing was changed",
            f"look at it with git log {prepared.branch}, and run prepare-release {options.version} again",
        )
    return tag_and_push(git, prepared, ground.snapshot, ground.remote, ground.tags, options)
