"""The hostile hour: B alone for a while, then beside A; afterwards everything comes to rest, and is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg

from andon.adapters.postgres.access.keys import SCOPES, create_key
from andon.embedded import PostgresServer, RedisServer
from andon.migrations import migrate
from tests.functions import FOLDER
from tests.hostile.attacker import Attacker
from tests.hostile.honest import Honest
from tests.hostile.watching import Watching, memory_limits
from tests.soak.invariants import INVARIANTS
from tests.support.ledger import Ledger
from tests.support.scene import FUNCTIONS, Scene
from tests.support.system import System

QUIET_SECONDS = 240.0
# Those of the soak's that hold whatever is sent.
HOLDING = (
    "every run has ended",
    "a run's end is told once",
    "a report's status is what its newest run says",
    "an artifact is that of a completed step",
    "no memo has a fence that its run never had",
    "the outbox is empty",
    "no lease is dead",
)
RUNS = """
SELECT tenant || ' ' || function_id || ' ' || status AS what, count(*) AS n FROM andon.runs GROUP BY 1 ORDER BY 1
"""
ENV = {"ANDON_AUTH": "on"}


@dataclass(frozen=True)
class Verdict:
    """What was sent and seen, and by name what must hold with whatever breaks it."""

    counts: Mapping[str, Mapping[str, int]]
    alone: Mapping[str, Sequence[float]]
    beside: Mapping[str, Sequence[float]]
    violations: Mapping[str, Sequence[str]]

    @property
    def broken(self) -> dict[str, Sequence[str]]:
        """What did not hold."""
        return {name: found for name, found in self.violations.items() if found}


def p99(values: Sequence[float]) -> float:
    """The value that one of a hundred is above; the largest of less."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def hostile(folder: Path, stack: ExitStack, *, quiet: float, seconds: float, seed: int, pace: float) -> Verdict:
    """B beside A for `seconds`, with about `pace` of A's things a second, and for `quiet` seconds alone: half of that
    before and half after, since a machine that others use isn't the same all the time.
    """
    folder.chmod(0o755)  # PostgreSQL runs as somebody else when this runs as root
    postgres = stack.enter_context(PostgresServer(folder / "postgres"))
    redis = stack.enter_context(RedisServer(folder / "redis"))
    migrate(postgres.url)
    with psycopg.connect(postgres.url) as connection:
        secrets = {tenant: create_key(connection, tenant, tenant, SCOPES)[1] for tenant in ("acme", "beta")}
        connection.execute("CREATE TABLE public.tally (name text)")
    system = System(folder, postgres.url, redis.url, functions=(FUNCTIONS,), env={**ENV, FOLDER: str(folder)})
    stack.enter_context(system)
    scene = stack.enter_context(Scene(system, postgres.url, redis.url, Ledger(folder)))
    watching = Watching(system, memory_limits())

    def honest(more: int) -> Honest:
        return Honest(scene, scene.ledger, secrets["beta"], seed + more)

    before, beside, after = honest(0), honest(1), honest(2)
    work(before, watching, quiet / 2)
    attacker = Attacker(
        beside.newest_ids, url=system.url, redis=redis.url, secret=secrets["acme"], seed=seed, pace=pace
    )
    attacker.start()
    work(beside, watching, seconds)
    attacker.stop()
    stop_what_sleeps(scene, secrets["acme"])
    at_rest = comes_to_rest(scene, watching)
    work(after, watching, quiet / 2)
    at_rest = at_rest and comes_to_rest(scene, watching)

    violations = {name: [str(row) for row in scene.rows(INVARIANTS[name])][:9] for name in HOLDING}
    violations |= {
        "B loses nothing": [*before.lost, *beside.lost, *after.lost],
        "no request of A is answered by 500": attacker.broken,
        "no process ends by itself": watching.ended_alone,
        "no process takes more memory than its container has": watching.over_their_limit(),
        f"everything is quiet within {QUIET_SECONDS:g} s": [] if at_rest else ["it is not"],
    }
    if attacker.broken:
        system.show_output()
    reasons = scene.rows("SELECT left(reason, 60) AS what, count(*) AS n FROM andon.dead_events GROUP BY 1")
    counts = {
        "sent by A": attacker.sent,
        "done by B": before.done + beside.done + after.done,
        "memory, MiB at most": {name: peak // 2**20 for name, peak in watching.peaks.items()},
        "dead entries": {row["what"]: row["n"] for row in reasons},
        "runs": {row["what"]: row["n"] for row in scene.rows(RUNS)},
    }
    alone = {way: before.cancels[way] + after.cancels[way] for way in before.cancels}
    return Verdict(counts, alone, beside.cancels, violations)


def work(honest: Honest, watching: Watching, seconds: float) -> None:
    """B works for so long."""
    honest.start()
    watching.watch(seconds)
    honest.stop()


def stop_what_sleeps(scene: Scene, secret: str) -> None:
    """A's runs would sleep for an hour: A cancels them all."""
    headers = {"Authorization": f"Bearer {secret}"}
    answer = scene.api.post("/cancellations", json={"functionId": "walk", "reason": "over"}, headers=headers)
    assert answer.status_code == 202, answer.text


def comes_to_rest(scene: Scene, watching: Watching) -> bool:
    """Whether everything came to its end in time."""
    try:
        scene.wait_quiet(QUIET_SECONDS)
    except AssertionError:
        return False
    watching.watch(0.1)
    return True
