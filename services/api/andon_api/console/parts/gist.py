"""A run in a few words: what tells it from its neighbours in a list."""

import json
from itertools import islice
from typing import Any

from andon.engine.steps.invoking import given

MOST = 4
LONGEST = 48
FEW = 20
"""So many items of a list, or of what lies inside, are looked at."""


def gist(data: dict[str, Any]) -> list[tuple[str, str]]:
    """The first plain values of an event's data, then of the objects in it: ids first, since they tell runs apart; what
    is left of the room is for lists.
    """
    found = [(str(key), value) for key, value in given(data).items()]
    inside = [
        (f"{key}.{name}", held)
        for key, value in found
        if isinstance(value, dict)
        for name, held in islice(value.items(), FEW)
    ]
    plain = [pair for pair in found if not isinstance(pair[1], (dict, list)) and pair[1] is not None]
    deeper = [pair for pair in inside if not isinstance(pair[1], (dict, list)) and pair[1] is not None]
    for pairs in (plain, deeper):
        pairs.sort(key=lambda pair: not _is_id(pair[0]))
    lists = [pair for pair in (*found, *inside) if isinstance(pair[1], list)]
    return [(key[:LONGEST], _short(value)) for key, value in [*plain, *deeper, *lists][:MOST]]


def _is_id(key: str) -> bool:
    return key.rpartition(".")[2] == "id" or key.endswith(("Id", "_id", "ID"))


def _short(value: Any) -> str:
    if isinstance(value, list):
        value = [_outside(each) for each in value[:FEW]]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _outside(value: Any) -> Any:
    """An item of a list, which may be large, as little of it as is shown."""
    if isinstance(value, (dict, list)):
        return "…"
    return value[:LONGEST] if isinstance(value, str) else value
