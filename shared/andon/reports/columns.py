"""What is known of a column: how its values are typed, what part it plays, and what in it could not be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

ROLES = (
    "measure",  # a quantity: averaged
    "money",  # an amount of a currency, `unit`: averaged and summed
    "percent",  # a share, 12 for 12 %: averaged, never summed
    "count",  # how many: averaged and summed
    "duration",  # how long, in `unit`: averaged and summed
    "id",  # names one row or one thing: counted
    "code",  # a name made of digits or of short marks, as a postcode: counted
    "category",  # few names, each many times: splits the rows
    "choices",  # several of a few answers in a cell: counted one by one
    "flag",  # one of two values: splits the rows, and its share is a rate
    "date",  # a day or a moment
    "year",  # a year, as a whole number or its first day: no mean
    "geo",  # a latitude or a longitude: no mean
    "text",  # free words
)
_NUMERIC_ALONE = frozenset({"measure", "money", "percent", "count", "duration", "year", "geo"})
AVERAGED = frozenset({"measure", "money", "percent", "count", "duration"})
SUMMED = frozenset({"money", "count", "duration"})
# What more is known of some columns than their role, and how the reason says it of one.
_NATURES = {
    "running": "a running total of {}: its sum would say nothing",  # a level that adds up other columns
    "apart": "made of {}",  # days that years and months in several columns say, whose names it has
    "lasting": "the time from {}",  # computed from two dates
    "rated": "answers on a scale from {}",  # whole numbers that were chosen among few, and none of them a code
    "along": "rises evenly from row to row by {}, as time that goes by or the number of a row",
}
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_TOTAL = re.compile(
    r"^(?!.*(?<!running )total)(?:.*[^a-z])?(?:prices?|preis|precio|prix|prezzo|rate|unit ?(?:cost|price)|cost per|"
    r"balance|bal|saldo|kontostand|guthaben|solde|残高|余额|average|avg|mean|median|age|alter|latency|pace|gdp|"
    r"tenure|seniority|experience|(?:yrs?|years?) ?married|betriebszugehörigkeit|"
    r"(?:lead|cycle|response|resolution|waiting|handling|delivery) ?(?:time|minutes|hours|days)|"
    r"per ?cap(?:ita)?|pop|population|einwohner|inhabitants|employees|headcount|stock|on hand|capacity|wages?|hourly|"
    r"per [a-z]+|pro [a-z]+|net worth|market ?cap|valuation|msrp|assets|liabilities|debt|equity|rooms|"
    r"(?:bed|bath)rooms?|seats|cylinders|siblings|followers|members|cumul[a-z]*|価格|単価|价格|单价|kumul[a-z]*|"
    r"running|to date|ytd)(?:$|[^a-z])"
)
_ENERGY = re.compile(r"(?i)(?:^|[^a-z])[kMG]?Wh(?:$|[^a-z])")
_DEGREES = re.compile(
    r"°\s?[cf]\b|(?:^|[^a-z])(?:temp|temperature|temperatur|température|temperatura|celsius|fahrenheit|ph)(?:$|[^a-z])"
)
# Years and days by these names say when a thing came to be, and not when its row did.
_ENTRY = r"hire|hiring|date hired|joining|eintritt(?:s?datum)?|einstellungsdatum"
_ORIGIN = re.compile(
    rf"(?:^|[^a-z])(?:{_ENTRY}|"
    r"(?:year)?built|construction|manufactured?|manufacturing|model ?year|vintage|founded|founding|"
    r"established|born|birth(?:day|date|year)?|dob|bau(?:jahr|datum)|geburts(?:jahr|datum|tag)|geboren|jahrgang|"
    r"gründungsjahr|naissance|nacimiento|nascimento|nascita|construcción|fabricación)(?:$|[^a-z])"
)
_RECOMMENDED = re.compile(
    r"(?:^|[^a-z])(?:nps|net promoter|recommend(?:ation|ed)?|(?:weiter)?empfehl(?:en|ung)|recommand(?:er|ation|eriez)|"
    r"recomendar(?:[ií]as?)?|recomendación|consiglier(?:ebbe|este|esti)|raccomander(?:ebbe|este|esti)|aanbevelen)(?:$|[^a-z])"
)
_PART = re.compile(
    r"(?i)(?:season|quarter|qtr|month|mnth|mon|week|(?:week)?day|day[ _]?of[ _]?\w+|hour|hr|minute|quartal|monat|"
    r"woche|wochentag|tag|stunde|mois|mes|mese|trimestre|heure|hora)(?:[ _]?(?:no|number))?"
)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", _CAPITAL.sub(" ", name)).lower()


def roles_for(type_: str) -> tuple[str, ...]:
    """The roles that a column of a type can have."""
    if type_ in {"integer", "number"}:
        return tuple(role for role in ROLES if role not in {"date", "text", "choices"})
    if type_ in {"date", "timestamp"}:
        return ("date", "year", "id", "category")
    if type_ == "boolean":
        return ("flag", "category")
    return tuple(role for role in ROLES if role not in _NUMERIC_ALONE and role != "date")


@dataclass(frozen=True)
class Missing:
    """A spelling that counts as no value, and in how many cells it stood."""

    token: str
    count: int


@dataclass(frozen=True)
class Cell:
    """A cell that could not be read as the rest of its column: where it stands (a line of the file, counted from 1)."""

    line: int
    value: str


@dataclass(frozen=True)
class Unread:
    """The values of a column that don't fit what most of it is.

    The column is text on their account, unless its type was chosen by hand: then they count as missing.
    """

    type: str
    count: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Nature:
    """What is known of a column beside its role: one of `_NATURES`, and what it is so by."""

    kind: str
    by: str

    def __str__(self) -> str:
        return _NATURES[self.kind].format(self.by)


@dataclass(frozen=True)
class Column:
    """A column of a dataset.

    `type` is integer, number, boolean, date, timestamp or text; `role` one of `ROLES`, for `reason`; `nature` the kind
    of a `Nature`, if it has one, of which the reason then tells. `unit` is what
    the cells name beside their numbers (a currency, `%`), or what a duration is in; `format` is how they are written
    where it isn't plain (`1.234,56`, `dd/mm/yyyy`, `Yes / No`); `notes` are sentences on what was seen through to read
    them; `first` is what stands in its first rows, as the file has it and cut short.
    """

    name: str
    type: str
    role: str = "text"
    reason: str = ""
    nature: str = ""
    unit: str | None = None
    format: str | None = None
    missing: tuple[Missing, ...] = ()
    unread: Unread | None = None
    notes: tuple[str, ...] = ()
    first: tuple[str | None, ...] = ()

    @property
    def averaged(self) -> bool:
        """Whether a mean of it means something."""
        return self.type in {"integer", "number"} and self.role in AVERAGED

    @property
    def summed(self) -> bool:
        """Whether a total of it means something: not of prices, stocks, ages or elapsed time."""
        adds_up = self.role in SUMMED or (self.role == "measure" and _ENERGY.search(f"{self.name} {self.unit or ''}"))
        levels = self.along or self.running or self.lasting
        return bool(adds_up) and self.averaged and not levels and not self._no_total

    @property
    def _no_total(self) -> bool:
        return bool(_NO_TOTAL.search(_plain(self.name)))

    @property
    def relative(self) -> bool:
        """Whether a share of it means something: not of degrees, whose zero is a scale's."""
        return not _DEGREES.search(f"{self.name} {self.unit or ''}".lower())

    @property
    def along(self) -> bool:
        """Whether it says how far along its row is, as time that went by: a mean of it says nothing."""
        return self.nature == "along"

    @property
    def rated(self) -> bool:
        """Whether its whole numbers are answers on a scale: few, and none of them a code."""
        return self.nature == "rated"

    @property
    def recommended(self) -> bool:
        """Whether its answers on a scale are to how likely somebody is to recommend."""
        return self.rated and bool(_RECOMMENDED.search(_plain(self.name)))

    @property
    def running(self) -> bool:
        """Whether it is a level that adds up other columns: it goes with time, and not with kinds of rows."""
        return self.nature == "running"

    @property
    def lasting(self) -> bool:
        """Whether it was computed, as the time from one date to another."""
        return self.nature == "lasting"

    @property
    def apart(self) -> bool:
        """Whether several columns make it, whose names it has."""
        return self.nature == "apart"

    @property
    def answers(self) -> tuple[str, str] | None:
        """How the file writes yes and no in a column of flags; None for `true` and `false`."""
        yes, parted, no = (self.format or "").partition(" / ")
        return (yes, no) if self.type == "boolean" and parted else None

    @property
    def temporal(self) -> bool:
        return self.type in {"date", "timestamp"}

    @property
    def dated(self) -> bool:
        """Whether it can serve as time: years as whole numbers can, too."""
        return self.temporal or (self.type == "integer" and self.role == "year")

    @property
    def of_origin(self) -> bool:
        """Whether it says when a thing was built, founded or born: no time that its rows go along."""
        return self.dated and bool(_ORIGIN.search(_plain(self.name)))

    @property
    def of_entry(self) -> bool:
        """Whether it is the day on which somebody came: that many came is all that rows say along it."""
        return self.temporal and bool(re.search(rf"(?:^|[^a-z])(?:{_ENTRY})(?:$|[^a-z])", _plain(self.name)))

    @property
    def part_of_time(self) -> bool:
        """Whether its whole numbers are months, hours and the like."""
        return self.type == "integer" and bool(_PART.fullmatch(self.name))

    def with_role(self, role: str, reason: str | Nature) -> Column:
        nature = reason.kind if isinstance(reason, Nature) else ""
        return replace(self, role=role, reason=str(reason), nature=nature)

    def to_json(self) -> dict[str, Any]:
        """As the API shows it; what there is nothing to say of is left out."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "", ())}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Column:
        """`to_json` read back."""
        unread = raw.get("unread")
        return cls(
            name=raw["name"],
            type=raw["type"],
            role=raw.get("role", "text"),
            reason=raw.get("reason", ""),
            nature=raw.get("nature", ""),
            unit=raw.get("unit"),
            format=raw.get("format"),
            missing=tuple(Missing(**each) for each in raw.get("missing", ())),
            unread=unread and Unread(unread["type"], unread["count"], tuple(Cell(**each) for each in unread["cells"])),
            notes=tuple(raw.get("notes", ())),
            first=tuple(raw.get("first", ())),
        )
