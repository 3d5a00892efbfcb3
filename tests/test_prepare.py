"""prepare-release on real projects: every way through that the contract names."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from projects import (
    CHANGELOG,
    DAY,
    MARKER,
    PYPROJECT,
    RST_MARKER,
    Project,
    Result,
    add_remote,
    lose_answers,
    make_project,
    script,
    with_keys,
)
from tagready.commands.prepare import prepare
from tagready.doors.git import discover
from tagready.facts.prepared import Options

Make = Callable[..., Project]

TODAY = datetime.datetime.now(datetime.UTC).date().isoformat()
TOWNCRIER = PYPROJECT[PYPROJECT.index("[tool.towncrier]") :]
ENTRY = """\
## 1.4.0 (2026-02-03)

### Features

- Add colour. (#12)

### Bugfixes

- Mend it. (#13)
"""
BODY = "### Features\n\n- Add colour. (#12)"


def released(project: Project, *arguments: str) -> None:
    done = project.prepare("1.4.0", *DAY, *arguments)
    assert done.code == 0, done.out + done.err


def changed(project: Project, old: str = "HEAD^", new: str = "HEAD") -> set[str]:
    return set(project.git("-c", "core.quotePath=false", "diff", "--name-only", "--no-renames", old, new).split("\n"))


def test_one_commit_with_entry_bump_and_no_fragments(project: Project) -> None:
    parent = project.head()
    done = project.prepare("1.4.0", "--date", "2026-02-03")
    assert done.code == 0, done.err
    assert project.git("rev-parse", "HEAD^") == parent
    assert project.status() == ""
    assert project.git("ls-files", "changelog.d") == "changelog.d/.gitkeep"
    assert 'version = "1.4.0"   # bumped by tagready' in project.read("pyproject.toml")
    assert "## 1.4.0 (2026-02-03)\n\n### Features\n\n- Add colour. (#12)" in project.read("CHANGELOG.md")
    assert project.git("log", "-1", "--format=%an <%ae>|%cn|%s|%G?") == "Test <test@example.org>|Test|Release 1.4.0|N"
    assert project.git("log", "-1", "--format=%(trailers:key=Towncrier,valueonly)").strip() == "26.9.0"
    assert project.git("tag") == "v1.3.0"
    assert project.git("worktree", "list").count("\n") == 0
    assert not (project.path / ".git/tagready").exists()


def test_the_console_script_and_the_module_do_the_same(project: Project) -> None:
    command = str(Path(sys.executable).with_name("prepare-release"))
    done = subprocess.run([command, "1.4.0", *DAY], cwd=project.path / "changelog.d", capture_output=True, check=True)
    assert b"Release 1.4.0" in done.stdout
    again = project.spawn("1.4.0")
    assert b"1.4.0 is prepared already" in again.communicate()[0]
    assert again.returncode == 0


# -- which version -------------------------------------------------------------------------------------------------

FEATURE, FIX, REMOVAL = {"12.feature.md": "A.\n"}, {"13.bugfix.md": "A.\n"}, {"14.removal.md": "A.\n"}


@pytest.mark.parametrize(
    ("word", "tags", "fragments", "version"),
    [
        ("major", "v1.3.0", FIX, "2.0.0"),
        ("minor", "v1.3.0", FIX, "1.4.0"),
        ("patch", "v1.3.0", REMOVAL, "1.3.1"),
        ("auto", "v1.3.0", FIX | FEATURE | REMOVAL, "2.0.0"),
        ("auto", "v1.3.0", FIX | FEATURE, "1.4.0"),
        ("auto", "v1.3.0", FIX, "1.3.1"),
        ("auto", "v0.3.0", REMOVAL, "0.4.0"),
        ("auto", "v0.3.0", FEATURE, "0.4.0"),
        ("auto", "v0.3.0", FIX, "0.3.1"),
        ("major", "v0.3.0", FIX, "1.0.0"),
        ("auto", "", FEATURE, "0.1.0"),
        ("auto", "", FIX, "0.0.1"),
        ("major", "", FIX, "1.0.0"),
        ("minor", "v1.9.0 v1.10.0", FIX, "1.11.0"),
        ("minor", "v1.3", FIX, "1.4"),
        ("patch", "v1.3", FIX, "1.3.1"),
        ("minor", "2026.9", FIX, "2026.10"),
        ("minor", "v1.3.0 v1.4.0rc1", FIX, "1.4.0"),
        ("auto", "v1.3.0 v1.3.1b1 v1.3.1rc1", FIX, "1.3.1"),
        ("auto", "v1.3.0 v1.3.1rc1", FEATURE, "1.4.0"),
        ("major", "v1.3.0 v1.4.0rc1", FIX, "2.0.0"),
        ("major", "v1.3.0 v2.0.0a1", FIX, "2.0.0"),
        ("patch", "v1.3.0 v1.3.0.post1", FIX, "1.3.1"),
        ("minor", "1!1.3.0", FIX, "1!1.4.0"),
        ("minor", "v1.3.0 nightly-2026.1 other-9.0.0", FIX, "1.4.0"),
        ("minor", "demo-1.3.0", FIX, "1.4.0"),
    ],
)
def test_bump_words(make: Make, word: str, tags: str, fragments: Mapping[str, str], version: str) -> None:
    project = make(fragments=fragments, tag=None)
    for tag in tags.split():
        project.git("tag", tag, "HEAD^")
    answer = project.prepare(word, "--dry-run", "--format", "json").json
    assert (answer["version"], answer["ok"]) == (version, True), answer["findings"]


@pytest.mark.parametrize("word", ["auto", "patch", "minor", "major"])
def test_a_bump_word_never_gives_what_is_then_refused(make: Make, word: str) -> None:
    project = make()
    project.git("tag", "v1.4.0.dev0")
    shown = project.prepare(word, "--dry-run", "--format", "json")
    assert shown.rules == []


def test_only_reachable_tags_are_the_base(project: Project) -> None:
    project.git("switch", "-q", "-c", "2.x")
    project.commit("Another line")
    project.git("tag", "v2.0.0")
    project.git("switch", "-q", "main")
    assert project.prepare("minor", "--dry-run", "--format", "json").json["version"] == "1.4.0"


@pytest.mark.parametrize(
    ("keys", "version", "because"),
    [
        ("", "1.4.0", "changelog.d/12.feature.md asks for a minor release"),
        ('bump-rules = {bugfix = "major"}', "2.0.0", "changelog.d/13.bugfix.md asks for a major release"),
        ('bump-rules = {feature = "patch"}', "1.3.1", "changelog.d/12.feature.md asks for a patch release"),
    ],
)
def test_auto_says_which_fragment_decided(make: Make, keys: str, version: str, because: str) -> None:
    done = make(pyproject=with_keys(keys)).prepare("auto", "--dry-run")
    assert (done.code, because in done.out, f"-> {version}" in done.out) == (0, True, True), done.out


@pytest.mark.parametrize(
    "version", ["1.4.0", "1.4", "1.4.0a1", "1.4.0b2", "1.4.0rc1", "1.3.0.post1", "1.4.0.dev1", "2026.11", "1!0.1"]
)
def test_any_canonical_version(make: Make, version: str) -> None:
    project = make()
    answer = project.prepare(version, *DAY, "--tag", "--format", "json").json
    assert (answer["ok"], answer["version"], answer["tag"]) == (True, version, f"v{version}"), answer
    assert f'version = "{version}"' in project.show("pyproject.toml", f"v{version}")
    assert f"## {version} (2026-02-03)\n\n{BODY}" in project.read("CHANGELOG.md")


@pytest.mark.parametrize(
    ("version", "instead"),
    [
        ("v1.4.0", "1.4.0"),
        ("1.4.0-rc1", "1.4.0rc1"),
        ("1.4.0-1", "1.4.0.post1"),
        ("01.4.0", "1.4.0"),
        ("1.4.0+local", "1.4.0"),
        ("1.4.0.alpha", "1.4.0a0"),
        ("nonsense", "auto"),
        ("mayor", "major"),
        ("", "auto"),
        ("1.4.0\n", "1.4.0"),
    ],
)
def test_other_spellings_are_wrong_usage(project: Project, version: str, instead: str) -> None:
    before = project.fingerprint()
    done = project.prepare("--format", "json", "--", version)
    assert (done.code, project.fingerprint()) == (2, before)
    assert instead in done.json["error"]["fix"]


def test_version_pattern(make: Make) -> None:
    project = make(pyproject=with_keys('version-pattern = "[0-9]+[.][0-9]+[.]0"'))
    assert project.prepare("1.4.1", "--dry-run").code == 2
    assert project.prepare("1.4.0", "--dry-run").code == 0


def test_first_release_is_judged_against_tags_not_the_tree(make: Make) -> None:
    for version in ("1.3.0", "0.1.0"):
        project = make(tag=None, changelog=None)
        done = project.prepare(version, *DAY, "--tag")
        assert done.code == 0, done.err
        assert project.git("for-each-ref", "--format=%(refname) %(objecttype)", "refs/tags") == (
            f"refs/tags/v{version} tag"
        )
        assert project.read("CHANGELOG.md").startswith(f"## {version} (2026-02-03)\n\n{BODY}")
        assert project.read("pyproject.toml") == PYPROJECT.replace("1.3.0", version)


@pytest.mark.parametrize(
    ("stated", "changelog", "word", "where"),
    [
        ("1.3.0", None, "auto", "pyproject.toml has 1.3.0"),
        ("1.3.0", None, "minor", "pyproject.toml has 1.3.0"),
        ("0.0.1", CHANGELOG, "auto", "CHANGELOG.md has 1.3.0"),
        ("0.1.0", None, "auto", ""),
        ("0.1.0.dev0", None, "auto", ""),
    ],
)
def test_a_word_that_goes_back_behind_what_is_stated_says_so(
    make: Make, stated: str, changelog: str | None, word: str, where: str
) -> None:
    """Without a tag, a word counts from nothing: a project may have been released for years."""
    project = make(tag=None, changelog=changelog, pyproject=PYPROJECT.replace("1.3.0", stated))
    answer = project.prepare(word, "--format", "json")
    said = f"no release tag is here, so {word} counts from nothing: that is 0.1.0, and {where}"
    expected = [("version-not-newer", "warning", said)] if where else []
    found = answer.json["findings"]
    assert [(each["rule"], each["level"], each["message"]) for each in found] == expected
    assert (answer.code, answer.json["version"]) == (0, "0.1.0")


def test_a_shallow_clone_says_that_newer_releases_may_be_out_of_sight(project: Project, tmp_path: Path) -> None:
    command = ["git", "clone", "-q", "--depth=1", "--no-tags", project.path.as_uri(), str(tmp_path / "clone")]
    subprocess.run(command, check=True)
    answer = Project(tmp_path / "clone").prepare("1.2.0", *DAY, "--dry-run", "--format", "json")
    assert [each["rule"] for each in answer.json["skipped"] if "--unshallow" in each["reason"]] == ["version-not-newer"]


def test_a_prerelease_and_its_final(project: Project) -> None:
    assert project.prepare("1.4.0rc1", *DAY, "--tag").code == 0
    project.write("changelog.d/20.feature.md", "Late.\n")
    project.commit()
    assert project.prepare("1.4.0rc1", *DAY).code == 1
    assert project.prepare("minor", *DAY, "--tag").code == 0
    assert project.git("tag").split() == ["v1.3.0", "v1.4.0", "v1.4.0rc1"]
    text = project.read("CHANGELOG.md")
    assert [line for line in text.split("\n") if line.startswith("## ")] == [
        "## 1.4.0 (2026-02-03)",
        "## 1.4.0rc1 (2026-02-03)",
        "## 1.3.0 (2026-01-01)",
    ]
    assert text.index("- Late. (#20)") < text.index("rc1") < text.index("- Add colour. (#12)")


# -- which date ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "epoch", "date"),
    [
        (["--date", "2026-02-03"], None, "2026-02-03"),
        (["--date", "2026-02-03"], "nonsense", "2026-02-03"),
        ([], "1767225600", "2026-01-01"),
        ([], "1767225599", "2025-12-31"),
        ([], "0", "1970-01-01"),
        (["--date", "yesterday"], None, None),
        (["--date", "2026-02-30"], None, None),
        (["--date", "03.02.2026"], None, None),
        (["--date", ""], None, None),
        ([], "nonsense", None),
        ([], "", None),
        ([], "1e9", None),
        ([], "99999999999999999999", None),
    ],
)
def test_dates(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    epoch: str | None,
    date: str | None,
) -> None:
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    if epoch is not None:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    before = project.fingerprint()
    done = project.prepare("1.4.0", "--dry-run", "--format", "json", *arguments)
    assert project.fingerprint() == before
    assert done.code == (2 if date is None else 0), done.out
    if date is None:
        assert "Traceback" not in done.err
        assert done.json["error"]["fix"]
    else:
        assert done.json["entry"].startswith(f"## 1.4.0 ({date})\n")
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        east = project.prepare("1.4.0", "--dry-run", "--format", "json", *arguments)
        assert east.json["entry"] == done.json["entry"]


def test_today_is_todays_date_in_utc(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")  # fourteen hours ahead
    days = [datetime.datetime.now(datetime.UTC).date().isoformat()]
    entry = project.prepare("1.4.0", "--dry-run", "--format", "json").json["entry"]
    days.append(datetime.datetime.now(datetime.UTC).date().isoformat())
    assert entry.split("\n")[0] in {f"## 1.4.0 ({day})" for day in days}


# -- the dry run and the JSON ----------------------------------------------------------------------------------------


def applied(project: Project, diff: str, revision: str, index: Path) -> str:
    """The tree that `git apply` makes of a revision and a diff."""
    env = os.environ | {"GIT_INDEX_FILE": str(index)}
    for command in (["read-tree", revision], ["apply", "--cached", "--whitespace=nowarn", "-"]):
        subprocess.run(["git", *command], input=diff.encode(), cwd=project.path, env=env, check=True)
    done = subprocess.run(["git", "write-tree"], cwd=project.path, env=env, check=True, capture_output=True)
    return done.stdout.decode().strip()


SHAPES: dict[str, tuple[str | bytes | None, dict[str, str | bytes]]] = {
    "plain": (CHANGELOG, {"12.feature.md": "Add colour.\n", "13.bugfix.md": "Mend it.\n"}),
    "none": (None, {"12.feature.md": "Add colour.\n"}),
    "crlf": (CHANGELOG.replace("\n", "\r\n"), {"12.feature.md": "Add colour.\r\n", "+a.misc": ""}),
    "bom": ("\ufeff" + CHANGELOG, {"12.feature.md": "Add colour."}),
    "no last newline": (CHANGELOG.rstrip(), {"12.feature.md": "日本\n\n- café", "a b*ü.bugfix.md": "Ü"}),
    "empty": ("", {"12.feature.md": "Add colour.\n"}),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("branch", [False, True])
def test_dry_run_changes_nothing_and_shows_the_very_diff(
    make: Make, tmp_path: Path, shape: str, *, branch: bool
) -> None:
    changelog, fragments = SHAPES[shape]
    project = make(changelog=changelog, fragments=fragments)
    project.write("unrelated", "edited")
    options = ["--branch"] if branch else []
    before, parent = project.fingerprint(), project.head()
    shown = project.prepare("1.4.0", *DAY, "--dry-run", "--format", "json", *options)
    text = project.prepare("1.4.0", *DAY, "--dry-run", *options)
    assert (shown.code, text.code, project.fingerprint()) == (0, 0, before), shown.out
    assert "Dry run: nothing was changed." in text.out
    assert all(line in text.out for line in shown.json["diff"].split("\n") if line.startswith("+"))
    released(project, *options)
    tree = project.tree("release/1.4.0" if branch else "HEAD")
    assert applied(project, shown.json["diff"], parent, tmp_path / "index") == tree


def test_dry_run_asks_no_more_than_the_real_run_and_tags_and_pushes_nothing(project: Project, tmp_path: Path) -> None:
    remote = add_remote(project, tmp_path / "remote")
    before, refs = project.fingerprint(), Project(remote).git("show-ref")
    assert project.prepare("1.4.0", *DAY, "--dry-run", "--tag", "--push").code == 0
    assert (project.fingerprint(), Project(remote).git("show-ref")) == (before, refs)


def test_json_as_the_contract_has_it(project: Project) -> None:
    parent = project.head()
    shown = project.prepare("1.4.0", "--date", TODAY, "--dry-run", "--format", "json").json
    answer = project.prepare("1.4.0", "--date", TODAY, "--format", "json").json
    assert {key: answer[key] for key in list(answer)[:8]} == {
        "schema": 1,
        "command": "prepare",
        "ok": True,
        "project": "demo",
        "version": "1.4.0",
        "tag": "v1.4.0",
        "commit": project.head(),
        "findings": [],
    }
    (skipped,) = answer["skipped"]
    assert (skipped.keys(), skipped["rule"]) == ({"rule", "reason"}, "tag-exists")
    assert "there is no remote" in skipped["reason"]
    assert (answer["parent"], answer["branch"]) == (parent, "main")
    assert answer["consumed"] == ["changelog.d/12.feature.md", "changelog.d/13.bugfix.md"]
    assert answer["entry"] == ENTRY.replace("2026-02-03", TODAY)
    assert "diff" not in answer
    assert shown.keys() - answer.keys() == {"diff"}


def test_json_of_a_refusal(project: Project) -> None:
    project.write("changelog.d/14.feature.md", " \n")
    project.commit()
    done = project.prepare("1.4.0", "--format", "json")
    answer = done.json
    assert (done.code, answer["ok"], answer["project"], answer["version"], answer["tag"], answer["commit"]) == (
        (1, False, "demo", "1.4.0", "v1.4.0", None)
    )
    assert [set(found) for found in answer["findings"]] == [{"rule", "level", "message", "fix", "path", "line"}]
    assert (answer["findings"][0]["level"], answer["findings"][0]["path"]) == ("error", "changelog.d/14.feature.md")
    assert "error" not in answer


@pytest.mark.parametrize("arguments", [(), ("1.4.0", "1.5.0"), ("1.4.0", "--nonsense"), ("1.4.0", "--format", "xml")])
def test_a_usage_error_prints_nothing_on_standard_output(project: Project, arguments: tuple[str, ...]) -> None:
    done = project.prepare(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Usage:" in done.err


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_output_that_lacks_the_letters_is_no_failure(make: Make, encoding: str) -> None:
    for options in ([], ["--dry-run"], ["--format", "json"]):
        project = make(fragments={"12.feature.md": "日本 → ✓\n"})
        process = project.spawn("1.4.0", *options, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
        out, err = process.communicate()
        assert (process.returncode, b"Traceback" in err, b"1.4.0" in out) == (0, False, True), err.decode()


# -- the changelog ---------------------------------------------------------------------------------------------------

RST_PYPROJECT = PYPROJECT.replace("CHANGELOG.md", "NEWS.rst").replace('"## {version} ({project_date})"', '"{version}"')
RST_CHANGELOG = f"=========\nChangelog\n=========\n\n{RST_MARKER}\n\n1.3.0\n=====\n\n- The first one. (#1)\n"


def test_restructuredtext(make: Make) -> None:
    project = make(pyproject=RST_PYPROJECT, changelog=None, fragments={"12.feature.rst": "Add ``colour``.\n"})
    project.write("NEWS.rst", RST_CHANGELOG)
    project.commit()
    released(project)
    inserted = "1.4.0\n=====\n\nFeatures\n--------\n\n- Add ``colour``. (#12)\n\n\n"
    assert project.read("NEWS.rst") == RST_CHANGELOG.replace("1.3.0\n=", inserted + "1.3.0\n=")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("last", ["\n", ""])
def test_line_endings_bom_and_last_newline_are_kept(make: Make, newline: str, bom: str, last: str) -> None:
    old = bom + (CHANGELOG.rstrip() + last).replace("\n", newline)
    project = make(changelog=old)
    released(project)
    expected = (ENTRY + "\n\n## 1.3.0").replace("\n", newline)
    assert project.read("CHANGELOG.md") == old.replace("## 1.3.0", expected)
    assert project.status() == ""


def test_pyproject_keeps_its_line_endings_and_lack_of_a_last_newline(make: Make) -> None:
    text = PYPROJECT.replace("\n", "\r\n").rstrip() + "  # end"
    project = make(pyproject=text)
    released(project)
    assert project.read("pyproject.toml") == text.replace("1.3.0", "1.4.0")


def test_sections(make: Make) -> None:
    sections = "".join(
        f'\n[[tool.towncrier.section]]\nname = "{name}"\npath = "{path}"\n'
        for name, path in (("", ""), ("Core", "core"), ("Docs", "docs"))
    )
    project = make(
        pyproject=PYPROJECT + sections,
        fragments={"12.feature.md": "Top.\n", "core/12.feature.md": "Inner.\n", "docs/3.misc.md": "Hidden.\n"},
    )
    released(project)
    text = project.read("CHANGELOG.md")
    order = ["### Features\n\n- Top. (#12)", "### Core\n\n#### Features\n\n- Inner. (#12)", "### Docs\n\n#### Misc"]
    places = [text.find(part) for part in order]
    assert -1 not in places, text
    assert places == sorted(places)
    assert project.git("ls-files", "changelog.d") == "changelog.d/.gitkeep"
    assert not (project.path / "changelog.d/core").exists()


def test_custom_template_and_its_name_beside_the_fragments(make: Make) -> None:
    template = (
        "{% for section, types in sections.items() %}{% for type, texts in types.items() %}"
        "{% for text, issues in texts.items() %}* {{ text }} <{{ issues | join }}>\n{% endfor %}"
        "{% endfor %}{% endfor %}"
    )
    project = make(pyproject=PYPROJECT + 'template = "changelog.d/layout.md"\n')
    project.write("changelog.d/layout.md", template)
    project.commit()
    released(project)
    assert "## 1.4.0 (2026-02-03)\n* Add colour. <#12>\n* Mend it. <#13>\n" in project.read("CHANGELOG.md")
    assert project.git("ls-files", "changelog.d").split() == ["changelog.d/.gitkeep", "changelog.d/layout.md"]


SINGLE = PYPROJECT.replace('"CHANGELOG.md"', '"changes/{version}.md"\nsingle_file = false')


def test_a_file_for_each_version(make: Make) -> None:
    project = make(pyproject=SINGLE, changelog=None)
    assert project.prepare("1.4.0", *DAY, "--format", "json").json["changelog"] == "changes/1.4.0.md"
    assert project.read("changes/1.4.0.md").strip() == ENTRY.strip()
    assert "is prepared already" in project.prepare("1.4.0").out
    project.write("changelog.d/20.feature.md", "Next.\n")
    project.commit()
    assert project.prepare("1.5.0", *DAY).code == 0
    assert project.git("ls-files", "changes").split() == ["changes/1.4.0.md", "changes/1.5.0.md"]


def test_a_file_for_each_version_renewed(make: Make) -> None:
    project = make(pyproject=SINGLE, changelog=None)
    released(project)
    project.write("changelog.d/20.feature.md", "Late.\n")
    project.commit()
    released(project, "--again")
    assert "- Add colour. (#12)\n- Late. (#20)" in project.read("changes/1.4.0.md")


def test_a_file_named_by_date_is_recognised_the_second_time(make: Make) -> None:
    project = make(pyproject=SINGLE.replace("{version}.md", "{project_date}-{version}.md"), changelog=None)
    released(project)
    assert project.git("ls-files", "changes") == "changes/2026-02-03-1.4.0.md"
    second = project.prepare("1.4.0", *DAY)
    assert (second.code, "is prepared already" in second.out) == (0, True), second.err


@pytest.mark.parametrize("marker", ["<!-- here -->", "Unreleased\n----------\n"])
def test_start_string(make: Make, marker: str) -> None:
    pyproject = PYPROJECT + f"start_string = {json.dumps(marker)}\n"
    project = make(pyproject=pyproject, changelog=CHANGELOG.replace(MARKER + "\n", marker.rstrip() + "\n"))
    released(project)
    assert project.read("CHANGELOG.md").startswith(f"# Changelog\n\n{marker}\n## 1.4.0 (2026-02-03)\n\n{BODY}")


def test_towncrier_toml_comes_before_pyproject(make: Make) -> None:
    project = make()
    project.write("towncrier.toml", TOWNCRIER.replace("## {version}", "## Version {version}"))
    project.commit()
    released(project)
    assert "\n## Version 1.4.0 (2026-02-03)\n\n### Features" in project.read("CHANGELOG.md")
    assert 'version = "1.4.0"' in project.read("pyproject.toml")


def test_tagready_toml_and_an_overlay(make: Make, tmp_path: Path) -> None:
    project = make(pyproject=with_keys('commit-message = "Never"'))
    project.write("tagready.toml", 'commit-message = "Version {version}"\ntag-format = "r{version}"\n')
    project.commit()
    for content in ('commit-message = "Cut {version}"\n', '[tool.tagready]\ncommit-message = "Cut {version}"\n'):
        (tmp_path / "over.toml").write_text(content)
        shown = project.prepare("1.4.0", "--dry-run", "--format", "json", "--config", str(tmp_path / "over.toml"))
        assert (shown.code, shown.json["tag"]) == (0, "r1.4.0")
    released(project, "--config", str(tmp_path / "over.toml"))
    assert project.git("log", "-1", "--format=%s") == "Cut 1.4.0"


def test_with_a_directory_it_is_as_if_started_there(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("over.toml", 'commit-message = "Cut {version}"\n')
    monkeypatch.chdir(tmp_path)
    released(project, "--config", "over.toml")
    assert project.git("log", "-1", "--format=%s") == "Cut 1.4.0"


# -- where the project is --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [".", "src", "changelog.d", "src/deep"])
def test_from_a_sub_folder(project: Project, start: str) -> None:
    project.write("src/deep/x", "")
    project.commit()
    done = Project(project.path / start).prepare("1.4.0", *DAY)
    assert (done.code, project.status()) == (0, "")
    assert ENTRY in project.read("CHANGELOG.md")


@pytest.mark.parametrize("start", ["lib", "lib/src", "lib/changelog.d"])
def test_a_project_in_a_sub_folder_of_the_repository(tmp_path: Path, start: str) -> None:
    top = make_project(tmp_path / "top", fragments={"1.feature.md": "Not mine.\n"}, tag=None)
    top.git("tag", "lib-1.3.0")
    for name, text in {
        "pyproject.toml": PYPROJECT.replace('"demo"', '"lib"'),
        "CHANGELOG.md": CHANGELOG,
        "changelog.d/12.feature.md": "Add colour.\n",
        "changelog.d/.gitkeep": "",
        "src/x": "",
    }.items():
        top.write(f"lib/{name}", text)
    top.commit()
    answer = Project(top.path / start).prepare("1.4.0", *DAY, "--format", "json").json
    assert (answer["project"], answer["tag"], answer["consumed"]) == (
        "lib",
        "lib-1.4.0",
        ["lib/changelog.d/12.feature.md"],
    )
    assert changed(top) == {"lib/CHANGELOG.md", "lib/pyproject.toml", "lib/changelog.d/12.feature.md"}
    assert (top.status(), BODY in top.read("lib/CHANGELOG.md")) == ("", True)


def test_a_linked_worktree(project: Project, tmp_path: Path) -> None:
    project.git("worktree", "add", "-q", "-b", "next", str(tmp_path / "linked"))
    linked = Project(tmp_path / "linked")
    main, before = project.head(), project.fingerprint()
    released(linked)
    assert (linked.status(), linked.git("rev-parse", "HEAD^"), project.head("main")) == ("", main, main)
    assert ENTRY in linked.read("CHANGELOG.md")
    linked.git("reset", "-q", "--hard", main)
    assert project.fingerprint() == before


def test_a_submodule(project: Project, tmp_path: Path) -> None:
    outer = Project(tmp_path / "outer")
    outer.path.mkdir()
    outer.git("init", "-q", "-b", "main")
    outer.git("submodule", "--quiet", "add", str(project.path), "sub")
    outer.commit()
    inner = Project(outer.path / "sub")
    released(inner)
    assert (inner.status(), outer.status()) == ("", " M sub")
    assert ENTRY in inner.read("CHANGELOG.md")


def test_a_submodule_inside_stays_as_it_is(project: Project, tmp_path: Path) -> None:
    other = make_project(tmp_path / "other")
    project.git("submodule", "--quiet", "add", str(other.path), "vendor")
    project.commit()
    Project(project.path / "vendor").commit("Dirty", x="y")
    released(project)
    assert project.status() == " M vendor"


def test_a_shallow_clone(project: Project, tmp_path: Path) -> None:
    project.git("clone", "-q", "--depth=1", project.path.as_uri(), str(tmp_path / "shallow"))
    shallow = Project(tmp_path / "shallow")
    released(shallow)
    assert (shallow.status(), shallow.git("rev-list", "--count", "HEAD")) == ("", "2")
    assert "is prepared already" in shallow.prepare("1.4.0").out
    released(project)
    assert project.tree() == shallow.tree()


def test_a_sha256_repository(make: Make, monkeypatch: pytest.MonkeyPatch, project: Project) -> None:
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    other = make()
    released(other, "--tag")
    assert (len(other.head()), other.status()) == (64, "")
    assert other.prepare("1.4.0", "--branch", *DAY).code == 1  # the tag is there
    released(project)
    assert other.read("CHANGELOG.md") == project.read("CHANGELOG.md")
    other.write("changelog.d/20.feature.md", "Next.\n")
    other.commit()
    assert other.prepare("1.5.0", "--branch").code == 0
    assert len(other.head("release/1.5.0")) == 64


def test_a_sparse_checkout(project: Project) -> None:
    project.commit(other="x")
    project.git("sparse-checkout", "set", "--no-cone", "/*", "!/changelog.d", "!/other")
    assert not (project.path / "changelog.d").exists()
    released(project)
    assert (project.status(), project.git("ls-files", "changelog.d")) == ("", "changelog.d/.gitkeep")
    assert sorted(path.name for path in project.path.iterdir()) == [".git", "CHANGELOG.md", "pyproject.toml"]
    assert ENTRY in project.read("CHANGELOG.md")


def test_no_repository_no_commit_no_working_tree_no_project(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "file").write_text("")
    fresh = Project(tmp_path / "fresh")
    fresh.path.mkdir()
    fresh.git("init", "-q")
    fresh.git("init", "-q", "--bare", str(tmp_path / "bare"))
    empty = Project(tmp_path / "empty")
    empty.path.mkdir()
    empty.git("init", "-q")
    empty.commit(x="y")
    cases = {
        "plain": "not in a git repository",
        "fresh": "no commit yet",
        "bare": "bare repository",
        "empty": "no pyproject.toml",
        "missing": "no folder",
        "file": "file",
    }
    for name, words in cases.items():
        done = Project(tmp_path).prepare("-C", name, "1.4.0", "--format", "json")
        assert (name, done.code) == (name, 2), done.err
        assert words in done.json["error"]["what"]
        assert done.json["error"]["fix"]
        assert (done.json["ok"], done.json["command"]) == (False, "prepare")


# -- names, and what else lies around --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "a b.feature.md",
        "*.feature.md",
        "[12].feature.md",
        "ümläut.feature.md",
        "日本.feature.md",
        "-5.feature.md",
        "--yes.feature.md",
        ":(glob)x.feature.md",
        '"quoted".feature.md',
        "back\\slash.feature.md",
        "tab\there.feature.md",
        "+.feature.md",
        "+-x.feature.md",
        "#12.feature.md",
        "$(touch x).feature.md",
        "CVE-2026-1.feature.1.md",
        "12.feature",
    ],
)
def test_fragment_names(make: Make, name: str) -> None:
    project = make(fragments={name: "Odd name.\n"})
    project.write("changelog.d/sub/keep.feature.md", "Not a fragment of ours.\n")
    project.commit()
    answer = project.prepare("1.4.0", *DAY, "--format", "json")
    assert answer.code == 0, answer.out
    assert answer.json["consumed"] == [f"changelog.d/{name}"]
    assert "- Odd name." in project.read("CHANGELOG.md")
    assert project.status() == ""
    assert sorted(path.name for path in (project.path / "changelog.d").iterdir()) == [".gitkeep", "sub"]
    assert project.git("ls-files", "changelog.d/sub") == "changelog.d/sub/keep.feature.md"


def test_a_fragment_name_that_is_no_utf_8(project: Project) -> None:
    name = os.fsdecode(b"caf\xe9.feature.md")
    project.write(f"changelog.d/{name}", "Odd name.\n")
    project.commit()
    done = project.prepare("1.4.0", *DAY, "--format", "json")
    assert (done.code, done.json["ok"]) == (0, True), done.out + done.err
    assert (project.status(), project.git("ls-files", "changelog.d")) == ("", "changelog.d/.gitkeep")


def test_what_is_not_of_the_release_stays_as_it_is(project: Project) -> None:
    for name in ("staged", "edited", "both", "gone", "dropped"):
        project.write(name, "old\n")
    project.commit()
    parent = project.head()
    project.write("staged", "staged\n")
    project.write("new-staged", "new\n")
    project.write("both", "staged\n")
    project.git("add", "staged", "new-staged", "both")
    project.git("rm", "-q", "--cached", "dropped")
    project.write("edited", "edited\n")
    project.write("both", "edited\n")
    (project.path / "gone").unlink()
    project.write("untracked/x y", "untracked\n")
    project.write("changelog.d/notes.txt", "untracked, and no fragment\n")
    project.git("update-index", "--assume-unchanged", ".gitignore", check=False)
    index, status = project.git("ls-files", "-s"), project.status()
    released(project)
    assert changed(project, parent) == {
        "CHANGELOG.md",
        "pyproject.toml",
        "changelog.d/12.feature.md",
        "changelog.d/13.bugfix.md",
    }
    assert project.status() == status
    mine = {line for line in index.split("\n") if not line.endswith((".md", ".toml"))}
    assert mine <= set(project.git("ls-files", "-s").split("\n"))
    assert [project.read(name) for name in ("staged", "edited", "both", "untracked/x y")] == [
        "staged\n",
        "edited\n",
        "edited\n",
        "untracked\n",
    ]


def test_edits_of_towncriers_settings_do_not_count(project: Project) -> None:
    project.write("towncrier.toml", TOWNCRIER.replace("changelog.d", "elsewhere"))
    released(project)
    assert (ENTRY in project.read("CHANGELOG.md"), project.status()) == (True, "?? towncrier.toml")


# -- where the version is written ------------------------------------------------------------------------------------

# `@` stands for the version; every other byte, decoys such as 1.3.0 included, must stay.
PLACES: dict[str, dict[str, str]] = {
    "static": {"pyproject.toml": PYPROJECT.replace('"1.3.0"', '"@"') + 'x = "1.3.0"\n'},
    "literal string": {"pyproject.toml": PYPROJECT.replace('"1.3.0"', "'@'")},
    "inline table": {"pyproject.toml": 'project = {name="demo",version = "@" } # 1.3.0\n' + TOWNCRIER},
    "dotted keys": {"pyproject.toml": 'project.name = "demo"\nproject . version="@"\n' + TOWNCRIER},
    "version-files": {
        "pyproject.toml": with_keys(
            'version-files = ["src/demo/__init__.py", "VERSION", '
            '{path = "docs/conf.py", pattern = "release = \'{version}\'"}]',
            PYPROJECT.replace('"1.3.0"', '"@"'),
        ),
        "src/demo/__init__.py": '"""Since 1.3.0."""\n\n__version__ = "@"  # not 1.3.0\nold = "1.3.0"\n',
        "VERSION": "@\n",
        "docs/conf.py": "version = '1.3.0'\nrelease = '@'\n",
    },
    "hatch path": {
        "pyproject.toml": '[project]\nname = "demo"\ndynamic = ["version"]\n[tool.hatch.version]\npath = "demo.py"\n'
        + TOWNCRIER,
        "demo.py": 'NAME = "1.3.0"\n__version__ = "@"\n',
    },
    "hatch pattern": {
        "pyproject.toml": '[project]\nname = "demo"\ndynamic = ["version"]\n'
        "[tool.hatch.version]\npath = \"demo.py\"\npattern = 'VER=(?P<version>\\S+)'\n" + TOWNCRIER,
        "demo.py": "# __version__ = '1.3.0'\nVER=@\n",
    },
    "setuptools attr": {
        "pyproject.toml": '[project]\nname = "demo"\ndynamic = ["version"]\n'
        '[tool.setuptools.dynamic]\nversion = {attr = "demo.about.VERSION"}\n' + TOWNCRIER,
        "src/demo/about.py": "VERSION: str = '@'\nOLD_VERSION = '1.3.0'\n",
    },
    "setuptools file": {
        "pyproject.toml": '[project]\nname = "demo"\ndynamic = ["version"]\n'
        '[tool.setuptools.dynamic]\nversion = {file = "VERSION.txt"}\n' + TOWNCRIER,
        "VERSION.txt": "@",
    },
    "setup.cfg": {
        "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\n' + TOWNCRIER + 'name = "demo"\n',
        "setup.cfg": "[metadata]\nname = demo\nversion = @\n\n[options]\npython_requires = >=1.3.0\n",
    },
    "setup.cfg attr": {
        "pyproject.toml": TOWNCRIER + 'name = "demo"\n',
        "setup.cfg": "[metadata]\nversion = attr: demo.__version__\n[options]\npackage_dir =\n    = src\n",
        "src/demo/__init__.py": "__version__ = '@'\n",
    },
    "setup.py": {
        "pyproject.toml": TOWNCRIER + 'name = "demo"\n',
        "setup.py": "from setuptools import setup\n\nsetup(\n    name='demo',\n    version='@',  # 1.3.0\n)\n",
    },
    "flit": {
        "pyproject.toml": '[build-system]\nbuild-backend = "flit_core.buildapi"\n[project]\nname = "demo"\n'
        'dynamic = ["version", "description"]\n' + TOWNCRIER,
        "src/demo/__init__.py": '"""Demo."""\n__version__ = "@"\n',
    },
    "poetry": {
        "pyproject.toml": '[tool.poetry]\nname = "demo"\nversion = "@"\n\n[tool.poetry.dependencies]\nx = "1.3.0"\n'
        + TOWNCRIER
    },
    "pdm": {
        "pyproject.toml": '[project]\nname = "demo"\ndynamic = ["version"]\n'
        '[tool.pdm.version]\nsource = "file"\npath = "demo.py"\n' + TOWNCRIER,
        "demo.py": "__version__ = '@'\n",
    },
    "uv.lock": {
        "pyproject.toml": PYPROJECT.replace('"1.3.0"', '"@"'),
        "uv.lock": 'version = 1\n\n[[package]]\nname = "other"\nversion = "1.3.0"\nsource = { registry = "x" }\n\n'
        '[[package]]\nname = "demo"\nversion = "@"\nsource = { editable = "." }\n'
        'dependencies = [{ name = "other" }]\n\n[[package]]\nname = "demo-plugin"\nversion = "1.3.0"\n',
    },
    "poetry.lock of others only": {
        "pyproject.toml": PYPROJECT.replace('"1.3.0"', '"@"'),
        "poetry.lock": '[[package]]\nname = "other"\nversion = "1.3.0"\n',
    },
    "hatch-vcs": {
        "pyproject.toml": '[build-system]\nrequires = ["hatchling", "hatch-vcs>=0.4"]\n[project]\nname = "demo"\n'
        'dynamic = ["version"]\n[tool.hatch.version]\nsource = "vcs"\n' + TOWNCRIER,
        "demo.py": '__version__ = "1.3.0"\n',
    },
    "setuptools-scm": {
        "pyproject.toml": '[build-system]\nrequires = ["setuptools_scm[toml]>=8"]\n[project]\nname = "demo"\n'
        'dynamic = ["version"]\n' + TOWNCRIER
    },
    "the tag, by configuration": {"pyproject.toml": with_keys('version-source = "tag"')},
    "files only": {
        "pyproject.toml": with_keys('version-source = "files"\nversion-files = ["VERSION"]'),
        "VERSION": "@\n",
    },
}


@pytest.mark.parametrize("kind", PLACES)
def test_the_version_is_written_where_the_project_states_it(make: Make, kind: str) -> None:
    files = PLACES[kind]
    project = make(pyproject=files["pyproject.toml"].replace("@", "1.3.0"))
    for name, text in files.items():
        project.write(name, text.replace("@", "1.3.0"))
    project.commit()
    parent = project.head()
    answer = project.prepare("1.4.0", *DAY, "--format", "json")
    assert answer.code == 0, answer.out + answer.err
    assert {name: project.read(name) for name in files} == {
        name: text.replace("@", "1.4.0") for name, text in files.items()
    }
    bumped = {name for name, text in files.items() if "@" in text}
    news = {"CHANGELOG.md", "changelog.d/12.feature.md", "changelog.d/13.bugfix.md"}
    assert changed(project, parent) == bumped | news
    assert project.status() == ""


# -- how files are kept ----------------------------------------------------------------------------------------------


def checked_out(project: Project) -> None:
    """Make the working tree what a fresh clone would have."""
    project.git("rm", "-rq", "--cached", ".")
    project.git("add", "--all")
    project.git("commit", "-q", "--allow-empty", "-m", "Attributes")
    for name in project.git("ls-files").split("\n"):
        (project.path / name).unlink()
    project.git("checkout", "-q", "--", ".")


@pytest.mark.parametrize("by", ["attributes", "autocrlf"])
def test_crlf_in_the_working_tree_and_lf_in_the_blob(project: Project, by: str) -> None:
    if by == "attributes":
        project.write(".gitattributes", "* text=auto eol=crlf\n")
    else:
        project.git("config", "core.autocrlf", "true")
    checked_out(project)
    assert b"\r\n" in (project.path / "CHANGELOG.md").read_bytes()
    released(project)
    for name in ("CHANGELOG.md", "pyproject.toml"):
        worktree = (project.path / name).read_bytes()
        assert worktree.count(b"\r\n") == worktree.count(b"\n") > 0
        assert "\r" not in project.show(name)
        assert worktree.replace(b"\r\n", b"\n").decode() == project.show(name)
    assert ENTRY in project.show("CHANGELOG.md")
    assert project.status() == ""


def test_crlf_blobs_that_the_attributes_normalise(make: Make) -> None:
    project = make(changelog=CHANGELOG.replace("\n", "\r\n"))
    project.write(".gitattributes", "*.md text\n")
    project.git("add", ".gitattributes")
    project.git("commit", "-q", "-m", "Attributes, and the changelog not renormalised yet")
    project.git("add", "--renormalize", ".")
    project.git("commit", "-q", "-m", "Renormalise")
    released(project)
    assert "\r" not in project.show("CHANGELOG.md")
    assert project.status() == ""


def test_clean_and_smudge_filters(project: Project) -> None:
    project.git("config", "filter.shout.clean", "sed s/COLOUR/colour/")
    project.git("config", "filter.shout.smudge", "sed s/colour/COLOUR/")
    project.git("config", "filter.shout.required", "true")
    project.write(".gitattributes", "*.md filter=shout\n")
    checked_out(project)
    assert "COLOUR" in project.read("changelog.d/12.feature.md")
    released(project)
    assert "- Add colour. (#12)" in project.show("CHANGELOG.md")
    assert "- Add COLOUR. (#12)" in project.read("CHANGELOG.md")
    assert project.status() == ""


def test_blobs_hold_what_the_clean_filter_makes_of_the_entry(make: Make) -> None:
    project = make(fragments={"12.feature.md": "Add SECRET.\n"})
    project.git("config", "filter.hide.clean", "sed s/SECRET/public/")
    project.write(".gitattributes", "CHANGELOG.md filter=hide\n")
    project.commit()
    released(project)
    assert "- Add public. (#12)" in project.show("CHANGELOG.md")
    assert project.status() == ""


@pytest.mark.parametrize("attributes", ["", "*.md -text\n", "* -text\n"])
@pytest.mark.parametrize("name", ["CHANGELOG.md", "pyproject.toml"])
def test_crlf_blobs_stay_crlf_whatever_autocrlf_says(make: Make, attributes: str, name: str) -> None:
    """The same bytes on every machine: core.autocrlf is the user's own, and git keeps a blob that has CRLF."""
    trees = set()
    for autocrlf in ("false", "true", "input"):
        files = {"pyproject.toml": PYPROJECT, "CHANGELOG.md": CHANGELOG}
        files[name] = files[name].replace("\n", "\r\n")
        project = make(pyproject=files["pyproject.toml"], changelog=files["CHANGELOG.md"])
        project.write(".gitattributes", attributes)
        project.commit()
        project.git("config", "core.autocrlf", autocrlf)
        released(project)
        assert "\n" not in project.show(name).replace("\r\n", "")
        assert project.status() == ""
        trees.add(project.tree())
    assert len(trees) == 1


def test_working_tree_encoding(make: Make) -> None:
    project = make(fragments={"12.feature.md": "Añadir.\n"})
    project.write(".gitattributes", "CHANGELOG.md text working-tree-encoding=UTF-16LE\n")
    project.write("CHANGELOG.md", CHANGELOG.encode("utf-16-le"))
    project.commit()
    released(project)
    assert "- Añadir. (#12)" in project.show("CHANGELOG.md")
    assert "- Añadir. (#12)" in (project.path / "CHANGELOG.md").read_bytes().decode("utf-16-le")
    assert project.status() == ""


def test_the_executable_bit_is_kept(project: Project) -> None:
    for name in ("CHANGELOG.md", "pyproject.toml"):
        (project.path / name).chmod(0o755)
    project.commit()
    released(project)
    modes = project.git("ls-files", "-s", "CHANGELOG.md", "pyproject.toml").split("\n")
    assert [mode.split()[0] for mode in modes] == ["100755", "100755"]
    assert (project.path / "CHANGELOG.md").stat().st_mode & 0o111
    assert project.status() == ""


def test_a_symlinked_changelog(make: Make) -> None:
    project = make(changelog=None)
    project.write("docs/news.md", CHANGELOG)
    (project.path / "CHANGELOG.md").symlink_to("docs/news.md")
    project.commit()
    released(project)
    assert (project.path / "CHANGELOG.md").readlink() == Path("docs/news.md")
    assert ENTRY in project.read("docs/news.md")
    assert changed(project) & {"CHANGELOG.md", "docs/news.md"} == {"docs/news.md"}
    assert project.status() == ""
    assert "is prepared already" in project.prepare("1.4.0").out


def test_the_last_fragment_takes_its_folder_along(project: Project) -> None:
    project.git("rm", "-q", "changelog.d/.gitkeep")
    project.commit()
    released(project)
    assert (project.git("ls-files", "changelog.d"), project.status()) == ("", "")
    assert not (project.path / "changelog.d").exists()


# -- what is printed for the next step ---------------------------------------------------------------------------------


def printed(done: Result, word: str) -> str:
    """The command that the output gives for a word (look, next, undo)."""
    (command,) = [line.split(None, 1)[1] for line in done.out.split("\n") if line.startswith(f"  {word} ")]
    return command


def shell(project: Project, command: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        shell=True,
        cwd=project.path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("options", [[], ["--tag"], ["--branch"], ["--branch", "mine"]])
def test_the_undo_command_undoes_it(project: Project, options: list[str]) -> None:
    project.write("pyproject.toml.mine", "untracked")
    before = project.fingerprint()
    done = project.prepare("1.4.0", *DAY, *options)
    assert project.fingerprint() != before
    undone = shell(project, printed(done, "undo"))
    assert (undone.returncode, project.fingerprint()) == (0, before), undone.stderr


@pytest.mark.parametrize("options", [[], ["--tag"], ["--branch"], ["--branch", "mine"], ["--branch", "--signoff"]])
def test_the_next_command_goes_on_from_there(project: Project, tmp_path: Path, options: list[str]) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    done = project.prepare("1.4.0", *DAY, *options)
    branch = done.out.split(" on ")[1].split()[0]
    tip = project.head(branch)
    then = shell(project, printed(done, "next"))
    assert then.returncode == 0, then.stderr
    assert (project.head(branch), remote.head(branch)) == (tip, tip)
    assert ("v1.4.0" in remote.git("tag")) == ("--branch" not in options)


# -- again and again -------------------------------------------------------------------------------------------------


def test_the_second_time_says_so(project: Project) -> None:
    released(project)
    before = project.fingerprint()
    for arguments in (["1.4.0"], ["1.4.0", *DAY], ["auto"], ["minor"], ["1.4.0", "--dry-run"]):
        done = project.prepare(*arguments)
        assert (done.code, "1.4.0 is prepared already" in done.out, project.fingerprint()) == (0, True, before), done
    answer = project.prepare("1.4.0", "--format", "json").json
    assert (answer["already"], answer["commit"], answer["parent"]) == (True, project.head(), project.head("HEAD^"))
    assert answer["consumed"] == ["changelog.d/12.feature.md", "changelog.d/13.bugfix.md"]
    assert answer["entry"] == ENTRY


def test_the_second_time_finishes_what_was_asked(project: Project, tmp_path: Path) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project)
    assert (project.git("tag"), remote.head("main")) == ("v1.3.0", project.head("HEAD^"))
    released(project, "--tag", "--push")
    released(project, "--tag", "--push")
    assert (remote.head("main"), remote.head("v1.4.0^{commit}")) == (project.head(), project.head())


def test_the_second_time_leaves_edits_alone(project: Project) -> None:
    released(project)
    project.write("CHANGELOG.md", "edited")
    project.write("changelog.d/12.feature.md", "written anew, not added\n")
    project.write("pyproject.toml", PYPROJECT)
    project.git("add", "pyproject.toml.new", check=False)
    before = project.fingerprint()
    done = project.prepare("1.4.0")
    assert (done.code, project.fingerprint()) == (0, before), done.err


def test_the_second_time_with_the_tag_elsewhere_is_refused_with_all_that_is_known(project: Project) -> None:
    released(project)
    project.git("tag", "v1.4.0", "HEAD^")
    before = project.fingerprint()
    done = project.prepare("1.4.0", "--tag", "--format", "json")
    assert (done.code, done.rules, project.fingerprint()) == (1, ["tag-exists"], before)
    assert (done.json["project"], done.json["version"], done.json["tag"]) == ("demo", "1.4.0", "v1.4.0")


@pytest.mark.parametrize("options", [["--branch"], []])
def test_the_second_time_on_another_day_says_so(
    project: Project, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for epoch in ("1767225600", "1767325600"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        done = project.prepare("1.4.0", *options)
        assert done.code == 0, done.err
    assert "is prepared already" in done.out


@pytest.mark.parametrize("word", ["auto", "minor", "patch", "major"])
@pytest.mark.parametrize("options", [(), ("--again",)])
def test_a_word_for_what_is_prepared(project: Project, word: str, options: tuple[str, ...]) -> None:
    """It is prepared already; or it asks for another version, and is not taken for this one."""
    parent = project.head()
    released(project)
    before = project.fingerprint()
    answer = project.prepare(word, *DAY, *options, "--format", "json")
    assert project.fingerprint() == before
    if word in ("auto", "minor"):
        assert (answer.code, answer.json["version"]) == (0, "1.4.0"), answer.out
        return
    (found,) = answer.json["findings"]
    other = {"patch": "1.3.1", "major": "2.0.0"}[word]
    assert (answer.code, found["rule"], found["message"]) == (
        1, "entry-exists", f"1.4.0 is prepared already, in {project.head()[:10]}, and {word} would be {other}"
    )  # fmt: skip
    undo = found["fix"].rpartition(": ")[2]
    assert undo == f"git reset --keep {parent[:10]} && prepare-release {word}"


@pytest.mark.parametrize(("word", "version"), [("patch", "1.4.1"), ("minor", "1.5.0"), ("major", "2.0.0")])
def test_a_word_counts_from_the_release_that_head_is(project: Project, word: str, version: str) -> None:
    """Once it is tagged; a run with --tag and --push may have been killed between the two, and is finished."""
    add_remote(project, project.path.parent / "remote.git")
    released(project, "--tag")
    answer = project.prepare(word, *DAY, "--format", "json")
    assert (answer.code, answer.rules, answer.json["version"]) == (1, ["nothing-to-release"], version)
    assert project.prepare("auto", *DAY, "--format", "json").json["version"] == "1.4.0"
    if word == "minor":
        again = project.prepare(word, *DAY, "--tag", "--push", "--format", "json").json
        assert (again["version"], again["already"], again["pushed_to"]) == ("1.4.0", True, "origin")


@pytest.mark.parametrize("by", ["options", "key"])
@pytest.mark.parametrize(
    ("word", "version"), [("auto", "1.4.0"), ("minor", "1.4.0"), ("patch", "1.4.1"), ("major", "2.0.0")]
)
def test_a_word_with_a_push_counts_from_the_release_that_is_out(
    make: Make, tmp_path: Path, word: str, version: str, by: str
) -> None:
    """A word that comes to the very release goes on finishing its run, which may have been killed."""
    project = make(pyproject=with_keys("push = true" if by == "key" else ""))
    add_remote(project, tmp_path / "remote.git")
    released(project, "--tag", "--push")
    options = ("--tag", "--push") if by == "options" else ()
    answer = project.prepare(word, *DAY, *options, "--format", "json")
    rules = [] if version == "1.4.0" else ["nothing-to-release"]
    assert (answer.rules, answer.json["version"]) == (rules, version), answer.out
    if rules:
        project.write("changelog.d/20.bugfix.md", "Late.\n")
        project.commit()
        answer = project.prepare(word, *DAY, *options, "--format", "json")
        assert (answer.code, answer.json["version"], answer.json["pushed_to"]) == (0, version, "origin")


def later_fragment(project: Project, remote: Project) -> None:
    project.write("changelog.d/20.bugfix.md", "Late.\n")
    project.commit()


def merged(project: Project, remote: Project) -> None:
    """Let the release be merged on the remote as another commit, and something come after it."""
    project.git("switch", "-q", "-c", "other")
    project.git("commit", "-q", "--amend", "-m", "Release 1.4.0 (#7)")
    project.git("branch", "-q", "-f", "main", "other")
    project.git("switch", "-q", "main")
    later_fragment(project, remote)


def tagged_there(project: Project, remote: Project) -> None:
    project.git("push", "-q", "origin", "main")
    remote.git("tag", "v1.4.0", "main")
    later_fragment(project, remote)


def tagged_beside(project: Project, remote: Project) -> None:
    """Tag a commit that the branch does not have, as where a tagged branch was squashed into it."""
    project.git("tag", "v1.4.0", project.git("commit-tree", "-m", "x", "HEAD^{tree}"))
    later_fragment(project, remote)


@pytest.mark.parametrize("options", [(), ("--again",), ("--dry-run",)])
@pytest.mark.parametrize(
    ("since", "why", "fix"),
    [
        pytest.param(
            later_fragment,
            ", prepared in {brought} and not tagged",
            "tagready tag 1.4.0 --commit {brought}; or, if nobody has it, make it anew with what came since: "
            "prepare-release 1.4.0 --again; or name the version",
            id="prepared",
        ),
        pytest.param(
            merged,
            ", prepared in {brought} and not tagged",
            "tagready tag 1.4.0 --commit {brought}; or, if nobody has it, make it anew with what came since: "
            "prepare-release 1.4.0 --again; or name the version",
            id="merged",
        ),
        pytest.param(
            tagged_there,
            ", and v1.4.0 is on origin, not here",
            "git fetch --tags origin, and run it again",
            id="a tag that is not here",
        ),
        pytest.param(
            tagged_beside,
            ", and v1.4.0 is not among the releases that HEAD comes after",
            "name the version",
            id="a tag elsewhere",
        ),
    ],
)
def test_a_word_does_not_go_back_behind_a_release(
    project: Project, tmp_path: Path, since: Callable[[Project, Project], None], why: str, fix: str,
    options: tuple[str, ...],
) -> None:  # fmt: skip
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project)
    since(project, remote)
    brought = project.git("log", "-1", "--format=%H", "--", "CHANGELOG.md")[:10]
    before = project.fingerprint()
    for word in ("auto", "patch"):
        (found,) = project.prepare(word, *DAY, *options, "--format", "json").json["findings"]
        assert (found["rule"], found["message"], found["fix"]) == (
            "entry-exists",
            f"{word} comes to 1.3.1, which is below 1.4.0: CHANGELOG.md has an entry for that"
            + why.replace("{brought}", brought),
            fix.replace("{brought}", brought),
        )
    (found,) = project.run("status", "--format", "json").json["findings"]
    assert (found["rule"], found["fix"]) == ("entry-exists", fix.replace("{brought}", brought))
    assert project.fingerprint() == before
    assert project.prepare("1.3.1", *DAY).code == 0  # for the branch of an older series


def test_a_word_does_not_go_back_where_each_version_has_a_file(make: Make) -> None:
    project = make(pyproject=SINGLE, changelog=None)
    released(project)
    later_fragment(project, project)
    assert project.prepare("auto", *DAY, "--format", "json").rules == ["entry-exists"]


@pytest.mark.parametrize("head", ["[project]", 'dynamic = ["version"]'])
def test_the_same_word_again_where_each_version_has_a_file(make: Make, head: str) -> None:
    by_tag = (
        SINGLE.replace('version = "1.3.0"   # bumped by tagready', head) + '[tool.tagready]\nversion-source = "tag"\n'
    )
    project = make(pyproject=SINGLE if head == "[project]" else by_tag, changelog=None)
    assert project.prepare("auto", *DAY).code == 0
    before = project.fingerprint()
    done = project.prepare("auto", *DAY)
    assert (done.code, "1.4.0 is prepared already" in done.out, project.fingerprint()) == (0, True, before), done.err


@pytest.mark.parametrize("by_tag", [True, False])
def test_another_spelling_of_what_is_prepared_is_no_other_release(make: Make, tmp_path: Path, by_tag: bool) -> None:
    dynamic = PYPROJECT.replace('version = "1.3.0"   # bumped by tagready', 'dynamic = ["version"]')
    project = make(pyproject=with_keys('version-source = "tag"', dynamic) if by_tag else PYPROJECT)
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project, "--tag", "--push")
    answer = project.prepare("1.4", "--tag", "--push", "--format", "json").json
    assert (answer["ok"], answer["version"], answer["tag"]) == (True, "1.4.0", "v1.4.0")
    assert remote.git("tag") == project.git("tag") == "v1.3.0\nv1.4.0"


def test_what_is_out_is_not_undone(project: Project, tmp_path: Path) -> None:
    add_remote(project, tmp_path / "remote")
    released(project, "--push")
    done = project.prepare("1.4.0").out
    assert ("next  tagready tag 1.4.0 --push" in done, "undo" in done) == (True, False)
    released(project, "--tag", "--push")
    done = project.prepare("1.4.0").out
    assert ("next" in done, "undo" in done) == (False, False)


def test_a_second_run_after_others_went_on(project: Project, tmp_path: Path) -> None:
    """Its branch needs no push any more, for the remote has the release; the tag may be missing yet."""
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project, "--push")
    theirs = colleagues(remote, tmp_path / "other", "main")
    project.git("fetch", "-q")
    released(project, "--push")
    released(project, "--tag", "--push")
    assert (remote.head("main"), remote.head("v1.4.0")) == (theirs, project.head())


@pytest.mark.parametrize("options", [("--tag",), ("--push",)])
@pytest.mark.parametrize("state", ["detached", "rebase", "behind"])
def test_a_second_run_tags_and_pushes_from_a_branch(
    project: Project, tmp_path: Path, state: str, options: tuple[str, ...]
) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project)
    if state == "behind":
        colleagues(remote, tmp_path / "other", "main")
        project.git("fetch", "-q")
    else:
        project.git("switch", "-q", "--detach")
    if state == "rebase":
        (project.path / ".git/rebase-merge").mkdir()
    before = project.fingerprint()
    rules = project.prepare("1.4.0", *options, "--format", "json").rules
    assert set(rules) == {"branch-behind" if state == "behind" else "head-detached"}
    assert project.fingerprint() == before
    assert project.prepare("1.4.0").code == 0


def test_a_second_run_where_the_remote_has_the_tag(project: Project, tmp_path: Path) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project, "--push")
    remote.git("tag", "-a", "-m", "x", "v1.4.0", "main")
    released(project, "--tag", "--push")
    assert project.head("refs/tags/v1.4.0") == remote.head("refs/tags/v1.4.0")
    project.git("tag", "-d", "v1.4.0")
    remote.git("tag", "-f", "v1.4.0", "main^")
    assert project.prepare("1.4.0", "--tag", "--format", "json").rules == ["tag-exists"]


UNWATCHED = [("--skip-worktree", "pyproject.toml"), ("--assume-unchanged", "CHANGELOG.md"),
             ("--assume-unchanged", "changelog.d/12.feature.md")]  # fmt: skip


@pytest.mark.parametrize(("flag", "name"), UNWATCHED)
def test_a_file_that_git_is_told_not_to_look_at(project: Project, flag: str, name: str) -> None:
    project.git("update-index", flag, name)
    released(project, "--tag")
    assert (project.status(), project.git("write-tree")) == ("", project.tree())


@pytest.mark.parametrize(("flag", "name"), UNWATCHED)
@pytest.mark.parametrize("killed", [False, True])
def test_edits_that_git_is_told_not_to_look_at_are_not_overwritten(
    project: Project, flag: str, name: str, killed: bool
) -> None:
    old = project.head()
    if killed:
        released(project)
        project.git("reset", "-q", "--hard", old)
        project.git("update-ref", "HEAD", "HEAD@{1}")
    project.git("update-index", flag, name)
    project.write(name, project.read(name) + "\n# mine\n")
    before = project.fingerprint()
    answer = project.prepare("1.4.0", *DAY, "--format", "json")
    assert (answer.rules, project.fingerprint()) == (["tree-dirty"], before), answer.out
    assert killed or answer.json["findings"][0]["fix"].startswith(f"git update-index --no{flag[1:]} {name}, ")


def test_another_number_than_what_is_prepared(project: Project) -> None:
    """Its fragments are in the release that HEAD is: adding one would make a second release on top."""
    parent = project.head()[:10]
    released(project)
    (found,) = project.prepare("1.5.0", *DAY, "--format", "json").json["findings"]
    assert (found["rule"], found["fix"]) == (
        "nothing-to-release",
        f"1.4.0 is prepared in {project.head()[:10]}: tagready tag 1.4.0; or take it back: git reset --keep {parent} &&"
        " prepare-release 1.5.0",
    )
    project.git("tag", "v1.4.0")
    (found,) = project.prepare("1.5.0", *DAY, "--format", "json").json["findings"]
    assert found["fix"].startswith("add a fragment and commit it; ")


@pytest.mark.parametrize(("options", "said"), [(DAY, "--date"), ((), ""), ((*DAY, "--edit"), "--date and --edit")])
def test_options_that_come_too_late_are_named(project: Project, options: tuple[str, ...], said: str) -> None:
    released(project)
    done = project.prepare("1.4.0", *options)
    assert (done.code, "changed nothing" in done.out) == (0, bool(said))
    assert not said or f"  {said} changed nothing: it is made anew with --again" in done.out
    assert project.prepare("1.4.0", "--date", "2026-13-01").code == 2


def test_again_without_anything_new_is_the_same(project: Project) -> None:
    released(project)
    before = project.fingerprint()
    done = project.prepare("1.4.0", *DAY, "--again")
    assert (done.code, project.fingerprint()) == (0, before), done.err


def test_again_takes_the_old_fragments_and_those_that_came_since(project: Project) -> None:
    released(project)
    first = project.head()
    project.write("changelog.d/20.feature.md", "Late.\n")
    project.commit()
    before = project.fingerprint()
    (found,) = project.prepare("1.4.0", *DAY, "--format", "json").json["findings"]
    assert (found["rule"], found["fix"].rpartition(": ")[2]) == ("entry-exists", "prepare-release 1.4.0 --again")
    assert project.fingerprint() == before
    answer = project.prepare("1.4.0", "--date", "2026-02-04", "--again", "--format", "json")
    assert answer.code == 0, answer.out
    assert len(answer.json["consumed"]) == 3
    expected = ENTRY.replace("-03)", "-04)").replace("(#12)\n", "(#12)\n- Late. (#20)\n")
    assert project.read("CHANGELOG.md") == CHANGELOG.replace("## 1.3.0", expected + "\n\n## 1.3.0")
    assert project.git("log", "-1", "--format=%(trailers:key=Renews,valueonly)").strip() == first
    assert (project.status(), project.git("ls-files", "changelog.d")) == ("", "changelog.d/.gitkeep")
    assert "is prepared already" in project.prepare("1.4.0").out


def test_again_and_again_loses_nothing(project: Project) -> None:
    released(project)
    for issue in (20, 21, 22):
        project.write(f"changelog.d/{issue}.feature.md", f"Late {issue}.\n")
        project.commit()
        released(project, "--again")
    expected = ENTRY.replace("(#12)\n", "(#12)\n- Late 20. (#20)\n- Late 21. (#21)\n- Late 22. (#22)\n")
    assert project.read("CHANGELOG.md") == CHANGELOG.replace("## 1.3.0", expected + "\n\n## 1.3.0")


def test_again_after_an_edited_old_fragment_came_back(project: Project) -> None:
    released(project)
    project.write("changelog.d/12.feature.md", "Add colours.\n")
    project.commit()
    released(project, "--again")
    assert "- Add colours. (#12)\n" in project.read("CHANGELOG.md")
    assert "- Add colour. (#12)\n" not in project.read("CHANGELOG.md")


#: One line of an old entry that somebody's editor has ended otherwise than the rest.
ONE_CRLF = "\r\n".join(CHANGELOG.rsplit("\n", 1))


@pytest.mark.parametrize(
    "old", [CHANGELOG, CHANGELOG.replace("\n", "\r\n"), ONE_CRLF, None, f"# Changelog\n\n{MARKER}\n"]
)
def test_again_makes_what_one_run_would_have_made(make: Make, old: str | None) -> None:
    late = {"20.feature.md": "Late.\n"}
    at_once = make(changelog=old, fragments=FEATURE | late)
    released(at_once)
    twice = make(changelog=old, fragments=FEATURE)
    released(twice)
    twice.write("changelog.d/20.feature.md", "Late.\n")
    twice.commit()
    released(twice, "--again")
    assert twice.read("CHANGELOG.md") == at_once.read("CHANGELOG.md")
    assert twice.tree() == at_once.tree()


def test_again_of_a_tagged_release_is_refused(project: Project) -> None:
    released(project, "--tag")
    project.write("changelog.d/20.feature.md", "Late.\n")
    project.commit()
    before = project.fingerprint()
    assert project.prepare("1.4.0", "--again", "--format", "json").rules == ["tag-exists"]
    assert project.fingerprint() == before


@pytest.mark.parametrize("options", [(), ("--again",)])
def test_an_entry_that_somebody_wrote_is_not_made_anew(project: Project, options: tuple[str, ...]) -> None:
    """Nothing could bring back what it says."""
    typed = CHANGELOG.replace("## 1.3.0", "## 1.4.0\n\nUnreleased\n\n- By hand.\n\n## 1.3.0")
    project.write("CHANGELOG.md", typed)
    project.commit()
    head = project.head()[:10]
    answer = project.prepare("1.4.0", *options, "--format", "json")
    assert [(found["rule"], found["message"], found["fix"]) for found in answer.json["findings"]] == [
        (
            "entry-exists",
            f"CHANGELOG.md has an entry for 1.4.0 already, typed, not compiled, in {head}",
            "write fragments of what it says (tagready add), take it out of CHANGELOG.md, and commit",
        )
    ]
    assert project.read("CHANGELOG.md") == typed


def test_again_says_which_edits_it_does_not_carry_over(project: Project) -> None:
    released(project)
    edited = project.read("CHANGELOG.md").replace("- Add colour.", "- Add colour, at last.")
    project.write("CHANGELOG.md", edited)
    project.commit()
    head = project.head()[:10]
    answer = project.prepare("1.4.0", *DAY, "--again", "--format", "json")
    (found,) = (each for each in answer.json["findings"] if each["rule"] == "entry-exists")
    first, *lines = found["message"].split("\n")
    assert (answer.code, found["rule"], found["level"]) == (0, "entry-exists", "warning")
    assert first.startswith("the entry for 1.4.0 is made anew, and what was changed in it by hand")
    assert [line for line in lines if line.startswith(("+-", "--"))][-2:] == [
        "-- Add colour. (#12)",
        "+- Add colour, at last. (#12)",
    ]
    assert found["fix"].endswith(f"prepare-release 1.4.0 --again --edit (the old one: git show {head})")


def test_again_where_there_is_no_entry_is_a_plain_release(project: Project) -> None:
    released(project, "--again")
    assert ENTRY in project.read("CHANGELOG.md")


# -- a branch of its own ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "arguments", "name"),
    [
        ("", ["--branch"], "release/1.4.0"),
        ("", ["--branch", "cut-{version}"], "cut-1.4.0"),
        ("", ["--branch", "next"], "next"),
        ('flow = "pull-request"', [], "release/1.4.0"),
        ('flow = "pull-request"\nbranch = "r-{version}"', [], "r-1.4.0"),
        ('flow = "pull-request"', ["--branch", "mine"], "mine"),
    ],
)
def test_on_a_branch(make: Make, keys: str, arguments: list[str], name: str) -> None:
    project = make(pyproject=with_keys(keys))
    project.write("untracked", "x")
    project.write("CHANGELOG.md", "edited, and none of our business")
    before, head = project.git("ls-files", "-s") + project.status(), project.head()
    answer = project.prepare("1.4.0", *DAY, "--format", "json", *arguments).json
    assert (answer["ok"], answer["branch"], answer["parent"]) == (True, name, head), answer
    assert (project.git("ls-files", "-s") + project.status(), project.head()) == (before, head)
    assert project.git("symbolic-ref", "--short", "HEAD") == "main"
    assert ENTRY in project.show("CHANGELOG.md", name)
    assert project.git("rev-parse", f"{name}^") == head
    tip = project.head(name)
    second = project.prepare("1.4.0", *DAY, *arguments)
    assert (second.code, "is prepared already" in second.out, project.head(name)) == (0, True, tip), second.err


def test_the_branch_makes_the_same_tree_as_the_direct_flow(project: Project) -> None:
    released(project, "--branch")
    released(project)
    assert project.tree() == project.tree("release/1.4.0")


def test_the_branch_with_other_content_is_refused_and_renewed_by_again(project: Project) -> None:
    released(project, "--branch")
    old = project.head("release/1.4.0")
    project.write("changelog.d/20.feature.md", "Late.\n")
    project.commit()
    before = project.fingerprint()
    assert project.prepare("1.4.0", *DAY, "--branch", "--format", "json").rules == ["branch-exists"]
    dry = project.prepare("1.4.0", *DAY, "--branch", "--dry-run", "--format", "json")
    assert (dry.rules, project.fingerprint()) == (["branch-exists"], before)
    released(project, "--branch", "--again")
    assert project.head("release/1.4.0") != old
    assert project.head("release/1.4.0^") == project.head()
    assert "- Add colour. (#12)\n- Late. (#20)" in project.show("CHANGELOG.md", "release/1.4.0")


@pytest.mark.parametrize("where", ["here", "on the remote", "own", "edited"])
def test_what_people_added_to_the_branch_is_not_dropped(
    project: Project, tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release that is made anew takes its branch over, and nobody could tell what else had been there."""
    add_remote(project, tmp_path / "remote")
    monkeypatch.setenv("GIT_EDITOR", "sed -i.bak s/colour/colours/")
    released(project, "--branch", *(["--edit"] if where == "edited" else []))
    project.git("switch", "-q", "release/1.4.0")
    if where not in ("own", "edited"):
        project.write("MIGRATING.md", "Notes.\n")
        project.commit("Write migration guide")
    added = project.head()
    project.git("push", "-q", "origin", "release/1.4.0")
    project.git("switch", "-q", "main")
    if where == "on the remote":
        project.git("branch", "-q", "-D", "release/1.4.0")
    project.write("changelog.d/20.feature.md", "Late.\n")
    project.commit()
    answer = project.prepare("1.4.0", *DAY, "--branch", "--again", "--format", "json")
    if where == "own":
        assert answer.code == 0, answer.out
        return
    assert [(each["rule"], each["message"].split("\n")[1:]) for each in answer.json["findings"]] == [
        ("branch-exists", [f"{added[:10]} {'Release 1.4.0' if where == 'edited' else 'Write migration guide'}"])
    ]
    assert project.git("rev-parse", "refs/remotes/origin/release/1.4.0") == added
    edited = project.prepare("1.4.0", *DAY, "--branch", "--again", "--edit", "--format", "json")
    assert (edited.code, edited.rules) == ((0, []) if where == "edited" else (1, ["branch-exists"]))


@pytest.mark.parametrize("edit", [(), ("--edit",)])
@pytest.mark.parametrize("name", ["CHANGELOG.md", "MIGRATING.md"])
def test_what_people_amended_into_the_release_is_not_dropped(
    project: Project, monkeypatch: pytest.MonkeyPatch, name: str, edit: tuple[str, ...]
) -> None:
    """With --edit, the entry is written anew at any rate."""
    monkeypatch.setenv("GIT_EDITOR", "true")
    released(project, "--branch")
    project.git("switch", "-q", "release/1.4.0")
    project.write(name, project.read(name).replace("colour", "all colours") if name == "CHANGELOG.md" else "Notes.\n")
    project.git("add", name)
    project.git("commit", "-q", "--amend", "--no-edit")
    amended = project.head()
    project.git("switch", "-q", "main")
    answer = project.prepare("1.4.0", *DAY, "--branch", "--again", *edit, "--format", "json")
    if edit and name == "CHANGELOG.md":
        assert answer.code == 0, answer.out
        return
    (found,) = answer.json["findings"]
    what, _, listed = found["message"].partition("\n")
    assert (found["rule"], listed) == ("branch-exists", f"{amended[:10]} Release 1.4.0")
    assert what == "release/1.4.0 has what people added to the release, which a new one would drop:"
    assert project.head("release/1.4.0") == amended


def colleagues(remote: Project, path: Path, branch: str) -> str:
    """Let somebody else push a commit to a branch of the remote, and return it."""
    clone = fresh_clone(remote, path)
    clone.git("switch", "-q", branch)
    theirs = clone.commit("Theirs", theirs="x")
    clone.git("push", "-q", "origin", branch)
    return theirs


def test_again_pushes_nothing_away_that_nobody_has_looked_at(project: Project, tmp_path: Path) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project, "--branch", "--push")
    theirs = colleagues(remote, tmp_path / "other", "release/1.4.0")
    project.write("changelog.d/20.feature.md", "Late.\n")
    project.commit()
    before = project.fingerprint()
    (found,) = project.prepare("1.4.0", *DAY, "--branch", "--again", "--push", "--format", "json").json["findings"]
    assert (found["rule"], remote.head("release/1.4.0"), project.fingerprint()) == ("branch-exists", theirs, before)
    fetch, _, rest = found["fix"].partition(", ")
    assert rest == "and run it again"
    project.git(*fetch.split()[1:])
    (found,) = project.prepare("1.4.0", *DAY, "--branch", "--again", "--push", "--format", "json").json["findings"]
    assert found["message"].endswith(f"would drop:\n{theirs[:10]} Theirs")
    assert remote.head("release/1.4.0") == theirs


def test_again_in_a_clone_of_one_branch(project: Project, tmp_path: Path) -> None:
    """Such a clone keeps nothing of the remote's other branches: what is here has been looked at."""
    remote = Project(add_remote(project, tmp_path / "remote"))
    project.git("push", "-q", "origin", "main")
    remote.git("clone", "-q", "--single-branch", "--branch", "main", str(remote.path), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    released(clone, "--branch", "--push")
    assert clone.git("for-each-ref", "refs/remotes/origin/release/*") == ""
    clone.write("changelog.d/20.feature.md", "Late.\n")
    clone.commit()
    released(clone, "--branch", "--push", "--again")
    assert remote.head("release/1.4.0") == clone.head("release/1.4.0")


@pytest.mark.parametrize("name", ["stable-work", "release/1.4.0"])
@pytest.mark.parametrize("where", ["here", "on the remote"])
def test_again_takes_no_branch_that_was_never_ours(project: Project, tmp_path: Path, name: str, where: str) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    project.git("switch", "-q", "-c", name)
    project.commit("Work", work="x")
    project.git("push", "-q", "origin", name)
    project.git("switch", "-q", "main")
    if where == "on the remote":
        project.git("branch", "-q", "-D", name)
    before, there = project.fingerprint(), remote.head(name)
    for options in (["--again", "--push"], ["--again", "--dry-run"]):
        (found,) = project.prepare("1.4.0", *DAY, f"--branch={name}", *options, "--format", "json").json["findings"]
        assert (found["rule"], found["fix"].partition(";")[0]) == ("branch-exists", "give --branch another name")
        assert found["message"].endswith(" Work")
    assert (project.fingerprint(), remote.head(name)) == (before, there)
    if where == "here":
        (found,) = project.prepare("1.4.0", *DAY, f"--branch={name}", "--format", "json").json["findings"]
        assert "--again" not in found["fix"]


def test_one_branch_for_every_release(make: Make) -> None:
    """What is on it is ours, whatever its version; only what was tagged is on record."""
    project = make(fragments={"13.bugfix.md": "Mend it.\n"})
    assert project.prepare("auto", *DAY, "--branch=next").code == 0
    project.write("changelog.d/20.feature.md", "Late.\n")
    project.commit()
    assert project.prepare("auto", *DAY, "--branch=next", "--again").code == 0
    assert project.git("log", "-1", "--format=%s", "next") == "Release 1.4.0"
    project.git("tag", "v1.4.0", "next")
    assert project.prepare("1.5.0", *DAY, "--branch=next", "--again", "--format", "json").rules == ["branch-exists"]


@pytest.mark.parametrize(
    ("other", "where", "name"),
    [
        pytest.param("release", "here", "release/1.4.0", id="above it"),
        pytest.param("release", "on origin", "release/1.4.0", id="above it, on the remote"),
        pytest.param("next/x", "here", "next", id="below it"),
        pytest.param("next/x", "on origin", "next", id="below it, on the remote"),
    ],
)
def test_a_name_beside_which_git_can_have_no_branch(
    project: Project, tmp_path: Path, other: str, where: str, name: str
) -> None:
    add_remote(project, tmp_path / "remote")
    project.git("branch", other)
    if where == "on origin":
        project.git("push", "-q", "origin", other)
        project.git("branch", "-q", "-D", other)
    before = project.fingerprint()
    for options in ([], ["--dry-run"]):
        (found,) = project.prepare("auto", f"--branch={name}", *options, "--format", "json").json["findings"]
        assert (found["rule"], found["message"]) == (
            "branch-exists", f"the branch {other} is {where}, and beside it git can have no branch {name}"
        )  # fmt: skip
        assert "--branch another name" in found["fix"]
    assert project.fingerprint() == before


@pytest.mark.parametrize("version", ["1.4.0", "auto"])
def test_on_the_branch_of_the_release_a_second_run_goes_on(make: Make, tmp_path: Path, version: str) -> None:
    project = make(pyproject=with_keys('flow = "pull-request"'))
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project)
    project.git("switch", "-q", "release/1.4.0")
    done = project.prepare(version, "--push")
    assert (done.code, remote.head("release/1.4.0")) == (0, project.head()), done.err
    assert "pushed to origin/release/1.4.0" in done.out
    assert "next  merge release/1.4.0, then tagready tag 1.4.0 --push" in done.out
    assert "undo" not in done.out


@pytest.mark.parametrize("name", ["a..b", "has space", "-x", "x.lock", "/x", "x/"])
def test_a_branch_name_that_git_does_not_take_is_wrong_usage(project: Project, name: str) -> None:
    before = project.fingerprint()
    for options in ([], ["--dry-run"]):
        done = project.prepare("1.4.0", f"--branch={name}", "--format", "json", *options)
        assert (done.code, project.fingerprint()) == (2, before), done.out


def test_the_branch_that_one_is_on_is_not_renewed_under_the_working_tree(project: Project) -> None:
    before = project.fingerprint()
    assert project.prepare("1.4.0", "--branch", "main", "--again", "--format", "json").rules == ["branch-exists"]
    assert project.fingerprint() == before


def test_a_branch_that_another_worktree_is_on_is_not_renewed_under_it(project: Project, tmp_path: Path) -> None:
    released(project, "--branch")
    project.git("worktree", "add", "-q", str(tmp_path / "linked"), "release/1.4.0")
    linked = Project(tmp_path / "linked")
    project.write("changelog.d/20.feature.md", "Late.\n")
    project.commit()
    project.prepare("1.4.0", *DAY, "--branch", "--again")
    assert linked.status() == ""
    assert linked.tree() == linked.tree("release/1.4.0")


def test_the_branch_and_the_tag_do_not_go_together(project: Project) -> None:
    before = project.fingerprint()
    done = project.prepare("1.4.0", "--branch", "--tag", "--format", "json")
    assert (done.code, project.fingerprint()) == (2, before)


def test_the_branch_is_pushed_alone_and_renewed_with_a_lease(project: Project, tmp_path: Path) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    main = project.head()
    project.git("branch", "private")
    project.git("tag", "private")
    released(project, "--branch", "--push")
    assert remote.head("release/1.4.0") == project.head("release/1.4.0")
    project.write("changelog.d/20.feature.md", "Late.\n")
    project.commit()
    released(project, "--branch", "--push", "--again")
    assert remote.head("release/1.4.0") == project.head("release/1.4.0")
    assert remote.git("for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/main",
        "refs/heads/release/1.4.0",
        "refs/tags/v1.3.0",
    ]
    assert remote.head("main") == main


def fresh_clone(remote: Project, path: Path) -> Project:
    """What a workflow has: all branches of the remote, and none of its own but one."""
    remote.git("clone", "-q", str(remote.path), str(path))
    return Project(path)


def test_a_fresh_clone_goes_on_with_the_branch_that_was_pushed(project: Project, tmp_path: Path) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project, "--branch", "--push")
    clone = fresh_clone(remote, tmp_path / "clone")
    dry = clone.prepare("auto", "--branch", "--push", "--dry-run", "--format", "json")
    assert (dry.json["already"], clone.git("branch", "--list", "release/*")) == (True, "")
    done = clone.prepare("auto", "--branch", "--push", "--format", "json")
    assert (done.code, done.json["already"], done.json["pushed_to"]) == (0, True, "origin")
    assert clone.head("release/1.4.0") == remote.head("release/1.4.0") == project.head("release/1.4.0")


def test_a_fresh_clone_renews_a_branch_that_nobody_added_to(project: Project, tmp_path: Path) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project, "--branch", "--push")
    project.write("changelog.d/20.feature.md", "Late.\n")
    project.commit()
    project.git("push", "-q", "origin", "main")
    clone = fresh_clone(remote, tmp_path / "clone")
    released(clone, "--branch", "--push")
    assert remote.head("release/1.4.0") == clone.head("release/1.4.0")
    assert remote.head("release/1.4.0^") == project.head("main")
    assert "- Late. (#20)" in remote.show("CHANGELOG.md", "release/1.4.0")


@pytest.mark.parametrize("known", [True, False])
def test_what_somebody_added_to_the_branch_is_never_pushed_away(project: Project, tmp_path: Path, known: bool) -> None:
    """Whether it was there when the clone was made, or came since."""
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project, "--branch", "--push")
    main = project.commit("Meanwhile", other="x")
    project.git("push", "-q", "origin", "main")
    clone = fresh_clone(remote, tmp_path / "clone")
    project.git("switch", "-q", "release/1.4.0")
    added = project.commit("Polish", polished="x")
    project.git("push", "-q", "origin", "release/1.4.0")
    if known:
        clone.git("fetch", "-q")
    done = clone.prepare("1.4.0", *DAY, "--branch", "--push", "--format", "json")
    assert done.code == 3
    assert remote.head("release/1.4.0") == added
    assert done.json["error"]["fix"] == (
        "origin has commits that are not in the release: git fetch origin; git log -p origin/release/1.4.0; if nobody "
        "needs them: prepare-release 1.4.0 --branch release/1.4.0 --again --push"
    )
    assert clone.head("main") == main


@pytest.mark.parametrize("how", ["--again --edit", "an entry amended", "a file amended", "an older one amended"])
def test_a_newer_release_of_somebody_else_is_never_pushed_away(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project, "--branch", "--push")
    clone = fresh_clone(remote, tmp_path / "clone")
    if how == "--again --edit":
        monkeypatch.setenv("GIT_EDITOR", "sed -i.bak s/colour/colours/")
        released(clone, "--branch", "--again", "--edit", "--push")
    else:
        clone.git("switch", "-q", "release/1.4.0")
        clone.write("MIGRATING.md", "Notes.\n")
        clone.write("CHANGELOG.md", clone.read("CHANGELOG.md").replace("colour", "colours"))
        clone.git("add", "CHANGELOG.md" if how == "an entry amended" else "MIGRATING.md")
        clone.git("commit", "-q", "--amend", "--no-edit")
        clone.git("push", "-q", "--force", "origin", "release/1.4.0")
    theirs = remote.head("release/1.4.0")
    if how == "an older one amended":
        project.commit("Meanwhile", other="x")
        project.git("branch", "-q", "-D", "release/1.4.0")
        released(project, "--branch")
    project.git("fetch", "-q")
    done = project.prepare("1.4.0", *DAY, "--branch", "--push", "--format", "json")
    assert (done.code, remote.head("release/1.4.0")) == (3, theirs), done.out
    assert done.json["error"]["fix"] == (
        "origin has commits that are not in the release: git fetch origin; git log -p origin/release/1.4.0; if nobody "
        "needs them: prepare-release 1.4.0 --branch release/1.4.0 --again --push"
    )


@pytest.mark.parametrize("edit", [(), ("--edit",)])
def test_what_was_made_again_here_is_pushed_later(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: tuple[str, ...]
) -> None:
    """What is on the remote was here, and was replaced here, as asked."""
    monkeypatch.setenv("GIT_EDITOR", "sed -i.bak s/colour/colours/")
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project, "--branch", "--push", *edit)
    monkeypatch.setenv("GIT_EDITOR", "sed -i.bak s/colour/colouring/")
    released(project, "--branch", "--again", "--date", "2026-02-04", *edit)
    assert remote.head("release/1.4.0") != project.head("release/1.4.0")
    released(project, "--branch", "--push")
    assert remote.head("release/1.4.0") == project.head("release/1.4.0")


def test_the_same_release_made_in_two_clones_is_one(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    clone = fresh_clone(remote, tmp_path / "clone")
    released(project, "--branch", "--push")
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Ann")
    released(clone, "--branch")
    clone.git("fetch", "-q")
    released(clone, "--branch", "--push")
    assert remote.head("release/1.4.0") == clone.head("release/1.4.0") != project.head("release/1.4.0")


def test_a_branch_that_was_dropped_is_pushed_anew(project: Project, tmp_path: Path) -> None:
    """Though the clone remembers it."""
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project, "--branch", "--push")
    project.commit("Meanwhile", other="x")
    project.git("push", "-q", "origin", "main")
    clone = fresh_clone(remote, tmp_path / "clone")
    remote.git("branch", "-D", "release/1.4.0")
    released(clone, "--branch", "--push")
    assert remote.head("release/1.4.0") == clone.head("release/1.4.0")


def test_after_the_branch_was_merged_the_version_is_there(project: Project) -> None:
    released(project, "--branch")
    project.commit("Meanwhile", other="x")
    project.git("merge", "-q", "--no-ff", "-m", "Merge", "release/1.4.0")
    assert project.prepare("1.4.0", "--branch", "--format", "json").rules[0] == "entry-exists"


# -- tags and pushing ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def ssh_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not here")
    key = tmp_path_factory.mktemp("ssh") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    public = key.with_suffix(".pub").read_text()
    key.with_name("allowed").write_text(f"test@example.org {public}")
    return key


def signs(project: Project, key: Path) -> Project:
    project.git("config", "gpg.format", "ssh")
    project.git("config", "user.signingkey", str(key.with_suffix(".pub")))
    project.git("config", "gpg.ssh.allowedSignersFile", str(key.with_name("allowed")))
    return project


@pytest.mark.parametrize(
    ("old", "keys", "kind", "message"),
    [
        ([], "", "tag", "Release 1.4.0"),
        (["v1.3.0"], "", "commit", "Release 1.4.0"),
        (["-a", "-m", "x", "v1.3.0"], "", "tag", "Release 1.4.0"),
        (["v1.3.0"], 'tag-kind = "annotated"', "tag", "Release 1.4.0"),
        (["-a", "-m", "x", "v1.3.0"], 'tag-kind = "lightweight"', "commit", "Release 1.4.0"),
        (["-a", "-m", "x", "v1.3.0"], 'tag-message = "demo {version} is out"', "tag", "demo 1.4.0 is out"),
        (["-a", "-m", "x", "v1.3.0"], 'tag-message = "entry"', "tag", ENTRY.strip()),
    ],
)
def test_the_kind_of_tag_is_the_projects(make: Make, old: list[str], keys: str, kind: str, message: str) -> None:
    project = make(pyproject=with_keys(keys), tag=None)
    if old:
        project.git("tag", *old, "HEAD^")
    released(project, "--tag")
    assert project.git("cat-file", "-t", "v1.4.0") == kind
    assert project.head("v1.4.0^{commit}") == project.head()
    if kind == "tag":
        assert project.git("for-each-ref", "--format=%(contents)", "refs/tags/v1.4.0").strip() == message


@pytest.mark.parametrize("by", ["tag", "key", "git"])
def test_signed_tags(make: Make, ssh_key: Path, by: str) -> None:
    project = signs(make(pyproject=with_keys('tag-kind = "signed"' if by == "key" else ""), tag=None), ssh_key)
    if by == "tag":
        project.git("tag", "-s", "-m", "x", "v1.3.0", "HEAD^")
    if by == "git":
        project.git("config", "tag.gpgsign", "true")
    released(project, "--tag")
    project.git("verify-tag", "v1.4.0")


def test_a_lightweight_project_gets_no_signed_tag(project: Project, ssh_key: Path) -> None:
    signs(project, ssh_key).git("config", "tag.gpgsign", "true")
    released(project, "--tag")
    assert project.git("cat-file", "-t", "v1.4.0") == "commit"


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ("1.3.0", "1.4.0"),
        ("v1.2.0 1.3.0", "1.4.0"),
        ("1.2.0 v1.3.0", "v1.4.0"),
        ("demo-1.3.0", "demo-1.4.0"),
        ("demo-v1.3.0", "demo-v1.4.0"),
        ("release-1.3.0", "release-1.4.0"),
        ("", "v1.4.0"),
    ],
)
def test_the_shape_of_the_tag_is_the_projects(make: Make, tags: str, name: str) -> None:
    project = make(tag=None)
    for tag in tags.split():
        project.git("tag", tag, "HEAD^")
    released(project, "--tag")
    assert set(project.git("tag").split()) == {*tags.split(), name}


def test_push_pushes_exactly_the_named_refs(project: Project, tmp_path: Path) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    project.git("branch", "private")
    project.git("tag", "private")
    project.git("tag", "-a", "-m", "x", "annotated", "HEAD")
    project.git("config", "push.followTags", "true")
    project.git("config", "push.default", "matching")
    answer = project.prepare("1.4.0", *DAY, "--tag", "--push", "--format", "json").json
    assert (answer["tagged"], answer["pushed_to"]) == (True, "origin")
    assert remote.git("for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/main",
        "refs/tags/v1.3.0",
        "refs/tags/v1.4.0",
    ]
    assert remote.head("main") == remote.head("v1.4.0") == project.head()


def test_push_goes_to_the_branch_that_is_followed(project: Project, tmp_path: Path) -> None:
    remote = Project(add_remote(project, tmp_path / "remote", "hub"))
    project.git("push", "-q", "hub", "main:refs/heads/1.x")
    project.git("branch", "-q", "--set-upstream-to=hub/1.x")
    released(project, "--push")
    assert (remote.head("1.x"), remote.head("main")) == (project.head(), project.head("HEAD^"))


def test_push_from_a_topic_branch_leaves_the_main_one_alone(project: Project, tmp_path: Path) -> None:
    """That is what `git push` does as well, though the branch follows the main one since it began there."""
    remote = Project(add_remote(project, tmp_path / "remote"))
    main = remote.head("main")
    project.git("switch", "-q", "-c", "topic", "origin/main")
    project.commit("Work", work="x")
    done = project.prepare("1.4.0", *DAY, "--push")
    assert done.code == 0, done.err
    assert (remote.head("main"), remote.head("topic")) == (main, project.head())
    assert "pushed to origin/topic" in done.out
    assert "next  merge topic, then tagready tag 1.4.0 --push" in done.out
    assert project.prepare("1.4.0", "--format", "json").json["pushed_branch"] is None


def test_a_series_that_began_at_the_main_branch_is_held_against_its_own(project: Project, tmp_path: Path) -> None:
    """`git switch -c 1.4.x origin/main` lets it follow the main branch, which goes on without it."""
    remote = Project(add_remote(project, tmp_path / "remote"))
    project.git("switch", "-q", "-c", "1.4.x", "origin/main")
    project.git("push", "-q", "origin", "1.4.x")
    colleagues(remote, tmp_path / "other", "main")
    theirs = colleagues(remote, tmp_path / "third", "1.4.x")
    project.git("fetch", "-q")
    (found,) = project.prepare("1.4.0", *DAY, "--push", "--format", "json").json["findings"]
    assert (found["rule"], found["message"], found["fix"]) == (
        "branch-behind",
        "origin/1.4.x has 1 commit that 1.4.x has not, and the release would miss",
        "git pull --ff-only origin 1.4.x",
    )
    project.git(*found["fix"].split()[1:], "-q")
    assert project.head() == theirs
    released(project)
    released(project, "--tag", "--push")
    assert remote.head("1.4.x") == remote.head("v1.4.0") == project.head()


def test_a_series_that_was_never_pushed_misses_nothing(project: Project, tmp_path: Path) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    project.git("switch", "-q", "-c", "1.4.x", "origin/main")
    colleagues(remote, tmp_path / "other", "main")
    project.git("fetch", "-q")
    released(project, "--push")
    assert remote.head("1.4.x") == project.head()


@pytest.mark.parametrize("took", [True, False])
@pytest.mark.parametrize("options", [("--tag",), ("--branch",)])
def test_a_push_whose_answer_is_lost(project: Project, tmp_path: Path, took: bool, options: tuple[str, ...]) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    if took:
        lose_answers(project, tmp_path / "receive")
    else:
        project.git("config", "remote.origin.receivepack", "false")
    done = project.prepare("1.4.0", *DAY, *options, "--push", "--format", "json")
    if took:
        assert (done.code, done.json["pushed_to"]) == (0, "origin"), done.out
        assert remote.head(done.json["branch"]) == done.json["commit"]
        return
    assert done.json["error"]["what"].startswith("origin took nothing of the push; the release stays here")
    project.git("config", "remote.origin.uploadpack", "false")
    project.git("branch", "-q", "-f", "release/1.4.0", "main")
    done = project.prepare("1.4.0", *DAY, "--tag", "--push", "--format", "json")
    assert done.json["error"]["what"].startswith("whether origin took the push cannot be known; the release stays here")


@pytest.mark.parametrize("follows", [True, False])
def test_local_commits_below_a_release_that_could_not_be_pushed(
    project: Project, tmp_path: Path, follows: bool
) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    if not follows:
        project.git("branch", "--unset-upstream")
    colleagues(remote, tmp_path / "other", "main")
    project.commit("Local", local="x")
    parent = project.head()
    done = project.prepare("1.4.0", *DAY, "--push", "--format", "json")
    assert done.json["error"]["fix"] == (
        "origin has commits that are not in the release: "
        f"git reset --keep {parent[:10]}; git pull --rebase{'' if follows else ' origin main'}; prepare-release 1.4.0"
    )
    for command in done.json["error"]["fix"].partition(": ")[2].split("; ")[:2]:
        project.git(*command.split()[1:])
    released(project, "--push")
    assert remote.head("main") == project.head()


@pytest.mark.parametrize("adds", [True, False])
def test_the_way_out_on_the_releases_own_branch(make: Make, tmp_path: Path, adds: bool) -> None:
    """What the remote has there is a release as well, which is renewed on top."""
    project = make(pyproject=with_keys('flow = "pull-request"'))
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project, "--push")
    prepared = project.head("release/1.4.0")
    colleagues(remote, tmp_path / "other", "release/1.4.0")
    project.git("switch", "-q", "release/1.4.0")
    more = ("--again", "--date", "2026-02-04") if adds else ()
    done = project.prepare("1.4.0", *DAY, "--push", *more, "--format", "json")
    pull, again = "git pull --ff-only origin release/1.4.0", "prepare-release 1.4.0 --again --push"
    way = done.json["error"]["fix"].removeprefix("origin has commits that are not in the release: ")
    assert way == (f"git reset --keep {prepared[:10]}; {pull}; {again}" if adds else pull)
    for command in way.split("; ")[: 2 if adds else 1]:
        project.git(*command.split()[1:])
    if adds:
        assert project.prepare("1.4.0", *more, "--push").code == 0
    assert remote.head("release/1.4.0") == project.head()


def test_the_way_out_where_the_remote_has_the_release_and_more(project: Project, tmp_path: Path) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    released(project, "--push")
    theirs = colleagues(remote, tmp_path / "other", "main")
    done = project.prepare("1.4.0", "--tag", "--push", "--format", "json")
    assert done.json["error"]["fix"] == (
        "origin has commits that are not in the release: git fetch origin, and run it again"
    )
    project.git("fetch", "-q", "origin")
    assert project.prepare("1.4.0", "--tag", "--push").code == 0
    assert (remote.head("v1.4.0"), remote.head("main")) == (project.head(), theirs)


def test_a_push_that_is_refused_is_the_worlds_failure_and_can_be_repeated(project: Project, tmp_path: Path) -> None:
    remote = add_remote(project, tmp_path / "remote")
    hook = remote / "hooks/pre-receive"
    script(hook, "echo Not today.; exit 1")
    done = project.prepare("1.4.0", *DAY, "--tag", "--push", "--format", "json")
    assert (done.code, done.json["ok"]) == (3, False)
    assert "Not today." in done.json["error"]["stderr"]
    assert (done.json["project"], done.json["version"]) == ("demo", "1.4.0")
    assert Project(remote).git("tag") == "v1.3.0"
    hook.unlink()
    released(project, "--tag", "--push")
    assert Project(remote).head("v1.4.0") == project.head()


def test_push_is_atomic(project: Project, tmp_path: Path) -> None:
    remote = add_remote(project, tmp_path / "remote")
    script(remote / "hooks/update", 'case "$1" in refs/tags/*) exit 1;; esac')
    main = project.head()
    assert project.prepare("1.4.0", "--tag", "--push").code == 3
    assert Project(remote).head("main") == main


@pytest.mark.parametrize("branch", [None, ""])
@pytest.mark.parametrize("made", [False, True])
def test_what_may_ask_on_the_terminal_comes_after_the_looking(
    project: Project, tmp_path: Path, branch: str | None, made: bool
) -> None:
    remote = Project(add_remote(project, tmp_path / "remote"))
    options = Options("1.4.0", date="2026-02-03", branch=branch)

    def unchanged(_: str, entry: str) -> str:
        return entry

    before, seen = remote.git("for-each-ref"), list[str]()
    with closing(discover(project.path)) as git:
        if made:
            prepare(git, options, None, unchanged)
        prepare(git, options._replace(push=True), None, unchanged, lambda: seen.append(remote.git("for-each-ref")))
    assert seen == [before] != [remote.git("for-each-ref")]


def test_push_without_a_remote_is_wrong_usage(project: Project) -> None:
    before = project.fingerprint()
    assert project.prepare("1.4.0", "--push").code == 2
    assert project.fingerprint() == before


@pytest.mark.parametrize(
    ("remotes", "keys", "chosen"),
    [
        ("hub", "", "hub"),
        ("fork origin", "", "origin"),
        ("origin upstream", "", "upstream"),
        ("origin upstream", 'remote = "origin"', "origin"),
        ("one two", "", None),
        ("origin", 'remote = "nowhere"', None),
    ],
)
def test_which_remote(make: Make, tmp_path: Path, remotes: str, keys: str, chosen: str | None) -> None:
    project = make(pyproject=with_keys(keys))
    for name in remotes.split():
        add_remote(project, tmp_path / name, name)
    project.git("branch", "--unset-upstream")
    done = project.prepare("1.4.0", *DAY, "--push", "--format", "json")
    assert done.code == (0 if chosen else 2), done.out
    moved = [name for name in remotes.split() if Project(tmp_path / name).head("main") == project.head()]
    assert moved == ([chosen] if chosen else remotes.split())
    assert (project.git("log", "-1", "--format=%s") == "Release 1.4.0") == bool(chosen)


# -- the commit ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["true", "yes", "1", None])
def test_commits_are_signed_where_git_says_so(project: Project, ssh_key: Path, flag: str | None) -> None:
    signs(project, ssh_key)
    with (project.path / ".git/config").open("a") as config:
        config.write("[commit]\n\tgpgsign" + (f" = {flag}" if flag else "") + "\n")
    released(project)
    project.git("verify-commit", "HEAD")
    assert "is prepared already" in project.prepare("1.4.0").out


def test_a_signature_that_fails_changes_nothing(project: Project, tmp_path: Path) -> None:
    project.git("config", "commit.gpgsign", "true")
    project.git("config", "gpg.format", "ssh")
    project.git("config", "user.signingkey", str(tmp_path / "missing.pub"))
    before = project.fingerprint()
    done = project.prepare("1.4.0", "--format", "json")
    assert (done.code, project.fingerprint()) == (3, before)
    assert "missing.pub" in done.json["error"]["stderr"]


def test_signoff_and_message(make: Make) -> None:
    project = make(pyproject=with_keys('commit-message = "chore: {version}\\n\\nAs planned."'))
    project.git("config", "user.name", "Zoë O. Example")
    released(project, "--signoff")
    message = project.git("log", "-1", "--format=%B")
    assert message.startswith("chore: 1.4.0\n\nAs planned.\n\n")
    trailers = project.git("log", "-1", "--format=%(trailers:only)").strip().split("\n")
    assert trailers == ["Towncrier: 26.9.0", "Signed-off-by: Zoë O. Example <test@example.org>"]


def test_author_and_committer_are_gits(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Ann")
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2026-02-03T04:05:06+0700")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "bot@example.org")
    released(project)
    assert project.git("log", "-1", "--format=%an|%aI|%cn|%ce") == "Ann|2026-02-03T04:05:06+07:00|Test|bot@example.org"


def edited_trailer(project: Project) -> str:
    return project.git("log", "-1", "--format=%(trailers:key=Entry-Edited,valueonly)").strip()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("by", ["environment", "core.editor", "key"])
def test_the_entry_is_edited(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str, newline: str
) -> None:
    project = make(
        pyproject=with_keys('edit = "editor"' if by == "key" else ""), changelog=CHANGELOG.replace("\n", newline)
    )
    editor = script(tmp_path / "an editor", "sed -i 's/Add colour/Add *all* colours/' \"$1\"")
    if by == "core.editor":
        project.git("config", "core.editor", editor)
    else:
        monkeypatch.setenv("GIT_EDITOR", editor)
    released(project, *([] if by == "key" else ["--edit"]))
    entry = ENTRY.replace("Add colour", "Add *all* colours")
    assert (entry + "\n\n## 1.3.0").replace("\n", newline) in project.read("CHANGELOG.md")
    assert edited_trailer(project) == hashlib.sha256(entry.encode()).hexdigest()


@pytest.mark.parametrize("command", ["~/editor", '"$HOME/editor"', 'f() { "$HOME/editor" "$1"; }; f'])
def test_the_editor_is_any_command_that_git_would_run(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    script(tmp_path / "editor", "sed -i 's/Add colour/Add all colours/' \"$1\"")
    project.git("config", "core.editor", command)
    released(project, "--edit")
    assert "Add all colours" in project.read("CHANGELOG.md")


@pytest.mark.parametrize(("edit", "code"), [("printf '\\377' > \"$1\"", 2), ('rm "$1"', 0)])
def test_what_an_editor_leaves_behind(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: str, code: int
) -> None:
    monkeypatch.setenv("GIT_EDITOR", script(tmp_path / "editor", edit))
    assert project.prepare("1.4.0", *DAY, "--edit", "--format", "json").code == code


@pytest.mark.parametrize("editor", ["true", ":"])
def test_an_editor_that_changes_nothing_declares_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch, editor: str
) -> None:
    """Git takes `:` for no editor at all."""
    monkeypatch.setenv("GIT_EDITOR", editor)
    released(project, "--edit")
    assert (ENTRY in project.read("CHANGELOG.md"), edited_trailer(project)) == (True, "")


@pytest.mark.parametrize(
    ("edit", "rules"),
    [
        (': > "$1"', ["entry-empty"]),
        ("sed -i '2,$d' \"$1\"", ["entry-empty", "fragment-lost", "fragment-lost"]),
        ("sed -i '/colour/d' \"$1\"", ["fragment-lost"]),
        ("sed -i '1d' \"$1\"", ["entry-missing"]),
        ("sed -i 's/1.4.0/1.5.0/' \"$1\"", ["entry-missing"]),
        ('cp "$1" "$1.x"; cat "$1.x" "$1.x" > "$1"', ["entry-duplicated"]),
    ],
)
def test_an_edit_that_spoils_the_entry_is_refused(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: str, rules: list[str]
) -> None:
    monkeypatch.setenv("GIT_EDITOR", script(tmp_path / "editor", edit))
    before = project.fingerprint()
    done = project.prepare("1.4.0", *DAY, "--edit", "--format", "json")
    assert (done.code, sorted(done.rules), project.fingerprint()) == (1, rules, before), done.out


def test_an_editor_that_fails_is_the_worlds_failure(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_EDITOR", "false")
    before = project.fingerprint()
    done = project.prepare("1.4.0", "--edit", "--format", "json")
    assert (done.code, project.fingerprint()) == (3, before)
    assert done.json["error"]["what"]


def test_a_rule_of_policy_may_be_skipped_and_the_commit_records_it(project: Project) -> None:
    project.write("changelog.d/14.feature.md", "")
    project.write("changelog.d/15.feat.md", "Ignored.\n")
    project.commit()
    assert sorted(project.prepare("1.4.0", "--format", "json").rules) == ["fragment-empty", "fragment-ignored"]
    assert project.prepare("1.4.0", "--skip", "fragment-empty", "--format", "json").rules == ["fragment-ignored"]
    answer = project.prepare("1.4.0", "--skip", "fragment-ignored", "--skip", "fragment-empty", "--format", "json").json
    assert (answer["ok"], answer["findings"]) == (True, [])
    assert {skip["rule"] for skip in answer["skipped"]} == {"tag-exists", "fragment-empty", "fragment-ignored"}
    trailers = project.git("log", "-1", "--format=%(trailers:key=Skipped-Rule,valueonly)").split()
    assert trailers == ["fragment-empty", "fragment-ignored"]
    assert project.git("ls-files", "changelog.d").split() == ["changelog.d/.gitkeep", "changelog.d/15.feat.md"]


@pytest.mark.parametrize("rule", ["entry-exists", "tag-exists", "fragment-duplicated", "tree-dirty", "fragment-emtpy"])
def test_other_rules_may_not_be_skipped(project: Project, rule: str) -> None:
    before = project.fingerprint()
    done = project.prepare("1.4.0", "--skip", rule, "--format", "json")
    assert (done.code, project.fingerprint()) == (2, before)
    assert rule in done.json["error"]["what"]
    assert "fragment-empty" in done.json["error"]["fix"]


# -- hooks -----------------------------------------------------------------------------------------------------------


def with_hook(run: str, adds: str = "[]", head: str = PYPROJECT) -> str:
    hook = f"[[tool.tagready.hooks.before-commit]]\nrun = {json.dumps(run)}\nadds = {adds}\n"
    return f"{head}\n{hook}"


def test_a_hook_adds_only_what_it_declares(make: Make, tmp_path: Path) -> None:
    run = script(
        tmp_path / "hook",
        "echo $TAGREADY_VERSION $TAGREADY_TAG $TAGREADY_PREVIOUS_TAG > AUTHORS\n"
        'cp "$TAGREADY_NOTES" docs/notes.txt\ngrep version pyproject.toml > docs/version.txt\n'
        "ls changelog.d > docs/left.txt; echo no > OTHER; echo no >> README; rm docs/old.txt",
    )
    project = make(pyproject=with_hook(run, '["AUTHORS", "docs/*.txt"]'))
    project.write("docs/old.txt", "old\n")
    project.write("README", "yes\n")
    project.commit()
    parent = project.head()
    released(project)
    added = {"AUTHORS", "docs/notes.txt", "docs/version.txt", "docs/left.txt", "docs/old.txt"}
    assert changed(project, parent) & {*added, "OTHER", "README"} == added
    assert project.read("AUTHORS") == "1.4.0 v1.4.0 v1.3.0\n"
    assert project.read("docs/notes.txt").strip().endswith(BODY + "\n\n### Bugfixes\n\n- Mend it. (#13)")
    assert 'version = "1.4.0"' in project.read("docs/version.txt")
    assert project.read("docs/left.txt") == ""
    assert (project.status(), (project.path / "OTHER").exists(), project.read("README")) == ("", False, "yes\n")
    assert project.git("worktree", "list").count("\n") == 0


@pytest.mark.parametrize("command", ["git add OTHER", "git add OTHER; git commit -qm sneaky", "git rm -q README"])
def test_a_hook_that_stages_adds_no_more_than_it_declares(make: Make, tmp_path: Path, command: str) -> None:
    run = script(tmp_path / "hook", f"echo me > AUTHORS; echo no > OTHER; {command}")
    project = make(pyproject=with_hook(run, '["AUTHORS"]'))
    project.write("README", "yes\n")
    project.commit()
    parent = project.head()
    done = project.prepare("1.4.0", *DAY)
    assert done.code == 0, done.err
    assert changed(project, parent) & {"AUTHORS", "OTHER", "README"} == {"AUTHORS"}


def test_hooks_run_in_order_in_the_projects_folder(tmp_path: Path) -> None:
    top = make_project(tmp_path / "top", fragments={}, tag=None)
    one = script(tmp_path / "one", "echo one > LOG")
    two = script(tmp_path / "two", "echo two >> LOG")
    hooks = with_hook(one, '["LOG"]') + with_hook(two, '["LOG"]', "")
    top.write("lib/pyproject.toml", hooks)
    top.write("lib/CHANGELOG.md", CHANGELOG)
    top.write("lib/changelog.d/12.feature.md", "Add.\n")
    top.commit()
    assert Project(top.path / "lib").prepare("1.4.0").code == 0
    assert top.show("lib/LOG") == "one\ntwo\n"


def test_a_hook_may_rework_the_entry_and_it_is_declared(make: Make, tmp_path: Path) -> None:
    run = script(tmp_path / "hook", "sed -i 's/Add colour/Add paint/' CHANGELOG.md")
    project = make(pyproject=with_hook(run, '["CHANGELOG.md"]'))
    released(project)
    entry = ENTRY.replace("Add colour", "Add paint")
    assert entry in project.read("CHANGELOG.md")
    assert edited_trailer(project) == hashlib.sha256(entry.encode()).hexdigest()


def test_hooks_of_a_dry_run_and_of_a_branch_touch_nothing_here(make: Make, tmp_path: Path) -> None:
    run = script(tmp_path / "hook", "echo me > AUTHORS")
    project = make(pyproject=with_hook(run, '["AUTHORS"]'))
    before = project.fingerprint()
    shown = project.prepare("1.4.0", *DAY, "--dry-run", "--format", "json").json
    assert ("+++ b/AUTHORS" in shown["diff"], project.fingerprint()) == (True, before)
    released(project, "--branch")
    assert (project.show("AUTHORS", "release/1.4.0"), project.status()) == ("me\n", "")
    second = project.prepare("1.4.0", *DAY, "--branch")
    assert "is prepared already" in second.out


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        ("untracked", "tree-dirty"),
        ("edited", "tree-dirty"),
        ("staged", "tree-dirty"),
        ("ignored", "hook-failed"),  # git add does not take it
    ],
)
def test_a_hook_does_not_overwrite_what_is_not_committed(make: Make, tmp_path: Path, state: str, rule: str) -> None:
    run = script(tmp_path / "hook", "echo made > AUTHORS")
    project = make(pyproject=with_hook(run, '["AUTHORS"]'))
    if state in ("edited", "staged"):
        project.commit(AUTHORS="committed\n")
    if state == "ignored":
        project.write(".git/info/exclude", "AUTHORS\n")
    project.write("AUTHORS", "precious\n")
    if state == "staged":
        project.git("add", "AUTHORS")
    before = project.fingerprint()
    done = project.prepare("1.4.0", "--format", "json")
    assert (project.read("AUTHORS"), done.rules, project.fingerprint()) == ("precious\n", [rule], before)


def test_hooks_leave_other_worktrees_registered(make: Make, tmp_path: Path) -> None:
    project = make(pyproject=with_hook("true"))
    project.git("worktree", "add", "-q", "--detach", str(tmp_path / "stick"))
    (tmp_path / "stick").rename(tmp_path / "unplugged")
    assert project.prepare("1.4.0", "--dry-run").code == 0
    (tmp_path / "unplugged").rename(tmp_path / "stick")
    assert Project(tmp_path / "stick").git("status", "--porcelain", check=False) == ""
    assert project.git("worktree", "list").count("\n") == 1


# -- configuration ---------------------------------------------------------------------------------------------------

STRAYS: dict[str, tuple[str, str]] = {
    "unknown": (with_keys('tag-formt = "v{version}"'), "tag-format"),
    "unknown, like nothing": (with_keys("zzz = 1"), "commit-message"),
    "not yet": (with_keys("smoke = true"), "smoke"),
    "a number for a string": (with_keys("commit-message = 3"), "commit-message"),
    "a string for a flag": (with_keys('allow-empty = "yes"'), "allow-empty"),
    "a string for a list": (with_keys('release-branches = "main"'), "release-branches"),
    "another choice": (with_keys('flow = "merge"'), "flow"),
    "no version": (with_keys('tag-format = "v"'), "tag-format"),
    "two versions": (with_keys('tag-format = "{version}{version}"'), "tag-format"),
    "stray braces": (with_keys('tag-format = "v{version}{x}"'), "tag-format"),
    "an open brace": (with_keys('tag-format = "{v{version}"'), "tag-format"),
    "a tag that git does not take": (with_keys('tag-format = "v {version}"'), "tag-format"),
    "a branch that git does not take": (with_keys('flow = "pull-request"\nbranch = "a..{version}"'), "branch"),
    "no regular expression": (with_keys('version-pattern = "("'), "version-pattern"),
    "hook point": (with_keys('hooks = {after-push = [{run = "x"}]}'), "hooks"),
    "hook without run": (with_keys('hooks = {before-commit = [{adds = ["x"]}]}'), "hooks"),
    "hook no list": (with_keys("hooks = {before-commit = 3}"), "hooks"),
    "bump rule": (with_keys('bump-rules = {feature = "big"}'), "bump-rules"),
    "version file without path": (with_keys('version-files = [{pattern = "{version}"}]'), "version-files"),
    "version file without pattern's version": (
        with_keys('version-files = [{path = "x", pattern = "y"}]'),
        "version-files",
    ),
    "files without files": (with_keys('version-source = "files"'), "version-files"),
    "pyproject without version": (
        with_keys('version-source = "pyproject"', PYPROJECT.replace("version =", "version-x =")),
        "version",
    ),
    "nowhere a version": (PYPROJECT.replace("version =", "version-x ="), "version-files"),
    "no table": (PYPROJECT.replace("[tool.towncrier]", "[tool]\ntagready = 3\n[tool.towncrier]"), "tagready"),
    "tagready a list": (PYPROJECT + '\n[[tool.tagready]]\nflow = "direct"\n', "tagready"),
    "project no table": ("project = 3\n" + TOWNCRIER, "project"),
    "towncrier no table": ('[project]\nname = "x"\nversion = "1"\n[tool]\ntowncrier = 3\n', "towncrier"),
    "towncrier types": (PYPROJECT + "type = 3\n", "type"),
    "towncrier issue_pattern": (PYPROJECT + 'issue_pattern = "("\n', "issue_pattern"),
    "towncrier filename": (PYPROJECT.replace('"CHANGELOG.md"', "3"), "filename"),
    "towncrier file per version": (SINGLE.replace("{version}.md", "{vers}.md"), "{version}"),
    "no TOML": (PYPROJECT + "x = \n", "pyproject.toml"),
}


@pytest.mark.parametrize("stray", STRAYS)
def test_stray_configurations(make: Make, stray: str) -> None:
    text, word = STRAYS[stray]
    project = make(pyproject=text)
    before = project.fingerprint()
    done = project.prepare("1.4.0", "--format", "json", "--branch" if 'flow = "pull' in text else "--tag")
    assert (done.code, project.fingerprint()) == (2, before), done.out + done.err
    error = done.json["error"]
    assert error.keys() == {"what", "command", "stderr", "fix"}
    assert word in error["what"] + error["fix"]
    assert (done.json["ok"], done.json["findings"], done.json["commit"]) == (False, [], None)
    assert " ".join(error["what"].split()) in " ".join(done.err.split())


def test_unknown_keys_get_a_suggestion(make: Make) -> None:
    for keys, suggestion in (('tag-formt = "x"', "'tag-format'"), ('flwo = "x"', "'flow'"), ("smoek = 1", "'smoke'")):
        error = make(pyproject=with_keys(keys)).prepare("1.4.0", "--format", "json").json["error"]
        assert error["fix"] == f"did you mean {suggestion}?"


@pytest.mark.parametrize("content", [None, "x = ", 'flow = "merge"', 'flwo = "direct"'])
def test_a_stray_overlay(project: Project, tmp_path: Path, content: str | None) -> None:
    over = tmp_path / "over.toml"
    if content is not None:
        over.write_text(content)
    done = project.prepare("1.4.0", "--config", str(over), "--format", "json")
    assert done.code == 2
    assert "over.toml" in done.json["error"]["what"]


def test_allow_empty(make: Make) -> None:
    project = make(pyproject=with_keys("allow-empty = true"), fragments={})
    released(project)
    assert "## 1.4.0 (2026-02-03)\n\nNo significant changes.\n" in project.read("CHANGELOG.md")


@pytest.mark.parametrize(
    ("date", "warned"), [(0, False), (7, False), (9, True), (-9, True)], ids=["today", "a week", "past", "future"]
)
def test_an_implausible_date_is_a_warning(make: Make, date: int, *, warned: bool) -> None:
    day = (datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=date)).isoformat()
    answer = make().prepare("1.4.0", "--date", day, "--format", "json").json
    assert answer["ok"]
    found = [(found["rule"], found["level"]) for found in answer["findings"]]
    assert found == ([("date-implausible", "warning")] if warned else [])


# -- in a workflow -----------------------------------------------------------------------------------------------------


def test_a_workflow_is_handed_the_branch(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs, said = tmp_path / "outputs", tmp_path / "summary"
    monkeypatch.setenv("GITHUB_OUTPUT", str(outputs))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(said))
    done = project.prepare("1.4.0", "--branch", "--format", "github", *DAY)
    commit = project.git("rev-parse", "release/1.4.0")
    assert done.code == 0
    assert outputs.read_text() == f"version=1.4.0\nbranch=release/1.4.0\ntag=v1.4.0\ncommit={commit}\n"
    assert said.read_text().startswith("### demo 1.4.0 is prepared\n")


def test_a_workflow_is_told_why_not(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs, said = tmp_path / "outputs", tmp_path / "summary"
    monkeypatch.setenv("GITHUB_OUTPUT", str(outputs))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(said))
    done = project.prepare("1.2.0", "--format", "github")
    assert (done.code, outputs.exists()) == (1, False)
    assert done.out.splitlines()[0].startswith("::error title=version-not-newer::")
    assert said.read_text().startswith("### prepare: nothing was changed\n")


def test_outputs_that_cannot_be_written(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path))
    done = project.prepare("1.4.0", "--format", "github")
    assert (done.code, "the workflow's outputs cannot be written" in done.err) == (3, True)
