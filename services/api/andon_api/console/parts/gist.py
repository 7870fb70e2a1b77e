"""A run in a few words: what tells it from its neighbours in a list."""

from __future__ import annotations

import json
from typing import Any

MOST = 4
LONGEST = 48


def gist(data: dict[str, Any]) -> list[tuple[str, str]]:
    """The first plain values of an event's data: ids first, since they tell runs apart."""
    plain = [
        (str(key), value) for key, value in data.items() if not isinstance(value, (dict, list)) and value is not None
    ]
    plain.sort(key=lambda pair: not _is_id(pair[0]))
    return [(key[:LONGEST], _short(value)) for key, value in plain[:MOST]]


def _is_id(key: str) -> bool:
    return key == "id" or key.endswith(("Id", "_id", "ID"))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
