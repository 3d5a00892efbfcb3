"""The recovery card: where a release stands after a run that failed, and the one thing to do now. Pure."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from tagready.commands.status import Place, Recovery, Standing, State, Way
from tagready.facts.actions import github
from tagready.facts.findings import Refused, Report, Trouble

_STATES = {
    State.AS_INTENDED: "✅ done",
    State.ABSENT: "– not done",
    State.CONFLICTING: "❌ conflicting",
    State.UNVERIFIABLE: "? cannot be known",
}
_RESULTS = {"success": "✅", "failure": "❌", "cancelled": "❌"}

#: Jobs that look at the commit alone: where they fail for a reason, they fail again.
_OF_COMMIT = ("verify", "test", "build")

_SAFE = (
    "Yes, at any time: jobs that succeeded keep their files, an upload sends only what the index lacks, and nothing is"
    " ever overwritten."
)


class _Out(Enum):
    """How much of a release is out; the value says it of the release."""

    CONFLICT = "❌ {} cannot be published like this"
    UNKNOWN = "❔ Whether {} is published cannot be known from here"
    NOTHING = "⚠️ {} is not published yet"
    HALF = "⚠️ {} is half published"
    NOT_ANNOUNCED = "⚠️ {} is published, but the GitHub release is not"
    NOT_COMPARED = "❔ {} is listed, and nobody knows with which bytes"
    ALL = "✅ {} is published"


class _Advice(NamedTuple):
    """Whether running the failed jobs again is of use, and the one next thing to do."""

    again: str
    next: str
    otherwise: str = ""


def written(recovery: Recovery) -> str:
    """Return the card as Markdown."""
    if recovery.standing is None:
        return _unknown(recovery)
    standing, jobs = recovery.standing, dict(recovery.jobs)
    out = _out(standing, recovery.on_forge, jobs)
    places = [*standing.places, *([recovery.on_forge] if recovery.on_forge else [])]
    rows = [(place.name, _stands(place), place.detail) for place in places]
    return _card(
        out.value.format(f"{standing.project} {standing.version}"),
        [*github.table(("place", "", ""), rows), ""],
        recovery,
        _way_on(standing, out, recovery),
        standing.report,
    )


def _stands(place: Place) -> str:
    """Return how a place stands; the job that writes this has none of the files that an index lists."""
    return "? there, not compared" if place.file and place.state is State.UNVERIFIABLE else _STATES[place.state]


def _card(title: str, told: list[str], recovery: Recovery, way: _Advice, report: Report) -> str:
    jobs = [(name, f"{_RESULTS.get(result, '–')} {result}") for name, result in recovery.jobs]
    lines = [github.heading(title), "", *told]
    lines += [*github.table(("job", "ended"), jobs), ""] if jobs else []
    lines += github.paragraphs(report)
    lines += [f"**Is a re-run safe?** {way.again}", "", f"**Next:** {way.next}", ""]
    return "\n".join([*lines, *([way.otherwise, ""] if way.otherwise else [])])


def _out(standing: Standing, on_forge: Place | None, jobs: dict[str, str]) -> _Out:
    on_index = [place for place in standing.places if place.name == "index"]
    listed = [place for place in on_index if place.file and place.state is not State.ABSENT]
    missing = [place for place in on_index if place.file and place.state is State.ABSENT]
    if any(place.state is State.CONFLICTING for place in standing.places):
        return _Out.CONFLICT
    if any(place.state is State.UNVERIFIABLE and not place.file for place in on_index):
        return _Out.UNKNOWN
    if not listed:
        return _Out.NOTHING
    # Which files there are to be is known where `dist/` is here, and to the job that uploads them.
    if missing or jobs.get("publish", "success") != "success":
        return _Out.HALF
    # In a run, the job that uploads has compared them.
    if not jobs and any(place.uncompared for place in listed):
        return _Out.NOT_COMPARED
    return _Out.NOT_ANNOUNCED if on_forge and on_forge.state is State.ABSENT else _Out.ALL


def _way_on(standing: Standing, out: _Out, recovery: Recovery) -> _Advice:
    if not standing.report.ok:
        of_commit = ("commit", "entry")
        taken = any(each.state is State.CONFLICTING and each.name not in of_commit for each in standing.places)
        why = "what is there already stays as it is" if taken else "the commit is the same, and so is what it lacks"
        unpublished = all(each.state is State.ABSENT for each in standing.places if each.name == "index")
        anew = f"Nothing of it is published, so {_anew(standing)}" if unpublished and not taken else ""
        return _Advice(f"It harms nothing, and it is of no use: {why}.", f"`{standing.command}`", anew)
    if standing.way is Way.STEP:
        return _Advice("It harms nothing, and it is of no use before the next step.", f"`{standing.command}`")
    failed = [name for name, result in recovery.jobs if result in ("failure", "cancelled")]
    if out is _Out.NOT_COMPARED:
        return _Advice(_SAFE, f"to compare them with the tag: `tagready build {standing.tag}`, and ask again.")
    if out is _Out.ALL and not failed:
        return _Advice(_SAFE, "nothing is left to do.")
    more = (
        f"To see the rest from here: `{standing.command}`"
        if standing.way is Way.FETCH
        else _otherwise(standing, out, failed)
    )
    return _Advice(_SAFE, _button(recovery), more)


def _otherwise(standing: Standing, out: _Out, failed: list[str]) -> str:
    """Return what to do where the first job that failed fails again."""
    first = next(iter(failed), "")
    if first == "preflight":
        return "The annotations of `preflight` say what is wrong with the token: mend that first."
    if first in _OF_COMMIT and out is _Out.NOTHING:
        return f"If `{first}` fails again, the commit is at fault. Nothing of it is published, so {_anew(standing)}"
    return f"If `{first}` fails again, its annotations say why, and what to do." if first else ""


def _anew(standing: Standing) -> str:
    drop = f"`git tag -d {standing.tag}; git push origin :refs/tags/{standing.tag}`"
    again = f"mend it, drop the tag ({drop}), and tag it again: `tagready tag {standing.version} --push`"
    return f"{again}. Where a ruleset keeps tags from being dropped, release the mended state as the next version."


def _button(recovery: Recovery) -> str:
    run = f"[this run]({recovery.run})" if recovery.run else "the run of the workflow that the tag started"
    return f"open {run}, and press **Re-run failed jobs**."


def _unknown(recovery: Recovery) -> str:
    """Return a card that can only say why nobody knows where the release stands."""
    problem, report, told = recovery.problem, Report(), []
    if isinstance(problem, Refused):
        report = problem.report
    elif isinstance(problem, Trouble):
        said = github.failure("", problem.what, problem.fix, problem.stderr)
        told = said.split("\n")[2:]
    else:
        # Its own words may hold anything.
        what = f"{type(problem).__name__}, which is a bug in tagready: please report it, with this run's log"
        told = [f"❌ {what}", ""]
    title = f"❔ Where {recovery.name} stands could not be found out"
    look = f"in a full clone, `tagready status {recovery.name}` says where it stands"
    return _card(title, told, recovery, _Advice(_SAFE, f"{_button(recovery)[:-1]}; {look}."), report)
