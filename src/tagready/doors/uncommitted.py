"""What is not committed yet, as the commit that it would be: what is staged, or what lies in the working tree."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tagready.doors.git import Git
from tagready.facts.findings import WorldFailed, WrongUse
from tagready.facts.git_records import Commit


class Uncommitted(Git):
    """A repository whose HEAD has the tree that a commit would have now; `base` is the HEAD that there is.

    Objects are written into a folder of their own and the index is a copy, so that nothing of the user's is touched.
    """

    scratch: Path
    base: Commit
    made: Commit

    def commit(self, revision: str) -> Commit | None:
        """Return a commit; HEAD is the one that would be."""
        return self.made if revision == "HEAD" else super().commit(revision)

    def written(self) -> Commit:
        """Return the commit that would be as a real one, with an object name of its own."""
        who = {f"GIT_{role}_{key}": "tagready" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
        parents = [word for oid in [self.base.oid] if oid for word in ("-p", oid)]
        message = self.git_dir / "MERGE_MSG"
        text = message.read_bytes() if message.is_file() else b"Not committed yet\n"
        done = self.run("commit-tree", *parents, "-F", "-", self.made.tree, feed=text, env=who)
        found = super().commit(done.stdout.decode().strip())
        assert found is not None
        return found

    def _object_directory(self) -> dict[str, str]:
        return {"GIT_OBJECT_DIRECTORY": str(self.scratch / "objects")}


@contextmanager
def uncommitted(git: Git, *, staged: bool, folders: Sequence[str] = ()) -> Iterator[Uncommitted]:
    """Lend a repository as a commit would have it: of what is staged, or of what `git commit --all` takes.

    The second has the untracked files in some folders as well. Raises WrongUse where git could not commit.
    """
    scratch = Path(tempfile.mkdtemp(prefix="tagready-")).resolve()
    would_be = Uncommitted(git.top, git.git_dir, git.common_dir, git.prefix)
    would_be.scratch = scratch
    try:
        information = scratch / "objects/info"
        information.mkdir(parents=True)
        (information / "alternates").write_text(f"{(git.common_dir / 'objects').as_posix()}\n", encoding="utf-8")
        tree = _tree(would_be, scratch / "index", None if staged else folders)
        head = super(Uncommitted, would_be).commit("HEAD")
        would_be.base = head or Commit("", would_be.hash("tree", b"", tree), (), 0, 0, "")
        would_be.made = would_be.base._replace(tree=tree)
        yield would_be
    finally:
        would_be.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _tree(git: Git, index: Path, folders: Sequence[str] | None) -> str:
    # `git commit --all` and `git commit PATH` give hooks an index of their own.
    source = git.top / os.environ.get("GIT_INDEX_FILE", git.git_dir / "index")
    if source.exists():
        shutil.copyfile(source, index)
    env = {"GIT_INDEX_FILE": str(index)}
    if folders is not None:
        git.run("add", "--update", "--", ".", env=env)
        present = [folder for folder in folders if (git.top / folder).is_dir()]
        if present:
            # It ends with 1 where a file is ignored, and has added the others.
            git.run("--literal-pathspecs", "add", "--", *present, env=env, accept=(0, 1))
    try:
        return git.run("write-tree", env=env).stdout.decode().strip()
    except WorldFailed as failed:
        unmerged = [line.partition(": unmerged")[0] for line in failed.stderr.splitlines() if ": unmerged (" in line]
        if not unmerged:
            raise
        paths = ", ".join(dict.fromkeys(unmerged))
        raise WrongUse(
            f"git cannot commit yet: a merge left both sides of {paths}", "choose what it should say, and git add it"
        ) from None


def announced(git: Git, folders: Sequence[str], tree: str) -> list[str]:
    """Return the files in some folders that the index only announces (`git add --intent-to-add`)."""
    listed = git.run("--literal-pathspecs", "ls-files", "-z", "--", *folders, env=_index()).stdout
    paths = listed.decode("utf-8", "surrogateescape").split("\0")
    return [path for path in paths if path and git.entry(tree, path) is None]


def _index() -> dict[str, str]:
    named = os.environ.get("GIT_INDEX_FILE")
    return {"GIT_INDEX_FILE": named} if named else {}
