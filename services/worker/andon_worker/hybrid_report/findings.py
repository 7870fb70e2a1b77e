"""Which of all that was found a reader should see first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from andon_worker.hybrid_report.evidence import FEWEST
from andon_worker.hybrid_report.section import Sentence
from andon_worker.hybrid_report.wording import one_way

MOST = 6
_MOST_OF_A_SECTION = 2
_LEAST = 0.12


def key_findings(told: Mapping[str, Sequence[Sentence]]) -> list[dict[str, Any]]:
    """`{text, section, figure, effect}` of the largest effects, at most six, and no more than two of a section.

    What several sections find of the same columns is told once. Only what is there, and rests on enough rows, is a
    finding: where nothing is, the list is empty.
    """
    ranked = sorted(
        (
            (name, sentence)
            for name, sentences in told.items()
            for sentence in sentences
            if sentence.effect >= _LEAST and (sentence.rows is None or sentence.rows >= FEWEST)
        ),
        key=lambda each: -each[1].effect,
    )
    chosen: list[dict[str, Any]] = []
    seen: set[frozenset[str]] = set()
    for name, sentence in ranked:
        about = frozenset(sentence.about)
        of_section = sum(each["section"] == name for each in chosen)
        if len(chosen) == MOST or of_section == _MOST_OF_A_SECTION or (about and about in seen):
            continue
        seen.add(about)
        chosen.append(
            {
                "text": one_way(sentence.text),
                "section": name,
                "figure": sentence.figure,
                "effect": round(sentence.effect, 3),
            }
        )
    return chosen
