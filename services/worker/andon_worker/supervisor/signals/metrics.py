"""What a worker counts, as a hook of its runs and steps."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram

from andon.engine.ports import Attempt
from andon_worker.metrics import RunMetrics, gauge
from andon_worker.supervisor.hosting.hosts import Run
from andon_worker.supervisor.signals.hooks import Hook, Outcome

STEP_BUCKETS = (0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 180, 600, 1800)


class WorkerMetrics(Hook):
    """What a worker counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.runs = RunMetrics(registry)
        self._steps = Histogram(
            "andon_step_seconds",
            "Time of one attempt at a step, recalled steps left out",
            ["function", "outcome"],
            buckets=STEP_BUCKETS,
            registry=registry,
        )
        self._lease_losses = Counter(
            "andon_lease_losses", "Runs that this worker held and lost to another", registry=registry
        )

    def watch(self, *, hosted: Callable[[], int], lanes: int, beat_age: Callable[[], float]) -> None:
        """Show what the running service says of itself; each is asked when Prometheus asks."""
        gauge(self.registry, "andon_worker_runs", "Runs that this worker holds now", hosted)
        gauge(self.registry, "andon_worker_lanes", "Runs that this worker can hold at once", lambda: lanes)
        gauge(self.registry, "andon_heartbeat_age_seconds", "Since the last heartbeat that succeeded", beat_age)

    def step_ends(self, run: Run, attempt: Attempt, outcome: Outcome, seconds: float) -> None:
        """As a hook."""
        self._steps.labels(run.claimed.function_id, outcome).observe(seconds)

    def lease_lost(self, run: Run) -> None:
        """As a hook."""
        self._lease_losses.inc()
