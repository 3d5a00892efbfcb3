"""publish: the token first, before anything else is touched; then what the index lacks, until it lists all of it."""

from __future__ import annotations

import os
import shlex
import time
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tagready.commands.releases.reconcile import Goods, Patience, Reconciliation, Watcher
from tagready.doors import credentials, index
from tagready.doors.credentials import Credentials, Place
from tagready.doors.release_folder import Folder, look_into, project_of
from tagready.doors.uploads import Upload, Uploader
from tagready.facts.config import Config, load
from tagready.facts.findings import (
    Finding,
    Refused,
    Report,
    Skipped,
    Trouble,
    WorldFailed,
    WrongUse,
    check_skips,
    finding,
)
from tagready.facts.publishing import release_file, token_rules, upload_answers
from tagready.facts.publishing.distribution import folder_option
from tagready.facts.publishing.index_rules import OnIndex


class Options(NamedTuple):
    """What was asked for on the command line, and what the project's configuration says of publishing.

    `dist` lies in the `directory` where it runs, if it is not absolute. `project` is the name that is known where there
    are no distributions yet.
    """

    dist: Path = Path("dist")
    directory: Path = Path()
    preflight: bool = False
    confirm: bool = False
    repository: str | None = None
    repository_url: str | None = None
    index_url: str | None = None
    trusted: bool = False
    probe: bool = True
    attestations: bool = True
    skip: tuple[str, ...] = ()
    project: str | None = None
    smoke: bool = False
    smoke_command: str | None = None


class Published(NamedTuple):
    """How each file stands on the index in the end; after a preflight there is none, and `source` had the token."""

    project: str | None
    version: str | None
    tag: str | None
    commit: str | None
    host: str
    source: str
    attested: str
    standings: tuple[OnIndex, ...]
    report: Report
    smoked: str = ""


def configured(options: Options, directory: Path, overlay: Path | None) -> Options:
    """Return the options with what a project's configuration adds, where the folder is in one at all."""
    config, project = _project(directory, overlay)
    return options._replace(
        directory=directory,
        trusted=options.trusted or config.trusted,
        probe=config.probe,
        project=options.project or project or None,
        smoke_command=config.smoke,
    )


def _project(directory: Path, overlay: Path | None) -> tuple[Config, str | None]:
    from tagready.commands.releases.snapshot import NoProject, take
    from tagready.doors import git

    try:
        repository = git.discover(directory, bare=True)
    except Trouble:
        return _overlaid(overlay), None
    try:
        snapshot = take(repository, "HEAD", overlay) if repository.commit("HEAD") else None
        return (snapshot.config, snapshot.name) if snapshot else (_overlaid(overlay), None)
    except NoProject:
        return _overlaid(overlay), None
    finally:
        repository.close()


def _overlaid(overlay: Path | None) -> Config:
    from tagready.commands.releases.snapshot import read_overlay

    return load({}, "", read_overlay(overlay), str(overlay))


def publish(options: Options, watcher: Watcher, patience: Patience = Patience()) -> Published:  # noqa: B008
    """Return the published release; raise Refused where our rules say no, and WorldFailed where the index does not do.

    In both cases `about["files"]` says how each file stands. Needs no repository.
    """
    try:
        check_skips(options.skip, policy_only=True)
        if options.preflight or options.confirm:
            return _publish(options, None, watcher, patience)
        with closing(Uploader()) as uploader:
            return _publish(options, uploader, watcher, patience)
    except (Refused, Trouble) as problem:
        # What ends before there is anything to compare has the same keys.
        problem.about = {"files": [], "resume": ""} | problem.about
        raise


def _publish(options: Options, uploader: Uploader | None, watcher: Watcher, patience: Patience) -> Published:
    place = credentials.find_place(options.repository, options.repository_url)
    address = _listing_address(place, options)
    folder, goods_report = (None, Report()) if options.preflight else _look_into(options.dist)
    project = folder.project if folder else project_of(options.dist) or options.project
    run: Reconciliation | None = None
    attested: dict[str, Path] = {}
    found, report, smoked = None, Report(), Report()
    try:
        if not options.confirm:
            found, report = _token(place, project, options, watcher, patience)
        report = report.and_(goods_report)
        if folder:
            report = report.and_(_of_this_run(folder))
        if not report.without(options.skip).ok:
            raise Refused(report=report.without(options.skip))
        if folder:
            attested = _attested(folder, options) if found else {}
            uploads = {file.name: _upload(folder, file.name, attested) for file in folder.files}
            goods = Goods(folder.project, folder.version, folder.files, uploads)
            run = Reconciliation(goods, place, address, watcher, patience, options.skip)
            run.upload(uploader, found) if uploader and found else run.confirm()
            if options.smoke:
                smoked = _smoke(folder, address, options, watcher, patience)
    except (Refused, Trouble) as problem:
        standings = run.standings if run else ()
        burned = isinstance(problem, Refused) and {each.rule for each in problem.report.findings} & _BURNED
        way_on = "" if burned else resume(options)
        problem.about |= {**_about(folder, project), "files": as_json(standings), "resume": way_on}
        raise
    return Published(
        **_about(folder, project),
        host=place.target.host,
        source=found.source if found else "",
        attested=_origin(attested, options) if folder else "",
        standings=run.standings if run else (),
        report=report.and_(run.aside if run else Report()).without(options.skip).and_(smoked),
        smoked=(options.smoke_command or "imported") if options.smoke and not smoked.skipped else "",
    )


def _smoke(folder: Folder, listing: str, options: Options, watcher: Watcher, patience: Patience) -> Report:
    """Install the release from the index as its users do, and import it; raise Refused where that does not work.

    Returned is what could not be tried.

    What an index lists may be cached on the way to pip, so a release that pip does not find is looked for again.
    """
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    from tagready.doors import smoke

    wheels = [folder.path / file.name for file in folder.files if file.name.endswith(".whl")]
    wheel = next((each for each in wheels if each.name.endswith("-none-any.whl")), wheels[0])
    asked = None if listing.rstrip("/") == PYPI_SIMPLE_ENDPOINT.rstrip("/") else listing
    for faults in range(1, patience.attempts + 1):
        watcher.says(f"install {folder.project} {folder.version} from the index")
        found = smoke.test_from_index(wheel, asked, options.smoke_command)
        if found.ok or "cannot be installed" not in found.findings[0].message or faults == patience.attempts:
            break
        time.sleep(patience.pause(faults))
    if not found.ok:
        raise Refused(report=found)
    return found


def _look_into(dist: Path) -> tuple[Folder | None, Report]:
    """Return what there is to publish, judged; where that cannot be known, the reason is a finding beside others."""
    try:
        folder = look_into(dist)
    except Refused as refused:
        return None, refused.report
    return folder, folder.report


#: What running it again does not change.
_BURNED = {"dist-conflict", "release-closed", "version-not-newer"}


def as_json(standings: tuple[OnIndex, ...]) -> list[dict[str, str]]:
    """Return how each file stands, as the JSON has it."""
    return [{"name": each.file.name, "sha256": each.file.sha256, "action": str(each.action)} for each in standings]


def _about(folder: Folder | None, project: str | None) -> dict[str, Any]:
    release = folder.release if folder else None
    return {
        "project": project,
        "version": str(folder.version) if folder else None,
        "tag": release.tag if release else None,
        "commit": release.commit if release else None,
    }


def _of_this_run(folder: Folder) -> Report:
    """Return whether the distributions are of the tag that the workflow runs for, where it runs for one."""
    name = os.environ.get("GITHUB_REF_NAME")
    tag = folder.release.tag if folder.release else None
    if os.environ.get("GITHUB_REF_TYPE") != "tag" or tag is None or tag == name:
        return Report()
    what = f"this workflow runs for the tag {name}, and the distributions in {folder.path} were built from {tag}"
    fix = "take the files that the build job of this very run has made"
    return Report((finding("version-mismatch", what, fix, str(folder.path / release_file.NAME)),))


def _listing_address(place: Place, options: Options) -> str:
    """Return the simple endpoint of the index that takes the upload; raise WrongUse where nobody can know it."""
    from twine.utils import TEST_REPOSITORY

    from tagready.facts.publishing.tokens import location_of

    given = options.index_url or os.environ.get("TAGREADY_INDEX_URL")
    if not given and not place.target.is_known:
        raise WrongUse(
            f"what {place.target.host} lists is read after each upload, and the address of its listing is not known",
            "give the address of its simple index with --index-url, or in TAGREADY_INDEX_URL",
        )
    return index.endpoint(given, "testpypi" if place.target.host == location_of(TEST_REPOSITORY) else None)


def _token(
    place: Place, project: str | None, options: Options, watcher: Watcher, patience: Patience
) -> tuple[Credentials | None, Report]:
    """Return what to upload with, and what is wrong with it as far as anybody can tell before an upload."""
    found = _minted(place, watcher, patience) if options.trusted else credentials.find(place, project)
    if isinstance(found, Finding):
        return None, Report((found,))
    if options.trusted:
        return found, Report()
    report = Report(token_rules.judge(found.user, found.password, found.source, place.target, project, time.time()))
    if report.ok and options.probe:
        watcher.says(f"ask {place.target.host} whether it takes the token")
        probed = _probe(place, found, project)
        # What could not be asked before, an upload will tell.
        report = report.and_(probed if options.preflight else Report(probed.findings))
    return found, report


def _minted(place: Place, watcher: Watcher, patience: Patience) -> Credentials | Finding:
    """Return a token for the identity of this run, asked for again where no answer came."""
    faults = 0
    while True:
        try:
            return credentials.mint(place)
        except WorldFailed as failed:
            faults += 1
            if faults == patience.attempts:
                raise
            pause = patience.pause(faults)
            watcher.says(f"{failed.what} ({failed.stderr}); again in {pause:.3g} s")
            time.sleep(pause)


def _probe(place: Place, found: Credentials, project: str | None) -> Report:
    """Return whether the index refuses the token; whatever else it answers, or if it does not, the upload will tell."""
    answer = credentials.probe(place, found)
    if answer.status is None:
        reason = f"{place.target.host} gave no answer ({answer.text}), so whether it takes the token is not known yet"
        return Report(skipped=(Skipped("token-refused", reason),))
    if not upload_answers.refuses_token(answer):
        return Report()
    words = upload_answers.words(found.hide(answer.text))
    return Report((token_rules.refused(place.target, project, found.source, words),))


def _attested(folder: Folder, options: Options) -> dict[str, Path]:
    """Return each file's attestation of its origin (PEP 740), which an index takes under Trusted Publishing only."""
    if not options.trusted or not options.attestations:
        return {}
    from tagready.doors.attestations import attest

    return attest(folder.path, folder.files)


def _origin(attested: dict[str, Path], options: Options) -> str:
    if attested:
        return f"attested for {len(attested)} {'file' if len(attested) == 1 else 'files'} (PEP 740)"
    asked = options.trusted and options.attestations
    return "not attested: that takes pip install 'tagready[attestations]'" if asked else ""


def _upload(folder: Folder, name: str, attested: dict[str, Path]) -> Upload:
    return Upload(folder.path / name, (attested[name],) if name in attested else ())


def resume(options: Options) -> str:
    """Return the command that goes on where this run ended; addresses are told without their credentials."""
    from requests.utils import urldefragauth

    given = [
        ("--repository", options.repository),
        ("--repository-url", options.repository_url and urldefragauth(options.repository_url)),
        ("--index-url", options.index_url and urldefragauth(options.index_url)),
        *(("--skip", rule) for rule in options.skip),
    ]
    flags = {
        "--trusted": options.trusted,
        "--no-attestations": not options.attestations,
        "--preflight": options.preflight,
        "--confirm": options.confirm,
        "--smoke": options.smoke,
    }
    words = [word for name, value in given if value for word in (name, value)]
    where = [] if options.directory == Path() else ["-C", str(options.directory)]
    folder = folder_option(options.dist, options.directory)
    command = shlex.join(["tagready", "publish", *where, *folder, *words, *(flag for flag, on in flags.items() if on)])
    return f"re-run the failed jobs of this run, or: {command}" if os.environ.get("GITHUB_ACTIONS") else command
