"""What the section computes: which columns are compared, and with what."""

from __future__ import annotations

from pathlib import Path

from andon.reports import Column, Control, ReportOptions
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.computed.products import QUOTIENT, products
from andon_worker.hybrid_report.figures.durations import open_measured
from andon_worker.hybrid_report.figures.flows import flows
from andon_worker.hybrid_report.figures.resampling import seed_of
from andon_worker.hybrid_report.figures.table import Table, clean
from andon_worker.hybrid_report.figures.values import Values, values_of
from andon_worker.hybrid_report.section import Result
from andon_worker.hybrid_report.sections.groups.comparing import Share, compare
from andon_worker.hybrid_report.sections.groups.crossing import cross
from andon_worker.hybrid_report.sections.groups.deviating import deviations
from andon_worker.hybrid_report.sections.groups.flags.late import late_since
from andon_worker.hybrid_report.sections.groups.flags.shares import shares
from andon_worker.hybrid_report.sections.groups.gathering import Gathered
from andon_worker.hybrid_report.sections.groups.loading import load, spreads
from andon_worker.hybrid_report.sections.groups.moving import moved
from andon_worker.hybrid_report.sections.groups.recommending import recommended


def compute(parquet: Path, options: ReportOptions, control: Control) -> Result:
    """`{resamples, confidence, recommended: [...], deviations: [...], moved, comparisons: [...], totals: [...], shares:
    [...], cross}`, a comparison for each grouping and measure, and for what else
    goes together most, see `choose.also_telling`.

    A comparison is `{groupBy, measure, role, signed, divisor, total, fewest, groupsOmitted, rowsOmitted, eta, sums,
    groups: [{value, rows, ranked, sum, mean, std, low, high, spread, nps}], difference}`. `divisor` is the column that
    the measure is divided by in each row, so that their mean is one of means; else null. `total` counts all groups,
    exactly. `sums` is `{all, ungrouped, others, shares}` where a sum of the measure means something, else null: that of
    all rows with a group, that of the rows without one, that of the groups that aren't shown, and whether no group's is
    negative, so that they have shares. A group is `ranked` if it has at least `fewest` rows: 30, or 5 where most groups
    have fewer than 30. A smaller one of 5 rows is ranked, too, if its mean lies beyond all of theirs for sure. Shown
    are the ranked by falling mean, then the others: the 30 of the largest sums, or of most rows where sums mean
    nothing, and whichever have the highest and the lowest mean. `low` and `high` bound the mean; null without
    resamples, or if the group has a single row. `spread` are the quantiles 5, 25, 50, 75, 95 %, of the comparison of
    the largest `eta` alone; `nps` is that of answers to how likely somebody is to recommend, as `recommended` has it of
    all rows, see `recommending`. `difference` is between the first and the last ranked group: `{highest, lowest,
    estimate, low, high}`; null if there are not two.

    `totals` are of columns of more than 30 names that stand several times, and of the measures whose sums mean
    something; and of all groupings where money comes and goes in one column (`signed`), of what went and of what
    came: `{groupBy, measure, role, total, groupsOmitted, rowsOmitted, sums, groups: [{value, rows, sum}]}`, the largest
    first.

    `deviations` are of what came from what was planned, see `deviating.deviations`; `moved` is the group that
    moved from one period to another, see `moving.moved`.

    `late` are promises that came late more or less often from a day on, see `late.late_since`.

    `shares` are of flags by groups, as `shares.shares` says.

    `cross` counts the rows of two groupings of which no share is told, those that go together most:
    `{a, b, v, values, rows: [value], columns: [value], counts, rowTotals, columnTotals, total, omitted}`, `values`
    being how many each has, and the totals those over all values of the other; null if there are not two.
    """
    with open_measured(parquet, options, control, by_period=True) as table:
        measures = [m for m in choose.measures(table, options) if m in options.measures or not table.column(m).running]
        values = values_of(table, measures)
        summed = {name for name in measures if _is_flow(table.column(name), values[name])}
        roles = {name: table.column(name).role for name in measures}
        money = flows(table) if table.periods == 1 else None
        sides = [money.went, money.came] if money and len(money.columns) == 1 else []
        signed = {side.column for side in sides} & set(measures)
        pairs = [(g, m) for g in choose.groupings(table, options) for m in measures if g != m]
        pairs += (also := choose.also_telling(table, options, pairs))
        values |= values_of(table, [measure for _, measure in also])
        summed |= {name for _, name in also if _is_flow(table.column(name), values[name])}
        roles |= {name: table.column(name).role for _, name in also}
        loaded = []
        for place, (group_by, measure) in enumerate(pairs):
            control.progress(0.2 * place / len(pairs), f"{measure} by {group_by}")
            loaded.append(load(table, group_by, values[measure], measure in summed and measure not in signed))
        if loaded:
            strongest = max(loaded, key=lambda each: each.eta)
            strongest.spread = spreads(table, strongest)
        control.progress(0.2, "totals of many names")
        names = choose.names(table, options) if summed else []
        totals = [
            {"role": roles[measure]} | Gathered(table, name, values[measure]).totals()
            for name in names
            for measure in measures
            if measure in summed and measure not in signed
        ]
        totals += [
            {"role": "money", "of": side.column} | Gathered(table, name, side).totals()
            for name in (*names, *dict.fromkeys(group_by for group_by, measure in pairs if measure in signed))
            for side in sides
        ]
        control.progress(0.22, "one grouping against another")
        flags, made = shares(table, options)
        since = late_since(table, options)
        divided = _divided(table)
        scores = recommended(table, measures)
        deviating = deviations(table, options)
        moving = moved(table, options, measures)
        crossed = cross(table, options, made | {frozenset((each["flag"], each["groupBy"])) for each in flags})
    # Resampling needs no database: its memory is free by now.
    comparisons = []
    for place, found in enumerate(loaded):
        group_by, measure = pairs[place]
        share = Share(control, 0.22 + 0.78 * place / len(pairs), 0.78 / len(pairs), f"{measure} by {group_by}")
        seed = seed_of(options.seed, group_by, measure)
        told = compare(found, options, seed, share, any(each["measure"] == measure for each in scores))
        divisor = divided.get(measure)
        comparisons.append({"role": roles[measure], "signed": measure in signed, "divisor": divisor} | told)
    return clean(
        {
            "resamples": options.resamples,
            "confidence": options.confidence,
            "recommended": scores,
            "deviations": deviating,
            "moved": moving,
            "late": since,
            "comparisons": comparisons,
            "totals": totals,
            "shares": flags,
            "cross": crossed,
        }
    )


def _divided(table: Table) -> dict[str, str]:
    """Of each quotient of two columns, and of each share that times one makes another, what it is divided by."""
    found = {}
    for each in products(table):
        made, *parts = each["columns"]
        if each["formula"] == QUOTIENT:
            found[made] = parts[1]
        elif len(parts) == 2:
            found |= {a: b for a, b in (parts, parts[::-1]) if table.column(a).role == "percent"}
    return found


def _is_flow(column: Column, values: Values) -> bool:
    """Whether a total of it means something; delays that may be negative have none."""
    return column.summed and not (column.role == "duration" and values.low < 0)
