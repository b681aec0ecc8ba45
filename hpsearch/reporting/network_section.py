"""The networks of a report, drawn and layer by layer: the best of a search, each that was planned."""

from collections.abc import Iterator
from functools import partial

from hpsearch.architecture import Architecture
from hpsearch.reporting.document import Block, Facts, Picture, Section, Sentence
from hpsearch.reporting.network_picture import draw_network
from hpsearch.reporting.trial_tables import tabulate_layers
from hpsearch.reporting.words import count_of, join_some
from hpsearch.trial_config import TrialConfig
from hpsearch.trial_plan import TrialPlan
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


def write_planned_networks(name: str, plan: TrialPlan) -> Section:
    """Each network of a plan once, however many trainings it has; of more than six the first."""
    groups = _group_labels(plan)
    if len(groups) == 1:
        ((config, labels),) = groups
        shared = "All of them are the same network: " if len(labels) > 1 else ""
        sentence = Sentence(f"{shared}{config.architecture.describe()}.")
        return Section("The network", (sentence, *_show_network(config, f"{name}-network", "The network")))
    blocks: list[Block] = []
    for number, (config, labels) in enumerate(groups[:_MOST_DRAWN], start=1):
        blocks.append(Sentence(f"{join_some(labels)}: {config.architecture.describe()}."))
        blocks += _show_network(config, f"{name}-network-{number}", "The network")
    if len(groups) > _MOST_DRAWN:
        blocks.append(Sentence(f"And {count_of(len(groups) - _MOST_DRAWN, 'more network')}."))
    return Section("The networks", tuple(blocks))


def _group_labels(plan: TrialPlan) -> list[tuple[TrialConfig, list[str]]]:
    """Each network's first configuration, with the labels that train it, in the order of the plan."""
    found: dict[Architecture, tuple[TrialConfig, list[str]]] = {}
    for label, config in plan.configs.items():
        found.setdefault(config.architecture, (config, []))[1].append(label)
    return list(found.values())


def _show_network(config: TrialConfig, name: str, what: str) -> Iterator[Block]:
    architecture = config.architecture
    yield Picture(
        name,
        f"{what} from the image to the classes: shapes above, what each layer holds below.",
        f"The network drawn layer by layer: {architecture.describe()}; {config.count_weights():,} weights.",
        partial(draw_network, architecture, config.dataset),
    )
    yield tabulate_layers(config)
