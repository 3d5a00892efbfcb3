"""Whether a project compiles code, so that its wheels are for one platform each: read from its settings. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tagready.facts.actions.shell_commands import program_name
from tagready.facts.actions.workflows import Step, read_workflow
from tagready.facts.toml_tables import list_at, table_at, value_at

#: Backends that compile, and what other backends are given to do so.
_COMPILERS = frozenset(
    (
        "maturin", "mesonpy", "meson-python", "scikit-build-core", "scikit-build", "setuptools-rust", "cython",
        "pybind11", "nanobind", "extension-helpers", "hatch-cython", "setuptools-golang", "sip", "py-build-cmake",
    )
)  # fmt: skip
_IN_SETUP_PY = re.compile(r"\b(ext_modules|rust_extensions|cffi_modules|Extension\()")
_ACTIONS = {"pypa/cibuildwheel": "cibuildwheel", "pyo3/maturin-action": "maturin"}


def compiled_by(pyproject: Mapping[str, Any], setup_py: str | None, workflows: Mapping[str, str]) -> str | None:
    """Return what says that a project compiles code, as the beginning of a sentence; None where nothing does."""
    return _by_settings(pyproject) or _by_setup_py(setup_py or "") or _by_workflows(workflows)


def _by_settings(pyproject: Mapping[str, Any]) -> str | None:
    wanted = [value_at(pyproject, "build-system", "build-backend"), *list_at(pyproject, "build-system", "requires")]
    names = [re.split(r"[^\w-]", str(item).strip(), maxsplit=1)[0].lower().replace("_", "-") for item in wanted]
    found = next((name for name in names if name in _COMPILERS), None)
    if found:
        return f"pyproject.toml builds with {found}"
    if value_at(pyproject, "tool", "setuptools", "ext-modules"):
        return "pyproject.toml has ext-modules"
    return "pyproject.toml has [tool.cibuildwheel]" if "cibuildwheel" in table_at(pyproject, "tool") else None


def _by_setup_py(text: str) -> str | None:
    code = re.sub(r"(?m)^\s*#.*$", "", text)
    match = _IN_SETUP_PY.search(code)
    return f"setup.py has {match[1].rstrip('(')}" if match else None


def _by_workflows(workflows: Mapping[str, str]) -> str | None:
    for path, text in workflows.items():
        if not any(name in text for name in ("cibuildwheel", "maturin")):
            continue
        try:
            steps = [step for job in read_workflow(text).jobs for step in job.steps]
        except ValueError:
            continue  # what GitHub cannot read builds nothing
        found = next(filter(None, map(_compiler, steps)), None)
        if found:
            return f"{path} uses {found}"
    return None


def _compiler(step: Step) -> str | None:
    programs = (program_name(command.tool[0]) for command in step.commands if command.tool)
    return _ACTIONS.get(step.action) or next((each for each in programs if each == "cibuildwheel"), None)
