"""prepare-release: from fragments to one proven, tag-ready commit.

Look, decide, act; nothing moves until all is decided.

The candidate is a commit that no branch points to. Doing it is one compare-and-swap of a ref; index and files follow,
each file in one step, so that a run which was killed in between is recognised and finished by the next one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from packaging.version import Version

from tagready.commands.releases import candidate as candidates
from tagready.commands.releases import preconditions
from tagready.commands.releases.amended import has_files_as_made, is_as_made
from tagready.commands.releases.candidate import Candidate, Edit
from tagready.commands.releases.ground import Ground, date_of, look, resolve_version
from tagready.commands.releases.history import as_stated, is_own, made_by_us, own_version
from tagready.commands.releases.refs import tag_and_push
from tagready.commands.releases.resume import bring_own_along, finish_own
from tagready.commands.releases.snapshot import Snapshot, take
from tagready.commands.releases.whereabouts import scratch_folder
from tagready.doors.git import Git
from tagready.facts import versions
from tagready.facts.branches import in_the_way, is_topic
from tagready.facts.config import Config
from tagready.facts.findings import Finding, Refused, Report, Trouble, WorldFailed, WrongUse, check_skips, finding
from tagready.facts.git_records import LoggedCommit, Ref, RemoteAnswer
from tagready.facts.prepared import Options, Prepared, branch_name
from tagready.facts.tags import Tags, is_ref_name


def prepare(
    git: Git, options: Options, overlay: Path | None, edit: Edit, looked: Callable[[], object] = lambda: None
) -> Prepared:  # fmt: skip
    """Return the prepared release; raise Refused with every finding, and change nothing, where our rules say no.

    `looked` is called once all is looked at: from then on an editor, or a program that signs, may want the terminal.
    """
    check_skips(options.skip, policy_only=True)
    with scratch_folder() as scratch:
        snapshot = take(git, "HEAD", overlay)
        options = with_defaults(options, snapshot)
        date_of(options.date)
        refs = git.refs()
        tags = snapshot.tags(refs)
        version = _meant(snapshot, options, tags)
        try:
            own = version is not None and is_own(snapshot, version)
            if version is not None and (own or options.again) and _is_on(snapshot, version, options):
                options = options._replace(branch=None)
            if version is not None and own and options.branch is None:
                version = as_stated(snapshot, version)
                _refuse_another(snapshot, version, options, tags)
                if not options.again:
                    looked()
                    return finish_own(snapshot, tags, version, options, refs)
                if not options.dry_run:
                    bring_own_along(snapshot)
                options = options._replace(version=str(version))
            ground = look(snapshot, refs, tags, options)
            version = ground.version
            there = None if options.again else _own_branch(ground, options)
            if there is not None:
                looked()
                return _finish_there(ground, there, options)
            report = _judged(ground, options)
            looked()
            return _made(ground, options, report, scratch, edit)
        except (Refused, Trouble) as problem:
            tag = tags.name(version) if version else None
            problem.about = {"project": snapshot.name, "version": str(version) if version else None, "tag": tag}
            raise


def _meant(snapshot: Snapshot, options: Options, tags: Tags) -> Version | None:
    """Return the version that is asked for; None where a word asks for the next one, which is still to be counted.

    A word means the release that HEAD is: a killed run may have left something of it open. Once that has its tag, it
    does so only with --tag or --push, and if it comes to that version; or if it is `auto`, which has asked for just
    what is in it.
    """
    if options.version not in versions.WORDS:
        return versions.canonical(options.version, words=True)
    version = own_version(snapshot)
    tagged = snapshot.git.commit(f"refs/tags/{tags.name(version)}") if version else None
    if version is None or options.version == "auto" or tagged is None or tagged.oid != snapshot.commit.oid:
        return version
    finishes = (options.tag or options.push) and _counted_before(snapshot, tags, options) in (None, version)
    return version if finishes else None


def _counted_before(snapshot: Snapshot, tags: Tags, options: Options) -> Version | None:
    """Return what a word came to just before HEAD, or None where a shallow clone does not tell."""
    parent = snapshot.git.commit(snapshot.commit.parents[0])
    if parent is None or snapshot.git.is_shallow():
        return None
    return resolve_version(snapshot.at(parent), tags, options)[0]


def _is_on(snapshot: Snapshot, version: Version, options: Options) -> bool:
    """Return whether we are on the very branch that the release goes to: there, it is made anew by a commit more."""
    current = snapshot.git.current_branch()
    usual = branch_name(options._replace(branch=snapshot.config.branch), version)
    return options.branch is not None and current == usual == branch_name(options, version)


def _refuse_another(snapshot: Snapshot, version: Version, options: Options, tags: Tags) -> None:
    """Refuse a bump word that asks for another version than the one that HEAD is the release of.

    `auto` has asked for just that one: its fragments are in it.
    """
    if options.version not in versions.WORDS or options.version == "auto":
        return
    asked, head = _counted_before(snapshot, tags, options), snapshot.commit
    if asked not in (None, version):
        what = f"{version} is prepared already, in {head.oid[:10]}, and {options.version} would be {asked}"
        back = f"git reset --keep {head.parents[0][:10]} && prepare-release {options.version}"
        raise Refused(finding("entry-exists", what, f"tag it (tagready tag {version}), or take it back: {back}"))


def _finish_there(ground: Ground, there: Snapshot, options: Options) -> Prepared:
    if not options.dry_run:
        _bring_branch_here(ground, options, there)
    return finish_own(there, ground.tags, ground.version, options, ground.refs)


def _judged(ground: Ground, options: Options) -> Report:
    report = preconditions.judge(ground, options)
    if not report.dropping(options.skip).ok:
        raise Refused(report=report.without(options.skip))
    return report


def _made(ground: Ground, options: Options, report: Report, scratch: Path, edit: Edit) -> Prepared:
    candidate = candidates.make(ground, options, report, scratch, edit)
    if not candidate.report.ok:
        raise Refused(report=candidate.report)
    if candidate.tree == ground.snapshot.commit.tree and is_own(ground.snapshot, ground.version):
        return finish_own(ground.snapshot, ground.tags, ground.version, options, ground.refs)
    return _act(ground, candidate, options)


def _own_branch(ground: Ground, options: Options) -> Snapshot | None:
    """Return the project on the branch of the release, where that branch is our own release of just this HEAD.

    In a fresh clone, such as a workflow's, the branch that an earlier run has pushed is only known as the remote's.
    """
    if options.branch is None:
        return None
    name = branch_name(options, ground.version)
    tips = {ref.name: ref.oid for ref in ground.refs}
    local, pushed = f"refs/heads/{name}", f"refs/remotes/{ground.remote}/{name}"
    tip = tips.get(local) or tips.get(pushed)
    commit = ground.git.commit(tip) if tip else None
    if commit is None or commit.parents != (ground.snapshot.commit.oid,):
        return None
    there = ground.snapshot.at(commit)
    return there if is_own(there, ground.version) else None


def _bring_branch_here(ground: Ground, options: Options, there: Snapshot) -> None:
    """Make the branch of the release here, where only the remote has it."""
    name = branch_name(options, ground.version)
    if any(ref.name == f"refs/heads/{name}" for ref in ground.refs):
        return
    if not ground.git.move_ref(f"refs/heads/{name}", there.commit.oid, None, f"tagready: release {ground.version}"):
        raise _moved_meanwhile(name, options)


def _moved_meanwhile(branch: str, options: Options) -> WorldFailed:
    return WorldFailed(
        f"{branch} was made or moved by somebody else meanwhile, so nothing was changed",
        f"look at it with git log {branch}, and run prepare-release {options.version} again",
    )


def with_defaults(options: Options, snapshot: Snapshot) -> Options:
    """Return the options with what the project's configuration says where the command line says nothing."""
    config = snapshot.config
    branch = asked_branch(options.branch, config, config.branch)
    if branch is not None and options.tag:
        raise WrongUse(
            "--tag goes with the direct flow: what is tagged is the commit that arrives on the release branch",
            "prepare without --tag, merge the branch, and tag what arrived",
        )
    return options._replace(branch=branch, edit=options.edit or config.edit, push=options.push or config.push)


def asked_branch(given: str | None, config: Config, usual: str) -> str | None:
    """Return the branch that a commit goes to, None for the current one; `given` is empty for the usual name."""
    if given is None and config.flow != "pull-request":
        return None
    branch = given or usual
    if not is_ref_name(branch.replace("{version}", "1")):
        raise WrongUse(f"git takes no branch by the name {branch!r}", "give --branch another name")
    return branch


def _act(ground: Ground, candidate: Candidate, options: Options) -> Prepared:
    git, head = ground.git, ground.snapshot.commit
    direct = options.branch is None
    branch = ground.status.branch if direct else branch_name(options, ground.version)
    stated = ground.snapshot.stated()
    counts = Counter(fragment.type for fragment in ground.fragments)
    types = {type_.name: counts[type_.name] for type_ in ground.snapshot.news.types if counts[type_.name]}
    prepared = Prepared(
        project=ground.snapshot.name,
        version=str(ground.version),
        tag=ground.tag,
        parent=head.oid,
        commit=candidate.commit,
        branch=branch,
        message=candidate.message,
        consumed=tuple(fragment.path for fragment in ground.fragments),
        changelog=ground.changelog_path,
        entry=candidate.entry,
        report=candidate.report,
        previous=stated[0].version if stated else (ground.tags.releases[0].name if ground.tags.releases else None),
        decided=ground.decided,
        types=types,
        rewritten=candidate.rewritten,
        stated_in=tuple(dict.fromkeys(found.place.path for found in stated)),
        dry_run=options.dry_run,
        remote=ground.remote,
        on_current_branch=direct,
        for_review=direct and is_topic(preconditions.branch_facts(ground, options)),
    )
    if not direct:
        return _act_on_branch(ground, prepared, candidate, options)
    if options.dry_run:
        return prepared._replace(diff=git.diff(head.oid, candidate.commit))
    if not git.move_ref(f"refs/heads/{branch}", candidate.commit, head.oid, f"tagready: release {ground.version}"):
        return _overtaken(ground, options)
    git.bring_along(git.changes(head.tree, candidate.tree))
    return tag_and_push(ground.snapshot, ground.refs, prepared, ground.tags, options)


def _overtaken(ground: Ground, options: Options) -> Prepared:
    """Return what another run has made of the branch meanwhile, if it is this release; else say so."""
    moved = ground.git.commit("HEAD")
    snapshot = ground.snapshot.at(moved) if moved else ground.snapshot
    if is_own(snapshot, ground.version):
        return finish_own(snapshot, ground.tags, ground.version, options, ground.refs)
    raise WorldFailed(
        f"{ground.status.branch} was moved by somebody else while the release was made, so nothing was changed",
        f"look at it with git log, and run prepare-release {options.version} again",
    )


def _act_on_branch(ground: Ground, prepared: Prepared, candidate: Candidate, options: Options) -> Prepared:
    git, name = ground.git, f"refs/heads/{prepared.branch}"
    tips = {ref.name: ref.oid for ref in ground.refs}
    old = tips.get(name)
    judged = {tips[ref] for ref in (name, f"refs/remotes/{ground.remote}/{prepared.branch}") if ref in tips}
    stands_against = [
        *_no_room(ground, prepared.branch),
        *_unseen(ground, prepared, judged, options),
        *_other_content(ground, prepared, judged, options, is_here=old is not None),
    ]
    if stands_against:
        raise Refused(*stands_against)
    if options.dry_run:
        return prepared._replace(diff=git.diff(prepared.parent, prepared.commit))
    if not git.move_ref(name, candidate.commit, old, f"tagready: release {prepared.version}"):
        raise _moved_meanwhile(prepared.branch, options)
    replaced = judged if options.again else ()
    return tag_and_push(ground.snapshot, ground.refs, prepared, ground.tags, options, replaced)


def _no_room(ground: Ground, branch: str) -> list[Finding]:
    """Return a finding where git can have no branch by that name, here or on the remote, because of another one."""
    here, there = (_below(prefix, ground.refs) for prefix in ("refs/heads/", f"refs/remotes/{ground.remote}/"))
    if isinstance(ground.answer, RemoteAnswer):
        # What is above the branch was asked for; what is below it is known as last fetched.
        there = [name for name in there if name.startswith(f"{branch}/")]
        there += [name.removeprefix("refs/heads/") for name in ground.answer.refs if name.startswith("refs/heads/")]
    for where, known in (("here", here), (f"on {ground.remote}", there)):
        if other := in_the_way(branch, known):
            what = f"the branch {other} is {where}, and beside it git can have no branch {branch}"
            fix = 'give --branch another name, or set the key branch, such as "release-{version}", in [tool.tagready]'
            return [finding("branch-exists", what, fix)]
    return []


def _below(prefix: str, refs: Sequence[Ref]) -> list[str]:
    return [ref.name.removeprefix(prefix) for ref in refs if ref.name.startswith(prefix)]


def _unseen(ground: Ground, prepared: Prepared, judged: Collection[str], options: Options) -> list[Finding]:
    """Return a finding where the remote's branch, which is to be renewed, has what nobody has looked at here."""
    branch, remote = prepared.branch, ground.remote
    there = ground.answer.refs.get(f"refs/heads/{branch}") if isinstance(ground.answer, RemoteAnswer) else None
    if not (options.again and options.push) or there is None or there in judged:
        return []
    what = f"{branch} is on {remote} with what is not here, on {there[:10]}, and a new release would drop it unseen"
    fetch = f"git fetch {remote} +{branch}:refs/remotes/{remote}/{branch}"
    return [finding("branch-exists", what, f"{fetch}, and run it again")]


def _other_content(
    ground: Ground, prepared: Prepared, tips: Collection[str], options: Options, *, is_here: bool
) -> list[Finding]:  # fmt: skip
    """Return a finding where the branch has what is not to be replaced."""
    checked_out = is_here and ground.git.has_checked_out(prepared.branch)
    commits = _beyond(ground, tips)
    ours = {each: release for each in commits if (release := _our_release(ground, each))}
    if options.again and not checked_out:
        added = [each for each in commits if each not in ours or not _is_as_made(*ours[each], options)]
        return [_would_drop(prepared, added, ours=bool(ours))] if added else []
    renewable = bool(ours) or not (commits or checked_out)
    return [_branch_exists(prepared, ground.status.branch, checked_out, renewable)] if is_here else []


def _beyond(ground: Ground, tips: Collection[str]) -> tuple[LoggedCommit, ...]:
    """Return the commits that the release's branch has, here and on the remote, beyond the one that is released."""
    return ground.git.log(*tips, "--not", ground.snapshot.commit.oid) if tips else ()


def _our_release(ground: Ground, logged: LoggedCommit) -> tuple[Snapshot, Version] | None:
    """Return the release that we made a commit of: of this version, or of one that has never been tagged; or None."""
    commit = ground.git.commit(logged.oid) if made_by_us(logged.message) else None
    if commit is None:
        return None
    try:
        release = ground.snapshot.at(commit)
        version = own_version(release)
    except WrongUse:
        return None
    tags = {ref.name for ref in ground.refs}
    if version is None or (version != ground.version and f"refs/tags/{ground.tags.name(version)}" in tags):
        return None
    return release, version


def _is_as_made(release: Snapshot, version: Version, options: Options) -> bool:
    """Return whether nobody amended anything into a release; with --edit, its entry is written anew at any rate."""
    return has_files_as_made(release, version) if options.edit else is_as_made(release, version)


def _would_drop(prepared: Prepared, added: Sequence[LoggedCommit], *, ours: bool) -> Finding:
    subjects = [f"{each.oid[:10]} {each.subject}" for each in added]
    what = "what people added to the release" if ours else "no release of ours, but commits"
    what = "\n".join([f"{prepared.branch} has {what}, which a new one would drop:", *subjects])
    keep = f"git switch {prepared.branch} && prepare-release {prepared.version} --again (--edit declares an edit)"
    way = f"make it anew on top of them: {keep}" if ours else "give --branch another name"
    return finding("branch-exists", what, f"{way}; or, if nobody needs them: {_drop(prepared)}")


def _drop(prepared: Prepared) -> str:
    there = f", git push {prepared.remote} :{prepared.branch}" if prepared.remote else ""
    return f"git branch -D {prepared.branch}{there}"


def _branch_exists(prepared: Prepared, current: str, checked_out: bool, renewable: bool) -> Finding:
    where, leave = "", ""
    if checked_out:
        where = ", and you are on it" if prepared.branch == current else ", and a worktree is on it"
        leave = "git switch to another branch there, and then: "
    name = "" if prepared.branch == f"release/{prepared.version}" else f" {prepared.branch}"
    again = f"prepare-release {prepared.version} --branch{name} --again, or drop it: git branch -D {prepared.branch}"
    other = f"look what is on it: git log {prepared.branch}, and give --branch another name"
    what = f"the branch {prepared.branch} is there already, with other content{where}"
    return finding("branch-exists", what, f"{leave}{again}" if renewable else other)
