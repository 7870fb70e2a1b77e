"""How a file is read: all that was judged of it, so that it is read again without judging."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from andon.reports.columns import Column
from andon.reports.duck import literal
from andon.reports.tables.dialects import Dialect
from andon.reports.values.spelling import Spelling
from andon.reports.values.spellings import made


@dataclass(frozen=True)
class Planned:
    """A column: what it is called in the file as read, how its values are written, and what is known of it."""

    source: str
    spelling: Spelling
    column: Column

    def sql(self, value: str, *, fits: bool = False) -> str:
        """The SQL that reads the column from the text expression `value`; `fits` as of `Spelling.read`."""
        # What the spelling doesn't fit is missing in any case.
        tokens = [literal(each.token) for each in self.column.missing if self.spelling.fits(each.token)]
        # DuckDB lets its reader of CSV make a plain cast, which fails on a token.
        read = self.spelling.read(value, fits=fits and not self.column.missing)
        return f"CASE WHEN {value} NOT IN ({', '.join(tokens)}) THEN {read} END" if tokens else read

    def to_json(self) -> dict[str, Any]:
        return {"source": self.source, "spec": dict(self.spelling.spec), **self.column.to_json()}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Planned:
        return cls(raw["source"], made(raw["spec"]), Column.from_json(raw))


@dataclass(frozen=True)
class Plan:
    """`encoding` and `mixed` (line endings) of a text, its `dialect` if it is delimited, and its `columns`.

    `sheet` is the one that was read of a workbook.
    """

    rows: int
    columns: tuple[Planned, ...]
    encoding: str
    mixed: bool = False
    dialect: Dialect | None = None
    sheet: str | None = None

    def with_first(self, values: Sequence[tuple[str | None, ...]]) -> Plan:
        """The plan that shows these as each column's first values."""
        shown = (
            replace(each, column=replace(each.column, first=first))
            for each, first in zip(self.columns, values, strict=True)
        )
        return replace(self, columns=tuple(shown))

    def shown(self) -> dict[str, Any]:
        """What a user is told of it."""
        told: dict[str, Any] = {"encoding": self.encoding}
        if self.sheet is not None:
            told = {"sheet": self.sheet}
        if self.dialect is not None and self.sheet is None:
            told |= {"delimiter": self.dialect.delimiter, "quote": self.dialect.quote}
        if self.dialect is not None:
            told |= {"header": self.dialect.header, "skippedLines": self.dialect.skip}
            if self.dialect.title:
                told["title"] = self.dialect.title
            if self.dialect.end:
                told["lastLine"] = self.dialect.end
            if self.dialect.totals:
                told["totals"] = list(self.dialect.totals)
            if self.dialect.short:
                told |= {"shortRows": self.dialect.short, "shortLines": list(self.dialect.short_lines)}
            if self.dialect.down or self.dialect.headed:
                told["filledDown"] = list(self.dialect.down or self.dialect.columns[:1])
            if self.dialect.headed:
                told["headed"] = True
            if self.dialect.others:
                told["otherTables"] = list(self.dialect.others)
            if self.dialect.comment:
                told["comment"] = self.dialect.comment
        specs = [each.spelling.spec for each in self.columns if each.spelling.spec.get("decimal")]
        signs = {spec["decimal"] for spec in specs if spec.get("group") or not spec.get("whole")}
        if signs:
            told["decimal"] = ",".join(sorted(signs)) if len(signs) == 1 else "both . and ,"
        if any(each.column.type == "timestamp" for each in self.columns):
            told["timeZone"] = "UTC"
        return told

    def to_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "columns": [each.to_json() for each in self.columns],
            "encoding": self.encoding,
            "mixed": self.mixed,
            "dialect": self.dialect.to_json() if self.dialect else None,
            "sheet": self.sheet,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Plan:
        return cls(
            rows=raw["rows"],
            columns=tuple(map(Planned.from_json, raw["columns"])),
            encoding=raw["encoding"],
            mixed=raw["mixed"],
            dialect=Dialect.from_json(raw["dialect"]) if raw["dialect"] else None,
            sheet=raw["sheet"],
        )
