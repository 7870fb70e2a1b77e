"""`Prefer: wait=N` (RFC 7240): hold the answer until the effect is known, for at most N seconds."""

import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from flask import g, request
from sqlalchemy.exc import SQLAlchemyError

from andon_api.database import db
from andon_api.live_feed import TooManyStreams
from andon_api.principal import principal
from andon_api.services import services

LONGEST = 30
SHORTEST_PAUSE = 0.02
LONGEST_PAUSE = 0.5
_WAIT = re.compile(r'wait\s*=\s*"?(\d{1,9})"?', re.IGNORECASE)


@dataclass(frozen=True)
class Known:
    """How a request's effect becomes known: `look` returns the answer that tells it, or None while it isn't.

    `topics` are what the live channel calls the things that change with it; without any, `look` is asked often.
    """

    look: Callable[[], Any | None]
    topics: tuple[str, ...] = ()


def preferred() -> int | None:
    """For how many seconds the client would wait, at most `LONGEST`; None when it wouldn't."""
    for preference in ",".join(request.headers.getlist("Prefer")).split(","):
        if found := _WAIT.fullmatch(preference.split(";")[0].strip()):
            return min(int(found[1]), LONGEST) or None
    return None


def wait(known: Known, seconds: int) -> tuple[Any | None, bool]:
    """What `known` tells within `seconds`, and whether there was a thread to wait in: half of them may be taken so.

    No connection to the database is held between two looks. How long it was is in `g.waited`: the client wished it so.
    """
    began = time.perf_counter()
    try:
        return _wait(known, seconds)
    finally:
        g.waited = time.perf_counter() - began


def _wait(known: Known, seconds: int) -> tuple[Any | None, bool]:
    until = time.monotonic() + seconds
    pause = SHORTEST_PAUSE
    with ExitStack() as listening:
        try:
            listener = listening.enter_context(services().live.listen(*known.topics, tenant=principal().tenant))
        except TooManyStreams:
            return None, False
        while True:
            found = _look(known)
            left = until - time.monotonic()
            if found is not None or left <= 0 or services().live.closing.is_set():
                return found, True
            listener.bell.wait(min(pause, left))
            listener.bell.hear()
            pause = min(pause * 1.5, LONGEST_PAUSE)


def _look(known: Known) -> Any | None:
    try:
        return known.look()
    except SQLAlchemyError:
        return None  # the database is away: what was accepted stays so, and the client learns the effect later
    finally:
        db.session.remove()
