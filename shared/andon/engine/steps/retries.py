"""When to try again."""

import random
from collections.abc import Callable

from andon.engine.errors import InvalidResult, NonRetriable, RetryAfter
from andon.engine.steps.sleeps import LONGEST_SECONDS

BASE_SECONDS = 1.0
LIMIT_SECONDS = 300.0


def delay(
    error: BaseException, attempt: int, retries: int, *, uniform: Callable[[float, float], float] = random.uniform
) -> float | None:
    """Seconds until the next try after failed attempt number `attempt`, or None if there is none.

    Exponential back-off from one second to five minutes with equal jitter: half of it fixed, half random.
    """
    if attempt > retries or isinstance(error, (NonRetriable, InvalidResult)):
        return None
    if isinstance(error, RetryAfter):
        return min(max(0.0, error.seconds), LONGEST_SECONDS)  # in this order NaN is 0
    ceiling = min(LIMIT_SECONDS, BASE_SECONDS * 2.0 ** min(attempt - 1, 30))
    return ceiling / 2 + uniform(0, ceiling / 2)
