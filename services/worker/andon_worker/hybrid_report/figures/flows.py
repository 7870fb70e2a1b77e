"""Money that comes and goes: a column of amounts above and below zero, or two of which a row fills one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import permutations

from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.values import Values, values_of

_FEWEST = 3  # rows of each direction
_FILLED = 0.8  # of the rows, by one of two columns
_INWARD = re.compile(
    r"(?i)credit|crédit|deposit|receipt|received|(?:paid|money)[ _]?in|income|inflow|haben|gutschrift|einnahme|eingang|"
    r"einzahlung|abono|ingreso|entrat|avere|recebi|wpływ"
)
_RESULT = re.compile(r"(?i)profit|gain|loss|margin|result|return|gewinn|verlust|ergebnis|marge|bénéfice|utile")


@dataclass(frozen=True)
class Side(Values):
    """The amounts of one direction, each above zero: those of a column times its `sign`."""

    column: str = ""
    sign: int = 1

    @property
    def sql(self) -> str:
        amount = f"({self.sign} * {Values(self.column, self.count, self.low, self.high, self.unit).sql})"
        return f"(CASE WHEN {amount} > 0 THEN {amount} END)"


@dataclass(frozen=True)
class Flows:
    """What comes and what goes; `name` is of both, a `result` is gains and losses."""

    name: str
    columns: tuple[str, ...]
    came: Side
    went: Side
    result: bool = False


def flows(table: Table) -> Flows | None:
    """Those of two columns of money of which a row fills one, and the name of one says that it came in; else those of
    the first column of money that is above zero and below in three rows or more each."""
    paid = [column.name for column in table.of("money") if column.summed]
    values = values_of(table, paid)
    for inward, outward in permutations(paid, 2):
        if _INWARD.search(inward) and not _INWARD.search(outward):
            came, went = (_side(values[each], each, -1 if values[each].high <= 0 else 1) for each in (inward, outward))
            if _parted(table, came, went):
                return Flows(f"{inward} less {outward}", (inward, outward), came, went)
    for name in paid:
        result = bool(_RESULT.search(name))
        words = ("gains", "losses") if result else ("in", "out")
        came, went = (_side(values[name], f"{name}, {word}", sign) for word, sign in zip(words, (1, -1), strict=True))
        if values[name].low < 0 < values[name].high and min(_filled(table, came, went)) >= _FEWEST:
            return Flows(name, (name,), came, went, result)
    return None


def _side(values: Values, name: str, sign: int) -> Side:
    return Side(name, values.count, values.low, values.high, values.unit, values.name, sign)


def _filled(table: Table, came: Side, went: Side) -> tuple[int, int]:
    ins, outs = table.one(f"SELECT count({came.sql}), count({went.sql}) FROM data")
    return int(ins), int(outs)


def _parted(table: Table, came: Side, went: Side) -> bool:
    (both,) = table.one(f"SELECT count(*) FROM data WHERE {came.sql} IS NOT NULL AND {went.sql} IS NOT NULL")
    filled = _filled(table, came, went)
    return not both and min(filled) >= _FEWEST and sum(filled) >= _FILLED * table.rows
