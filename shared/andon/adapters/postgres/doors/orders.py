"""Places at doors that aren't those of arrival: what fairness between keys has to remember.

It is start-time fair queueing. A key's next run stands one second behind its last one, or beside whoever is first in
the line, whichever is later: so each key gets its turn, however many runs any of them has there. Where nobody stands in
the line there is nothing to be fair about, and what was before is forgotten.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.statements import Statement

_HEADS = Statement("""
SELECT d.door, (SELECT r.door_order FROM andon.runs r WHERE r.status = 'queued' AND r.door = d.door
                ORDER BY r.door_order, r.id LIMIT 1)
FROM unnest(%(doors)s::uuid[]) d (door)
""")
_LAST = Statement("SELECT door, key, last FROM andon.fair_tags WHERE door = ANY(%(doors)s) AND key = ANY(%(keys)s)")
_KEEP = Statement("""
INSERT INTO andon.fair_tags (door, key, last)
SELECT * FROM unnest(%(doors)s::uuid[], %(keys)s::uuid[], %(times)s::timestamptz[]) ORDER BY 1, 2
ON CONFLICT (door, key) DO UPDATE SET last = excluded.last
""")
_FORGET = Statement("DELETE FROM andon.fair_tags WHERE door = ANY(%(doors)s)")

Tag = tuple[uuid.UUID, uuid.UUID]
"""A door, and a key between which it is fair."""


def heads(connection: Connection, doors: Collection[uuid.UUID]) -> dict[uuid.UUID, dt.datetime]:
    """The place of who stands first at each of these doors; of those without a line what was before is forgotten."""
    found: dict[uuid.UUID, dt.datetime | None] = dict(_HEADS.execute(connection, {"doors": list(doors)}).fetchall())
    if empty := [door for door, head in found.items() if head is None]:
        _FORGET.execute(connection, {"doors": empty})
    return {door: head for door, head in found.items() if head is not None}


def last(connection: Connection, tags: Collection[Tag]) -> dict[Tag, dt.datetime]:
    """The place of each key's newest run, where it is remembered."""
    doors, keys = {door for door, _ in tags}, {key for _, key in tags}
    rows = _LAST.execute(connection, {"doors": list(doors), "keys": list(keys)}).fetchall()
    return {(door, key): time for door, key, time in rows}


def keep(connection: Connection, places: Mapping[Tag, dt.datetime]) -> None:
    """Remember these."""
    if places:
        doors, keys = zip(*places, strict=True)
        _KEEP.execute(connection, {"doors": list(doors), "keys": list(keys), "times": list(places.values())})
