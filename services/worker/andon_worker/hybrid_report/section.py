"""What a section of the report is: one object that computes, tells and draws.

To add one is to add a module, and its name to `andon.reports.options.SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from andon.reports import Control, ReportOptions
from andon_worker.hybrid_report.drawing import HALF, Drawing
from andon_worker.hybrid_report.wording import Wording

Result = dict[str, Any]


@dataclass(frozen=True)
class Sentence:
    """What the numbers show, and no more.

    `effect` is how large the thing is that it tells of, from 0 to 1: what isn't 0 may be a key finding, the largest
    first: at the lower end of its interval (`evidence`) where it is an estimate. `figure` is the key of the figure of
    the same section that shows it; `about` the columns that it relates, by which the same finding of two sections is
    known; `rows` on how many rows it rests, in the smallest part that it compares: None for a fact of the whole file;
    `alike` says that these columns tell much the same.
    """

    text: str
    effect: float = 0.0
    figure: str = ""
    about: tuple[str, ...] = ()
    rows: int | None = None
    alike: bool = False


@dataclass(frozen=True)
class Figure:
    """A chart with its heading and a note; half as wide as the page, or all of it."""

    key: str
    heading: str
    note: str
    drawing: Drawing

    @property
    def wide(self) -> bool:
        return self.drawing.width > HALF


@dataclass(frozen=True)
class Grid:
    """A table: its first `words` columns are words, the others numbers, as those in `numbers`: set flush right."""

    caption: str
    headers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: int = 1
    numbers: frozenset[int] = frozenset()

    def is_number(self, place: int) -> bool:
        return place >= self.words or place in self.numbers


def none_drawn(result: Result, wording: Wording) -> list[Figure]:
    return []


def no_grids(result: Result, wording: Wording) -> list[Grid]:
    return []


@dataclass(frozen=True)
class Section:
    """A section of the report.

    `compute` makes the numbers from the dataset as Parquet: plain JSON, a durable step's memo, and all that the rest
    is made from. It opens the dataset itself, says how far it is and lets itself be stopped at any time.
    `caution` is to be borne in mind of all that it says: it stands once, at the report's end.
    """

    name: str
    title: str
    compute: Callable[[Path, ReportOptions, Control], Result]
    sentences: Callable[[Result, Wording], list[Sentence]]
    figures: Callable[[Result, Wording], list[Figure]] = none_drawn
    grids: Callable[[Result, Wording], list[Grid]] = no_grids
    caution: str = ""
