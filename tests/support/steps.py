"""The words in which tables of arranged repositories are written: each makes one step, to be run on a project."""

from __future__ import annotations

from collections.abc import Callable

from projects import DAY, Project

Step = Callable[[Project], object]


def run(*steps: Step) -> Step:
    """Several steps as one."""

    def step(project: Project) -> None:
        for each in steps:
            each(project)

    return step


def git(*arguments: str, check: bool = True) -> Step:
    return lambda project: project.git(*arguments, check=check)


def write(name: str, text: str | bytes) -> Step:
    return lambda project: project.write(name, text)


def edit(name: str, old: str, new: str) -> Step:
    def step(project: Project) -> None:
        text = project.read(name)
        assert old in text
        project.write(name, text.replace(old, new, 1))

    return step


def remove(*names: str) -> Step:
    def step(project: Project) -> None:
        for name in names:
            (project.path / name).unlink()

    return step


def commit(*steps: Step, message: str = "Change") -> Step:
    """Do the steps and commit everything."""
    return run(*steps, lambda project: project.commit(message))


def put(name: str, text: str | bytes = "", message: str = "") -> Step:
    """Commit one file, and no other."""
    return run(write(name, text), git("add", "--", name), git("commit", "-q", "-m", message or name, "--", name))


def amend(*steps: Step) -> Step:
    """Do the steps and put them into the last commit."""
    return run(*steps, git("add", "--all"), git("commit", "-q", "--amend", "--no-edit"))


def prepare(version: str = "1.4.0", *arguments: str) -> Step:
    def step(project: Project) -> None:
        done = project.prepare(version, *DAY, *arguments)
        assert done.code == 0, done.out + done.err

    return step
