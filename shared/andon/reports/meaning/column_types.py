"""Which type a column of text has: judged by a sample of its values, then checked against every value in the file.

The report knows six types: integer, number, boolean, date, timestamp and text. A column gets the first spelling that
*all* its values are written in, tokens for "no value" aside; a stray word in row four million makes it text, and no
value is ever dropped unsaid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from andon.reports.control import Control
from andon.reports.duck import literal
from andon.reports.meaning import codes, judging, settling
from andon.reports.meaning.judging import Judgement
from andon.reports.options import NOTHING_SAID, ColumnChoice
from andon.reports.values import bounds, missing
from andon.reports.values.spelling import TEXT, Spelling
from andon.reports.wide import stretches

HEAD_ROWS = 10_000
HEAD_CELLS = 200_000
_COLUMNS_PER_QUERY = 50
_MORE = 200  # values looked at of a column that its sample told wrong


@dataclass(frozen=True)
class Checked:
    """What the whole file says of a spelling: in how many cells it stands, and the ends of what it reads there."""

    spelling: Spelling
    count: int
    low: Any
    high: Any


@dataclass(frozen=True)
class Found:
    """What the whole file says of a column.

    `value` is the SQL of its text, without what its user says is missing (`chosen`), and `raw` that with it.
    `present` cells aren't empty, `tokens` of them may stand for no value; `distinct` is close rather than exact.
    `read` is what `spelling` reads, unless that is text; `near` what most of a column of text is written in.
    """

    name: str
    value: str
    raw: str
    sample: Counter[str]
    judgement: Judgement
    present: int = 0
    distinct: int = 0
    tokens: Mapping[str, int] = field(default_factory=dict)
    checked: tuple[Checked, ...] = ()
    chosen: Mapping[str, int] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    spelling: Spelling = TEXT
    notes: tuple[str, ...] = ()

    @property
    def tried(self) -> tuple[Spelling, ...]:
        """What is checked against the whole file."""
        near = self.judgement.near
        return (*self.judgement.candidates, *([near] if near and near not in self.judgement.candidates else []))

    @property
    def values(self) -> int:
        return self.present - sum(self.tokens.values())

    @property
    def fitting(self) -> tuple[Spelling, ...]:
        """The candidates that every value in the file is written in; of a type chosen by hand, that which it means."""
        if self.judgement.forced:
            return self.judgement.candidates
        return tuple(each.spelling for each in self.checked if each.count == self.values and each.count)

    @property
    def read(self) -> Checked | None:
        return next((each for each in self.checked if each.spelling is self.spelling), None)

    @property
    def near(self) -> Checked | None:
        """The spelling in which most of the values are written, of a column where all are not."""
        best = max(self.checked, key=lambda each: each.count, default=None)
        return best if best and self.values > best.count >= judging.ALMOST * self.values else None


def detect(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    names: Sequence[str],
    values: Sequence[str],
    control: Control,
    *,
    choices: Mapping[str, ColumnChoice] | None = None,
    delimiter: str | None = None,
) -> tuple[int, list[Found]]:
    """The number of rows, and what is found of each of the text expressions `values` over the table `scan`.

    What doesn't fit a type that was chosen by hand counts as missing. Reads the whole table, so a row that can't be
    read raises here.
    """
    choices = choices or {}
    given = values
    values = [_without(value, choices.get(name)) for name, value in zip(names, values, strict=True)]
    samples = _samples(connection, scan, values)
    judged = [
        Found(name, value, raw, sample, judging.judge(name, sample, choices.get(name, NOTHING_SAID)))
        for name, value, raw, sample in zip(names, values, given, samples, strict=True)
    ]
    control.progress(0.1, "reading every value")
    rows, found = _check(connection, scan, judged, control)
    found = _judged_again(connection, scan, found, control)
    found = [_with_chosen(connection, scan, each, choices.get(each.name)) for each in found]
    said = {name for name, choice in choices.items() if choice.missing is not None}
    found = codes.without(connection, scan, found, said)
    evidence = settling.evidence(names, [each.fitting for each in found], [each.sample for each in found])
    return rows, [_settled(each, evidence, delimiter, choices.get(each.name)) for each in found]


def _samples(connection: duckdb.DuckDBPyConnection, scan: str, values: Sequence[str]) -> list[Counter[str]]:
    """Of each column the values in the first rows, in the order in which they first appear."""
    limit = max(1, min(HEAD_ROWS, HEAD_CELLS // len(values)))
    samples: list[Counter[str]] = []
    for piece in stretches(len(values)):
        rows = connection.execute(f"SELECT {', '.join(values[piece])} FROM (FROM {scan} LIMIT {limit})").fetchall()
        turned = list(zip(*rows, strict=True)) or [()] * len(values[piece])
        samples += [Counter(value for value in cells if value is not None) for cells in turned]
    return samples


def _check(
    connection: duckdb.DuckDBPyConnection, scan: str, columns: Sequence[Found], control: Control
) -> tuple[int, list[Found]]:
    """The number of rows, and the columns with what the whole file says of them: a pass for nearly every file."""
    rows, checked = 0, []
    for start in range(0, len(columns), _COLUMNS_PER_QUERY):
        control.check()
        some = columns[start : start + _COLUMNS_PER_QUERY]
        made, asked = [], ["count(*)"]
        for place, column in enumerate(some):
            made.append(f"{column.value} AS v{place}")
            # A fraction or a day is no key: how many different ones there are is told by the sample.
            named = not column.tried or column.tried[0].type in {"integer", "text"}
            asked += [f"count(v{place})", f"approx_count_distinct(v{place})" if named else "NULL"]
        inner = f"SELECT {', '.join(made)} FROM {scan}"
        made = ["*"]
        for place, column in enumerate(some):
            made += [f"{each.read(f'v{place}')} AS v{place}_{n}" for n, each in enumerate(column.tried)]
            asked += [
                f"{function}(v{place}_{n})" for n in range(len(column.tried)) for function in ("count", "min", "max")
            ]
            asked.append(f"count({_token(column, f'v{place}')})")
            asked += [f"count(CASE WHEN v{place} = {literal(token)} THEN 1 END)" for token in _tokens(column)]
        row = connection.execute(f"SELECT {', '.join(asked)} FROM (SELECT {', '.join(made)} FROM ({inner}))").fetchone()
        assert row is not None
        told = iter(row)
        rows = next(told)
        counted = [(next(told), next(told)) for _ in some]
        for column, (present, distinct) in zip(some, counted, strict=True):
            results = tuple(Checked(each, next(told), next(told), next(told)) for each in column.tried)
            all_tokens = next(told)
            tokens = {token: next(told) for token in _tokens(column)}
            if sum(tokens.values()) != all_tokens:
                tokens = _late_tokens(connection, scan, column)
            if distinct is None or column.sample.total() == present:
                distinct = len(column.sample) * present // (column.sample.total() or 1)
            checked.append(
                replace(column, present=present, distinct=min(distinct, present), checked=results, tokens=tokens)
            )
    return rows, checked


def _token(column: Found, value: str) -> str:
    """SQL for a cell's token, NULL if it has none: cells that the likeliest spelling reads aren't looked at."""
    unread = f"{value} IS NOT NULL AND " + (f"{value}_0 IS NULL AND " if column.tried else "")
    days = any(each.type in {"date", "timestamp"} for each in column.tried)
    token = missing.among_tokens(value, days=days)
    if words := column.judgement.stand_ins:
        token = f"({token} OR {value} IN ({', '.join(map(literal, words))}))"
    return f"CASE WHEN {unread}{token} THEN {value} END"


def _tokens(column: Found) -> list[str]:
    """The tokens in a column's sample; days that nobody means are left to be counted with the rest."""
    return [value for value in column.sample if missing.is_token(value) or value in column.judgement.stand_ins]


def _late_tokens(connection: duckdb.DuckDBPyConnection, scan: str, column: Found) -> dict[str, int]:
    """The tokens of a column whose sample lacks some, each with its count."""
    read = f", {column.tried[0].read('v')} AS v_0" if column.tried else ""
    rows = connection.execute(
        f"SELECT token, count(*) FROM (SELECT {_token(column, 'v')} AS token FROM "
        f"(SELECT v{read} FROM (SELECT {column.value} AS v FROM {scan}))) WHERE token IS NOT NULL GROUP BY token"
    ).fetchall()
    return dict(rows)


def _judged_again(
    connection: duckdb.DuckDBPyConnection, scan: str, columns: Sequence[Found], control: Control
) -> list[Found]:
    """The columns, those that the sample told wrong judged anew with some of the values that it lacked."""
    again = {}
    for place, column in enumerate(columns):
        if column.judgement.candidates and not column.fitting and column.values:
            control.check()
            likeliest = max(column.checked, key=lambda each: each.count).spelling
            others = connection.execute(
                f"SELECT v, count(*) FROM (SELECT {column.value} AS v FROM {scan}) "
                f"WHERE v IS NOT NULL AND {likeliest.read('v')} IS NULL GROUP BY v ORDER BY 2 DESC, 1 LIMIT {_MORE}"
            ).fetchall()
            sample = Counter({**column.sample, **dict(others)})
            judgement = judging.judge(column.name, sample)
            if judgement.candidates:
                again[place] = replace(column, sample=sample, judgement=judgement)
    if not again:
        return list(columns)
    _, checked = _check(connection, scan, list(again.values()), control)
    anew = dict(zip(again, checked, strict=True))
    return [anew.get(place, column) for place, column in enumerate(columns)]


def _settled(column: Found, evidence: settling.Evidence, delimiter: str | None, choice: ColumnChoice | None) -> Found:
    spelling, notes = settling.settle(column.name, column.fitting, evidence, delimiter, list(column.sample))
    tokens = dict(column.tokens)
    if choice and choice.missing is not None:
        tokens = dict(column.chosen) | ({} if spelling is TEXT else tokens)
    elif spelling is TEXT:
        tokens = {token: count for token, count in tokens.items() if token not in column.judgement.stand_ins}
        others = {value: count for value, count in column.sample.items() if value not in tokens}
        missing_words, kept = missing.in_words(tokens, others)
        tokens = {token: tokens[token] for token in missing_words}
        notes = (*notes, *kept)
    words = [word for word in column.judgement.stand_ins if word in tokens]
    if bounded := {word: tokens[word] for word in words if bounds.is_bound(word)}:
        notes = (*notes, bounds.said(bounded, column.present))
    if words := [word for word in words if word not in bounded]:
        notes = (*notes, f"{', '.join(words)} stands for no value, and counts as missing.")
    if column.limits:
        notes = (*notes, f"{', '.join(column.limits)} stands for no number, and counts as missing.")
    return replace(column, spelling=spelling, tokens=tokens, notes=(*column.judgement.notes, *spelling.notes, *notes))


def _without(value: str, choice: ColumnChoice | None) -> str:
    """A value, missing where its user says so."""
    if choice is None or not choice.missing:
        return value
    return f"CASE WHEN {value} NOT IN ({', '.join(map(literal, choice.missing))}) THEN {value} END"


def _with_chosen(connection: duckdb.DuckDBPyConnection, scan: str, column: Found, choice: ColumnChoice | None) -> Found:
    """The column with how often each spelling occurs that its user says is missing."""
    if choice is None or not choice.missing:
        return column
    rows = connection.execute(
        f"SELECT v, count(*) FROM (SELECT {column.raw} AS v FROM {scan}) "
        f"WHERE v IN ({', '.join(map(literal, choice.missing))}) GROUP BY v"
    ).fetchall()
    return replace(column, chosen=dict(rows))
