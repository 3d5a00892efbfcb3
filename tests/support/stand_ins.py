"""What a step finds first on PATH: a python that makes venvs and installs without a network, a pip, and a gh.

`furnish` writes the commands. Each is a shell script that starts this module as a script of its own, with a file that
says where to write down what was asked; nothing of it shows in the environment of a step.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

# -- the commands ------------------------------------------------------------------------------------------------------

PYTHON = """\
#!/bin/sh
if [ "$1" = -m ] && {{ [ "$2" = venv ] || [ "$2" = pip ]; }}; then
    what=$2
    shift 2
    exec {python} -I -S {here} {settings} {folder} "$what" "$@"
fi
exec {python} "$@"
"""
COMMAND = """\
#!/bin/sh
exec {python} -I -S {here} {settings} {folder} {what} "$@"
"""
ENTRY_POINT = """\
#!/bin/sh
exec {python} {script} "$@"
"""
SCRIPT = """\
import sys
from {module} import {function}
sys.argv[0] = {name!r}
sys.exit({function}())
"""


def furnish(folder: Path, settings: Path, gh: bool = False) -> None:
    """Write `python`, `python3`, `pip` and `pip3` into a folder, and `gh` too if asked for.

    The settings are a JSON object: `python`, the real interpreter; `log`, the file that says what was installed;
    `job`, whose steps these are; and for gh: `state`, `tokens`, `remote`, `repository` and `server`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = {"python": _read(settings)["python"], "here": __file__, "settings": settings, "folder": folder}
    quoted = {name: shlex.quote(str(word)) for name, word in words.items()}
    for name in ("python", "python3"):
        _write(folder / name, PYTHON.format(**quoted))
    for name in ("pip", "pip3"):
        _write(folder / name, COMMAND.format(what="pip", **quoted))
    if gh:
        _write(folder / "gh", COMMAND.format(what="gh", **quoted))


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


# -- venv and pip ------------------------------------------------------------------------------------------------------


def venv(settings_file: Path, arguments: Sequence[str]) -> None:
    """Make an environment: a folder `bin` with python and pip."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        _fail(f"the stand-in for venv takes one folder, and nothing else: {arguments}", 2)
    target = Path(arguments[0]).absolute()
    furnish(target / "bin", settings_file)
    (target / "pyvenv.cfg").write_text("home = a stand-in\n")


#: Options of `pip install` that are followed by a value which is no requirement.
WITH_VALUE = {
    "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--only-binary",
    "--no-binary", "--group", "--progress-bar", "--timeout", "--retries", "--cache-dir", "--python-version",
}  # fmt: skip


def pip(settings: Mapping[str, Any], folder: Path, arguments: Sequence[str]) -> None:
    """Judge requirements as pip does, write down what was asked, and give the commands of what is installed here."""
    if arguments[:1] != ["install"]:
        os.execv(settings["python"], [settings["python"], "-m", "pip", *arguments])
    requirements = list(_requirements(arguments[1:]))
    fault = _hash_fault(requirements, "--require-hashes" in arguments)
    with Path(settings["log"]).open("a") as log:
        asked = {"job": settings["job"], "arguments": arguments, "requirements": requirements, "ok": not fault}
        log.write(json.dumps(asked) + "\n")
    if fault:
        _fail(f"ERROR: {fault}")
    for requirement in requirements:
        _give_commands(requirement, folder, settings["python"])
    print(f"Successfully installed {' '.join(map(_name, requirements))}")


def _requirements(arguments: Sequence[str]) -> Iterator[str]:
    rest = iter(arguments)
    for argument in rest:
        option, _, value = argument.partition("=")
        if option in ("-r", "--requirement"):
            yield from read_requirements(Path(value or next(rest)))
        elif option in ("-e", "--editable"):
            yield f"-e {value or next(rest)}"
        elif option in WITH_VALUE and not value:
            next(rest)
        elif not argument.startswith("-"):
            yield argument


def read_requirements(path: Path) -> Iterator[str]:
    """Yield the requirements of a file with their hashes, each as one line; options of the file are left out."""
    try:
        text = path.read_text()
    except OSError as error:
        _fail(f"ERROR: Could not open requirements file: {error}")
    lines = re.sub(r"\\\n", " ", text).splitlines()
    for line in (" ".join(re.sub(r"(^|\s+)#.*$", "", line).split()) for line in lines):
        if line.startswith(("-r ", "--requirement ")):
            yield from read_requirements(path.parent / line.split()[1])
        elif line and not re.match(r"-(?!e )", line):
            yield line


def _hash_fault(requirements: Sequence[str], required: bool) -> str:
    """Return what pip says where hashes are required, which one hash anywhere is enough for."""
    if not required and not any("--hash=" in each for each in requirements):
        return ""
    for each in requirements:
        stated = each.split(" --hash")[0].split(";")[0]
        hashes = re.findall(r"--hash=(\S+)", each)
        if Path(stated).is_file():
            found = hashlib.sha256(Path(stated).read_bytes()).hexdigest()
            if f"sha256:{found}" not in hashes:
                return f"THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n    {each}: Got {found}"
            continue
        if not re.fullmatch(r"[A-Za-z0-9._-]+(\[[^\]]*\])?\s*==\s*[^\s*,]+\s*", stated):
            return (
                "In --require-hashes mode, all requirements must have their versions pinned with ==. "
                f"These do not:\n    {each}"
            )
        if not hashes or not all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes):
            return (
                "Hashes are required in --require-hashes mode, but they are missing from some requirements. "
                f"Here is a list of those requirements:\n    {each}"
            )
    return ""


def _name(requirement: str) -> str:
    """Return the project that a requirement names: also a project's folder, and a wheel."""
    stated = requirement.removeprefix("-e ").split(" --hash")[0]
    settings = Path(stated) / "pyproject.toml"
    if settings.is_file():
        return str(tomllib.loads(settings.read_text()).get("project", {}).get("name", stated))
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", Path(stated).name.split("-")[0] if "/" in stated else stated)
    return found[0] if found else stated


def _give_commands(requirement: str, folder: Path, python: str) -> None:
    # Two thirds of the time that this module would take to start, and venv and gh need none of it.
    import importlib.metadata
    import site

    site.main()
    try:
        about = importlib.metadata.distribution(_name(requirement))
    except importlib.metadata.PackageNotFoundError:
        return
    for entry in about.entry_points.select(group="console_scripts"):
        if entry.name.startswith(("python", "pip")):
            continue
        script = folder / f".{entry.name}.py"
        script.write_text(SCRIPT.format(module=entry.module, function=entry.attr, name=entry.name))
        quoted = {"python": shlex.quote(python), "script": shlex.quote(str(script))}
        _write(folder / entry.name, ENTRY_POINT.format(**quoted))


# -- gh ----------------------------------------------------------------------------------------------------------------

#: The labels of a fresh repository.
LABELS = (
    "bug", "documentation", "duplicate", "enhancement", "good first issue", "help wanted", "invalid", "question",
    "wontfix",
)  # fmt: skip


class _Flags(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _fail(f"the stand-in for gh: {message}")


def _flags(command: str) -> _Flags:
    flags = _Flags(prog=f"gh pr {command}", allow_abbrev=False, add_help=False)
    flags.add_argument("-R", "--repo")
    if command != "create":
        flags.add_argument("which", nargs="?")
    if command == "view":
        flags.add_argument("--json")
        flags.add_argument("-q", "--jq")
        return flags
    for short, name in (("-t", "--title"), ("-b", "--body"), ("-F", "--body-file"), ("-B", "--base")):
        flags.add_argument(short, name)
    if command == "create":
        flags.add_argument("-H", "--head")
        flags.add_argument("-d", "--draft", action="store_true")
        for short, name in (("-l", "--label"), ("-a", "--assignee"), ("-r", "--reviewer")):
            flags.add_argument(short, name, action="append", default=[])
    else:
        for name in ("--add-label", "--remove-label", "--add-assignee", "--add-reviewer"):
            flags.add_argument(name, action="append", default=[])
    return flags


class Gh:
    """The command gh, as far as a release workflow needs it, on a state that is kept in a file."""

    def __init__(self, settings: Mapping[str, Any], arguments: Sequence[str]) -> None:
        self.settings = settings
        self.state = _read(Path(settings["state"]))
        self.arguments = list(arguments)
        self.token = os.environ.get("GH_TOKEN") or os.environ.get("GITHUB_TOKEN") or ""

    def run(self) -> None:
        """Do what is asked, write it down, and end as gh ends."""
        self.state["calls"].append(self.arguments)
        self.save()
        if not self.token:
            _fail("gh: To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN environment variable.", 4)
        granted = _read(Path(self.settings["tokens"]))
        if self.token not in granted:
            _fail("HTTP 401: Bad credentials (https://api.github.com/graphql)")
        self.permissions: dict[str, str] = granted[self.token]
        if self.arguments == ["auth", "setup-git"]:
            self.set_up_git()
        elif self.arguments[:1] == ["pr"] and self.arguments[1:2] in (["create"], ["edit"], ["view"]):
            asked = _flags(self.arguments[1]).parse_args(self.arguments[2:])
            if asked.repo not in (None, self.settings["repository"]):
                _fail(f"GraphQL: Could not resolve to a Repository with the name '{asked.repo}'. (repository)")
            getattr(self, self.arguments[1])(asked)
        else:
            _fail(f"the stand-in for gh does not know: gh {shlex.join(self.arguments)}")

    def save(self) -> None:
        Path(self.settings["state"]).write_text(json.dumps(self.state, indent=1))

    def set_up_git(self) -> None:
        """Let git push, if the token may: the address of the repository then leads to the remote."""
        if self.permissions.get("contents") == "write":
            key = f"url.{self.settings['remote']}.pushInsteadOf"
            address = f"{self.settings['server']}/{self.settings['repository']}"
            subprocess.run(["git", "config", "--global", "--replace-all", key, address], check=True)

    def create(self, asked: argparse.Namespace) -> None:
        if asked.title is None or (asked.body is None and asked.body_file is None):
            _fail("must provide `--title` and `--body` (or `--fill` or `fill-first` or `--fillverbose`) when not "
                  "running interactively")  # fmt: skip
        head, base = asked.head or _git("branch", "--show-current"), asked.base or self.state["default_branch"]
        if open_one := self.find(head, base):
            _fail(f'a pull request for branch "{head}" into branch "{base}" already exists:\n{open_one["url"]}')
        self.must_write("createPullRequest")
        if not self.state["may_create"]:
            _fail("pull request create failed: GraphQL: GitHub Actions is not permitted to create or approve pull "
                  "requests (createPullRequest)")  # fmt: skip
        self.must_differ(base, head)
        number = len(self.state["pulls"]) + 1
        url = f"{self.settings['server']}/{self.settings['repository']}/pull/{number}"
        self.state["pulls"].append(
            {
                "number": number, "url": url, "state": "OPEN", "isDraft": asked.draft, "title": asked.title,
                "body": _body(asked), "headRefName": head, "baseRefName": base,
                "labels": [{"name": self.label(name)} for name in _split(asked.label)],
            }
        )  # fmt: skip
        self.save()
        print(url)

    def edit(self, asked: argparse.Namespace) -> None:
        pull = self.which(asked.which)
        self.must_write("updatePullRequest")
        changes = {"title": asked.title, "body": _body(asked), "baseRefName": asked.base}
        pull.update({name: value for name, value in changes.items() if value is not None})
        labels = [each["name"] for each in pull["labels"] if each["name"] not in _split(asked.remove_label)]
        labels += [self.label(name) for name in _split(asked.add_label) if name not in labels]
        pull["labels"] = [{"name": name} for name in labels]
        self.save()
        print(pull["url"])

    def view(self, asked: argparse.Namespace) -> None:
        pull = self.which(asked.which)
        if not asked.json:
            print(f"title:\t{pull['title']}\nstate:\t{pull['state']}\nurl:\t{pull['url']}\n--\n{pull['body']}")
            return
        fields = asked.json.split(",")
        if unknown := [name for name in fields if name not in pull]:
            _fail(f'Unknown JSON field: "{unknown[0]}"')
        answer: Any = {name: pull[name] for name in fields}
        if asked.jq:
            if not re.fullmatch(r"(\.\w+)+", asked.jq):
                _fail(f"the stand-in for gh knows paths only: {asked.jq}")
            for name in asked.jq[1:].split("."):
                answer = answer[name]
        print(answer if isinstance(answer, str) else json.dumps(answer))

    def find(self, head: str, base: str | None = None) -> dict[str, Any] | None:
        for pull in self.state["pulls"]:
            if pull["state"] == "OPEN" and pull["headRefName"] == head and base in (None, pull["baseRefName"]):
                found: dict[str, Any] = pull
                return found
        return None

    def which(self, asked: str | None) -> dict[str, Any]:
        for pull in self.state["pulls"]:
            if asked and asked in (str(pull["number"]), pull["url"]):
                found: dict[str, Any] = pull
                return found
        branch = asked or _git("branch", "--show-current")
        return self.find(branch) or _fail(f'no pull requests found for branch "{branch}"')

    def label(self, name: str) -> str:
        if name not in self.state["labels"]:
            _fail(f"could not add label: '{name}' not found")
        return name

    def must_write(self, what: str) -> None:
        if self.permissions.get("pull-requests") != "write":
            _fail(f"pull request failed: GraphQL: Resource not accessible by integration ({what})")

    def must_differ(self, base: str, head: str) -> None:
        where = ("--git-dir", self.settings["remote"])
        for branch in (base, head):
            if not _git(*where, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"):
                _fail(f"pull request create failed: GraphQL: Head ref must be a branch: {branch} (createPullRequest)")
        if not _git(*where, "rev-list", "--max-count=1", f"refs/heads/{base}..refs/heads/{head}"):
            _fail(f"pull request create failed: GraphQL: No commits between {base} and {head} (createPullRequest)")


def _body(asked: argparse.Namespace) -> str | None:
    if asked.body_file is None:
        return str(asked.body) if asked.body is not None else None
    return sys.stdin.read() if asked.body_file == "-" else Path(asked.body_file).read_text()


def _split(values: Sequence[str]) -> list[str]:
    return [name for value in values for name in value.split(",")]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False).stdout.strip()


def _fail(message: str, code: int = 1) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(code)


def main(settings_file: str, folder: str, what: str, *arguments: str) -> None:
    """Be the command that was called."""
    settings = _read(Path(settings_file))
    if what == "venv":
        venv(Path(settings_file), arguments)
    elif what == "pip":
        pip(settings, Path(folder), list(arguments))
    else:
        Gh(settings, arguments).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
