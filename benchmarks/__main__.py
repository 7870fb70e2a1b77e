"""`python -m benchmarks`: Andon alone in about five minutes; `--peers`: everybody, side by side."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import machine, w1_cancel, w1_path, w2_steps, w3_mass_cancel, w4_crash, w5_growth, w6_doors
from benchmarks.contenders import ANDON, PEERS, Contender
from benchmarks.plots import bars
from benchmarks.stage import Stage, Theatre, theatre

RESULTS = Path("benchmarks/results")
Measure = Callable[[Stage], dict[str, Any]]


class Results:
    """What was measured, told as it comes and kept as JSON, the machine's load beside each figure."""

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self._path = path
        self._data: dict[str, Any] = {"machine": about, "measured": []}

    def measure(self, workload: str, stage: Stage, call: Measure) -> dict[str, Any]:
        """Call, print, keep. A contender that fails is told of, and the others go on."""
        load, began = machine.load(), time.monotonic()
        try:
            figures = call(stage)
        except (RuntimeError, TimeoutError) as error:
            figures = {"failed": str(error)}
        seconds = round(time.monotonic() - began, 1)
        row = {"workload": workload, "contender": stage.contender.name, **figures}
        self._data["measured"].append({**row, "load before": load, "took s": seconds})
        print(f"{workload:12} {stage.contender.name:14} load {load:<5} {_brief(figures)}", flush=True)
        self._path.write_text(json.dumps(self._data, indent=1) + "\n")
        return figures


def _brief(figures: dict[str, Any]) -> str:
    parts = []
    for name, value in figures.items():
        if isinstance(value, dict) and "p50" in value:
            value = f"{value['p50']} / {value['p95']} / {value['p99']} ms (n {value['n']})"
        parts.append(f"{name} {value}")
    return "; ".join(parts)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--peers", action="store_true", help="the peers too, each beside Andon")
    parser.add_argument("--only", default="w1,w2,w3,w4,w5,w6", help="workloads, as in w1,w2")
    parser.add_argument("--contenders", default="", help="names, as in andon,celery")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 measures a tenth of everything")
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    peers = PEERS if asked.peers else []
    if asked.contenders:
        peers = [peer for peer in PEERS if peer.name in asked.contenders.split(",")]
    RESULTS.mkdir(exist_ok=True)
    name = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H%M%SZ}{'-peers' if peers else ''}.json"
    results = Results(RESULTS / name, machine.describe(peers))
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as folder, theatre(Path(folder)) as stores:
        for _ in range(asked.rounds):
            for workload in asked.only.split(","):
                WORKLOADS[workload](stores, [ANDON, *peers], results, asked.scale)
    print(f"kept in {RESULTS / name}")


@contextmanager
def _up(stores: Theatre, contender: Contender) -> Iterator[Stage]:
    with stores.stage(contender) as stage:
        try:
            stage.warm_up()
        except RuntimeError as error:
            print(error)  # what is measured next says that it fails
        yield stage


def _w1(stores: Theatre, contenders: list[Contender], results: Results, scale: float) -> None:
    counts = {"steps": 100, "steps-isolated": 100, "loop": 60, "blocking": 20}
    for contender in contenders:
        for kind, count in counts.items():
            if kind in contender.kinds:
                with _up(stores, contender) as stage:
                    number = max(round(count * scale), 5)
                    results.measure(f"w1 {kind}", stage, lambda s, k=kind, n=number: w1_cancel.measure(s, k, n))  # type: ignore[misc]
    with _up(stores, ANDON) as stage:
        results.measure("w1 path", stage, lambda s: w1_path.measure(s, max(round(60 * scale), 10)))


def _w2(stores: Theatre, contenders: list[Contender], results: Results, scale: float) -> None:
    for contender in contenders:
        with _up(stores, contender) as stage:
            results.measure("w2 idle", stage, lambda s: w2_steps.idle(s, round(100 * scale)))
            results.measure("w2 steps", stage, lambda s: w2_steps.throughput(s, round(2000 * scale)))


def _w3(stores: Theatre, contenders: list[Contender], results: Results, scale: float) -> None:
    for contender in contenders:
        with _up(stores, contender) as stage:
            results.measure("w3 each", stage, lambda s: w3_mass_cancel.one_by_one(s, round(1000 * scale)))
        if contender is ANDON:
            with _up(stores, contender) as stage:
                results.measure("w3 bulk", stage, lambda s: w3_mass_cancel.in_bulk(s, round(100_000 * scale)))


def _w4(stores: Theatre, contenders: list[Contender], results: Results, scale: float) -> None:
    for contender in contenders:
        for workload, restart in (("w4 restart", True), ("w4 second", False)):
            with _up(stores, contender) as stage:
                results.measure(workload, stage, lambda s, again=restart: w4_crash.measure(s, restart=again))  # type: ignore[misc]


def _w5(stores: Theatre, contenders: list[Contender], results: Results, scale: float) -> None:
    cancels: dict[str, float] = {}
    steps: dict[str, float] = {}
    with _up(stores, ANDON) as stage:
        for size in (100, 10_000, 1_000_000):
            size = max(round(size * scale), 100)
            found = results.measure(
                f"w5 {size:g} kept",
                stage,
                lambda s, n=size: w5_growth.kept(
                    s, n, cancels=max(round(60 * scale), 10), jobs=max(round(600 * scale), 50)
                ),  # type: ignore[misc]
            )
            cancels[f"{size:,} kept"] = found.get("cancel p99 ms", 0.0)
            steps[f"{size:,} kept"] = found.get("steps/s", 0.0)
    for number in (1, 10, 100, 500):
        many = {**ANDON.env, "ANDON_WORKER_THREADS": str(number + w1_cancel.AT_ONCE)}
        with _up(stores, Contender(**{**vars(ANDON), "env": many})) as stage:
            found = results.measure(
                f"w5 {number} run",
                stage,
                lambda s, n=number: w5_growth.executing(s, n, cancels=max(round(40 * scale), 10)),  # type: ignore[misc]
            )
            cancels[f"{number} executing"] = found.get("cancel p99 ms", 0.0)
    print(bars("cancel p99, ms", cancels), bars("steps/s", steps), sep="\n")


def _w6(stores: Theatre, contenders: list[Contender], results: Results, scale: float) -> None:
    with _up(stores, ANDON) as stage:
        results.measure("w6 bus", stage, lambda s: w6_doors.dispatcher(s, round(30_000 * scale)))
        results.measure("w6 api", stage, lambda s: w6_doors.api(s, max(5 * scale, 1.0)))
        results.measure("w6 cancels", stage, lambda s: w6_doors.cancels(s, round(2000 * scale)))


WORKLOADS = {"w1": _w1, "w2": _w2, "w3": _w3, "w4": _w4, "w5": _w5, "w6": _w6}

if __name__ == "__main__":
    main()
