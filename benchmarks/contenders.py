"""Who is measured: the packages, processes and statuses of Andon and of each peer."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.environments import python_of

_OWN_TABLE = "SELECT id FROM bench_jobs WHERE id = ANY(%(ids)s) AND status = '{}'"


@dataclass(frozen=True)
class Contender:
    """`worker` and `others` are argument lists for its Python; statuses are read by SQL, as a user would see them.

    `queueing` is added to `env` where jobs have to wait for those that run, and its workers would else take them all.
    A second entry of one library, with another setting, takes part in the workloads where that setting is better.
    """

    name: str
    module: str
    worker: Sequence[str]
    cancelled: str = _OWN_TABLE.format("cancelled")
    completed: str = _OWN_TABLE.format("completed")
    packages: Sequence[str] = ()
    npm_packages: Sequence[str] = ()
    setup: Sequence[str] = ()
    others: Sequence[Sequence[str]] = ()
    queued: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    queueing: Mapping[str, str] = field(default_factory=dict)
    kinds: Sequence[str] = ("steps", "loop")
    workloads: Sequence[str] = ("w1", "w2", "w3", "w4")
    cancels_many: bool = False

    def plus(self, env: Mapping[str, str]) -> Contender:
        """The same with more in its environment."""
        return replace(self, env={**self.env, **env})

    @property
    def python(self) -> Path:
        """Its interpreter; its environment is made at first use."""
        return python_of(self.module, self.packages, self.npm_packages) if self.packages else Path(sys.executable)


_ANDON = """
SELECT e.id FROM andon.events e JOIN andon.runs r ON r.event_seq = e.seq
WHERE e.tenant = 'default' AND e.id = ANY(%(ids)s) AND r.status = '{}'
"""
ANDON = Contender(
    name="andon",
    module="andon",
    worker=["-m", "andon_worker"],
    others=[["-m", "andon_api"], ["-m", "andon_worker.dispatcher"]],
    setup=["-m", "andon.migrations"],
    cancelled=_ANDON.format("cancelled"),
    completed=_ANDON.format("completed"),
    kinds=("steps", "loop", "blocking"),
    queued=_ANDON.format("queued"),
    env={"ANDON_QUEUES": "default", "ANDON_QUEUED_RUNS_LIMIT": "0"},
    workloads=("w1", "kinds", "w2", "w3", "w4", "w5", "w6", "w7"),
    cancels_many=True,
)

_CELERY = ["-m", "celery", "-A", "benchmarks.peers.celery", "worker", "--concurrency=8", "--loglevel=WARNING"]
_CELERY += ["--without-gossip", "--without-mingle"]
_STATUS = "SELECT id::text FROM procrastinate_jobs WHERE id::text = ANY(%(ids)s) AND status = '{}'"
_DBOS = "SELECT workflow_uuid FROM dbos.workflow_status WHERE workflow_uuid = ANY(%(ids)s) AND status = '{}'"
PSYCOPG = "psycopg[binary]==3.3.*"

PEERS = [
    Contender(
        name="dramatiq",
        module="dramatiq",
        packages=["dramatiq[redis]==2.2.*", "dramatiq-abort[redis]==1.2.*", PSYCOPG],
        worker=["-m", "dramatiq", "benchmarks.peers.dramatiq", "--processes", "1", "--threads", "8"],
    ),
    Contender(
        name="celery",
        module="celery",
        packages=["celery[redis]==5.7.*", PSYCOPG],
        worker=_CELERY,
        kinds=("steps", "loop", "blocking"),
        cancels_many=True,
    ),
    Contender(
        name="celery-usr1",
        module="celery",
        packages=["celery[redis]==5.7.*", PSYCOPG],
        worker=_CELERY,
        env={"BENCH_CELERY_SIGNAL": "SIGUSR1"},
        kinds=("loop", "blocking"),
        workloads=["w1"],
    ),
    Contender(
        name="procrastinate",
        module="procrastinate",
        packages=["procrastinate==3.10.*", PSYCOPG],
        setup=["-m", "benchmarks.peers.procrastinate", "schema"],
        worker=["-m", "benchmarks.peers.procrastinate", "worker"],
        cancelled=_STATUS.format("aborted"),
        completed=_STATUS.format("succeeded"),
    ),
    Contender(
        name="dbos",
        module="dbos",
        packages=["dbos==3.4.*", PSYCOPG],
        setup=["-m", "benchmarks.peers.dbos", "schema"],
        worker=["-m", "benchmarks.peers.dbos", "worker"],
        cancelled=_DBOS.format("CANCELLED"),
        completed=_DBOS.format("SUCCESS"),
        cancels_many=True,
    ),
    Contender(
        name="saq",
        module="saq",
        packages=["saq[redis]==0.26.*", PSYCOPG],
        worker=["-m", "benchmarks.peers.saq", "worker"],
        cancels_many=True,
    ),
    Contender(
        name="saq-20ms",
        module="saq",
        packages=["saq[redis]==0.26.*", PSYCOPG],
        worker=["-m", "benchmarks.peers.saq", "worker"],
        env={"BENCH_SAQ_ABORT": "0.02"},
        workloads=["w1"],
    ),
    Contender(
        name="restate",
        module="restate",
        packages=["restate-sdk==1.3.*", "hypercorn==0.18.*", PSYCOPG],
        npm_packages=["@restatedev/restate-server@1.7.*"],
        others=[["-m", "benchmarks.peers.restate", "server"]],
        worker=["-m", "benchmarks.peers.restate", "worker"],
        queueing={"RESTATE_DEFAULT_NUM_PARTITIONS": "1"},
        cancels_many=True,
    ),
]
