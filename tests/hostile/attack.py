"""Tenant A: every door, at a bounded pace, from several threads."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
from redis import Redis
from redis.exceptions import RedisError

from tests.hostile import junk
from tests.support.scene import STREAM

API = [
    "audit",
    "cancellations",
    "datasets",
    "dead-events",
    "events",
    "functions",
    "nothing",
    "openapi.json",
    "reports",
    "runs",
    "usage",
]
BY_ID = [
    "dead-events/{}/replay",
    "events/{}",
    "datasets/{}",
    "reports/{}",
    "reports/{}/cancel",
    "reports/{}/generate",
    "reports/{}/stream",
    "runs/{}",
    "runs/{}/cancel",
    "runs/{}/rerun",
    "runs/{}/stream",
]
ROUTES = [f"/api/v1/{each}" for each in (*API, *BY_ID)]
ROUTES += ["/", "/reports", "/runs", "/login", "/logout", "/healthz", "/readyz", "/metrics", "/e/{}", "/static/{}"]
METHODS = ("GET", "GET", "POST", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE")
SLOW_AT_ONCE = 40


@dataclass
class Attack:
    """Sends about `pace` things a second until `stop`. What it got is counted; an answer of 500 is kept."""

    url: str
    redis: Redis
    secret: str
    others: Callable[[], list[str]]
    seed: int
    pace: float
    threads: int = 4
    sent: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._asked = threading.Event()
        self._slow: list[socket.socket] = []
        self._workers = [threading.Thread(target=self._send, args=(place,)) for place in range(self.threads)]

    def start(self) -> None:
        """Begin."""
        for each in self._workers:
            each.start()

    def stop(self) -> None:
        """Send nothing more, and let go of every connection."""
        self._asked.set()
        for each in self._workers:
            each.join()
        for connection in self._slow:
            connection.close()

    def _send(self, place: int) -> None:
        rng = random.Random(f"{self.seed}-{place}")
        ways = [self._entry, self._entries, self._event, self._request, self._cancel, self._theirs, self._bulk]
        ways += [self._upload, self._half, self._slowly, self._login, self._honest, self._ask, self._announce]
        headers = {"Authorization": f"Bearer {self.secret}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False) as api:
            while not self._asked.wait(rng.expovariate(self.pace / self.threads)):
                way = rng.choice(ways)
                try:
                    way(rng, api)
                except (httpx.HTTPError, httpx.InvalidURL, OSError, RedisError, UnicodeError) as error:
                    self.sent[f"{way.__name__.strip('_')}: {type(error).__name__}"] += 1

    def _count(self, what: str, answer: httpx.Response, sent: object = "") -> None:
        self.sent[f"{what}: {answer.status_code}"] += 1
        if answer.status_code == 500:
            self.broken.append(f"{answer.request.method} {answer.request.url} {answer.request.headers} {sent!r:.300}")

    # --- the bus --------------------------------------------------------------------------------------------------

    def _entry(self, rng: random.Random, api: httpx.Client) -> None:
        self.redis.xadd(STREAM, junk.entry(rng))
        self.sent["entry"] += 1

    def _entries(self, rng: random.Random, api: httpx.Client) -> None:
        """Many at once: large ones, or such as cancel each other."""
        pipe = self.redis.pipeline(transaction=False)
        large: dict[Any, Any] = {"name": "walk/noted", "data": json.dumps({"text": "x" * 240_000}), "tenant": "acme"}
        many = f"many-{rng.getrandbits(40)}"
        for number in range(rng.choice([20, 200])):
            case = json.dumps({"case": f"{many}-{number % 20}", "steps": 1})
            small: dict[Any, Any] = {
                "name": rng.choice(["walk/requested", "walk/cancelled"]),
                "data": case,
                "tenant": "acme",
            }
            pipe.xadd(STREAM, large if number % 20 == 0 else small)
        pipe.execute()
        self.sent["entries, many at once"] += 1

    # --- REST -----------------------------------------------------------------------------------------------------

    def _event(self, rng: random.Random, api: httpx.Client) -> None:
        body = f'{{"name": {json.dumps(rng.choice(junk.NAMES))}, "data": {junk.text(rng)}}}'
        headers = {"Content-Type": rng.choice(["application/json", "application/cloudevents+json", "text/plain"])}
        self._count("event", api.post("/api/v1/events", content=body.encode(), headers=headers), body)

    def _request(self, rng: random.Random, api: httpx.Client) -> None:
        """Any route by any method, with any body and any headers."""
        place = rng.choice(ROUTES).format(rng.choice([*self.others(), "x", "%00", "..", "%ff", "9" * 300]))
        body = rng.choice([b"", junk.text(rng).encode(), rng.randbytes(30), b"a=" + rng.randbytes(20)])
        query = rng.choice(["", "?cursor=%ff", "?limit=-1", "?limit=1e9", "?status=x&status=y", "?" + "a=b&" * 900])
        headers = [junk.header(rng) for _ in range(rng.randrange(4))]
        with api.stream(rng.choice(METHODS), place + query, content=body, headers=headers) as answer:
            self._count("any route", answer, body)

    def _cancel(self, rng: random.Random, api: httpx.Client) -> None:
        body = {"functionId": rng.choice(["walk", "tally", "nothing"]), "if": junk.expression(rng), "reason": "junk"}
        if rng.random() < 0.3:
            body[rng.choice(["startedAfter", "startedBefore", "dryRun", "if", "functionId"])] = junk.value(rng)
        headers = {"Content-Type": "application/json"}
        answer = api.post("/api/v1/cancellations", content=json.dumps(body).encode(), headers=headers)
        self._count("bulk cancel", answer, body)

    def _theirs(self, rng: random.Random, api: httpx.Client) -> None:
        """What is the other tenant's, by its name."""
        id = rng.choice(self.others() or ["none"])
        event: dict[Any, Any] = {"name": "walk/cancelled", "data": {"case": id}}
        way = rng.randrange(4)
        if way == 0:
            self._count("cancel of another's", api.post("/api/v1/events", json=event))
        elif way == 1:
            self.redis.xadd(STREAM, {**event, "data": json.dumps(event["data"]), "tenant": "acme"})
        elif way == 2:
            self._count("cancel of another's", api.post(f"/api/v1/reports/{id}/cancel"))
        else:
            self._count("cancel of another's", api.post(f"/api/v1/runs/{id}/cancel"))

    def _bulk(self, rng: random.Random, api: httpx.Client) -> None:
        """Fifty runs at once, which sleep, fail or work a little.

        Of a case of their own: what a body does to tell the ledger grows with what was told of its case before.
        """
        plan = {"step-1": rng.choice([{"seconds": 0.05}, {"fail": 2}, {}])}
        data = {"case": f"flood-{rng.getrandbits(40)}", "steps": 2, "plan": plan, "nap": rng.choice([0, 0.5, 3600])}
        events = [{"name": "walk/requested", "data": data}] * 50
        self._count("fifty requests", api.post("/api/v1/events", json=events))

    def _ask(self, rng: random.Random, api: httpx.Client) -> None:
        """What costs an answer more than a question."""
        where = quote(junk.expression(rng, 1))
        asked = rng.choice(
            ["usage", f"runs?where={where}", "runs?limit=200", "runs?tag=none", "events?limit=200", "audit"]
        )
        self._count("question", api.get(f"/api/v1/{asked}"))

    def _upload(self, rng: random.Random, api: httpx.Client) -> None:
        name, content = junk.file(rng)
        self._count("upload", api.post("/api/v1/datasets", files={"file": (name, content)}), name)

    def _login(self, rng: random.Random, api: httpx.Client) -> None:
        parts = {f"file-{number}": (f"{number}", b"x" * 1_000) for number in range(rng.choice([1, 100]))}
        self._count("login", api.post("/login", files=parts, data={"key": rng.choice(junk.NAMES)}))

    def _honest(self, rng: random.Random, api: httpx.Client) -> None:
        """Now and then nothing is wrong with it."""
        event = {"name": "walk/requested", "data": {"case": f"fair-{rng.randrange(9)}", "steps": 2, "plan": {}}}
        self._count("honest request", api.post("/api/v1/events", json=event))

    def _announce(self, rng: random.Random, api: httpx.Client) -> None:
        """An upload that is said to be large, and comes slowly or not at all."""
        connection = self._connect(api)
        key, size = self.secret.encode(), rng.choice([b"2000000000", b"90000000"])
        head = b"POST /api/v1/datasets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key
        form = b"\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: " + size
        connection.sendall(head + form + b"\r\n\r\n--b\r\n" + b"x" * 1_000)
        self.sent["announced upload"] += 1

    # --- connections ----------------------------------------------------------------------------------------------

    def _half(self, rng: random.Random, api: httpx.Client) -> None:
        """A request that breaks off, or is none."""
        host, port = api.base_url.host, api.base_url.port or 80
        with socket.create_connection((host, port), timeout=5) as connection:
            key = self.secret.encode()
            head = b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + b"\r\n"
            connection.sendall(
                rng.choice(
                    [
                        head + b"Content-Length: 900\r\n\r\n{",
                        head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
                        head + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
                        head + b"Content-Length: -1\r\n\r\n{}",
                        b"GET " + b"/" * 9_000 + b" HTTP/1.1\r\n\r\n",
                        b"\x16\x03\x01" + rng.randbytes(100),
                        rng.randbytes(100) + b"\r\n\r\n",
                    ]
                )
            )
            connection.settimeout(0.2)
            try:
                said = connection.recv(100)
            except TimeoutError:
                said = b""
            self.sent["half a request"] += 1
            if b" 500 " in said[:20]:
                self.broken.append(f"half a request: {said!r}")

    def _slowly(self, rng: random.Random, api: httpx.Client) -> None:
        """A connection that is kept open: with half a head, or a stream that nobody reads."""
        connection = self._connect(api)
        key = self.secret.encode()
        whole = b"GET /api/v1/reports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + b"\r\n\r\n"
        stream = whole.replace(b"/reports", b"/stream?thing=report:" + rng.choice(self.others() or ["x"]).encode())
        connection.sendall(rng.choice([b"GET / HTTP/1.1\r\nA: ", whole * 300, whole[:40], stream]))
        self.sent["slow client"] += 1

    def _connect(self, api: httpx.Client) -> socket.socket:
        """A connection that is kept until there are many."""
        connection = socket.create_connection((api.base_url.host, api.base_url.port or 80), timeout=5)
        self._slow.append(connection)
        if len(self._slow) > SLOW_AT_ONCE:
            self._slow.pop(0).close()
        return connection
