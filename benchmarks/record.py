"""For peers that remember nothing: one INSERT per step and one UPDATE at the end, as their users would write it."""

from __future__ import annotations

import json
import os
import threading

import psycopg

SCHEMA = """
CREATE TABLE IF NOT EXISTS bench_jobs (id text PRIMARY KEY, status text NOT NULL);
CREATE TABLE IF NOT EXISTS bench_steps (job text, step int, result jsonb, at timestamptz DEFAULT clock_timestamp());
"""
_local = threading.local()


def _forget() -> None:
    """A forked child has no connection yet: speaking on its parent's would confuse both."""
    global _local
    _local = threading.local()


os.register_at_fork(after_in_child=_forget)


def database() -> psycopg.Connection:
    """This thread's connection."""
    connection = getattr(_local, "connection", None)
    if connection is None or connection.closed:
        connection = _local.connection = psycopg.connect(os.environ["BENCH_DATABASE_URL"], autocommit=True)
    return connection


def step(job: str, number: int, result: object) -> None:
    """Keep a step's result; durable when it returns."""
    database().execute(
        "INSERT INTO bench_steps (job, step, result) VALUES (%s, %s, %s)", [job, number, json.dumps(result)]
    )


def end(job: str, status: str) -> None:
    """Keep how the job ended."""
    database().execute(
        "INSERT INTO bench_jobs VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET status = excluded.status", [job, status]
    )
