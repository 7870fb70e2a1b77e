"""Tags that a run gives itself while it goes: by them it is found, and cancelled, as by those that it was made with."""

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.runs.journal import Holding
from andon.adapters.postgres.statements import Statement
from andon.adapters.postgres.statuses import HELD
from andon.engine.declared.tags import MOST_TAGS, tag_key

_TAG = Statement(f"""
WITH held AS (
    SELECT id, tenant, event_seq FROM andon.runs
    WHERE id = %(run)s AND fence = %(fence)s AND status IN {HELD} AND cancel_requested_at IS NULL
    FOR SHARE SKIP LOCKED
), known AS (
    SELECT count(*) AS others FROM andon.run_tags WHERE run_id = %(run)s AND tag <> %(tag)s
), room AS (
    SELECT held.* FROM held, known WHERE others < {MOST_TAGS}
), tagged AS (
    INSERT INTO andon.run_tags (tenant, tag, run_id) SELECT tenant, %(tag)s, id FROM room ON CONFLICT DO NOTHING
), keyed AS (
    INSERT INTO andon.cancel_keys (run_id, key, event_seq) SELECT id, %(key)s, event_seq FROM room
    ON CONFLICT DO NOTHING
)
SELECT others + 1 FROM held, known
""")


def tag(connection: Connection, holding: Holding, tenant: str, tag: str) -> int | None:
    """Give the run, which is this tenant's, a tag; returns how many it has with that. Of more than `MOST_TAGS` the last
    is not kept. None as with `journal.keep`.
    """
    values = {**holding._asdict(), "tag": tag, "key": tag_key(tenant, tag)}
    row = _TAG.execute(connection, values).fetchone()
    return None if row is None else row[0]
