"""What is different from the report's last run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from andon_worker.hybrid_report.section import Grid
from andon_worker.hybrid_report.wording import Wording, brief, label, some

_MOST_COLUMNS = 8
_MISSING = 0.05  # the change of a share of missing values that is told
_MOVED = 0.1  # the change of a mean that is told, in standard deviations before

Digest = dict[str, Any]


def digest(document: Any) -> Digest | None:
    """What the next run is compared with: small enough to be kept. None if it can't be read, as of an older form."""
    try:
        sections = document["sections"]
        spreads = {c["name"]: c for c in sections.get("distributions", {}).get("columns", [])}
        overview = sections.get("overview", {})
        return {
            "generatedAt": document["generatedAt"],
            "rows": document["dataset"].get("rows"),
            "columns": {
                c["name"]: {"type": c["type"], "role": c["role"], "missing": c["missing"] / max(1, overview["rows"])}
                | _spread(spreads.get(c["name"]))
                for c in overview.get("columns", [])
            },
            "repeatedRows": sections.get("quality", {}).get("repeatedRows"),
            "until": sections.get("trends", {}).get("to"),
            "ends": {
                f"{c['measure']} by {c['groupBy']}": [c["difference"]["highest"], c["difference"]["lowest"]]
                for c in sections.get("groups", {}).get("comparisons", [])
                if c["difference"] and (c["difference"]["low"] or 0) > 0
            },
        }
    except (AttributeError, KeyError, TypeError):
        return None


def _spread(column: dict[str, Any] | None) -> dict[str, Any]:
    if column is None or column["kind"] != "numeric":
        return {}
    return {"mean": column["mean"], "std": column["std"]}


def changes(before: Digest | None, after: Digest | None) -> dict[str, Any] | None:
    """`{since, rows, columns: {added, removed, retyped}, repeatedRows, until, missing, means, ends}`; None without a
    run before. What stayed as it was is null or empty; pairs are `[before, after]`.
    """
    if before is None or after is None:
        return None
    old, new = before["columns"], after["columns"]
    both = [name for name in new if name in old]
    moved = [
        [name, old[name]["mean"], new[name]["mean"], abs(new[name]["mean"] - old[name]["mean"]) / old[name]["std"]]
        for name in both
        if None not in (old[name].get("mean"), new[name].get("mean")) and old[name].get("std")
    ]
    gaps = [[name, old[name]["missing"], new[name]["missing"]] for name in both]
    return {
        "since": before["generatedAt"],
        "rows": _pair(before, after, "rows"),
        "columns": {
            "added": [name for name in new if name not in old],
            "removed": [name for name in old if name not in new],
            "retyped": [
                [name, old[name]["role"], new[name]["role"]] for name in both if _other_kind(old[name], new[name])
            ],
        },
        "repeatedRows": _pair(before, after, "repeatedRows"),
        "until": _pair(before, after, "until"),
        "missing": [gap for gap in gaps if abs(gap[2] - gap[1]) >= _MISSING][:_MOST_COLUMNS],
        "means": sorted((m for m in moved if m[3] >= _MOVED), key=lambda m: -m[3])[:_MOST_COLUMNS],
        "ends": [
            [name, before["ends"][name], ends]
            for name, ends in after["ends"].items()
            if before["ends"].get(name) not in (None, ends)
        ],
    }


def _other_kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return (old["type"], old["role"]) != (new["type"], new["role"])


def _pair(before: Digest, after: Digest, key: str) -> list[Any] | None:
    pair = [before[key], after[key]]
    return pair if None not in pair and pair[0] != pair[1] else None


def change_sentences(found: dict[str, Any], wording: Wording) -> list[str]:
    told = []
    if rows := found["rows"]:
        more = "more" if rows[1] > rows[0] else "fewer"
        told.append(
            f"The dataset has {wording.count(abs(rows[1] - rows[0]), 'row')} {more}: {wording.number(rows[1])} after "
            f"{wording.number(rows[0])}."
        )
    if until := found["until"]:
        told.append(f"Its times reach to {wording.moment(until[1])}; they reached to {wording.moment(until[0])}.")
    columns = found["columns"]
    for which, verb in (("added", "Added"), ("removed", "Gone")):
        if names := [brief(name) for name in columns[which]]:
            told.append(f"{verb}: {'the column' if len(names) == 1 else 'the columns'} {some(names)}.")
    told += [f"{brief(name)} was read as {old} and is read as {new}." for name, old, new in columns["retyped"][:5]]
    if repeats := found["repeatedRows"]:
        told.append(f"{wording.count(repeats[1], 'row')} repeat an earlier one, after {wording.number(repeats[0])}.")
    told += [
        f"Of {brief(name)}, {wording.percent(new, 1)} of the values are missing, after {wording.percent(old, 1)}."
        for name, old, new in found["missing"]
    ]
    for name, old, new in found["ends"][:3]:
        for place, which in enumerate(("highest", "lowest")):
            if old[place] != new[place]:
                told.append(f"The {which} mean of {brief(name)} is that of {new[place]}; it was that of {old[place]}.")
    return told or (["The means of some columns moved."] if found["means"] else ["Nothing that is compared changed."])


def change_grids(found: dict[str, Any], wording: Wording) -> list[Grid]:
    rows = [
        (
            label(name, 40),
            wording.number(old),
            wording.number(new),
            wording.change(new / old - 1) if old > 0 and new > 0 else wording.number(new - old),
        )
        for name, old, new, _ in found["means"]
    ]
    return [Grid("Means that moved most, by their spread before", ("Column", "Before", "Now", "Change"), rows)]
