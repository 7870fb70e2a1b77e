"""Columns' names in sentences, headings and tables as the page has them: with their units, and never small at first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from andon.reports.columns import AVERAGED
from andon.reports.values.clock import HOURS
from andon_worker.hybrid_report.section import Figure, Grid
from andon_worker.hybrid_report.wording import WHOLE, brief, label

# Beside these words a column's name is followed by its amounts; elsewhere it is a name alone.
_BEHIND = ("mean of", "total of", "Mean of", "Total of", "Spread of", "Mean", "Total", "against")
_BEFORE = ("goes", "has", "comes", "rose", "fell", "by", "per", "against")
_ROWS = {"Column", "Series"}  # headers of rows that are columns


class Names:
    """The columns of a dataset, given as the API shows them."""

    def __init__(self, columns: Sequence[Mapping[str, Any]]) -> None:
        self._all = {each for column in columns for each in (brief(column["name"]), label(column["name"], WHOLE))}
        self._units = {
            each: column["unit"]
            for column in columns
            if column.get("role") in AVERAGED and column.get("unit") not in (None, HOURS)
            for each in (brief(column["name"]), label(column["name"], WHOLE))
            if column["unit"] not in each
        }
        named = "|".join(map(re.escape, sorted(self._units, key=len, reverse=True)))
        behind = "|".join(rf"(?<=\b{words} )" for words in _BEHIND)
        first = rf"(?:^|(?<=^Column ))(?:{named})(?= (?:{'|'.join(_BEFORE)})\b|$)"
        self._measured = re.compile(rf"(?:{behind})(?:{named})(?!\w)|{first}") if named else None

    def sentence(self, text: str) -> str:
        """With units, and beginning with a capital: before a name in small letters stands what it is the name of."""
        if text[:1].islower():
            first = max(
                (name for name in self._all if re.match(rf"{re.escape(name)}(?!\w)", text)), key=len, default=""
            )
            several = re.match(r"(?:,| and) ", text[len(first) :])
            text = f"Column{'s' if several else ''} {text}" if first else text[0].upper() + text[1:]
        return self.measured(text)

    def measured(self, text: str) -> str:
        """The text with the unit behind each column's name, where that stands first."""
        told: set[str] = set()

        def with_unit(found: re.Match[str]) -> str:
            name, unit = found[0], self._units[found[0]]
            again = name in told or f"{name} ({unit})" in text
            told.add(name)
            return name if again else f"{name} ({unit})"

        return self._measured.sub(with_unit, text) if self._measured else text

    def figure(self, figure: Figure) -> Figure:
        return replace(figure, heading=self.measured(figure.heading))

    def grid(self, grid: Grid) -> Grid:
        rows = grid.rows
        if grid.headers[0] in _ROWS:
            rows = [row if self._says(row) else (self.measured(row[0]), *row[1:]) for row in rows]
        headers = tuple(map(self.measured, grid.headers))
        return replace(grid, caption=self.measured(grid.caption), headers=headers, rows=rows)

    def _says(self, row: tuple[str, ...]) -> bool:
        """Whether a row says the unit of its column elsewhere."""
        unit = self._units.get(row[0])
        return unit is not None and any(unit in cell for cell in row[1:])
