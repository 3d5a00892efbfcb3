"""Run the tag gate over the last final tags of real projects, and print what it finds.

    python bench/audit.py CLONE …  [--tags 60] [--json FILE]

A clone may be bare. Every finding is there to be opened and judged by a person: `docs/evidence.md` has the verdicts.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from tagready.commands.releases.snapshot import take
from tagready.commands.verify import Options, Verified, judge_tag
from tagready.doors.git import Git, discover
from tagready.facts.findings import Level, Refused, Report, Trouble, WrongUse
from tagready.facts.git_records import Ref

#: Versions that are computed by code in setup.py or by Incremental: the tag is taken for them.
TAG_IS_VERSION = 'version-source = "tag"\n'


#: Why most tags are not judged.
NOT_YET = "no towncrier yet"


class Audited(NamedTuple):
    """One tag: the verdict, or why there is none."""

    tag: str
    verified: Verified | None
    report: Report
    why_not: str = ""

    @property
    def kind(self) -> str:
        """How the entry stands to its fragments, in one word."""
        if self.verified is None:
            return NOT_YET if self.why_not == NOT_YET else "not judged"
        rules = {found.rule: found for found in self.report.findings}
        if self.verified.judged.entry is None:
            return "no entry"
        if "entry-differs" in rules:
            return "typed" if "typed, not compiled" in rules["entry-differs"].message else "edited"
        return "proven" if self.verified.judged.proof else "not provable"


def final_tags(git: Git, refs: tuple[Ref, ...], count: int) -> list[str]:
    """Return the newest final release tags, by the dates of their commits."""
    tags = take(git, "HEAD").tags(refs)
    finals = [tag.name for tag in tags.releases if not tag.version.is_prerelease]
    dated = [(commit.committer_time, name) for name in finals if (commit := git.commit(f"refs/tags/{name}"))]
    return [name for _, name in sorted(dated, reverse=True)[:count]]


def audit(git: Git, refs: tuple[Ref, ...], tag: str, overlay: Path) -> Audited:
    for over in (None, overlay):
        try:
            snapshot = take(git, f"refs/tags/{tag}", over)
            if snapshot.sources.towncrier is None and "towncrier" not in snapshot.sources.pyproject.get("tool", {}):
                return Audited(tag, None, Report(), NOT_YET)
            verified = judge_tag(snapshot, refs, tag, Options())
            return Audited(tag, verified, verified.report)
        except Refused as refused:
            return Audited(tag, None, refused.report, "refused")
        except WrongUse as wrong:
            why_not = f"{wrong.what}"
        except Trouble as trouble:
            return Audited(tag, None, Report(), trouble.what)
    return Audited(tag, None, Report(), NOT_YET if "so there is no project" in why_not else why_not)


def show(name: str, audited: list[Audited], seconds: float) -> None:
    kinds = Counter(item.kind for item in audited)
    print(f"\n## {name}: {len(audited)} tags, {dict(kinds)}, {seconds:.1f} s of CPU")
    for item in audited:
        if item.why_not not in ("", NOT_YET):
            print(f"  {item.tag:<16} not judged: {item.why_not}")
        for found in item.report.findings:
            if found.rule == "entry-differs":
                continue
            sign = "E" if found.level is Level.ERROR else "w"
            print(f"  {item.tag:<16} {sign} {found.rule}: {found.message.split(chr(10))[0]}")
    skips = Counter((skip.rule, skip.reason) for item in audited for skip in item.report.skipped)
    for (rule, reason), number in skips.most_common():
        print(f"  {number:>3} skipped {rule}: {reason}")


def as_json(name: str, audited: list[Audited]) -> list[dict[str, Any]]:
    return [
        {
            "project": name,
            "tag": item.tag,
            "kind": item.kind,
            "findings": [[found.rule, str(found.level), found.path, found.message] for found in item.report.findings],
            "skipped": [[skip.rule, skip.reason] for skip in item.report.skipped],
            "why_not": item.why_not,
        }
        for item in audited
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("clones", nargs="+", type=Path)
    parser.add_argument("--tags", type=int, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    everything = []
    with tempfile.TemporaryDirectory() as folder:
        overlay = Path(folder) / "overlay.toml"
        overlay.write_text(TAG_IS_VERSION)
        for clone in options.clones:
            begun = time.process_time()
            git = discover(clone, bare=True)
            try:
                refs = git.refs()
                audited = [audit(git, refs, tag, overlay) for tag in final_tags(git, refs, options.tags)]
            except Trouble as trouble:
                print(f"\n## {clone}: {trouble.what}")
                continue
            finally:
                git.close()
            name = clone.resolve().name if clone.name != "repo" else clone.resolve().parent.name
            show(name, audited, time.process_time() - begun)
            everything += as_json(name, audited)
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
