"""What every section asks of the columns first: found once, and kept beside the dataset for the sections after."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from andon.reports import Column
    from andon_worker.hybrid_report.figures.table import Table

_FEWEST = 3  # different dates that name months rather than days


@dataclass(frozen=True)
class Seen:
    """A column over all rows: how many values, about how many different ones (`distinct`, within a few percent);
    of numbers from where to where and whether any has a fraction; of dates whether they vary, and the `unit` (month or
    quarter) that they name where all are the first days of some."""

    count: int
    distinct: int
    low: float | None = None
    high: float | None = None
    fractional: bool = False
    varies: bool = True
    unit: str | None = None


def survey(table: Table) -> dict[str, Seen]:
    """Each column by name."""
    found = once(table, "seen", lambda: {name: asdict(seen) for name, seen in _look(table, table.columns).items()})
    return {name: Seen(**told) for name, told in found.items()}


def once(table: Table, what: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `make` finds, as JSON; read from beside the dataset if a section before has looked."""
    stat = table.path.stat()
    # A section may see other columns and rows than the file's.
    form = f"{what}-{table.base}-{len(table.columns)}-{table.periods}"
    kept = table.path.with_name(f"{table.path.name}.{stat.st_mtime_ns}.{stat.st_size}.{form}.survey")
    try:
        found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = make()
        _keep(kept, json.dumps(found))
    return found


def _keep(path: Path, text: str) -> None:
    """Whole or not at all; where the folder takes nothing, the next section looks again."""
    draft = path.with_suffix(f".{os.getpid()}.draft")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)


def _look(table: Table, columns: Sequence[Column]) -> dict[str, Seen]:
    counts = table.per_column([c.name for c in columns], lambda c: (f"count({c})", f"approx_count_distinct({c})"))
    numbers = [c.name for c in columns if c.type in {"integer", "number"}]
    ends = table.per_column(numbers, lambda c: (f"min({c})", f"max({c})"))
    broken = table.per_column(
        [c.name for c in columns if c.type == "number"], lambda c: (f"bool_or({c} <> floor({c}))",)
    )
    firsts = "bool_and({0} = date_trunc('{1}', {0}))"
    dates = table.per_column(
        [c.name for c in columns if c.temporal],
        lambda c: (f"min({c}) < max({c})", *(firsts.format(c, unit) for unit in ("quarter", "month"))),
    )
    found = {}
    for column in columns:
        name = column.name
        count, distinct = counts[name]
        low, high = ends.get(name, (None, None))
        found[name] = Seen(
            count,
            min(distinct, count),
            None if low is None else float(low),
            None if high is None else float(high),
            bool(broken.get(name, (False,))[0]),
            bool(dates.get(name, (True,))[0]),
            _unit(distinct, *dates[name][1:]) if name in dates else None,
        )
    return found


def _unit(distinct: int, quarters: bool | None, months: bool | None) -> str | None:
    return None if distinct < _FEWEST else "quarter" if quarters else "month" if months else None
