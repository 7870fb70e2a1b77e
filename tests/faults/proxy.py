"""A TCP proxy between Andon and a store, that breaks the way as networks do: cut, stall, lose replies, half-open."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

T = TypeVar("T")
SO_ATTACH_FILTER = 26
CHUNK = 65536


class Proxy:
    """Listens on a port of its own for as long as its `with` block lasts; `url` leads through it.

    With `tls`, clients speak TLS to it, and the target is spoken to in the clear.
    """

    def __init__(self, url: str, *, tls: ssl.SSLContext | None = None) -> None:
        self._target_url = url
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="proxy")
        self._server: asyncio.Server | None = None
        self._port = 0
        self._links: set[Link] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self.refusing = False
        self.dropping_replies = False
        self._stall_at: bytes | None = None
        self._lose_reply_to: bytes | None = None
        self.stalled = threading.Event()
        self.ended = asyncio.Event()

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._do(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """The target's URL with this proxy in its place."""
        parts = urlsplit(self._target_url)
        user, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{self._port}"))

    @property
    def connections(self) -> int:
        """How many connections are open through it."""
        return len(self._links)

    def cut(self) -> None:
        """Close every connection and take no new one."""
        self.refusing = True
        self._call(self._end_all)

    def restore(self) -> None:
        """Work as a proxy should, for new connections; those that were broken are closed."""
        self.refusing = self.dropping_replies = False
        self._stall_at = None
        self.stalled.clear()
        self._call(self._end_all)

    def retarget(self, url: str) -> None:
        """Lead to another server from now on, as after a failover; old connections are closed."""
        self._target_url = url
        self._call(self._end_all)

    def stall(self) -> None:
        """Pass nothing on, with every connection open; new ones are taken and stalled too."""
        self.stalled.set()

    def stall_at(self, request: bytes) -> None:
        """Stall as soon as a request holds these bytes; that request is not passed on. `stalled` tells when."""
        self._stall_at = request

    def drop_replies(self) -> None:
        """Pass requests on, and no reply."""
        self.dropping_replies = True

    def lose_reply_to(self, request: bytes) -> None:
        """Pass the next request that holds these bytes on, and cut its connection instead of giving the reply."""
        self._lose_reply_to = request

    def half_open(self) -> None:
        """Make the other end of every connection vanish: no byte, no ACK, no FIN comes back. New ones work."""
        self._call(self._vanish_all)

    # --- in the loop's thread -------------------------------------------------------------------------------------

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self.refusing = True
        for listening in self._server.sockets:
            self._loop.remove_reader(listening)
        for _ in range(3):
            await asyncio.sleep(0)  # what was taken just before is refused in the loop's next turns,
        self._server.close()  # while the server is open: a closed one can't make, or close, its transport
        self.ended.set()
        self._end_all()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            await asyncio.wait(left, timeout=1)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0.05)  # aborted transports close their sockets in the loop's next turns

    def _end_all(self) -> None:
        for link in tuple(self._links):
            link.end()

    def _vanish_all(self) -> None:
        for link in self._links:
            link.vanish()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Whatever becomes of the serving, cancelled before its first step as it may be, the connection is closed."""
        if self.refusing:
            writer.transport.abort()
            return
        serving = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        serving.add_done_callback(lambda _: writer.transport.abort())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(self._target_url)
        try:
            up_reader, up_writer = await asyncio.open_connection(parts.hostname, parts.port)
        except OSError:
            return
        link = Link(self, writer, up_writer)
        self._links.add(link)
        try:
            requests = asyncio.create_task(link.pump(reader, up_writer, self._pass_request))
            replies = asyncio.create_task(link.pump(up_reader, writer, self._pass_reply))
            await asyncio.wait({requests, replies}, return_when=asyncio.FIRST_COMPLETED)
            for task in (requests, replies):
                task.cancel()
            await asyncio.gather(requests, replies, return_exceptions=True)
        finally:
            link.end()
            self._links.discard(link)

    def _pass_request(self, link: Link, data: bytes) -> bool:
        if self._lose_reply_to is not None and self._lose_reply_to in data:
            self._lose_reply_to = None
            link.loses_reply = True
        if self._stall_at is not None and self._stall_at in data:
            self.stalled.set()
        return not self.stalled.is_set()

    def _pass_reply(self, link: Link, data: bytes) -> bool:
        if link.loses_reply:
            link.end()
            return False
        return not (self.dropping_replies or self.stalled.is_set())

    # --- from the test's thread -----------------------------------------------------------------------------------

    def _call(self, fn: Callable[[], T]) -> T:
        async def call() -> T:
            return fn()

        return self._do(call())

    def _do(self, coroutine: object) -> T:  # type: ignore[type-var]
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)  # type: ignore[arg-type]


class Link:
    """One client's connection and its counterpart at the server."""

    def __init__(self, proxy: Proxy, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._vanished = False
        self.loses_reply = False

    async def pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, passes: Callable[[Link, bytes], bool]
    ) -> None:
        """Move bytes one way until either end closes; what `passes` refuses is lost."""
        with suppress(ConnectionError):
            while data := await source.read(CHUNK):
                if passes(self, data) and not self._vanished:
                    sink.write(data)
                    await sink.drain()
        if self._vanished or self._proxy.stalled.is_set():
            await self._proxy.ended.wait()  # nobody is told

    def vanish(self) -> None:
        """Discard every packet of the client in the kernel, before TCP sees it: not even an ACK goes back."""
        self._vanished = True
        code = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF: return 0, keep no byte
        program = struct.pack("HP", 1, ctypes.addressof(code))
        client = self._client.get_extra_info("socket")
        if client.fileno() >= 0:  # it may just have been closed
            client.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)

    def end(self) -> None:
        """Reset both sides."""
        self._client.transport.abort()
        self._server.transport.abort()
