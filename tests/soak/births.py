"""Whether a parent was asked to stop already when its child was made: noted by a trigger, as the batch sees it.

Clocks can't tell: a mark that waits for the batch has read its own before it waits, and is written after. The batch
holds the parent's row from before it looks until it is committed, so what its trigger reads of that row stays true.
"""

from __future__ import annotations

from typing import Any

import psycopg

_WATCH = """
CREATE TABLE IF NOT EXISTS public.births (child uuid, parent uuid, parent_was_to_stop bool);
CREATE OR REPLACE FUNCTION public.note_birth() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.births SELECT new.id, id, cancel_requested_at IS NOT NULL OR status = 'cancelled'
        FROM andon.runs WHERE id = new.parent_run_id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER note_birth AFTER UPDATE OF parent_run_id ON andon.runs FOR EACH ROW
    WHEN (new.parent_step IS NOT NULL AND old.parent_run_id IS NULL) EXECUTE FUNCTION public.note_birth();
"""


def watch(connection: psycopg.Connection[Any]) -> None:
    """Note from now on what each parent was when its child was made."""
    connection.execute(_WATCH, prepare=False)
