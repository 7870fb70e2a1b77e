"""Bring a lane into being."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from andon.engine.declared.functions import Function
from andon.logs import flush_output
from andon_worker.lane.serve import Ends, live
from andon_worker.linux import end_with_parent
from andon_worker.nursery.importing import reseed
from andon_worker.nursery.reaping import Born

Life = Callable[[Sequence[int], int], None]
"""What a lane does, with its descriptors and its parent."""


def forked(functions: dict[str, Function], generators: Sequence[Any]) -> Life:
    """Of lanes with the modules loaded: they share this process's memory until they change it."""
    return lambda descriptors, parent: _live(functions, generators, descriptors, parent)


def spawned(modules: Sequence[str]) -> Life:
    """Of lanes that import the modules themselves."""
    return lambda descriptors, parent: _become(modules, descriptors, parent)


def bear(life: Life, descriptors: Sequence[int]) -> Born:
    """A lane whose parent is the nursery."""
    parent = os.getpid()
    if (pid := os.fork()) == 0:
        _child(lambda: life(descriptors, parent))
    return Born(pid, pid)


def bear_with_nurse(life: Life, descriptors: Sequence[int]) -> Born:
    """A lane whose parent is a nurse of its own: code that kills its parent ends nobody else."""
    heard, told = os.pipe()
    parent = os.getpid()
    if (nurse := os.fork()) == 0:
        _child(lambda: _nurse(life, descriptors, parent, told))
    os.close(told)
    if not (lane := os.read(heard, 4)):
        os.close(heard)
        raise OSError("its nurse could not bear it")
    return Born(nurse, int.from_bytes(lane, "big"), heard)


def _nurse(life: Life, descriptors: Sequence[int], parent: int, told: int) -> None:
    end_with_parent(parent)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nurse = os.getpid()
    if (lane := os.fork()) == 0:
        os.close(told)
        life(descriptors, nurse)
        return
    for low, high in ((3, told), (told + 1, 1 << 16)):
        os.closerange(low, high)
    os.write(told, lane.to_bytes(4, "big"))
    while os.WIFSTOPPED(status := os.waitpid(lane, os.WUNTRACED)[1]):
        os.kill(nurse, signal.SIGSTOP)  # the nursery sees that, and lets both go on
    os.write(told, status.to_bytes(4, "big"))


def _child(life: Callable[[], None]) -> NoReturn:
    """What a child does must never come back into the nursery's code."""
    code = 1
    try:
        life()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(BaseException):
            flush_output()
        os._exit(code)


def _live(functions: dict[str, Function], generators: Sequence[Any], descriptors: Sequence[int], parent: int) -> None:
    talk, orders, progress, out, err = descriptors
    _redirect(out, err)
    _disconnect(keep={0, 1, 2, talk, orders, progress})
    reseed(generators)
    live(Ends(talk, orders, progress), functions, parent)
    _run_exit_hooks()


def _become(modules: Sequence[str], descriptors: Sequence[int], parent: int) -> None:
    talk, orders, progress, out, err = descriptors
    _redirect(out, err)
    for each in (talk, orders, progress):
        os.set_inheritable(each, True)
    words = [str(each) for each in (talk, orders, progress, parent)]
    os.execv(sys.executable, [sys.executable, "-m", "andon_worker.lane", *words, *modules])


def _redirect(out: int, err: int) -> None:
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)


def _disconnect(keep: set[int]) -> None:
    """Put a closed connection in the place of each that the modules have opened: two processes must not share one.

    Their own use of it fails with a clear error, where a shared one would mix up what two tenants say.
    """
    dead = None
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor in keep:
            continue
        with suppress(OSError):
            kind = os.readlink(f"/proc/self/fd/{name}")
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode) or "eventpoll" in kind:
                dead = _closed() if dead is None else dead
                os.dup2(dead, descriptor, inheritable=False)
    if dead is not None:
        os.close(dead)


def _closed() -> int:
    import socket

    ours, theirs = socket.socketpair()
    theirs.close()
    return ours.detach()


def _run_exit_hooks() -> None:
    """A lane that is let go in peace says goodbye as a program does: coverage and the like are written."""
    import atexit

    atexit._run_exitfuncs()
