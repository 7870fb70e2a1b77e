"""Inspect uploads: a few at once, none of them for long, each in a process of its own that is ended when it must be."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from andon.reports.inspection import TOO_MUCH, UNEXPECTED, Inspection
from andon.settings import Settings
from andon_api.http.problems import FieldErrors, Problem
from andon_api.share import Share

log = structlog.get_logger("andon.api")
AT_ONCE = 2
MEMORY_BYTES = 2 << 30
PATIENCE_SECONDS = 20.0  # for a place
LOOK_SECONDS = 0.1
_STATUS = {"UnsupportedMediaType": 415, "DatasetTooLarge": 413}

Left = Callable[[], bool]


class Inspections:
    """The places of one process. No tenant takes all of them, nor all of the room to wait for one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        waiting = max(2, settings.api_threads // 4)
        shared = settings.requires_keys
        self._changed = threading.Condition()
        self._running = Share(AT_ONCE, AT_ONCE - 1 if shared else AT_ONCE)
        self._waiting = Share(waiting, waiting // 2 if shared else waiting)

    def inspect(self, path: Path, name: str, given: Mapping[str, Any], *, tenant: str, left: Left) -> Mapping[str, Any]:
        """What the file holds, as `DatasetInfo.to_json` says it, and its plan. `given` is what its user says of it.

        Raises a `Problem`.
        """
        with self._place(tenant, left), tempfile.TemporaryDirectory(prefix="andon-inspection-") as scratch:
            asked = Inspection(
                path=str(path),
                name=name,
                given=dict(given),
                scratch=scratch,
                unpacked_limit_bytes=self._settings.unpacked_limit_bytes,
                memory_bytes=MEMORY_BYTES,
                seconds=int(self._settings.inspection_seconds),
            )
            return _read(_run(asked, self._settings.inspection_seconds, left), asked)

    @contextmanager
    def _place(self, tenant: str, left: Left) -> Iterator[None]:
        with self._changed:
            if not self._waiting.take(tenant):
                raise _busy()
            try:
                until = time.monotonic() + PATIENCE_SECONDS
                while not self._running.take(tenant):
                    if left():
                        raise _left()
                    if time.monotonic() >= until:
                        raise _busy()
                    self._changed.wait(LOOK_SECONDS)
            finally:
                self._waiting.give(tenant)
        try:
            yield
        finally:
            with self._changed:
                self._running.give(tenant)
                self._changed.notify_all()


def _run(asked: Inspection, seconds: float, left: Left) -> bytes | None:
    """What the process has said; None when it has died of its limits. It is ended when nobody waits, or in time."""
    process = subprocess.Popen(
        [sys.executable, "-m", "andon.reports.inspection", asked.to_json()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"TMPDIR": asked.scratch, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUTF8": "1"},
        start_new_session=True,
    )
    until = time.monotonic() + seconds
    try:
        while True:
            try:
                said, _ = process.communicate(timeout=LOOK_SECONDS)
                return said if process.returncode == 0 else None
            except subprocess.TimeoutExpired:
                if left():
                    raise _left() from None
                if time.monotonic() >= until:
                    raise Problem(413, f"the file takes over {seconds:g} seconds to be read: split it") from None
    finally:
        process.kill()
        process.communicate()


def _read(said: bytes | None, asked: Inspection) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = {"refused": TOO_MUCH} if said is None else json.loads(said)
    if "found" in answer:
        found: Mapping[str, Any] = answer["found"]
        return found
    kind = answer["refused"]
    if kind == TOO_MUCH:
        raise Problem(413, f"the file takes over {asked.memory_bytes >> 20:,} MiB of memory to be read: split it")
    if kind in _STATUS:
        raise Problem(_STATUS[kind], answer["why"])
    if kind == UNEXPECTED:
        log.error("a dataset could not be inspected", error=answer["why"])
        raise FieldErrors([("/file", "it can't be read; what went wrong has been logged")])
    raise FieldErrors([("/file", answer["why"])])


def _left() -> Problem:
    return Problem(408, "Nobody waits for the answer any more.")


def _busy() -> Problem:
    return Problem(503, "Enough uploads are being read; try again.", headers={"Retry-After": "5"})
