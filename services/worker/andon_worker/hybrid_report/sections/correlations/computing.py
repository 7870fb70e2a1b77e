"""What the section computes: how strongly each two numeric columns go together, and a picture of one pair."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.reports import Control, ReportOptions
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.association import ranks
from andon_worker.hybrid_report.figures.computed.copies import copies
from andon_worker.hybrid_report.figures.computed.products import made
from andon_worker.hybrid_report.figures.computed.sums import Sum, are_parts, is_part, sums
from andon_worker.hybrid_report.figures.durations import open_measured
from andon_worker.hybrid_report.figures.table import Table, clean
from andon_worker.hybrid_report.figures.times.sequences import changes_together, ordered_by_time
from andon_worker.hybrid_report.figures.times.series import rising
from andon_worker.hybrid_report.figures.values import Floats, Values, doubles, sampled, values_of
from andon_worker.hybrid_report.section import Result
from andon_worker.hybrid_report.sections.correlations.seasons import seasons_of, together_by

MOST_COLUMNS = 20
RANKED_ROWS = 20_000
_STRONGEST = 10
# Few rows go together by chance: 30 are asked for, half of a small table's, but never less than five.
_FEWEST_ROWS, _ENOUGH_ROWS = 5, 30
_DOTS = 500
_DRAWN = 0.3
_SURE = 0.01  # the p-value below which a series goes one way
SAME = 0.9999  # two columns that hold the same in other units say nothing of each other


def compute(parquet: Path, options: ReportOptions, control: Control) -> Result:
    """`{columns, columnsOmitted, copies, pearson, spearman, spearmanRows, fewest, apart, strongest: [{a, b, pearson,
    spearman, rows, changes, ways, parts}], made: [[result, part, ...]], summed: [column], scatter: {a, b, points}}`.

    Both matrices are in the order of `columns`; a pair uses the rows in which both have a value, and has nulls where
    there are less than `fewest` of them: 30, or half of the table's if it has fewer than 60. `apart` are such pairs.
    Pearson's is over all rows, Spearman's (of ranks) over a sample of about `spearmanRows` of them. `strongest` are the
    pairs of largest absolute Pearson coefficient, without `copies`, the columns that nearly repeat another; `changes`
    is that of their changes from row to row where each row is another moment, else null: whatever grows goes with
    whatever else grows, and `ways` are those of both over time, 1, -1 or 0, and `season` the correlation of their
    means by month of the year where both have a season, else null; `parts` says that both are of one total. `made`
    are as in `products.made`, `summed` the columns that add up, `lasting` the times between two dates. Of more than 20
    columns those are taken that correlate most with another in the sample. `scatter` shows rows of the sample for the
    strongest pair that isn't one column twice; or null where none correlates by 0.3.
    """
    with open_measured(parquet, options, control, by_period=True) as table:
        alike = copies(table)
        varying = choose.varying(table)
        values = values_of(table, varying)
        rows = table.rows
        control.progress(0.1, "a sample")
        sample = _sample(table, [values[name] for name in varying])
        names = _chosen(varying, sample, options, control)
        sample = sample[:, [varying.index(name) for name in names]]
        pearson, together = _pearson(table, [values[name] for name in names], control)
        computed, added = made(table), sums(table)
        time = choose.time_column(table, options)
        series = ordered_by_time(table, time, [values[name] for name in names])
        seasons = None if series is None else seasons_of(table, time, [values[name] for name in names])
    control.progress(0.7, "ranks")
    spearman = _spearman(sample, control)
    fewest = max(_FEWEST_ROWS, min(_ENOUGH_ROWS, rows // 2))
    every = list(combinations(range(len(names)), 2))
    apart = [pair for pair in every if together[pair] < fewest]
    for i, j in apart:
        for matrix in (pearson, spearman):
            matrix[i, j] = matrix[j, i] = np.nan
    single = [name not in alike or name in options.measures for name in names]

    def same(i: int, j: int) -> bool:
        return bool(abs(pearson[i, j]) >= SAME) and (alike.get(names[i]) == names[j] or alike.get(names[j]) == names[i])

    pairs = sorted(
        ((i, j) for i, j in every if np.isfinite(pearson[i, j]) and (same(i, j) or (single[i] and single[j]))),
        key=lambda pair: -abs(pearson[pair]),
    )
    units = [values[name].unit for name in names]
    return clean(
        {
            "columns": names,
            "columnsOmitted": len(varying) - len(names),
            "pearson": pearson.tolist(),
            "spearman": spearman.tolist(),
            "spearmanRows": sample.shape[0],
            "fewest": fewest,
            "copies": {name: other for name, other in alike.items() if {name, other} <= set(names)},
            "apart": [[names[i], names[j]] for i, j in apart],
            "strongest": [
                {
                    "a": names[i],
                    "b": names[j],
                    "pearson": float(pearson[i, j]),
                    "spearman": float(spearman[i, j]),
                    "rows": int(together[i, j]),
                    "changes": None if series is None else changes_together(series[:, i], series[:, j]),
                    "season": None if seasons is None else together_by(seasons, i, j),
                    "parts": are_parts(names[i], names[j], added),
                    "ways": None if series is None else [_way(series[:, place]) for place in (i, j)],
                }
                for i, j in pairs[:_STRONGEST]
            ],
            "rows": rows,
            "summed": [name for name in names if table.column(name).summed],
            "made": [list(each) for each in computed],
            "lasting": [each.name for each in table.durations],
            "scatter": _scatter(names, units, sample, _telling(names, pairs, computed), pearson),
        }
    )


def _way(values: Floats) -> int:
    """Whether a series goes up, down or neither."""
    tau, p = rising(values[np.isfinite(values)])
    return 0 if p >= _SURE else 1 if tau > 0 else -1


def _telling(names: list[str], pairs: list[tuple[int, int]], computed: list[Sum]) -> list[tuple[int, int]]:
    """The pairs without those of which one is computed from the other, unless there are no others."""
    return [(i, j) for i, j in pairs if not is_part(names[i], names[j], computed)] or pairs


def _sample(table: Table, columns: list[Values]) -> Floats:
    """A column for each, in its unit; missing values are NaN."""
    if not columns:
        return np.empty((0, 0))
    return np.column_stack([doubles(each) for each in sampled(table, [c.sql for c in columns], RANKED_ROWS)])


def _chosen(varying: list[str], sample: Floats, options: ReportOptions, control: Control) -> list[str]:
    """The columns to correlate over all rows: those asked for, then those that correlate most, in the table's order."""
    if len(varying) <= MOST_COLUMNS:
        return sorted(varying, key=lambda name: name not in options.measures)
    with np.errstate(invalid="ignore", divide="ignore"):
        centred = sample - np.nanmean(sample, axis=0)
        centred = np.nan_to_num(centred / np.nanstd(sample, axis=0))
    control.check()
    together = np.abs(centred.T @ centred) / max(1, len(sample))
    np.fill_diagonal(together, 0)
    together[together > SAME] = 0
    order = np.argsort(-together.max(axis=1), kind="stable")
    best = set([*(varying.index(n) for n in options.measures if n in varying), *order][:MOST_COLUMNS])
    return [name for place, name in enumerate(varying) if place in best]


def _pearson(table: Table, columns: list[Values], control: Control) -> tuple[Floats, NDArray[np.int64]]:
    """The coefficients, and the number of rows behind each.

    DuckDB updates means and products row by row (B. P. Welford, Technometrics 4, 1962): no sum of squares is taken
    from another. With the values in their units no product leaves the range of a double.
    """
    width = len(columns)
    pearson, together = np.eye(width), np.zeros((width, width), dtype=np.int64)
    for i, column in enumerate(columns[:-1]):
        control.progress(0.2 + 0.5 * i / width, column.name)
        pairs = [(column.sql, other.sql) for other in columns[i + 1 :]]
        wanted = ", ".join(f"corr({a}, {b}), count(CASE WHEN {a} IS NOT NULL THEN {b} END)" for a, b in pairs)
        found = table.one(f"SELECT {wanted} FROM data")
        row = [np.nan if value is None else max(-1.0, min(1.0, value)) for value in found[::2]]
        pearson[i, i + 1 :] = pearson[i + 1 :, i] = row
        together[i, i + 1 :] = together[i + 1 :, i] = found[1::2]
    return pearson, together


def _spearman(sample: Floats, control: Control) -> Floats:
    width = sample.shape[1]
    rho = np.eye(width)
    whole = np.isfinite(sample)
    ranked = [ranks(sample[:, i]) if whole[:, i].all() else None for i in range(width)]
    for i, j in combinations(range(width), 2):
        control.check()
        a, b = ranked[i], ranked[j]
        if a is None or b is None:
            both = sample[whole[:, i] & whole[:, j]]
            a, b = ranks(both[:, i]), ranks(both[:, j])
        rho[i, j] = rho[j, i] = _correlation(a, b)
    return rho


def _correlation(a: Floats, b: Floats) -> float:
    if len(a) < 3:
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread else float("nan")


def _scatter(
    names: list[str], units: list[float], sample: Floats, pairs: list[tuple[int, int]], pearson: Floats
) -> dict[str, Any] | None:
    pair = next(((i, j) for i, j in pairs if abs(pearson[i, j]) < SAME), None)
    if pair is None or abs(pearson[pair]) < _DRAWN:
        return None
    i, j = pair
    both = sample[np.isfinite(sample[:, i]) & np.isfinite(sample[:, j])]
    every = max(1, len(both) // _DOTS)
    points = [[float(a) * units[i], float(b) * units[j]] for a, b in both[::every][:_DOTS, [i, j]]]
    return {"a": names[i], "b": names[j], "rows": len(both), "points": points}
