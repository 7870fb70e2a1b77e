"""Tenant A in a process of its own: what it spends on its junk is not what the other tenant waits for.

`python -m tests.hostile.attacker` is told by a line of JSON what to do, and by further lines what the other tenant's
things are called now. When there are no more it ends, and says what it has sent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis import Redis

from tests.hostile.attack import Attack

NICE = 5  # a stranger's machine is another one; but it is to keep its pace
TELL_SECONDS = 0.5


class Attacker:
    """Attacks from `start` to `stop`; then `sent` and `broken` are what `Attack` counted."""

    def __init__(self, others: Callable[[], list[str]], **told: Any) -> None:
        """`told` is what an `Attack` takes, but for its Redis: `redis` is a URL."""
        self._others = others
        self._told = told
        self._ended = threading.Event()
        self.sent: Counter[str] = Counter()
        self.broken: list[str] = []

    def start(self) -> None:
        """Begin."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.attacker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._tell(self._told)
        self._teller = threading.Thread(target=self._go_on_telling)
        self._teller.start()

    def stop(self) -> None:
        """Send nothing more, and let go of every connection."""
        self._ended.set()
        self._teller.join()
        said, _ = self._process.communicate()
        assert self._process.returncode == 0, "the attacker has failed"
        counted = json.loads(said)
        self.sent, self.broken = Counter(counted["sent"]), counted["broken"]

    def _go_on_telling(self) -> None:
        while not self._ended.wait(TELL_SECONDS):
            self._tell(self._others())

    def _tell(self, what: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()


def stand_back() -> None:
    """Leave the processors to those who are attacked: also where the kernel shares them between sessions."""
    os.nice(NICE)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICE))


def main() -> None:
    """Attack until nothing more is told."""
    stand_back()
    told = json.loads(sys.stdin.readline())
    named: list[str] = []
    with Redis.from_url(told.pop("redis")) as redis:
        attack = Attack(redis=redis, others=lambda: named, **told)
        attack.start()
        for line in sys.stdin:
            named[:] = json.loads(line)
        attack.stop()
    print(json.dumps({"sent": attack.sent, "broken": attack.broken}))


if __name__ == "__main__":
    main()
