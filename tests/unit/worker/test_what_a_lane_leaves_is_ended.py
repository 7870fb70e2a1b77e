"""What a killed lane has left is ended, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys

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


def test_with_its_processes_goes_its_shared_memory_and_what_a_module_started_stays() -> None:
    said = subprocess.run([sys.executable, "-c", NURSERY], capture_output=True, text=True, check=True)
    assert json.loads(said.stdout) == [True, False, [], None]
