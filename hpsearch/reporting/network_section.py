"""The networks of a report, drawn and layer by layer: the best of a search, each that was planned."""

from collections.abc import Iterator, Sequence
from functools import partial

from hpsearch.network.architecture import Architecture
from hpsearch.reporting.document import Block, Facts, Picture, Section, Sentence
from hpsearch.reporting.network_picture import draw_network
from hpsearch.reporting.trial_tables import tabulate_layers
from hpsearch.reporting.words import join_some
from hpsearch.study.trial_config import TrialConfig
from hpsearch.tuning.plan_summary import LabelSummary
from hpsearch.tuning.records import StudyRecord, TrialRecord

_MOST_DRAWN = 6


def write_best_network(record: StudyRecord, best: TrialRecord) -> Section:
    """The best network of a search, with its recipe."""
    config = best.config
    blocks: list[Block] = [Sentence(f"Trial {best.number}: {best.network or 'a network'}.")]
    if config is not None:
        facts = [("recipe", config.recipe.describe()), ("seed of the training", str(config.seed))]
        facts += [("given by", best.given_by)] if best.given_by else []
        blocks += [*_show_network(config, f"{record.study.name}-network", "The best network"), Facts(tuple(facts))]
    return Section("The best network", tuple(blocks))


def write_planned_networks(name: str, labels: Sequence[LabelSummary]) -> Section:
    """Each network of a plan once, however many trainings it has; of more than six the first."""
    groups: dict[Architecture, list[LabelSummary]] = {}
    for mine in labels:
        groups.setdefault(mine.config.architecture, []).append(mine)
    if len(groups) == 1:
        shared = "All of them are the same network: " if len(labels) > 1 else ""
        sentence = Sentence(f"{shared}{labels[0].network}.")
        return Section("The network", (sentence, *_show_network(labels[0].config, f"{name}-network", "The network")))
    blocks: list[Block] = []
    members = list(groups.values())
    for number, group in enumerate(members[:_MOST_DRAWN], start=1):
        who = join_some([mine.label for mine in group])
        blocks += _show_network(group[0].config, f"{name}-network-{number}", who)
    if rest := [mine.label for group in members[_MOST_DRAWN:] for mine in group]:
        blocks.append(Sentence(f"Not drawn: {join_some(rest)}."))
    return Section("The networks", tuple(blocks))


def _show_network(config: TrialConfig, name: str, whose: str) -> Iterator[Block]:
    architecture = config.architecture
    yield Picture(
        name,
        f"{whose} from the image to the classes: shapes above, what each layer holds below.",
        f"{whose} drawn layer by layer: {architecture.describe()}; {config.count_weights():,} weights.",
        partial(draw_network, architecture, config.dataset),
    )
    yield tabulate_layers(config, whose)
