"""Which of several spellings that fit all of a column is meant: told by the other columns, by how the file is written,
or else assumed, and said."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from andon.reports.meaning.judging import decimal_of, is_time
from andon.reports.values import numbers
from andon.reports.values.clock import ASSUMED
from andon.reports.values.spelling import NUMBER, TEXT, Spelling

_NUMERIC = {"integer", "number"}
_ORDERS = {"dmy": "the day first", "mdy": "the month first"}
_ORDERED, _STEPPED = 5, 4  # different days from which their order, or their steps, tell something
_EVEN = 1.2  # how many times the shortest the longest step is at most: months have 28 to 31 days
# Names of columns in languages that have the day first; English is written both ways.
_DAY_FIRST = re.compile(
    r"(?:^|[^a-z])(?:datum|betrag|umsatz|menge|preis|anzahl|fecha|precio|cantidad|importe|jour|montant|quantité|"
    r"prix|giorno|importo|quantità|prezzo|valor|quantidade|dato|bedrag|aantal|kwota|ilość|dátum|tarih|tutar|"
    r"miktar|päivä|päivämäärä|belopp|beløb|beløp|дата|сумма|количество|ημερομηνία)(?:$|[^a-z])|^data$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Evidence:
    """What the columns of which there is no doubt say of the others, and what the whole file does."""

    comma: bool
    point: bool
    order: str | None
    currencies: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()


def evidence(
    names: Sequence[str], fitting: Sequence[Sequence[Spelling]], samples: Sequence[Mapping[str, int]]
) -> Evidence:
    """Of the columns that can be read in one way only: is the decimal sign a comma, and which comes first in a date?"""
    comma = point = False
    orders = set()
    units = {each.unit for spellings in fitting for each in spellings[:1] if numbers.is_money(each.unit)}
    for spellings, sample in zip(fitting, samples, strict=True):
        signs = {decimal_of(each) for each in spellings if each.type in _NUMERIC} - {""}
        if signs == {","}:
            comma = True
        if signs == {"."} and any("." in value for value in sample):
            point = True
        found = {each.spec["order"] for each in spellings if each.spec["kind"] == "day"} & {"dmy", "mdy"}
        if len(found) == 1:
            orders |= found
    currencies = frozenset(filter(None, units))
    return Evidence(comma, point, orders.pop() if len(orders) == 1 else None, currencies, tuple(names))


def settle(
    name: str, spellings: Sequence[Spelling], of: Evidence, delimiter: str | None, sample: Sequence[str]
) -> tuple[Spelling, tuple[str, ...]]:
    """The spelling that is meant among those that every value fits, and what is to be said of the choice."""
    if not spellings:
        return TEXT, ()
    first = spellings[0]
    if first.spec["kind"] == "day":
        either = {each.spec["order"]: each for each in spellings if each.spec.get("order") in _ORDERS}
        if len(either) < 2:
            return first, ()
        if first.spec["short"] and not is_time(name) and of.order is None:
            return TEXT, ("Kept as text: numbers of three parts, which no name calls days.",)
        return _day(either, of, delimiter, sample)
    signs = {decimal_of(each) for each in spellings if each.type in {"integer", "number"}}
    if {",", "."} <= signs and numbers.separated(sample):
        thousands = [each for each in spellings if each.spec.get("group")]
        if thousands and numbers.grouped(first.unit, sample):
            return thousands[0], ()
        comma = of.comma and not of.point
        if not of.comma and not of.point:
            comma = delimiter == ";" and first is not NUMBER
        chosen = [each for each in spellings if decimal_of(each) == ("," if comma else ".")]
        what = "decimals" if (chosen[0].spec.get("group") or "x") not in ",." else "thousands"
        said = f"Read as {chosen[0].shown}: the separator could stand for decimals as well as for thousands."
        return chosen[0], (said,) if what and chosen[0].shown else ()
    return first, ()


def _day(
    either: Mapping[str, Spelling], of: Evidence, delimiter: str | None, sample: Sequence[str]
) -> tuple[Spelling, tuple[str, ...]]:
    """The order of day and month, where all values fit both."""
    if of.order is not None and of.order in either:
        why = f"Day and month come as {of.order}, as in another column: here alone both would fit."
        return either[of.order], (why,)
    if order := _by_rows(either, sample):
        said = "the rows come in their order or in even steps by it alone"
        return either[order], (f"Read with {_ORDERS[order]}: {said}.",)
    order, why = _by_writing(either, of, delimiter, sample)
    said = f"Read with {_ORDERS[order]}, as {why}. {ASSUMED}: both orders fit; the column's `order` says otherwise "
    return either[order], (f"{said}({'mdy' if order == 'dmy' else 'dmy'}).",)


def _by_rows(either: Mapping[str, Spelling], sample: Sequence[str]) -> str | None:
    """The order by which alone the days rise or fall from row to row; or, sorted, come in even steps."""
    days = {order: [_number(spelling, value) for value in sample] for order, spelling in either.items()}
    for tells, fewest in ((_ordered, _ORDERED), (_stepped, _STEPPED)):
        found = [order for order, each in days.items() if len(set(each)) >= fewest and tells(each)]
        if len(found) == 1:
            return found[0]
    return None


def _number(spelling: Spelling, value: str) -> int:
    """A day as a number that rises with time; months count as 31 days."""
    parts = spelling.groups(value) or {}
    return (int(parts["y"]) * 12 + int(parts["m"])) * 31 + int(parts["d"])


def _ordered(days: Sequence[int]) -> bool:
    pairs = list(itertools.pairwise(days))
    return all(a <= b for a, b in pairs) or all(a >= b for a, b in pairs)


def _stepped(days: Sequence[int]) -> bool:
    steps = [b - a for a, b in itertools.pairwise(sorted(set(days)))]
    return max(steps) <= _EVEN * min(steps)


def _by_writing(
    either: Mapping[str, Spelling], of: Evidence, delimiter: str | None, sample: Sequence[str]
) -> tuple[str, str]:
    """The order that is usual where files are written like this, and why it is taken."""
    [separator] = {str(each.spec["separator"]) for each in either.values()}
    if separator != "/":
        return "dmy", f"days with “{separator}” between their parts mostly are"
    if of.comma:
        return "dmy", "files with decimal commas are"
    if delimiter == ";":
        return "dmy", "files with semicolons are"
    if named := next((name for name in of.names if _DAY_FIRST.search(name)), None):
        return "dmy", f"it is usual in the language of “{named}”"
    if any("$" in each or each == "USD" for each in of.currencies):
        return "mdy", "it is usual where dollars are paid"
    if of.currencies:
        return "dmy", f"it is usual where {min(of.currencies)} is paid"
    if any(not part.startswith("0") and len(part) == 1 for value in sample for part in value.split("/")[:2]):
        return "mdy", "days without zeros at their front mostly are"
    return "mdy", "English files with “/” mostly are"
