"""The audit: who has changed what."""

from __future__ import annotations

from collections.abc import Iterator

from andon.client.models import AuditEntry
from andon.client.pages import listed
from andon.client.transport import Transport


class Audit:
    """Who has changed what. Takes a key with the scope `admin`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self, *, action: str | None = None, target: str | None = None, limit: int | None = None
    ) -> Iterator[AuditEntry]:
        """Entries, newest first: of this action (`report.deleted`), and of what has this id."""
        return listed(self._transport, "/audit", AuditEntry, limit, action=action, target=target)
