"""The model card: README.md of a bundle, for whoever gets the folder and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpsearch.export.bundle_files import (
    CONFUSION,
    CURVE,
    EXAMPLE_CC,
    INT8_HEADER,
    INT8_ONNX,
    INT8_TFLITE,
    ONNX,
    SAFETENSORS,
    SEEN,
    TFLITE,
)
from hpsearch.export.card_use import write_origin, write_use
from hpsearch.export.finalist_card import write_finalist
from hpsearch.markdown import escape, write_table
from hpsearch.network.sizes import show_bytes
from hpsearch.study.trial_config import TrialConfig
from hpsearch.wording import describe_error

_ABOUT = {
    "config.toml": "architecture, recipe, data set and seeds, to read and to change",
    "config.json": "the same, for programs",
    SAFETENSORS: "the trained weights in single precision",
    ONNX: "the network with its weights, normalization of the pixels inside",
    INT8_ONNX: "the same in 8-bit whole numbers",
    TFLITE: "the network for TensorFlow Lite: normalization inside, norms folded",
    INT8_TFLITE: "the same in 8-bit whole numbers, for TensorFlow Lite Micro",
    INT8_HEADER: "that file without its metadata as a C array, with the sizes that a firmware needs",
    EXAMPLE_CC: "an example in C++ that labels an image with it",
    SEEN: "the images it was trained on, 8 bytes of a hash each: hpsearch evaluate sets them aside",
    CURVE: "the learning curve",
    CONFUSION: "the confusion matrix on the validation split",
}
_KINDS = {"fcn": "fully connected", "cnn": "convolutional"}


@dataclass(frozen=True)
class CardFacts:
    """What a model card says."""

    name: str
    """The bundle's folder."""
    config: TrialConfig
    manifest: Mapping[str, Any]
    """All but the files."""
    sizes_bytes: Mapping[str, int]
    """Of the files beside the card, by name."""
    confusion: Sequence[Sequence[int]] | None
    """On the validation split; None where nothing is held out."""


def write_card(facts: CardFacts) -> str:
    """The card as Markdown."""
    sections = [
        _write_head(facts),
        *([write_finalist(facts.manifest)] if "finalist" in facts.manifest else []),
        _write_network(facts.config),
        _write_recipe(facts),
        _write_data(facts),
        _write_files(facts),
        _write_verification(facts.manifest["verified"]),
        write_use(facts.name, facts.config, facts.sizes_bytes),
        write_origin(facts.name, facts.manifest),
    ]
    return "\n\n".join(section.strip("\n") for section in sections) + "\n"


def _write_head(facts: CardFacts) -> str:
    config, manifest = facts.config, facts.manifest
    weights = manifest["weights"]
    budget = f", under a budget of {config.budget:,}" if config.budget is not None else ""
    rows = [
        ("validation accuracy", _describe_validation(manifest)),
        *_describe_baseline(manifest),
        ("test accuracy", _describe_test(facts)),
        ("weights", f"{weights:,}{budget}"),
        ("multiply-accumulates an image", f"{manifest['macs']:,}"),
        ("the weights alone, on disk", f"{4 * weights / 1000:,.1f} kB in fp32, {weights / 1000:,.1f} kB in int8"),
    ]
    if config.teacher is not None:
        rows.insert(2, ("learned from", f"{escape(config.teacher.describe())}, beside the labels (distillation)"))
    rows += _describe_device(manifest)
    if "int8" in manifest:
        rows.insert(1, ("the same in int8", _describe_int8(manifest)))
    return "\n".join(
        [
            f"# {facts.name}",
            "",
            f"A {_KINDS[config.architecture.arch]} network that tells {config.dataset.class_count} classes of "
            f"{config.dataset.input_shape} images apart (channels x height x width), found by hpsearch on "
            f"{escape(manifest['dataset'])}: trial {manifest['trial']} of the study `{manifest['study']}`.",
            "",
            *write_table(("", ""), rows),
        ]
    )


def _describe_device(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a small device gives for the network, in whole numbers and in single precision."""
    if (found := manifest.get("footprint")) is None:
        return []
    rows = [
        (
            f"{what} on a small device",
            f"{show_bytes(found[f'{what.lower()}_int8_bytes'])} in int8, "
            f"{show_bytes(found[f'{what.lower()}_fp32_bytes'])} in fp32",
        )
        for what in ("RAM", "flash")
    ]
    if (accuracy := manifest.get("int8_validation_accuracy")) is not None:
        rows.append(("accuracy in int8, as trained for it", f"{accuracy:.2%} of the same images"))
    tflite = manifest.get("tflite", {})
    if "validation_accuracy" in tflite:
        rows.append(("accuracy of the int8 .tflite", f"{tflite['validation_accuracy']:.2%} of the same images"))
    if "micro" in tflite:
        micro = tflite["micro"]
        rows.append(
            (
                "arena in TensorFlow Lite Micro",
                f"{micro['arena_head_bytes']:,} bytes for what flows and {micro['arena_tail_bytes']:,} for the "
                "interpreter's structures (measured on 64 bits)",
            )
        )
    if "operators" in tflite:
        rows.append(("operators", ", ".join(tflite["operators"])))
    rows += [("over a limit", excess) for excess in tflite.get("over_limits", ())]
    for name, limit in manifest.get("limits", {}).items():
        if name != "budget":
            rows.append((f"limit of {name}", f"{limit:,}{' bytes' if name != 'macs' else ''}"))
    return rows


def _describe_validation(manifest: Mapping[str, Any]) -> str:
    if manifest["validation_accuracy"] is None:
        return "cannot be known: the validation images were trained on as well"
    images = manifest["verified"]["images"]
    accuracy = manifest["validation_accuracy"]
    error = describe_error(accuracy, images)
    return f"**{accuracy:.2%}** of {images:,} images held out of the training split, {error}"


def _describe_baseline(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    if (found := manifest.get("baseline")) is None:
        return []
    return [("saying the largest class always", f"{found['validation_accuracy']:.2%} ({escape(found['class'])})")]


def _describe_int8(manifest: Mapping[str, Any]) -> str:
    return f"{manifest['int8']['validation_accuracy']:.2%} of the same images"


def _describe_test(facts: CardFacts) -> str:
    manifest = facts.manifest
    if manifest["test_accuracy"] is None:
        return "not known: the test split was not opened for this network"
    count = manifest["study_test_openings"]
    times = "once" if count == 1 else f"{count} times"
    accuracy, images = manifest["test_accuracy"], facts.config.dataset.test_count
    measured = ""
    if images:
        measured = f" of {images:,} test images, {describe_error(accuracy, images)}"
    return f"**{accuracy:.2%}**{measured}; the test split was opened {times} for this study"


def _write_network(config: TrialConfig) -> str:
    dataset = config.dataset
    rows: list[tuple[str, ...]] = [
        ("input", "pixels, normalized by mean and deviation per channel", str(dataset.input_shape), "", "")
    ]
    layers = config.architecture.walk_layers(dataset.input_shape, dataset.class_count)
    rows += [layer.write_cells() for layer in layers]
    rows.append(("**total**", "", "", f"**{config.count_weights():,}**", f"**{config.count_macs():,}**"))
    head = ("layer", "what", "output", "weights:", "MACs:")
    return "\n".join(["## Network", "", f"`{config.architecture.describe()}`", "", *write_table(head, rows)])


def _write_recipe(facts: CardFacts) -> str:
    recipe = facts.config.recipe.model_dump(mode="json")
    rows = [(name.replace("_", " "), _write_value(value)) for name, value in recipe.items()]
    if (teacher := facts.config.teacher) is not None:
        rows += [("teacher", escape(teacher.describe())), ("its part", teacher.describe_part())]
        rows.append(("SHA-256 of its weights", f"`{teacher.weights_sha256}`"))
    pictures = [f"![The learning curve]({CURVE})"] if CURVE in facts.sizes_bytes else []
    lines = ["## Training", "", *write_table(("recipe", "value"), rows), ""]
    if facts.confusion is None:
        return "\n".join([*lines, *pictures])
    pictures.append(f"![The confusion matrix on the validation split]({CONFUSION})")
    names = facts.config.dataset.class_names
    classes = [
        (escape(name), f"{sum(row):,}", f"{row[label] / sum(row):.1%}" if sum(row) else "")
        for label, (name, row) in enumerate(zip(names, facts.confusion, strict=True))
    ]
    table = write_table(("class", "validation images:", "labelled rightly:"), classes)
    return "\n".join([*lines, "\n\n".join(pictures), "", *table])


def _write_value(value: object) -> str:
    """To four digits; the configuration has them all."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _write_data(facts: CardFacts) -> str:
    config, manifest = facts.config, facts.manifest
    dataset = config.dataset
    share = _describe_share(config)
    rows = [
        ("data set", escape(manifest["dataset"])),
        ("SHA-256", f"`{dataset.sha256}`"),
        (
            "licence of the data",
            escape(manifest["dataset_licence"] or "not known: the data are somebody's own"),
        ),
        ("training split", f"{dataset.train_count:,} images"),
        (
            "held out of it for validation",
            share if config.is_validated else f"nothing; in the search it had been {share}",
        ),
        ("test split", f"{dataset.test_count:,} images, never seen by the search"),
        *([("every image", dataset.preparation.describe())] if dataset.preparation is not None else []),
        *_describe_brightness(manifest),
        ("seed of the training", str(config.seed)),
    ]
    return "\n".join(["## Data", "", *write_table(("", ""), rows)])


def _describe_share(config: TrialConfig) -> str:
    if (count := config.dataset.validation_count) is not None:
        return f"the {count:,} images that the data set sets aside for it"
    share = f"{100 * config.validation_fraction:g}%"
    by = "of every class" if config.dataset.rules == 1 else "by the hash of the pixels"
    return f"{share} {by}, seed {config.split_seed}"


def _describe_brightness(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    if (found := manifest.get("brightness")) is None:
        return []
    usual = f"{found['mean']:.0f} of 255 in the mean; an image {found['low']:.0f} to {found['high']:.0f}"
    return [("brightness of the training images", usual)]


def _write_files(facts: CardFacts) -> str:
    rows = [(f"`{name}`", f"{size:,}", _ABOUT[name]) for name, size in facts.sizes_bytes.items()]
    rows.append(("`manifest.json`", "", "every figure here, and the SHA-256 of every file"))
    lines = ["## Files", "", *write_table(("file", "bytes:", "what"), rows)]
    if (onnx := facts.manifest.get("onnx")) is not None and ONNX in facts.sizes_bytes:
        needs = f"opset {onnx['opset']} and IR version {onnx['ir_version']}, as onnxruntime {onnx['onnxruntime']} has"
        lines += ["", f"Whatever runs the ONNX files needs {needs}."]
    return "\n".join(lines)


def _write_verification(verified: Mapping[str, Any]) -> str:
    counts = (
        f"The search had recorded {verified['recorded_correct']:,} of them as labelled rightly; "
        f"the stored weights label {verified['correct']:,} so."
        if "recorded_correct" in verified
        else "How many of them it labels rightly says nothing: it was trained on them."
    )
    lines = [
        "## Verified",
        "",
        f"Before this folder got its name, its files were read back and given "
        f"{verified['images']:,} {'validation' if 'recorded_correct' in verified else 'training'} images. {counts} "
        f"Logits may differ by {verified['tolerance']:g} of the largest one.",
        "",
    ]
    if SAFETENSORS in verified:
        lines.append(_describe_check(SAFETENSORS, "in a freshly built network", verified[SAFETENSORS]))
    if ONNX in verified:
        lines.append(_describe_check(ONNX, "in onnxruntime", verified[ONNX]))
    if INT8_ONNX in verified:
        check = verified[INT8_ONNX]
        right = f"{check['correct']:,} right ({check['accuracy']:.2%}), " if "correct" in check else ""
        lines.append(f"- `{INT8_ONNX}` in onnxruntime: {right}the same class as in fp32 for {check['same_top_1']:.2%}")
    if INT8_TFLITE in verified:
        check = verified[INT8_TFLITE]
        lines.append(_describe_check(TFLITE, f"in ai-edge-litert, on {verified[TFLITE]['images']:,}", verified[TFLITE]))
        right = f"{check['correct']:,} right ({check['accuracy']:.2%}), " if "correct" in check else ""
        lines.append(
            f"- `{INT8_TFLITE}` in ai-edge-litert: {right}the same class as in fp32 for {check['same_top_1']:.2%}"
        )
    return "\n".join(lines)


def _describe_check(name: str, where: str, check: Mapping[str, Any]) -> str:
    right = f"{check['correct']:,} right, " if "correct" in check else ""
    return (
        f"- `{name}` {where}: {right}the same class for {check['same_top_1']:.2%}, "
        f"logits within {check['largest_difference']:.1g}"
    )
