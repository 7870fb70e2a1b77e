"""Turn the signals that ask to stop into an exception, once."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """The user or the system asked this process to stop."""


class StopSignals:
    """Within its `with` block the first signal raises `StopRequested` in the main thread; later ones set `hurry`.

    Code that stops things says so with `begin_stop`, and is not interrupted by a first signal that comes then.
    """

    def __init__(self) -> None:
        self.hurry = False
        self._stopping = False
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> StopSignals:
        for number in ASKING:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def begin_stop(self) -> None:
        """From here on a signal only hurries."""
        self._stopping = True

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            self.hurry = True
            return
        self._stopping = True
        raise StopRequested
