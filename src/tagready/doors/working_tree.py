"""A repository read through its working tree, as if what lies there were committed."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tagready.doors.git import Git
from tagready.facts.git_records import SYMLINK, TREE, Commit, TreeEntry


class WorkingTree(Git):
    """A repository whose object names are paths: every reader of a commit reads the files that lie there instead.

    It needs no commit, and knows none but the files.
    """

    def commit(self, revision: str) -> Commit:
        """Return what lies there, as the one commit that there is."""
        return Commit("", "", (), 0, 0, "")

    def tree(self, oid: str) -> Mapping[str, TreeEntry]:
        """Return the names in a folder."""
        if oid not in self._trees:
            inside = f"{oid}/" if oid else ""
            with os.scandir(self.top / oid) as found:
                self._trees[oid] = {item.name: TreeEntry(_mode(item), inside + item.name) for item in found}
        return self._trees[oid]

    def blob(self, oid: str) -> bytes:
        """Return the content of a file, or where a symbolic link points."""
        path = self.top / oid
        return os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()


def _mode(item: os.DirEntry[str]) -> str:
    if item.is_symlink():
        return SYMLINK
    return TREE if item.is_dir() else "100644"


def working_tree(git: Git) -> WorkingTree:
    """Return a repository as its working tree has it."""
    return WorkingTree(git.top, git.git_dir, git.common_dir, git.prefix)
