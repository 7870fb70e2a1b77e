"""A4 pages with this report's type, and charts and tables on them."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, cast

from fontTools.ttLib import TTFont
from fpdf import FPDF, XPos, YPos
from fpdf.enums import MethodReturnValue

from andon_worker.hybrid_report.drawing import ACCENT, INK, MUTED, Dot, Drawing, Line, Rect
from andon_worker.hybrid_report.rendering.fonts import fallbacks, is_shaped
from andon_worker.hybrid_report.section import Grid

FAMILY = "DejaVu"
_POINTS_PER_MM = 72 / 25.4
_MARGIN = 18.0
_ROW, _LINE = 5.2, 3.6
_PADDING = 3.0  # mm between the texts of two columns
_NARROWEST, _WORDS = 28.0, 0.4  # mm of a column of words before the type is made smaller; their share of the width
_LONGEST = 60.0  # mm of a word that isn't broken
_SIZES = (7.6, 7.1, 6.6, 6.1, 5.6, 5.0)  # points of a table's type, the first in which its numbers fit
_HEADER_LINES = (1, 2, 3)
_MOST_LINES = 12  # of a cell
_WHOLE, _FEWEST = 70.0, 3  # mm of a table that isn't parted; rows on the last page of one that is
_BREAK = re.compile(r"(?<=[_/])(?=[^\W_])")  # where a name may be broken beside its blanks
_RULE = "#dde3ea"


@cache
def _fonts() -> Path:
    """The folder of DejaVu Sans, which matplotlib carries: fpdf2's own fonts know Latin-1 alone."""
    spec = find_spec("matplotlib")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("DejaVu Sans is missing: it comes with matplotlib, which andon[reports] installs")
    return Path(spec.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"


@cache
def _glyphs() -> frozenset[int]:
    with TTFont(_fonts() / "DejaVuSans.ttf", lazy=True) as font:
        return frozenset(font.getBestCmap())


class Page(FPDF):
    """A document that starts a new page when a thing doesn't fit, and numbers them; below each stands `foot`.

    `characters` are those that will be written: fonts of this system stand in where DejaVu Sans lacks one, and
    `without_font` are those that none has. Scripts that join or stack their letters are shaped.
    """

    def __init__(self, title: str, characters: set[str], foot: str = "") -> None:
        super().__init__(format="A4")
        self.set_margins(_MARGIN, _MARGIN, _MARGIN)
        self.c_margin = 0.0  # else what is written would begin to the right of what is drawn
        self.set_auto_page_break(True, _MARGIN + 2)
        self.add_font(FAMILY, "", _fonts() / "DejaVuSans.ttf")
        self.add_font(FAMILY, "B", _fonts() / "DejaVuSans-Bold.ttf")
        own = _glyphs()
        found, self.without_font = fallbacks(characters, own)
        families = [f"other{place}" for place in range(len(found))]
        for family, path in zip(families, found, strict=True):
            self.add_font(family, "", path)
        self.set_fallback_fonts(families, exact_match=False)
        # What DejaVu Sans has, and needs no shaping, may be put down letter by letter, which is much quicker.
        self._simple = {c for c in characters if ord(c) in own and not is_shaped(c)}
        if any(map(is_shaped, characters)):
            self.set_text_shaping(True, direction="ltr")
        self.set_title(title)
        self.set_lang("en")
        self._foot = foot or title

    def footer(self) -> None:
        """What the file is, and the page's number beside that of the last."""
        self.type(7.5, MUTED)
        many = self.get_string_width(" / 00")
        self.set_y(-13)
        self.cell(self.epw - 20, 5, self.cut(self._foot, self.epw - 22))
        self.cell(20 - many, 5, f"{self.page_no()}", align="R")
        self.cell(many, 5, f" / {self.str_alias_nb_pages}")

    def type(self, size: float, colour: str = INK, bold: bool = False) -> None:
        self.set_font(FAMILY, "B" if bold else "", size)
        self.set_text_color(*_rgb(colour))
        self._settle()

    def add_page(self, *args: Any, **kwargs: Any) -> None:
        super().add_page(*args, **kwargs)
        self._settle()

    def _settle(self) -> None:
        """Put the font into the page now. Left to the next text, it would be lost with that text's own settings if
        that begins with a character of another font, and what follows would be set in a wrong one."""
        if self.page and self.font_family:
            self.text(0, 0, "")

    @property
    def left(self) -> float:
        """The height that is free on this page."""
        return float(self.page_break_trigger - self.get_y())

    def keep(self, height: float) -> None:
        """Start a new page unless so much fits on this one."""
        if self.will_page_break(height):
            self.add_page()

    def heading(self, text: str) -> None:
        self.write_text(text, size=13, bold=True)
        self.ln(2)

    def write_text(
        self, text: str, size: float = 9.2, bold: bool = False, muted: bool = False, leading: float = 1.5
    ) -> None:
        self.type(size, MUTED if muted else INK, bold)
        line = size / _POINTS_PER_MM * leading
        if self.get_string_width(text) < 3 * self.epw:  # a few lines stay together
            self.keep(line * (1 + self.get_string_width(text) // (0.97 * self.epw)))
            self.type(size, MUTED if muted else INK, bold)
        self.multi_cell(0, line, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def item(self, text: str, link: int) -> None:
        """A finding, a link as a whole."""
        self.type(9.2, ACCENT, bold=True)
        self.cell(5, 4.9, "•")
        self.type(9.2)
        self.multi_cell(self.epw - 5, 4.9, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT, link=link)
        self.ln(1.2)

    def rule(self, width: float) -> None:
        self.set_draw_color(*_rgb(ACCENT if width > 0.5 else _RULE))
        self.set_line_width(width)
        self.line(self.l_margin, self.get_y(), self.l_margin + self.epw, self.get_y())

    def caption(self, x: float, y: float, width: float, heading: str, note: str = "", dry: bool = False) -> float:
        """A heading, and its note behind it, or below where it doesn't fit: whole, over lines. Returns its height; with
        `dry` it is measured alone."""
        self.type(8.5, INK, bold=True)
        lines = self.lines(heading, width)
        behind = self.get_string_width(lines[-1]) + 2
        if not dry:
            for place, line in enumerate(lines):
                self.put(x, y + 3.5 + place * _LINE, line)
        self.type(8, MUTED)
        fits = behind + self.get_string_width(note) <= width
        notes = [note] if fits else self.lines(note, width)
        first = len(lines) - fits
        if not dry:
            for place, line in enumerate(notes, first):
                self.put(x + fits * behind, y + 3.5 + place * _LINE, line)
        return 6 + (first + len(notes) - 1) * _LINE

    def lines(self, text: str, width: float) -> list[str]:
        """The text as the lines that a width has room for, in the present font: broken at blanks, `_` and `/`."""
        if self.get_string_width(text) <= width:
            return [text]
        text = _BREAK.sub("\u200b", text)
        found = self.multi_cell(max(width, self.font_size), _LINE, text, dry_run=True, output=MethodReturnValue.LINES)
        return [line.replace("\u200b", "") for line in cast("list[str]", found)] or [text]

    def put(self, x: float, baseline: float, text: str, anchor: str = "start") -> None:
        """A text on its baseline, from, around or up to `x`."""
        simple = self._simple.issuperset(text)
        width = self.get_string_width(text) if anchor != "start" or not simple else 0.0
        x -= {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * width
        if simple:
            self.text(x, baseline, text)
            return
        back = self.get_x(), self.get_y()
        self.set_auto_page_break(False)
        self.set_xy(x - self.c_margin, baseline - 0.8 * self.font_size)  # where `cell` puts the baseline
        self.cell(width + 2 * self.c_margin, self.font_size, text)
        self.set_auto_page_break(True, _MARGIN + 2)
        self.set_xy(*back)

    def cut(self, text: str, width: float) -> str:
        """The text, cut to a width in the present font."""
        if self.get_string_width(text) <= width:
            return text
        while text and self.get_string_width(text + "…") > width:
            text = text[:-1]
        return text + "…"


def draw(pdf: Page, drawing: Drawing, x: float, y: float, width: float) -> None:
    """The drawing with its top left corner at (x, y), in millimetres."""
    scale = width / drawing.width
    for shape in drawing.shapes:
        if isinstance(shape, Rect):
            pdf.set_fill_color(*_rgb(shape.fill))
            pdf.rect(x + shape.x * scale, y + shape.y * scale, shape.width * scale, shape.height * scale, style="F")
        elif isinstance(shape, Dot):
            pdf.set_fill_color(*_rgb(shape.fill))
            pdf.circle(x + shape.x * scale, y + shape.y * scale, shape.radius * scale, style="F")
        elif isinstance(shape, Line):
            pdf.set_draw_color(*_rgb(shape.stroke))
            pdf.set_line_width(shape.width * scale)
            pdf.polyline([(x + px * scale, y + py * scale) for px, py in shape.points])
        else:
            pdf.type(shape.size * scale * _POINTS_PER_MM, shape.fill)
            pdf.put(x + shape.x * scale, y + shape.y * scale, shape.text, shape.anchor)


def table(pdf: Page, grid: Grid) -> None:
    """A table over the full width, its header repeated on each page; long cells go over lines.

    A short one stays on one page, and of any other more than a row or two stand on its first and on its last page.
    """
    pdf.ln(5)
    size, widths = _widths(pdf, grid)
    header = _wrapped(pdf, grid.headers, widths, size, bold=True)
    rows = [_wrapped(pdf, row, widths, size) for row in grid.rows]
    heights = list(map(_height, rows))
    above = pdf.caption(pdf.l_margin, 0, pdf.epw, grid.caption, dry=True) + _height(header)
    pdf.keep(above + sum(heights if sum(heights) <= _WHOLE else heights[:_FEWEST]))
    pdf.ln(pdf.caption(pdf.l_margin, pdf.get_y(), pdf.epw, grid.caption))
    _row(pdf, header, widths, grid, size, bold=True)
    last = len(rows) - _FEWEST
    for place, cells in enumerate(rows):
        if pdf.will_page_break(sum(heights[place:]) if place == last else heights[place]):
            pdf.add_page()
            _row(pdf, header, widths, grid, size, bold=True)
        _row(pdf, cells, widths, grid, size)


def _widths(pdf: Page, grid: Grid) -> tuple[float, list[float]]:
    """The size of the type, and each column's width: numbers as wide as the longest, so that none is broken, words over
    lines where they must, broken between them; spare width goes to all alike."""
    numbers = [grid.is_number(place) for place in range(len(grid.headers))]
    columns = list(zip(*grid.rows, strict=True))
    least = min(_NARROWEST, max(pdf.epw / len(numbers), _WORDS * pdf.epw / max(1, numbers.count(False))))
    size, widths = _SIZES[-1], [1.0] * len(numbers)
    for size, most in product(_SIZES, _HEADER_LINES):
        pdf.type(size)
        cells = [max(map(pdf.get_string_width, column), default=0.0) for column in columns]
        pieces = [max((_over(pdf, text, 0) for text in column), default=0.0) for column in columns]
        pdf.type(size, bold=True)
        heads = [_over(pdf, text, most) for text in grid.headers]
        pieces = [max(both) for both in zip(pieces, (_over(pdf, text, 0) for text in grid.headers), strict=True)]
        widths = [max(both) + _PADDING for both in zip(cells, heads, strict=True)]
        words = [place for place, number in enumerate(numbers) if not number]
        room = pdf.epw - sum(width for width, number in zip(widths, numbers, strict=True) if number)
        floors = [min(widths[place], min(pieces[place], _LONGEST) + _PADDING) for place in words]
        if room >= sum(max(floor, min(widths[place], least)) for place, floor in zip(words, floors, strict=True)):
            over = [widths[place] - floor for place, floor in zip(words, floors, strict=True)]
            for place, floor, more in zip(words, floors, _capped(over, room - sum(floors)), strict=True):
                widths[place] = floor + more
            break
    return size, [width * pdf.epw / sum(widths) for width in widths]


def _over(pdf: Page, text: str, most: int) -> float:
    """The least width in which a text goes over so many lines at most, broken between words; 0 for any number."""
    if not most:
        return max(map(pdf.get_string_width, _BREAK.sub(" ", text).split(" ")))
    words = text.split(" ")
    if most == 1 or len(words) == 1:
        return float(pdf.get_string_width(text))
    parts = ((" ".join(words[:count]), " ".join(words[count:])) for count in range(1, len(words)))
    return min(max(pdf.get_string_width(start), _over(pdf, rest, most - 1)) for start, rest in parts)


def _capped(widths: list[float], room: float) -> list[float]:
    """The widths with the largest made alike, so that all come to `room`."""
    cap = room
    for place, width in enumerate(sorted(widths)):
        cap = room / (len(widths) - place)
        if width > cap:
            break
        room -= width
    return [min(width, cap) for width in widths]


def _wrapped(
    pdf: Page, texts: tuple[str, ...], widths: list[float], size: float, bold: bool = False
) -> list[list[str]]:
    """Each text as the lines that its column has room for; what is beyond the last of them is cut."""
    pdf.type(size, bold=bold)
    cells = []
    for text, width in zip(texts, widths, strict=True):
        lines = pdf.lines(text, width - _PADDING + 0.01)
        kept = lines[:_MOST_LINES]
        if len(lines) > len(kept):
            kept[-1] = pdf.cut(f"{kept[-1]} {lines[len(kept)]}", width - _PADDING)
        cells.append(kept)
    return cells


def _height(cells: list[list[str]]) -> float:
    return _ROW + _LINE * (max(map(len, cells)) - 1)


def _row(pdf: Page, cells: list[list[str]], widths: list[float], grid: Grid, size: float, bold: bool = False) -> None:
    pdf.type(size, MUTED if bold else INK, bold)
    top, x = pdf.get_y(), pdf.l_margin
    for place, (lines, width) in enumerate(zip(cells, widths, strict=True)):
        last = place == len(cells) - 1
        for number, line in enumerate(lines):
            pdf.set_xy(x, top + number * _LINE)
            pdf.cell(width - (0 if last else _PADDING), _ROW, line, align="R" if grid.is_number(place) else "L")
        x += width
    pdf.set_xy(pdf.l_margin, top + _height(cells))
    pdf.rule(0.35 if bold else 0.15)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
