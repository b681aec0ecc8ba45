"""Record a command in a real terminal as a picture that moves: docs/run.svg is made by it.

    pip install pyte
    python docs/record_run.py docs/run.svg -- hpsearch run --budget 100k --arch fcn

What the command prints goes through a terminal emulator; each change of its screen becomes a frame, and the last one
stays. Waiting is shortened, so that a run of minutes is seen in half a minute.
"""

import argparse
import html
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from itertools import groupby
from pathlib import Path

import pyte

COLUMNS, ROWS = 100, 44
CHARACTER_WIDTH, LINE_HEIGHT, MARGIN = 8.4, 19, 16
SAMPLE_SECONDS = 0.5
MOST_FRAMES = 60
LAST_FRAME_SECONDS, WHOLE_SECONDS = 12.0, 36.0
BACKGROUND, FOREGROUND = "#16181d", "#c9cdd4"
COLORS = {
    "default": FOREGROUND,
    "black": "#5c6370",
    "red": "#e06c75",
    "green": "#98c379",
    "brown": "#e5c07b",
    "blue": "#61afef",
    "magenta": "#c678dd",
    "cyan": "#56b6c2",
    "white": FOREGROUND,
    "brightblack": "#7f848e",
}
"""As pyte names them; `brown` is what everybody else calls yellow."""

Line = tuple[tuple[str, str, bool], ...]
"""Runs of one style: text, colour, whether bold."""
Frame = tuple[Line, ...]


def record(command: list[str]) -> list[Frame]:
    """Run a command to its end; its different screens, one for each half second at most."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    stream.feed(b"$ " + " ".join(command).encode() + b"\r\n")
    frames = [read_screen(screen)]
    for shown in _run(command):
        stream.feed(shown)
        frame = read_screen(screen)
        if frame != frames[-1]:
            frames.append(frame)
    return frames


def _run(command: list[str]) -> Iterator[bytes]:
    """What the command prints, piece by piece."""
    terminal, its_side = pty.openpty()
    ioctl(its_side, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdin=its_side, stdout=its_side, stderr=its_side, env=environment)
    os.close(its_side)
    while True:
        piece, until = b"", time.monotonic() + SAMPLE_SECONDS
        while (left := until - time.monotonic()) > 0:
            if not select.select([terminal], [], [], left)[0]:
                break
            try:
                read = os.read(terminal, 65536)
            except OSError:  # Linux's way to say that the other side is closed
                read = b""
            if not read:
                yield piece
                process.wait()
                return
            piece += read
        yield piece


def read_screen(screen: pyte.Screen) -> Frame:
    """Every line as runs of one style."""
    lines = []
    for row in range(screen.lines):
        cells = [screen.buffer[row][column] for column in range(screen.columns)]
        runs = [
            ("".join(cell.data for cell in same), color, bold)
            for (color, bold), same in groupby(cells, lambda cell: (cell.fg, cell.bold))
        ]
        while runs and not runs[-1][0].strip():
            runs.pop()
        lines.append(tuple(runs))
    return tuple(lines)


def draw(frames: list[Frame]) -> str:
    """One SVG whose frames lie one below the other and pass a window."""
    if len(frames) > MOST_FRAMES:
        step = (len(frames) - 1) / (MOST_FRAMES - 1)
        frames = [frames[round(index * step)] for index in range(MOST_FRAMES)]
    width, height = COLUMNS * CHARACTER_WIDTH + 2 * MARGIN, ROWS * LINE_HEIGHT + 2 * MARGIN
    known: dict[Line, str] = {}
    for frame in frames:
        for line in frame:
            if line and line not in known:
                known[line] = f"l{len(known)}"
    moving = (1 - LAST_FRAME_SECONDS / WHOLE_SECONDS) * 100
    stops = [
        f"{index * moving / max(1, len(frames) - 1):.2f}%{{transform:translateY({-index * height}px)}}"
        for index in range(len(frames))
    ]
    last = f"100%{{transform:translateY({-(len(frames) - 1) * height}px)}}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}">',
        "<style>",
        f"text{{font:14px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre;fill:{FOREGROUND}}}",
        f"@keyframes pass{{{''.join(stops)}{last}}}",
        f"#frames{{animation:pass {WHOLE_SECONDS:.0f}s step-end infinite}}",
        f"@media (prefers-reduced-motion:reduce){{#frames{{animation:none;{last[5:-1]}}}}}",
        "</style>",
        "<defs>",
        *(f'<text id="{name}">{_draw_line(line)}</text>' for line, name in known.items()),
        "</defs>",
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
        '<g id="frames">',
    ]
    for index, frame in enumerate(frames):
        for row, line in enumerate(frame):
            if line:
                y = index * height + MARGIN + (row + 1) * LINE_HEIGHT - 5
                parts.append(f'<use href="#{known[line]}" x="{MARGIN}" y="{y}"/>')
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _draw_line(line: Line) -> str:
    drawn, column = [], 0
    for text, color, bold in line:
        fill = COLORS.get(color, f"#{color}" if len(color) == 6 else FOREGROUND)
        style = f' fill="{fill}"' * (fill != FOREGROUND) + ' font-weight="bold"' * bold
        drawn.append(f'<tspan x="{column * CHARACTER_WIDTH:.1f}"{style}>{html.escape(text)}</tspan>')
        column += len(text)
    return "".join(drawn)


def main() -> None:
    """Record the command behind `--`."""
    parser = argparse.ArgumentParser(description="Record a command in a terminal as a moving SVG.")
    parser.add_argument("output", type=Path)
    parser.add_argument("command", nargs="+", help="behind --")
    given = parser.parse_args()
    given.output.write_text(draw(record(given.command)))


if __name__ == "__main__":
    main()
