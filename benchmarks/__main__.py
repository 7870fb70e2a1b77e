"""`python -m benchmarks`: Andon alone; `--peers`: everybody, side by side."""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
from pathlib import Path

from benchmarks import machine
from benchmarks.contenders import ANDON, PEERS
from benchmarks.plan import WORKLOADS
from benchmarks.stage import theatre
from benchmarks.tally import Tally

RESULTS = Path("benchmarks/results")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--peers", action="store_true", help="the peers too, each beside Andon")
    parser.add_argument("--only", default=",".join(WORKLOADS), help="workloads, as in w1,w2")
    parser.add_argument("--contenders", default="", help="names, as in andon,celery")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 measures a tenth of everything")
    asked = parser.parse_args()
    contenders = [ANDON, *PEERS] if asked.peers else [ANDON]
    if asked.contenders:
        contenders = [each for each in [ANDON, *PEERS] if each.name in asked.contenders.split(",")]
    peers = [each for each in contenders if each is not ANDON]
    RESULTS.mkdir(exist_ok=True)
    name = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H%M%SZ}{'-peers' if peers else ''}.json"
    tally = Tally(RESULTS / name, machine.describe(peers))
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as folder, theatre(Path(folder)) as stores:
        for workload in asked.only.split(","):
            for contender in contenders:
                if workload in contender.workloads:
                    with tally.going_on(workload, contender):
                        WORKLOADS[workload](stores, contender, tally, asked.scale)
    print(f"kept in {RESULTS / name}")


if __name__ == "__main__":
    main()
