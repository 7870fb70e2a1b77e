"""How often a flag is set in one group and in another, as what was bought by variant: counted, told and drawn."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import numpy as np

from andon.reports import ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report import charts, evidence
from andon_worker.hybrid_report.charts import Interval
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.association import cramers_v, outcome
from andon_worker.hybrid_report.figures.computed.twins import twins
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.scales import in_order
from andon_worker.hybrid_report.section import Figure, Grid, Sentence
from andon_worker.hybrid_report.sections.groups.loading import FEWEST_ROWS
from andon_worker.hybrid_report.wording import Wording, answer, brief, label, some

_GROUPINGS, _FLAGS = 6, 4
_DRAWN = 4
_UNEVEN = 0.4  # of the rows: what rarer of two words stands for an outcome where there are no flags
_SAME = 0.999  # one follows from the other

Shares = dict[str, Any]


def shares(table: Table, options: ReportOptions) -> list[Shares]:
    """`{flag, answer, groupBy, sure, groups: [{value, rows, ranked, part, share, low, high}], difference}` of each flag
    and grouping, those first that differ most.

    `part` is how many of the `rows` have the `answer`. `sure` says that the groups differ by more than chance, the
    best of all that are looked at. `difference` is between the highest and the lowest share of the groups of 30 rows
    (10 where there are not two): `{highest, lowest, estimate, low, high}`, bounds of 95 %.
    """
    flags = _flags(table, options)
    by = choose.groupings(table, options, _GROUPINGS)
    by = [name for name in by if name in options.group_by or not table.column(name).part_of_time]
    pairs = [(flag, name) for flag, name in product(flags, by) if flag != name]
    pairs = [pair for place, pair in enumerate(pairs) if pair[::-1] not in pairs[:place]]
    found = [each for flag, name in pairs if (each := _compared(table, flag, name, len(pairs)))]
    return sorted(found, key=_effect, reverse=True)


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


def _compared(table: Table, flag: str, by: str, among: int) -> Shares | None:
    f, g = (f"CAST({identifier(name)} AS VARCHAR)" for name in (flag, by))
    found = table.all(f"SELECT {g}, {f}, count(*) FROM data WHERE {g} IS NOT NULL AND {f} IS NOT NULL GROUP BY 1, 2")
    sizes: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    for value, said, rows in found:
        sizes[value] += rows
        answers[said] += rows
    ranked = _ranked(sizes)
    if len(ranked) < 2 or len(answers) != 2:
        return None
    told = outcome([said for said, _ in answers.most_common()])
    part = Counter({value: rows for value, said, rows in found if said == told})
    v = cramers_v(np.array([[part[value], sizes[value] - part[value]] for value in sizes], dtype=float))
    if v >= _SAME:
        return None
    ranked.sort(key=lambda value: (-part[value] / sizes[value], value))
    high, low = ranked[0], ranked[-1]
    least, most = evidence.difference(part[high], sizes[high], part[low], sizes[low])
    sure = least > 0 and evidence.cramers_v(v, sizes.total(), len(sizes), 2, among) > 0
    groups = []
    for value, rows in sizes.most_common():
        bounds = evidence.wilson(part[value], rows)
        share = {"share": part[value] / rows, "low": bounds[0], "high": bounds[1]}
        groups.append({"value": label(value), "rows": rows, "ranked": value in ranked, "part": part[value]} | share)
    estimate = part[high] / sizes[high] - part[low] / sizes[low]
    difference = {"highest": label(high), "lowest": label(low), "estimate": estimate, "low": least, "high": most}
    return {"flag": flag, "answer": told, "groupBy": by, "sure": sure, "groups": groups, "difference": difference}


def _ranked(sizes: Counter[str]) -> list[str]:
    """The groups of enough rows: of 30, or of ten where there are not two."""
    many = [value for value, rows in sizes.items() if rows >= FEWEST_ROWS]
    return many if len(many) > 1 else [value for value, rows in sizes.items() if rows >= evidence.FEWEST]


def _ends(each: Shares) -> tuple[dict[str, Any], dict[str, Any]]:
    groups = {group["value"]: group for group in each["groups"]}
    return groups[each["difference"]["highest"]], groups[each["difference"]["lowest"]]


def _effect(each: Shares) -> float:
    (high, low), difference = _ends(each), each["difference"]
    if not each["sure"]:
        return 0.0
    return evidence.lacking(difference["estimate"], difference["low"], high["share"], low["share"])


def shared(found: list[Shares], wording: Wording) -> list[Sentence]:
    """Where each flag is set most often and least; of several groups that hardly differ, that alone."""
    told = [_sentence(each, wording) for each in found if each["sure"] or len(each["groups"]) == 2]
    alike: dict[str, list[str]] = {}
    for each in found:
        if not each["sure"] and len(each["groups"]) > 2:
            flag = brief(each["flag"])
            said = f"how often {flag} is {answer(label(each['answer'], 40), flag)}"
            alike.setdefault(said, []).append(brief(each["groupBy"]))
    return told + [Sentence(f"By {some(by)}, {said} differs no more than by chance.") for said, by in alike.items()]


def _sentence(each: Shares, wording: Wording) -> Sentence:
    flag, by, (high, low), difference = brief(each["flag"]), brief(each["groupBy"]), _ends(each), each["difference"]
    small = [group for group in each["groups"] if not group["ranked"]]
    beyond = any(not low["share"] <= group["share"] <= high["share"] for group in small)
    fewest = FEWEST_ROWS if min(high["rows"], low["rows"]) >= FEWEST_ROWS else evidence.FEWEST
    among = f"among groups of at least {fewest} rows, " if beyond else ""

    def of(group: dict[str, Any], rows: str = "") -> str:
        share = wording.percent(group["part"], group["rows"])
        return f"{answer(label(group['value'], 60), by)} ({share} of {wording.number(group['rows'])}{rows})"

    def points(share: float) -> str:
        return wording.fixed(100 * share, 1)

    chance = "" if each["sure"] else ", which may be chance"
    return Sentence(
        f"By {by}, {among}{flag} is {answer(label(each['answer'], 40), flag)} most often for {of(high, ' rows')} and "
        f"least for {of(low)}: {points(difference['estimate'])} percentage points more (95% interval "
        f"{points(difference['low'])} to {points(difference['high'])}){chance}.",
        effect=_effect(each),
        figure=_key(each) if each["sure"] else "",
        about=(each["flag"], each["groupBy"]),
        rows=min(high["rows"], low["rows"]),
    )


def share_figures(found: list[Shares], wording: Wording) -> list[Figure]:
    made = []
    for each in [each for each in found if each["sure"]][:_DRAWN]:
        rows = [
            Interval(label(g["value"], 40), 100 * g["share"], 100 * g["low"], 100 * g["high"], not g["ranked"])
            for g in in_order(sorted(each["groups"], key=lambda g: -g["share"]), lambda g: str(g["value"]))
        ]
        drawing = charts.intervals(_title(each), rows, wording)
        made.append(Figure(_key(each), _title(each), "% of each group's rows, with 95% intervals", drawing))
    return made


def share_grids(found: list[Shares], wording: Wording) -> list[Grid]:
    return [
        Grid(
            _title(each),
            ("Group", "Rows", "Of these", "Share", "95% from", "95% to"),
            [
                (
                    label(g["value"], 48),
                    *(wording.number(g[key]) for key in ("rows", "part")),
                    *(wording.percent(g[key], 1) for key in ("share", "low", "high")),
                )
                for g in in_order(sorted(each["groups"], key=lambda g: -g["share"]), lambda g: str(g["value"]))
            ],
        )
        for each in [each for each in found if each["sure"] or len(each["groups"]) == 2][:_DRAWN]
    ]


def _title(each: Shares) -> str:
    return f"{brief(each['flag'])}: share of “{label(each['answer'], 30)}” by {brief(each['groupBy'])}"


def _key(each: Shares) -> str:
    return f"share-of-{each['flag']}-by-{each['groupBy']}"
