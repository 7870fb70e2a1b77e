"""Charts as a handful of shapes, so that HTML and PDF draw the same ones, both as vectors.

Lengths are in pixels, y grows downwards. There is no state outside a drawing: two reports can draw at once, and a
cancel in the middle of one leaves nothing behind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from typing import Literal

INK = "#1f2933"
MUTED = "#5f6c7b"
GRID = "#e3e8ee"
ACCENT = "#2a6592"
SOFT = "#c9dbe8"
SECOND = "#b4602a"

FONT_SIZE = 11.0
# DejaVu Sans is wide; what fits in it fits in a browser's font too.
CHARACTER_WIDTH = 0.66


@dataclass(frozen=True)
class Rect:
    x: float
    y: float
    width: float
    height: float
    fill: str = ACCENT
    title: str = ""


@dataclass(frozen=True)
class Line:
    points: tuple[tuple[float, float], ...]
    stroke: str = ACCENT
    width: float = 1.0


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    radius: float
    fill: str = ACCENT
    title: str = ""


@dataclass(frozen=True)
class Text:
    x: float
    y: float
    text: str
    anchor: Literal["start", "middle", "end"] = "start"
    fill: str = MUTED
    size: float = FONT_SIZE


Shape = Rect | Line | Dot | Text


@dataclass
class Drawing:
    """A chart; `title` says in words what it shows, for those who don't see it."""

    width: float
    height: float
    title: str
    shapes: list[Shape] = field(default_factory=list)

    def add(self, *shapes: Shape) -> None:
        self.shapes.extend(shapes)


def fitted(text: str, width: float, size: float = FONT_SIZE) -> str:
    """The text, cut to about a width."""
    most = max(1, int(width / (size * CHARACTER_WIDTH)))
    return text if len(text) <= most else text[: most - 1] + "…"


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from `low` to `high`."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [place * step for place in range(first, math.floor(high / step + 1e-9) + 1)]


def to_svg(drawing: Drawing) -> str:
    """An SVG element for inline use: no ids, no styles, no links."""
    body = "".join(_svg(shape) for shape in drawing.shapes)
    return (
        f'<svg viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(drawing.title)}</title>{body}</svg>"
    )


def _svg(shape: Shape) -> str:
    if isinstance(shape, Rect):
        tag = (
            f'<rect x="{_n(shape.x)}" y="{_n(shape.y)}" width="{_n(shape.width)}" height="{_n(shape.height)}" '
            f'fill="{shape.fill}"'
        )
        return _titled(tag, "rect", shape.title)
    if isinstance(shape, Dot):
        tag = f'<circle cx="{_n(shape.x)}" cy="{_n(shape.y)}" r="{_n(shape.radius)}" fill="{shape.fill}"'
        return _titled(tag, "circle", shape.title)
    if isinstance(shape, Line):
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in shape.points)
        return (
            f'<polyline points="{points}" fill="none" stroke="{shape.stroke}" stroke-width="{_n(shape.width)}" '
            'stroke-linejoin="round"/>'
        )
    return (
        f'<text x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size)}" fill="{shape.fill}" '
        f'text-anchor="{shape.anchor}">{escape(shape.text)}</text>'
    )


def _titled(tag: str, name: str, title: str) -> str:
    return f"{tag}><title>{escape(title)}</title></{name}>" if title else f"{tag}/>"


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
