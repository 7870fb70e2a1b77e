"""How the file was read, and what in it could not be: a wrong guess is seen before a wrong figure is believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from andon.reports import Column
from andon.reports.values import bounds, missing
from andon.reports.values.clock import ASSUMED
from andon_worker.hybrid_report.section import Grid, Sentence
from andon_worker.hybrid_report.wording import WHOLE, Wording, brief, label, listed, some

_NAMES = {
    "format": "Format",
    "encoding": "Encoding",
    "delimiter": "Separator of fields",
    "quote": "Quotation mark",
    "header": "First row holds names",
    "skippedLines": "Lines above the table",
    "title": "Title",
    "lastLine": "Last line of the table",
    "totals": "Totals, by line",
    "filledDown": "Columns filled from above",
    "headed": "Lines that name the rows below",
    "otherTables": "Tables left out",
    "shortRows": "Rows with fewer cells",
    "shortLines": "The first of them, by line",
    "comment": "Mark of comment lines",
    "decimal": "Decimal mark",
    "timeZone": "Time zone",
    "sheet": "Sheet",
}
_VALUES = {"\t": "tab", " ": "space", "True": "yes", "False": "no", "": "none"} | {
    "utf-8-mended": "utf-8, a few bytes that are none as windows-1252"
}


def provenance(reading: dict[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    """`{reading: {what: value}, columns: [{name, unit, format, missing, notes}], unread: [...]}`.

    Of the columns of which there is something to say; an unread one is `{name, type, count, cells}`.
    """
    told = [column.to_json() for column in columns]
    if reading.get("encoding") == "binary":  # a text's alone is of interest
        kind = "workbook" if "sheet" in reading else "Parquet"
        reading = {"format": kind} | {what: value for what, value in reading.items() if what != "encoding"}
    kept = ("unit", "format", "missing", "notes")
    return {
        "reading": dict(reading),
        "columns": [
            {"name": each["name"]} | {key: each[key] for key in kept if key in each}
            for each in told
            if any(key in each for key in kept)
        ],
        "unread": [{"name": each["name"]} | each["unread"] for each in told if "unread" in each],
    }


def unread_sentences(found: dict[str, Any], wording: Wording) -> list[Sentence]:
    """The columns that a few cells keep from being what they nearly are."""
    return [
        Sentence(
            f"{brief(each['name'])} holds {_type(each['type'])} but for {wording.count(each['count'], 'cell')} "
            f"({some([_cell(cell) for cell in each['cells']], 3)}).",
            effect=0.45,
        )
        for each in found["unread"][:5]
    ]


def reading_sentences(found: dict[str, Any], wording: Wording) -> list[Sentence]:
    """What in the file is no row of its table, or not a whole one."""
    told, reading = [], found["reading"]
    if others := reading.get("otherTables"):
        one = len(others) == 1
        told.append(
            Sentence(
                f"The sheet holds {wording.count(len(others) + 1, 'table')}, and this report is of the largest. Left "
                f"{'out is the one' if one else 'out are those'} in {some(others, 3)}.",
                effect=0.6,
            )
        )
    lost = {each["name"]: each["missing"] for each in found["columns"] if "missing" in each}
    counts = {
        name: sum(each["count"] for each in tokens if each["token"] == missing.UNSAVED) for name, tokens in lost.items()
    }
    if named := [f"{brief(name)} ({wording.count(many, 'cell')})" for name, many in counts.items() if many]:
        told.append(
            Sentence(
                f"Formulas without a saved result count as missing: {some(named, 5)}. A spreadsheet that opens the "
                "file and saves it adds them.",
                effect=0.7,
            )
        )
    if totals := reading.get("totals"):
        lines = f"{'line' if len(totals) == 1 else 'lines'} {some(list(map(str, totals)), 5)}"
        told.append(Sentence(f"The table's totals ({lines}) are left out of every figure."))
    if down := [brief(name) for name in reading.get("filledDown", [])]:
        cells = "an empty cell of it holds" if len(down) == 1 else "their empty cells hold"
        once = f"{some(down)} {'stands' if len(down) == 1 else 'stand'} once per block of rows"
        if reading.get("headed"):
            told.append(
                Sentence(f"Lines of one filled cell name the rows below them: they are no rows, and fill {down[0]}.")
            )
        else:
            told.append(Sentence(f"{once}: {cells} what is above."))
    if count := reading.get("shortRows"):
        first = list(map(str, reading["shortLines"]))
        lines = f"in line {first[0]}" if count == 1 else f"the first in lines {listed(first)}"
        told.append(
            Sentence(
                f"{wording.count(count, 'row')} {'has' if count == 1 else 'have'} fewer cells than the header "
                f"({lines}): what they lack at their end counts as missing.",
                effect=0.4,
            )
        )
    stand_ins: dict[tuple[str, int], list[str]] = {}
    for column in found["columns"]:
        guessed = [note for note in column.get("notes", ()) if ASSUMED in note]
        told += [Sentence(f"{brief(column['name'])} is {each[0].lower()}{each[1:]}", effect=0.4) for each in guessed]
        bounded = [note for note in column.get("notes", ()) if bounds.SAID in note]
        told += [Sentence(f"{brief(column['name'])}: {note}", effect=0.4) for note in bounded]
        odd = [each for each in column.get("missing", ()) if not missing.is_token(each["token"])]
        for each in [each for each in odd if not bounds.is_bound(each["token"])][:2]:
            stand_ins.setdefault((each["token"], each["count"]), []).append(column["name"])
    for (token, count), names in stand_ins.items():
        rows, columns = wording.count(count, "row"), some([brief(name) for name in names])
        are = "is" if len(names) == 1 else f"{'both' if len(names) == 2 else 'all'} are"
        told.append(
            Sentence(
                f"{columns} {are} “{label(token, 30)}” in {rows}: it stands for no value, and counts as missing.",
                effect=0.4,
                about=(*names, "placeholder"),
            )
        )
    return told


def _cell(cell: dict[str, Any], most: int = 30) -> str:
    return f"“{label(cell['value'], most)}” in line {cell['line']}"


def _type(type_: str) -> str:
    return {"integer": "whole numbers", "boolean": "yes and no", "timestamp": "moments"}.get(type_, f"{type_}s")


def provenance_grids(found: dict[str, Any], wording: Wording) -> list[Grid]:
    reading = [
        (_NAMES.get(what, what), _value(value))
        for what, value in found["reading"].items()
        if value is not None and (what, value) not in (("skippedLines", 0), ("encoding", "binary"))
    ]
    columns = [
        (
            label(each["name"], WHOLE),
            " ".join(filter(None, (each.get("format"), each.get("unit") if not each.get("format") else None))),
            some([f"“{m['token']}” ({wording.number(m['count'])})" for m in each["missing"]], 12)
            if each.get("missing")
            else "",
            " ".join(each.get("notes", ())),
        )
        for each in found["columns"]
    ]
    unread = [
        (
            label(each["name"], WHOLE),
            each["type"],
            some([_cell(cell, 80) for cell in each["cells"]], 3),
            wording.number(each["count"]),
        )
        for each in found["unread"]
    ]
    return [
        Grid("How the file was read", ("What", "Read as"), reading, words=2),
        _filled("How columns were read", ("Column", "Written as", "Counts as missing", "Note"), columns),
        Grid("What could not be read", ("Column", "Nearly", "Cells", "How many"), unread, words=3),
    ]


def _value(value: Any) -> str:
    return listed(list(map(str, value))) if isinstance(value, list) else _VALUES.get(str(value), str(value))


def _filled(caption: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Grid:
    """A table of words without the columns that hold nothing."""
    kept = [place for place in range(len(headers)) if any(row[place] for row in rows)]
    cut = [tuple(row[place] for place in kept) for row in rows]
    return Grid(caption, tuple(headers[place] for place in kept), cut, words=len(kept))
