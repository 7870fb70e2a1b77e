# ruff: noqa: E501 - a file and what it holds stand on one line each
"""Files as spreadsheets, banks, databases and scripts write them: each is read as the person behind it meant it."""

from __future__ import annotations

import datetime as dt
import importlib
import io
import json
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from andon.reports import UnreadableDataset
from andon.reports.datasets import DatasetInfo, ensure_parquet, inspect_dataset
from andon.reports.options import ColumnChoice

Row = Callable[[int], str]
DAY = dt.date(2021, 1, 1)
ROWS = 60


def day(place: int) -> dt.date:
    return DAY + dt.timedelta(place)


def table(header: str, row: Row, rows: int = ROWS) -> str:
    return header + "\n" + "".join(row(place) + "\n" for place in range(rows))


def german(value: float) -> str:
    return f"{value:,.2f}".replace(",", "X").replace(".", ",").replace("X", ".")


def read(folder: Path, name: str, content: str | bytes, **choices: Any) -> tuple[DatasetInfo, list[Any]]:
    """What is found, and the rows as they are read by the plan that was kept."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    info = inspect_dataset(path, name)
    parquet = ensure_parquet(path, name, folder / "scratch", plan=info.plan, choices=choices)
    return info, duckdb.connect().execute(f"FROM read_parquet('{parquet}')").fetchall()


WHOLE, NUMBER, WORDS, DATE, MOMENT = "integer", "number", "text", "date", "timestamp"

# What a file holds: its columns' types, and its second row.
READ: dict[str, tuple[str, str | bytes, list[str], tuple[Any, ...]]] = {
    "euros": (
        "t.csv",
        table("Datum;Betrag;Anteil", lambda i: f"{day(i):%d.%m.%Y};{german(i * 1234.5)} €;{i},5 %"),
        [DATE, NUMBER, NUMBER],
        (day(1), 1234.5, 1.5),
    ),
    "decimal commas": ("t.csv", table("Ort;Grad", lambda i: f"Bonn;{i},7"), [WORDS, NUMBER], ("Bonn", 1.7)),
    "points between thousands": (
        "t.csv",
        table("Einwohner;Preis", lambda i: f"{i * 1234 + 1000:,}".replace(",", ".") + f";{i},75"),
        [WHOLE, NUMBER],
        (2234, 1.75),
    ),
    "decimal commas in a comma's file": ("t.csv", table("a,b", lambda i: f'"{i},5",x'), [NUMBER, WORDS], (1.5, "x")),
    "apostrophes between thousands": (
        "t.csv",
        table("k;s", lambda i: f"K;{i * 12345.5:,.2f}".replace(",", "'")),
        [WORDS, NUMBER],
        ("K", 12345.5),
    ),
    "narrow blanks between thousands": (
        "t.csv",
        table("ville;montant", lambda i: f"Lyon;{i * 12345.5:,.2f}".replace(",", "\u202f").replace(".", ",")),
        [WORDS, NUMBER],
        ("Lyon", 12345.5),
    ),
    "commas between thousands": (
        "t.csv",
        table("city,people,area", lambda i: f'c,"{i * 1234567 + 1000:,}","{i * 1000.5:,.1f}"'),
        [WORDS, WHOLE, NUMBER],
        ("c", 1235567, 1000.5),
    ),
    "lakhs": ("t.csv", table("n,x", lambda i: f'n,"{i + 1},{i + 10},100.50"'), [WORDS, NUMBER], ("n", 211100.5)),
    "brackets for losses": ("t.csv", table("a,b", lambda i: f'x,"({i * 1000 + 5:,}.20)"'), [WORDS, NUMBER], ("x", -1005.2)),
    "a minus behind": ("t.csv", table("a;b", lambda i: f"x;{i}.50-"), [WORDS, NUMBER], ("x", -1.5)),
    "dollars": ("t.csv", table("i,p", lambda i: f'x,"${i * 1000 + 7:,}.25"'), [WORDS, NUMBER], ("x", 1007.25)),
    "codes of currencies": ("t.csv", table("i,p", lambda i: f"x,USD {i}.25"), [WORDS, NUMBER], ("x", 1.25)),
    "kilograms": ("t.csv", table("i,w", lambda i: f"x,{i}.25 kg"), [WORDS, NUMBER], ("x", 1.25)),
    "percent": ("t.csv", table("i,m", lambda i: f"x,{i}.5%"), [WORDS, NUMBER], ("x", 1.5)),
    "scientific notation": ("t.csv", table("x,y", lambda i: f"{i}.5e-07,{i}"), [NUMBER, WHOLE], (1.5e-07, 1)),
    "the largest doubles": ("t.csv", table("x,y", lambda i: f"{i}e200,{i}.5"), [WORDS, NUMBER], ("1e200", 1.5)),
    "huge fractions": ("t.csv", table("x,y", lambda i: f"{i}.5e200,{i}"), [NUMBER, WHOLE], (1.5e200, 1)),
    "names of months": ("t.csv", table("d,x", lambda i: f'"{day(i):%b %d, %Y}",{i}'), [DATE, WHOLE], (day(1), 1)),
    "whole names of months": ("t.csv", table("d,x", lambda i: f"{day(i):%d %B %Y},{i}"), [DATE, WHOLE], (day(1), 1)),
    "months of a database": (
        "t.csv",
        table("d,x", lambda i: f"{day(i):%d-%b-%y},{i}".upper().replace("X", "x")),
        [DATE, WHOLE],
        (day(1), 1),
    ),
    "German months": (
        "t.csv",
        table("d;x", lambda i: f"{i % 28 + 1}. {('März', 'Mai', 'Dezember')[i % 3]} 2022;{i}"),
        [DATE, WHOLE],
        (dt.date(2022, 5, 2), 1),
    ),
    "yyyymmdd": ("t.csv", table("date,x", lambda i: f"{day(i):%Y%m%d},{i}"), [DATE, WHOLE], (day(1), 1)),
    "yyyymmdd without a name": ("t.csv", table("a,x", lambda i: f"{day(i):%Y%m%d},{i}"), [DATE, WHOLE], (day(1), 1)),
    "months alone": (
        "t.csv",
        table("m,x", lambda i: f"{2015 + i // 12}-{i % 12 + 1:02},{i}"),
        [DATE, WHOLE],
        (dt.date(2015, 2, 1), 1),
    ),
    "quarters": ("t.csv", table("q,x", lambda i: f"{2005 + i // 4} Q{i % 4 + 1},{i}"), [DATE, WHOLE], (dt.date(2005, 4, 1), 1)),
    "milliseconds": (
        "t.csv",
        table("ts,x", lambda i: f"{1672531200000 + i * 3600000},{i}"),
        [MOMENT, WHOLE],
        (dt.datetime(2023, 1, 1, 1), 1),
    ),
    "seconds": (
        "t.csv",
        table("created_at,x", lambda i: f"{1600000000 + i * 86400},{i}"),
        [MOMENT, WHOLE],
        (dt.datetime(2020, 9, 14, 12, 26, 40), 1),
    ),
    "numbers like seconds": (
        "t.csv",
        table("a,x", lambda i: f"{1600000000 + i * 7919 % 1000000},{i}"),
        [WHOLE, WHOLE],
        (1600007919, 1),
    ),
    "years": ("t.csv", table("year,x", lambda i: f"{1950 + i},{i}.5"), [WHOLE, NUMBER], (1951, 1.5)),
    "days before months": ("t.csv", table("d,x", lambda i: f"{day(i):%d/%m/%Y},{i}"), [DATE, WHOLE], (day(1), 1)),
    "months before days": ("t.csv", table("d,x", lambda i: f"{day(i):%m/%d/%Y},{i}"), [DATE, WHOLE], (day(1), 1)),
    "an order told by another column": (
        "t.csv",
        table("d,e", lambda i: f"0{i % 9 + 1}/0{i % 8 + 1}/2021,{i % 15 + 13}/02/2021"),
        [DATE, DATE],
        (dt.date(2021, 2, 2), dt.date(2021, 2, 14)),
    ),
    "an order that nothing tells": (
        "t.csv",
        table("d,x", lambda i: f"0{i % 9 + 1}/0{i % 8 + 1}/2021,{i}"),
        [DATE, WHOLE],
        (dt.date(2021, 2, 2), 1),
    ),
    "years of two digits": ("t.csv", table("d,v", lambda i: f"{day(i):%m/%d/%y},{i}.5"), [DATE, NUMBER], (day(1), 1.5)),
    "births of two digits": (
        "t.csv",
        table("born,x", lambda i: f"{i % 12 + 1}/{i % 15 + 13}/{i % 35 + 60},{i}"),
        [DATE, WHOLE],
        (dt.date(1961, 2, 14), 1),
    ),
    "times with am and pm": (
        "t.csv",
        table("at,x", lambda i: f"{day(i):%m/%d/%Y} {i % 12 + 1}:05:00 PM,{i}"),
        [MOMENT, WHOLE],
        (dt.datetime(2021, 1, 2, 14, 5), 1),
    ),
    "times without seconds": (
        "t.csv",
        table("at;x", lambda i: f"{day(i):%d.%m.%Y} {i % 24:02}:30;{i}"),
        [MOMENT, WHOLE],
        (dt.datetime(2021, 1, 2, 1, 30), 1),
    ),
    "offsets": (
        "t.csv",
        table("at,x", lambda i: f"{day(i)}T10:00:00{('-05:00', '+02:00')[i % 2]},{i}"),
        [MOMENT, WHOLE],
        (dt.datetime(2021, 1, 2, 8), 1),
    ),
    "offsets without a colon": (
        "t.csv",
        table("at,x", lambda i: f"{day(i)} 10:00:00.5 +0530,{i}"),
        [MOMENT, WHOLE],
        (dt.datetime(2021, 1, 2, 4, 30, 0, 500000), 1),
    ),
    "Zulu": ("t.csv", table("at,x", lambda i: f"{day(i)}T10:00:00Z,{i}"), [MOMENT, WHOLE], (dt.datetime(2021, 1, 2, 10), 1)),
    "versions": ("t.csv", table("v,x", lambda i: f"{i % 9 + 1}.{i % 12}.{i % 30},{i}"), [WORDS, WHOLE], ("2.1.1", 1)),
    "versions by name": (
        "t.csv",
        table("version,x", lambda i: f"1{i % 3}.1{i % 2}.2{i % 5},{i}"),
        [WORDS, WHOLE],
        ("11.11.21", 1),
    ),
    "plots": ("t.csv", table("plot,x", lambda i: f"{i % 28 + 1}-{i % 12 + 1}-{i % 7 + 1},{i}"), [WORDS, WHOLE], ("2-2-2", 1)),
    "addresses": ("t.csv", table("ip,x", lambda i: f"192.168.{i + 100}.200,{i}"), [WORDS, WHOLE], ("192.168.101.200", 1)),
    "postcodes": ("t.csv", table("zip,x", lambda i: f"{i * 997:05},{i}"), [WORDS, WHOLE], ("00997", 1)),
    "padded numbers": ("t.csv", table("k,x", lambda i: f"{i:03},{i}"), [WORDS, WHOLE], ("001", 1)),
    "articles like powers": (
        "t.csv",
        table("sku,x", lambda i: f"{i}e5,{i}" if i % 3 else f"{i + 7},{i}"),
        [WORDS, WHOLE],
        ("1e5", 1),
    ),
    "telephones by name": ("t.csv", table("phone,x", lambda i: f"{5551000000 + i},{i}"), [WORDS, WHOLE], ("5551000001", 1)),
    "telephones by a plus": ("t.csv", table("t,x", lambda i: f"+4917{10000000 + i},{i}"), [WORDS, WHOLE], ("+491710000001", 1)),
    "durations": ("t.csv", table("lap,x", lambda i: f"1:{i:02}:05,{i}"), [NUMBER, WHOLE], (3665 / 3600, 1)),
    "twenty digits": (
        "t.csv",
        table("id,x", lambda i: f"{21602730330000060100 + i},{i}"),
        [WHOLE, WHOLE],
        (Decimal(21602730330000060101), 1),
    ),
    "unsigned 64 bits": ("t.csv", table("h,x", lambda i: f"{2**64 - 1 - i},{i}"), [WHOLE, WHOLE], (Decimal(2**64 - 2), 1)),
    "twenty digits of JSON": (
        "t.jsonl",
        "".join(f'{{"id": {10**20 + i}, "v": {i}.5}}\n' for i in range(ROWS)),
        [WHOLE, NUMBER],
        (Decimal(10**20 + 1), 1.5),
    ),
    "an empty key": (
        "t.jsonl",
        "".join(f'{{"": {i}, "b": "x"}}\n' for i in range(ROWS)),
        [WHOLE, WORDS],
        (1, "x"),
    ),
    "an array": ("t.json", json.dumps([{"a": i, "b": f"{day(i)}"} for i in range(ROWS)]), [WHOLE, DATE], (1, day(1))),
    "an array over lines": ("t.json", json.dumps([{"a": i} for i in range(ROWS)], indent=1), [WHOLE], (1,)),
    "rows in an object": ("t.json", json.dumps({"data": [{"a": i, "b": 1.5} for i in range(ROWS)]}), [WHOLE, NUMBER], (1, 1.5)),
    "blank first lines": ("t.csv", "\n\n" + table("a,b", lambda i: f"{i},{i}.5"), [WHOLE, NUMBER], (1, 1.5)),
    "sep=": ("t.csv", "sep=;\r\n" + table("a;b", lambda i: f"{i};{i},5"), [WHOLE, NUMBER], (1, 1.5)),
    "a quoted sep=": ("t.csv", '"sep=,"\n' + table("a,b", lambda i: f"{i},{i}.5"), [WHOLE, NUMBER], (1, 1.5)),
    "sep= a tab": ("t.csv", "sep=\t\n" + table("a\tb", lambda i: f"{i}\tx"), [WHOLE, WORDS], (1, "x")),
    "commas in names": ("t.csv", table("Name, Vorname;Alter", lambda i: f"Muster, P{i};{i}"), [WORDS, WHOLE], ("Muster, P1", 1)),
    "semicolons in notes": ("t.csv", table("id,notes", lambda i: f"{i},a;b;c"), [WHOLE, WORDS], (1, "a;b;c")),
    "bars": ("t.csv", table("a|b", lambda i: f"{i}|x, y"), [WHOLE, WORDS], (1, "x, y")),
    "blanks behind commas": (
        "t.csv",
        table('name, "city", x', lambda i: f'p, "Paris, France", {i}.5'),
        [WORDS, WORDS, NUMBER],
        ("p", "Paris, France", 1.5),
    ),
    "single quotes": ("t.csv", table("id,name", lambda i: f"{i},'Smith, John'"), [WHOLE, WORDS], (1, "Smith, John")),
    "apostrophes": ("t.csv", table("a,b", lambda i: f"it's {i},{i}"), [WORDS, WHOLE], ("it's 1", 1)),
    "backslashes before quotes": ("t.csv", table("a,b", lambda i: f'{i},"say \\"hi, {i}\\""'), [WHOLE, WORDS], (1, 'say "hi, 1"')),
    "a column for each year behind remarks": (
        "t.csv",
        '"Source","Indicators",\n\n"Updated","2023",\n\n' + table('"Land","1960","1961",', lambda i: f'"L {i}","{i}.5","",'),
        [WORDS, NUMBER, WORDS],
        ("L 1", 1.5, None),
    ),
    "lines of titles": ("t.csv", "Station report\nby hand\n\n" + table("t,x,y", lambda i: f"{i},{i}.5,n"), [WHOLE, NUMBER, WORDS], (1, 1.5, "n")),
    "rows of titles": ("t.csv", "Sales 2023,,,\n,,,\n" + table("a,b,c,d", lambda i: f"N,x,{day(i)},{i}"), [WORDS, WORDS, DATE, WHOLE], ("N", "x", day(1), 1)),
    "comments": ("t.csv", "# made today\n# in kg\n" + table("a,b", lambda i: f"{i},{i}.5"), [WHOLE, NUMBER], (1, 1.5)),
    "comments among the rows": ("t.csv", "# one\n" + table("a,b", lambda i: f"{i},x" if i != 5 else "# 5, five, V"), [WHOLE, WORDS], (1, "x")),
    "comments of percent signs": ("t.csv", "% octave\n" + table("x,y", lambda i: f"{i},{i}.5"), [WHOLE, NUMBER], (1, 1.5)),
    "comments of semicolons": ("t.csv", "; sensor 4\n; of 2021\n" + table("x,y", lambda i: f"{i},{i}.5" if i != 9 else "; moved, V"), [WHOLE, NUMBER], (1, 1.5)),
    "comments of semicolons in a file of them": ("t.csv", "; sensor 4\n; of 2021\n" + table("x;y", lambda i: f"{i};{i}.5"), [WHOLE, NUMBER], (1, 1.5)),
    "an empty cell before the semicolon": ("t.csv", table(";2020;2021", lambda i: f"{'' if i % 3 else 'Bonn'};{i};{i}.5"), [WORDS, WHOLE, NUMBER], (None, 1, 1.5)),
    "remarks among the rows alone": ("t.csv", table("x,y,z", lambda i: f"{i},{i}.5,a" if i % 20 != 9 else "// moved, V"), [WHOLE, NUMBER, WORDS], (1, 1.5, "a")),
    "a remark below the header": ("t.csv", "x,y\n# in metres\n" + table("0,0.5", lambda i: f"{i},{i}.5"), [WHOLE, NUMBER], (0, 0.5)),
    "values that begin as remarks do": ("t.csv", table("tag,y", lambda i: f"#{i % 5}a,{i}"), [WORDS, WHOLE], ("#1a", 1)),
    "remarks that are lines of a value": ("t.csv", table("x,y", lambda i: f'{i},"first\n# second"'), [WHOLE, WORDS], (1, "first\n# second")),
    "padded cells with quotes behind a backslash": ("t.csv", table("name,   n,  place", lambda i: f'"H. \\"Bo\\" {i}",   {i}, "x"'), [WORDS, WHOLE, WORDS], ('H. "Bo" 1', 1, "x")),
    "whole numbers as fractions": ("t.csv", table("user_id,n", lambda i: f"{i * 7}.0,{i}.0" if i % 9 else ","), [WHOLE, WHOLE], (7, 1)),
    "a header as comment": ("t.tsv", table("#chrom\tstart", lambda i: f"chr\t{i}"), [WORDS, WHOLE], ("chr", 1)),
    "numbers for names": ("t.csv", table(",0,1", lambda i: f"{i},{i}.5,w"), [WHOLE, NUMBER, WORDS], (1, 1.5, "w")),
    "numbers for names without an index": ("t.csv", table("0,1", lambda i: f"{i}.5,w"), [NUMBER, WORDS], (1.5, "w")),
    "one measure by another": ("t.csv", table('"","16.5","16.75","17.25"', lambda i: f'"k{i}",{i},{i},{i}'), [WORDS, WHOLE, WHOLE, WHOLE], ("k1", 1, 1, 1)),
    "rows with names of their own": ("t.csv", table('"mpg","cyl"', lambda i: f'"Mazda {i}",{i}.5,4'), [WORDS, NUMBER, WHOLE], ("Mazda 1", 1.5, 4)),
    "no header": ("t.csv", table("0,w,0.25", lambda i: f"{i + 1},w,{i}.25"), [WHOLE, WORDS, NUMBER], (1, "w", 0.25)),
    "no header over words": ("t.csv", table("red,x", lambda i: f"{('green', 'red')[i % 2]},{'xy'[i % 2]}"), [WORDS, WORDS], ("green", "x")),
    "days for names": ("t.csv", table("land,1/1/20,1/2/20", lambda i: f"l {i},{i},{i}"), [WORDS, WHOLE, WHOLE], ("l 1", 1, 1)),
    "vertical tabs in names": ("t.csv", table('a,"unit\x0b(kg)",x\u2028y', lambda i: f"{i},u,{i}.5"), [WHOLE, WORDS, NUMBER], (1, "u", 1.5)),
    "windows-1251": ("t.csv", table("Город,Сумма", lambda i: f"Москва,{i}.5").encode("cp1251"), [WORDS, NUMBER], ("Москва", 1.5)),
    "koi8-r": ("t.csv", table("Город,Сумма", lambda i: f"Самара,{i}.5").encode("koi8-r"), [WORDS, NUMBER], ("Самара", 1.5)),
    "windows-1250": ("t.csv", table("miasto,kwota", lambda i: f"Łódź,{i}.5").encode("cp1250"), [WORDS, NUMBER], ("Łódź", 1.5)),
    "windows-1252": ("t.csv", table("Straße;x", lambda i: f"Grüne Gasse;{i}").encode("cp1252"), [WORDS, WHOLE], ("Grüne Gasse", 1)),
    "windows-1253": ("t.csv", table("πόλη,x", lambda i: f"Αθήνα,{i}").encode("cp1253"), [WORDS, WHOLE], ("Αθήνα", 1)),
    "windows-1254": ("t.csv", table("şehir,x", lambda i: f"Muğla ışık,{i}").encode("cp1254"), [WORDS, WHOLE], ("Muğla ışık", 1)),
    "shift-jis": ("t.csv", table("都市,価格", lambda i: f"東京,{i}.5").encode("shift-jis"), [WORDS, NUMBER], ("東京", 1.5)),
    "euc-jp": ("t.csv", table("都市,価格", lambda i: f"カタカナ名古屋,{i}.5").encode("euc-jp"), [WORDS, NUMBER], ("カタカナ名古屋", 1.5)),
    "gbk": ("t.csv", table("城市,销售", lambda i: f"北京上海,{i}.5").encode("gbk"), [WORDS, NUMBER], ("北京上海", 1.5)),
    "utf-16 without a mark": ("t.csv", table("a,b", lambda i: f"x,{i}").encode("utf-16-le"), [WORDS, WHOLE], ("x", 1)),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_a_file_is_read_as_it_was_meant(tmp_path: Path, case: str) -> None:
    name, content, types, second = READ[case]
    info, rows = read(tmp_path, name, content)
    assert [column.type for column in info.columns] == types
    assert rows[1] == second
    assert len(rows) == info.rows


TOKENS = (
    "NULL",
    "null",
    "N/A",
    "#N/A",
    "\\N",
    ".",
    "-",
    "--",
    "?",
    "NaN",
    "None",
    "n/a",
    "NA",
    "#DIV/0!",
    "(null)",
    "..",
)


@pytest.mark.parametrize("token", TOKENS)
def test_a_spelling_of_no_value_leaves_numbers_and_days_what_they_are(tmp_path: Path, token: str) -> None:
    text = table("n,x,when", lambda i: f"{i},{token if i % 6 == 0 else f'{i}.5'},{token if i % 7 == 0 else day(i)}")
    info, rows = read(tmp_path, "t.csv", text)
    assert [column.type for column in info.columns] == [WHOLE, NUMBER, DATE]
    assert [(each.token, each.count) for column in info.columns for each in column.missing] == [(token, 10), (token, 9)]
    assert rows[6][1] is None
    assert rows[7][2] is None


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        (("NA", "DE", "NO", "FR"), 0),  # Namibia
        (("NA", "EU", "AS", "AF", "SA"), 0),
        (("NA", "Texas", "Ohio", "Iowa"), 15),
        (("None", "Pave", "Gravel"), 0),
        (("+", "-", "."), 0),
        (("-", "red", "green"), 20),
        (("?", "Private", "State-gov"), 20),
        (("Null", "Smith", "Jones"), 0),
        (("NULL", "Smith", "Jones"), 20),
    ],
)
def test_among_words_the_others_tell_whether_a_spelling_is_a_value(
    tmp_path: Path, values: tuple[str, ...], missing: int
) -> None:
    info, rows = read(tmp_path, "t.csv", table("w,x", lambda i: f"{values[i % len(values)]},{i}"))
    assert sum(row[0] is None for row in rows) == missing
    assert sum(each.count for each in info.columns[0].missing) == missing


def test_what_counts_as_missing_can_be_chosen_by_hand(tmp_path: Path) -> None:
    text = table("state,x", lambda i: f"{('NA', 'Ohio', 'none', 'Iowa')[i % 4]},{-9999 if i % 6 == 0 else i}")
    choices = {"state": ColumnChoice(missing=("none",)), "x": ColumnChoice(missing=("-9999",))}
    _, rows = read(tmp_path, "t.csv", text, **choices)
    assert {row[0] for row in rows} == {"NA", "Ohio", "Iowa", None}
    assert sum(row[1] is None for row in rows) == 10


def test_a_type_that_is_chosen_by_hand_leaves_out_what_does_not_fit(tmp_path: Path) -> None:
    text = table("amount,zip", lambda i: f"{'twelve' if i == 12 else i},{501 + i}")
    choices = {"amount": ColumnChoice(type="number"), "zip": ColumnChoice(type="text")}
    _, rows = read(tmp_path, "t.csv", text, **choices)
    assert (rows[11], rows[12], rows[13]) == ((11.0, "512"), (None, "513"), (13.0, "514"))


@pytest.mark.parametrize(
    ("sentinel", "written"),
    [
        ("9999-12-31 23:59:59.999", "{} 10:00:00"),
        ("0001-01-01 00:00:00", "{} 07:00:00"),
        ("9999-12-31", "{}"),
        ("0000-00-00", "{}"),
    ],
)
def test_days_that_nobody_means_are_named_and_missing(tmp_path: Path, sentinel: str, written: str) -> None:
    text = table("id,until", lambda i: f"{i},{sentinel if i % 4 == 0 else written.format(day(i))}")
    info, rows = read(tmp_path, "t.csv", text)
    [token] = info.columns[1].missing
    assert (token.token, token.count) == (sentinel, 15)
    assert sentinel in info.columns[1].notes[0]
    assert info.columns[1].type in {DATE, MOMENT}
    assert sum(row[1] is None for row in rows) == 15


def test_the_largest_double_stands_for_no_value(tmp_path: Path) -> None:
    text = table("s,x", lambda i: f"s,{'-1.7976931348623157e+308' if i % 20 == 0 else f'{i}.5'}")
    info, rows = read(tmp_path, "t.csv", text)
    assert [(each.token, each.count) for each in info.columns[1].missing] == [("-1.7976931348623157e+308", 3)]
    assert rows[20][1] is None


def test_cells_that_do_not_fit_are_told_with_their_lines(tmp_path: Path) -> None:
    text = "# remark\n" + table(
        'note,amount,"the\nday"', lambda i: f'"a\nb",{"twelve" if i in (3, 50) else i},{"soon" if i == 8 else day(i)}'
    )
    info, _ = read(tmp_path, "t.csv", text)
    amount, soon = info.columns[1].unread, info.columns[2].unread
    assert amount
    assert soon
    assert (amount.type, amount.count) == (WHOLE, 2)
    assert [(cell.line, cell.value) for cell in amount.cells] == [(10, "twelve"), (104, "twelve")]
    assert [(cell.line, cell.value) for cell in soon.cells] == [(20, "soon")]


def test_a_value_of_another_kind_far_down_is_read_or_told(tmp_path: Path) -> None:
    text = "a,b,c\n" + "1,2,2024-01-01\n" * 30_000 + "x,2.5,2024-01-01 10:00:00\n"
    info, rows = read(tmp_path, "t.csv", text)
    assert [column.type for column in info.columns] == [WORDS, NUMBER, MOMENT]
    assert rows[-1] == ("x", 2.5, dt.datetime(2024, 1, 1, 10))
    assert info.columns[0].unread
    assert [(cell.line, cell.value) for cell in info.columns[0].unread.cells] == [(30_002, "x")]


@pytest.mark.parametrize(
    ("column", "row", "role", "unit"),
    [
        ("price", lambda i: f"{i}.5", "money", None),
        ("x", lambda i: f"${i}.5", "money", "$"),
        ("x", lambda i: f"{i}.5%", "percent", "%"),
        ("conversion_pct", lambda i: f"{i}.5", "percent", None),
        ("visits", lambda i: f"{i * 7 % 50}", "count", None),
        ("customer_id", lambda i: f"{i * 7}", "id", None),
        ("customerId", lambda i: f"{i * 7}", "id", None),
        ("zip", lambda i: f"{10000 + i * 7}", "code", None),
        ("shop", lambda i: f"shop {i % 5}", "category", None),
        ("returned", lambda i: f"{i % 2}", "flag", None),
        ("returned", lambda i: ("yes", "no")[i % 2], "flag", None),
        ("when", lambda i: f"{day(i)}", "date", None),
        ("wait", lambda i: f"0:{i:02}:10", "duration", "s"),
        ("delivery_days", lambda i: f"{i}.5", "duration", None),
        ("year", lambda i: f"{1990 + i % 9}", "year", None),
        ("year", lambda i: f"{1990 + i % 9}.0", "year", None),
        ("baujahr", lambda i: f"{1950 + i * 3 % 70}", "year", None),
        ("YearBuilt", lambda i: f"{1950 + i * 3 % 70}", "year", None),
        ("hour", lambda i: f"{i % 24}", "category", None),
        ("hour", lambda i: f"{i % 70}", "measure", None),
        ("month", lambda i: f"{i % 12 + 1}", "category", None),
        ("yr", lambda i: f"{70 + i % 13}", "category", None),
        ("growth %", lambda i: f"{i}.5", "percent", None),
        ("latitude", lambda i: f"{i}.25", "geo", None),
        ("comment", lambda i: f"it took {i} days to come, and then it was the wrong one", "text", None),
        ("temperature", lambda i: f"{i - 20}.5", "measure", None),
        ("min temp", lambda i: f"{i - 20}", "measure", None),
        ("num", lambda i: f"{i + 1000}", "id", None),
        ("num sold", lambda i: f"{i * 7 % 50}", "count", None),
        ("#", lambda i: f"{i + 1}", "id", None),
        ("iban", lambda i: f"DE89 3704 0044 0532 {1000 + i}", "id", None),
        ("sort code", lambda i: f"'40-12-3{i % 4}", "code", None),
        ("Pclass", lambda i: f"{i % 3 + 1}", "category", None),
        ("customer type", lambda i: f"{i % 4}", "category", None),
        ("class size", lambda i: f"{i % 7 + 20}", "measure", None),
        ("blood type", lambda i: f"{i * 7}", "measure", None),
    ],
)
def test_a_column_gets_a_role_with_a_reason(tmp_path: Path, column: str, row: Row, role: str, unit: str | None) -> None:
    info, _ = read(tmp_path, "t.csv", table(f"{column},z", lambda i: f"{row(i)},{'pqr'[i % 3]}"))
    found = info.columns[0]
    assert (found.role, found.unit) == (role, unit)
    assert found.reason


def test_min_is_minutes_only_where_nothing_says_that_it_is_the_least(tmp_path: Path) -> None:
    weather, _ = read(tmp_path, "t.csv", table("temp_max,temp_min", lambda i: f"{i}.5,{i - 7}.5"))
    calls, _ = read(tmp_path, "u.csv", table("call_min,k", lambda i: f"{i}.5,{'pqr'[i % 3]}"))
    assert [each.role for each in weather.columns] == ["measure", "measure"]
    assert calls.columns[0].role == "duration"


def workbook(*sheets: tuple[str, list[list[Any]]]) -> bytes:
    openpyxl = importlib.import_module("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_is_read_from_its_first_sheet_with_anything_in_it(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["Report", None, None, None], ["region", "day", "amount", "ok"]]
    rows += [["N", dt.datetime(2023, 1, 1), place * 12.5, bool(place % 2)] for place in range(ROWS)]
    info, read_rows = read(tmp_path, "t.xlsx", workbook(("Empty", []), ("Sales", rows)))
    assert [column.type for column in info.columns] == [WORDS, DATE, NUMBER, "boolean"]
    assert read_rows[1] == ("N", dt.date(2023, 1, 1), 12.5, True)
    assert info.to_json()["reading"]["sheet"] == "Sales"


def test_a_workbook_of_very_many_sheets_is_refused_and_of_others_none_is_read_behind_the_table(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["a", "b"], [1, 2], [3, 4]]
    with pytest.raises(UnreadableDataset, match="1,001 sheets; 1,000 at most"):
        read(tmp_path, "t.xlsx", workbook(*((f"S{place}", []) for place in range(1001))))
    broken, whole = io.BytesIO(), zipfile.ZipFile(io.BytesIO(workbook(("Table", rows), ("Broken", rows))))
    with zipfile.ZipFile(broken, "w") as made:
        for name in whole.namelist():
            made.writestr(name, b"<" if name.endswith("sheet2.xml") else whole.read(name))
    assert read(tmp_path, "t.xlsx", broken.getvalue())[0].rows == 2


def test_a_workbook_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDataset, match="damaged or protected"):
        read(tmp_path, "t.xlsx", b"PK\x03\x04" + bytes(60))
    with pytest.raises(UnreadableDataset, match="not an Excel workbook"):
        read(tmp_path, "t.xlsx", "a,b\n1,2\n")


def test_lists_and_long_decimals_of_parquet_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    duckdb.connect().execute(
        "COPY (SELECT 'k' AS k, [1.50::DECIMAL(18, 2), 2.25] AS prices, (18446744073709551615::HUGEINT - i)::UBIGINT AS h, "
        "i::DECIMAL(30, 0) + 100000000000000000000 AS d, '2024-01-0' || (i % 9 + 1) AS day, '00' || i AS code "
        f"FROM range(60) t(i)) TO '{path}' (FORMAT parquet)"
    )
    info, rows = read(tmp_path, "t.parquet", path.read_bytes())
    assert [column.type for column in info.columns] == [WORDS, WORDS, WHOLE, WHOLE, DATE, WORDS]
    assert rows[1] == (
        *("k", "[1.50, 2.25]", Decimal(2**64 - 2), Decimal(10**20 + 1)),
        *(dt.date(2024, 1, 2), "001"),
    )


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, ["a,b", "c"]),
        ({"delimiter": ","}, ["a", "b;c"]),
        ({"header": False}, ["column1", "column2"]),
        ({"encoding": "cp1251"}, ["a,b", "c"]),
    ],
)
def test_what_is_said_of_a_file_goes_before_what_is_judged(
    tmp_path: Path, given: dict[str, Any], names: list[str]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(table("a,b;c", lambda i: "x,y;1"))
    info = inspect_dataset(path, "t.csv", given=given)
    assert [column.name for column in info.columns] == names
    assert info.encoding == given.get("encoding", "utf-8")


@pytest.mark.parametrize("name", ["p", "told", "v0", "v0_0", "row", "v", "data", "select"])
def test_no_name_of_a_column_is_in_the_way(tmp_path: Path, name: str) -> None:
    info, rows = read(tmp_path, "t.csv", table(f"{name},when", lambda i: f"${i}.5,{day(i):%d.%m.%Y}"))
    assert [column.type for column in info.columns] == [NUMBER, DATE]
    assert rows[1] == (1.5, day(1))


@pytest.mark.parametrize(
    ("above", "names"),
    [
        ("Report;2024\nCreated;2024-05-01\n\n", ["Name", "Amount"]),
        ("Report;Sales\nCreated;2024-05-01\n;\n", ["Name", "Amount"]),
        ("Report;Sales\nCreated;2024-05-01\nBy;Ann\n\n\n", ["Name", "Amount"]),
        ("Town;Visits\nRome;4\nOslo;5\n\n", ["Town", "Visits"]),  # a table of its own
        ("Report;2024\nCreated;2024-05-01\n", ["Report", "2024"]),  # nothing says where it ends
    ],
)
def test_labels_and_values_above_a_narrow_table_are_no_header(above: str, names: list[str], tmp_path: Path) -> None:
    info, rows = read(tmp_path, "t.csv", above + table("Name;Amount", lambda place: f"n{place};{place}", 30))
    assert [column.name for column in info.columns] == names
    if names == ["Name", "Amount"]:
        assert rows == [(f"n{place}", place) for place in range(30)]


def test_a_narrow_table_with_an_empty_line_among_its_rows_is_whole(tmp_path: Path) -> None:
    text = "Name;Amount\na;1\nb;2\n\n" + "".join(f"n{place};{place}\n" for place in range(30))
    info, rows = read(tmp_path, "t.csv", text)
    assert [column.name for column in info.columns] == ["Name", "Amount"]
    assert len(rows) == 32


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ("XFD1048576", "is used from A1 to XFD1048576, 17,179,869,184 cells: XFD1048576 stands far from the others"),
        ("AZ1000000", "is used from A1 to AZ1000000, 52,000,000 cells: AZ1000000 stands far from the others"),
    ],
)
def test_a_cell_far_from_all_others_is_named(odd: str, said: str, tmp_path: Path) -> None:
    openpyxl = importlib.import_module("openpyxl")
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in (["name", "x"], *([f"n{number}", number] for number in range(9))):
        book.active.append(row)
    book.active[odd] = "."
    book.save(out)
    with pytest.raises(UnreadableDataset) as refused:
        read(tmp_path, "t.xlsx", out.getvalue())
    assert said in str(refused.value)
    assert "which go from A1 to B10; empty that cell" in str(refused.value)
