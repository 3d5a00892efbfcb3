"""How Sphinx builds these pages."""

import tomllib
from pathlib import Path

project = "tagready"
author = "The tagready maintainers"
project_copyright = "2026, the tagready maintainers"
pyproject = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
release = version = tomllib.loads(pyproject)["project"]["version"]

extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"tagready {release}"
