"""Two groups whose difference is another in other parts of the rows, as a variant that is better on phones alone."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

from andon.reports.duck import identifier
from andon_worker.hybrid_report import evidence
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.sections.groups.loading import FEWEST_ROWS
from andon_worker.hybrid_report.wording import label

_MOST_PARTS = 8
_CHANCE = 0.001  # that differences which are one come out so uneven
_EVEN = 1 / 3  # of the largest difference, from which the least is of the same kind
_Z = NormalDist().inv_cdf(0.975)
_TELLING = 0.05  # what it is worth more than a difference of all rows

Split = dict[str, Any]


def split(table: Table, shares: dict[str, Any], others: list[str]) -> Split | None:
    """`{by, turned, evenness, effect, parts: [{value, high, low, difference, from, to}]}` of the column by whose values
    the difference between two groups is most uneven, and a third or less, or the other way round, in one of them; or
    `turned` the other way round in rows of one value, as E. H. Simpson saw (Journal of the Royal Statistical Society B
    13, 1951). `high` and `low` are `{rows, part}` of the groups that are highest and lowest in all rows, `evenness`
    the least difference as a share of the largest.

    Uneven by W. G. Cochran's Q ("The combination of estimates from different experiments", Biometrics 10, 1954), the
    most of all columns that are tried.
    """
    tried = [name for name in others if 2 <= table.seen[name].distinct <= _MOST_PARTS]
    parted = {name: parts for name in tried if len(parts := _parts(table, shares, name)) > 1}
    found = [(*_pooled(parts), name) for name, parts in parted.items()]
    if not found:
        return None
    if shares["difference"]["low"] > 0 and min(found, key=lambda each: each[1])[1] < 0:
        _, _, name = min(found, key=lambda each: each[1])
        return _told(name, parted[name], turned=True)
    uneven, _, name = max(found)
    told = _told(name, parted[name])
    sure = uneven > NormalDist().inv_cdf(1 - _CHANCE / len(tried))
    return told if sure and told["evenness"] <= _EVEN and told["effect"] > 0 else None


def is_made(found: Split) -> bool:
    """Whether all rows of a group and a part have the flag, or none of them."""
    return all(part[end]["part"] in (0, part[end]["rows"]) for part in found["parts"] for end in ("high", "low"))


def _told(by: str, parts: list[dict[str, Any]], turned: bool = False) -> Split:
    parts.sort(key=lambda part: -abs(part["difference"]))
    most, least = parts[0], min(parts, key=lambda part: part["difference"] * math.copysign(1, parts[0]["difference"]))
    ends = [most[end]["part"] / most[end]["rows"] for end in ("high", "low")]
    sure = max(most["from"], -most["to"])
    effect = evidence.lacking(abs(most["difference"]), sure, max(ends), min(ends)) if sure > 0 else 0.0
    return {
        "by": by,
        "turned": turned,
        "evenness": least["difference"] / most["difference"] if most["difference"] else 1.0,
        "effect": min(0.95, effect + _TELLING) if effect else 0.0,
        "parts": [most, *(part for part in parts if part not in (most, least)), least],
    }


def _parts(table: Table, shares: dict[str, Any], other: str) -> list[dict[str, Any]]:
    """Those with rows enough of both groups."""
    f, g, o = (f"CAST({identifier(name)} AS VARCHAR)" for name in (shares["flag"], shares["groupBy"], other))
    rows = table.connection.execute(
        f"SELECT {o}, {g}, count(*), count(*) FILTER ({f} = $1) FROM data "
        f"WHERE {o} IS NOT NULL AND {g} IS NOT NULL AND {f} IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2",
        [shares["answer"]],
    ).fetchall()
    cells = {(value, label(group)): {"rows": n, "part": part} for value, group, n, part in rows}
    ends = shares["difference"]["highest"], shares["difference"]["lowest"]
    found = []
    for value in dict.fromkeys(value for value, _ in cells):
        high, low = (cells.get((value, end), {"rows": 0, "part": 0}) for end in ends)
        if min(high["rows"], low["rows"]) >= FEWEST_ROWS:
            bounds = evidence.difference(high["part"], high["rows"], low["part"], low["rows"])
            difference = high["part"] / high["rows"] - low["part"] / low["rows"]
            found.append({"value": label(value), "high": high, "low": low, "difference": difference})
            found[-1] |= {"from": bounds[0], "to": bounds[1]}
    return found


def _pooled(parts: list[dict[str, Any]]) -> tuple[float, float]:
    """By how many standard deviations Q lies beyond what chance makes (E. B. Wilson and M. M. Hilferty, Proceedings of
    the National Academy of Sciences 17, 1931), and the upper end of the difference in rows of one value."""
    weights = [1 / sum(_variance(part[end]) for end in ("high", "low")) for part in parts]
    mean = sum(w * part["difference"] for w, part in zip(weights, parts, strict=True)) / sum(weights)
    q = sum(w * (part["difference"] - mean) ** 2 for w, part in zip(weights, parts, strict=True))
    off = 2 / (9 * (len(parts) - 1))
    return (math.cbrt(q / (len(parts) - 1)) - (1 - off)) / math.sqrt(off), mean + _Z / math.sqrt(sum(weights))


def _variance(group: dict[str, int]) -> float:
    """Of a share, which is never sure (A. Agresti and B. A. Coull, The American Statistician 52, 1998)."""
    share = (group["part"] + 1) / (group["rows"] + 2)
    return share * (1 - share) / (group["rows"] + 2)
