# ruff: noqa: E501 - a file and what it holds stand on one line each
"""Of each kind of file that was once misread, several more: other places, other programs, other words for the same."""

from __future__ import annotations

import datetime as dt
import importlib
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from andon.reports import UnreadableDataset
from andon.reports.columns import Column
from andon.reports.datasets import ensure_parquet, inspect_dataset
from andon.reports.meaning.described import description
from andon.reports.options import ColumnChoice

Content = str | bytes
Row = Callable[[int], str]
File = tuple[str, Content, list[str], tuple[Any, ...]]
W, N, T, D, M, B = "integer", "number", "text", "date", "timestamp", "boolean"


def day(place: int) -> dt.date:
    return dt.date(2021, 1, 1) + dt.timedelta(place)


def at(place: int, hour: int = 10, minute: int = 0, second: int = 0) -> dt.datetime:
    return dt.datetime.combine(day(place), dt.time(hour, minute, second))


def table(header: str, row: Row, rows: int = 40) -> str:
    return header + "\n" + "".join(row(place) + "\n" for place in range(rows))


def csv(
    header: str,
    row: Row,
    types: list[str],
    second: tuple[Any, ...],
    *,
    encoding: str = "utf-8",
    before: str = "",
    after: str = "",
) -> File:
    return "t.csv", (before + table(header, row) + after).encode(encoding), types, second


def column(name: str, value: Row, type_: str, second: Any) -> File:
    """A file of one telling column beside one of whole numbers."""
    return csv(f"{name};n", lambda i: f"{value(i)};{i}", [type_, W], (second, 1))


def jsonl(row: Callable[[int], str], types: list[str], second: tuple[Any, ...]) -> File:
    return "t.jsonl", table("", row).lstrip(), types, second


def document(value: Any, types: list[str], second: tuple[Any, ...]) -> File:
    return "t.json", json.dumps(value, ensure_ascii=False), types, second


def parquet(select: str, types: list[str], second: tuple[Any, ...]) -> File:
    return "t.parquet", select, types, second


def excel(fill: Callable[[Any], None], types: list[str], second: tuple[Any, ...]) -> File:
    openpyxl = importlib.import_module("openpyxl")
    book, made = openpyxl.Workbook(), io.BytesIO()
    fill(book)
    book.save(made)
    return "t.xlsx", made.getvalue(), types, second


ROWS = [{"a": i, "b": i + 0.5, "d": f"{day(i)}"} for i in range(40)]
READ_AS = ([W, N, D], (1, 1.5, day(1)))


def sheet(book: Any, top: int = 1, left: int = 1) -> None:
    """A table on the workbook's last sheet."""
    page = book.worksheets[-1]
    for row in range(41):
        shown = (
            ("region", "day", "share")
            if not row
            else ("NS"[row % 2], dt.datetime(2021, 1, 1) + dt.timedelta(row - 1), row / 200)
        )
        for place, value in enumerate(shown):
            page.cell(top + row, left + place, value).number_format = ("General", "dd.mm.yyyy", "0.0%")[place]


SHEET = ([T, D, N], ("N", day(1), 0.01))


def titled(book: Any) -> None:
    book.active["A1"] = "Sales 2021"
    book.active.merge_cells("A1:C1")
    book.active["A2"] = "in thousands"
    sheet(book, 4)


def aside(book: Any) -> None:
    sheet(book, 5, 3)
    book.active.cell(300, 9, " ")
    book.active.cell(47, 3, "Source: our own count")


def behind(book: Any) -> None:
    book.active.append(["Monthly report"])
    book.active.append(["for the board"])
    book.create_sheet("Kept").sheet_state = "hidden"
    for _ in range(5):
        book.worksheets[-1].append(["x", 1])
    book.create_sheet("Data")
    sheet(book)


def merged(book: Any) -> None:
    book.active.append(["region", "amount"])
    for place in range(40):
        book.active.append(["NESW"[place // 10] if place % 10 == 0 else None, place])
    for place in range(4):
        book.active.merge_cells(start_row=2 + 10 * place, end_row=11 + 10 * place, start_column=1, end_column=1)


def gapped(book: Any) -> None:
    book.active.append(["a", "b"])
    for place in range(40):
        book.active.append([place, place * 2])
        if place % 7 == 0:
            book.active.append([None, None])


def cornered(book: Any) -> None:
    for row in (["Profit and loss"], [], [None, "2023", None, "2024", None], [None, "Q1", "Q2", "Q1", "Q2"]):
        book.active.append(row)
    for merged_cells in ("B3:C3", "D3:E3"):
        book.active.merge_cells(merged_cells)
    for place in range(40):
        book.active.append([f"line {place}", *(place * factor for factor in (1, -2, 3, 4))])


def stacked(book: Any) -> None:
    for row in (["Sales by quarter"], [], ["shop", "2022", None, "2023", None], [None, "Q1", "Q2", "Q1", "Q2"]):
        book.active.append(row)
    for merged_cells in ("A1:E1", "B3:C3", "D3:E3"):
        book.active.merge_cells(merged_cells)
    for place in range(40):
        book.active.append([f"s{place}", *(place * factor for factor in (1, 2, 3, 4))])


SURVEY = (
    'StartDate,Q1,Q2\nStart Date,How many?,"Why, then?\n(Please explain)"\n'
    '"{""ImportId"":""startDate""}","{""ImportId"":""QID1""}","{""ImportId"":""QID2""}"'
)

KINDS: dict[str, list[File]] = {
    "whole numbers beyond 64 bits": [
        column("id", lambda i: f"{10**30 + i}", W, Decimal(10**30 + 1)),
        column("id", lambda i: f"{10**39 + i}", T, str(10**39 + 1)),
        column("x", lambda i: f"{9223372036854775800 + i}", W, Decimal(9223372036854775801)),
        column("x", lambda i: f"-{10**24 + i}", W, Decimal(-(10**24) - 1)),
        document([{"id": 2**70 + i} for i in range(40)], [W], (Decimal(2**70 + 1),)),
    ],
    "blank lines first": [
        csv("a,b", lambda i: f"{i},{i}.5", [W, N], (1, 1.5), before="  \n \n\n"),
        csv("a,b", lambda i: f"{i},{i}.5\r", [W, N], (1, 1.5), before="\r\n\r\n"),
        csv("a,b,c", lambda i: f"{i},{i}.5,x", [W, N, T], (1, 1.5, "x"), before=",,\n"),
    ],
    "sep= lines": [
        csv("a|b", lambda i: f"{i}|{i}.5", [W, N], (1, 1.5), before="SEP=|\n"),
        csv("a;b", lambda i: f"{i};{i},5", [W, N], (1, 1.5), before="\ufeffsep=;\r\n"),
        csv("a;b", lambda i: f"{i};{i},5", [W, N], (1, 1.5), before="sep=;\n\n"),
    ],
    "delimiters that compete": [
        csv("k;value", lambda i: f'k{i};"₹{i + 10},10,100.00"', [T, N], ("k1", 1110100.0)),
        csv("a\tb\tc", lambda i: f"{i}\tx,y\t{i}.5", [W, T, N], (1, "x,y", 1.5)),
        csv("Kunde;Ort", lambda i: f"Meier, {i};Bonn, Rhein", [T, T], ("Meier, 1", "Bonn, Rhein")),
        csv("a^b^c", lambda i: f"{i}^x^{i}.5", [W, T, N], (1, "x", 1.5)),
        csv("name  value  z", lambda i: f"n{i}   {i}.5   3", [T, N, W], ("n1", 1.5, 3)),
        csv("a\x1fb", lambda i: f"{i}\x1f{i}.5", [W, N], (1, 1.5)),
        ("t.tsv", table("a;b", lambda i: f"{i};{i},5"), [W, N], (1, 1.5)),
    ],
    "numbers for names, as pandas writes them": [
        csv(",0", lambda i: f"{i},{i}.5", [W, N], (1, 1.5)),
        csv("0,1,2", lambda i: f"x,{i}.5,y", [T, N, T], ("x", 1.5, "y")),
        csv(",0,1,2,3", lambda i: f"{i},{i}.5,w,1,2", [W, N, T, W, W], (1, 1.5, "w", 1, 2)),
    ],
    "odd characters and second lines in the header": [
        csv('"a\tb",c', lambda i: f"{i},x", [W, T], (1, "x")),
        csv("#,name", lambda i: f"{i},x{i}", [W, T], (1, "x1")),
        csv('"größe\x0b[m]",b', lambda i: f"{i}.5,x", [N, T], (1.5, "x")),
        csv("a,b,c", lambda i: f"{i},{i}.5,x", [W, N, T], (1, 1.5, "x"), before=""),
        csv("time,temp,name\ns,°C,", lambda i: f"{i},{i}.5,x", [W, N, T], (1, 1.5, "x")),
    ],
    "blanks behind the separator": [
        csv('a; "b, c"; d', lambda i: f'{i}; "x; y"; {i}.5', [W, T, N], (1, "x; y", 1.5)),
        csv("a,\tb", lambda i: f"{i},\t{i}.5", [W, N], (1, 1.5)),
        csv('a| "b"', lambda i: f'{i}| "x | y"', [W, T], (1, "x | y")),
    ],
    "what is no date": [
        column("version", lambda i: f"{i % 3}.{i % 12}", T, "1.1"),
        column("appVersion", lambda i: f"{i % 3 + 1}.1{i % 2}", T, "2.11"),
        column("part", lambda i: f"{i % 28 + 1:02}-{i % 12 + 1:02}-{i % 60 + 10}", T, "02-02-11"),
        column("order_no", lambda i: f"{20210101 + i % 28}", W, 20210102),
        column("ean", lambda i: f"{1006381333900 + i}", W, 1006381333901),
        column("article", lambda i: f"{1612345678900 + i}", W, 1612345678901),
        column("ssn", lambda i: f"{100 + i}-{i + 10}-{1000 + i}", T, "101-11-1001"),
        column("score", lambda i: f"{i % 5}-{i % 3}", T, "1-1"),
    ],
    "years of two digits": [
        column("Tag", lambda i: f"{day(i):%d.%m.%y}", D, day(1)),
        column("when", lambda i: f"{day(i).day}/{day(i).month}/{day(i):%y}", D, day(1)),
        column("month", lambda i: f"{('Jan', 'Feb', 'Mar')[i % 3]}-{i // 3 + 10}", D, dt.date(2010, 2, 1)),
    ],
    "years that nobody means": [
        column("until", lambda i: f"{day(i):%d.%m.%Y}" if i % 5 else "31.12.9999", D, day(1)),
        column("until", lambda i: f"{day(i)}" if i % 5 else "10000-01-01", D, day(1)),
        column("born", lambda i: f"{day(i):%m/%d/%Y} 10:00:00 AM" if i % 5 else "1/1/0001 12:00:00 AM", M, at(1)),
        column("date", lambda i: f"{day(i):%Y%m%d}" if i % 5 else "0", D, day(1)),
        column("date", lambda i: f"{day(i):%Y%m%d}" if i % 5 else "00000000", D, day(1)),
        column("since", lambda i: f"{day(i)}" if i % 5 else "-4712-01-01", D, day(1)),
    ],
    "any finite number": [
        column("x", lambda i: f"{i}.5" if i % 9 else "1.7976931348623157e+308", N, 1.5),
        column("x", lambda i: f"{i}.5e-300", N, 1.5e-300),
        column("x", lambda i: f"{i}.5" if i % 9 else "-3.4028235e+38", N, 1.5),
        column("x", lambda i: "-0" if i % 2 else "0", N, -0.0),
        jsonl(lambda i: f'{{"x": {i}e300}}', [N], (1e300,)),
    ],
    "words for no value": [
        column("x", lambda i: f"{i}.5" if i % 6 else "keine Angabe", N, 1.5),
        column("x", lambda i: f"{i}.5" if i % 6 else "#N/A N/A", N, 1.5),
        column("x", lambda i: f"{i}" if i % 6 else "not applicable", W, 1),
        column("x", lambda i: f"{i},5" if i % 6 else "н/д", N, 1.5),
        column("x", lambda i: f"{i}.5" if i % 6 else "不明", N, 1.5),
        column("when", lambda i: f"{day(i)}" if i % 6 else "offen", D, day(1)),
        column("x", lambda i: f"{i}.5" if i % 6 else "1.#IND", N, 1.5),
        column("x", lambda i: f"{i}.5" if i % 6 else "x", N, 1.5),
    ],
    "numbers for no value": [
        column("x", lambda i: f"{i}.5" if i % 9 else "-999", N, 1.5),
        column("x", lambda i: f"{i}" if i % 9 else "-9999", W, 1),
        column("t", lambda i: f"{i}.5" if i % 9 else "9999.9", N, 1.5),
        column("x", lambda i: f"{i},5" if i % 9 else "-99999,0", N, 1.5),
    ],
    "Parquet's own types": [
        parquet("[i, i + 1] AS x, i::DECIMAL(18, 4) AS y", [T, N], ("[1, 2]", 1.0)),
        parquet("{'a': i, 'b': {'c': i || '.5'}} AS x", [W, N], (1, 1.5)),
        parquet("(TIMESTAMP '2021-01-01' + to_days(i::INT))::TIMESTAMPTZ AS x, (i % 9)::UTINYINT AS y", [M, W], (at(1, 0), 1)),
        parquet("map(['k'], [i]) AS x, (i + 10::HUGEINT)::DECIMAL(38, 0) AS y", [T, W], ("{k=1}", 11)),
        parquet("1609459200000 + i * 86400000 AS ts, 20210101 + i AS d", [M, W], (at(1, 0), 20210102)),
        parquet("TIME '08:00:00' + to_minutes(30 * i) AS at, to_seconds(90 * i) AS took", [N, N], (8.5, 90.0)),
        parquet("i::FLOAT / 2 AS x, (i % 2 = 0) AS y, DATE '2021-01-01' + i::INT AS z", [N, B, D], (0.5, False, day(1))),
    ],
    "JSON without names, and in objects": [
        jsonl(lambda i: f'{{"": {i}, "column1": {i + 1}}}', [W, W], (1, 2)),
        jsonl(lambda i: f'{{"a": {{"x": {i}, "y": {{"z": "{day(i)}"}}}}, "b": [{i}]}}', [W, D, T], (1, day(1), "[1]")),
        jsonl(lambda i: f'{{"a": {i if i % 2 else "null"}}}', [W], (1,)),
        document({"type": "FeatureCollection", "features": [{"properties": {"pop": i, "name": f"n{i}"}} for i in range(40)]}, [W, T], (1, "n1")),
    ],
    "JSON's shapes of a table": [
        document({"response": {"results": ROWS, "tags": [{"k": 1}]}}, *READ_AS),
        document({"columns": ["a", "b", "d"], "index": list(range(40)), "data": [list(each.values()) for each in ROWS]}, *READ_AS),
        document({name: [each[name] for each in ROWS] for name in "abd"}, *READ_AS),
        document({name: {str(place): each[name] for place, each in enumerate(ROWS)} for name in "abd"}, *READ_AS),
        document([["a", "b", "d"], *[list(each.values()) for each in ROWS]], *READ_AS),
        document({f"k{place}": each for place, each in enumerate(ROWS)}, [T, *READ_AS[0]], ("k1", *READ_AS[1])),
        ("t.jsonl", "\n".join(json.dumps(each, indent=1) for each in ROWS), *READ_AS),
        ("t.json", "\ufeff" + json.dumps(ROWS), *READ_AS),
    ],
    "decimal commas": [
        column("t", lambda i: f"-{i},5", N, -1.5),
        column("t", lambda i: f"{i},5E+03", N, 1500.0),
        ("t.tsv", table("t\tn", lambda i: f"{i},25\t{i}"), [N, W], (1.25, 1)),
    ],
    "thousands": [
        column("pop", lambda i: f"{i * 1234 + 1:,}".replace(",", "."), W, 1235),
        column("x", lambda i: f"¥{i * 1234:,}", W, 1234),
        column("x", lambda i: f"{i * 1000:,}원", W, 1000),
        column("x", lambda i: f"{i * 12345.5:,.2f}".translate({44: 0xA0, 46: 44}), N, 12345.5),
        column("x", lambda i: f"{i * 12345.5:,.2f}".replace(",", "’"), N, 12345.5),
    ],
    "currencies, shares, losses": [
        column("p", lambda i: f"{i},-", N, 1.0),
        column("p", lambda i: f"Fr. {i}.–", N, 1.0),
        column("p", lambda i: f" $ ({i + 1000:,}.00) " if i % 2 else f" $ {i}.20 ", N, -1001.0),
        column("p", lambda i: f"R$ {i * 1234:,}".replace(",", ".") + ",50", N, 1234.5),
        column("p", lambda i: f"￥{i * 1000:,}", W, 1000),
        column("p", lambda i: f"–{i}.5", N, -1.5),
        column("p", lambda i: f"({i},5 %)", N, -1.5),
        column("p", lambda i: f"{i}％", W, 1),
    ],
    "months by name": [
        column("d", lambda i: f"{i % 28 + 1} {('января', 'мая', 'декабря')[i % 3]} 2021 г.", D, dt.date(2021, 5, 2)),
        column("d", lambda i: f"{i % 28 + 1} {('Ιανουαρίου', 'Μαΐου', 'Σεπτεμβρίου')[i % 3]} 2021", D, dt.date(2021, 5, 2)),
        column("d", lambda i: f"{i % 28 + 1} {('Ocak', 'Şubat', 'Aralık')[i % 3]} 2021", D, dt.date(2021, 2, 2)),
        column("d", lambda i: f"{i % 28 + 1} {('stycznia', 'lutego', 'maja')[i % 3]} 2021", D, dt.date(2021, 2, 2)),
        column("d", lambda i: f"{i % 28 + 1} de {('enero', 'mayo', 'abril')[i % 3]} de 2021", D, dt.date(2021, 5, 2)),
        column("d", lambda i: f"{day(i):%d%b%Y}".upper(), D, day(1)),
        column("d", lambda i: f"{day(i):%A, %d %B %Y}", D, day(1)),
        column("at", lambda i: f"[{day(i):%d/%b/%Y}:10:00:00 +0200]", M, at(1, 8)),
    ],
    "days and months without separators": [
        column("at", lambda i: f"{day(i):%Y%m%d}103000", M, at(1, 10, 30)),
        column("at", lambda i: f"{day(i):%Y%m%d}T103000Z", M, at(1, 10, 30)),
        column("month", lambda i: f"{2015 + i // 12}{i % 12 + 1:02}", D, dt.date(2015, 2, 1)),
        column("month", lambda i: f"{i % 12 + 1:02}/{2015 + i // 12}", D, dt.date(2015, 2, 1)),
        column("period", lambda i: f"{2015 + i // 12}M{i % 12 + 1:02}", D, dt.date(2015, 2, 1)),
        column("week", lambda i: f"2021-W{i + 1:02}", D, dt.date(2021, 1, 11)),
    ],
    "times since 1970": [
        column("created", lambda i: f"{(1609459200 + i * 86400) * 1000000}", M, at(1, 0)),
        column("ts", lambda i: f"{(1609459200 + i * 86400) * 10**9}", M, at(1, 0)),
        jsonl(lambda i: f'{{"timestamp": {1609459200 + i * 86400}}}', [M], (at(1, 0),)),
    ],
    "years as whole numbers": [
        column("Jahr", lambda i: f"{1980 + i}", W, 1981),
        column("fy", lambda i: f"{1990 + i % 9}", W, 1991),
        column("x", lambda i: f"{1980 + i}", W, 1981),
    ],
    "day and month": [
        column("d", lambda i: f"{day(i):%d-%m-%Y}", D, day(1)),
        column("d", lambda i: f"{day(i):%m.%d.%Y}", D, day(1)),
        column("d", lambda i: f"{['Mo', 'Di', 'Mi', 'Do', 'Fr', 'Sa', 'So'][i % 7]}, {day(i):%d.%m.%Y}", D, day(1)),
        column("d", lambda i: f"No {day(i):%d-%m-%y}", T, "No 02-01-21"),
        column("d", lambda i: f"{day(i).year}年{day(i).month}月{day(i).day}日", D, day(1)),
        column("d", lambda i: f"{day(i).year}. {day(i).month}. {day(i).day}.", D, day(1)),
        column("d", lambda i: f"{i % 9 + 1}-{i % 9 + 1}-{2000 + i % 20}", D, dt.date(2001, 2, 2)),
    ],
    "names made of digits": [
        column("plz", lambda i: f"{i * 997:05}", T, "00997"),
        column("zip", lambda i: f"{10000 + i}-{1000 + i}", T, "10001-1001"),
        column("telefon", lambda i: f"{491700000000 + i}", T, "491700000001"),
        column("sku", lambda i: f"{i}E{i % 9}", T, "1E1"),
        column("iban", lambda i: f"DE89 3704 0044 0532 {1000 + i}", T, "DE89 3704 0044 0532 1001"),
    ],
    "times with zones": [
        column("at", lambda i: f"{day(i)} 10:00:00 EST", M, at(1, 15)),
        column("at", lambda i: f"{day(i)} 10:00:00 UTC+01:00", M, at(1, 9)),
        column("at", lambda i: f"{day(i)}T10:00:00+01:00[Europe/Berlin]", M, at(1, 9)),
        column("at", lambda i: f"{day(i):%a, %d %b %Y} 10:00:00 +0200", M, at(1, 8)),
        column("at", lambda i: f"{day(i):%d.%m.%Y} 10:30 Uhr", M, at(1, 10, 30)),
    ],
    "times with the names of zones": [
        column("at", lambda i: f"{day(i)} 10:00:00 Europe/Berlin", M, at(1, 9)),
        column("at", lambda i: f"{day(i)} 10:00 ({('America/New_York', 'Asia/Tokyo')[i % 2]})", M, at(1, 1)),
        column("at", lambda i: f"{day(i):%d.%m.%Y} 10:00:00 Australia/Sydney", M, at(0, 23)),
        column("at", lambda i: f"{day(i):%m/%d/%Y} 10:00 AM {('AEST', 'HKT')[i % 2]}", M, at(1, 2)),
        column("Timestamp", lambda i: f"{day(i):%Y/%m/%d} 10:00:00 AM GMT+{i % 2 + 1}", M, at(1, 8)),
        column("at", lambda i: f"{day(i)} 10:00:00 Europe/Nowhere", T, f"{day(1)} 10:00:00 Europe/Nowhere"),
    ],
    "days as spreadsheets count them": [
        column("Date", lambda i: f"{44197 + i}", D, day(1)),
        column("Datum", lambda i: f"{44197 + i}.5", M, at(1, 12)),
        column("order_date", lambda i: f"{44197 + i // 2}" + (".25" if i % 2 else ""), M, at(0, 6)),
        column("weight", lambda i: f"{44197 + i}", W, 44198),
    ],
    "times of a day": [
        column("start", lambda i: f"{i % 24:02}:30", N, 1.5),
        column("Uhrzeit", lambda i: f"{i % 24}:15 Uhr", N, 1.25),
        column("x", lambda i: f"{i % 12 + 1}:30 {'ap'[i % 2]}m".upper(), N, 14.5),
        column("x", lambda i: f"{i % 24:02}:00:36", N, 1.01),
        column("heure", lambda i: f"{i % 24}h15", N, 1.25),
        column("x", lambda i: f"{i % 9}:{i:02}", T, "1:01"),
    ],
    "spans of time": [
        column("duration", lambda i: f"{i}:30", N, 1.5),
        column("duration", lambda i: f"{i}h30", N, 1.5),
        column("song length", lambda i: f"{i % 9}:30", N, 90.0),
        column("duration", lambda i: f"{i}:30" if i % 2 else f"1:{i:02}:30", N, 90.0),
        column("lap", lambda i: f"0:{i:02}:01.5", N, 61.5),
        column("x", lambda i: f"{i % 3}:{i + 10}.5", N, 71.5),
        column("result", lambda i: f"1:{i + 10},25", N, 71.25),
        column("runtime (min)", lambda i: f"{i % 20}:{i + 11}", N, 72.0),
        column("Elapsed Time", lambda i: f"{i + 24}:{i + 11}", N, 1512.0),
        column("hours worked", lambda i: f"{i + 24}:{i + 11}", N, 25.2),
        column("duration", lambda i: f"{i % 9}:{i + 11}", N, 1.2),
        column("x", lambda i: f"2:{i + 11}:{i + 12}", N, 7933 / 3600),
        column("Avg. Time on Page", lambda i: f"00:0{9 - i % 9}:{i + 11}", N, 492.0),
        column("Überstunden", lambda i: f"-{i}:{i + 11}", N, -1.2),
    ],
    "credits and debits": [
        column("amount", lambda i: f"{i + 1},10,000.50 {('Dr', 'Cr')[i % 2]}", N, 210000.5),
        column("amount", lambda i: f"{i}.25{('CR', 'DR')[i % 2]}", N, -1.25),
        column("amount", lambda i: f"{i},25 cr.", N, 1.25),
        column("balance", lambda i: f"-{i}.25 Dr", N, 1.25),
    ],
    "spans of time in words": [
        column("x", lambda i: f"{i}h {i}m", N, 3660.0),
        column("x", lambda i: f"{i} min" if i % 2 else f"1 h {i} min", N, 60.0),
        column("x", lambda i: f"PT{i}H30M", N, 5400.0),
        column("x", lambda i: f"{i}m", W, 1),
    ],
    "quarters before their year": [
        column("quarter", lambda i: f"{i % 4 + 1}Q{20 + i // 4}", D, dt.date(2020, 4, 1)),
        column("x", lambda i: f"{i % 4 + 1}q{2020 + i // 4}", D, dt.date(2020, 4, 1)),
        column("period", lambda i: f"{i % 4 + 1}Q-{85 + i // 4}", D, dt.date(1985, 4, 1)),
    ],
    "digits of other scripts": [
        column("x", lambda i: f"{i + 20}".translate(dict(zip(range(48, 58), "０１２３４５６７８９", strict=True))), W, 21),
        column("x", lambda i: f"{i + 20}٫5".translate(dict(zip(range(48, 58), "٠١٢٣٤٥٦٧٨٩", strict=True))), N, 21.5),
        column("x", lambda i: f"{i + 20}.25".translate(dict(zip(range(48, 58), "०१२३४५६७८९", strict=True))), N, 21.25),
        column("x", lambda i: f"−{i + 1}٬500".translate(dict(zip(range(48, 58), "۰۱۲۳۴۵۶۷۸۹", strict=True))), N, -2500.0),
        column("x", lambda i: f"№{i}" if i else "０", T, "№1"),
    ],
    "blanks around whole numbers": [
        csv("id | n", lambda i: f" {i} | {i:3} ", [W, W], (1, 1)),
        csv("k;x", lambda i: f"k;{i:4}", [T, W], ("k", 1)),
        csv("k;x", lambda i: f"k;{i:4}" if i else "k;0.5", [T, N], ("k", 1.0)),
    ],
    "a line below the header": [
        csv("id,name\n--,----", lambda i: f"{i},n{i}", [W, T], (1, "n1"), after="\n(40 rows affected)\n"),
        csv("| id | x |\n|----|:--:|", lambda i: f"| {i} | {i}.5 |", [W, N], (1, 1.5)),
        csv("id\tx\n==\t==", lambda i: f"{i}\t{i}.5", [W, N], (1, 1.5)),
    ],
    "quotes that are none": [
        csv("code,k", lambda i: f"'4-{i},p", [T, T], ("'4-1", "p")),
        csv("k;code", lambda i: f"p;'{i:05}", [T, T], ("p", "'00001")),
        csv("name,n", lambda i: f"{'Bo' if i % 9 else chr(39) + 't Hooft'},{i}", [T, W], ("Bo", 1)),
    ],
    "a first line that names no column": [
        ("t.csv", "40,3,red,green\n" + table("1,2,3,4", lambda i: f"{i},{i}.5,2,3").partition("\n")[2], [W, N, W, W], (1, 1.5, 2, 3)),
        ("t.csv", "sensor a,sensor b,7,9\n" + table("", lambda i: f"{i};{i};2;3").partition("\n")[2].replace(";", ","), [W, W, W, W], (1, 1, 2, 3)),
        ("t.csv", "40,2,red,green,blue\n" + table("", lambda i: f"{i},{i}.5,2,3,{i}").partition("\n")[2], [W, N, W, W, W], (1, 1.5, 2, 3, 1)),
    ],
    "headers of two rows": [
        csv("shop,2022,,2023,\n,Q1,Q2,Q1,Q2", lambda i: f"s{i},{i},2,3,4", [T, W, W, W, W], ("s1", 1, 2, 3, 4)),
        csv(",north,,south,\nday,a,b,a,b", lambda i: f"{day(i)},{i},2,3,4", [D, W, W, W, W], (day(1), 1, 2, 3, 4)),
        csv(",2023,,2024,\n,H1,H2,H1,H2", lambda i: f"s{i},{i},2,3,4", [T, W, W, W, W], ("s1", 1, 2, 3, 4)),
        csv(";;A;;B;\n;;x;y;x;y", lambda i: f"p{i};q{i};{i},5;2;3;4", [T, T, N, W, W, W], ("p1", "q1", 1.5, 2, 3, 4)),
        csv("Land;Umsatz;;Gewinn;\n;2021;2022;2021;2022", lambda i: f"L{i};{i},5;2;3;4", [T, N, W, W, W], ("L1", 1.5, 2, 3, 4)),
    ],
    "headers with a description for machines": [
        csv(SURVEY, lambda i: f"{day(i)},{i},x", [D, W, T], (day(1), 1, "x")),
        csv(SURVEY.replace(", ", " ").replace(",", "\t"), lambda i: f"{day(i)}\t{i}.5\tx", [D, N, T], (day(1), 1.5, "x")),
        csv("a,b\n" + SURVEY.splitlines()[3].rpartition(",")[0], lambda i: f"{day(i)},{i}", [D, W], (day(1), 1)),
    ],
    "numbers with magnitudes": [
        column("views", lambda i: f"{i}.5K" if i % 2 else f"{i}M", N, 1500.0),
        column("price", lambda i: f"${i}.25M", N, 1250000.0),
        column("price", lambda i: f"US$ {i}.5m", N, 1500000.0),
        column("followers", lambda i: f"{i}.1k" if i % 2 else f"{i + 100}", N, 1100.0),
        column("Umsatz", lambda i: f"{i},5 Mio. €" if i % 2 else f"{i} Mrd. €", N, 1500000.0),
        column("size", lambda i: f"{i}.5 {('KB', 'MB', 'KiB')[i % 3]}", N, 1500000.0),
        column("bound", lambda i: f"{i}.5 K", N, 1.5),
        column("length", lambda i: f"{i} m" if i % 2 else f"{i} km", T, "1 m"),
    ],
    "rows with fewer cells than the header": [
        csv("a,b,c", lambda i: f"{i},{i}.5" if i % 3 == 0 else f"{i},{i}.5,x", [W, N, T], (1, 1.5, "x")),
        csv("when;temp;note", lambda i: f"{day(i)};{i},5" + (";ok" if i % 4 else ""), [D, N, T], (day(1), 1.5, "ok")),
        csv("n,a,b,c,d", lambda i: f"n{i}" + ",1" * (2 + 2 * (i % 3 > 0)), [T, W, W, W, W], ("n1", 1, 1, 1, 1)),
        csv("a,b", lambda i: f"{i},{i}.5" + (",," if i % 5 == 4 else ""), [W, N], (1, 1.5)),
        csv("a,b,", lambda i: f"{i},{i}.5", [W, N], (1, 1.5)),
        csv("a;b", lambda i: f"{i};{i},5;", [W, N], (1, 1.5)),
    ],
    "totals below the rows": [
        csv("shop;sales", lambda i: f"s{i};{i},50", [T, N], ("s1", 1.5), after="Total;800,00\n"),
        csv("day,shop,sales", lambda i: f"{day(i)},x,{i}", [D, T, W], (day(1), "x", 1), after="Grand total,,780\n"),
        csv("shop,a,b", lambda i: f"s{i},{i},{i}.5", [T, W, N], ("s1", 1, 1.5), after="\nTotal,780,800\nAverage,19.5,20\n\nSource: till\n"),
        csv("Ort;Menge;Preis", lambda i: f"o{i};{i};2,5", [T, W, N], ("o1", 1, 2.5), after="Summe:;780;\n"),
        csv("城市,销售", lambda i: f"c{i},{i}", [T, W], ("c1", 1), after="合计,780\n"),
    ],
    "totals of groups among the rows": [
        csv("shop,day,sales", lambda i: f"s{i // 10},{day(i)},{i}" + (f"\ns{i // 10} Total,,{sum(range(i - 9, i + 1))}" if i % 10 == 9 else ""), [T, D, W], ("s0", day(1), 1)),
        csv("Ort;Menge;Preis", lambda i: f"o{i % 10};{i};2,5" + (f"\nZwischensumme Nord;{sum(range(i - 9, i + 1))};" if i % 10 == 9 else ""), [T, W, N], ("o1", 1, 2.5), after="Gesamtsumme;780;\n"),
        csv(",day,amount", lambda i: ("" if i else "Konto 0,,\n") + f",{day(i)},-{i}.50" + (f"\nTotal for Konto,,-${sum(range(i - 19, i + 1)) + 10:,}.00" if i % 20 == 19 else ""), [T, D, N], (None, day(0), -0.5)),
        csv("sex,land,people", lambda i: f"{('men', 'women')[i % 2]},L{i // 2},{i}" + (f"\nTotal,L{i // 2},{2 * i - 1}" if i % 2 else ""), [T, T, W], ("women", "L0", 1)),
    ],
    "rows that are called a total, and are none": [
        csv("sex,land,people", lambda i: f"{('men', 'women', 'Total', 'all')[i % 4]},L{i // 4},{(1, 2, 4, 5)[i % 4]}", [T, T, W], ("women", "L0", 2)),
        csv("what,people", lambda i: f"Fuel total {i},{i}", [T, W], ("Fuel total 1", 1)),
        csv("firm,people", lambda i: f"f{i},{i}", [T, W], ("f1", 1), after="Total,97\n"),
        csv("firm,town,people", lambda i: f"f{i},x,{i}", [T, T, W], ("f1", "x", 1), after="Total,Paris,780\n"),
        csv("word,people", lambda i: f"f{i},{i}", [T, W], ("f1", 1), after="Average,21\n"),
    ],
    "Cyrillic encodings": [
        csv("Город,Сумма", lambda i: f"Казань,{i}.5", [T, N], ("Казань", 1.5), encoding=name)
        for name in ("cp866", "koi8-r", "iso8859-5", "mac_cyrillic", "cp1251")
    ],
    "Japanese and other East Asian encodings": [
        csv("都市,価格", lambda i: f"①髙橋,{i}.5", [T, N], ("①髙橋", 1.5), encoding="cp932"),
        csv("都市,価格", lambda i: f"東京都,{i}.5", [T, N], ("東京都", 1.5), encoding="iso2022_jp"),
        csv("都市,価格", lambda i: f"東京都,{i}.5", [T, N], ("東京都", 1.5), encoding="euc_jp"),
        csv("도시,가격", lambda i: f"서울특별시,{i}.5", [T, N], ("서울특별시", 1.5), encoding="cp949"),
        csv("城市,價格", lambda i: f"臺北市信義區,{i}.5", [T, N], ("臺北市信義區", 1.5), encoding="big5"),
    ],
    "other encodings": [
        csv("Πόλη,Ποσό", lambda i: f"Θεσσαλονίκη,{i}.5", [T, N], ("Θεσσαλονίκη", 1.5), encoding="iso8859-7"),
        csv("Şehir,Tutar", lambda i: f"İstanbul Üsküdar,{i}.5", [T, N], ("İstanbul Üsküdar", 1.5), encoding="iso8859-9"),
        csv("Ort,Preis", lambda i: f"Köln Süd,{i}.5", [T, N], ("Köln Süd", 1.5), encoding="cp850"),
        csv("Miasto,Kwota", lambda i: f"Łódź Śródmieście,{i}.5", [T, N], ("Łódź Śródmieście", 1.5), encoding="cp852"),
        csv("a,b", lambda i: f"x,{i} €", [T, W], ("x", 1), encoding="cp1252"),
        csv("Miestas;Suma", lambda i: f"{('Šiauliai', 'Panevėžys', 'Klaipėda')[i % 3]};{i}", [T, W], ("Panevėžys", 1), encoding="cp1257"),
        csv("Pilsēta;Summa", lambda i: f"{('Rīga', 'Jūrmala', 'Rēzekne')[i % 3]};{i}", [T, W], ("Jūrmala", 1), encoding="cp1257"),
        csv("Město;Částka", lambda i: f"{('Plzeň', 'Třebíč')[i % 2]};{i}", [T, W], ("Třebíč", 1), encoding="iso8859_2"),
        csv("Város;Összeg", lambda i: f"{('Győr', 'Székesfehérvár', 'Pécs')[i % 3]};{i}", [T, W], ("Székesfehérvár", 1), encoding="cp1250"),
        csv("Oraş;Sumă", lambda i: f"{('Timişoara', 'Braşov')[i % 2]};{i}", [T, W], ("Braşov", 1), encoding="iso8859_2"),
        csv("Città;Importo", lambda i: f"{('Forlì', 'Cefalù')[i % 2]};{i}", [T, W], ("Cefalù", 1), encoding="cp1252"),
        csv("Місто;Сума", lambda i: f"{('Київ', 'Харків')[i % 2]};{i}", [T, W], ("Харків", 1), encoding="koi8_u"),
        ("t.csv", table("a,b", lambda i: f"Müller,{i}").encode() + b"M\xfcller,3\n", [T, W], ("Müller", 1)),
    ],
    "comments": [
        csv("a,b", lambda i: f"{i},x", [W, T], (1, "x"), before="-- exported\n"),
        csv("a,b", lambda i: f"{i},x", [W, T], (1, "x"), before="// exported\n"),
        csv("a,b", lambda i: f"{i},x", [W, T], (1, "x"), after="# end\n"),
        csv("a;b", lambda i: f"{i};x", [W, T], (1, "x"), before="% one\n% two\n"),
        csv("a,b", lambda i: f"{i},x", [W, T], (1, "x"), before="REM exported, by hand\nREM\n"),
        csv("a,b,c", lambda i: f"{i},x,1" + "\nrem moved" * (i == 7), [W, T, W], (1, "x", 1)),
        csv("a,b", lambda i: f"{day(i)},{i}" + "\n* moved, late, here" * (i == 7), [D, W], (day(1), 1), before="* mm, of rain\n*** x\n"),
        csv("a,b", lambda i: f"{i},x", [W, T], (1, "x"), before="' by a macro, of today\n"),
        csv("a;b;c", lambda i: f"{i};x;1" + "\n; moved" * (i == 7), [W, T, W], (1, "x", 1)),
        csv("a,b,c", lambda i: f"{i},x,1" + "\n-- moved, late" * (i == 7), [W, T, W], (1, "x", 1)),
    ],
    "values that begin as remarks do": [
        csv("name,n", lambda i: f"{'*' * (i % 9 == 1)} item {i},{i}", [T, W], ("* item 1", 1), before="* export, of today\n"),
        csv("tag,n", lambda i: f"{'#' * (i % 9 == 1)}item{i},{i}", [T, W], ("#item1", 1), before="# export, of today\n"),
        csv("name,n", lambda i: f"{'REM' if i % 9 == 1 else 'Bo'} Koolhaas,{i}", [T, W], ("REM Koolhaas", 1)),
        csv("zip,n", lambda i: f"'{i:05},{i}", [T, W], ("'00001", 1)),
        csv("'a','b'", lambda i: f"{i},x", [W, T], (1, "x")),
        csv("n,x", lambda i: f"{'--' if i == 1 else i},{i}", [W, W], (None, 1)),
        csv("*name,*n", lambda i: f"m{i},{i}", [T, W], ("m1", 1)),
    ],
    "titles above, remarks below": [
        csv("time,temp,hum", lambda i: f"{i},{i}.5,30", [W, N, W], (1, 1.5, 30), before="Device:,X200\nSerial:,1234\n\n"),
        csv("Tag;Text;Betrag", lambda i: f"{day(i):%d.%m.%Y};Miete, Haus;-{i},50", [D, T, N], (day(1), "Miete, Haus", -1.5), before="Konto:;123\nVon:;01.01.2021\n\n"),
        csv("a,b,c", lambda i: f"n{i},{i}.5,{i}", [T, N, W], ("n1", 1.5, 1), after="\nSource: our own count\n"),
        csv("a,b,c", lambda i: f"n{i},{i}.5,{i}", [T, N, W], ("n1", 1.5, 1), after=",,\nData from database: World,,\n,,\n"),
        csv("a,b", lambda i: f"{i},x", [W, T], (1, "x"), after="\x1a"),
        csv("a,b", lambda i: f"{i},x", [W, T], (1, "x"), after="(40 rows affected)\n"),
        csv("a;b;c", lambda i: f"{i};x;{i},5", [W, T, N], (1, "x", 1.5), after="\nQuelle: eigene; Stand 2021\n"),
        csv("a,b,c,d,e,f", lambda i: f"{i},x,{i}.5,{day(i)},,y", [W, T, N, D, T, T], (1, "x", 1.5, day(1), None, "y"), after=",,,,,\n40,rows,,,,\n"),
        csv("#,temp,hum", lambda i: f"{i},{i}.5,30", [W, N, W], (1, 1.5, 30), before="Logger: X\nSerial: 7\n\n"),
    ],
    "single quotes": [
        csv("a;'b'", lambda i: f"{i};'x; y'", [W, T], (1, "x; y")),
        csv("'a','b'", lambda i: f"'{i}','it is, yes'", [W, T], (1, "it is, yes")),
        csv("a|b", lambda i: f"{i}|'x|y'", [W, T], (1, "x|y")),
    ],
    "Excel": [
        excel(titled, *SHEET),
        excel(aside, *SHEET),
        excel(behind, *SHEET),
        excel(merged, [T, W], ("N", 1)),
        excel(gapped, [W, W], (1, 2)),
        excel(stacked, [T, W, W, W, W], ("s1", 1, 2, 3, 4)),
        excel(cornered, [T, W, W, W, W], ("line 1", 1, -2, 3, 4)),
    ],
}  # fmt: skip


def read(folder: Path, file: File) -> tuple[tuple[Column, ...], list[tuple[Any, ...]]]:
    name, content, _, _ = file
    path = folder / name
    with duckdb.connect() as connection:
        if name == "t.parquet":
            connection.execute(f"SET TimeZone = 'UTC'; COPY (SELECT {content!s} FROM range(40) t(i)) TO '{path}'")
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        made = ensure_parquet(path, name, folder / "scratch")
        columns, _ = description(connection, made)
        return columns, connection.execute(f"FROM read_parquet('{made}')").fetchall()


@pytest.mark.parametrize("kind", KINDS)
def test_each_file_of_a_kind_is_read_as_it_was_meant(kind: str, tmp_path: Path) -> None:
    assert len(KINDS[kind]) >= 3
    for place, file in enumerate(KINDS[kind]):
        folder = tmp_path / str(place)
        folder.mkdir()
        columns, rows = read(folder, file)
        _, _, types, second = file
        assert ([each.type for each in columns], rows[1], len(rows)) == (types, second, len(rows)), place
        assert 40 <= len(rows) <= 41, place


@pytest.mark.parametrize(
    ("value", "missing"), [("-999", 5), ("999", 5), ("99", 0), ("-1000", 0), ("9999.9", 5), ("-99.9", 0)]
)
def test_nines_that_stand_far_from_all_others_are_none(tmp_path: Path, value: str, missing: int) -> None:
    file = column("x", lambda i: f"{i}.5" if i % 8 else value, N, 1.5)
    (counted, _), rows = read(tmp_path, file)
    assert sum(each.count for each in counted.missing) == sum(row[0] is None for row in rows) == missing
    kept = ensure_parquet(tmp_path / "t.csv", "t.csv", tmp_path / "kept", choices={"x": ColumnChoice(missing=())})
    assert (None,) not in duckdb.connect().execute(f"SELECT x FROM read_parquet('{kept}')").fetchall()


@pytest.mark.parametrize("word", ["keine Angabe", "geheim", "n.s.", "offen"])
def test_a_word_that_stands_again_and_again_among_numbers_is_told_as_missing(tmp_path: Path, word: str) -> None:
    (counted, _), rows = read(tmp_path, column("x", lambda i: f"{i}.5" if i % 8 else word, N, 1.5))
    assert [(each.token, each.count) for each in counted.missing] == [(word, 5)]
    assert sum(row[0] is None for row in rows) == 5


def test_a_word_that_stands_but_twice_is_a_cell_that_could_not_be_read(tmp_path: Path) -> None:
    (odd, _), _ = read(tmp_path, column("x", lambda i: f"{i}.5" if i not in (3, 9) else "geheim", T, "1.5"))
    assert odd.unread
    assert [cell.line for cell in odd.unread.cells] == [5, 11]


def test_a_last_row_that_was_cut_off_is_refused_rather_than_left_out(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDataset, match="line 42: expected 3 values, found 1"):
        read(tmp_path, csv("a,b,c", lambda i: f"n{i},{i}.5,{i}", [], (), after="n40"))


def test_names_in_quotes_over_values_in_none_are_bare(tmp_path: Path) -> None:
    columns, _ = read(tmp_path, ("t.csv", table("'a'\t'b'", lambda i: f"{i}\t{i}.5"), [], ()))
    assert [each.name for each in columns] == ["a", "b"]


def test_two_rows_of_a_header_are_one_name_each(tmp_path: Path) -> None:
    columns, _ = read(tmp_path, excel(stacked, [], ()))
    assert [each.name for each in columns] == ["shop", "2022 Q1", "2022 Q2", "2023 Q1", "2023 Q2"]


def test_columns_of_a_survey_are_called_by_their_questions(tmp_path: Path) -> None:
    columns, rows = read(tmp_path, csv(SURVEY, lambda i: f"{day(i)},{i},x", [], ()))
    assert [each.name for each in columns] == ["Start Date", "How many?", "Why, then? (Please explain)"]
    assert len(rows) == 40
    told = "ordered,x\n" + "".join(f'"{{""ImportId"":""{n}""}}",{n}\n' for n in range(9))
    (tmp_path / "t.csv").write_text(told)
    assert inspect_dataset(tmp_path / "t.csv", "t.csv").rows == 9  # such a value in one column is one


ASKED = "Start Date,Which plan?,How likely are you to recommend us?,What else?"


@pytest.mark.parametrize(
    "more",
    [("",), ("\nwhen it began,one answer,from zero to ten,in words",)],
)
def test_words_above_numbers_and_dates_are_questions_and_no_row(more: tuple[str], tmp_path: Path) -> None:
    header = f"StartDate,Q1,Q2_NPS,Q3\n{ASKED}{more[0]}"
    columns, rows = read(tmp_path, csv(header, lambda i: f"{day(i)},p{i % 2},{i % 11},{'x' * (i % 3)}", [], ()))
    assert [each.name for each in columns] == ASKED.split(",")
    assert [each.type for each in columns] == [D, T, W, T]
    assert (len(rows), [each.unread for each in columns]) == (40, [None] * 4)


def test_long_units_below_names_stand_behind_them(tmp_path: Path) -> None:
    header = 'day,wind,rain\nyyyy-mm-dd,metres per second,"millimetres, collected"'
    columns, _ = read(tmp_path, csv(header, lambda i: f"{day(i)},{i}.5,{i % 7}", [], ()))
    named = ["day (yyyy-mm-dd)", "wind (metres per second)", "rain (millimetres, collected)"]
    assert [each.name for each in columns] == named


@pytest.mark.parametrize(
    "first", ["a,not known yet to anybody,7", "a,not asked as of today,not asked as of today", "a,,not asked of today"]
)
def test_a_row_with_words_among_numbers_is_no_second_header(first: str, tmp_path: Path) -> None:
    columns, rows = read(tmp_path, csv(f"shop,n,m\n{first}", lambda i: f"s{i},{i},{i % 7}", [], ()))
    assert (len(rows), [each.name for each in columns]) == (41, ["shop", "n", "m"])


def test_a_row_that_leaves_its_name_empty_is_no_second_header(tmp_path: Path) -> None:
    columns, _ = read(tmp_path, excel(cornered, [], ()))
    assert [each.name for each in columns] == ["column1", "2023 Q1", "2023 Q2", "2024 Q1", "2024 Q2"]
    lacking = csv(",2023,,2024,\n,H1,H2,H1,H2", lambda i: f"{i % 3 or ''},{i},2,3,4", [], ())
    (tmp_path / "other").mkdir()
    columns, _ = read(tmp_path / "other", lacking)
    assert columns[1].name != "2023 H1"  # no rows' names below


def test_what_is_no_row_is_told_by_its_lines(tmp_path: Path) -> None:
    file = table("a,b,c", lambda i: f"{i},{i}.5" if i in (3, 9) else f"{i},{i}.5,x") + "Total,800,\n"
    (tmp_path / "t.csv").write_text(file)
    told = inspect_dataset(tmp_path / "t.csv", "t.csv").to_json()["reading"]
    assert (told["totals"], told["lastLine"]) == ([42], 41)
    assert (told["shortRows"], told["shortLines"]) == (2, [5, 11])


@pytest.mark.parametrize(
    ("given", "rows"), [({}, 40), ({"lastLine": 42}, 41), ({"lastLine": 30}, 29), ({"lastLine": 99}, 41)]
)
def test_where_a_table_ends_can_be_said(tmp_path: Path, given: dict[str, Any], rows: int) -> None:
    (tmp_path / "t.csv").write_text(table("shop,sales", lambda i: f"s{i},{i}") + "Total,780\n")
    assert inspect_dataset(tmp_path / "t.csv", "t.csv", given=given).rows == rows


def test_two_halves_of_a_row_are_no_two_rows_unless_that_is_said(tmp_path: Path) -> None:
    halved = table("name,note,x", lambda i: f"n{i},first\nsecond,{i}" if i == 7 else f"n{i},note,{i}")
    (tmp_path / "t.csv").write_text(halved)
    with pytest.raises(UnreadableDataset, match="line 9: expected 3 values, found 2"):
        inspect_dataset(tmp_path / "t.csv", "t.csv")
    assert inspect_dataset(tmp_path / "t.csv", "t.csv", given={"ragged": True}).rows == 41


def test_a_row_with_too_many_values_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(table("a,b,c", lambda i: f"{i},x" + (",y,z" if i == 5 else ",y" * (i % 2))))
    with pytest.raises(UnreadableDataset, match="expected 3 values"):
        inspect_dataset(tmp_path / "t.csv", "t.csv")


def test_rows_that_may_not_be_short_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(table("a,b,c", lambda i: f"{i},x" + ",y" * (i % 3 > 0)))
    with pytest.raises(UnreadableDataset, match="line 2: expected 3 values, found 2"):
        inspect_dataset(tmp_path / "t.csv", "t.csv", given={"ragged": False})


@pytest.mark.parametrize(("order", "second"), [("dmy", dt.date(2021, 3, 2)), ("mdy", dt.date(2021, 2, 3))])
def test_the_order_of_day_and_month_can_be_said(tmp_path: Path, order: str, second: dt.date) -> None:
    (tmp_path / "t.csv").write_text(table("d,x", lambda i: f"{i % 12 + 1:02}/{i % 11 + 2:02}/2021,{i}"))
    choices = {"d": ColumnChoice(order=order)}
    made = ensure_parquet(tmp_path / "t.csv", "t.csv", tmp_path / "scratch", choices=choices)
    assert duckdb.connect().execute(f"FROM read_parquet('{made}')").fetchall()[1] == (second, 1)


@pytest.mark.parametrize(("order", "second"), [("hm", 1.5), ("ms", 90.0)])
@pytest.mark.parametrize("name", ["duration", "x"])
def test_what_a_span_is_in_can_be_said(tmp_path: Path, name: str, order: str, second: float) -> None:
    (tmp_path / "t.csv").write_text(table(f"{name},n", lambda i: f"{i % 9}:{29 + i % 30},{i}"))
    choices = {name: ColumnChoice(order=order)}
    made = ensure_parquet(tmp_path / "t.csv", "t.csv", tmp_path / "scratch", choices=choices)
    assert duckdb.connect().execute(f"FROM read_parquet('{made}')").fetchall()[1] == (second, 1)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("duration", lambda i: f"{i % 9}:{i + 11}", "1.5 hours; as spreadsheets take them. This is assumed"),
        ("elapsed", lambda i: f"{i + 24}:{i + 11}", "90 seconds; hours would go beyond a day. This is assumed"),
        ("pause", lambda i: f"0:{i % 10 + 11}", "1.5 hours; as the column's name says"),
        ("duration", lambda i: f"{i}:{i % 9 * 5:02}", "1.5 hours; the second parts are multiples of five"),
        ("x", lambda i: f"{i % 9}:{i + 11}", "Kept as text: times of day or spans?"),
    ],
)
def test_what_a_span_is_in_is_told_with_the_reason(tmp_path: Path, name: str, value: Row, said: str) -> None:
    (odd, _), _ = read(tmp_path, csv(f"{name};n", lambda i: f"{value(i)};{i}", [], ()))
    assert said in odd.notes[0]


ADDED = [round((i * 7919 % 997 - 400) / 7, 2) for i in range(40)]
LEVEL = [round(1000 + sum(ADDED[: i + 1]), 2) for i in range(40)]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("added;worth", lambda i: f"{ADDED[i]};{LEVEL[i]} €"),
        ("taken;worth", lambda i: f"{-ADDED[i]};{LEVEL[i]} €"),
        ("added;worth", lambda i: f"{ADDED[39 - i]};{LEVEL[39 - i]} €"),
        ("added;worth", lambda i: f"{abs(ADDED[i])};{LEVEL[i]} €"),
        ("added;worth", lambda i: f"{ADDED[i]};{LEVEL[i] + 5000 * (i > 20)} €"),
        ("in;out;worth", lambda i: f"{max(ADDED[i], 0) or ''};{max(-ADDED[i], 0) or ''};{LEVEL[i]} €"),
        ("added;worth", lambda i: f"{ADDED[i]};{LEVEL[i - 1] if i else 1000} €"),
        ("whose;added;worth", lambda i: f"{'ab'[i % 2]};{ADDED[i // 2]};{LEVEL[i // 2] + 5000 * (i % 2)} €"),
    ],
)
def test_a_running_total_is_a_level_and_not_summed(tmp_path: Path, header: str, row: Row) -> None:
    columns, _ = read(tmp_path, csv(header, row, [], ()))
    worth = columns[-1]
    assert (worth.role, worth.summed, worth.averaged) == ("measure", False, True)
    added = " and ".join(each.name for each in columns[:-1] if each.name != "whose")
    assert worth.reason.startswith(f"a running total of {added}: ")
    kept = Column.from_json(worth.to_json() | {"reason": "in other words"})
    assert kept.running is not kept.with_role("money", "chosen by hand").running


@pytest.mark.parametrize(
    "row",
    [
        lambda i: f"{ADDED[i]};{LEVEL[i] if i % 5 else LEVEL[i] + i} €",
        lambda i: f"1;{i} €",
        lambda i: f"{i % 3};{i * i % 7} €",
        lambda i: f"{ADDED[i]};{ADDED[i]} €",
    ],
)
def test_what_only_looks_like_a_running_total_is_summed(tmp_path: Path, row: Row) -> None:
    (_, worth), _ = read(tmp_path, csv("added;worth", row, [], ()))
    assert worth.summed


def count_of(number: int) -> float:
    """A meter's reading after so many hours."""
    return round(14_000 + number * 0.3 + number**2 % 7 * 0.02, 2)


@pytest.mark.parametrize(
    ("name", "value", "summed"),
    [
        ("Reading (kWh)", count_of, False),
        ("Zählerstand (kWh)", lambda i: count_of(60 - i), True),  # it falls
        ("sessions", lambda i: 3 * i + i % 2, False),
        ("sessions", lambda i: 3 * i + 7 * (i % 5 == 2), True),  # it falls now and then
        ("sessions", lambda i: 5 + (i > 40) + (i > 50), True),  # it hardly ever rises
    ],
)
@pytest.mark.parametrize("newest_first", [False, True])
def test_what_never_falls_along_time_is_a_count_that_goes_on(
    tmp_path: Path, name: str, value: Callable[[int], float], summed: bool, newest_first: bool
) -> None:
    rows = [f"2024-03-{i // 24 + 1:02} {i % 24:02}:00:00,{value(i)}" for i in range(61)]
    text = "\n".join([f"at,{name}", *(rows[::-1] if newest_first else rows)])
    (tmp_path / "t.csv").write_text(text)
    _, counted = inspect_dataset(tmp_path / "t.csv", "t.csv").columns
    assert counted.summed is summed
    assert counted.reason.startswith("a running total of what it counts: ") is not summed


@pytest.mark.parametrize(
    ("said", "rows"), [({}, 41), ({"comment": ""}, 41), ({"comment": "*"}, 40), ({"comment": "n3"}, 30)]
)
def test_what_remarks_begin_with_can_be_said(tmp_path: Path, said: dict[str, Any], rows: int) -> None:
    (tmp_path / "t.csv").write_text(table("a,b", lambda i: f"n{i},{i}" + "\n* moved,late" * (i == 9)))
    assert inspect_dataset(tmp_path / "t.csv", "t.csv", given=said).rows == rows


@pytest.mark.parametrize(("decimal", "second"), [(".", 1.234), (",", 1234)])
def test_the_decimal_sign_can_be_said(tmp_path: Path, decimal: str, second: float) -> None:
    (tmp_path / "t.csv").write_text(table("v;x", lambda i: f"{i}.234;{i}"))
    choices = {"v": ColumnChoice(decimal=decimal)}
    made = ensure_parquet(tmp_path / "t.csv", "t.csv", tmp_path / "scratch", choices=choices)
    assert duckdb.connect().execute(f"FROM read_parquet('{made}')").fetchall()[1] == (second, 1)


def test_lines_of_a_sheet_are_counted_as_the_sheet_counts_them(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        gapped(book)
        book.active["B20"] = "twelve"

    (_, odd), _ = read(tmp_path, excel(fill, [W, T], ()))
    assert odd.unread
    assert [(cell.line, cell.value) for cell in odd.unread.cells] == [(20, "twelve")]


def test_errors_of_formulas_are_told_as_missing(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        book.active.append(["other"])
        book.create_sheet("Sum & rest")
        sheet(book, 3, 2)
        for row in (6, 9, 30):
            book.worksheets[-1].cell(row, 4, "#DIV/0!").data_type = "e"
        book.worksheets[-1].cell(7, 4, "#REF!").data_type = "e"

    (_, _, share), rows = read(tmp_path, excel(fill, [], ()))
    assert [(each.token, each.count) for each in share.missing] == [("#DIV/0!", 3), ("#REF!", 1)]
    assert (share.type, [place for place, row in enumerate(rows) if row[2] is None]) == (N, [2, 3, 5, 26])


@pytest.mark.parametrize("odd", ["9" * 5_000, "²", "1" * 401, "٣" * 5_000])
def test_digits_that_make_no_number_are_text(tmp_path: Path, odd: str) -> None:
    for name, content in {
        "in.csv": "n,code\n" + "".join(f"{place},{place}\n" for place in range(40)) + f"{odd},{odd}\n",
        "in.jsonl": '{"n": 1, "code": "7"}\n' * 3 + f'{{"n": 2, "code": "{odd}"}}\n',
    }.items():
        (tmp_path / name).write_text(content)
        found = inspect_dataset(tmp_path / name, name, given={}, unpacked_limit_bytes=1 << 20)
        assert {column.name: column.type for column in found.columns}["code"] == T
