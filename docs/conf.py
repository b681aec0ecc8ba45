"""The site: `sphinx-build -W docs build/site`, after `pip install '.[docs]'`. Nothing is fetched."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import hpsearch

project = "hpsearch"
copyright = "the authors of hpsearch"  # noqa: A001 - Sphinx's name
version = release = hpsearch.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "study_file", "outside"]
exclude_patterns = ["_ext"]
html_theme = "furo"
html_title = f"hpsearch {version}"
html_show_sphinx = False

# Lessons are executed by the tests, on small settings; here they are shown as they are kept.
nb_execution_mode = "off"
myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]
suppress_warnings = ["myst.header"]  # docs/cli.md begins sections where a command's panels do

autodoc_typehints = "none"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
