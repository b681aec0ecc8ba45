"""`--from` and the portfolio as a person types them: what is taken, what is shown of it, what is refused."""

import json

import pytest

from hpsearch.cli.ladder import Ladder
from hpsearch.storage.database import Database
from hpsearch.tuning.records import StudyRecord
from hpsearch.tuning.study import list_study_names, load_study
from tests.cli_runs import CommandRoom, Ended, write_tiny_archive
from tests.scripted import finish_trials

SETTINGS = ("--dataset", "tiny.npz", "--trials", "6", "--epochs", "2")


@pytest.fixture
def room(room: CommandRoom) -> CommandRoom:
    write_tiny_archive(room.folder / "tiny.npz")
    return room


def create(room: CommandRoom, name: str, *arguments: str, budget: str = "2k", arch: str = "fcn") -> Ended:
    return room.type("create", "--arch", arch, "--budget", budget, *SETTINGS, "--study", name, *arguments)


def create_well(room: CommandRoom, name: str, *arguments: str, budget: str = "2k", arch: str = "fcn") -> str:
    ended = create(room, name, *arguments, budget=budget, arch=arch)
    assert (ended.code, ended.err) == (0, "")
    return ended.out


def finish(room: CommandRoom, name: str, *accuracies: float) -> StudyRecord:
    with Database.open(room.storage) as database:
        finish_trials(load_study(database, name), *accuracies)
    return room.read(name)


@pytest.fixture
def source(room: CommandRoom) -> StudyRecord:
    create_well(room, "small", "--no-portfolio")
    return finish(room, "small", 0.5, 0.7, 0.6, 0.4)


def test_the_best_of_another_study_come_first_and_show_says_whence(room: CommandRoom, source: StudyRecord) -> None:
    said = create_well(room, "large", "--from", "small", budget="4k")
    assert "from       small (a fcn of at most 2,000 weights on tiny.npz), its trials 1, 2 and 0" in said
    assert "portfolio  " not in said
    record = finish(room, "large", 0.8)
    first, before = record.trial(0).config, source.trial(1).config
    assert first is not None
    assert before is not None
    assert first.recipe == before.recipe
    assert 3_960 <= first.count_weights() <= 4_000
    assert "small (a fcn of at most 2,000 weights on tiny.npz), its trials 1, 2 and 0" in room.type("show", "large").out
    assert "small, trial 1" in room.type("show", "large", "--trial", "0").out
    document = json.loads(room.type("show", "large", "--json").out)
    assert (document["from"]["study"], document["from"]["trials"]) == ("small", [1, 2, 0])
    assert [trial["given_by"] for trial in document["trials"]] == [f"small, trial {number}" for number in (1, 2, 0)]
    assert json.loads(room.type("show", "small", "--json").out)["from"] is None


def test_the_same_command_again_adds_nothing(room: CommandRoom, source: StudyRecord) -> None:
    create_well(room, "large", "--from", "small", budget="4k")
    before = room.read("large").trials
    for arguments in (("--from", "small"), ()):
        assert "study large exists already" in create_well(room, "large", *arguments, budget="4k")
    assert room.read("large").trials == before


def test_another_family_is_told_that_only_the_recipe_is_taken(room: CommandRoom, source: StudyRecord) -> None:
    said = create_well(room, "conv", "--from", "small", arch="cnn", budget="4k")
    assert "only the recipe is taken: the network of a cnn is drawn" in said


def test_what_cannot_be_begun_with_is_one_line_and_makes_nothing(room: CommandRoom, source: StudyRecord) -> None:
    create_well(room, "empty", "--no-portfolio")
    files = room.list_files()
    refused = [
        (("new", "--from", "smal"), ("there is no study 'smal' in ", "there is small")),
        # Nor is a data set fetched for it.
        (("new", "--from", "smal", "--dataset", "mnist", "--budget", "20k"), ("there is no study 'smal'",)),
        (("new", "--from", "empty"), ("study 'empty' has no complete trial", "hpsearch show empty")),
        (("small", "--from", "empty"), ("study 'small' exists", "from: it has no other study, given empty")),
        (("small", "--portfolio"), ("study 'small' exists", "portfolio: it has False, given True")),
        (("new", "--from", "small", "--storage", "sqlite:///other.db"), ("there is no study 'small'", "other.db")),
    ]
    for arguments, expected in refused:
        ended = create(room, *arguments)
        assert (ended.code, ended.err.count("\n")) == (2, 1), arguments
        for text in expected:
            assert text in ended.err
    assert room.list_files() == files
    with Database.open(room.storage) as database:
        assert list_study_names(database) == ["empty", "small"]


def test_of_a_ladder_the_lowest_rung_of_each_family_begins_with_the_other_study(
    room: CommandRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[str, int, str | None]] = []

    def climb(self: Ladder, *_arguments: object) -> int:
        requests = [session.session.request for session in self._sessions]
        found.extend((request.spec.arch, request.spec.budget, request.predecessor) for request in requests)
        return 0

    monkeypatch.setattr(Ladder, "climb", climb)
    assert room.type("run", "--budget", "4k,2k", "--arch", "fcn,cnn", *SETTINGS, "--from", "small").code == 0
    assert found == [("fcn", 2000, "small"), ("fcn", 4000, None), ("cnn", 2000, "small"), ("cnn", 4000, None)]


def test_the_portfolio_comes_first_unless_a_flag_or_the_study_file_turns_it_off(room: CommandRoom) -> None:
    assert "portfolio  trials 0, 1" in create_well(room, "with", budget="4k")
    assert "portfolio  " not in create_well(room, "without", "--no-portfolio", budget="4k")
    (room.folder / "study.toml").write_text(
        'arch = "fcn"\nbudget = "4k"\ndataset = "tiny.npz"\ntrials = 6\nportfolio = false\nname = "filed"\n'
    )
    assert "portfolio  " not in room.type("create", "study.toml").out
    assert "portfolio  trials 0, 1" in room.type("create", "study.toml", "--portfolio", "--study", "flag").out
    shown = room.type("show", "with")
    assert "trials 0, 1" in shown.out
    assert json.loads(room.type("show", "with", "--json").out)["spec"]["portfolio"] is True
    assert "portfolio, " in room.type("show", "with", "--trial", "0").out
    (room.folder / "study.toml").write_text('arch = "fcn"\nbudget = "4k"\nportfolio = "no"\n')
    assert "portfolio 'no' is not allowed; give true or false" in room.type("create", "study.toml").err


def test_a_configuration_that_is_tried_again_is_shown_as_one(room: CommandRoom, source: StudyRecord) -> None:
    (room.folder / "again.json").write_text(json.dumps({"parameters": dict(source.trial(1).parameters)}))
    assert room.type("enqueue", "small", "again.json").code == 0
    finish(room, "small", 0.65)
    assert "as trial 1: " in room.type("show", "small").out
    assert "network and recipe of trial 1, under another seed" in room.type("show", "small", "--trial", "4").out
    trials = json.loads(room.type("show", "small", "--json").out)["trials"]
    assert [trial["replicate_of"] for trial in trials] == [None, None, None, None, 1]
