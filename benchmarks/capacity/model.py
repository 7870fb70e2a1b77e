"""How far one Andon carries: measured costs, times a load, against what one machine or process can give.

The costs are figures of `python -m benchmarks.capacity`. The limits are assumptions. Nothing here was run at its size.
"""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86_400.0
SIZES = (10_000, 1_000_000, 100_000_000, 1_000_000_000)

# Processor time in microseconds, of each process: measured.
ACCEPT = {"api": 2510, "dispatcher": 680, "worker": 0, "postgres": 820, "redis": 150}  # an event, by HTTP
RUN = {"api": 0, "dispatcher": 355, "worker": 1690, "postgres": 1320, "redis": 273}  # of one step, without its event
STEP = {"api": 0, "dispatcher": 49, "worker": 336, "postgres": 283, "redis": 25}  # each further one
CANCEL = {"api": 2510, "dispatcher": 860, "worker": 0, "postgres": 950, "redis": 180}  # by HTTP
# Bytes in Postgres, indexes included, and bytes of its write-ahead log: measured.
RUN_KEPT, STEP_KEPT, CANCEL_KEPT = 2280, 175, 2180
RUN_LOG, STEP_LOG, CANCEL_LOG = 4500, 390, 3800


@dataclass(frozen=True)
class Load:
    """What is asked of the system."""

    steps: int = 10  # of a run
    seconds: float = 60.0  # that a run holds a worker's thread
    cancelled: float = 0.05
    peak: float = 3.0  # the busiest hour by the day's average
    kept_days: float = 30.0


# One Python process and Redis have a core each. The rest is one large server. All of it 70 % full in the busiest hour.
LIMITS = {
    "connections": 500,
    "redis clients": 10_000,
    "dispatcher": 0.7,
    "redis": 0.7,
    "postgres": 45,
    "log MB/s": 350,
    "disk TB": 11,
}
REMEDIES = {
    "connections": "PgBouncer",
    "redis clients": "`maxclients 60000`, and workers of more threads",
    "dispatcher": "a further cell",
    "redis": "a further cell",
    "postgres": "a further cell",
    "log MB/s": "a further cell",
    "disk TB": "a shorter retention, or a further cell",
}


def needs(per_day: float, load: Load) -> dict[str, float]:
    """What the busiest hour takes: runs/s, cores by process, threads, connections, MB/s; and TB once all is kept."""
    rate = per_day / DAY * load.peak
    cores = {
        name: rate * (ACCEPT[name] + RUN[name] + STEP[name] * (load.steps - 1) + CANCEL[name] * load.cancelled) / 1e6
        for name in ACCEPT
    }
    threads = rate * load.seconds  # a worker has eight, and takes 18 connections to Postgres and 19 to Redis
    kept = RUN_KEPT + STEP_KEPT * (load.steps - 1) + CANCEL_KEPT * load.cancelled
    log = RUN_LOG + STEP_LOG * (load.steps - 1) + CANCEL_LOG * load.cancelled
    return {
        "runs/s": rate,
        "threads": threads,
        "connections": threads / 8 * 18 + cores["api"] * 32,  # an API process has 32 threads and at most a core
        "redis clients": threads / 8 * 19 + cores["api"] * 32,
        **cores,
        "log MB/s": rate * log / 1e6,
        "disk TB": per_day * load.kept_days * kept / 1e12,
    }


def thresholds(load: Load) -> dict[str, float]:
    """At how many runs a day each part gives way, the first one first: everything grows with the rate."""
    one = needs(1, load)
    return dict(sorted(((name, limit / one[name]) for name, limit in LIMITS.items()), key=lambda pair: pair[1]))


def given_way(per_day: float, load: Load) -> list[str]:
    """The parts that have given way at this size, in the order in which they do."""
    return [name for name, most in thresholds(load).items() if most < per_day]


def table(load: Load | None = None) -> str:
    """Both tables of `docs/scale.md`, in Markdown."""
    load = load or Load()
    columns = list(needs(1, load))
    lines = [_row("runs a day", *columns, "has given way"), "|---" * (len(columns) + 2) + "|"]
    for size in SIZES:
        found = needs(size, load)
        lines.append(_row(f"{size:,}", *(_short(found[name]) for name in columns), _words(given_way(size, load))))
    lines += ["", _row("part", "limit", "gives way at runs a day", "remedy"), "|---|---|---|---|"]
    lines += [_row(name, f"{LIMITS[name]:g}", _short(most), REMEDIES[name]) for name, most in thresholds(load).items()]
    return "\n".join(lines)


def _words(names: list[str]) -> str:
    return ", ".join(names) or "nothing"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _short(number: float) -> str:
    """Two digits that count."""
    rounded = float(f"{number:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"
