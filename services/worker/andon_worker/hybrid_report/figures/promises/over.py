"""Dates on which something ended, and that are empty where it goes on: whether it is over."""

from __future__ import annotations

import re
from dataclasses import dataclass

from andon.reports.duck import identifier, literal
from andon_worker.hybrid_report.figures.missing import explained
from andon_worker.hybrid_report.figures.table import Table

OVER = ("yes", "no")
_FEWEST, _MOST = 0.03, 0.97  # of the rows, that have one
_FEWEST_ROWS = 30
_END = re.compile(
    r"(?i)(?:^|[^a-zà-ž])(?:left|leaving|leave|exit(?:ed)?|end(?:ed|s)?|cancell?(?:ed|ation)|churned?|terminat(?:ed|ion)|"
    r"resign(?:ed|ation)|quit|unsubscribed|deactivated|austritt(?:s?datum)?|ausgetreten|gekündigt|kündigung(?:s?datum)?|"
    r"vertragsende|ende|abmeldung|fin|sortie|départ|résili(?:ation|ée?)|baja|uscita|cessazione|einde|uitdienst)"
    r"(?:$|[^a-zà-ž])"
)
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class Over:
    """A column of dates by which something ended, the name of whether it has, and in how many rows it goes on."""

    column: str
    name: str
    rows: int

    @property
    def sql(self) -> str:
        yes, no = map(literal, OVER)
        return f"CASE WHEN {identifier(self.column)} IS NULL THEN {no} ELSE {yes} END"


def over(table: Table) -> list[Over]:
    """Those of the dates that are called an end, of which 3 to 97 rows of a hundred have one, beside a date that nearly
    all have. Where another column says exactly where they are missing, that tells it already."""
    seen = table.seen
    dates = [c for c in table.temporal if c.role == "date"]
    full = [c for c in dates if seen[c.name].count > _MOST * table.rows]
    kept = {each.end for each in table.durations if each.late}
    found = []
    for column in dates if full else []:
        known, name = seen[column.name].count, f"has ended ({column.name})"
        called = _END.search(_CAPITAL.sub(" ", column.name).replace("_", " "))
        between = _FEWEST * table.rows <= known <= _MOST * table.rows and min(known, table.rows - known) >= _FEWEST_ROWS
        if called and between and column.name not in kept and name not in {c.name for c in table.columns}:
            found.append(Over(column.name, name, table.rows - known))
    told = explained(table) if found else {}
    return [each for each in found if each.column not in told]
