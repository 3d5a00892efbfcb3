"""What settings say that a build writes into a source distribution."""

from __future__ import annotations

import tomllib

import pytest

from tagready.facts.publishing.generated import crlf_by_attributes, generated_by_attributes, generated_by_settings


@pytest.mark.parametrize(
    ("settings", "generated"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("tool.setuptools_scm.version_file = 'src/a.py'", ["src/a.py"], id="setuptools-scm"),
        pytest.param("tool.setuptools_scm.write_to = './a.py'", ["a.py"], id="older setuptools-scm"),
        pytest.param("tool.hatch.build.hooks.vcs.version-file = 'src/a.py'", ["src/a.py"], id="hatch-vcs"),
        pytest.param(
            "tool.hatch.build.targets.sdist.hooks.vcs.version-file = 'a.py'", ["a.py"], id="hatch-vcs of the sdist"
        ),
        pytest.param("tool.hatch.build.hooks.version.path = 'a.py'", ["a.py"], id="hatchling"),
        pytest.param(
            "tool.hatch.build.artifacts = ['*.mo', '/web/dist/', '!web/dist/x', 'lib/*.so']",
            ["*.mo", "*/*.mo", "web/dist/*", "lib/*.so"],
            id="artifacts",
        ),
        pytest.param(
            "tool.hatch.build.targets.sdist.artifacts = ['dist/', '**/*.mo']",
            ["dist/*", "*/dist/*", "*.mo", "*/*.mo"],
            id="artifacts of the sdist",
        ),
        pytest.param("tool.pdm.version = {source = 'scm', write_to = 'a.py'}", ["a.py", "src/a.py"], id="pdm"),
        pytest.param(
            "build-system.build-backend = 'pdm.backend'\n"
            "tool.pdm = {version.write_to = 'demo/a.py', build.package-dir = 'src'}",
            ["src/demo/a.py", "pyproject.toml"],
            id="pdm with src",
        ),
        pytest.param(
            "tool.versioneer = {versionfile_source = 'src/a.py', versionfile_build = 'a.py'}",
            ["src/a.py"],
            id="versioneer",
        ),
        pytest.param("tool.versioningit.write.file = 'a.py'", ["a.py"], id="versioningit"),
        pytest.param("tool.versioningit.onbuild.source-file = 'a.py'", ["a.py"], id="versioningit, later"),
        pytest.param("tool.poetry.build.generate-setup-file = true", ["setup.py"], id="poetry"),
        pytest.param("tool.poetry.build.generate-setup-file = false", [], id="poetry without setup.py"),
        pytest.param(
            "[tool.poetry-dynamic-versioning]\nenable = true\nfiles = {'a.py' = {}}\nsubstitution.files = ['*.txt']",
            ["a.py", "*.txt"],
            id="poetry-dynamic-versioning",
        ),
        pytest.param(
            "tool.poetry-dynamic-versioning.enable = true",
            ["*/__init__.py", "*/__version__.py", "*/_version.py"],
            id="poetry-dynamic-versioning by default",
        ),
        pytest.param(
            "tool.scikit-build.generate = [{path = 'a.py', location = 'source'}, {path = 'b.py'}]",
            ["a.py"],
            id="scikit-build-core",
        ),
        pytest.param(
            "build-system.build-backend = 'uv_build'", ["pyproject.toml", "pyproject.toml.orig"], id="uv_build"
        ),
        pytest.param(
            "build-system.build-backend = 'maturin'",
            ["Cargo.toml", "*/Cargo.toml", "Cargo.lock", "pyproject.toml"],
            id="maturin",
        ),
        pytest.param("build-system.build-backend = 'hatchling.build'", [".gitignore"], id="hatchling in a sub-folder"),
        pytest.param("build-system.build-backend = 'pbr.build'", ["AUTHORS", "ChangeLog"], id="pbr"),
        pytest.param(
            "build-system.requires = ['setuptools', 'pbr>=6']", ["AUTHORS", "ChangeLog"], id="pbr in setuptools"
        ),
        pytest.param("build-system.requires = ['setuptools', 'pbrx']", [], id="not pbr"),
        pytest.param("tool.pdm.version = 3\ntool.hatch = 'no'\ntool.setuptools_scm.write_to = 3", [], id="nonsense"),
        pytest.param("tool = 3\nbuild-system = 3", [], id="more nonsense"),
        pytest.param("build-system = {requires = 3, build-backend = ['uv_build']}", [], id="still more nonsense"),
    ],
)
def test_generated_by_settings(settings: str, generated: list[str]) -> None:
    assert generated_by_settings(tomllib.loads(settings)) == set(generated)


ATTRIBUTES = """# *.md eol=crlf
*.bat text eol=crlf
/win/*.ps1 eol=crlf
**/run.cmd eol=crlf
*.sh eol=lf

demo/_version.py export-subst
.git_archival.txt  export-subst text
"""


def test_attributes() -> None:
    assert crlf_by_attributes(ATTRIBUTES) == {"*.bat", "*/*.bat", "win/*.ps1", "run.cmd", "*/run.cmd"}
    assert generated_by_attributes(ATTRIBUTES) == {"demo/_version.py", ".git_archival.txt", "*/.git_archival.txt"}
