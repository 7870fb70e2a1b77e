"""What a killed lane has left is ended, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.support.needs import needed

NURSERY = """
import json, os, signal, subprocess, sys, time
from multiprocessing import resource_tracker, shared_memory
from andon_worker.linux import children, expect_orphans
from andon_worker.nursery.reaping import Born, Reaper

expect_orphans()
helper = subprocess.Popen(["sleep", "600"])  # of a module's import
gone = []
reaper = Reaper(lambda pid, status, orphaned: gone.append(pid))
reading, writing = os.pipe()
lane = os.fork()
if lane == 0:
    memory = shared_memory.SharedMemory(create=True, size=1 << 16)
    for _ in range(2):
        if os.fork() == 0:
            os.setsid()
            time.sleep(600)
    while b"tracker" not in open(f"/proc/{resource_tracker._resource_tracker._pid}/cmdline", "rb").read():
        time.sleep(0.001)
    os.write(writing, memory.name.encode())
    time.sleep(600)
name = os.read(reading, 100).decode()
reaper.watch(Born(lane, lane))
os.kill(lane, signal.SIGKILL)
deadline = time.monotonic() + 30
while not gone and time.monotonic() < deadline:
    time.sleep(reaper.reap() or 0.002)
left = [pid for pid in children(os.getpid()) if pid != helper.pid]
print(json.dumps([gone == [lane], os.path.exists("/dev/shm/" + name), left, helper.poll()]))
helper.kill()
"""


TRACED = """
import ctypes, json, os, signal, time
from andon_worker.linux import children, expect_orphans
from andon_worker.nursery.reaping import Born, Reaper

expect_orphans()
gone = []
reaper = Reaper(lambda pid, status, orphaned: gone.append(pid))
reading, writing = os.pipe()
lane = os.fork()
if lane == 0:
    libc, me = ctypes.CDLL(None), os.getpid()
    libc.prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)  # PR_SET_PTRACER_ANY
    if os.fork() == 0:
        libc.ptrace(16, me, None, None)  # PTRACE_ATTACH
        os.waitpid(me, 0x40000000)
        os.write(writing, b"x")
    time.sleep(600)
os.read(reading, 1)
reaper.watch(Born(lane, lane))
os.kill(lane, signal.SIGKILL)
looking = os.pidfd_open(lane)
import select
select.select([looking], [], [], 30)  # it has ended, and only who traces it is told
told = reaper.reap() is None and not gone
reaper.signal(lane, signal.SIGKILL)
deadline = time.monotonic() + 30
while not gone and time.monotonic() < deadline:
    time.sleep(reaper.reap() or 0.002)
print(json.dumps([told, gone == [lane], children(os.getpid())]))
"""

ANOTHERS = """
import json, os, signal, time
from andon_worker.linux import children, expect_orphans
from andon_worker.nursery import reaping
from andon_worker.nursery.reaping import Born, Reaper

reaping.GIVE_UP_SECONDS = 0.05
expect_orphans()
gone = []
reaper = Reaper(lambda pid, status, orphaned: gone.append(pid))
reading, writing = os.pipe()
until, ends = os.pipe()
first = os.fork()
if first == 0:
    os.close(ends)
    if os.fork() == 0:  # as a program that has become root's
        os.write(writing, b"x")
        os.read(until, 1)
        os._exit(0)
    os.setuid(65534)
    time.sleep(600)
os.read(reading, 1)
os.setuid(65534)
reaper.watch(Born(first, first))
while gone != [first]:
    try:
        os.kill(first, signal.SIGKILL)
    except OSError:
        pass
    time.sleep(reaper.reap() or 0.002)
second = os.fork()
if second == 0:
    os._exit(0)
reaper.watch(Born(second, second))
os.waitid(os.P_PID, second, os.WEXITED | os.WNOWAIT)
reaper.reap()
print(json.dumps([gone == [first, second], len(children(os.getpid()))]))
"""


def _said_by(script: str) -> list[object]:
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return list(json.loads(said.stdout))


def test_with_its_processes_goes_its_shared_memory_and_what_a_module_started_stays() -> None:
    assert _said_by(NURSERY) == [True, False, [], None]


def test_what_traces_it_keeps_nobody_from_its_end() -> None:
    assert _said_by(TRACED) == [True, True, []]


def test_what_a_kill_does_not_end_is_waited_for_once() -> None:
    needed(os.geteuid() == 0, "not root: nobody else can leave a process of another user")
    assert _said_by(ANOTHERS) == [True, 1]
