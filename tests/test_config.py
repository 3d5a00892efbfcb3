"""Every key of [tool.tagready]: what it may say, and what is answered when it says something else."""

from __future__ import annotations

from typing import Any

import pytest

from tagready.facts.config import NOT_YET, Config, Hook, VersionFile, load, read_toml
from tagready.facts.findings import WrongUse
from tagready.facts.versions import BUMP_RULES, Bump


def read(table: dict[str, Any]) -> Config:
    return load(table, "pyproject.toml", {}, "over.toml")


def refusal(table: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(WrongUse) as caught:
        read(table)
    return caught.value.what, caught.value.fix


@pytest.mark.parametrize(
    ("key", "value", "field", "result"),
    [
        ("flow", "pull-request", "flow", "pull-request"),
        ("remote", "upstream", "remote", "upstream"),
        ("version-source", "files", "version_source", "files"),
        ("version-files", ["VERSION"], "version_files", (VersionFile("VERSION"),)),
        ("version-files", [{"path": "a.py"}], "version_files", (VersionFile("a.py"),)),
        (
            "version-files",
            ["VERSION", {"path": "README", "pattern": "demo {version}"}],
            "version_files",
            (VersionFile("VERSION"), VersionFile("README", "demo {version}")),
        ),
        ("version-pattern", r"\d+\.\d+", "version_pattern", r"\d+\.\d+"),
        ("tag-format", "demo-{version}", "tag_format", "demo-{version}"),
        ("tag-kind", "signed", "tag_kind", "signed"),
        ("tag-message", "entry", "tag_message", "entry"),
        ("release-branches", ["main", "*.x"], "release_branches", ("main", "*.x")),
        ("branch", "prepare/{version}", "branch", "prepare/{version}"),
        ("commit-message", "Version {version}", "commit_message", "Version {version}"),
        ("allow-empty", True, "allow_empty", True),
        ("extra-files", ["*.bib"], "extra_files", ("*.bib",)),
        ("edit", "editor", "edit", True),
        ("edit", False, "edit", False),
        ("bump-rules", {"fix": "minor"}, "bump_rules", {**BUMP_RULES, "fix": Bump.MINOR}),
        ("bump-rules", {"breaking": "minor"}, "bump_rules", {**BUMP_RULES, "breaking": Bump.MINOR}),
        ("push", True, "push", True),
        ("strict-entry", True, "strict_entry", True),
        ("hooks", {"before-commit": [{"run": "make man"}]}, "hooks", (Hook("make man"),)),
        ("hooks", {"before-commit": [{"run": "a", "adds": ["b", "c"]}]}, "hooks", (Hook("a", ("b", "c")),)),
        ("hooks", {}, "hooks", ()),
        ("checks", {"date-days": 30}, "date_days", 30),
        ("checks", {}, "date_days", 7),
        ("test-commands", "make test", "test_commands", ("make test",)),
        ("test-commands", ["pip install .", "make test"], "test_commands", ("pip install .", "make test")),
    ],
)
def test_key(key: str, value: object, field: str, result: object) -> None:
    assert read({key: value}) == Config(**{field: result})  # type: ignore[arg-type]


def test_no_key_is_the_plain_project() -> None:
    assert read({}) == Config()


@pytest.mark.parametrize(
    ("key", "fix"),
    [
        ("flwo", "did you mean 'flow'?"),
        ("version_files", "did you mean 'version-files'?"),
        ("tag-fromat", "did you mean 'tag-format'?"),
        ("release-branch", "did you mean 'release-branches'?"),
        ("strict_entry", "did you mean 'strict-entry'?"),
    ],
)
def test_unknown_key_did_you_mean(key: str, fix: str) -> None:
    assert refusal({key: 1}) == (f"pyproject.toml: there is no key {key!r}", fix)


def test_unknown_key_like_none_lists_all() -> None:
    what, fix = refusal({"zzz": 1})
    assert what == "pyproject.toml: there is no key 'zzz'"
    assert fix.startswith(
        "the keys are allow-empty, allow-secrets, branch, bump-rules, checks, code-paths, commit-message, "
    )


@pytest.mark.parametrize("key", sorted(NOT_YET))
def test_not_yet(key: str) -> None:
    assert refusal({key: True}) == (
        f"pyproject.toml: {key!r} is not yet supported",
        f"take {key!r} out of pyproject.toml",
    )


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("flow", "sideways", "must be one of direct, pull-request, not 'sideways'"),
        ("flow", ["direct"], "must be one of direct, pull-request, not ['direct']"),
        ("remote", 1, "must be a string, not 1"),
        ("version-source", "git", "must be one of auto, pyproject, files, tag, not 'git'"),
        ("version-files", "VERSION", "must be a list, not 'VERSION'"),
        ("version-files", [1], "must hold paths or {path = …, pattern = …}, not 1"),
        ("version-files", [{"pattern": "{version}"}],
         "must hold paths or {path = …, pattern = …}, not {'pattern': '{version}'}"),
        ("version-files", [{"path": "a", "search": "b"}],
         "must hold paths or {path = …, pattern = …}, not {'path': 'a', 'search': 'b'}"),
        ("version-files", [{"path": "a", "pattern": "none"}], "must hold {version} exactly once, not 'none'"),
        ("version-files", [{"path": 1}], "must be a string, not 1"),
        ("version-pattern", "(", "is not a regular expression: missing ), unterminated subpattern at position 0"),
        ("tag-format", "v", "must hold {version} exactly once, not 'v'"),
        ("tag-format", "{version}-{version}", "must hold {version} exactly once, not '{version}-{version}'"),
        ("tag-kind", True, "must be one of annotated, signed, lightweight, not True"),
        ("tag-message", " ", "must say something"),
        ("release-branches", "main", "must be a list of strings, not 'main'"),
        ("release-branches", ["main", 1], "must be a string, not 1"),
        ("branch", "release", "must hold {version} exactly once, not 'release'"),
        ("branch", False, "must be a string, not False"),
        ("commit-message", "", "must say something"),
        ("allow-empty", "yes", "must be true or false, not 'yes'"),
        ("allow-empty", 1, "must be true or false, not 1"),
        ("extra-files", {}, "must be a list of strings, not {}"),
        ("edit", "pause", "must be false or \"editor\", not 'pause'"),
        ("bump-rules", [], "must be a table of fragment type = major, minor or patch, not []"),
        ("bump-rules", {"fix": "huge"}, "says fix = 'huge', which is none of major, minor, patch"),
        ("bump-rules", {"fix": ["minor"]}, "says fix = ['minor'], which is none of major, minor, patch"),
        ("push", "false", "must be true or false, not 'false'"),
        ("strict-entry", None, "must be true or false, not None"),
        ("hooks", [], "must be a table, not []"),
        ("hooks", {"after-commit": []}, "knows the point before-commit only, not 'after-commit'"),
        ("hooks", {"before-commit": 5}, "must be a list, not 5"),
        ("hooks", {"before-commit": ["make"]}, 'must hold {run = "…", adds = ["…"]}, not \'make\''),
        ("hooks", {"before-commit": [{"adds": []}]}, 'must hold {run = "…", adds = ["…"]}, not {\'adds\': []}'),
        ("hooks", {"before-commit": [{"run": ""}]}, "must say something"),
        ("test-commands", "", "must be a string or a list of strings, not ''"),
        ("test-commands", [], "must be a string or a list of strings, not []"),
        ("test-commands", ["make", " "], "must say something"),
        ("test-commands", [1], "must be a string, not 1"),
        ("checks", {"days": 1}, "must be a table with date-days, not {'days': 1}"),
        ("checks", {"date-days": -1}, "needs date-days as a number of days, not -1"),
        ("checks", {"date-days": True}, "needs date-days as a number of days, not True"),
    ],
)  # fmt: skip
def test_wrong_value(key: str, value: object, says: str) -> None:
    assert refusal({key: value}) == (f"pyproject.toml: {key} {says}", f"change {key} in pyproject.toml")


@pytest.mark.parametrize("text", ["{name}-{version}", "{{version}}", "{}{version}", "{version}}"])
def test_tag_format_has_no_other_braces(text: str) -> None:
    what, fix = refusal({"tag-format": text})
    assert what.startswith("pyproject.toml: tag-format ")
    assert fix == "change tag-format in pyproject.toml"


def test_overlay_lies_over() -> None:
    own = {"flow": "pull-request", "push": True, "hooks": {"before-commit": [{"run": "a"}]}}
    over = {"push": False, "remote": "fork"}
    assert load(own, "pyproject.toml", over, "over.toml") == Config(
        flow="pull-request", push=False, remote="fork", hooks=(Hook("a"),)
    )


def test_each_table_is_named_when_it_is_wrong() -> None:
    with pytest.raises(WrongUse, match=r"^over\.toml: push must be true or false"):
        load({"push": True}, "pyproject.toml", {"push": 1}, "over.toml")
    with pytest.raises(WrongUse, match=r"^pyproject\.toml: push must be true or false"):
        load({"push": 1}, "pyproject.toml", {"push": True}, "over.toml")


def test_read_toml() -> None:
    assert read_toml("a = 'ü'\r\n".encode(), "x.toml") == {"a": "ü"}


@pytest.mark.parametrize("text", [b"a = ", b"a = '\xff'", b"a = 1\na = 2\n"], ids=["syntax", "not UTF-8", "twice"])
def test_read_toml_names_the_file(text: bytes) -> None:
    with pytest.raises(WrongUse) as caught:
        read_toml(text, "sub/x.toml")
    assert caught.value.what.startswith("sub/x.toml is not valid TOML: ")
    assert caught.value.fix == "mend sub/x.toml and commit it"
