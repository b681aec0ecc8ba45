"""The part of a report on a search: the best network, the trials, what mattered, what it gets wrong."""

import itertools
from functools import partial

from hpsearch.network.sizes import show_bytes
from hpsearch.reporting.document import Block, KeyFigures, Part, Picture, Section, Sentence
from hpsearch.reporting.finalists_section import write_finalists_sections
from hpsearch.reporting.influences_section import write_influences
from hpsearch.reporting.made_section import write_made_section
from hpsearch.reporting.measured import describe_measure
from hpsearch.reporting.network_section import write_best_network
from hpsearch.reporting.record_words import describe_counts, describe_length
from hpsearch.reporting.subject import Subject
from hpsearch.reporting.trial_figures import (
    draw_best_curves,
    draw_course,
    draw_pruning,
)
from hpsearch.reporting.trial_tables import describe_recipes, tabulate_trials, write_failures
from hpsearch.reporting.validation_section import write_validation_section
from hpsearch.reporting.words import (
    KINDS,
    name_dataset,
    write_count,
    write_percent,
    write_seconds,
    write_times,
)
from hpsearch.tuning.records import StudyRecord, TrialRecord
from hpsearch.tuning.suggest import searched_distributions
from hpsearch.wording import count_of

_BEST_CURVES = 5
_SHOWN_TRIALS = 10


def write_search_part(subject: Subject) -> Part:
    """Everything that is known of a search, also of one that runs, or of which nothing is complete."""
    record = subject.record
    sections = [
        *([write_best_network(record, record.best)] if record.best is not None else []),
        *write_finalists_sections(subject),
        _write_trials(record),
        *_write_curves(record),
        write_influences(record),
        write_validation_section(subject),
        write_made_section(subject),
    ]
    return Part(
        title=record.study.name,
        lead=ask_question(record),
        blocks=(*_write_key_figures(record), *_describe_search(record)),
        sections=tuple(section for section in sections if section is not None),
    )


def ask_question(record: StudyRecord) -> str:
    """What the search asks, in a sentence."""
    spec, dataset = record.study.spec, record.study.dataset
    return (
        f"Which {KINDS[spec.arch]} network of {spec.limits.describe()} best tells apart the "
        f"{dataset.class_count:,} classes of {name_dataset(dataset)}?"
    )


def _write_key_figures(record: StudyRecord) -> list[Block]:
    best, spec = record.best, record.study.spec
    seconds = sum(trial.seconds or 0.0 for trial in record.trials)
    finished = (f"{record.finished_count:,} of {record.trials_wanted:,}", describe_counts(record))
    figures = [("trials finished", *finished), ("training, all trials", f"{write_seconds(seconds)} s", "of one worker")]
    if best is not None:
        test = ("not known", "the test split is closed for it")
        if best.test_accuracy is not None:
            test = (
                f"{write_percent(best.test_accuracy)}%",
                f"the split was opened {write_times(record.test_openings)}",
            )
        share = f"{100 * (best.weights or 0) / spec.budget:.1f}% of the budget" if spec.budget is not None else ""
        figures = [
            ("validation accuracy", f"{write_percent(best.value)}%", f"trial {best.number}, the best of them"),
            *_write_int8(best),
            ("test accuracy", *test),
            ("weights", write_count(best.weights), share),
            ("MACs an image", write_count(best.macs), "multiply-accumulates"),
            *_write_footprint(best),
            *figures,
        ]
    return [KeyFigures(tuple(figures))]


def _write_int8(best: TrialRecord) -> list[tuple[str, str, str]]:
    """What the network gives in whole numbers, where its training ended in them."""
    if best.int8_accuracy is None:
        return []
    return [("validation accuracy in int8", f"{write_percent(best.int8_accuracy)}%", "in whole numbers of 8 bits")]


def _write_footprint(best: TrialRecord) -> list[tuple[str, str, str]]:
    """What the network takes of a small device."""
    footprint = best.footprint
    if footprint is None:
        return []
    return [
        ("RAM in int8", show_bytes(footprint.ram_int8_bytes), f"{show_bytes(footprint.ram_fp32_bytes)} in fp32"),
        ("flash in int8", show_bytes(footprint.flash_int8_bytes), f"{show_bytes(footprint.flash_fp32_bytes)} in fp32"),
    ]


def _describe_search(record: StudyRecord) -> list[Block]:
    spec = record.study.spec
    searched = searched_distributions(record.study.space)
    bound = "the limits" if spec.limits.is_of_device else "the budget"
    text = (
        f"Sampler {spec.sampler} drew {count_of(len(searched), 'parameter')} of network and recipe for each trial; the "
        f"widths are solved so that every network fits {bound}. "
        f"{_describe_selection(record)} What counts is the accuracy on {100 * spec.validation_fraction:.4g}% of the "
        "training images, held out: it selects, so the best one promises too much."
    )
    blocks: list[Block] = [Sentence(text)]
    if not record.is_finished:
        left = f"Not finished: {record.finished_count:,} of {record.trials_wanted:,} trials are."
        stop = f" The study is stopped ({record.course.stop_reason})." if record.course.is_stopped else ""
        blocks.append(Sentence(left + stop))
    if record.best is not None and (measure := describe_measure(record, record.best)) is not None:
        blocks.append(Sentence(f"Of trial {record.best.number}, {measure}."))
    if record.best is None:
        blocks.append(Sentence("No trial is complete, so there is no best network yet."))
    return blocks


def _list_round_starts(record: StudyRecord) -> list[int]:
    """The numbers of the trials with which rounds begin that have begun; not of the first."""
    lengths = [each.part.trials for each in record.rounds[:-1]]
    return [number for number in itertools.accumulate(lengths) if number < len(record.trials)]


def _describe_selection(record: StudyRecord) -> str:
    spec = record.study.spec
    if spec.round_plan is not None:
        what = describe_length(record)
        more = "; a network that costs more an epoch has fewer" if spec.round_plan.seconds is not None else ""
        return f"{what}: each round begins anew, for longer, with the best of the round before{more}."
    pruning = "none was stopped early" if spec.pruner == "none" else f"the {spec.pruner} pruner stopped hopeless ones"
    return f"A trial has up to {count_of(spec.epochs, 'epoch')}, {pruning}."


def _write_trials(record: StudyRecord) -> Section:
    shown = record.distinct_ranking[:_SHOWN_TRIALS]
    counted = f"{count_of(len(record.trials), 'trial')}: {describe_counts(record)}."
    blocks: list[Block] = [Sentence(counted if record.trials else "There are none yet.")]
    measured = [trial for trial in record.trials if trial.value is not None]
    if measured:
        best = f" The best is trial {record.best.number}." if record.best else ""
        blocks.append(
            Picture(
                f"{record.study.name}-course",
                "How the search went: the validation accuracy of each trial, and the best so far.",
                f"Validation accuracy of {count_of(len(measured), 'trial')} by number.{best}",
                partial(draw_course, record.trials, _list_round_starts(record)),
            )
        )
    if shown:
        some = f"The {len(shown)} best trials" if len(shown) > 1 else "The best trial"
        caption = f"{some} of different network or recipe, by validation accuracy"
        rounds = [record.find_round(trial) for trial in shown] if record.rounds else None
        blocks.append(tabulate_trials(caption, shown, rounds))
        blocks += describe_recipes(shown)
    return Section("Trials", (*blocks, *write_failures(record)))


def _write_curves(record: StudyRecord) -> list[Section]:
    best = [trial for trial in record.distinct_ranking[:_BEST_CURVES] if trial.curve]
    sections = []
    if best:
        names = ", ".join(str(trial.number) for trial in best)
        caption = f"Losses and accuracy of the {len(best)} best trials." if len(best) > 1 else "Losses and accuracy."
        alternative = f"Loss and validation accuracy by epoch of trial{'s' * (len(best) > 1)} {names}."
        picture = Picture(f"{record.study.name}-curves", caption, alternative, partial(draw_best_curves, best))
        note = "Training losses have dropout, augmentation and label smoothing in them, validation losses have not."
        sections.append(Section("Learning curves", (picture, Sentence(note, is_note=True))))
    if any(trial.accuracies for trial in record.trials):
        sections.append(_write_pruning(record))
    return sections


def _write_pruning(record: StudyRecord) -> Section:
    trained = sum(trial.epochs for trial in record.trials)
    finished = [trial for trial in record.trials if trial.state in ("COMPLETE", "PRUNED")]
    most = sum(trial.epochs_wanted or trial.epochs for trial in finished)
    spent = sum(trial.epochs for trial in finished)
    text = f"{count_of(trained, 'epoch')} were trained."
    if most and spent < most:
        text += (
            f" Pruning left out {100 * (most - spent) / most:.0f}% of those that the finished trials would have had."
        )
    picture = Picture(
        f"{record.study.name}-pruning",
        "How far trials went: the accuracy of each by epoch above, below which got how far, or of many how many.",
        f"{record.counts['COMPLETE']:,} trials went all the way, {record.counts['PRUNED']:,} were pruned before.",
        partial(draw_pruning, record.trials),
    )
    return Section("How far trials went", (Sentence(text), picture))
