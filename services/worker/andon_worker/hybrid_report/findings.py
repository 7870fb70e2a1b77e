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


def key_findings(told: Mapping[str, Sequence[Sentence]]) -> list[dict[str, Any]]:
    """`{text, section, figure, effect}` of the largest effects, at most six, and no more than two of a section
    (three of the groups) unless places are left that no other section fills.

    What several sections find of the same columns is told once, and what other columns tell goes before more of the
    same ones. Only what is there, and rests on enough rows, is a finding: where nothing is, the list is empty.
    """
    left = [
        (name, sentence)
        for name, sentences in told.items()
        for sentence in sentences
        if sentence.effect >= _LEAST and (sentence.rows is None or sentence.rows >= FEWEST)
    ]
    chosen: list[tuple[str, Sentence]] = []
    while left and len(chosen) < MOST:
        known = Counter(column for _, sentence in chosen for column in sentence.about)
        taken = Counter(name for name, _ in chosen)
        free = [each for each in left if taken[each[0]] < _MOST_OF_A_SECTION.get(each[0], 2)] or left
        best = max(free, key=lambda each: each[1].effect * _AGAIN ** sum(known[column] for column in each[1].about))
        chosen.append(best)
        left = [each for each in left if each is not best and not _same(each[1], best[1])]
    return [
        {
            "text": one_way(sentence.text),
            "section": name,
            "figure": sentence.figure,
            "effect": round(sentence.effect, 3),
        }
        for name, sentence in chosen
    ]


def _same(one: Sentence, other: Sentence) -> bool:
    """Whether both tell of the same columns."""
    return bool(one.about) and set(one.about) == set(other.about)
