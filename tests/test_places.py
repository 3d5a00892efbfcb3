"""Where the version is written, in every style of backend, and that a bump touches nothing else."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tagready.facts.config import Config, VersionFile
from tagready.facts.findings import Finding, WrongUse
from tagready.facts.places import LockPlace, PatternPlace, Place, Places, TomlPlace, find_places, judge, rewrite, stated
from tagready.facts.project import Sources

Files = dict[str, str]


def reader(files: Files) -> Callable[[str], bytes | None]:
    return lambda path: files[path].encode() if path in files else None


def sources(files: Files, root: str = "") -> Sources:
    def table(name: str) -> dict[str, Any] | None:
        text = files.get(f"{root}/{name}" if root else name)
        return None if text is None else tomllib.loads(text)

    return Sources(root, table("pyproject.toml") or {}, table("towncrier.toml"))


def found(files: Files, config: Config | None = None, root: str = "") -> Places:
    return find_places(sources(files, root), config or Config(), reader(files))


def bump(files: Files, config: Config | None = None, root: str = "") -> dict[str, str]:
    """Return the files that change, after a bump from 1.3.0 to 1.4.0; every place must state 1.3.0 once."""
    places = found(files, config, root)
    assert judge(places, files) == []
    new = dict(files)
    for place in places.places:
        assert {one.version for one in stated(place, files[place.path])} <= {"1.3.0"}
        if stated(place, files[place.path]):
            new[place.path] = rewrite(place, new[place.path], "1.4.0")
            assert {one.version for one in stated(place, new[place.path])} == {"1.4.0"}
    return {path: text for path, text in new.items() if text != files[path]}


DYNAMIC = '[project]\nname = "demo"\ndynamic = ["version"]\n'
HATCH = DYNAMIC + '[tool.hatch.version]\npath = "src/demo/__about__.py"\n'
SETUPTOOLS = DYNAMIC + '[tool.setuptools.dynamic]\nversion = {attr = "demo.__version__"}\n'
PDM = DYNAMIC + '[tool.pdm.version]\nsource = "file"\npath = "demo/__init__.py"\n'
FLIT = '[build-system]\nbuild-backend = "flit_core.buildapi"\n' + DYNAMIC
MATURIN = '[build-system]\nbuild-backend = "maturin"\n' + DYNAMIC
SCIKIT = DYNAMIC + (
    '[tool.scikit-build.metadata.version]\nprovider = "scikit_build_core.metadata.regex"\ninput = "demo/version.py"\n'
)
DUNDER = '"""Demo."""\n__version__ = "1.3.0"  # bumped\nOTHER = "1.3.0"\n'

STYLES: list[tuple[str, Files, str]] = [
    ("project", {"pyproject.toml": '[project]\nname = "demo"\nversion = "1.3.0"\n'}, "pyproject.toml"),
    ("poetry", {"pyproject.toml": '[tool.poetry]\nname = "demo"\nversion = "1.3.0"\n'}, "pyproject.toml"),
    ("hatch", {"pyproject.toml": HATCH, "src/demo/__about__.py": DUNDER}, "src/demo/__about__.py"),
    ("hatch-v", {"pyproject.toml": HATCH, "src/demo/__about__.py": "VERSION: str = 'v1.3.0'\n"},
     "src/demo/__about__.py"),
    (
        "hatch-pattern",
        {
            "pyproject.toml": DYNAMIC + "[tool.hatch.version]\npath = \"V\"\npattern = 'is (?P<version>[0-9.]+)$'\n",
            "V": "it\nis 1.3.0\nnow\n",
        },
        "V",
    ),
    ("hatch-true", {"pyproject.toml": HATCH + "pattern = true\n", "src/demo/__about__.py": DUNDER},
     "src/demo/__about__.py"),
    ("setuptools-attr", {"pyproject.toml": SETUPTOOLS, "demo/__init__.py": DUNDER}, "demo/__init__.py"),
    ("setuptools-src", {"pyproject.toml": SETUPTOOLS, "src/demo/__init__.py": DUNDER}, "src/demo/__init__.py"),
    (
        "setuptools-where",
        {
            "pyproject.toml": SETUPTOOLS + '[tool.setuptools.packages.find]\nwhere = ["python"]\n',
            "python/demo.py": DUNDER,
        },
        "python/demo.py",
    ),
    (
        "setuptools-package-dir",
        {
            "pyproject.toml": SETUPTOOLS + '[tool.setuptools.package-dir]\n"" = "code"\n',
            "code/demo/__init__.py": DUNDER,
        },
        "code/demo/__init__.py",
    ),
    (
        "setuptools-submodule",
        {"pyproject.toml": SETUPTOOLS.replace("demo._", "demo.meta._"), "demo/meta.py": DUNDER},
        "demo/meta.py",
    ),
    (
        "setuptools-file",
        {"pyproject.toml": DYNAMIC + '[tool.setuptools.dynamic]\nversion = {file = "VERSION"}\n', "VERSION": "1.3.0\n"},
        "VERSION",
    ),
    (
        "setuptools-files",
        {"pyproject.toml": DYNAMIC + '[tool.setuptools.dynamic]\nversion = {file = ["V"]}\n', "V": "\n 1.3.0"},
        "V",
    ),
    (
        "setup.cfg",
        {"pyproject.toml": "", "setup.cfg": "[metadata]\nname = demo\nversion = 1.3.0\n\n[options]\nzip_safe = no\n"},
        "setup.cfg",
    ),
    (
        "setup.cfg-attr",
        {
            "pyproject.toml": "",
            "setup.cfg": "[metadata]\nversion = attr: demo.__version__\n[options]\npackage_dir =\n  = lib\n",
            "lib/demo/__init__.py": DUNDER,
        },
        "lib/demo/__init__.py",
    ),
    ("setup.cfg-file", {"setup.cfg": "[metadata]\nversion = file: VERSION.txt\n", "VERSION.txt": "1.3.0"},
     "VERSION.txt"),
    ("pdm", {"pyproject.toml": PDM, "demo/__init__.py": DUNDER}, "demo/__init__.py"),
    ("flit", {"pyproject.toml": FLIT, "demo.py": DUNDER}, "demo.py"),
    ("flit-src", {"pyproject.toml": FLIT, "src/demo/__init__.py": DUNDER}, "src/demo/__init__.py"),
    ("flit-module", {"pyproject.toml": FLIT + '[tool.flit.module]\nname = "other"\n', "other.py": DUNDER}, "other.py"),
    (
        "maturin",
        {
            "pyproject.toml": MATURIN,
            "Cargo.toml": '[dependencies]\nserde = "1.3.0"\n[package]\nname = "demo"\nversion = "1.3.0"\n',
        },
        "Cargo.toml",
    ),
    (
        "maturin-manifest",
        {
            "pyproject.toml": MATURIN + '[tool.maturin]\nmanifest-path = "rust/Cargo.toml"\n',
            "rust/Cargo.toml": '[package]\nversion = "1.3.0"\n',
        },
        "rust/Cargo.toml",
    ),
    ("scikit-build", {"pyproject.toml": SCIKIT, "demo/version.py": DUNDER}, "demo/version.py"),
    (
        "scikit-build-regex",
        {
            "pyproject.toml": SCIKIT + "regex = 'V\\((?P<value>.+)\\)'\n",
            "demo/version.py": "#define V(1.3.0)\n",
        },
        "demo/version.py",
    ),
    ("setup.py", {"setup.py": "setup(\n    name='demo',\n    version='1.3.0',\n)\n"}, "setup.py"),
    (
        "package",
        {
            "setup.py": "setup(version=read())\n",
            "pyproject.toml": '[tool.towncrier]\npackage = "demo"\npackage_dir = "src"\n',
            "src/demo/__about__.py": DUNDER,
        },
        "src/demo/__about__.py",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("files", "path"), [style[1:] for style in STYLES], ids=[style[0] for style in STYLES])
@pytest.mark.parametrize("root", ["", "libs/demo"])
def test_style(files: Files, path: str, root: str) -> None:
    placed = {f"{root}/{name}" if root else name: text for name, text in files.items()}
    path = f"{root}/{path}" if root else path
    (place,) = found(placed, root=root).places
    assert place.path == path
    changed = bump(placed, root=root)
    assert list(changed) == [path]
    (one,) = stated(place, placed[path])
    old, new = placed[path].split("\n"), changed[path].split("\n")
    assert [line.replace("1.4.0", "1.3.0") for line in new] == old
    assert [number for number, (a, b) in enumerate(zip(old, new, strict=True), 1) if a != b] == [one.line]


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"pyproject.toml": f'[build-system]\nrequires = ["{requires}"]\n{DYNAMIC}'}, id=requires)
        for requires in (
            "setuptools-scm>=8", "setuptools_scm[toml] ; python_version > '3'", "hatch-vcs", "versioningit~=3.0",
            "uv-dynamic-versioning", "versioneer[toml]==0.29", "flit_scm", "pbr", "setuptools-git-versioning<3",
        )
    ]
    + [
        pytest.param({"pyproject.toml": DYNAMIC + "[tool.setuptools_scm]\n"}, id="tool.setuptools_scm"),
        pytest.param({"pyproject.toml": DYNAMIC + '[tool.pdm.version]\nsource = "scm"\n'}, id="pdm scm"),
        pytest.param({"pyproject.toml": DYNAMIC, "setup.py": "setup(use_scm_version=True)"}, id="use_scm_version"),
        pytest.param({"pyproject.toml": DYNAMIC, "setup.py": "import versioneer"}, id="setup.py versioneer"),
        pytest.param(
            {
                "pyproject.toml": '[tool.poetry]\nname = "demo"\nversion = "0.0.0"\n'
                "[tool.poetry-dynamic-versioning]\nenable = true\n"
            },
            id="poetry-dynamic-versioning",
        ),
    ],
)  # fmt: skip
def test_the_tag_is_the_version(files: Files) -> None:
    assert found(files) == Places((), "the tag is the version (a version-control plugin)")


def test_both_tables_of_poetry_two() -> None:
    text = '[project]\nname = "demo"\nversion = "1.3.0"\n\n[tool.poetry]\nversion = "1.3.0"\n'
    assert bump({"pyproject.toml": text}) == {"pyproject.toml": text.replace("1.3.0", "1.4.0")}


@pytest.mark.parametrize(
    ("files", "config", "what"),
    [
        pytest.param(
            {"pyproject.toml": DYNAMIC},
            Config(),
            "nothing in pyproject.toml says where the version is written",
            id="nowhere",
        ),
        pytest.param(
            {"pyproject.toml": DYNAMIC + '[tool.setuptools.dynamic]\nversion = "attr: demo.__version__"\n'},
            Config(),
            "nothing in pyproject.toml says where the version is written",
            id="a text in place of a table",
        ),
        pytest.param(
            {"pyproject.toml": 'build-system = "hatchling"\n' + DYNAMIC},
            Config(),
            "nothing in pyproject.toml says where the version is written",
            id="a text in place of the table of the build system",
        ),
        pytest.param(
            {"pyproject.toml": SETUPTOOLS},
            Config(),
            "tool.setuptools.dynamic names demo.__version__, but no such module is committed",
            id="no module",
        ),
        pytest.param(
            {"pyproject.toml": DYNAMIC},
            Config(version_source="files"),
            'version-source = "files" needs version-files',
            id="files",
        ),
        pytest.param(
            {"pyproject.toml": DYNAMIC},
            Config(version_source="pyproject"),
            'pyproject.toml states no version, though version-source = "pyproject" says so',
            id="pyproject",
        ),
        pytest.param(
            {"pyproject.toml": DYNAMIC + '[tool.hatch.version]\npath = "a"\npattern = "x"\n'},
            Config(),
            "the version pattern 'x' has no group named version",
            id="no group",
        ),
        pytest.param(
            {"pyproject.toml": DYNAMIC + '[tool.hatch.version]\npath = "a"\npattern = "("\n'},
            Config(),
            "the version pattern '(' is no regular expression: missing ), unterminated subpattern at position 0",
            id="no regular expression",
        ),
    ],
)
def test_refused(files: Files, config: Config, what: str) -> None:
    with pytest.raises(WrongUse) as caught:
        found(files, config)
    assert caught.value.what == what
    assert caught.value.fix


STATIC = '[project]\nname = "demo"\nversion = "1.3.0"\n'


@pytest.mark.parametrize(
    ("item", "text", "result"),
    [
        pytest.param("VERSION", "1.3.0\n", "1.4.0\n", id="whole file"),
        pytest.param(
            "demo/_v.py", "__version__: str = '1.3.0'\nx = 1\n", "__version__: str = '1.4.0'\nx = 1\n", id="py"
        ),
        pytest.param("setup.py", 'setup(\n  version="1.3.0")\n', 'setup(\n  version="1.4.0")\n', id="setup.py"),
        pytest.param("rust/Cargo.toml", '[package]\nversion = "1.3.0"\n', '[package]\nversion = "1.4.0"\n', id="cargo"),
        pytest.param("x.toml", 'a = 1\nversion = "1.3.0"\n', 'a = 1\nversion = "1.4.0"\n', id="toml top"),
        pytest.param(
            ("README", "demo=={version} "), "pip demo==1.3.0 or 1.3.0\n", "pip demo==1.4.0 or 1.3.0\n", id="pattern"
        ),
        pytest.param(("a", "(v{version})*"), "(v1.3.0)* (v1x3.0)\n", "(v1.4.0)* (v1x3.0)\n", id="pattern is no regex"),
        pytest.param(
            ("a", "version {version}"), "This is version 1.3.0.\n", "This is version 1.4.0.\n", id="full stop"
        ),
        pytest.param(("a", "v{version}"), "see v1.3.0-\r\n", "see v1.4.0-\r\n", id="dash"),
    ],
)
def test_version_files(item: str | tuple[str, str], text: str, result: str) -> None:
    file = VersionFile(item) if isinstance(item, str) else VersionFile(*item)
    config = Config(version_files=(file,))
    expected = {"pyproject.toml": STATIC.replace("1.3.0", "1.4.0"), file.path: result}
    assert bump({"pyproject.toml": STATIC, file.path: text}, config) == expected


def test_version_source_files_leaves_pyproject_alone() -> None:
    config = Config(version_source="files", version_files=(VersionFile("VERSION"),))
    assert bump({"pyproject.toml": STATIC, "VERSION": "1.3.0"}, config) == {"VERSION": "1.4.0"}


def test_version_source_tag_leaves_all_alone() -> None:
    config = Config(version_source="tag", version_files=(VersionFile("VERSION"),))
    files = {"pyproject.toml": STATIC, "VERSION": "1.3.0", "uv.lock": ""}
    assert found(files, config) == Places((), "the tag is the version (version-source)")


UV_LOCK = """\
version = 1
requires-python = ">=3.11"

[[package]]
name = "dep"
version = "1.3.0"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "demo" },
]

[[package]]
name = "My_Demo"
version = "1.3.0"
source = { editable = "." }
dependencies = [{ name = "dep" }]

[package.metadata]
requires-dist = [{ name = "dep", specifier = "==1.3.0" }]

[[package]]
name = "my-demo-extra"
version = "1.3.0"
source = { virtual = "extra" }
"""
POETRY_LOCK = '[[package]]\nname = "dep"\nversion = "1.3.0"\n\n[metadata]\nlock-version = "2.1"\nversion = "1.3.0"\n'
PDM_LOCK = """\
[metadata]
groups = ["default"]

[[package]]
name = "my-demo"
version = "1.3.0"
editable = true
path = "./."

[[package]]
name = "dep"
version = "1.3.0"
"""
LOCKED = '[project]\nname = "my-demo"\nversion = "1.3.0"\n'


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("lock", "text", "line"),
    [
        ("uv.lock", UV_LOCK, 14),
        ("pdm.lock", PDM_LOCK, 6),
        ("poetry.lock", POETRY_LOCK, None),
        ("poetry.lock", 'package = []\n\n[metadata]\nlock-version = "2.1"\n', None),
        ("uv.lock", "", None),
    ],
)
def test_lock_files_own_entry_only(lock: str, text: str, line: int | None, newline: str) -> None:
    lines = text.split("\n")
    files = {"pyproject.toml": LOCKED, lock: newline.join(lines)}
    assert LockPlace(lock, "my-demo") in found(files).places
    assert [one.line for one in stated(LockPlace(lock, "my-demo"), files[lock])] == ([line] if line else [])
    if line:
        lines[line - 1] = 'version = "1.4.0"'
    assert bump(files).get(lock, files[lock]) == newline.join(lines)


def test_a_copy_from_an_index_is_not_our_own() -> None:
    text = UV_LOCK.replace('source = { editable = "." }', 'source = { registry = "https://index.example/simple" }')
    assert stated(LockPlace("uv.lock", "my-demo"), text) == []


UNWRITABLE = (
    "{path} {what} ({how}), so the release would carry another version than its tag",
    'state it there once and commit, or say where it stands: version-source = "files" and version-files = […] in '
    "[tool.tagready]",
)


@pytest.mark.parametrize(
    ("place", "text", "what", "how"),
    [
        (TomlPlace("p.toml", ("project", "version")), "[project]\n", "does not state the version",
         "project.version"),
        (TomlPlace("p.toml", ("project", "version")), None, "is not committed", "project.version"),
        (PatternPlace("a.py", re.compile("v=(?P<version>.)")), "v=1 v=2", "states the version 2 times, not once",
         "pattern v=(?P<version>.)"),
        (PatternPlace("a.py", re.compile("v=(?P<version>.)")), "", "does not state the version",
         "pattern v=(?P<version>.)"),
        (PatternPlace("a.py", re.compile("v=(?P<version>.)")), None, "is not committed", "pattern v=(?P<version>.)"),
    ],
)  # fmt: skip
def test_unwritable(place: Place, text: str | None, what: str, how: str) -> None:
    message, fix = (part.format(path=place.path, what=what, how=how) for part in UNWRITABLE)
    texts = {} if text is None else {place.path: text}
    assert judge(Places((place,), ""), texts) == [Finding("version-unwritable", message, fix, place.path)]


def test_all_that_is_unwritable_is_found_at_once() -> None:
    config = Config(version_files=(VersionFile("VERSION"), VersionFile("x.py"), VersionFile("r", "demo {version};")))
    files = {"pyproject.toml": STATIC, "VERSION": "1.3.0 and more", "x.py": DUNDER, "r": "demo 1.3.0; demo 1.2.0;"}
    assert [finding.path for finding in judge(found(files, config), files)] == ["VERSION", "r"]


def test_the_line_is_the_keys_own() -> None:
    text = '[tool.x]\nmin_version = "1.3.0"\nversion = "1.3.0"\n\n[project]\nname = "demo"\nversion = "1.3.0"\n'
    (one,) = stated(TomlPlace("pyproject.toml", ("project", "version")), text)
    assert one.line == 7


# TOML as people write it: one spot changes, whatever surrounds it.
AROUND = [
    "# a comment with version = \"1.3.0\"", "", 'authors = [\n  { name = "A" }, # me\n]', "'quoted key' = 'x'",
    'description = "it\'s version = \\"1.3.0\\""', "keywords = [ 'a',\"b\" , ]", "dynamic=[]",
    'readme = {file = "README.md", content-type = "text/markdown"}', 'urls.Home = "https://example.org"',
    'text = """\nversion = "1.3.0"\n"""', "requires-python    =    '>=3.11'   # spaced",
]  # fmt: skip
OTHER_TABLES = [
    '[tool.x]\nversion = "1.3.0"', "[build-system]\nrequires = []  # none", '[[tool.y]]\nversion = "1.3.0"\n[[tool.y]]',
    "[tool.z] # z\n  indented = 1", '[tool."a.b"]\nc.version = "1.3.0"',
]  # fmt: skip
VERSION_LINES = [
    'version = "1.3.0"', "version = '1.3.0'", 'version="1.3.0"# tight', '  version   =  "1.3.0"   # wide',
    '"version" = "1.3.0"', "'version' = '1.3.0'", "version\t=\t'1.3.0'",
]  # fmt: skip


@st.composite
def toml_texts(draw: st.DrawFn) -> str:
    around = draw(st.permutations(AROUND))[: draw(st.integers(0, 5))]
    tables = draw(st.permutations(OTHER_TABLES))[: draw(st.integers(0, 3))]
    place = draw(st.integers(0, len(around)))
    above = draw(st.integers(0, len(tables)))
    line = draw(st.sampled_from(VERSION_LINES))
    style = draw(st.sampled_from(["table", "table", "dotted", "inline", "parent"]))
    own = [*around[:place], line, *around[place:]]
    if style == "dotted":  # dotted keys stand at the top of a file
        bare = line.strip()
        text = "\n".join([draw(st.sampled_from(AROUND[:2])), f"project.{bare}", "project.name = 'demo'", *tables])
    elif style == "inline":
        bare = line.split("#")[0].strip()
        text = "\n".join([f"project = {{ name = 'demo', {bare} , x = {{version = '1.3.0'}}}} # c", *tables])
    elif style == "parent":  # [project.x] may come before [project]
        text = "\n".join([*tables[:above], "[project.x]", 'version = "1.3.0"', "[project]", *own, *tables[above:]])
    else:
        header = draw(st.sampled_from(["[project]", "[ project ]  # the project", '["project"]']))
        text = "\n".join([*tables[:above], header, *own, *tables[above:]])
    text += draw(st.sampled_from(["", "\n", "\n\n# the end"]))
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@settings(deadline=None, max_examples=200)
@given(toml_texts())
def test_a_toml_bump_leaves_every_other_byte(text: str) -> None:
    place = TomlPlace("pyproject.toml", ("project", "version"))
    before = tomllib.loads(text)
    assume(before["project"]["version"] == "1.3.0")
    after = rewrite(place, text, "1.4.0rc1")
    spots = [match.start() for match in re.finditer(re.escape("1.3.0"), text)]
    assert after in {text[:spot] + "1.4.0rc1" + text[spot + 5 :] for spot in spots}
    before["project"]["version"] = "1.4.0rc1"
    assert tomllib.loads(after) == before
    assert rewrite(place, after, "1.3.0") == text


@given(st.text(alphabet="ab \r\nü\t", max_size=20), st.text(alphabet="ab \r\nü\t", max_size=20), st.sampled_from("'\""))
def test_a_pattern_bump_leaves_every_other_byte(above: str, below: str, quote: str) -> None:
    text = f"{above}\n__version__ = {quote}1.3.0{quote}\r\n{below}"
    (place,) = found({"pyproject.toml": PDM, "demo/__init__.py": text}).places
    assert rewrite(place, text, "1.4.0") == text.replace("1.3.0", "1.4.0")
