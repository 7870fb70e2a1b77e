"""Tells webhooks of ends: in a thread of its own, so that a receiver that is slow or away holds up nothing else.

Every dispatcher does, leading or not: each delivery is claimed by one. A private address is refused when it is
connected to, whatever its name has said before; redirects aren't followed.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore
import httpx
import psycopg
import structlog

from andon.adapters.postgres import webhooks
from andon.adapters.postgres.connect import OPTIONS
from andon.adapters.postgres.webhooks import Due
from andon.client.webhooks import HEADER, sign_webhook

log = structlog.get_logger("andon.webhooks")
LOOK_SECONDS = 1.0
AT_ONCE = 16
TIMEOUT = httpx.Timeout(10.0, connect=5.0)
LONGEST_ANSWER = 200


class Refused(httpcore.ConnectError):
    """The name leads to an address that webhooks don't go to."""


class PublicOnly(httpcore.SyncBackend):
    """Connects to public addresses alone: what a name means is looked up here, and that address is connected to."""

    def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> httpcore.NetworkStream:
        """A connection to the first of the addresses, all of which have to be public."""
        try:
            found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from None
        if not found or not all(is_public(address) for address in found):
            raise Refused(f"{host} is a private address; webhooks go to public ones (ANDON_WEBHOOKS_PRIVATE)")
        return super().connect_tcp(found[0], port, *args, **options)


def is_public(address: str) -> bool:
    """Whether everybody means the same machine by the address."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (inner is None or inner.is_global)


def transport(*, private: bool) -> httpx.BaseTransport:
    """What webhooks are sent by; with `private`, to any address."""
    made = httpx.HTTPTransport(retries=0)
    if not private:  # httpx has no argument for it
        made._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(), max_connections=AT_ONCE, network_backend=PublicOnly()
        )
    return made


class Teller:
    """Sends what is due until it is stopped. While the database is away, nothing is."""

    def __init__(self, database_url: str, *, private: bool, clock: Callable[[], float] = time.time) -> None:
        self._url = database_url
        self._private = private
        self._clock = clock
        self._http = httpx.Client(
            transport=transport(private=private), timeout=TIMEOUT, follow_redirects=False, trust_env=False
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="andon-webhooks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon: what is under way is sent again by another, unless it ends in time."""
        self._stopping.set()
        self._thread.join(TIMEOUT.connect)
        self._http.close()

    def turn(self, connection: psycopg.Connection[Any], pool: ThreadPoolExecutor) -> int:
        """Send what is due now; returns how much that was. The connection is in autocommit mode."""
        due = webhooks.claim(connection, AT_ONCE)
        for each, answer, good in pool.map(self._send, due):
            if good:
                webhooks.told(connection, each.id, answer)
            else:
                webhooks.failed(connection, each, answer)
                log.warning("a webhook was not told", delivery=each.id, attempts=each.attempts, answer=answer)
        return len(due)

    def _run(self) -> None:
        with ThreadPoolExecutor(AT_ONCE, "andon-webhook") as pool:
            while not self._stopping.is_set():
                try:
                    with psycopg.connect(
                        self._url, autocommit=True, application_name="andon-webhooks", **OPTIONS
                    ) as own:
                        webhooks.forget(own)
                        while not self._stopping.is_set():
                            if not self.turn(own, pool):
                                self._stopping.wait(LOOK_SECONDS)
                except psycopg.Error as error:
                    log.warning("webhooks wait for the database", error=str(error).strip())
                    self._stopping.wait(LOOK_SECONDS)

    def _send(self, due: Due) -> tuple[Due, str, bool]:
        """Send it once; what came of it, and whether that was good."""
        if not self._private and not due.url.startswith("https://"):
            return due, "webhooks go to https alone (ANDON_WEBHOOKS_PRIVATE)", False
        body = due.body.encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Andon-Webhook",
            "Andon-Event-Id": due.event_id,
            HEADER: sign_webhook(body, due.secrets, at=int(self._clock())),
        }
        try:
            with self._http.stream("POST", due.url, content=body, headers=headers) as answer:
                return due, str(answer.status_code), answer.is_success
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return due, (str(error) or type(error).__name__)[:LONGEST_ANSWER], False
