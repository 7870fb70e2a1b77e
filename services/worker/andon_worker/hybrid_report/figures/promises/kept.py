"""Two dates of a row of which one was promised, and the other says when it came: how late it was, and whether."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from andon_worker.hybrid_report.figures.planned import whole_words
from andon_worker.hybrid_report.figures.values import Floats

_PROMISED = whole_words(
    "promised?|plan(?:ned)?|due|scheduled?|estimated?|expected|required|target|deadline|eta|etd|committed|agreed|"
    "geplante?[rs]?|plan(?:termin|datum)|soll|fällig(?:keit)?|fälligkeitsdatum|zugesagt|prévue?s?|échéance|prometid[oa]|"
    "previst[oa]|vencimiento|vencimento|scadenza|gepland|verwacht|beloofd"
)
_CAME = whole_words(
    "actual(?:ly)?|delivered|received|arrived|arrival|completed|completion|done|finished|closed|resolved|paid|returned|"
    "ist|tatsächliche?[rs]?|geliefert|erledigt|abgeschlossen|bezahlt|eingegangen|fertig|réele?|réelle|livrée?|payée?|"
    "entregad[oa]|pagad[oa]|pag[oa]|real|entregue|consegnat[oa]|effettiv[oa]|geleverd|werkelijk|betaald"
)
_SENT = whole_words(
    "shipped|dispatched|sent|started|departed|versandt|versendet|gestartet|expédiée?|enviad[oa]|spedit[oa]"
)
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FEWEST_ROWS = 20
_BOUND = 1 / 3  # of what they would be apart if each stood beside any other


def promised(names: Sequence[str], moments: Sequence[Floats]) -> list[tuple[int, int]]:
    """The places of dates that were promised, and of those on which it came: each once, first those whose names say the
    same beside, and of several the two that are least apart.

    As for any two dates of one thing, the middle half of what they are apart spans less than a third of what it would
    by chance; but either may be the earlier.
    """
    plain = [_CAPITAL.sub(" ", name).replace("_", " ") for name in names]
    plans = [place for place, name in enumerate(plain) if _PROMISED.search(name)]
    came = [place for place, name in enumerate(plain) if _CAME.search(name) and place not in plans]
    came = came or [place for place, name in enumerate(plain) if _SENT.search(name) and place not in plans]

    def apart(pair: tuple[int, int]) -> tuple[bool, float]:
        plan, actual = pair
        rests = (_rest(plain[plan], _PROMISED), _rest(plain[actual], _CAME))
        return rests[0] != rests[1], float(np.nanmedian(np.abs(moments[actual] - moments[plan])))

    pairs = [(plan, actual) for plan in plans for actual in came if _belong(moments[plan], moments[actual])]
    found: list[tuple[int, int]] = []
    for pair in sorted(pairs, key=apart):
        if not {*pair} & {place for each in found for place in each}:
            found.append(pair)
    return found


def _rest(name: str, word: re.Pattern[str]) -> str:
    return " ".join(re.findall(r"[^\W_]+", word.sub(" ", name).lower()))


def _belong(plan: Floats, actual: Floats) -> bool:
    both = np.isfinite(plan) & np.isfinite(actual)
    if both.sum() < _FEWEST_ROWS:
        return False
    spread, one, other = (float(np.ptp(np.quantile(v[both], [0.25, 0.75]))) for v in (actual - plan, plan, actual))
    return spread < _BOUND * float(np.hypot(one, other)) and bool(np.any(actual[both] != plan[both]))
