"""A network drawn from left to right: a block for each layer, with its shape above and what it is below."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hpsearch.dataset import DatasetIdentity
from hpsearch.network.architecture import Architecture
from hpsearch.network.layers import LayerSummary
from hpsearch.reporting.canvas import make_figure, styled, write_png
from hpsearch.reporting.lines import DARK, GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_IN_ROW = 8
_MOST_BLOCKS = 32
_CELL_INCHES, _ROW_INCHES = 1.12, 2.15
_PARTS = (" norm", " depthwise", " pointwise", " first", " second", " skip")
"""How rows of one block end where it has several."""


@dataclass(frozen=True)
class DrawnBlock:
    """A layer, or the layers of a block, as one thing."""

    what: str
    """In a few words: `convolution 3x3`."""
    shape: tuple[int, ...]
    """Of what it gives for one image."""
    weights: int
    notes: tuple[str, ...] = ()
    """What follows within it: batch norm, activation."""
    repeats: int = 1


def list_blocks(architecture: Architecture, dataset: DatasetIdentity) -> list[DrawnBlock]:
    """The blocks from the image to the classes; equal ones in a row are one that says how often."""
    rows = list(architecture.walk_layers(dataset.input_shape, dataset.class_count))
    blocks = [DrawnBlock("image", tuple(dataset.input_shape), 0)]
    for group in _group(rows):
        block = _describe(group, architecture.activation)
        if blocks[-1] == replace(block, repeats=blocks[-1].repeats):
            blocks[-1] = replace(block, repeats=blocks[-1].repeats + 1)
        else:
            blocks.append(block)
    return blocks


def draw_network(architecture: Architecture, dataset: DatasetIdentity) -> bytes:
    """The picture, in rows of up to eight blocks; of more than 32 the middle is left out."""
    blocks: list[DrawnBlock | None] = [*list_blocks(architecture, dataset)]
    if len(blocks) > _MOST_BLOCKS:
        half = _MOST_BLOCKS // 2
        blocks = [*blocks[:half], None, *blocks[1 - half :]]
    columns = -(-len(blocks) // -(-len(blocks) // _MOST_IN_ROW))  # rows of about the same length
    rows = [blocks[start : start + columns] for start in range(0, len(blocks), columns)]
    known = [block for block in blocks if block is not None]
    scale = _Scale(
        max(block.shape[1] for block in known if len(block.shape) == 3),
        max(block.shape[0] for block in known),
    )
    width, height = columns * _CELL_INCHES, len(rows) * _ROW_INCHES
    with styled():
        figure = make_figure(max(width, 3.4), height)
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, max(width, 3.4))
        axes.set_ylim(0, height)
        axes.set_axis_off()
        for index, row in enumerate(rows):
            bottom = height - (index + 1) * _ROW_INCHES
            for position, block in enumerate(row):
                center = (position + 0.5) * _CELL_INCHES
                if position or index:
                    _draw_arrow(axes, center - _CELL_INCHES / 2, bottom + 1.35)
                if block is None:
                    axes.text(center, bottom + 1.3, "…", ha="center", va="center", fontsize=16)
                else:
                    _draw_block(axes, block, center, bottom, scale)
        return write_png(figure)


@dataclass(frozen=True)
class _Scale:
    """The largest of what is drawn."""

    side: int
    width: int

    def measure(self, shape: tuple[int, ...]) -> tuple[float, float]:
        """Width and height in inches: channels go to the right, pixels and features up."""
        if len(shape) == 3:
            channels, side, _ = shape
            return 0.06 + 0.36 * _share(channels, self.width), 0.12 + 0.6 * math.sqrt(side / self.side)
        return 0.1, 0.15 + 0.85 * _share(shape[0], self.width)


def _share(count: int, most: int) -> float:
    """On a logarithmic scale, from 0 to 1."""
    return math.log1p(count) / math.log1p(most)


def _group(rows: Sequence[LayerSummary]) -> Iterator[list[LayerSummary]]:
    """The rows of a block together: a name, or that with an ending; with a pool that its norm comes after."""
    group: list[LayerSummary] = []
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        is_within = following is not None and group and _is_pool(row) and following.name == f"{group[-1].name} norm"
        if group and not is_within and _stem(row.name) != _stem(group[0].name):
            yield group
            group = []
        group.append(row)
    yield group


def _is_pool(row: LayerSummary) -> bool:
    return row.description.split()[1:2] == ["pool"]


def _stem(name: str) -> str:
    for _ in range(2):  # "stage 1 first norm" has two of them
        for ending in _PARTS:
            name = name.removesuffix(ending)
    return name


def _describe(group: Sequence[LayerSummary], activation: str) -> DrawnBlock:
    first = group[0]
    words = first.description.split()
    kind = " ".join(words[:2])
    if any(row.name.endswith(" first") for row in group):
        kind = f"residual {words[1]}"
    elif any(row.name.endswith(" depthwise") for row in group):
        kind = f"separable {words[1]}"
    elif words[0] == "dense":
        kind = "dense"
    elif words[1:2] == ["pool"]:
        kind = " ".join(words[:3])
    kept = [row for row in group if not row.name.removesuffix(" norm").endswith(" skip")]
    notes = [" ".join(row.description.split()[:3]) for row in group[1:] if _is_pool(row)]
    notes += ["batch norm"] if any(row.description == "batch norm" for row in group) else []
    is_output = first.name == "output"
    if first.weights and not is_output:
        notes.append(activation.replace("_", " "))
    return DrawnBlock(
        "dense to classes" if is_output else kind,
        kept[-1].output_shape,
        sum(row.weights for row in group),
        tuple(notes),
    )


def _draw_arrow(axes: "Axes", x: float, y: float) -> None:
    style = {"arrowstyle": "-|>", "color": GREY, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (x + 0.14, y), (x - 0.14, y), arrowprops=style)


def _draw_block(axes: "Axes", block: DrawnBlock, center: float, bottom: float, scale: _Scale) -> None:
    from matplotlib.patches import Polygon, Rectangle

    width, height = scale.measure(block.shape)
    depth = 0.1 if len(block.shape) == 3 else 0.0
    left, low = center - (width + depth) / 2, bottom + 1.35 - (height + depth) / 2
    shade = "#ffffff" if block.what == "image" else "#e8e8e8" if not block.weights else "#b9cfe4"
    look: Any = {"facecolor": shade, "edgecolor": DARK, "linewidth": 0.9}
    if depth:
        right, top = left + width, low + height
        axes.add_patch(
            Polygon([(left, top), (left + depth, top + depth), (right + depth, top + depth), (right, top)], **look)
        )
        axes.add_patch(
            Polygon([(right, low), (right + depth, low + depth), (right + depth, top + depth), (right, top)], **look)
        )
    axes.add_patch(Rectangle((left, low), width, height, **look))
    shape = "×".join(f"{length:,}" for length in block.shape)
    axes.text(center, bottom + 1.96, shape, ha="center", va="bottom", fontsize=8.5)
    lines = [block.what, *block.notes, *([f"{block.weights:,} weights"] if block.weights else [])]
    if block.repeats > 1:
        lines.append(f"{block.repeats} such blocks")
    for index, line in enumerate(lines):
        is_first = index == 0
        axes.text(
            center,
            bottom + 0.66 - 0.145 * index,
            line,
            ha="center",
            va="center",
            fontsize=7.5,
            color=DARK if is_first else "#444444",
            fontweight="bold" if is_first else "normal",
        )
