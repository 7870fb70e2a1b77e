"""Request or cancel a report with redis-py alone: `python redis_py.py <report id> [requested|cancelled]`."""

import json
import os
import sys
import uuid

from redis import Redis


def send(redis: Redis, name: str, data: dict[str, str]) -> str:
    """Add an event to Andon's bus; its id makes a second sending harmless."""
    id = str(uuid.uuid4())
    redis.xadd(
        "andon:events", {"name": name, "data": json.dumps(data), "id": id, "user": json.dumps({"id": "redis-py"})}
    )
    return id


if __name__ == "__main__":
    report_id, what = sys.argv[1], (sys.argv[2:] or ["cancelled"])[0]
    with Redis.from_url(os.environ["ANDON_REDIS_URL"]) as client:
        print(send(client, f"report/generation.{what}", {"reportId": report_id}))
