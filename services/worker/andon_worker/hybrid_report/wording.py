"""Numbers, names and times as people read them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

MINUS = "−"
MISSING = "–"
_THIN = "\u202f"


@dataclass(frozen=True)
class Wording:
    """How a locale writes numbers and days; the words themselves are English."""

    thousands: str = ","
    decimal: str = "."
    day_form: str = "%Y-%m-%d"
    indian: bool = False

    def _written(self, plain: str) -> str:
        """A number in Python's spelling (`-1,234.5`) in this locale's."""
        whole, dot, rest = plain.partition(".")
        if self.indian:
            whole = _in_lakhs(whole)
        return (whole.replace(",", self.thousands) + (self.decimal if dot else "") + rest).replace("-", MINUS)

    def number(self, value: float | None) -> str:
        """About four digits; whole numbers in full."""
        if value is None or not math.isfinite(value):
            return MISSING
        size = abs(value)
        if value == int(value) and size < 1e15:
            text = f"{int(value):,}"
        elif size >= 1e15 or size < 1e-4:
            text = f"{value:.3g}"
        elif size >= 1_000:
            text = f"{value:,.0f}"
        elif size >= 100:
            text = f"{value:.1f}"
        elif size >= 1:
            text = f"{value:.2f}"
        else:
            text = f"{value:.3g}"
        return self._written(text)

    def exact(self, value: float | str | None) -> str:
        """A value as it stands in the data: all its digits up to fifteen."""
        if value is None or isinstance(value, str):
            return MISSING if value is None else value
        if not math.isfinite(value):
            return MISSING
        if value == int(value) and abs(value) < 1e15:
            return self._written(f"{int(value):,}")
        return self._written(f"{value:,.15g}" if 1e-4 <= abs(value) < 1e15 else f"{value:.15g}")

    def clock(self, hours: float) -> str:
        """A time of day that is told in hours since midnight."""
        seconds = round(hours * 3600)
        rest = f":{seconds % 60:02}" if seconds % 60 else ""
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}{rest}"

    def like(self, value: float, step: float) -> str:
        """A number among its neighbours `step` apart: with as many decimals as tell them apart."""
        if abs(value) >= 1e15 or (step and abs(step) < 1e-9):
            return self._written(f"{value:.3g}")
        decimals = max(0, -math.floor(math.log10(abs(step)) + 1e-9)) if step else 2
        if step and abs(round(step, decimals) - step) > abs(step) * 1e-6:
            decimals += 1  # a step of 2.5 or 0.25
        return self._written(f"{value:,.{decimals}f}")

    def among(self, values: Iterable[float | None]) -> Callable[[float | None], str]:
        """How to write numbers of which `values` are some: as `number` does, but all with as many decimals, and with as
        many as tell them apart where they lie close together far from zero, as exchange rates do."""
        known = [value for value in values if value is not None and math.isfinite(value)]
        low, high = min(known, default=0.0), max(known, default=0.0)
        spread, largest = high - low, max(abs(low), abs(high))
        if 1e-12 * largest < spread < _CLOSE * largest and largest < 1e15:
            step = 10.0 ** (math.floor(math.log10(spread)) - 1)
            return lambda value: MISSING if value is None or not math.isfinite(value) else self.like(value, step)
        sizes = sorted(abs(value) for value in known if value)
        if not sizes or largest >= 1e15 or all(size == int(size) for size in sizes):
            return self.number
        usual = math.floor(math.log10(sizes[(len(sizes) - 1) // 2]))
        if usual < -4:
            return self.number
        decimals = 0 if usual >= 3 else 1 if usual == 2 else 2 if usual >= 0 else 2 - usual
        if sizes[0] < 10.0 ** (1 - decimals):
            return self.number  # too small for as many
        return lambda value: MISSING if value is None or not math.isfinite(value) else self.fixed(value, decimals)

    def exactly(self, values: Iterable[float | None], least: int = 0) -> Callable[[float | None], str]:
        """How to write all of `values` as they stand in the data: with as many decimals, up to four, at least `least`
        where one has any."""
        known = [value for value in values if value is not None and math.isfinite(value)]
        if any(round(value, 4) != value or abs(value) >= 1e15 for value in known):
            return self.among(known)
        decimals = max((len(f"{value:.4f}".rstrip("0").partition(".")[2]) for value in known), default=0)
        decimals = max(decimals, least) if decimals else 0
        return lambda value: MISSING if value is None else self.fixed(value, decimals)

    def fixed(self, value: float, decimals: int) -> str:
        """A number with so many decimals."""
        return self._written(f"{round(value, decimals) + 0.0:,.{decimals}f}")

    def coefficient(self, value: float | None) -> str:
        """Two digits; three where two would claim a perfect correlation that isn't."""
        if value is None:
            return MISSING
        if 0.995 <= abs(value) < 1:
            text = f"{max(-0.999, min(0.999, value)):.3f}"
        else:
            text = f"{value:.2f}"
        return self._written("0.00" if text == "-0.00" else text)

    def percent(self, part: float, whole: float) -> str:
        """A share; small ones are never rounded to nothing, nor large ones to everything."""
        if not whole:
            return "0%"
        share = 100 * part / whole
        if 0 < share < 0.1:
            return f"under {self._written('0.1')}%"
        if 99.9 < share < 100:
            return f"over {self._written('99.9')}%"
        return self._written(f"{share:.1f}" if share not in (0, 100) else f"{share:.0f}") + "%"

    def change(self, share: float) -> str:
        """A relative change with its sign: `+12.3%`; large ones as a multiple."""
        if share >= 10:
            return f"×{self.number(share + 1)}"
        text = f"{100 * share:+.1f}" if abs(share) < 1 else f"{100 * share:+,.0f}"
        return ("±0%" if float(text.replace(",", "")) == 0 else self._written(text) + "%").replace("+-", MINUS)

    def count(self, many: int, noun: str, nouns: str = "") -> str:
        return self._written(f"{many:,}") + f" {noun if many == 1 else nouns or noun + 's'}"

    def day(self, when: datetime) -> str:
        # Of years before 1000 some systems write fewer digits.
        return when.strftime(self.day_form.replace("%Y", f"{when.year:04}"))

    def moment(self, text: str) -> str:
        """An ISO 8601 time; without the time of day where that is midnight."""
        when = datetime.fromisoformat(text)
        if not _year(when):
            return f"{when:%B}"
        clock = "" if (when.hour, when.minute, when.second) == (0, 0, 0) else f" {when:%H:%M}"
        return self.day(when) + clock

    def dated(self, text: str, firsts_of: str | None) -> str:
        """An ISO 8601 time of a column, which are first days of months or quarters where `firsts_of` says so."""
        return self.short_period(text, firsts_of) if firsts_of else self.moment(text)

    def at(self, start: str, unit: str) -> str:
        """A period with its preposition."""
        return f"{'on' if unit == 'day' else 'at' if unit in {'minute', 'hour'} else 'in'} {self.period(start, unit)}"

    def period(self, start: str, unit: str) -> str:
        """A point in time, as exact as its unit."""
        when = datetime.fromisoformat(start)
        if unit in {"minute", "hour"}:
            return f"{self.day(when)} {when:%H:%M}"
        if unit == "month":
            return f"{when:%B}{_year(when)}"
        if unit == "quarter":
            return f"the {_ORDINALS[(when.month - 1) // 3]} quarter{_year(when, ' of')}"
        if unit == "year":
            return str(when.year)
        return ("the week of " if unit == "week" else "") + self.day(when)

    def short_period(self, start: str, unit: str) -> str:
        """As `period`, for a table: `Jul 2015`, `Q3 2015`, the day that a week begins with."""
        when = datetime.fromisoformat(start)
        if unit == "month":
            return f"{when:%b}{_year(when)}"
        if unit == "quarter":
            return f"Q{(when.month - 1) // 3 + 1}{_year(when)}"
        return self.day(when) if unit == "week" else self.period(start, unit)


NO_YEAR = 4
"""The year of months of which none is known, and the one before their next; no file has days in it."""


def _year(when: datetime, before: str = "") -> str:
    return "" if when.year in (NO_YEAR, NO_YEAR + 1) else f"{before} {when.year}"


_CLOSE = 0.02  # the spread, as a share of the largest, below which numbers need more digits to be told apart
_ORDINALS = ("first", "second", "third", "fourth")

LOCALES = {
    "en": Wording(),
    "en-US": Wording(day_form="%m/%d/%Y"),
    "en-GB": Wording(day_form="%d/%m/%Y"),
    "en-IN": Wording(day_form="%d/%m/%Y", indian=True),
    "de": Wording(".", ",", "%d.%m.%Y"),
    "de-CH": Wording("’", ".", "%d.%m.%Y"),
    "es": Wording(".", ",", "%d/%m/%Y"),
    "fr": Wording(_THIN, ",", "%d/%m/%Y"),
    "it": Wording(".", ",", "%d/%m/%Y"),
    "ja": Wording(day_form="%Y/%m/%d"),
    "nl": Wording(".", ",", "%d-%m-%Y"),
    "pl": Wording("\u00a0", ",", "%d.%m.%Y"),
    "pt-BR": Wording(".", ",", "%d/%m/%Y"),
    "sv": Wording("\u00a0", ",", "%Y-%m-%d"),
}


def _in_lakhs(whole: str) -> str:
    """`-1,234,567` as `-12,34,567`."""
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    digits = digits.replace(",", "")
    head, tail = digits[:-3], digits[-3:]
    groups = []
    while head:
        head, group = head[:-2], head[-2:]
        groups.append(group)
    return sign + ",".join([*reversed(groups), tail])


def listed(items: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def some(names: list[str], most: int = 5) -> str:
    """The first names, and how many more there are."""
    return listed(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"


_RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_RUN = re.compile(f"[{_RIGHT_TO_LEFT}](?:[^A-Za-z0-9(),.;:]*[{_RIGHT_TO_LEFT}])?")


def one_way(sentence: str) -> str:
    """An English sentence as the page has it: with one full stop behind a name that ends in one, and in which names
    that run from the right don't draw what follows them along: after each stands a left-to-right mark (Unicode
    Standard Annex 9)."""
    if sentence.endswith("..") and not sentence.endswith("..."):
        sentence = sentence[:-1]
    return _RUN.sub("\\g<0>\u200e", sentence)


_JOINERS = "\u200c\u200d"  # parts of words and of signs in many scripts, though they show nothing by themselves


WHOLE = 200  # characters: of a column's name, in a table
_SHORT, _FRONT = 40, 0.6
_ASIDE = re.compile(r"\s*[(\[][^()\[\]]{12,}[)\]]")
_LAST_ASIDE = re.compile(r"\s*\([^()]*\)$")
_WORD = re.compile(r"[^\s_]+[\s_]*")
_STATED = re.compile(
    r"(?i)\b(?:is|are|was|were|am|be|do|does|did|has|have|had|can|could|will|would|should|my|your|our|i|we|you|me|us|"
    r"(?-i:ist)|sind|war|hat|haben|kann|ich|wir|mein|meine|unser|unsere)\b"
)
_WORDS = 4  # of a name that is a statement


def brief(name: object) -> str:
    """A column's name as a sentence bears it: a long one without its remarks in brackets, and without words in its
    middle, for a unit stands at its end. Questions and statements are in quotation marks."""
    text = label(name, WHOLE)
    asked = "?" in text or bool(_STATED.search(text) and text.count(" ") >= _WORDS - 1)
    if len(text) > _SHORT:
        text = _ASIDE.sub("", text) or text
    if len(text) > _SHORT:
        words, front, back = _WORD.findall(text), "", ""
        while words and len(front) + len(words[0]) <= _FRONT * _SHORT:
            front += words.pop(0)
        while words and len(front) + len(words[-1]) + len(back) < _SHORT:
            back = words.pop() + back
        gap = " … " if " " in text else "…"
        text = f"{front.rstrip(' _')}{gap}{back}" if front else label(text, _SHORT)
    return f"“{text.strip()}”" if asked else text.strip()


def answer(value: str, name: str) -> str:
    """A value as a sentence bears it, behind the `brief` name of its column: an answer in quotation marks as well."""
    return f"“{value}”" if name.startswith("“") else value


_MEANS = re.compile(r"(?:^|[^a-z])(?:avg|average|mean|durchschnitt[a-z]*|moyenne|promedio|gemiddelde?)(?:$|[^a-z])")


def sum_of(name: str, what: str = "total of") -> str:
    """What a column adds up to; the name of one that is called a total says so itself."""
    return name if name.lower().startswith("total") else f"{what} {name}"


def mean_of(name: str, by: str | None = None) -> str:
    """What a column is on average; of one that holds means, or is divided `by` another in each row, it is said that
    each of them counts as much as any other."""
    if by is not None:
        return f"mean of {name} (each row counts alike, whatever its {brief(by)})"
    return f"{'unweighted ' if _MEANS.search(name.lower()) else ''}mean of {name}"


def label(value: object, most: int = 80) -> str:
    """A name or a value on one line, cut in its middle, or before an aside, to a length that charts and tables bear."""
    if isinstance(value, bool):
        return str(value).lower()
    text = "".join(each if each.isprintable() or each in _JOINERS else " " for each in str(value))
    if len(text) <= most:
        return text
    aside = _LAST_ASIDE.sub("", text)
    if 0 < len(aside) < min(len(text), most):
        return aside + "…"
    start = max(1, round(_FRONT * (most - 1)))  # names of one family differ at their ends
    return text[:start].rstrip() + "…" + text[len(text) - (most - 1 - start) :].lstrip()
