"""Cursor pages: newest first, stable while rows are added, opaque to the client."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from andon_api.problems import FieldErrors

Item = TypeVar("Item")
MOST = 200
USUAL = 50


def encode(*position: object) -> str:
    """The position after which the next page starts."""
    return base64.urlsafe_b64encode(json.dumps([str(part) for part in position]).encode()).decode().rstrip("=")


def decode(cursor: str | None, *kinds: Callable[[str], Any]) -> list[Any] | None:
    """The parts of a cursor, each read by its kind; None for no cursor. Raises `FieldErrors` for a strange one."""
    if not cursor:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [kind(part) for kind, part in zip(kinds, parts, strict=True)]
    except (ValueError, TypeError, binascii.Error):
        raise FieldErrors([("?cursor", "expected the nextCursor of a list, unchanged")]) from None


def page(found: Sequence[Item], limit: int, position: Callable[[Item], Sequence[object]]) -> dict[str, Any]:
    """A page of `found`, which was asked for with one row more than `limit`."""
    items = list(found[:limit])
    more = len(found) > limit
    return {"items": items, "next_cursor": encode(*position(items[-1])) if more else None}
