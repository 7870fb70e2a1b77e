"""The consumer of `examples/own_table/elsewhere.py`: an end that is told twice, late or out of order does no harm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import psycopg
from redis import Redis

from tests.support.polling import wait_until

FIRST, SECOND = "2026-01-01T12:00:00.000000Z", "2026-01-01T12:00:01.000000Z"


def end(how: str, ts: str, function: str = "generate-report") -> dict[str, str]:
    data = {"functionId": function, "event": {"ts": ts, "data": {"reportId": "sales"}}}
    return {"name": f"andon/function.{how}", "data": json.dumps(data), "id": f"{how}-{ts}"}


def test_the_row_says_what_the_newest_request_came_to(database_url: str, redis_url: str, redis: Redis) -> None:
    with psycopg.connect(database_url, autocommit=True) as shop:
        shop.execute("CREATE TABLE public.reports (id text PRIMARY KEY, status text, asked_at timestamptz)")
        shop.execute("INSERT INTO public.reports VALUES ('sales', 'generating', %s)", [FIRST])

        def status() -> Any:
            return (shop.execute("SELECT status FROM public.reports").fetchone() or (None,))[0]

        def tell(*entries: dict[str, str]) -> None:
            for each in entries:
                redis.xadd("andon:events", each)  # type: ignore[arg-type]

        def all_is_read() -> bool:
            newest: Any = redis.xrevrange("andon:events", count=1)
            groups: Any = redis.xinfo_groups("andon:events")
            return bool((groups[0]["last-delivered-id"], groups[0]["pending"]) == (newest[0][0], 0))

        tell(end("completed", FIRST), end("completed", FIRST), {"name": "other/thing", "data": "{}", "id": "x"})
        env = {**os.environ, "SHOP_DATABASE_URL": database_url, "ANDON_REDIS_URL": redis_url}
        command = [sys.executable, "-m", "examples.own_table.elsewhere"]
        consumer = subprocess.Popen(command, env=env)
        wait_until(lambda: status() == "generated", what="the first end")
        consumer.kill()
        consumer.wait()
        shop.execute("UPDATE public.reports SET status = 'generating', asked_at = %s", [SECOND])
        tell(end("completed", FIRST), end("failed", SECOND, "another-function"), end("cancelled", SECOND))
        consumer = subprocess.Popen(command, env=env)
        try:
            wait_until(lambda: status() == "cancelled", what="the second end")
            tell(end("completed", FIRST), end("cancelled", SECOND))
            wait_until(all_is_read, what="all is read")
        finally:
            consumer.kill()
            consumer.wait()
        assert status() == "cancelled"
