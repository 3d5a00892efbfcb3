"""The words in which tables of arranged repositories are written: each makes one step, to be run on a project."""

from __future__ import annotations

from collections.abc import Callable

from projects import Project

Step = Callable[[Project], object]


def run(*steps: Step) -> Step:
    """Several steps as one."""

    def step(project: Project) -> None:
        for each in steps:
            each(project)

    return step


def git(*arguments: str) -> Step:
    return lambda project: project.git(*arguments)


def write(name: str, text: str | bytes) -> Step:
    return lambda project: project.write(name, text)


def edit(name: str, old: str, new: str) -> Step:
    def step(project: Project) -> None:
        text = project.read(name)
        assert old in text
        project.write(name, text.replace(old, new, 1))

    return step


def commit(*steps: Step, message: str = "Change") -> Step:
    """Do the steps and commit everything."""
    return run(*steps, lambda project: project.commit(message))
