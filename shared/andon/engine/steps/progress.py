"""How far a run is, as its code says."""

import math
from typing import Protocol

from andon.engine.memos import plain

MAX_NOTE = 500


class Progress(Protocol):
    """Where `step.progress` writes: cheap enough to be called in a loop."""

    def show(self, fraction: float | None, note: str | None) -> None:
        """`fraction` from 0 to 1, or None to leave it; `note` a short text, or None."""
        ...


class NoProgress:
    """Nobody looks."""

    def show(self, fraction: float | None, note: str | None) -> None:
        return None


def bounded_progress(fraction: float, note: str | None) -> tuple[float | None, str | None]:
    """What can be shown of what code says: a fraction between 0 and 1 (None for NaN), a storable note."""
    number = float(fraction)
    kept = None if math.isnan(number) else min(max(number, 0.0), 1.0)
    return kept, None if note is None else plain(str(note)[: MAX_NOTE * 2])[:MAX_NOTE]
