"""Lists: asked for page by page, as far as somebody reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from andon.client.decode import Resource, decode
from andon.client.transport import Transport

Item = TypeVar("Item", bound=Resource)
PAGE = 50


def listed(
    transport: Transport, path: str, of: type[Item], /, limit: int | None = None, *, page: int = PAGE, **query: object
) -> Iterator[Item]:
    """The things at `path`, in its order, at most `limit`; a `page` of so many is fetched when it is come to."""
    cursor: str | None = None
    left = limit
    while left is None or left > 0:
        size = page if left is None else min(left, page)
        found = transport.get(path, {**query, "limit": size, "cursor": cursor})
        for shown in found["items"]:
            yield decode(of, shown)
        cursor = found["nextCursor"]
        if cursor is None:
            return
        left = None if left is None else left - len(found["items"])
