"""Inspect uploads: a few at once, none of them for long, each in a process of its own that is ended when it must be."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from andon.reports.inspection import TOO_MUCH, UNEXPECTED, Inspection
from andon.settings import Settings
from andon_api.asks.reading_places import LOOK_SECONDS, Left, ReadingPlaces, client_left
from andon_api.http.problems import FieldErrors, Problem

log = structlog.get_logger("andon.api")
AT_ONCE = 2
MEMORY_BYTES = 2 << 30
_STATUS = {"UnsupportedMediaType": 415, "DatasetTooLarge": 413}


class Inspections:
    """The places of one process. No tenant takes all of them, nor all of the room to wait for one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        waiting = max(2, settings.api_threads // 4)
        each = (AT_ONCE - 1, waiting // 2) if settings.requires_keys else (AT_ONCE, waiting)
        self._places = ReadingPlaces(AT_ONCE, each[0], waiting, each[1])

    def inspect(self, path: Path, name: str, given: Mapping[str, Any], *, tenant: str, left: Left) -> Mapping[str, Any]:
        """What the file holds, as `DatasetInfo.to_json` says it, and its plan. `given` is what its user says of it.

        Raises a `Problem`.
        """
        with self._places.place(tenant, left), tempfile.TemporaryDirectory(prefix="andon-inspection-") as scratch:
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
                    raise client_left() from None
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
