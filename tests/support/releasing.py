"""A project on GitHub, and the index that it releases to: what the generated workflows are executed in.

    with sites(tmp_path_factory) as make:
        site = make()
        site.tag()
        run = site.release()
        assert run.execute() == "success"

`sites` makes the project once; each site has a copy of it, which a test may spoil. The forge knows the tokens of the
jobs that are running, and what each of them may do; its tags are those of the repository.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import action_events
import workflow_files
from action_steps import World
from actions import Run, Step
from buildable import ABOUT, FILES, FLIT, OURS, vendor, wheel_of, with_build
from forge_server import REPOSITORY, ForgeServer, Reply, Seen
from projects import Project, add_remote, make_project
from warehouse import TOKEN, Warehouse
from warehouse import Reply as IndexReply

TAG, VERSION = "v1.4.0", "1.4.0"
REF = f"refs/tags/{TAG}"
RELEASE, PREPARE, READINESS, PROTECT = "release.yml", "prepare-release.yml", "release-readiness.yml", "protect-main.yml"

#: One classifier, so that tests run on one Python: the one that is here.
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
CLASSIFIERS = f'classifiers = ["Programming Language :: Python :: {PYTHON}"]\n'
TEST = "import demo\n\n\ndef test_the_answer():\n    assert demo.ANSWER == 42\n"

#: Where programs look for whose certificates to trust.
AUTHORITIES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT", "TWINE_CERT")

#: What init writes of its own accord where there is a remote.
FLOW = 'flow = "pull-request"\nstrict-entry = true'
TRUSTED = f"{FLOW}\npublish = {{trusted = true}}"


# -- around the project ------------------------------------------------------------------------------------------------


class Index(Warehouse):
    """The index. It knows a run by the identity that GitHub gives it, and it can be down."""

    def __init__(self, *, tls: bool = False) -> None:
        super().__init__(tls=tls)
        self.down = False
        self.world: World | None = None

    def uploads_taken(self) -> list[str]:
        """Return the file of each upload that was taken, in order."""
        return [str(name) for name, status in self.uploads() if name and status == 200]

    def bytes(self) -> dict[str, bytes]:
        return {name: file.path.read_bytes() for name, file in self.files.items()}

    def _route(self, request: Any, path: str, body: Any, upload: Any) -> IndexReply:
        if self.down:
            body.rest()
            return IndexReply(503, b"Service Unavailable", "text/plain", headers={"Retry-After": "600"})
        return super()._route(request, path, body, upload)

    def _identify(self, request: Any) -> IndexReply:
        given = request.headers.get("Authorization", "").partition(" ")[2]
        granted = self.world.permissions_of(given.removeprefix("id-")) if self.world else None
        if granted and granted.get("id-token") == "write":
            self._request_token = given
        return super()._identify(request)


class _Tokens(dict[str, bool]):
    """The tokens of the jobs that are running, and whether each may write to the repository."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def __contains__(self, token: object) -> bool:
        return isinstance(token, str) and self.world.permissions_of(token) is not None

    def __getitem__(self, token: str) -> bool:
        return (self.world.permissions_of(token) or {}).get("contents") == "write"


class _Tags(dict[str, list[str]]):
    """The tags of the repository as they are now."""

    def __init__(self, remote: Path) -> None:
        super().__init__()
        self.remote = remote

    def _now(self) -> dict[str, list[str]]:
        form = "--format=%(refname:strip=2) %(objectname) %(*objectname)"
        lines = action_events.git(self.remote, "for-each-ref", form, "refs/tags").splitlines()
        return {name: oids for name, *oids in map(str.split, lines)}

    def __contains__(self, name: object) -> bool:
        return name in self._now()

    def __getitem__(self, name: str) -> list[str]:
        return self._now()[name]

    def __len__(self) -> int:
        return len(self._now())

    def values(self) -> Any:
        return self._now().values()

    def __setitem__(self, name: str, _: list[str]) -> None:
        """Make a tag where the forge makes it that is told to publish a release without one: on the default branch."""
        action_events.git(self.remote, "update-ref", f"refs/tags/{name}", "HEAD")


def _permitted(world: World) -> Callable[[int, Seen], Reply | str | None]:
    """Return what refuses a request that the token of a job has no permission for."""

    def refusal(_: int, seen: Seen) -> Reply | None:
        granted = world.permissions_of((seen.authorization or "").removeprefix("Bearer "))
        needed = "pull-requests" if seen.path.partition("?")[0].endswith("/pulls") else "contents"
        if seen.host == "objects" or granted is None or needed in granted:
            return None
        return Reply(403, {"message": "Resource not accessible by integration", "status": "403"})

    return refusal


# -- the project -------------------------------------------------------------------------------------------------------


class Template(NamedTuple):
    """A project with its repository on GitHub: main has the release commit, which is not tagged yet."""

    project: Project
    remote: Path


@contextmanager
def tool_is_listed(folder: Path) -> Iterator[None]:
    """Let an index list the tagready that is here, so that init finds its hash."""
    with Index() as index, pytest.MonkeyPatch.context() as patch:
        index.put(wheel_of(folder, {"tagready.py": ""}, "tagready", version("tagready")))
        patch.setenv("TAGREADY_INDEX_URL", index.simple_url)
        yield


def make_package(path: Path, keys: str = "", backend: str = "", name: str = "demo") -> Project:
    """Return a project that builds offline, with a test; a backend of its own does what flit-core does, and this."""
    system = FLIT.replace("flit_core.buildapi", "ours") if backend else FLIT
    pyproject = with_build(system, keys, ABOUT + CLASSIFIERS).replace('name = "demo"', f'name = "{name}"')
    project = make_project(path, pyproject=pyproject)
    for file, text in FILES.items():
        project.write(file.replace("demo.py", f"{name}.py"), text)
    vendor(project)
    if backend:
        project.write("vendor/ours.py", OURS + backend)
    project.write(f"tests/test_{name}.py", TEST.replace("demo", name))
    project.commit("Make it a package")
    return project


def release_on_main(project: Project, number: int = 1) -> None:
    """Prepare 1.4.0 on its branch, and merge that as a pull request."""
    done = project.prepare(VERSION)
    assert done.code == 0, done.err
    merge(project, f"release/{VERSION}", number)


def merge(project: Project, branch: str, number: int) -> str:
    """Merge a branch into main as GitHub does, push it, delete the branch, and return the merge."""
    project.git("switch", "-q", "main")
    project.git("merge", "-q", "--no-ff", "-m", f"Merge pull request #{number} from acme/{branch}", branch)
    project.git("branch", "-q", "-D", branch)
    project.git("push", "-q", "origin", "main")
    return project.head()


def make_template(folder: Path, *, prepared: bool = True, **options: str) -> Template:
    """Return a project that uses tagready, and is ready to be released; or to be prepared."""
    project = make_package(folder / "demo", **options)
    remote = add_remote(project, folder / "remote.git")
    with tool_is_listed(folder / "tool"):
        done = project.run("init", "--yes")
    assert done.code == 0, done.err
    project.commit("Release with tagready")
    project.git("push", "-q", "origin", "main")
    if prepared:
        release_on_main(project)
    shutil.rmtree(project.path / ".git/hooks", ignore_errors=True)
    for where in (project.path, remote):
        subprocess.run(["git", "gc", "--quiet"], cwd=where, check=True)
    return Template(project, remote)


# -- the site ----------------------------------------------------------------------------------------------------------


class Site:
    """A copy of a project, with everything that its releases touch."""

    def __init__(
        self, folder: Path, made: Template, index: Index, forge: ForgeServer, token: str | None = TOKEN
    ) -> None:
        self.project = Project(Path(shutil.copytree(made.project.path, folder / "demo", symlinks=True)))
        self.remote = Path(shutil.copytree(made.remote, folder / "remote.git"))
        self.project.git("remote", "set-url", "origin", str(self.remote))
        self.index, self.forge = index, forge
        self.world = index.world = World(
            folder / "github", self.remote, repository=REPOSITORY,
            environments={"pypi": {"PYPI_API_TOKEN": token} if token else {}},
            api_url=forge.url(), id_token_url=f"{index.root}github-oidc", extra=surroundings(index),
        )  # fmt: skip
        forge.tokens, forge.tags, forge.fault = _Tokens(self.world), _Tags(self.remote), _permitted(self.world)

    # -- what people do ------------------------------------------------------------------------------------------------

    def tag(self) -> str:
        """Tag the release as its maintainer does, and return the commit."""
        done = self.project.run("tag", VERSION, "--push")
        assert done.code == 0, done.err
        return self.project.head(f"{TAG}^{{commit}}")

    def tag_anyway(self, revision: str = "HEAD", tag: str = TAG) -> None:
        """Tag and push whatever is there, as git lets everybody do."""
        self.project.git("tag", tag, revision)
        self.project.git("push", "-q", "origin", tag)

    def push_main(self, message: str = "Change", **files: str) -> str:
        """Commit to main and push it, and return the commit."""
        commit = self.project.commit(message, **files)
        self.project.git("push", "-q", "origin", "main")
        return commit

    def open(self, branch: str, number: int = 7) -> str:
        """Push a branch, and open a pull request for it; return the merge that GitHub makes of it."""
        self.project.git("push", "-q", "--force", "origin", branch)
        return action_events.open_pull_request(self.remote, number, branch)

    # -- what GitHub does ----------------------------------------------------------------------------------------------

    def run(
        self, workflow: str, event: str, ref: str, sha: str = "", without: Collection[str] = (), **more: Any
    ) -> Run:
        """Return a run of the workflow as the commit has it, but for the jobs that it is to do without."""
        commit = sha or action_events.git(self.remote, "rev-parse", f"{ref}^{{commit}}")
        path = f".github/workflows/{workflow}"
        text = action_events.git(self.remote, "show", f"{commit}:{path}")
        if without:
            loaded = workflow_files.load(text)
            text = json.dumps(
                loaded | {"jobs": {name: job for name, job in loaded["jobs"].items() if name not in without}}
            )
        return Run(text, event, ref, commit, self.world, path=path, **more)

    def release(self, *without: str) -> Run:
        """Return the run that pushing the tag has started."""
        return self.run(RELEASE, "push", REF, without=without)

    def gate(self, branch: str, number: int = 7, **more: Any) -> Run:
        """Open a pull request, and return the run that it has started."""
        merged = self.open(branch, number)
        ref = f"refs/pull/{number}/merge"
        return self.run(READINESS, "pull_request", ref, merged, head_ref=branch, base_ref="main", **more)

    def queued(self, branch: str, number: int = 7) -> Run:
        """Put a pull request into the merge queue, and return the run that its group has started."""
        self.open(branch, number)
        return self.run(READINESS, "merge_group", action_events.queue(self.remote, number, branch), base_ref="main")

    def pushed(self, before: str) -> Run:
        """Return the run that a push to main has started."""
        return self.run(PROTECT, "push", "refs/heads/main", before=before)


def surroundings(index: Index) -> dict[str, str]:
    """Return the variables that lead a step to this index, and to nothing of this machine."""
    authority = {name: str(index.ca_file) for name in AUTHORITIES} if index.ca_file else {}
    return authority | {
        "TAGREADY_INDEX_URL": index.simple_url, "TWINE_REPOSITORY_URL": index.upload_url,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "no_proxy": "127.0.0.1",
        "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # half of the time that the project's test takes
    }  # fmt: skip


@contextmanager
def sites(factory: pytest.TempPathFactory) -> Iterator[Callable[..., Site]]:
    """Make sites: make(keys, token=…, tls=…, backend=…, name=…, prepared=…). What they are copies of is made once."""
    with ExitStack() as stack:

        @cache
        def template(**options: Any) -> Template:
            return make_template(factory.mktemp("template"), **options)

        def make(keys: str = "", token: str | None = TOKEN, tls: bool = False, **more: Any) -> Site:
            index, forge = stack.enter_context(Index(tls=tls)), stack.enter_context(ForgeServer())
            return Site(factory.mktemp("site"), template(keys=keys, **more), index, forge, token)

        yield make


# -- what a run came to ------------------------------------------------------------------------------------------------


def rules(run: Run, job: str = "") -> list[str]:
    """Return the rules of the errors that the newest attempt annotated, each once, as they came."""
    mine = [note for note in run.annotations if note.level == "error" and (not job or note.job == job)]
    return list(dict.fromkeys(note.place["title"] for note in mine if "title" in note.place))


def summary(run: Run, job: str) -> str:
    """Return what the newest attempt of a job shows on the page of the run."""
    return "".join(step.summary for step in newest(run, job))


def newest(run: Run, job: str) -> list[Step]:
    steps = [step for step in run.steps if step.job == job]
    attempt = max((step.attempt for step in steps), default=0)
    return [step for step in steps if step.attempt == attempt]


def failed(run: Run) -> tuple[str, str] | None:
    """Return the job and the step where the newest attempt came to its end; None where it did not fail."""
    found = [step for step in run.steps if step.attempt == run.attempt and step.outcome == "failure"]
    return (found[0].job, found[0].name) if found else None


def spoil(site: Site, files: Mapping[str, str | None], message: str = "Merge pull request #1") -> None:
    """Put other files into the release commit, as if they had always been there; None takes one away."""
    for name, text in files.items():
        if text is None:
            (site.project.path / name).unlink()
        else:
            site.project.write(name, text)
    site.project.git("add", "--all")
    site.project.git("commit", "-q", "--amend", "-m", message)
    site.project.git("push", "-q", "--force", "origin", "main")
