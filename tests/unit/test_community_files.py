"""What a forge and its readers look for: one version number, and forms that are what the forge takes."""

from pathlib import Path

import yaml

from hpsearch.version import __version__

ROOT = Path(__file__).parents[2]


def test_the_citation_has_the_version_of_the_package() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == __version__


def test_each_form_asks_something_under_labels_that_differ() -> None:
    forms = list((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    assert len(forms) == 2
    for path in forms:
        form = yaml.safe_load(path.read_text())
        labels = [part["attributes"]["label"] for part in form["body"]]
        assert form["name"]
        assert form["description"]
        assert len(labels) == len(set(labels)) >= 2


def test_the_workflow_tries_every_python_that_the_package_names() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    matrix = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())["jobs"]["suite"]["strategy"][
        "matrix"
    ]
    assert matrix["python"]
    for python in matrix["python"]:
        assert f'"Programming Language :: Python :: {python}"' in project
