"""What a token or a stream may name: `report:<id>`, `run:<id>`, `subject:<kind>:<id>`."""

from collections.abc import Iterable

from sqlalchemy import select

from andon.adapters.postgres.models import Report, Run
from andon.engine.ids import parse_id
from andon_api.database import rows
from andon_api.reads import subjects

TABLES = {"report": Report.__table__, "run": Run.__table__}


def missing(tenant: str, things: Iterable[str]) -> set[str]:
    """Those of the things that the tenant doesn't have."""
    wanted = set(things)
    found: set[str] = set()
    for kind, table in TABLES.items():
        ids = [parse_id(each.partition(":")[2]) for each in wanted if each.startswith(f"{kind}:")]
        known = [id for id in ids if id is not None]
        if known:
            query = select(table.c.id).where(table.c.tenant == tenant, table.c.id.in_(known))
            found |= {f"{kind}:{row['id']}" for row in rows(query)}
    for each in wanted:
        if each.startswith("subject:") and subjects.find(tenant, *each.split(":", 2)[1:]) is not None:
            found.add(each)
    return wanted - found
