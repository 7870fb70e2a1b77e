"""Charts as a handful of shapes, so that HTML and PDF draw the same ones, both as vectors.

Lengths are in pixels, y grows downwards. There is no state outside a drawing: two reports can draw at once, and a
cancel in the middle of one leaves nothing behind.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, field
from html import escape
from typing import Literal

INK = "#1f2933"
MUTED = "#5f6c7b"
GRID = "#e3e8ee"
ACCENT = "#2a6592"
SOFT = "#c9dbe8"
SECOND = "#b4602a"

FULL, HALF = 720.0, 340.0

# Told apart also by those who see no red or no green.
PALETTE = (ACCENT, SECOND, "#3f8f7f", "#7b5ea7", "#b8962b", "#6f7b86")

FONT_SIZE = 11.0
# DejaVu Sans is wide; what fits in it fits in a browser's font too. East Asian characters fill a square.
_CHARACTER, _SQUARE = 0.64, 1.05


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
    title: str = ""


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


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """About how wide a text is, whatever its script."""
    return sum(_advance(character) for character in text) * size


def _advance(character: str) -> float:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0.0
    return _SQUARE if unicodedata.east_asian_width(character) in "WF" else _CHARACTER


def fitted(text: str, width: float, size: float = FONT_SIZE) -> str:
    """The text, cut in its middle to about a width: names of one family differ at their ends."""
    if text_width(text, size) <= width:
        return text
    room = width - text_width("…", size)
    if room < 6 * size * _CHARACTER:
        return _start(text, room, size) + "…"
    start = _start(text, room * 0.55, size)
    end = _start(text[::-1], room - text_width(start, size), size)[::-1]
    while end and unicodedata.combining(end[0]):
        end = end[1:]
    return start + "…" + end


def _start(text: str, width: float, size: float) -> str:
    taken, used = "", 0.0
    for character in text:
        used += _advance(character) * size
        if used > width:
            break
        taken += character
    return taken


def ticks(low: float, high: float, about: int = 5, whole: bool = False) -> list[float]:
    """Round numbers from `low` to `high`, `whole` ones where a part makes no sense."""
    if not high > low:
        return [low]
    rough = high / about - low / about
    if not math.isfinite(rough) or rough < 1e-300:
        return [low, high]
    power = 10.0 ** math.floor(math.log10(rough))
    factors = (1, 2, 5, 10) if whole else (1, 2, 2.5, 5, 10)
    step = next(power * factor for factor in factors if power * factor >= rough * 0.999)
    step = max(step, 1.0) if whole else step
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
        tag = (
            f'<polyline points="{points}" fill="none" stroke="{shape.stroke}" stroke-width="{_n(shape.width)}" '
            'stroke-linejoin="round"'
        )
        return _titled(tag, "polyline", shape.title)
    return (
        f'<text x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size)}" fill="{shape.fill}" '
        f'text-anchor="{shape.anchor}">{escape(shape.text)}</text>'
    )


def _titled(tag: str, name: str, title: str) -> str:
    return f"{tag}><title>{escape(title)}</title></{name}>" if title else f"{tag}/>"


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
