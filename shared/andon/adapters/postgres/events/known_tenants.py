"""Which tenants there are, as far as somebody waits for what they send: those with a key, and those with open runs."""

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.statuses import CANCELLABLE

MOST = 1_000
_KNOWN = f"""
WITH RECURSIVE open (tenant, n) AS (
    (SELECT tenant, 1 FROM andon.runs WHERE status IN {CANCELLABLE} ORDER BY tenant LIMIT 1)
    UNION ALL
    SELECT (SELECT r.tenant FROM andon.runs r WHERE r.status IN {CANCELLABLE} AND r.tenant > o.tenant
            ORDER BY r.tenant LIMIT 1), o.n + 1
    FROM open o WHERE o.tenant IS NOT NULL AND o.n <= {MOST})
SELECT tenant FROM open WHERE tenant IS NOT NULL
UNION
(SELECT DISTINCT tenant FROM andon.api_keys WHERE revoked_at IS NULL LIMIT {MOST})
"""


def known_tenants(connection: Connection) -> set[str]:
    """Their names, of either kind so many at most."""
    return {tenant for (tenant,) in connection.execute(_KNOWN).fetchall()}
