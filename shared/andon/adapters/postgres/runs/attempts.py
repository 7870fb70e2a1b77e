"""Attempts that did not do it: written where the run's row is held, in the statement that says what follows of them.

An attempt that succeeds is its step's memo, and costs nothing more.
"""

from typing import Any, Literal, NamedTuple


class Attempted(NamedTuple):
    """An attempt that was not the last. `step` is None for the handler itself, `seconds` is how long it took."""

    step: str | None
    number: int
    status: Literal["failed", "handed over"]
    seconds: float

    def values(self) -> dict[str, Any]:
        """What `KEPT` is executed with."""
        return {f"attempt_{name}": value for name, value in self._asdict().items()}


NOTHING = {f"attempt_{name}": None for name in Attempted._fields}

# Of a row `moved` (id, fence, worker_id), and an `error`.
KEPT = """
    INSERT INTO andon.attempts (run_id, fence, step, attempt, status, worker_id, started_at, ended_at, error)
    SELECT id, fence, %(attempt_step)s::text, %(attempt_number)s::int, %(attempt_status)s::text, worker_id,
        clock_timestamp() - %(attempt_seconds)s::float8 * interval '1 s', clock_timestamp(), %(error)s::jsonb
    FROM moved WHERE %(attempt_status)s::text IS NOT NULL
    ON CONFLICT DO NOTHING
"""

# Of rows `free` of runs: the worker is gone, and the heartbeat has said in which step it was.
LOST = """
    INSERT INTO andon.attempts (run_id, fence, step, attempt, status, worker_id, started_at, ended_at)
    SELECT f.id, f.fence, s.step, coalesce(s.attempt + 1, f.attempt), 'lost', f.worker_id,
        coalesce(f.step_started_at, f.lease_until), clock_timestamp()
    FROM free f LEFT JOIN LATERAL (
        SELECT f.current_step AS step, coalesce(max(attempt), 0) AS attempt FROM andon.steps
        WHERE run_id = f.id AND id = f.current_step
        HAVING f.current_step IS NOT NULL AND count(*) FILTER (WHERE status IN ('completed', 'failed')) = 0) s ON true
    ON CONFLICT DO NOTHING
"""
