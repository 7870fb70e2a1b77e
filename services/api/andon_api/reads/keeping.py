"""How long a tenant's things are kept."""

from andon.adapters.postgres.upkeep.keeping import everybodys, keeping_of
from andon_api.database import Row, connection


def of(tenant: str) -> Row:
    """The tenant's own, and what the last prune kept of those who have nothing of their own."""
    return {"own": keeping_of(connection(), tenant).written(), "everybodys": everybodys(connection())}
