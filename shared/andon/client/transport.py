"""HTTP as the client needs it: problems become exceptions, what may pass by itself is tried again, POSTs once only."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import IO, Any, TypedDict, TypeVar, Unpack
from urllib.parse import quote, urlsplit

import httpx

from .decode import Resource, decode
from .errors import AndonApiError, Unavailable, Unreachable, error_of
from .wire import Wire

PREFIX = "/api/v1"
END = ("event: end", "data: {}", "")
EVENTS = "text/event-stream"
PASSING = frozenset({429, 502, 503, 504})
LOST = frozenset({502, 504})  # a gateway's: what was asked may have been done
NEVER_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
LONGEST_RETRY_AFTER = 60.0
Shown = TypeVar("Shown", bound=Resource)


class Manner(TypedDict, total=False):
    """How to do what is asked: once under this key, waiting for up to so many seconds, only to this version."""

    idempotency_key: str | None
    prefer_wait: int | None
    if_match: str | None


@dataclass(frozen=True)
class Retries:
    """How often a call is tried, and the pause between: full jitter, doubling from `base` up to `cap` seconds.

    Where the API says `Retry-After`, the pause is at least that.
    """

    attempts: int = 5
    base: float = 0.2
    cap: float = 5.0

    def pause(self, attempt: int, at_least: float = 0.0) -> float:
        """How many seconds to wait before the try after `attempt` (from 1)."""
        most = min(self.cap, self.base * 2 ** (attempt - 1))
        return min(at_least, LONGEST_RETRY_AFTER) + random.uniform(0, most)


class Transport:
    """Calls of one API. Every POST has an Idempotency-Key, so that trying again can't do it twice."""

    def __init__(self, url: str, wire: Wire, *, timeout: float, retries: Retries) -> None:
        self.url = url
        self.wire = wire
        self.timeout = timeout
        self.retries = retries

    def having(self, timeout: float | None, retries: Retries | None) -> Transport:
        """The same connections with other options; None keeps one."""
        timeout = self.timeout if timeout is None else timeout
        return Transport(self.url, self.wire, timeout=timeout, retries=retries or self.retries)

    async def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """What `path` shows; query parameters that are None are left out."""
        return (await self._json("GET", path, params=_given(query or {})))[0]

    async def show(self, kind: type[Shown], path: str) -> Shown:
        """What `path` shows, as a `kind` with its ETag."""
        return decode(kind, *await self._json("GET", path))

    async def post(self, path: str, body: Mapping[str, Any] | list[Any] | None = None, **how: Unpack[Manner]) -> Any:
        """Do what `path` does, once however often it has to be sent; wait up to so many seconds for its effect.

        Fields of `body` that are None are left out.
        """
        headers = {**_once(how.get("idempotency_key")), **_if(how.get("if_match"))}
        prefer_wait = how.get("prefer_wait")
        timeout = self.timeout
        if prefer_wait is not None:
            headers["Prefer"] = f"wait={prefer_wait}"
            timeout += prefer_wait
        if not isinstance(body, list):
            body = {name: value for name, value in (body or {}).items() if value is not None}
        return (await self._json("POST", path, json=body, headers=headers, timeout=timeout))[0]

    async def patch(self, kind: type[Shown], path: str, body: object, *, if_match: str | None = None) -> Shown:
        """Change what `path` is; as a `kind` with its new ETag."""
        return decode(kind, *await self._json("PATCH", path, json=body, headers=_if(if_match)))

    async def delete(self, path: str, *, if_match: str | None = None) -> None:
        """Delete what `path` is."""
        await self._json("DELETE", path, headers=_if(if_match))

    async def upload(self, path: str, name: str, file: IO[bytes], *, timeout: float) -> Any:
        """Send `file` in the form field `file`, read as it is sent, from its beginning.

        One that can't be wound back is sent from where it is, and not tried again.
        """
        again = file.seekable()
        sent = file if again else _Flow(file)
        options = {"files": {"file": (name, sent)}, "headers": _once(None), "timeout": timeout}
        return (await self._json("POST", path, attempts=None if again else 1, **options))[0]

    @asynccontextmanager
    async def stream(self, path: str, size: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """The answer of `path` in chunks of `size`."""
        async with self._exchange("GET", path, stream=True) as response:
            yield self.wire.chunks(response, size)

    @asynccontextmanager
    async def listen(self, path: str, last_id: str, *, quiet: float) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of a stream of Server-Sent Events behind the one with this id; asked for once.

        Only its end where that one was the last. Raises `Unreachable` when it is cut off, or says nothing for `quiet`
        seconds.
        """
        headers = {"Accept": EVENTS, **({"Last-Event-ID": last_id} if last_id else {})}
        timeout = httpx.Timeout(self.timeout, read=quiet)
        try:
            response = await self.wire.send(self.wire.request("GET", path, headers=headers, timeout=timeout))
            try:
                if not response.is_success:
                    await self.wire.read(response)
                    raise error_of(response)
                if not _is_stream(response):
                    raise Unavailable(response.status_code, "No stream", f"{self.url} answered something else")
                yield _end() if response.status_code == 204 else self.wire.lines(response)
            finally:
                await self.wire.drop(response)
        except httpx.TransportError as error:
            raise _unreachable(self.url, error) from None

    async def is_ready(self, timeout: float) -> bool:
        """Whether the API answers and can serve; asked once."""
        try:
            response = await self.wire.send(self.wire.request("GET", f"{self.url}/readyz", timeout=timeout))
            await self.wire.drop(response)
            return response.is_success
        except httpx.HTTPError:
            return False

    async def _json(self, method: str, path: str, **options: Any) -> tuple[Any, str | None]:
        """The answer's JSON, and its ETag."""
        async with self._exchange(method, path, **options) as response:
            if not response.content:
                return None, None
            try:
                return response.json(), response.headers.get("ETag")
            except ValueError:
                what = response.headers.get("Content-Type", "no media type")
                raise AndonApiError(
                    response.status_code,
                    "Not the API",
                    f"{self.url} answered {what} instead of JSON; is the URL right?",
                ) from None

    @asynccontextmanager
    async def _exchange(
        self, method: str, path: str, *, stream: bool = False, attempts: int | None = None, **options: Any
    ) -> AsyncIterator[httpx.Response]:
        """Send until there is an answer that counts; yields it open. Raises `AndonApiError` for one that refuses."""
        most = attempts or self.retries.attempts
        options.setdefault("timeout", self.timeout)
        for attempt in range(1, most + 1):
            last = attempt == most
            try:
                response = await self.wire.send(self.wire.request(method, path, **options))
                if response.is_success and stream:
                    break
                await self.wire.read(response)
                await self.wire.drop(response)
            except httpx.TransportError as error:
                if last or (method == "DELETE" and not isinstance(error, NEVER_ARRIVED)):
                    raise _unreachable(self.url, error) from None
                await self.wire.pause(self.retries.pause(attempt))
                continue
            if response.is_success:
                break
            # A DELETE that may have been done would be refused the second time.
            if last or not _passes(response) or (method == "DELETE" and response.status_code in LOST):
                raise error_of(response)
            await self.wire.pause(self.retries.pause(attempt, _retry_after(response)))
        try:
            yield response
        except httpx.TransportError as error:
            raise _unreachable(self.url, error) from None
        finally:
            await self.wire.drop(response)


class _Flow:
    """A file that is read once: httpx would measure or wind back anything that offers more."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read = file.read


class Group:
    """A group of calls of one API."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport


def base_of(url: str) -> str:
    """The URL below which the API is, as people write it: with `/api/v1` or without. Raises `ValueError`."""
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"expected the API's URL, such as https://andon.example.com, got {url!r}")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix(PREFIX).rstrip('/')}"


def at(*names: object) -> str:
    """The path of what these name, each below the one before."""
    return "".join(f"/{quote(str(each), safe='')}" for each in names)


async def _end() -> AsyncIterator[str]:
    for line in END:
        yield line


def _is_stream(response: httpx.Response) -> bool:
    """Whether the answer is what was asked for: something between may show a page of its own."""
    return response.status_code == 204 or response.headers.get("Content-Type", "").startswith(EVENTS)


def _given(query: Mapping[str, object]) -> dict[str, str | list[str]]:
    return {name: _written(value) for name, value in query.items() if value is not None}


def _written(value: object) -> str | list[str]:
    """As the query has it: several values each in a parameter of its own."""
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return [str(each) for each in value] if isinstance(value, (list, tuple, set, frozenset)) else str(value)


def _once(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key or str(uuid.uuid4())}


def _if(tag: str | None) -> dict[str, str]:
    return {} if tag is None else {"If-Match": tag}


def _passes(response: httpx.Response) -> bool:
    """Whether trying again may help. A 409 that says when is a request of ours that is still being handled."""
    return response.status_code in PASSING or (response.status_code == 409 and "Retry-After" in response.headers)


def _retry_after(response: httpx.Response) -> float:
    """Seconds that the answer asks to wait; 0 when it doesn't, or not in a way that can be read."""
    said = response.headers.get("Retry-After", "")
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - dt.datetime.now(dt.UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _unreachable(url: str, error: Exception) -> Unreachable:
    why = str(error) or type(error).__name__
    return Unreachable(None, f"{url} does not answer", f"{url} does not answer ({why}); is it running?")
