"""One amount, as it was planned and as it came: two columns, or the rows of a column that says which is which."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import duckdb

from andon.reports import Column, ReportOptions
from andon.reports.duck import identifier, literal


def whole_words(alternatives: str) -> re.Pattern[str]:
    """Whole words in any spelling of capitals; `_` parts words."""
    return re.compile(rf"(?i)(?<![^\W_])(?:{alternatives})(?![^\W_])")


_PLANNED = whole_words(
    "budget(?:ed)?|plan(?:ned)?|targets?|goal|forecast|soll(?:wert)?|ziel|geplant|prévu|prévision|objectif|presupuesto|"
    "previsto|orçado|orçamento|objetivo|begroot|begroting"
)
_ACTUAL = whole_words(
    "actuals?|ist(?:wert)?|tatsächlich|realisiert|achieved|réel|réalisé|effectif|reali[sz]ado|real|consuntivo|werkelijk|"
    "spent|ausgegeben|dépensé|gastado|gasto|speso|besteed"
)
# What is planned or spent anyway, so that one name has it and the other doesn't.
_AMOUNT = whole_words(
    "amounts?|costs?|spend(?:ing)?|expenses?|expenditures?|totals?|sum|value|kosten|betrag|beträge|ausgaben|aufwand|summe|"
    "wert|gesamt|coûts?|dépenses?|montant|importes?|costes?|costos?|gastos|custos?|costi|costo|spese|importo|bedrag"
)
_LESS = whole_words("variance|var|difference|diff|delta|abweichung|écart|desviación|varianza|verschil")
_YEARS = re.compile(r"\b(?:19|20)\d\d\b")
_FILLED = 0.8  # of the pairs of rows, that have both
_MOST_KINDS = 4


@dataclass(frozen=True)
class Planned:
    """The columns of what came and of what was planned."""

    actual: str
    plan: str


def planned(columns: Sequence[Column]) -> list[Planned]:
    """Pairs of numbers that are called alike but for one being planned, and the other what came of it or bare; and the
    two that are so but for a word as `cost`, where there are no others."""
    names = [column.name for column in columns if column.averaged]
    found: list[Planned] = []
    for actual, plan in permutations(names, 2):
        rest = _rest(plan, _PLANNED)
        bare = _rest(actual, _ACTUAL)
        alike = rest is not None and rest == (bare if bare is not None else _plain(actual))
        if alike and not _LESS.search(f"{actual} {plan}") and all(plan != each.plan for each in found):
            found.append(Planned(actual, plan))
    paired = {name for each in found for name in (each.actual, each.plan)}
    left = [name for name in names if name not in paired and not _LESS.search(name)]
    plans = _by_rest([name for name in left if not _ACTUAL.search(_spaced(name))], _PLANNED)
    came = _by_rest([name for name in left if not _PLANNED.search(_spaced(name))], _ACTUAL)
    both = [(came[rest], plans[rest]) for rest in plans if rest in came]
    return found + [Planned(one, other) for [one, *more], [other, *others] in both if not more and not others]


def _by_rest(names: Sequence[str], word: re.Pattern[str]) -> dict[str, list[str]]:
    """The names that have the word, by what they say beside it and beside being an amount."""
    found: dict[str, list[str]] = {}
    for name in names:
        if (rest := _rest(name, word)) is not None:
            found.setdefault(_plain(_AMOUNT.sub(" ", rest)), []).append(name)
    return found


def of_one_role(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns, those of what came with the role of what was planned where their own names say nothing."""
    by_name = {column.name: column for column in columns}
    for pair in planned(columns):
        one, other = by_name[pair.actual], by_name[pair.plan]
        for bare, told in ((one, other), (other, one)):
            if bare.role == "measure" and told.role != "measure":
                by_name[bare.name] = bare.with_role(told.role, f"as {told.name}")
    return tuple(by_name.values())


def _rest(name: str, word: re.Pattern[str]) -> str | None:
    """What a name says beside one of the words; None where none is in it."""
    plain = _spaced(name)
    return _plain(word.sub(" ", plain)) if word.search(plain) else None


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _plain(name: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", name.lower()))


def side_by_side(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Column], rows: str, options: ReportOptions
) -> tuple[str, str, tuple[Column, ...]] | None:
    """The column of words that says of each row whether it was planned or came, as `Budget` and `Actual`, and the query
    in which both stand in one row, with its columns; None where there is none, or an option names it.

    Rows belong together that are alike in all but their numbers; four of five must have both. What the difference is
    in rows of its own is left out.
    """
    chosen = {*options.measures, *options.group_by, options.question}
    for column in columns:
        numbers = [each for each in columns if each.averaged]
        if column.role != "category" or column.type != "text" or not numbers or len(numbers) > _MOST_KINDS:
            continue
        kinds = _kinds(connection, column, rows)
        if kinds is None or chosen & {column.name, *(each.name for each in numbers)}:
            continue
        kept = [c for c in columns if c is not column and c not in numbers and c.role != "id"]
        made = {
            (number.name, kind): (kind if len(numbers) == 1 else f"{number.name}, {kind}")
            for number in numbers
            for kind in kinds
        }
        if {each.name.lower() for each in kept} & {name.lower() for name in made.values()} or not kept:
            continue
        sums = ", ".join(
            f"sum({identifier(name)}) FILTER ({identifier(column.name)} = {literal(kind)}) AS {identifier(called)}"
            for (name, kind), called in made.items()
        )
        keys = ", ".join(identifier(each.name) for each in kept)
        query = f"SELECT {keys}, {sums} FROM {rows} GROUP BY ALL"
        if _have_both(connection, query, [*made.values()][:2]):
            by_name = {each.name: each for each in numbers}
            pairs = (replace(by_name[name], name=called, type="number") for (name, _), called in made.items())
            return column.name, query, (*kept, *pairs)
    return None


def _kinds(connection: duckdb.DuckDBPyConnection, column: Column, rows: str) -> tuple[str, str] | None:
    """The words for what came and for what was planned, where a column has these and hardly others."""
    c = identifier(column.name)
    found = connection.execute(f"SELECT DISTINCT {c} FROM {rows} WHERE {c} IS NOT NULL LIMIT {_MOST_KINDS + 1}")
    words = [str(word) for (word,) in found.fetchall()]
    bare = {word: _plain(_YEARS.sub(" ", word)) for word in words}
    actual = [word for word in words if _ACTUAL.fullmatch(bare[word])]
    plan = sorted((word for word in words if _PLANNED.fullmatch(bare[word])), key=bare.__getitem__)
    others = [word for word in words if word not in actual + plan and not _LESS.search(word)]
    return (actual[0], plan[0]) if len(actual) == 1 and plan and not others else None


def _have_both(connection: duckdb.DuckDBPyConnection, query: str, names: Sequence[str]) -> bool:
    a, b = map(identifier, names)
    [(every, both)] = connection.execute(
        f"SELECT count(*), count(*) FILTER ({a} IS NOT NULL AND {b} IS NOT NULL) FROM ({query})"
    ).fetchall()
    return bool(both and both >= _FILLED * every)
