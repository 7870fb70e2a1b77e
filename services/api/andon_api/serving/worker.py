"""gunicorn's worker as a loop: it reads requests and sends answers for everybody, and threads never wait for a client.

A thread gets a request when it is there, and is free again when the answer is made; hundreds of clients that send or
read a byte a second hold descriptors, and are cut off by their pace. An answer that has nothing to say for now is
parked, and takes a thread again when its bell rings: so are thousands of streams. Tenants take turns at the threads.
Health is answered by threads of its own, which nothing else can take.
"""

import os
import resource
import selectors
import socket
import sys
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import FrameType
from typing import Any

from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from gunicorn.util import write_nonblock  # type: ignore[import-untyped]
from gunicorn.workers.base import Worker  # type: ignore[import-untyped]
from gunicorn.workers.gthread import PollableMethodQueue  # type: ignore[import-untyped]

from andon.process import collect_garbage_seldom
from andon_api.serving.callers import Callers
from andon_api.serving.connection import Connection, Phase
from andon_api.serving.exchange import Exchange, Next
from andon_api.serving.refusal import of_error, refusal
from andon_api.serving.threads import FairThreads
from andon_api.serving.timers import Timers
from andon_api.share import Share

SWEEP_SECONDS = 0.5
SWITCH_SECONDS = 0.001  # a short request waits so long for each thread that computes, whenever it goes on
BURST_SECONDS = 0.05  # changes within so long are one to whoever is told of them
BURST_SECONDS_EACH = 0.001  # and so much longer for each who is: a thousand viewers are told once a second
STOPPING_SECONDS = 0.5  # for a client that may be sending its next request already
STOPPING_SWEEP_SECONDS = 0.05
MOST_BYTES = 4 << 30  # of bodies that arrive, on disk; half of them of one tenant
STEPS = 128  # in which a body that doesn't say its length takes all the room that there is
SPARE_FILES = 200  # descriptors for the database, Redis, files
PATIENT = [Phase.LINGERING, Phase.IDLE, Phase.ARRIVING, Phase.SENDING, Phase.PARKED, Phase.WORKING]
"""How soon a connection is ended for a newcomer. What is being worked on goes on, and nobody hears of it."""
LANES = {b"/healthz": "health", b"/readyz": "ready", b"/metrics": "ready"}


class EventWorker(Worker):  # type: ignore[misc]
    """One process of the API."""

    def init_process(self) -> None:
        """Make what the loop works with, in the process that uses it."""
        self._poller = selectors.DefaultSelector()
        self._done = PollableMethodQueue()
        self._done.init()
        sys.setswitchinterval(SWITCH_SECONDS)
        self.callers = Callers()
        self._work = FairThreads[Next](self.cfg.threads, "andon-api")
        self._lanes = {
            "streams": ThreadPoolExecutor(2, "andon-streams"),  # what was parked: a crowd of viewers keeps nobody out
            "health": ThreadPoolExecutor(1, "andon-health"),
            "ready": ThreadPoolExecutor(2, "andon-ready"),
        }
        most_bytes = getattr(self.app, "most_of_bodies", MOST_BYTES)
        self._room, self._step = Share(most_bytes, most_bytes // 2), max(1, most_bytes // STEPS)
        self._connections: set[Connection] = set()
        self._timers = Timers()
        self._parked = 0
        self._most = min(self.cfg.worker_connections, _most_files() - SPARE_FILES)
        self._swept = 0.0
        super().init_process()

    def run(self) -> None:
        """Serve until SIGTERM, then end what is under way."""
        collect_garbage_seldom()
        self._poller.register(self._done.fileno(), selectors.EVENT_READ, self._done.run_callbacks)
        for listener in self.sockets:
            listener.setblocking(False)
            self._poller.register(listener, selectors.EVENT_READ, self._accept)
        while self.alive and self.ppid == os.getppid():
            self._turn()
        for listener in self.sockets:
            self._poller.unregister(listener)
            listener.close()
        ending, until = time.monotonic() + STOPPING_SECONDS, time.monotonic() + self.cfg.graceful_timeout
        while self._connections and time.monotonic() < until:
            for each in [each for each in self._connections if each.phase is Phase.IDLE]:
                each.until = min(each.until, ending)
            self._turn(STOPPING_SWEEP_SECONDS)
        self._work.shutdown()
        for lane in self._lanes.values():
            lane.shutdown()  # what a client has left goes on to its end

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: the loop wakes for it."""
        super().handle_exit(sig, frame)
        self._done.defer(lambda: None)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what can't be served as a request. Of what isn't HTTP no word is logged: it may be a key in the wrong
        place.
        """
        if isinstance(exc, ParseException):
            self.log.warning("refused what is not HTTP: %s", type(exc).__name__)
        else:
            self.log.error("a request could not be served", exc_info=exc)
        with suppress(OSError):
            write_nonblock(client, of_error(exc))

    def _turn(self, sweep: float = SWEEP_SECONDS) -> None:
        self.notify()
        for key, events in self._poller.select(self._timers.left(sweep)):
            if isinstance(key.data, Connection):
                self._happened(key.data, events)
            else:
                key.data(key.fileobj)
        self._timers.run()
        if time.monotonic() - self._swept >= sweep:
            self._swept = time.monotonic()
            for each in [each for each in self._connections if each.late]:
                self._end(each)

    def _accept(self, listener: Any) -> None:
        while True:
            try:
                sock, address = listener.accept()
            except OSError:
                return  # nobody more, or one that has given up already
            if len(self._connections) >= self._most:
                self._make_room()
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, address, listener.getsockname(), self._has_to_send)
            connection.caller = self.callers.of(b"", address)
            self._connections.add(connection)
            self._happened(connection, selectors.EVENT_READ)

    def _make_room(self) -> None:
        """End a connection of whoever has most, so that a newcomer is heard: the one that is waited for longest."""
        [(most, _)] = Counter(each.caller for each in self._connections).most_common(1)
        theirs = [each for each in self._connections if each.caller == most]
        self._end(min(theirs, key=lambda each: (PATIENT.index(each.phase), each.until)))

    def _happened(self, connection: Connection, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                connection.outbox.flush()
            if events & selectors.EVENT_READ:
                if connection.phase in {Phase.WORKING, Phase.PARKED}:
                    connection.look()
                    self._watch(connection, connection.watched & ~selectors.EVENT_READ)
                    if connection.left:
                        self._unpark(connection, connection.ticket)
                    return
                if connection.phase is Phase.SENDING:
                    if not connection.look():
                        raise ConnectionResetError
                elif not connection.receive():
                    self._end(connection)
                    return
                elif connection.arrival.asked and connection.arrival.size > connection.promised:
                    self._promise(connection, max(self._step, connection.arrival.size - connection.promised))
            self._go_on(connection)
        except OSError:
            self._end(connection)

    def _go_on(self, connection: Connection) -> None:
        """Whatever is next for this connection."""
        if connection.phase is Phase.SENDING and connection.outbox.empty:
            if connection.exchange is not None:
                connection.phase = Phase.WORKING
                self._submit(connection)
            elif connection.keeps and self.alive:
                connection.next_request(float(self.cfg.keepalive))
            else:
                connection.linger()
        if connection.phase is Phase.ARRIVING and connection.arrival.ready:
            connection.phase = Phase.WORKING
            if connection.exchange is None:
                ends = connection.client, connection.listener, lambda: connection.left
                connection.exchange = Exchange(self, connection.arrival, connection.outbox, *ends)
            self._submit(connection)
        self._watch(connection, _wanted(connection))

    def _submit(self, connection: Connection, lane: str | None = None) -> None:
        exchange = connection.exchange
        assert exchange is not None
        lane = lane or LANES.get(connection.arrival.path)
        if lane is not None:
            done = self._lanes[lane].submit(exchange.go)
        else:
            connection.caller = self.callers.of(connection.arrival.head, connection.client)
            done = self._work.submit(connection.caller, exchange.go)
        done.add_done_callback(lambda done: self._done.defer(self._came_back, connection, done))

    def _came_back(self, connection: Connection, done: Future[Next]) -> None:
        """A thread has gone as far as it could."""
        if connection not in self._connections:
            connection.arrival.close()
            self._give_back(connection)
            return
        wants = done.result()
        if not connection.caller.known:  # it is, once the application has looked
            connection.caller = self.callers.of(connection.arrival.head, connection.client)
        try:
            if wants is Next.RING:
                self._park(connection)
                return
            if wants is Next.BODY:
                first = not connection.arrival.asked
                connection.await_body()
                self._promise(connection, connection.arrival.announced + len(connection.arrival.head))
                if connection.arrival.expects_continue and first and connection.promised:
                    connection.outbox.put(b"HTTP/1.1 100 Continue\r\n\r\n")
            else:
                connection.phase = Phase.SENDING
                if wants is not Next.ROOM:
                    connection.exchange, connection.keeps = None, wants is Next.KEEP
                    self._give_back(connection)
            self._go_on(connection)
        except OSError:
            self._end(connection)

    def _promise(self, connection: Connection, size: int) -> None:
        """Room for so much of its body; where there is none, it is told to come again, and not read to its end."""
        if not connection.promised:
            connection.promised_to = self.callers.of(connection.arrival.head, connection.client)
        if self._room.take(connection.promised_to, size, alone=connection.promised_to.known):
            connection.promised += size
            return
        connection.outbox.begin()
        connection.outbox.put(refusal(503, "Enough uploads arrive; try again.", again_after=5))
        connection.exchange, connection.keeps = None, False
        connection.phase = Phase.SENDING

    def _give_back(self, connection: Connection) -> None:
        self._room.give(connection.promised_to, connection.promised)
        connection.promised = 0

    def _park(self, connection: Connection) -> None:
        """Leave the connection without a thread until its bell rings or its time is over, or its client goes."""
        assert connection.exchange is not None
        assert connection.exchange.parked is not None
        bell, seconds = connection.exchange.parked
        connection.phase, connection.ticket = Phase.PARKED, object()
        self._parked += 1
        ticket = connection.ticket
        self._timers.after(seconds, lambda: self._unpark(connection, ticket))
        bell.call(lambda: self._done.defer(self._rung, connection, ticket))
        self._watch(connection, _wanted(connection))

    def _rung(self, connection: Connection, ticket: object) -> None:
        soon = max(BURST_SECONDS, self._parked * BURST_SECONDS_EACH) if self.alive else 0.0
        self._timers.after(soon, lambda: self._unpark(connection, ticket))

    def _unpark(self, connection: Connection, ticket: object) -> None:
        if connection.phase is Phase.PARKED and connection.ticket is ticket:
            connection.phase = Phase.WORKING
            self._parked -= 1
            self._submit(connection, "streams")

    def _has_to_send(self, connection: Connection) -> None:
        """Called by any thread that has put something which there was no room for."""
        self._done.defer(self._watch_sending, connection)

    def _watch_sending(self, connection: Connection) -> None:
        if connection in self._connections and not connection.outbox.empty:
            self._watch(connection, connection.watched | selectors.EVENT_WRITE)

    def _watch(self, connection: Connection, events: int) -> None:
        if events == connection.watched or connection not in self._connections:
            return
        if not connection.watched:
            self._poller.register(connection.sock, events, connection)
        elif not events:
            self._poller.unregister(connection.sock)
        else:
            self._poller.modify(connection.sock, events, connection)
        connection.watched = events

    def _end(self, connection: Connection) -> None:
        if connection in self._connections:
            self._watch(connection, 0)
            self._connections.discard(connection)
            with suppress(OSError):
                connection.close()
            if connection.phase not in {Phase.WORKING, Phase.PARKED}:
                self._give_back(connection)
            self._unpark(connection, connection.ticket)  # so that it ends what it has begun


def _wanted(connection: Connection) -> int:
    """What the poller should look for. While a thread works, that the client goes."""
    sending = 0 if connection.outbox.empty else selectors.EVENT_WRITE
    return sending if connection.phase is Phase.SENDING else sending | selectors.EVENT_READ


def _most_files() -> int:
    """As many descriptors as this process may have; it takes what it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return wanted if soft == resource.RLIM_INFINITY else soft
