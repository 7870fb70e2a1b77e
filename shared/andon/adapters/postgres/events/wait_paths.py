"""Events that functions say they wait for, kept by the fields by which they do.

Whoever comes to wait looks back (`arrivals.look`) through the events of a name, of which there may be a great many; of
these he finds his own. A path counts from the moment at which a dispatcher that knows it began to lead: what was
recorded before that is looked through. One that no function has any more is forgotten, and begins anew.
"""

from collections.abc import Mapping, Sequence

from andon.adapters.postgres.connect import Connection
from andon.engine.events import Event
from andon.engine.steps.waiting import wait_key

_FORGET = """
DELETE FROM andon.wait_paths p
WHERE (event, path) NOT IN (SELECT event, path FROM unnest(%(events)s::text[], %(paths)s::text[]) w (event, path))
"""
_KEEP = """
INSERT INTO andon.wait_paths (event, path, since_seq)
SELECT event, path, (SELECT last_value FROM andon.event_seq)
FROM unnest(%(events)s::text[], %(paths)s::text[]) w (event, path)
ON CONFLICT DO NOTHING
"""
_INDEX = """
INSERT INTO andon.event_keys (key, event_seq) SELECT * FROM unnest(%s::uuid[], %s::bigint[]) ON CONFLICT DO NOTHING
"""


def register(connection: Connection, paths: Mapping[str, Sequence[str]]) -> None:
    """These are the paths by which there may be waits, by the events' names. The caller leads."""
    pairs = [(event, path) for event, known in paths.items() for path in known]
    values = {"events": [event for event, _ in pairs], "paths": [path for _, path in pairs]}
    connection.execute(_FORGET, values)
    connection.execute(_KEEP, values)


def index(connection: Connection, paths: Mapping[str, Sequence[str]], events: Sequence[Event]) -> None:
    """Keep these events, which are being recorded, by the paths by which they are waited for."""
    keys = [
        (key, each.seq)
        for each in events
        for path in paths.get(each.name, ())
        if (key := wait_key(each.tenant, each.name, path, each.data)) is not None
    ]
    if keys:
        connection.execute(_INDEX, [[key for key, _ in keys], [seq for _, seq in keys]])
