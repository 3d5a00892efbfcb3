"""What could be published though nobody has verified it, or half of it: one table for each check."""

from __future__ import annotations

import pytest
from twine.utils import TEST_REPOSITORY

from tagready.facts.actions.workflow_faults import (
    CACHE,
    CANCELLED,
    OWN_CODE,
    SKIP_EXISTING,
    UNGATED,
    UNHEEDED,
    UNPINNED,
)
from tagready.facts.actions.workflow_rules import judge
from tagready.facts.findings import Level
from workflow_cases import BUILD, MAKE, PATH, SHA, TAGS, TWINE, UPLOAD, Case, bad, findings, nothing, release, rows


def own(text: str, marker: str, shown: str) -> Case:
    return bad(text, (marker, OWN_CODE, f"{shown} runs in publish, the job that publishes"))


def cached(text: str, action: str, job: str, does: str) -> Case:
    return bad(text, (f"{action}@", CACHE, f"{action} restores a cache in {job}, which {does}"))


def ungated(text: str, trigger: str) -> Case:
    return bad(text, ("publish:\n", UNGATED, f"the job publish publishes on {trigger}, too"))


PINS = {
    action: bad(release(before=f"- uses: {action}\n"), (action, UNPINNED, f"{action} is not pinned"))
    for action in (
        "actions/download-artifact@v8",
        "actions/download-artifact@main",
        f"some/action/path@{'a' * 39}",
        "some/action@${{ env.REF }}",
        "docker://alpine:3.20",
    )
} | {
    "where only what is merged is released": bad(
        release(
            before="- uses: a/b@v1\n",
            on="pull_request: {types: [closed]}",
            job="if: github.event.pull_request.merged == true\n",
        ),
        ("a/b", UNPINNED, "a/b@v1 is not pinned"),
    ),
    "not pinned, not beside the token": Case(release(build=BUILD.replace(SHA, "v6"))),
    "pinned": Case(release(before=f"- uses: actions/download-artifact@{SHA.upper()}\n")),
    "an image by its digest": Case(release(before=f"- uses: docker://alpine@sha256:{'0' * 64}\n")),
}

BUILDS = {
    **{
        command: own(release(before=f"- run: |\n    ls\n    {command}\n"), command, f"`{shown}`")
        for command, shown in {
            "python -m build": "python -m build",
            "python3.12 -Im build --sdist": "python3.12 -Im build --sdist",
            "pipx run build": "pipx run build",
            "uv build": "uv build",
            "uvx --from build pyproject-build .": "uvx --from build pyproject-build .",
            "hatch build": "hatch build",
            "poetry -C pkg build": "poetry -C pkg build",
            "python setup.py sdist bdist_wheel": "python setup.py sdist bdist_wheel",
            "./setup.py sdist": "./setup.py sdist",
            "pip wheel . -w dist": "pip wheel . -w dist",
            "tagready build --out dist": "tagready build --out dist",
            "pip install -e .[dev]": "pip install -e .[dev]",
            "uv pip install --system .": "uv pip install --system .",
            "python -m pip install -q dist/*.whl": "python -m pip install -q dist/*.whl",
            "python -m pip install --quiet --upgrade one two ./pkg": "python -m pip install --quiet --upgrade …",
            "pytest -q": "pytest -q",
            "python -m pytest": "python -m pytest",
            "uv run --with x==1 tox": "uv run --with x==1 tox",
            "sudo make test": "make test",
            "if CI=1 nox -s tests; then echo; fi": "nox -s tests",
            "poetry install": "poetry install",
            "uv sync --locked": "uv sync --locked",
        }.items()
    },
    "flit publish builds": own(release("- run: flit publish\n"), "flit", "`flit publish`"),
    "pdm publish builds": own(release("- run: pdm publish\n"), "pdm", "`pdm publish`"),
    "poetry is told to": own(release("- run: poetry publish --build\n"), "poetry", "`poetry publish --build`"),
    "the first one only": own(release(before="- run: tox\n- run: uv build\n"), "tox", "`tox`"),
    "an action of its own": own(
        release(before="- uses: ./.github/actions/prepare\n"), "./.github", "./.github/actions/prepare"
    ),
    "an action that builds": own(
        release(before=f"- uses: pypa/cibuildwheel@{SHA}\n"), "pypa/cib", f"pypa/cibuildwheel@{SHA}"
    ),
    "a script of the project's": own(
        release(before=f"- uses: actions/checkout@{SHA}\n- run: python tools/check.py\n"),
        "python",
        "`python tools/check.py`",
    ),
    "a script of the project's, with an argument": own(
        release(before=f"- uses: actions/checkout@{SHA}\n- run: python tools/check.py ${{{{ github.sha }}}}\n"),
        "python",
        "`python tools/check.py ${{ … }}`",
    ),
    "another script of the project's": own(
        release(before=f"- uses: actions/checkout@{SHA}\n- run: ./release\n"), "./rel", "`./release`"
    ),
    "who gets the token does": own(
        release(TWINE.replace("twine upload dist/*", "tox -e release")), "tox", "`tox -e release`"
    ),
    # Harmless ones.
    "a script of others": Case(
        release(before=f"- uses: actions/checkout@{SHA}\n- run: curl -O https://example.org/get.py && python get.py\n")
    ),
    "a checkout alone": Case(release(before=f"- uses: actions/checkout@{SHA}\n")),
    **{
        f"no code of the project's: {command}": Case(release(before=f"- run: |\n    ls\n    {command}\n"))
        for command in (
            "pip install twine build",
            "pip install hatch build",
            "pip install --require-hashes -r requirements.txt",
            "echo python -m build",
            "# python -m build",
            "ls dist # then; pytest",
            "cat > x <<'EOF'\n    python -m build\n    EOF",
            "git commit -m 'uv build'",
            "python -m twine check dist/*",
            "python tools/check.py",
            "poetry --version",
            "uv run",
            "python",
            "python -m",
            "echo 'never closed",
            "cat setup.py",
            "git add setup.py",
            "python -c pass setup",
        )
    },
    "nothing is built anew": Case(release("- run: pdm publish --no-build\n")),
    "not a shell": Case(release(before="- run: pytest\n  shell: python\n")),
}

UV = f"- uses: astral-sh/setup-uv@{SHA}\n  with: {{enable-cache: true}}\n"
CACHES = {
    "of the build": cached(release(build=UV + BUILD), "astral-sh/setup-uv", "build", "builds"),
    "of the job that publishes": cached(release(before=UV), "astral-sh/setup-uv", "publish", "publishes"),
    "by the setup": cached(
        release(build=BUILD.replace("setup-python@" + SHA, f"setup-python@{SHA}\n  with: {{Cache: pip}}")),
        "actions/setup-python",
        "build",
        "builds",
    ),
    "by its own action": cached(
        release(build=f"- uses: actions/cache@{SHA}\n- uses: hynek/build-and-inspect-python-package@{SHA}\n"),
        "actions/cache",
        "build",
        "builds",
    ),
    "by its half": cached(
        release(build=f"- uses: actions/cache/restore@{SHA}\n{BUILD}"), "actions/cache/restore", "build", "builds"
    ),
    "of cargo": cached(
        release(build=f"- uses: Swatinem/rust-cache@{SHA}\n{BUILD}"), "Swatinem/rust-cache", "build", "builds"
    ),
    "of maturin": cached(
        release(build=f"- uses: PyO3/maturin-action@{SHA}\n  with: {{sccache: 'true'}}\n{BUILD}"),
        "PyO3/maturin-action",
        "build",
        "builds",
    ),
    "the job takes it back": cached(
        release(before=UV, top="cache-mode: none\n", job="cache-mode: read\n"),
        "astral-sh/setup-uv",
        "publish",
        "publishes",
    ),
    # Harmless ones.
    "of the tests": Case(release(build=UV + "- run: pytest\n")),
    "of a job that hands nothing on": Case(release(build=UV + BUILD.replace("upload-artifact", "github-script"))),
    "of a job that is not waited for": Case(release(build=UV + BUILD).replace("    needs: build\n", "")),
    "only saved": Case(release(build=f"- uses: actions/cache/save@{SHA}\n{BUILD}")),
    "only looked up": Case(release(build=f"- uses: actions/cache@{SHA}\n  with: {{lookup-only: true}}\n{BUILD}")),
    "switched off": Case(release(build=UV.replace("true", "false") + BUILD)),
    "switched off for the workflow": Case(release(build=UV + BUILD, top="cache-mode: none\n")),
    "not for tags": Case(release(build=UV.replace("true", "\"${{ github.ref_type != 'tag' }}\"") + BUILD)),
    "a step that the release leaves out": Case(
        release(
            build=UV + "  if: github.ref_type != 'tag'\n" + BUILD,
            on="push: {branches: [main], tags: ['*']}",
            job="if: github.ref_type == 'tag'\n",
        )
    ),
    "a step that tags leave out": Case(
        release(build=UV + "  if: ${{ !startsWith(github.ref, 'refs/tags/') }}\n" + BUILD)
    ),
    "a step of branches": Case(release(build=UV + "  if: startsWith(github.ref, 'refs/heads/')\n" + BUILD)),
    "not asked for": Case(release(build=UV.replace("enable-cache: true", "version: '0.9'") + BUILD)),
}

OTHERS = {
    "skip-existing": bad(
        release(UPLOAD + "    skip-existing: true\n"), ("skip-existing", SKIP_EXISTING, "`skip-existing` is on")
    ),
    "skip_existing": bad(
        release(UPLOAD + "    skip_existing: 'true'\n"), ("skip_existing", SKIP_EXISTING, "`skip-existing` is on")
    ),
    "--skip-existing": bad(
        release("- run: |\n    twine upload \\\n      --skip-existing dist/*\n"),
        ("--skip-existing", SKIP_EXISTING, "`--skip-existing` is on"),
    ),
    "a group that cuts": bad(
        release(top="concurrency:\n  group: release\n  cancel-in-progress: true\n"),
        ("cancel-in-progress", CANCELLED, "`cancel-in-progress` is on for the workflow"),
    ),
    "a group of the job that cuts": bad(
        release(job="concurrency: {group: '${{ github.ref }}', cancel-in-progress: true}\n"),
        ("cancel-in-progress", CANCELLED, "`cancel-in-progress` is on for the job publish"),
    ),
    "a group that cuts pushes": bad(
        release(top="concurrency: {group: x, cancel-in-progress: \"${{ github.event_name == 'push' }}\"}\n"),
        ("concurrency", CANCELLED, "`cancel-in-progress` is on for the workflow"),
    ),
    # Harmless ones.
    "pull requests are cut": Case(
        release(
            on=f"{TAGS}\npull_request:\n",
            job="if: github.event_name == 'push'\n",
            top="concurrency: {group: x, cancel-in-progress: \"${{ github.event_name == 'pull_request' }}\"}\n",
        )
    ),
    "nobody knows what cuts": Case(release(top='concurrency: {group: x, cancel-in-progress: "${{ vars.CUT }}"}\n')),
    "a test index": Case(release(f"{UPLOAD}    skip-existing: true\n    repository-url: {TEST_REPOSITORY}\n")),
    "a test index of twine's": Case(release("- run: twine upload -r testpypi --skip-existing dist/*\n")),
    "skip-existing is off": Case(release(UPLOAD + "    skip-existing: false\n")),
    "--check-url compares": Case(release("- run: uv publish --check-url https://example.org/simple/\n")),
    "skips elsewhere": Case(release(before=f"- uses: some/action@{SHA}\n  with: {{skip-existing: true}}\n")),
    "each run by itself": Case(
        release(top="concurrency: {group: '${{ github.head_ref || github.run_id }}', cancel-in-progress: true}\n")
    ),
    "it waits": Case(release(top="concurrency: {group: release, cancel-in-progress: false}\n")),
    "not for tags": Case(
        release(top="concurrency: {group: x, cancel-in-progress: \"${{ github.ref_type != 'tag' }}\"}\n")
    ),
    "tests that are cut": Case(nothing(MAKE, top="concurrency: {group: x, cancel-in-progress: true}\n")),
}

GATES = {
    "on pull requests": ungated(release(on="pull_request:"), "pull_request"),
    "as an image": ungated(
        release(f"- uses: docker://ghcr.io/pypa/gh-action-pypi-publish@sha256:{'0' * 64}\n", on="pull_request:"),
        "pull_request",
    ),
    "on pull requests, by name": ungated(
        release().replace(f"on:\n  {TAGS}", "on: [pull_request, push]"), "pull_request"
    ),
    "with the rights of the base": ungated(release(on="pull_request_target:"), "pull_request_target"),
    "every push": ungated(release(on="push:"), "every push"),
    "every branch": ungated(release(on="push: {branches: ['**']}"), "every push"),
    "a condition that says so": ungated(
        release(on="pull_request:", job="if: github.event_name != 'push'\n"), "pull_request"
    ),
    "a condition that says nothing": ungated(release(on="pull_request:", job="if: ${{ success() }}\n"), "pull_request"),
    "a condition of the step that says nothing": ungated(
        release(TWINE + "  if: success() && !cancelled()\n", on="pull_request:"), "pull_request"
    ),
    # Harmless ones.
    **{
        f"a condition: {condition}": Case(
            release(on="push: {branches: [main]}\npull_request:", job=f'if: "{condition}"\n')
        )
        for condition in (
            "github.event_name == 'push'",
            "startsWith(github.ref, 'refs/tags/')",
            "${{ startsWith(github.event.ref, 'refs/tags') }}",
            "contains(github.ref, 'refs/tags/v')",
            "github.ref == 'refs/heads/main'",
            "github.ref_type == 'tag'",
            "!(github.ref_type != 'tag')",
            "github.repository == 'demo/demo'",
            "github.event.pull_request.merged",
            "github.event.pull_request.merged == true && contains(github.event.pull_request.labels.*.name, 'release')",
            "needs.build.outputs.release",
            "failure() || github.repository == 'demo/demo'",
            "${{ github.event_name }} == 'push'",
            "false",
            "nonsense(",
        )
    },
    "a condition of the step": Case(
        release(UPLOAD.replace("  with:", "  if: github.event_name == 'push'\n  with:"), on="pull_request:")
    ),
    "a condition of the step, and others without": Case(
        release(TWINE + "  if: github.event_name == 'push'\n", before="- run: ls\n", on="pull_request:")
    ),
    "a job that never runs": Case(
        release(
            UPLOAD.replace(SHA, "v1"), on="push: {branches: [main]}", job="if: startsWith(github.ref, 'refs/tags/')\n"
        )
    ),
    "a condition of what it waits for": Case(
        release(on="pull_request:").replace("  build:\n", "  build:\n    if: github.event_name == 'push'\n")
    ),
    "a condition of the shell's": Case(
        release("- run: |\n    if [[ $GITHUB_REF == refs/tags/* ]]; then twine upload dist/*; fi\n", on="pull_request:")
    ),
    "an action that nobody knows may ask": Case(
        release(f"- uses: some/uploader@{SHA}\n  with: {{token: '${{{{ secrets.PYPI_TOKEN }}}}'}}\n", on="push:")
    ),
    "main, for every commit": Case(release(on="push: {branches: [main]}")),
    "every tag": Case(release(on="push: {tags: ['*']}")),
    "by hand": Case(release(on="workflow_dispatch:")),
    "a dry run": Case(release("- run: uv publish --dry-run\n", on="pull_request:")),
}

TESTS = BUILD + "- run: python -m pytest\n"


def loose(build: str) -> str:
    """Return a release whose job `build` may fail."""
    return release(build=build).replace("  build:\n", "  build:\n    continue-on-error: true\n")


HEED = {
    **{
        condition: bad(
            release(job=f'if: "{condition}"\n'),
            ("if: ", UNHEEDED, "the job publish publishes even if build has failed"),
        )
        for condition in (
            "always()",
            "${{ always() && startsWith(github.ref, 'refs/tags/') }}",
            "${{ !cancelled() }}",
            "github.repository == 'demo/demo' && always()",
        )
    },
    "tests that may fail": bad(
        loose(TESTS),
        ("continue-on-error", UNHEEDED, "the tests in build may fail, and publish publishes all the same"),
    ),
    # Harmless ones.
    **{
        condition: Case(release(job=f'if: "{condition}"\n'))
        for condition in (
            "success()",
            "always() && needs.build.result == 'success'",
            "${{ !cancelled() && !failure() }}",
            "${{ always() && !contains(needs.*.result, 'failure') }}",
        )
    },
    "what is built may fail: then there is nothing to upload": Case(loose(BUILD)),
    "nothing to wait for": Case(release(job="if: always()\n").replace("    needs: build\n", "")),
    "tests beside it": Case(loose(TESTS).replace("    needs: build\n", "")),
}

ROWS = rows({"pins": PINS, "builds": BUILDS, "caches": CACHES, "others": OTHERS, "gates": GATES, "heed": HEED})


@pytest.mark.parametrize("case", ROWS.values(), ids=ROWS)
def test_tables(case: Case) -> None:
    assert judge({PATH: case.text}, strict=False) == findings(case.text, case.expected)
    assert judge({PATH: case.text}, strict=True) == findings(case.text, case.expected, Level.ERROR)
