"""The names of columns, fit for SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Names that differ also without regard to case, as SQL needs it; a nameless column gets its number."""
    taken: set[str] = set()
    return tuple(_untaken(name.strip() or f"column{place}", taken) for place, name in enumerate(names, 1))


def _untaken(name: str, taken: set[str]) -> str:
    free = next(each for each in _variants(name) if each.lower() not in taken)
    taken.add(free.lower())
    return free


def _variants(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1
