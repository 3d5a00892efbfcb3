"""What is looked for in a workflow: why it matters, what to write instead, and which of zizmor's audits look, too."""

from __future__ import annotations

from typing import NamedTuple


class Check(NamedTuple):
    """One thing to look for: why it matters, what to write instead, and zizmor's audits of the same subject."""

    why: str
    fix: str
    audits: tuple[str, ...] = ()


UNREADABLE = Check(
    "nobody can tell what it does with the token",
    "mend the file; GitHub shows its own complaint under Actions",
)
STRANGERS_CODE = Check(
    "what a stranger wrote runs with the rights of this repository",
    "use the trigger pull_request, or check out nothing of the pull request in this workflow",
    ("dangerous-triggers",),
)
INJECTION = Check(
    "it is pasted in before the script runs, so whoever chooses that text runs commands",
    'hand it over in the `env:` of the step, and use the variable: "$NAME" in a shell, process.env.NAME in a script',
    ("template-injection",),
)
TOKEN_SPREAD = Check(
    "every program that runs there could take it",
    "move it into the `env:` of the step that uploads, and of no other",
    ("overprovisioned-secrets",),
)
TOKEN_SHOWN = Check(
    "every program on the machine can read a command line",
    "give it to the step in `env:`, in the variable that the uploader reads itself, such as TWINE_PASSWORD",
)
INHERITED = Check(
    "all secrets are handed on, not only the one that is needed",
    "name under `secrets:` the ones that it uses, and the upload token only for a workflow that uploads",
    ("secrets-inherit",),
)
IDENTITY = Check(
    "under Trusted Publishing, whatever runs with that identity could upload",
    "write `id-token: write` under the `permissions:` of the job that publishes, and of no other",
    ("excessive-permissions",),
)
UNPINNED = Check(
    "whoever moves that tag or branch runs code in the job that publishes",
    "name the commit by all of its 40 digits, and the version in a comment: `uses: owner/action@<commit> # v1.2.3`",
    ("unpinned-uses",),
)
OWN_CODE = Check(
    "a build backend, a test or a dependency could take the token, or change what is uploaded",
    "build and test in jobs of their own, and hand dist/ over with actions/upload-artifact and download-artifact",
)
CACHE = Check(
    "another run may have poisoned it, and what it brings would be released",
    "switch the cache off in the jobs that build and publish, or write `cache-mode: none` for them",
    ("cache-poisoning",),
)
SKIP_EXISTING = Check(
    "a file that is there already counts as ours, whatever is in it",
    "leave it out; `tagready publish` compares the bytes, and uploads only what is missing",
)
UNGATED = Check(
    "what nobody has reviewed could be published",
    "write `if: github.event_name == 'push' && startsWith(github.ref, 'refs/tags/')` for the job, or let only tags"
    " start the workflow",
)
UNHEEDED = Check(
    "what has failed its tests could be published",
    "leave the condition and `continue-on-error` out: then a job runs only where all that it needs has succeeded",
)
CANCELLED = Check(
    "another run of its concurrency group could cut a release in half",
    "write `cancel-in-progress: false`",
)
PERMISSIVE = Check(
    "GITHUB_TOKEN then may do more than a release needs, whoever gets hold of it",
    "write `permissions: {}` at the top, and for each job what it needs",
    ("excessive-permissions",),
)

#: All of them.
CHECKS = (
    UNREADABLE, STRANGERS_CODE, INJECTION, TOKEN_SPREAD, TOKEN_SHOWN, INHERITED, IDENTITY, UNPINNED, OWN_CODE, CACHE,
    SKIP_EXISTING, UNGATED, UNHEEDED, CANCELLED, PERMISSIVE,
)  # fmt: skip


class Fault(NamedTuple):
    """One place in a file where a check has found something."""

    line: int
    check: Check
    what: str
