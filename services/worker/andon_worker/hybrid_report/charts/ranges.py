"""A row per group: its mean with an interval, or how its values spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from andon_worker.hybrid_report.charts.axes import Scale, x_axis
from andon_worker.hybrid_report.charts.bars import ROW, gutter
from andon_worker.hybrid_report.drawing import (
    ACCENT,
    FULL,
    INK,
    MUTED,
    SECOND,
    SOFT,
    Dot,
    Drawing,
    Line,
    Rect,
    Text,
    fitted,
)
from andon_worker.hybrid_report.wording import Wording

_NEAR, _MOST, _FAR, _FEW = 0.1, 0.8, 20.0, 3  # most groups in a tenth of the span, the highest far above the lowest
_HALF = 0.02  # of the highest, below which half of the groups are a dot


@dataclass(frozen=True)
class Interval:
    """A mean with its interval, where it has one; `soft` for a group that isn't ranked."""

    name: str
    mean: float
    low: float | None
    high: float | None
    soft: bool = False


@dataclass(frozen=True)
class Box:
    """How the values of a group spread: ends of the whiskers, quartiles, median and mean."""

    name: str
    low: float
    q1: float
    median: float
    q3: float
    high: float
    mean: float


def intervals(title: str, rows: Sequence[Interval], wording: Wording) -> Drawing:
    """A dot per group, at its mean, and a bar for its interval."""
    drawing = Drawing(FULL, ROW * len(rows) + 30, title)
    names = gutter([row.name for row in rows], FULL * 0.3)
    x = _scale(
        drawing,
        [v for row in rows for v in (row.mean, row.low, row.high) if v is not None],
        names,
        wording,
        is_logarithmic(rows),
    )
    for place, row in enumerate(rows):
        y = place * ROW + ROW / 2 + 2
        said = f"{row.name}: {wording.number(row.mean)}"
        colour = MUTED if row.soft else INK
        drawing.add(Text(names - 8, y + 4, fitted(row.name, names - 10), "end", colour))
        if row.low is not None and row.high is not None:
            said += f" ({wording.number(row.low)} to {wording.number(row.high)})"
            drawing.add(Line(((x(row.low), y), (x(row.high), y)), "#e3e8ee" if row.soft else SOFT, 6))
        drawing.add(Dot(x(row.mean), y, 3.6, "#9aa5b1" if row.soft else ACCENT, said))
    return drawing


def boxes(title: str, rows: Sequence[Box], wording: Wording) -> Drawing:
    """A box from quartile to quartile with the median as a line, the mean as a dot, whiskers to the ends given."""
    drawing = Drawing(FULL, ROW * len(rows) + 30, title)
    names = gutter([row.name for row in rows], FULL * 0.3)
    x = _scale(
        drawing, [v for row in rows for v in (row.low, row.high, row.mean)], names, wording, is_logarithmic(rows)
    )
    for place, row in enumerate(rows):
        y = place * ROW + ROW / 2 + 2
        said = (
            f"{row.name}: half of the values from {wording.number(row.q1)} to {wording.number(row.q3)}, "
            f"median {wording.number(row.median)}"
        )
        drawing.add(
            Text(names - 8, y + 4, fitted(row.name, names - 10), "end", INK),
            Line(((x(row.low), y), (x(row.high), y)), "#8fa3b5", 1.2),
            Rect(x(row.q1), y - 6, max(x(row.q3) - x(row.q1), 1.0), 12, SOFT, said),
            Line(((x(row.median), y - 6), (x(row.median), y + 6)), ACCENT, 2.2),
            Dot(x(row.mean), y, 2.4, SECOND, f"{row.name}: mean {wording.number(row.mean)}"),
        )
    return drawing


def is_logarithmic(rows: Sequence[Interval] | Sequence[Box]) -> bool:
    """Whether a few groups lie so far above all others that these would be one dot on a linear scale."""
    means, lows = sorted(row.mean for row in rows), [row.mean if row.low is None else row.low for row in rows]
    near = means[0] + _NEAR * (means[-1] - means[0])
    crowd = sum(mean <= near for mean in means) >= _MOST * len(means) or means[len(means) // 2] < _HALF * means[-1]
    return len(means) > _FEW and min(lows) > 0 and means[-1] > _FAR * means[0] and crowd


def _scale(drawing: Drawing, values: list[float], names: float, wording: Wording, log: bool) -> Scale:
    low, high = min(values), max(values)
    margin = (high / 2 - low / 2) * 0.06 or abs(high) * 0.05 or 1
    ends = (low / 1.1, high * 1.1) if log else (low - margin, high + margin)
    x = Scale(*ends, names + 4, FULL - 12, log)
    x_axis(drawing, wording, x, drawing.height - 8, about=7, grid_to=2)
    return x
