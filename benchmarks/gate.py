"""The gate under load: very many runs at doors, who is let in, and what it costs a run that has no limit.

`python -m benchmarks.gate --runs 1000000`: the verbs of dispatcher and workers on a PostgreSQL of its own, in this
process, so that what is measured is the gate and neither Redis nor user code. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from andon import Concurrency, Singleton, function
from andon.adapters.cel import check_expression, value_of
from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.connect import connect
from andon.adapters.postgres.registered import functions
from andon.adapters.postgres.runs import leases
from andon.adapters.postgres.runs.settle import End, make_ends, settle_held
from andon.embedded import PostgresServer
from andon.engine.declared.declarations import Declaration
from andon.engine.declared.functions import Registry
from andon.engine.declared.gates import gates_of
from andon.engine.events import Event
from andon.engine.ids import new_id
from andon.migrations import migrate
from andon_worker.dispatcher.batches.batch import record_batch
from andon_worker.dispatcher.gatekeeper import Gatekeeper

LEASE = 600.0
LOOK_SECONDS, ALONE_SECONDS = 4.0, 0.25
PIECE = 100_000
_FILL = """
WITH made AS (
    INSERT INTO andon.events (tenant, id, name, data, ts)
    SELECT 'default', 'e' || n, 'work/asked', jsonb_build_object('user', n %% %(keys)s), now()
    FROM generate_series(%(first)s::int, %(last)s::int) n RETURNING seq, (data->>'user')::int AS user_)
INSERT INTO andon.runs (id, tenant, function_id, event_seq, door, door_order, gate_keys)
SELECT andon.uuid7(), 'default', 'work', seq, k.key, now() + seq * interval '1 us', ARRAY[k.key]
FROM made JOIN unnest(%(ids)s::uuid[]) WITH ORDINALITY k (key, place) ON k.place = user_ + 1
"""
_UNLIMITED = """
UPDATE andon.runs SET door = NULL, gate_keys = NULL, sent_at = now(), line = 'default', turn = 1 WHERE status = 'queued'
"""
_MOST = """
SELECT coalesce(max(n), 0) FROM (
    SELECT count(*) AS n FROM andon.runs WHERE ended_at IS NULL AND door IS NULL GROUP BY gate_keys[1]) counted
"""


def work(*limits: Concurrency, singleton: Singleton | None = None) -> Declaration:
    """The function whose runs wait."""
    return function(id="work", trigger="work/asked", concurrency=limits, singleton=singleton)(lambda event, step: None)


class House:
    """A database with a function, and what a dispatcher and its workers do with its runs."""

    def __init__(self, url: str, declared: Declaration) -> None:
        self.url = url
        self.declared = declared
        self.registry = Registry([declared], check_expression=check_expression)
        self.db = connect(url, name="bench")
        self.db.execute("TRUNCATE andon.runs, andon.events, andon.slots, andon.gate_due, andon.steps CASCADE")
        functions.register(self.db, self.registry)
        self.gatekeeper = Gatekeeper(self.registry)

    def fill(self, count: int, keys: int) -> None:
        """So many runs at doors, over so many keys."""
        [gate] = gates_of(self.declared)
        ids = [gate.key_of(Event("work/asked", {"user": n}), value_of) for n in range(keys)]
        for first in range(0, count, PIECE):
            last = min(first + PIECE, count) - 1
            self.db.execute(_FILL, {"keys": keys, "first": first, "last": last, "ids": ids})
        self.db.execute("INSERT INTO andon.gate_due (key) SELECT unnest(%s::uuid[])", [ids])
        self.db.execute("ANALYZE")

    def send(self, count: int, data: Callable[[int], dict[str, Any]]) -> list[uuid.UUID]:
        """A batch of events; returns the runs that may start."""
        events = [Event("work/asked", data(n), id=str(new_id())) for n in range(count)]
        with self.db.transaction():
            return [id for id, _ in record_batch(self.db, self.registry, events, [None] * count).started]

    def open(self) -> tuple[list[uuid.UUID], bool]:
        """One turn of the gatekeeper."""
        with self.db.transaction():
            hints, more = self.gatekeeper.open(self.db)
        return [id for id, _ in hints], more


def freed_and_next(house: House, seconds: float, workers: int) -> dict[str, Any]:
    """Workers end each run at once, and the gatekeeper lets in the next: how long a free slot stays free.

    Now and then comes an event whose key nobody else has: how long until its run is let in, beside all that wait.
    """
    hints: list[uuid.UUID] = []
    waits: list[float] = []
    freed: dict[str, list[float]] = {}
    done, stop, most = Counter[str](), threading.Event(), [0]
    lock = threading.Lock()

    def watch() -> None:
        """It reads every row, which takes a while: beside the gatekeeper, not in its turns."""
        with connect(house.url, name="watch") as db:
            while not stop.wait(LOOK_SECONDS):
                most.append(int((db.execute(_MOST).fetchone() or [0])[0]))

    def serve(name: str) -> None:
        with connect(house.url, name=name) as db:
            while not stop.is_set():
                with lock:
                    hint = hints.pop(0) if hints else None
                if hint is None or (claimed := leases.claim(db, hint, worker=name, lease=LEASE)) is None:
                    time.sleep(0.001)
                    continue
                with lock:  # before it: the gatekeeper may be faster than this thread
                    freed.setdefault(str(claimed.event.data["user"]), []).append(time.monotonic())
                while not settle_held(db, [End(claimed.id, claimed.fence, "completed")], frees=True):
                    pass  # its row was locked: a worker tries again, too
                done[name] += 1

    threads = [threading.Thread(target=serve, args=[f"w{n}"]) for n in range(workers)]
    threads.append(threading.Thread(target=watch))
    of_run = (
        "SELECT r.id, e.data->>'user' FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq WHERE r.id = ANY(%s)"
    )
    began, more = time.monotonic(), True
    while more:
        found, more = house.open()
        hints += found
    opened = {"let in at first": len(hints), "in s": round(time.monotonic() - began, 1)}
    for each in threads:
        each.start()
    until, busy, turns = time.monotonic() + seconds, 0.0, 0
    sent: dict[str, float] = {}
    alone: list[float] = []
    with connect(house.url, name="look") as look:
        while time.monotonic() < until:
            began = time.monotonic()
            if began >= until - seconds + len(sent) * ALONE_SECONDS:
                sent[f"alone {len(sent)}"] = began
                house.send(1, lambda _: {"user": f"alone {len(sent) - 1}"})
            found, more = house.open()
            busy += time.monotonic() - began
            turns += 1
            now = time.monotonic()
            users = dict(look.execute(of_run, [found]).fetchall()) if found else {}
            with lock:
                waits += [now - times.pop(0) for id in found if (times := freed.get(users[id]))]
                hints.extend(found)
            alone += [now - sent[user] for user in users.values() if user in sent]
            if not found and not more:
                time.sleep(0.002)
    stop.set()
    for each in threads:
        each.join()
    return opened | {
        "runs/s": round(sum(done.values()) / seconds),
        "most let in under a key": max(most),
        "looked": len(most) - 1,
        "gatekeeper busy": f"{busy / seconds:.0%}",
        "a turn, ms": round(busy / turns * 1000, 2),
        "freed to let in, ms": spread(waits),
        "event to let in where the key is free, ms": spread(alone),
    }


def spread(seconds: list[float]) -> dict[str, float]:
    """Median, 99th percentile and worst, in milliseconds."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return {
        name: round(v * 1000, 2)
        for name, v in (("median", statistics.median(ordered)), ("p99", p99), ("max", ordered[-1]))
    }


def wide_cancel(house: House) -> dict[str, Any]:
    """One wide cancel of all that is queued, swept chunk by chunk, and what tells of it."""
    [count] = house.db.execute("SELECT count(*) FROM andon.runs WHERE status = 'queued'").fetchone() or [0]
    [backend] = house.db.execute("SELECT pg_backend_pid()").fetchone() or [0]
    with house.db.transaction():
        event = Event("andon/runs.cancelled", {"functionId": "work"}, id=str(new_id()))
        record_batch(house.db, house.registry, [event], [None])
    began, python, server = time.monotonic(), time.process_time(), _cpu(backend)
    while True:
        with house.db.transaction():
            if wide.sweep(house.db) is None:
                break
    swept = time.monotonic() - began
    used = {"python": round(time.process_time() - python, 2), "postgres": round(_cpu(backend) - server, 2)}
    while make_ends(house.db):
        pass
    told = round(time.monotonic() - began, 2)
    return {"queued": count, "all cancelled s": round(swept, 2), "of processor time": used, "and told s": told}


def burst(house: House, events: int, batch: int) -> dict[str, Any]:
    """A burst of one singleton key: what the batches take, and what is left."""
    took = []
    for _ in range(0, events, batch):
        began = time.monotonic()
        house.send(batch, lambda _: {"user": 1})
        took.append(time.monotonic() - began)
        house.open()
    rows = house.db.execute("SELECT status, count(*) FROM andon.runs GROUP BY 1").fetchall()
    return {"events": events, "a batch, ms": spread(took), "runs": dict(rows)}


def cost(house: House, count: int, batch: int) -> dict[str, Any]:
    """Processor time of one run from its event to its end, of Python and of PostgreSQL, without user code."""
    [backend] = house.db.execute("SELECT pg_backend_pid()").fetchone() or [0]
    limited = bool(house.declared.concurrency)
    python, server = time.process_time(), _cpu(backend)
    for start in range(0, count, batch):
        hints = house.send(batch, lambda n, start=start: {"user": start + n})  # type: ignore[misc]
        while limited:
            found, more = house.open()
            hints += found
            if not more:
                break
        for hint in hints:
            claimed = leases.claim(house.db, hint, worker="w", lease=LEASE)
            assert claimed
            settle_held(house.db, [End(claimed.id, claimed.fence, "completed")], frees=limited)
    return {
        "python ms": round((time.process_time() - python) / count * 1000, 3),
        "postgres ms": round((_cpu(backend) - server) / count * 1000, 3),
    }


def _cpu(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def snapshot(url: str) -> Iterator[None]:
    """Somebody's transaction that sees the database as it is now, and keeps dead rows from being taken away."""
    with psycopg.connect(url) as db:
        db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        db.execute("SELECT 1 FROM andon.runs LIMIT 1")
        yield


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--only", default="")
    said = parser.parse_args()
    found: dict[str, Any] = {}
    each_user, ten = Concurrency(2, key="data.user"), Concurrency(10)

    def note(name: str, measure: Callable[[], Any]) -> None:
        if said.only in name:
            found[name] = measure()
            print(json.dumps({name: found[name]}), file=sys.stderr, flush=True)

    def filled(url: str, limit: Concurrency, keys: int) -> House:
        house = House(url, work(limit))
        house.fill(said.runs, keys)
        return house

    def without_a_gate(url: str) -> House:
        house = filled(url, ten, 1)
        house.db.execute(_UNLIMITED)
        return house

    def held(url: str) -> dict[str, Any]:
        house = filled(url, ten, 1)
        with snapshot(url):
            return freed_and_next(house, said.seconds, 2)

    with tempfile.TemporaryDirectory() as folder, PostgresServer(Path(folder)) as server:
        admin = server.url_of("postgres")
        with psycopg.connect(admin, autocommit=True) as db:
            db.execute("CREATE DATABASE bench TEMPLATE template0")
        url = server.url_of("bench")
        migrate(url)
        keys = max(1, said.runs // 100)
        note(
            f"{said.runs} runs, {keys} keys, limit 2",
            lambda: freed_and_next(filled(url, each_user, keys), said.seconds, 4),
        )
        note(f"{said.runs} runs at one door, limit 10", lambda: freed_and_next(filled(url, ten, 1), said.seconds, 2))
        note("the same beside an open snapshot", lambda: held(url))
        note("wide cancel of all at a door", lambda: wide_cancel(filled(url, ten, 1)))
        note("wide cancel of all in a queue", lambda: wide_cancel(without_a_gate(url)))
        note(
            "burst of a singleton",
            lambda: burst(House(url, work(singleton=Singleton("data.user", "cancel"))), 1000, 100),
        )
        note("cost of a run without a limit", lambda: cost(House(url, work()), 2000, 100))
        note("cost of a run with a limit", lambda: cost(House(url, work(each_user)), 2000, 100))
        note("cost of a run without a limit, again", lambda: cost(House(url, work()), 2000, 100))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
