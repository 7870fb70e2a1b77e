"""What `andon dev` shows: on a terminal plain lines for a person, elsewhere each as its process has said it."""

from __future__ import annotations

import threading
from typing import IO, TextIO

from andon.embedded.plain import RED, plain

COLOURS = {"andon": 32, "api": 36, "dispatcher": 35, "worker": 33}
WIDTH = 10


class Console:
    """Writes whole lines, from any thread; in colour on a terminal only."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._colour = out.isatty()
        self._lock = threading.Lock()

    def say(self, text: str, name: str = "andon", *, wrong: bool = False, colour: int | None = None) -> None:
        """Show this as said by `name`, each line of it. A reader that has gone is no reason to fail."""
        label = f"{name:<{WIDTH}}"
        if self._colour:
            label = f"\x1b[{COLOURS.get(name, 37)}m{label}\x1b[0m"
            colour = RED if wrong else colour
            text = "\n".join(each if colour is None else f"\x1b[{colour}m{each}\x1b[0m" for each in text.split("\n"))
        lines = "".join(f"{label} | {each}\n" for each in text.split("\n"))
        try:
            with self._lock:
                self._out.write(lines)
                self._out.flush()
        except (BrokenPipeError, ValueError):
            pass

    def relay(self, name: str, stream: IO[bytes]) -> threading.Thread:
        """Show every line of `stream` until it ends, from a thread of its own."""
        thread = threading.Thread(target=self._copy, args=(name, stream), name=f"output-{name}", daemon=True)
        thread.start()
        return thread

    def _copy(self, name: str, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                text = line.decode(errors="replace").rstrip()
                if not self._colour:
                    self.say(text, name)
                elif (shown := plain(text)) is not None:
                    self.say(shown[0], name, colour=shown[1])
