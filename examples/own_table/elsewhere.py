"""Where the table lives in another database: follow the ends of runs on the bus, as often as they are told.

SHOP_DATABASE_URL=… ANDON_REDIS_URL=… python -m examples.own_table.elsewhere
"""

import json
import os
from contextlib import suppress
from typing import Any

import psycopg
from redis import Redis, ResponseError

STREAM, GROUP = "andon:events", "shop"
ENDS = {f"andon/function.{end}": status for end, status in
        (("completed", "generated"), ("failed", "failed"), ("cancelled", "cancelled"))}  # fmt: skip


def write(shop: psycopg.Connection[Any], name: str, data: dict[str, Any]) -> None:
    """Write an end, unless the row was asked for again since: told twice, or late, it changes nothing."""
    if name in ENDS and data["functionId"] == "generate-report" and (asked := data["event"])["data"]:
        shop.execute(
            "UPDATE public.reports SET status = %s WHERE id = %s AND asked_at <= %s",
            [ENDS[name], asked["data"]["reportId"], asked["ts"]],
        )


def follow(redis: Redis, shop: psycopg.Connection[Any]) -> None:
    """Go on for ever, first with what was read and not written before a crash."""
    with suppress(ResponseError):  # the group is there
        redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    after = "0"
    while True:
        found: Any = redis.xreadgroup(GROUP, "one", {STREAM: after}, count=100, block=5_000)
        entries = found[0][1] if found else []
        for id, fields in entries:
            write(shop, fields[b"name"].decode(), json.loads(fields[b"data"]))
            redis.xack(STREAM, GROUP, id)
        after = after if entries else ">"


if __name__ == "__main__":
    with Redis.from_url(os.environ["ANDON_REDIS_URL"]) as bus:
        follow(bus, psycopg.connect(os.environ["SHOP_DATABASE_URL"], autocommit=True))
