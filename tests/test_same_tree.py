"""The release tree is the one that `towncrier build --yes`, an edit of the version, and `git commit` make."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from projects import CHANGELOG, MARKER, PYPROJECT, RST_MARKER, Project, make_project

VERSION, DATE = "1.4.0", "2026-02-03"
RST = PYPROJECT.replace("CHANGELOG.md", "NEWS.rst").replace('"## {version} ({project_date})"', '"{version}"')
RST_CHANGELOG = f"Changelog\n#########\n\n{RST_MARKER}\n\n1.3.0\n=====\n\n- The first one. (#1)\n"
OLDER = "".join(f"\n\n## 1.2.{n} (2025-01-01)\n\n### Bugfixes\n\n- Mend {n}. (#{n})\n" for n in range(200, 0, -1))
TYPES = ("feature", "bugfix", "doc", "removal", "misc")


def fragments(count: int, extension: str) -> dict[str, str | bytes]:
    """Fragments of every type, with repeated texts, orphans, several of one issue, long and odd ones among them."""
    found: dict[str, str | bytes] = {}
    for number in range(count):
        type_ = TYPES[number % 5]
        match number % 12:
            case 3:
                found[f"+{number:x}.{type_}.{extension}"] = f"An orphan, the {number}th.\n"
            case 5:
                found[f"{number}.{type_}.{extension}"] = "The same text for many.\n"
            case 7:
                found[f"{number - 1}.{type_}.1.{extension}"] = f"Another of one issue, {number}."
            case 8:
                found[f"gh-{number}.{type_}.{extension}"] = f"Words as an issue, {number}, and ünïcode.\n\n"
            case 9:
                found[f"{number}.{type_}.{extension}"] = f"A paragraph, {number},\non two lines.\n\nAnd another.\n"
            case 10:
                found[f"{number}.{type_}"] = f"- a list of {number}\n- items\n"
            case 11:
                found[f"+same{number}.{type_}.{extension}"] = "The same text for many.\n"
            case _:
                found[f"{number}.{type_}.{extension}"] = f"Change number {number} of `thing`.\n"
    return found


def towncrier(project: Project, version: str = VERSION) -> str:
    """The tree that people make by hand; the order of one issue's fragments is the sorted one (towncrier.md, C.4)."""
    run = "import os; l = os.listdir; os.listdir = lambda *a: sorted(l(*a)); from towncrier._shell import cli; cli()"
    command = [sys.executable, "-c", run, "build", "--yes", "--version", version, "--date", DATE]
    subprocess.run(command, cwd=project.path, check=True, capture_output=True)
    pyproject = project.path / "pyproject.toml"
    pyproject.write_bytes(pyproject.read_bytes().replace(b"1.3.0", version.encode(), 1))
    project.git("commit", "-q", "-a", "-m", f"Release {version}")
    return project.tree()


def same(project: Project, tmp_path: Path) -> None:
    """Check that both ways lead to the same tree, and that ours leaves nothing to commit behind."""
    other = Project(tmp_path / "by-hand")
    shutil.copytree(project.path, other.path, symlinks=True)
    done = project.prepare(VERSION, "--date", DATE)
    assert done.code == 0, done.err
    expected = towncrier(other)
    if project.tree() != expected:
        project.git("fetch", "-q", str(other.path))
        pytest.fail(project.git("diff", "FETCH_HEAD", "HEAD"))
    assert project.status() == ""
    assert project.git("rev-list", "--count", "HEAD") == other.git("rev-list", "--count", "HEAD")


@pytest.mark.parametrize("count", [1, 12, 300])
@pytest.mark.parametrize("kind", ["md", "rst"])
def test_same_tree_for_every_number_of_fragments(tmp_path: Path, kind: str, count: int) -> None:
    pyproject, changelog = (PYPROJECT, CHANGELOG) if kind == "md" else (RST, None)
    project = make_project(
        tmp_path / "ours", pyproject=pyproject, changelog=changelog, fragments=fragments(count, kind)
    )
    if kind == "rst":
        project.write("NEWS.rst", RST_CHANGELOG)
        project.commit()
    same(project, tmp_path)


@pytest.mark.slow
def test_same_tree_for_ten_thousand_fragments(tmp_path: Path) -> None:
    project = make_project(tmp_path / "ours", fragments=fragments(10_000, "md"))
    done = project.prepare(VERSION, "--date", DATE, "--branch")  # leaves the working tree to towncrier: no copy
    assert done.code == 0, done.err
    assert project.tree(f"release/{VERSION}") == towncrier(project)


def sections(*names: str) -> str:
    return "".join(f'\n[[tool.towncrier.section]]\nname = "{name}"\npath = "{name.lower()}"\n' for name in names)


# name: (keys of towncrier, the changelog before, fragments)
SETTINGS: dict[str, tuple[str, str | None, Mapping[str, str | bytes]]] = {
    "no changelog yet": ("", None, fragments(12, "md")),
    "an empty changelog": ("", "", fragments(12, "md")),
    "a marker only": ("", f"# Changelog\n\n{MARKER}\n", fragments(12, "md")),
    "no last newline": ("", CHANGELOG.rstrip(), fragments(12, "md")),
    "blank lines after the marker": ("", CHANGELOG.replace(MARKER, MARKER + "\n\n\n"), fragments(12, "md")),
    "blank lines before the marker": ("", CHANGELOG.replace(MARKER, "\n\n\n" + MARKER), fragments(12, "md")),
    "no blank line before the marker": ("", f"# Changelog\n{MARKER}\n## 1.3.0 (2026-01-01)\n", fragments(12, "md")),
    "two markers": ("", CHANGELOG + f"\n{MARKER}\n\nOld.\n", fragments(12, "md")),
    "entries only": ("", CHANGELOG[CHANGELOG.index("## 1.3.0") :], fragments(12, "md")),
    "a long changelog": ("", CHANGELOG + OLDER, fragments(12, "md")),
    "orphans only": ("", CHANGELOG, {"+a.feature.md": "One.\n", "+b.feature.md": "One.\n", "+c.bugfix.md": "Two.\n"}),
    "hidden only": ("", CHANGELOG, {"1.misc.md": "Hidden.\n", "2.misc.md": ""}),
    "one text, many issues": ("", CHANGELOG, {f"{n}.feature.md": "Same.\n" for n in (3, 20, 100)}),
    "CRLF fragments": ("", CHANGELOG, {"1.feature.md": "One,\r\ntwo.\r\n", "2.bugfix.md": "Three.\r\n"}),
    "a BOM in a fragment": ("", CHANGELOG, {"1.feature.md": b"\xef\xbb\xbfOne.\n", "2.feature.md": "Two.\n"}),
    "code in a fragment": ("", CHANGELOG, {"1.feature.md": "One:\n\n```python\nx = 1\n```\n\nSo.\n"}),
    "braces": ("", CHANGELOG, {"1.feature.md": "{{ x }} {% raw %} {version} %s \\1 \\g<0>\n"}),
    "section titles": (sections("", "Core", "Docs"), CHANGELOG, {"1.feature.md": "A.\n", "core/2.misc.md": "",
                       "core/1.feature.md": "A.\n", "docs/3.bugfix.md": "C.\n", "docs/+x.feature.md": "D.\n"}),
    "no bullets": ("all_bullets = false\n", CHANGELOG, fragments(12, "md")),
    "wrapped": ("wrap = true\n", CHANGELOG, {"1.feature.md": "Many words " * 20, "2.bugfix.md": "A\n\n" + "b " * 99}),
    "wrapped at 40": ("wrap = 40\n", CHANGELOG, {"1.feature.md": "Many words " * 20}),
    "issue format": ('issue_format = "[{issue}](https://x/{issue})"\n', CHANGELOG, fragments(12, "md")),
    "issue pattern": ('issue_pattern = "[0-9]+"\n', CHANGELOG, {"1.feature.md": "A.\n", "+x.bugfix.md": "B.\n"}),
    "orphan prefix": ('orphan_prefix = "~"\n', CHANGELOG, {"~1.feature.md": "A.\n", "2.feature.md": "B.\n"}),
    "ignore": ('ignore = ["*.txt"]\n', CHANGELOG, {"1.feature.md": "A.\n", "1.feature.txt": "B.\n"}),
    "start string": ('start_string = "<!-- x -->"\n', CHANGELOG.replace(MARKER, "<!-- x -->"), fragments(12, "md")),
    "types": ('[[tool.towncrier.type]]\ndirectory = "new"\nname = "What is new"\nshowcontent = true\n'
              '[[tool.towncrier.type]]\ndirectory = "int"\nname = "Internal"\nshowcontent = false\n',
              CHANGELOG, {"1.new.md": "A.\n", "2.int.md": "Hidden.\n", "+z.int.md": "B.\n"}),
    "types as tables": ('[tool.towncrier.fragment.zeta]\n[tool.towncrier.fragment.alpha]\nname = "First"\n',
                        CHANGELOG, {"1.zeta.md": "A.\n", "2.alpha.md": "B.\n"}),
    "a name of its own": ('name = "A Name"\ntitle_format = ""\n', "", fragments(12, "md")),
}  # fmt: skip


@pytest.mark.parametrize("setting", SETTINGS)
def test_same_tree_for_every_setting(tmp_path: Path, setting: str) -> None:
    keys, changelog, chosen = SETTINGS[setting]
    base = PYPROJECT.partition("title_format")[0] if "title_format" in keys else PYPROJECT
    pyproject = base + keys
    same(make_project(tmp_path / "ours", pyproject=pyproject, changelog=changelog, fragments=dict(chosen)), tmp_path)


@pytest.mark.parametrize("keys", ["", 'underlines = ["=", "~", "^"]\n', 'title_format = "{name} {version}"\n'])
def test_same_tree_for_restructuredtext(tmp_path: Path, keys: str) -> None:
    pyproject = RST + keys if "title" not in keys else RST.replace('title_format = "{version}"\n', keys)
    chosen: dict[str, str | bytes] = {
        "1.feature.rst": "Add ``x``::\n\n    code\n",
        "2.bugfix.rst": ".. note::\n\n   Mend.\n",
        "3.doc.rst": "- a\n- b\n",
    }
    project = make_project(tmp_path / "ours", pyproject=pyproject, changelog=None, fragments=chosen)
    project.write("NEWS.rst", RST_CHANGELOG)
    project.commit()
    same(project, tmp_path)


TEMPLATE = """\
{% for section, _ in sections.items() %}{% for category, val in definitions.items() if category in sections[section] %}
### {{ definitions[category]['name'] }}
{% for text, values in sections[section][category].items() %}
* {{ text }} {{ values|join(', ') }}
{%- endfor %}

{% endfor %}{% endfor %}
"""


def test_same_tree_for_a_template_and_towncrier_toml(tmp_path: Path) -> None:
    project = make_project(tmp_path / "ours", fragments=fragments(12, "md"))
    settings = PYPROJECT[PYPROJECT.index("[tool.towncrier]") :] + 'template = "changelog.d/template.md"\n'
    project.write("towncrier.toml", settings)
    project.write("changelog.d/template.md", TEMPLATE)
    project.commit()
    same(project, tmp_path)


def test_same_tree_for_a_file_per_version(tmp_path: Path) -> None:
    pyproject = PYPROJECT.replace('"CHANGELOG.md"', '"news/{version}.md"\nsingle_file = false')
    project = make_project(tmp_path / "ours", pyproject=pyproject, changelog=None)
    project.write("news/1.3.0.md", "Old.\n")
    project.commit()
    same(project, tmp_path)


@pytest.mark.parametrize("attributes", ["* text=auto eol=crlf\n", "*.md filter=shout\n", "*.md text\n*.toml -text\n"])
def test_same_tree_through_attributes(tmp_path: Path, attributes: str) -> None:
    project = make_project(tmp_path / "ours", fragments={"12.feature.md": "Add colour.\n"})
    project.git("config", "filter.shout.clean", "sed s/COLOUR/colour/")
    project.git("config", "filter.shout.smudge", "sed s/colour/COLOUR/")
    project.write(".gitattributes", attributes)
    project.commit()
    project.git("rm", "-rq", "--cached", ".")
    project.git("reset", "-q", "--hard")
    same(project, tmp_path)


def test_same_tree_from_a_repository_that_has_much_else(tmp_path: Path) -> None:
    project = make_project(tmp_path / "ours")
    for number in range(60):
        project.write(f"src/{number % 7}/a/{number}.py", f"{number}\n")
    project.write("zzz-last", "")
    project.write("changelog.d-more/x", "")
    project.write("changelog/x", "")
    project.commit()
    same(project, tmp_path)


def test_the_tree_does_not_depend_on_where_when_and_in_which_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = set()
    chosen = fragments(60, "md") | {f"7.feature.{n}.md": f"Tied {n}.\n" for n in range(9)}
    for turn, zone in enumerate(("UTC", "Asia/Tokyo", "America/Los_Angeles")):
        monkeypatch.setenv("TZ", zone)
        monkeypatch.setenv("LC_ALL", ("C", "C.UTF-8", "POSIX")[turn])
        names = sorted(chosen, key=(lambda name: name, lambda name: name[::-1], len)[turn])
        project = make_project(tmp_path / f"turn{turn}", fragments={name: chosen[name] for name in names})
        if turn == 2:
            project.write("untracked.feature.md", "x")
            project.write("changelog.d/notes", "an untracked file makes us render elsewhere")
        assert project.prepare(VERSION, "--date", DATE).code == 0
        trees.add(project.tree())
    assert len(trees) == 1
