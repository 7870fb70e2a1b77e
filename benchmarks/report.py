"""`python -m benchmarks.report first.json second.json`: the tables of docs/performance.md, a results file per run.

A ratio is Andon's figure divided by the best peer's in the same run. For latencies less is better, and only peers count
whose jobs had all stopped when they showed `cancelled`; those that worked on are told apart.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]
LATENCY_WORKLOADS = {
    "w1 steps": "W1 steps",
    "w1 loop": "W1 loop",
    "w1 blocking": "W1 blocking",
}


class Run:
    """One results file."""

    def __init__(self, path: Path) -> None:
        data = json.loads(path.read_text())
        self.machine: Row = data["machine"]
        self.rows: list[Row] = data["measured"]

    def find(self, workload: str, contender: str = "andon") -> Row | None:
        """What was measured of this contender, if it was and did not fail."""
        found = (row for row in self.rows if (row["workload"], row["contender"]) == (workload, contender))
        return next((row for row in found if "failed" not in row), None)

    def peers(self, workload: str) -> list[Row]:
        """The peers' rows."""
        found = (row for row in self.rows if row["workload"] == workload and row["contender"] != "andon")
        return [row for row in found if "failed" not in row]


def main() -> None:
    """Print the tables of the runs named on the command line."""
    runs = [Run(Path(argument)) for argument in sys.argv[1:]]
    if not runs:
        sys.exit(__doc__)
    for title, table in {
        "The machine": _machine,
        "The goals": _goals,
        "W1: cancel, POST to `cancelled`": _cancels,
        "W1: where the milliseconds go": _path,
        "Kinds of work": _kinds,
        "W2: durable steps": _steps,
        "W3: mass cancel": _mass,
        "W4: crash": _crash,
        "W5: growth": _growth,
        "W6: doors": _doors,
        "Failed": _failed,
    }.items():
        head, *rows = table(runs)
        if rows:
            lines = [head, ["---"] * len(head), *rows]
            print(f"## {title}\n", *("| " + " | ".join(map(str, line)) + " |" for line in lines), "", sep="\n")


def _machine(runs: Sequence[Run]) -> Iterable[Sequence[object]]:
    yield ["", *_numbered(runs)]
    for name in ("at", "processor", "processors", "system", "python", "postgres", "redis", "andon"):
        yield [name, *(run.machine.get(name) for run in runs)]
    for peer in runs[0].machine.get("peers", {}):
        yield [peer, *(" ".join(run.machine["peers"].get(peer, {}).values()) for run in runs)]


def _goals(runs: Sequence[Run]) -> Iterable[Sequence[object]]:
    yield ["", "goal", *_numbered(runs)]
    for workload, name in LATENCY_WORKLOADS.items():
        yield [name, "at most 1.0, p50 / p99", *(_cancel_ratio(run, workload) for run in runs)]
    yield ["W2 steps/s", "at least 1.0 of Dramatiq", *(_rate_ratio(run, "dramatiq") for run in runs)]
    yield ["", "at least 3 of DBOS", *(_rate_ratio(run, "dbos") for run in runs)]
    yield ["", "at least 3 of Restate", *(_rate_ratio(run, "restate") for run in runs)]
    idle = [_ratio(run.find("w2 idle"), run.peers("w2 idle")) for run in runs]
    yield ["W2 idle job", "at most 1.0, p50 / p99", *idle]
    yield ["W3", "100,000 in 5 s", *(_of(run, "w3 bulk", "{all cancelled s} s of {queued:,}") for run in runs)]
    slower = "{steps/s before} to {steps/s meanwhile} steps/s"
    yield ["", "others slower by less than a fifth", *(_of(run, "w3 bulk", slower) for run in runs)]
    resumed = "at step {goes on at}, {after s} s"
    yield ["W4", "step 30, lease + 1 s (7 s)", *(_of(run, "w4 restart", resumed) for run in runs)]
    yield ["", "the same, a second worker", *(_of(run, "w4 second", resumed) for run in runs)]
    for figure in ("cancel p99 ms", "steps/s"):
        yield [f"W5 {figure}", "within 20 % from 10^2 to 10^6 kept", *(_flat(run, figure) for run in runs)]
    yield ["W6 dispatcher", "5,000 entries/s", *(_of(run, "w6 bus", "{entries/s in batches:,}") for run in runs)]
    bare = "{times the bare route's time}"
    yield ["W6 API", "within 1.5 of the bare route", *(_of(run, "w6 api", bare) for run in runs)]


def _cancels(runs: Sequence[Run]) -> Iterable[Sequence[object]]:
    yield ["", "", *_numbered(runs), "worked on"]
    for workload in LATENCY_WORKLOADS:
        for contender in _contenders(runs, workload):
            rows = [run.find(workload, contender) for run in runs]
            done = [row for row in rows if row]
            count = sum(row["cancelled"]["n"] for row in done)
            never = sum(row["not cancelled"] for row in done)
            worked = f"{sum(row['worked on after it'] for row in done)} of {count}"
            worked += f"; {never} not cancelled" if never else ""
            yield [workload[3:], contender, *(_spread(row, "cancelled") for row in rows), worked]


def _path(runs: Sequence[Run]) -> Iterable[Sequence[object]]:
    yield ["part, p50 / p95 / p99 ms", *_numbered(runs)]
    for part in _figures(runs, "w1 path"):
        yield [part, *(_spread(run.find("w1 path"), part) for run in runs)]


def _kinds(runs: Sequence[Run]) -> Iterable[Sequence[object]]:
    yield ["", "", *_numbered(runs)]
    for workload in dict.fromkeys(row["workload"] for run in runs for row in run.rows):
        if workload.startswith("kinds "):
            for figure, name in {"stopped": "code stopped", "cancelled": "`cancelled` in Postgres"}.items():
                yield [workload[6:], name, *(_spread(run.find(workload), figure) for run in runs)]
            for figure in ("at once", "gone after it was shown", "the worker goes on"):
                yield ["", figure, *(_of(run, workload, f"{{{figure}}}") for run in runs)]


def _steps(runs: Sequence[Run]) -> Iterable[Sequence[object]]:
    yield ["", *(f"steps/s, {run}" for run in _numbered(runs)), *(f"idle, {run}" for run in _numbered(runs))]
    for contender in _contenders(runs, "w2 steps"):
        rates = [_of(run, "w2 steps", "{steps/s:,.0f}, load {load before}", contender) for run in runs]
        yield [contender, *rates, *(_spread(run.find("w2 idle", contender)) for run in runs)]


def _mass(runs: Sequence[Run]) -> Iterable[Sequence[object]]:
    yield ["", "", *_numbered(runs)]
    for workload, name in {"w3 each": "one call each", "w3 many": "one call for all"}.items():
        for contender in _contenders(runs, workload):
            text = "{cancels/s:,} a second, {ran} ran, load {load before}"
            yield [name, contender, *(_of(run, workload, text, contender) for run in runs)]
    text = "{queued:,} accepted in {accepted s} s, all shown after {all cancelled s} s; {ran} ran"
    yield ["bulk", "andon", *(_of(run, "w3 bulk", text) for run in runs)]


def _crash(runs: Sequence[Run]) -> Iterable[Sequence[object]]:
    yield ["", "", *_numbered(runs)]
    for workload, name in {"w4 restart": "started again at once", "w4 second": "a second one was running"}.items():
        for contender in _contenders(runs, workload):
            yield [name, contender, *(_resumed(run.find(workload, contender)) for run in runs)]


def _growth(runs: Sequence[Run]) -> Iterable[Sequence[object]]:
    names = ("runs", "cancel p50 ms", "cancel p99 ms", "steps/s", "entries/s", "api p99 ms", "bytes per run")
    yield ["", "run", *names, "memory MiB: api, dispatcher, workers", "load"]
    for workload in dict.fromkeys(row["workload"] for run in runs for row in run.rows):
        for number, row in zip(_numbered(runs), (run.find(workload) for run in runs), strict=True):
            if row and workload.startswith("w5 "):
                memory = ", ".join(map(str, row["memory MiB"].values()))
                yield [workload[3:], number, *(row.get(name, "") for name in names), memory, row["load before"]]


def _doors(runs: Sequence[Run]) -> Iterable[Sequence[object]]:
    yield ["", *_numbered(runs)]
    for workload in ("w6 bus", "w6 api", "w6 cancels"):
        for figure in _figures(runs, workload):
            rows = [run.find(workload) for run in runs]
            yield [f"{workload[3:]}: {figure}", *(_spread(row, figure) if row else "" for row in rows)]


def _failed(runs: Sequence[Run]) -> Iterable[Sequence[object]]:
    yield ["run", "workload", "contender", "said"]
    for number, run in zip(_numbered(runs), runs, strict=True):
        for row in run.rows:
            if "failed" in row:
                yield [number, row["workload"], row["contender"], row["failed"]]


def _numbered(runs: Sequence[Run]) -> list[str]:
    return [f"run {number}" for number in range(1, len(runs) + 1)]


def _contenders(runs: Sequence[Run], workload: str) -> list[str]:
    return list(dict.fromkeys(row["contender"] for run in runs for row in run.rows if row["workload"] == workload))


def _figures(runs: Sequence[Run], workload: str) -> list[str]:
    """Names of what was measured, without the columns that every row has."""
    rows = [row for run in runs if (row := run.find(workload))]
    every = {"workload", "contender", "load before", "took s"}
    return list(dict.fromkeys(name for row in rows for name in row if name not in every))


def _spread(row: Row | None, figure: str | None = None) -> str:
    if row is None:
        return "not measured"
    value = row.get(figure) if figure else row
    if not isinstance(value, dict) or "p50" not in value:
        return str(value)
    return f"{value['p50']} / {value['p95']} / {value['p99']} (n {value['n']}), load {row['load before']}"


def _of(run: Run, workload: str, text: str, contender: str = "andon") -> str:
    row = run.find(workload, contender)
    return text.format_map(row) if row else "not measured"


def _resumed(row: Row | None) -> str:
    if row is None:
        return "not measured"
    if row["after s"] is None:
        return f"not within {row['waited s']:g} s"
    return f"step {row['goes on at']}, {row['after s']} s"


def _cancel_ratio(run: Run, workload: str) -> str:
    peers = run.peers(workload)
    honest = [row for row in peers if not (row["worked on after it"] or row["not cancelled"])]
    said = _ratio(run.find(workload), honest, lambda row: row["cancelled"])
    told_apart = ", ".join(row["contender"] for row in peers if row not in honest)
    return f"{said}; left out: {told_apart}" if told_apart else said


def _ratio(ours: Row | None, peers: Sequence[Row], values: Callable[[Row], Row] = lambda row: row) -> str:
    """Andon's p50 and p99 by the smallest of the peers'."""
    if ours is None or not peers:
        return "not measured"
    parts = []
    for share in ("p50", "p99"):
        best = min(peers, key=lambda row, share=share: values(row)[share])  # type: ignore[misc]
        parts.append(f"{values(ours)[share] / values(best)[share]:.2g} ({best['contender']})")
    return " / ".join(parts)


def _rate_ratio(run: Run, peer: str) -> str:
    ours, theirs = run.find("w2 steps"), run.find("w2 steps", peer)
    return f"{ours['steps/s'] / theirs['steps/s']:.2f}" if ours and theirs else "not measured"


def _flat(run: Run, figure: str) -> str:
    few, many = run.find("w5 100 kept"), run.find("w5 1,000,000 kept")
    return f"{few[figure]} to {many[figure]} ({many[figure] / few[figure]:.2f})" if few and many else "not measured"


if __name__ == "__main__":
    main()
