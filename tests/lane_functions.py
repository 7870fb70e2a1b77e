"""Functions that show what a lane is like, what it keeps, and how it dies."""

from __future__ import annotations

import asyncio
import ctypes
import locale
import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import fontTools
import structlog

from andon import AsyncStep, CancelOn, Event, Step, StepError, StepTimeout, function
from tests.functions import ledger

cache: list[str] = []
_kept_open: list[Any] = []
_kept_descriptors: list[int] = []
BORN = os.environ.get("ANDON_TEST_SECRET")


def leave(what: str) -> int:
    """Change something of the process that a later run could feel; returns the process."""
    match what:
        case "environment":
            os.environ["API_TOKEN"] = "of another run"
        case "environment past os.environ":
            ctypes.CDLL(None).setenv(b"API_TOKEN", b"of another run", 1)
        case "directory":
            folder = tempfile.mkdtemp()
            os.chdir(folder)
            os.rmdir(folder)
        case "umask":
            os.umask(0o777)
        case "soft limit":
            resource.setrlimit(resource.RLIMIT_NOFILE, (16, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        case "hard limit":
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        case "alarm":
            signal.alarm(1)
        case "timer":
            signal.setitimer(signal.ITIMER_REAL, 0.5)
        case "handler":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        case "mask":
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGURG])
        case "wake-up descriptor":
            signal.set_wakeup_fd(_unblocked())
        case "time zone":
            os.environ["TZ"] = "Asia/Tokyo"
            time.tzset()
        case "locale":
            locale.setlocale(locale.LC_NUMERIC, "C.UTF-8")
        case "processors":
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        case "user":
            os.setresuid(65534, 65534, 0) if os.geteuid() == 0 else None
        case "niceness":
            os.nice(3)
        case "thread":
            threading.Thread(target=time.sleep, args=[600], daemon=True).start()
        case "program":
            subprocess.Popen(["sleep", "600"])
        case "descriptor":
            os.set_inheritable(os.open("/dev/null", os.O_RDONLY), True)
        case "loggers":
            logging.basicConfig(force=True, format="mine: %(message)s")
            structlog.configure(processors=[structlog.dev.ConsoleRenderer()])
            logging.disable(logging.CRITICAL)
        case "descriptors":
            _kept_descriptors.extend(_all_there_are())
        case "output":
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        case "memory":
            _kept_open.append(bytearray(b"x" * (300 << 20)))
        case "temporary file":
            Path(tempfile.gettempdir(), "left").write_text("of another run")
        case "cache":
            cache.append("warm")
    return os.getpid()


def _unblocked() -> int:
    _, writing = os.pipe()
    os.set_blocking(writing, False)
    return writing


def _all_there_are() -> Iterator[int]:
    with suppress(OSError):
        while True:
            yield os.dup(0)


def look() -> dict[str, Any]:
    """What the process is like."""
    found = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
    print("looked")
    return {
        "pid": os.getpid(),
        "token": "API_TOKEN" in found or os.environ.get("API_TOKEN") is not None,
        "directory": os.getcwd(),
        "umask": os.umask(0o022),
        "limit": resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 16,
        "core": resource.getrlimit(resource.RLIMIT_CORE)[1] != 0,
        "alarm": signal.alarm(0) + signal.setitimer(signal.ITIMER_REAL, 0)[0],
        "handler": signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
        "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "niceness": os.nice(0),
        "threads": threading.active_count(),
        "files": os.listdir(tempfile.gettempdir()),
        "cache": list(cache),
        "loggers": [type(each).__name__ for each in logging.getLogger().handlers],
        "disabled": logging.root.manager.disable,
        "wakes": signal.set_wakeup_fd(-1),
        "zone": time.strftime("%Z", time.localtime(0)),
        "numbers": locale.setlocale(locale.LC_NUMERIC),
        "processors": len(os.sched_getaffinity(0)),
        "user": os.geteuid(),
    }


@function(id="leaver", trigger="lane/leave", retries=0)
def leaver(event: Event, step: Step) -> Any:
    """Leaves something, or looks what was left: two runs of one function and tenant may share a process."""
    if event.data["what"] == "look":
        return step.run("look", look)
    return step.run("leave", leave, event.data["what"])


@function(id="once", trigger="lane/once", retries=0, fresh=True)
def once(event: Event, step: Step) -> int:
    """Never shares a process."""
    return step.run("pid", os.getpid)


@function(id="thrice", trigger="lane/thrice", retries=0, max_runs=3)
def thrice(event: Event, step: Step) -> int:
    """Shares one with two others."""
    return step.run("pid", os.getpid)


def die(how: str) -> None:
    """End the process, by the code's own fault."""
    match how:
        case "segfault":
            ctypes.string_at(0)
        case "exit":
            os._exit(7)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "abort":
            os.abort()
        case "parent":
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(600)
        case "stop parent":
            os.kill(os.getppid(), signal.SIGSTOP)
            os._exit(7)
        case "memory":
            held = []
            while True:
                held.append(bytearray(b"x" * (16 << 20)))
                time.sleep(0.01)
        case "broken talk":
            for name in os.listdir("/proc/self/fd"):
                if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                    os.write(int(name), b"\xff" * 64)
            time.sleep(600)
        case "fork and return":
            os.fork()
        case "children that come back":
            for _ in range(3):
                os.fork()


class OddError(Exception):
    def __str__(self) -> str:
        raise AttributeError("no words")


@function(
    id="mortal",
    trigger="lane/die",
    cancel_on=[CancelOn("lane/spare", match="data.case")],
    retries=1,
    lane_memory=256 << 20,
)
def mortal(event: Event, step: Step) -> str:
    """Dies in a step as often as it is tried, or between its steps; says what the handler saw."""
    if event.data.get("between"):
        step.run("first", ledger().begin, event.data["case"], "first")
        ledger().begin(event.data["case"], "between")
        die(event.data["how"])
    try:
        step.run("die", note_and_die, event.data["case"], event.data["how"])
    except StepError as error:
        return f"{error.code}: {error}"
    return "lived"


@function(id="forking", trigger="lane/fork")
def forking(event: Event, step: Step) -> str:
    """Forks in a step; memory that processes share counts for each, so that a bound of it would be passed."""
    step.run("fork", die, event.data["how"])
    return "lived"


def note_and_die(case: str, how: str) -> None:
    ledger().begin(case, "die")
    die(how)


def endless() -> None:
    while True:
        time.sleep(0.01)


@function(id="timed", trigger="lane/timed", retries=1)
def timed(event: Event, step: Step) -> str:
    """A step that takes too long, and a handler that catches it."""
    try:
        code = ctypes.PyDLL(None).sleep if event.data.get("deaf") else endless_for
        step.run("slow", code, 600, timeout=0.3, grace=0.2)
    except StepTimeout as error:
        return f"{type(error).__name__}: {error}"
    return "in time"


def endless_for(seconds: int) -> None:
    endless()


async def double(number: int) -> int:
    await asyncio.sleep(0.001)
    return number * 2


@function(id="asynchronous", trigger="lane/async", cancel_on=[CancelOn("lane/async.cancelled", match="data.case")])
async def asynchronous(event: Event, step: AsyncStep) -> list[int]:
    """An `async def` whose steps are awaited."""
    first = await step.run("a", double, 4)
    await step.sleep("nap", 0.05)
    if event.data.get("hang"):
        ledger().begin(event.data["case"], "hang")
        await asyncio.sleep(600)
    return [first, await step.run("b", lambda: 3)]


@function(id="talker", trigger="lane/talk", retries=1)
def talker(event: Event, step: Step) -> None:
    """Says things in many ways."""
    print("between steps")
    step.run("talk", talk, event.data.get("lines", 1))


def talk(lines: int) -> None:
    logging.getLogger("talker").warning("a warning with %d", 7, extra={"customer": "c1"})
    structlog.get_logger("structured").info("structured", amount=12)
    print("a print")
    print("no end of line", end="", flush=True)
    print("\n\rprogress 1\rprogress 2")
    os.write(2, b"straight to the descriptor\n")
    subprocess.run(["echo", "from a program"], check=True)
    logging.getLogger(fontTools.__name__).info("chatter of a library")
    for number in range(lines):
        print(f"line {number}")
    if lines == 1:
        raise OddError


@function(id="held-open", trigger="lane/hold", cancel_on=[CancelOn("lane/hold.cancelled", match="data.case")])
def held_open(event: Event, step: Step) -> None:
    """Runs programs until it is stopped: in its group, in a session of their own, and daemons."""
    step.run("hold", hold, event.data["case"])


def hold(case: str) -> None:
    book = ledger()
    for words in (["sleep", "600"], ["setsid", "sleep", "600"], ["sh", "-c", "(setsid sleep 600 &) & exit 0"]):
        subprocess.Popen(words)
    while len(mine := programs()) < 3:
        time.sleep(0.01)
    for pid in mine:
        book.begin(f"{case}.pids", str(pid))
    book.begin(case, "hold")
    time.sleep(600)


def programs() -> list[int]:
    """The `sleep`s that run on behalf of this worker's system, of this run's folder."""
    mark = f"TMPDIR={os.environ['TMPDIR']}".encode()
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if Path(f"/proc/{name}/cmdline").read_bytes().startswith(b"sleep") and mark in Path(
                f"/proc/{name}/environ"
            ).read_bytes().split(b"\0"):
                found.append(int(name))
        except OSError:
            continue
    return found


def megabyte(session: object = None) -> str:
    return "x" * 1_000_000


@function(id="bulky", trigger="lane/bulky", retries=0)
def bulky(event: Event, step: Step) -> list[str]:
    """Keeps a megabyte in each step, in both ways, and says what it heard when that was too much."""
    heard = []
    for number in range(4):
        keep = step.transaction if number % 2 else step.run
        try:
            keep(f"step-{number}", megabyte)
            heard.append("kept")
        except StepError as error:
            heard.append(f"{error.code}: {str(error).split(' and ')[0]}")
        step.sleep(f"nap-{number}", 0.01)
    return heard


async def _deaf() -> None:
    """Takes no notice of being cancelled, for as long as its process lives."""
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(600)


@function(id="goer", trigger="lane/goes-on", grace=0.2)
async def goer(event: Event, step: AsyncStep) -> int:
    """Returns, and leaves something in its loop that goes on."""
    match event.data["what"]:
        case "deaf task":
            _kept_open.append(asyncio.create_task(_deaf()))
            await asyncio.sleep(0)
        case "polite task":
            _kept_open.append(asyncio.create_task(asyncio.sleep(600)))
        case "thread":
            _kept_open.append(asyncio.get_running_loop().run_in_executor(None, time.sleep, 600))
    return os.getpid()
