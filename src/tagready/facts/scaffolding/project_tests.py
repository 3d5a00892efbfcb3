"""On which Pythons a project is tested, and how, as far as its files tell. Pure: what they say is read by others."""

from __future__ import annotations

import ast
import configparser
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from tagready.facts.project import normalized
from tagready.facts.scaffolding import tox_environments
from tagready.facts.scaffolding.tox_environments import runs_tests
from tagready.facts.toml_tables import list_at, table_at

#: Asks a question about a file of the project: whether it is there, and what it says.
Read = Callable[[str], str | None]


class Recipe(NamedTuple):
    """The commands of the job `test`, and whether they run any test: there may be none to run."""

    commands: tuple[str, ...]
    found: bool = True


def read_tests(pyproject: Mapping[str, Any], read: Read) -> Recipe:
    """Return how the project's tests are run on a fresh machine with one Python."""
    for way in (_with_tox, _with_nox, _with_hatch, _with_uv, _with_poetry):
        found = way(pyproject, read)
        if found is not None:
            return found
    return _with_pip(pyproject, read)


def with_setup_cfg(pyproject: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Return what pyproject.toml says, and where that is silent, what setup.cfg says of the same."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text.replace("\r\n", "\n"))
    except configparser.Error:
        return dict(pyproject)
    if "poetry" in table_at(pyproject, "tool"):
        return dict(pyproject)  # which reads none
    extras = "options.extras_require"
    stated: dict[str, Any] = {
        "name": parser.get("metadata", "name", fallback="").strip(),
        "classifiers": parser.get("metadata", "classifiers", fallback="").strip().splitlines(),
        "requires-python": parser.get("options", "python_requires", fallback="").strip(),
        "optional-dependencies": dict(parser.items(extras)) if parser.has_section(extras) else {},
    }
    tool = table_at(pyproject, "tool")
    if parser.has_section("tool:pytest"):
        tool = {"pytest": {}, **tool}
    project = {**{key: value for key, value in stated.items() if value}, **table_at(pyproject, "project")}
    return {**pyproject, **({"tool": tool} if tool else {}), **({"project": project} if project else {})}


#: The Python that a step runs on, as programs name it that have environments for several.
_THIS_PYTHON = "\"$(python -c 'import sysconfig; print(sysconfig.get_python_version())')\""


def _with_tox(pyproject: Mapping[str, Any], read: Read) -> Recipe | None:
    ini, toml = read("tox.ini"), read("tox.toml")
    table = table_at(pyproject, "tool", "tox")
    described = table or _toml(toml)
    settings = tox_environments.from_toml(described) if ini is None else tox_environments.from_ini(ini)
    environment = tox_environments.environment(settings) if settings else None
    if environment is None:
        return None
    # What attrs has: a plugin that takes the uv of the machine.
    more = " uv" if "tox-uv-bare" in f"{ini} {toml} {table}" else ""
    return Recipe((f"python -m pip install tox{more}", f"python -m tox run -e {shlex.quote(environment)}"))


def _with_nox(pyproject: Mapping[str, Any], read: Read) -> Recipe | None:
    """Return how nox runs the tests; None where its file has no session for them.

    A session may list Pythons, and nox runs it on each. A job has one of them, so that is asked for.
    """
    try:
        noxfile = ast.parse(read("noxfile.py") or "")
    except (SyntaxError, ValueError):
        return None
    sessions = {name: python for name, python, text in _sessions(noxfile) if _is_for_tests(name, text)}
    if not sessions:
        return None
    name = next((name for name in ("tests", "test", "unit") if name in sessions), next(iter(sessions)))
    python = f" --force-python {_THIS_PYTHON}" if sessions[name] else ""
    return Recipe(("python -m pip install nox", f"python -m nox --session {shlex.quote(name)}{python}"))


def _sessions(noxfile: ast.Module) -> Iterator[tuple[str, bool, str]]:
    """Yield each session of a noxfile: its name, whether it says on which Pythons it runs, and its code.

    A session whose name is computed is left out: only nox knows what it is called.
    """
    for function in noxfile.body:
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for decorator in function.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if ast.unparse(called).rpartition(".")[2] != "session":
                continue
            keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
            given = {keyword.arg: keyword.value for keyword in keywords}
            name = _literal(given["name"]) if "name" in given else function.name
            python = given.get("python", given.get("py"))
            if isinstance(name, str) and name:
                runs_on = python is not None and ast.unparse(python) not in ("None", "False")
                yield name, runs_on, ast.unparse(function)


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return None


def _is_for_tests(name: str, text: str) -> bool:
    return name in ("tests", "test", "unit") or ("test" in name and runs_tests(text))


def _with_hatch(pyproject: Mapping[str, Any], read: Read) -> Recipe | None:
    """Return how Hatch runs the tests: `hatch test` where its environment is described, else a script for them.

    A job is to run what its own Python is for. Hatch fails where that is asked for and the environment lacks it, so
    where some job would ask in vain, none asks, and Hatch takes (or downloads) the Pythons that the environment has.
    """
    table = _toml(read("hatch.toml")) or table_at(pyproject, "tool", "hatch")
    environments = table_at(table, "envs")
    install = "python -m pip install hatch"
    if "hatch-test" in environments:
        described = table_at(environments, "hatch-test")
        offered = _hatch_pythons(described) if "matrix" in described else _HATCH_TEST_PYTHONS
        python = f" --python {_THIS_PYTHON}" if offered.issuperset(pythons(pyproject)) else ""
        return Recipe((install, f"python -m hatch test{python}"))
    for name in ("test", "tests", "testing", "unit", "default"):
        described = table_at(environments, name)
        scripts = table_at(described, "scripts")
        script = next((each for each in ("test", "tests", "unit", "pytest", "run") if each in scripts), None)
        if script and (script != "run" or name != "default"):
            python = f" +py={_THIS_PYTHON}" if _hatch_pythons(described).issuperset(pythons(pyproject)) else ""
            what = script if name == "default" else f"{name}:{script}"
            return Recipe((install, f"python -m hatch run{python} {what}"))
    return None


#: The Pythons of Hatch's own environment for tests where the project lists none, as of Hatch 1.18:
#: https://hatch.pypa.io/latest/config/internal/testing/#matrix
_HATCH_TEST_PYTHONS = frozenset(("3.10", "3.11", "3.12", "3.13", "3.14", "3.15"))


def _hatch_pythons(environment: Mapping[str, Any]) -> frozenset[str]:
    """Return the Pythons that an environment's matrix lists; none where it has no such variable."""
    tables = [table for table in list_at(environment, "matrix") if isinstance(table, dict)]
    listed = [name for table in tables for key in ("python", "py") for name in list_at(table, key)]
    return frozenset(name for name in listed if isinstance(name, str))


#: Groups and extras that hold what tests need, the likeliest first.
_TEST_GROUPS = ("test", "tests", "testing", "dev")


class _Needs(NamedTuple):
    """What running the tests takes: a group or an extra, whether there are tests, and whether it brings pytest."""

    group: str | None
    extra: str | None
    tests: bool
    pytest: bool
    parallel: bool


def _needs(pyproject: Mapping[str, Any], read: Read, lock: str = "") -> _Needs:
    tool = table_at(pyproject, "tool")
    project = table_at(pyproject, "project")
    groups = {**table_at(pyproject, "dependency-groups"), **table_at(tool, "poetry", "group")}
    extras = table_at(project, "optional-dependencies")
    group = next((name for name in _TEST_GROUPS if name in groups), None)
    extra = next((name for name in _TEST_GROUPS if name in extras), None)
    listed = str(groups[group] if group else "") + str(extras[extra] if extra else "")
    settings = "pytest" in tool or read("pytest.ini") is not None
    package = re.sub(r"[-.]", "_", str(project.get("name") or table_at(tool, "poetry").get("name") or "."))
    places = ("tests", "test", f"{package}/tests", f"src/{package}/tests")
    pytest = "pytest" in listed or re.search(r"^name = \"pytest\"$", lock, re.MULTILINE) is not None
    tests = settings or pytest or any(read(place) is not None for place in places)
    return _Needs(group, extra, tests, pytest, "pytest-xdist" in listed)


def _toml(text: str | None) -> dict[str, Any]:
    try:
        return tomllib.loads((text or "").replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError:
        return {}


def _pytest(needs: _Needs) -> str:
    return "python -m pytest" + (" -n auto" if needs.parallel else "")


def _with_uv(pyproject: Mapping[str, Any], read: Read) -> Recipe | None:
    """Return the commands for a project with uv's lock file. The Python is named, or .python-version would decide."""
    lock = read("uv.lock")
    if lock is None:
        return None
    needs = _needs(pyproject, read, lock.replace("\r\n", "\n"))
    group = f" --group {needs.group}" if needs.group not in (None, "dev") else ""
    left_out = "".join(f" --no-{kind} {shlex.quote(name)}" for kind, name in _left_out(pyproject, needs))
    sync = f'uv sync --locked --all-extras{left_out}{group} --python "$(command -v python)"'
    if not needs.tests:
        return Recipe(("python -m pip install uv", sync, "uv pip check"), found=False)
    run = "uv run --no-sync " + ("" if needs.pytest else "--with pytest ")
    return Recipe(("python -m pip install uv", sync, run + _pytest(needs)))


def _left_out(pyproject: Mapping[str, Any], needs: _Needs) -> Iterator[tuple[str, str]]:
    """Yield the extras and groups that cannot be installed beside others: what tests need stays, else the first named.

    uv refuses `--all-extras` where `conflicts` names two of them.
    """
    uv, own = table_at(pyproject, "tool", "uv"), str(table_at(pyproject, "project").get("name", ""))
    sets = [each for each in list_at(uv, "conflicts") if isinstance(each, list)]
    conflicts = [[named for item in each for named in _conflicting(item, own)] for each in sets]
    defaults = list_at({"default-groups": ["dev"], **uv}, "default-groups")
    if uv.get("default-groups") == "all":
        defaults = list(table_at(pyproject, "dependency-groups"))
    first = [("group", needs.group or ""), ("extra", needs.extra or ""), *(("group", str(name)) for name in defaults)]
    extras = [named for each in conflicts for named in each if named[0] == "extra"]
    chosen: set[tuple[str, str]] = set()
    for kind, name in dict.fromkeys((kind, normalized(name)) for kind, name in (*first, *extras)):
        if any((kind, name) in each and chosen.intersection(each) for each in conflicts):
            yield kind, name
        else:
            chosen.add((kind, name))


def _conflicting(item: object, own: str) -> Iterator[tuple[str, str]]:
    """Yield the extra or group of the project itself that an item of a conflict names."""
    table = item if isinstance(item, dict) else {}
    if normalized(str(table.get("package", own))) == normalized(own):
        yield from ((kind, normalized(str(table[kind]))) for kind in ("extra", "group") if kind in table)


def _with_poetry(pyproject: Mapping[str, Any], read: Read) -> Recipe | None:
    lock, poetry = read("poetry.lock"), table_at(pyproject, "tool", "poetry")
    if lock is None and (not poetry or "project" in pyproject):
        return None
    older = "".join(f'name = "{name}"\n' for name in table_at(poetry, "dev-dependencies"))
    needs = _needs(pyproject, read, (lock or "").replace("\r\n", "\n") + older)
    optional = needs.group is not None and table_at(poetry, "group", needs.group).get("optional") is True
    install = "poetry install --all-extras" + (f" --with {needs.group}" if optional else "")
    if not needs.tests:
        return Recipe(("python -m pip install poetry", install, "poetry run python -m pip check"), found=False)
    more = () if needs.pytest else ("poetry run python -m pip install pytest",)
    return Recipe(("python -m pip install poetry", install, *more, f"poetry run {_pytest(needs)}"))


def _with_pip(pyproject: Mapping[str, Any], read: Read) -> Recipe:
    """Return an installation with what tests need, and pytest, which runs unittest's as well.

    Where there are no tests, all that is left is a look at whether what was installed fits together.
    """
    needs = _needs(pyproject, read)
    if not needs.tests:
        return Recipe(("python -m pip install .", "python -m pip check"), found=False)
    install = "python -m pip install --editable "
    pytest = "" if needs.pytest else " pytest"
    if needs.group and _LAST_WITHOUT_GROUPS in pythons(pyproject):
        by_group = f"pip-install-dependency-groups {needs.group}"
        return Recipe((f'{install}. "dependency-groups[cli]"{pytest}', by_group, _pytest(needs)))
    if needs.group:
        return Recipe((f"{install}. --group {needs.group}{pytest}", _pytest(needs)))
    what = f'".[{needs.extra}]"' if needs.extra else "."
    return Recipe((f"{install}{what}{pytest}", _pytest(needs)))


#: Its newest pip is 25.0.1, and `--group` came with 25.1.
_LAST_WITHOUT_GROUPS = "3.8"

#: The Pythons that a project without classifiers may be tested on, and the oldest that the workflows' machine has.
_KNOWN_PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
_OLDEST_PYTHON = 8

#: The Pythons that the workflows can install tagready on: those that `make pins` resolves for.
OUR_PYTHONS = ("3.12", "3.13", "3.14")


def pythons(pyproject: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the Pythons to test on: those of the classifiers, else those that `requires-python` allows."""
    poetry = table_at(pyproject, "tool", "poetry")
    classifiers = [*list_at(pyproject, "project", "classifiers"), *list_at(poetry, "classifiers")]
    listed = {
        int(match[1])
        for item in classifiers
        if (match := re.fullmatch(r".*:: Python :: 3\.(\d+)", str(item).strip()))
    }  # fmt: skip
    found = tuple(f"3.{minor}" for minor in sorted(listed) if minor >= _OLDEST_PYTHON)
    return found or _allowed(pyproject, _KNOWN_PYTHONS) or ("3.x",)


def building_python(pyproject: Mapping[str, Any]) -> str:
    """Return the Python that a release is built and tried on: the newest that both the project and we are for.

    Where there is none, it is our newest: what a wheel asks for is looked at before it is tried.
    """
    tested = [name for name in OUR_PYTHONS if name in pythons(pyproject)]
    return (*OUR_PYTHONS, *_allowed(pyproject, OUR_PYTHONS), *tested)[-1]


def _allowed(pyproject: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the Pythons that `requires-python` allows; none where it says nothing."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    poetry = table_at(pyproject, "tool", "poetry")
    project = table_at(pyproject, "project")
    stated = str(project.get("requires-python") or table_at(poetry, "dependencies").get("python") or "")
    try:
        allowed = SpecifierSet(re.sub(r"\^\s*3", "~=3", stated))  # Poetry's ^3.10 is any 3 from there on
    except InvalidSpecifier:
        return ()
    # Some release of it will do: `<=3.12` allows 3.12.0 only, and `>=3.11.4` not that one.
    return tuple(name for name in names if stated and any(allowed.contains(f"{name}.{patch}") for patch in (0, 99)))
