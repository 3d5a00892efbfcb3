"""Ends a release at a chosen edge: before its n-th write or git call, after its n-th git call, inside git itself.

Nothing of tagready is replaced. An audit hook sees Python's own writes and starts of git, a script named `git` that is
first on PATH sees git's ends, and a preloaded library sees the writes that git makes. Each writes a line per edge to a
log; the edge whose line has the wanted number is where it happens.

Run as a script, this module is a nursery: it imports tagready once and forks a process for every order, which makes
hundreds of runs affordable.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tagready import cli

WRITES = frozenset({"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"})
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

#: Counts the ends of git commands, and does what is asked to tagready after the chosen one.
WRAPPER = """\
#!/bin/sh
echo "git $1" >>"$CRASH_LOG"
n=0
while read -r _; do n=$((n + 1)); done <"$CRASH_LOG"
[ "$n" = "$CRASH_AT" ] || exec {git} "$@"
[ "$CRASH_WITH" = INT ] && kill -INT -"$CRASH_PID"
{git} "$@"
kill -"$CRASH_WITH" "$CRASH_PID"
"""

#: Counts the writes inside git, and kills git and tagready together before the chosen one.
LIBRARY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static void edge(const char *what, const char *path)
{
    static __typeof__(&open) real_open;
    static __typeof__(&write) real_write;
    char line[600], log[20000];
    const char *at = getenv("CRASH_AT"), *pid = getenv("CRASH_PID"), *name = getenv("CRASH_LOG");
    if (!at || !pid || !name || !strncmp(path, "/dev/", 5))
        return;
    if (!real_open) real_open = (__typeof__(&open))dlsym(RTLD_NEXT, "open");
    if (!real_write) real_write = (__typeof__(&write))dlsym(RTLD_NEXT, "write");
    int fd = real_open(name, O_RDWR | O_CREAT | O_APPEND, 0666), seen = 0;
    int length = snprintf(line, sizeof line, "  inside git: %s %.500s\n", what, path);
    real_write(fd, line, length);
    ssize_t size = pread(fd, log, sizeof log, 0);
    for (ssize_t i = 0; i < size; i++) seen += log[i] == '\n';
    close(fd);
    if (seen == atoi(at)) { kill(-atoi(pid), SIGKILL); pause(); }
}

#define OPEN(name) \
int name(const char *path, int flags, ...) \
{ \
    REAL(name); va_list rest; va_start(rest, flags); int mode = va_arg(rest, int); va_end(rest); \
    if (flags & (O_WRONLY | O_RDWR | O_CREAT)) edge("open", path); \
    return real(path, flags, mode); \
}
OPEN(open)
OPEN(open64)

ssize_t write(int fd, const void *bytes, size_t count)
{
    REAL(write); struct stat found;
    if (!fstat(fd, &found) && S_ISREG(found.st_mode)) edge("write", "");
    return real(fd, bytes, count);
}
int rename(const char *old, const char *new) { REAL(rename); edge("rename", new); return real(old, new); }
int link(const char *old, const char *new) { REAL(link); edge("link", new); return real(old, new); }
int unlink(const char *path) { REAL(unlink); edge("unlink", path); return real(path); }
int rmdir(const char *path) { REAL(rmdir); edge("rmdir", path); return real(path); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); edge("mkdir", path); return real(path, mode); }
"""


@dataclass(frozen=True)
class Tools:
    """Where the things lie that see git's edges; `library` is None where it cannot be made."""

    wrapper: Path
    library: Path | None


def make_tools(folder: Path) -> Tools:
    """Write the wrapper, and compile the library where this system can use one."""
    wrapper = folder / "bin" / "git"
    wrapper.parent.mkdir(parents=True)
    wrapper.write_text(WRAPPER.replace("{git}", f"'{shutil.which('git')}'"))
    wrapper.chmod(0o755)
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        return Tools(wrapper, None)
    source, library = folder / "edges.c", folder / "edges.so"
    source.write_text(LIBRARY)
    done = subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=False)
    return Tools(wrapper, library if done.returncode == 0 else None)


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code (negative: the signal), what it said, and the edges it came by."""

    code: int
    out: str
    err: str
    edges: tuple[str, ...]


class Nursery:
    """Runs tagready in forked processes, and ends or holds them where asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tools = make_tools(folder)
        self._count = 0
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def __enter__(self) -> Nursery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def run(
        self,
        where: Path,
        arguments: Sequence[str],
        *,
        watch: str = "python",
        at: int = 0,
        action: str = "KILL",
        limit: int | None = None,
    ) -> Ended:
        """Run tagready in a folder until it ends or comes to edge `at`; 0 is no edge.

        `watch` says which edges count: those of `python`, the ends of `git`, or the writes `inside` git. `limit` is the
        largest size in bytes that any file may grow to, as on a full disk.
        """
        order = self._order(where, arguments, watch, at, action, limit)
        return self._ended(order, self._tell([order])[0])

    def together(self, where: Path, arguments: Sequence[str], number: int) -> list[Ended]:
        """Run so many processes at once."""
        orders = [self._order(where, arguments, "", 0, "", None) for _ in range(number)]
        codes = self._tell(orders)
        return [self._ended(order, code) for order, code in zip(orders, codes, strict=True)]

    def hold(self, where: Path, arguments: Sequence[str], at: int) -> dict[str, Any] | Ended:
        """Stop the process at an edge of Python and return what `release` wants, or how it ended before."""
        order = self._order(where, arguments, "python", at, "STOP", None)
        code = self._tell([order])[0]
        return order if code == STOPPED else self._ended(order, code)

    def release(self, held: dict[str, Any]) -> Ended:
        """Let a held process go on to its end."""
        return self._ended(held, self._tell([])[0])

    def _order(
        self, where: Path, arguments: Sequence[str], watch: str, at: int, action: str, limit: int | None
    ) -> dict[str, Any]:
        self._count += 1
        scratch = self.folder / f"run{self._count}"
        (scratch / "tmp").mkdir(parents=True)
        environment = {
            "TMPDIR": str(scratch / "tmp"),
            "CRASH_LOG": str(scratch / "log"),
            "CRASH_AT": str(at),
            "CRASH_WITH": action,
        }
        if watch == "git":
            environment["PATH"] = f"{self.tools.wrapper.parent}{os.pathsep}{os.environ['PATH']}"
        if watch == "inside":
            environment["LD_PRELOAD"] = str(self.tools.library)
        return {
            "where": str(where),
            "arguments": list(arguments),
            "environment": environment,
            "scratch": str(scratch),
            "watch": watch,
            "limit": limit,
        }

    def _tell(self, orders: list[dict[str, Any]]) -> list[int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(orders) + "\n")
        self._process.stdin.flush()
        codes: list[int] = json.loads(self._process.stdout.readline())
        return codes

    def _ended(self, order: Mapping[str, Any], code: int) -> Ended:
        scratch = Path(order["scratch"])
        out, err, log = (
            (scratch / name).read_text(errors="replace") if (scratch / name).exists() else ""
            for name in ("out", "err", "log")
        )
        shutil.rmtree(scratch)
        return Ended(code, out, err, tuple(log.splitlines()))


# -- the nursery's own side --------------------------------------------------------------------------------------------

STOPPED = 1000
NOT_STARTED = 99


def _serve() -> None:
    """Fork a process for every order of a line, and answer with the exit codes when all have ended or stopped."""
    stopped = 0
    _warm_up()
    for line in sys.stdin:
        orders = json.loads(line)
        if not orders:
            os.kill(stopped, signal.SIGCONT)
        processes = [_fork(order) for order in orders] or [stopped]
        codes = []
        for process in processes:
            _, status = os.waitpid(process, os.WUNTRACED)
            if os.WIFSTOPPED(status):
                stopped = process
            codes.append(STOPPED if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status))
        print(json.dumps(codes), flush=True)


def _warm_up() -> None:
    """Import what a release imports by making one that refuses nothing and changes nothing."""
    from projects import make_project

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        make_project(Path(folder) / "demo")
        with contextlib.redirect_stderr(io.StringIO()):
            cli.run(cli.cli, ["prepare", "-C", f"{folder}/demo", "1.4.0", "--dry-run", "--format", "json"])


def _fork(order: dict[str, Any]) -> int:
    process = os.fork()
    if process:
        return process
    code = NOT_STARTED
    try:
        _become(order)
        code = cli.run(cli.cli, order["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _become(order: dict[str, Any]) -> None:
    """Make this process look like one that was started in the project's folder."""
    os.setsid()
    os.chdir(order["where"])
    os.environ.update(order["environment"])
    os.environ["CRASH_PID"] = str(os.getpid())
    tempfile.tempdir = None
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, name in ((1, "out"), (2, "err")):
        with Path(order["scratch"], name).open("wb") as file:
            # A process of its own writes down what is said, as no limit may be in the way of that.
            writer = (
                subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file) if order["limit"] is not None else None
            )
            os.dup2(file.fileno() if writer is None or writer.stdin is None else writer.stdin.fileno(), number)
            if writer is not None and writer.stdin is not None:
                writer.stdin.close()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    if order["limit"] is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (order["limit"], order["limit"]))
    if order["watch"] == "python":
        _watch_python()


def _watch_python() -> None:
    """Write a line to the log for each write and each start of a git; at the wanted number, do what is asked."""
    log = os.open(os.environ["CRASH_LOG"], os.O_RDWR | os.O_CREAT | os.O_APPEND)
    wanted = int(os.environ["CRASH_AT"])
    number = getattr(signal, "SIG" + os.environ["CRASH_WITH"])
    seen, busy = 0, False

    def edge(what: str, before: Callable[[], object]) -> None:
        nonlocal seen
        seen += 1
        os.write(log, f"{what}\n".encode(errors="replace"))
        if seen == wanted:
            before()
            os.kill(os.getpid(), number)

    def see(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal busy
        if busy or (event != "open" and event != "subprocess.Popen" and event not in WRITES):
            return
        busy = True
        try:
            if event == "open":
                path, _, flags = arguments
                if isinstance(path, str) and flags & WRITING and not path.startswith("/dev/"):
                    edge(f"open {path}", int)
                    # Opened and still empty is a state of its own, which no event stands for: make it.
                    edge(f"opened {path}", lambda: os.closerange(made := os.open(path, flags, 0o666), made + 1))
            elif event == "subprocess.Popen":
                edge(f"start {' '.join(map(str, arguments[1]))[:200]}", int)
            else:
                edge(f"{event} {arguments[0]}", int)
        finally:
            busy = False

    sys.addaudithook(see)


if __name__ == "__main__":
    _serve()
