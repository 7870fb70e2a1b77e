"""Kinds as they were before a deploy. One that has another name now takes its subjects along, with their runs and what
is owed to them: else two kinds would write one row, and the end of a former name's run be taken for that of a newer.
"""

import logging
from collections.abc import Iterable
from typing import Any

from andon.adapters.postgres.connect import Connection
from andon.engine.declared.declarations import Declaration
from andon.engine.declared.subjects import Subject, both_write, from_json, subject_id

log = logging.getLogger(__name__)
AT_ONCE = 1_000

_STORED = "SELECT kind, function_id, trigger, path, row FROM andon.subject_kinds ORDER BY kind"
_SUBJECTS = """
SELECT id, tenant, key FROM andon.subjects WHERE kind = %s AND (key, tenant) > (%s, %s) ORDER BY key, tenant LIMIT %s
"""
# One that is there under the new name already is left as it is.
_RENAME = """
WITH renamed AS (
    UPDATE andon.subjects s SET id = w.id, kind = %s, version = s.version + 1
    FROM unnest(%s::uuid[], %s::uuid[]) w (former, id)
    WHERE s.id = w.former AND NOT EXISTS (SELECT FROM andon.subjects n WHERE n.id = w.id)
    RETURNING w.former, s.id
), owed AS (
    UPDATE andon.rows_owed o SET subject_id = s.id FROM renamed s WHERE o.subject_id = s.former
), about AS (
    UPDATE andon.runs r SET subject_id = s.id, door = CASE WHEN r.door = s.former THEN s.id ELSE r.door END
    FROM renamed s WHERE r.subject_id = s.former
)
SELECT count(*) FROM renamed
"""
_FORGET = "DELETE FROM andon.subject_kinds WHERE kind = %s"


def carry_over(connection: Connection, registry: Iterable[Declaration]) -> list[tuple[str, Subject]]:
    """Let the subjects of a kind that is gone be those of the kind that has its place: that writes its row, or is new
    and moved by its function. Before the registry's are written down, in the same transaction.

    Returns what asked for subjects and does no more: a trigger, with the kind as it is called now. A request that was
    accepted before starts nothing.
    """
    moved = [(each.subject, each.id, each.events[0].event) for each in registry if each.subject is not None]
    stored = connection.execute(_STORED).fetchall()
    known = {kind for kind, *_ in stored}
    unmoved = []
    for kind, function_id, trigger, path, row in stored:
        former = _read(kind, path, row)
        same = [(now, asks) for now, _, asks in moved if now.kind == kind]
        heirs = [
            (now, asks)
            for now, id, asks in moved
            if both_write(former, now) or (id == function_id and now.kind not in known)
        ]
        now, asks = next(iter([*same, *heirs]), (former, None))
        if now.kind != kind:
            number = _rename(connection, kind, now.kind)
            log.warning("subjects of kind %r are of kind %r now: %d of them", kind, now.kind, number)
        if asks != trigger:
            unmoved.append((trigger, Subject(now.kind, path)))
    return unmoved


def _read(kind: str, path: str, row: Any) -> Subject:
    """The subject as it was declared; one whose row another release has told in its way counts as without."""
    try:
        return from_json({"kind": kind, "id": path, "row": row})
    except (TypeError, KeyError, AttributeError):
        return Subject(kind, path)


def _rename(connection: Connection, former: str, newer: str) -> int:
    number, after = 0, ("", "")
    while found := connection.execute(_SUBJECTS, [former, *after, AT_ONCE]).fetchall():
        ids = [id for id, _, _ in found], [subject_id(tenant, newer, key) for _, tenant, key in found]
        row = connection.execute(_RENAME, [newer, *ids]).fetchone()
        number += row[0] if row else 0
        after = found[-1][2], found[-1][1]
    connection.execute(_FORGET, [former])
    return number
