"""Whose turn it is. Queued runs stand in lines, one for each kind of hint, and in a line the tenants take turns.

A run gets its turn when it is hinted: the one after its tenant's last in that line, or the one that the line has come
to, whichever is later. Workers take the lowest, and of equal ones the oldest run. So of ten tenants with runs in a line
each gets every tenth claim, however many runs any of them has there, and one that comes waits for no other's backlog.

All of it is read from indexes of what is queued now. There is no account to drift: runs that are cancelled or claimed
are out of it with their status.

A line's floor is a turn below which none is queued. It spares claims the entries of runs claimed long ago, which stay
in the index for as long as somebody's snapshot is older. Only the dispatcher that leads may give turns, or raise
floors: of two at once, one could raise a floor above the turn that the other is about to give.
"""

from collections.abc import Sequence

from andon.adapters.postgres.connect import Connection

_HEAD = """
coalesce((SELECT r.turn FROM andon.runs r
          WHERE r.status = 'queued' AND r.turn IS NOT NULL AND r.line = w.line AND r.turn >= coalesce(l.floor, 0)
          ORDER BY r.turn LIMIT 1), l.floor, 0)
"""
_LAST = f"""
WITH wanted AS (SELECT line, tenant FROM unnest(%s::text[], %s::text[]) w (line, tenant)),
heads AS MATERIALIZED (
    SELECT w.line, {_HEAD} AS turn FROM (SELECT DISTINCT line FROM wanted) w LEFT JOIN andon.lines l USING (line)),
raised AS (
    INSERT INTO andon.lines AS l (line, floor) SELECT line, turn FROM heads
    ON CONFLICT (line) DO UPDATE SET floor = excluded.floor WHERE l.floor < excluded.floor)
SELECT w.line, w.tenant, greatest(h.turn - 1, (
    SELECT r.turn FROM andon.runs r
    WHERE r.status = 'queued' AND r.turn IS NOT NULL AND r.tenant = w.tenant AND r.line = w.line
    ORDER BY r.turn DESC LIMIT 1))
FROM wanted w JOIN heads h USING (line)
"""
_RAISE = f"""
UPDATE andon.lines f SET floor = h.turn
FROM (SELECT w.line, {_HEAD} AS turn FROM andon.lines w JOIN andon.lines l USING (line)) h
WHERE f.line = h.line AND f.floor < h.turn
"""
_FIND_AGAIN = """
UPDATE andon.lines l SET floor = coalesce((
    SELECT r.turn FROM andon.runs r WHERE r.status = 'queued' AND r.turn IS NOT NULL AND r.line = l.line
    ORDER BY r.turn LIMIT 1), l.floor)
"""


def give(connection: Connection, places: Sequence[tuple[str, str]]) -> list[int]:
    """The turns of runs that enter lines, given as (line, tenant), in this order."""
    if not places:
        return []
    lines, tenants = zip(*set(places), strict=True)
    rows = connection.execute(_LAST, [list(lines), list(tenants)]).fetchall()
    last = {(line, tenant): turn for line, tenant, turn in rows}
    given = []
    for place in places:
        last[place] += 1
        given.append(last[place])
    return given


def raise_floors(connection: Connection) -> None:
    """Let the floors follow what was claimed."""
    connection.execute(_RAISE)


def find_floors(connection: Connection) -> None:
    """Find the floors anew, whatever was believed before: for one who begins to lead."""
    connection.execute(_FIND_AGAIN)
