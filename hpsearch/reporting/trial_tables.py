"""Tables of trials and of a network's layers."""

from collections.abc import Sequence

from hpsearch.network.sizes import show_bytes
from hpsearch.reporting.document import Block, Sentence, Table, make_table
from hpsearch.reporting.record_words import list_failures
from hpsearch.reporting.words import write_count, write_percent, write_seconds, write_value
from hpsearch.study.trial_config import TrialConfig
from hpsearch.tuning.records import StudyRecord, TrialRecord
from hpsearch.wording import count_of

_MOST_REASONS = 5


def tabulate_trials(caption: str, trials: Sequence[TrialRecord], rounds: Sequence[int | None] | None = None) -> Table:
    """What each came to, and its network; with the round of each, where there are rounds."""
    headings = [
        "trial>",
        *(["round>"] if rounds else []),
        "validation (%)>",
        "test (%)>",
        "weights>",
        "MACs>",
        "RAM int8>",
        "flash int8>",
        "epochs>",
        "training (s)>",
    ]
    rows = [
        [
            str(trial.number),
            *([str(rounds[index])] if rounds else []),
            write_percent(trial.value),
            write_percent(trial.test_accuracy),
            write_count(trial.weights),
            write_count(trial.macs),
            *write_footprint(trial),
            str(trial.epochs),
            write_seconds(trial.seconds),
            trial.network or "",
        ]
        for index, trial in enumerate(trials)
    ]
    return make_table(caption, [*headings, "network"], rows)


def write_footprint(trial: TrialRecord) -> list[str]:
    """RAM and flash in int8, as cells of a table."""
    footprint = trial.footprint
    if footprint is None:
        return ["", ""]
    return [show_bytes(footprint.ram_int8_bytes), show_bytes(footprint.flash_int8_bytes)]


def describe_recipes(trials: Sequence[TrialRecord]) -> list[Block]:
    """In which fields their recipes differ, as a table; and in a sentence what all of them have."""
    recipes = [(trial, trial.config.recipe.model_dump()) for trial in trials if trial.config is not None]
    if not recipes:
        return []
    fields = list(recipes[0][1])
    varied = [field for field in fields if len({str(recipe[field]) for _trial, recipe in recipes}) > 1]
    blocks: list[Block] = []
    if varied:
        headings = ["trial>", *(f"{field.replace('_', ' ')}{_mark(recipes[0][1][field])}" for field in varied)]
        rows = [[str(trial.number), *(write_value(recipe[field]) for field in varied)] for trial, recipe in recipes]
        blocks.append(make_table("In what their recipes differ", headings, rows))
    same = [f"{field.replace('_', ' ')} {write_value(recipes[0][1][field])}" for field in fields if field not in varied]
    if varied and same:
        blocks.append(Sentence(f"All of them have: {', '.join(same)}.", is_note=True))
    return blocks


def _mark(value: object) -> str:
    """Whether a column holds figures."""
    return ">" if isinstance(value, int | float) and not isinstance(value, bool) else ""


def tabulate_layers(config: TrialConfig, whose: str) -> Table:
    """A network layer by layer, with the sums that a person can check; `whose` begins its caption."""
    dataset = config.dataset
    rows = [["input", "pixels, normalized by channel", str(dataset.input_shape), "", ""]]
    layers = config.architecture.walk_layers(dataset.input_shape, dataset.class_count)
    rows += [list(layer.write_cells()) for layer in layers]
    rows.append(["total", "", "", f"{config.count_weights():,}", f"{config.count_macs():,}"])
    return make_table(f"{whose} layer by layer", ["layer", "what", "output>", "weights>", "MACs>"], rows)


def write_failures(record: StudyRecord) -> list[Block]:
    """Why trials failed, a sentence a reason; of many reasons the most frequent."""
    failures = list_failures(record)
    blocks: list[Block] = [Sentence(f"Failed: {failure}") for failure in failures[:_MOST_REASONS]]
    if len(failures) > _MOST_REASONS:
        blocks.append(Sentence(f"And for {count_of(len(failures) - _MOST_REASONS, 'other reason')}."))
    return blocks
