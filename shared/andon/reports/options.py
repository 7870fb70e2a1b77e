"""What a report's user can choose: which sections, about which columns, and how deep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import permutations
from typing import Any

from andon.reports.columns import ROLES, Column, roles_for
from andon.reports.errors import InvalidOptions

SECTIONS = ("overview", "quality", "distributions", "trends", "correlations", "drivers", "outliers", "groups")
MOST_RESAMPLES = 10_000_000
MEASURABLE = ("integer", "number")
TEMPORAL = ("date", "timestamp")
MOST_DATES = 8
"""A table's first columns of dates, between which the time is told."""
_MOST_LISTED = 30
# How numbers and days are written; the words are English.
LOCALES = ("en", "en-US", "en-GB", "en-IN", "de", "de-CH", "es", "fr", "it", "ja", "nl", "pl", "pt-BR", "sv")
DAYS = ("dmy", "mdy", "ymd")
SPANS = ("hm", "ms")
ORDERS = (*DAYS, *SPANS)
DECIMALS = (".", ",")
TYPES = ("integer", "number", "boolean", "date", "timestamp", "text")


@dataclass(frozen=True)
class ColumnChoice:
    """What a user says of one column, over what was found; None leaves it as found.

    Values that don't fit a `type` count as missing; in words, the spellings in `missing` are all that do. `order` is
    that of day, month and year in dates (one of `DAYS`), or what `1:30` is of spans (one of `SPANS`: hours and minutes,
    or minutes and seconds); `decimal` the sign before the fractions of numbers.
    """

    role: str | None = None
    type: str | None = None
    missing: tuple[str, ...] | None = None
    order: str | None = None
    decimal: str | None = None

    @property
    def types(self) -> bool:
        """Whether it says what the column's values are."""
        return bool(self.type or self.order or self.decimal)

    @property
    def kind(self) -> str | None:
        """The type that the column has by it, as far as that is known."""
        return self.type or ("date" if self.order in DAYS else "number" if self.order or self.decimal else None)

    def to_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}


NOTHING_SAID = ColumnChoice()


@dataclass(frozen=True)
class ReportOptions:
    """A report's options; an empty choice of columns means that the report picks them itself."""

    sections: tuple[str, ...] = SECTIONS
    resamples: int = 1_000
    confidence: float = 0.95
    measures: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    time_column: str | None = None
    max_columns: int = 60
    seed: int = 1
    question: str | None = None
    locale: str = "en"
    columns: Mapping[str, ColumnChoice] = field(default_factory=dict)

    def applied(self, columns: Iterable[Column]) -> tuple[Column, ...]:
        """The columns with the roles that were chosen by hand."""
        return tuple(
            column.with_role(chosen.role, "chosen by hand")
            if (chosen := self.columns.get(column.name)) and chosen.role
            else column
            for column in columns
        )

    def to_json(self) -> dict[str, Any]:
        """The options as the API shows them; `parse_options` reads them back."""
        return {
            "sections": list(self.sections),
            "resamples": self.resamples,
            "confidence": self.confidence,
            "measures": list(self.measures),
            "groupBy": list(self.group_by),
            "timeColumn": self.time_column,
            "maxColumns": self.max_columns,
            "seed": self.seed,
            "question": self.question,
            "locale": self.locale,
            "columns": {name: choice.to_json() for name, choice in self.columns.items()},
        }


def parse_options(raw: Mapping[str, Any]) -> ReportOptions:
    """Options from a request's JSON; raises `InvalidOptions` with everything that is wrong, at once."""
    values: dict[str, Any] = {}
    problems: list[tuple[str, str]] = []
    for key, value in raw.items():
        if key not in _FIELDS:
            problems.append((_pointer(key), f"unknown option; expected one of {', '.join(_FIELDS)}"))
            continue
        name, read = _FIELDS[key]
        try:
            values[name] = read(value)
        except _Unexpected as unexpected:
            problems.append((_pointer(key, *unexpected.path), str(unexpected)))
    if problems:
        raise InvalidOptions(problems)
    return ReportOptions(**values)


def lasting(columns: Iterable[Column]) -> dict[str, tuple[str, str]]:
    """The start and the end of each time between two of a dataset's dates, by the name that a report gives it."""
    dates = [column for column in columns if column.temporal and column.role == "date"][:MOST_DATES]
    return {
        f"{'days' if 'date' in (start.type, end.type) else 'hours'} from {start.name} to {end.name}": (
            start.name,
            end.name,
        )
        for start, end in permutations(dates, 2)
    }


def check_columns(options: ReportOptions, columns: Iterable[Column]) -> None:
    """Raise `InvalidOptions` for each of the dataset's columns that the options name and that can't serve with.

    A measure and the question may be the time between two dates as well, by the name of `lasting`.
    """
    known = {column.name: column for column in columns}
    between = lasting(_typed(column, options) for column in known.values())
    types = {name: column.type for name, column in known.items()}
    types |= {name: choice.kind for name, choice in options.columns.items() if choice.kind and name in known}
    wanted = [
        *((_pointer("measures", place), name, MEASURABLE) for place, name in enumerate(options.measures)),
        *((_pointer("groupBy", place), name, None) for place, name in enumerate(options.group_by)),
    ]
    if options.time_column is not None:
        year = any(column.name == options.time_column for column in options.applied(known.values()) if column.dated)
        wanted.append((_pointer("timeColumn"), options.time_column, None if year else TEMPORAL))
    if options.question is not None:
        wanted.append((_pointer("question"), options.question, None))
    wanted += [(_pointer("columns", name), name, None) for name in options.columns]
    problems = []
    for at, name, kinds in wanted:
        also = between if kinds is MEASURABLE or at == _pointer("question") else {}
        if name not in types and name not in also:
            there = [each for each, type_ in types.items() if not kinds or type_ in kinds] + [*also]
            shown = ", ".join(there[:_MOST_LISTED]) + (", ..." if len(there) > _MOST_LISTED else "")
            said = f"it has no {name!r}, but {shown}" if there else f"it has no {name!r}"
            problems.append((at, f"expected the name of a column of the dataset; {said}"))
        elif name not in types:
            continue
        elif kinds and types[name] not in kinds:
            problems.append((at, f"expected a column of type {' or '.join(kinds)}; {name!r} is {types[name]}"))
    for name, choice in options.columns.items():
        if choice.role and name in types and choice.role not in (fitting := roles_for(types[name])):
            said = f"expected a role for a column of type {types[name]}: one of {', '.join(fitting)}"
            problems.append((_pointer("columns", name, "role"), said))
    if problems:
        raise InvalidOptions(problems)


def _typed(column: Column, options: ReportOptions) -> Column:
    """A column as it is by what is chosen for it."""
    choice = options.columns.get(column.name, NOTHING_SAID)
    kind = choice.kind or column.type
    dated = kind in TEMPORAL and column.type not in TEMPORAL
    return replace(column, type=kind, role=choice.role or ("date" if dated else column.role))


class _Unexpected(ValueError):
    def __init__(self, message: str, *path: object) -> None:
        super().__init__(message)
        self.path = path


def _pointer(*path: object) -> str:
    """A JSON pointer (RFC 6901) below `/options`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in ("options", *path))


def _whole(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise _Unexpected(f"expected a whole number from {least:,} to {most:,}")
        return value

    return read


def _share(least: float, most: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not least <= value <= most:
            raise _Unexpected(f"expected a number from {least} to {most}")
        return float(value)

    return read


def _names(most: int, among: Sequence[str] | None = None, least: int = 0) -> Callable[[Any], tuple[str, ...]]:
    what = f"one of {', '.join(among)}" if among else "a column's name"

    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, (list, tuple)) or not least <= len(value) <= most:
            raise _Unexpected(f"expected a list of {least} to {most} strings, each {what}")
        for place, item in enumerate(value):
            if not isinstance(item, str) or not item or (among and item not in among):
                raise _Unexpected(f"expected {what}", place)
            if item in value[:place]:
                raise _Unexpected(f"{item!r} is given twice; expected each name once", place)
        return tuple(value)

    return read


def _name_or_none(value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        raise _Unexpected("expected a column's name, or null to have one chosen")
    return value


def _one_of(known: Sequence[str]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise _Unexpected(f"expected one of {', '.join(known)}")
        return value

    return read


def _sections(value: Any) -> tuple[str, ...]:
    chosen = _names(len(SECTIONS), SECTIONS, least=1)(value)
    return tuple(name for name in SECTIONS if name in chosen)


def _column_choices(value: Any) -> dict[str, ColumnChoice]:
    if not isinstance(value, Mapping):
        raise _Unexpected("expected an object: a column's name, and what is chosen for it")
    return {name: _column_choice(name, chosen) for name, chosen in value.items()}


def _column_choice(name: str, value: Any) -> ColumnChoice:
    if not isinstance(value, Mapping):
        raise _Unexpected('expected an object, as {"role": "id"}', name)
    for key in value:
        if key not in _CHOICES:
            raise _Unexpected(f"unknown choice; expected one of {', '.join(_CHOICES)}", name, key)
    for key, known in _CHOICES_AMONG.items():
        if value.get(key) is not None and value[key] not in known:
            raise _Unexpected(f"expected one of {', '.join(known)}", name, key)
    missing = value.get("missing")
    if missing is not None and not (
        isinstance(missing, (list, tuple)) and len(missing) <= 50 and all(isinstance(each, str) for each in missing)
    ):
        raise _Unexpected("expected a list of up to 50 spellings that count as no value", name, "missing")
    said = {key: value.get(key) for key in _CHOICES_AMONG}
    if said["order"] in DAYS and said["type"] not in (None, *TEMPORAL):
        raise _Unexpected("an order of day and month is of a date or a timestamp", name, "order")
    if said["order"] in SPANS and said["type"] not in (None, "number"):
        raise _Unexpected("an order of hours, minutes and seconds is of a number", name, "order")
    if said["decimal"] and (said["order"] or said["type"] not in (None, *MEASURABLE)):
        raise _Unexpected("a decimal sign is of an integer or a number", name, "decimal")
    return ColumnChoice(missing=None if missing is None else tuple(missing), **said)


_CHOICES_AMONG = {"role": ROLES, "type": TYPES, "order": ORDERS, "decimal": DECIMALS}
_CHOICES = (*_CHOICES_AMONG, "missing")

_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "sections": ("sections", _sections),
    "resamples": ("resamples", _whole(0, MOST_RESAMPLES)),
    "confidence": ("confidence", _share(0.5, 0.999)),
    "measures": ("measures", _names(10)),
    "groupBy": ("group_by", _names(5)),
    "timeColumn": ("time_column", _name_or_none),
    "maxColumns": ("max_columns", _whole(1, 300)),
    "seed": ("seed", _whole(0, 2**32 - 1)),
    "question": ("question", _name_or_none),
    "locale": ("locale", _one_of(LOCALES)),
    "columns": ("columns", _column_choices),
}
