"""Every move that a run makes in Postgres, whoever makes it: noted by a trigger, in the transaction that makes it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg

from andon.engine.states import MADE, MOVES

# Each move is a row of its own, so that nobody waits for anybody's note.
_WATCH = """
CREATE TABLE IF NOT EXISTS public.moves (run_id uuid, old text, new text);
CREATE OR REPLACE FUNCTION public.note_move() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.moves VALUES (new.id, CASE TG_OP WHEN 'UPDATE' THEN old.status END, new.status);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER note_making AFTER INSERT ON andon.runs FOR EACH ROW EXECUTE FUNCTION public.note_move();
CREATE OR REPLACE TRIGGER note_move AFTER UPDATE OF status ON andon.runs FOR EACH ROW
    WHEN (old.status IS DISTINCT FROM new.status) EXECUTE FUNCTION public.note_move();
"""
_SEEN = "SELECT old, new, count(*) FROM public.moves GROUP BY 1, 2"

Move = tuple[str | None, str]
KNOWN: frozenset[Move] = frozenset(
    [*((None, made.value) for made in MADE), *((old.value, new.value) for old, news in MOVES.items() for new in news)]
)


def watch(connection: psycopg.Connection[Any]) -> None:
    """Note from now on how runs are made and how they move."""
    connection.execute(_WATCH)


def seen(connection: psycopg.Connection[Any]) -> Counter[Move]:
    """How often each move was made; a run's making is one from None."""
    return Counter({(old, new): times for old, new, times in connection.execute(_SEEN).fetchall()})
