"""Count what was refused for too much, by tenant: a 429, or a 503 because no stream was free."""

from flask import Flask, Response, g, request
from redis import Redis

from andon.adapters.redis.breaker import Breaker
from andon.adapters.redis.refusals import count_refusal

STREAMS = "streams"


def install(app: Flask, redis: Redis) -> None:
    """Count the refusals of `app`. While Redis is away they aren't counted, and nobody waits for that."""
    breaker = Breaker()

    def count(response: Response) -> Response:
        who, status = g.get("principal"), response.status_code
        if who is not None and (status == 429 or (status == 503 and request.blueprint == STREAMS)):
            breaker.call(lambda: count_refusal(redis, who.tenant, status))
        return response

    app.after_request(count)
