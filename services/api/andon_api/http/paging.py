"""Cursor pages: newest first, stable while rows are added, opaque to the client."""

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from andon_api.http.problems import FieldErrors

Item = TypeVar("Item")
MOST = 200
USUAL = 50


@dataclass(frozen=True)
class Listing:
    """A list and its filters: a cursor of another one says nothing here, and is refused."""

    name: str
    filters: Mapping[str, object] = field(default_factory=dict)

    def encode(self, *position: object) -> str:
        """The position after which the next page starts."""
        parts = [self._mark(), *(str(part) for part in position)]
        return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")

    def decode(self, cursor: str | None, *kinds: Callable[[str], Any]) -> list[Any] | None:
        """The parts of a cursor, each read by its kind; None for no cursor. Raises a 400 for a strange one."""
        if cursor is None:
            return None
        try:
            mark, *parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            found = [kind(part) for kind, part in zip(kinds, parts, strict=True)]
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise FieldErrors([("?cursor", "expected the nextCursor of a list, unchanged")], status=400) from None
        if mark != self._mark():
            said = "expected the nextCursor of this list with the same filters"
            raise FieldErrors([("?cursor", said)], status=400)
        return found

    def page(self, found: Sequence[Item], limit: int, position: Callable[[Item], Sequence[object]]) -> dict[str, Any]:
        """A page of `found`, which was asked for with one row more than `limit`."""
        items = list(found[:limit])
        more = len(found) > limit
        return {"items": items, "next_cursor": self.encode(*position(items[-1])) if more else None}

    def _mark(self) -> str:
        given = sorted((name, str(value)) for name, value in self.filters.items() if value)
        return hashlib.blake2b(json.dumps([self.name, given]).encode(), digest_size=6).hexdigest()


def seq(text: str) -> int:
    """A part that is a number of Postgres'; raises `ValueError`."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or int(text) >= 2**63:
        raise ValueError(text)
    return int(text)


def moment(text: str) -> dt.datetime:
    """A part that is a time; raises `ValueError`."""
    found = dt.datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found
