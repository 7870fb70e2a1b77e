"""The audit: who has changed what."""

from __future__ import annotations

from collections.abc import AsyncIterator

from .blocking import Blocking, iterating
from .models import AuditEntry
from .pages import listed
from .transport import Group


class AsyncAudit(Group):
    """Who has changed what. Takes a key with the scope `admin`."""

    def list(
        self, *, action: str | None = None, target: str | None = None, limit: int | None = None
    ) -> AsyncIterator[AuditEntry]:
        """Entries, newest first: of this action (`report.deleted`), and of what has this id."""
        return listed(self._transport, "/audit", AuditEntry, limit, action=action, target=target)


class Audit(Blocking[AsyncAudit]):
    """Who has changed what. Takes a key with the scope `admin`."""

    list = iterating(AsyncAudit.list)
