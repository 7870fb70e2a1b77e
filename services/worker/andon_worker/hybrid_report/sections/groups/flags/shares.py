"""How often a flag is set by group and by the parts of a number, and where groups differ in one part of the rows."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from andon.reports import ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report import evidence
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.association import cramers_v, outcome
from andon_worker.hybrid_report.figures.computed.twins import twins
from andon_worker.hybrid_report.figures.promises.over import over
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.sections.groups.flags.parts import Parts, telling
from andon_worker.hybrid_report.sections.groups.flags.splitting import is_made, split
from andon_worker.hybrid_report.sections.groups.loading import FEWEST_ROWS
from andon_worker.hybrid_report.wording import label

_GROUPINGS, _FLAGS = 6, 4
_UNEVEN = 0.4  # of the rows: what rarer of two words stands for an outcome where there are no flags
_FIRST, _REGULAR = 1_000, 0.9  # rows that are looked at, and the part of the steps between them that is as long
_CUTS = 5  # for how many a number counts, which could have been cut in other places
_FEW_GROUPS = 3  # of which the ends are compared in parts of the rows
_SAME = 0.999  # one follows from the other
# What came of a row, and doesn't say what kind of row it is.
_OUTCOME = re.compile(
    r"(?i)(?:^|[^a-z])(?:status|state|outcome|result|response|target|label|decision|churn(?:ed)?|attrition|default(?:ed)?|"
    r"fraud|conver(?:ted|sion)|survived|died|paid|unpaid|returned|cancel(?:l?ed)?|refunded|won|lost|passed|failed|late|"
    r"delayed|no.?show|readmitted|clicked|bought|purchased|ordered|opened|closed|left|approved|rejected|accepted|"
    r"resolved|completed|delivered|subscribed|bezahlt|gekündigt|storniert|bestanden|verspätet)(?:$|[^a-z])"
)

Shares = dict[str, Any]


@dataclass(frozen=True)
class Grouping:
    """What splits the rows: a column's values, or the parts of a number."""

    name: str
    sql: str
    parts: Parts | None = None


def shares(table: Table, options: ReportOptions) -> tuple[list[Shares], set[frozenset[str]]]:
    """`{flag, answer, groupBy, sure, trend, groups: [{value, from, to, rows, ranked, part, share, low, high}],
    difference, split}` of each flag and grouping, those first that differ most.

    Groupings are columns of a few values, and, unless rows come every so often, the numbers that say most of the flag,
    cut into up to five parts: these have `from` and `to`, their `value` is their place, and `trend` is `rises` or
    `falls` where the share does so from each part to the next. `part` is how many of the `rows` have the `answer`.
    `sure` says that the groups differ by more than chance, the best of all that are looked at. `difference` is between
    the highest and the lowest share of the groups of 30 rows (10 where there are not two): `{highest, lowest, estimate,
    low, high}`, bounds of 95 %. `split` is of the ends of up to three groups whose difference is another in parts of
    the rows, see `splitting.split`; null otherwise.

    And the pairs of a flag and a grouping of which nothing is told, for the grouping and another make the flag.
    """
    dated = [each.late for each in table.durations if each.late]
    ended = {each.name: each.sql for each in over(table)} if table.base == "source" else {}
    table.add(ended)
    dated += ended
    flags = _flags(table, options)
    by = choose.groupings(table, options, _GROUPINGS)
    by = [name for name in by if name in options.group_by or not table.column(name).part_of_time]
    pairs = [*product(dated, by), *_turned(table, options, flags, by)]
    numbers = [] if options.group_by or _is_log(table, options) else telling(table, [*dated, *flags])
    lasting = {each.name for each in table.durations}
    numbers = [(flag, parts) for flag, parts in numbers if flag not in dated or not parts or parts.name not in lasting]
    asked = [(flag, Grouping(name, _text(name)), len(pairs)) for flag, name in pairs]
    asked += [(flag, Grouping(parts.name, parts.sql, parts), _CUTS * len(numbers)) for flag, parts in numbers if parts]
    found = [each for pair in asked if (each := _compared(table, *pair))]
    made = _split(table, found, by)
    told = sorted((each for each in found if each not in made), key=effect_of, reverse=True)
    return told, {frozenset((each["flag"], each["groupBy"])) for each in made}


def _is_log(table: Table, options: ReportOptions) -> bool:
    """Whether the first rows come every so often: there numbers and flags both follow the time of day."""
    time = choose.time_column(table, options)
    if time is None or not table.column(time).temporal:
        return False
    t = f"epoch(CAST({identifier(time)} AS TIMESTAMP))"
    steps = np.diff(sorted(at for (at,) in table.all(f"SELECT {t} FROM data WHERE {t} IS NOT NULL LIMIT {_FIRST}")))
    return len(steps) > 1 and float(np.median(steps)) > 0 and float((steps == np.median(steps)).mean()) >= _REGULAR


def _text(name: str) -> str:
    return f"CAST({identifier(name)} AS VARCHAR)"


def _flags(table: Table, options: ReportOptions) -> list[str]:
    """The question if it is one, the flags; or words of which there are two, one of them rare."""
    same = {name for name in twins(table) if name != options.question}
    flags = [column.name for column in table.of("flag") if column.name not in same]
    if not flags:
        flags = [each.name for each in table.of("category") if table.seen[each.name].distinct == 2]
        flags = [name for name in flags if name not in same and _rarer(table, name) <= _UNEVEN]
    return sorted(flags, key=lambda name: name != options.question)[:_FLAGS]


def _rarer(table: Table, name: str) -> float:
    """The share of the rarer of two words."""
    counts = [n for (n,) in table.all(f"SELECT count({identifier(name)}) FROM data GROUP BY {identifier(name)}")]
    return float(min(filter(None, counts)) / sum(counts))


def _turned(table: Table, options: ReportOptions, flags: list[str], by: list[str]) -> list[tuple[str, str]]:
    """Each flag with each grouping; of two columns of two values that which came of the rows by the other: the
    question, what is called an outcome, a flag, and what stands later."""
    names = [column.name for column in table.columns]

    def late(name: str) -> tuple[bool, bool, bool, int]:
        of = table.column(name)
        return name == options.question, bool(_OUTCOME.search(name)), of.role == "flag", names.index(name)

    found = []
    for flag, name in product(flags, by):
        turned = table.seen[name].distinct == 2 and late(name) > late(flag)
        pair = (name, flag) if turned else (flag, name)
        if flag != name and pair not in found:
            found.append(pair)
    return found


def _compared(table: Table, flag: str, by: Grouping, among: int) -> Shares | None:
    f, g = _text(flag), by.sql
    ends = f"min({by.parts.values.sql}), max({by.parts.values.sql})" if by.parts else "NULL, NULL"
    found = table.all(
        f"SELECT {g}, {f}, count(*), {ends} FROM data WHERE {g} IS NOT NULL AND {f} IS NOT NULL GROUP BY 1, 2"
    )
    sizes: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    for value, said, rows, *_ in found:
        sizes[value] += rows
        answers[said] += rows
    ranked = _ranked(sizes)
    if len(ranked) < 2 or len(answers) != 2:
        return None
    told = outcome([said for said, _ in answers.most_common()])
    part = Counter({value: rows for value, said, rows, *_ in found if said == told})
    v = cramers_v(np.array([[part[value], sizes[value] - part[value]] for value in sizes], dtype=float))
    if v >= _SAME or all(part[value] in (0, rows) for value, rows in sizes.items()):
        return None
    ranked.sort(key=lambda value: (-part[value] / sizes[value], value))
    high, low = ranked[0], ranked[-1]
    least, most = evidence.difference(part[high], sizes[high], part[low], sizes[low])
    sure = least > 0 and evidence.cramers_v(v, sizes.total(), len(sizes), 2, among) > 0
    groups: list[dict[str, Any]] = []
    for value, rows in sorted(sizes.items()) if by.parts else sizes.most_common():
        bounds = evidence.wilson(part[value], rows)
        share = {"share": part[value] / rows, "low": bounds[0], "high": bounds[1]}
        own = [each for each in found if each[0] == value]
        extent = {"from": min(each[3] for each in own), "to": max(each[4] for each in own)} if by.parts else {}
        groups.append(
            {"value": label(value), "rows": rows, "ranked": value in ranked, "part": part[value]} | share | extent
        )
    estimate = part[high] / sizes[high] - part[low] / sizes[low]
    return {
        "flag": flag,
        "answer": told,
        "groupBy": by.name,
        "sure": sure,
        "trend": _trend([group["share"] for group in groups]) if by.parts else None,
        "groups": groups,
        "difference": {"highest": label(high), "lowest": label(low), "estimate": estimate, "low": least, "high": most},
        "split": None,
    }


def _trend(shares: list[float]) -> str | None:
    """Of three parts or more."""
    steps = np.diff(shares)
    if len(steps) < 2 or not (bool((steps > 0).all()) or bool((steps < 0).all())):
        return None
    return "rises" if steps[0] > 0 else "falls"


def _ranked(sizes: Counter[str]) -> list[str]:
    """The groups of enough rows: of 30, or of ten where there are not two."""
    many = [value for value, rows in sizes.items() if rows >= FEWEST_ROWS]
    return many if len(many) > 1 else [value for value, rows in sizes.items() if rows >= evidence.FEWEST]


def _split(table: Table, found: list[Shares], by: list[str]) -> list[Shares]:
    """Where the ends of a few groups differ otherwise than as a whole; of two columns that part each other, the one
    whose difference varies most. Those are given back whose flag both columns make: there is nothing to tell."""
    computed = []
    best: dict[tuple[str, frozenset[str]], Shares] = {}
    for each in found:
        others = [name for name in by if name not in (each["flag"], each["groupBy"])]
        if not _may_split(each) or not (made := split(table, each, others)):
            continue
        if len(each["groups"]) == 2 and is_made(made):
            computed.append(each)
            continue
        pair = each["flag"], frozenset((each["groupBy"], made["by"]))
        if pair not in best or made["evenness"] < best[pair]["split"]["evenness"]:
            if pair in best:
                best[pair]["split"] = None
            best[pair] = each
            each["split"] = made
    return computed


def _may_split(each: Shares) -> bool:
    return "from" not in each["groups"][0] and len(each["groups"]) <= _FEW_GROUPS


def ends_of(each: Shares) -> tuple[dict[str, Any], dict[str, Any]]:
    groups = {group["value"]: group for group in each["groups"]}
    return groups[each["difference"]["highest"]], groups[each["difference"]["lowest"]]


def effect_of(each: Shares) -> float:
    """That of the part of the rows in which the groups differ most, where they do in one part alone; nothing of a
    number along which the share goes up and down."""
    (high, low), difference, groups = ends_of(each), each["difference"], each["groups"]
    along = "from" not in high or {high["value"], low["value"]} == {groups[0]["value"], groups[-1]["value"]}
    whole = evidence.lacking(difference["estimate"], difference["low"], high["share"], low["share"])
    return max(whole if each["sure"] and along else 0.0, each["split"]["effect"] if each["split"] else 0.0)
