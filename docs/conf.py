"""How Sphinx builds these pages."""

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "tagready"
author = "The tagready maintainers"
project_copyright = "2026, the tagready maintainers"
pyproject = (HERE.parent / "pyproject.toml").read_text(encoding="utf-8")
release = version = tomllib.loads(pyproject)["project"]["version"]

extensions = ["myst_parser", "sphinx_click", "config_table"]
myst_heading_anchors = 3
smartquotes = False  # it makes a dash of the two hyphens of an option
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"tagready {release}"
