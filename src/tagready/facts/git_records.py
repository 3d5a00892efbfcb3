"""What git says, as records: objects, refs, status and the answer of a remote. Pure; text and bytes in, values out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

GITLINK, SYMLINK, TREE = "160000", "120000", "40000"


class TreeEntry(NamedTuple):
    """One name in a tree object: mode (octal text, as git writes it) and object name (hex)."""

    mode: str
    oid: str

    @property
    def kind(self) -> str:
        """The type of the object."""
        return {TREE: "tree", GITLINK: "commit"}.get(self.mode, "blob")


class Commit(NamedTuple):
    """A commit as it is stored; `author_time` and `committer_time` are seconds since the epoch."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    author_time: int
    committer_time: int
    message: str


class LoggedCommit(NamedTuple):
    """A commit as `git log` tells it: who wrote it, who put it where it is, and the message."""

    oid: str
    parents: tuple[str, ...]
    author: str
    author_email: str
    committer: str
    committer_email: str
    message: str

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]


#: What `git log -z` has to be asked for, so that `read_log` can read it.
LOG_FORMAT = "tformat:%H%x00%P%x00%an%x00%ae%x00%cn%x00%ce%x00%B"


class Ref(NamedTuple):
    """A reference by its full name; `symref` is what a symbolic one points to."""

    name: str
    oid: str
    symref: str


class Change(NamedTuple):
    """What became of a path between two trees; None stands for absent."""

    path: str
    old: TreeEntry | None
    new: TreeEntry | None


class PathStatus(NamedTuple):
    """A path in `git status`: the letters of index against HEAD, and of the file against the index."""

    path: str
    staged: str
    unstaged: str
    index_oid: str = ""

    @property
    def untracked(self) -> bool:
        """Whether git does not know the path."""
        return self.staged == "?"


class Status(NamedTuple):
    """What `git status` says of a set of paths, and of the branch; `upstream` is empty where there is none.

    `to_pull` is what `git pull` has to be told, where `upstream` is not the branch that this one follows.
    """

    branch: str
    upstream: str
    ahead: int
    behind: int
    paths: tuple[PathStatus, ...] = ()
    to_pull: tuple[str, ...] = ()


class RemoteAnswer(NamedTuple):
    """What a remote answered: its refs by full name, and the branch that its HEAD points to."""

    refs: Mapping[str, str]
    head: str | None


def read_tree(content: bytes, width: int) -> dict[str, TreeEntry]:
    """Return the names in a tree object; an object name has `width` bytes."""
    entries: dict[str, TreeEntry] = {}
    offset = 0
    while offset < len(content):
        end = content.index(b"\0", offset)
        mode, _, name = content[offset:end].partition(b" ")
        offset = end + 1 + width
        entries[name.decode("utf-8", "surrogateescape")] = TreeEntry(mode.decode(), content[end + 1 : offset].hex())
    return entries


def read_commit(oid: str, content: bytes) -> Commit:
    """Return a commit from its stored form."""
    head, _, message = content.decode("utf-8", "replace").partition("\n\n")
    fields = [line.partition(" ") for line in head.split("\n")]
    first = {key: value for key, _, value in reversed(fields)}
    return Commit(
        oid=oid,
        tree=first["tree"],
        parents=tuple(value for key, _, value in fields if key == "parent"),
        author_time=_time(first["author"]),
        committer_time=_time(first["committer"]),
        message=message,
    )


def read_log(output: str) -> tuple[LoggedCommit, ...]:
    """Return the answer of `git log -z` in our format."""
    fields = output.split("\0")
    found = []
    for start in range(0, len(fields) - 6, 7):
        oid, parents, *people, message = fields[start : start + 7]
        author, author_email, committer, committer_email = people
        found.append(
            LoggedCommit(oid, tuple(parents.split()), author, author_email, committer, committer_email, message)
        )
    return tuple(found)


def _time(ident: str) -> int:
    return int(ident.rsplit(" ", 2)[1])


def read_status(output: str) -> Status:
    """Return the answer of `git status --porcelain=v2 --branch -z`."""
    branch = upstream = ""
    ahead = behind = 0
    paths: list[PathStatus] = []
    for item in output.split("\0"):
        kind, _, rest = item.partition(" ")
        match kind:
            case "#":
                key, _, value = rest.partition(" ")
                if key == "branch.head":
                    branch = "" if value == "(detached)" else value
                elif key == "branch.upstream":
                    upstream = value
                elif key == "branch.ab":
                    ahead, behind = (abs(int(number)) for number in value.split())
            case "1":
                states, _, _, _, _, _, index_oid, path = rest.split(" ", 7)
                paths.append(PathStatus(path, states[0], states[1], index_oid))
            case "u":
                paths.append(PathStatus(rest.split(" ", 9)[-1], "U", "U"))
            case "?":
                paths.append(PathStatus(rest, "?", "?"))
    return Status(branch, upstream, ahead, behind, tuple(paths))


def read_remote_answer(output: str) -> RemoteAnswer:
    """Return the answer of `git ls-remote --symref`."""
    refs: dict[str, str] = {}
    head = None
    for line in output.splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: "):
            head = value.removeprefix("ref: refs/heads/")
        else:
            refs[name] = value
    return RemoteAnswer(refs, head)
