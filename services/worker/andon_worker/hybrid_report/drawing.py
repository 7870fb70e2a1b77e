"""Charts as a handful of shapes, so that HTML and PDF draw the same ones, both as vectors.

Lengths are in pixels, y grows downwards. There is no state outside a drawing: two reports can draw at once, and a
cancel in the middle of one leaves nothing behind.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, field, replace
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

_SIDE = 0.42  # of a narrow chart's width, the most that names take
_GAP = 24.0  # before the name behind, with its stroke
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
    """A chart; `title` says in words what it shows, for those who don't see it. `narrow` is the same for a narrow
    screen, where pressing it together wouldn't do."""

    width: float
    height: float
    title: str
    shapes: list[Shape] = field(default_factory=list)
    narrow: Drawing | None = None

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


def narrowed(drawing: Drawing, width: float = HALF) -> Drawing:
    """The same chart for a narrow screen: names at its left and numbers at its right keep their room, and what lies
    between is pressed together. Names are cut to what fits, and numbers left out that would touch the one before."""
    if drawing.narrow:
        return drawing.narrow
    texts = [shape for shape in drawing.shapes if isinstance(shape, Text)]
    edges: dict[float, float] = {}  # of each line of text that has a name at the left, where that ends
    for each in texts:
        if each.anchor == "end" and each.x < _SIDE * drawing.width:
            edges[each.y] = min(each.x, edges.get(each.y, each.x))
    names = max(edges.values(), default=0.0)
    left = min(names, _SIDE * width)
    behind = [text_width(each.text, each.size) for each in texts if each.anchor == "start" and each.x > names]
    right = min(max(behind, default=0.0) + 8, _SIDE * width) if names else 0.0
    share = (width - left - right) / (drawing.width - names - right)

    def x(value: float) -> float:
        if value <= names:
            return value * (left / names if names else 1.0)
        return left + (min(value, drawing.width - right) - names) * share + max(0.0, value - drawing.width + right)

    made = Drawing(width, drawing.height, drawing.title)
    ends: dict[float, float] = {}
    for shape in drawing.shapes:
        match shape:
            case Rect():
                made.add(replace(shape, x=x(shape.x), width=max(x(shape.x + shape.width) - x(shape.x), 0.5)))
            case Line():
                made.add(replace(shape, points=tuple((x(a), b) for a, b in shape.points)))
            case Dot():
                made.add(replace(shape, x=x(shape.x)))
            case Text(anchor="end") if shape.x == edges.get(shape.y):
                made.add(replace(shape, x=x(shape.x), text=fitted(shape.text, x(shape.x), shape.size)))
            case Text(anchor="end"):
                if x(shape.x) - text_width(shape.text, shape.size) > x(edges.get(shape.y, 0.0)):
                    made.add(replace(shape, x=x(shape.x)))
            case Text(anchor="middle"):
                half = text_width(shape.text, shape.size) / 2
                at = max(half, min(x(shape.x), width - half))
                if at - half >= ends.get(shape.y, -math.inf):
                    ends[shape.y] = at + half + 3
                    made.add(replace(shape, x=at))
            case Text():
                beside = (x(each.x) - _GAP for each in texts if each.y == shape.y and each.x > shape.x)
                room = min(beside, default=width) - x(shape.x)
                made.add(replace(shape, x=x(shape.x), text=fitted(shape.text, room, shape.size)))
    return made


def to_svg(drawing: Drawing, kind: str = "") -> str:
    """An SVG element for inline use, of the class `kind`: no ids, no styles, no links."""
    body = "".join(_svg(shape) for shape in drawing.shapes)
    named = f' class="{kind}"' if kind else ""
    return (
        f'<svg{named} viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}" role="img" xmlns="http://www.w3.org/2000/svg">'
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
