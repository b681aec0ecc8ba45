"""The section at the end: data, seeds, versions, hardware, and what to type to get the same again."""

import shlex
from collections import Counter
from typing import Any

import tomli_w

from hpsearch.reporting.document import Block, Commands, Facts, Listing, Section, Sentence, make_table
from hpsearch.reporting.record_words import describe_length
from hpsearch.reporting.subject import Subject
from hpsearch.reporting.words import find_held_out_fraction, name_dataset, write_value
from hpsearch.study.default_spaces import default_space
from hpsearch.study.search_space import Choices, FloatRange, IntRange
from hpsearch.study.spec import SAMPLERS_WITH_PORTFOLIO, StudySpec
from hpsearch.tuning.records import StudyRecord
from hpsearch.tuning.winner import write_finalists_command
from hpsearch.wording import count_of

_MOST_SEEDS = 10


def write_made_section(subject: Subject) -> Section:
    """All that a result depends on."""
    record = subject.record
    blocks: list[Block] = [Facts((*_describe_data(subject), *_describe_seeds(record), *_describe_course(record)))]
    if rows := _list_environments(record):
        blocks.append(make_table("Versions and hardware, of finished trials", ["what", "which", "trials>"], rows))
    if record.study.plan is None:
        blocks += _describe_space(record)
    return Section("How it was made", (*blocks, *_list_commands(subject)))


def _describe_data(subject: Subject) -> list[tuple[str, str]]:
    record = subject.record
    dataset, fraction = record.study.dataset, find_held_out_fraction(record)
    plan = record.study.plan
    split_seed = record.study.spec.seed if plan is None else plan.trials[0].config.split_seed
    held_out = "nothing" if fraction is None else f"{100 * fraction:.4g}% of every class, drawn by seed {split_seed}"
    return [
        ("data set", name_dataset(dataset)),
        ("SHA-256 of the data", dataset.sha256),
        ("images", f"{dataset.train_count:,} to train with, {dataset.test_count:,} in the test split"),
        ("held out for validation", held_out),
        ("test split", _describe_openings(subject)),
    ]


def _describe_openings(subject: Subject) -> str:
    scored = _count_scored(subject.record)
    finalists = sum(_count_scored(final) for final in subject.finals)
    text = "closed for this report; " if scored or finalists else "closed: "
    text += f"{count_of(scored, 'network') if scored else 'no network'} of this study "
    text += "had a test score before" if scored else "has a test score"
    return text + (f", {count_of(finalists, 'network')} of its finalists had one before" if finalists else "")


def _count_scored(record: StudyRecord) -> int:
    return sum(bool(trial.test_scores) for trial in record.trials)


def _describe_seeds(record: StudyRecord) -> list[tuple[str, str]]:
    spec, plan = record.study.spec, record.study.plan
    if plan is None:
        return [("seed", f"{spec.seed}; a trial's own seeds come from it and the trial's number")]
    seeds = list(dict.fromkeys(trial.config.seed for trial in plan.trials))
    shown = ", ".join(str(seed) for seed in seeds[:_MOST_SEEDS])
    return [("seed" if len(seeds) == 1 else "seeds", shown + (" ..." if len(seeds) > _MOST_SEEDS else ""))]


def _describe_course(record: StudyRecord) -> list[tuple[str, str]]:
    spec, warm_start = record.study.spec, record.study.warm_start
    facts = []
    if record.study.plan is None:
        pruner = "nothing is pruned" if spec.pruner == "none" else f"pruner {spec.pruner}"
        facts.append(("search", f"sampler {spec.sampler}, {pruner}, {count_of(spec.epochs, 'epoch')} at most"))
        if spec.round_plan is not None:
            facts.append(("rounds", f"{describe_length(record)}; planned for {spec.round_plan.workers} at once"))
    if record.study.teacher is not None:
        identity = record.study.teacher.identity
        facts.append(("teacher", f"{record.study.teacher.describe()}; {identity.describe_part()}"))
    if warm_start is not None:
        facts.append(("begun with", warm_start.describe()))
    if given := len(record.portfolio_trials):
        facts.append(("portfolio", f"gave {given:,} of the first trials"))
    if record.trials_wanted != spec.trials:
        facts.append(("trials", f"{spec.trials:,} at first, {record.trials_wanted:,} by now"))
    return facts


def _list_environments(record: StudyRecord) -> list[list[str]]:
    """Each name with its values, the most frequent first."""
    names = dict.fromkeys(name for trial in record.trials for name in trial.environment)
    rows = []
    for name in names:
        counted = Counter(trial.environment[name] for trial in record.trials if name in trial.environment)
        ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
        rows += [[name if index == 0 else "", value, f"{count:,}"] for index, (value, count) in enumerate(ranked)]
    return rows


def _describe_space(record: StudyRecord) -> list[Block]:
    searched, fixed = [], []
    for name, distribution in record.study.space.distributions.items():
        match distribution:
            case Choices(values=(value,)):
                fixed.append(f"{name} {write_value(value)}")
            case IntRange(low=low, high=high) | FloatRange(low=low, high=high) if low == high:
                fixed.append(f"{name} {write_value(low)}")
            case _:
                searched.append([name, str(distribution)])
    blocks: list[Block] = [make_table("The search space", ["parameter", "over"], searched)] if searched else []
    if fixed:
        blocks.append(Sentence(f"Fixed: {', '.join(fixed)}.", is_note=True))
    return blocks


def _list_commands(subject: Subject) -> list[Block]:
    record, plan = subject.record, subject.record.study.plan
    name, best = record.study.name, record.best
    lines: list[tuple[str, str]] = []
    listings: list[Block] = []
    if plan is None:
        command, text = _write_search_command(record)
        lines.append(("the search again", command))
        if text:
            listings = [Listing(f"{name}.toml: what this study searches.", text)]
    elif subject.search is not None:
        lines.append(("the finalists again", write_finalists_command(subject.search, record)))
    elif plan.origin is not None:
        lines.append(("all trainings again, from the study file", plan.origin.command or f"hpsearch run {name}.toml"))
    judged = next((outcome.trial for outcome in subject.outcomes), best)
    trial = judged or next((trial for trial in record.trials if trial.state == "COMPLETE"), None)
    if trial is not None:
        lines.append(
            ("one of its trainings again, compared bit by bit", f"hpsearch replay {name} --trial {trial.number}")
        )
        lines.append(("its network as files, verified", f"hpsearch export {name} --trial {trial.number}"))
    if plan is None and best is not None and not subject.finals:
        lines.append(("how good the best ones really are", f"hpsearch finalists {name}"))
    lines.append(("this report", f"hpsearch report {name}"))
    return [Commands(tuple(lines)), *listings]


def _write_search_command(record: StudyRecord) -> tuple[str, str]:
    """What to type, and the study file that it names, empty where flags say it all."""
    name, spec = record.study.name, record.study.spec
    flags = ["--no-portfolio"] if _is_without_portfolio(record) else []
    if record.study.warm_start is not None:
        flags += ["--from", record.study.warm_start.study]
    if spec.teacher is not None:
        flags += ["--teacher", spec.teacher]
    usual = StudySpec.model_fields["validation_fraction"].default
    has_pinned_rounds = spec.round_plan is not None and spec.time is None
    if spec.space != default_space(spec.arch) or spec.validation_fraction != usual or has_pinned_rounds:
        return shlex.join(["hpsearch", "run", f"{name}.toml", *flags]), _write_study_file(record)
    given: dict[str, Any] = {
        **{f"--{name}": limit for name, limit in spec.limits.named.items()},
        **({} if spec.target is None else {"--target": spec.target}),
        "--arch": spec.arch,
        "--dataset": name_dataset(record.study.dataset),
    }
    if spec.time is not None:
        given |= {"--time": f"{spec.time}s", "--sampler": spec.sampler}
    else:
        given |= {"--trials": spec.trials, "--epochs": spec.epochs, "--sampler": spec.sampler, "--pruner": spec.pruner}
    given |= {"--seed": spec.seed, "--study": name}
    words = [str(word) for pair in given.items() for word in pair]
    return shlex.join(["hpsearch", "run", *words, *flags]), ""


def _is_without_portfolio(record: StudyRecord) -> bool:
    """Whether it began without one where it would begin with one by default."""
    spec = record.study.spec
    is_cold = record.study.warm_start is None
    return spec.portfolio is False and is_cold and spec.sampler in SAMPLERS_WITH_PORTFOLIO


def _write_study_file(record: StudyRecord) -> str:
    spec, usual = record.study.spec, default_space(record.study.spec.arch).distributions
    document: dict[str, Any] = {"name": record.study.name, "dataset": name_dataset(record.study.dataset)}
    if record.study.spec.image_size is not None:
        document |= {"image_size": record.study.spec.image_size, "grey": record.study.spec.grey}
    document |= {field: getattr(spec, field) for field in ("arch", "seed", "sampler")} | spec.limits.named
    document |= {} if spec.target is None else {"target": spec.target}
    document |= {"validation_fraction": spec.validation_fraction} | _describe_length(spec)
    changed = {name: each for name, each in spec.space.distributions.items() if each != usual.get(name)}
    if changed:
        document["space"] = {name: _describe_distribution(each) for name, each in changed.items()}
    return tomli_w.dumps(document)


def _describe_length(spec: StudySpec) -> dict[str, Any]:
    """What says in a study file how long a search is."""
    if spec.time is not None:
        return {"time": f"{spec.time}s"}
    if spec.round_plan is not None:
        return {"round_plan": [part.model_dump() for part in spec.round_plan.rounds]}
    return {"trials": spec.trials, "epochs": spec.epochs, "pruner": spec.pruner}


def _describe_distribution(distribution: FloatRange | IntRange | Choices) -> Any:
    match distribution:
        case Choices(values=(value,)):
            return value
        case Choices(values=values):
            return list(values)
        case IntRange(low=low, high=high, log=log) | FloatRange(low=low, high=high, log=log):
            return {"low": low, "high": high} | ({"log": True} if log else {})
