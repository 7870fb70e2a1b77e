"""What each workload measures of a contender, and how often at scale 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from benchmarks import kinds, w1_cancel, w1_path, w2_steps, w3_mass_cancel, w4_crash, w5_growth, w6_doors, w7_logs
from benchmarks.contenders import ANDON, Contender
from benchmarks.plots import bars
from benchmarks.stage import Stage, Theatre
from benchmarks.tally import Tally

Workload = Callable[[Theatre, Contender, Tally, float], None]


@contextmanager
def _up(stores: Theatre, contender: Contender) -> Iterator[Stage]:
    with stores.stage(contender) as stage:
        stage.warm_up()
        yield stage


def _w1(stores: Theatre, contender: Contender, tally: Tally, scale: float) -> None:
    counts = {"steps": 100, "loop": 60, "blocking": 20}
    for kind, count in counts.items():
        if kind in contender.kinds:
            with _up(stores, contender) as stage:
                number = max(round(count * scale), 5)
                tally.measure(f"w1 {kind}", stage, partial(w1_cancel.measure, kind=kind, count=number))
    if contender is ANDON:
        with _up(stores, contender) as stage:
            tally.measure("w1 path", stage, partial(w1_path.measure, count=max(round(60 * scale), 10)))


def _kinds(stores: Theatre, contender: Contender, tally: Tally, scale: float) -> None:
    with _up(stores, contender) as stage:
        for kind in kinds.AT_ONCE:
            count = max(round(200 * scale), 5)
            tally.measure(f"kinds {kind}", stage, partial(kinds.measure, kind=kind, count=count))


def _w2(stores: Theatre, contender: Contender, tally: Tally, scale: float) -> None:
    with _up(stores, contender) as stage:
        tally.measure("w2 idle", stage, partial(w2_steps.idle, count=max(round(60 * scale), 10)))
        tally.measure("w2 steps", stage, partial(w2_steps.throughput, count=max(round(2000 * scale), 50)))
        if contender is ANDON:
            tally.measure("w2 crowd", stage, partial(w2_steps.crowd, count=max(round(1000 * scale), 50)))


def _w3(stores: Theatre, contender: Contender, tally: Tally, scale: float) -> None:
    count = max(round(1000 * scale), 50)
    with _up(stores, contender.plus(contender.queueing)) as stage:
        tally.measure("w3 each", stage, partial(w3_mass_cancel.thousand, count=count, many=False))
        if contender.cancels_many:
            tally.measure("w3 many", stage, partial(w3_mass_cancel.thousand, count=count, many=True))
    if contender is ANDON:
        with _up(stores, contender) as stage:
            tally.measure("w3 bulk", stage, partial(w3_mass_cancel.in_bulk, count=round(100_000 * scale)))


def _w4(stores: Theatre, contender: Contender, tally: Tally, scale: float) -> None:
    for workload, restart in (("w4 restart", True), ("w4 second", False)):
        with _up(stores, contender) as stage:
            tally.measure(workload, stage, partial(w4_crash.measure, restart=restart))


def _w5(stores: Theatre, contender: Contender, tally: Tally, scale: float) -> None:
    found: dict[str, dict[str, Any]] = {}
    cancels, jobs = max(round(40 * scale), 10), max(round(600 * scale), 50)
    for state in w5_growth.FILL:
        with _up(stores, contender) as stage:
            for size in (100, 10_000, 1_000_000):
                runs = max(round(size * scale), 100)
                measure = partial(w5_growth.grown, state=state, runs=runs, cancels=cancels, jobs=jobs)
                found[f"{runs:,} {state}"] = tally.measure(f"w5 {size:,} {state}", stage, measure)
    for runs in (1, 10, 100, 500):
        threads = {"ANDON_LANES": str(w5_growth.threads(runs))}
        with _up(stores, contender.plus(threads)) as stage:
            measure = partial(w5_growth.executing, runs=runs, cancels=cancels)
            found[f"{runs:,} executing"] = tally.measure(f"w5 {runs:,} executing", stage, measure)
    for figure in ("cancel p99 ms", "steps/s", "entries/s", "api p99 ms"):
        print(bars(figure, {name: row[figure] for name, row in found.items() if figure in row}))


def _w6(stores: Theatre, contender: Contender, tally: Tally, scale: float) -> None:
    with _up(stores, contender) as stage:
        tally.measure("w6 bus", stage, partial(w6_doors.dispatcher, count=round(30_000 * scale)))
        tally.measure("w6 api", stage, partial(w6_doors.api, seconds=max(5 * scale, 1.0)))
        tally.measure("w6 cancels", stage, partial(w6_doors.cancels, count=round(2000 * scale)))


def _w7(stores: Theatre, contender: Contender, tally: Tally, scale: float) -> None:
    with _up(stores, contender) as stage:
        tally.measure("w7 logs", stage, partial(w7_logs.talking, count=max(round(1000 * scale), 50)))


WORKLOADS: dict[str, Workload] = {
    "w1": _w1,
    "kinds": _kinds,
    "w2": _w2,
    "w3": _w3,
    "w4": _w4,
    "w5": _w5,
    "w6": _w6,
    "w7": _w7,
}
