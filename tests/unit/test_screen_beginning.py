"""What is said of a study before anybody works on it."""

import pytest

from hpsearch.sessions.hardware import Hardware
from hpsearch.sessions.progress import Beginning
from hpsearch.views.terminal import describe_start
from tests.cli_runs import make_record


@pytest.mark.parametrize("title", [None, "finalists  trial 1 of searched, 5 seeds each"])
def test_what_a_person_has_to_know_of_the_hardware_is_said_of_searched_and_planned_studies(title: str | None) -> None:
    hardware = Hardware("cuda", "cuda:0", "a GPU", 4, gpus=1, gpu_share=4, note="4 workers share each GPU")
    lines = describe_start(Beginning(make_record(), hardware, None, "sqlite:///x.db", title))
    assert "note       4 workers share each GPU" in lines
    assert any("4 workers on cuda:0 (a GPU)" in line for line in lines)
    assert (title is None) == lines[0].startswith("study ")
