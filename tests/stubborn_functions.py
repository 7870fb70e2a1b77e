"""Code that is hard to stop, each kind written with no knowledge of Andon but `step.run`."""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import fcntl
import importlib
import logging
import multiprocessing
import os
import re
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from andon import CancelOn, Event, Step, function
from andon_worker.linux import expect_orphans, parents, trees
from tests.functions import ledger

CASE = "ANDON_TEST_CASE"
PTRACE_TRACEME = 0


def begun(*pids: int) -> None:
    """Note that the code is where it wants to be, and the processes that it has started."""
    for pid in pids:
        ledger().begin(os.environ[CASE] + ".pids", str(pid))
    ledger().begin(os.environ[CASE], "code")


def program(*words: str, **options: Any) -> subprocess.Popen[bytes]:
    """A program that outlives everything that isn't ended."""
    return subprocess.Popen(words or ("sleep", "600"), **options)


def busy_loop() -> None:
    begun()
    while True:
        pass


def sleep() -> None:
    begun()
    time.sleep(600)


def socket_read() -> None:
    ours, _theirs = socket.socketpair()
    begun()
    ours.recv(1)


def file_lock() -> None:
    path = Path(tempfile.gettempdir()) / "locked"
    holder = path.open("w")
    fcntl.flock(holder, fcntl.LOCK_EX)
    begun()
    fcntl.flock(path.open("w"), fcntl.LOCK_EX)


def select_for_ever() -> None:
    begun()
    select.select([], [], [], 600)


def program_run() -> None:
    begun()
    subprocess.run(["sleep", "600"], check=False)


def program_in_a_session_of_its_own() -> None:
    child = program(start_new_session=True)
    begun(child.pid)
    child.wait()


def programs_of_programs() -> None:
    child = program("sh", "-c", "setsid sh -c 'sleep 601 & sleep 602' & sleep 603; wait", stdout=subprocess.DEVNULL)
    begun(child.pid)
    child.wait()


def programs_without_end() -> None:
    started = [program() for _ in range(20)]
    begun(*(each.pid for each in started))
    while True:
        program("sleep", "5")
        time.sleep(0.01)


def duckdb_query() -> None:
    import duckdb

    begun()
    duckdb.execute("SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range + b.range < 7").fetchall()


def numpy_product() -> None:
    import numpy as np

    matrix = np.ones((1500, 1500))
    begun()
    while True:
        matrix = matrix @ matrix
        matrix /= matrix.max()


def compression() -> None:
    data = os.urandom(1 << 20) * 256
    begun()
    while True:
        zlib.compress(data, 9)


def regular_expression() -> None:
    begun()
    re.fullmatch(r"(a+)+b", "a" * 60)


def _work_for_ever(number: int) -> None:
    while True:
        number += 1


def process_pool() -> None:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        result = pool.map_async(_work_for_ever, [1, 2])
        begun(*(child.pid for child in multiprocessing.active_children() if child.pid))
        result.get()


def thread_pool() -> None:
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(time.sleep, 600) for _ in range(4)]
        begun()
        for future in futures:
            future.result()


async def async_sleep() -> None:
    begun()
    await asyncio.sleep(600)


async def async_that_swallows() -> None:
    begun()
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(600)


def first_import() -> None:
    first = True
    while True:
        for name in [name for name in sys.modules if name.partition(".")[0] in {"json", "email", "xml", "matplotlib"}]:
            del sys.modules[name]
        if first:
            begun()
            first = False
        for name in ("xml.dom.minidom", "email.mime.text", "matplotlib.dates"):
            importlib.import_module(name)


def logging_in_a_loop() -> None:
    begun()
    while True:
        logging.getLogger("stubborn").warning("working on it")


def held_lock() -> None:
    lock = threading.Lock()
    lock.acquire()
    begun()
    lock.acquire()


def sqlite_writes() -> None:
    path = Path(tempfile.gettempdir()) / "stubborn.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (n int)")
        begun()
        while True:
            connection.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(1000)])
            connection.commit()


def silent_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        begun()
        urllib.request.urlopen(f"http://127.0.0.1:{server.getsockname()[1]}/").read()


def alarm() -> None:
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    begun()
    while True:
        signal.pause()


def own_handlers() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGURG):
        signal.signal(number, signal.SIG_IGN)
    begun()
    while True:
        time.sleep(1)


def blocked_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    begun()
    while True:
        time.sleep(1)


def swallows_everything() -> None:
    begun()
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:
            continue


def endless_finally() -> None:
    try:
        begun()
        time.sleep(600)
    finally:
        time.sleep(600)


def fork_and_wait() -> None:
    if (pid := os.fork()) == 0:
        time.sleep(600)
        os._exit(0)
    begun(pid)
    os.waitpid(pid, 0)


def daemons() -> None:
    """Two forks and a session: nobody's child any more."""
    for _ in range(2):
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.write(writing, str(os.getpid()).encode())
                while True:
                    time.sleep(600)
            os._exit(0)
        os.wait()
        ledger().begin(os.environ[CASE] + ".pids", os.read(reading, 20).decode())
    begun()
    time.sleep(600)


def own_session() -> None:
    with suppress(PermissionError):
        os.setsid()
    child = program()
    begun(child.pid)
    child.wait()


def prints_megabytes() -> None:
    begun()
    while True:
        print("x" * 100_000)


def waits_for_input() -> None:
    reading, _writing = os.pipe()
    sys.stdin = os.fdopen(reading)
    begun()
    input()


def fifo() -> None:
    path = Path(tempfile.gettempdir()) / "fifo"
    os.mkfifo(path)
    begun()
    path.read_text()


def sleep_in_c() -> None:
    begun()
    ctypes.CDLL(None).sleep(600)


def sleep_in_c_with_the_gil() -> None:
    begun()
    ctypes.PyDLL(None).sleep(600)


def traced_child() -> None:
    if (pid := os.fork()) == 0:
        ctypes.CDLL(None).ptrace(PTRACE_TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    os.waitpid(pid, os.WUNTRACED)
    begun(pid)
    time.sleep(600)


def much_memory() -> None:
    held = [bytearray(b"x" * (64 << 20)) for _ in range(12)]
    begun()
    while held:
        for block in held:
            block[0] ^= 1


def stops_itself() -> None:
    begun()
    while True:
        os.kill(os.getpid(), signal.SIGSTOP)


def stops_all_others() -> None:
    """Of its worker; the supervisor and programs of its neighbours among them."""
    everybody = trees([parents()[os.getppid()]])
    begun()
    for pid in everybody:
        if pid != os.getpid():
            os.kill(pid, signal.SIGSTOP)
    time.sleep(600)


def in_an_exit_hook() -> None:
    import atexit

    atexit.register(time.sleep, 600)
    begun()
    time.sleep(600)


def other_thread_works() -> NoReturn:
    thread = threading.Thread(target=_work_for_ever, args=[0])
    thread.start()
    begun()
    thread.join()
    raise AssertionError


def closes_every_descriptor() -> None:
    begun()
    os.closerange(0, 65536)
    while True:
        time.sleep(1)


def becomes_another_program() -> None:
    begun()
    os.execv("/bin/sh", ["sh", "-c", "trap '' TERM INT URG; while true; do sleep 1; done"])


def forks_without_end() -> None:
    """Each into a session of its own, and each is soon nobody's child."""
    begun()
    while True:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(3)
            os._exit(0)
        with suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        time.sleep(0.002)


def takes_in_orphans() -> None:
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        expect_orphans()
        os.setsid()
        if os.fork() == 0:
            if os.fork() == 0:
                os.setsid()
                os.write(writing, str(os.getpid()).encode())
                time.sleep(600)
            os._exit(0)
        while True:
            time.sleep(600)
    begun(pid, int(os.read(reading, 20)))
    time.sleep(600)


def takes_the_signal() -> None:
    faulthandler.register(signal.SIGURG, chain=False)
    begun()
    while True:
        time.sleep(1)


KINDS: dict[str, Callable[[], Any]] = {
    each.__name__: each
    for each in (
        busy_loop, sleep, socket_read, file_lock, select_for_ever, program_run, program_in_a_session_of_its_own,
        programs_of_programs, programs_without_end, duckdb_query, numpy_product, compression, regular_expression,
        process_pool, thread_pool, async_sleep, async_that_swallows, first_import, logging_in_a_loop, held_lock,
        sqlite_writes, silent_server, alarm, own_handlers, blocked_signals, swallows_everything, endless_finally,
        fork_and_wait, daemons, own_session, prints_megabytes, waits_for_input, fifo, sleep_in_c,
        sleep_in_c_with_the_gil, traced_child, much_memory, stops_itself, stops_all_others, in_an_exit_hook,
        other_thread_works, closes_every_descriptor, becomes_another_program, forks_without_end, takes_in_orphans,
        takes_the_signal,
    )
}  # fmt: skip


@function(
    id="stubborn",
    trigger="stubborn/requested",
    cancel_on=[CancelOn("stubborn/cancelled", match="data.case")],
    retries=0,
    grace=0.3,
)
def stubborn(event: Event, step: Step) -> None:
    """Runs one kind of code: in a step, or in the handler itself."""
    os.environ[CASE] = event.data["case"]
    code = KINDS[event.data["kind"]]
    if event.data.get("in_handler"):
        code()
    else:
        step.run("code", code)


def neighbourly(case: str, rounds: int) -> int:
    """Logs, imports, writes and has a program work, as a neighbour that must feel nothing."""
    subprocess.run(["sleep", "0.02"], check=True)
    for number in range(rounds):
        logging.getLogger("neighbour").info("round %d", number)
        importlib.reload(importlib.import_module("colorsys"))
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("x" * 10_000)
        time.sleep(0.001)
    return rounds


@function(id="neighbour", trigger="neighbour/requested", retries=0)
def neighbour(event: Event, step: Step) -> list[int]:
    """A run of many small steps that goes on while others are stopped."""
    done = []
    for _ in range(event.data["steps"]):
        done.append(step.run("round", neighbourly, event.data["case"], 20))
        ledger().begin(event.data["case"], "round")
    return done
