"""The machine that a job runs on, and what happens there: scripts, and what stands for the actions of GitHub.

A machine is a folder that nothing but its job uses. A script sees an environment that is built from nothing, as on
GitHub: no variable of ours leaks in, except those that the world names.
"""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import stand_ins
from expressions import WorkflowBug

#: Where a step finds commands: what Actions has, and git and bash wherever they are here.
COMMANDS = list(
    dict.fromkeys(
        ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]
        + [str(Path(found).parent) for tool in ("git", "bash", "jq") if (found := shutil.which(tool))]
    )
)

#: Seconds after which a step that does not come to an end is given up.
PATIENCE = 300.0


class ActionFailed(Exception):  # noqa: N818 - the action says so
    """An action ended as failed, with its message."""


class Annotation(NamedTuple):
    """An error, a warning or a notice that a step wrote with a workflow command."""

    job: str
    step: str
    level: str
    message: str
    place: Mapping[str, str]  # file, line, title …


@dataclass
class World:
    """What is around a workflow: the repository on GitHub, its secrets, the services that its steps ask.

    `secrets` are the repository's, `environments` those of each environment. `extra` are variables that every step
    sees besides GitHub's own. `tokens` says what each token of a job that is running may do.
    """

    folder: Path
    remote: Path
    repository: str = "octo/demo"
    secrets: dict[str, str] = field(default_factory=dict)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)
    server_url: str = "https://github.com"
    api_url: str = "http://127.0.0.1:9"  # nobody listens there
    id_token_url: str = "http://127.0.0.1:9/token"
    default_permissions: dict[str, str] = field(default_factory=lambda: {"contents": "read", "packages": "read"})
    may_create_pull_requests: bool = True
    python: str = sys.executable
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        branch = subprocess.run(
            ["git", "--git-dir", str(self.remote), "symbolic-ref", "--short", "HEAD"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        self.gh_state.write_text(
            json.dumps(
                {
                    "calls": [], "pulls": [], "labels": list(stand_ins.LABELS), "default_branch": branch,
                    "may_create": self.may_create_pull_requests,
                }
            )
        )  # fmt: skip

    @property
    def gh_state(self) -> Path:
        return self.folder / "gh.json"

    @property
    def gh(self) -> Any:
        """What gh was asked (`calls`), and what came of it (`pulls`)."""
        return json.loads(self.gh_state.read_text())

    @property
    def address(self) -> str:
        return f"{self.server_url}/{self.repository}"

    def permissions_of(self, token: str) -> dict[str, str] | None:
        """Return what a token may do: nothing, once its job has ended (None)."""
        return self.tokens.get(token)

    def grant(self, token: str, permissions: dict[str, str]) -> None:
        self.tokens[token] = permissions
        self._write_tokens()

    def revoke(self, token: str) -> None:
        self.tokens.pop(token, None)
        self._write_tokens()

    def _write_tokens(self) -> None:
        (self.folder / "tokens.json").write_text(json.dumps(self.tokens))


# -- processes ---------------------------------------------------------------------------------------------------------


class Kill(NamedTuple):
    """When a script is killed: at its first output, or after a delay in seconds."""

    delay: float | None = None


class Ended(NamedTuple):
    """How a script ended; no exit code where it was killed."""

    code: int | None
    output: str


def run_script(command: Sequence[str], cwd: Path, env: Mapping[str, str], log: Path, kill: Kill | None) -> Ended:
    """Run a script in a process group of its own; with a kill, the group and all that came of it get SIGKILL."""
    start = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    # Not process.wait(PATIENCE): that looks only every now and then.
    patience = threading.Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
    patience.start()
    try:
        if kill:
            _wait_to_kill(process, log, kill)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    finally:
        patience.cancel()
        patience.join()
    if kill:
        sweep(env["RUNNER_TRACKING_ID"])
    elif process.returncode == -signal.SIGKILL and time.monotonic() - start >= PATIENCE:
        raise AssertionError(f"the step does not end: {log.read_text(errors='replace')}")
    return Ended(None if kill else process.returncode, log.read_text(errors="replace"))


def _wait_to_kill(process: subprocess.Popen[bytes], log: Path, kill: Kill) -> None:
    start = time.monotonic()
    while process.poll() is None:
        if time.monotonic() - start >= kill.delay if kill.delay is not None else log.stat().st_size:
            return
        time.sleep(0.001)


def sweep(tracking_id: str) -> None:
    """Kill what a job has left behind, in whichever session it is: it carries the job's tracking id.

    GitHub's runner looks for the same variable at the end of a job. Only where there is a /proc.
    """
    mark = f"RUNNER_TRACKING_ID={tracking_id}\0".encode()
    while found := [pid for pid in _processes() if mark in _environment_of(pid)]:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)


def _processes() -> list[int]:
    if not Path("/proc").is_dir():
        return []
    return [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit() and int(entry.name) != os.getpid()]


def _environment_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes() + b"\0"
    except OSError:
        return b""


# -- the machine -------------------------------------------------------------------------------------------------------


class Machine:
    """A fresh computer for one job: folders, tools, and an environment."""

    def __init__(self, world: World, folder: Path, job: str, token: str, permissions: Mapping[str, str]) -> None:
        self.world, self.folder, self.job, self.token = world, folder, job, token
        self.may_push = permissions.get("contents") == "write"
        name = world.repository.rpartition("/")[2]
        self.home, self.temp, self.tools = folder / "home", folder / "temp", folder / "tools"
        self.workspace = folder / "work" / name / name
        self.files = self.temp / "_runner_file_commands"
        for path in (self.home, self.tools, self.workspace, self.files):
            path.mkdir(parents=True)
        self.tracking_id = f"github_{uuid.uuid4()}"
        self.paths: list[str] = []  # what steps put first on PATH
        self.variables: dict[str, str] = {}  # what steps wrote to GITHUB_ENV
        self.installed = folder / "installed.jsonl"
        self._furnish()

    def _furnish(self) -> None:
        settings = self.tools / ".settings.json"
        settings.write_text(
            json.dumps(
                {
                    "python": self.world.python, "log": str(self.installed), "job": self.job,
                    "state": str(self.world.gh_state), "tokens": str(self.world.folder / "tokens.json"),
                    "remote": str(self.world.remote), "repository": self.world.repository,
                    "server": self.world.server_url,
                }
            )
        )  # fmt: skip
        stand_ins.furnish(self.tools, settings, gh=True)
        # The repository's address leads to the remote, for fetching; to push asks for credentials, which is how
        # `persist-credentials` and `gh auth setup-git` matter. Any other address leads nowhere: there is no network.
        nowhere = self.folder / "no-credentials-for"
        (self.home / ".gitconfig").write_text(
            f'[url "{self.world.remote}"]\n\tinsteadOf = {self.world.address}\n\tinsteadOf = {self.world.address}.git\n'
            f'[url "{nowhere}/"]\n\tpushInsteadOf = {self.world.server_url}/\n'
            f'[url "{self.folder}/no-network-for/"]\n\tinsteadOf = https://\n'
        )

    @property
    def path(self) -> str:
        return ":".join([*reversed(self.paths), str(self.tools), *COMMANDS])

    def add_path(self, folder: str) -> None:
        self.paths = [known for known in self.paths if known != folder] + [folder]

    def basics(self) -> dict[str, str]:
        """Return what any process finds on a runner."""
        return {
            "PATH": self.path, "HOME": str(self.home), "LANG": "C.UTF-8", "CI": "true", "GITHUB_ACTIONS": "true",
            "RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "RUNNER_NAME": "GitHub Actions 1",
            "RUNNER_ENVIRONMENT": "github-hosted", "RUNNER_TEMP": str(self.temp),
            "RUNNER_TOOL_CACHE": str(self.folder / "tool-cache"), "RUNNER_WORKSPACE": str(self.workspace.parent),
            "RUNNER_TRACKING_ID": self.tracking_id,
            "GIT_CONFIG_NOSYSTEM": "1",  # the runner's own would be here; ours must not
        }  # fmt: skip

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run git as an action does, and return what it says.

        Raises `ActionFailed` with git's words if it fails.
        """
        done = subprocess.run(
            ["git", *arguments], cwd=cwd or self.workspace, env=self.basics(), capture_output=True, text=True,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        if done.returncode:
            raise ActionFailed(f"The process 'git {shlex.join(arguments)}' failed: {done.stderr.strip()}")
        return done.stdout.strip()


# -- what steps write --------------------------------------------------------------------------------------------------


def read_file_command(text: str) -> dict[str, str]:
    """Return the pairs of a file such as GITHUB_OUTPUT: `name=value`, or `name<<END`, lines, `END`.

    Raises `ActionFailed` for anything else, as the runner does.
    """
    found: dict[str, str] = {}
    lines = iter(text.removesuffix("\n").split("\n") if text else ())
    for line in lines:
        if not line:
            continue
        name, sign, rest = re.match(r"(.*?)(=|<<|$)(.*)", line).groups()  # type: ignore[union-attr]
        if not sign or not name or (sign == "<<" and not rest):
            raise ActionFailed(f"Invalid format '{line}'")
        found[name] = rest if sign == "=" else "\n".join(_until(lines, rest))
    return found


def _until(lines: Iterator[str], end: str) -> Iterator[str]:
    for line in lines:
        if line == end:
            return
        yield line
    raise ActionFailed(f"Invalid value. Matching delimiter not found '{end}'")


_COMMAND = re.compile(r"^\s*::([a-z-]+)(?: ([^:]*(?::(?!:)[^:]*)*))?::(.*)$")
_OLD_COMMANDS = {"set-output", "save-state", "set-env", "add-path"}


def read_commands(output: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """Yield the workflow commands in an output: name, properties, message.

    Raises `WorkflowBug` for those that GitHub has given up.
    """
    stopped = ""
    for line in output.splitlines():
        found = re.match(rf"^\s*::{re.escape(stopped)}::", line) if stopped else _COMMAND.match(line)
        if not found:
            continue
        if stopped:
            stopped = ""
            continue
        name, properties, message = found.groups()
        if name in _OLD_COMMANDS:
            raise WorkflowBug(f"the command ::{name}:: is no longer to be used")
        if name == "stop-commands":
            stopped = message
        pairs = (pair.split("=", 1) for pair in (properties or "").split(",") if "=" in pair)
        yield name, {key.strip(): _plain(value, ":", ",") for key, value in pairs}, _plain(message)


def _plain(text: str, *more: str) -> str:
    for sign in ("\r", "\n", *more, "%"):
        text = text.replace(f"%{ord(sign):02X}", sign)
    return text


# -- artifacts ---------------------------------------------------------------------------------------------------------


class Artifact(NamedTuple):
    """What upload-artifact keeps of a job: one zip file."""

    id: int
    name: str
    digest: str  # as GitHub computed it when it came
    path: Path
    attempt: int
    job: str
    step: str
    whole: bool  # false where the upload was cut short: the name is taken, nothing can be had


class Artifacts:
    """The artifacts of a run, over all its attempts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all: list[Artifact] = []
        self._made = 0

    def find(self, name: str) -> Artifact | None:
        return next((each for each in self.all if each.name == name), None)

    def create(self, name: str, files: Mapping[str, Path], attempt: int, job: str, step: str, whole: bool) -> Artifact:
        if self.find(name):
            raise ActionFailed(
                "Failed to CreateArtifact: Received non-retryable error: Failed request: (409) Conflict: "
                "an artifact with this name already exists on the workflow run"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self._made += 1
        path = self.folder / f"{self._made}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for inside, file in sorted(files.items()):
                # Neither dates nor permissions are kept.
                archive.writestr(zipfile.ZipInfo(inside), file.read_bytes(), zipfile.ZIP_DEFLATED)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        made = Artifact(4_000_000 + self._made, name, digest, path, attempt, job, step, whole)
        self.all.append(made)
        return made

    def delete(self, name: str) -> None:
        self.all = [each for each in self.all if each.name != name]


def files_to_upload(paths: str, workspace: Path, hidden: bool) -> dict[str, Path]:
    """Return the files that a `path` of upload-artifact names, by their place in the artifact.

    With several paths, that place is counted from their least common ancestor; with one, from the folder that stands
    before its first wildcard.
    """
    lines = [line.strip() for line in paths.splitlines() if line.strip() and not line.startswith("#")]
    found: dict[Path, None] = {}
    roots: list[Path] = []
    for line in lines:
        pattern = os.path.normpath(workspace / line.removeprefix("!"))
        matched = dict.fromkeys(_below(pattern, hidden))
        if line.startswith("!"):
            found = {file: None for file in found if file not in matched}
        else:
            found |= matched
            roots.append(_root(pattern))
    roots = [root for root in roots if not any(other in root.parents for other in roots)]
    roots = list(dict.fromkeys(roots))
    root = roots[0] if len(roots) == 1 else Path(os.path.commonpath(roots))
    if list(found) == [root]:
        root = root.parent
    return {file.relative_to(root).as_posix(): file for file in found}


def _root(pattern: str) -> Path:
    parts = Path(pattern).parts
    plain = next((place for place, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return Path(*parts[:plain])


def _below(pattern: str, hidden: bool) -> Iterator[Path]:
    start = _root(pattern)
    for name in sorted(glob.glob(pattern, recursive=True, include_hidden=True)):  # noqa: PTH207 - hidden ones, too
        top = Path(name)
        for file in [top] if top.is_file() else sorted(top.rglob("*")):
            shown = not any(part.startswith(".") for part in file.relative_to(start).parts)
            if file.is_file() and (hidden or shown):
                yield file


# -- actions -----------------------------------------------------------------------------------------------------------


class Call(NamedTuple):
    """A step that uses an action: its inputs as text, and where it runs."""

    machine: Machine
    inputs: dict[str, str]
    github: Mapping[str, Any]
    artifacts: Artifacts
    step: str
    say: Callable[[str], None]

    def take(self, name: str, default: str = "") -> str:
        return self.inputs.get(name, "").strip() or default

    def yes(self, name: str, default: str = "false") -> bool:
        value = self.take(name, default).lower()
        if value not in ("true", "false"):
            raise ActionFailed(f'Input does not meet YAML 1.2 "Core Schema" specification: {name}: {value}')
        return value == "true"


def checkout(call: Call) -> dict[str, str]:
    """Do as actions/checkout does: the refs that its source fetches, and no others."""
    machine, github = call.machine, call.github
    if call.take("repository", github["repository"]) != github["repository"]:
        raise WorkflowBug("only the workflow's own repository can be checked out here")
    ref, commit = call.take("ref"), ""
    if not ref:
        ref, commit = github["ref"], github["sha"]
    elif re.fullmatch(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", ref):
        ref, commit = "", ref
    folder = machine.workspace / call.take("path", ".")
    depth = int(call.take("fetch-depth", "1"))
    _prepare(machine, folder, call.yes("persist-credentials", "true"))

    def fetch(specs: Sequence[str], depth: int) -> None:
        options = ["--no-tags", "--prune", "--no-recurse-submodules"] + ([f"--depth={depth}"] if depth > 0 else [])
        machine.git("-c", "protocol.version=2", "fetch", *options, "origin", *specs, cwd=folder)

    if depth <= 0:
        fetch(_all_history(ref, commit), 0)
        if not _arrived(machine, folder, ref, commit):
            fetch(_specs(ref, commit, False), 0)
    else:
        fetch(_specs(ref, commit, call.yes("fetch-tags")), depth)
    if not _arrived(machine, folder, ref, commit):
        raise ActionFailed(
            f"The ref '{ref}' does not point to the expected commit '{commit}'. "
            "The ref may have been updated after the workflow was triggered."
        )
    machine.git("checkout", "--progress", "--force", *_what_to_check_out(machine, folder, ref, commit), cwd=folder)
    submodules = call.take("submodules", "false")
    if submodules != "false":
        # A repository beside the remote stands for another one on GitHub, which git would not take from a disk.
        recursive = ["--recursive"] if submodules == "recursive" else []
        options = ["-c", "protocol.file.allow=always"]
        machine.git(*options, "submodule", "update", "--init", "--force", *recursive, cwd=folder)
    return {"ref": ref or commit, "commit": machine.git("log", "-1", "--format=%H", cwd=folder)}


def _prepare(machine: Machine, folder: Path, persist: bool) -> None:
    if folder.exists():
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    machine.git("init", str(folder))
    machine.git("remote", "add", "origin", machine.world.address, cwd=folder)
    machine.git("config", "--local", "gc.auto", "0", cwd=folder)
    if not persist:
        return
    # The real one keeps the token in a file of its own, which the repository's configuration includes.
    secret = machine.temp / f"git-credentials-{uuid.uuid4()}.config"
    push = f'[url "{machine.world.remote}"]\n\tpushInsteadOf = {machine.world.address}\n' if machine.may_push else ""
    secret.write_text(
        f'{push}[http "{machine.world.server_url}/"]\n\textraheader = AUTHORIZATION: basic {machine.token}\n'
    )
    machine.git("config", "--local", f"includeIf.gitdir:{folder / '.git'}.path", str(secret), cwd=folder)


TAGS = "+refs/tags/*:refs/tags/*"


def _all_history(ref: str, commit: str) -> list[str]:
    specs = ["+refs/heads/*:refs/remotes/origin/*", TAGS]
    if ref.startswith("refs/pull/"):
        specs.append(f"+{commit or ref}:refs/remotes/pull/{ref.removeprefix('refs/pull/')}")
    return specs


def _specs(ref: str, commit: str, tags: bool) -> list[str]:
    specs = [TAGS] if tags else []
    if ref.startswith("refs/heads/"):
        return [*specs, f"+{commit or ref}:refs/remotes/origin/{ref.removeprefix('refs/heads/')}"]
    if ref.startswith("refs/pull/"):
        return [*specs, f"+{commit or ref}:refs/remotes/pull/{ref.removeprefix('refs/pull/')}"]
    if ref.startswith("refs/tags/"):
        return specs or [f"+{ref}:{ref}"]
    if commit:
        return [*specs, commit]
    if ref.startswith("refs/"):
        return [*specs, f"+{ref}:{ref}"]
    return [*(specs or [f"+refs/tags/{ref}*:refs/tags/{ref}*"]), f"+refs/heads/{ref}*:refs/remotes/origin/{ref}*"]


def _arrived(machine: Machine, folder: Path, ref: str, commit: str) -> bool:
    """Whether the ref is at the commit that started the run; a tag can have been moved since."""
    if not commit:
        return True
    if ref.startswith("refs/heads/"):
        name = f"refs/remotes/origin/{ref.removeprefix('refs/heads/')}"
    elif ref.startswith("refs/tags/"):
        name = f"{ref}^{{commit}}"
    else:
        name = f"{commit}^{{object}}"
    try:
        return machine.git("rev-parse", "--verify", "--quiet", name, cwd=folder) == commit.lower()
    except ActionFailed:
        return False


def _what_to_check_out(machine: Machine, folder: Path, ref: str, commit: str) -> list[str]:
    if not ref:
        return [commit]
    if ref.startswith("refs/heads/"):
        branch = ref.removeprefix("refs/heads/")
        return ["-B", branch, f"refs/remotes/origin/{branch}"]
    if ref.startswith("refs/pull/"):
        return [f"refs/remotes/pull/{ref.removeprefix('refs/pull/')}"]
    if ref.startswith("refs/"):
        return [ref if ref.startswith("refs/tags/") else commit or ref]
    if machine.git("branch", "--list", "--remote", f"origin/{ref}", cwd=folder):
        return ["-B", ref, f"refs/remotes/origin/{ref}"]
    if machine.git("tag", "--list", ref, cwd=folder):
        return [f"refs/tags/{ref}"]
    raise ActionFailed(f"A branch or tag with the name '{ref}' could not be found")


def setup_python(call: Call) -> dict[str, str]:
    """Put the running interpreter on PATH, whichever version is asked for."""
    if not call.take("python-version"):
        raise WorkflowBug("setup-python is not told which version")
    folder = call.machine.folder / "tool-cache" / "Python" / "bin"
    stand_ins.furnish(folder, call.machine.tools / ".settings.json")
    call.machine.add_path(str(folder))
    call.say(f"asked for Python {call.take('python-version')}")
    version = ".".join(map(str, sys.version_info[:3]))
    return {"python-version": version, "python-path": str(folder / "python"), "cache-hit": ""}


def upload_artifact(call: Call, whole: bool = True) -> dict[str, str]:
    """Keep files for other jobs."""
    name, missing = call.take("name", "artifact"), call.take("if-no-files-found", "warn")
    if not call.take("path"):
        raise ActionFailed("Input required and not supplied: path")
    if missing not in ("warn", "error", "ignore"):
        raise ActionFailed(f"Unrecognized if-no-files-found input. Provided: {missing}")
    if re.search(r'[":<>|*?\r\n\\/]', name):
        raise ActionFailed(f"The artifact name is not valid: {name}")
    if days := call.take("retention-days"):
        int(days)
    files = files_to_upload(call.take("path"), call.machine.workspace, call.yes("include-hidden-files"))
    if not files:
        message = f"No files were found with the provided path: {call.take('path')}. No artifacts will be uploaded."
        if missing == "error":
            raise ActionFailed(message)
        call.say(f"::warning::{message}" if missing == "warn" else message)
        return {}
    if call.yes("overwrite"):
        call.artifacts.delete(name)
    attempt = int(call.github["run_attempt"])
    made = call.artifacts.create(name, files, attempt, call.machine.job, call.step, whole)
    url = f"{call.machine.world.address}/actions/runs/{call.github['run_id']}/artifacts/{made.id}"
    return {"artifact-id": str(made.id), "artifact-digest": made.digest, "artifact-url": url}


def download_artifact(call: Call) -> dict[str, str]:
    """Bring the files of artifacts, whose digests must be what they were."""
    name, ids = call.take("name"), call.take("artifact-ids")
    if name and ids:
        raise ActionFailed("Inputs 'name' and 'artifact-ids' cannot be used together. Please specify only one.")
    there = [each for each in call.artifacts.all if each.whole]
    if name:
        chosen = [each for each in there if each.name == name]
        if not chosen:
            raise ActionFailed(f"Unable to download artifact(s): Artifact not found for name: {name}")
    elif ids:
        wanted = [part.strip() for part in ids.split(",") if part.strip()]
        if bad := [part for part in wanted if not part.isdigit()]:
            raise ActionFailed(f"Unable to download artifact(s): Invalid artifact ID: '{bad[0]}'. Must be a number.")
        chosen = [each for each in there if str(each.id) in wanted]
        if not chosen:
            raise ActionFailed("Unable to download artifact(s): None of the provided artifact IDs were found")
    else:
        pattern = call.take("pattern", "*")
        chosen = [each for each in there if fnmatch.fnmatchcase(each.name, pattern)]
    target = call.machine.workspace / Path(call.take("path", ".").replace("~", str(call.machine.home), 1))
    together = bool(name) or call.yes("merge-multiple") or len(chosen) == 1
    for each in chosen:
        if hashlib.sha256(each.path.read_bytes()).hexdigest() != each.digest:
            raise ActionFailed(f"Unable to download artifact(s): Digest validation failed for artifact(s): {each.name}")
        with zipfile.ZipFile(each.path) as archive:
            archive.extractall(target if together else target / each.name)
    return {"download-path": str(target.resolve())}


#: What stands for each action, and the inputs that it takes here.
ACTIONS: dict[str, tuple[Callable[[Call], dict[str, str]], frozenset[str]]] = {
    "actions/checkout": (
        checkout,
        frozenset({"repository", "ref", "fetch-depth", "fetch-tags", "persist-credentials", "path", "submodules"}),
    ),
    "actions/setup-python": (setup_python, frozenset({"python-version", "allow-prereleases"})),
    "actions/upload-artifact": (
        upload_artifact,
        frozenset({"name", "path", "if-no-files-found", "retention-days", "overwrite", "include-hidden-files",
                   "compression-level"}),
    ),
    "actions/download-artifact": (
        download_artifact, frozenset({"name", "artifact-ids", "path", "pattern", "merge-multiple"}),
    ),
}  # fmt: skip


def known_action(uses: str, inputs: Mapping[str, Any]) -> str:
    """Return the name of an action that is known here.

    Raises `WorkflowBug` for another one, and for an input that it does not take here.
    """
    name = uses.partition("@")[0]
    if name not in ACTIONS:
        raise WorkflowBug(f"nothing stands for the action {name}")
    if unknown := set(inputs) - ACTIONS[name][1]:
        raise WorkflowBug(f"{name} does not take: {', '.join(sorted(unknown))}")
    return name
