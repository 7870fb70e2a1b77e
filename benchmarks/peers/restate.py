"""Restate: a server with a log of its own, which calls the service; a cancel reaches the handler at its next await.

At its best setting found: 2 to 24 partitions and 8 to 1,000 invocations at once made no difference beyond the noise.
Empty steps run on the event loop, others in threads; the loop looks whether its attempt has ended.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import restate
from hypercorn.asyncio import serve as hypercorn
from hypercorn.config import Config

from benchmarks import record, work
from benchmarks.driver import serve

AT_ONCE = 8
FOLDER = Path(os.environ["BENCH_FOLDER"]) / "restate"
PORT = int(os.environ["PORT"])
jobs = restate.Service("jobs")


def job(body):
    """The handler: what a user would do to see how it ended in their own database."""

    async def run(ctx: restate.Context, job: dict) -> None:
        id, status = ctx.request().id, "completed"
        try:
            await body(ctx, job["slot"], job["steps"], job["seconds"])
        except restate.TerminalError as error:
            if error.status_code != 409:
                raise
            status = "cancelled"
        await asyncio.to_thread(record.end, id, status)

    return run


async def _steps(ctx, slot, steps, seconds):
    async def at_once(number):
        return work.step(slot, number, 0)

    for number in range(steps):
        action = partial(work.step, slot, number, seconds) if seconds else at_once
        await ctx.run_typed(f"step-{number}", action, **({} if seconds else {"number": number}))
    work.marks().done(slot)


async def _loop(ctx, slot, *_):
    ended = ctx.request().attempt_finished_event

    def loop():
        ends = time.monotonic() + work.LOOP_SECONDS
        while time.monotonic() < ends and not ended.is_set():
            work.marks().did(slot)
            time.sleep(0.01)

    await ctx.run_typed("loop", loop)


async def _blocking(ctx, slot, *_):
    await ctx.run_typed("blocking", partial(work.blocking, slot))


for name, body in {"steps": _steps, "loop": _loop, "blocking": _blocking}.items():
    jobs.handler(name)(job(body))


def server():
    """The server's own binary, its log synced to the disk as it is by default."""
    [binary] = Path(sys.prefix).glob("node_modules/@restatedev/restate-server-*/bin/restate-server")
    settings = {
        "RESTATE_DISABLE_TELEMETRY": "true",
        "RESTATE_LISTEN_MODE": "unix",
        "RESTATE_LOG_FILTER": "error",
        "RESTATE_WORKER__INVOKER__CONCURRENT_INVOCATIONS_LIMIT": str(AT_ONCE),  # of each partition, it turns out
    }
    command = [str(binary), "--no-logo", "--node-name", "bench", "--base-dir", str(FOLDER)]
    os.execve(binary, command, os.environ | settings)


async def worker():
    """One service process; a second one shares its port, so that the server reaches whichever lives."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * AT_ONCE))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", PORT))
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    await hypercorn(restate.app([jobs]), config)


class Connection(http.client.HTTPConnection):
    """One kept connection to one of the server's sockets."""

    def __init__(self, name):
        super().__init__("localhost")
        self._path = str(FOLDER / "bench" / f"{name}.sock")

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)

    def call(self, method, path, body=None):
        self.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        answer = self.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{answer.status} {text[:300]!r}")
        return json.loads(text) if text else None


def drive():
    admin, ingress = Connection("admin"), Connection("ingress")
    deadline = time.monotonic() + 60
    while True:
        try:
            admin.call("POST", "/deployments", {"uri": f"http://127.0.0.1:{PORT}"})
            break
        except (OSError, http.client.HTTPException, RuntimeError):
            if time.monotonic() > deadline:
                raise
            admin.close()
            time.sleep(0.1)

    def submit(kind, jobs):
        return [ingress.call("POST", f"/jobs/{kind}/send", each)["invocationId"] for each in jobs]

    def cancel_many(ids):
        admin.call("POST", "/internal/invocations_batch_operations/cancel", {"invocation_ids": ids})

    serve(submit, lambda id: admin.call("PATCH", f"/invocations/{id}/cancel"), cancel_many=cancel_many)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["server"]:
            server()
        case ["worker"]:
            asyncio.run(worker())
        case _:
            drive()
