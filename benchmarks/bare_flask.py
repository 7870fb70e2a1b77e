"""What an API can't be faster than here: a Flask route that commits one row and adds one entry, and nothing else."""

from __future__ import annotations

import json
import os
import threading

import psycopg
from flask import Flask, request
from redis import Redis

app = Flask(__name__)
redis = Redis.from_url(os.environ["BENCH_REDIS_URL"])
_local = threading.local()


def _database() -> psycopg.Connection:
    connection = getattr(_local, "connection", None)
    if connection is None:
        connection = _local.connection = psycopg.connect(
            os.environ["BENCH_DATABASE_URL"], autocommit=True, prepare_threshold=0
        )
        connection.execute("CREATE TABLE IF NOT EXISTS bare (id bigserial PRIMARY KEY, data jsonb)")
    return connection


@app.post("/api/v1/events")
def accept() -> tuple[dict[str, list[str]], int]:
    """One row, one entry."""
    text = json.dumps(request.get_json())
    row = _database().execute("INSERT INTO bare (data) VALUES (%s) RETURNING id", [text]).fetchone()
    redis.xadd("bare", {"data": text})
    return {"ids": [str(row and row[0])]}, 202
