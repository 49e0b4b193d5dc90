"""Sphinx: `make docs` builds these pages into docs/_build, and a warning is an error."""

from importlib.metadata import version as version_of

project = "django-buffer-connect"
author = "The django-buffer-connect contributors"
project_copyright = author
release = version = version_of("django-buffer-connect")

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = project
