"""Bars in a terminal."""

from __future__ import annotations

from collections.abc import Mapping

WIDTH = 40


def bars(title: str, values: Mapping[str, float]) -> str:
    """One line per value, as long as it is large."""
    largest = max(values.values(), default=0.0) or 1.0
    names = max((len(name) for name in values), default=0)
    lines = [
        f"  {name:>{names}} {'█' * max(round(value / largest * WIDTH), 1)} {value:g}" for name, value in values.items()
    ]
    return "\n".join([title, *lines])
