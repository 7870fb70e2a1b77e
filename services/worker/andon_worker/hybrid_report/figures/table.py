"""The dataset as the sections see it: a Parquet file of typed columns, open in a bounded DuckDB."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from andon.reports import Column, Control, Creeping
from andon.reports.duck import connect, identifier, literal, telling
from andon.reports.meaning.described import description
from andon.reports.options import TEMPORAL, ReportOptions, check_columns
from andon_worker.hybrid_report.figures.across import VALUE, Across, across, subject, titled
from andon_worker.hybrid_report.figures.calendar.dated import dated
from andon_worker.hybrid_report.figures.planned import of_one_role, side_by_side
from andon_worker.hybrid_report.figures.survey import Seen, survey

if TYPE_CHECKING:
    from andon_worker.hybrid_report.figures.durations import Duration

# Up to so many rows, distinct counts and quantiles are exact; beyond, they are close approximations and say so.
EXACT_ROWS = 5_000_000
_COLUMNS_PER_QUERY, _KEEPING_COLUMNS = 100, 20
_KEPT_CELLS = 2_000_000
_BITS = 64_000_000


@dataclass(frozen=True)
class Table:
    """Its columns with their roles; `reading` is how the file was read (`encoding`, `delimiter`, ...), to be shown."""

    connection: duckdb.DuckDBPyConnection
    control: Control
    rows: int
    columns: tuple[Column, ...]
    reading: dict[str, Any]
    path: Path
    across: Across | None = None
    """Its columns of single periods, which it has unless they were turned into rows."""
    periods: int = 1
    """How many rows each row of the file has become: as many as it has columns of single periods."""
    base: str = "source"
    """The view of the rows as they were made: those of the file, of its periods, or with what was planned beside."""
    kinds: str | None = None
    """The column that said of each row whether it was planned or came, where both stand side by side."""
    durations: tuple[Duration, ...] = ()
    """The last of its columns, where the file doesn't have them."""

    @cached_property
    def seen(self) -> dict[str, Seen]:
        """What was counted of each column, about the rows as they are in the file."""
        return survey(self)

    @property
    def exact(self) -> bool:
        return self.rows <= EXACT_ROWS

    @property
    def averaged(self) -> list[Column]:
        """The columns of which a mean means something: no ids, codes, years or coordinates."""
        return [column for column in self.columns if column.averaged]

    @property
    def temporal(self) -> list[Column]:
        return [column for column in self.columns if column.type in TEMPORAL]

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    def of(self, *roles: str) -> list[Column]:
        """The columns that have one of the roles."""
        return [column for column in self.columns if column.role in roles]

    def replace(self, values: Mapping[str, str]) -> None:
        """Have `data` hold other values in some columns from now on: the SQL, over the file's columns, by name."""
        if values:
            made = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in values.items())
            self.connection.execute(f"CREATE OR REPLACE VIEW data AS SELECT * REPLACE ({made}) FROM {self.base}")

    def add(self, values: Mapping[str, str]) -> None:
        """Have `data` hold further values: the SQL, over those that it has, by name."""
        if values:
            made = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in values.items())
            self.connection.execute(f"ALTER VIEW data RENAME TO fewer; CREATE VIEW data AS SELECT *, {made} FROM fewer")

    def all(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query in which `data` is the dataset."""
        return self.connection.execute(query).fetchall()

    def one(self, query: str) -> tuple[Any, ...]:
        """The single row of an aggregate."""
        [row] = self.all(query)
        return row

    def per_column(
        self, names: Sequence[str], ask: Callable[[str], Sequence[str]], keeping: bool = False
    ) -> dict[str, tuple[Any, ...]]:
        """Of each column the aggregates that `ask` names for it (given it quoted), a hundred columns a query.

        With `keeping`, aggregates that keep every value (exact quantiles, distinct counts): as many columns a query
        as the memory holds.
        """
        found: dict[str, tuple[Any, ...]] = {}
        most = max(1, min(_KEEPING_COLUMNS, _KEPT_CELLS // max(1, self.rows))) if keeping else _COLUMNS_PER_QUERY
        for start in range(0, len(names), most):
            self.control.check()
            some = names[start : start + most]
            asked = [ask(identifier(name)) for name in some]
            row = iter(self.one(f"SELECT {', '.join(each for one in asked for each in one)} FROM data"))
            found |= {name: tuple(islice(row, len(one))) for name, one in zip(some, asked, strict=True)}
        return found

    def distinct(self, columns: Sequence[Column]) -> dict[str, tuple[int, int]]:
        """Of each column how many values are present, and how many different ones: exactly, in a table of up to
        five million rows.

        Whole numbers in a narrow range are ticked off in a bitmap: a key of three million rows in a tenth of the time.
        """
        names = [column.name for column in columns]
        if not self.exact:
            found = self.per_column(names, lambda c: (f"count({c})", f"approx_count_distinct({c})"))
            return {name: (n, min(n, values)) for name, (n, values) in found.items()}
        whole = [column.name for column in columns if column.type == "integer"]
        ends = self.per_column(whole, lambda c: (f"min({c})", f"max({c})"))
        dense = {name for name, (low, high) in ends.items() if low is not None and high - low < _BITS}
        counts = self.per_column(
            [name for name in names if name in dense],
            lambda c: (f"count({c})", f"bit_count(bitstring_agg(CAST({c} AS HUGEINT)))"),
            keeping=True,
        )
        counts |= self.per_column(
            [name for name in names if name not in dense],
            lambda c: (f"count({c})", f"count(DISTINCT {c})"),
            keeping=True,
        )
        return {name: (counts[name][0], counts[name][1] or 0) for name in names}


@contextmanager
def open_table(parquet: Path, options: ReportOptions, control: Control, *, by_period: bool = False) -> Iterator[Table]:
    """The dataset that `ensure_parquet` made; raises `InvalidOptions` if the options name other columns.

    With `by_period`, a table with a column per year, month or day has a row for each of these instead, and one with
    years and months in two columns has a third one of days; what was planned and what came of it, in a row each, stand
    in one.
    """
    with connect(parquet.parent, control) as connection:
        columns, reading = description(connection, parquet)
        check_columns(options, columns)
        columns = options.applied(columns)
        scan = f"read_parquet({literal(parquet)})"
        made_of = dated(connection, columns, scan, options.time_column) if by_period else None
        year = None if made_of else _year(columns, options)
        columns = tuple(replace(each, type="date") if each is year else each for each in columns)
        made = {each.name: _worded(each) for each in columns if each.answers}
        if year:
            made[year.name] = f"make_date(CAST({identifier(year.name)} AS INTEGER), 1, 1)"
        replaced = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in made.items())
        shown = f"REPLACE ({replaced})" if replaced else ""
        added = f", {made_of[1]} AS {identifier(made_of[0].name)}" if made_of else ""
        connection.execute(f"CREATE VIEW source AS SELECT * {shown}{added} FROM {scan}")
        columns = (*columns, made_of[0]) if made_of else columns
        found = across(connection, columns, options, reading)
        periods = found if by_period else None
        if periods:
            distinct = _distinct(connection, columns)
            name = _called(connection, subject(columns, distinct), {c.name for c in columns}, periods, reading)
            connection.execute(f"CREATE VIEW long AS {periods.sql(columns, name)}")
            columns = periods.columns(columns, distinct, name)
        columns = of_one_role(columns)
        base, kinds = "long" if periods else "source", None
        if beside := side_by_side(connection, columns, base, options) if by_period else None:
            kinds, query, columns = beside
            connection.execute(f"CREATE VIEW paired AS {query}")
            base = "paired"
        connection.execute(f"CREATE VIEW data AS FROM {base}")
        [(rows,)] = connection.execute("SELECT count(*) FROM data").fetchall()
        many = len(periods.starts) if periods else 1
        kept = None if periods else found
        table = Table(connection, control, rows, columns, reading, parquet, kept, many, base, kinds)
        with telling(connection, control.creep) if isinstance(control, Creeping) else nullcontext():
            yield table


def _distinct(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> dict[str, int]:
    words = [column.name for column in columns if column.type == "text"]
    if not words:
        return {}
    asked = ", ".join(f"approx_count_distinct({identifier(name)})" for name in words)
    [row] = connection.execute(f"SELECT {asked} FROM source").fetchall()
    return dict(zip(words, row, strict=True))


def _called(
    connection: duckdb.DuckDBPyConnection,
    column: str | None,
    taken: set[str],
    periods: Across,
    reading: Mapping[str, Any],
) -> str:
    """What the values of all periods are called: what a column of indicators says in every row, a title that names
    amounts or counts, or `JAN to DEC`."""
    title = titled(reading)
    if column is None and title and title not in taken:
        return title
    if column is None:
        first, *_, last = periods.starts
        return f"{first} to {last}" if periods.within else VALUE
    [(name, last)] = connection.execute(
        f"SELECT min({identifier(column)}), max({identifier(column)}) FROM source"
    ).fetchall()
    return str(name) if name == last and name not in taken else VALUE


def _worded(column: Column) -> str:
    """Flags in the words of the file."""
    yes, no = map(literal, column.answers or ("true", "false"))
    name = identifier(column.name)
    return f"CASE WHEN {name} THEN {yes} WHEN NOT {name} THEN {no} END"


def _year(columns: Sequence[Column], options: ReportOptions) -> Column | None:
    """The column of years that serves as time, each year as its first day: the one chosen, or the first of no dates."""
    if options.time_column:
        return next((each for each in columns if each.name == options.time_column and not each.temporal), None)
    dated = [column for column in columns if column.dated and not column.of_origin]
    return None if any(column.temporal for column in dated) else next(iter(dated), None)


def double(value: float) -> str:
    """A number for SQL, where a bare 0.5 would be a DECIMAL and make everything around it one."""
    return f"CAST({float(value)!r} AS DOUBLE)"


def clean(result: dict[str, Any]) -> dict[str, Any]:
    """A result as JSON: floats to 10 digits, not finite as null.

    The digits after those depend on the order in which threads add up.
    """
    return {key: _clean(value) for key, value in result.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        rounded = float(f"{value:.10g}")
        return rounded if math.isfinite(rounded) else value  # the largest doubles would be rounded up to infinity
    if isinstance(value, Decimal):
        return int(value)  # a whole number of more than 64 bits
    if isinstance(value, dict):
        return clean(value)
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return value
