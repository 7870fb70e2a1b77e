"""`python -m tests.hostile --minutes N`: tenant A sends whatever it can think of, beside tenant B that merely works.

Prints what was sent and seen, and what must hold with what breaks it; exits with 1 if anything does.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.hostile.hour import Verdict, hostile, p99


def main() -> int:
    """Run it; returns the exit code."""
    arguments = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    arguments.add_argument("--minutes", type=float, default=60.0)
    arguments.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments.add_argument("--pace", type=float, default=20.0, help="what A sends a second, about")
    given = arguments.parse_args()
    print(f"hostile for {given.minutes:g} minutes with seed {given.seed}", flush=True)
    seconds = given.minutes * 60
    with tempfile.TemporaryDirectory(prefix="andon-hostile-") as name, ExitStack() as stack:
        quiet = max(30.0, seconds / 5)
        verdict = hostile(Path(name), stack, quiet=quiet, seconds=seconds, seed=given.seed, pace=given.pace)
    return tell(verdict)


def tell(verdict: Verdict) -> int:
    """Print it; 1 if anything is violated, B's cancels included, which may take twice what they take alone."""
    for title, counts in verdict.counts.items():
        show(title, counts)
    print()
    slow = []
    for way, took in verdict.beside.items():
        alone, beside, n = p99(verdict.alone[way]), p99(took), len(took)
        print(f"cancels of B {way}, p99: {alone * 1000:.0f} ms alone, {beside * 1000:.0f} ms beside A (n {n})")
        slow += [f"{way}: {beside / alone:.1f} times"] if beside > 2 * alone else []
    violations = {**verdict.violations, "B's cancel p99 stays under twice its quiet value": slow}
    show("violations", {name: len(found) for name, found in violations.items()})
    for name, found in violations.items():
        for each in found[:5]:
            print(f"VIOLATED: {name}: {each}")
    return 1 if any(violations.values()) else 0


def show(title: str, counts: Mapping[str, int]) -> None:
    """Print a table of counts."""
    print(f"\n{title}")
    for name, number in sorted(counts.items()):
        print(f"{number:8d}  {name!s}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
