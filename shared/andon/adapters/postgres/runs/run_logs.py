"""What runs have printed and logged: in a row what one run said in a moment.

Each line says which attempt at a step it belongs to; a row of one attempt may say it in its columns, as those of an
earlier release do. What was printed at once is kept as one line with ends of line in it, and is taken apart when it is
read.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.statements import Statement

LEVELS = ("debug", "info", "warning", "error", "critical")

_KEEP = Statement(
    """
INSERT INTO andon.run_logs (run_id, step, attempt, lines)
SELECT k.run_id, k.step, k.attempt, k.lines::json
FROM unnest(%(runs)s::uuid[], %(steps)s::text[], %(attempts)s::int[], %(lines)s::text[])
    WITH ORDINALITY AS k (run_id, step, attempt, lines, place)
WHERE EXISTS (SELECT FROM andon.runs r WHERE r.id = k.run_id)
ORDER BY place
""",
    binary=True,
)

# What is printed, and a level of somebody's own, counts as info.
_RANK = "coalesce(array_position(%(levels)s::text[], line.said->>'level'), 2)"
_WITHIN = 1_000_000  # lines that were printed at once
_LINES = f"""
SELECT * FROM (
    SELECT l.id, line.n * {_WITHIN} + part.n AS n,
        CASE WHEN line.said->'attempt' IS NULL THEN l.step ELSE line.said->>'step' END AS step,
        coalesce((line.said->>'attempt')::int, l.attempt) AS attempt, (line.said->>'at')::float8 AS at,
        line.said->>'stream' AS stream, part.text, line.said->>'level' AS level, line.said->>'logger' AS logger,
        line.said->'fields' AS fields
    FROM andon.run_logs l, json_array_elements(l.lines) WITH ORDINALITY AS line (said, n),
        LATERAL unnest(CASE WHEN line.said->>'stream' = 'log' THEN ARRAY[line.said->>'text']
            ELSE string_to_array(line.said->>'text', E'\\n') END) WITH ORDINALITY AS part (text, n)
    WHERE l.run_id = %(run)s AND l.id >= %(id)s AND (%(rank)s::int = 1 OR {_RANK} >= %(rank)s::int)
) lines
WHERE (%(step)s::text IS NULL OR step = %(step)s::text) AND (%(attempt)s::int IS NULL OR attempt = %(attempt)s::int)
    AND (%(text)s::text IS NULL OR strpos(lower(text), lower(%(text)s::text)) > 0
        OR strpos(lower(fields::text), lower(%(text)s::text)) > 0)
"""
_AFTER = Statement(f"""{_LINES} AND (id, n) > (%(id)s::bigint, %(n)s::bigint) ORDER BY id, n LIMIT %(limit)s""")
_NEWEST = Statement(f"""SELECT * FROM ({_LINES} ORDER BY id DESC, n DESC LIMIT %(limit)s) newest ORDER BY id, n""")


class Chunk(NamedTuple):
    """Lines, `lines` a JSON list; `step` is None for what the handler says between its steps."""

    run_id: uuid.UUID
    step: str | None
    attempt: int
    lines: str = "[]"


class Place(NamedTuple):
    """Where a line is: its row, and its number there. Lines of a run are in the order of their places."""

    id: int = 0
    n: int = 0


class Line(NamedTuple):
    """One line. `level`, `logger` and `fields` are a log record's; what is printed has none."""

    place: Place
    step: str | None
    attempt: int
    at: dt.datetime
    stream: str
    text: str
    level: str | None = None
    logger: str | None = None
    fields: dict[str, Any] | None = None


@dataclass(frozen=True)
class Wanted:
    """Which lines of a run: of a step or attempt, from a level up, with a text in them."""

    step: str | None = None
    attempt: int | None = None
    level: str = "debug"
    text: str | None = None

    def values(self, run_id: uuid.UUID, limit: int) -> dict[str, Any]:
        """For the statements."""
        rank = LEVELS.index(self.level) + 1
        asked = {"step": self.step, "attempt": self.attempt, "rank": rank, "text": self.text}
        return {"run": run_id, "limit": limit, "levels": list(LEVELS), **asked}


def keep(connection: Connection, chunks: Sequence[Chunk]) -> None:
    """Keep them, in this order; those of runs that are gone are left out."""
    runs, steps, attempts, lines = map(list, zip(*chunks, strict=True))
    _KEEP.execute(connection, {"runs": runs, "steps": steps, "attempts": attempts, "lines": lines})


def read(
    connection: Connection,
    run_id: uuid.UUID,
    wanted: Wanted = Wanted(),
    *,
    after: Place = Place(),  # noqa: B008
    limit: int = 1_000,
) -> list[Line]:
    """The lines behind `after`, in their order."""
    return _read(_AFTER.execute(connection, {**wanted.values(run_id, limit), **after._asdict()}))


def newest(connection: Connection, run_id: uuid.UUID, wanted: Wanted, *, limit: int) -> list[Line]:
    """The newest lines, in their order."""
    return _read(_NEWEST.execute(connection, {**wanted.values(run_id, limit), "id": 0}))


def _read(cursor: psycopg.Cursor[Any]) -> list[Line]:
    return [
        Line(Place(id, n), step, attempt, dt.datetime.fromtimestamp(at, dt.UTC), *rest)
        for id, n, step, attempt, at, *rest in cursor.fetchall()
    ]
