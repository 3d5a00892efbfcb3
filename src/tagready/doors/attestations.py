"""The door to attestations of origin (PEP 740): who built a file, signed with the identity of the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tagready.facts.findings import WorldFailed
from tagready.facts.program_output import last_lines
from tagready.facts.publishing.release_file import ReleasedFile
from tagready.facts.publishing.token_rules import SECRET

SUFFIX = ".publish.attestation"
SIGN_SECONDS = 120.0


def attest(folder: Path, files: Sequence[ReleasedFile]) -> dict[str, Path]:
    """Return the attestation of each file, made where there is none; nothing where the signing library is not there.

    Raise WorldFailed where a signature cannot be had, with the way to publish without one.
    """
    attested = {file.name: folder / (file.name + SUFFIX) for file in files}
    missing = [file for file in files if not _is_of(attested[file.name], file)]
    if missing and find_spec("pypi_attestations") is None:
        return {}
    for file in missing:
        attested[file.name].unlink(missing_ok=True)
    if missing:
        _sign([folder / file.name for file in missing])
    return attested


def _is_of(attestation: Path, file: ReleasedFile) -> bool:
    """Return whether an attestation is there, and of these very bytes."""
    try:
        envelope = json.loads(attestation.read_text(encoding="utf-8"))["envelope"]
        (subject,) = json.loads(b64decode(envelope["statement"]))["subject"]
        return bool(subject["name"] == file.name and subject["digest"]["sha256"] == file.sha256)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _without() -> str:
    """Return the command that publishes without: a workflow is started anew, as the tag has it, with its input."""
    names = ("GITHUB_WORKFLOW_REF", "GITHUB_REF_TYPE", "GITHUB_REF_NAME")
    workflow, kind, tag = (os.environ.get(name, "") for name in names)
    if not workflow or kind != "tag":
        return "tagready publish --trusted --no-attestations"
    file = workflow.partition("@")[0].rpartition("/")[2]
    return f"gh workflow run {file} --ref {tag} -f attestations=false (an input of the workflow that init writes)"


def _sign(paths: Sequence[Path]) -> None:
    command = [sys.executable, "-P", "-m", "pypi_attestations", "sign", *map(str, paths)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SIGN_SECONDS, check=False,
            env={name: value for name, value in os.environ.items() if name not in (SECRET, "TWINE_PASSWORD")},
        )  # fmt: skip
        said = last_lines(done.stdout + done.stderr, 5)
        failed = done.returncode != 0
    except subprocess.TimeoutExpired:
        said, failed = f"no answer within {SIGN_SECONDS:g} seconds", True
    if failed:
        raise WorldFailed(
            "the distributions could not be signed, and nothing was uploaded",
            f"run it again; where signing stays away: {_without()}",
            "python -m pypi_attestations sign",
            said,
        )
