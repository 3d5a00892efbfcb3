"""A runner for GitHub Actions: executes a workflow on this machine, job by job and step by step, as GitHub would.

    world = World(tmp_path / "github", remote)
    world.environments["pypi"] = {"PYPI_API_TOKEN": TOKEN}
    run = Run(text, "push", "refs/tags/v1.4.0", commit, world)
    run.execute(stop_at=("publish", 3), how="kill-during")
    run.rerun_failed()
    assert run.results["publish"] == "success"

Jobs run one after another. What stands for actions, git's remote, pip and gh is in `action_steps` and `stand_ins`;
everything else is real. A workflow that GitHub would refuse raises `WorkflowBug`.
"""

from __future__ import annotations

import itertools
import json
import re
import shlex
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import action_events
import action_steps
import expressions
import workflow_files
from action_steps import ActionFailed, Annotation, Artifacts, Call, Kill, Machine, World
from expressions import ExactKeys, Scope, Status, WorkflowBug
from workflow_files import Leg

How = Literal["before", "kill-during", "kill-after"]
_RUN_IDS = itertools.count(9_000_000_001)
_TOKENS = itertools.count(1)


class Installed(NamedTuple):
    """What a step asked pip to install."""

    job: str
    arguments: list[str]
    requirements: list[str]
    ok: bool


class Step(NamedTuple):
    """A step that was executed, or skipped (then nothing but its outcome is known)."""

    attempt: int
    job: str  # the leg's key
    place: int
    id: str
    name: str
    outcome: str  # success, failure or skipped: before continue-on-error
    conclusion: str  # and after it
    environment: Mapping[str, str] = {}
    script: str = ""
    uses: str = ""
    code: int | None = None  # None where it was skipped or killed
    output: str = ""  # not masked
    outputs: Mapping[str, str] = {}
    summary: str = ""
    duration: float = 0.0


class Job(NamedTuple):
    """A job that ended, or one leg of its matrix."""

    attempt: int
    leg: Leg
    name: str
    result: str  # success, failure, cancelled or skipped
    outputs: Mapping[str, str] = {}
    permissions: Mapping[str, str] = {}
    token: str = ""
    environment: str = ""
    environment_url: str = ""
    runs_on: Any = None
    concurrency: Any = None
    allowed_to_fail: bool = False
    killed: bool = False

    @property
    def counts_as(self) -> str:
        """Return the result as other jobs see it: a failure that is allowed is a success."""
        return "success" if self.allowed_to_fail and self.result == "failure" else self.result


class Stop(NamedTuple):
    """Where an attempt is to be cut off."""

    job: str  # a job's id, or a leg's key
    place: int
    how: How
    delay: float | None


class Run:
    """A run of a workflow, with all its attempts.

    `results` are the jobs' results by id, `jobs` the newest of each leg by its key, `steps` all steps of all attempts.
    """

    def __init__(
        self, text: str, event: str, ref: str, sha: str, world: World, *, inputs: Mapping[str, Any] | None = None,
        head_ref: str = "", base_ref: str = "", fork: bool = False, before: str | None = None,
        payload: Mapping[str, Any] | None = None, path: str = ".github/workflows/release.yml",
    ) -> None:  # fmt: skip
        self.workflow = workflow_files.load(text)
        workflow_files.check(self.workflow)
        if event not in workflow_files.triggers(self.workflow):
            raise WorkflowBug(f"the event {event} does not start this workflow")
        self.world, self.event, self.fork, self.path = world, event, fork, path
        self.ref, self.sha, self.head_ref, self.base_ref = ref, sha, head_ref, base_ref
        self.inputs = (
            workflow_files.dispatch_inputs(self.workflow, inputs or {}) if event == "workflow_dispatch" else {}
        )
        self.payload = self._payload(before) | dict(payload or {})
        self.id = next(_RUN_IDS)
        self.attempt = 0
        self.folder = world.folder / f"run-{self.id}"
        self.artifacts = Artifacts(self.folder / "artifacts")
        self.jobs: dict[str, Job] = {}
        self.steps: list[Step] = []
        self.annotations: list[Annotation] = []
        self.installed: list[Installed] = []
        self.masks: set[str] = set()
        self.stopped = False
        self._stop: Stop | None = None

    def _payload(self, before: str | None) -> dict[str, Any]:
        remote = self.world.remote
        home = action_events.repository(self.world.repository, self.world.server_url, remote)
        common = {"repository": home, "sender": {"login": "octocat", "type": "User"}}
        if self.event == "push":
            return common | action_events.push(remote, self.ref, before)
        if self.event == "pull_request":
            return common | action_events.pull_request(remote, self.ref, self.head_ref, self.base_ref, home, self.fork)
        if self.event == "merge_group":
            return common | action_events.merge_group(remote, self.ref, self.base_ref)
        if self.event == "workflow_dispatch":
            inputs = {name: expressions.to_text(value) for name, value in self.inputs.items()}
            return common | {"inputs": inputs, "ref": self.ref, "workflow": self.path}
        return common

    # -- attempts ------------------------------------------------------------------------------------------------------

    def execute(self, stop_at: tuple[str, int] | None = None, how: How = "before", delay: float | None = None) -> str:
        """Run the first attempt, and return how it ended: success or failure.

        With `stop_at`, the machine of that job (its id, or a leg's key) is gone at that step: before it, during it (at
        its first output, or after `delay` seconds), or after it. `stopped` says whether it came to that.
        """
        if self.attempt:
            raise ValueError("this run was executed; re-run it")
        return self._attempt(dict.fromkeys(self.workflow["jobs"]), stop_at, how, delay)

    def rerun_all(self, stop_at: tuple[str, int] | None = None, how: How = "before", delay: float | None = None) -> str:
        """Run all jobs once more. Artifacts of earlier attempts are still there, and so are their names."""
        self.jobs.clear()
        return self._attempt(dict.fromkeys(self.workflow["jobs"]), stop_at, how, delay)

    def rerun_failed(
        self, stop_at: tuple[str, int] | None = None, how: How = "before", delay: float | None = None
    ) -> str:
        """Run the jobs once more that failed, and whatever needs them; the others keep their outputs.

        Raises `ValueError` where nothing failed: then GitHub does not offer it.
        """
        failed = {job.leg.job for job in self.jobs.values() if job.result in ("failure", "cancelled")}
        if not failed:
            raise ValueError("no job failed: there is nothing to run again")
        again: dict[str, set[str] | None] = {}  # None: every leg
        for name in workflow_files.order(self.workflow):
            legs = {key: job for key, job in self.jobs.items() if job.leg.job == name}
            if failed & set(workflow_files.ancestors(self.workflow, name)):
                again[name] = None
            elif any(job.result != "success" for job in legs.values()):
                again[name] = {key for key, job in legs.items() if job.result != "success"}
        return self._attempt(again, stop_at, how, delay)

    def _attempt(
        self, again: Mapping[str, set[str] | None], stop_at: tuple[str, int] | None, how: How, delay: float | None
    ) -> str:
        self.attempt += 1
        self.stopped = False
        self._stop = Stop(*stop_at, how, delay) if stop_at else None
        for name in again:
            if again[name] is None:
                self.jobs = {key: job for key, job in self.jobs.items() if job.leg.job != name}
        for name in workflow_files.order(self.workflow):
            if name in again:
                self._run_job(name, again[name])
        return self.conclusion

    @property
    def conclusion(self) -> str:
        """How the newest attempt ended."""
        return "failure" if {"failure", "cancelled"} & {job.counts_as for job in self.jobs.values()} else "success"

    @property
    def results(self) -> dict[str, str]:
        """The result of each job as others see it in `needs`."""
        return {name: self._result(name) for name in self.workflow["jobs"] if self._of(name)}

    def _of(self, name: str) -> list[Job]:
        return [job for job in self.jobs.values() if job.leg.job == name]

    def _result(self, name: str) -> str:
        found = {job.counts_as for job in self._of(name)}
        return next(each for each in ("failure", "cancelled", "skipped", "success") if each in found)

    def _outputs(self, name: str) -> dict[str, str]:
        merged: dict[str, str] = {}
        for job in self._of(name):
            merged |= {key: value for key, value in job.outputs.items() if value or key not in merged}
        return merged

    # -- questions of tests --------------------------------------------------------------------------------------------

    @property
    def executed(self) -> list[Step]:
        """The steps that really ran, of all attempts."""
        return [step for step in self.steps if step.outcome != "skipped"]

    def outcomes(self, job: str) -> dict[str, str]:
        """Return how the steps of a job's newest attempt ended, by name; a step that was never reached is not there."""
        steps = [step for step in self.steps if step.job == job]
        newest = max((step.attempt for step in steps), default=0)
        return {step.name: step.outcome for step in steps if step.attempt == newest}

    def secrets_seen(self, value: str) -> set[tuple[str, str]]:
        """Return the steps (job, name) that saw a value, or showed it.

        Looked through are the environment and the script, and what came of the step: its output, outputs, summary,
        annotations and artifacts; the outputs of a job count as a step of its own, without a name.
        """
        found = {
            (step.job, step.name)
            for step in self.executed
            for text in (*step.environment.values(), step.script, step.output, *step.outputs.values(), step.summary)
            if value in text
        }
        for note in self.annotations:
            if any(value in text for text in (note.message, *note.place.values())):
                found.add((note.job, note.step))
        for job in self.jobs.values():
            if any(value in text for text in job.outputs.values()):
                found.add((job.leg.key, ""))
        for artifact in self.artifacts.all:
            with zipfile.ZipFile(artifact.path) as archive:
                if any(value.encode() in archive.read(name) for name in archive.namelist()):
                    found.add((artifact.job, artifact.step))
        return found

    @property
    def log(self) -> str:
        """Everything that the newest attempt did and said, to be read when a test fails."""
        return "\n".join(
            f"--- {step.job} / {step.name}: {step.outcome} ({step.code})\n{step.output}"
            for step in self.steps
            if step.attempt == self.attempt
        )

    # -- a job ---------------------------------------------------------------------------------------------------------

    def _run_job(self, name: str, only: set[str] | None) -> None:
        job = self.workflow["jobs"][name]
        scope = self._scope(needs=self._needs(job), status=self._status(name))
        if not expressions.holds(job.get("if"), scope):
            self.jobs[name] = Job(self.attempt, Leg(name, name, {}), name, "skipped")
            return
        legs = workflow_files.legs(name, job, self._scope(needs=self._needs(job)))
        if only:
            self.jobs = {key: each for key, each in self.jobs.items() if each.leg.job != name or key not in only}
        strategy = expressions.fill(job.get("strategy") or {}, self._scope(needs=self._needs(job)))
        cancelled = False
        for place, leg in enumerate(legs):
            if only and leg.key not in only and name not in only:
                continue
            if cancelled:
                self.jobs[leg.key] = Job(self.attempt, leg, leg.key, "cancelled")
                continue
            about = {
                "fail-fast": strategy.get("fail-fast", True), "job-index": place, "job-total": len(legs),
                "max-parallel": strategy.get("max-parallel", len(legs)),
            }  # fmt: skip
            ended = self.jobs[leg.key] = _JobRun(self, leg, about).run()
            cancelled = ended.counts_as == "failure" and bool(about["fail-fast"])

    def _needs(self, job: Mapping[str, Any]) -> dict[str, Any]:
        return {
            need: {"result": self._result(need), "outputs": self._outputs(need)} for need in workflow_files.needs(job)
        }

    def _status(self, name: str) -> Status:
        """Return what success() and failure() say to a job: all that it needs counts, near and far."""
        results = {self._result(need) for need in workflow_files.ancestors(self.workflow, name)}
        return Status(success=results <= {"success"}, failure="failure" in results)

    def _scope(self, status: Status | None = None, **contexts: Any) -> Scope:
        return Scope({"github": self.github, "vars": self.world.variables, "inputs": self.inputs} | contexts, status)

    @property
    def github(self) -> dict[str, Any]:
        """The context `github`, as far as it is the same for all jobs."""
        world = self.world
        kind = "tag" if self.ref.startswith("refs/tags/") else "branch"
        return {
            "event_name": self.event, "event": self.payload, "ref": self.ref, "ref_name": self.ref.split("/", 2)[2],
            "ref_type": kind, "ref_protected": False, "sha": self.sha, "repository": world.repository,
            "repository_owner": world.repository.partition("/")[0], "repository_id": "1", "repository_owner_id": "2",
            "run_id": str(self.id), "run_number": "1", "run_attempt": str(self.attempt), "retention_days": "90",
            "actor": "octocat", "actor_id": "3", "triggering_actor": "octocat", "head_ref": self.head_ref,
            "base_ref": self.base_ref, "server_url": world.server_url, "api_url": world.api_url,
            "graphql_url": f"{world.api_url}/graphql", "workflow": self.workflow.get("name", self.path),
            "workflow_ref": f"{world.repository}/{self.path}@{self.ref}", "workflow_sha": self.sha,
            "repositoryUrl": f"git://github.com/{world.repository}.git", "secret_source": "Actions",
        }  # fmt: skip

    @property
    def concurrency(self) -> Any:
        """What the workflow says about runs at the same time."""
        return expressions.fill(self.workflow.get("concurrency"), self._scope())


class _Gone(Exception):  # noqa: N818 - the machine is gone, which is no error of ours
    """The machine of a job is gone."""


class _Done(NamedTuple):
    """What a step came to."""

    code: int | None
    output: str
    outputs: Mapping[str, str]
    error: str = ""


class _JobRun:
    """One leg of a job while it runs."""

    def __init__(self, run: Run, leg: Leg, strategy: Mapping[str, Any]) -> None:
        self.run_, self.leg, self.world = run, leg, run.world
        self.job = run.workflow["jobs"][leg.job]
        self.status = "success"
        self.steps: dict[str, dict[str, Any]] = {}
        self.contexts: dict[str, Any] = {
            "github": run.github | {"job": leg.job}, "vars": self.world.variables, "inputs": run.inputs,
            "needs": run._needs(self.job), "strategy": strategy, "matrix": leg.matrix,
        }  # fmt: skip
        self.permissions = self._permissions()
        self.token = f"ghs_{next(_TOKENS):036d}"
        about = self.job.get("environment") or ""
        self.environment = expressions.to_text(self._fill(about["name"] if isinstance(about, dict) else about))
        self.masks = {value for value in self.secrets.values() if value}
        run.masks |= self.masks
        folder = run.folder / str(run.attempt) / re.sub(r"[^\w.-]+", "-", leg.key).strip("-")
        self.machine = Machine(self.world, folder, leg.key, self.token, self.permissions)
        self.event_file = self.machine.temp / "_github_workflow" / "event.json"
        self.event_file.parent.mkdir()
        self.event_file.write_text(json.dumps(run.payload, indent=2))
        self.contexts["github"] |= {
            "token": self.token, "workspace": str(self.machine.workspace), "event_path": str(self.event_file),
        }  # fmt: skip
        self.environment_of_job = self._environment_of_job()

    def _permissions(self) -> dict[str, str]:
        granted = workflow_files.permissions(self.run_.workflow, self.job, self.world.default_permissions)
        if self.run_.fork:  # then nothing can be written, whatever the workflow says
            granted = {scope: "read" for scope in granted if scope != "id-token"}
        return granted

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets that this job can read: the repository's, and those of the environment that it names."""
        token = {"GITHUB_TOKEN": self.token}
        if self.run_.fork:
            return token
        return self.world.secrets | self.world.environments.get(self.environment, {}) | token

    def _environment_of_job(self) -> dict[str, str]:
        merged: dict[str, str] = {}
        for holder, more in ((self.run_.workflow, {}), (self.job, self.contexts)):
            scope = self.run_._scope(**(dict(more) | {"secrets": self.secrets}))
            merged |= _texts(expressions.fill(holder.get("env") or {}, scope))
        return merged

    def _fill(self, value: Any, **more: Any) -> Any:
        return expressions.fill(value, Scope(self.contexts | more))

    # -- from start to end ---------------------------------------------------------------------------------------------

    def run(self) -> Job:
        """Run the steps, and return how the job ended."""
        self.world.grant(self.token, self.permissions)
        killed = False
        try:
            for place, step in enumerate(self.job["steps"]):
                self._step(place, step)
        except _Gone:
            killed, self.status = True, "failure"
        finally:
            action_steps.sweep(self.machine.tracking_id)
            self.world.revoke(self.token)
            self._collect_installs()
        about = self.job.get("environment")
        url = about.get("url", "") if isinstance(about, dict) and not killed else ""
        return Job(
            self.run_.attempt, self.leg, expressions.to_text(self._fill(self.job.get("name", self.leg.key))),
            self.status, {} if killed else self._outputs(), self.permissions, self.token, self.environment,
            expressions.to_text(self._fill(url, **self._step_contexts({}))), self._fill(self.job["runs-on"]),
            self._fill(self.job.get("concurrency")),
            expressions.truthy(self._fill(self.job.get("continue-on-error", False))), killed,
        )  # fmt: skip

    def _collect_installs(self) -> None:
        if self.machine.installed.exists():
            lines = self.machine.installed.read_text().splitlines()
            self.run_.installed += [Installed(**json.loads(line)) for line in lines]

    def _outputs(self) -> dict[str, str]:
        """Return the job's outputs; GitHub drops one in which a secret stands."""
        contexts = self._step_contexts({}) | {"secrets": self.secrets}
        outputs = _texts(self._fill(self.job.get("outputs") or {}, **contexts))
        for name, value in list(outputs.items()):
            if any(mask in value for mask in self.masks):
                message = f"Skip output '{name}' since it may contain secret."
                self.run_.annotations.append(Annotation(self.leg.key, "", "warning", message, {}))
                del outputs[name]
        return outputs

    # -- a step --------------------------------------------------------------------------------------------------------

    def _step_contexts(self, env: Mapping[str, str]) -> dict[str, Any]:
        machine = self.machine
        runner = {
            "os": "Linux", "arch": "X64", "name": "GitHub Actions 1", "environment": "github-hosted", "debug": "",
            "temp": str(machine.temp), "tool_cache": str(machine.folder / "tool-cache"),
        }  # fmt: skip
        known = ExactKeys(self.environment_of_job | machine.variables | dict(env))
        return {"job": {"status": self.status}, "runner": runner, "env": known, "steps": self.steps}

    def _step(self, place: int, step: Mapping[str, Any]) -> None:
        stop = self._stop_here(place)
        if stop and stop.how == "before":
            raise self._gone()
        contexts = self.contexts | self._step_contexts({}) | {"secrets": self.secrets}
        own = _texts(expressions.fill(step.get("env") or {}, Scope(contexts)))
        contexts |= self._step_contexts(own)
        scope = Scope(contexts)
        status = Status(self.status == "success", self.status == "failure")
        identity = (self.run_.attempt, self.leg.key, place, step.get("id", ""))
        visible = {key: value for key, value in contexts.items() if key != "secrets"}
        if not expressions.holds(step.get("if"), Scope(visible, status)):
            self.run_.steps.append(Step(*identity, workflow_files.step_name(step), "skipped", "skipped"))
            self._remember(step, "skipped", "skipped", {})
            return
        name = workflow_files.step_name({**step, "name": expressions.fill(step.get("name"), scope)})
        files = self._new_files(place)
        environment = self._environment(own, files)
        start = time.monotonic()
        if "run" in step:
            script = expressions.to_text(expressions.fill(step["run"], scope))
            done = self._run_script(step, script, scope, environment, stop)
        else:
            script = ""
            inputs = _texts(expressions.fill(step.get("with") or {}, scope))
            environment |= {f"INPUT_{key.upper()}": value for key, value in inputs.items()}
            done = self._use(step["uses"], inputs, name, stop)
        if not stop:
            done = self._take_files(done, files)
        self._note(name, done)
        outcome = "failure" if done.error or done.code != 0 else "success"
        forgiven = expressions.truthy(expressions.fill(step.get("continue-on-error", False), scope))
        conclusion = "success" if forgiven else outcome
        self.run_.steps.append(
            Step(
                *identity, name, outcome, conclusion, environment, script, step.get("uses", ""), done.code, done.output,
                done.outputs, files["STEP_SUMMARY"].read_text(errors="replace"), time.monotonic() - start,
            )
        )  # fmt: skip
        if stop:
            raise self._gone()
        self._remember(step, outcome, conclusion, done.outputs)
        if conclusion == "failure":
            self.status = "failure"

    def _remember(self, step: Mapping[str, Any], outcome: str, conclusion: str, outputs: Mapping[str, str]) -> None:
        if "id" in step:
            self.steps[step["id"]] = {"outputs": dict(outputs), "outcome": outcome, "conclusion": conclusion}

    def _stop_here(self, place: int) -> Stop | None:
        stop = self.run_._stop
        if stop and not self.run_.stopped and stop.place == place and stop.job in (self.leg.key, self.leg.job):
            return stop
        return None

    def _gone(self) -> _Gone:
        self.run_.stopped = True
        return _Gone()

    def _new_files(self, place: int) -> dict[str, Path]:
        files = {name: self.machine.files / f"{name.lower()}_{place}" for name in
                 ("ENV", "OUTPUT", "PATH", "STATE", "STEP_SUMMARY")}  # fmt: skip
        for path in files.values():
            path.touch()
        return files

    def _environment(self, own: Mapping[str, str], files: Mapping[str, Path]) -> dict[str, str]:
        """Return all that a step sees; GitHub's own variables win over the workflow's."""
        github = {
            f"GITHUB_{name.upper()}": expressions.to_text(value)
            for name, value in self.contexts["github"].items()
            if name not in ("event", "token", "repositoryUrl", "secret_source")
        }
        github["GITHUB_ACTION"] = "__run"
        github |= {f"GITHUB_{name}": str(path) for name, path in files.items()}
        if self.permissions.get("id-token") == "write":
            github["ACTIONS_ID_TOKEN_REQUEST_URL"] = f"{self.world.id_token_url}?api-version=2.0"
            github["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = f"id-{self.token}"
        basics = self.machine.basics()
        fixed = {name: value for name, value in basics.items() if name.startswith("RUNNER_")}
        chosen = self.environment_of_job | self.machine.variables | dict(own)
        merged = basics | self.world.extra | chosen | fixed | github
        if "PATH" in chosen:  # what steps added still comes first
            merged["PATH"] = ":".join([*reversed(self.machine.paths), chosen["PATH"]])
        return merged

    # -- scripts and actions -------------------------------------------------------------------------------------------

    def _run_script(
        self, step: Mapping[str, Any], script: str, scope: Scope, environment: Mapping[str, str], stop: Stop | None
    ) -> _Done:
        defaults: dict[str, Any] = {}
        for holder in (self.run_.workflow, self.job):
            visible = Scope(self.contexts | {"env": scope.contexts["env"]})
            defaults |= expressions.fill((holder.get("defaults") or {}).get("run") or {}, visible)
        shell = step.get("shell", defaults.get("shell"))
        folder = expressions.to_text(expressions.fill(step.get("working-directory"), scope))
        cwd = self.machine.workspace / (folder or expressions.to_text(defaults.get("working-directory")))
        if not cwd.is_dir():
            return _Done(1, "", {}, f"An error occurred trying to start process: no such directory: {cwd}")
        file = self.machine.temp / f"{len(self.run_.steps)}.sh"
        file.write_text(script)
        log = self.machine.folder / f"{len(self.run_.steps)}.log"
        kill = Kill(stop.delay) if stop and stop.how == "kill-during" else None
        ended = action_steps.run_script(_command(shell, file), cwd, environment, log, kill)
        error = "" if ended.code in (0, None) else f"Process completed with exit code {ended.code}."
        return _Done(ended.code, ended.output, {}, error)

    def _use(self, uses: str, inputs: dict[str, str], name: str, stop: Stop | None) -> _Done:
        action = action_steps.known_action(uses, inputs)
        said: list[str] = []
        call = Call(self.machine, inputs, self.contexts["github"], self.run_.artifacts, name, said.append)
        try:
            if stop and stop.how == "kill-during":
                # Of an upload that is cut off the name stays taken; of the others nothing outlives the machine.
                if action == "actions/upload-artifact":
                    action_steps.upload_artifact(call, whole=False)
                return _Done(None, "", {})
            outputs = action_steps.ACTIONS[action][0](call)
        except ActionFailed as failed:
            return _Done(1, "\n".join(said), {}, str(failed))
        return _Done(0, "\n".join(said), outputs)

    def _take_files(self, done: _Done, files: Mapping[str, Path]) -> _Done:
        """Take in what a step wrote for later steps; where that cannot be read, the step fails."""
        try:
            written = action_steps.read_file_command(files["OUTPUT"].read_text())
            variables = action_steps.read_file_command(files["ENV"].read_text())
        except ActionFailed as failed:
            return done._replace(error=f"Unable to process file command successfully. {failed}")
        if "NODE_OPTIONS" in variables:
            return done._replace(error="Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.")
        self.machine.variables |= variables
        for folder in files["PATH"].read_text().splitlines():
            if folder:
                self.machine.add_path(folder)
        return done._replace(outputs=dict(done.outputs) | written)

    def _note(self, step: str, done: _Done) -> None:
        notes = self.run_.annotations
        for command, place, message in action_steps.read_commands(done.output):
            if command == "add-mask" and message.strip():
                self.masks.add(message)
                self.run_.masks.add(message)
            elif command in ("error", "warning", "notice"):
                notes.append(Annotation(self.leg.key, step, command, message, place))
        if done.error:
            notes.append(Annotation(self.leg.key, step, "error", done.error, {}))


def _command(shell: str | None, file: Path) -> list[str]:
    known = {
        None: "bash -e {0}", "bash": "bash --noprofile --norc -eo pipefail {0}", "sh": "sh -e {0}",
        "python": "python {0}",
    }  # fmt: skip
    form = known.get(shell, shell or "")
    if "{0}" not in form:
        raise WorkflowBug(f"no such shell: {shell}")
    return [word.replace("{0}", str(file)) for word in shlex.split(form)]


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: expressions.to_text(value) for name, value in values.items()}


def stops(text: str) -> Iterator[tuple[tuple[str, int], How]]:
    """Yield every way to cut a workflow off: before, during and after each step."""
    ways: tuple[How, ...] = ("before", "kill-during", "kill-after")
    for step in workflow_files.steps_of(text):
        for how in ways:
            yield (step.job, step.place), how
