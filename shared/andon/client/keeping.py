"""How long what a tenant has is kept."""

from __future__ import annotations

from .blocking import Blocking, blocking
from .decode import decode
from .models import Keeping
from .transport import Group

UNCHANGED = "unchanged"


class AsyncKeepings(Group):
    """How long runs, artifacts, unused datasets and nameless files of the tenant are kept."""

    async def get(self) -> Keeping:
        """The tenant's own times, and everybody's, which hold where it has none."""
        return decode(Keeping, await self._transport.get("/keeping"))

    async def change(
        self,
        *,
        runs: str | None = UNCHANGED,
        artifacts: str | None = UNCHANGED,
        unused: str | None = UNCHANGED,
        orphans: str | None = UNCHANGED,
    ) -> Keeping:
        """Keep it so from the next prune on: `"30d"`; None is as everybody's again. Takes the scope `admin`."""
        given = {"runs": runs, "artifacts": artifacts, "unused": unused, "orphans": orphans}
        changes = {what: keep for what, keep in given.items() if keep != UNCHANGED}
        return await self._transport.patch(Keeping, "/keeping", changes)


class Keepings(Blocking[AsyncKeepings]):
    """How long runs, artifacts, unused datasets and nameless files of the tenant are kept."""

    get = blocking(AsyncKeepings.get)
    change = blocking(AsyncKeepings.change)
