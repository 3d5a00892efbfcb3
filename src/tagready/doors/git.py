"""The door to git: read at a commit, write objects, move a ref by compare-and-swap, bring a working tree along."""

from __future__ import annotations

import os
import posixpath
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tagready.facts.findings import WorldFailed, WrongUse
from tagready.facts.git_records import (
    LOG_FORMAT,
    SYMLINK,
    TREE,
    Change,
    Commit,
    LoggedCommit,
    Ref,
    RemoteAnswer,
    Status,
    TreeEntry,
    read_commit,
    read_log,
    read_remote_answer,
    read_status,
    read_tree,
)

#: Seconds that another git may hold a lock before we call it stale; git's own commands hold one for milliseconds.
LOCK_PATIENCE = 3.0
#: Seconds that a remote has to answer a question, and to take a push.
ASK_SECONDS = 5.0
PUSH_SECONDS = 120.0

#: Names that are asked for before the first answer is read; more could fill the pipes from both ends.
BLOBS_AT_ONCE = 64

#: Why a remote was not asked where there is none.
NO_REMOTE = "there is no remote"


#: A directory that is to be rewritten: what becomes of each name, with inner directories as levels of their own.
_Level = dict[str, "TreeEntry | _Level | None"]


@dataclass
class Pending:
    """A question that a remote is answering while we go on."""

    process: subprocess.Popen[bytes] | None
    deadline: float
    why_not: str = ""
    _answer: RemoteAnswer | str | None = None

    def answer(self) -> RemoteAnswer | str:
        """Return the answer, or the reason why there is none; waits until the deadline at most."""
        if self._answer is None:
            self._answer = self._wait()
        return self._answer

    def _wait(self) -> RemoteAnswer | str:
        if self.process is None:
            return self.why_not
        try:
            output, errors = self.process.communicate(timeout=max(0.0, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _end(self.process)
            return f"on the remote: no answer within {ASK_SECONDS:g} seconds"
        if self.process.returncode:
            lines = errors.decode("utf-8", "replace").strip().splitlines()
            return "on the remote: it could not be asked" + (f" ({lines[0]})" if lines else "")
        return read_remote_answer(output.decode("utf-8", "surrogateescape"))


@dataclass
class Git:
    """A repository. Paths are relative to its top, with forward slashes; a bare one has its own folder as its top."""

    top: Path
    git_dir: Path
    common_dir: Path
    prefix: str
    objects: Path | None = None
    bare: bool = False
    _config: dict[str, list[str | None]] | None = None
    _batch: subprocess.Popen[bytes] | None = None
    _trees: dict[str, dict[str, TreeEntry]] = field(default_factory=dict)
    _asked: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _pending: dict[str, Pending] = field(default_factory=dict)
    _filtered: dict[str, bool] = field(default_factory=dict)

    # -- processes -------------------------------------------------------------------------------------------------

    def run(
        self,
        *arguments: str,
        feed: bytes | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        accept: Sequence[int] = (0,),
        timeout: float | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Return the finished git command; raise WorldFailed with git's own words where it fails."""
        command = ["git", *arguments]
        try:
            done = subprocess.run(
                command,
                input=feed,
                stdin=subprocess.DEVNULL if feed is None else None,
                capture_output=True,
                cwd=cwd or self.top,
                env=_environment() | self._object_directory() | dict(env or {}),
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise WorldFailed(
                f"git {arguments[0]} did not come to an end within {timeout:g} seconds",
                "try again when the network does better",
                " ".join(command),
            ) from None
        if done.returncode not in accept:
            raise git_failed(command, done.stderr)
        return done

    def _object_directory(self) -> dict[str, str]:
        return {"GIT_OBJECT_DIRECTORY": str(self.objects)} if self.objects else {}

    def text(self, *arguments: str) -> str:
        """Return the output of a git command without the last newline."""
        return self.run(*arguments).stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    def edit(self, file: Path) -> None:
        """Open a file in the editor that git would open; raise WorldFailed where that fails.

        Git itself starts it, as an alias: with the shell that it has brought along, so the editor may be any command.
        To git, `:` says that none is to be opened.
        """
        editor = self.text("var", "GIT_EDITOR")
        if editor == ":":
            return
        command = ["git", "-c", f"alias.open-in-editor=!{editor}", "open-in-editor", str(file)]
        done = subprocess.run(command, cwd=self.top, check=False)
        if done.returncode != 0:
            said = f"it ended with {done.returncode}"
            fix = "set GIT_EDITOR to one that works"
            raise WorldFailed("the editor failed, so nothing was changed", fix, f"{editor} {file.name}", said)

    def close(self) -> None:
        """End the process that reads objects, and the questions to remotes that nobody waits for any more."""
        for asked in self._asked:
            if asked.poll() is None:
                _end(asked)
            for pipe in (asked.stdout, asked.stderr):
                if pipe:
                    pipe.close()
        self._asked.clear()
        if self._batch is not None:
            assert self._batch.stdin is not None
            assert self._batch.stdout is not None
            self._batch.stdin.close()
            self._batch.stdout.close()
            self._batch.wait()
            self._batch = None

    # -- reading ---------------------------------------------------------------------------------------------------

    def object(self, name: str) -> tuple[str, str, bytes] | None:
        """Return (oid, type, content) of an object, or None where there is none; all reads share one process."""
        if "\n" in name:
            return None
        self._ask_for([name])
        return self._answer()

    def _ask_for(self, names: Sequence[str]) -> None:
        if self._batch is None:
            self._batch = subprocess.Popen(
                ["git", "cat-file", "--batch"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self.top,
                env=_environment() | self._object_directory(),
            )
        assert self._batch.stdin is not None
        with suppress(BrokenPipeError):  # it shows when the answer is read
            self._batch.stdin.write(_lines(names))
            self._batch.stdin.flush()

    def _answer(self) -> tuple[str, str, bytes] | None:
        assert self._batch is not None
        reader = self._batch.stdout
        assert reader is not None
        header = reader.readline().split()
        if not header:
            raise WorldFailed("git cat-file ended early", "git fsck", "git cat-file --batch")
        if len(header) != 3 or header[-1] in (b"missing", b"ambiguous"):
            return None
        content = reader.read(int(header[2]))
        reader.read(1)
        return header[0].decode(), header[1].decode(), content

    def blob(self, oid: str) -> bytes:
        """Return the content of a blob."""
        found = self.object(oid)
        if found is None:
            raise _missing(oid)
        return found[2]

    def blobs(self, oids: Sequence[str]) -> Iterator[bytes]:
        """Yield the contents of blobs; asks for several at once, so that small ones need not wait for each other."""
        for start in range(0, len(oids), BLOBS_AT_ONCE):
            chosen = oids[start : start + BLOBS_AT_ONCE]
            self._ask_for(chosen)
            # All answers are read before one is handed out: what stayed in the pipe would answer the next question.
            for oid, found in zip(chosen, [self._answer() for _ in chosen], strict=True):
                if found is None:
                    raise _missing(oid)
                yield found[2]

    def commit(self, revision: str) -> Commit | None:
        """Return the commit that a revision names, or None."""
        if "@{" in revision:
            # `cat-file --batch` dies of an upstream or a reflog that is not there.
            done = self.run("rev-parse", "--verify", "--quiet", revision, accept=(0, 1, 128))
            if done.returncode:
                return None
            revision = done.stdout.decode().strip()
        found = self.object(f"{revision}^{{commit}}")
        return read_commit(found[0], found[2]) if found else None

    def tree(self, oid: str) -> Mapping[str, TreeEntry]:
        """Return the names in a tree object."""
        if oid not in self._trees:
            self._trees[oid] = read_tree(self.blob(oid), len(oid) // 2)
        return self._trees[oid]

    def entry(self, tree: str, path: str) -> TreeEntry | None:
        """Return what a tree holds at a path, or None."""
        found = TreeEntry(TREE, tree)
        for name in path.split("/") if path not in ("", ".") else ():
            inner = self.tree(found.oid).get(name) if found.mode == TREE else None
            if inner is None:
                return None
            found = inner
        return found

    def resolve(self, tree: str, path: str) -> str:
        """Return the path of the file behind symbolic links of the tree (the path itself where it is none)."""
        for _ in range(8):
            found = self.entry(tree, path)
            if found is None or found.mode != SYMLINK:
                break
            target = self.blob(found.oid).decode("utf-8", "surrogateescape")
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        return path

    def read(self, tree: str, path: str) -> bytes | None:
        """Return the file at a path of a tree, symbolic links followed; None where there is none."""
        found = self.entry(tree, self.resolve(tree, path))
        return self.blob(found.oid) if found and found.kind == "blob" and found.mode != SYMLINK else None

    def listing(self, tree: str, directory: str) -> Mapping[str, TreeEntry]:
        """Return the names in a directory of a tree; none where there is no such directory."""
        found = self.entry(tree, directory)
        return self.tree(found.oid) if found and found.mode == TREE else {}

    def hash(self, kind: str, content: bytes, like: str) -> str:
        """Return the object name that git gives to the content, in the hash function of another name."""
        from hashlib import sha1, sha256

        digest = (sha1 if len(like) == 40 else sha256)(b"%s %d\0" % (kind.encode(), len(content)))
        digest.update(content)
        return digest.hexdigest()

    def hash_files(self, paths: Sequence[str]) -> dict[str, str]:
        """Return the object names that files of the working tree have after git's clean filters."""
        if not paths:
            return {}
        done = self.run("hash-object", "--stdin-paths", feed=_lines(paths))
        return dict(zip(paths, done.stdout.decode().split(), strict=True))

    def refs(self) -> tuple[Ref, ...]:
        """Return every branch, remote branch and tag."""
        output = self.text(
            "for-each-ref",
            "--format=%(refname)%00%(objectname)%00%(symref)",
            "refs/heads",
            "refs/remotes",
            "refs/tags",
        )
        return tuple(Ref(*line.split("\0")) for line in output.split("\n") if line)

    def reachable(self, refs: Iterable[str], commit: str) -> set[str]:
        """Return those of the given tags (full names) that the commit can reach."""
        names = list(refs)
        if not names:
            return set()
        # Hundreds of names would not fit a Windows command line; then git lists them all.
        chosen = names if len(names) <= 50 else ["refs/tags"]
        output = self.text("for-each-ref", f"--merged={commit}", "--format=%(refname)", *chosen)
        return set(output.split("\n")) & set(names)

    def containing(self, commit: str, refs: Sequence[str]) -> list[str]:
        """Return those of the given branches (full names) that contain the commit."""
        if not refs:
            return []
        chosen = refs if len(refs) <= 50 else ["refs/heads", "refs/remotes"]
        output = self.text("for-each-ref", f"--contains={commit}", "--format=%(refname)", *chosen)
        found = set(output.split("\n"))
        return [name for name in refs if name in found]

    def is_shallow(self) -> bool:
        """Return whether older commits were left out when the repository was cloned."""
        return (self.common_dir / "shallow").exists()

    def log(self, *arguments: str, path: str | None = None) -> tuple[LoggedCommit, ...]:
        """Return the commits that `git log` lists for the arguments, newest first."""
        plain = ("-z", "--no-show-signature", "--no-color", "--encoding=UTF-8", f"--format={LOG_FORMAT}")
        paths = () if path is None else (path,)
        done = self.run("--literal-pathspecs", "log", *plain, *arguments, "--", *paths)
        return read_log(done.stdout.decode("utf-8", "replace"))

    def was_on(self, branch: str, commit: str) -> bool:
        """Return whether a branch (full name) here was on a commit once, as far as its reflog goes."""
        return commit in self.text("log", "--walk-reflogs", "--format=%H", branch, "--").split("\n")

    def merge_base(self, one: str, other: str) -> Commit | None:
        """Return the newest commit that both have, or None where their histories have none in common here."""
        done = self.run("merge-base", one, other, accept=(0, 1))
        return self.commit(done.stdout.decode().strip()) if done.returncode == 0 else None

    def cut_off(self) -> frozenset[str]:
        """Return the commits whose parents were left out when the repository was cloned."""
        path = self.common_dir / "shallow"
        return frozenset(path.read_text(encoding="ascii").split()) if path.exists() else frozenset()

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        """Return whether the commit contains the ancestor."""
        return self.run("merge-base", "--is-ancestor", ancestor, commit, accept=(0, 1)).returncode == 0

    def ahead_and_behind(self, branch: str, other: str) -> tuple[int, int]:
        """Return how many commits a branch has that another one has not, and the other way round."""
        ahead, behind = self.text("rev-list", "--left-right", "--count", f"{branch}...{other}", "--").split()
        return int(ahead), int(behind)

    def config(self, key: str) -> str | None:
        """Return the last value of a configuration key (lower case, as git lists it), or None."""
        values = self._configuration().get(key)
        return values[-1] if values else None

    def flag(self, key: str) -> bool:
        """Return a boolean of git's configuration; false where it is not set."""
        if key not in self._configuration():
            return False
        value = self._configuration()[key][-1]
        # A key without a value is true, one with an empty value is false, and so is no number but 0.
        return value is None or value.lower() in ("true", "yes", "on") or (value.isdigit() and int(value) != 0)

    def needs_working_tree(self) -> None:
        """Raise WrongUse where there is none: in a bare repository, and inside .git."""
        if self.bare and self.flag("core.bare"):
            raise WrongUse(f"{self.top} is a bare repository, and this needs a working tree", "clone it first")
        if self.bare:
            what = f"{self.top} is git's own folder, and this needs the files of the project"
            raise WrongUse(
                what, "cd .." if self.top.name == ".git" == Path.cwd().name else "go to the project's folder"
            )

    def remotes(self) -> list[str]:
        """Return the names of the remotes that have an address."""
        keys = [key for key in self._configuration() if key.startswith("remote.") and key.endswith(".url")]
        return [key.removeprefix("remote.").removesuffix(".url") for key in keys]

    def _configuration(self) -> dict[str, list[str | None]]:
        if self._config is None:
            self._config = {}
            output = self.text("config", "--list", "-z")
            for item in output.split("\0"):
                key, equals, value = item.partition("\n")
                self._config.setdefault(key, []).append(value if equals else None)
        return self._config

    def current_branch(self) -> str:
        """Return the branch that HEAD is on, or an empty text."""
        head = (self.git_dir / "HEAD").read_text(encoding="utf-8", errors="surrogateescape").strip()
        if head.endswith("/.invalid"):  # reftable keeps the truth elsewhere
            head = "ref: " + self.run("symbolic-ref", "-q", "HEAD", accept=(0, 1)).stdout.decode().strip()
        return head.removeprefix("ref: refs/heads/") if head.startswith("ref: refs/heads/") else ""

    def diff(self, old: str, new: str) -> str:
        """Return the patch from one commit to another."""
        arguments = ("-p", "-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--binary")
        return self.run("diff-tree", *arguments, old, new).stdout.decode("utf-8", "surrogateescape")

    def has_identity(self) -> bool:
        """Return whether git knows an author and a committer."""
        if (
            self.config("user.name")
            and self.config("user.email")
            and not any(name.startswith(("GIT_AUTHOR_", "GIT_COMMITTER_")) for name in os.environ)
        ):
            return True
        return all(
            self.run("var", f"GIT_{who}_IDENT", accept=(0, 128)).returncode == 0 for who in ("AUTHOR", "COMMITTER")
        )

    def committer(self) -> str:
        """Return who would commit, as `Name <address>`."""
        return self.text("var", "GIT_COMMITTER_IDENT").rsplit(" ", 2)[0]

    def status(self, paths: Sequence[str]) -> Status:
        """Return git's verdict on the given paths; takes no lock and writes nothing."""
        done = self.run(
            "--no-optional-locks", "--literal-pathspecs", "status", "--porcelain=v2", "--branch", "-z", "--no-renames",
            "--untracked-files=all", "--ignore-submodules=all", "--", *paths,
        )  # fmt: skip
        return read_status(done.stdout.decode("utf-8", "surrogateescape"))

    def unwatched(self, paths: Sequence[str]) -> dict[str, str]:
        """Return those of the given files that git is told not to look at (so `status` is silent about them).

        Each with git's letter for it: `S` stands for skip-worktree, `h` for assume-unchanged, and `s` for both.
        """
        chosen = paths if len(paths) <= 50 else []  # thousands of names would not fit a command line
        listed = self.run("--literal-pathspecs", "ls-files", "-v", "-z", "--", *chosen).stdout
        pairs = (item.split(" ", 1) for item in listed.decode("utf-8", "surrogateescape").split("\0") if item)
        wanted = set(paths)
        return {path: letter for letter, path in pairs if path in wanted and (letter == "S" or letter.islower())}

    def under_way(self) -> str:
        """Return the operation that git is in the middle of (merge, rebase …), or an empty text."""
        signs = {
            "MERGE_HEAD": "a merge", "rebase-merge": "a rebase",
            "rebase-apply/applying": "applying patches", "rebase-apply": "a rebase",
            "BISECT_LOG": "a bisection", "CHERRY_PICK_HEAD": "a cherry-pick", "REVERT_HEAD": "a revert",
        }  # fmt: skip
        return next((what for name, what in signs.items() if (self.git_dir / name).exists()), "")

    def check_locks(self, branch: str) -> None:
        """Raise WorldFailed that names a lock which outlives our patience; git would fail half-way on it."""
        locks = [self.git_dir / "index.lock", self.git_dir / "HEAD.lock"]
        if branch:
            locks.append(self.common_dir / f"refs/heads/{branch}.lock")
        deadline = time.monotonic() + LOCK_PATIENCE
        while held := [lock for lock in locks if lock.exists()]:
            if time.monotonic() > deadline:
                raise _locked(str(held[0]))
            time.sleep(0.05)

    # -- remotes ---------------------------------------------------------------------------------------------------

    def ask(self, remote: str | None, *patterns: str) -> Pending:
        """Start to ask a remote for its HEAD and the given refs, without prompts."""
        deadline = time.monotonic() + ASK_SECONDS
        if remote is None:
            return Pending(None, deadline, NO_REMOTE)
        process = subprocess.Popen(
            ["git", "ls-remote", "--symref", remote, "HEAD", *patterns],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.top,
            env=_environment() | self._silent(),
            start_new_session=True,
        )
        self._asked.append(process)
        self._pending[remote] = Pending(process, deadline)
        return self._pending[remote]

    def head_of(self, remote: str) -> RemoteAnswer | str:
        """Return what a remote says of its HEAD: with the answer to an earlier question, if there was one."""
        return (self._pending.get(remote) or self.ask(remote)).answer()

    def fetch(self, remote: str, refspec: str) -> None:
        """Fetch exactly the named ref; raise WorldFailed with git's words."""
        self.run("fetch", "--quiet", "--no-tags", remote, refspec, env=self._silent(), timeout=PUSH_SECONDS)

    def push(self, remote: str, *arguments: str) -> None:
        """Push exactly the named refs, all or none; raise WorldFailed with the remote's words."""
        exactly = ("--atomic", "--no-follow-tags", "--recurse-submodules=no")
        self.run("push", *exactly, remote, *arguments, env=self._silent(), timeout=PUSH_SECONDS)

    def _silent(self) -> dict[str, str]:
        silent = {"GIT_TERMINAL_PROMPT": "0", "GCM_INTERACTIVE": "never"}
        if "GIT_SSH_COMMAND" not in os.environ and "GIT_SSH" not in os.environ and not self.config("core.sshcommand"):
            silent["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes"
        return silent

    # -- writing objects -------------------------------------------------------------------------------------------

    def is_filtered(self, path: str) -> bool:
        """Return whether a filter driver of git's configuration applies to the path (git-lfs, git-crypt …)."""
        if not any(key.startswith("filter.") for key in self._configuration()):
            return False
        if path not in self._filtered:
            answer = self.run("check-attr", "-z", "filter", "--", path).stdout.split(b"\0")
            driver = answer[2].decode()
            keys = {f"filter.{driver}.{way}" for way in ("clean", "smudge", "process")}
            self._filtered[path] = bool(keys & self._configuration().keys())
        return self._filtered[path]

    def smudged(self, tree: str, path: str) -> bytes | None:
        """Return a file as a checkout would write it where a filter driver applies, else as it is stored."""
        path = self.resolve(tree, path)
        entry = self.entry(tree, path)
        if entry is None or entry.kind != "blob" or not self.is_filtered(path):
            return self.read(tree, path)
        return self.run("cat-file", "--filters", f"--path={path}", entry.oid).stdout

    def write_blobs(self, files: Mapping[str, bytes], scratch: Path) -> dict[str, str]:
        """Return the blobs of the files, as loose objects.

        The contents are what is stored, so that `core.autocrlf` and the like cannot change them from machine to
        machine; only where a filter driver applies are they what a checkout has, and pass through its clean filter.
        """
        blobs = {}
        for path in [path for path in files if self.is_filtered(path)]:
            done = self.run("hash-object", "-w", "--stdin", f"--path={path}", feed=files[path])
            blobs[path] = done.stdout.decode().strip()
        plain = [path for path in files if path not in blobs]
        if plain:
            scratch.mkdir(parents=True, exist_ok=True)
            for number, path in enumerate(plain):
                (scratch / str(number)).write_bytes(files[path])
            names = [str(scratch / str(number)) for number in range(len(plain))]
            done = self.run("hash-object", "-w", "--no-filters", "--stdin-paths", feed=_lines(names))
            blobs |= dict(zip(plain, done.stdout.decode().split(), strict=True))
        return blobs

    def write_tree(self, base: str, changes: Mapping[str, TreeEntry | None]) -> str:
        """Return a tree like another one but for the given paths (None removes one); empty folders go."""
        process = subprocess.Popen(
            ["git", "mktree", "-z", "--missing", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.top,
            env=_environment(),
        )
        with process:
            written = self._write_level(process, base, _nested(changes))
            assert process.stdin is not None
            process.stdin.close()
            errors = process.stderr.read() if process.stderr else b""
        if process.returncode or written is None:
            raise git_failed(["git", "mktree"], errors)
        return written.oid

    def _write_level(self, process: subprocess.Popen[bytes], base: str, level: _Level) -> TreeEntry | None:
        entries = dict(self.tree(base)) if base else {}
        for name, change in level.items():
            if isinstance(change, dict):
                old = entries.get(name)
                change = self._write_level(process, old.oid if old and old.mode == TREE else "", change)
            if change is None:
                entries.pop(name, None)
            else:
                entries[name] = change
        if not entries and base != "" and not level:
            return TreeEntry(TREE, base)
        if not entries:
            return None
        assert process.stdin is not None
        assert process.stdout is not None
        for name, entry in entries.items():
            process.stdin.write(f"{entry.mode} {entry.kind} {entry.oid}\t{name}\0".encode("utf-8", "surrogateescape"))
        process.stdin.write(b"\0")
        process.stdin.flush()
        return TreeEntry(TREE, process.stdout.readline().decode().strip())

    def write_commit(self, tree: str, parent: str, message: str) -> str:
        """Return a new commit; it is signed where git's configuration says so."""
        sign = ["-S"] if self.flag("commit.gpgsign") else []
        done = self.run(
            "-c", "i18n.commitEncoding=UTF-8", "commit-tree", *sign, "-p", parent, "-F", "-", tree,
            feed=message.encode("utf-8", "surrogateescape"),
        )  # fmt: skip
        return done.stdout.decode().strip()

    def changes(self, old_tree: str, new_tree: str) -> tuple[Change, ...]:
        """Return what differs between two trees, path by path; descends only where they differ."""
        return tuple(self._changes(old_tree, new_tree, ""))

    def _changes(self, old: str, new: str, prefix: str) -> Iterator[Change]:
        before = self.tree(old) if old else {}
        after = self.tree(new) if new else {}
        for name in sorted(before.keys() | after.keys()):
            one, other = before.get(name), after.get(name)
            if one == other:
                continue
            folder = (
                one.oid if one and one.mode == TREE else "",
                other.oid if other and other.mode == TREE else "",
            )
            if any(folder):
                yield from self._changes(*folder, f"{prefix}{name}/")
            files = (
                one if one and one.mode != TREE else None,
                other if other and other.mode != TREE else None,
            )
            if any(files):
                yield Change(prefix + name, *files)

    def differing(self, old: str, new: str, globs: Sequence[str]) -> set[str]:
        """Return the paths in which two commits differ, and that one of git's globs matches."""
        patterns = (f":(glob){glob}" for glob in globs)
        done = self.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new, "--", *patterns)
        return set(done.stdout.decode("utf-8", "surrogateescape").split("\0")) - {""}

    # -- moving things ---------------------------------------------------------------------------------------------

    def move_ref(self, name: str, new: str, old: str | None, reason: str) -> bool:
        """Move a ref from one commit to another; return False, and change nothing, where it was elsewhere.

        Without an `old` one, it must not exist.
        """
        done = self.run("update-ref", "-m", reason, "--create-reflog", name, new, old or "", accept=(0, 1, 128))
        if done.returncode == 0:
            return True
        words = done.stderr.decode("utf-8", "replace")
        if re.search("but expected|reference already exists|unable to resolve reference", words):
            return False
        raise git_failed(["git", "update-ref", name], done.stderr)

    def bring_along(self, changes: Sequence[Change]) -> None:
        """Bring index and working tree from the old side of the changes to the new one.

        Each file is replaced in one step, so that a file is always its old self or its new self; a run that was
        killed in between can be told from somebody's edits, and finished. git's own checkout makes the files, so
        line endings and filters are the working tree's.
        """
        import shutil

        stage = self._new_stage()
        written = [change for change in changes if change.new is not None]
        self._check_out(written, stage)
        for change in changes:
            if change.new is None:
                with suppress(FileNotFoundError):
                    os.unlink(f"{self.top}/{change.path}")  # noqa: PTH108 - by the thousand, pathlib would be felt
            else:
                target = self.top / change.path
                target.parent.mkdir(parents=True, exist_ok=True)
                _replace(stage / "files" / change.path, target)
        for folder in sorted(
            {posixpath.dirname(change.path) for change in changes if change.new is None}, reverse=True
        ):
            self._remove_empty(folder)
        self._update_index(changes)
        shutil.rmtree(stage, ignore_errors=True)

    def _new_stage(self) -> Path:
        """Return a folder of this run's own inside the repository, on the file system of the working tree."""
        import tempfile

        self.clean_stages()
        return Path(tempfile.mkdtemp(prefix=f"tagready-{os.getpid()}-", dir=self.git_dir))

    def clean_stages(self) -> None:
        """Remove the folders that killed runs left behind; those of runs that still go on stay."""
        import shutil

        for stage in self.git_dir.glob("tagready-*-*"):
            if not _is_running(int(stage.name.split("-")[1])):
                shutil.rmtree(stage, ignore_errors=True)

    def _check_out(self, written: Sequence[Change], stage: Path) -> None:
        if not written:
            return
        (stage / "files").mkdir()
        env = {"GIT_INDEX_FILE": str(stage / "index")}
        self.run("update-index", "-z", "--index-info", feed=_index_info(written), env=env)
        # Attributes come from the working tree: the scratch index has only the files that change.
        self.run("checkout-index", "--all", "--force", f"--prefix={(stage / 'files').as_posix()}/", env=env)

    def _remove_empty(self, folder: str) -> None:
        while folder:
            try:
                (self.top / folder).rmdir()
            except OSError:
                return
            folder = posixpath.dirname(folder)

    def _update_index(self, changes: Sequence[Change]) -> None:
        written = [change.path for change in changes if change.new is not None]
        unwatched = self.unwatched(written) if self._may_be_unwatched(written) else {}
        if unwatched:
            # git would leave these as they are in the index, or drop them; a new entry is one that it looks at.
            self._change_index("--index-info", feed=_index_info(changes))
        self._change_index("--add", "--remove", "--stdin", feed=_zeroed(change.path for change in changes))
        # In a sparse checkout it is git itself that says which files are not to be there.
        for option, letters in (("--skip-worktree", "" if self.flag("core.sparsecheckout") else "Ss"),
                                ("--assume-unchanged", "hs")):  # fmt: skip
            if paths := [path for path, letter in unwatched.items() if letter in letters]:
                self._change_index(option, "--stdin", feed=_zeroed(paths))

    def _may_be_unwatched(self, paths: Sequence[str]) -> bool:
        """Return whether one has to ask git for that; no, where the index says plainly that it looks at every file.

        It does in its plainest format (gitformat-index(5), version 2), which knows no skip-worktree, and has two bytes
        before each name: the highest bit is assume-unchanged, and the lower twelve are the length of the name.
        """
        try:
            index = (self.git_dir / "index").read_bytes()
        except OSError:
            return True
        return index[4:8] != b"\0\0\0\2" or not all(_is_watched(index, os.fsencode(path)) for path in paths)

    def _change_index(self, *options: str, feed: bytes) -> None:
        deadline = time.monotonic() + LOCK_PATIENCE
        while True:
            done = self.run("update-index", "-z", *options, feed=feed, accept=(0, 128))
            if done.returncode == 0:
                return
            if b"index.lock" not in done.stderr or time.monotonic() > deadline:
                raise git_failed(["git", "update-index"], done.stderr)
            time.sleep(0.05)

    def has_checked_out(self, branch: str) -> bool:
        """Return whether any worktree of the repository is on the branch."""
        listed = self.run("worktree", "list", "--porcelain").stdout.decode("utf-8", "surrogateescape")
        return f"branch refs/heads/{branch}" in listed.split("\n")

    def scratch_repository(self, commit: str, folder: Path) -> Git:
        """Return a repository in a folder of its own, with a commit checked out and all refs and objects of this one.

        A linked worktree would be lighter, but a killed `git worktree add` leaves the user's repository with an entry
        that no git can read (git 2.39, seen). What is written there lands among our own objects.
        """
        import shutil

        kind = "sha256" if len(commit) == 64 else "sha1"
        self.run("init", "--quiet", f"--object-format={kind}", str(folder))
        inside = folder / ".git"
        alternates = inside / "objects/info/alternates"
        alternates.parent.mkdir(exist_ok=True)
        alternates.write_text(f"{(self.common_dir / 'objects').as_posix()}\n", encoding="utf-8")
        if (self.common_dir / "shallow").exists():
            shutil.copyfile(self.common_dir / "shallow", inside / "shallow")
        shutil.copyfile(self.common_dir / "config", inside / "config")
        if (self.common_dir / "info/exclude").exists():
            shutil.copyfile(self.common_dir / "info/exclude", inside / "info/exclude")
        other = Git(folder, inside, inside, "", objects=self.common_dir / "objects")
        other.run("config", "--unset-all", "core.worktree", accept=(0, 5))
        refs = "".join(f"create {ref.name} {ref.oid}\n" for ref in self.refs() if not ref.symref)
        other.run("update-ref", "--stdin", feed=refs.encode("utf-8", "surrogateescape"))
        other.run("update-ref", "--no-deref", "HEAD", commit)
        other.run("read-tree", commit)
        other.run("checkout-index", "--all", "--force")
        return other


def discover(start: Path, *, bare: bool = False) -> Git:
    """Return the repository around a folder; raise WrongUse where there is none.

    One without a working tree is refused as well, unless `bare` says that nothing but its history is asked for.
    """
    command = [
        "git",
        "rev-parse",
        "--show-toplevel",
        "--absolute-git-dir",
        "--git-common-dir",
        "--show-prefix",
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, cwd=start, env=_environment(), check=False
        )
    except (FileNotFoundError, NotADirectoryError):
        if not start.is_dir():
            raise WrongUse(f"there is no folder {start}", "give a folder of your project to -C") from None
        raise WorldFailed("git is not installed, or not on PATH", "install git 2.30 or newer", "git") from None
    words = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode and "dubious ownership" in words:
        raise WorldFailed(
            "git does not trust this repository", words.splitlines()[-1].strip(), " ".join(command), words
        )
    if done.returncode and "work tree" in words:
        git_dir, common_dir = (_rev_parse(start, option) for option in ("--absolute-git-dir", "--git-common-dir"))
        found = Git(Path(git_dir), Path(git_dir), (start / common_dir).resolve(), "", bare=True)
        if not bare:
            found.needs_working_tree()
        return found
    if done.returncode:
        raise WrongUse(
            f"{start.resolve()} is not in a git repository", "run it inside your project, or give its folder with -C"
        )
    top, git_dir, common_dir, prefix = done.stdout.decode("utf-8", "surrogateescape").split("\n")[:4]
    return Git(Path(top), Path(git_dir), (start / common_dir).resolve(), prefix.rstrip("/"))


def _rev_parse(start: Path, option: str) -> str:
    done = subprocess.run(["git", "rev-parse", option], capture_output=True, cwd=start, env=_environment(), check=True)
    return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")


def _is_running(pid: int) -> bool:
    """Return whether a process goes on; where one cannot look without harm (Windows), say yes."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it started: ssh below it would keep its pipes open for as long as it likes."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()
    process.wait()


def git_failed(command: Sequence[str], stderr: bytes) -> WorldFailed:
    """Return git's failure in our form: a lock by its path, anything else in git's own words."""
    words = stderr.decode("utf-8", "replace").strip()
    # What the remote says begins with "remote: "; a lock named there is not ours to remove.
    ours = "\n".join(line for line in words.splitlines() if not line.startswith("remote: "))
    if lock := re.search(r"'([^'\n]+\.lock)'", ours):
        return _locked(lock[1], " ".join(command), words)
    verbs = [word for word in command[1:] if not word.startswith("-") and "=" not in word]
    what = f"git {verbs[0] if verbs else ''} failed"
    return WorldFailed(
        what, "read git's words above, mend it, and run the same command again", " ".join(command), words
    )


def _missing(oid: str) -> WorldFailed:
    return WorldFailed(f"object {oid} is missing here", "git fetch --unshallow, or git fsck", "git cat-file")


def _locked(path: str, command: str = "", words: str = "") -> WorldFailed:
    import shlex

    remove = f'del "{path}"' if os.name == "nt" else f"rm {shlex.quote(path)}"
    return WorldFailed(
        f"another git holds {path}, or a killed one left it behind",
        f"wait for the other git; where none is running: {remove}, and run the same command again",
        command,
        words,
    )


def _environment() -> dict[str, str]:
    """Return the environment for git: plain English, and nothing that would bend what we read."""
    bending = ("GIT_INDEX_FILE", "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS", "GIT_PREFIX", "GIT_TRACE")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(bending)}
    return kept | {"LC_ALL": "C", "LANGUAGE": "C"}


def _lines(paths: Iterable[str]) -> bytes:
    return b"".join(path.encode("utf-8", "surrogateescape") + b"\n" for path in paths)


def _is_watched(index: bytes, name: bytes) -> bool:
    place = index.find(name + b"\0")
    while place >= 0:
        flags = int.from_bytes(index[place - 2 : place])
        if flags & 0xFFF == len(name):
            return not flags & 0x8000
        place = index.find(name + b"\0", place + 1)
    return False


def _zeroed(paths: Iterable[str]) -> bytes:
    return b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in paths)


def _index_info(changes: Iterable[Change]) -> bytes:
    """Return entries as `update-index --index-info` takes them; a mode of 0 removes one."""
    entries = ((change.path, change.new or (change.old and TreeEntry("0", change.old.oid))) for change in changes)
    return _zeroed(f"{entry.mode} {entry.oid}\t{path}" for path, entry in entries if entry)


def _nested(changes: Mapping[str, TreeEntry | None]) -> _Level:
    nested: _Level = {}
    for path, change in changes.items():
        *folders, name = path.split("/")
        level = nested
        for folder in folders:
            inner = level.setdefault(folder, {})
            assert isinstance(inner, dict)
            level = inner
        level[name] = change
    return nested


def _replace(source: Path, target: Path) -> None:
    """Put a file into another's place in one step, also where the two are on different file systems."""
    try:
        source.replace(target)
    except OSError as error:
        import errno
        import shutil

        if error.errno != errno.EXDEV:
            raise WorldFailed(f"{target} cannot be written: {error.strerror}", f"free {target}, run it again") from None
        near = target.with_name(f".{target.name}.tagready")
        shutil.copy2(source, near, follow_symlinks=False)
        near.replace(target)
