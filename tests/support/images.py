"""Programs whose imports are done: a process that has imported one forks it whenever a test starts it.

A test's processes would spend most of their time on what they import; as many tests as start some do it once. Real
starts, `python -m` from nothing, are those of `andon dev`, of the manifests' commands, and of whatever is given what
an interpreter or a C library reads when it begins.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from andon.embedded.children.tether import end_with_parent

MAINS = {
    "andon.cli": ("andon.cli", "andon.cli.app"),
    "andon_api": ("andon_api.bootstrap",),
    "andon_worker": ("andon_worker.__main__",),
    "andon_worker.dispatcher": ("andon_worker.dispatcher.__main__",),
}
"""Where each program's `main` is, and what else it imports."""
READ_AT_THE_BEGINNING = ("LANG", "LC_", "LD_", "MALLOC_", "OTEL_PYTHON", "PYTHON", "TZ")
PACKAGES = ("andon", "andon_api", "andon_worker")
GIVEN_LATER = ("PYTHONPATH", "PYTHONUNBUFFERED")
MOST_BYTES = 1 << 17  # of what is said at once


@dataclass(frozen=True)
class Result:
    """What a program has ended with and said."""

    code: int
    out: str
    err: str


class Forked:
    """As `subprocess.Popen`, of a process that an image has forked."""

    def __init__(self, image: Image, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._image = image
        self._descriptor = os.pidfd_open(pid)
        self._end = select.poll()  # `select` itself takes no descriptor above 1023
        self._end.register(self._descriptor, select.POLLIN)

    def poll(self) -> int | None:
        """What it has ended with; None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """What it ends with. Raises `TimeoutExpired`."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def terminate(self) -> None:
        """SIGTERM."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._descriptor, signal.SIGTERM)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and self._end.poll(None if timeout is None else timeout * 1000):
            self.returncode = self._image.reap(self.pid)
            os.close(self._descriptor)
        return self.returncode


class Image:
    """A program with its imports done."""

    def __init__(self, program: str) -> None:
        self._asking = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            words = [sys.executable, "-m", "tests.support.images", program, str(theirs.fileno())]
            self._process = subprocess.Popen(words, pass_fds=[theirs.fileno()], process_group=0)

    def start(self, env: Mapping[str, str], *words: str, streams: Sequence[IO[bytes]]) -> Forked:
        """The program with these arguments, in a process group of its own, which ends with this process. Its `streams`
        are stdin, stdout and stderr.
        """
        order = {"env": dict(env), "folder": os.getcwd(), "words": words}
        return Forked(self, self._ask(order, [each.fileno() for each in streams]))

    def reap(self, pid: int) -> int:
        """The exit code of one that has ended."""
        return self._ask({"reap": pid}, [])

    def _ask(self, order: dict[str, Any], descriptors: Sequence[int]) -> int:
        with self._asking:
            socket.send_fds(self._control, [json.dumps(order).encode()], descriptors)
            heard = self._control.recv(64)
        assert heard, "the image has ended"
        return int(heard)


def run(program: str, env: Mapping[str, str], *words: str, input: str = "", timeout: float) -> Result:
    """The program with these arguments, to its end. Raises `TimeoutExpired` after so many seconds."""
    with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
        given.write(input.encode())
        given.seek(0)
        code = image_of(program).start(env, *words, streams=[given, out, err]).wait(timeout)
        for each in (out, err):
            each.seek(0)
        return Result(code, out.read().decode(), err.read().decode())


@cache
def image_of(program: str) -> Image:
    """The image that this process's tests share."""
    return Image(program)


def can_be_forked(program: str, env: Mapping[str, str]) -> bool:
    """Whether it would begin no other way with this environment, nor import another Andon."""
    names = [name for name in {*env, *os.environ} if name.startswith(READ_AT_THE_BEGINNING)]
    folders = [Path(each) for each in env.get("PYTHONPATH", "").split(os.pathsep)]
    return (
        program in MAINS
        and all(env.get(name) == os.environ.get(name) for name in names if name not in GIVEN_LATER)
        and not any((folder / package).exists() for folder in folders for package in PACKAGES)
    )


def serve(control: socket.socket) -> dict[str, Any]:
    """Fork whenever it is asked to. In the child, it returns what that is to be; ends with who asks."""
    parent = os.getpid()
    while True:
        said, descriptors, _, _ = socket.recv_fds(control, MOST_BYTES, 3)
        if not said:
            os._exit(0)
        order: dict[str, Any] = json.loads(said)
        if "reap" in order:
            _, status = os.waitpid(order["reap"], 0)
            control.send(str(os.waitstatus_to_exitcode(status)).encode())
        elif (pid := os.fork()) == 0:
            control.close()
            os.setpgid(0, 0)
            end_with_parent(parent, signal.SIGTERM)
            for number, each in enumerate(descriptors):
                os.dup2(each, number)
                os.close(each)
            return order
        else:
            for each in descriptors:
                os.close(each)
            os.setpgid(pid, pid)
            control.send(str(pid).encode())


def become(order: dict[str, Any]) -> None:
    """Forget what the image was started with."""
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["folder"])
    sys.path[0] = order["folder"]
    sys.path[1:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.argv[1:] = order["words"]
    tempfile.tempdir = None
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # as `spawn` has it
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(write_through="PYTHONUNBUFFERED" in os.environ)  # type: ignore[union-attr]


def main(program: str, control: str) -> None:
    """Import the program, and be it in each child."""
    os.set_inheritable(int(control), False)
    gc.disable()
    first, *_ = [importlib.import_module(each) for each in MAINS[program]]
    gc.freeze()
    order = serve(socket.socket(fileno=int(control)))
    gc.enable()
    become(order)
    first.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
