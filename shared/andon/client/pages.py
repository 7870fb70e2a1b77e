"""Lists: asked for page by page, as far as somebody reads."""

from collections.abc import AsyncIterator
from typing import TypeVar

from .decode import Resource, decode
from .transport import Transport

Item = TypeVar("Item", bound=Resource)
PAGE = 50


async def listed(
    transport: Transport, path: str, of: type[Item], /, limit: int | None = None, *, page: int = PAGE, **query: object
) -> AsyncIterator[Item]:
    """The things at `path`, in its order, at most `limit`; a `page` of so many is fetched when it is come to."""
    cursor: str | None = None
    left = limit
    while left is None or left > 0:
        size = page if left is None else min(left, page)
        found = await transport.get(path, {**query, "limit": size, "cursor": cursor})
        for shown in found["items"]:
            yield decode(of, shown)
        cursor = found["nextCursor"]
        if cursor is None:
            return
        left = None if left is None else left - len(found["items"])


async def all_of(transport: Transport, path: str, of: type[Item], /) -> AsyncIterator[Item]:
    """The things at `path`, which has no pages."""
    for shown in (await transport.get(path))["items"]:
        yield decode(of, shown)
