"""What must hold once everything is quiet: each a query for the rows that break it."""

from __future__ import annotations

from collections.abc import Sequence

from tests import row_functions
from tests.soak.functions import ANSWER_SECONDS
from tests.support.scene import Scene

INVARIANTS = {
    "every run has ended": "SELECT id FROM andon.runs WHERE ended_at IS NULL",
    "a run's end is told once": """
        SELECT r.id FROM andon.runs r LEFT JOIN andon.events e
            ON e.name LIKE 'andon/function.%%' AND e.data->>'runId' = r.id::text
        WHERE r.kind = 'function' GROUP BY r.id, r.status
        HAVING count(e.seq) <> 1 OR min(e.name) <> 'andon/function.' || r.status""",
    "every recorded request has one run": """
        SELECT e.id FROM andon.events e LEFT JOIN andon.runs r ON r.event_seq = e.seq AND r.kind = 'function'
        WHERE e.name IN ('walk/requested', 'tally/requested', 'report/generation.requested', 'gather/requested')
        GROUP BY e.seq, e.id HAVING count(r.id) <> 1""",
    "a run is cancelled by a later cancel, and by no other": """
        SELECT r.id FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq
        WHERE r.status = 'cancelled' AND r.kind = 'function' AND r.cancel_cause IS NULL
            AND NOT EXISTS (SELECT FROM andon.events c WHERE c.seq > e.seq
                AND c.name IN ('walk/cancelled', 'report/generation.cancelled', 'gather/cancelled', 'export/cancelled',
                    'andon/subject.cancelled')
                AND coalesce(c.data->>'case', c.data->>'reportId', c.data->>'exportId', c.data->>'id')
                    = coalesce(e.data->>'case', e.data->>'reportId', e.data->>'exportId'))""",
    "what no cancel has stopped, a parent or a newer request has": """
        SELECT r.id, r.cancel_cause FROM andon.runs r WHERE r.cancel_cause <> 'parent'
            AND NOT (r.cancel_cause = 'superseded' AND EXISTS (
                SELECT FROM andon.runs n WHERE n.subject_id = r.subject_id AND n.event_seq > r.event_seq))""",
    "a cancel that the API accepted has won": """
        SELECT c.id FROM andon.events c CROSS JOIN LATERAL (
            SELECT e.seq FROM andon.events e WHERE e.name = 'report/generation.requested' AND e.seq < c.seq
                AND e.data->>'reportId' = c.data->>'reportId' ORDER BY e.seq DESC LIMIT 1) q
        JOIN andon.runs r ON r.event_seq = q.seq AND r.kind = 'function'
        WHERE c.name = 'report/generation.cancelled' AND r.status <> 'cancelled'""",
    "a report's status is what its newest run says": """
        SELECT p.id FROM andon.reports p LEFT JOIN andon.subjects s ON s.kind = 'report' AND s.key = p.id::text
        LEFT JOIN andon.runs r ON r.id = s.current_run_id
        WHERE p.status <> coalesce(CASE r.status WHEN 'completed' THEN 'generated' ELSE r.status END, 'idle')""",
    "a subject says what its newest run says": """
        SELECT s.id FROM andon.subjects s LEFT JOIN andon.runs r ON r.id = s.current_run_id
        WHERE s.status <> coalesce(r.status, 'idle')
            OR r.event_seq <> (SELECT max(event_seq) FROM andon.runs n WHERE n.subject_id = s.id)""",
    "a followed row says what its subject says": row_functions.WRONG,
    "no row is owed": "SELECT subject_id, reason FROM andon.rows_owed",
    "an artifact is that of a completed step": """
        SELECT a.run_id FROM andon.run_artifacts a LEFT JOIN andon.steps s ON s.run_id = a.run_id AND s.id = a.step
        WHERE s.status IS DISTINCT FROM 'completed'""",
    "a generated report has its artifact": """
        SELECT p.id FROM andon.reports p WHERE p.status = 'generated' AND NOT EXISTS (
            SELECT FROM andon.run_artifacts a JOIN andon.subjects s ON s.current_run_id = a.run_id
            WHERE s.kind = 'report' AND s.key = p.id::text)""",
    "a cancelled walk has been tidied up, once": """
        SELECT r.id FROM andon.runs r LEFT JOIN andon.runs h ON h.parent_run_id = r.id AND h.kind = 'on_cancel'
        WHERE r.status = 'cancelled' AND r.function_id = 'walk' AND r.kind = 'function'
        GROUP BY r.id HAVING count(h.id) <> 1""",
    "a transaction has taken effect exactly once": """
        SELECT e.data->>'case' FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq
        LEFT JOIN public.tally t ON t.name = e.data->>'case'
        WHERE r.function_id = 'tally' GROUP BY 1, r.status HAVING count(t.name) <> (r.status = 'completed')::int""",
    "a completed run has the memo of every step": """
        SELECT r.id FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq
        WHERE r.function_id = 'walk' AND r.kind = 'function' AND r.status = 'completed'
            AND (SELECT count(*) FROM andon.steps s WHERE s.run_id = r.id AND s.status = 'completed')
                <> (e.data->>'steps')::int + (coalesce((e.data->>'nap')::float8, 0) > 0)::int""",
    "no memo has a fence that its run never had": """
        SELECT s.run_id FROM andon.steps s JOIN andon.runs r ON r.id = s.run_id WHERE s.fence > r.fence""",
    "no wait is lost": f"""
        SELECT r.id FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq JOIN andon.steps s ON s.run_id = r.id
        WHERE s.id = 'answer' AND s.status = 'completed' AND s.output::text = 'null' AND EXISTS (
            SELECT FROM andon.events a WHERE a.name = 'gather/answered' AND a.seq > e.seq
                AND a.data->>'case' = e.data->>'case'
                AND a.received_at < s.started_at + interval '{ANSWER_SECONDS / 2} s')""",
    "a parent is told of each of its children what became of it": """
        SELECT s.run_id FROM andon.steps s JOIN andon.runs c ON c.parent_run_id = s.run_id
            AND c.parent_step || '/result' = s.id
        WHERE s.status IN ('completed', 'failed')
            AND s.status <> CASE c.status WHEN 'completed' THEN 'completed' ELSE 'failed' END""",
    "no child is made of a cancelled parent, but where it is to be abandoned": """
        SELECT c.id FROM public.births b JOIN andon.runs c ON c.id = b.child JOIN andon.events e ON e.seq = c.event_seq
        WHERE b.parent_was_to_stop AND e.data->'_andon'->>'onCancel' <> 'abandon'""",
    "of each child it is known what its parent was when it was made": """
        SELECT c.id FROM andon.runs c LEFT JOIN public.births b ON b.child = c.id
        WHERE c.parent_step IS NOT NULL AND b.child IS NULL""",
    "a cancel reaches all children that aren't abandoned": """
        SELECT c.id FROM andon.runs c JOIN andon.runs p ON p.id = c.parent_run_id
        JOIN andon.events e ON e.seq = c.event_seq
        WHERE c.parent_step IS NOT NULL AND e.data->'_andon'->>'onCancel' <> 'abandon' AND p.status = 'cancelled'
            AND c.status <> 'cancelled' AND c.ended_at > p.cancel_requested_at + interval '120 s'""",
    "a parent that waits for its children ends after them": """
        SELECT p.id FROM andon.runs c JOIN andon.runs p ON p.id = c.parent_run_id
        JOIN andon.events e ON e.seq = c.event_seq
        WHERE c.parent_step IS NOT NULL AND e.data->'_andon'->>'onCancel' = 'wait' AND p.status = 'cancelled'
            AND NOT p.forced AND p.ended_at < c.ended_at""",
    "nobody waits who has ended": "SELECT run_id FROM andon.waits",
    "no slot is that of an ended run for long": """
        SELECT s.run_id FROM andon.slots s JOIN andon.runs r ON r.id = s.run_id
        WHERE r.ended_at < clock_timestamp() - interval '75 s'""",
    "the outbox is empty": "SELECT event_seq FROM andon.outbox",
    "no lease is dead": "SELECT id FROM andon.runs WHERE lease_until < now()",
    "no good entry is dead": "SELECT id FROM andon.dead_events",
    "no run failed but those that lost their workers": """
        SELECT id, error->>'message' AS message FROM andon.runs
        WHERE status = 'failed' AND error->>'type' <> 'WorkerLost' AND function_id <> 'make-export'""",  # never retried
}

COUNTS = """
SELECT function_id || ' (' || kind || ') ' || status AS what, count(*) AS n FROM andon.runs GROUP BY 1 ORDER BY 1
"""


def violations(scene: Scene, accepted: Sequence[str]) -> dict[str, list[str]]:
    """For each invariant, the rows that break it."""
    found = {name: [str(row) for row in scene.rows(query)] for name, query in INVARIANTS.items()}
    known = {row["id"] for row in scene.rows("SELECT id FROM andon.events")}
    found["every accepted event is recorded"] = [id for id in accepted if id not in known]
    found["no entry is unread or unacknowledged"] = [] if scene.handled() else ["some are"]
    return found
