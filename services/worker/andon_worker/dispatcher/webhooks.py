"""Tells webhooks of ends: in a thread of its own, so that a receiver that is slow or away holds up nothing else.

Every dispatcher does, leading or not: each delivery is claimed by one. Tenants don't wait for each other's receivers:
each is sent a few at a time, and another few once those have come back.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for

import httpx
import psycopg
import structlog

from andon.adapters.postgres import webhooks
from andon.adapters.postgres.connect import OPTIONS, Connection
from andon.adapters.postgres.webhooks import Due
from andon.client.signing import HEADER, sign_webhook
from andon_worker.dispatcher.public_connections import SECONDS, transport
from andon_worker.metrics import Outcome

log = structlog.get_logger("andon.webhooks")
LOOK_SECONDS = 1.0
FORGET_SECONDS = 600.0
AT_ONCE = 64
LONGEST_ANSWER = 200


class Teller:
    """Sends what is due until it is stopped. While the database is away, nothing is."""

    def __init__(self, database_url: str, *, private: bool, count: Callable[[Outcome], None]) -> None:
        self._url = database_url
        self._private = private
        self._count = count
        self._http = httpx.Client(
            transport=transport(private=private), timeout=SECONDS, follow_redirects=False, trust_env=False
        )
        self._under_way: dict[Future[tuple[str, bool]], Due] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="andon-webhooks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon: what is under way is sent again by another, unless it ends in time."""
        self._stopping.set()
        self._thread.join(SECONDS / 2)
        self._http.close()

    def begin(self, connection: Connection, pool: ThreadPoolExecutor) -> int:
        """Send what is due and has room; returns how much that is. The connection is in autocommit mode."""
        busy = {each.tenant for each in self._under_way.values()}
        room = AT_ONCE - len(self._under_way)
        due = webhooks.claim(connection, room, busy) if room else []
        self._under_way |= {pool.submit(self._send, each): each for each in due}
        return len(due)

    def note(self, connection: Connection, seconds: float) -> bool:
        """Write down what has come of some that are under way, within `seconds`; whether any are."""
        if not self._under_way:
            return False
        done, _ = wait_for(self._under_way, seconds, FIRST_COMPLETED)
        for each in done:
            due, (answer, good) = self._under_way.pop(each), each.result()
            if good:
                webhooks.told(connection, due.id, answer)
                self._count("told")
            else:
                self._count("given_up" if webhooks.failed(connection, due, answer) else "failed")
                log.warning("a webhook was not told", delivery=due.id, attempts=due.attempts, answer=answer)
        return True

    def _run(self) -> None:
        with ThreadPoolExecutor(AT_ONCE, "andon-webhook") as pool:
            while not self._stopping.is_set():
                try:
                    with psycopg.connect(
                        self._url, autocommit=True, application_name="andon-webhooks", **OPTIONS
                    ) as own:
                        self._tell(own, pool)
                except psycopg.Error as error:
                    log.warning("webhooks wait for the database", error=str(error).strip())
                    self._stopping.wait(LOOK_SECONDS)

    def _tell(self, own: Connection, pool: ThreadPoolExecutor) -> None:
        forgot_at = float("-inf")
        while not self._stopping.is_set():
            if time.monotonic() - forgot_at > FORGET_SECONDS and not webhooks.forget(own):
                forgot_at = time.monotonic()
            begun = self.begin(own, pool)
            if not self.note(own, LOOK_SECONDS) and not begun:
                self._stopping.wait(LOOK_SECONDS)

    def _send(self, due: Due) -> tuple[str, bool]:
        """Send it once; what came of it, and whether that was good."""
        if not self._private and not due.url.startswith("https://"):
            return "webhooks go to https alone (ANDON_WEBHOOKS_PRIVATE)", False
        body = due.body.encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Andon-Webhook",
            "Andon-Event-Id": due.event_id,
            HEADER: sign_webhook(body, due.secrets, at=int(time.time())),
        }
        try:
            with self._http.stream("POST", due.url, content=body, headers=headers) as answer:
                return str(answer.status_code), answer.is_success
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return (str(error) or type(error).__name__)[:LONGEST_ANSWER], False
