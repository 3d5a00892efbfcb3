"""A project as one commit has it, whatever the working tree looks like by now."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from projects import CHANGELOG, PYPROJECT, Project, make_project
from tagready.commands.releases.snapshot import Snapshot, take
from tagready.doors.git import Git, discover
from tagready.facts.findings import WrongUse

SETTINGS = PYPROJECT[PYPROJECT.index("[tool.towncrier]") :]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "scratch"
    path.mkdir()
    return path


OPENED: list[Git] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def taken(project: Project, revision: str = "HEAD", start: str = ".", overlay: Path | None = None) -> Snapshot:
    OPENED.append(discover(project.path / start))
    return take(OPENED[-1], revision, overlay)


def entry(found: Snapshot, scratch: Path) -> str:
    return found.render(found.fragment_data(found.survey.fragments), scratch, "1.4.0", "2026-02-03").text


def test_what_a_project_says_about_itself(project: Project) -> None:
    snapshot = taken(project)
    assert (snapshot.name, snapshot.root, snapshot.commit.oid) == ("demo", "", project.head())
    assert (snapshot.news.changelog, [section.directory for section in snapshot.news.sections]) == (
        "CHANGELOG.md",
        ["changelog.d"],
    )
    assert [fragment.path for fragment in snapshot.survey.fragments] == [
        "changelog.d/12.feature.md",
        "changelog.d/13.bugfix.md",
    ]
    assert [(stated.version, stated.line) for stated in snapshot.stated()] == [("1.3.0", 3)]
    assert snapshot.text("CHANGELOG.md") == CHANGELOG
    assert snapshot.text("nothing") is None
    assert snapshot.tags(snapshot.git.refs()).format == "v{version}"


def test_another_revision_is_another_project(project: Project) -> None:
    assert taken(project, "v1.3.0").survey.fragments == ()
    with pytest.raises(WrongUse, match="no commit v9"):
        taken(project, "v9")


@pytest.mark.parametrize(
    ("files", "start", "root"),
    [
        ({"lib/pyproject.toml": PYPROJECT}, "lib", "lib"),
        ({"lib/pyproject.toml": PYPROJECT, "lib/src/x": ""}, "lib/src", "lib"),
        ({"lib/towncrier.toml": SETTINGS, "lib/src/x": ""}, "lib/src", "lib"),
        ({"lib/pyproject.toml": '[project]\nname = "x"\n', "lib/src/x": ""}, "lib/src", ""),
        ({"lib/pyproject.toml": PYPROJECT}, ".", ""),
        ({"lib/x": ""}, "lib", ""),
    ],
)
def test_the_nearest_folder_with_towncriers_settings_is_the_project(
    project: Project, files: dict[str, str], start: str, root: str
) -> None:
    for name, text in files.items():
        project.write(name, text)
    project.commit()
    found = taken(project, start=start)
    assert (found.root, found.news.changelog) == (root, f"{root}/CHANGELOG.md".lstrip("/"))


def test_a_project_without_towncriers_settings_is_the_nearest_pyproject(project: Project) -> None:
    project.write("pyproject.toml", '[project]\nname = "top"\nversion = "1"\n')
    project.write("lib/pyproject.toml", '[project]\nname = "lib"\nversion = "1"\n')
    project.write("lib/src/x", "")
    project.commit()
    assert (taken(project, start="lib/src").name, taken(project).name) == ("lib", "top")


def test_towncrier_toml_comes_before_pyproject(project: Project) -> None:
    project.write("towncrier.toml", SETTINGS.replace("CHANGELOG.md", "NEWS.rst"))
    project.commit()
    found = taken(project)
    assert (found.news.changelog, found.news.config_path, found.news.markdown) == ("NEWS.rst", "towncrier.toml", False)


def test_tagready_toml_comes_before_pyproject_and_an_overlay_before_both(project: Project, tmp_path: Path) -> None:
    project.write("pyproject.toml", PYPROJECT + '[tool.tagready]\nbranch = "a{version}"\nflow = "pull-request"\n')
    assert taken(project).config.flow == "direct"  # not committed
    project.commit()
    assert (taken(project).config.branch, taken(project).config.flow) == ("a{version}", "pull-request")
    project.write("tagready.toml", 'branch = "b{version}"\n')
    project.commit()
    assert (taken(project).config.branch, taken(project).config.flow) == ("b{version}", "direct")
    overlay = tmp_path / "over.toml"
    overlay.write_text('[tool.tagready]\nflow = "pull-request"\n')
    found = taken(project, overlay=overlay).config
    assert (found.branch, found.flow) == ("b{version}", "pull-request")


@pytest.mark.parametrize(
    ("name", "text"), [("pyproject.toml", "x ="), ("towncrier.toml", "\xff"), ("tagready.toml", "[")]
)
def test_what_is_no_toml_is_named(project: Project, name: str, text: str) -> None:
    project.write(name, text.encode("latin-1"))
    project.commit()
    with pytest.raises(WrongUse, match=name):
        taken(project)


# -- the rendering is that of the commit -----------------------------------------------------------------------------


def edit_nothing(project: Project) -> None:
    pass


def edit_fragment(project: Project) -> None:
    project.write("changelog.d/12.feature.md", "Edited.\n")


def remove_fragment(project: Project) -> None:
    (project.path / "changelog.d/12.feature.md").unlink()


def add_fragment(project: Project) -> None:
    project.write("changelog.d/99.feature.md", "Untracked.\n")


def edit_settings(project: Project) -> None:
    project.write("pyproject.toml", PYPROJECT.replace("## {version}", "## Edited {version}"))


def add_settings(project: Project) -> None:
    project.write("towncrier.toml", SETTINGS.replace("## {version}", "## Added {version}"))


def remove_settings(project: Project) -> None:
    (project.path / "pyproject.toml").unlink()


def remove_all(project: Project) -> None:
    shutil.rmtree(project.path / "changelog.d")


def folder_for_fragment(project: Project) -> None:
    (project.path / "changelog.d/12.feature.md").unlink()
    (project.path / "changelog.d/12.feature.md").mkdir()


def link_for_fragment(project: Project) -> None:
    (project.path / "changelog.d/12.feature.md").unlink()
    (project.path / "changelog.d/12.feature.md").symlink_to("13.bugfix.md")


def crlf_fragment(project: Project) -> None:
    project.write("changelog.d/12.feature.md", "Add colour.\r\n")


@pytest.mark.parametrize(
    "spoil",
    [
        edit_nothing, edit_fragment, remove_fragment, add_fragment, edit_settings, add_settings, remove_settings,
        remove_all, folder_for_fragment, link_for_fragment, crlf_fragment,
    ],
)  # fmt: skip
def test_what_is_rendered_is_what_is_committed(project: Project, folder: Path, spoil: object) -> None:
    assert callable(spoil)
    expected = entry(taken(project), folder)
    assert "- Add colour. (#12)" in expected
    spoil(project)
    before = project.fingerprint()
    assert entry(taken(project), folder) == expected
    assert project.fingerprint() == before


def test_the_working_tree_is_read_only_where_it_is_the_commit(project: Project, folder: Path) -> None:
    found = taken(project)
    assert found.fragment_data(found.survey.fragments).proven
    entry(found, folder)
    assert list(folder.iterdir()) == []
    edit_fragment(project)
    found = taken(project)
    data = found.fragment_data(found.survey.fragments)
    assert (data.proven, data.contents["changelog.d/12.feature.md"]) == (False, b"Add colour.\n")
    entry(found, folder)
    assert len(list(folder.iterdir())) == 1


def test_an_export_holds_what_towncrier_needs_and_no_more(project: Project, folder: Path) -> None:
    project.write("pyproject.toml", PYPROJECT + 'template = "docs/news.jinja"\n')
    project.write("docs/news.jinja", "x")
    project.write("docs/other", "x")
    project.commit()
    found = taken(project)
    exported = found.export(found.fragment_data(found.survey.fragments), folder)
    names = {path.relative_to(exported).as_posix() for path in exported.rglob("*") if path.is_file()}
    assert names == {
        "pyproject.toml",
        "docs/news.jinja",
        "changelog.d/12.feature.md",
        "changelog.d/13.bugfix.md",
    }


def test_a_committed_link_to_a_fragment_is_followed(project: Project, folder: Path) -> None:
    project.write("docs/text.md", "Linked.\n")
    (project.path / "changelog.d/20.feature.md").symlink_to("../docs/text.md")
    project.commit()
    assert "- Linked. (#20)" in entry(taken(project), folder)


def test_a_name_of_incremental_is_read_and_not_imported(tmp_path: Path) -> None:
    pyproject = '[tool.towncrier]\npackage = "klein"\npackage_dir = "src"\ndirectory = "changelog.d"\n'
    project = make_project(tmp_path / "x", pyproject=pyproject)
    assert taken(project).news.name == "Klein"
    project.write("src/klein/_version.py", 'from incremental import Version\n__version__ = Version("KLEIN", 1, 2, 3)\n')
    project.commit()
    assert taken(project).news.name == "KLEIN"


@pytest.mark.parametrize(("target", "found"), [("../nowhere", True), ("12.feature.md", False)])
def test_a_fragment_that_is_a_link_to_nothing(project: Project, target: str, found: bool) -> None:
    (project.path / "changelog.d/77.feature.md").symlink_to(target)
    project.commit()
    snapshot = taken(project)
    pending = snapshot.survey.fragments
    faults = snapshot.fragment_faults(pending, snapshot.fragment_data(pending).contents)
    said = f"changelog.d/77.feature.md is a symbolic link to {target}, which is no file of the repository, so there is"
    assert [each.rule for each in faults if each.message.startswith(said)] == ["fragment-empty"] * found
    assert len(faults) == found
