"""Which of all that was found a reader should see first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from andon_worker.hybrid_report.evidence import FEWEST
from andon_worker.hybrid_report.section import Sentence
from andon_worker.hybrid_report.wording import one_way

MOST = 6
_MOST_OF_A_SECTION = {"groups": 3}
_LEAST = 0.12
_AGAIN = 0.8  # what each column that is told of already leaves of an effect


_Found = tuple[str, Sentence]
_OF_COLUMNS = {"correlations", "drivers"}  # what goes with one number goes with those that rise with it
_BY_GROUP = {"groups", "drivers"}
_FLAGS = "share-of-"
_SHAPES = "distributions"  # how one column's values lie, which goes without saying beside more of that column


def key_findings(told: Mapping[str, Sequence[Sentence]]) -> list[dict[str, Any]]:
    """`{text, section, figure, effect}` of the largest effects, at most six, and no more than two of a section
    (three of the groups) unless places are left that no other section fills. Places that are left then are filled by
    what is small, but sure: by group, and of these flags first.

    What several sections find of the same columns is told once, also where one column tells much the same as another;
    and what other columns tell goes before more of the same ones. Only what is there, and rests on enough rows, is a
    finding: where nothing is, the list is empty.
    """
    found = [
        (name, sentence)
        for name, sentences in told.items()
        for sentence in sentences
        if sentence.effect > 0 and (sentence.rows is None or sentence.rows >= FEWEST)
    ]
    names, numbers = (_alike(told, sections) for sections in ({"groups"}, set(told)))

    def same(one: _Found, other: _Found) -> bool:
        """Whether both tell of the same columns, or the one of how one of the other's values lie."""
        kept = numbers if {one[0], other[0]} <= _OF_COLUMNS else names
        a, b = ({kept.get(column, column) for column in each[1].about} for each in (one, other))
        return bool(a) and (a == b or (one[0] == _SHAPES and a < b))

    chosen: list[_Found] = []
    left = [each for each in found if each[1].effect >= _LEAST]
    small = [each for each in found if each not in left and each[0] in _BY_GROUP and len(each[1].about) > 1]
    for pool in (left, small):
        pool = [each for each in pool if not any(same(each, other) for other in chosen)]
        while pool and len(chosen) < MOST:
            best = max(_free(pool, chosen), key=lambda each: _worth(each[1], chosen))
            chosen.append(best)
            pool = [each for each in pool if each is not best and not same(each, best)]
    return [
        {
            "text": one_way(sentence.text),
            "section": name,
            "figure": sentence.figure,
            "effect": round(sentence.effect, 3),
        }
        for name, sentence in chosen
    ]


def _free(left: list[_Found], chosen: list[_Found]) -> list[_Found]:
    """Those of sections that aren't told of enough yet; all, where there are none."""
    taken = Counter(name for name, _ in chosen)
    return [each for each in left if taken[each[0]] < _MOST_OF_A_SECTION.get(each[0], 2)] or left


def _worth(sentence: Sentence, chosen: list[_Found]) -> float:
    known = Counter(column for _, other in chosen for column in other.about)
    first = 1.0 if sentence.effect < _LEAST and sentence.figure.startswith(_FLAGS) else 0.0
    return first + sentence.effect * _AGAIN ** sum(known[column] for column in sentence.about)


def _alike(told: Mapping[str, Sequence[Sentence]], sections: set[str]) -> dict[str, str]:
    """Of each column that tells much the same as others, by these sections, the one that stands for all."""
    kept: dict[str, str] = {}
    for sentence in (each for name in sections & told.keys() for each in told[name] if each.alike):
        one, *others = (kept.get(column, column) for column in sentence.about)
        kept |= {column: one for column in (*sentence.about, *kept) if kept.get(column, column) in others}
        kept[one] = one
    return kept
