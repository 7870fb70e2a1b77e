"""`Andon` and `AsyncAndon`: the API, typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import httpx

from .audit import AsyncAudit, Audit
from .blocking import run
from .events import AsyncDeadEvents, AsyncEvents, DeadEvents, Events
from .keeping import AsyncKeepings, Keepings
from .pauses import AsyncPauses, Pauses
from .reports import AsyncDatasets, AsyncReports, Datasets, Reports
from .runs import AsyncCancellations, AsyncFunctions, AsyncRuns, Cancellations, Functions, Runs
from .schedules import AsyncSchedules, Schedules
from .subjects import AsyncSubjects, Subjects
from .tokens import AsyncTokens, Tokens
from .transport import PREFIX, Retries, Transport, base_of
from .webhooks import AsyncWebhooks, Webhooks
from .wire import BlockingWire, LoopWire

SECONDS = 60.0


class AsyncAndon:
    """A client of one API for an event loop of asyncio, with the calls of `Andon`. Close it, or use `async with`.

    What `Andon` returns is awaited; lists, `watch` and `follow` are for `async for`. Tasks may share a client. Only the
    file of an upload or download is read and written where it stands, a piece at a time.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = SECONDS,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] | None = None,
    ) -> None:
        base = base_of(url)
        wire = LoopWire(f"{base}{PREFIX}", _headers(key), transport, sleep)
        self._set(Transport(base, wire, timeout=timeout, retries=retries or Retries()))

    def _set(self, transport: Transport) -> Self:
        self._transport = transport
        self.url = transport.url
        self.reports = AsyncReports(transport)
        self.datasets = AsyncDatasets(transport)
        self.subjects = AsyncSubjects(transport)
        self.runs = AsyncRuns(transport)
        self.events = AsyncEvents(transport)
        self.dead_events = AsyncDeadEvents(transport)
        self.tokens = AsyncTokens(transport)
        self.audit = AsyncAudit(transport)
        self.functions = AsyncFunctions(transport)
        self.schedules = AsyncSchedules(transport)
        self.pauses = AsyncPauses(transport)
        self.webhooks = AsyncWebhooks(transport)
        self.keeping = AsyncKeepings(transport)
        self.cancellations = AsyncCancellations(transport)
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.wire.close()

    async def is_ready(self, timeout: float = 2.0) -> bool:
        """Whether the API answers and can serve; asked once."""
        return await self._transport.is_ready(timeout)

    def with_options(self, *, timeout: float | None = None, retries: Retries | None = None) -> AsyncAndon:
        """The same client with another time-out or other retries, for one call or many; shares its connections."""
        return AsyncAndon.__new__(AsyncAndon)._set(self._transport.having(timeout, retries))


class Andon:
    """A client of one API; opens no connection before the first call. Close it, or use it in a `with` statement.

    Every call raises `AndonApiError` or a subclass when the API refuses or doesn't answer within `timeout` seconds.
    What may pass by itself (429, 502, 503, no connection) is tried again first; each POST carries an Idempotency-Key,
    so it is done once. Threads may share a client. `sleep` is what waits between tries.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = SECONDS,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        base = base_of(url)
        wire = BlockingWire(f"{base}{PREFIX}", _headers(key), transport, sleep)
        self._set(Transport(base, wire, timeout=timeout, retries=retries or Retries()))

    def _set(self, transport: Transport) -> Self:
        self._transport = transport
        self.url = transport.url
        self.reports = Reports(AsyncReports(transport))
        self.datasets = Datasets(AsyncDatasets(transport))
        self.subjects = Subjects(AsyncSubjects(transport))
        self.runs = Runs(AsyncRuns(transport))
        self.events = Events(AsyncEvents(transport))
        self.dead_events = DeadEvents(AsyncDeadEvents(transport))
        self.tokens = Tokens(AsyncTokens(transport))
        self.audit = Audit(AsyncAudit(transport))
        self.functions = Functions(AsyncFunctions(transport))
        self.schedules = Schedules(AsyncSchedules(transport))
        self.pauses = Pauses(AsyncPauses(transport))
        self.webhooks = Webhooks(AsyncWebhooks(transport))
        self.keeping = Keepings(AsyncKeepings(transport))
        self.cancellations = Cancellations(AsyncCancellations(transport))
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        run(self._transport.wire.close())

    def is_ready(self, timeout: float = 2.0) -> bool:
        """Whether the API answers and can serve; asked once."""
        return run(self._transport.is_ready(timeout))

    def with_options(self, *, timeout: float | None = None, retries: Retries | None = None) -> Andon:
        """The same client with another time-out or other retries, for one call or many; shares its connections."""
        return Andon.__new__(Andon)._set(self._transport.having(timeout, retries))


def _headers(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}
