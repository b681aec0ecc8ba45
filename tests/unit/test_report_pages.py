"""Reports as pages: what stands in them for each kind of study."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hpsearch.reporting.comparison_part import is_unbeaten, list_contenders
from hpsearch.reporting.subject import Subject, choose_judged
from hpsearch.reporting.validation import NoOutcome
from hpsearch.storage.stored_rows import StudyCourse
from hpsearch.study.origin import Origin, PrintedFigures
from hpsearch.study.trial_plan import plan_replicates
from hpsearch.tuning import importance
from hpsearch.tuning.records import StudyRecord
from tests.cli_runs import make_record, make_trial
from tests.report_pages import PIXEL, ReadPage
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
)
from tests.scripted import TINY_DATASET

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


def test_a_page_on_a_search_has_every_section_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importance, "FEWEST_TRIALS", 4)
    best = SEARCH.trial(1)
    page = read(Subject(SEARCH, finals=(make_finalists(SEARCH),), outcomes=(look(best),)))
    assert_sound(page)
    assert page.headings == ["tiny-fcn-2k", *FULL_PAGE]
    names = [image["alt"] for image in page.images]
    assert len(names) == len(set(names)) == 10
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
    layers = page.table("The best network layer by layer")
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
    assert "opened 4 times after all trainings, once a network; choose by the retrained validation" in page.text
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
        "training", "seeds", "weights", "printed", "validation (%)", "printed", "differs",
        "validation, best epoch (%)", "printed",
    ]  # fmt: skip
    small, large = table.rows
    assert small == [
        "small", "2", "819", "900", "82.00 ± 2.83", "80.00", "+2.00", "82.00 ± 2.83 (3)", "", "",
        "80.00 ± 1.41", "78.50 ± 2.10", "+1.50", "0.5", "1.5", "",
    ]  # fmt: skip
    assert large == [
        "large", "1 of 2 (1 failed)", "1,635", "", "90.00", "", "", "90.00 (3)", "91.00", "-1.00",
        "89.00", "90.00", "-1.00", "0.5", "1.5", "62",
    ]  # fmt: skip
    assert table.caption.endswith("which epoch in brackets; a printed ± is the report's own")
    assert "small: printed so" in page.text
    pairs = page.table("The most confused pairs")
    assert pairs.headings[-1] == "printed (%)"
    assert pairs.rows[0] == ["a", "b", "1", "50.0", "20.0"]
    assert page.table("Accuracy of each class").column("printed (%)") == ["80.0", "90.0", "100.0"]
    assert "As printed. It is of the test split" in page.text


def list_drawn(page: ReadPage) -> list[str]:
    """What is said in place of each picture of a network."""
    return [image["alt"] or "" for image in page.images if "drawn layer by layer" in (image["alt"] or "")]


def test_the_networks_of_a_planned_study_are_drawn_and_listed_each_once() -> None:
    page = read(Subject(make_planned()))
    assert "The networks" in page.headings
    assert list_drawn(page) == [
        "small drawn layer by layer: 12 relu; 819 weights.",
        "large drawn layer by layer: 24 relu; 1,635 weights.",
    ]
    assert [page.table(f"{label} layer by layer").rows[-1][3] for label in ("small", "large")] == ["819", "1,635"]


def test_labels_with_one_network_share_its_picture() -> None:
    configs = {"slow": make_config(12, lr=0.001), "fast": make_config(12, lr=0.01)}
    page = read(Subject(plan_record("same", plan_replicates(configs, 1))))
    assert "All of them are the same network: 12 relu." in page.text
    assert list_drawn(page) == ["The network drawn layer by layer: 12 relu; 819 weights."]
    alone = read(Subject(plan_record("alone", plan_replicates({"slow": make_config(12)}, 1))))
    assert "All of them" not in alone.text
    three = plan_replicates(configs | {"wide": make_config(24)}, 1)
    assert [words.split(" drawn")[0] for words in list_drawn(read(Subject(plan_record("three", three))))] == [
        "slow and fast",
        "wide",
    ]


def test_of_many_networks_the_first_six_are_drawn_and_the_others_named() -> None:
    many = plan_replicates({f"of {width}": make_config(width) for width in range(10, 21)}, 1)
    page = read(Subject(plan_record("many", many)))
    assert len(list_drawn(page)) == 6
    assert "Not drawn: of 16, of 17, of 18, of 19 and 1 more." in page.text


def test_a_report_on_finalists_alone_draws_their_networks() -> None:
    final = make_finalists(SEARCH)
    assert len(list_drawn(read(Subject(final, search=SEARCH)))) == 2


def test_the_first_epoch_and_which_one_was_best_stand_beside_what_is_printed_of_them() -> None:
    figures = {"first_validation_percent": 70.0, "highest_validation_percent": 81.0, "lowest_train_loss": 0.9}
    printed = {"small": PrintedFigures(**figures, highest_validation_epoch=2, lowest_train_loss_epoch=3)}
    table = read(Subject(make_planned(Origin(printed=printed)))).table("Accuracies")
    small, large = table.rows
    first = table.headings.index("validation, first epoch (%)")
    assert small[first : first + 3] == ["72.00 ± 2.83", "70.00", "+2.00"]
    best = table.headings.index("validation, best epoch (%)")
    assert small[best : best + 3] == ["82.00 ± 2.83 (3)", "81.00 (2)", "+1.00"]
    loss = table.headings.index("lowest training loss")
    assert small[loss : loss + 2] == ["1 (1)", "0.9 (3)"]
    assert large[first : first + 3] == ["80.00", "", ""]


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
    assert [epochs != "–" for epochs in table.column("epochs")] == [True, True, True, True, False]
    assert [heading for heading in page.headings if heading.startswith("tiny") or heading == "planned"] == [
        "tiny-fcn-2k", "tiny-fcn-4k", "planned", "tiny-fcn-1k",
    ]  # fmt: skip


def test_equal_networks_do_not_beat_each_other_and_other_data_are_another_frontier() -> None:
    first = list_contenders(Subject(make_record(make_done(0, 0.9))))
    twice = [*first, *first]
    assert [is_unbeaten(each, twice) for each in twice] == [True, True]
    elsewhere = TINY_DATASET.model_copy(update={"sha256": "1" * 64})
    better = list_contenders(Subject(make_record(make_done(0, 0.99), dataset=elsewhere)))
    assert is_unbeaten(first[0], [*first, *better])
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
