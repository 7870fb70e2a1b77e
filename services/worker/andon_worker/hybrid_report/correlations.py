"""Section "correlations": which numeric columns move together."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.reports import Control, ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report import choose
from andon_worker.hybrid_report.table import Table, clean, open_table

MOST_COLUMNS = 20
RANKED_ROWS = 20_000
_STRONGEST = 10


def correlations(parquet: Path, options: ReportOptions, control: Control) -> dict[str, Any]:
    """`{columns, columnsOmitted, pearson, spearman, spearmanRows, strongest: [{a, b, pearson, spearman, rows}]}`.

    Both matrices are in the order of `columns`; a pair uses the rows in which both have a value. Pearson's is over
    all rows, Spearman's (of ranks) over an evenly spread sample of `spearmanRows` of them. `strongest` are the pairs
    of largest absolute Pearson coefficient.
    """
    with open_table(parquet, options, control) as table:
        varying = choose.varying(table)
        names = sorted(varying, key=lambda name: name not in options.measures)[:MOST_COLUMNS]
        pearson, together = _pearson(table, names, control)
        control.progress(0.7, "ranks")
        sample = _sample(table, names)
    spearman = _spearman(sample, control)
    pairs = sorted(
        ((i, j) for i, j in combinations(range(len(names)), 2) if np.isfinite(pearson[i, j])),
        key=lambda pair: -abs(pearson[pair]),
    )
    return clean(
        {
            "columns": names,
            "columnsOmitted": len(varying) - len(names),
            "pearson": pearson.tolist(),
            "spearman": spearman.tolist(),
            "spearmanRows": sample.shape[0],
            "strongest": [
                {
                    "a": names[i],
                    "b": names[j],
                    "pearson": float(pearson[i, j]),
                    "spearman": float(spearman[i, j]),
                    "rows": int(together[i, j]),
                }
                for i, j in pairs[:_STRONGEST]
            ],
        }
    )


def _pearson(table: Table, names: list[str], control: Control) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The coefficients, and the number of rows behind each."""
    pearson, together = np.eye(len(names)), np.zeros((len(names), len(names)), dtype=np.int64)
    for i, name in enumerate(names[:-1]):
        control.progress(0.7 * i / len(names), name)
        pairs = [(identifier(name), identifier(other)) for other in names[i + 1 :]]
        wanted = ", ".join(f"corr({a}, {b}), count(CASE WHEN {a} IS NOT NULL THEN {b} END)" for a, b in pairs)
        found = table.one(f"SELECT {wanted} FROM data")
        row = [np.nan if value is None else value for value in found[::2]]
        pearson[i, i + 1 :] = pearson[i + 1 :, i] = row
        together[i, i + 1 :] = together[i + 1 :, i] = found[1::2]
    return pearson, together


def _sample(table: Table, names: list[str]) -> NDArray[np.float64]:
    """Every nth row, so that a rerun sees the same; missing values are NaN."""
    if not names:
        return np.empty((0, 0))
    step = -(-table.rows // RANKED_ROWS)
    wanted = "".join(f"CAST({identifier(name)} AS DOUBLE) AS c{place}, " for place, name in enumerate(names))
    numbered = f"SELECT {wanted} row_number() OVER () - 1 AS row FROM data"  # in the order of the file
    found = table.connection.execute(f"SELECT * FROM ({numbered}) WHERE row % {step} = 0").fetchnumpy()
    return np.column_stack([np.ma.filled(found[f"c{place}"], np.nan) for place in range(len(names))])


def _spearman(sample: NDArray[np.float64], control: Control) -> NDArray[np.float64]:
    width = sample.shape[1]
    rho = np.eye(width)
    for i, j in combinations(range(width), 2):
        control.check()
        both = sample[np.isfinite(sample[:, i]) & np.isfinite(sample[:, j])]
        rho[i, j] = rho[j, i] = _correlation(_ranks(both[:, i]), _ranks(both[:, j]))
    return rho


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[inverse]
    return ranks


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if len(a) < 3:
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread else float("nan")
