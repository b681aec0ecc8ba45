"""The words of a report's pages: all of it is escaped, nothing is fetched, commands and files say what was done."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpsearch.dataset import DatasetIdentity, InputShape
from hpsearch.reporting.markdown_page import list_files, render_markdown
from hpsearch.reporting.report import build_report
from hpsearch.reporting.subject import Subject
from hpsearch.reporting.words import describe_openings, join_some, write_epochs, write_points
from hpsearch.study.origin import Origin, PrintedFigures, Source
from hpsearch.study.trial_plan import plan_replicates
from tests.cli_runs import make_record, make_trial
from tests.report_pages import PIXEL
from tests.report_studies import (
    HOSTILE,
    SEARCH,
    assert_sound,
    look,
    make_config,
    make_done,
    make_finalists,
    make_planned,
    plan_record,
    read,
    score,
)


def make_hostile() -> list[Subject]:
    """Words of somebody's own wherever there can be some."""
    dataset = DatasetIdentity(
        name=f"/home/somebody/{HOSTILE.replace('/', '')}",
        sha256="0" * 64,
        input_shape=InputShape(1, 8, 8),
        class_names=(HOSTILE, "b", "c"),
        train_count=100,
        test_count=20,
    )
    search = make_record(
        make_done(0, 0.9, network=HOSTILE, given_by=HOSTILE, environment={HOSTILE: HOSTILE}),
        make_done(1, 0.8),
        make_trial(2, "FAIL", reason=HOSTILE),
        dataset=dataset,
        trials=3,
    )
    origin = Origin(
        title=HOSTILE,
        source=Source(report=HOSTILE, place=HOSTILE),
        printed={HOSTILE: PrintedFigures(note=HOSTILE, test_percent=1.0)},
    )
    plan = plan_replicates({HOSTILE: make_config(), f"{HOSTILE} 2": make_config(24)}, 1, origin=origin)
    planned = plan_record("planned", plan, make_done(0, 0.8, label=HOSTILE))
    planned = replace(planned, study=replace(planned.study, dataset=dataset))
    return [
        Subject(search, outcomes=(look(search.trial(0)),)),
        Subject(planned, outcomes=(look(planned.trial(0)),)),
    ]


def test_words_of_somebody_are_shown_as_they_are_and_do_nothing() -> None:
    page = read(*make_hostile())
    assert_sound(page)
    assert "<script" not in page.source
    assert page.text.count(HOSTILE) > 10
    assert all(link.startswith("#") for link in page.links)
    assert "/home/somebody" not in page.source


def test_markdown_has_the_same_and_escapes_it() -> None:
    report = build_report(make_hostile())
    files = render_markdown(report, {picture.name: PIXEL for picture in report.list_pictures()})
    page = files["README.md"].decode()
    assert set(files) == list_files(page)
    prose = re.sub(r"^(`{3,}).*?^\1$", "", page, flags=re.MULTILINE | re.DOTALL)
    assert "<script" in page.replace("\\<script", "")  # in a command, where it is quoted
    assert "<script" not in prose.replace("\\<script", "")
    assert "](http" not in prose.replace("\\](http", "")
    assert page.startswith("<!-- hpsearch report -->\n\n# 2 studies side by side\n")
    assert "\n````sh\n" in page  # longer than what somebody's words could close
    heads = [line for line in page.splitlines() if re.fullmatch(r"\|(-+:?\|)+", line)]
    assert len(heads) > 8
    for row in (line for line in page.splitlines() if line.startswith("| ")):
        assert len(re.split(r"(?<!\\)\|", row)) > 3


def test_pictures_of_a_report_have_names_of_their_own() -> None:
    report = build_report(
        [Subject(SEARCH, (make_finalists(SEARCH),), outcomes=(look(SEARCH.trial(1)),)), *make_hostile()[1:]]
    )
    names = [picture.name for picture in report.list_pictures()]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in names)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"portfolio": False}, "--no-portfolio"),
        ({"sampler": "random"}, "--sampler random"),
        ({"seed": 7}, "--seed 7"),
        ({"space": {"optimizer": "sgd"}}, "hpsearch run tiny-fcn-2k.toml"),
        ({"validation_fraction": 0.2}, "validation_fraction = 0.2"),
        ({"space": {"lr": {"low": 0.001, "high": 0.1, "log": True}}}, "[space.lr] low = 0.001 high = 0.1 log = true"),
    ],
)
def test_the_commands_say_what_the_study_was_made_with(fields: dict[str, Any], expected: str) -> None:
    page = read(Subject(make_record(**fields)))
    assert expected in page.text
    assert ("--budget" in page.text) == ("space" not in fields and "validation_fraction" not in fields)


def test_trainings_of_a_file_are_repeated_by_what_was_typed() -> None:
    record = make_planned()
    assert "hpsearch run planned.toml" in read(Subject(record)).text
    plan = record.study.plan
    assert plan is not None
    assert plan.origin is not None
    origin = plan.origin.model_copy(update={"command": "hpsearch run studies/planned.toml --epochs 3"})
    typed = replace(record, study=replace(record.study, plan=plan.model_copy(update={"origin": origin})))
    assert "hpsearch run studies/planned.toml --epochs 3" in read(Subject(typed)).text


def test_the_commands_are_on_the_network_that_is_shown() -> None:
    record = make_planned()
    page = read(Subject(record, outcomes=(look(record.trial(2)),)))
    assert "hpsearch replay planned --trial 2" in page.text
    assert "hpsearch export planned --trial 2" in page.text


def test_a_page_of_several_studies_says_how_it_was_made() -> None:
    assert "hpsearch report tiny-fcn-2k planned" in read(Subject(SEARCH), Subject(make_planned())).text


def test_scores_of_finalists_are_on_record_where_the_test_split_is_spoken_of() -> None:
    unscored = replace(SEARCH, trials=tuple(replace(trial, test_scores=()) for trial in SEARCH.trials))
    assert "closed: no network of this study has a test score" in read(Subject(unscored)).text
    text = read(Subject(unscored, (make_finalists(unscored),))).text
    expected = (
        "closed for this report; no network of this study has a test score, 4 networks of its finalists had one before"
    )
    assert expected in text


def test_the_study_file_in_a_page_makes_the_same_study(tmp_path: Path) -> None:
    from hpsearch.reporting.document import Listing
    from hpsearch.study.file import parse_study_spec, read_study_file

    record = make_record(
        space={"lr": {"low": 0.001, "high": 0.1, "log": True}, "optimizer": ["sgd", "adam"], "depth": 2}
    )
    (part,) = build_report([Subject(record)]).parts
    (listing,) = (block for block in part.sections[-1].blocks if isinstance(block, Listing))
    (tmp_path / "study.toml").write_text(listing.text)
    name, spec = parse_study_spec(read_study_file(tmp_path / "study.toml"))
    assert (name, spec.space, spec.epochs) == (record.study.name, record.study.spec.space, 10)


@pytest.mark.parametrize(
    ("epochs", "expected"), [((), ""), ((12,), "(12)"), ((7, 7), "(7)"), ((17, 12, 14), "(12 to 17)")]
)
def test_the_epochs_of_several_seeds_are_a_range(epochs: tuple[int, ...], expected: str) -> None:
    assert write_epochs(epochs) == expected


def test_nothing_is_less_than_nothing_by_nothing() -> None:
    assert [write_points(difference) for difference in (-0.00001, 0.00001, -0.01, 0.0123)] == [
        "+0.00",
        "+0.00",
        "-1.00",
        "+1.23",
    ]


def test_of_many_words_some_are_said_and_the_others_counted() -> None:
    assert join_some(["a"]) == "a"
    assert join_some(["a", "b", "c", "d"]) == "a, b, c and d"
    assert join_some(["a", "b", "c", "d", "e", "f"]) == "a, b, c, d and 2 more"


def test_a_network_that_was_scored_again_was_opened_for_more_than_once() -> None:
    once = score(make_done(0, 0.8), 0.7)
    twice = replace(once, number=1, test_scores=once.test_scores * 2)
    assert describe_openings(make_record(once)) == "once, after all trainings"
    assert describe_openings(make_record(once, score(make_done(1, 0.8), 0.7))).endswith("trainings, once a network")
    assert describe_openings(make_record(once, twice)) == "3 times after all trainings"
