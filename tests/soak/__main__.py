"""`python -m tests.soak --minutes N [--seed S]`: break something at random for N minutes, then check what must hold.

Prints what was sent, what was broken and every invariant with its violations; exits with 1 if there is any.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import psycopg

from andon.embedded import PostgresServer, RedisServer
from andon.migrations import migrate
from tests import row_functions
from tests.faults.proxy import Proxy
from tests.functions import FOLDER
from tests.soak import births
from tests.soak.breaking import Breaking
from tests.soak.invariants import COUNTS, violations
from tests.soak.load import Load
from tests.soak.watching import Watching
from tests.support import moves
from tests.support.ledger import Ledger
from tests.support.polling import wait_until
from tests.support.scene import FUNCTIONS, QUICK, Scene
from tests.support.system import System

QUIET_SECONDS = 240.0
SLOTS_SECONDS = 75.0
"""After which the slots of what has ended are gone, too: so often the gatekeeper looks for them."""


def main() -> int:
    """Run the soak; returns the exit code."""
    arguments = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    arguments.add_argument("--minutes", type=float, default=30.0)
    arguments.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = arguments.parse_args()
    print(f"soaking for {given.minutes:g} minutes with seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="andon-soak-") as name, ExitStack() as stack:
        return soak(Path(name), stack, given.minutes * 60, given.seed)


def soak(folder: Path, stack: ExitStack, seconds: float, seed: int) -> int:
    """Start everything, break it for `seconds`, wait until it is quiet, and judge."""
    folder.chmod(0o755)  # PostgreSQL runs as somebody else when this runs as root
    postgres = stack.enter_context(PostgresServer(folder / "postgres"))
    redis = stack.enter_context(RedisServer(folder / "redis"))
    migrate(postgres.url)
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE public.tally (name text)")
        connection.execute(row_functions.TABLE)
        moves.watch(connection)
        births.watch(connection)
    ways = stack.enter_context(Proxy(postgres.url)), stack.enter_context(Proxy(redis.url))
    system = System(
        folder,
        ways[0].url,
        ways[1].url,
        functions=(FUNCTIONS, "tests.soak.functions", row_functions.__name__),
        env={**QUICK, FOLDER: str(folder)},
        dispatchers=2,
        workers=2,
    )
    stack.enter_context(system)
    scene = stack.enter_context(Scene(system, postgres.url, redis.url, Ledger(folder)))
    load = Load(scene, seed)
    breaking = Breaking(scene, redis, postgres, ways, random.Random(seed))
    watching = Watching(postgres.url)
    load.start()
    watching.start()
    breaking.run(seconds)
    load.stop()
    quiet = wait_quiet(scene)
    watching.stop()
    time.sleep(SLOTS_SECONDS)
    found = violations(scene, load.accepted)
    found[f"everything is quiet within {QUIET_SECONDS:g} s"] = [] if quiet else ["it is not"]
    found["never more are let in than the limits say"] = watching.over
    found["no process ends by itself"] = breaking.ended_alone
    with psycopg.connect(postgres.url) as connection:
        made = moves.seen(connection)
    found["no run makes a move that the state machine has not"] = [str(each) for each in made.keys() - moves.KNOWN]
    show("sent", load.sent)
    show("broken", breaking.done)
    show("let in at once, at the most", watching.most)
    print(f"looked {watching.looks} times")
    show("runs", {row["what"]: row["n"] for row in scene.rows(COUNTS)})
    show("moves", {f"{old or 'made'} to {new}": made[old, new] for old, new in moves.KNOWN})
    show("violations", {name: len(rows) for name, rows in found.items()})
    wrong = {name: rows for name, rows in found.items() if rows}
    for name, rows in wrong.items():
        print(f"VIOLATED: {name}: {rows[:5]}")
    if wrong:
        system.show_output()
    return 1 if wrong else 0


def wait_quiet(scene: Scene) -> bool:
    """Whether everything came to its end in time."""
    try:
        scene.wait_quiet(QUIET_SECONDS)
        wait_until(lambda: scene.one("SELECT count(*) FROM andon.rows_owed") == 0, what="no row is owed")
    except AssertionError:
        return False
    return True


def show(title: str, counts: Mapping[str, int]) -> None:
    """Print a table of counts."""
    print(f"\n{title}")
    for name, number in sorted(counts.items()):
        print(f"{number:8d}  {name}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
