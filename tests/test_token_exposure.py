"""Where a workflow gives the token, an identity or rights to more than what uploads: one table for each check."""

from __future__ import annotations

import pytest

from tagready.facts.actions.workflow_faults import IDENTITY, INHERITED, PERMISSIVE, TOKEN_SHOWN, TOKEN_SPREAD
from tagready.facts.actions.workflow_rules import judge
from tagready.facts.findings import Level
from workflow_cases import BUILD, MAKE, PATH, SHA, TWINE, Case, bad, findings, nothing, release, rows


def spread(text: str, marker: str, what: str) -> Case:
    return bad(text, (marker, TOKEN_SPREAD, what))


TOKENS = {
    "for the whole workflow": spread(
        release("- run: twine upload dist/*\n", top="env:\n  TWINE_PASSWORD: ${{ secrets.X }}\n"),
        "TWINE_PASSWORD",
        "secrets.X is in the `env:` of the whole workflow",
    ),
    "for the whole workflow, by its name": spread(
        release(TWINE, top="env:\n  A: ${{ secrets['pypi_token'] }}\n"),
        "A: ",
        "secrets.PYPI_TOKEN is in the `env:` of the whole workflow",
    ),
    "for the whole workflow, nobody uploads": spread(
        nothing(MAKE, top="env: {UV_PUBLISH_TOKEN: '${{ secrets.X }}'}\n"),
        "UV_PUBLISH_TOKEN",
        "secrets.X is in the `env:` of the whole workflow",
    ),
    "for the whole job": spread(
        release("- run: uv publish\n", job="env:\n  UV_PUBLISH_TOKEN: ${{ secrets.X || '' }}\n"),
        "UV_PUBLISH",
        "secrets.X is in the `env:` of the whole job publish",
    ),
    "for a job that only builds": spread(
        release(build=BUILD + TWINE.replace("twine upload dist/*", "twine check dist/*")),
        "TWINE_PASSWORD",
        "secrets.PYPI_API_TOKEN is given to a step that does not upload",
    ),
    "for another step": spread(
        release(before="- run: ls\n  env:\n    X: ${{ secrets.TEST_PYPI_TOKEN }}\n"),
        "X: ",
        "secrets.TEST_PYPI_TOKEN is given to a step that does not upload",
    ),
    "for an action of GitHub's": spread(
        release(before=f"- uses: actions/setup-python@{SHA}\n  env: {{X: '${{{{ secrets.PYPI_TOKEN }}}}'}}\n"),
        "X: ",
        "secrets.PYPI_TOKEN is given to a step that does not upload",
    ),
    "as an option of an action of GitHub's": spread(
        release(before=f"- uses: actions/setup-python@{SHA}\n  with: {{X: '${{{{ secrets.PYPI_TOKEN }}}}'}}\n"),
        "X: ",
        "secrets.PYPI_TOKEN is given to a step that does not upload",
    ),
    "to confirm": spread(
        release(
            TWINE.replace("twine upload dist/*", "tagready publish")
            + TWINE.replace("twine upload dist/*", "tagready publish --confirm").replace("PYPI_API", "PYPI_OTHER")
        ),
        "secrets.PYPI_OTHER_TOKEN",
        "secrets.PYPI_OTHER_TOKEN is given to a step that does not upload",
    ),
    "everything": spread(
        release(before="- run: ls\n  env:\n    ALL: ${{ toJSON(secrets) }}\n"),
        "ALL: ",
        "every secret of the repository is in one variable",
    ),
    "in the script": bad(
        release("- run: twine upload -p ${{ secrets.PYPI_TOKEN }} dist/*\n"),
        ("twine upload", TOKEN_SHOWN, "secrets.PYPI_TOKEN is written into the script"),
    ),
    "in a file": bad(
        release(before="- run: |\n    ls\n    echo 'password = ${{ secrets.PYPI_TOKEN }}' >> ~/.pypirc\n"),
        ("password = ", TOKEN_SHOWN, "secrets.PYPI_TOKEN is written into the script"),
    ),
    **{
        command: bad(
            release(f"- run: |\n    ls\n    {command}\n"), (command, TOKEN_SHOWN, f"the token is an argument, {option}")
        )
        for command, option in {
            'twine upload -u __token__ -p "$PYPI_TOKEN" dist/*': "-p",
            "python -m twine upload --password=$PYPI_TOKEN dist/*": "--password",
            "uvx twine@6 upload --password $T dist/*": "--password",
            'uv publish --token "$T"': "--token",
            "uv publish -t $T": "-t",
            "hatch publish -u __token__ --auth $T": "--auth",
            "poetry publish --username __token__ --password $T": "--password",
            "pdm publish --no-build --password $T": "--password",
        }.items()
    },
    # Harmless ones.
    "the step that uploads": Case(release(TWINE)),
    "the preflight": Case(release(TWINE, before=TWINE.replace("twine upload dist/*", "tagready publish --preflight"))),
    "a name is no token": Case(release(TWINE, top="env: {TWINE_USERNAME: '${{ secrets.PYPI_USERNAME }}'}\n")),
    "another token": Case(release(TWINE, job="env: {CODECOV_TOKEN: '${{ secrets.CODECOV_TOKEN }}'}\n")),
    "whether there is one": Case(release(TWINE, job="env: {HAS: \"${{ secrets.PYPI_API_TOKEN != '' }}\"}\n")),
    "an action that nobody knows": Case(
        release(f"- uses: some/uploader@{SHA}\n  with: {{token: '${{{{ secrets.PYPI_TOKEN }}}}'}}\n")
    ),
    "a script that says what it does": Case(
        release(TWINE + TWINE.replace("twine upload dist/*", "cargo run -- publish"))
    ),
    "a script that nobody knows": Case(release(TWINE.replace("twine upload dist/*", "upload-it"))),
    "the preflight, beside a script that nobody knows": Case(
        release(
            TWINE.replace("twine upload dist/*", "upload-it"),
            build=BUILD.replace(SHA, "v6") + TWINE.replace("twine upload dist/*", "tagready publish --preflight"),
        )
    ),
    "all secrets, where nothing is released": Case(nothing("- run: ls\n  env: {ALL: '${{ toJSON(secrets) }}'}\n")),
    "a port": Case(release("- run: twine upload --verbose dist/*\n", before="- run: ssh -p 22 host\n")),
}

ID = "permissions: {id-token: write}\n"
CALL = """\
jobs:
  tests:
    uses: ./.github/workflows/tests.yml
    secrets: inherit
"""
RIGHTS = {
    "all secrets for the tests": bad(
        release().replace("jobs:\n", CALL),
        ("./.github/workflows/tests.yml", INHERITED, "./.github/workflows/tests.yml gets `secrets: inherit`"),
    ),
    "an identity for all jobs": bad(
        release(top="permissions:\n  id-token: write\n"),
        ("id-token", IDENTITY, "`id-token: write` holds for jobs that do not publish (build)"),
    ),
    "an identity for the build": bad(
        release(job=ID).replace("  build:\n", "  build:\n    permissions:\n      id-token: write # why\n"),
        ("# why", IDENTITY, "the job build has `id-token: write`, and does not publish"),
    ),
    "everything, at the top": bad(
        release(top="permissions: write-all\n"), ("write-all", PERMISSIVE, "the workflow has `permissions: write-all`")
    ),
    "everything, for the job": bad(
        release(job="permissions: write-all\n"),
        ("write-all", PERMISSIVE, "the job publish has `permissions: write-all`"),
    ),
    "nothing said": bad(
        release(top="# permissions:\n"),
        ("publish:\n", PERMISSIVE, "the job publish publishes, and has no `permissions:`"),
    ),
    # Harmless ones.
    "said for the job": Case(release(job=ID)),
    "an identity for all, that others narrow": Case(
        release(top=ID).replace("  build:\n", "  build:\n    permissions: {contents: read}\n")
    ),
    "an identity for all, which a script that uploads has": Case(
        release(TWINE, top=ID).replace("  build:\n", "  build:\n    permissions: {contents: read}\n")
    ),
    "an identity to attest": Case(
        release(build=BUILD + f"- uses: actions/attest-build-provenance@{SHA}\n", job=ID).replace(
            "  build:\n", "  build:\n    permissions: {id-token: write}\n"
        )
    ),
    "an identity that a script may use": Case(
        release(build="- run: cosign sign-blob dist/*\n", job=ID).replace(
            "  build:\n", "  build:\n    permissions: {id-token: write}\n"
        )
    ),
    "nothing said, nothing released": Case(nothing(MAKE)),
    "nothing said, of a workflow that is called": Case(release(top="# permissions:\n", on="workflow_call:")),
    "all secrets, where nothing is released": Case(
        "on: push\njobs:\n  tests: {uses: ./.github/workflows/t.yml, secrets: inherit}\n"
    ),
}


ROWS = rows({"tokens": TOKENS, "rights": RIGHTS})


@pytest.mark.parametrize("case", ROWS.values(), ids=ROWS)
def test_tables(case: Case) -> None:
    assert judge({PATH: case.text}, strict=False) == findings(case.text, case.expected)
    assert judge({PATH: case.text}, strict=True) == findings(case.text, case.expected, Level.ERROR)
