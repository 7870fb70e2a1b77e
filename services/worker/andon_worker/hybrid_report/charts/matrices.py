"""Coloured cells: correlations, and one column's values against another's."""

from __future__ import annotations

import math
from collections.abc import Sequence

from andon_worker.hybrid_report.charts.bars import gutter
from andon_worker.hybrid_report.drawing import (
    ACCENT,
    FULL,
    HALF,
    INK,
    MUTED,
    SECOND,
    Drawing,
    Rect,
    Text,
    fitted,
    text_width,
)
from andon_worker.hybrid_report.wording import Wording

_KEY_ROW = 15.0
_NUMBERED = 27.0  # the width of a cell from which it holds its number
_KEYS, _KEY = 9, 28.0  # colours of the key, and the width of each


def heat_map(
    title: str,
    names: Sequence[str],
    matrix: Sequence[Sequence[float | None]],
    wording: Wording,
    width: float = FULL,
) -> Drawing:
    """A correlation matrix: blue above zero, orange below, paler towards it.

    What isn't known has no number. Where names don't fit below the columns, rows and columns are numbered instead; and
    where the cells beside them have no room for their numbers, as on a narrow screen, the names stand below.
    """
    below, beside, key = list(names), list(names), list[str]()
    widest = max(56.0, max(text_width(name, 8.5) for name in names) + 4)
    if (width - gutter(names, width * 0.36) - 4) / len(names) < widest:
        widest = 56.0
        below = [str(place) for place in range(1, len(names) + 1)]
        beside = [f"{name}  {place}" for place, name in zip(below, names, strict=True)]
    left = gutter(beside, width * 0.36)
    if width <= HALF and (width - left - 4) / len(names) < _NUMBERED:
        beside, key = below, [f"{place}  {name}" for place, name in zip(below, names, strict=True)]
        left = gutter(beside, width)
    cell = min(widest, (width - left - 4) / len(names))
    high = min(28.0, max(20.0, cell * 0.5))
    drawing = Drawing(width, high * len(names) + 26 + _KEY_ROW * len(key), title)
    if cell < _NUMBERED:
        _key(drawing, wording)
    for i, row in enumerate(matrix):
        y = i * high + 2
        drawing.add(Text(left - 8, y + high / 2 + 4, fitted(beside[i], left - 10), "end", INK))
        for j, value in enumerate(row[: i + 1]):
            x = left + j * cell
            said = f"{names[i]}, {names[j]}: {wording.coefficient(value)}"
            drawing.add(Rect(x, y, cell - 1.5, high - 1.5, _shade(value), said))
            if cell >= _NUMBERED:
                dark = value is not None and abs(value) > 0.6
                drawing.add(_in_cell(x, y, cell, high, wording.coefficient(value), dark))
    every = math.ceil(max(text_width(name, 8.5) for name in below) / cell)
    for j, name in enumerate(below):
        if j % every == 0:
            drawing.add(Text(left + j * cell + cell / 2 - 1, high * len(names) + 16, name, "middle", MUTED, 8.5))
    for place, name in enumerate(key, 1):
        drawing.add(Text(0, high * len(names) + 22 + _KEY_ROW * place, fitted(name, width), "start", MUTED))
    if width > HALF:
        drawing.narrow = heat_map(title, names, matrix, wording, HALF)
    return drawing


def _key(drawing: Drawing, wording: Wording) -> None:
    """What the colours stand for, where the cells have no room for their numbers: in the empty corner."""
    cell = min(_KEY, drawing.width / 2 / _KEYS)
    for place in range(_KEYS):
        value = 2 * place / (_KEYS - 1) - 1
        x = drawing.width - (_KEYS - place) * cell
        drawing.add(Rect(x, 4, cell - 1.5, 12, _shade(value), wording.coefficient(value)))
        if place % 2 == 0:
            drawing.add(Text(x + cell / 2, 30, wording.coefficient(value), "middle", MUTED, 8.5))


def cross_tab(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    shares: Sequence[Sequence[float]],
    wording: Wording,
    width: float = FULL,
) -> Drawing:
    """Of each row, how its values divide among the columns: the fuller the colour, the larger the share. Where their
    names don't fit over two lines, the columns are numbered, and named below."""
    left = gutter(rows, width * 0.3)
    cell = min(110.0, (width - left - 4) / len(columns))
    high = 24.0
    heads = [("", name) if text_width(name, 9.5) <= cell - 4 else _two_lines(name) for name in columns]
    numbered = any(text_width(line, 9.5) > cell - 4 for head in heads for line in head)
    if numbered:
        heads = [("", str(place)) for place in range(1, len(columns) + 1)]
    top = 33.0 if any(above for above, _ in heads) else 22.0
    key = [f"{place}  {name}" for place, name in enumerate(columns, 1)] if numbered else []
    drawing = Drawing(width, top + high * len(rows) + 4 + _KEY_ROW * len(key), title)
    for i, (name, line) in enumerate(zip(rows, shares, strict=True)):
        y = top + i * high
        drawing.add(Text(left - 8, y + high / 2 + 4, fitted(name, left - 10), "end", INK))
        for j, share in enumerate(line):
            x = left + j * cell
            said = wording.percent(round(share, 3), 1)
            text = said if text_width(said, 9.0) < cell - 2 else f"{100 * share:.0f}%"
            drawing.add(
                Rect(x, y, cell - 1.5, high - 1.5, _shade(share), f"{name}, {columns[j]}: {wording.percent(share, 1)}"),
                _in_cell(x, y, cell, high, text, share > 0.6),
            )
    for j, head in enumerate(heads):
        for text, y in zip(head, (top - 19, top - 8), strict=True):
            if text:
                drawing.add(Text(left + j * cell + cell / 2 - 1, y, text, "middle", MUTED, 9.5))
    for place, text in enumerate(key, 1):
        drawing.add(Text(0, top + 2 + high * len(rows) + _KEY_ROW * place, fitted(text, width), "start", MUTED))
    if width > HALF:
        drawing.narrow = cross_tab(title, rows, columns, shares, wording, HALF)
    return drawing


def _two_lines(name: str) -> tuple[str, str]:
    """A name in two lines, parted at the blank nearest to its middle; in one, the second, where it has none."""
    blanks = [place for place, character in enumerate(name) if character == " "]
    at = min(blanks, key=lambda place: abs(place - len(name) / 2), default=-1)
    return name[: max(at, 0)], name[at + 1 :]


def _in_cell(x: float, y: float, width: float, height: float, text: str, dark: bool) -> Text:
    return Text(x + width / 2 - 1, y + height / 2 + 3, text, "middle", "#ffffff" if dark else INK, 9.0)


def _shade(value: float | None) -> str:
    if value is None:
        return "#f4f5f7"
    end = ACCENT if value > 0 else SECOND
    share = min(1.0, abs(value))
    parts = (int(end[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(245 + (part - 245) * share):02x}" for part in parts)
