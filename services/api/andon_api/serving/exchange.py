"""One request and its answer, in a worker thread: gunicorn's parser and answers, over what has arrived."""

import enum
from collections.abc import Callable, Iterator
from typing import IO, Any

from gunicorn.http import wsgi  # type: ignore[import-untyped]
from gunicorn.http.errors import NoMoreData  # type: ignore[import-untyped]
from gunicorn.http.parser import RequestParser  # type: ignore[import-untyped]

from andon_api.serving.arrival import Arrival, NotArrived, Replay
from andon_api.serving.bell import PARK, Bell
from andon_api.serving.callers import CALLER
from andon_api.serving.outbox import Outbox

LEFT = "andon.left"  # in the environ: says whether the client has gone meanwhile
MOST = "andon.most"  # the application leaves here how much of a body it would read
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Next(enum.Enum):
    """What an exchange wants when its thread gives it back."""

    BODY = "the rest of the body"
    ROOM = "room in the outbox"
    RING = "a ring of its bell, or some seconds"
    KEEP = "nothing: the connection goes on"
    CLOSE = "nothing: the connection ends"


class ClientSocket:
    """The client, as gunicorn's answers write to a socket: into the outbox."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def sendall(self, data: bytes, flags: int = 0) -> None:
        """All of the bytes, now or later."""
        self._outbox.put(bytes(data))

    def send(self, data: bytes, flags: int = 0) -> int:
        """As `sendall`; but `100 Continue`, which gunicorn says too early, is said when the body is wanted."""
        if data != CONTINUE:
            self.sendall(data)
        return len(data)

    def sendfile(self, file: IO[bytes], offset: int = 0, count: int = 0) -> int:
        """A file's bytes, now or later."""
        self._outbox.put_file(file.fileno(), offset, count)
        return count

    def gettimeout(self) -> float:
        """It never blocks."""
        return 0.0


class Exchange:
    """`go` it until it wants nothing more; what it wants meanwhile comes from whoever calls it."""

    def __init__(
        self, worker: Any, arrival: Arrival, outbox: Outbox, client: Any, listener: Any, left: Callable[[], bool]
    ) -> None:
        self._worker = worker
        self._arrival = arrival
        self._outbox = outbox
        self._client = client
        self._listener = listener
        self._socket = ClientSocket(outbox)
        self._request: Any = None
        self._response: Any = None
        self._body: Any = None
        self._pieces: Iterator[bytes] | None = None
        self._left = left
        self.parked: tuple[Bell, float] | None = None  # until when nothing more comes of it

    def go(self) -> Next:
        """Handle the request as far as that goes. Raises nothing."""
        try:
            if self._body is None:
                self._begin()
            return self._go_on()
        except NotArrived:
            self._body = self._response = None
            return Next.BODY
        except (NoMoreData, StopIteration) as error:
            self._worker.log.debug("a request ended before its end: %s", error)
        except OSError as error:
            self._worker.log.debug("a client has gone: %s", error)
        except Exception as error:
            self._failed(error)
        self._close_body()
        return Next.CLOSE

    def _begin(self) -> None:
        replay = Replay(self._arrival)
        self._parser = RequestParser(self._worker.cfg, replay, self._client)
        self._replay = replay
        self._request = next(self._parser)
        self._outbox.begin()
        cfg = self._worker.cfg
        self._response, environ = wsgi.create(self._request, self._socket, self._client, self._listener, cfg)
        environ["wsgi.multithread"] = True
        environ[LEFT] = self._left
        environ[CALLER] = self._worker.callers.learn(self._arrival.head)
        environ[PARK] = self._park
        try:
            self._body = self._worker.wsgi(environ, self._response.start_response)
        except NotArrived:
            self._arrival.most = environ.get(MOST)
            raise
        if self._arrival.closes or not self._worker.alive or not self._all_read():
            self._response.force_close()  # the answer says so: else the client's next request would go nowhere

    def _park(self, bell: Bell, seconds: float) -> None:
        self.parked = (bell, seconds)

    def _go_on(self) -> Next:
        response, self.parked = self._response, None
        if self._pieces is None:
            self._pieces = iter(self._body)
            if isinstance(self._body, wsgi.FileWrapper) and response.sendfile(self._body):
                self._pieces = iter(())
        for piece in self._pieces:
            response.write(piece)
            if self._outbox.full:
                return Next.ROOM
            if self.parked:
                return Next.RING
        response.close()
        self._close_body()
        return Next.CLOSE if response.should_close() or not self._all_read() else Next.KEEP

    def _all_read(self) -> bool:
        """Whether the next request can be told from this one: all of this one was there, and was understood."""
        try:
            finished = self._arrival.complete and self._parser.finish_body()
        except Exception:
            return False
        return bool(finished and self._replay.all_read and not self._parser.unreader.take_buffered())

    def _failed(self, error: Exception) -> None:
        if self._response is not None and self._response.headers_sent:
            self._worker.log.exception("Error handling request")  # half an answer is out: it can only be cut off
        else:
            self._worker.handle_error(self._request, self._socket, self._client, error)

    def _close_body(self) -> None:
        close = getattr(self._body, "close", None)
        self._body = None
        if close is not None:
            close()
