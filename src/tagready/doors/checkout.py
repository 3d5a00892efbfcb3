"""The door to a clean checkout: a commit in a clone of its own, with tags and submodules, the same on every machine.

Never `git archive`: `export-subst` and `export-ignore` make it another tree than the one that was tagged, and
without a repository a version that comes from the tag cannot be found.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tagready.doors.git import Git, git_failed
from tagready.facts.findings import WorldFailed
from tagready.facts.git_records import GITLINK, TREE, Commit

#: What would make the files of a checkout differ from machine to machine, or run somebody's own commands.
_SAME_EVERYWHERE = {
    "core.autocrlf": "false", "core.eol": "lf", "core.attributesFile": os.devnull, "core.hooksPath": os.devnull,
    "core.fsmonitor": "false", "init.templateDir": "", "submodule.recurse": "false", "tag.gpgSign": "false",
    "clone.defaultRemoteName": "origin", "clone.rejectShallow": "false", "advice.detachedHead": "false",
    # Submodules are cloned from the folder where the user's own repository keeps them (CVE-2022-39253 forbids it
    # for what a stranger's .gitmodules names; here it is we who name it).
    "protocol.file.allow": "always",
}  # fmt: skip


def clone(git: Git, commit: Commit, folder: Path, remote: str | None, as_tag: str | None = None) -> None:
    """Make a clone in a folder, with the commit checked out; `as_tag` is put on it where the tag is still to come.

    Its own remote is the user's (`remote`), so that relative addresses of submodules and what a backend asks git are
    what they are there. Raise WorldFailed with git's words where it cannot be made.
    """
    source = git.common_dir
    _git(None, "clone", "--quiet", "--shared", "--no-checkout", str(source), str(folder))
    _git(folder, "remote", "set-url", "origin", _address(git, remote) or str(git.top))
    _promise(git, folder)
    _git(folder, "checkout", "--quiet", "--detach", commit.oid)
    _check_that_all_is_there(folder)
    _add_submodules(folder, [git.git_dir, source], git.top)
    if as_tag:
        _git(folder, "tag", "--annotate", "--message", as_tag, as_tag, env=_somebody(commit))


def _address(git: Git, remote: str | None) -> str | None:
    url = git.config(f"remote.{remote}.url") if remote else None
    # A relative path is relative to the repository that has it in its settings.
    return str((git.top / url).resolve()) if url and url.startswith(("./", "../")) else url


def _promise(git: Git, folder: Path) -> None:
    """Let the clone of a partial clone fetch what that has left out, from where that would."""
    for name in git.remotes():
        if git.flag(f"remote.{name}.promisor"):
            _git(folder, "remote", "add", f"promisor-{name}", str(_address(git, name)))
            _git(folder, "config", f"remote.promisor-{name}.promisor", "true")


def _check_that_all_is_there(folder: Path) -> None:
    # git says of a file whose content is nowhere that it cannot be read, goes on, and ends as if all were well.
    lacking = [shown for shown in _git(folder, "ls-files", "--deleted", "-z").split("\0") if shown]
    if lacking:
        some = ", ".join(lacking[:3]) + (" …" if len(lacking) > 3 else "")
        raise WorldFailed(
            f"the repository lacks the contents of files that are committed ({some})",
            "git fetch --refetch, and where that does not help, make a new clone",
            "git checkout",
        )


def _add_submodules(folder: Path, homes: Sequence[Path], tree: Path) -> None:
    """Check out the submodules, from the user's own clones of them where there are any.

    `homes` are the git directories that may hold these, for a linked worktree has clones of its own; one that was
    there before it became a submodule is still in the user's working tree.
    """
    for path, name in _submodules(folder):
        _git(folder, "submodule", "--quiet", "init", "--", path)
        url = _git(folder, "config", "--default", "", f"submodule.{name}.url")
        clones = (*(home / "modules" / name for home in homes), tree / path / ".git")
        own = next((clone for clone in clones if clone.is_dir()), None)
        if own:
            _git(folder, "config", f"submodule.{name}.url", str(own))
        _git(folder, "submodule", "--quiet", "update", "--", path)
        inside = folder / path
        if (inside / ".gitmodules").exists():
            if url:
                _git(inside, "remote", "set-url", "origin", url)
            _add_submodules(inside, [own] if own else [], tree / path)


def _submodules(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the path and the name of each submodule; .gitmodules may well name some that are gone, or none at all."""
    if not (folder / ".gitmodules").exists():
        return
    staged = _git(folder, "ls-files", "--stage", "-z").split("\0")
    links = {entry.partition("\t")[2] for entry in staged if entry.startswith(GITLINK)}
    settings = _git(folder, "config", "--null", "--file", ".gitmodules", "--list").split("\0")
    for key, _, path in (setting.partition("\n") for setting in settings):
        if path in links and key.startswith("submodule.") and key.endswith(".path"):
            yield path, key.removeprefix("submodule.").removesuffix(".path")


def tracked(git: Git, commit: Commit, root: str) -> dict[str, str]:
    """Return the object name of each tracked file, by its path from a folder of the tree; a submodule is its path."""
    found = git.entry(commit.tree, root)
    return dict(_files(git, found.oid, "")) if found and found.mode == TREE else {}


def _files(git: Git, tree: str, prefix: str) -> Iterator[tuple[str, str]]:
    for name, entry in git.tree(tree).items():
        if entry.mode == TREE:
            yield from _files(git, entry.oid, f"{prefix}{name}/")
        else:
            yield prefix + name, entry.oid


def _somebody(commit: Commit) -> dict[str, str]:
    when = f"{commit.committer_time} +0000"
    people = {f"GIT_{who}_{what}": "tagready" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return people | {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}


def _git(folder: Path | None, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Return the output of git, under settings of our own; raise WorldFailed with its words where it fails."""
    settings = [word for key, value in _SAME_EVERYWHERE.items() for word in ("-c", f"{key}={value}")]
    command = ["git", *settings, *arguments]
    umask = {} if os.name == "nt" else {"umask": 0o022}
    done = subprocess.run(
        command, cwd=folder, env=environment() | _ALWAYS | dict(env or {}),
        stdin=subprocess.DEVNULL, capture_output=True, check=False, **umask,  # type: ignore[call-overload]
    )  # fmt: skip
    if done.returncode:
        if arguments[0] == "submodule":
            raise WorldFailed(
                "a submodule could not be checked out, so the build would lack it",
                "git submodule update --init --recursive, here, then run it again",
                " ".join(["git", *arguments]), done.stderr.decode("utf-8", "replace").strip(),
            )  # fmt: skip
        raise git_failed(["git", *arguments], done.stderr)
    return str(done.stdout.decode("utf-8", "surrogateescape")).removesuffix("\n")


def environment() -> dict[str, str]:
    """Return the environment without what would bend git in a clone: of its variables, those for reaching remotes."""
    return {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key.startswith(_REACHING)}


_ALWAYS = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_ATTR_NOSYSTEM": "1"}

#: Settings are among them, for addresses and credentials; ours come later, and win.
_REACHING = ("GIT_SSH", "GIT_ASKPASS", "GIT_SSL_", "GIT_HTTP_", "GIT_PROXY_", "GIT_CONFIG_", "GIT_EXEC_PATH")
