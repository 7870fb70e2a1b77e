"""The part that a column plays in a report, told by its name, its type and its values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from andon.reports.columns import Column, Nature
from andon.reports.meaning.choices import parted_by
from andon.reports.values.bounds import is_bound
from andon.reports.values.clock import HOURS
from andon.reports.values.numbers import is_money, is_share, whole


@dataclass(frozen=True)
class Evidence:
    """What is known of a column's values; `distinct` may be an estimate, `low` and `high` are of numbers alone, `step`
    is by how much they rise from row to row, if all do by as much."""

    values: int = 0
    distinct: int = 0
    low: Any = None
    high: Any = None
    unit: str | None = None
    sample: Mapping[str, int] | None = None
    ascending: bool = False
    step: float | None = None
    beside: frozenset[str] = frozenset()
    """The names of all columns, as `plain_name` writes them."""


_FEWEST_STEPS, _UNEVEN = 10, 0.05
_FEWEST_YEARS, _FIRST_DAY = 3, re.compile(r"\d{4}-01-01(?:[T ]00:00(?::00(?:\.0+)?)?)?")
_LONG = 10**11  # article numbers, accounts and the like have twelve digits and more
# What rises by one in each row and isn't named like this counts the rows.
_ORDERED = re.compile(
    r"\b(?:t|x|time|day|days|week|weeks|month|months|year|years|hours?|min|minutes?|s|sec|seconds?|ms|step|steps|epochs?|"
    r"rounds?|trial|period|cycle|cycles|iteration|iterations|depth|distance|dose|age|rank|generation|frame|lag|zeit|tag|"
    r"woche|monat|jahr|schritt)\b"
)
_COUNTERS = {"", "n", "i", "row", "index", "seq", "sequence", "position", "line", "column1", "unnamed 0", "rownum"}


def _words(alternatives: str) -> re.Pattern[str]:
    """Matches a name with one of the words in it: set off by anything but a letter, or by a capital."""
    return re.compile(rf"(?:^|[^a-z])(?:{alternatives})(?:$|[^a-z])")


_ID = _words(
    "id|ids|uuid|guid|key(?=$)|pk|identifier|index|idx|rowid|serial|hash|isbn|ean|sku|iban|imei|ssn|vin|nr|no|"
    "num|number|nummer|rownames|orderid|userid|customerid|passengerid"
)
_NAMED = re.compile(r"(?:^| )(?:lot|batch|part|plot|parcel|invoice|ticket|account|konto|barcode|gtin|article)$")
_CODE = _words(
    "zip|zipcode|postal|postcode|postalcode|plz|cep|fips|code|codes|sku|phone|telephone|mobile|fax|iso|naics|"
    "sic|icd|hs|flight|port|gender code|last ?4|last four|kostenstelle|cost cent(?:er|re)"
)
_GEO = _words(
    "lat|lng|lon|long|latitude|longitude|breitengrad|laengengrad|längengrad|latitud|longitud|coord|coordinate"
)
_YEAR = _words(
    "year|years|yr|jahr|año|ano|annee|année|anno|fy|season|vintage|yearbuilt|model year|founded|established|"
    "built|born|[a-zäöüß]*jahr|jahrgang"
)
_KIND = re.compile(
    r"(?:^|[^a-z])(?:p?class|kind|typ|type|category|cluster|segment|group|visit|wave|arm|"
    r"sex|gender|geschlecht|sexo|sexe|inst|site|ward|hospital|clinic|cent(?:er|re)|region|district|department|dept|"
    r"klasse|kategorie|gruppe|classe|clase|tipo|grupo)$"
)
_MONTHS, _YEARS = {"month", "monat", "mes", "mois", "mese"}, {"year", "yr", "jahr", "año", "année"}
# Whole numbers of a cycle, of which a mean says nothing: what they are, from where to where, and the names of columns
# of which one stands beside them where the name alone may mean something else.
_CYCLES: dict[str, tuple[str, int, int, set[str]]] = {
    **dict.fromkeys(("hour", "hr", "hour of day", "hourofday", "stunde", "heure", "hora"), ("hours", 0, 24, set())),
    **dict.fromkeys(("month", "mnth", "monat", "mes", "mois", "mese", "month number"), ("months", 1, 12, set())),
    **dict.fromkeys(("quarter", "qtr", "quartal", "trimestre"), ("quarters", 1, 4, set())),
    **dict.fromkeys(("year", "yr", "model year", "jahr"), ("years of two digits", 10, 99, set())),
    "season": ("seasons", 0, 4, {"month", "mnth", "day", "weekday", "hour", "hr", "year", "yr"}),
    **dict.fromkeys(("weekday", "day of week", "dayofweek", "dow", "wochentag"), ("days of the week", 0, 7, set())),
    **dict.fromkeys(("day", "day of month", "dom", "tag", "día", "jour"), ("days of the month", 1, 31, _MONTHS)),
    **dict.fromkeys(("week", "kw", "iso week", "week number", "woche"), ("weeks", 0, 53, _YEARS)),
    **dict.fromkeys(("minute", "minuten", "minuto"), ("minutes", 0, 59, {"hour", "hr", "stunde", "hora"})),
}
_MONEY = _words(
    "price|prices|cost|costs|amount|revenue|sales|salary|income|wage|fee|fare|profit|budget|turnover|usd|eur|"
    "gbp|preis|umsatz|kosten|betrag|gehalt|precio|importe|prix|montant|tip|total bill|gdp|payment|balance|売上|"
    "売上高|金額|価格|単価|销售额|金额|价格|单价|saldo|kontostand|debit|credit|deposits?|withdrawals?|paid|charges?|solde|soll|"
    "haben|guthaben|belastung|gutschrift|gebühr|gebühren|valor|importo|belopp|beløb|kwota|bedrag|entrate|"
    "uscite|fees|taxes|subtotal|shipping|spend|net|gross|vat|tax|netto|brutto|mwst|gewinn|fatturato|ventas|"
    "ventes|recettes|chiffre d affaires|margin usd|discount amount|"
    "(?:line|order|item|cart|basket|invoice|grand) totals?|gesamtpreis|rechnungssumme|gesamtsumme"
)
_PERCENT = _words("percent|percentage|pct|perc|prozent|anteil")
_COUNT = _words(
    "count|counts|cnt|数量|個数|件数|人数|个数|quantity|qty|items|units|visits|clicks|views|orders|population|passengers|"
    "seats|downloads|votes|deaths|events|arrivals|departures|accidents|injuries|admissions|tickets|calls|"
    "purchases|cases|births|anzahl|menge|cantidad|nombre|number of|num(?= [a-z])|children|kids|rooms|bedrooms|"
    "pop|employees|users|sessions|cylinders|siblings|visitors|attendees|participants|guests|followers|"
    "headcount|impressions|impr|conversions|pageviews|übernachtungen|ankünfte|einwohner|wähler|wahlberechtigte|"
    "stimmen|habitants|nuitées|viajeros|pernoctaciones|likes|shares|besucher|teilnehmer|aufrufe|stück|n"
)
# What is asked for on a scale of few whole numbers, in a question or by name.
_RATED = _words(
    "nps|csat|ces|ratings?|rated|you rate|stars|satisf(?:ied|action)|recommend(?:ation)?|likely|"
    "likelihood|agree|important|importance|likert|happy|happiness|zufrieden(?:heit)?|bewertung|bewerten|empfehlen|"
    "weiterempfehl(?:en|ung)|wahrscheinlich|wichtig|satisfait|satisfecho|satisfacción|recomendar"
)
_MAY_BE_RATED = re.compile(r"q(?:id)? ?\d+(?: \d+)?|(?:.* )?scores?")
_SCALES = ((0, 10), (1, 10), (1, 7), (1, 5))
_FEWEST_ANSWERS = 3  # different ones
_DURATION = {
    **dict.fromkeys(("ms", "millis", "milliseconds", "millisekunden"), "ms"),
    **dict.fromkeys(("sec", "secs", "second", "seconds", "sekunden"), "s"),
    **dict.fromkeys(("min", "mins", "minutes", "minuten"), "min"),
    **dict.fromkeys(("hrs", "hours", "stunden"), "h"),
    **dict.fromkeys(("days", "tage", "dias", "jours", "fehltage"), "days"),
    **dict.fromkeys(("weeks", "wochen", "months", "monate", "years", "yrs", "jahre"), ""),
    **dict.fromkeys(("duration", "elapsed", "dauer", "runtime", "delay", "latency", "uptime", "downtime", "age"), ""),
    **dict.fromkeys(("tenure", "seniority"), ""),
}
_TAKEN = re.compile(
    r"(?:^| )(?:spent|lead|cycle|response|wait|waiting|handling|resolution|travel|processing|load) time$|"
    r"^time spent"
)
_SPEED = re.compile(r"wind|speed|veloc|geschw|gust|vitesse")  # in metres per second rather than milliseconds
_EXTREMES = ("max", "mean", "avg", "median", "maximum")
_UNITS_OF_TIME = {"ms", "s", "sec", "min", "h", "hrs", "hours", "hour", "days", "day", "weeks", "months", "years", "d"}
_SPACED = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def role_of(name: str, type_: str, of: Evidence) -> tuple[str, str | Nature]:
    """A role for a column, and the reason for it."""
    plain = plain_name(name)
    match type_:
        case "integer" | "number":
            return _of_numbers(plain, type_, of)
        case "boolean":
            return "flag", "holds true and false"
        case "date" if _first_days(of):
            return "year", "holds the first days of years"
        case "date" | "timestamp":
            return "date", "holds dates" if type_ == "date" else "holds moments"
        case _:
            return _of_words(plain, of)


def plain_name(name: str) -> str:
    """The words of a column's name, in small letters with one blank between them; `%` is one."""
    return " ".join(re.split(r"[\W_]+", _SPACED.sub(" ", name.replace("%", " percent ")).lower())).strip()


def _of_numbers(name: str, type_: str, of: Evidence) -> tuple[str, str | Nature]:
    unique = of.values > 1 and of.distinct >= 0.95 * of.values
    whole = type_ == "integer"
    if is_share(of.unit):
        return "percent", f"its values end in {of.unit}"
    if is_money(of.unit):
        return "money", f"its values name the currency {of.unit}"
    if of.unit == HOURS:
        return "measure", "times of a day, as hours since midnight"
    if of.unit in _UNITS_OF_TIME:
        return "duration", f"its values are in {of.unit}"
    if of.unit:
        return "measure", f"its values are in {of.unit}"
    if _GEO.search(name) and _within(of, -180, 360):
        return "geo", "its name is that of a coordinate, and its values lie in range"
    if _within(of, 1000, 2200) and (_YEAR.search(name) or (whole and _consecutive_years(of))):
        return "year", "numbers that are years" + (" by its name" if _YEAR.search(name) else " in a row")
    if whole and (cycle := _cycle(name, of)):
        return "category", f"whole numbers that are {cycle}, by name"
    if whole and _KIND.search(name) and 1 < of.distinct <= 20 and of.values >= 3 * of.distinct:
        return "category", "whole numbers that stand for kinds, by name"
    if whole and "time" in name.split() and _are_clocks(of):
        return "code", "times of a day, written as hhmm"
    if whole and {of.low, of.high} == {0, 1} and of.distinct == 2:
        return "flag", "holds 0 and 1 alone"
    if whole and of.high is not None and abs(of.high) >= 2**53 and unique:
        return "id", "whole numbers of many digits, hardly one twice"
    if _CODE.search(name) and whole:
        return "code", "whole numbers, by name a code"
    if _ID.search(name) and whole and not _COUNT.search(name.replace("number", "")):
        return "id", "whole numbers, by name an identifier"
    if _NAMED.search(name) and whole:
        return "id", "whole numbers, by name an identifier"
    counting = whole and unique and of.ascending and of.values >= 10 and _steps_of_one(of)
    if counting and (name in _COUNTERS or (of.values >= 100 and of.low in (0, 1) and not _ORDERED.search(name))):
        return "id", "counts the rows"
    if whole and unique and of.values >= 10 and of.low is not None and of.low >= _LONG:
        return "id", "long whole numbers, hardly one of which occurs twice"
    if whole and (scale := _scale(name, of)):
        return "measure", scale
    if _PERCENT.search(name):
        return "percent", "by its name a share"
    if _MONEY.search(name):
        return "money", "by its name an amount of money"
    evenly = Nature("along", f"{of.step:.6g}") if _rises_evenly(of) else None
    for word in name.split():
        if word in _DURATION and not (word == "min" and _is_minimum(name, of)) and not _SPEED.search(name):
            return "duration", evenly or "by its name a span of time"
    if _TAKEN.search(name) and not _are_clocks(of):
        return "duration", evenly or "by its name a span of time"
    if whole and _COUNT.search(name) and (of.low is None or of.low >= 0):
        return "count", "whole numbers, by name a count"
    return "measure", evenly or ("whole numbers" if whole else "numbers with fractions")


def _of_words(name: str, of: Evidence) -> tuple[str, str]:
    if not of.values:
        return "text", "holds no value"
    sample = of.sample or {}
    lengths = [len(value) for value in sample]
    spaces = sum(value.count(" ") for value in sample) / (len(sample) or 1)
    if of.distinct == 2 and all(_FLAG.fullmatch(value.strip().lower()) for value in sample):
        return "flag", "holds two opposite words"
    if sample and all(value.lstrip().startswith(("{", "[")) for value in sample):
        return "text", "holds structures rather than words"
    if parted := parted_by(sample):
        separator, many = parted
        return "choices", f"several of {many} answers in a cell, parted by “{separator}”".replace("\n", "a new line")
    repeated = of.distinct <= max(20, 0.05 * of.values) and of.values >= 3 * of.distinct
    bands = sum(map(bool, map(_BAND.fullmatch, sample)))
    others = [value for value in sample if any(map(str.isdigit, value)) and not _BAND.fullmatch(value)]
    if repeated and bands >= max(2, 0.6 * len(sample)) and not others and not _CODE.search(name):
        return "category", f"{bands:,} ranges of numbers"
    if repeated and any(map(is_bound, sample)) and all(is_bound(each) or each.strip().isdecimal() for each in sample):
        return "category", _several(of)  # 0, 1, 2 and `3+`
    coded = bool(sample) and sum(map(_is_mark, sample)) >= 0.8 * len(sample)
    if coded and repeated and not _CODE.search(name) and all(any(map(str.isalpha, value)) for value in sample):
        return "category", _several(of)
    unique = of.values > 1 and of.distinct >= 0.95 * of.values
    digits = bool(sample) and all(any(map(str.isdigit, value)) for value in sample)
    if unique and of.values >= 5 and (coded or _ID.search(name)) and (spaces < 1 or (digits and _ID.search(name))):
        if _CODE.search(name):
            return "code", "marks of digits, by name a code"
        return "id", "marks, hardly one of which occurs twice"
    if coded or _CODE.search(name):
        return "code", "marks with digits in them" if coded else "by its name a code"
    if of.distinct <= max(20, min(1000, 0.2 * of.values)) and not (lengths and max(lengths) > 80):
        return "category", _several(of)
    if unique and lengths and max(lengths) <= 40 and spaces < 1:
        return "id", "words, hardly one of which occurs twice"
    return "text", "words, most of them different"


def _several(of: Evidence) -> str:
    many = "one value" if of.distinct == 1 else f"{of.distinct:,} different values"
    return f"{many} in {of.values:,} {'cell' if of.values == 1 else 'cells'}"


_BAND = re.compile(
    r"\D{0,3}\d[\d.,]*k? ?(?:[-–]|to|bis) ?\D{0,3}\d[\d.,]*.{0,10}|\D{0,3}\d[\d.,]*k? ?\+|"
    r"[<>≤≥]=? ?\D{0,3}\d[\d.,]*.{0,10}|"
    r"(?:under|over|below|above|unter|über|bis|ab) \D{0,3}\d.{0,15}",
    re.IGNORECASE,
)
_FLAG = re.compile(
    "yes|no|y|n|t|f|true|false|ja|nein|j|on|off|0|1|si|sí|oui|non|pass|fail|active|inactive|sim|não|wahr|"
    "falsch|vrai|faux|verdadero|falso|sì|vero|да|нет|tak|nie|ano|ne|igen|nem|kyllä|ei|evet|hayır|ναι|όχι|はい|"
    "いいえ|是|否|有|無|○|×"
)


def _is_minimum(name: str, of: Evidence) -> bool:
    """Whether "min" means the least of something rather than minutes: `min temp`, or `temp_min` beside `temp_max`."""
    if name.startswith("min "):
        return True
    others = (" ".join(other if word == "min" else word for word in name.split()) for other in _EXTREMES)
    return any(other in of.beside for other in others)


def _is_mark(value: str) -> bool:
    return any(map(str.isdigit, value)) and " " not in value.strip()


def _within(of: Evidence, low: float, high: float) -> bool:
    return of.low is not None and of.high is not None and low <= of.low and of.high <= high


def _steps_of_one(of: Evidence) -> bool:
    return of.low is not None and int(of.high) - int(of.low) <= 1.05 * of.values + 1


def _rises_evenly(of: Evidence) -> bool:
    """Whether each row is as far beyond the one before as all are; of years and the like more is known by name."""
    if not of.step or of.low is None or of.values < _FEWEST_STEPS:
        return False
    return abs(float(of.high - of.low) / of.step + 1 - of.values) <= max(1.0, _UNEVEN * of.values)


def _scale(name: str, of: Evidence) -> Nature | None:
    """The scale that whole numbers are on; goals are scores, too, so that one by such a name has usual ends."""
    if not _within(of, 0, 10) or of.distinct < _FEWEST_ANSWERS or of.values < 3 * of.distinct:
        return None
    ends = int(of.low), int(of.high)
    named = _RATED.search(name) or (_MAY_BE_RATED.fullmatch(name) and ends in _SCALES)
    return Nature("rated", f"{ends[0]} to {ends[1]}") if named else None


def _first_days(of: Evidence) -> bool:
    """Whether all dates are the first of January, and the sample has them all."""
    days = of.sample or {}
    return _FEWEST_YEARS <= of.distinct <= len(days) and all(_FIRST_DAY.fullmatch(day) for day in days)


def _are_clocks(of: Evidence) -> bool:
    """Whether whole numbers are times as 730 and 1815."""
    read = [number for value in of.sample or {} if (number := whole(value)) is not None]
    return _within(of, 0, 2400) and of.high >= 1000 and len(read) > 20 and all(each % 100 < 60 for each in read)


def _cycle(name: str, of: Evidence) -> str | None:
    what, low, high, beside = _CYCLES.get(name, ("", 0, 0, set()))
    named = not beside or bool(beside & of.beside)
    return what if what and named and of.distinct > 1 and _within(of, low, high) else None


def _consecutive_years(of: Evidence) -> bool:
    """Whether nearly every year of a stretch occurs, no name saying that they are years."""
    if not _within(of, 1800, 2100) or of.distinct < 3:
        return False
    return bool(of.distinct >= 0.8 * (of.high - of.low + 1))


def described(name: str, type_: str, of: Evidence | None = None) -> Column:
    """A column with its role; of which nothing is known but its name and its type, without `of`."""
    column = Column(name, type_, unit=of.unit if of else None)
    return column.with_role(*role_of(name, type_, of or Evidence()))
