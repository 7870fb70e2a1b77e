"""A program on a pseudo-terminal, as a person has it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.polling import wait_until


class Terminal:
    """What the program shows, and a keyboard."""

    def __init__(self, process: subprocess.Popen[bytes], end: int) -> None:
        self.process = process
        self._end = end
        self._shown = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        """All that was shown, without colours."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self._shown.decode(errors="replace"))

    def shows(self, text: str, seconds: float = 60) -> None:
        """Wait until it shows this."""
        wait_until(lambda: text in self.text, seconds, what=f"{text!r} in {self.text[-2000:]}")

    def type(self, keys: str) -> None:
        """Press these keys."""
        os.write(self._end, keys.encode())

    def interrupt(self) -> int:
        """Press Ctrl-C and wait for its end; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def _read(self) -> None:
        with suppress(OSError):
            while data := os.read(self._end, 65536):
                self._shown += data


@contextmanager
def on_a_terminal(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> Iterator[Terminal]:
    """Run `command` in `folder` for the `with` block; killed at its end if it still runs."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        command, cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    terminal = Terminal(process, ours)
    try:
        yield terminal
    finally:
        process.kill()
        process.wait()
        os.close(ours)
