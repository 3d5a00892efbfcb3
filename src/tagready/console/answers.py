"""What the commands answer: a prepared release, a verdict, a tag, a status; as text, as JSON, or for GitHub."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from tagready.console.terminal import (
    append_summary,
    as_json,
    give_outputs,
    glyph,
    in_lines,
    say,
    show_diff,
    show_entry,
    show_facts,
    show_files,
    show_github,
    show_places,
    show_report,
    show_table,
    write_exactly,
)
from tagready.facts.findings import Level, Report, counted
from tagready.facts.fragments import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tagready.commands.add import Added
    from tagready.commands.build import Built
    from tagready.commands.changes.checked import Checked
    from tagready.commands.forward_port import Ported
    from tagready.commands.github_release import Done
    from tagready.commands.publish import Options, Published
    from tagready.commands.status import Next, Recovery, Standing
    from tagready.commands.tag import Tagged
    from tagready.commands.verify import Verified
    from tagready.facts.prepared import Prepared
    from tagready.facts.publishing.index_rules import OnIndex


def show_prepared(prepared: Prepared, form: str) -> None:
    """Print a prepared release: what it is, the very diff on a dry run, and what comes next."""
    if form == "json":
        click.echo(_prepared_json(prepared))
        return
    _show_prepared_text(prepared)
    if form == "github":
        branch, tag = prepared.branch, prepared.tag
        give_outputs(version=prepared.version, branch=branch, tag=tag, commit=prepared.commit)
        facts = [("commit", f"{prepared.commit[:10]} on {branch}"), ("changelog", prepared.changelog)]
        from tagready.facts.actions.github import summary

        append_summary(summary(f"{prepared.project} {prepared.version} is prepared", facts, prepared.report))


def _prepared_json(prepared: Prepared) -> str:
    keys: dict[str, Any] = {
        "project": prepared.project,
        "version": prepared.version,
        "tag": prepared.tag,
        "commit": prepared.commit,
        "parent": prepared.parent,
        "branch": prepared.branch,
        "consumed": list(prepared.consumed),
        "changelog": prepared.changelog,
        "entry": prepared.entry,
        "already": prepared.already,
        "dry_run": prepared.dry_run,
        "tagged": prepared.tagged,
        "pushed_to": prepared.pushed_to,
        "pushed_branch": prepared.pushed_branch,
    }
    if prepared.dry_run:
        keys["diff"] = prepared.diff
    return as_json("prepare", prepared.report, **keys)


def show_ported(ported: Ported, form: str) -> None:
    """Print a forward port: what it is, the very diff on a dry run, and what comes next."""
    if form == "json":
        keys = {name: value for name, value in ported._asdict().items() if name not in _NOT_OF_PORTED}
        if not ported.dry_run:
            del keys["diff"]
        click.echo(as_json("forward-port", ported.report, **{**keys, "consumed": list(ported.consumed)}))
        return
    title = f"{ported.project} {ported.version}, brought to {ported.branch}"
    if ported.already:
        made = f"{ported.commit[:10]} on {ported.branch}" if ported.commit else "nothing to do"
        title = f"{ported.version} is forward-ported already: {made}"
    if form == "github":
        show_github(title, _ported_facts(ported), ported.report)
        return
    say(f"{glyph('✓', '*')} {title}" if ported.already else title, fg="green" if ported.already else None, bold=True)
    show_facts(_ported_facts(ported))
    if not ported.already:
        say()
        show_diff(ported.diff) if ported.diff else show_entry(ported.entry)
        say()
    show_report(ported.report)
    if ported.dry_run:
        say("Dry run: nothing was changed.", bold=True)
        return
    if ported.commit and not ported.already:
        name = ported.message.partition("\n")[0]
        say(f'{glyph("✓", "*")} {ported.commit[:10]} "{name}" on {ported.branch}', fg="green", bold=True)
    if ported.pushed_to:
        say(f"{glyph('✓', '*')} pushed to {ported.pushed_to}/{ported.pushed_branch}", fg="green")
    for what, command in ported.next_commands():
        say(f"  {what:<5} {command}")


_NOT_OF_PORTED = ("message", "report", "of", "remote", "on_current_branch")


def _ported_facts(ported: Ported) -> list[tuple[str, str]]:
    """Return where the entry is, and what became of its fragments, as (word, sentence)."""
    facts = [("changelog", f"{ported.changelog}:{ported.line}, as {ported.tag} has it")]
    if ported.already:
        return facts
    return [*facts, ("fragments", f"{len(ported.consumed)} removed here, of {ported.of} that the entry was made from")]


def show_verified(verified: Verified, form: str) -> None:
    """Print the tag gate's verdict."""
    report = verified.report
    title = f"{verified.project} {verified.version} is {'' if report.ok else 'not '}tag-ready"
    if report.ok and report.skipped:
        title += ", but for what was not judged"
    if form == "json":
        files = [file._asdict() for file in verified.files]
        click.echo(as_json("verify", report, **_verified_keys(verified), files=files))
    elif form == "github":
        show_github(title, verified.facts(), verified.report)
    else:
        _show_verified_text(title, verified)


def _show_verified_text(title: str, verified: Verified) -> None:
    """Print the tag gate's verdict: what was judged, what was found, and the way on."""
    report = verified.report
    if report.ok:
        say(f"{glyph('✓', '*')} {title}", fg="yellow" if report.skipped else "green", bold=True)
    else:
        say(f"{verified.project} {verified.version}", bold=True)
    show_facts(verified.facts())
    if report.findings or report.skipped:
        say()
        show_report(report)
    if report.ok:
        return
    errors = sum(found.level is Level.ERROR for found in report.findings)
    say(f"\n{title}: {counted(errors, 'finding')}.", err=True, bold=True)
    if {found.rule for found in report.findings if found.level is Level.ERROR} <= _OF_FILES:
        say("The tag is good; it is the files that are not: build them again (tagready build).", err=True)
    elif verified.tagged:
        say(f"Not published yet: mend it, drop the tag (git tag -d {verified.tag}, on a remote", err=True)
        say(f"git push REMOTE :refs/tags/{verified.tag}), and tagready tag {verified.version}.", err=True)
        say("Published already: a tag that people have stays; mend it in the next version.", err=True)


#: What is wrong with distributions only, and not with the commit.
_OF_FILES = {"dist-missing", "dist-name", "dist-metadata", "dist-untracked", "dist-conflict"}


def _verified_keys(verified: Verified) -> dict[str, Any]:
    judged = verified.judged
    released = judged.released
    return {
        "project": verified.project,
        "version": verified.version,
        "tag": verified.tag,
        "commit": verified.commit,
        "changelog": judged.path,
        "entry": judged.changelog.whole(judged.entry) if judged.entry else None,
        "proof": judged.proof or None,
        "brought_by": released.brought.oid if released else None,
        "consumed": [fragment.path for fragment in released.fragments] if released else [],
        "hidden": list(judged.hidden),
        "branch": verified.branch,
        "since": verified.since,
    }


def show_checked(checked: Checked, form: str) -> None:
    """Print the pull-request gate's verdict."""
    if form == "json":
        click.echo(_checked_json(checked))
    elif form == "github":
        _show_checked_github(checked)
    else:
        _show_checked_text(checked)


def _checked_json(checked: Checked) -> str:
    keys: dict[str, Any] = {
        "project": checked.project,
        "version": checked.version,
        "tag": checked.verified.tag if checked.verified else None,
        "commit": checked.head or None,
        "base": checked.base or None,
        "kind": checked.kind,
        "notes": list(checked.notes),
        "fragments": list(checked.fragments),
        "preview": checked.preview or None,
        "mended": None if checked.mended is None else [each._asdict() for each in checked.mended.done],
    }
    return as_json("check", checked.report, **keys)


def _show_checked_github(checked: Checked) -> None:
    """Print annotations, write the job's summary as a checklist, and tell later steps whether this is a release."""
    from tagready.facts.actions import github

    for line in github.as_annotations(checked.report):
        say(line)
    say(f"tagready: {' '.join(checked.title.split())}")
    text = _checklist(checked)
    if checked.preview:
        text += f"\nIn the changelog:\n\n{github.quote(checked.preview)}\n"
    append_summary(text)
    give_outputs(release="true" if checked.is_release else "false", version=checked.version or "")


def _checklist(checked: Checked) -> str:
    """Return the job's summary; what to do is a section of its own, for who has never seen a fragment."""
    from tagready.facts.actions import github

    lacks, mend = checked.lacks, checked.to_mend()
    below = [each for each in checked.report.findings if each in mend or (lacks and each.rule == "fragment-missing")]
    found = tuple(
        replace(each, message=each.message.split("\n")[0], fix="what to do is below") if each in below else each
        for each in checked.report.findings
    )
    facts = [(what, value) for what, value in checked.facts() if value != checked.unasked]
    text = github.checklist(checked.title, facts, checked.steps(), Report(found, checked.report.skipped))
    text += github.HOW if below else ""
    if lacks is not None:
        types = [(type_.name, type_.listed) for type_ in lacks.types]
        text += github.how_to_write(checked.project, lacks.some, lacks.path, lacks.type, types, lacks.command)
    return text + (github.how_to_mend(mend) if mend else "")


def _show_checked_text(checked: Checked) -> None:
    report = checked.report
    if report.ok:
        sign = "?" if checked.is_of_main and report.skipped else glyph("✓", "*")
        say(in_lines(f"{sign} {checked.title}", "", "  "), fg="yellow" if report.skipped else "green", bold=True)
    else:
        say(checked.project, bold=True)
    show_facts(checked.facts())
    if checked.preview:
        say()
        show_entry(checked.preview)
    if report.findings or report.skipped:
        say()
        show_report(report)
    if not report.ok:
        errors = sum(found.level is Level.ERROR for found in report.findings)
        say("\n" + in_lines(f"{checked.title}: {counted(errors, 'finding')}."), err=True, bold=True)
        if not checked.is_of_main:
            say(f"Mend what the arrows point to, {_and_then(checked)}", err=True)
    if checked.mended and checked.mended.command:
        say(f"\n  next  {checked.mended.command}")


def _and_then(checked: Checked) -> str:
    """Return what to do when everything that was found is mended."""
    if checked.staged and checked.mended and checked.mended.command:
        return "stage what was mended, and commit again"
    if checked.staged:
        return "git add it, and commit again"
    return f"{'' if checked.mended else 'commit, '}and ask again: tagready check{' --fix' if checked.mended else ''}"


def show_status(found: Next | Standing, form: str) -> None:
    """Print what the next release would be, or where one stands."""
    from tagready.commands.status import Next

    if form == "json":
        click.echo(_status_json(found))
    elif isinstance(found, Next):
        _show_next(found)
    else:
        _show_standing(found)


def _status_json(found: Next | Standing) -> str:
    from tagready.commands.status import Next

    apart = ("report", "way", "command", "after")
    keys = {name: value for name, value in found._asdict().items() if name not in apart}
    if isinstance(found, Next):
        keys["pending"] = [each._asdict() for each in found.pending]
    else:
        keys["places"] = [
            {"place": each.name, "state": str(each.state), "detail": each.detail} for each in found.places
        ]
    after = None if isinstance(found, Next) else found.after
    return as_json("status", found.report, **keys, next=found.command or after)


def _show_next(found: Next) -> None:
    stated = f" {found.stated}" if found.stated else ""
    unknown = any(skip.rule == "version-not-newer" for skip in found.report.skipped)
    never = ", last release unknown (shallow clone)" if unknown else ", never released"
    last = f", {counted(found.distance, 'commit')} after {found.last}" if found.last else never
    say(f"{found.project}{stated} on {found.branch or found.commit[:10]}{last}", bold=True)
    say()
    if found.pending:
        show_table(
            [
                (each.type, f"#{each.issue}" if each.issue.isdecimal() else each.issue or "+", each.text)
                for each in found.pending
            ]
        )
    else:
        say("  nothing is pending")
    if found.version or found.report.findings or found.report.skipped or found.command:
        say()
    if found.version:
        because = f", because {found.decided}" if found.decided else ""
        say(in_lines(f"asks for  {found.version}{because}", "  ", " " * 12))
    show_report(found.report)
    if found.command and found.report.ok:
        say(f"  next      {found.command}")


_DONE = "done: nothing is left to do"
_UNSEEN = "what is left to do cannot be seen from here"


def _show_standing(found: Standing) -> None:
    from tagready.commands.status import State

    say(f"{found.project} {found.version}", bold=True)
    show_places([(place.name, str(place.state), place.detail) for place in found.places])
    if found.report.findings or found.report.skipped:
        say()
    show_report(found.report)
    say()
    done = all(place.state is State.AS_INTENDED for place in found.places)
    uncompared = any(place.uncompared for place in found.places)
    left = f"to compare what the index has with the tag: tagready build {found.tag}, and ask again"
    if found.command:
        say(f"  next  {found.command}")
    else:
        say(f"  {'published' if done and found.after else _DONE if done else left if uncompared else _UNSEEN}")
    if found.after:
        say(f"  next  {found.after}")


def show_card(recovery: Recovery) -> None:
    """Print the recovery card, and append it to the job's summary; there always is one."""
    from tagready.console import recovery_card

    try:
        card = recovery_card.written(recovery)
    except Exception as error:
        bare = recovery._replace(standing=None, problem=error, on_forge=None, jobs=())
        card = recovery_card.written(bare)
    write_exactly(card)
    append_summary(card)


def show_built(built: Built, form: str, directory: Path) -> None:
    """Print what was built: from what, with what, and how anybody can have the same bytes; `directory` is -C's."""
    release = built.release
    if form == "json":
        keys = {key: value for key, value in release._asdict().items() if key not in ("verdict", "files")}
        files = [file._asdict() for file in release.files]
        click.echo(
            as_json("build", built.report, **keys, files=files, verdict=release.verdict, out=str(built.out),
                    twice=built.twice, normalised=built.normalised)
        )  # fmt: skip
        return
    title = f"{release.project} {release.version} is built, in {built.out}"
    if form == "github":
        named = [("file", f"{file.name} sha256:{file.sha256}") for file in release.files]
        show_github(title, [*_built_facts(built), *named], built.report)
        return
    say(f"{glyph('✓', '*')} {title}", fg="green", bold=True)
    show_facts(_built_facts(built))
    longest = max(len(file.name) for file in release.files)
    for file in release.files:
        say(f"  {file.name:<{longest}}  {_size(file.size):>8}  sha256:{file.sha256[:12]}")
    if built.report.findings or built.report.skipped:
        say()
    show_report(built.report)
    if not release.verdict["ok"]:
        why = ", ".join(sorted({found["rule"] for found in release.verdict["findings"] if found["level"] == "error"}))
        say(f"  ! the tag gate says no to this commit ({why}): publish will refuse", fg="yellow")
        say(f"  next  tagready verify{f' {release.tag}' if release.tag else f' --commit {release.commit[:10]}'}")
    else:
        say(f"  next  {_after_build(built, directory)}")


def _after_build(built: Built, directory: Path) -> str:
    """Return the one next command."""
    import shlex

    from tagready.facts.publishing.distribution import folder_option

    if not built.release.tag:
        return f"tagready tag {built.release.version}, and build from the tag"
    publish = shlex.join(["tagready", "publish", *folder_option(built.out, directory)])
    unrepaired = next((found.path for found in built.report.findings if found.rule == "dist-name"), None)
    repair = f"auditwheel repair {unrepaired} --wheel-dir {built.out} && rm {unrepaired}, then " if unrepaired else ""
    return f"{repair}{publish}"


def _built_facts(built: Built) -> list[tuple[str, str]]:
    release = built.release
    on = release.commit[:10]
    where = f"{release.tag} on {on}" if release.tag else f"{on}, which has no release tag"
    facts = [("commit", where + (f"; built as if {built.as_tag} were there" if built.as_tag else ""))]
    facts.append(("with", f"Python {release.python}, {counted(len(release.requirements), 'build requirement')}"))
    if built.twice:
        facts.append(("twice", "from a clone of its own each time, and the bytes are the same"))
    else:
        facts.append(("once", "so nobody knows yet whether a second build gives the same bytes"))
    if built.smoke:
        facts.append(("smoke", f"{built.smoke}, in an environment of its own"))
    if built.spare:
        facts.append(("wheel", f"{built.spare} is left out: {built.out} has wheels for Linux that indexes take"))
    if built.normalised:
        facts.append(("sdist", "times, owners and modes are everybody's; contents are the backend's"))
    return facts


def _size(size: int) -> str:
    number, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"


def show_published(published: Published, asked: Options, form: str) -> None:
    """Print how each file stands on the index in the end."""
    from tagready.commands.publish import as_json as files_of

    files = files_of(published.standings)
    what = f"{published.project} {published.version}"
    if asked.preflight:
        title = f"nothing speaks against the token in {published.source}"
        title += "; not all was judged" if published.report.skipped else f" for {published.host}"
    else:
        title = f"{what} is on {published.host}, byte for byte"
    facts = [("token", published.source)] if published.source and not asked.preflight else []
    facts += [("origin", published.attested)] if published.attested else []
    facts += [("works", f"installed from the index ({published.smoked})")] if published.smoked else []
    if form == "json":
        keys = published._asdict()
        about = {key: keys[key] for key in ("project", "version", "tag", "commit", "host", "source", "attested")}
        click.echo(as_json("publish", published.report, **about, files=files))
    elif form == "github":
        show_github(title, [*facts, *((file["action"], f"{file['name']} sha256:{file['sha256']}") for file in files)],
                    published.report)  # fmt: skip
    else:
        say(f"{glyph('✓', '*')} {title}", fg="yellow" if published.report.skipped else "green", bold=True)
        show_facts(facts)
        show_files(files, err=False)
        show_report(published.report)


def show_interrupted(standings: Sequence[OnIndex], asked: Options) -> None:
    """Print how each file stood when somebody interrupted, and the command that goes on."""
    from tagready.commands.publish import as_json as files_of
    from tagready.commands.publish import resume

    show_files(files_of(tuple(standings)), resume(asked))


def show_github_release(done: Done, form: str) -> None:
    """Print how a release on GitHub stands in the end."""
    files = [file._asdict() for file in done.files]
    what = f"{done.project} {done.version}"
    if done.url is None:
        title = f"{done.tag} is still on {done.commit[:10]}, from which {what} was built"
    else:
        title = f"{what} is {'kept as a draft' if done.draft else 'public'} on GitHub"
    notes = [("note", sentence) for sentence in done.says]
    if form == "json":
        click.echo(as_json("github-release", None, **{**done._asdict(), "files": files}))
    elif form == "github":
        page = [("page", done.url)] if done.url else []
        listed = [(file["action"], f"{file['name']} sha256:{file['sha256']}") for file in files]
        show_github(title, [*page, *notes, *listed], Report())
    else:
        say(f"{glyph('✓', '*')} {title}", fg="green", bold=True)
        if done.url:
            say(f"  {'page':<9}  {done.url}")  # never broken into lines, so that it can be opened
        show_facts(notes)
        show_files(files, err=False)


def show_tagged(tagged: Tagged, form: str) -> None:
    """Print a tag that was made, or was there."""
    verified, tick = tagged.verified, glyph("✓", "*")
    if form == "json":
        keys = {"made": tagged.made, "pushed_to": tagged.pushed_to, "pushed_branch": tagged.pushed_branch}
        click.echo(as_json("tag", tagged.report, **_verified_keys(verified), **keys))
        return
    what = f"tag {verified.tag} on {verified.commit[:10]}"
    title = f"{verified.project} {verified.version}: {what if tagged.made else what + ', as before'}"
    if form == "github":
        show_github(title, verified.facts(), tagged.report)
        return
    say(f"{tick} {title}", fg="green", bold=True)
    show_facts(verified.facts()[1:])
    show_report(tagged.report)
    if tagged.pushed_to:
        branch = f" with {tagged.pushed_branch}" if tagged.pushed_branch else ""
        say(f"{glyph('✓', '*')} pushed to {tagged.pushed_to}{branch}", fg="green")
    elif tagged.remote and not tagged.is_there:
        say(f"  next  tagready tag {verified.version} --commit {verified.commit[:10]} --push")
    if tagged.after:
        say(f"  next  {tagged.after}")
    if tagged.made and not tagged.pushed_to:
        say(f"  undo  git tag -d {verified.tag}")


def show_added(added: Added, form: str, guessed_from: str | None, at: str) -> None:
    """Print a fragment that was written: its file, how the entry will show it, and what comes next.

    `guessed_from` is the branch that its issue was guessed from, `at` the folder that we were told to start in.
    """
    if form == "json":
        keys = {
            name: value
            for name, value in added._asdict().items()
            if name not in ("report", "shown", "unseen", "ignored")
        }
        keys |= {"beside": list(added.beside), "notes": list(added.notes)}
        click.echo(as_json("add", added.report, **keys))
        return
    title = added.shown if added.made else f"{added.shown} says so already: nothing was written"
    say(in_lines(f"{glyph('✓', '*')} {title}", "", "  "), fg="green", bold=True)
    if guessed_from is not None:
        said = f"{added.issue}, as the branch {guessed_from} says" if added.issue else "none: "
        if not added.issue:
            said += f"the branch {guessed_from} names none" if guessed_from else "HEAD is on no branch to name one"
        show_facts([("issue", said)])
    if added.beside:
        show_facts([("beside", ", ".join(path.rpartition("/")[2] for path in added.beside))])
    if added.rendered is None:
        show_facts([("shown", f"not yet; towncrier could not render it: {added.unseen}")])
    show_facts([("note", note) for note in added.notes])
    if added.rendered is not None:
        say()
        show_entry(added.rendered)
    say()
    show_report(added.report)
    where = "" if at == "." else f" -C {quoted(at)}"
    say(f"  next  git{where} add {'--force ' if added.ignored else ''}{quoted(added.shown)}")


def _show_prepared_text(prepared: Prepared) -> None:
    tick, arrow = glyph("✓", "*"), glyph("→", "->")
    short = prepared.commit[:10]
    if prepared.already:
        say(
            f"{tick} {prepared.version} is prepared already: {short} on {prepared.branch or 'a detached HEAD'}",
            fg="green",
            bold=True,
        )
    else:
        old = prepared.previous if prepared.previous != prepared.version else None
        previous = f"{old} {arrow} " if old else ""
        say(f"{prepared.project} {previous}{prepared.version}", bold=True)
        show_facts(_prepared_facts(prepared))
        if prepared.dry_run:
            say()
            show_diff(prepared.diff or "")
        else:
            say()
            show_entry(prepared.entry)
        say()
        show_report(prepared.report)
    if prepared.dry_run:
        say("Dry run: nothing was changed.", bold=True)
        return
    if not prepared.already:
        title = prepared.message.split("\n", 1)[0]
        say(f'{tick} {short} "{title}" on {prepared.branch}', fg="green", bold=True)
    if prepared.tagged:
        say(f"{tick} tag {prepared.tag} on {short}", fg="green")
    if prepared.pushed_to:
        say(f"{tick} pushed to {prepared.pushed_to}/{prepared.pushed_branch}", fg="green")
    for what, command in prepared.next_commands():
        say(f"  {what:<5} {command}")


def _prepared_facts(prepared: Prepared) -> list[tuple[str, str]]:
    """Return what a release is made of, as (word, sentence)."""
    kinds = ", ".join(f"{number} {type_}" for type_, number in prepared.types.items())
    stated = f"stated already in {', '.join(prepared.stated_in)}" if prepared.stated_in else "the tag states it"
    facts = [
        ("fragments", f"{len(prepared.consumed)} compiled" + (f": {kinds}" if kinds else "")),
        ("changelog", prepared.changelog),
        ("version", ", ".join(prepared.rewritten) or stated),
    ]
    return [*facts, *([("because", prepared.decided)] if prepared.decided else [])]
