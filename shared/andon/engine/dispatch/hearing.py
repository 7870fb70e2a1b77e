"""What to tell who sends an event that no function listens to."""

from collections.abc import Iterable
from difflib import get_close_matches

from andon.engine.declared.triggers import On


def unheard(name: str, heard: Iterable[str]) -> str | None:
    """A sentence if none of the names that functions start, or are cancelled, on covers this one; with the nearest."""
    names = set(heard)
    if any(On(each).covers(name) for each in names):
        return None
    near = get_close_matches(name, names, n=3, cutoff=0.6)
    guess = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"No function starts, or is cancelled, on {name}.{guess}"
