"""What runs have printed and logged, some lines of one attempt at a step in each row."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg

from andon.adapters.postgres.statements import Statement

_KEEP = Statement("""
INSERT INTO andon.run_logs (run_id, step, attempt, lines)
SELECT k.run_id, k.step, k.attempt, k.lines::json
FROM unnest(%(runs)s::uuid[], %(steps)s::text[], %(attempts)s::int[], %(lines)s::text[])
    WITH ORDINALITY AS k (run_id, step, attempt, lines, place)
WHERE EXISTS (SELECT FROM andon.runs r WHERE r.id = k.run_id)
ORDER BY place
""")

_READ = Statement("""
SELECT id, step, attempt, lines FROM andon.run_logs
WHERE run_id = %(run)s AND id > %(after)s ORDER BY id LIMIT %(limit)s
""")


class Chunk(NamedTuple):
    """Lines of one attempt; `step` is None for what the handler says between its steps, `lines` a JSON list."""

    run_id: uuid.UUID
    step: str | None
    attempt: int
    lines: str = "[]"


def keep(connection: psycopg.Connection[Any], chunks: Sequence[Chunk]) -> None:
    """Keep them, in this order; those of runs that are gone are left out."""
    runs, steps, attempts, lines = map(list, zip(*chunks, strict=True))
    _KEEP.execute(connection, {"runs": runs, "steps": steps, "attempts": attempts, "lines": lines})


def read(
    connection: psycopg.Connection[Any], run_id: uuid.UUID, *, after: int = 0, limit: int = 1_000
) -> list[tuple[int, str | None, int, list[dict[str, Any]]]]:
    """The run's rows behind `after`, in order: id, step, attempt, lines (`at`, `stream`, `text`, a record's own)."""
    return _READ.execute(connection, {"run": run_id, "after": after, "limit": limit}).fetchall()
