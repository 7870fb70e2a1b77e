"""Note what a request changes, and who asked, in the session's transaction: neither is there without the other."""

from typing import Any

from andon.adapters.postgres.access import audit
from andon_api.database import connection
from andon_api.principal import principal, trace_id


def note(action: str, target: object, **details: Any) -> None:
    """Note the change. `action` is one of `audit.ACTIONS`."""
    who = principal()
    audit.record(
        connection(),
        action,
        target,
        tenant=who.tenant,
        by=who.user,
        key_id=who.key_id,
        trace_id=trace_id(),
        details=details,
    )
