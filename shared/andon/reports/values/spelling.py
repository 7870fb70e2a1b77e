"""How a column's values are written: what Python's `re` accepts of them, and the SQL that reads the same ones.

A sample of values is judged in Python, all of them in SQL: a spelling gives both, of one pattern where it has one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from andon.reports.duck import literal

EARLIEST, LATEST = 1000, 2199  # years that a dataset's dates may lie in; others are sentinels, or no dates


@dataclass(frozen=True)
class Spelling:
    """A way to write values of a type. `sql` reads `{0}`, and gives NULL where it doesn't fit.

    `fitting` reads the same in less time where every value fits.
    `spec` makes it again (`spelling.made`); `shown` is an example of it for people, where it isn't plain.
    """

    type: str
    spec: Mapping[str, Any]
    pattern: str
    sql: str
    shown: str | None = None
    unit: str | None = None
    notes: tuple[str, ...] = field(default=())
    fitting: str | None = None

    @cached_property
    def _matcher(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.ASCII)

    def groups(self, value: str) -> dict[str, str] | None:
        """The named parts of a value; None if it isn't written like this."""
        found = self._matcher.fullmatch(value)
        return {key: part or "" for key, part in found.groupdict().items()} if found else None

    def fits(self, value: str) -> bool:
        return self._matcher.fullmatch(value) is not None

    def read(self, value: str, *, fits: bool = False) -> str:
        """The SQL that reads the expression `value`; `fits` says that all of it is known to be written like this."""
        return (self.fitting or self.sql if fits else self.sql).replace("{0}", value)


def whole_pattern(named: str) -> tuple[str, list[str]]:
    """A pattern with named groups as RE2 takes it, from start to end, and its names."""
    names = re.findall(r"\(\?P<(\w+)>", named)
    return "^" + re.sub(r"\?P<\w+>", "", named) + "$", names


def parts(named: str) -> str:
    """SQL for a struct of the pattern's groups, each '' where `{0}` doesn't match."""
    pattern, names = whole_pattern(named)
    return f"regexp_extract({{0}}, {literal(pattern)}, [{', '.join(map(literal, names))}])"


TEXT = Spelling("text", {"kind": "text"}, r"(?s:.*)", "{0}")

_FINITE = "CASE WHEN isfinite({0}) THEN {0} END"
# Casting to a number reads `1_000`, and as a whole one rounds `1.5`; what starts with 0 may be a postcode.
_PLAIN = (
    "CASE WHEN NOT contains({0}, '_') AND (NOT starts_with({0}, '0') OR length(rtrim({0})) = 1 "
    "OR {0}[2] IN ('.', 'e', 'E')) THEN "
)

INTEGER = Spelling(
    "integer",
    {"kind": "integer"},
    r"0|-?(?:[1-9]\d{0,17}|[1-8]\d{18})",
    "CASE WHEN CAST(try_cast({0} AS BIGINT) AS VARCHAR) = {0} THEN try_cast({0} AS BIGINT) END",
    fitting="try_cast({0} AS BIGINT)",
)
# Beyond 64 bits: Parquet has no wider integer, so that DuckDB would write one as a double.
LONG_INTEGER = Spelling(
    "integer",
    {"kind": "long integer"},
    r"0|-?[1-9]\d{0,37}",
    "CASE WHEN CAST(try_cast({0} AS DECIMAL(38, 0)) AS VARCHAR) = {0} THEN try_cast({0} AS DECIMAL(38, 0)) END",
)
NUMBER = Spelling(
    "number",
    {"kind": "number"},
    r"\s*[-+]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?\s*",
    _PLAIN + _FINITE.replace("{0}", "try_cast({0} AS DOUBLE)") + " END",
    fitting=_FINITE.replace("{0}", "try_cast({0} AS DOUBLE)"),
)
# Where a column of whole numbers has gaps, some programs write all of them as fractions.
_POINT_ZERO = r"-?(?:0|[1-9]\d{0,14})\.0"
POINT_ZERO = Spelling(
    "integer",
    {"kind": "integer with .0"},
    _POINT_ZERO,
    f"CASE WHEN regexp_full_match({{0}}, '{_POINT_ZERO}') THEN try_cast({{0}} AS DOUBLE)::BIGINT END",
    "1234.0",
    fitting="try_cast({0} AS DOUBLE)::BIGINT",
)
# Digits as Arabic, Persian, Hindi and East Asian keyboards write them; what parts thousands is left out.
_DIGITS = "".join(chr(zero + digit) for zero in (0xFF10, 0x660, 0x6F0, 0x966) for digit in range(10))
_TRANSLATED = f"translate({{0}}, '{_DIGITS}٫．－−٬，', '{'0123456789' * 4}..--')"
_OTHER = rf"[-－−]?[{_DIGITS}]{{1,18}}"
OTHER_INTEGER = Spelling(
    "integer",
    {"kind": "integer in other digits"},
    _OTHER,
    INTEGER.sql.replace("{0}", _TRANSLATED),
    notes=("Digits of another script are read as numbers.",),
)
OTHER_NUMBER = Spelling(
    "number",
    {"kind": "number in other digits"},
    rf"[-－−]?[{_DIGITS}]{{1,3}}(?:[٬，][{_DIGITS}]{{3}})*(?:[٫．.][{_DIGITS}]+)?|{_OTHER}[٫．.][{_DIGITS}]+",
    NUMBER.sql.replace("{0}", _TRANSLATED),
    notes=("Digits of another script are read as numbers.",),
)
BOOLEAN = Spelling(
    "boolean",
    {"kind": "boolean"},
    r"(?i:true|false|yes|no)",
    "CASE WHEN length({0}) > 1 THEN try_cast({0} AS BOOLEAN) END",
)


def plausible(value: str) -> str:
    """SQL for a date or a moment, NULL outside the years that a dataset's dates may lie in."""
    return f"CASE WHEN year({value}) BETWEEN {EARLIEST} AND {LATEST} THEN {value} END"


def is_day(year: int, month: int, day: int) -> bool:
    """Whether there is such a day, in a plausible year."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return EARLIEST <= year <= LATEST
