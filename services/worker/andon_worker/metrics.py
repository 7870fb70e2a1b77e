"""What a worker and a dispatcher count and time themselves. One registry per process: nothing is global.

The list with each metric's meaning is docs/metrics.md; a name there is a promise to dashboards and alert rules.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily

from andon.adapters.postgres.runs.settle import Settled

Outcome = Literal["told", "failed", "given_up"]
CANCEL_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 7, 10, 30, 60, 300)


def new_registry() -> CollectorRegistry:
    """A registry that tells of the process itself: memory, processor time, open files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


class RunMetrics:
    """How runs ended, and how long cancelled ones took to. Counted by whichever process settled the run."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._settled = Counter(
            "andon_runs_settled", "Runs that this process settled", ["function", "status"], registry=registry
        )
        self._stopped_after = Histogram(
            "andon_cancel_stop_seconds",
            "From a cancel's acceptance until the run's code had stopped",
            ["function"],
            buckets=CANCEL_BUCKETS,
            registry=registry,
        )
        self._settled_after = Histogram(
            "andon_cancel_settle_seconds",
            "From a cancel's acceptance until the run's status was cancelled",
            ["function"],
            buckets=CANCEL_BUCKETS,
            registry=registry,
        )

    def count(self, settled: Sequence[Settled]) -> None:
        """Count runs that have just ended. Cleanup runs, which tell nobody, are left out."""
        for each in settled:
            if each.event is None:
                continue
            function = each.event.data["functionId"]
            self._settled.labels(function, each.status).inc()
            if each.status == "cancelled" and each.settled_after is not None:
                self._settled_after.labels(function).observe(max(each.settled_after, 0.0))
                if each.stopped_after is not None:
                    self._stopped_after.labels(function).observe(each.stopped_after)


class DispatcherMetrics:
    """What a dispatcher counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.runs = RunMetrics(registry)
        self._dropped = Counter(
            "andon_bus_dropped_entries", "Entries acknowledged without an effect", ["reason"], registry=registry
        )
        for reason in ("trimmed", "forgotten"):
            self._dropped.labels(reason)  # shown from the start: an increase needs a 0 to start from
        self._failed_evaluations = Counter(
            "andon_expression_failures",
            "Runs for which an expression had no value",
            ["function"],
            registry=registry,
        )
        self._failed = Counter(
            "andon_dispatcher_failures",
            "Failures that are no store's, by what was done",
            ["part"],
            registry=registry,
        )
        self._failed.labels("entry")
        self._missed_ticks = Counter(
            "andon_schedule_missed_ticks",
            "Ticks of schedules that no dispatcher saw in time",
            ["function"],
            registry=registry,
        )

        self._told = Counter(
            "andon_webhook_attempts", "Attempts to tell a webhook of an end", ["outcome"], registry=registry
        )
        for outcome in get_args(Outcome):
            self._told.labels(outcome)

    def told(self, outcome: Outcome) -> None:
        """Count an attempt to tell a webhook."""
        self._told.labels(outcome).inc()

    def dropped(self, reason: Literal["trimmed", "forgotten"], entries: int) -> None:
        """Count entries that the stream no longer had, or that lay below the bus' low-water mark."""
        self._dropped.labels(reason).inc(entries)

    def failed_evaluations(self, failed: Mapping[str, int]) -> None:
        """Count, by function, the runs that a cancel's expression can't tell of: they count as not matched."""
        for function, count in failed.items():
            self._failed_evaluations.labels(function).inc(count)

    def missed_ticks(self, missed: Mapping[str, int]) -> None:
        """Count, by function, the ticks that were late."""
        for function, count in missed.items():
            self._missed_ticks.labels(function).inc(count)

    def failed(self, part: str) -> None:
        """Count a failure that isn't a store's: an entry that makes code of ours fail, or a duty that does."""
        self._failed.labels(part).inc()

    def watch(
        self, *, leads: Callable[[], bool], turn_age: Callable[[], float], intake_age: Callable[[], float]
    ) -> None:
        """Show what the running service says of itself."""
        meaning = "Since it handled an entry of the bus, found none, or saw that another leads"
        gauge(self.registry, "andon_dispatcher_intake_age_seconds", meaning, intake_age)
        gauge(self.registry, "andon_dispatcher_leads", "1 while this dispatcher leads", lambda: float(leads()))
        gauge(self.registry, "andon_dispatcher_loop_age_seconds", "Since the loop last turned", turn_age)


def gauge(registry: CollectorRegistry, name: str, meaning: str, ask: Callable[[], float]) -> None:
    """Show what `ask` says whenever Prometheus asks."""
    Gauge(name, meaning, registry=registry).set_function(ask)


def family(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    """A gauge of a collector's: one value for each of what the labels say."""
    return GaugeMetricFamily(name, meaning, labels=labels)
