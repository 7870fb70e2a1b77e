"""The functions' modules in `andon dev`: checked before they are served, and taken over when they are saved."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from andon import unserved
from andon.embedded.children.spawn import spawn
from andon.embedded.console import Console

WAIT_SECONDS, LOOK_SECONDS = 0.2, 2.0
MOST_NAMED = 6
IGNORED = frozenset({"node_modules", "site-packages", "__pycache__", "venv"})


class Modules:
    """`check` imports them in processes that end. Nothing here imports one into this process."""

    def __init__(self, names: Sequence[str], env: Mapping[str, str], console: Console) -> None:
        self.names = names
        self._env = env
        self._home = Path(env["ANDON_HOME"])
        self._console = console
        self.declared: list[dict[str, Any]] = []
        self.unready = False
        """Whether something outside of the modules is missing, which may come by itself."""
        self._told: list[str] = []

    def check(self, outdated: Callable[[], bool]) -> bool:
        """Whether all can be served; says what is wrong with those that can't. False, too, once it is `outdated`."""
        answer = self._ask(outdated)
        if answer is None:
            return False
        self.unready = answer["unready"] is not None
        unserved.keep(self._home, answer["failed"])
        wrong = [*answer["failed"].values(), *filter(None, [answer["unready"]])]
        for why in wrong:
            if why not in self._told:
                self._console.say(why, wrong=True)
        self._told = wrong
        if not wrong:
            self.declared = answer["declared"]
        return not wrong

    def _ask(self, outdated: Callable[[], bool]) -> dict[str, Any] | None:
        command = [sys.executable, "-m", "andon_worker.nursery.checking", *self.names]
        with tempfile.TemporaryFile() as errors:
            process = spawn(command, env=self._env, output=subprocess.PIPE, errors=errors.fileno())
            assert process.stdout is not None
            with process.stdout as out:
                for said in map(json.loads, _lines(out, outdated)):
                    if "slow" not in said:
                        process.wait()
                        return dict(said)
                    self._console.say(f"{said['slow']}; with the next save it begins anew")
            process.kill()
            process.wait()
            if not outdated():
                errors.seek(0)
                last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
                self._console.say(f"the functions can't be checked: {last[0] if last else 'no word of it'}")
        return None

    def described(self) -> str:
        """Which functions there are, in a line."""
        ids = [each["id"] for each in self.declared]
        more = f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
        return f"{len(ids)} function{'s' if len(ids) != 1 else ''}: {', '.join(ids[:MOST_NAMED])}{more}"


class Saves(threading.Thread):
    """Hears of each Python file that is saved below the folders; `take` tells which were since it was last asked."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(daemon=True, name="andon-saves")
        self._folders = folders
        self._lock = threading.Lock()
        self._files: set[str] = set()
        self._ended = threading.Event()

    def run(self) -> None:
        """Go until closed."""
        from watchfiles import watch

        for changes in watch(*self._folders, watch_filter=_matters, stop_event=self._ended, raise_interrupt=False):
            with self._lock:
                self._files.update(path for _, path in changes)

    def waiting(self) -> bool:
        """Whether there is anything to take."""
        return bool(self._files)

    def take(self) -> list[str]:
        """The files that were saved, removed or added, relative to the first folder where they are below it."""
        with self._lock:
            taken, self._files = sorted(self._files), set()
        return [
            str(Path(each).relative_to(self._folders[0])) if _below(each, self._folders[0]) else each for each in taken
        ]

    def close(self) -> None:
        """Hear no more."""
        self._ended.set()


def _lines(out: IO[bytes], outdated: Callable[[], bool]) -> Iterator[bytes]:
    """What a process says, line by line as it comes, until its end or until nobody wants to know any more."""
    begun = b""
    with selectors.DefaultSelector() as selector:
        selector.register(out, selectors.EVENT_READ)
        while not outdated():
            if not selector.select(WAIT_SECONDS):
                continue
            if not (data := os.read(out.fileno(), 65536)):
                break
            *whole, begun = (begun + data).split(b"\n")
            yield from whole


def _matters(_change: object, path: str) -> bool:
    file = Path(path)
    return file.suffix == ".py" and not any(part.startswith(".") or part in IGNORED for part in file.parts[1:])


def _below(path: str, folder: Path) -> bool:
    return Path(path).is_relative_to(folder)


def wait_for_good(modules: Modules, saves: Saves, console: Console, pause: Callable[[float], object]) -> None:
    """Return when all modules can be served; until then, check again after each save, or when what they need may be
    there.
    """
    told = False
    while not modules.check(saves.waiting):
        if not told and not saves.waiting():
            until = (
                "waiting until that is there, or for the next save" if modules.unready else "waiting for the next save"
            )
            console.say(until)
        waited, told = 0.0, modules.unready
        while not saves.take() and not (modules.unready and waited > LOOK_SECONDS):
            pause(WAIT_SECONDS)
            waited += WAIT_SECONDS
