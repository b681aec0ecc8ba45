"""Reports as pages: what stands in them for each kind of study, that all of it is escaped and nothing is fetched."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from hpsearch.architecture import FcnArchitecture
from hpsearch.dataset import DatasetIdentity, InputShape
from hpsearch.epoch_result import EpochResult
from hpsearch.origin import Origin, PrintedFigures, Source
from hpsearch.recipe import Recipe
from hpsearch.reporting import canvas
from hpsearch.reporting.comparison_part import is_on_frontier, list_contenders
from hpsearch.reporting.markdown_page import list_files, render_markdown
from hpsearch.reporting.report import build_report
from hpsearch.reporting.subject import Subject, choose_judged
from hpsearch.reporting.validation import NoOutcome, judge, rank_confusions
from hpsearch.search_space import Choices, IntRange
from hpsearch.storage.study_rows import StudyCourse
from hpsearch.storage.test_scores import TestScore
from hpsearch.trial_config import TrainsOn, TrialConfig
from hpsearch.trial_plan import TrialPlan, plan_replicates
from hpsearch.tuning.importance import measure_importance
from hpsearch.tuning.records import StudyRecord, TrialRecord
from hpsearch.tuning.suggest import searched_distributions
from tests.cli_runs import make_record, make_trial
from tests.report_pages import PIXEL, ReadPage, read_quickly
from tests.scripted import TINY_DATASET

HOSTILE = "<script>alert('x')</script> & \"q\" ```c``` |*_[a](http://evil.example/)"
SPACE = make_record().study.space
FULL_PAGE = [
    "The best network",
    "Finalists",
    "Trials",
    "Learning curves",
    "How far trials went",
    "What mattered",
    "What it gets wrong",
    "How it was made",
]


def make_config(width: int = 12, **recipe: Any) -> TrialConfig:
    architecture = FcnArchitecture(widths=(width,), batch_norm=False)
    return TrialConfig(
        architecture=architecture, recipe=Recipe(**({"epochs": 3} | recipe)), dataset=TINY_DATASET, seed=1
    )


def make_done(number: int, value: float, state: str = "COMPLETE", **fields: Any) -> TrialRecord:
    """A finished trial with a curve that ends at this accuracy."""
    config = fields.pop("config", None) or make_config(8 + number, lr=0.001 * (number + 1))
    accuracies = {epoch: value - 0.1 + 0.05 * epoch for epoch in range(3)}
    curve = tuple(EpochResult(epoch, 1.0, 0.9, accuracy, 0.5, 0.1) for epoch, accuracy in accuracies.items())
    given: dict[str, Any] = {
        "value": value,
        "accuracies": accuracies,
        "curve": curve,
        "seconds": 1.5,
        "parameters": {name: _choose(SPACE.distributions[name], number) for name in searched_distributions(SPACE)},
        "config_json": config.model_dump(mode="json"),
        "environment": {"torch": "2.10.0", "hardware": "a machine"},
    }
    return make_trial(number, state, **given | fields)


def _choose(distribution: Any, number: int) -> Any:
    match distribution:
        case Choices(values=values):
            return values[number % len(values)]
        case IntRange(low=low, high=high):
            return low + number % (high - low + 1)
    return distribution.low + 0.01 * number * (distribution.high - distribution.low)


def score(trial: TrialRecord, accuracy: float) -> TrialRecord:
    return replace(trial, test_scores=(TestScore(trial.trial_id, datetime(2026, 1, 1, tzinfo=UTC), accuracy, 1.0, 20),))


SEARCH = make_record(
    score(make_done(0, 0.8), 0.75),
    make_done(1, 0.9),
    make_done(2, 0.7),
    make_done(3, 0.6),
    make_done(4, 0.5, "PRUNED"),
    make_trial(5, "FAIL", reason=HOSTILE),
    make_trial(6, "RUNNING"),
    trials=8,
    epochs=3,
)


def plan_record(name: str, plan: TrialPlan, *trials: TrialRecord) -> StudyRecord:
    record = make_record(*trials, trials=len(plan.trials), name=name)
    return replace(record, study=replace(record.study, name=name, plan=plan))


def make_finalists(search: StudyRecord, *, on: TrainsOn = "train") -> StudyRecord:
    configs = {f"trial {number}": search.trial(number).config for number in (1, 0)}
    plan = plan_replicates({k: v for k, v in configs.items() if v}, 2, trains_on=on, search=search.study.name)
    values = (0.86, 0.82, 0.88, 0.80)
    trials = [
        score(make_done(number, value, label=planned.label, config=planned.config), value - 0.02)
        for number, (planned, value) in enumerate(zip(plan.trials, values, strict=True))
    ]
    if on != "train":
        trials = [replace(trial, value=None, accuracies={}) for trial in trials]
    return plan_record(f"{search.study.name}-finalists", plan, *trials)


ORIGIN = Origin(
    title="Which of the two?",
    source=Source(report="004.txt", place="table 1"),
    printed={
        "small": PrintedFigures(
            weights=900,
            validation_percent=80.0,
            test_percent=78.5,
            test_spread_percent=2.1,
            confusion=((8, 2, 0), (1, 9, 0), (0, 0, 10)),
            note="printed so",
        ),
        "large": PrintedFigures(test_percent=90.0, training_seconds=62, highest_validation_percent=91.0),
    },
)


def make_planned(origin: Origin = ORIGIN, *, trials_on: TrainsOn = "train") -> StudyRecord:
    plan = plan_replicates({"small": make_config(12), "large": make_config(24)}, 2, origin=origin, trains_on=trials_on)
    trials = [
        score(make_done(0, 0.80, label="small"), 0.79),
        score(make_done(1, 0.90, label="large"), 0.89),
        score(make_done(2, 0.84, label="small"), 0.81),
        make_trial(3, "FAIL", label="large", reason="diverged"),
    ]
    if trials_on != "train":
        trials = [replace(trial, value=None, accuracies={}) for trial in trials]
    return plan_record("planned", plan, *trials)


def look(trial: TrialRecord) -> Any:
    """An outcome on six images of which two are taken for another class."""
    labels = np.array([0, 0, 1, 1, 2, 2])
    logits = np.eye(3)[[0, 1, 1, 1, 2, 0]] * np.array([1, 2, 3, 1, 1, 5])[:, None]
    return judge(trial, logits, np.zeros((6, 1, 8, 8), np.uint8), labels)


def read(*subjects: Subject) -> ReadPage:
    return read_quickly(build_report(subjects))


def assert_sound(page: ReadPage) -> None:
    """Nothing is fetched, nothing runs, every picture has words, every link leads somewhere."""
    assert "default-src 'none'; img-src data:" in page.source
    assert page.tags.isdisjoint({"script", "iframe", "object", "embed", "link", "base", "form", "svg"})
    assert all(reference.startswith("data:image/png;base64,") for reference in page.references)
    assert all(image["alt"] and image["width"] and image["height"] for image in page.images)
    assert all(link.removeprefix("#") in page.ids for link in page.links)
    assert len(set(page.ids)) == len(page.ids)
    assert not re.search(r"@import|url\(|\son[a-z]+=", page.source.partition("<body>")[0])
    assert all(table.caption and all(table.headings) for table in page.tables)
    assert all(len(row) == len(table.headings) for table in page.tables for row in table.rows)


def test_a_page_on_a_search_has_every_section_in_order() -> None:
    best = SEARCH.trial(1)
    page = read(Subject(SEARCH, finals=(make_finalists(SEARCH),), outcomes=(look(best),)))
    assert_sound(page)
    assert page.headings == ["tiny-fcn-2k", *FULL_PAGE]
    names = [image["alt"] for image in page.images]
    assert len(names) == len(set(names)) == 11
    for expected in (
        "Which fully connected network of at most 2,000 weights best tells apart the 3 classes of tiny?",
        "validation accuracy 90.00% trial 1, the best of them",
        "test accuracy not known the test split is closed for it",
        "trials finished 6 of 8 4 complete, 1 pruned, 1 failed, 1 running",
        "Not finished: 6 of 8 trials are.",
        "Failed: trial 5: <script>alert('x')</script>",
        "hpsearch run --budget 2000 --arch fcn --dataset tiny --trials 8 --epochs 3 --sampler tpe",
        "hpsearch replay tiny-fcn-2k --trial 1",
        "0" * 64,
    ):
        assert expected in page.text
    layers = page.table("The network layer by layer")
    assert layers.rows[-1] == ["total", "", "", "615", "603"]
    trials = page.table("The 4 best trials")
    assert trials.column("trial") == ["1", "0", "2", "3"]
    assert trials.column("test (%)") == ["–", "75.00", "–", "–"]
    assert page.table("In what their recipes differ").column("lr") == ["0.002", "0.001", "0.003", "0.004"]
    assert page.table("Versions and hardware").rows == [["torch", "2.10.0", "5"], ["hardware", "a machine", "5"]]


def test_finalists_are_shown_with_their_search() -> None:
    page = read(Subject(SEARCH, finals=(make_finalists(SEARCH),)))
    table = page.table("Finalists")
    assert table.column("finalist") == ["trial 1", "trial 0"]
    assert table.column("retrained, mean ± sd (%)") == ["87.00 ± 1.41", "81.00 ± 1.41"]
    assert table.column("too much by") == ["+3.00", "-1.00"]
    assert table.column("95% interval (%)")[0] == "74.29 to 99.71"
    assert "The search promised 3.00 points too much of the first one" in page.text
    assert (
        "Trial 1 cannot be told from trial 0: +6.00 points over 2 seeds (p = 0.205, paired t-test over seeds"
        in page.text
    )
    assert "opened 2 times after all trainings, once a finalist; choose by the retrained validation" in page.text
    assert "hpsearch finalists" not in page.text  # they are there


def test_finalists_on_all_images_and_those_of_a_search_that_was_made_anew() -> None:
    page = read(Subject(SEARCH, finals=(make_finalists(SEARCH, on="train+validation"),)))
    assert "Finalists on train+validation" in page.headings
    assert page.table("Finalists").column("retrained, mean ± sd (%)") == ["–", "–"]
    assert "nothing may be selected by it" in page.text
    anew = make_record(make_done(1, 0.5, config=make_config(5)), name=SEARCH.study.name)
    page = read(Subject(anew, finals=(make_finalists(SEARCH),)))
    assert "trains finalists of another study that was called tiny-fcn-2k before" in page.text


def test_a_study_of_finalists_alone_is_asked_how_good_they_are() -> None:
    final = make_finalists(SEARCH)
    page = read(Subject(final, search=SEARCH))
    assert_sound(page)
    assert page.headings[:3] == ["tiny-fcn-2k-finalists", "Finalists", "Seed by seed"]
    assert "How good are the best of the search tiny-fcn-2k really?" in page.text
    assert "hpsearch finalists tiny-fcn-2k --top 2 --replicates 2" in page.text
    assert_sound(read(Subject(final)))  # the search was deleted


def test_what_it_gets_wrong_has_pairs_classes_and_names() -> None:
    best = SEARCH.trial(1)
    page = read(Subject(SEARCH, outcomes=(look(best),)))
    assert "Trial 1 labels 4 of 6 validation images rightly (66.67%)." in page.text
    assert page.table("The most confused pairs").rows == [["a", "b", "1", "50.0"], ["c", "a", "1", "50.0"]]
    assert page.table("Accuracy of each class").rows == [
        ["a", "2", "1", "50.00", "b"],
        ["b", "2", "2", "100.00", ""],
        ["c", "2", "1", "50.00", "a"],
    ]
    assert any((image["alt"] or "").endswith("c taken for a; a taken for b.") for image in page.images)


def test_without_the_data_the_page_says_so_and_has_the_stored_picture() -> None:
    reason = NoOutcome(SEARCH.trial(1), "The images are not here.", PIXEL)
    page = read(Subject(SEARCH, outcomes=(reason,)))
    assert_sound(page)
    assert "The images are not here." in page.text
    assert len(page.images) == len(read(Subject(SEARCH)).images) + 1


def test_a_planned_study_has_our_figures_beside_the_printed_ones_and_their_difference() -> None:
    record = make_planned()
    chosen = choose_judged(record)
    assert [trial.number for trial in chosen] == [0]  # of the label whose confusion is printed, the lower middle one
    page = read(Subject(record, outcomes=(look(chosen[0]),)))
    assert_sound(page)
    assert "Which of the two? Printed in 004.txt, table 1." in page.text
    table = page.table("Accuracies")
    assert table.headings[:9] == [
        "training", "seeds", "weights", "printed", "validation (%)", "printed", "differs by",
        "validation, best epoch (%)", "printed",
    ]  # fmt: skip
    small, large = table.rows
    assert small == [
        "small", "2", "819", "900", "82.00 ± 2.83", "80.00", "+2.00", "82.00 ± 2.83", "", "",
        "80.00 ± 1.41", "78.50 ± 2.10", "+1.50", "1.5", "",
    ]  # fmt: skip
    assert large == [
        "large", "1 of 2 (1 failed)", "1,635", "", "90.00", "", "", "90.00", "91.00", "-1.00",
        "89.00", "90.00", "-1.00", "1.5", "62",
    ]  # fmt: skip
    assert table.caption.endswith("a printed ± is over batches of the test split")
    assert "small: printed so" in page.text
    pairs = page.table("The most confused pairs")
    assert pairs.headings[-1] == "printed (%)"
    assert pairs.rows[0] == ["a", "b", "1", "50.0", "20.0"]
    assert page.table("Accuracy of each class").column("printed (%)") == ["80.0", "90.0", "100.0"]
    assert "As printed. It is of the test split" in page.text


def test_trainings_on_all_images_have_no_validation_and_nobody_looks_at_any() -> None:
    record = make_planned(trials_on="train+validation")
    assert choose_judged(record) == []
    page = read(Subject(record))
    assert_sound(page)
    assert page.table("Accuracies").column("validation (%)") == ["–", "–"]
    assert "held out for validation nothing" in page.text
    assert "no validation accuracy can be known" in page.text


def test_several_studies_are_compared_first() -> None:
    other = make_record(make_done(0, 0.95), budget="4k", trials=1)
    other = replace(other, trials=(replace(other.trials[0], weights=3900, macs=3800),))
    empty = make_record(budget="1k", trials=2)
    page = read(Subject(SEARCH), Subject(other), Subject(make_planned()), Subject(empty))
    assert_sound(page)
    assert page.headings[:3] == ["4 studies side by side", "Comparison", "Accuracy against weights on tiny"]
    table = page.table("Of a search its best trial")
    assert table.column("study") == ["tiny-fcn-2k", "tiny-fcn-4k", "planned", "planned", "tiny-fcn-1k"]
    assert table.column("network") == ["trial 1", "trial 0", "small", "large", "nothing complete"]
    assert table.column("validation (%)") == ["90.00", "95.00", "82.00", "90.00", "–"]
    assert table.column("on the frontier") == ["", "yes", "yes", "yes", ""]
    assert [heading for heading in page.headings if heading.startswith("tiny") or heading == "planned"] == [
        "tiny-fcn-2k", "tiny-fcn-4k", "planned", "tiny-fcn-1k",
    ]  # fmt: skip


def test_equal_networks_do_not_beat_each_other_and_other_data_are_another_frontier() -> None:
    first = list_contenders(Subject(make_record(make_done(0, 0.9))))
    twice = [*first, *first]
    assert [is_on_frontier(each, twice) for each in twice] == [True, True]
    elsewhere = TINY_DATASET.model_copy(update={"sha256": "1" * 64})
    better = list_contenders(Subject(make_record(make_done(0, 0.99), dataset=elsewhere)))
    assert is_on_frontier(first[0], [*first, *better])
    page = read(Subject(make_record(make_done(0, 0.9))), Subject(make_record(make_done(0, 0.99), dataset=elsewhere)))
    assert "frontier" not in "".join(page.headings)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (make_record(), ["Trials", "What mattered", "How it was made"]),
        (make_record(make_trial(0, "RUNNING", accuracies={0: 0.5})), ["Trials", "How far trials went"]),
        (make_record(make_trial(0, "FAIL", reason="diverged"), trials=1), ["Trials", "What mattered"]),
        (make_record(make_done(0, 0.5, "PRUNED"), trials=1), ["Trials", "How far trials went"]),
        (make_record(make_done(0, 0.5), trials=1), [name for name in FULL_PAGE if "inalists" not in name][:5]),
        (make_record(make_trial(0, value=0.5), trials=1), ["The best network", "Trials"]),
    ],
    ids=["none", "running", "failed", "pruned", "one", "without configuration and curve"],
)
def test_a_search_with_little_in_it_gives_a_sensible_page(record: StudyRecord, expected: list[str]) -> None:
    page = read(Subject(record))
    assert_sound(page)
    assert page.headings[1 : 1 + len(expected)] == expected
    assert page.headings[-1] == "How it was made"


def test_a_planned_study_without_a_training_and_a_search_that_is_stopped_say_so() -> None:
    record = make_planned()
    page = read(Subject(replace(record, trials=())))
    assert_sound(page)
    assert page.table("Accuracies").column("seeds") == ["0 of 2", "0 of 2"]
    assert "Not finished: 0 of 4 trainings are." in page.text
    stopped = replace(
        make_record(), course=StudyCourse(stopped_at=datetime(2026, 1, 1, tzinfo=UTC), stop_reason=HOSTILE)
    )
    assert f"The study is stopped ({HOSTILE})." in read(Subject(stopped)).text


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
    plan = plan_replicates({HOSTILE: make_config()}, 1, origin=origin)
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


def test_the_study_file_in_a_page_makes_the_same_study(tmp_path: Any) -> None:
    from hpsearch.reporting.document import Listing
    from hpsearch.study_file import parse_study_spec, read_study_file

    record = make_record(
        space={"lr": {"low": 0.001, "high": 0.1, "log": True}, "optimizer": ["sgd", "adam"], "depth": 2}
    )
    (part,) = build_report([Subject(record)]).parts
    (listing,) = (block for block in part.sections[-1].blocks if isinstance(block, Listing))
    (tmp_path / "study.toml").write_text(listing.text)
    name, spec = parse_study_spec(read_study_file(tmp_path / "study.toml"))
    assert (name, spec.space, spec.epochs) == (record.study.name, record.study.spec.space, 10)


def test_importance_wants_trials_that_differ() -> None:
    assert measure_importance(make_record(*(make_done(number, 0.5 + number / 10) for number in range(3)))) == {}
    assert measure_importance(make_record(*(make_done(number, 0.5) for number in range(6)))) == {}
    shares = measure_importance(SEARCH)
    assert set(shares) == set(searched_distributions(SPACE))
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)


def test_confusions_are_ranked_by_their_share_of_the_class() -> None:
    ranked = rank_confusions([[8, 2, 0], [30, 170, 0], [0, 0, 0]])
    assert [(pair.label, pair.predicted, pair.images) for pair in ranked] == [(0, 1, 2), (1, 0, 30)]


def test_the_images_that_it_is_surest_of_come_first() -> None:
    outcome = look(SEARCH.trial(1))
    assert [(image.label, image.predicted) for image in outcome.wrong] == [(2, 0), (0, 1)]
    assert outcome.wrong[0].probability == pytest.approx(np.exp(5) / (np.exp(5) + 2))
    assert (outcome.images, outcome.correct) == (6, 4)


Draw = Callable[[], bytes]


def list_rich_subjects() -> list[Subject]:
    """Every kind of picture once."""
    search = Subject(SEARCH, finals=(make_finalists(SEARCH),), outcomes=(look(SEARCH.trial(1)),))
    planned = make_planned()
    return [search, Subject(planned, outcomes=(look(planned.trial(0)),))]


@pytest.mark.filterwarnings("error")
def test_every_picture_can_be_drawn_and_twice_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas, "_DOTS_PER_INCH", 24)  # a fraction of the time
    first, second = (
        {picture.name: picture.draw for picture in build_report(list_rich_subjects()).list_pictures()} for _ in range(2)
    )
    assert len(first) == 19
    for name, draw in first.items():
        content = draw()
        assert content.startswith(b"\x89PNG"), name
        assert content == second[name](), name
