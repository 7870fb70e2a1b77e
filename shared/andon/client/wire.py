"""How bytes travel: by httpx's client that waits where it stands, or by the one of an event loop."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol

import httpx

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Wire(Protocol):
    """Requests to one API, and pauses between them. A response that was sent for is open, and read from here alone."""

    def request(self, method: str, path: str, **options: Any) -> httpx.Request: ...

    async def send(self, request: httpx.Request) -> httpx.Response: ...

    async def read(self, response: httpx.Response) -> None: ...

    def chunks(self, response: httpx.Response, size: int) -> AsyncIterator[bytes]: ...

    def lines(self, response: httpx.Response) -> AsyncIterator[str]: ...

    async def drop(self, response: httpx.Response) -> None: ...

    async def pause(self, seconds: float) -> None: ...

    async def close(self) -> None: ...


class BlockingWire:
    """Waits where it stands: its coroutines end without ever handing back, so that they need no event loop."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._sleep = sleep or time.sleep
        self._http = httpx.Client(
            base_url=url, headers=headers, transport=transport, trust_env=_asks_proxies(url), verify=_meets_tls(url)
        )

    def request(self, method: str, path: str, **options: Any) -> httpx.Request:
        return self._http.build_request(method, path, **options)

    async def send(self, request: httpx.Request) -> httpx.Response:
        return self._http.send(request, stream=True)

    async def read(self, response: httpx.Response) -> None:
        response.read()

    async def chunks(self, response: httpx.Response, size: int) -> AsyncIterator[bytes]:
        for chunk in response.iter_bytes(size):
            yield chunk

    async def lines(self, response: httpx.Response) -> AsyncIterator[str]:
        for line in response.iter_lines():
            yield line

    async def drop(self, response: httpx.Response) -> None:
        response.close()

    async def pause(self, seconds: float) -> None:
        self._sleep(seconds)

    async def close(self) -> None:
        self._http.close()


class LoopWire:
    """Hands back to the event loop wherever it waits."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] | None = None,
    ) -> None:
        self._sleep = sleep or asyncio.sleep
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers, transport=transport, trust_env=_asks_proxies(url), verify=_meets_tls(url)
        )

    def request(self, method: str, path: str, **options: Any) -> httpx.Request:
        return self._http.build_request(method, path, **options)

    async def send(self, request: httpx.Request) -> httpx.Response:
        return await self._http.send(request, stream=True)

    async def read(self, response: httpx.Response) -> None:
        await response.aread()

    def chunks(self, response: httpx.Response, size: int) -> AsyncIterator[bytes]:
        return response.aiter_bytes(size)

    def lines(self, response: httpx.Response) -> AsyncIterator[str]:
        return response.aiter_lines()

    async def drop(self, response: httpx.Response) -> None:
        await response.aclose()

    async def pause(self, seconds: float) -> None:
        await self._sleep(seconds)

    async def close(self) -> None:
        await self._http.aclose()


def _asks_proxies(url: str) -> bool:
    """Not for this machine: a proxy would look for us on its own."""
    return httpx.URL(url).host not in LOOPBACK


def _meets_tls(url: str) -> bool:
    """Where nobody shows a certificate, those to verify it by need not be read, which takes longer than a call."""
    return url.lower().startswith("https:") or _asks_proxies(url)
